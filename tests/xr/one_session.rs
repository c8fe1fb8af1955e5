//! All that a surgeon does without taking the headset off, in one session: a start is dear. Each chapter is told by where
//! the next screw lands in the plan, and leaves the next one a plan that it can add to.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::headset::{Headset, Pictures};
use crate::surgeon::Surgeon;
use crate::{handling, interruptions, moving};

const CHAPTERS: [(&str, fn(&mut Surgeon)); 9] = [
    ("the stick flies along the hand", moving::fly),
    ("the stick turns in steps", moving::snap_turn),
    ("one hand carries and turns the patient", moving::carry),
    ("two hands make him larger", moving::stretch),
    ("a placed screw is steered, deleted and brought back", handling::steer_and_delete),
    ("recentring puts him back in front of the user", moving::recentre),
    ("the stick resizes the screw in the hand", handling::resize),
    ("the hand feels the clearance shrink", handling::feel),
    ("the headset's own menu freezes editing", interruptions::freeze),
];

#[test]
fn two_hands_do_all_that_planning_needs_in_one_session() {
    let Some(headset) = Headset::start(Pictures::None) else { return };
    let config = slow_flight(headset.folder());
    let plan = headset.folder().join("plan.json");
    let variables = [("CORRIDOR_XR_CONFIG", config.as_path())];
    let mut surgeon = Surgeon::enter_with(&headset, &plan, &variables);
    for (name, chapter) in CHAPTERS {
        let start = Instant::now();
        println!("-- {name}");
        chapter(&mut surgeon);
        println!("-- {:.1} s", start.elapsed().as_secs_f32());
    }
    surgeon.end();
}

/// `xr-config/` with so slow a flight that a few frames, however long, leave the hand in front of the spine.
fn slow_flight(folder: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("xr-config");
    let to = folder.join("xr-config");
    std::fs::create_dir_all(to.join("profiles")).unwrap();
    for name in ["", "profiles"] {
        for file in std::fs::read_dir(from.join(name)).unwrap().map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|e| e == "toml") {
                let copy = to.join(name).join(file.file_name().unwrap());
                std::fs::copy(&file, copy).unwrap();
            }
        }
    }
    let file = to.join("comfort.toml");
    let usual = std::fs::read_to_string(&file).unwrap();
    let slow = usual.replace("fly_speed_m_per_s = 0.8", "fly_speed_m_per_s = 0.03");
    assert_ne!(slow, usual, "the preset in use flies at 0.8 m/s");
    std::fs::write(&file, slow).unwrap();
    to
}
