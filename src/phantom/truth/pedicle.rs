//! The true pedicles: isthmus and axis ([`super::tube`]), then the sizes.

use super::ray::{across, crossing, reach_from, section_area, support};
use super::tube::{Line, MOST_OFF_MM, settled};
use crate::phantom::shape::{Origin, Shape};
use crate::space::Side;
use glam::DVec3;
use std::f64::consts::TAU;

/// A pedicle in the vertebra's coordinates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local {
    pub(super) side: Side,
    pub(super) isthmus: DVec3,
    pub(super) axis: DVec3,
    pub(super) width_mm: f64,
    pub(super) height_mm: f64,
    pub(super) least_mm: f64,
    pub(super) span_mm: [f64; 2],
    pub(super) chord_mm: f64,
}

/// Half of the largest pedicle with room to spare; a ray that runs further has left it.
pub(super) const MOST_MM: f64 = 15.0;
/// Rays in a section.
const RAYS: usize = 72;
/// The longest chord looked for, mm, to one side.
const MOST_CHORD_MM: f64 = 90.0;
/// A pedicle's span ends where its section is so many times that of the isthmus, and here at last.
const OPEN_AREA: f64 = 1.8;
const MOST_SPAN_MM: f64 = 15.0;
/// The chord is the mean over lines up to this far from the axis, mm, and up to this share of the
/// isthmus' width; and how many they are besides the axis.
const PENCIL_MM: f64 = 2.0;
const PENCIL_SHARE: f64 = 1.0 / 3.0;
const PENCIL_LINES: usize = 24;

/// The isthmus and the axis of a pedicle whose sections are closed, from where they are about.
pub(super) fn closed(shape: &Shape, side: Side, start: DVec3, along: DVec3) -> Local {
    let nearby = shape.near(start, MOST_MM + f64::from(MOST_OFF_MM));
    let line = settled(&nearby, Line { middle: start, axis: along });
    Local {
        side,
        isthmus: line.middle,
        axis: line.axis,
        width_mm: 0.0,
        height_mm: 0.0,
        least_mm: 0.0,
        span_mm: [-1.0, 1.0].map(|sense| sense * span(shape, line, sense)),
        chord_mm: 0.0,
    }
}

impl Local {
    /// With the sizes, of which width and height follow the vertebra's left, and the chord.
    pub(super) fn sized(self, shape: &Shape, left: DVec3) -> Self {
        let nearby = shape.near(self.isthmus, MOST_MM + 4.0);
        let one = |d: DVec3| support(&nearby, self.isthmus, self.axis, d, MOST_MM);
        let [width_mm, height_mm] = across(self.axis, left).map(|d| one(d) + one(-d));
        let least_mm = least_extent(&nearby, self.isthmus, self.axis);
        let chord_mm = pencil(shape, self.isthmus, self.axis, left, width_mm);
        Self { width_mm, height_mm, least_mm, chord_mm, ..self }
    }
}

/// Least extent of the isthmus in any direction across the axis, mm: the vertex of the parabola
/// through the least of those at every third degree and its neighbours.
fn least_extent(shape: &Shape, isthmus: DVec3, axis: DVec3) -> f64 {
    const STEP_DEG: f64 = 3.0;
    const DIRECTIONS: usize = 60;
    const RAYS: usize = 720;
    let [u, v] = across(axis, DVec3::X);
    let towards = |degrees: f64| {
        let (sin, cos) = degrees.to_radians().sin_cos();
        u * cos + v * sin
    };
    let ray = |n: usize| towards(n as f64 * 360.0 / RAYS as f64);
    let from = Origin::new(shape, isthmus);
    let outline: Vec<DVec3> =
        (0..RAYS).map(|n| ray(n) * reach_from(&from, ray(n), MOST_MM)).collect();
    let about = |n: &usize| {
        let d = towards(*n as f64 * STEP_DEG);
        let along = outline.iter().map(|p| p.dot(d));
        along.clone().fold(0.0, f64::max) - along.fold(0.0, f64::min)
    };
    let smallest = (0..DIRECTIONS).min_by(|a, b| about(a).total_cmp(&about(b))).unwrap_or(0);
    let extent = |degrees: f64| {
        let d = towards(degrees);
        support(shape, isthmus, axis, d, MOST_MM) + support(shape, isthmus, axis, -d, MOST_MM)
    };
    let vertex = |middle: f64, step: f64| {
        let [before, here, after] = [-step, 0.0, step].map(|d| extent(middle + d));
        let bend = after - 2.0 * here + before;
        let off = if bend > 1e-12 { 0.5 * (before - after) / bend } else { 0.0 };
        middle + step * off.clamp(-1.0, 1.0)
    };
    extent(vertex(vertex(smallest as f64 * STEP_DEG, STEP_DEG), 0.5))
}

/// Mean length in bone of the axis and of the lines beside it, evenly spread at two thirds of and
/// at the pencil's radius.
pub(super) fn pencil(
    shape: &Shape,
    isthmus: DVec3,
    axis: DVec3,
    left: DVec3,
    width_mm: f64,
) -> f64 {
    let radius = PENCIL_MM.min(width_mm * PENCIL_SHARE);
    let [u, v] = across(axis, left);
    let beside = (0..PENCIL_LINES).map(|n| {
        let (sin, cos) = (TAU * n as f64 / PENCIL_LINES as f64).sin_cos();
        let share = if n % 2 == 0 { 1.0 } else { 2.0 / 3.0 };
        isthmus + (u * cos + v * sin) * (radius * share)
    });
    let all = beside.chain(std::iter::once(isthmus)).map(|from| chord(shape, from, axis));
    all.sum::<f64>() / (PENCIL_LINES + 1) as f64
}

/// From where a line leaves bone behind a point to where it does in front, mm.
fn chord(shape: &Shape, isthmus: DVec3, axis: DVec3) -> f64 {
    let from = Origin::new(shape, isthmus);
    [axis, -axis].map(|d| reach_from(&from, d, MOST_CHORD_MM)).iter().sum()
}

/// How far from the isthmus the section stays closed enough, mm.
fn span(shape: &Shape, line: Line, sense: f64) -> f64 {
    let nearby = shape.near(line.middle, MOST_SPAN_MM + MOST_MM);
    let area =
        |t: f64| section_area(&nearby, line.middle + line.axis * t, line.axis, RAYS, MOST_MM);
    let most = OPEN_AREA * area(0.0);
    let over = |t: f64| (area(sense * t) / most - 1.0) * 1e-3;
    let steps = (1..=(2.0 * MOST_SPAN_MM) as usize).map(|n| n as f64 / 2.0);
    let open = steps.map(|t| (t, over(t))).find(|(_, over)| *over > 0.0);
    open.map_or(MOST_SPAN_MM, |(t, beyond)| crossing(over, [t - 0.5, t], [over(t - 0.5), beyond]))
}
