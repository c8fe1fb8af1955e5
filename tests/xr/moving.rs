//! How the patient comes to the surgeon: flown past, turned, carried, stretched, put back.

use corridor::labels::Level;
use corridor::space::{Dir, Patient, Side};
use glam::{Quat, Vec3};
use serde_json::Value;

use crate::driver::Pose;
use crate::surgeon::{HEAD, Surgeon, TOLERANCE_MM, UNDO, point, screw_at};

/// The patient goes the other way than the stick flies the user, along the hand's own direction and no other: the line on
/// which a hand points goes through him shifted along that way.
pub fn fly(surgeon: &mut Surgeon) {
    let flights = [
        (Vec3::Y, 1.0, (Level::L5, Side::Left)),
        (Vec3::Y, -1.0, (Level::L2, Side::Left)),
        // Slower: to the side a pedicle ends sooner.
        (Vec3::NEG_X, 0.25, (Level::L4, Side::Right)),
    ];
    for (ahead, stick, (level, side)) in flights {
        surgeon.recentre();
        surgeon.person.right.pose = Pose::pointing(Vec3::new(0.4, 1.0, -0.2), ahead);
        surgeon.shown();
        surgeon.person.right.stick = [0.0, stick];
        surgeon.shown();
        surgeon.watch.wait_for_frames(8);
        surgeon.person.right.stick = [0.0, 0.0];
        surgeon.shown();
        let before = surgeon.screws().len();
        let screw = surgeon.place_new(level, side);
        shows_flight(surgeon, &screw, ahead * stick.signum());
        surgeon.press(UNDO);
        surgeon.wait_for_screws(before);
    }
    surgeon.recentre();
}

fn shows_flight(surgeon: &Surgeon, screw: &Value, way: Vec3) {
    let (from, axis) = surgeon.room.line_of(surgeon.person.right.pose);
    let across = |d: Dir<Patient>| d - axis * d.dot(axis);
    let way = Dir::new(f64::from(-way.x), f64::from(way.z), f64::from(way.y));
    let way = across(way).unit().expect("flown across the sight");
    let shift = across(point(screw, "entry_lps_mm") - from);
    let along = shift.dot(way);
    let aside = (shift - way * along).length();
    println!("flown {along:.1} mm, and {aside:.3} mm aside");
    assert!(along > 1.0, "flown {along} mm");
    assert!(aside <= TOLERANCE_MM, "flown {aside} mm aside");
}

/// A step of the preset in use.
const STEP_DEG: f32 = 30.0;

/// A stick pushed sideways turns the user about himself once, however long it is held, and again when it came back.
pub fn snap_turn(surgeon: &mut Surgeon) {
    let turned = |surgeon: &mut Surgeon, steps: f32| {
        // The patient goes round the user the other way.
        let turn = Quat::from_rotation_y((steps * STEP_DEG).to_radians());
        surgeon.moved = surgeon.moved.turned(HEAD.position, turn);
    };
    surgeon.person.right.stick = [1.0, 0.0];
    surgeon.shown();
    surgeon.watch.wait_for_frames(5);
    surgeon.push([0.9, 0.0]);
    turned(surgeon, 1.0);
    let screw = surgeon.place_new(Level::L4, Side::Right);
    surgeon.lies_on_the_hands_axis(&screw);

    surgeon.push([-1.0, 0.0]);
    surgeon.push([-1.0, 0.0]);
    turned(surgeon, -2.0);
    let screw = surgeon.place_new(Level::L4, Side::Left);
    surgeon.lies_on_the_hands_axis(&screw);
}

/// One hand carries and turns the patient: a screw placed by where he is now lands on the hand's axis.
pub fn carry(surgeon: &mut Surgeon) {
    surgeon.recentre();
    let turn = Quat::from_euler(glam::EulerRot::XYZ, 0.25, -0.35, 0.15);
    surgeon.carry_patient(Vec3::new(0.12, -0.1, 0.05), turn);
    let screw = surgeon.place_new(Level::L3, Side::Left);
    surgeon.lies_on_the_hands_axis(&screw);
}

/// Two hands make him twice as large.
pub fn stretch(surgeon: &mut Surgeon) {
    surgeon.recentre();
    surgeon.stretch_patient(2.0);
    let screw = surgeon.place_new(Level::L2, Side::Right);
    surgeon.lies_on_the_hands_axis(&screw);
}

/// Where he was carried to he is no more after the room is recentred, and where he stood at first he is again.
pub fn recentre(surgeon: &mut Surgeon) {
    surgeon.recentre();
    surgeon.point_at(Level::L1, Side::Left);
    let where_the_patient_was = surgeon.person.right.pose;
    surgeon.carry_patient(Vec3::new(0.4, 0.1, -0.3), Quat::IDENTITY);
    surgeon.person.right.pose = where_the_patient_was;
    surgeon.shown();
    surgeon.pull();
    surgeon.let_go();

    surgeon.watch.tell_and_wait("recentre 0.3 0 0.2");
    surgeon.moved = crate::room::Moved::NOT;
    // Edits reach the plan in order: one more alone says that nothing was placed before.
    surgeon.place_new(Level::L1, Side::Left);
    screw_at(&surgeon.screws(), "L1", "left");
}
