//! Isthmus and axis of a pedicle, from where its least section lies.
//!
//! In: the bone in its vertebra's frame, and lines near the pedicle. Out: the isthmus in the middle
//! of the narrow stretch with the axis through the centroids around it ([`of_tube`]); where the
//! pedicle closes no tube, the least section with the axis through what is closed beside it
//! ([`of_bridge`]), turned so that it stays in bone ([`through_bone`]).

use super::outline::across;
use super::pedicle::{LEAST_SPAN_MM, Line, OPEN_AREA, Sized, section, span};
use super::solid::Solid;
use super::tube::Tube;
use glam::DVec3;
use std::f64::consts::TAU;

/// A screw stands in the body where it goes on in bone for so long before the isthmus, mm.
const AHEAD_MM: f64 = 14.0;
/// The line through the centroids may correct the least section's own axis by this much, degrees,
/// and lead so far from it, mm: of a pedicle that is a tube the least section may lie near its end.
const MOST_CORRECTION_DEG: f64 = 12.0;
const MOST_SETTLED_MM: f64 = 4.0;
/// The same where there is no tube.
const BRIDGE_CORRECTION_DEG: f64 = 9.0;
const BRIDGE_SETTLED_MM: f64 = 2.0;
/// The isthmus is at most so many times as large as the least section.
const MOST_GROWN: f64 = 1.3;
/// Isthmus and axis are sought by turns at most so often.
const MOST_TURNS: usize = 40;

/// The smallest of the isthmuses found from `starts`; `None` where none comes to rest near the least
/// section, as where the pedicle opens to the side into the root of a process.
pub(super) fn of_tube(solid: &Solid<'_>, starts: &[Line], least: &Sized) -> Option<Sized> {
    let moved = starts.iter().filter_map(|start| settled(solid, *start, least));
    moved.min_by(|a, b| a.area_mm2.total_cmp(&b.area_mm2))
}

/// The isthmus and the axis through the centroids of the sections around it, found by turns from
/// `start`, in shortened steps. `None` where that leads far from the least section nearby, to another
/// part of the bone, or where the sections beside it are open.
fn settled(solid: &Solid<'_>, start: Line, least: &Sized) -> Option<Sized> {
    const MOST_STEP_MM: f64 = 1.0;
    let mut line = start;
    let (mut share, mut last_way) = (0.4_f64, DVec3::ZERO);
    for _ in 0..MOST_TURNS {
        let before = line;
        let tube = Tube::of(solid, line);
        let to_middle = tube.to_middle().clamp(-MOST_STEP_MM, MOST_STEP_MM);
        line.middle = tube.centroid() + line.axis * (0.7 * to_middle);
        // A part of the way, less where it swings: between flaring walls sections that tilt with
        // the axis overshoot.
        let way = tube.direction() - line.axis;
        share = if way.dot(last_way) < 0.0 { share / 2.0 } else { f64::min(share * 1.2, 0.4) };
        line.axis = (line.axis + way * share).normalize();
        last_way = way;
        if before.axis.distance(line.axis) < 2e-4 && before.middle.distance(line.middle) < 0.005 {
            break;
        }
    }
    let area_mm2 = section(solid, line.middle, line.axis).area_mm2();
    let has_left = area_mm2 > MOST_GROWN * least.area_mm2
        || line.middle.distance(least.line.middle) > MOST_SETTLED_MM
        || !is_closed_around(solid, &line)
        || line.axis.angle_between(least.line.axis) > MOST_CORRECTION_DEG.to_radians();
    (!has_left).then_some(Sized { line, area_mm2 })
}

/// True when the sections next to a line's middle are closed, as those beside an isthmus are.
fn is_closed_around(solid: &Solid<'_>, line: &Line) -> bool {
    span(solid, line).iter().all(|end| end.abs() >= LEAST_SPAN_MM)
}

/// The axis through the centroids of the sections up to 3 mm before and behind the isthmus, found
/// by turns with the isthmus, in damped steps. Sections that open into body or arch do not count;
/// where too few are closed, or the axis turns far, the least section's own axis stays.
pub(super) fn of_bridge(solid: &Solid<'_>, least: Sized) -> Line {
    let Sized { line: start, area_mm2 } = least;
    let mut line = start;
    for _ in 0..MOST_TURNS {
        let before = line;
        let (mut slope, mut weight) = (DVec3::ZERO, 0.0);
        for n in [-6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6] {
            let t = f64::from(n) * 0.5;
            let here = section(solid, line.middle + line.axis * t, line.axis);
            if here.area_mm2() < OPEN_AREA * area_mm2 {
                slope += (here.centroid() - line.middle) * t;
                weight += t * t;
            }
        }
        if weight < 8.0 {
            break;
        }
        let wanted = (slope / weight).normalize_or(line.axis);
        line.axis = (line.axis + (wanted - line.axis) * 0.4).normalize();
        line.middle += line.axis * to_least(solid, &line);
        line.middle = section(solid, line.middle, line.axis).centroid();
        if before.axis.distance(line.axis) < 1e-3 && before.middle.distance(line.middle) < 0.02 {
            break;
        }
    }
    let here = section(solid, line.middle, line.axis).area_mm2();
    let has_left = here > 1.15 * area_mm2
        || line.middle.distance(start.middle) > BRIDGE_SETTLED_MM
        || line.axis.angle_between(start.axis) > BRIDGE_CORRECTION_DEG.to_radians();
    if has_left { start } else { line }
}

/// How far along the axis the section is least, from the parabola through three of them half a
/// millimetre apart; a short step at a time.
fn to_least(solid: &Solid<'_>, line: &Line) -> f64 {
    const APART_MM: f64 = 0.5;
    const MOST_STEP_MM: f64 = 0.3;
    let area = |t: f64| section(solid, line.middle + line.axis * t, line.axis).area_mm2();
    let [behind, here, ahead] = [-APART_MM, 0.0, APART_MM].map(area);
    let bend = ahead - 2.0 * here + behind;
    let step = if bend > 1e-9 { 0.5 * APART_MM * (behind - ahead) / bend } else { 0.0 };
    step.clamp(-MOST_STEP_MM, MOST_STEP_MM)
}

/// The line's own direction, unless that leaves bone before it is in the body, or a process distorts
/// it: then the nearest one, by degrees, along which a thin wire stays in bone. Its own again where
/// there is none.
pub(super) fn through_bone(solid: &Solid<'_>, line: &Line, is_distorted: bool) -> DVec3 {
    const DEGREES: usize = 20;
    const AROUND: usize = 24;
    if !is_distorted && leads_through(solid, line) {
        return line.axis;
    }
    let [u, v] = across(line.axis);
    let tilted = (0..DEGREES * AROUND).map(|n| {
        let tilt = ((n / AROUND + 1) as f64).to_radians().tan();
        let (sin, cos) = (TAU * (n % AROUND) as f64 / AROUND as f64).sin_cos();
        (line.axis + (u * cos + v * sin) * tilt).normalize()
    });
    let mut all = std::iter::once(line.axis).chain(tilted);
    all.find(|axis| is_wire_in_bone(solid, line.middle, *axis)).unwrap_or(line.axis)
}

/// True when a line goes on in bone for as long ahead as a screw needs to stand in the body, and
/// meets no other part of the vertebra behind where it leaves the arch.
fn leads_through(solid: &Solid<'_>, line: &Line) -> bool {
    const BEHIND_MM: f64 = 60.0;
    let back = solid.reach(line.middle, -line.axis, BEHIND_MM);
    let beyond = line.middle - line.axis * (back + 0.2);
    solid.is_inside(line.middle)
        && solid.reach(line.middle, line.axis, AHEAD_MM) >= AHEAD_MM
        && solid.reach(beyond, -line.axis, BEHIND_MM) >= BEHIND_MM
}

/// True when every line of a thin wire through `middle` leads through.
pub(super) fn is_wire_in_bone(solid: &Solid<'_>, middle: DVec3, axis: DVec3) -> bool {
    const RADIUS_MM: f64 = 0.7;
    let [u, v] = across(axis);
    let around = (0..8).map(|n| {
        let (sin, cos) = (TAU * f64::from(n) / 8.0).sin_cos();
        (u * cos + v * sin) * RADIUS_MM
    });
    std::iter::once(DVec3::ZERO)
        .chain(around)
        .all(|off| leads_through(solid, &Line { middle: middle + off, axis }))
}
