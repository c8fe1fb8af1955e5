//! End plates: the planes that fit the top and the bottom of a body.
//!
//! In: the bone in a frame whose origin lies in the body. Out: a plane over the middle ellipse of
//! the body, 0.65 of its half width and half depth, by least squares along z; points that lie far
//! off the first fit (a spur, a hole for a vessel) are left out of the second.

use super::EndPlate;
use super::solid::Solid;
use crate::space::{Dir, Point};
use glam::{DMat3, DVec3};
use std::f64::consts::TAU;

/// No body is larger than this from its middle, mm.
pub(super) const MOST_BODY_MM: f64 = 45.0;
/// The part of the body's half width and half depth within which the end plates are measured.
const PLATE_PART: f64 = 0.65;
/// End plates are at most this many times as wide as deep: the chord across the sacrum runs on into
/// the alae.
const MOST_WIDTH_TO_DEPTH: f64 = 1.5;
/// Rings of equal area, and rays on each.
const RINGS: usize = 9;
const SPOKES: usize = 24;
/// Points further off the first fit than this many times the mean square are left out.
const FAR_OFF: f64 = 2.5;

/// Width and depth of the body: the chords through its middle, mm.
pub(super) fn body_mm(solid: &Solid<'_>) -> [f64; 2] {
    let chord = |axis: DVec3| {
        solid.reach(DVec3::ZERO, axis, MOST_BODY_MM) + solid.reach(DVec3::ZERO, -axis, MOST_BODY_MM)
    };
    let depth = chord(DVec3::Y);
    [chord(DVec3::X).min(MOST_WIDTH_TO_DEPTH * depth), depth]
}

/// Half width and half depth of the part of the body that an end plate is measured over, mm.
fn middle_part(solid: &Solid<'_>) -> [f64; 2] {
    body_mm(solid).map(|mm| 0.5 * mm * PLATE_PART)
}

/// A plane in the solid's frame: the point over the origin, and the unit normal towards +z.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane {
    pub centre: DVec3,
    pub up: DVec3,
}

impl Plane {
    /// The same in patient space.
    pub fn in_patient(self, solid: &Solid<'_>) -> EndPlate {
        let frame = solid.frame();
        EndPlate {
            centre: frame.point(Point::from_vec(self.centre)),
            up: frame.dir(Dir::from_vec(self.up)),
        }
    }
}

/// The end plate in direction `along` (+z or -z); `None` where the body has no end there.
pub(super) fn fit(solid: &Solid<'_>, along: DVec3) -> Option<Plane> {
    let points = points(solid, middle_part(solid), along);
    let enough = RINGS * SPOKES / 2;
    let first = fit_plane(&points).filter(|_| points.len() >= enough)?;
    let off = |p: &DVec3| (p.z - first.dot(DVec3::new(1.0, p.x, p.y))).abs();
    let mean_square = points.iter().map(|p| off(p).powi(2)).sum::<f64>() / points.len() as f64;
    let most = FAR_OFF * mean_square.sqrt();
    let near: Vec<DVec3> = points.iter().filter(|p| off(p) <= most).copied().collect();
    let plane = fit_plane(&near)?;
    Some(Plane { centre: DVec3::Z * plane.x, up: DVec3::new(-plane.y, -plane.z, 1.0).normalize() })
}

fn points(solid: &Solid<'_>, half: [f64; 2], along: DVec3) -> Vec<DVec3> {
    let place = |n: usize| {
        let r = ((n / SPOKES) as f64 + 0.5) / RINGS as f64;
        let (sin, cos) = (TAU * (n % SPOKES) as f64 / SPOKES as f64).sin_cos();
        DVec3::new(r.sqrt() * cos * half[0], r.sqrt() * sin * half[1], 0.0)
    };
    let meet = |from: DVec3| {
        let height = solid.reach(from, along, MOST_BODY_MM);
        (solid.is_inside(from) && height < MOST_BODY_MM).then_some(from + along * height)
    };
    (0..RINGS * SPOKES).map(place).filter_map(meet).collect()
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
