//! One surgeon, one screw: reach the left L4 pedicle, pull the trigger, steer, let go, undo, redo, save.
//!
//! The test knows where the phantom's pedicle is and where it put the hand. It reads the plan file, and looks at a
//! picture of both eyes, which is kept.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use corridor::labels::Level;
use corridor::space::{Patient, Point, Side};
use serde_json::Value;

use crate::driver::{EYE_DISTANCE_M, Pose};
use crate::headset::{Headset, Pictures, Program, keep, wait_for};
use crate::picture::BothEyes;
use crate::room::Room;
use crate::watch::Watch;

/// Software rendering on a busy machine needs long to come up.
const START: Duration = Duration::from_secs(180);
/// For what takes a moment once the program runs.
const SOON: Duration = Duration::from_secs(60);
/// How far a screw may lie from where the hand put it.
const TOLERANCE_MM: f64 = 0.5;

#[test]
fn a_scripted_hand_places_steers_and_saves_a_screw_in_the_left_l4_pedicle() {
    let Some(headset) = Headset::start(Pictures::Window) else { return };
    let room = Room::of_the_demo();
    let plan = headset.folder().join("plan.json");
    let mut person = headset.person();
    person.head = Pose::at(0.0, 1.25, -0.1);
    person.show();
    let mut command = headset.corridor();
    let watch = Watch::over(command.args(["open", "--xr", "--plan"]).arg(&plan), headset.folder());
    let mut program = Program::start(&mut command);
    watch.wait_until_focused(START);
    both_eyes_see_the_spine(&headset, room);

    // Reach: the right hand points along the pedicle's own axis.
    let pedicle = room.pedicle(Level::L4, Side::Left);
    person.right.pose = room.hand_along(pedicle.isthmus, pedicle.axis);
    person.show();
    watch.wait_for_frames(20);
    person.right.trigger = 1.0;
    person.show();
    watch.wait_for_frames(20);

    // Steer: two millimetres to the patient's left and three up, and a little steeper.
    let aside = room.pedicle(Level::L4, Side::Left).isthmus + corridor_dir([2.0, 0.0, 3.0]);
    let steeper = (pedicle.axis + corridor_dir([0.0, 0.0, 0.06])).unit().unwrap();
    person.glide(|p| &mut p.right, room.hand_along(aside, steeper), Duration::from_secs(2));
    watch.wait_for_frames(20);
    person.right.trigger = 0.0;
    person.show();

    let placed = wait_for("a screw in the plan file", SOON, || one_screw(&plan));
    lies_on_the_hands_axis(&placed, room, person.right.pose);

    press(&mut person, &watch, |p| &mut p.left.a);
    wait_for("undo in the plan file", SOON, || screws(&plan).filter(Vec::is_empty));
    press(&mut person, &watch, |p| &mut p.left.b);
    let again = wait_for("redo in the plan file", SOON, || one_screw(&plan));
    assert_eq!(again, placed, "redo brings back the same screw");

    let saved_before = std::fs::metadata(&plan).unwrap().modified().unwrap();
    press(&mut person, &watch, |p| &mut p.right.stick_click);
    wait_for("the program to say that it saved", SOON, || {
        let saved = std::fs::metadata(&plan).unwrap().modified().unwrap();
        (saved > saved_before || program.said().contains("aved")).then_some(())
    });
    headset.screenshot(&keep("end_to_end.png"));
    assert!(program.is_running());
    program.ask_to_end();
    assert!(program.wait_for_end(SOON).is_some(), "the program does not end when asked to");

    let graded = grade(&plan);
    assert_eq!(graded["screws"][0]["level"], "L4");
    assert_eq!(graded["screws"][0]["grade"], expected_grade(&placed, room));
}

fn corridor_dir(d: [f64; 3]) -> corridor::space::Dir<Patient> {
    corridor::space::Dir::new(d[0], d[1], d[2])
}

/// Presses a button until the program has seen it, and lets go.
fn press(
    person: &mut crate::driver::Person,
    watch: &Watch,
    button: fn(&mut crate::driver::Person) -> &mut bool,
) {
    for down in [true, false] {
        *button(person) = down;
        person.show();
        watch.wait_for_frames(10);
    }
}

/// The screws of a plan file; `None` while there is no whole one.
pub fn screws(plan: &Path) -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(plan).ok()?;
    let plan: Value = serde_json::from_str(&text).expect("a plan file is always whole");
    plan["screws"].as_array().cloned()
}

fn one_screw(plan: &Path) -> Option<Value> {
    let [screw] = <[Value; 1]>::try_from(screws(plan)?).ok()?;
    Some(screw)
}

fn point(screw: &Value, key: &str) -> Point<Patient> {
    let [x, y, z] = [0, 1, 2].map(|i| screw[key][i].as_f64().expect("three numbers"));
    Point::new(x, y, z)
}

fn lies_on_the_hands_axis(screw: &Value, room: &Room, hand: Pose) {
    assert_eq!(screw["level"], "L4");
    assert_eq!(screw["side"], "left");
    let (from, axis) = room.line_of(hand);
    for key in ["entry_lps_mm", "tip_lps_mm"] {
        let off = (point(screw, key) - from).cross(axis).length();
        assert!(off <= TOLERANCE_MM, "{key} is {off:.3} mm beside the hand's axis");
    }
    let entry = point(screw, "entry_lps_mm");
    let along = (point(screw, "tip_lps_mm") - entry).dot(axis);
    let length = screw["length_mm"].as_f64().unwrap();
    assert!((along - length).abs() < 0.1, "the screw points {along} mm along the hand");
    let phantom = corridor::phantom::Phantom::new(&corridor::phantom::Spec::default()).unwrap();
    let bone = phantom.bone(Level::L4).expect("the built-in case has L4");
    let depth = bone.signed_distance_mm(entry);
    assert!(depth.abs() <= TOLERANCE_MM, "the entry is {depth:.3} mm deep in the true bone");
}

/// The letter of the true bone, around the isthmus: how far the shaft stands out of it.
fn expected_grade(screw: &Value, room: &Room) -> &'static str {
    let phantom = corridor::phantom::Phantom::new(&corridor::phantom::Spec::default()).unwrap();
    let bone = phantom.bone(Level::L4).expect("the built-in case has L4");
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
    let done = command.args(["grade", "--json", "--plan"]).arg(plan).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).expect("JSON on standard output")
}

/// Waits for the spine and compares the eyes.
fn both_eyes_see_the_spine(headset: &Headset, room: &Room) {
    let path = keep("both_eyes.png");
    let head = Pose::at(0.0, 1.25, -0.1);
    let expected = BothEyes::expected(room, head, EYE_DISTANCE_M);
    let seen = wait_for("the spine in both eyes", START, || {
        headset.screenshot(&path);
        let seen = BothEyes::read(&path);
        expected.is_in(&seen).then_some(seen)
    });
    expected.has_the_parallax_of(&seen);
}
