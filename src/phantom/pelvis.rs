//! The hip bones and the upper ends of the femurs, in patient space.
//!
//! In: where the sacrum and the hips lie. Out: shapes. The wings follow the hips, their back ends
//! the sacrum, so that any pelvic incidence gives one pelvis. Sizes: general knowledge of the field,
//! near to the pelvis of the Visible Human male; provisional.

use super::shape::{Blob, Outline, Shape};
use crate::space::{Patient, Point, Rigid, Side, Vertebra};
use glam::{DQuat, DVec3};

/// Radius of a femoral head, mm.
const HEAD_MM: f64 = 23.5;
/// Distance of a hip's middle from the midline, mm.
const HIP_OUT_MM: f64 = 88.0;
/// From the middle of the plate of S1 to the middle between the hips, mm.
const PLATE_TO_HIPS_MM: f64 = 112.0;
/// The joint between head and socket, mm.
const HIP_GAP_MM: f64 = 3.0;
/// The joint between sacrum and ilium, mm.
const SACROILIAC_GAP_MM: f64 = 2.0;
/// The slope of the sacrum for which the offsets of the hip bone are given, degrees.
const USUAL_SLOPE_DEG: f64 = 40.0;

/// Where a pelvis stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stand {
    /// The middle between the hips.
    pub(super) axis: DVec3,
    /// How the hip bones are turned with the sacrum.
    pub(super) turn: DQuat,
    pub(super) sacrum: Rigid<Patient, Vertebra>,
}

impl Stand {
    /// The pelvis under a plate of S1 with this slope, and this pelvic incidence.
    pub(super) fn new(
        plate: DVec3,
        slope_deg: f64,
        incidence_deg: f64,
        sacrum: Rigid<Patient, Vertebra>,
    ) -> Self {
        let tilt = (incidence_deg - slope_deg).to_radians();
        let axis = plate + DVec3::new(0.0, -tilt.sin(), -tilt.cos()) * PLATE_TO_HIPS_MM;
        let turn = DQuat::from_rotation_x((slope_deg - USUAL_SLOPE_DEG).to_radians());
        Self { axis, turn, sacrum }
    }
    /// Middle of a femoral head, as it is planned.
    pub(super) fn hip(&self, side: Side) -> DVec3 {
        self.axis + DVec3::X * (HIP_OUT_MM * side.sign())
    }
    /// A point so far from a hip: outwards, back, up.
    fn from_hip(&self, side: Side, out: f64, back: f64, up: f64) -> DVec3 {
        self.hip(side) + self.turn * DVec3::new(out * side.sign(), back, up)
    }
    /// A point in the sacrum's own frame: outwards, back, up.
    fn from_sacrum(&self, side: Side, out: f64, back: f64, up: f64) -> DVec3 {
        self.sacrum.point(Point::new(out * side.sign(), back, up)).vec()
    }
}

/// One hip bone: wing, crest, socket, sit bone and the branches of the pubis. `sacrum` is what it
/// keeps clear of.
pub(super) fn hip_bone(stand: &Stand, sacrum: &[Blob], side: Side) -> Shape {
    let hip = |out: f64, back: f64, up: f64| stand.from_hip(side, out, back, up);
    let crest = [
        hip(26.0, -40.0, 74.0),
        hip(42.0, -22.0, 104.0),
        hip(42.0, 12.0, 127.0),
        hip(18.0, 48.0, 124.0),
        stand.from_sacrum(side, 52.0, 45.0, 0.0),
        stand.from_sacrum(side, 45.0, 54.0, -22.0),
    ];
    let mut shape = Shape::default();
    add_wing(&mut shape, &crest, hip(3.0, 2.0, 30.0));
    add_socket(&mut shape, stand, side);
    add_lower(&mut shape, stand, side);
    let ear = [crest[4], stand.from_sacrum(side, 58.0, 28.0, -20.0)];
    shape.add(Blob::along(Outline::Tube, ear, DVec3::Y, [7.0, 14.0]), 8.0);
    shape.cut(Blob::ellipsoid(stand.hip(side), DVec3::splat(HEAD_MM)), 1.5, HIP_GAP_MM);
    let mouth = [stand.hip(side), stand.from_hip(side, 60.0, -10.0, -24.0)];
    shape.cut(Blob::along(Outline::Tube, mouth, DVec3::Z, [23.0, 23.0]), 3.0, 1.0);
    for blob in sacrum {
        shape.cut(blob.clone(), 2.0, SACROILIAC_GAP_MM);
    }
    shape
}

/// The fan between the socket's roof and the crest, thin in its middle, and the thick crest.
fn add_wing(shape: &mut Shape, crest: &[DVec3; 6], roof: DVec3) {
    for pair in crest.windows(2) {
        let along = (pair[1] - pair[0]).normalize_or(DVec3::Y);
        let ends = [pair[0] - along * 5.0, pair[1] + along * 5.0];
        shape.add(Blob::along(Outline::Tube, ends, DVec3::Z, [6.2, 7.0]), 6.0);
        let to = pair[0].midpoint(pair[1]);
        let wide = pair[0].distance(pair[1]) * 0.5;
        let fan = Blob::along(Outline::Plate, [roof, to], along, [4.4, wide.max(17.0)]);
        shape.add(fan.tapered(0.12, 0.0), 7.0);
    }
}

fn add_socket(shape: &mut Shape, stand: &Stand, side: Side) {
    let middle = stand.from_hip(side, -5.0, 2.0, 4.0);
    shape.add(Blob::ellipsoid(middle, DVec3::new(30.0, 32.0, 33.0)), 8.0);
    let neck = [stand.from_hip(side, -3.0, 6.0, 16.0), stand.from_hip(side, 2.0, 10.0, 52.0)];
    shape.add(Blob::along(Outline::Tube, neck, DVec3::Y, [11.0, 22.0]), 9.0);
}

/// Sit bone and pubis.
fn add_lower(shape: &mut Shape, stand: &Stand, side: Side) {
    let hip = |out: f64, back: f64, up: f64| stand.from_hip(side, out, back, up);
    let middle = |back: f64, up: f64| hip(5.0 - HIP_OUT_MM, back, up);
    let mut tube = |ends: [DVec3; 2], half: [f64; 2]| {
        shape.add(Blob::along(Outline::Tube, ends, DVec3::Y, half), 7.0);
    };
    tube([hip(-10.0, 24.0, -8.0), hip(-18.0, 30.0, -72.0)], [12.0, 13.0]);
    tube([hip(-16.0, 26.0, -76.0), middle(-34.0, -62.0)], [7.0, 6.0]);
    tube([hip(-14.0, -20.0, -6.0), middle(-46.0, -24.0)], [8.5, 8.0]);
    tube([middle(-46.0, -20.0), middle(-38.0, -62.0)], [8.0, 9.0]);
}

/// The upper end of a femur: head, neck, trochanter and a stub of the shaft.
pub(super) fn femur(stand: &Stand, side: Side) -> Shape {
    let head = stand.hip(side);
    let at = |out: f64, back: f64, up: f64| head + DVec3::new(out * side.sign(), back, up);
    let mut shape = Shape::default();
    shape.add(Blob::ellipsoid(head, DVec3::splat(HEAD_MM)), 1.0);
    let neck = [at(6.0, 1.0, -5.0), at(46.0, 8.0, -36.0)];
    shape.add(Blob::along(Outline::Tube, neck, DVec3::Z, [13.0, 16.0]).tapered(0.1, 0.0), 6.0);
    shape.add(Blob::ellipsoid(at(52.0, 12.0, -22.0), DVec3::new(15.0, 17.0, 24.0)), 9.0);
    let shaft = [at(48.0, 8.0, -34.0), at(44.0, 4.0, -100.0)];
    shape.add(Blob::along(Outline::Tube, shaft, DVec3::Y, [15.0, 15.0]), 10.0);
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hips_lie_where_incidence_and_slope_say() {
        let frame = Rigid::new(DQuat::IDENTITY, DVec3::ZERO);
        // Tilt is incidence less slope; positive puts the hips before the plate.
        let stand = Stand::new(DVec3::ZERO, 40.0, 52.0, frame);
        assert!((stand.axis.length() - PLATE_TO_HIPS_MM).abs() < 1e-9);
        assert!(
            (stand.axis.y.atan2(stand.axis.z) + std::f64::consts::PI - 12f64.to_radians()).abs()
                < 1e-9
        );
        assert!(stand.hip(Side::Left).x > 0.0 && stand.hip(Side::Right).x < 0.0);
    }
}
