//! Vertebrae made whole: marrow that is as dark as soft tissue belongs to the bone around it.

use super::block::Block;
use super::net::OPEN;
use super::split::Column;
use super::tissue::Tissue;
use super::walls::{self, WALLS};
use super::wings;
use crate::work::{Cancelled, Work};
use glam::DVec3;
use rayon::prelude::*;
use std::ops::Range;

/// Gaps that are closed in a body: the basivertebral vein and end plates too thin to be seen.
const BODY_GAP_MM: f64 = 6.0;
/// Gaps that are closed in an arch.
const ARCH_GAP_MM: f64 = 1.5;

/// What lies so far around what is known of a sacrum may be its wings, mm.
const WINGS_MM: f64 = 25.0;

/// Fills each vertebra; a voxel that two claim goes to the lower number, bone stays what it is.
pub(super) fn fill(
    names: &mut Block<u8>,
    ct: &Block<i16>,
    tissue: &Tissue,
    column: &Column,
    work: &Work,
) -> Result<(), Cancelled> {
    let filled: Vec<Vec<u32>> = (1..=column.count())
        .into_par_iter()
        .map(|name| {
            work.step("filling the vertebrae", f32::from(name) / f32::from(column.count()))?;
            Ok(filling(names, ct, tissue, column, name))
        })
        .collect::<Result<_, Cancelled>>()?;
    for (name, voxels) in (1..).zip(filled) {
        for voxel in voxels {
            let slot = &mut names.data[voxel as usize];
            if *slot == OPEN {
                *slot = name;
            }
        }
    }
    Ok(())
}

/// A piece of less than this share of the largest is no part of a vertebra: calcium in the aorta, a
/// loose bit of another bone.
const SMALLEST_SHARE: f64 = 0.08;

/// Takes small pieces that do not hang together with the rest out of each vertebra.
pub(super) fn drop_islands(names: &mut Block<u8>, count: u8) {
    let mut of_name: Vec<Vec<Vec<usize>>> = vec![Vec::new(); usize::from(count) + 1];
    for piece in names.pieces(|name| (1..=count).contains(&name)) {
        of_name[usize::from(names.data[piece[0]])].push(piece);
    }
    for pieces in of_name {
        let largest = pieces.iter().map(Vec::len).max().unwrap_or(0) as f64;
        for piece in pieces.iter().filter(|p| (p.len() as f64) < SMALLEST_SHARE * largest) {
            piece.iter().for_each(|at| names.data[*at] = OPEN);
        }
    }
}

/// The border of bone lies halfway from soft tissue to cortex, in the image as it is: noise taken
/// down blurs a thin shell outwards.
const BORDER_SHARE: f64 = 0.5;

/// Takes off the outermost voxels that lie outside of the edge that this vertebra's own cortex has:
/// bone by the threshold that finds bone, or dark with that cortex right inside of it. Marrow in a
/// gap of the cortex is dark, too, but has none inside. Two layers at most.
pub(super) fn peel(names: &mut Block<u8>, ct: &Block<i16>, tissue: &Tissue, count: u8) {
    let mut rims = vec![Vec::new(); usize::from(count) + 1];
    for voxel in of_vertebrae(names, count, |i| touches(names, i, OPEN)) {
        rims[usize::from(names.data[voxel])].push(voxel);
    }
    let borders: Vec<f64> = rims.iter().map(|rim| border_hu(rim, ct, tissue)).collect();
    let border = |name: u8| borders[usize::from(name)];
    for _ in 0..2 {
        let is_weak = |i: usize| is_weak(names, ct, tissue, i, border(names.data[i]));
        for voxel in of_vertebrae(names, count, is_weak) {
            names.data[voxel] = OPEN;
        }
    }
}

/// The voxels of vertebrae that this holds for, in order.
fn of_vertebrae(names: &Block<u8>, count: u8, is: impl Fn(usize) -> bool + Sync) -> Vec<usize> {
    let is_own = |i: &usize| (1..=count).contains(&names.data[*i]);
    (0..names.data.len()).into_par_iter().filter(|i| is_own(i) && is(*i)).collect()
}

/// Whether a voxel lies outside of the edge of its vertebra, whose cortex has this border, HU. Its
/// own cortex may be fainter than most, but is looked for three steps far: slices are thick.
fn is_weak(names: &Block<u8>, ct: &Block<i16>, tissue: &Tissue, voxel: usize, most: f64) -> bool {
    let (own, hu) = (names.data[voxel], f64::from(ct.data[voxel]));
    if hu >= most || names.neighbours(voxel).all(|other| names.data[other] == own) {
        return false;
    }
    let border = halfway(f64::from(brightest(ct, voxel, 3)), tissue).min(most);
    let is_bone = || hu >= tissue.bone_hu && touches(names, voxel, OPEN);
    let is_dark = || !tissue.is_bone_only && has_cortex_inside(names, ct, voxel, border);
    hu < border && (is_bone() || is_dark())
}

/// Whether a voxel that something else touches has its own vertebra's cortex within two steps
/// inwards from there.
fn has_cortex_inside(names: &Block<u8>, ct: &Block<i16>, voxel: usize, border: f64) -> bool {
    let own = names.data[voxel];
    let inwards =
        names.neighbours(voxel).filter(|o| names.data[*o] != own).map(|o| voxel.wrapping_sub(o));
    inwards
        .flat_map(|step| [voxel.wrapping_add(step), voxel.wrapping_add(step).wrapping_add(step)])
        .any(|at| names.data.get(at) == Some(&own) && f64::from(ct.data[at]) >= border)
}

/// Takes the roughness of noise off the border: an open voxel with most of its neighbours in one
/// vertebra is of it, and one of a vertebra with most of them open is none.
pub(super) fn smooth(names: &mut Block<u8>, count: u8) {
    const MOST: usize = 4;
    let before = names.data.clone();
    let steps = [1, names.size[0], names.size[0] * names.size[1]];
    let is_open = |i: usize| before.get(i).is_none_or(|name| *name == OPEN);
    // With nothing but open voxels around: most of them are.
    let is_amid = |i: usize| steps.iter().all(|n| is_open(i.wrapping_sub(*n)) && is_open(i + n));
    let vote = |i: usize| {
        let own = before[i];
        if own > count || own == OPEN && is_amid(i) {
            return own;
        }
        let mut around = [OPEN; 6];
        let beside = around.iter_mut().zip(names.neighbours(i));
        let seen = beside.map(|(slot, other)| *slot = before[other]).count();
        let around = &around[..seen];
        let same = |name: u8| around.iter().filter(|n| **n == name).count();
        let most = around.iter().copied().max_by_key(|n| same(*n)).unwrap_or(own);
        let may = most <= count && (own == OPEN || most == OPEN);
        if may && same(most) >= MOST { most } else { own }
    };
    let after: Vec<u8> = (0..before.len()).into_par_iter().map(vote).collect();
    names.data = after;
}

/// Whether a voxel touches one of this name.
fn touches(names: &Block<u8>, voxel: usize, name: u8) -> bool {
    names.neighbours(voxel).any(|other| names.data[other] == name)
}

/// Where the edge of a vertebra lies, HU: from what is brightest at each voxel of its rim (those
/// that touch no bone on a side), the middle one of them all.
fn border_hu(rim: &[usize], ct: &Block<i16>, tissue: &Tissue) -> f64 {
    let mut peaks: Vec<i16> = rim.iter().step_by(3).map(|i| brightest(ct, *i, 2)).collect();
    peaks.sort_unstable();
    halfway(peaks.get(peaks.len() / 2).map_or(0.0, |hu| f64::from(*hu)), tissue)
}

/// Halfway from soft tissue to a cortex, but no darker than bone, HU.
fn halfway(cortex: f64, tissue: &Tissue) -> f64 {
    halfway_from_soft(cortex, tissue).max(tissue.bone_hu)
}

/// Halfway from soft tissue to a cortex, however faint, HU.
pub(super) fn halfway_from_soft(cortex: f64, tissue: &Tissue) -> f64 {
    tissue.soft_hu + BORDER_SHARE * (cortex - tissue.soft_hu)
}

/// The brightest voxel within so many steps along the axes.
pub(super) fn brightest(ct: &Block<i16>, voxel: usize, reach: isize) -> i16 {
    let [ni, nj, _] = ct.size;
    let line = |stride: usize| (-reach..=reach).map(move |n| n * stride as isize);
    let near = [1, ni, ni * nj].into_iter().flat_map(line);
    let hu = |d: isize| ct.data.get((voxel as isize + d) as usize).copied().unwrap_or(0);
    near.map(hu).max().unwrap_or(0)
}

/// The open voxels that belong to a vertebra.
fn filling(
    names: &Block<u8>,
    ct: &Block<i16>,
    tissue: &Tissue,
    column: &Column,
    name: u8,
) -> Vec<u32> {
    let Some((low, high)) = bounds(names, name) else { return Vec::new() };
    let is_sacrum = column.sacrum == Some(name);
    let around = if is_sacrum { WINGS_MM } else { BODY_GAP_MM + 2.0 };
    let (low, high) = (low - DVec3::splat(around), high + DVec3::splat(around));
    let (own, ct) = (names.crop(low, high), ct.crop(low, high));
    let stations = column.beside(name);
    // Asked of few voxels only: finding a place along the canal is dear.
    let zone = |i: usize| zone(column, &stations, own.point(i), name);
    let is_deep = |i: usize| own.data[i] == OPEN && is_deep(column, own.point(i), name);
    let mut whole = own.like_bools(|i| own.data[i] == name || is_deep(i));
    let arch = closed_little(&whole, ARCH_GAP_MM);
    let mut in_body = gaps_in_body(&whole, |i| zone(i) == Zone::Body);
    drop_pockets(&mut in_body, &whole, &ct, tissue);
    for i in 0..whole.data.len() {
        if !whole.data[i] && (arch.data[i] || in_body.data[i]) {
            whole.data[i] = match zone(i) {
                Zone::Body => true,
                Zone::Canal => false,
                Zone::Else => arch.data[i],
            };
        }
    }
    fill_holes(&mut whole);
    fill_spots(&mut whole, |i| zone(i) == Zone::Canal, is_sacrum);
    let mut marrow = match is_sacrum {
        true => wings::marrow_and_shell(&whole, &own, &ct, tissue, (column, name)),
        false => walls::closed_in(&whole, WALLS),
    };
    marrow.retain(|i| {
        let p = own.point(*i);
        // A sacrum's canal is left open where its marrow is told.
        let is_off_canal = is_sacrum || is_off_canal(column, &stations, p);
        own.data[*i] == OPEN && is_off_canal && column.between(p) == name
    });
    marrow.into_iter().for_each(|i| whole.data[i] = true);
    fill_holes(&mut whole);
    let is_new = |i: &usize| whole.data[*i] && own.data[*i] == OPEN;
    (0..own.data.len())
        .filter(is_new)
        .filter_map(|i| names.voxel(own.point(i)).map(|at| at as u32))
        .collect()
}

/// What a ball closes of a body that is no bone yet.
fn gaps_in_body(bone: &Block<bool>, is_body: impl Fn(usize) -> bool) -> Block<bool> {
    let mut gaps = bone.map(|_| false);
    let mut body = bone.clone();
    body.data.iter_mut().enumerate().for_each(|(i, slot)| *slot = *slot && is_body(i));
    let Some((low, high)) = bounds(&body, true) else { return gaps };
    let margin = DVec3::splat(BODY_GAP_MM + 2.0);
    let body = closed(&body.crop(low - margin, high + margin), BODY_GAP_MM);
    let voxels = (0..body.data.len()).filter(|i| body.data[*i]);
    let places = voxels.filter_map(|i| gaps.voxel(body.point(i)));
    let places: Vec<usize> = places.filter(|i| !bone.data[*i] && is_body(*i)).collect();
    places.into_iter().for_each(|i| gaps.data[i] = true);
    gaps
}

/// No groove beside a body holds more, mm³: under the root of a process, along the waist.
const POCKET_MM3: f64 = 1500.0;
/// Of a pocket outside of a bone at least this share of what bone it touches is cortex. The plug of a
/// gap in a shell touches marrow, or is one with all the marrow that is as dark.
const POCKET_CORTEX: f64 = 0.85;

/// Takes out of what a ball closed the small pockets outside of the cortex: grooves, no gaps in it.
fn drop_pockets(closed: &mut Block<bool>, bone: &Block<bool>, ct: &Block<i16>, tissue: &Tissue) {
    let is_rim = |i: &usize| bone.data[*i] && bone.neighbours(*i).any(|other| !bone.data[other]);
    let rim: Vec<usize> = (0..bone.data.len()).filter(is_rim).collect();
    let border = border_hu(&rim, ct, tissue);
    let is_bright = |i: usize| ct.data.get(i).is_some_and(|hu| f64::from(*hu) >= border);
    for pocket in closed.pieces(|is| is) {
        if pocket.len() as f64 * closed.step_mm.powi(3) > POCKET_MM3 {
            continue;
        }
        let (mut touched, mut cortex) = (0.0, 0.0);
        for at in &pocket {
            for wall in bone.neighbours(*at).filter(|other| bone.data[*other]) {
                let behind = (2 * wall).wrapping_sub(*at);
                touched += 1.0;
                cortex += f64::from(u8::from(is_bright(wall) || is_bright(behind)));
            }
        }
        if cortex >= POCKET_CORTEX * touched {
            pocket.into_iter().for_each(|at| closed.data[at] = false);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Zone {
    Body,
    Canal,
    Else,
}

fn zone(column: &Column, stations: &Range<usize>, p: DVec3, name: u8) -> Zone {
    let at = column.locus_among(stations.clone(), p);
    let s = &column.stations[at.station];
    let half = s.half_depth_mm();
    if at.ahead.hypot(at.aside) < 5.0 {
        return Zone::Canal;
    }
    let is_body = at.ahead > s.wall_mm
        && at.ahead < s.depth_mm + 8.0
        && at.aside.abs() < half * 1.7
        && column.between(p) == name;
    if is_body { Zone::Body } else { Zone::Else }
}

/// The middle of a body is bone, however dark and however far it slipped: so far from the middle of
/// the column, as a share of half its depth, and so far from the discs' middles, as a share of its
/// height with them.
const DEEP: f64 = 0.55;
const DEEP_HEIGHT: f64 = 0.28;

/// Whether a place is inside the body of a vertebra with a disc above and one below.
fn is_deep(column: &Column, p: DVec3, name: u8) -> bool {
    let n = usize::from(name);
    let (Some(above), Some(below)) = (column.above(name), column.discs.get(n - 1)) else {
        return false;
    };
    let least = DEEP_HEIGHT * above.middle.distance(below.middle);
    let under = (above.middle - p).dot(above.up);
    let over = (p - below.middle).dot(below.up);
    if under < least || over < least {
        return false;
    }
    let at = column.locus_among(column.beside(name), p);
    let s = &column.stations[at.station];
    let ahead = at.ahead - (s.wall_mm + s.depth_mm) / 2.0;
    ahead.hypot(at.aside) < DEEP * s.half_depth_mm()
}

/// Lowest and highest corner of what has a value.
fn bounds<T>(block: &Block<T>, value: T) -> Option<(DVec3, DVec3)>
where
    T: Copy + PartialEq + Send + Sync,
{
    type Corners = [[usize; 3]; 2];
    let [ni, nj, _] = block.size;
    let both = |[low, high]: Corners, [lower, higher]: Corners| -> Corners {
        let lowest = std::array::from_fn(|a| low[a].min(lower[a]));
        [lowest, std::array::from_fn(|a| high[a].max(higher[a]))]
    };
    let of_row = |row: &[T], j: usize, k: usize| -> Option<Corners> {
        let first = row.iter().position(|v| *v == value)?;
        let last = row.iter().rposition(|v| *v == value)?;
        Some([[first, j, k], [last, j, k]])
    };
    let of_slab = |(k, slab): (usize, &[T])| {
        let rows = slab.chunks_exact(ni).enumerate();
        rows.filter_map(|(j, row)| of_row(row, j, k)).reduce(both)
    };
    let slabs = block.data.par_chunks(ni * nj).enumerate();
    let [low, high] = slabs.filter_map(of_slab).reduce_with(both)?;
    Some((block.point(block.index(low)), block.point(block.index(high))))
}

impl Block<u8> {
    fn like_bools(&self, is: impl Fn(usize) -> bool) -> Block<bool> {
        let mut out = Block::like(self, false);
        out.data.iter_mut().enumerate().for_each(|(i, slot)| *slot = is(i));
        out
    }
}

/// Dilation by a ball and erosion by the same: gaps under twice the radius close. Beyond the block
/// there is nothing; the result is larger than the mask by what the ball reaches.
fn closed(mask: &Block<bool>, radius_mm: f64) -> Block<bool> {
    let steps = radius_mm / mask.step_mm;
    let r = steps.powi(2) as f32;
    let grown = distance2(&mask.framed(steps as usize + 1, false)).map(|d| d > r);
    distance2(&grown).map(|d| d > r)
}

/// The same for a radius of a voxel or two, by the ball's own voxels.
fn closed_little(mask: &Block<bool>, radius_mm: f64) -> Block<bool> {
    let steps = (radius_mm / mask.step_mm) as isize;
    let is_near = |d: &[isize; 3]| {
        d.iter().map(|n| (n * n) as f64).sum::<f64>() <= (radius_mm / mask.step_mm).powi(2)
    };
    let side = || -steps..=steps;
    let all = side().flat_map(|k| side().flat_map(move |j| side().map(move |i| [i, j, k])));
    let ball: Vec<[isize; 3]> = all.filter(is_near).collect();
    let size = mask.size.map(|n| n as isize);
    let around = |index: usize| {
        let at = mask.place(index).map(|n| n as isize);
        ball.iter().map(move |d| [at[0] + d[0], at[1] + d[1], at[2] + d[2]]).filter_map(move |p| {
            let inside = (0..3).all(|a| p[a] >= 0 && p[a] < size[a]);
            inside.then(|| mask.index(p.map(|n| n as usize)))
        })
    };
    let mut grown = mask.clone();
    let own = (0..mask.data.len()).filter(|i| mask.data[*i]);
    own.flat_map(&around).for_each(|i| grown.data[i] = true);
    let stays = |i: usize| grown.data[i] && around(i).all(|n| grown.data[n]);
    Block { data: (0..mask.data.len()).map(stays).collect(), ..*mask }
}

/// Squared distance to the nearest voxel that is true, in steps (Felzenszwalb and Huttenlocher
/// 2012); outside of the block nothing is true.
pub(super) fn distance2(mask: &Block<bool>) -> Block<f32> {
    const FAR: f32 = 1e12;
    let mut out = mask.map(|is| if is { 0.0 } else { FAR });
    let [ni, nj, nk] = mask.size;
    for axis in 0..3 {
        let (n, stride) = ([ni, nj, nk][axis], [1, ni, ni * nj][axis]);
        let starts: Vec<usize> = match axis {
            0 => (0..nj * nk).map(|r| r * ni).collect(),
            1 => (0..ni * nk).map(|r| r / ni * ni * nj + r % ni).collect(),
            _ => (0..ni * nj).collect(),
        };
        let (mut line, mut done) = (vec![0.0f32; n], vec![0.0f32; n]);
        let mut hull = (vec![0usize; n], vec![0.0f32; n + 1]);
        for start in starts {
            for t in 0..n {
                line[t] = out.data[start + t * stride];
            }
            parabolas(&line, &mut done, &mut hull);
            for t in 0..n {
                out.data[start + t * stride] = done[t];
            }
        }
    }
    out
}

/// The lower envelope of parabolas of one line.
fn parabolas(f: &[f32], out: &mut [f32], (v, z): &mut (Vec<usize>, Vec<f32>)) {
    let mut k = 0;
    v[0] = 0;
    (z[0], z[1]) = (f32::NEG_INFINITY, f32::INFINITY);
    for q in 1..f.len() {
        let meet =
            |p: usize| ((f[q] + (q * q) as f32) - (f[p] + (p * p) as f32)) / (2.0 * (q - p) as f32);
        let mut s = meet(v[k]);
        while s <= z[k] && k > 0 {
            k -= 1;
            s = meet(v[k]);
        }
        if s > z[k] {
            k += 1;
        }
        v[k] = q;
        z[k] = if k == 0 { f32::NEG_INFINITY } else { s };
        z[k + 1] = f32::INFINITY;
    }
    k = 0;
    for (q, slot) in out.iter_mut().enumerate() {
        while z[k + 1] < q as f32 {
            k += 1;
        }
        let d = q as f32 - v[k] as f32;
        *slot = d * d + f[v[k]];
    }
}

/// Fills what is closed in on all sides.
pub(super) fn fill_holes(mask: &mut Block<bool>) {
    const DARK: u8 = 1;
    const OUTSIDE: u8 = 2;
    let mut kinds = mask.framed(1, false).map(|is| if is { 0 } else { DARK });
    let [ni, nj, _] = kinds.size;
    let steps = [1, ni, ni * nj];
    kinds.data[0] = OUTSIDE;
    // There and back, until nothing more is reached; the frame hangs together all round.
    let mut is_new = true;
    while is_new {
        is_new = false;
        let mut reach = |i: usize, from: [usize; 3]| {
            let is_outside = |n: usize| kinds.data.get(n) == Some(&OUTSIDE);
            if kinds.data[i] == DARK && from.into_iter().any(is_outside) {
                kinds.data[i] = OUTSIDE;
                is_new = true;
            }
        };
        let all = 0..ni * nj * (mask.size[2] + 2);
        all.clone().for_each(|i| reach(i, steps.map(|step| i.wrapping_sub(step))));
        all.rev().for_each(|i| reach(i, steps.map(|step| i + step)));
    }
    for (n, row) in mask.data.chunks_exact_mut(mask.size[0]).enumerate() {
        let from = kinds.index([1, n % mask.size[1] + 1, n / mask.size[1] + 1]);
        row.iter_mut().zip(&kinds.data[from..]).for_each(|(slot, kind)| *slot = *kind != OUTSIDE);
    }
}

/// Fills what bone closes in within the slices of at least two of three directions, but nothing of
/// the canal. The hollow of an end plate or a foramen is closed in within one of them; marrow is
/// in all, or in two where its shell has a gap. The wings of a sacrum are hollow in the old, and have
/// holes from front to back: there what counts is the slice across the body alone.
fn fill_spots(mask: &mut Block<bool>, is_canal: impl Fn(usize) -> bool, is_sacrum: bool) {
    let size = mask.size;
    let strides = [1, size[0], size[0] * size[1]];
    let mut votes = vec![0u8; mask.data.len()];
    for axis in 0..3 {
        let (a, b) = ((axis + 1) % 3, (axis + 2) % 3);
        for slice in 0..size[axis] {
            let at = |u: usize, v: usize| slice * strides[axis] + u * strides[a] + v * strides[b];
            for spot in spots(mask, [size[a], size[b]], at) {
                if !spot.iter().any(|i| is_canal(*i)) {
                    let worth = if is_sacrum && axis == 2 { 2 } else { 1 };
                    spot.iter().for_each(|i| votes[*i] += worth);
                }
            }
        }
    }
    mask.data.iter_mut().zip(votes).for_each(|(slot, votes)| *slot |= votes >= 2);
}

/// Whether a place lies in front of the canal.
fn is_off_canal(column: &Column, stations: &Range<usize>, p: DVec3) -> bool {
    let at = column.locus_among(stations.clone(), p);
    at.ahead > 6.0 || at.aside.abs() > 12.0
}

/// The dark spots of one slice that do not touch its edge.
fn spots(
    mask: &Block<bool>,
    [nu, nv]: [usize; 2],
    at: impl Fn(usize, usize) -> usize,
) -> Vec<Vec<usize>> {
    // What is still dark, with a frame that is.
    let row = nu + 2;
    let mut dark = vec![true; row * (nv + 2)];
    let mut is_empty = true;
    for (u, v) in (0..nv).flat_map(|v| (0..nu).map(move |u| (u, v))) {
        let is_bone = mask.data[at(u, v)];
        dark[(v + 1) * row + u + 1] = !is_bone;
        is_empty &= !is_bone;
    }
    if is_empty {
        return Vec::new();
    }
    let place = |n: usize| at(n % row - 1, n / row - 1);
    let mut found = Vec::new();
    // The frame first, and all that hangs together with it.
    for start in 0..dark.len() {
        if !std::mem::take(&mut dark[start]) {
            continue;
        }
        let (mut spot, mut seen) = (vec![start], 0);
        while let Some(n) = spot.get(seen).copied() {
            seen += 1;
            for other in [n.wrapping_sub(1), n + 1, n.wrapping_sub(row), n + row] {
                if dark.get_mut(other).is_some_and(std::mem::take) {
                    spot.push(other);
                }
            }
        }
        if start > 0 {
            found.push(spot.into_iter().map(place).collect());
        }
    }
    found
}
