//! The highest places of a screw's surface, searched between its samples.
//!
//! In: the highest sample of each part of the surface. Out: the place that is nearest to daylight, or
//! farthest out in it, or where any other function is largest.

use super::SignedDistance;
use super::probe::{Peak, Probe, STEP_MM, Spot};
use super::ring::DIRECTIONS;
use crate::space::{Patient, Point};
use std::f64::consts::{PI, TAU};

/// So near to daylight a screw may reach it between two places that do not, mm.
pub(super) const TOUCHING_MM: f64 = 0.05;
/// So much a quick distance may be off, mm.
pub(super) const MOST_OFF_MM: f64 = 0.3;
/// So much the way from the nearest wall to the screw may be longer than the shortest one around, mm.
const ROUGHLY_MM: f64 = 0.03;
/// From step to step the directions that are tried turn by this, radians.
const TURN: f64 = 0.37;
/// The search between samples ends at this step, mm.
const FINEST_MM: f64 = 0.004;
/// Local maxima are looked for in this many blocks along the axis times [`SECTORS`] around it.
const BLOCKS: usize = 8;
const SECTORS: usize = 6;

/// The highest sample of each block and sector of the surface: where climbing starts.
pub(super) struct Peaks {
    best: [Option<Peak>; (BLOCKS + 1) * SECTORS],
    /// The highest that was climbed to so far.
    pub found: Option<Peak>,
    length_mm: f64,
    /// No place is further than this from a sample, mm.
    pub cell_mm: f64,
}

impl Peaks {
    pub fn new(probe: &Probe) -> Self {
        let cell_mm = (STEP_MM / 2.0).hypot(probe.radius_mm * PI / DIRECTIONS as f64);
        Self {
            best: [None; (BLOCKS + 1) * SECTORS],
            found: None,
            length_mm: probe.length_mm,
            cell_mm,
        }
    }

    /// Keeps the sample if it is the highest of its block and sector.
    pub fn offer(&mut self, peak: Peak) {
        let slot = self.slot(peak.spot);
        let slot = &mut self.best[slot];
        if slot.is_none_or(|held| peak.value > held.value) {
            *slot = Some(peak);
        }
    }

    /// The highest sample of a place's block and sector.
    pub fn held(&self, spot: Spot) -> Option<Peak> {
        self.best[self.slot(spot)]
    }

    /// The number of a place's block and sector.
    fn slot(&self, spot: Spot) -> usize {
        let (block, angle) = match spot {
            Spot::Side { depth_mm, angle } => {
                let block = depth_mm / self.length_mm * BLOCKS as f64;
                ((block as usize).min(BLOCKS - 1), angle)
            }
            Spot::Tip { angle, .. } => (BLOCKS, angle),
        };
        let sector = (angle / TAU * SECTORS as f64) as usize % SECTORS;
        block * SECTORS + sector
    }

    /// Finds the highest place near the highest sample, values being -distances in a bone.
    pub fn approach_best(&mut self, probe: &Probe, bone: &impl SignedDistance) {
        let top = self.best.iter().flatten().max_by(|a, b| a.value.total_cmp(&b.value));
        self.found = top.map(|top| match top.value < -TOUCHING_MM {
            true => {
                let rough = probe.approach(top.spot, |p| bone.quick_nearest_wall(p));
                probe.approach(rough.spot, |p| bone.nearest_wall(p))
            }
            false => *top,
        });
    }

    /// The same near a place in bone, if that may be higher than what was found.
    pub fn approach_from(&mut self, spot: Spot, probe: &Probe, bone: &impl SignedDistance) {
        // What lies so far out in air is not outdone from within bone.
        let Some(found) = self.found.filter(|found| found.value < MOST_OFF_MM) else { return };
        let wall = bone.quick_nearest_wall(probe.point(spot)).1;
        let quick = probe.nearest_to(wall);
        if MOST_OFF_MM - probe.point(quick).distance(wall) < found.value {
            return;
        }
        let wall = bone.nearest_wall(probe.point(quick)).1;
        self.approach_wall(wall, ROUGHLY_MM, probe, bone);
    }

    /// The same from the place of the screw that is nearest to a point of the wall, if the way from
    /// there to the wall is shorter than the shortest one so far, or longer by less than `over_mm`.
    pub fn approach_wall(
        &mut self,
        wall: Point<Patient>,
        over_mm: f64,
        probe: &Probe,
        bone: &impl SignedDistance,
    ) {
        let Some(found) = self.found else { return };
        let near = probe.nearest_to(wall);
        if over_mm - probe.point(near).distance(wall) > found.value {
            let other = probe.approach(near, |p| bone.nearest_wall(p));
            self.found = Some(if other.value > found.value { other } else { found });
        }
    }

    /// The place of the whole surface that is nearest to daylight, or farthest out in it; its value is
    /// -distance. `None` without samples.
    pub fn outermost(mut self, probe: &Probe, bone: &impl SignedDistance) -> Option<Peak> {
        if self.found.is_none() {
            self.approach_best(probe, bone);
        }
        let found = self.found?;
        let highest = self.best.iter().flatten().map(|top| top.value).fold(found.value, f64::max);
        if highest < -TOUCHING_MM {
            return Some(found);
        }
        let mut walls = KnownWalls::default();
        self.highest(
            probe,
            |p, _| -bone.quick_distance_mm(p),
            |p, floor_mm| walls.outside_mm_above(p, floor_mm, bone),
        )
    }

    /// The largest value over the whole surface: climbs from every sample that could still win
    /// when a value changes by no more than a millimetre per millimetre, all with one step before
    /// any with the next smaller one. By `rough` first, which may be off by a little, then by
    /// `exact`. `None` without samples.
    fn highest(
        self,
        probe: &Probe,
        mut rough: impl FnMut(Point<Patient>, f64) -> f64,
        mut exact: impl FnMut(Point<Patient>, f64) -> f64,
    ) -> Option<Peak> {
        /// Rough steps end here, exact ones begin.
        const ROUGH_MM: f64 = 0.1;
        let mut tops = self.tops();
        let (mut step, mut reach_mm) = (STEP_MM, self.cell_mm);
        while step > ROUGH_MM {
            climb_all(
                &mut tops,
                probe,
                [step, 0.0],
                reach_mm + MOST_OFF_MM,
                Ways::Four,
                &mut rough,
            );
            (step, reach_mm) = (step / 2.0, step);
        }
        let low = f64::NEG_INFINITY;
        tops.iter_mut().for_each(|top| top.value = exact(probe.point(top.spot), low));
        tops.sort_by(|a, b| b.value.total_cmp(&a.value));
        settle(&mut tops, probe, step, Ways::Eight, &mut exact);
        tops.first().map(|top| Peak { value: exact(probe.point(top.spot), low), ..*top })
    }

    /// The same for a value that may jump, asked in full from the first step on. What the samples say is
    /// asked anew: of some it is only known that they are likely to have a value.
    pub fn highest_with_jumps(
        self,
        probe: &Probe,
        mut value: impl FnMut(Point<Patient>, f64) -> f64,
    ) -> Option<Peak> {
        let mut tops = self.tops();
        tops.iter_mut().for_each(|top| top.value = value(probe.point(top.spot), f64::NEG_INFINITY));
        tops.sort_by(|a, b| b.value.total_cmp(&a.value));
        settle(&mut tops, probe, STEP_MM, Ways::Four, &mut value);
        tops.first().filter(|top| top.value > 0.0).copied()
    }

    /// The highest sample.
    pub fn most(&self) -> f64 {
        self.best.iter().flatten().map(|top| top.value).fold(f64::NEG_INFINITY, f64::max)
    }

    /// All starts, the highest first.
    fn tops(&self) -> Vec<Peak> {
        let mut tops: Vec<Peak> = self.best.iter().copied().flatten().collect();
        tops.sort_by(|a, b| b.value.total_cmp(&a.value));
        tops
    }
}

/// Points of a bone's surface: from no place outside is it farther away than any of them.
#[derive(Default)]
struct KnownWalls {
    last: [Option<Point<Patient>>; Self::MOST],
    next: usize,
}

impl KnownWalls {
    const MOST: usize = 8;

    /// How far outside the surface a place is, mm, negative inside; where that is no more than
    /// `floor_mm`, any number that is not either.
    fn outside_mm_above(
        &mut self,
        p: Point<Patient>,
        floor_mm: f64,
        bone: &impl SignedDistance,
    ) -> f64 {
        let square = floor_mm.max(0.0) * floor_mm;
        if self.last.iter().flatten().any(|wall| (*wall - p).dot(*wall - p) <= square) {
            return floor_mm;
        }
        let (distance, wall) = bone.near_wall(p, floor_mm);
        if (0.0..bone.tells_walls_within_mm()).contains(&-distance) {
            self.last[self.next % Self::MOST] = Some(wall);
            self.next += 1;
        }
        -distance
    }
}

/// In how many ways a step is tried: distances have ridges, where two walls are equally near, and up a ridge
/// few ways lead.
#[derive(Clone, Copy)]
enum Ways {
    Four,
    Eight,
}

/// Climbs from all places to the highest there is around, with steps from `step` down to the finest.
///
/// Where two walls are equally near, and where a value jumps, the way up is a ridge, along which only few
/// directions lead: what is highest is climbed on from again, with large steps and in ever other
/// directions, until that leads no higher.
fn settle(
    tops: &mut Vec<Peak>,
    probe: &Probe,
    mut step: f64,
    ways: Ways,
    value: &mut impl FnMut(Point<Patient>, f64) -> f64,
) {
    const MOST_ROUNDS: usize = 8;
    /// It ends after so many rounds that led no higher.
    const CALM_ROUNDS: usize = 3;
    /// Every round but the first begins with this step, mm.
    const AGAIN_MM: f64 = 0.2;
    /// And from what is within so much of the highest, mm.
    const AGAIN_WITHIN_MM: f64 = 0.02;
    /// A round that leads higher by less leads no higher, mm.
    const LEAST_GAIN_MM: f64 = 1e-4;
    let (mut reach_mm, mut turned, mut before) = (2.0 * step, 0.0, f64::NEG_INFINITY);
    let mut calm = 0;
    for _ in 0..MOST_ROUNDS {
        while step > FINEST_MM {
            climb_all(tops, probe, [step, turned], reach_mm, ways, value);
            (step, reach_mm, turned) = (step / 2.0, reach_mm / 2.0, turned + TURN);
        }
        let Some(top) = tops.first() else { return };
        calm = if top.value > before + LEAST_GAIN_MM { 0 } else { calm + 1 };
        if calm == CALM_ROUNDS {
            return;
        }
        (step, reach_mm, before) = (AGAIN_MM, AGAIN_WITHIN_MM, top.value);
    }
}

/// Climbs from all places, best ones first, with one step, and sorts them anew; those that lie more
/// than `reach_mm` under the highest are given up, and of two that climbed to one place one.
fn climb_all(
    tops: &mut Vec<Peak>,
    probe: &Probe,
    [step, turned]: [f64; 2],
    reach_mm: f64,
    ways: Ways,
    value: &mut impl FnMut(Point<Patient>, f64) -> f64,
) {
    let mut highest = f64::NEG_INFINITY;
    tops.retain_mut(|top| {
        if top.value + reach_mm < highest {
            return false;
        }
        *top = match ways {
            Ways::Four => probe.climb(*top, step, turned, value),
            Ways::Eight => probe.climb_in_eight_ways(*top, step, turned, value),
        };
        highest = highest.max(top.value);
        true
    });
    tops.sort_by(|a, b| b.value.total_cmp(&a.value));
    if tops.len() > 1 {
        let apart = |a: &Peak, b: &Peak| probe.point(a.spot).distance(probe.point(b.spot));
        tops.dedup_by(|a, b| apart(a, b) < 0.5 * step);
    }
}
