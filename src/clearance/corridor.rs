//! The room a pedicle offers, and a screw that uses it as surgeons usually do.
//!
//! In: a bone and one of its pedicles. Out: a screw along the pedicle's axis, to begin with; it is
//! a place to start from, not a plan.

use super::{ScrewShape, SignedDistance, entry_on_axis};
use crate::anatomy::Pedicle;
use crate::implant::{Catalogue, Use};
use crate::space::{Dir, Patient, Point};

/// A screw takes at most this part of the isthmus's smaller extent (clinical-numbers, section 2:
/// Solitro 2019).
pub const MOST_OF_ISTHMUS: f64 = 0.8;
/// The tip stays this far behind the front of the bone along the axis, mm (Gotschi 2026).
pub const FRONT_MARGIN_MM: f64 = 4.0;
/// Bone is looked for this far ahead of the isthmus, mm.
const REACH_MM: f64 = 90.0;
/// Steps in which the front is looked for, mm.
const STEP_MM: f64 = 0.25;

/// The screw along the axis of `pedicle` from where it enters bone: the widest on offer within
/// 80 % of the isthmus, the longest on offer whose tip stays 4 mm behind the front of the bone.
/// Where none is small enough it is the smallest on offer, which then breaches.
///
/// `None` when the axis does not pass through the bone.
pub fn default_screw(
    bone: &impl SignedDistance,
    pedicle: &Pedicle,
    catalogue: &Catalogue,
) -> Option<ScrewShape> {
    let axis = pedicle.axis.unit()?;
    let entry = entry_on_axis(bone, pedicle.isthmus, axis)?;
    let front = entry.distance(pedicle.isthmus) + front_mm(bone, pedicle.isthmus, axis)?;
    let widest_mm = MOST_OF_ISTHMUS * pedicle.width_mm.min(pedicle.height_mm);
    let offered = catalogue.offer(Use::Pedicle);
    let diameter_mm = largest_within(&offered.diameters_mm(), widest_mm)?;
    let length_mm = largest_within(&offered.lengths_mm(diameter_mm), front - FRONT_MARGIN_MM)?;
    Some(ScrewShape { entry, axis, length_mm, diameter_mm })
}

/// How far ahead of `from`, which must be in bone, the axis leaves it; `None` when it does not.
fn front_mm(bone: &impl SignedDistance, from: Point<Patient>, axis: Dir<Patient>) -> Option<f64> {
    let steps = (REACH_MM / STEP_MM) as usize;
    let depth = |n: &usize| *n as f64 * STEP_MM;
    let leaves = |n: &usize| bone.quick_distance_mm(from + axis * depth(n)) < 0.0;
    let first = (0..=steps).find(leaves)?;
    (first > 0).then(|| depth(&first) - STEP_MM)
}

/// The largest of an ascending list that is at most `most`; else its smallest. `None` of an empty
/// list.
fn largest_within(list: &[f64], most: f64) -> Option<f64> {
    list.iter().rev().find(|mm| **mm <= most).or(list.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Side;

    #[test]
    fn the_default_screw_fits_isthmus_and_depth() {
        let catalogue = Catalogue::builtin().unwrap();
        // A bar along y from 0 to 52.
        let bone = |p: Point<Patient>| {
            let p = p.vec();
            p.y.min(52.0 - p.y).min(6.0 - p.x.hypot(p.z))
        };
        let pedicle = Pedicle {
            side: Side::Left,
            isthmus: Point::new(0.0, 15.0, 0.0),
            axis: Dir::Y,
            width_mm: 8.2,
            height_mm: 12.0,
            least_mm: 8.2,
            chord_mm: 52.0,
            transverse_deg: 0.0,
            sagittal_deg: 0.0,
            span_mm: [-5.0, 5.0],
        };
        let screw = default_screw(&bone, &pedicle, &catalogue).unwrap();
        assert!(screw.entry.distance(Point::ORIGIN) < 1e-3);
        assert_eq!((screw.diameter_mm, screw.length_mm), (6.5, 45.0));
        let narrow = Pedicle { width_mm: 2.0, ..pedicle };
        let screw = default_screw(&bone, &narrow, &catalogue).unwrap();
        assert_eq!(screw.diameter_mm, catalogue.offer(Use::Pedicle).diameters_mm()[0]);
        let outside = Pedicle { isthmus: Point::new(30.0, 15.0, 0.0), ..pedicle };
        assert_eq!(default_screw(&bone, &outside, &catalogue), None);
    }
}
