//! Left is left in the headset: from four sides, in both eyes, a bead on the patient's left is found, in pixels, on the
//! side of the drawn L.

use glam::Vec3;
use image::RgbImage;
use image::imageops::crop_imm;
use std::path::Path;

use crate::beads;
use crate::driver::Pose;
use crate::headset::{Headset, Pictures, Program, keep, wait_for};
use crate::surgeon::{SOON, START};
use crate::watch::Watch;

/// Where the middle of the case stands at the start.
const MIDDLE: Vec3 = Vec3::new(0.0, 1.2, -0.6);
/// How near the head comes to it, m.
const NEAR_M: f32 = 0.25;

/// From where the head looks at the middle, and where L stands then: −1 left, +1 right.
const VIEWS: [(&str, Vec3, f64); 4] = [
    // The patient's back is towards the user at the start, so his left is the user's left.
    ("behind", Vec3::Z, -1.0),
    ("front", Vec3::NEG_Z, 1.0),
    // From above and below the scripted head has the way to the patient's back upwards in the picture.
    ("above", Vec3::Y, 1.0),
    ("below", Vec3::NEG_Y, -1.0),
];

#[test]
fn a_bead_on_the_left_is_on_the_side_of_the_drawn_l_in_both_eyes_from_all_sides() {
    let Some(headset) = Headset::start(Pictures::SharpWindow) else { return };
    let [ct, labels] = beads::write(headset.folder());
    let mut person = headset.person();
    // Controllers out of sight: nothing but the anatomy and its letters is in the picture.
    (person.left.is_seen, person.right.is_seen) = (false, false);
    person.show();
    let mut command = headset.corridor();
    command.args(["open", "--xr", "--numbering", "verse", "--labels"]).arg(labels).arg(ct);
    let watch = Watch::over(&mut command, headset.folder());
    let program = Program::start(&mut command);
    watch.wait_until_focused(START);
    program.wait_until_it_says("the spine stands in front of the user", START);

    for (name, from, side) in VIEWS {
        person.head = Pose::pointing(MIDDLE + NEAR_M * from, -from);
        person.show();
        watch.wait_until_head_at(person.head);
        let file = keep(&format!("sides_{name}.png"));
        let eyes = wait_for("bead, ball and letters in both eyes", SOON, || {
            headset.screenshot(&file);
            let eyes = both_eyes(&file);
            let is_drawn =
                |eye: &RgbImage| beads::side_of_l(eye).and(beads::side_of_bead(eye)).is_some();
            eyes.iter().all(is_drawn).then_some(eyes)
        });
        for (eye, picture) in ["left", "right"].iter().zip(&eyes) {
            let (letter, bead) = (beads::side_of_l(picture), beads::side_of_bead(picture));
            println!("{name}, {eye} eye: L at {letter:?}, bead at {bead:?}");
            assert_eq!(bead, letter, "{name}, {eye} eye");
            assert_eq!(letter, Some(side), "{name}, {eye} eye");
        }
    }
}

/// The two halves of the runtime's window.
fn both_eyes(file: &Path) -> [RgbImage; 2] {
    let whole = image::open(file).unwrap().to_rgb8();
    let (width, height) = (whole.width() / 2, whole.height());
    [0, width].map(|x| crop_imm(&whole, x, 0, width, height).to_image())
}
