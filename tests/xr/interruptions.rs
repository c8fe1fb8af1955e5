//! What a real headset does in between and Monado does not by itself: its own menu takes the focus away, its user
//! recentres the room. The tests' API layer makes both happen.
//!
//! That something was *not* placed is told by what is placed after it: edits reach the plan in order, so when the later
//! screw stands there alone, the earlier one was never made.

use corridor::labels::Level;
use corridor::space::Side;
use glam::Vec3;

use crate::headset::{Headset, Pictures};
use crate::room::Moved;
use crate::surgeon::{Surgeon, screw_at};

#[test]
fn editing_is_frozen_while_the_headset_shows_its_own_menu_and_goes_on_after_it() {
    let Some(headset) = Headset::start(Pictures::None) else { return };
    let mut surgeon = Surgeon::enter(&headset, &headset.folder().join("plan.json"));

    // A screw in the hand when the menu opens is given up.
    surgeon.point_at(Level::L4, Side::Left);
    surgeon.pull();
    surgeon.watch.tell_and_wait("focus-lost");
    // A hand that belongs to the menu does nothing to the patient.
    for trigger in [0.0, 1.0, 0.0, 1.0] {
        surgeon.person.right.trigger = trigger;
        surgeon.shown_to_the_menu();
    }
    // Nor does a trigger that is still pulled when the menu closes: first it must be let go.
    surgeon.watch.tell_and_wait("focus-back");
    surgeon.shown();
    surgeon.let_go();

    surgeon.place(Level::L4, Side::Right);
    screw_at(&surgeon.wait_for_screws(1), "L4", "right");
    surgeon.end();
}

#[test]
fn recentring_puts_the_patient_back_in_front_of_the_user() {
    let Some(headset) = Headset::start(Pictures::None) else { return };
    let mut surgeon = Surgeon::enter(&headset, &headset.folder().join("plan.json"));

    surgeon.point_at(Level::L3, Side::Left);
    let where_the_patient_was = surgeon.person.right.pose;
    surgeon.carry_patient(Vec3::new(0.4, 0.1, -0.3));
    surgeon.person.right.pose = where_the_patient_was;
    surgeon.shown();
    surgeon.pull();
    surgeon.let_go();

    surgeon.watch.tell_and_wait("recentre 0.3 0 0.2");
    surgeon.moved = Moved::NOT;
    surgeon.place(Level::L4, Side::Left);
    screw_at(&surgeon.wait_for_screws(1), "L4", "left");
    surgeon.end();
}
