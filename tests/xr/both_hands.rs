//! What else two hands can do without the headset coming off: carry the patient, make him larger, fly; take a placed screw,
//! steer it, delete it; and point at the wrist panel. Each is told by where the next screw lands in the plan.

use corridor::labels::Level;
use corridor::space::{Dir, Side};
use glam::{Quat, Vec3};
use serde_json::Value;

use crate::driver::Pose;
use crate::headset::{Headset, Pictures};
use crate::room::Moved;
use crate::surgeon::{DELETE, Surgeon, UNDO, screw_at};

/// How far a screw may lie from where the hand put it, mm.
const TOLERANCE_MM: f64 = 0.5;

#[test]
fn hands_carry_scale_and_fly_and_take_steer_and_delete_screws() {
    let Some(headset) = Headset::start(Pictures::None) else { return };
    let mut surgeon = Surgeon::enter(&headset, &headset.folder().join("plan.json"));

    // One hand carries the patient: a screw placed by where he is now lands on the hand's axis.
    surgeon.carry_patient(Vec3::new(0.15, -0.1, 0.05));
    surgeon.place(Level::L3, Side::Left);
    on_the_axis(&surgeon, screw_at(&surgeon.wait_for_screws(1), "L3", "left"));

    // Two hands make him twice as large.
    surgeon.stretch_patient(2.0);
    surgeon.place(Level::L2, Side::Right);
    let scaled = screw_at(&surgeon.wait_for_screws(2), "L2", "right").clone();
    on_the_axis(&surgeon, &scaled);

    // A placed screw is taken by its head and follows the hand.
    let pedicle = surgeon.room.pedicle(Level::L2, Side::Right);
    surgeon.point_at(Level::L2, Side::Right);
    surgeon.pull();
    let aside = pedicle.isthmus + Dir::new(-1.5, 0.0, 2.0);
    let to = surgeon.moved.from_start(surgeon.room.hand_along(aside, pedicle.axis));
    surgeon.steer(to);
    surgeon.let_go();
    surgeon.wait_for_plan("the screw steered to the hand", |screws| {
        let is_there = |screw: &Value| surgeon.beside_the_right_hand_mm(screw) <= TOLERANCE_MM;
        screws.len() == 2 && screws.iter().any(|s| s["id"] == scaled["id"] && is_there(s))
    });

    // The second button deletes the screw in the hand; an undo brings it back, on the wrist panel too.
    surgeon.pull();
    surgeon.press(DELETE);
    surgeon.let_go();
    screw_at(&surgeon.wait_for_screws(1), "L3", "left");
    surgeon.press(UNDO);
    surgeon.wait_for_screws(2);
    click_undo_on_the_wrist(&mut surgeon);
    surgeon.wait_for_plan("the steering undone", |screws| screws.contains(&scaled));

    // Flying upwards leaves the patient below: where he was there is nothing to place a screw in.
    surgeon.fly(Vec3::Y);
    surgeon.place(Level::L4, Side::Left);
    surgeon.watch.tell_and_wait("recentre 0 0 0");
    surgeon.moved = Moved::NOT;
    surgeon.place(Level::L5, Side::Right);
    screw_at(&surgeon.wait_for_screws(3), "L5", "right");
    surgeon.end();
}

fn on_the_axis(surgeon: &Surgeon, screw: &Value) {
    let off = surgeon.beside_the_right_hand_mm(screw);
    println!("the screw is {off:.3} mm beside the hand's axis");
    assert!(off <= TOLERANCE_MM, "the screw is {off:.3} mm beside the hand's axis");
}

/// The panel stands above the left wrist, leant back; its first button, in the upper left corner, undoes.
fn click_undo_on_the_wrist(surgeon: &mut Surgeon) {
    const ABOVE_THE_WRIST: Vec3 = Vec3::new(0.0, 0.13, 0.02);
    const LEANT_BACK_RAD: f32 = 0.6;
    const FROM_THE_MIDDLE: Vec3 = Vec3::new(-0.067, 0.099, 0.0);
    surgeon.person.left.pose = Pose::at(-0.3, 1.1, -0.3);
    let lean = Quat::from_rotation_x(-LEANT_BACK_RAD);
    let button = surgeon.person.left.pose.position + ABOVE_THE_WRIST + lean * FROM_THE_MIDDLE;
    let out = lean * Vec3::Z;
    surgeon.person.right.pose = Pose::pointing(button + 0.2 * out, -out);
    surgeon.shown();
    surgeon.pull();
    surgeon.let_go();
}
