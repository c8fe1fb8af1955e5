//! The true end plates, canal and frame of a vertebra, found together.

use super::ray::{centred, reach};
use crate::phantom::shape::Shape;
use glam::{DMat3, DVec2, DVec3};
use std::f64::consts::TAU;

/// The part of the body's half width and half depth over which a plate is fitted.
const PLATE_PART: f64 = 0.65;
/// Rings and rays of the points on a plate; the rings hold equal areas.
const RINGS: usize = 12;
const SPOKES: usize = 36;
/// No body is larger than this from its middle, mm.
const MOST_MM: f64 = 60.0;
/// No canal is, and no arch lies further behind it.
const MOST_CANAL_MM: f64 = 20.0;
/// The middle of the body of S1 is taken this far under its plate, mm.
pub(super) const S1_UNDER_PLATE_MM: f64 = 13.0;
/// The sides of the plate of S1 are looked for this far under it, above the alae, mm.
const UNDER_RIM_MM: f64 = 2.0;
/// The plate of S1 is at most this many times as wide as deep: the chord across runs into the alae.
const S1_WIDTH_TO_DEPTH: f64 = 1.5;

/// An end plate: the plane fitted to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plate {
    /// The plane's point over the middle of the body.
    pub(super) centre: DVec3,
    /// Unit normal, towards the head.
    pub(super) up: DVec3,
}

/// Canal at the height of the pedicles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canal {
    pub(super) centre: DVec3,
    pub(super) width_mm: f64,
    pub(super) depth_mm: f64,
}

/// A vertebra's own axes and what they stand on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) centre: DVec3,
    /// Left, back and top.
    pub(super) axes: DMat3,
    pub(super) upper: Plate,
    /// The sacrum has none.
    pub(super) lower: Option<Plate>,
    pub(super) canal: Canal,
}

/// Body centre, plates and canal depend on the axes and the axes on them: by turns until they rest.
/// `pedicles` are the isthmuses; `canal` is a point in the canal to start from.
pub(super) fn solve(shape: &Shape, pedicles: [DVec3; 2], canal: DVec3, is_sacrum: bool) -> Frame {
    let mut axes = DMat3::IDENTITY;
    let mut centre = DVec3::ZERO;
    let mut found = step(shape, axes, &mut centre, pedicles, canal, is_sacrum);
    for _ in 0..40 {
        let top = found.lower.map_or(found.upper.up, |lower| found.upper.up + lower.up);
        let top = top.normalize_or(DVec3::Z);
        let back = (found.canal.centre - found.centre).reject_from_normalized(top);
        let back = back.normalize_or(DVec3::Y);
        let next = DMat3::from_cols(back.cross(top), back, top);
        let turned = next.z_axis.distance(axes.z_axis) + next.y_axis.distance(axes.y_axis);
        axes = next;
        found = step(shape, axes, &mut centre, pedicles, found.canal.centre, is_sacrum);
        if turned < 1e-9 {
            break;
        }
    }
    found
}

fn step(
    shape: &Shape,
    axes: DMat3,
    centre: &mut DVec3,
    pedicles: [DVec3; 2],
    canal: DVec3,
    is_sacrum: bool,
) -> Frame {
    let [left, back, top] = [axes.x_axis, axes.y_axis, axes.z_axis];
    let chord = |d: DVec3, at: DVec3| reach(shape, at, d, MOST_MM) + reach(shape, at, -d, MOST_MM);
    if is_sacrum {
        *centre = in_sacrum(shape, axes, *centre);
    } else {
        *centre = centred(shape, *centre, &[top, back, left], MOST_MM);
    }
    let half_depth = chord(back, *centre) / 2.0;
    let most_width = if is_sacrum { S1_WIDTH_TO_DEPTH * half_depth } else { f64::INFINITY };
    let half = [(chord(left, *centre) / 2.0).min(most_width), half_depth].map(|h| h * PLATE_PART);
    let upper = plate(shape, axes, *centre, half, 1.0);
    let lower = (!is_sacrum).then(|| plate(shape, axes, *centre, half, -1.0));
    let height = (pedicles[0] + pedicles[1]).dot(top) / 2.0;
    let start = canal + top * (height - canal.dot(top));
    Frame { centre: *centre, axes, upper, lower, canal: canal_at(shape, axes, start) }
}

/// The middle of the body of S1: see the head of [`super`].
fn in_sacrum(shape: &Shape, axes: DMat3, start: DVec3) -> DVec3 {
    let [left, back, top] = [axes.x_axis, axes.y_axis, axes.z_axis];
    let mut centre = start;
    for _ in 0..60 {
        let before = centre;
        let rise = reach(shape, centre, top, MOST_MM);
        let under_rim = centre + top * (rise - UNDER_RIM_MM);
        let aside = centred(shape, under_rim, &[left], MOST_MM) - under_rim;
        let deep = centre + aside + top * (rise - S1_UNDER_PLATE_MM);
        centre = centred(shape, deep, &[back], MOST_MM);
        if before.distance(centre) < 1e-9 {
            break;
        }
    }
    centre
}

/// The plane through the surface above (`sign` 1) or below (-1) the middle ellipse of the body, by
/// least squares along the vertebra's top.
fn plate(shape: &Shape, axes: DMat3, centre: DVec3, half: [f64; 2], sign: f64) -> Plate {
    let up = axes.z_axis * sign;
    // Of points that lie evenly about the middle, the sums of mixed terms are zero.
    let (mut mean, mut slope, mut squares, mut count) = (0.0, DVec2::ZERO, DVec2::ZERO, 0.0);
    for ring in 0..RINGS {
        let r = ((ring as f64 + 0.5) / RINGS as f64).sqrt();
        for spoke in 0..SPOKES {
            let (sin, cos) = (TAU * spoke as f64 / SPOKES as f64).sin_cos();
            let at = DVec2::new(r * cos * half[0], r * sin * half[1]);
            let from = centre + axes.x_axis * at.x + axes.y_axis * at.y;
            let height = reach(shape, from, up, MOST_MM) * sign;
            mean += height;
            slope += at * height;
            squares += at * at;
            count += 1.0;
        }
    }
    let slope = slope / squares;
    let normal = axes * DVec3::new(-slope.x, -slope.y, 1.0);
    Plate { centre: centre + axes.z_axis * (mean / count), up: normal.normalize_or(DVec3::Z) }
}

/// Middle and size of the canal in the plane of `start`. Where the arch does not close behind it
/// there, its back is taken from the nearest plane below, by millimetres, where it does.
fn canal_at(shape: &Shape, axes: DMat3, start: DVec3) -> Canal {
    const LOWEST_MM: u8 = 20;
    let [left, back, top] = [axes.x_axis, axes.y_axis, axes.z_axis];
    let mut canal = Canal { centre: start, width_mm: 0.0, depth_mm: 0.0 };
    for _ in 0..60 {
        let before = canal.centre;
        let front = reach(shape, canal.centre, -back, MOST_CANAL_MM);
        let behind =
            |below: u8| reach(shape, canal.centre - top * f64::from(below), back, MOST_CANAL_MM);
        let rear = (0..LOWEST_MM).map(behind).find(|r| *r < MOST_CANAL_MM).unwrap_or(front);
        canal.centre += back * ((rear - front) / 2.0);
        canal.depth_mm = front + rear;
        let [to_left, to_right] =
            [left, -left].map(|d| reach(shape, canal.centre, d, MOST_CANAL_MM));
        canal.centre += left * ((to_left - to_right) / 2.0);
        canal.width_mm = to_left + to_right;
        if before.distance(canal.centre) < 1e-9 {
            break;
        }
    }
    canal
}
