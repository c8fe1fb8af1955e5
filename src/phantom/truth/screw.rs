//! The true letter of a screw: the rule that `clearance::grade` tells, taken literally on f = 0.
//!
//! In: a bone, its truth, a screw. Out: [`ScrewTruth`]. The surface is sampled every millimetre in 24
//! directions, and the worst places are then searched between the samples to 1e-5 mm; distances are
//! those to the nearest point of f = 0, and the walls of the pedicle are met by rays from its true
//! axis. No code is shared with the program's own measuring.

use super::ray::reach;
use super::{LevelTruth, PedicleTruth};
use crate::clearance::grade::ENTRY_ZONE_MM;
use crate::clearance::{Grade, ScrewShape, grade_from_breach_mm};
use crate::phantom::{Bone, shape::Shape};
use crate::space::{Dir, Patient, Point};
use glam::{DVec2, DVec3};
use serde::Serialize;
use std::f64::consts::TAU;

/// What is true of one screw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ScrewTruth {
    /// Smallest signed distance from the judged surface to the bone's, mm; negative outside.
    pub clearance_mm: f64,
    /// Largest distance of the judged surface outside bone, mm; 0 when all of it is inside.
    pub protrusion_mm: f64,
    /// How far it reaches past the wall it crossed, in the planes across the pedicle's axis, mm.
    pub wall_breach_mm: f64,
    /// The worse of the two.
    pub breach_mm: f64,
    /// Its letter.
    pub grade: Grade,
}

const STEP_MM: f64 = 1.0;
const AROUND: usize = 24;
const RINGS: usize = 4;
/// A screw's axis looks for bone this far behind its entry, mm.
const BEHIND_MM: f64 = 120.0;
/// Rays of a pedicle's outline, and how far they go, mm.
const RAYS: usize = 120;
const FEW_RAYS: usize = 40;
const MOST_WALL_MM: f64 = 40.0;

/// A screw's judged surface: its side from a depth on, and the disc at its tip.
struct Surface {
    entry: DVec3,
    axis: DVec3,
    across: [DVec3; 2],
    length_mm: f64,
    radius_mm: f64,
    from_mm: f64,
}

/// A place on it: on the side (depth, angle) or on the tip's disc (share of the radius, angle).
#[derive(Clone, Copy)]
struct Place {
    is_tip: bool,
    at: DVec2,
}

/// Judges a screw; `None` for one without length, width or direction.
pub(super) fn judge(bone: &Bone, truth: &LevelTruth, screw: &ScrewShape) -> Option<ScrewTruth> {
    let surface = Surface::new(bone, screw)?;
    let places = surface.places();
    let value = |place: &Place| bone.value(surface.point(*place));
    let outside: Vec<Place> = places.iter().copied().filter(|p| value(p) < 0.0).collect();
    let depth = |place: Place| -bone.signed_distance_mm(surface.point(place));
    let worst = if outside.is_empty() { &places } else { &outside };
    let clearance_mm = -surface.highest(worst, depth, depth)?;
    let pedicle = nearest_pedicle(&surface, truth);
    let walls = Walls { shape: bone.shape(), bone, pedicle, left: truth.left.vec() };
    let past = |place: Place, rays| walls.past_mm(surface.point(place), rays);
    let in_span: Vec<Place> = outside.into_iter().filter(|p| past(*p, 1) > 0.0).collect();
    let wall = surface.highest(&in_span, |p| past(p, FEW_RAYS), |p| past(p, RAYS));
    let wall_breach_mm = wall.unwrap_or(0.0).max(0.0);
    let protrusion_mm = (-clearance_mm).max(0.0);
    let breach_mm = protrusion_mm.max(wall_breach_mm);
    let grade = grade_from_breach_mm(breach_mm);
    Some(ScrewTruth { clearance_mm, protrusion_mm, wall_breach_mm, breach_mm, grade })
}

fn nearest_pedicle<'a>(surface: &Surface, truth: &'a LevelTruth) -> &'a PedicleTruth {
    let off = |pedicle: &PedicleTruth| {
        let to = pedicle.isthmus.vec() - surface.entry;
        let along = to.dot(surface.axis).clamp(0.0, surface.length_mm);
        to.distance(surface.axis * along)
    };
    let [left, right] = &truth.pedicles;
    if off(left) <= off(right) { left } else { right }
}

impl Surface {
    fn new(bone: &Bone, screw: &ScrewShape) -> Option<Self> {
        let axis = screw.axis.unit()?.vec();
        let sized = screw.length_mm > 0.0 && screw.diameter_mm > 0.0;
        let (entry, (u, v)) = (screw.entry.vec(), axis.any_orthonormal_pair());
        let in_bone = |t: f64| bone.value(Point::from_vec(entry + axis * t)) >= 0.0;
        let steps = |most: f64| (0..=(most / 0.05) as usize).map(|n| n as f64 * 0.05);
        // Where the axis enters, by steps and then by halving.
        let depth = steps(screw.length_mm).find(|t| in_bone(*t)).map(|found| {
            let (mut air, mut bone) = ((found - 0.05_f64).max(0.0), found);
            while bone - air > 1e-7 {
                let middle = (air + bone) / 2.0;
                if in_bone(middle) { bone = middle } else { air = middle }
            }
            bone
        });
        // Air between bones is no excuse: see `clearance::entry`.
        let judged_from = depth.map_or(0.0, |depth| {
            let behind = depth > 0.0 && steps(BEHIND_MM).any(|t| in_bone(-t));
            ENTRY_ZONE_MM + if behind { 0.0 } else { depth }
        });
        sized.then_some(Self {
            entry,
            axis,
            across: [u, v],
            length_mm: screw.length_mm,
            radius_mm: screw.diameter_mm / 2.0,
            from_mm: judged_from.min(screw.length_mm),
        })
    }
    fn places(&self) -> Vec<Place> {
        let long = self.length_mm - self.from_mm;
        let steps = (long / STEP_MM).ceil() as usize;
        let depths = (0..=steps).map(|n| self.from_mm + long * n as f64 / steps.max(1) as f64);
        let depths: Vec<f64> = if long > 0.0 { depths.collect() } else { Vec::new() };
        let rings = (0..=RINGS).map(|n| n as f64 / RINGS as f64);
        let angles = || (0..AROUND).map(|n| TAU * n as f64 / AROUND as f64);
        let side = depths.into_iter().map(|t| (false, t)).chain(rings.map(|share| (true, share)));
        side.flat_map(|(is_tip, x)| {
            angles().map(move |angle| Place { is_tip, at: DVec2::new(x, angle) })
        })
        .collect()
    }
    fn point(&self, place: Place) -> Point<Patient> {
        let (sin, cos) = place.at.y.sin_cos();
        let out = (self.across[0] * cos + self.across[1] * sin) * self.radius_mm;
        let (depth, share) =
            if place.is_tip { (self.length_mm, place.at.x) } else { (place.at.x, 1.0) };
        Point::from_vec(self.entry + self.axis * depth + out * share)
    }
    /// The highest value on the surface: the best samples, then steps that halve where they no
    /// longer climb.
    /// `roughly` chooses where to climb.
    fn highest(
        &self,
        places: &[Place],
        roughly: impl Fn(Place) -> f64,
        value: impl Fn(Place) -> f64,
    ) -> Option<f64> {
        const CLIMBS: usize = 5;
        let mut valued: Vec<(f64, Place)> = places.iter().map(|p| (roughly(*p), *p)).collect();
        valued.sort_by(|a, b| b.0.total_cmp(&a.0));
        let best = valued.into_iter().take(CLIMBS);
        let best = best.map(|(_, place)| self.climb((value(place), place), &value));
        best.fold(None, |most: Option<f64>, v| Some(most.map_or(v, |m| m.max(v))))
    }
    fn climb(&self, (mut best, mut place): (f64, Place), value: impl Fn(Place) -> f64) -> f64 {
        let range = if place.is_tip { [0.0, 1.0] } else { [self.from_mm, self.length_mm] };
        let mut step = DVec2::new(STEP_MM / 2.0, TAU / AROUND as f64 / 2.0);
        if place.is_tip {
            step.x = 0.5 / RINGS as f64;
        }
        while step.y * self.radius_mm > 2e-4 {
            let tried = [DVec2::X, -DVec2::X, DVec2::Y, -DVec2::Y].map(|d| {
                let at = place.at + d * step;
                Place { at: DVec2::new(at.x.clamp(range[0], range[1]), at.y), ..place }
            });
            let valued = tried.map(|p| (value(p), p));
            let climbed = valued.into_iter().filter(|(v, _)| *v > best);
            match climbed.max_by(|a, b| a.0.total_cmp(&b.0)) {
                Some(higher) => (best, place) = higher,
                None => step *= 0.5,
            }
        }
        best
    }
}

/// The walls of a pedicle, seen from its axis.
struct Walls<'a> {
    shape: &'a Shape,
    bone: &'a Bone,
    pedicle: &'a PedicleTruth,
    left: DVec3,
}

impl Walls<'_> {
    /// How far a point lies past the wall in its plane across the axis, mm; 0 in bone, outside the
    /// pedicle's span, within the outline, and where the axis itself is not in bone.
    /// The outline is searched by so many rays, then between them; one ray alone only tells
    /// whether the point lies past the wall.
    fn past_mm(&self, p: Point<Patient>, rays: usize) -> f64 {
        let axis = self.pedicle.axis;
        let along = (p - self.pedicle.isthmus).dot(axis);
        let [first, last] = self.pedicle.span_mm;
        let on_axis = self.pedicle.isthmus + axis * along;
        if !(first..=last).contains(&along)
            || self.bone.value(on_axis) < 0.0
            || self.bone.value(p) >= 0.0
        {
            return 0.0;
        }
        let into = self.bone.patient_from_vertebra().inverse();
        let middle = into.point(on_axis).vec();
        let turn = |d: DVec3| into.dir(Dir::from_vec(d)).vec();
        let u = self.left.reject_from_normalized(axis.vec()).normalize_or(DVec3::X);
        let axes = [turn(u), turn(axis.vec().cross(u))];
        let local = into.point(p).vec() - middle;
        let q = DVec2::new(local.dot(axes[0]), local.dot(axes[1]));
        let edge = |angle: f64| {
            let (sin, cos) = angle.sin_cos();
            let r = reach(self.shape, middle, axes[0] * cos + axes[1] * sin, MOST_WALL_MM);
            DVec2::new(cos, sin) * r
        };
        let towards = q.y.atan2(q.x);
        if edge(towards).length() >= q.length() {
            return 0.0;
        }
        let gap = TAU / rays as f64;
        let coarse = (0..rays).map(|n| towards + gap * n as f64);
        let off = |angle: f64| edge(angle).distance(q);
        let best = coarse.min_by(|a, b| off(*a).total_cmp(&off(*b))).unwrap_or(towards);
        let (mut low, mut high) = (best - gap, best + gap);
        let thirds = if rays == RAYS { 26 } else { 0 };
        for _ in 0..thirds {
            let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
            if off(a) > off(b) { low = a } else { high = b }
        }
        off((low + high) / 2.0).min(off(best))
    }
}
