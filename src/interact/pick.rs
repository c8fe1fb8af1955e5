//! Rays to things: the end of a screw, a screw, or a point on bone.
//!
//! Bone is found by walking along the ray in steps of the signed distance, so that what is picked
//! is the very surface by which clearances are computed.

use super::pointer::{Aim, Pointer, PointerKind};
use crate::app::history::Document;
use crate::app::jobs::ActiveCase;
use crate::app::selection::Selection;
use crate::case::spine::{Spine, VertebraModel};
use crate::clearance::SignedDistance;
use crate::labels::VertebraId;
use crate::plan::{Screw, ScrewId};
use crate::scene::case::{CaseRoot, patient_dir_from_world, patient_from_world};
use crate::scene::vertebra::BoneView;
use crate::space::{Dir, Patient, Point};
use bevy::prelude::*;

/// Which part of a screw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Where it enters bone.
    Entry,
    /// Where it ends.
    Tip,
    /// All of it.
    Shaft,
}

/// What is pointed at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// A point on a vertebra.
    Bone(VertebraId),
    /// A screw, or one of its ends.
    Screw(ScrewId, End),
}

/// Where a ray met something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// What it met.
    pub target: Target,
    /// Where, LPS mm.
    pub point: Point<Patient>,
    /// Out of what was met, unit, LPS.
    pub normal: Dir<Patient>,
    /// From the ray's origin, patient millimetres.
    pub depth_mm: f64,
}

/// A ray in patient space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PatientRay {
    /// Where it starts, LPS mm.
    pub origin: Point<Patient>,
    /// Unit direction, LPS.
    pub dir: Dir<Patient>,
}

impl PatientRay {
    /// A world ray, told in the patient.
    pub fn new(root: &GlobalTransform, ray: Ray3d) -> Self {
        Self {
            origin: patient_from_world(root, ray.origin),
            dir: patient_dir_from_world(root, *ray.direction),
        }
    }
    /// The point at a depth.
    pub fn at(self, depth_mm: f64) -> Point<Patient> {
        self.origin + self.dir * depth_mm
    }
    /// Depth at which the ray meets the plane through `point` across `normal`; `None` where it runs
    /// along it or away from it.
    pub fn meet_plane(self, point: Point<Patient>, normal: Dir<Patient>) -> Option<f64> {
        let slope = self.dir.dot(normal);
        let depth = (point - self.origin).dot(normal) / slope;
        (slope.abs() > 1e-6 && depth.is_finite() && depth > 0.0).then_some(depth)
    }
    /// Depth of the point of the ray nearest to a segment, and the distance between the two there.
    fn near_segment(self, from: Point<Patient>, to: Point<Patient>) -> (f64, f64) {
        let span = to - from;
        let start = from - self.origin;
        let (a, b) = (span.dot(span), span.dot(self.dir));
        let (c, d) = (span.dot(start), self.dir.dot(start));
        let denominator = a - b * b;
        let s = if denominator > 1e-9 { (b * d - c) / denominator } else { 0.0 };
        let on_segment = from + span * s.clamp(0.0, 1.0);
        let depth = (on_segment - self.origin).dot(self.dir).max(0.0);
        (depth, self.at(depth).distance(on_segment))
    }
}

/// A ball around each vertebra, so that rays that pass far from it cost nothing.
#[derive(Resource, Default)]
pub struct BoneBalls(Vec<(Point<Patient>, f64)>);

/// Measures the balls of a new case.
pub fn measure_balls(case: Res<ActiveCase>, mut balls: ResMut<BoneBalls>) {
    balls.0 = case.spine.vertebrae.iter().map(|v| ball(v)).collect();
}

fn ball(vertebra: &VertebraModel) -> (Point<Patient>, f64) {
    let points = &vertebra.mesh.positions;
    let (low, high) = points
        .iter()
        .fold((bevy::math::DVec3::INFINITY, bevy::math::DVec3::NEG_INFINITY), |(low, high), p| {
            (low.min(p.vec()), high.max(p.vec()))
        });
    if !low.is_finite() {
        return (Point::ORIGIN, 0.0);
    }
    let middle = Point::from_vec((low + high) / 2.0);
    (middle, (high - low).length() / 2.0 + 1.0)
}

/// Walks end within this of the surface, mm.
const CLOSE_MM: f64 = 0.01;
/// A walk that has not ended after so many steps grazes the surface and is given up.
const MOST_STEPS: usize = 256;

/// Depth at which a ray enters a bone, from `from_mm` to `to_mm`; `None` when it passes.
pub fn meet_bone(
    bone: &impl SignedDistance,
    ray: PatientRay,
    from_mm: f64,
    to_mm: f64,
) -> Option<f64> {
    let mut depth = from_mm;
    for _ in 0..MOST_STEPS {
        let outside = -bone.quick_distance_mm(ray.at(depth));
        if outside < CLOSE_MM {
            return Some(depth);
        }
        depth += outside;
        if depth > to_mm {
            return None;
        }
    }
    None
}

/// The nearest bone along a ray.
pub fn pick_bone(spine: &Spine, balls: &BoneBalls, ray: PatientRay) -> Option<Hit> {
    let mut best: Option<Hit> = None;
    for (vertebra, (middle, radius)) in spine.vertebrae.iter().zip(&balls.0) {
        let along = (*middle - ray.origin).dot(ray.dir);
        let aside = ray.at(along).distance(*middle);
        if aside > *radius || along + radius < 0.0 {
            continue;
        }
        let half = (radius * radius - aside * aside).sqrt();
        let (from, to) = ((along - half).max(0.0), along + half);
        let Some(depth_mm) = meet_bone(&vertebra.field, ray, from, to) else { continue };
        if best.is_none_or(|b| depth_mm < b.depth_mm) {
            let point = ray.at(depth_mm);
            let normal = -vertebra.field.gradient(point);
            best = Some(Hit { target: Target::Bone(vertebra.id), point, normal, depth_mm });
        }
    }
    best
}

/// Radius around the ends of the chosen screw in which they are caught, mm.
const CATCH_MM: f64 = 3.5;
/// How far past its thread a screw can be caught, mm.
const SCREW_SLACK_MM: f64 = 1.0;

/// The end of the chosen screw that the ray passes by.
fn pick_end(screw: &Screw, ray: PatientRay, catch_mm: f64) -> Option<Hit> {
    let ends = [(End::Tip, screw.tip()), (End::Entry, screw.entry)];
    let near = ends.into_iter().filter_map(|(end, point)| {
        let depth_mm = (point - ray.origin).dot(ray.dir);
        let aside = ray.at(depth_mm).distance(point);
        (depth_mm > 0.0 && aside < catch_mm).then_some((aside, end, point, depth_mm))
    });
    let (_, end, point, depth_mm) = near.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Hit { target: Target::Screw(screw.id, end), point, normal: -ray.dir, depth_mm })
}

/// The nearest screw along a ray.
fn pick_screw<'a>(screws: impl Iterator<Item = &'a Screw>, ray: PatientRay) -> Option<Hit> {
    let head_mm = 14.0;
    let hits = screws.filter_map(|screw| {
        let (depth_mm, aside) = ray.near_segment(screw.entry - screw.axis * head_mm, screw.tip());
        (aside < screw.radius_mm() + SCREW_SLACK_MM).then_some(Hit {
            target: Target::Screw(screw.id, End::Shaft),
            point: ray.at(depth_mm),
            normal: -ray.dir,
            depth_mm,
        })
    });
    hits.min_by(|a, b| a.depth_mm.total_cmp(&b.depth_mm))
}

/// How much wider than its size a thing is caught, per millimetre of distance: a hand's breadth of
/// tremor far away.
const CATCH_PER_MM: f64 = 0.006;

/// Writes each pointer's [`Aim`].
pub fn pick(
    case: Option<Res<ActiveCase>>,
    document: Option<Res<Document>>,
    (selection, view, balls): (Res<Selection>, Res<BoneView>, Res<BoneBalls>),
    root: Query<&GlobalTransform, With<CaseRoot>>,
    mut pointers: Query<(&Pointer, &mut Aim)>,
) {
    let (Some(case), Some(document), Ok(root)) = (case, document, root.single()) else { return };
    for (pointer, mut aim) in &mut pointers {
        // A drag keeps what it holds.
        if pointer.select.pressed && !pointer.select.just_pressed {
            continue;
        }
        aim.0 = pointer.ray.and_then(|ray| {
            let ray = PatientRay::new(root, ray);
            let chosen = selection.screw.and_then(|id| document.plan().screw(id));
            let catch = |screw: &Screw| catch_mm(screw, ray, pointer.kind);
            if let Some(end) = chosen.and_then(|screw| pick_end(screw, ray, catch(screw))) {
                return Some(end);
            }
            let screw = pick_screw(document.plan().screws.iter(), ray);
            let bone = pick_bone(&case.spine, &balls, ray);
            match (screw, bone) {
                (Some(s), Some(b)) if view.is_clear || s.depth_mm <= b.depth_mm => Some(s),
                (screw, None) => screw,
                (_, bone) => bone,
            }
        });
    }
}

fn catch_mm(screw: &Screw, ray: PatientRay, kind: PointerKind) -> f64 {
    let distance = screw.entry.distance(ray.origin);
    match kind {
        PointerKind::Mouse => CATCH_MM.max(distance * CATCH_PER_MM * 2.0),
        PointerKind::Hand => CATCH_MM.max(distance * CATCH_PER_MM),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ball_at(x: f64) -> impl Fn(Point<Patient>) -> f64 {
        move |p: Point<Patient>| 10.0 - p.distance(Point::new(x, 0.0, 0.0))
    }

    #[test]
    fn a_ray_stops_on_the_surface_and_passes_beside_it() {
        let ray = PatientRay { origin: Point::new(-50.0, 0.0, 6.0), dir: Dir::X };
        let depth = meet_bone(&ball_at(0.0), ray, 0.0, 100.0).expect("it meets the ball");
        assert!((depth - 42.0).abs() < 0.05, "{depth}");
        let beside = PatientRay { origin: Point::new(-50.0, 0.0, 10.5), dir: Dir::X };
        assert_eq!(meet_bone(&ball_at(0.0), beside, 0.0, 100.0), None);
    }

    #[test]
    fn the_nearest_point_of_a_segment_is_found_beyond_its_ends_too() {
        let ray = PatientRay { origin: Point::new(0.0, -10.0, 3.0), dir: Dir::Y };
        let (depth, aside) =
            ray.near_segment(Point::new(-5.0, 0.0, 0.0), Point::new(5.0, 0.0, 0.0));
        assert!((depth - 10.0).abs() < 1e-9 && (aside - 3.0).abs() < 1e-9);
        let (_, aside) = ray.near_segment(Point::new(4.0, 0.0, 3.0), Point::new(9.0, 0.0, 3.0));
        assert!((aside - 4.0).abs() < 1e-9);
    }
}
