//! The column's bone, voxel by voxel, given to its vertebrae.
//!
//! Bodies are parted by the disc planes. Behind and beside them ribs are cut off and neighbours cut
//! apart where bone is darkest and narrowest ([`super::cut`]), from what bodies, pedicles and
//! laminae are by their place alone; sacrum and hips, whose joints are as wide as the bones, are
//! parted by a random walk ([`super::walk`]).

use super::block::{Block, OUTSIDE_HU};
use super::curve::Station;
use super::cut::{self, Role};
use super::disc::Disc;
use super::tissue::Tissue;
use super::walk::{self, Cell, Net, OPEN};
use crate::work::{Cancelled, Work};
use glam::DVec3;
use rayon::prelude::*;
use std::ops::Range;

/// Names of what is no vertebra.
pub(super) const RIB: u8 = 250;
/// The hip bones.
pub(super) const ILIUM: u8 = 251;
/// What lies before the column: vessels full of contrast, calcium in their walls, sternum.
pub(super) const BEFORE: u8 = 252;

/// No transverse process reaches further from the midline, mm.
const PROCESSES_MM: f64 = 55.0;
/// Nor does a wing of the sacrum: it is up to 125 mm wide.
const SACRUM_MM: f64 = 62.0;

/// Where the image ends closer, what leaves it this far from the midline is a rib, mm: cut at its
/// thinnest, a transverse process that is none loses no more than its tip.
const AT_EDGE_MM: f64 = 28.0;

/// Nothing of a vertebra lies this far before the front of its neighbours, mm: neither a slipped
/// body nor a spur.
const BEFORE_MM: f64 = 10.0;

/// Where a voxel lies, seen from the canal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Locus {
    pub(super) station: usize,
    pub(super) ahead: f64,
    pub(super) aside: f64,
}

/// The column as it was found: vertebra `n` (from 1) lies above disc `n - 1` and below `n - 2`.
pub(super) struct Column<'a> {
    pub(super) stations: &'a [Station],
    pub(super) discs: &'a [Disc],
    /// The vertebra that is the sacrum.
    pub(super) sacrum: Option<u8>,
}

impl Column<'_> {
    pub(super) fn count(&self) -> u8 {
        self.discs.len() as u8 + 1
    }
    /// The vertebra between whose discs a point lies.
    pub(super) fn between(&self, p: DVec3) -> u8 {
        let below = |d: &&Disc| (p - d.middle).dot(d.up) < 0.0;
        1 + self.discs.iter().filter(below).count() as u8
    }
    /// Stations from the disc above a vertebra to the one below it.
    pub(super) fn span(&self, vertebra: u8) -> [usize; 2] {
        let n = usize::from(vertebra);
        let top = if n >= 2 { self.discs[n - 2].at_canal } else { 0 };
        let last = self.stations.len() - 1;
        [top, self.discs.get(n - 1).map_or(last, |d| d.at_canal)]
    }
    /// The place of a point, by the nearest station.
    pub(super) fn locus(&self, p: DVec3) -> Locus {
        self.locus_among(0..self.stations.len(), p)
    }
    /// The stations that any part of a vertebra lies beside.
    pub(super) fn beside(&self, vertebra: u8) -> Range<usize> {
        const BEYOND: usize = 45;
        let [top, bottom] = self.span(vertebra);
        top.saturating_sub(BEYOND)..(bottom + BEYOND).min(self.stations.len())
    }
    /// The place of a point, by the nearest of these stations.
    pub(super) fn locus_among(&self, among: Range<usize>, p: DVec3) -> Locus {
        const COARSE: usize = 6;
        let far = |i: usize| self.stations[i].middle.distance_squared(p);
        let nearest = |among: &mut dyn Iterator<Item = usize>| {
            let nearer = |best: (f64, usize), i: usize| {
                let far = far(i);
                if far < best.0 { (far, i) } else { best }
            };
            among.fold((f64::INFINITY, 0), nearer).1
        };
        let near = nearest(&mut among.clone().step_by(COARSE));
        let fine = near.saturating_sub(COARSE).max(among.start)..(near + COARSE + 1).min(among.end);
        let station = nearest(&mut fine.into_iter());
        let s = &self.stations[station];
        let d = p - s.middle;
        Locus { station, ahead: d.dot(s.front), aside: d.dot(s.left) }
    }
}

/// Every voxel of bone with its vertebra's number, [`RIB`], [`ILIUM`], [`BEFORE`] or [`OPEN`].
pub(super) fn split(
    ct: &Block<i16>,
    bone: &Block<bool>,
    tissue: &Tissue,
    column: &Column,
    work: &Work,
) -> Result<Block<u8>, Cancelled> {
    work.step("taking the vertebrae apart", 0.0)?;
    let peaks = ct.peaks(PEAK);
    let mut net = Net::new(bone, |i| {
        let (fixed, near) = seed(ct, column, i);
        Cell { fixed, near, flow: conductance(ct.data[i], peaks.data[i], tissue) }
    });
    // The crest of the hip bone reaches up beside L4: what hangs together with the hip is hip.
    net.spread(ILIUM, RIB);
    for name in [RIB, BEFORE] {
        sever(&mut net, name, ct, column, work)?;
    }
    part(&mut net, column, work)?;
    // What is left is of the last vertebra or of the hips.
    let (last, names) = (column.count(), [column.count(), ILIUM]);
    let named =
        walk::name_bone(&net, &names, |name, near| name == ILIUM || near + 1 >= last, work)?;
    let mut out = Block::like(bone, OPEN);
    for (voxel, name) in net.voxels.iter().zip(named) {
        out.data[*voxel as usize] = name;
    }
    Ok(out)
}

/// Cuts what is no vertebra off the vertebrae.
fn sever(
    net: &mut Net,
    name: u8,
    ct: &Block<i16>,
    column: &Column,
    work: &Work,
) -> Result<(), Cancelled> {
    let core: Vec<bool> =
        net.voxels.par_iter().map(|v| is_core(column, ct.point(*v as usize))).collect();
    let role = |cell: usize| match net.fixed[cell] {
        fixed if fixed == name => Role::Near,
        fixed if fixed >= RIB => Role::Out,
        _ if core[cell] => Role::Far,
        _ => Role::Open,
    };
    for cell in cut::near_side(net, role, work)? {
        net.fixed[cell as usize] = name;
    }
    Ok(())
}

/// Cuts each vertebra from the next: at every disc what lies above it from what lies below.
fn part(net: &mut Net, column: &Column, work: &Work) -> Result<(), Cancelled> {
    let above: Vec<Vec<u32>> = (1..column.count())
        .into_par_iter()
        .map(|upper| {
            let role = |cell: usize| {
                let (fixed, near) = (net.fixed[cell], net.near[cell]);
                let is_beside = (upper - 1..=upper + 2).contains(&near);
                match fixed {
                    _ if !is_beside => Role::Out,
                    OPEN => Role::Open,
                    ILIUM => Role::Far,
                    RIB.. => Role::Out,
                    _ if fixed <= upper => Role::Near,
                    _ => Role::Far,
                }
            };
            cut::near_side(net, role, work)
        })
        .collect::<Result<_, Cancelled>>()?;
    for (upper, cells) in (1..).zip(above) {
        for cell in cells {
            let slot = &mut net.fixed[cell as usize];
            if *slot == OPEN {
                *slot = upper;
            }
        }
    }
    Ok(())
}

/// Dense bone is at least so much brighter than the dimmest bone, HU.
const LEAST_DENSE_HU: f64 = 200.0;
/// How far the densest bone is looked for round each voxel, steps: the wall of a joint beside its
/// gap, not the next bone.
const PEAK: usize = 2;

/// How well a voxel conducts: the densest bone near by a hundred times better than the edge of bone.
/// What counts is how dark it is against that, since thin shells and blurred joints are alike in HU.
fn conductance(hu: i16, peak: i16, tissue: &Tissue) -> f32 {
    let dense = (f64::from(peak) - tissue.bone_hu).max(LEAST_DENSE_HU);
    let share = ((f64::from(hu) - tissue.bone_hu) / dense).clamp(0.0, 1.0);
    (0.01 + share * share) as f32
}

/// The name that a voxel of bone has by its place alone, and the height it lies at.
fn seed(ct: &Block<i16>, column: &Column, voxel: usize) -> (u8, u8) {
    let p = ct.point(voxel);
    let at = column.locus(p);
    let s = &column.stations[at.station];
    let half = s.half_depth_mm();
    let here = column.between(p);
    let is_sacrum = column.sacrum.is_some_and(|n| here >= n);
    let radius = at.ahead.hypot(at.aside);
    let beyond = if is_sacrum { SACRUM_MM } else { PROCESSES_MM };
    let is_at_edge = || !is_sacrum && at.aside.abs() > AT_EDGE_MM && touches_edge(ct, voxel);
    if at.aside.abs() > beyond || is_at_edge() {
        return (if is_sacrum { ILIUM } else { RIB }, here);
    }
    if !is_sacrum && at.ahead > s.depth_mm + BEFORE_MM {
        return (BEFORE, here);
    }
    let is_body =
        at.ahead > s.wall_mm + 1.0 && at.ahead < s.depth_mm + 4.0 && at.aside.abs() < half * 1.05;
    if is_body {
        return (here, here);
    }
    // By height along the canal, since the disc planes were fitted in front of it.
    let stations = (1..=column.count()).find(|n| at.station < column.span(*n)[1]);
    let level = stations.unwrap_or(column.count());
    let [top, bottom] = column.span(level);
    let (from_top, to_bottom) = (at.station - top, bottom.saturating_sub(at.station));
    let is_pedicle = at.ahead > -2.0 && radius < 14.0;
    let is_lamina = at.ahead < 0.0 && radius < 13.0 && at.aside.abs() < 8.0;
    // Above it the arch leaves the pedicles, in front of any joint.
    let is_root = at.ahead < 0.0 && radius < 17.0 && at.aside.abs() < 14.0;
    // Behind it the lower joints hang from the arch; the next one's upper joints lie before them.
    let is_joint = at.ahead < -9.0 && radius < 20.0 && at.aside.abs() < 14.0;
    let tall = (bottom - top).max(1);
    if is_joint && from_top * 10 >= tall * 7 && to_bottom * 20 >= tall {
        return (level, level);
    }
    if is_pedicle && from_top * 10 >= tall * 2 && from_top * 10 <= tall * 5 {
        return (level, level);
    }
    if is_root && from_top * 10 >= tall * 4 && from_top * 10 < tall * 7 {
        return (level, level);
    }
    if is_lamina && from_top * 10 >= tall * 5 && to_bottom * 10 >= tall * 2 {
        return (level, level);
    }
    (OPEN, level)
}

/// Whether the image ends at a voxel.
fn touches_edge(ct: &Block<i16>, voxel: usize) -> bool {
    let beside = ct.neighbours(voxel);
    let seen = beside.filter(|other| ct.data[*other] > OUTSIDE_HU).count();
    seen < 6
}

/// Whether a place is vertebra beyond doubt: the middle of a body, the root of a pedicle, a lamina.
/// No rib comes so near.
fn is_core(column: &Column, p: DVec3) -> bool {
    let at = column.locus(p);
    let s = &column.stations[at.station];
    let in_body = at.ahead > s.wall_mm && at.ahead < s.depth_mm;
    let is_body = in_body && at.aside.abs() < s.half_depth_mm() * 0.7;
    let is_arch = at.ahead < s.wall_mm && at.aside.abs() < 12.0 && at.ahead.hypot(at.aside) < 14.0;
    is_body || is_arch
}
