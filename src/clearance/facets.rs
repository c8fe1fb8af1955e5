//! The triangles that are nearest somewhere in a cell of a distance field.
//!
//! In: the triangles that the nodes around a cell see. Out: [`Facets`]. They are looked for when a
//! cell is asked for the first time, and kept: few cells ever are.

use super::triangles::Triangles;
use glam::Vec3;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

type Kept = HashMap<usize, Arc<[u32]>, BuildHasherDefault<Spread>>;

/// The triangles of each cell that was asked for so far.
#[derive(Debug, Default)]
pub(super) struct Facets(RwLock<Kept>);

impl Facets {
    /// What `use_them` makes of the triangles of a cell; `seek` finds them the first time.
    pub fn with<R>(
        &self,
        cell: usize,
        seek: impl FnOnce() -> Vec<u32>,
        use_them: impl FnOnce(&[u32]) -> R,
    ) -> R {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = kept.get(&cell) {
            return use_them(list);
        }
        drop(kept);
        let list: Arc<[u32]> = seek().into();
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let list = Arc::clone(kept.entry(cell).or_insert(list));
        drop(kept);
        use_them(&list)
    }
}

impl Clone for Facets {
    fn clone(&self) -> Self {
        Self(RwLock::new(self.0.read().unwrap_or_else(PoisonError::into_inner).clone()))
    }
}

/// The triangles to which some `seeds` lead from `p`, nearest ones first, that can be nearest to a
/// place within `reach_mm` of it.
pub(super) fn minima(triangles: &Triangles, seeds: &[u32], p: Vec3, reach_mm: f32) -> Vec<u32> {
    /// What walking on from a seed can take off the square of a distance, mm²: seeds are nearest to
    /// nodes no farther away than about a millimetre and a half.
    const WALKED_MM2: f32 = 2.0;
    let start = |seed: u32| triangles.nearest_of(seed, p).distance_squared(p);
    let mut starts: Vec<(f32, u32)> = seeds.iter().map(|seed| (start(*seed), *seed)).collect();
    starts.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut minima: Vec<(f32, u32)> = Vec::with_capacity(16);
    let mut most = f32::INFINITY;
    for (square, seed) in starts {
        if square - WALKED_MM2 > most * most {
            break;
        }
        let (triangle, point) = triangles.settle(p, seed);
        if minima.iter().all(|(_, known)| *known != triangle) {
            let away = point.distance(p);
            most = most.min(away + 2.0 * reach_mm);
            minima.push((away, triangle));
        }
    }
    minima.retain(|(mm, _)| *mm <= most);
    minima.sort_by(|a, b| a.0.total_cmp(&b.0));
    minima.into_iter().map(|(_, triangle)| triangle).collect()
}

/// Adds the triangle nearest to `p` of those that some `seeds` lead to, and those hardly farther
/// away, which may be nearer beside it. The distance to the nearest one, mm.
pub(super) fn add_nearest(
    triangles: &Triangles,
    seeds: &[u32],
    p: Vec3,
    found: &mut Vec<u32>,
) -> f32 {
    /// What walking on from a seed can take off the square of a distance, mm²: seeds are nearest to
    /// places no farther away than half a cell.
    const WALKED_MM2: f32 = 0.6;
    const HARDLY_MM: f32 = 0.12;
    let mut reached: Vec<(f32, u32)> = Vec::with_capacity(seeds.len());
    let mut least = f32::INFINITY;
    for &seed in seeds {
        let start = triangles.nearest_of(seed, p).distance_squared(p);
        if start - WALKED_MM2 < least * least {
            let (triangle, point) = triangles.walk(p, seed, 0.0, f32::INFINITY);
            let away = point.distance(p);
            least = least.min(away);
            reached.push((away, triangle));
        }
    }
    let near = reached.into_iter().filter(|(away, _)| *away <= least + HARDLY_MM);
    near.for_each(|(_, triangle)| keep(found, triangle));
    least
}

/// Adds what is not in a list yet.
pub(super) fn keep(list: &mut Vec<u32>, one: u32) {
    if !list.contains(&one) {
        list.push(one);
    }
}

/// Spreads cell numbers over a table; nothing in them is hostile.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_usize(usize::from(*byte)));
    }
    fn write_usize(&mut self, n: usize) {
        self.0 = (self.0 ^ n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }
}
