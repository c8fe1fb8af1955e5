//! Where a screw through both cortices of S1 is aimed: the promontory.
//!
//! In: the sacrum's bone and its anatomy. Out: the point in which the front cortex of S1 ends under the
//! upper end plate, in the plane of symmetry.

use crate::anatomy::VertebraAnatomy;
use crate::clearance::SignedDistance;
use crate::space::{Dir, Patient, Point};

/// So far under the end plate, mm: half of a wide screw, and bone above it; K.
const UNDER_PLATE_MM: f64 = 6.0;
/// The front cortex lies at most this far ahead of the plate's middle, mm.
const MOST_AHEAD_MM: f64 = 40.0;
const STEP_MM: f64 = 0.25;

/// The promontory, LPS mm. `None` where no end plate was measured, or no bone lies under its middle.
pub(super) fn promontory(
    bone: &impl SignedDistance,
    anatomy: &VertebraAnatomy,
) -> Option<Point<Patient>> {
    let plate = anatomy.upper_plate?;
    let front = anatomy.patient_from_vertebra.dir(-Dir::Y);
    let along = (front - plate.up * front.dot(plate.up)).unit()?;
    let start = plate.centre - plate.up * UNDER_PLATE_MM;
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
        let found = promontory(&block, &sacrum(Some(plate))).expect("a front cortex");
        assert!(found.distance(Point::new(0.5, -17.0, 7.0)) < 0.3, "{found:?}");
        assert!(promontory(&block, &sacrum(None)).is_none());
        let above = EndPlate { centre: Point::new(0.0, 0.0, 40.0), up: Dir::Z };
        assert!(promontory(&block, &sacrum(Some(above))).is_none());
    }
}
