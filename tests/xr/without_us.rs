//! The scripted hands and the API layer with a program that is not ours (`hello_xr`): when the tests of the program
//! fail and this one does too, the fault is in the simulated headset.

use std::path::Path;
use std::time::Duration;

use crate::headset::{Headset, Pictures, Program, keep, wait_for};
use crate::watch::Watch;

const SOON: Duration = Duration::from_secs(30);

#[test]
fn hands_squeeze_and_the_layer_sees_it_and_makes_the_focus_come_and_go() {
    let Some(headset) = Headset::start(Pictures::Window) else { return };
    let mut person = headset.person();
    let mut command = headset.command(Path::new("hello_xr"));
    let watch = Watch::over(command.args(["-g", "Vulkan2"]), headset.folder());
    let mut program = Program::start(&mut command);
    watch.wait_until_focused(SOON);

    // hello_xr answers a full squeeze with half a second in the same hand.
    assert_eq!(watch.records("haptic"), Vec::<String>::new());
    person.left.squeeze = 1.0;
    person.show();
    let tick =
        wait_for("a tick in the left hand", SOON, || watch.records("haptic").first().cloned());
    assert!(tick.starts_with("left 0.5 "), "{tick}");

    headset.screenshot(&keep("hello_xr.png"));
    watch.tell_and_wait("focus-lost");
    let before = watch.records("haptic").len();
    watch.wait_for_frames(10);
    assert_eq!(watch.records("haptic").len(), before, "a hand still works without focus");
    watch.tell_and_wait("focus-back");
    wait_for("ticks again", SOON, || (watch.records("haptic").len() > before).then_some(()));
    assert!(program.is_running());
}
