//! A vertebra's own axes: z halves the angle of the end plates, y runs from the middle of the body
//! to the middle of the canal (after Aaro and Dahlborn), x to the left.
//!
//! In: the bone and its canal. Out: `patient_from_vertebra`. Left stays left: the frame is only
//! ever turned by angles under 90 degrees from one whose x points to the patient's left. It is
//! found in two goes: first with the axis of symmetry, which needs no exact canal ([`find`]); when
//! the pedicles tell at what height the canal is to be read, with that ([`settle`]).

use super::canal::{Calibre, Canal, calibre};
use super::endplate::{self, MOST_BODY_MM, Plane};
use super::solid::{Cloud, Solid};
use crate::space::{Dir, Patient, Point, Rigid, Vertebra};
use glam::{DQuat, DVec2, DVec3};

/// Bodies reach about this far forward of the canal from their middle, mm: where to start.
const BODY_BEFORE_CANAL_MM: f64 = 12.0;
/// The middle of the body of S1 is taken this far under its upper end plate, mm.
const S1_UNDER_PLATE_MM: f64 = 13.0;
/// Symmetry and canal may disagree about the axes by this much, degrees; past it the canal was not
/// read right, and symmetry is believed.
const MOST_APART_DEG: f64 = 6.0;
/// A vertebra is turned about its top against the spine's own axes by no more than this, degrees.
const MOST_TURN_DEG: f64 = 45.0;

/// Width, depth and height of bodies from T1 to L6, crushed ones too, least and most, mm.
const BODY_MM: [[f64; 2]; 3] = [[16.0, 65.0], [13.0, 50.0], [8.0, 45.0]];
/// End plates that lean apart by more than this are not those of one body, degrees.
const MOST_LEAN_DEG: f64 = 45.0;

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
    let towards_canal = canal_deg(frame, canal);
    frame = turn_to_symmetry(&surface_seen.seen_from(frame), cloud, plates, towards_canal);
    centre_on_body(&surface_seen.seen_from(frame), plates)
}

/// The turn about the canal after which the body lies straight before it, where a patient lies so far on
/// the side that the image's front says little of it; `None` for any other, which symmetry turns, and for
/// one turned so far that the image's own directions are in doubt.
pub(super) fn turn_to_body(cloud: &Cloud, canal: &Canal) -> Option<DQuat> {
    /// Degrees from and up to which it is turned: over what curves turn a vertebra by, well under a
    /// quarter.
    const TURNED_DEG: [f64; 2] = [35.0, 80.0];
    /// From the canal's wall to the far side of a body, and half a body's height, mm.
    const FROM_WALL_MM: [f64; 2] = [3.0, 30.0];
    const HALF_HEIGHT_MM: f64 = 10.0;
    /// What lies this far to each side of a direction counts for it: half of what a body takes up.
    const HALF_BODY_RAD: f64 = 1.0;
    let ring_mm = FROM_WALL_MM.map(|mm| canal.to_front_mm + mm);
    let points = cloud.seen_from(canal.patient_from_canal);
    let is_of_body = |p: &&DVec3| {
        p.z.abs() < HALF_HEIGHT_MM && (ring_mm[0]..ring_mm[1]).contains(&p.truncate().length())
    };
    let around: Vec<DVec2> =
        points.iter().filter(is_of_body).map(|p| p.truncate().normalize()).collect();
    let near = |front: DVec2| around.iter().filter(move |p| p.dot(front) > HALF_BODY_RAD.cos());
    // Where most bone lies: from every start on to the middle of what lies around it.
    let settled = |start: f64| {
        let mut front = DVec2::from_angle(start).rotate(-DVec2::Y);
        for _ in 0..30 {
            front = near(front).sum::<DVec2>().try_normalize()?;
        }
        Some(front)
    };
    let fronts = [0.0, 1.1, -1.1].into_iter().filter_map(settled);
    let front = fronts.max_by_key(|front| near(*front).count())?;
    let angle = front.x.atan2(-front.y);
    let [least, most] = TURNED_DEG.map(f64::to_radians);
    (least..most).contains(&angle.abs()).then(|| DQuat::from_rotation_z(angle))
}

/// The body of a vertebra whose canal is not known, from the spine's own axes at its middle of mass:
/// z halves the angle of its end plates, x stays as near to the patient's left as that allows.
/// `None` where nothing there has the size of a body and an end plate above and below.
pub(super) fn of_body(solid: &Solid<'_>) -> Option<Settled> {
    // Where the arch is there, the middle of mass lies behind the body's own.
    const FORWARD_MM: [f64; 5] = [0.0, 5.0, 10.0, 15.0, 20.0];
    let body = |forward_mm: &f64| {
        let mut frame = moved(solid.frame(), DVec3::NEG_Y * *forward_mm);
        for _ in 0..3 {
            frame = centre_on_body(&solid.seen_from(frame), Plates::Both)?;
            frame = stand_between_plates(&solid.seen_from(frame), Plates::Both)?;
        }
        let frame = centre_on_body(&solid.seen_from(frame), Plates::Both)?;
        let here = solid.seen_from(frame);
        let (upper, lower) = end_plates(&here, Plates::Both);
        let lean_deg = upper?.up.angle_between(lower?.up).to_degrees();
        let is_body = lean_deg < MOST_LEAN_DEG && has_size_of_body(&here);
        is_body.then_some(Settled { frame, upper, lower, calibre: None })
    };
    FORWARD_MM.iter().find_map(body)
}

/// True where the chords through the middle are those of a body and not of a process.
fn has_size_of_body(solid: &Solid<'_>) -> bool {
    let [width, depth] = endplate::body_mm(solid);
    let height = [DVec3::Z, DVec3::NEG_Z].map(|up| solid.reach(DVec3::ZERO, up, MOST_BODY_MM));
    [width, depth, height[0] + height[1]]
        .iter()
        .zip(BODY_MM)
        .all(|(mm, [least, most])| (least..most).contains(mm))
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

pub(super) fn turned(frame: Rigid<Patient, Vertebra>, by: DQuat) -> Rigid<Patient, Vertebra> {
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

/// The end plates of a bone.
fn end_plates(solid: &Solid<'_>, plates: Plates) -> (Option<Plane>, Option<Plane>) {
    let lower = (plates == Plates::Both).then(|| endplate::fit(solid, -DVec3::Z)).flatten();
    (endplate::fit(solid, DVec3::Z), lower)
}

/// Turns z onto the normal of the end plates.
fn stand_between_plates(solid: &Solid<'_>, plates: Plates) -> Option<Rigid<Patient, Vertebra>> {
    let (upper, lower) = end_plates(solid, plates);
    let up = |plane: Option<Plane>| plane.map_or(DVec3::ZERO, |plane| plane.up);
    // Where one end is missing (a label that leaks into a disc) the other one tells.
    let normal = (up(upper) + up(lower)).try_normalize()?;
    Some(turned(solid.frame(), DQuat::from_rotation_arc(DVec3::Z, normal)))
}

/// A frame and what it was settled on.
pub(super) struct Settled {
    pub frame: Rigid<Patient, Vertebra>,
    pub upper: Option<Plane>,
    pub lower: Option<Plane>,
    /// `None` where the canal is not open at the height of the pedicles.
    pub calibre: Option<Calibre>,
}

/// The final frame: end plates, and the canal at the height of `pedicles`, a point in patient space.
pub(super) fn settle(
    solid: &Solid<'_>,
    canal: &Canal,
    pedicles: Option<Point<Patient>>,
    plates: Plates,
) -> Settled {
    let mut frame = solid.frame();
    let read = |frame: Rigid<Patient, Vertebra>| {
        let height = pedicles.map_or(0.0, |p| frame.inverse().point(p).vec().z);
        calibre(&solid.seen_from(frame), canal, height)
    };
    for _ in 0..6 {
        let Some(found) = read(frame) else { break };
        let back = DVec3::new(found.centre.x, found.centre.y, 0.0);
        let angle = DVec3::Y.angle_between(back).to_degrees();
        let turn = DQuat::from_rotation_arc(DVec3::Y, back.normalize_or(DVec3::Y));
        let next = turned(frame, turn);
        let next = centre_on_body(&solid.seen_from(next), plates);
        let next = next.and_then(|next| stand_between_plates(&solid.seen_from(next), plates));
        match next {
            Some(next) if is_near(next, solid.frame()) => frame = next,
            _ => {
                frame = solid.frame();
                break;
            }
        }
        if angle < 0.02 {
            break;
        }
    }
    let here = solid.seen_from(frame);
    let (upper, lower) = end_plates(&here, plates);
    Settled { frame, upper, lower, calibre: read(frame) }
}

fn is_near(a: Rigid<Patient, Vertebra>, b: Rigid<Patient, Vertebra>) -> bool {
    let apart = |d: Dir<Vertebra>| a.dir(d).angle_to_rad(b.dir(d)).to_degrees();
    apart(Dir::X).max(apart(Dir::Z)) < MOST_APART_DEG
}

/// How far the canal lies aside of the frame's back, degrees about its top.
fn canal_deg(frame: Rigid<Patient, Vertebra>, canal: &Canal) -> f64 {
    let at = canal.at_height(frame, 0.0).vec();
    (-at.x).atan2(at.y).to_degrees()
}

/// Turns x about z, and shifts it, so that the bone's mirror image in the plane x = 0 covers the
/// bone best. The cover of a bone whose sides differ has more than one top: it is climbed from the
/// frame as it is and from that whose back looks at the canal.
fn turn_to_symmetry(
    solid: &Solid<'_>,
    cloud: &Cloud,
    plates: Plates,
    towards_canal_deg: f64,
) -> Rigid<Patient, Vertebra> {
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
    let starts = [0.0, towards_canal_deg.clamp(-MOST_TURN_DEG, MOST_TURN_DEG)];
    let tops = starts.map(|deg| climb([deg, 0.0], covered));
    let best = if tops[1].1 > tops[0].1 { tops[1].0 } else { tops[0].0 };
    let turn = DQuat::from_rotation_z(best[0].to_radians());
    let frame = turned(solid.frame(), turn);
    moved(frame, DVec3::new(best[1], 0.0, 0.0))
}

/// The turn and shift near `start` at which most is covered, and how much.
fn climb(start: [f64; 2], covered: impl Fn([f64; 2]) -> usize) -> ([f64; 2], usize) {
    let mut best = start;
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
            if found > score && there[0].abs() <= MOST_TURN_DEG {
                (best, score, improved) = (there, found, true);
            }
        }
        if !improved {
            step = step.map(|s| s / 2.0);
        }
    }
    (best, score)
}

/// The frame at `origin` with z along `up` and x as near to the patient's left as that allows.
pub(super) fn upright(origin: DVec3, up: DVec3) -> Rigid<Patient, Vertebra> {
    let origin = Point::from_vec(origin);
    Rigid::from_axes(origin, Dir::X, Dir::from_vec(up))
        .unwrap_or_else(|| Rigid::new(DQuat::IDENTITY, origin.vec()))
}
