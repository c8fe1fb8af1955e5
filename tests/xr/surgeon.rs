//! What a surgeon does with two hands, as scripts: point at a pedicle, place a screw, carry the patient, press a button;
//! and what stands in the plan file afterwards.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use corridor::labels::Level;
use corridor::space::{Patient, Point, Side};
use glam::{Quat, Vec3};
use serde_json::Value;

use crate::driver::{Hand, Person, Pose};
use crate::headset::{Headset, Program};
use crate::room::{Moved, Room};
use crate::watch::Watch;

/// Software rendering on a busy machine needs long to come up.
pub const START: Duration = Duration::from_secs(240);
/// For what takes a moment once the program runs.
pub const SOON: Duration = Duration::from_secs(60);

/// How far a screw may lie from where the hand put it, mm.
pub const TOLERANCE_MM: f64 = 0.5;

/// The left controller's buttons, as the bindings for this controller name them, and the right one's second.
pub const UNDO: fn(&mut Person) -> &mut bool = |p| &mut p.left.a;
pub const REDO: fn(&mut Person) -> &mut bool = |p| &mut p.left.b;
pub const SAVE: fn(&mut Person) -> &mut bool = |p| &mut p.left.stick_click;
pub const DELETE: fn(&mut Person) -> &mut bool = |p| &mut p.right.b;

/// Where the head is: in front of the patient's back, a little above the middle.
pub const HEAD: Pose = Pose { position: Vec3::new(0.0, 1.25, -0.1), orientation: Quat::IDENTITY };
/// Where the left hand rests.
const AWAY: Pose = Pose { position: Vec3::new(-0.5, 0.9, -0.1), orientation: Quat::IDENTITY };

pub const LEFT: fn(&mut Person) -> &mut Hand = |p| &mut p.left;
pub const RIGHT: fn(&mut Person) -> &mut Hand = |p| &mut p.right;

/// A person in front of the built-in case, and the program that shows it.
pub struct Surgeon {
    pub person: Person,
    pub program: Program,
    pub watch: Watch,
    pub plan: PathBuf,
    pub room: &'static Room,
    /// Where the patient is, as far as this surgeon moved him.
    pub moved: Moved,
}

impl Surgeon {
    /// Starts the program on the built-in case with the plan at `plan`, and waits until the hands can work on it.
    pub fn enter(headset: &Headset, plan: &Path) -> Self {
        Self::enter_with(headset, plan, &[])
    }

    /// The same with the program's environment changed.
    pub fn enter_with(headset: &Headset, plan: &Path, variables: &[(&str, &Path)]) -> Self {
        let mut person = headset.person();
        person.head = HEAD;
        // Where its panel is in nobody's way.
        person.left.pose = AWAY;
        person.show();
        let mut command = headset.corridor(variables);
        let command = command.args(["open", "--xr", "--plan"]).arg(plan);
        let (program, watch) = Watch::start(command, headset.folder());
        // Made while the program starts.
        let room = Room::of_the_demo();
        watch.wait_until_focused(START);
        program.wait_until_it_says("the spine stands in front of the user", START);
        let surgeon =
            Self { person, program, watch, plan: plan.to_owned(), room, moved: Moved::NOT };
        surgeon.watch.wait_until_seen(&surgeon.person);
        surgeon
    }

    /// Holds the right hand on the axis of a pedicle, behind the patient.
    pub fn point_at(&mut self, level: Level, side: Side) {
        let pedicle = self.room.pedicle(level, side);
        let at_start = self.room.hand_along(pedicle.isthmus, pedicle.axis);
        self.person.right.pose = self.moved.from_start(at_start);
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

    /// Points at a pedicle, pulls and lets go.
    pub fn place(&mut self, level: Level, side: Side) {
        self.point_at(level, side);
        self.pull();
        self.let_go();
    }

    /// Moves the right hand in a second, while it holds something.
    pub fn steer(&mut self, to: Pose) {
        self.person.glide(RIGHT, to, Duration::from_secs(1));
        self.shown();
    }

    /// Presses a button and lets it go.
    pub fn press(&mut self, button: fn(&mut Person) -> &mut bool) {
        for down in [true, false] {
            *button(&mut self.person) = down;
            self.shown();
        }
    }

    /// Places a screw where none was, and returns it as the plan has it.
    pub fn place_new(&mut self, level: Level, side: Side) -> Value {
        let before = self.screws();
        self.place(level, side);
        let placed = self.wait_for_screws(before.len() + 1);
        let is_new = |screw: &&Value| before.iter().all(|old| old["id"] != screw["id"]);
        placed.iter().find(is_new).expect("one more has one that is new").clone()
    }

    /// Closes the left hand on the patient, moves and turns it, and opens it.
    pub fn carry_patient(&mut self, by: Vec3, turn: Quat) {
        let middle = self.room.pedicle(Level::L3, Side::Left).isthmus;
        let from = Pose { position: self.room.stage(middle), ..Pose::at(0.0, 0.0, 0.0) };
        self.person.left.pose = from;
        self.shown();
        self.person.left.squeeze = 1.0;
        self.shown();
        let to = Pose { position: from.position + by, orientation: turn };
        self.person.glide(LEFT, to, Duration::from_millis(500));
        self.shown();
        self.person.left.squeeze = 0.0;
        self.shown();
        self.moved = self.moved.held(from, to);
        self.put_the_left_hand_away();
    }

    /// Closes both hands beside the patient and pulls them apart until he is `growth` times as large.
    pub fn stretch_patient(&mut self, growth: f32) {
        const APART_M: f32 = 0.12;
        let middle = Vec3::new(0.0, 1.1, -0.4);
        let hands_at = |surgeon: &mut Self, apart: f32| {
            for (pick, x) in [(LEFT, -apart), (RIGHT, apart)] {
                pick(&mut surgeon.person).pose = Pose::at(middle.x + x, middle.y, middle.z);
            }
        };
        hands_at(self, APART_M);
        self.shown();
        self.squeeze_both(1.0);
        for step in 1..=10 {
            hands_at(self, APART_M * (1.0 + (growth - 1.0) * step as f32 / 10.0));
            self.person.show();
            std::thread::sleep(Duration::from_millis(50));
        }
        self.shown();
        self.squeeze_both(0.0);
        self.moved = self.moved.stretched(middle, growth);
        self.put_the_left_hand_away();
    }

    /// Where its panel is in nobody's way.
    pub fn put_the_left_hand_away(&mut self) {
        self.person.left.pose = AWAY;
        self.shown();
    }

    fn squeeze_both(&mut self, squeeze: f32) {
        for pick in [LEFT, RIGHT] {
            pick(&mut self.person).squeeze = squeeze;
        }
        self.shown();
    }

    /// How far entry and tip of a screw are from the axis on which the right hand points, mm, the larger of the two.
    pub fn beside_the_right_hand_mm(&self, screw: &Value) -> f64 {
        let (from, axis) = self.room.line_of(self.moved.to_start(self.person.right.pose));
        let beside = |key| (point(screw, key) - from).cross(axis).length();
        beside("entry_lps_mm").max(beside("tip_lps_mm"))
    }

    /// Panics unless a screw lies where the right hand points.
    pub fn lies_on_the_hands_axis(&self, screw: &Value) {
        let off = self.beside_the_right_hand_mm(screw);
        println!("{} {} lies {off:.3} mm beside the hand's axis", screw["level"], screw["side"]);
        assert!(off <= TOLERANCE_MM, "the screw is {off:.3} mm beside the hand's axis");
    }

    /// Pushes the right stick, and lets it come back.
    pub fn push(&mut self, stick: [f32; 2]) {
        for stick in [stick, [0.0, 0.0]] {
            self.person.right.stick = stick;
            self.shown();
        }
    }

    /// The user recentres the room: the patient stands where he stood at the start.
    pub fn recentre(&mut self) {
        self.watch.tell_and_wait("recentre 0 0 0");
        self.moved = Moved::NOT;
    }

    /// Makes the program see the person as it is now.
    pub fn shown(&mut self) {
        self.person.show();
        self.watch.wait_until_seen(&self.person);
    }

    /// The same while the hands belong to the headset's own menu, and the program only goes on drawing.
    pub fn shown_to_the_menu(&mut self) {
        self.person.show();
        self.watch.wait_for_frames(3);
    }

    /// The screws of the plan file, none while there is no file.
    pub fn screws(&self) -> Vec<Value> {
        screws(&self.plan).unwrap_or_default()
    }

    /// Waits until the plan file holds exactly so many screws.
    pub fn wait_for_screws(&self, count: usize) -> Vec<Value> {
        self.program.wait_for(&format!("{count} screws in the plan file"), SOON, || {
            Some(self.screws()).filter(|screws| screws.len() == count)
        })
    }

    /// Waits until the screws of the plan file are as told.
    pub fn wait_for_plan(&self, what: &str, is_so: impl Fn(&[Value]) -> bool) {
        self.program.wait_for(what, SOON, || is_so(&self.screws()).then_some(()));
    }

    /// Asks the program to end, and checks that it does so in good order.
    pub fn end(&mut self) {
        self.program.ask_to_end();
        let status = self.program.wait_for_end(SOON).expect("the program ends when asked to");
        let said = self.program.said();
        assert!(!said.contains("panicked"), "{said}");
        assert!(status.success(), "{status}: {said}");
    }
}

/// A point of a screw in a plan file.
pub fn point(screw: &Value, key: &str) -> Point<Patient> {
    let [x, y, z] = [0, 1, 2].map(|i| screw[key][i].as_f64().expect("three numbers"));
    Point::new(x, y, z)
}

/// The one screw of this level and side; panics where there is none.
pub fn screw_at<'a>(screws: &'a [Value], level: &str, side: &str) -> &'a Value {
    let found = screws.iter().find(|screw| screw["level"] == level && screw["side"] == side);
    found.unwrap_or_else(|| panic!("no screw in {level} {side}: {screws:#?}"))
}

/// The screws of a plan file; `None` while there is none.
pub fn screws(plan: &Path) -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(plan).ok()?;
    let plan: Value = serde_json::from_str(&text).expect("a plan file is always whole");
    plan["screws"].as_array().cloned()
}

/// Which file this is: another one after each time that it was written, since it is replaced whole.
pub fn mark(plan: &Path) -> Option<(u64, i64, i64)> {
    let about = std::fs::metadata(plan).ok()?;
    Some((about.ino(), about.mtime(), about.mtime_nsec()))
}
