//! Where a label map ends: at the border of its image, and inside the image where the labels were
//! drawn on a smaller grid than the CT's.

use crate::volume::{Grid, Volume};
use std::fmt;

/// What ends beside a voxel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The image.
    Image,
    /// The labels, inside an image that goes on.
    Labels,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Image => "the image",
            Self::Labels => "the label map",
        })
    }
}

/// What ends beside voxel (i, j, k): it lies in the outermost layer of the image, or in the outermost
/// one of the grid that the labels were drawn on (`None`: the image's own) and its label does not go
/// on beyond.
pub fn end_at(labels: &Volume<u16>, drawn_on: Option<&Grid>, index: [usize; 3]) -> Option<End> {
    let grid = labels.grid();
    if index.iter().zip(grid.size()).any(|(n, of)| *n == 0 || n + 1 == of) {
        return Some(End::Image);
    }
    let drawn_on = drawn_on?;
    let own = labels.get(index)?;
    // A person may have painted on beyond the grid.
    let is_beyond =
        |next: [usize; 3]| labels.get(next) != Some(own) && !drawn_on.holds(grid.centre(next));
    let is_end = beside(index).any(is_beyond) && drawn_on.holds(grid.centre(index));
    is_end.then_some(End::Labels)
}

/// The six voxels beside one that does not lie in the outermost layer.
fn beside(index: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    let step = move |axis: usize, by: isize| {
        let mut next = index;
        next[axis] = next[axis].saturating_add_signed(by);
        next
    };
    (0..3).flat_map(move |axis| [step(axis, -1), step(axis, 1)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Point;

    /// A block of ones up to layer 5 of ten, cut there by the grid it was drawn on, at 2 mm.
    fn block() -> (Volume<u16>, Grid) {
        let grid = Grid::along_axes(Point::new(-4.0, 6.0, 100.0), 2.0, [7, 7, 10]);
        let labels = Volume::from_fn(grid.clone(), |[i, j, k]| {
            u16::from((2..5).contains(&i) && (2..5).contains(&j) && k < 6)
        });
        let drawn_on = grid.part([1, 1, 0], [5, 5, 6]).unwrap();
        (labels, drawn_on)
    }

    #[test]
    fn labels_end_at_the_image_and_at_the_grid_they_were_drawn_on() {
        let (labels, drawn_on) = block();
        let at = |index| end_at(&labels, Some(&drawn_on), index);
        assert_eq!(at([3, 3, 0]), Some(End::Image));
        assert_eq!(at([3, 3, 5]), Some(End::Labels));
        assert_eq!([at([3, 3, 4]), at([2, 2, 3])], [None; 2], "inside, and at a side of its own");
        assert_eq!(end_at(&labels, None, [3, 3, 5]), None, "the image goes on");
    }

    #[test]
    fn what_was_painted_beyond_the_grid_is_no_end() {
        let (mut labels, drawn_on) = block();
        labels.data_mut()[[6, 3, 3]] = 1;
        let at = |index| end_at(&labels, Some(&drawn_on), index);
        assert_eq!([at([3, 3, 5]), at([3, 3, 6])], [None; 2]);
        assert_eq!(at([2, 3, 5]), Some(End::Labels));
    }
}
