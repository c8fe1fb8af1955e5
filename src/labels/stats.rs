//! Size, place and edge contact of every label of a volume.

use super::ends::end_at;
use crate::space::{Patient, Point};
use crate::volume::{Grid, Volume};
use glam::DVec3;
use ndarray::Axis;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// What is known of one label value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelStats {
    /// How many voxels carry it.
    pub voxels: u64,
    /// Mean of their centres, LPS mm.
    pub centroid: Point<Patient>,
    /// How many of them lie where the image or the label map ends (see [`end_at`]).
    pub at_border: u64,
}

/// A label is cut off when the border of image or label map holds more of it than this share of the
/// face of a cube of its volume. A cut through a body or an arch gives 0.8 and more, the clipped tip of a
/// transverse process up to 0.25 (read off the real label maps that the tests use).
const CUT_OFF_SHARE: f64 = 0.5;

impl LabelStats {
    /// Whether the image or the label map ends inside the structure, so that it must not be measured.
    /// A process whose tip is clipped does not count.
    pub fn is_cut_off(&self) -> bool {
        self.at_border as f64 > CUT_OFF_SHARE * (self.voxels as f64).powf(2.0 / 3.0)
    }
}

#[derive(Clone, Copy, Default)]
struct Sum {
    voxels: u64,
    index: DVec3,
    at_border: u64,
}

/// The smallest box of voxel indices that holds a label, both ends included; `None` where none has it.
pub fn bounds(volume: &Volume<u16>, value: u16) -> Option<([usize; 3], [usize; 3])> {
    type Bounds = Option<([usize; 3], [usize; 3])>;
    let join = |a: Bounds, b: Bounds| match (a, b) {
        (Some((al, au)), Some((bl, bu))) => Some((
            std::array::from_fn(|n| al[n].min(bl[n])),
            std::array::from_fn(|n| au[n].max(bu[n])),
        )),
        (one, other) => one.or(other),
    };
    volume
        .data()
        .axis_iter(Axis(0))
        .into_par_iter()
        .enumerate()
        .map(|(k, slab)| {
            let mut found: Bounds = None;
            for (j, row) in slab.outer_iter().enumerate() {
                // Most rows have none, which a slice tells many times as fast.
                if row.as_slice().is_some_and(|row| !row.contains(&value)) {
                    continue;
                }
                let first = row.iter().position(|&v| v == value);
                let last = row.iter().rposition(|&v| v == value);
                if let (Some(first), Some(last)) = (first, last) {
                    let at = |i: usize| [i, j, k];
                    found = join(found, Some((at(first), at(last))));
                }
            }
            found
        })
        .reduce(|| None, join)
}

/// Statistics of every value but 0, in one parallel pass.
pub fn of(volume: &Volume<u16>) -> BTreeMap<u16, LabelStats> {
    of_drawn_on(volume, None)
}

/// The same of labels that were drawn on another grid than they lie on now, and may end at its
/// border.
pub fn of_drawn_on(volume: &Volume<u16>, drawn_on: Option<&Grid>) -> BTreeMap<u16, LabelStats> {
    let slabs = volume.data().axis_iter(Axis(0)).into_par_iter().enumerate();
    let sums = slabs
        .map(|(k, slab)| {
            let mut sums = BTreeMap::<u16, Sum>::new();
            for ((j, i), value) in slab.indexed_iter().filter(|(_, value)| **value != 0) {
                let sum = sums.entry(*value).or_default();
                sum.voxels += 1;
                sum.index += DVec3::new(i as f64, j as f64, k as f64);
                sum.at_border += u64::from(end_at(volume, drawn_on, [i, j, k]).is_some());
            }
            sums
        })
        .reduce(BTreeMap::new, merged);
    let patient_from_voxel = volume.grid().patient_from_voxel();
    sums.into_iter()
        .map(|(value, sum)| {
            let mean = Point::from_vec(sum.index / sum.voxels as f64);
            let centroid = patient_from_voxel.point(mean);
            (value, LabelStats { voxels: sum.voxels, centroid, at_border: sum.at_border })
        })
        .collect()
}

fn merged(mut a: BTreeMap<u16, Sum>, b: BTreeMap<u16, Sum>) -> BTreeMap<u16, Sum> {
    for (value, sum) in b {
        let slot = a.entry(value).or_default();
        slot.voxels += sum.voxels;
        slot.index += sum.index;
        slot.at_border += sum.at_border;
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Affine;
    use crate::volume::Grid;
    use glam::DAffine3;

    #[test]
    fn centroid_and_border_are_found() {
        let map = Affine::new(DAffine3::from_scale(DVec3::splat(2.0)));
        let grid = Grid::new([5, 5, 5], map).expect("a valid grid");
        let volume = Volume::from_fn(grid, |v| match v {
            [1, 2, 3] | [3, 2, 3] => 7,
            [4, 0, 0] => 9,
            _ => 0,
        });
        let found = of(&volume);
        let seven = LabelStats { voxels: 2, centroid: Point::new(4.0, 4.0, 6.0), at_border: 0 };
        assert_eq!(found.get(&7), Some(&seven));
        assert!(found.get(&9).is_some_and(|s| s.at_border == 1 && s.is_cut_off()));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn what_the_grid_of_the_labels_ends_in_is_cut_off() {
        let grid = Grid::along_axes(Point::ORIGIN, 2.0, [8, 8, 12]);
        let drawn_on = grid.part([0, 0, 0], [8, 8, 6]).expect("a part of it");
        let volume = Volume::from_fn(grid, |v| match v {
            [2..5, 2..5, 3..6] => 7,
            [2..5, 2..5, 1..3] => 9,
            _ => 0,
        });
        assert!(of(&volume).values().all(|s| s.at_border == 0));
        let found = of_drawn_on(&volume, Some(&drawn_on));
        assert!(found.get(&7).is_some_and(|s| s.at_border == 9 && s.is_cut_off()));
        assert!(found.get(&9).is_some_and(|s| s.at_border == 0));
    }
}
