//! The spinal canal: a tube of soft tissue with bone around it, followed from slice to slice.
//!
//! In each slice every soft voxel asks how much of its surroundings bone closes off; the path
//! through the slices that collects most wins. Between pedicles the canal stands open, but a path
//! that gives up there collects less than one that goes on. The shaft of a long bone is closed all
//! along and yet no canal: nothing of the skeleton lies around it. Around the marrow of a hip bone
//! there is, but that stands at the body's side.

use super::block::Block;
use super::tissue::Tissue;
use crate::work::{Cancelled, Work};
use glam::DVec3;
use rayon::prelude::*;

/// The canal's middle from top to bottom, one point per slice of the coarse image.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) points: Vec<DVec3>,
    /// How closed it is, mean over the path, 0 to 1.
    pub(super) closed: f64,
    /// How much a path that is a canal all along would have collected, and this one did, mm.
    pub(super) score_mm: f64,
}

impl Path {
    /// Long enough to hold two vertebrae, and more closed than open.
    pub(super) fn is_a_spine(&self) -> bool {
        let ends = self.points.first().zip(self.points.last());
        let length = ends.map_or(0.0, |(a, b)| a.distance(*b));
        length >= 40.0 && self.closed >= 0.55 && self.score_mm >= 25.0
    }
}

const COARSE: usize = 2;
const RAYS: usize = 16;
/// A canal's wall is no further from its middle: 16 mm at the widest sacral and lumbar canals.
const REACH_MM: f64 = 16.0;
/// A wall nearer than this on more than two sides: the marrow of a flat bone.
const NARROW_STEPS: usize = 1;
const SOFT: u8 = 1;
const BONE: u8 = 2;

/// The best path, or `None` where nothing in the image is closed by bone.
pub(super) fn find(
    ct: &Block<i16>,
    tissue: &Tissue,
    work: &Work,
) -> Result<Option<Path>, Cancelled> {
    work.step("looking for the spinal canal", 0.0)?;
    let kinds = coarse(ct, tissue);
    let around = bone_around(&kinds);
    work.step("looking for the spinal canal", 0.2)?;
    let mut score = enclosure(&kinds, &around, work)?;
    prefer_the_middle(&mut score, &kinds);
    work.step("looking for the spinal canal", 0.7)?;
    Ok(follow(&kinds, &score))
}

/// Soft, bone or neither, at twice the step: bone where two of eight voxels are, so that thin
/// laminae stay.
fn coarse(ct: &Block<i16>, tissue: &Tissue) -> Block<u8> {
    let size = ct.size.map(|n| (n / COARSE).max(1));
    let step_mm = ct.step_mm * COARSE as f64;
    let first = ct.first + DVec3::splat((step_mm - ct.step_mm) / 2.0);
    let mut kinds = Block { size, first, step_mm, data: vec![0u8; size.iter().product()] };
    let [ni, nj, _] = size;
    kinds.data.par_chunks_mut(ni * nj).enumerate().for_each(|(k, slab)| {
        for (n, slot) in slab.iter_mut().enumerate() {
            let (i, j) = (n % ni, n / ni);
            let (mut bone, mut soft) = (0, 0);
            for c in 0..8 {
                let at = [i * 2 + (c & 1), j * 2 + (c >> 1 & 1), k * 2 + (c >> 2)];
                let at: [usize; 3] = std::array::from_fn(|a| at[a].min(ct.size[a] - 1));
                let hu = f64::from(ct.data[ct.index(at)]);
                bone += u8::from(hu >= tissue.bone_hu);
                soft += u8::from(hu >= tissue.soft_hu - 200.0);
            }
            *slot = if bone >= 2 {
                BONE
            } else if soft >= 5 {
                SOFT
            } else {
                0
            };
        }
    });
    kinds
}

/// How much of a skeleton lies round each voxel, 0 to 1: bone beyond the canal's own wall, on the
/// left as on the right. A spine has both, a femur the first not, an ilium the second not.
fn bone_around(kinds: &Block<u8>) -> Block<f32> {
    let bone = kinds.map(|kind| if kind == BONE { 1.0f32 } else { 0.0 });
    let reach = |mm: f64| (mm / kinds.step_mm).round() as usize;
    let beside = box_sum(&bone, [reach(12.0), reach(40.0), reach(20.0)]);
    let count = ((2 * reach(12.0) + 1) * (2 * reach(40.0) + 1) * (2 * reach(20.0) + 1)) as f32;
    let (ni, aside) = (kinds.size[0], reach(28.0));
    let value = |index: usize| {
        let i = index % ni;
        let right = if i >= aside { beside.data[index - aside] } else { 0.0 };
        let left = if i + aside < ni { beside.data[index + aside] } else { 0.0 };
        ((left.min(right) / count - 0.006) / 0.02).clamp(0.0, 1.0)
    };
    let data = (0..kinds.data.len()).into_par_iter().map(value).collect();
    Block { data, size: kinds.size, first: kinds.first, step_mm: kinds.step_mm }
}

/// Sums over boxes of so many voxels to each side; what lies outside counts nothing.
fn box_sum(block: &Block<f32>, reach: [usize; 3]) -> Block<f32> {
    let mut out = block.clone();
    let [ni, nj, nk] = block.size;
    for (axis, reach) in reach.into_iter().enumerate() {
        let (n, stride) = ([ni, nj, nk][axis], [1, ni, ni * nj][axis]);
        let starts: Vec<usize> = match axis {
            0 => (0..nj * nk).map(|r| r * ni).collect(),
            1 => (0..ni * nk).map(|r| r / ni * ni * nj + r % ni).collect(),
            _ => (0..ni * nj).collect(),
        };
        let mut line = vec![0.0f32; n];
        for start in starts {
            let mut sum = 0.0;
            for t in 0..reach.min(n) {
                sum += out.data[start + t * stride];
            }
            for (t, slot) in line.iter_mut().enumerate() {
                if t + reach < n {
                    sum += out.data[start + (t + reach) * stride];
                }
                if t > reach {
                    sum -= out.data[start + (t - reach - 1) * stride];
                }
                *slot = sum;
            }
            for (t, value) in line.iter().enumerate() {
                out.data[start + t * stride] = *value;
            }
        }
    }
    out
}

/// How closed each soft voxel is in its slice, -0.5 (open) to 0.5 (all round).
fn enclosure(kinds: &Block<u8>, around: &Block<f32>, work: &Work) -> Result<Block<f32>, Cancelled> {
    let [ni, nj, nk] = kinds.size;
    let steps = (REACH_MM / kinds.step_mm).round() as usize;
    let rays: Vec<Vec<(isize, isize)>> = (0..RAYS)
        .map(|r| {
            let (y, x) = (r as f64 / RAYS as f64 * std::f64::consts::TAU).sin_cos();
            let at = |n: usize, d: f64| (n as f64 * d).round() as isize;
            (1..=steps).map(|n| (at(n, x), at(n, y))).collect()
        })
        .collect();
    let mut score = Block::like(kinds, f32::NEG_INFINITY);
    score.data.par_chunks_mut(ni * nj).enumerate().try_for_each(|(k, slab)| {
        work.step("looking for the spinal canal", 0.2 + 0.5 * k as f32 / nk as f32)?;
        let kinds = &kinds.data[k * ni * nj..][..ni * nj];
        let around = &around.data[k * ni * nj..][..ni * nj];
        for (n, slot) in slab.iter_mut().enumerate() {
            if kinds[n] != SOFT {
                continue;
            }
            let (i, j) = ((n % ni) as isize, (n / ni) as isize);
            let hit = |ray: &Vec<(isize, isize)>| {
                ray.iter()
                    .map(|(dx, dy)| (i + dx, j + dy))
                    .take_while(|(x, y)| {
                        (0..ni as isize).contains(x) && (0..nj as isize).contains(y)
                    })
                    .position(|(x, y)| kinds[y as usize * ni + x as usize] == BONE)
            };
            let spine = around[n];
            *slot = -0.5;
            if spine <= 0.0 {
                continue;
            }
            let hits: Vec<usize> = rays.iter().filter_map(hit).collect();
            if hits.iter().filter(|steps| **steps < NARROW_STEPS).count() > 2 {
                continue;
            }
            let closed = hits.len() as f32 / RAYS as f32;
            *slot = closed * spine - 0.5;
        }
        Ok(())
    })?;
    Ok(score)
}

/// Lets what is closed at a side of the body count for less, but not for nothing: a scan of one side has
/// its canal there.
fn prefer_the_middle(score: &mut Block<f32>, kinds: &Block<u8>) {
    /// So far from the middle of the body a canal counts in full, and from where on for the least, mm. In
    /// five scans and the phantoms it lies 16 mm aside at most; the marrow of the hip bone that was followed
    /// in its place 65 mm and more.
    const ASIDE_MM: [f64; 2] = [45.0, 70.0];
    const LEAST: f32 = 0.5;
    let ([ni, nj, _], step_mm) = (kinds.size, kinds.step_mm);
    let slices = score.data.par_chunks_mut(ni * nj).zip(kinds.data.par_chunks(ni * nj));
    slices.for_each(|(score, kinds)| {
        let body = (0..kinds.len()).filter(|n| kinds[*n] != 0).map(|n| n % ni);
        let (sum, count) = body.fold((0, 0), |(sum, count), i| (sum + i, count + 1));
        let middle = sum as f64 / f64::from(count.max(1));
        let share = |i: usize| {
            let aside_mm = (i as f64 - middle).abs() * step_mm;
            let far = (aside_mm - ASIDE_MM[0]) / (ASIDE_MM[1] - ASIDE_MM[0]);
            1.0 - (1.0 - LEAST) * far.clamp(0.0, 1.0) as f32
        };
        let shares: Vec<f32> = (0..ni).map(share).collect();
        let closed = score.iter_mut().enumerate().filter(|(_, score)| **score > 0.0);
        closed.for_each(|(n, score)| *score *= shares[n % ni]);
    });
}

/// The path of steps between neighbouring slices that collects most.
fn follow(kinds: &Block<u8>, score: &Block<f32>) -> Option<Path> {
    /// How far a path may step aside from one slice to the next: up to 60 degrees.
    const ASIDE: isize = 3;
    /// Price of a step aside and of a step to front or back, of which the sacrum needs more.
    const BENDING: [f32; 2] = [0.3, 0.04];
    /// A path through bone goes through an end plate, not along a canal.
    const THROUGH_BONE: f32 = -1.5;
    let [ni, nj, nk] = kinds.size;
    let slab = ni * nj;
    let mut moves = Vec::new();
    for dy in -ASIDE..=ASIDE {
        for dx in -ASIDE..=ASIDE {
            let cost = BENDING[0] * (dx * dx) as f32 + BENDING[1] * (dy * dy) as f32;
            if dx * dx + dy * dy <= ASIDE * ASIDE && dx.abs() < 2 {
                moves.push((dx, dy, cost));
            }
        }
    }
    moves.sort_by(|a, b| a.2.total_cmp(&b.2));
    let own = |index: usize| match kinds.data[index] {
        BONE => THROUGH_BONE,
        SOFT => score.data[index],
        _ => -1.0,
    };
    let mut best = vec![0.0f32; slab];
    let mut from = vec![i32::MIN; slab * nk];
    let (mut top, mut top_score) = (None, 0.0);
    for k in 0..nk {
        let below = best.clone();
        let froms = &mut from[k * slab..][..slab];
        best.par_iter_mut().zip(froms).enumerate().for_each(|(n, (slot, from))| {
            let (i, j) = ((n % ni) as isize, (n / ni) as isize);
            let (mut value, mut origin) = (0.0, i32::MIN);
            for (dx, dy, cost) in moves.iter().filter(|_| k > 0) {
                let (x, y) = (i + dx, j + dy);
                if x < 0 || y < 0 || x >= ni as isize || y >= nj as isize {
                    continue;
                }
                let at = y as usize * ni + x as usize;
                if below[at] - cost > value {
                    (value, origin) = (below[at] - cost, at as i32);
                }
            }
            *slot = (value + own(k * slab + n)).max(0.0);
            *from = origin;
        });
        for (n, value) in best.iter().enumerate() {
            if *value > top_score {
                (top, top_score) = (Some(k * slab + n), *value);
            }
        }
    }
    let mut at = top?;
    let mut points = Vec::new();
    let mut closed = 0.0;
    loop {
        points.push(kinds.point(at));
        closed += f64::from(score.data[at].max(-0.5) + 0.5);
        let (k, origin) = (at / slab, from[at]);
        if k == 0 || origin < 0 {
            break;
        }
        at = (k - 1) * slab + origin as usize;
    }
    let closed = closed / points.len() as f64;
    Some(Path { closed, score_mm: f64::from(top_score) * 2.0 * kinds.step_mm, points })
}
