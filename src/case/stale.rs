//! What of a spine hangs on labels that were changed.
//!
//! In: the labels before and after, of one grid. Out: which labels lost or won voxels and which
//! others have their surface ending there; and of a vertebra that nobody touched what is [`Due`].

use crate::labels::{LabelMap, LabelledVertebra, Level};
use crate::surface;
use crate::volume::Volume;
use crate::volume::marks::widen;
use ndarray::{ArrayView2, Axis, Zip};
use rayon::prelude::*;
use std::array::from_fn;
use std::collections::BTreeSet;

/// What of a vertebra is older than the labels, where its own were not touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// What is measured on it: the middles of its neighbours, which tell the way up, moved.
    Measures,
    /// Its surface, which ends where other bones begin, and all that is made of it.
    Surface,
}

/// How two label maps of one grid differ.
pub(super) struct Changes {
    /// The labels that lost or won voxels.
    pub touched: BTreeSet<u16>,
    /// Other labels whose surfaces look at voxels that are another bone's now, or no longer.
    reached: BTreeSet<u16>,
}

impl Changes {
    pub fn between(before: &LabelMap, after: &LabelMap, has_ct: bool) -> Self {
        let differing = Differing::between(&before.volume, &after.volume);
        let mut reached = if has_ct { differing.reached(before, after) } else { BTreeSet::new() };
        reached.retain(|value| !differing.values.contains(value));
        Self { touched: differing.values, reached }
    }
    /// Whether the surface of a label hangs on what changed.
    pub fn is_of(&self, value: u16) -> bool {
        self.touched.contains(&value) || self.reached.contains(&value)
    }
    /// What is due of the vertebra at this place among the labelled ones, where it was not touched.
    pub fn due_of(&self, labels: &LabelMap, place: usize) -> Option<Due> {
        let own = labels.vertebrae.get(place)?.value;
        if self.reached.contains(&own) {
            return Some(Due::Surface);
        }
        told_the_way_up(labels, &self.touched).contains(&own).then_some(Due::Measures)
    }
}

/// The labels of the vertebrae next to these ones along the spine.
pub fn next_to(labels: &LabelMap, values: &BTreeSet<u16>) -> BTreeSet<u16> {
    let told = neighbours(labels).filter(|[by, _]| values.contains(&by.value));
    told.map(|[_, of]| of.value).collect()
}

/// Those whose measures hang on these ones, which tell the way up along the spine; the sacrum tells none.
fn told_the_way_up(labels: &LabelMap, values: &BTreeSet<u16>) -> BTreeSet<u16> {
    let tells = |by: &LabelledVertebra| by.level != Level::S1 && values.contains(&by.value);
    let told = neighbours(labels).filter(|[by, _]| tells(by));
    told.map(|[_, of]| of.value).collect()
}

/// Each vertebra with the one above it and with the one below.
fn neighbours(labels: &LabelMap) -> impl Iterator<Item = [&LabelledVertebra; 2]> {
    labels.vertebrae.windows(2).flat_map(|pair| [[&pair[0], &pair[1]], [&pair[1], &pair[0]]])
}

/// The labels of which two maps differ in a voxel, and the box of all such voxels.
struct Differing {
    values: BTreeSet<u16>,
    low: [usize; 3],
    high: [usize; 3],
}

impl Differing {
    const NONE: Self = Self { values: BTreeSet::new(), low: [usize::MAX; 3], high: [0; 3] };

    fn between(a: &Volume<u16>, b: &Volume<u16>) -> Self {
        let slabs = a.data().axis_iter(Axis(0)).into_par_iter();
        let slabs = slabs.zip(b.data().axis_iter(Axis(0)).into_par_iter()).enumerate();
        let of_slab = |(k, (a, b)): (usize, (_, _))| Self::of_slab(k, a, b);
        slabs.map(of_slab).reduce(|| Self::NONE, Self::joined)
    }
    fn of_slab(k: usize, a: ArrayView2<'_, u16>, b: ArrayView2<'_, u16>) -> Self {
        let mut found = Self::NONE;
        // Nearly all are the same, which slices tell many times as fast.
        if a.as_slice().is_some_and(|a| Some(a) == b.as_slice()) {
            return found;
        }
        let rows = a.outer_iter().zip(b.outer_iter()).enumerate();
        for (j, (a, b)) in rows.filter(|(_, (a, b))| a != b) {
            for (i, (a, b)) in a.iter().zip(b).enumerate().filter(|(_, (a, b))| a != b) {
                found.values.extend([*a, *b]);
                found.include([i, j, k]);
            }
        }
        found
    }
    fn include(&mut self, voxel: [usize; 3]) {
        self.low = from_fn(|n| self.low[n].min(voxel[n]));
        self.high = from_fn(|n| self.high[n].max(voxel[n]));
    }
    fn joined(mut self, mut other: Self) -> Self {
        if !other.values.is_empty() {
            self.values.append(&mut other.values);
            self.include(other.low);
            self.include(other.high);
        }
        self
    }
    /// The labels within reach of voxels that became a vertebra's, or are no longer one's.
    fn reached(&self, before: &LabelMap, after: &LabelMap) -> BTreeSet<u16> {
        let grid = after.volume.grid();
        let reach = surface::reach_voxels(grid);
        let first = from_fn(|n| self.low[n].saturating_sub(reach[n]));
        let end: [usize; 3] = from_fn(|n| (self.high[n] + reach[n] + 1).min(grid.size()[n]));
        let size = from_fn(|n| end[n].saturating_sub(first[n]));
        let parts = [before, after].map(|labels| labels.volume.part(first, size));
        let [Some(before), Some(now)] = parts else { return BTreeSet::new() };
        let is_bone = |value: u16| after.vertebrae.iter().any(|v| v.value == value);
        let mut marks = Zip::from(before.data())
            .and(now.data())
            .map_collect(|before, now| before != now && is_bone(*before) != is_bone(*now));
        widen(&mut marks, reach);
        let near = marks.iter().zip(now.data()).filter(|(is_near, _)| **is_near);
        near.map(|(_, value)| *value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::VertebraId;
    use crate::space::Point;
    use crate::volume::Grid;

    #[test]
    fn l5_is_next_to_the_sacrum_but_not_told_the_way_up_by_it() {
        let vertebra = |(level, value): (&str, u16)| LabelledVertebra {
            id: VertebraId::of_label("a test", value),
            level: level.parse().expect("a level"),
            value,
            is_cut_off: false,
        };
        let vertebrae = [("L4", 4), ("L5", 5), ("S1", 6)].map(vertebra).to_vec();
        let grid = Grid::along_axes(Point::ORIGIN, 1.0, [1, 1, 1]);
        let labels = LabelMap { volume: Volume::from_fn(grid, |_| 0), vertebrae };
        let told = |value| told_the_way_up(&labels, &[value].into());
        assert_eq!([4, 5, 6].map(told), [[5].into(), [4, 6].into(), BTreeSet::new()]);
        assert_eq!(next_to(&labels, &[6].into()), [5].into());
    }
}
