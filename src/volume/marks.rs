//! Marks on voxels.

use ndarray::parallel::prelude::*;
use ndarray::{Array3, Axis};

/// Marks what lies within so many voxels of a marked one along i, j and k.
pub fn widen(marks: &mut Array3<bool>, by: [usize; 3]) {
    for (n, by) in by.into_iter().enumerate() {
        let (along, across) = (Axis(2 - n), Axis(usize::from(n == 2)));
        marks.axis_iter_mut(across).into_par_iter().for_each(|mut plane| {
            let along = Axis(if along.0 > across.0 { along.0 - 1 } else { along.0 });
            for mut lane in plane.lanes_mut(along) {
                hand_on(lane.iter_mut(), by);
                hand_on(lane.iter_mut().rev(), by);
            }
        });
    }
}

/// Marks so many behind each that is marked.
fn hand_on<'a>(marks: impl Iterator<Item = &'a mut bool>, by: usize) {
    let mut left = 0;
    for mark in marks {
        left = if *mark { by + 1 } else { left };
        *mark = left > 0;
        left = usize::saturating_sub(left, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_grows_by_so_many_voxels_along_each_axis() {
        let mut marks = Array3::from_elem([9, 8, 7], false);
        marks[[4, 5, 1]] = true;
        marks[[4, 5, 3]] = true;
        widen(&mut marks, [1, 2, 3]);
        let wanted = |[k, j, i]: [usize; 3]| (1..=7).contains(&k) && (3..=7).contains(&j) && i <= 4;
        assert!(marks.indexed_iter().all(|((k, j, i), mark)| *mark == wanted([k, j, i])));
    }
}
