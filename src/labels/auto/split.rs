//! The column's bone, voxel by voxel, given to its vertebrae.
//!
//! Bodies are parted by the disc planes. Behind and beside them ribs are cut off and neighbours cut
//! apart where bone is darkest and narrowest ([`super::cut`]), from what bodies, pedicles and
//! laminae are by their place alone; last the sacrum from the hips.

use super::block::{Block, OUTSIDE_HU};
use super::curve::Station;
use super::cut::{self, Role};
use super::disc::Disc;
use super::net::{Cell, Net, OPEN};
use super::tissue::Tissue;
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

/// No sacrum or coccyx reaches further before the middle of its canal, mm: that is the pubis.
const PUBIS_MM: f64 = 60.0;

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
    /// The disc above a vertebra.
    pub(super) fn above(&self, vertebra: u8) -> Option<&Disc> {
        usize::from(vertebra).checked_sub(2).and_then(|above| self.discs.get(above))
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
    let core: Vec<bool> =
        net.voxels.par_iter().map(|v| is_core(column, ct.point(*v as usize))).collect();
    for name in [RIB, BEFORE] {
        sever(&mut net, name, &core, work)?;
    }
    part(&mut net, column, work)?;
    leave_hips(&mut net, column.count(), work)?;
    let mut out = Block::like(bone, OPEN);
    for (voxel, name) in net.voxels.iter().zip(net.fixed) {
        out.data[*voxel as usize] = name;
    }
    Ok(out)
}

/// Cuts what is no vertebra off the vertebrae.
fn sever(net: &mut Net, name: u8, core: &[bool], work: &Work) -> Result<(), Cancelled> {
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

/// Cuts the last vertebra from the hips: what is still open is of one or the other.
fn leave_hips(net: &mut Net, last: u8, work: &Work) -> Result<(), Cancelled> {
    let role = |cell: usize| match net.fixed[cell] {
        ILIUM => Role::Far,
        OPEN if net.near[cell] + 1 >= last => Role::Open,
        name if name == last => Role::Near,
        _ => Role::Out,
    };
    for cell in cut::near_side(net, role, work)? {
        net.fixed[cell as usize] = last;
    }
    net.spread(ILIUM, OPEN);
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
    let here = column.between(p);
    let is_sacrum = column.sacrum.is_some_and(|n| here >= n);
    if let Some(other) = other_bone(ct, s, &at, is_sacrum, voxel) {
        return (other, here);
    }
    if at.ahead > s.wall_mm + 1.0
        && at.ahead < s.depth_mm + 4.0
        && at.aside.abs() < s.half_depth_mm() * 1.05
    {
        return (here, here);
    }
    // By height along the canal, since the disc planes were fitted in front of it.
    let stations = (1..=column.count()).find(|n| at.station < column.span(*n)[1]);
    let level = stations.unwrap_or(column.count());
    let name = match column.sacrum {
        Some(sacrum) if level >= sacrum => of_sacrum(column, &at, level),
        _ => of_arch(column, &at, level),
    };
    (name, level)
}

/// What is no vertebra by its place alone.
fn other_bone(
    ct: &Block<i16>,
    s: &Station,
    at: &Locus,
    is_sacrum: bool,
    voxel: usize,
) -> Option<u8> {
    let aside = at.aside.abs();
    if is_sacrum {
        // The blades of the hips stand behind the wings and reach round their ends.
        let limit = match at.ahead {
            ..-25.0 => 32.0,
            ..-10.0 => 48.0,
            ..0.0 => 55.0,
            _ => SACRUM_MM,
        };
        return (aside > limit || at.ahead > PUBIS_MM).then_some(ILIUM);
    }
    let is_at_edge = || aside > AT_EDGE_MM && touches_edge(ct, voxel);
    if aside > PROCESSES_MM || is_at_edge() {
        return Some(RIB);
    }
    (at.ahead > s.depth_mm + BEFORE_MM).then_some(BEFORE)
}

/// The vertebra that a place behind the bodies belongs to beyond doubt, or [`OPEN`]. Joints reach
/// far over their neighbours in worn spines: only what no joint comes to is named.
fn of_arch(column: &Column, at: &Locus, level: u8) -> u8 {
    let half = column.stations[at.station].half_depth_mm();
    let (aside, radius) = (at.aside.abs(), at.ahead.hypot(at.aside));
    let [top, bottom] = column.span(level);
    // 0 at the disc above, 1 at the one below.
    let down = (at.station - top) as f64 / (bottom - top).max(1) as f64;
    let is_pedicle = (at.ahead > -2.0 && radius < 14.0)
        || ((-2.0..10.0).contains(&at.ahead) && aside < half * 1.15);
    let is_root = (-5.0..0.0).contains(&at.ahead) && aside < half * 1.3;
    let is_lamina = at.ahead < 0.0 && radius < 13.0 && aside < 8.0;
    let is_joint = at.ahead < -9.0 && radius < 20.0 && aside < 14.0;
    let is_own = (is_pedicle && (0.2..=0.5).contains(&down))
        || (is_root && (0.4..0.7).contains(&down))
        || (is_lamina && (0.5..=0.8).contains(&down))
        || (is_joint && (0.85..=0.95).contains(&down));
    match is_own {
        true => level,
        false if down < 0.15 && hangs(at) => (level - 1).max(1),
        false => OPEN,
    }
}

/// At the height of a disc and the end plate under it, what lies well behind the canal and not
/// beside it are the lower joints of the vertebra above, with their lamina.
fn hangs(at: &Locus) -> bool {
    (-22.0..-14.0).contains(&at.ahead) && at.aside.abs() < 12.0
}

/// The same beside the sacrum, whose wings and joints begin at once under the last disc, mm: read
/// off one scan and five phantoms, the roots of the joints beside it off three scans and a phantom.
/// Before the canal the joint with the hip lies 48 mm aside and more from 10 to 30 mm under the disc
/// (two scans): a wing of dark marrow in a thin shell would be cut through sooner than that joint. So
/// would be the bars between the foramina of S2 to S4: beside them the hip begins 42 mm aside from 40 mm
/// under the disc on, and 46 mm from 60 mm on (the same two).
fn of_sacrum(column: &Column, at: &Locus, level: u8) -> u8 {
    let from_disc = at.station - column.span(level)[0];
    let aside = at.aside.abs();
    let is_own = match from_disc {
        60.. if (-5.0..20.0).contains(&at.ahead) => aside < 38.0,
        40.. if (0.0..30.0).contains(&at.ahead) => aside < 34.0,
        10..30 if at.ahead > 10.0 => aside < 44.0,
        20.. if at.ahead > -30.0 => aside < 26.0,
        9.. if at.ahead > 8.0 => aside < 36.0,
        4.. if at.ahead > 0.0 => aside < 28.0,
        2.. if at.ahead > -6.0 => (26.0..32.0).contains(&aside),
        _ => false,
    };
    match is_own {
        true => level,
        false if from_disc < 4 && hangs(at) => level - 1,
        false => OPEN,
    }
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
