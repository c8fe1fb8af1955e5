//! Rays, chords and sections of a bone, to 1e-9 mm along each ray.
//!
//! In: a [`Shape`] in its vertebra's own frame, or the part of it that is felt nearby.

use crate::phantom::shape::{Origin, STEEPEST, Shape};
use glam::DVec3;
use std::f64::consts::TAU;

/// Shortest step of a ray, mm: gaps and walls that are thinner along it may be stepped over. Steps of
/// 0.1 mm would do so where a ray grazes a wall, and move the end of a pedicle's span by up to 5e-4 mm.
const SHORTEST_MM: f64 = 0.002;

/// Distance from `from` along the unit vector `along` to the first crossing of the surface, mm;
/// `most` where there is none before it.
pub(super) fn reach(shape: &Shape, from: DVec3, along: DVec3, most: f64) -> f64 {
    reach_from(&Origin::new(shape, from), along, most)
}

/// The same from a place from which there are several rays.
pub(super) fn reach_from(from: &Origin<'_>, along: DVec3, most: f64) -> f64 {
    let mut line = from.along(along);
    let (mut t, mut value) = (0.0, line.value(0.0));
    let inside = value >= 0.0;
    while t < most {
        let next = beyond(t, value);
        let next_value = line.value(next);
        if (next_value >= 0.0) != inside {
            return crossing(|t| line.value(t), [t, next], [value, next_value]).min(most);
        }
        (t, value) = (next, next_value);
    }
    most
}

/// The next place along a ray to ask at: where it is no steeper than taken, the function can not cross
/// zero any sooner. (Taken for 4 in place of 1.5, no true number but spans differs by more than 2e-10.)
fn beyond(t: f64, value: f64) -> f64 {
    t + (value.abs() / STEEPEST).max(SHORTEST_MM)
}

/// Hands each stretch of bone along a ray of `most` mm to `each`: where it begins and ends, mm.
pub(super) fn stretches(
    from: &Origin<'_>,
    along: DVec3,
    most: f64,
    mut each: impl FnMut(f64, f64),
) {
    let mut line = from.along(along);
    let (mut t, mut value) = (0.0, line.value(0.0));
    let mut entered = (value >= 0.0).then_some(0.0);
    while t < most {
        let next = beyond(t, value).min(most);
        let next_value = line.value(next);
        if (next_value >= 0.0) != entered.is_some() {
            let edge = crossing(|t| line.value(t), [t, next], [value, next_value]);
            entered = match entered {
                Some(begin) => {
                    each(begin, edge);
                    None
                }
                None => Some(edge),
            };
        }
        (t, value) = (next, next_value);
    }
    if let Some(begin) = entered {
        each(begin, most);
    }
}

/// Where a function crosses zero between two places with values of unlike sign: false position,
/// the Illinois way (the value of an end that stays is halved).
pub(super) fn crossing(
    mut at: impl FnMut(f64) -> f64,
    [mut a, mut b]: [f64; 2],
    [mut fa, mut fb]: [f64; 2],
) -> f64 {
    for _ in 0..60 {
        let t = (a * fb - b * fa) / (fb - fa);
        let value = at(t);
        if value.abs() < 1e-10 {
            return t;
        }
        if (value >= 0.0) == (fb >= 0.0) {
            fa *= 0.5;
        } else {
            (a, fa) = (b, fb);
        }
        (b, fb) = (t, value);
    }
    b
}

/// Directions left-right and up-down across an axis, where `left` is the vertebra's left.
pub(super) fn across(axis: DVec3, left: DVec3) -> [DVec3; 2] {
    let right_left = left.reject_from_normalized(axis).normalize_or(DVec3::X);
    [right_left, right_left.cross(axis).normalize_or(DVec3::Z)]
}

/// Area of the section through `centre` across `axis`, mm², as it is seen from there by `rays` rays of
/// at most `most` mm. Sums over equal angles of a smooth outline converge faster than any power of
/// their number.
pub(super) fn section_area(
    shape: &Shape,
    centre: DVec3,
    axis: DVec3,
    rays: usize,
    most: f64,
) -> f64 {
    let [u, v] = across(axis, DVec3::X);
    let step = TAU / rays as f64;
    let from = Origin::new(shape, centre);
    let sector = |n: usize| {
        let (sin, cos) = (n as f64 * step).sin_cos();
        reach_from(&from, u * cos + v * sin, most).powi(2) * (step / 2.0)
    };
    (0..rays).map(sector).sum()
}

/// How far the section through `centre` across `axis` reaches along the unit vector `d`, mm.
pub(super) fn support(shape: &Shape, centre: DVec3, axis: DVec3, d: DVec3, most: f64) -> f64 {
    let side = axis.cross(d);
    let from = Origin::new(shape, centre);
    let at = |angle: f64| {
        let (sin, cos) = angle.sin_cos();
        reach_from(&from, d * cos + side * sin, most) * cos
    };
    let coarse = (-80..=80).map(|deg| f64::from(deg).to_radians());
    let coarse = coarse.map(|angle| (at(angle), angle));
    let best = coarse.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.0, |(_, angle)| angle);
    let (mut low, mut high) = (best - 0.02, best + 0.02);
    // Thirds: the outline is round about its furthest point.
    for _ in 0..24 {
        let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if at(a) < at(b) { low = a } else { high = b }
    }
    at((low + high) / 2.0).max(at(best))
}

/// Moves a point to the middle of the chords along `axes`, by turns, until it rests.
pub(super) fn centred(shape: &Shape, mut centre: DVec3, axes: &[DVec3], most: f64) -> DVec3 {
    for _ in 0..60 {
        let before = centre;
        for d in axes {
            centre +=
                *d * ((reach(shape, centre, *d, most) - reach(shape, centre, -*d, most)) / 2.0);
        }
        if before.distance(centre) < 1e-9 {
            break;
        }
    }
    centre
}
