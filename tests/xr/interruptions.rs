//! What a real headset does in between and Monado does not by itself: its own menu takes the focus away, its user
//! recentres the room. The tests' API layer makes both happen.

use std::time::Duration;

use corridor::labels::Level;
use corridor::space::Side;
use glam::Vec3;

use crate::driver::{Person, Pose};
use crate::headset::{Headset, Pictures};
use crate::surgeon::{Surgeon, UNDO, screws};

/// Longer than the rest after which an edit stands in the plan file.
const LONGER_THAN_AUTOSAVE: Duration = Duration::from_secs(4);

#[test]
fn editing_is_frozen_while_the_headset_shows_its_own_menu_and_goes_on_after_it() {
    let Some(headset) = Headset::start(Pictures::None) else { return };
    let mut surgeon = Surgeon::enter(&headset, &headset.folder().join("plan.json"));
    surgeon.wait_for_the_spine();

    surgeon.point_at(Level::L4, Side::Left);
    surgeon.pull();
    surgeon.watch.tell_and_wait("focus-lost");
    surgeon.let_go();
    surgeon.pull();
    surgeon.let_go();
    std::thread::sleep(LONGER_THAN_AUTOSAVE);
    let meanwhile = screws(&surgeon.plan).unwrap_or_default();
    assert!(meanwhile.is_empty(), "a hand that belongs to the menu placed a screw");

    surgeon.watch.tell_and_wait("focus-back");
    surgeon.pull();
    surgeon.let_go();
    surgeon.wait_for_screws(1);
}

#[test]
fn recentring_puts_the_patient_back_in_front_of_the_user() {
    let Some(headset) = Headset::start(Pictures::None) else { return };
    let mut surgeon = Surgeon::enter(&headset, &headset.folder().join("plan.json"));
    surgeon.wait_for_the_spine();

    carry_the_patient(&mut surgeon, Vec3::new(0.4, 0.1, -0.3));
    surgeon.point_at(Level::L4, Side::Left);
    surgeon.pull();
    surgeon.let_go();
    std::thread::sleep(LONGER_THAN_AUTOSAVE);
    let missed = screws(&surgeon.plan).unwrap_or_default();
    assert!(missed.is_empty(), "the patient was carried away, yet a screw is where he was");

    surgeon.watch.tell_and_wait("recentre 0.3 0 0.2");
    surgeon.shown();
    surgeon.pull();
    surgeon.let_go();
    let placed = surgeon.wait_for_screws(1);
    assert_eq!(
        (placed[0]["level"].as_str(), placed[0]["side"].as_str()),
        (Some("L4"), Some("left"))
    );
    surgeon.press(UNDO);
    surgeon.wait_for_screws(0);
}

/// Holds the spine with the left hand and moves it.
fn carry_the_patient(surgeon: &mut Surgeon, by: Vec3) {
    let middle = surgeon.room.pedicle(Level::L3, Side::Left).isthmus;
    let from = Pose { position: surgeon.room.stage(middle), ..Pose::at(0.0, 0.0, 0.0) };
    surgeon.person.left.pose = from;
    surgeon.shown();
    surgeon.person.left.squeeze = 1.0;
    surgeon.shown();
    let to = Pose { position: from.position + by, ..from };
    surgeon.person.glide(|p: &mut Person| &mut p.left, to, Duration::from_secs(1));
    surgeon.shown();
    surgeon.person.left.squeeze = 0.0;
    surgeon.shown();
}
