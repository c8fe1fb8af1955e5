//! What a hand does to a placed screw, and what it feels.

use std::time::Duration;

use corridor::implant::{Catalogue, ScrewSize, Use};
use corridor::labels::Level;
use corridor::space::{Dir, Side};
use glam::{Quat, Vec3};
use serde_json::Value;

use crate::driver::{Person, Pose};
use crate::surgeon::{DELETE, RIGHT, Surgeon, TOLERANCE_MM, UNDO, screw_at};

/// The screw in L2 is taken by its head and follows the hand; the second button deletes it; an undo brings it back, and one
/// on the wrist panel puts it back where it was.
pub fn steer_and_delete(surgeon: &mut Surgeon) {
    let count = surgeon.screws().len();
    let placed = screw_at(&surgeon.screws(), "L2", "right").clone();
    let pedicle = surgeon.room.pedicle(Level::L2, Side::Right);
    surgeon.point_at(Level::L2, Side::Right);
    surgeon.pull();
    let aside = pedicle.isthmus + Dir::new(-1.5, 0.0, 2.0);
    let to = surgeon.moved.from_start(surgeon.room.hand_along(aside, pedicle.axis));
    surgeon.steer(to);
    surgeon.let_go();
    surgeon.wait_for_plan("the screw steered to the hand", |screws| {
        let is_there = |screw: &Value| surgeon.beside_the_right_hand_mm(screw) <= TOLERANCE_MM;
        screws.len() == count && screws.iter().any(|s| s["id"] == placed["id"] && is_there(s))
    });

    surgeon.pull();
    surgeon.press(DELETE);
    surgeon.let_go();
    surgeon.wait_for_plan("the screw deleted", |screws| {
        screws.len() == count - 1 && screws.iter().all(|s| s["id"] != placed["id"])
    });
    surgeon.press(UNDO);
    surgeon.wait_for_screws(count);
    click_undo_on_the_wrist(surgeon);
    surgeon.wait_for_plan("the steering undone", |screws| screws.contains(&placed));
}

/// The first button of the wrist's panel, in its upper left corner, undoes.
fn click_undo_on_the_wrist(surgeon: &mut Surgeon) {
    hold_the_wrist_at(&mut surgeon.person, UNDO_BUTTON);
    surgeon.shown();
    surgeon.pull();
    surgeon.let_go();
    surgeon.put_the_left_hand_away();
}

/// Where the wrist panel's buttons are, seen from its middle, m.
pub const UNDO_BUTTON: Vec3 = Vec3::new(-0.067, 0.099, 0.0);
pub const SLICES_BUTTON: Vec3 = Vec3::new(0.05, 0.099, 0.0);

/// Holds the left wrist before the body, and points with the right hand at a place on its panel. The panel stands above the
/// wrist, leant back.
pub fn hold_the_wrist_at(person: &mut Person, from_the_middle: Vec3) {
    const ABOVE_THE_WRIST: Vec3 = Vec3::new(0.0, 0.13, 0.02);
    const LEANT_BACK_RAD: f32 = 0.6;
    person.left.pose = Pose::at(-0.3, 1.1, -0.3);
    let lean = Quat::from_rotation_x(-LEANT_BACK_RAD);
    let place = person.left.pose.position + ABOVE_THE_WRIST + lean * from_the_middle;
    let out = lean * Vec3::Z;
    person.right.pose = Pose::pointing(place + 0.2 * out, -out);
}

fn size_of(screw: &Value) -> ScrewSize {
    let mm = |key: &str| screw[key].as_f64().expect("a size is a number");
    ScrewSize { diameter_mm: mm("diameter_mm"), length_mm: mm("length_mm") }
}

/// While a screw is in the hand its stick steps through the catalogue: back is shorter, to the left thinner. It is one edit.
pub fn resize(surgeon: &mut Surgeon) {
    let placed = surgeon.place_new(Level::L5, Side::Right);
    let catalogue = Catalogue::builtin().unwrap();
    // Downwards: a screw as long as the bone allows may be the catalogue's longest.
    let smaller = catalogue.offer(Use::Pedicle).step(size_of(&placed), -1, -1);
    assert!(smaller.diameter_mm < size_of(&placed).diameter_mm, "{placed}");
    assert!(smaller.length_mm < size_of(&placed).length_mm, "{placed}");
    surgeon.pull();
    surgeon.push([0.0, -1.0]);
    surgeon.push([-1.0, 0.0]);
    surgeon.let_go();
    surgeon.wait_for_plan("a shorter and thinner screw", |screws| {
        screws.iter().any(|s| s["id"] == placed["id"] && size_of(s) == smaller)
    });
    // Neither flown nor turned meanwhile: the screw still lies on the hand's axis.
    surgeon.lies_on_the_hands_axis(screw_at(&surgeon.screws(), "L5", "right"));
    surgeon.press(UNDO);
    surgeon.wait_for_plan("both sizes taken back", |screws| screws.contains(&placed));
}

/// One tick, as the layer records it: strength, and length in milliseconds.
fn ticks(surgeon: &Surgeon) -> Vec<(f64, f64)> {
    let records = surgeon.watch.records("haptic");
    let ticks = records.iter().map(|record| {
        let words: Vec<&str> = record.split(' ').collect();
        let [hand, strength, milliseconds] = words[..] else { panic!("{record}") };
        assert_eq!(hand, "right", "the hand that holds the screw feels it");
        (strength.parse().unwrap(), milliseconds.parse().unwrap())
    });
    ticks.collect()
}

/// Moved out of its pedicle, a screw ticks at every millimetre of clearance lost, stronger the less is left, long once where
/// it leaves the bone; moved back it does not.
pub fn feel(surgeon: &mut Surgeon) {
    const LONG_MS: f64 = 100.0;
    let pedicle = surgeon.room.pedicle(Level::L3, Side::Right);
    surgeon.point_at(Level::L3, Side::Right);
    surgeon.pull();
    let inside = surgeon.person.right.pose;
    let before = ticks(surgeon).len();
    // The patient's right is at −x: away from the canal.
    let outside = surgeon.room.hand_along(pedicle.isthmus + Dir::new(-9.0, 0.0, 0.0), pedicle.axis);
    // So slowly that a busy machine, too, draws some frames on the way: a tick is told by a frame.
    surgeon.person.glide(RIGHT, outside, Duration::from_secs(6));
    surgeon.shown();
    let felt = ticks(surgeon).split_off(before);
    println!("felt on the way out: {felt:?}");
    assert!(felt.len() >= 3, "nine millimetres are felt in {} ticks", felt.len());
    assert!(felt.windows(2).all(|pair| pair[0].0 <= pair[1].0), "the less left the stronger");
    assert_eq!(felt.iter().filter(|tick| tick.1 > LONG_MS).count(), 1, "one long tick");
    let long = felt.iter().position(|tick| tick.1 > LONG_MS).unwrap();
    assert!(felt[..long].iter().all(|tick| tick.0 < 1.0), "faint while it is inside");

    let before = ticks(surgeon).len();
    surgeon.person.glide(RIGHT, inside, Duration::from_secs(2));
    surgeon.shown();
    let felt = ticks(surgeon).split_off(before);
    assert!(felt.iter().all(|tick| tick.1 < LONG_MS), "back into the bone: {felt:?}");
    assert!(felt.len() <= 1, "on the way back clearance grows: {felt:?}");
    surgeon.let_go();
    surgeon.wait_for_plan("the screw back inside", |screws| {
        let is_inside = |s: &Value| surgeon.beside_the_right_hand_mm(s) <= TOLERANCE_MM;
        screws.iter().any(|s| s["level"] == "L3" && s["side"] == "right" && is_inside(s))
    });
}
