//! What of a spine hangs on labels that were changed.
//!
//! In: the labels before and after, of one grid. Out: which labels lost or won voxels and which
//! others have their surface ending there; and of a vertebra that nobody touched what is [`Due`].

use crate::labels::{LabelMap, Level};
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
        beside(labels, &self.touched).contains(&own).then_some(Due::Measures)
    }
}

/// The labels of the vertebrae next to these ones, whose measures hang on the way up along the spine; the
/// sacrum tells none.
pub fn beside(labels: &LabelMap, values: &BTreeSet<u16>) -> BTreeSet<u16> {
    let tells = |n: usize| {
        let [upper, lower] = [&labels.vertebrae[n], &labels.vertebrae[n + 1]];
        let pairs = [[upper, lower], [lower, upper]].into_iter();
        let told = pairs.filter(|[by, _]| by.level != Level::S1 && values.contains(&by.value));
        told.map(|[_, of]| of.value)
    };
    (1..labels.vertebrae.len()).flat_map(|n| tells(n - 1)).collect()
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
