//! What a screw scores, term by term.
//!
//! In: the bone along a line, and a size. Out: a [`Score`] that can be read: for each term its
//! measure, its unit, its share.

use super::Site;
use super::line::{Bore, Frame, Line};
use super::rules::{Limits, Rules};
use crate::clearance::SignedDistance;
use crate::clearance::grade::ENTRY_ZONE_MM;
use crate::implant::Kind;
use crate::space::{Dir, Patient};
use serde::Serialize;
use std::f64::consts::TAU;

/// The terms, in the order of [`super::rules::Ramps`].
pub const NAMES: [&str; 12] = [
    "canal",
    "wall",
    "entry",
    "density",
    "length",
    "diameter",
    "end plate",
    "convergence",
    "facet",
    "head",
    "reach",
    "midline",
];
/// What each term is measured in.
pub const UNITS: [&str; 12] =
    ["mm", "mm", "mm", "HU", "", "", "deg", "deg", "mm", "mm", "mm", "mm"];

/// One term of a score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Term {
    /// What it is about.
    pub name: &'static str,
    /// What was measured; `None` where there was nothing to measure.
    pub measure: Option<f64>,
    /// Its unit; empty for a share.
    pub unit: &'static str,
    /// What that scores, 0 (unusable) to 1.
    pub score: f64,
    /// How much it counts; 0 where there was nothing to measure.
    pub weight: f64,
}

/// What a screw scores: 0 is unusable, 100 can not be bettered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// The weighted geometric mean of the terms, times 100.
    pub total: f64,
    /// Why.
    pub terms: Vec<Term>,
}

/// The measures of one screw, in the order of [`NAMES`]; NaN where there is nothing to measure.
pub(super) type Measures = [f64; NAMES.len()];

impl Score {
    pub(super) fn new(measures: &Measures, rules: &Rules) -> Self {
        let ramps = rules.terms.in_order();
        let terms = measures.iter().zip(ramps).zip(NAMES.iter().zip(UNITS));
        let terms = terms.map(|((&measure, ramp), (name, unit))| {
            let known = Some(measure).filter(|x| !x.is_nan());
            let weight = known.map_or(0.0, |_| ramp.weight);
            Term { name, measure: known, unit, score: ramp.score(measure), weight }
        });
        Self { total: total(measures, rules), terms: terms.collect() }
    }
    /// The term of this name.
    pub fn term(&self, name: &str) -> Option<&Term> {
        self.terms.iter().find(|term| term.name == name)
    }
}

/// The weighted geometric mean of the terms that could be measured, times 100.
pub(super) fn total(measures: &Measures, rules: &Rules) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (&measure, ramp) in measures.iter().zip(rules.terms.in_order()) {
        if !measure.is_nan() {
            sum += ramp.weight * ramp.score(measure).ln();
            weights += ramp.weight;
        }
    }
    if weights > 0.0 { 100.0 * (sum / weights).exp() } else { 0.0 }
}

/// The most that a screw can score of which some terms are not measured yet: NaN scores all.
pub(super) fn most_total(measures: &Measures, rules: &Rules) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (&measure, ramp) in measures.iter().zip(rules.terms.in_order()) {
        weights += ramp.weight;
        if !measure.is_nan() {
            sum += ramp.weight * ramp.score(measure).ln();
        }
    }
    // A term that turns out not to count makes a low mean lower still; the last digits are rounded.
    if weights > 0.0 { 100.0 * (sum / weights).exp() * (1.0 + 1e-9) } else { 0.0 }
}

/// Directions in which the side of a screw is probed while searching; its worst place is then
/// looked for between them, as the grade does.
const DIRECTIONS: usize = 12;

/// A cylinder's side, seen from the line it is bored along.
struct Side<'a, B> {
    bone: &'a B,
    bore: &'a Bore,
    across: [Dir<Patient>; 2],
    radius_mm: f64,
}

/// A place on the side, and its distance to daylight, mm.
#[derive(Clone, Copy)]
struct Spot {
    depth_mm: f64,
    angle: f64,
    distance_mm: f64,
}

impl<'a, B: SignedDistance> Side<'a, B> {
    fn new(bone: &'a B, bore: &'a Bore, radius_mm: f64) -> Self {
        let u = bore.axis.any_perpendicular();
        Self { bone, bore, across: [u, bore.axis.cross(u)], radius_mm }
    }

    fn spot(&self, depth_mm: f64, angle: f64) -> Spot {
        let (sin, cos) = angle.sin_cos();
        let [u, v] = self.across.map(|d| d * self.radius_mm);
        let place = self.bore.entry + self.bore.axis * depth_mm + u * cos + v * sin;
        Spot { depth_mm, angle, distance_mm: self.bone.quick_distance_mm(place) }
    }

    /// The worst place of a ring: where nothing on it is probed lower.
    fn ring(&self, depth_mm: f64) -> Spot {
        let at = |n: usize| self.spot(depth_mm, TAU * n as f64 / DIRECTIONS as f64);
        let lower = |a: Spot, b: Spot| if b.distance_mm < a.distance_mm { b } else { a };
        (1..DIRECTIONS).map(at).fold(at(0), lower)
    }

    /// The lowest distance around a spot between two depths: a pattern search down to 0.02 mm, where
    /// a distance is off by no more than that.
    fn lowest(&self, mut spot: Spot, from_mm: f64, to_mm: f64) -> f64 {
        const STEPS_MM: [f64; 5] = [0.5, 0.25, 0.1, 0.05, 0.02];
        for step in STEPS_MM {
            for _ in 0..8 {
                let turn = step / self.radius_mm;
                let around = [(step, 0.0), (-step, 0.0), (0.0, turn), (0.0, -turn)];
                let near = around.map(|(along, turned)| {
                    self.spot((spot.depth_mm + along).clamp(from_mm, to_mm), spot.angle + turned)
                });
                let next = near.into_iter().min_by(|a, b| a.distance_mm.total_cmp(&b.distance_mm));
                match next.filter(|next| next.distance_mm < spot.distance_mm) {
                    Some(next) => spot = next,
                    None => break,
                }
            }
        }
        spot.distance_mm
    }

    /// The lowest distance between two depths, told no larger than `most_mm`.
    ///
    /// From the axis to the ring a distance changes by no more than the radius, so the axis bounds
    /// each ring; those that can be lowest are probed first, and the others are seen not to be.
    fn least_between(&self, from_mm: f64, to_mm: f64, most_mm: f64) -> f64 {
        if to_mm < from_mm {
            return most_mm;
        }
        let ends = [from_mm, to_mm].map(|depth| (depth, self.bore.least_at_mm(depth)));
        let mut rings: Vec<(f64, f64)> =
            ends.into_iter().chain(self.bore.between(from_mm, to_mm)).collect();
        rings.retain(|(_, to_daylight)| to_daylight - self.radius_mm < most_mm);
        rings.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut worst: Option<Spot> = None;
        let mut least = most_mm;
        for (depth, to_daylight) in rings {
            if to_daylight - self.radius_mm >= least {
                break;
            }
            let ring = self.ring(depth);
            if ring.distance_mm < least {
                (least, worst) = (ring.distance_mm, Some(ring));
            }
        }
        worst.map_or(most_mm, |spot| self.lowest(spot, from_mm, to_mm))
    }
}

/// Up to this depth the bone around a screw is that of its entry, thin on any slanted bone, mm.
pub const ENTRY_END_MM: f64 = 8.0;

/// Smallest distances to daylight over the judged surface of a cylinder, mm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walls {
    /// From the entry zone's end to [`ENTRY_END_MM`].
    pub entry_mm: f64,
    /// From there to the tip, the tip's end with it.
    pub deep_mm: f64,
}

/// The walls for each of some lengths, ascending; told no larger than `enough_mm`, from which on
/// nobody asks.
pub(super) fn walls<const N: usize>(
    bone: &impl SignedDistance,
    bore: &Bore,
    radius_mm: f64,
    lengths_mm: [f64; N],
    enough_mm: f64,
) -> [Walls; N] {
    let side = Side::new(bone, bore, radius_mm);
    let entry_mm = side.least_between(ENTRY_ZONE_MM, ENTRY_END_MM, enough_mm);
    let (mut deep_mm, mut from) = (enough_mm, ENTRY_END_MM);
    lengths_mm.map(|length| {
        deep_mm = side.least_between(from, length, deep_mm);
        from = length;
        let tip = bone.quick_distance_mm(bore.entry + bore.axis * length);
        Walls { entry_mm, deep_mm: deep_mm.min(tip) }
    })
}

/// Smallest distance to daylight around the rim of the tip, mm.
pub(super) fn rim_mm(
    bone: &impl SignedDistance,
    bore: &Bore,
    length_mm: f64,
    radius_mm: f64,
) -> f64 {
    Side::new(bone, bore, radius_mm).ring(length_mm).distance_mm
}

/// Smallest distance to daylight over the last `end_mm` of a screw's side, mm, told no larger than 0.
pub(super) fn end_mm(
    bone: &impl SignedDistance,
    bore: &Bore,
    length_mm: f64,
    radius_mm: f64,
    end_mm: f64,
) -> f64 {
    Side::new(bone, bore, radius_mm).least_between(length_mm - end_mm, length_mm, 0.0)
}

/// The head of a screw: a cylinder behind the entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub radius_mm: f64,
    /// From the entry back to its top, mm.
    pub height_mm: f64,
}

impl From<&Kind> for Head {
    fn from(kind: &Kind) -> Self {
        Self { radius_mm: kind.head_radius_mm, height_mm: kind.head_height_mm }
    }
}

/// The gap between head and shaft and the level above, and between the head and its own bone, mm;
/// then the free way behind the head, mm.
pub(super) fn behind_mm<B: SignedDistance>(
    site: &Site<'_, B>,
    bore: &Bore,
    radius_mm: f64,
    head: Head,
    limits: &Limits,
) -> [f64; 3] {
    let u = bore.axis.any_perpendicular();
    let across = [u, bore.axis.cross(u)];
    let at = |behind: f64| bore.entry - bore.axis * behind;
    let (from, to) = (limits.head_from_mm, head.height_mm);
    let rings = [from, 0.5 * (from + to), to];
    let deepest = |bone: &B| {
        let outermost = |behind: f64| {
            let centre = at(behind);
            let rim = (0..8).map(|n| {
                let (sin, cos) = (TAU * f64::from(n) / 8.0).sin_cos();
                let r = head.radius_mm;
                bone.quick_distance_mm(centre + across[0] * (r * cos) + across[1] * (r * sin))
            });
            rim.fold(bone.quick_distance_mm(centre), f64::max)
        };
        rings.iter().map(|behind| outermost(*behind)).fold(f64::NEG_INFINITY, f64::max)
    };
    let facet = site.above.map_or(f64::NAN, |above| {
        let shaft = (0..8).map(|n| {
            let depth = f64::from(n) * 2.5;
            above.quick_distance_mm(bore.entry + bore.axis * depth) + radius_mm
        });
        -shaft.fold(deepest(above), f64::max)
    });
    let mut free = 0.0;
    while free < limits.reach_mm && site.bone.quick_distance_mm(at(1.5 + free)) < 0.0 {
        free += 1.0;
    }
    [facet, -deepest(site.bone), free.min(limits.reach_mm)]
}

/// Mean HU along a screw, over its axis and a ring at 0.7 of its radius; NaN without a CT or
/// outside it.
pub(super) fn density_hu<B>(
    site: &Site<'_, B>,
    bore: &Bore,
    length_mm: f64,
    radius_mm: f64,
) -> f64 {
    const STEP_MM: f64 = 2.0;
    let Some(ct) = site.ct else { return f64::NAN };
    let voxel_from_patient = ct.grid().voxel_from_patient();
    let u = bore.axis.any_perpendicular() * (0.7 * radius_mm);
    let v = bore.axis.cross(u);
    let (mut sum, mut count) = (0.0, 0.0);
    for n in 0..=(length_mm / STEP_MM) as usize {
        let centre = bore.entry + bore.axis * (n as f64 * STEP_MM);
        for p in [centre, centre + u, centre - u, centre + v, centre - v] {
            if let Some(hu) = ct.trilinear_voxel(voxel_from_patient.point(p)) {
                sum += hu;
                count += 1.0;
            }
        }
    }
    if count > 0.0 { sum / count } else { f64::NAN }
}

/// Angles of a line off the two that are aimed at, degrees.
pub(super) fn off_aim_deg(line: &Line, aim: [f64; 2]) -> [f64; 2] {
    [(line[2] - aim[0]).abs(), (line[3] - aim[1]).abs()]
}

/// From the tip's side to the midline, mm.
pub(super) fn to_midline_mm(frame: &Frame, bore: &Bore, length_mm: f64, radius_mm: f64) -> f64 {
    frame.from_midline_mm(bore.entry + bore.axis * length_mm) - radius_mm
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules::builtin().expect("our own file")
    }

    /// Measures at which every term scores all.
    fn best() -> Measures {
        let rules = rules();
        let full = rules.terms.in_order().map(|ramp| ramp.full);
        full
    }

    #[test]
    fn nothing_betters_a_hundred_and_one_zero_is_unusable() {
        let rules = rules();
        assert!((Score::new(&best(), &rules).total - 100.0).abs() < 1e-9);
        let mut breached = best();
        breached[0] = -0.1;
        assert_eq!(Score::new(&breached, &rules).total, 0.0);
        let mut thin = best();
        thin[1] = 0.1;
        let score = Score::new(&thin, &rules).total;
        assert!(score > 50.0 && score < 95.0, "{score}");
    }

    #[test]
    fn what_could_not_be_measured_does_not_count() {
        let rules = rules();
        let mut blind = best();
        blind[3] = f64::NAN;
        let score = Score::new(&blind, &rules);
        assert!((score.total - 100.0).abs() < 1e-9);
        assert_eq!(score.term("density").map(|t| t.weight), Some(0.0));
    }
}
