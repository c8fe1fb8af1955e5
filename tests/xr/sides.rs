//! Left is left in the headset: from four sides, in both eyes, a bead on the patient's left is found, in pixels, on the
//! side of the drawn L.

use glam::Vec3;
use image::RgbImage;

use crate::beads;
use crate::driver::{Person, Pose};
use crate::handling::{SLICES_BUTTON, hold_the_wrist_at};
use crate::headset::{Headset, Pictures, Program, keep};
use crate::picture::both_eyes;
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
    let mut command = headset.corridor(&[]);
    command.args(["open", "--xr", "--numbering", "verse", "--labels"]).arg(labels).arg(ct);
    let (program, watch) = Watch::start(&mut command, headset.folder());
    watch.wait_until_focused(START);
    program.wait_until_it_says("the spine stands in front of the user", START);

    for (name, from, side) in VIEWS {
        person.head = Pose::pointing(MIDDLE + NEAR_M * from, -from);
        person.show();
        watch.wait_until_head_at(person.head);
        let file = keep(&format!("sides_{name}.png"));
        let eyes = program.wait_for("bead, ball and letters in both eyes", SOON, || {
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
    slices_are_paged(&headset, &program, &watch, &mut person);
}

/// Seen from above, the axial slice covers ball and bead once the left stick has paged it past them towards the head, and
/// lays them open once it has paged it back towards the feet.
fn slices_are_paged(headset: &Headset, program: &Program, watch: &Watch, person: &mut Person) {
    (person.left.is_seen, person.right.is_seen) = (true, true);
    hold_the_wrist_at(person, SLICES_BUTTON);
    for trigger in [0.0, 1.0, 0.0] {
        person.right.trigger = trigger;
        person.show();
        watch.wait_until_seen(person);
    }
    // The hands leave the view: with nothing pointed at the axial slice is paged.
    person.right.is_seen = false;
    person.left.pose = Pose::at(0.0, 1.2, 1.0);
    person.head = Pose::pointing(MIDDLE + NEAR_M * Vec3::Y, Vec3::NEG_Y);
    for (name, push, bones) in [("covered", 1.0, 0), ("open", -1.0, 2)] {
        person.left.stick = [0.0, push];
        person.show();
        watch.wait_until_head_at(person.head);
        let file = keep(&format!("slices_{name}.png"));
        program.wait_for(&format!("a slice that leaves bead and ball {name}"), SOON, || {
            headset.screenshot(&file);
            let seen = both_eyes(&file).map(|eye| {
                let patches = beads::patches(&eye, 1, beads::is_bone);
                patches.iter().filter(|patch| patch.pixels > 60).count()
            });
            println!("{name}: {seen:?} bones");
            (seen == [bones; 2]).then_some(())
        });
    }
}
