//! A vertebra's own axes: z between the end plates, x the axis of symmetry, y to the back.
//!
//! In: the bone and its canal. Out: `patient_from_vertebra`. Left stays left: the frame is only
//! ever turned by angles well under 90 degrees from one whose x points to the patient's left.

use super::canal::Canal;
use super::solid::{Cloud, Solid};
use crate::space::{Dir, Patient, Point, Rigid, Vertebra};
use glam::{DMat3, DQuat, DVec3};

/// No body is larger than this from its middle, mm.
const MOST_BODY_MM: f64 = 45.0;
/// The part of the body's half width and half depth within which the end plates are measured.
const PLATE_PART: f64 = 0.65;
/// End plates are at most this many times as wide as deep.
const MOST_WIDTH_TO_DEPTH: f64 = 1.5;
/// Rays per half width or half depth on a plate.
const PLATE_RAYS: i32 = 6;
/// Bodies reach about this far forward of the canal from their middle, mm: where to start.
const BODY_BEFORE_CANAL_MM: f64 = 12.0;

/// The middle of the body of S1 lies this far under its upper end plate, mm. Provisional.
const S1_UNDER_PLATE_MM: f64 = 13.0;

/// Which end plates a bone has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plates {
    /// A vertebra: z halves the angle between the two.
    Both,
    /// The sacrum: z stands on the upper one.
    Upper,
}

/// The frame of the vertebra whose canal is known; `None` when no body lies before it.
pub(super) fn find(
    surface_seen: &Solid<'_>,
    cloud: &Cloud,
    canal: &Canal,
    plates: Plates,
) -> Option<Rigid<Patient, Vertebra>> {
    let mut frame = start_in_body(cloud, canal)?;
    for _ in 0..3 {
        frame = centre_on_body(&surface_seen.seen_from(frame), plates)?;
        frame = stand_between_plates(&surface_seen.seen_from(frame), plates)?;
    }
    frame = turn_to_symmetry(&surface_seen.seen_from(frame), cloud, plates);
    centre_on_body(&surface_seen.seen_from(frame), plates)
}

/// The canal's frame moved forward into the middle of the body's mass.
fn start_in_body(cloud: &Cloud, canal: &Canal) -> Option<Rigid<Patient, Vertebra>> {
    let before = -canal.to_front_mm - 3.0;
    let in_body = |p: &&DVec3| p.x.abs() < 8.0 && p.y < before && p.y > before - 30.0;
    let points = cloud.seen_from(canal.patient_from_canal);
    let (sum, count) =
        points.iter().filter(in_body).fold((DVec3::ZERO, 0), |(sum, n), p| (sum + *p, n + 1));
    if count < 20 {
        return None;
    }
    let mean = sum / f64::from(count);
    let start = DVec3::new(0.0, mean.y.min(before - BODY_BEFORE_CANAL_MM / 2.0), mean.z);
    Some(moved(canal.patient_from_canal, start))
}

fn moved(frame: Rigid<Patient, Vertebra>, by: DVec3) -> Rigid<Patient, Vertebra> {
    Rigid::new(frame.rotation(), frame.point(Point::from_vec(by)).vec())
}

fn turned(frame: Rigid<Patient, Vertebra>, by: DQuat) -> Rigid<Patient, Vertebra> {
    Rigid::new(frame.rotation() * by, frame.origin().vec())
}

/// Moves the origin to the middle of the chords that the axes cut out of the body. The body of S1
/// goes on below: there the origin lies at a usual depth under the upper end plate.
fn centre_on_body(solid: &Solid<'_>, plates: Plates) -> Option<Rigid<Patient, Vertebra>> {
    let centre = match plates {
        Plates::Both => solid.centred(DVec3::ZERO, &[DVec3::Z, DVec3::Y, DVec3::X], MOST_BODY_MM),
        Plates::Upper => {
            let depth = solid.reach(DVec3::ZERO, DVec3::Z, MOST_BODY_MM);
            let start = DVec3::Z * (depth - S1_UNDER_PLATE_MM);
            solid.centred(start, &[DVec3::Y, DVec3::X], MOST_BODY_MM)
        }
    };
    solid.is_inside(centre).then(|| moved(solid.frame(), centre))
}

/// Turns z onto the normal of the end plates.
fn stand_between_plates(solid: &Solid<'_>, plates: Plates) -> Option<Rigid<Patient, Vertebra>> {
    let half = |axis: DVec3| {
        0.5 * (solid.reach(DVec3::ZERO, axis, MOST_BODY_MM)
            + solid.reach(DVec3::ZERO, -axis, MOST_BODY_MM))
    };
    // The chord across the sacrum runs on into the alae; no plate is so wide for its depth.
    let half_depth = half(DVec3::Y);
    let half_width = half(DVec3::X).min(MOST_WIDTH_TO_DEPTH * half_depth);
    let part = [half_width * PLATE_PART, half_depth * PLATE_PART];
    let upper = plate_normal(&plate_points(solid, part, DVec3::Z))?;
    let normal = match plates {
        Plates::Both => upper + plate_normal(&plate_points(solid, part, -DVec3::Z))?,
        Plates::Upper => upper,
    };
    Some(turned(solid.frame(), DQuat::from_rotation_arc(DVec3::Z, normal.normalize())))
}

/// Points of the end plate in direction `up`, over the middle part of the body.
fn plate_points(solid: &Solid<'_>, part: [f64; 2], up: DVec3) -> Vec<DVec3> {
    let mut points = Vec::new();
    for i in -PLATE_RAYS..=PLATE_RAYS {
        for j in -PLATE_RAYS..=PLATE_RAYS {
            let (u, v) =
                (f64::from(i) / f64::from(PLATE_RAYS), f64::from(j) / f64::from(PLATE_RAYS));
            let from = DVec3::new(u * part[0], v * part[1], 0.0);
            let height = solid.reach(from, up, MOST_BODY_MM);
            if u.hypot(v) <= 1.0 && solid.is_inside(from) && height < MOST_BODY_MM {
                points.push(from + up * height);
            }
        }
    }
    points
}

/// The upward unit normal of the plane z = a + b x + c y through the points, by least squares; the
/// quarter of the points that lies furthest off is left out once.
fn plate_normal(points: &[DVec3]) -> Option<DVec3> {
    let first = fit_plane(points)?;
    let off = |p: &DVec3| (p.z - first.dot(DVec3::new(1.0, p.x, p.y))).abs();
    let mut sorted: Vec<DVec3> = points.to_vec();
    sorted.sort_by(|a, b| off(a).total_cmp(&off(b)));
    let fit = fit_plane(&sorted[..points.len() * 3 / 4])?;
    Some(DVec3::new(-fit.y, -fit.z, 1.0).normalize())
}

/// (a, b, c) of z = a + b x + c y; `None` for points on a line.
fn fit_plane(points: &[DVec3]) -> Option<DVec3> {
    let mut sums = DMat3::ZERO;
    let mut right = DVec3::ZERO;
    for p in points {
        let row = DVec3::new(1.0, p.x, p.y);
        sums += DMat3::from_cols(row * row.x, row * row.y, row * row.z);
        right += row * p.z;
    }
    (sums.determinant().abs() > 1e-6 && points.len() >= 8).then(|| sums.inverse() * right)
}

/// Turns x about z, and shifts it, so that the bone's mirror image in the plane x = 0 covers the
/// bone best.
fn turn_to_symmetry(solid: &Solid<'_>, cloud: &Cloud, plates: Plates) -> Rigid<Patient, Vertebra> {
    let all = cloud.seen_from(solid.frame());
    // Of the sacrum the height of S1 alone: below it the bone may lean to a side.
    let lowest = if plates == Plates::Upper { -20.0 } else { f64::NEG_INFINITY };
    let points: Vec<DVec3> = all.iter().filter(|p| p.z > lowest).copied().collect();
    let stride = (points.len() / 4000).max(1);
    let covered = |[degrees, shift]: [f64; 2]| {
        let turn = DQuat::from_rotation_z(degrees.to_radians());
        let back = turn.inverse();
        let mirrored = points.iter().step_by(stride).map(|p| {
            let q = back * *p;
            turn * DVec3::new(2.0 * shift - q.x, q.y, q.z)
        });
        mirrored.filter(|p| solid.is_inside(*p)).count()
    };
    let mut best = [0.0, 0.0];
    let mut score = covered(best);
    let mut step = [8.0, 2.0];
    // A pattern search from coarse to fine: the cover has one broad top.
    while step[0] > 0.2 {
        let mut improved = false;
        for [a, b] in [
            [1.0, 0.0],
            [-1.0, 0.0],
            [0.0, 1.0],
            [0.0, -1.0],
            [1.0, 1.0],
            [-1.0, -1.0],
            [1.0, -1.0],
            [-1.0, 1.0],
        ] {
            let there = [best[0] + a * step[0], best[1] + b * step[1]];
            let found = covered(there);
            if found > score && there[0].abs() <= 45.0 {
                (best, score, improved) = (there, found, true);
            }
        }
        if !improved {
            step = step.map(|s| s / 2.0);
        }
    }
    let turn = DQuat::from_rotation_z(best[0].to_radians());
    let frame = turned(solid.frame(), turn);
    moved(frame, DVec3::new(best[1], 0.0, 0.0))
}

/// The frame at `origin` with z along `up` and x as near to the patient's left as that allows.
pub(super) fn upright(origin: DVec3, up: DVec3) -> Rigid<Patient, Vertebra> {
    let origin = Point::from_vec(origin);
    Rigid::from_axes(origin, Dir::X, Dir::from_vec(up))
        .unwrap_or_else(|| Rigid::new(DQuat::IDENTITY, origin.vec()))
}
