//! The geometry of a drag: where a screw goes when a hand moves one of its ends.
//!
//! The length is kept, and the entry stays where the axis enters bone.

use super::pick::{End, PatientRay};
use super::pointer::PointerKind;
use crate::clearance::{SignedDistance, entry_on_axis};
use crate::plan::Screw;
use crate::space::{Dir, Patient, Point};
use glam::DQuat;

/// What was held at the moment of the press.
#[derive(Clone, Debug, PartialEq)]
pub struct Grip {
    /// Which part is held.
    pub end: End,
    /// The screw as it was then.
    pub screw: Screw,
    /// The ray of that moment.
    pub ray: PatientRay,
    /// The held point then.
    pub point: Point<Patient>,
    /// Who holds.
    pub kind: PointerKind,
}

/// Shortest distance between entry and the point a tip is dragged to that still says a direction.
const LEAST_MM: f64 = 2.0;

impl Grip {
    /// The screw as the ray of now has it; `None` where the ray says nothing (beside, behind).
    pub fn steer(&self, now: PatientRay, bone: &impl SignedDistance) -> Option<Screw> {
        match (self.end, self.kind) {
            (End::Tip, PointerKind::Hand) => Some(self.turned(now)),
            (End::Tip, PointerKind::Mouse) => self.tip_to(self.screw.tip() + self.moved(now)?),
            (End::Entry, _) => self.entry_to(self.screw.entry + self.moved(now)?, bone),
            (End::Shaft, _) => Some(self.shifted(self.moved(now)?, bone)),
        }
    }

    /// How far the held point went: in the plane across the sight for a mouse; for a hand with the
    /// ray, at the depth where it took hold.
    fn moved(&self, now: PatientRay) -> Option<Dir<Patient>> {
        match self.kind {
            PointerKind::Mouse => {
                let depth = |ray: PatientRay| ray.meet_plane(self.point, self.ray.dir);
                Some(now.at(depth(now)?) - self.ray.at(depth(self.ray)?))
            }
            PointerKind::Hand => {
                let depth = (self.point - self.ray.origin).dot(self.ray.dir);
                Some(now.at(depth) - self.ray.at(depth))
            }
        }
    }

    /// Turned about the entry as the hand turned.
    fn turned(&self, now: PatientRay) -> Screw {
        let turn = DQuat::from_rotation_arc(self.ray.dir.vec(), now.dir.vec());
        let axis = Dir::from_vec((turn * self.screw.axis.vec()).normalize());
        Screw { axis, ..self.screw.clone() }
    }

    fn tip_to(&self, target: Point<Patient>) -> Option<Screw> {
        let way = target - self.screw.entry;
        if way.length() < LEAST_MM {
            return None;
        }
        Some(Screw { axis: way.unit()?, ..self.screw.clone() })
    }

    /// The axis turns about the tip, and the entry is where the new axis enters bone; the length stays, so
    /// the tip moves along the axis by as much as the entry came nearer to it.
    fn entry_to(&self, target: Point<Patient>, bone: &impl SignedDistance) -> Option<Screw> {
        let way = self.screw.tip() - target;
        if way.length() < LEAST_MM {
            return None;
        }
        let axis = way.unit()?;
        let entry = entry_on_axis(bone, target, axis).unwrap_or(target);
        Some(Screw { entry, axis, ..self.screw.clone() })
    }

    /// Moved as a whole, along the axis back onto the bone.
    fn shifted(&self, by: Dir<Patient>, bone: &impl SignedDistance) -> Screw {
        let through = self.screw.entry + by;
        let entry = entry_on_axis(bone, through, self.screw.axis).unwrap_or(through);
        Screw { entry, ..self.screw.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{Level, VertebraId};
    use crate::plan::{ScrewId, ScrewState, ScrewStyle};
    use crate::space::Side;

    /// Bone fills y > 0: its surface is the plane y = 0, and forward is +y here.
    fn wall(p: Point<Patient>) -> f64 {
        p.to_array()[1]
    }

    fn screw() -> Screw {
        Screw {
            id: ScrewId::random(),
            vertebra: VertebraId::of_label("test", 1),
            level: Level::S1,
            side: Side::Left,
            style: ScrewStyle::Pedicle,
            in_out_in: false,
            entry: Point::new(10.0, 0.0, 5.0),
            axis: Dir::Y,
            diameter_mm: 6.0,
            length_mm: 40.0,
            author: "test".to_owned(),
            edited: jiff::Timestamp::UNIX_EPOCH,
            state: ScrewState::Reviewed,
            unknown: serde_json::Map::new(),
        }
    }

    fn grip(end: End, kind: PointerKind, ray: PatientRay, point: Point<Patient>) -> Grip {
        Grip { end, screw: screw(), ray, point, kind }
    }

    #[test]
    fn a_mouse_drags_the_tip_in_the_picture_and_the_length_stays() {
        // Seen from above: the picture's plane is x and y.
        let look = |x: f64| PatientRay { origin: Point::new(x, 40.0, 500.0), dir: -Dir::Z };
        let grip = grip(End::Tip, PointerKind::Mouse, look(10.0), screw().tip());
        let after = grip.steer(look(40.0), &wall).expect("a direction");
        assert!((after.tip() - Point::new(34.0, 32.0, 5.0)).length() < 1e-9, "{:?}", after.tip());
        assert_eq!(after.entry, screw().entry);
    }

    #[test]
    fn a_hand_turns_the_screw_as_it_turns_itself() {
        let at = |dir| PatientRay { origin: Point::new(10.0, -300.0, 5.0), dir };
        let grip = grip(End::Tip, PointerKind::Hand, at(Dir::Y), screw().entry);
        let leant = Dir::new(0.3, 1.0, 0.0).unit().expect("not zero");
        let after = grip.steer(at(leant), &wall).expect("a direction");
        assert!((after.axis - leant).length() < 1e-12);
    }

    #[test]
    fn a_shifted_screw_enters_at_the_surface() {
        let look = |x: f64, y: f64| PatientRay { origin: Point::new(x, y, 500.0), dir: -Dir::Z };
        let grip =
            grip(End::Shaft, PointerKind::Mouse, look(10.0, 20.0), Point::new(10.0, 20.0, 5.0));
        let after = grip.steer(look(17.0, 26.0), &wall).expect("moved");
        assert!((after.entry - Point::new(17.0, 0.0, 5.0)).length() < 0.02, "{:?}", after.entry);
        assert_eq!(after.axis, screw().axis);
    }
}
