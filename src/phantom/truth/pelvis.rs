//! The true pelvic parameters: from the plate of S1 and from spheres fitted to the femoral heads.

use super::alignment::leans_forward_deg;
use super::ray::reach;
use super::{LevelTruth, PelvisTruth};
use crate::labels::Level;
use crate::phantom::Phantom;
use crate::phantom::structure::Structure;
use crate::space::{Dir, Patient, Point, Side};
use glam::{DMat3, DVec2, DVec3};

/// The part of a head that is fitted: within this angle of straight up, degrees. The neck leaves on
/// the other side.
const CAP_DEG: f64 = 60.0;
const RINGS: usize = 12;
const SPOKES: usize = 24;
/// No head is larger than this, mm.
const MOST_MM: f64 = 45.0;

/// The pelvic parameters, where there are both a sacrum and hips.
pub(super) fn solve(phantom: &Phantom, levels: &[LevelTruth]) -> Option<PelvisTruth> {
    let stand = phantom.stand.as_ref()?;
    let plate = levels.iter().find(|l| l.level == Level::S1)?.upper_plate;
    let femurs = phantom.others.iter().filter(|other| other.structure == Structure::Femur);
    let heads: Vec<(DVec3, f64)> = femurs
        .zip(Side::BOTH)
        .map(|(femur, side)| sphere(&cap(femur.bone.shape(), stand.hip(side), side)))
        .collect();
    let [left, right] = heads.as_slice() else { return None };
    let middle = Point::from_vec(left.0.midpoint(right.0));
    Some(PelvisTruth {
        hips: [Point::from_vec(left.0), Point::from_vec(right.0)],
        hip_radius_mm: [left.1, right.1],
        incidence_deg: incidence_deg(plate.centre, plate.up, middle),
        tilt_deg: tilt_deg(plate.centre, middle),
        slope_deg: leans_forward_deg(plate.up),
    })
}

/// Points of a head, upwards and to the midline of its middle.
fn cap(femur: &crate::phantom::shape::Shape, middle: DVec3, side: Side) -> Vec<DVec3> {
    let pole = DVec3::new(-0.5 * side.sign(), 0.0, 1.0).normalize();
    let (u, v) = pole.any_orthonormal_pair();
    let mut points = Vec::new();
    for ring in 0..RINGS {
        let polar = (CAP_DEG * (ring as f64 + 0.5) / RINGS as f64).to_radians();
        for spoke in 0..SPOKES {
            let turn = std::f64::consts::TAU * spoke as f64 / SPOKES as f64;
            let along = pole * polar.cos() + (u * turn.cos() + v * turn.sin()) * polar.sin();
            points.push(middle + along * reach(femur, middle, along, MOST_MM));
        }
    }
    points
}

/// Middle and radius of the sphere that fits points best: least squares of the squared distances,
/// which is linear (Coope 1993).
fn sphere(points: &[DVec3]) -> (DVec3, f64) {
    let count = points.len().max(1) as f64;
    let mean = points.iter().sum::<DVec3>() / count;
    let squares = points.iter().map(|p| p.distance_squared(mean)).sum::<f64>() / count;
    let (mut matrix, mut right) = (DMat3::ZERO, DVec3::ZERO);
    for q in points.iter().map(|p| *p - mean) {
        matrix += DMat3::from_cols(q * q.x, q * q.y, q * q.z);
        right += q * ((q.length_squared() - squares) / 2.0);
    }
    let middle = mean + matrix.inverse() * right;
    let radius = points.iter().map(|p| p.distance_squared(middle)).sum::<f64>() / count;
    (middle, radius.sqrt())
}

/// Seen from the side: back and up.
fn from_side(d: Dir<Patient>) -> DVec2 {
    let [_, y, z] = d.to_array();
    DVec2::new(y, z)
}

/// The angle itself, between the perpendicular of the plate, downwards, and the line to the hips.
fn incidence_deg(plate: Point<Patient>, up: Dir<Patient>, hips: Point<Patient>) -> f64 {
    from_side(hips - plate).angle_to(from_side(-up)).to_degrees()
}

/// The angle of the line from the hips to the plate against the vertical.
fn tilt_deg(plate: Point<Patient>, hips: Point<Patient>) -> f64 {
    let line = from_side(plate - hips);
    line.x.atan2(line.y).to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::Spec;

    #[test]
    fn a_plate_that_falls_forward_over_hips_before_it_has_the_textbook_angles() {
        let (plate, slope) = (Point::new(0.0, 10.0, 5.0), 40f64.to_radians());
        let up = Dir::new(0.0, -slope.sin(), slope.cos());
        let tilt = 12f64.to_radians();
        let hips = plate + Dir::new(4.0, -tilt.sin() * 110.0, -tilt.cos() * 110.0);
        assert!((incidence_deg(plate, up, hips) - 52.0).abs() < 1e-9);
        assert!((tilt_deg(plate, hips) - 12.0).abs() < 1e-9);
        assert!((leans_forward_deg(up) - 40.0).abs() < 1e-9);
    }

    /// By halving, along other rays than the spheres were fitted to, and from the told middles.
    #[test]
    fn the_told_heads_lie_on_the_femurs_to_a_ten_thousandth() {
        let spec = Spec { levels: vec![Level::S1], ..Spec::default() };
        let phantom = Phantom::new(&spec).expect("a sacrum has hips");
        let told = phantom.truth().alignment.pelvis.expect("a sacrum has hips");
        let femurs = phantom.others.iter().filter(|other| other.structure == Structure::Femur);
        assert_eq!(femurs.clone().count(), 2);
        for (n, femur) in femurs.enumerate() {
            let (middle, radius, outwards) =
                (told.hips[n], told.hip_radius_mm[n], Side::BOTH[n].sign());
            for ray in 0..100 {
                // Up to 50 degrees from up and to the midline, evenly.
                let (polar, turn) = ((f64::from(ray) / 100.0).sqrt() * 0.87, 2.4 * f64::from(ray));
                let pole = DVec3::new(-0.5 * outwards, 0.0, 1.0).normalize();
                let (u, v) = pole.any_orthonormal_pair();
                let aside = u * turn.cos() + v * turn.sin();
                let along = Dir::from_vec(pole * polar.cos() + aside * polar.sin());
                let inside = |t: f64| femur.bone.value(middle + along * t) >= 0.0;
                let (mut low, mut high) = (15.0, 32.0);
                assert!(inside(low) && !inside(high), "no edge of the head along {along:?}");
                for _ in 0..40 {
                    let half = (low + high) / 2.0;
                    if inside(half) { low = half } else { high = half }
                }
                assert!((low - radius).abs() < 1e-4, "{low} for {radius} along {along:?}");
            }
        }
    }

    #[test]
    fn a_sphere_is_found_from_a_part_of_it() {
        let middle = DVec3::new(3.0, -7.0, 11.0);
        let at = |n: i32| {
            let (a, b) = (f64::from(n) * 0.37, 0.2 + 0.03 * f64::from(n));
            middle + DVec3::new(a.cos() * b.sin(), a.sin() * b.sin(), b.cos()) * 23.5
        };
        let (found, radius) = sphere(&(0..30).map(at).collect::<Vec<_>>());
        assert!(found.distance(middle) < 1e-9 && (radius - 23.5).abs() < 1e-9);
    }
}
