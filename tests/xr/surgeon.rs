//! What a surgeon does with two hands, as scripts: point at a pedicle, place a screw, press a button; and what stands in
//! the plan file afterwards.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use corridor::labels::Level;
use corridor::space::Side;
use serde_json::Value;

use crate::driver::{Hand, Person, Pose};
use crate::headset::{Headset, Program, wait_for};
use crate::room::Room;
use crate::watch::Watch;

/// Software rendering on a busy machine needs long to come up.
pub const START: Duration = Duration::from_secs(240);
/// For what takes a moment once the program runs.
pub const SOON: Duration = Duration::from_secs(60);
/// Pictures after which the program has certainly acted on what the hands did.
const SEEN: usize = 4;

/// The left controller's buttons, and the one that both have, as the bindings for this controller name them.
pub const UNDO: fn(&mut Person) -> &mut bool = |p| &mut p.left.a;
pub const REDO: fn(&mut Person) -> &mut bool = |p| &mut p.left.b;
pub const SAVE: fn(&mut Person) -> &mut bool = |p| &mut p.left.stick_click;

/// A person in front of the built-in case, and the program that shows it.
pub struct Surgeon {
    pub person: Person,
    pub program: Program,
    pub watch: Watch,
    pub plan: PathBuf,
    pub room: &'static Room,
}

impl Surgeon {
    /// Starts the program on the built-in case with the plan at `plan`, and waits until it is in the headset.
    pub fn enter(headset: &Headset, plan: &Path) -> Self {
        let mut person = headset.person();
        person.head = Pose::at(0.0, 1.25, -0.1);
        person.show();
        let mut command = headset.corridor();
        let watch =
            Watch::over(command.args(["open", "--xr", "--plan"]).arg(plan), headset.folder());
        let program = Program::start(&mut command);
        watch.wait_until_focused(START);
        Self { person, program, watch, plan: plan.to_owned(), room: Room::of_the_demo() }
    }

    /// Waits until a hand that points at bone can place a screw there: tries, and undoes it.
    pub fn wait_for_the_spine(&mut self) {
        let before = screws(&self.plan).unwrap_or_default().len();
        self.point_at(Level::S1, Side::Left);
        wait_for("the spine to be there", START, || {
            self.pull();
            self.let_go();
            // The plan file follows after two seconds of rest.
            let until = Instant::now() + Duration::from_secs(6);
            while Instant::now() < until {
                if screws(&self.plan).is_some_and(|screws| screws.len() > before) {
                    return Some(());
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            None
        });
        self.press(UNDO);
        self.wait_for_screws(before);
    }

    /// Holds the right hand on the axis of a pedicle, behind the patient.
    pub fn point_at(&mut self, level: Level, side: Side) {
        let pedicle = self.room.pedicle(level, side);
        self.person.right.pose = self.room.hand_along(pedicle.isthmus, pedicle.axis);
        self.shown();
    }

    /// Pulls the right trigger, and keeps it.
    pub fn pull(&mut self) {
        self.person.right.trigger = 1.0;
        self.shown();
    }

    /// Lets it go.
    pub fn let_go(&mut self) {
        self.person.right.trigger = 0.0;
        self.shown();
    }

    /// Moves the right hand by two millimetres and a few degrees while it holds something.
    pub fn steer(&mut self, to: Pose) {
        self.person.glide(
            |p: &mut Person| -> &mut Hand { &mut p.right },
            to,
            Duration::from_secs(1),
        );
        self.shown();
    }

    /// Presses a button and lets it go.
    pub fn press(&mut self, button: fn(&mut Person) -> &mut bool) {
        for down in [true, false] {
            *button(&mut self.person) = down;
            self.shown();
        }
    }

    /// Makes the program see the person as it is now.
    pub fn shown(&mut self) {
        self.person.show();
        self.watch.wait_for_frames(SEEN);
    }

    /// Waits until the plan file holds exactly so many screws.
    pub fn wait_for_screws(&self, count: usize) -> Vec<Value> {
        wait_for(&format!("{count} screws in the plan file"), SOON, || {
            screws(&self.plan).filter(|screws| screws.len() == count)
        })
    }
}

/// The screws of a plan file; `None` while there is none.
pub fn screws(plan: &Path) -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(plan).ok()?;
    let plan: Value = serde_json::from_str(&text).expect("a plan file is always whole");
    plan["screws"].as_array().cloned()
}
