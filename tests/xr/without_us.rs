//! The scripted hands and the API layer with a program that is not ours (`hello_xr`): when the tests of the program
//! fail and this one does too, the fault is in the simulated headset. And with a program that dies: whoever waits for it
//! hears at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::headset::{Headset, Pictures, keep};
use crate::surgeon::START;
use crate::watch::Watch;

const SOON: Duration = Duration::from_secs(30);

#[test]
fn hands_squeeze_and_the_layer_sees_it_and_makes_the_focus_come_and_go() {
    let Some(headset) = Headset::start(Pictures::Window) else { return };
    let mut person = headset.person();
    let mut command = headset.command(Path::new("hello_xr"));
    let (program, watch) = Watch::start(command.args(["-g", "Vulkan2"]), headset.folder());
    watch.wait_until_focused(SOON);

    // hello_xr answers a full squeeze with half a second in the same hand.
    assert_eq!(watch.records("haptic"), Vec::<String>::new());
    person.left.squeeze = 1.0;
    person.show();
    let tick = program
        .wait_for("a tick in the left hand", SOON, || watch.records("haptic").first().cloned());
    assert!(tick.starts_with("left 0.5 "), "{tick}");

    headset.screenshot(&keep("hello_xr.png"));
    watch.tell_and_wait("focus-lost");
    let before = watch.records("haptic").len();
    watch.wait_for_frames(10);
    assert_eq!(watch.records("haptic").len(), before, "a hand still works without focus");
    watch.tell_and_wait("focus-back");
    program
        .wait_for("ticks again", SOON, || (watch.records("haptic").len() > before).then_some(()));
    assert!(program.is_running());
}

#[test]
fn a_program_that_dies_while_it_starts_fails_its_test_at_once_with_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_corridor"));
    let (_program, watch) =
        Watch::start(command.args(["open", "--numbering", "roman"]), folder.path());
    let start = Instant::now();
    let told = catch_unwind(AssertUnwindSafe(|| watch.wait_until_focused(START))).unwrap_err();
    let told = told.downcast_ref::<String>().expect("a sentence");
    assert!(told.contains("roman"), "{told}");
    assert!(start.elapsed() < SOON, "{} s", start.elapsed().as_secs());
}
