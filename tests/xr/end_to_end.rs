//! One surgeon, one screw: reach the left L4 pedicle, pull the trigger, steer, let go, undo, redo, save.
//!
//! The test knows where the phantom's pedicle is and where it put the hand. It reads the plan file, and looks at a
//! picture of both eyes, which is kept.

use std::path::Path;
use std::process::Command;

use corridor::labels::Level;
use corridor::space::{Dir, Side};
use serde_json::Value;

use crate::driver::EYE_DISTANCE_M;
use crate::hand_view;
use crate::headset::{Headset, Pictures, cache, keep};
use crate::picture::BothEyes;
use crate::room::Room;
use crate::surgeon::{REDO, SAVE, SOON, START, Surgeon, TOLERANCE_MM, UNDO, mark, point, screw_at};

#[test]
fn a_scripted_hand_places_steers_and_saves_a_screw_in_the_left_l4_pedicle() {
    let Some(headset) = Headset::start(Pictures::Window) else { return };
    let plan = headset.folder().join("plan.json");
    let mut surgeon = Surgeon::enter(&headset, &plan);
    both_eyes_see_the_spine(&headset, &surgeon);
    hand_view::ray_cursor_and_card(&headset, &mut surgeon);

    surgeon.point_at(Level::L4, Side::Left);
    surgeon.pull();
    let pedicle = surgeon.room.pedicle(Level::L4, Side::Left);
    let aside = pedicle.isthmus + Dir::new(3.0, 0.0, 2.0);
    let steeper = (pedicle.axis + Dir::new(0.0, 0.0, 0.06)).unit().unwrap();
    surgeon.steer(surgeon.room.hand_along(aside, steeper));
    let ticks = surgeon.watch.records("haptic");
    assert!(ticks.iter().any(|tick| tick.starts_with("right ")), "no tick: {ticks:?}");
    surgeon.let_go();
    let placed = surgeon.wait_for_screws(1);
    lies_on_the_hands_axis(screw_at(&placed, "L4", "left"), &surgeon);

    surgeon.press(UNDO);
    surgeon.wait_for_screws(0);
    surgeon.press(REDO);
    assert_eq!(surgeon.wait_for_screws(1), placed, "redo brings back the same screw");
    // Nothing is left to be written, so only the button can make the plan file a new one.
    let before = mark(&plan);
    surgeon.press(SAVE);
    surgeon
        .program
        .wait_for("the plan file to be saved", SOON, || (mark(&plan) != before).then_some(()));
    headset.screenshot(&keep("end_to_end.png"));
    surgeon.end();

    let graded = grade(&plan);
    assert_eq!(graded["screws"][0]["level"], "L4");
    assert_eq!(graded["screws"][0]["grade"], expected_grade(&placed[0], surgeon.room));
}

fn lies_on_the_hands_axis(screw: &Value, surgeon: &Surgeon) {
    surgeon.lies_on_the_hands_axis(screw);
    let (_, axis) = surgeon.room.line_of(surgeon.person.right.pose);
    let entry = point(screw, "entry_lps_mm");
    let along = (point(screw, "tip_lps_mm") - entry).dot(axis);
    let length = screw["length_mm"].as_f64().unwrap();
    assert!((along - length).abs() < 0.1, "the screw points {along} mm along the hand");
    let bone = surgeon.room.bone(Level::L4);
    let depth = bone.signed_distance_mm(entry);
    assert!(depth.abs() <= TOLERANCE_MM, "the entry is {depth:.3} mm deep in the true bone");
}

/// The letter of the true bone, around the isthmus: how far the shaft stands out of it.
fn expected_grade(screw: &Value, room: &Room) -> &'static str {
    let bone = room.bone(Level::L4);
    let (entry, tip) = (point(screw, "entry_lps_mm"), point(screw, "tip_lps_mm"));
    let axis = (tip - entry).unit().unwrap();
    let (up, radius) = (axis.any_perpendicular(), screw["diameter_mm"].as_f64().unwrap() / 2.0);
    let middle = (room.pedicle(Level::L4, Side::Left).isthmus - entry).dot(axis);
    let mut breach: f64 = 0.0;
    for step in -20..=20 {
        let centre = entry + axis * (middle + 0.25 * f64::from(step));
        for turn in 0..72 {
            let angle = f64::from(turn) * std::f64::consts::TAU / 72.0;
            let out = up * angle.cos() + axis.cross(up) * angle.sin();
            breach = breach.max(-bone.signed_distance_mm(centre + out * radius));
        }
    }
    println!("the true breach around the isthmus is {breach:.2} mm");
    match breach {
        b if b <= 0.0 => "A",
        b if b < 2.0 => "B",
        b if b < 4.0 => "C",
        b if b < 6.0 => "D",
        _ => "E",
    }
}

/// What `corridor grade` says of a plan of the built-in case.
pub fn grade(plan: &Path) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corridor"));
    command.env("XDG_CACHE_HOME", cache());
    let done = command.args(["grade", "--json", "--plan"]).arg(plan).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).expect("JSON on standard output")
}

/// Waits for the spine and compares the eyes.
fn both_eyes_see_the_spine(headset: &Headset, surgeon: &Surgeon) {
    let path = keep("both_eyes.png");
    let expected = BothEyes::expected(surgeon.room, surgeon.person.head, EYE_DISTANCE_M);
    let seen = surgeon.program.wait_for("the spine in both eyes", START, || {
        headset.screenshot(&path);
        let seen = BothEyes::read(&path);
        expected.is_in(&seen).then_some(seen)
    });
    expected.has_the_parallax_of(&seen);
}
