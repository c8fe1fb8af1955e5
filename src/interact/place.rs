//! A new screw from a point on bone: which side, along which axis, of which size.

use crate::case::spine::VertebraModel;
use crate::clearance::{ScrewShape, default_screw};
use crate::implant::{Catalogue, Offer, Use};
use crate::labels::Level;
use crate::plan::Screw;
use crate::space::{Dir, Patient, Point, Side};

/// Farthest from a pedicle's axis that an entry is still taken as meant for that pedicle, mm.
const REACH_MM: f64 = 10.0;
/// Widest angle between the way through the isthmus and the pedicle's axis that is offered.
const WIDEST_RAD: f64 = 0.35;
/// Share of the pedicle's width that the thread fills; 80 % is taught as the largest that does not
/// widen an adult pedicle.
const FILL: f64 = 0.8;
/// Bone left in front of the tip, mm.
const TIP_MARGIN_MM: f64 = 4.0;
/// Size where no pedicle says anything better, mm.
const USUAL_MM: (f64, f64) = (6.0, 40.0);

/// Where a new screw begins, and what is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// On the bone's surface, LPS mm.
    pub entry: Point<Patient>,
    /// Out of the bone there.
    pub normal: Dir<Patient>,
    /// The direction of the hand's drill; `None` for a mouse, which has none.
    pub drill: Option<Dir<Patient>>,
}

/// A new screw in `vertebra`, called `level` in the plan.
pub fn new_screw(
    vertebra: &VertebraModel,
    level: Level,
    start: Start,
    catalogue: &Catalogue,
    now: jiff::Timestamp,
) -> Screw {
    let side = side_of(vertebra, start.entry);
    let (entry, axis) = match start.drill {
        Some(drill) => (start.entry, drill),
        None => along_pedicle(vertebra, side, start.entry, catalogue)
            .unwrap_or((start.entry, -start.normal)),
    };
    let axis = axis.unit().unwrap_or(-Dir::Y);
    let offered = catalogue.offer(Use::Pedicle);
    let diameter_mm = diameter(vertebra, side, &offered);
    let length_mm = length(vertebra, entry, axis, &offered.lengths_mm(diameter_mm));
    let shape = ScrewShape { entry, axis, length_mm, diameter_mm };
    Screw::placed((vertebra.id, level), side, &shape, Screw::BY_HAND, now)
}

/// The patient's side of a point, seen from the vertebra's own middle.
pub fn side_of(vertebra: &VertebraModel, p: Point<Patient>) -> Side {
    let local = vertebra.anatomy.patient_from_vertebra.inverse().point(p);
    Side::of_x(local.to_array()[0])
}

/// Entry and axis of a screw that follows the pedicle: from the place that was pointed at through
/// the middle of the isthmus; where that is no way for a screw (the lamina, a process), the
/// pedicle's own way. `None` for a place in front of the pedicle, which is not meant for it.
fn along_pedicle(
    vertebra: &VertebraModel,
    side: Side,
    at: Point<Patient>,
    catalogue: &Catalogue,
) -> Option<(Point<Patient>, Dir<Patient>)> {
    let pedicle = vertebra.anatomy.pedicle(side)?;
    let to_isthmus = pedicle.isthmus - at;
    let ahead = to_isthmus.dot(pedicle.axis);
    if ahead < 0.0 {
        return None;
    }
    let aside = to_isthmus - pedicle.axis * ahead;
    let through = to_isthmus.unit()?;
    if aside.length() < REACH_MM && through.angle_to_rad(pedicle.axis) < WIDEST_RAD {
        return Some((at, through));
    }
    let usual = default_screw(&vertebra.field, pedicle, catalogue)?;
    Some((usual.entry, usual.axis))
}

fn diameter(vertebra: &VertebraModel, side: Side, offered: &Offer) -> f64 {
    let room = vertebra.anatomy.pedicle(side).map(|p| p.width_mm.min(p.height_mm) * FILL);
    let room = room.unwrap_or(USUAL_MM.0);
    largest(&offered.diameters_mm(), |mm| mm <= room).unwrap_or(USUAL_MM.0)
}

fn length(
    vertebra: &VertebraModel,
    entry: Point<Patient>,
    axis: Dir<Patient>,
    lengths_mm: &[f64],
) -> f64 {
    let margin = |mm: f64| vertebra.field.signed_distance_mm(entry + axis * mm);
    largest(lengths_mm, |mm| margin(mm) >= TIP_MARGIN_MM).unwrap_or(USUAL_MM.1)
}

/// The largest of an ascending list that fits; its first where none does, `None` for an empty one.
fn largest(list: &[f64], fits: impl Fn(f64) -> bool) -> Option<f64> {
    list.iter().rev().copied().find(|mm| fits(*mm)).or_else(|| list.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_that_fits_is_offered_and_the_smallest_where_none_does() {
        let list = [4.0, 5.0, 6.0];
        assert_eq!(largest(&list, |mm| mm <= 5.5), Some(5.0));
        assert_eq!(largest(&list, |_| false), Some(4.0));
        assert_eq!(largest(&[], |_| true), None);
    }
}
