//! The foramen between two pedicles, by which a root leaves.
//!
//! In: two vertebrae next to each other. Out: the room between their pedicles of one side, as an upright
//! oval carried outwards, and how far a screw stays from it.
//!
//! The oval reaches from the lower wall of the upper pedicle to the upper wall of the lower one, along the
//! line between their isthmuses, and is as wide as the largest ball in its middle that touches neither
//! bone; it is carried as far inwards and outwards as the upper pedicle is wide.

use super::around::Neighbour;
use super::{ScrewShape, SignedDistance};
use crate::space::{Dir, Patient, Point, Side};

/// Samples along a screw are this far apart, mm: a gap is told too large by a hundredth at 4 mm.
const STEP_MM: f64 = 0.5;

/// The room between two pedicles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Foramen {
    centre: Point<Patient>,
    /// Unit, from the lower pedicle to the upper one.
    up: Dir<Patient>,
    /// Unit, to the patient's left, across `up`.
    left: Dir<Patient>,
    half_height_mm: f64,
    half_width_mm: f64,
    half_depth_mm: f64,
}

impl Foramen {
    /// `None` where a pedicle was not found, or the bones leave no room.
    pub fn between<B: SignedDistance>(
        upper: Neighbour<'_, B>,
        lower: Neighbour<'_, B>,
        side: Side,
    ) -> Option<Self> {
        let (a, b) = (upper.anatomy.pedicle(side)?, lower.anatomy.pedicle(side)?);
        let up = (a.isthmus - b.isthmus).unit()?;
        let height_mm = a.isthmus.distance(b.isthmus) - 0.5 * (a.height_mm + b.height_mm);
        let centre = a.isthmus - up * (0.5 * (a.height_mm + height_mm));
        let left = upper.anatomy.patient_from_vertebra.dir(Dir::X);
        let room = |bone: &B| -bone.quick_distance_mm(centre);
        let half_width_mm = room(upper.bone).min(room(lower.bone)).min(0.5 * height_mm);
        (half_width_mm > 0.0).then_some(Self {
            centre,
            up,
            left: (left - up * left.dot(up)).unit()?,
            half_height_mm: 0.5 * height_mm,
            half_width_mm,
            half_depth_mm: 0.5 * a.width_mm,
        })
    }

    /// Between the screw and the foramen, mm; negative by how far it reaches in.
    pub fn gap_mm(&self, screw: &ScrewShape, axis: Dir<Patient>) -> f64 {
        let steps = (screw.length_mm / STEP_MM).ceil().max(1.0);
        let step_mm = screw.length_mm / steps;
        let (mut least, mut n) = (f64::INFINITY, 0.0);
        while n <= steps {
            let off_mm = self.off_mm(screw.entry + axis * (n * step_mm));
            least = least.min(off_mm);
            // Nothing nearer than what was found lies within the way that it is farther.
            n += ((off_mm - least) / step_mm).floor().max(1.0);
        }
        least - self.half_width_mm - screw.diameter_mm / 2.0
    }

    /// From a point to the middle sheet of the foramen, mm.
    fn off_mm(&self, p: Point<Patient>) -> f64 {
        let from = p - self.centre;
        let tall = self.half_height_mm - self.half_width_mm;
        let up = from.dot(self.up).clamp(-tall, tall);
        let out = from.dot(self.left).clamp(-self.half_depth_mm, self.half_depth_mm);
        (from - self.up * up - self.left * out).length()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anatomy::{Pedicle, VertebraAnatomy};
    use crate::space::Rigid;
    use glam::{DQuat, DVec3};

    /// Left pedicles 10 mm high and 8 mm wide, along y, at these heights.
    fn anatomy(z: f64) -> VertebraAnatomy {
        let pedicle = Pedicle {
            side: Side::Left,
            isthmus: Point::new(14.0, 0.0, z),
            axis: -Dir::Y,
            width_mm: 8.0,
            height_mm: 10.0,
            least_mm: 8.0,
            chord_mm: 50.0,
            transverse_deg: 0.0,
            sagittal_deg: 0.0,
            span_mm: [-5.0, 5.0],
        };
        VertebraAnatomy {
            patient_from_vertebra: Rigid::new(DQuat::IDENTITY, DVec3::new(0.0, -20.0, z)),
            canal_centre: Point::new(0.0, 0.0, z),
            canal: None,
            upper_plate: None,
            lower_plate: None,
            body_mm: None,
            pedicles: vec![pedicle],
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_screw_keeps_off_or_reaches_into_the_room_between_two_pedicles() {
        let rod = |z: f64| move |p: Point<Patient>| 5.0 - (p.vec().x - 14.0).hypot(p.vec().z - z);
        let (bones, anatomies) = ([0.0, -26.0].map(rod), [0.0, -26.0].map(anatomy));
        let one = |n: usize| Neighbour { bone: &bones[n], anatomy: &anatomies[n] };
        let between = |side| Foramen::between(one(0), one(1), side);
        assert_eq!(between(Side::Right), None, "no pedicle there");
        // 16 mm from pedicle to pedicle, and as wide.
        let foramen = between(Side::Left).expect("two pedicles");
        let gap = |x: f64, z: f64| {
            let screw = ScrewShape {
                entry: Point::new(x, 20.0, z),
                axis: -Dir::Y,
                length_mm: 40.0,
                diameter_mm: 6.0,
            };
            foramen.gap_mm(&screw, screw.axis)
        };
        for (x, z, wanted) in [(14.0, 0.0, 2.0), (14.0, -4.0, -2.0), (22.0, -13.0, -7.0)] {
            assert!((gap(x, z) - wanted).abs() < 0.01, "{} at {x}, {z}", gap(x, z));
        }
    }
}
