//! Where a screw through both cortices of S1 is aimed: the promontory.
//!
//! In: the sacrum's bone, its anatomy and a side. Out: the point in which the front cortex of S1 ends
//! under the upper end plate, on that side of the midline.

use crate::anatomy::VertebraAnatomy;
use crate::clearance::SignedDistance;
use crate::space::{Dir, Patient, Point, Side};

/// So far under the end plate, mm: half of a wide screw, and bone above it; K.
const UNDER_PLATE_MM: f64 = 6.5;
/// So far beside the midline, mm: there the screws of both sides pass each other; further aside the front
/// falls away into the ala, and a tip would leave the body at its side; K.
const FROM_MIDLINE_MM: f64 = 5.0;
/// The front cortex lies at most this far ahead of the plate's middle, mm.
const MOST_AHEAD_MM: f64 = 40.0;
const STEP_MM: f64 = 0.25;

/// The promontory, LPS mm. `None` where no end plate was measured, or no bone lies under its middle.
pub(super) fn promontory(
    bone: &impl SignedDistance,
    anatomy: &VertebraAnatomy,
    side: Side,
) -> Option<Point<Patient>> {
    let plate = anatomy.upper_plate?;
    let in_plate = |d: Dir<_>| {
        let d = anatomy.patient_from_vertebra.dir(d);
        (d - plate.up * d.dot(plate.up)).unit()
    };
    let (along, left) = (in_plate(-Dir::Y)?, in_plate(Dir::X)?);
    let aside = left * (FROM_MIDLINE_MM * side.sign());
    let start = plate.centre + aside - plate.up * UNDER_PLATE_MM;
    let ahead = |n: usize| start + along * (n as f64 * STEP_MM);
    let last = (0..(MOST_AHEAD_MM / STEP_MM) as usize)
        .take_while(|n| bone.quick_distance_mm(ahead(*n)) > 0.0)
        .last()?;
    Some(ahead(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anatomy::EndPlate;
    use crate::space::Rigid;
    use glam::{DQuat, DVec3};

    fn sacrum(upper_plate: Option<EndPlate>) -> VertebraAnatomy {
        VertebraAnatomy {
            patient_from_vertebra: Rigid::new(DQuat::IDENTITY, DVec3::ZERO),
            canal_centre: Point::new(0.0, 25.0, 0.0),
            canal: None,
            upper_plate,
            lower_plate: None,
            body_mm: None,
            pedicles: Vec::new(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn the_promontory_is_the_front_cortex_under_the_plate() {
        let block = |p: Point<Patient>| {
            let p = p.vec();
            (p.y + 17.0).min(15.0 - p.y).min(13.0 - p.z).min(p.z + 20.0)
        };
        let plate = EndPlate { centre: Point::new(0.5, 0.0, 13.0), up: Dir::Z };
        for (side, x) in [(Side::Left, 5.5), (Side::Right, -4.5)] {
            let found = promontory(&block, &sacrum(Some(plate)), side).expect("a front cortex");
            assert!(found.distance(Point::new(x, -17.0, 6.5)) < 0.3, "{side}: {found:?}");
        }
        assert!(promontory(&block, &sacrum(None), Side::Left).is_none());
        let above = EndPlate { centre: Point::new(0.0, 0.0, 40.0), up: Dir::Z };
        assert!(promontory(&block, &sacrum(Some(above)), Side::Left).is_none());
    }
}
