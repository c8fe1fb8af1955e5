//! The true pedicles of S1, which close no ring; see the head of [`super`] for what they are.

use super::frame::{self, Frame};
use super::pedicle::{Local, pencil};
use super::ray::{across, reach};
use crate::phantom::shape::Shape;
use crate::space::Side;
use glam::DVec3;

/// The front wall of the canal is read this far under the end plate, mm.
const READ_UNDER_PLATE_MM: f64 = 8.0;
/// The plane of the isthmus lies this far behind that wall, and the isthmus this far beside its medial
/// border, mm.
const BEHIND_FRONT_MM: f64 = 4.0;
const BESIDE_MM: f64 = 9.2;
/// The axis meets the front of the body this far under the end plate and beside the midline, mm.
const UNDER_PLATE_MM: f64 = 6.5;
const FROM_MIDLINE_MM: f64 = 5.0;
/// Bone thinner than this from above to below, mm, is a facet's tip or the canal's sloping wall; and the
/// bridge begins no further than this below the middle of the body.
const LEAST_THICK_MM: f64 = 8.0;
const MOST_BELOW_MM: f64 = 22.0;
/// No canal is wider or deeper from its middle, mm; and no bone from a place inside.
const MOST_CANAL_MM: f64 = 25.0;
const MOST_MM: f64 = 60.0;
/// The span is looked for this far to both sides of the isthmus, mm.
const MOST_SPAN_MM: f64 = 12.0;

/// Frame and pedicles, which stand on each other, by turns until they rest; `canal` is a point in the
/// canal to start from.
pub(super) fn solve(shape: &Shape, canal: DVec3) -> (Frame, [Local; 2]) {
    const MOST_TURNS: usize = 20;
    let mut frame = frame::solve(shape, [canal; 2], canal, true);
    for _ in 0..MOST_TURNS {
        let isthmuses = Side::BOTH.map(|side| isthmus(shape, &frame, side).0);
        let next = frame::solve(shape, isthmuses, frame.canal.centre, true);
        let moved = next.canal.centre.distance(frame.canal.centre);
        frame = next;
        if moved < 1e-8 {
            break;
        }
    }
    (frame, Side::BOTH.map(|side| pedicle(shape, &frame, side)))
}

/// Middle and height of the isthmus.
fn isthmus(shape: &Shape, frame: &Frame, side: Side) -> (DVec3, f64) {
    let [out, back, up] = [frame.axes.x_axis * side.sign(), frame.axes.y_axis, frame.axes.z_axis];
    let plate = reach(shape, frame.centre, up, MOST_MM);
    let height = (frame.canal.centre - frame.centre).dot(up);
    let in_canal = frame.canal.centre + up * (plate - READ_UNDER_PLATE_MM - height);
    let to_front = reach(shape, in_canal, -back, MOST_CANAL_MM);
    let in_plane = in_canal + back * (BEHIND_FRONT_MM - to_front);
    let from_centre = (in_plane - frame.centre).dot(up);
    let at_plate = in_plane + up * (plate - from_centre);
    let deepest = plate + MOST_BELOW_MM;
    let bone = |mm: f64| thick(shape, at_plate + out * mm, -up, deepest);
    let is_bridge = |mm: f64| bone(mm).is_some_and(|[_, roof]| roof < deepest);
    let beside = border(is_bridge) + BESIDE_MM;
    // The ala goes on for more than twice as far: there always is bone.
    let [top, roof] = bone(beside).unwrap_or_default();
    (at_plate + out * beside - up * ((top + roof) / 2.0), roof - top)
}

/// How far out the bone beside the canal begins to be thick, mm.
fn border(is_thick: impl Fn(f64) -> bool) -> f64 {
    const STEP_MM: f64 = 0.5;
    const HALVINGS: usize = 36;
    let mut air = 0.0;
    while air < MOST_CANAL_MM && !is_thick(air + STEP_MM) {
        air += STEP_MM;
    }
    let mut bone = air + STEP_MM;
    for _ in 0..HALVINGS {
        let middle = (air + bone) / 2.0;
        if is_thick(middle) { bone = middle } else { air = middle }
    }
    bone
}

/// Where the first thick bone along `down` begins and ends, mm; `None` where it begins no sooner than
/// at `deepest`.
fn thick(shape: &Shape, from: DVec3, down: DVec3, deepest: f64) -> Option<[f64; 2]> {
    /// So far past a surface a point is on the other side of it, mm.
    const PAST_MM: f64 = 1e-3;
    let end = |t: f64| t + reach(shape, from + down * t, down, MOST_MM);
    let is_inside = |t: f64| shape.value((from + down * t).to_array()) >= 0.0;
    let mut t = 0.0;
    while t < deepest {
        let begin = if is_inside(t) { t } else { end(t) };
        let bottom = end(begin + PAST_MM);
        if bottom - begin > LEAST_THICK_MM {
            return (begin < deepest).then_some([begin, bottom]);
        }
        t = bottom + PAST_MM;
    }
    None
}

fn pedicle(shape: &Shape, frame: &Frame, side: Side) -> Local {
    let [left, back, up] = [frame.axes.x_axis, frame.axes.y_axis, frame.axes.z_axis];
    let (isthmus, height_mm) = isthmus(shape, frame, side);
    let plate = reach(shape, frame.centre, up, MOST_MM);
    let aside = left * (FROM_MIDLINE_MM * side.sign());
    let in_body = frame.centre + aside + up * (plate - UNDER_PLATE_MM);
    let promontory = in_body - back * reach(shape, in_body, -back, MOST_MM);
    let axis = (promontory - isthmus).normalize_or(-back);
    let u = across(axis, left)[0];
    let width_mm = reach(shape, isthmus, u, MOST_MM) + reach(shape, isthmus, -u, MOST_MM);
    let from_midline = |p: DVec3| (p - frame.centre).dot(left).abs();
    let is_walled = |t: f64| {
        let at = isthmus + axis * t;
        let to_wall = reach(shape, at, -u * side.sign(), MOST_MM);
        shape.value(at.to_array()) >= 0.0 && to_wall < from_midline(at)
    };
    Local {
        side,
        isthmus,
        axis,
        width_mm,
        height_mm,
        least_mm: width_mm.min(height_mm),
        span_mm: [-1.0, 1.0].map(|sense| sense * walled_mm(|t| is_walled(sense * t))),
        chord_mm: pencil(shape, isthmus, axis, left, width_mm),
    }
}

/// How far the canal's wall goes on, mm.
fn walled_mm(is_walled: impl Fn(f64) -> bool) -> f64 {
    const STEP_MM: f64 = 0.5;
    let steps = (MOST_SPAN_MM / STEP_MM) as usize;
    let open = (1..=steps).map(|n| n as f64 * STEP_MM).find(|t| !is_walled(*t));
    let Some(mut open) = open else { return MOST_SPAN_MM };
    let mut walled = open - STEP_MM;
    for _ in 0..24 {
        let middle = (walled + open) / 2.0;
        if is_walled(middle) { walled = middle } else { open = middle }
    }
    walled
}
