//! The runtime is killed, and another time stopped, in mid-session, at ten different moments each: no finished edit is
//! lost, the terminal says in a sentence what happened, the program goes on at the desk, and the session goes on in the
//! headset or is offered back.
//!
//! Every run takes two of the moments each; with `CORRIDOR_FULL` set it takes all ten.

use corridor::labels::Level;
use corridor::space::{Dir, Side};

use crate::headset::{Headset, Pictures};
use crate::surgeon::{REDO, SAVE, SOON, START, Surgeon, UNDO, screws};

/// What the surgeon is at when the runtime fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    AtRest,
    Pointing,
    TriggerPulled,
    Steering,
    JustLetGo,
    Undone,
    Redone,
    Saved,
    Holding,
    SecondScrew,
}

/// The first two are those of every run.
const MOMENTS: [Moment; 10] = [
    Moment::JustLetGo,
    Moment::Steering,
    Moment::AtRest,
    Moment::Pointing,
    Moment::TriggerPulled,
    Moment::Undone,
    Moment::Redone,
    Moment::Saved,
    Moment::Holding,
    Moment::SecondScrew,
];

fn moments() -> impl Iterator<Item = (usize, Moment)> {
    let is_full = std::env::var_os("CORRIDOR_FULL").is_some();
    MOMENTS.into_iter().enumerate().take(if is_full { MOMENTS.len() } else { 2 })
}

/// One pedicle for each moment.
fn pedicle(index: usize) -> (Level, Side) {
    let levels = [Level::L1, Level::L2, Level::L3, Level::L4, Level::L5];
    (levels[index % 5], if index < 5 { Side::Left } else { Side::Right })
}

impl Moment {
    /// Brings the surgeon to this moment; returns how many screws were finished on the way.
    fn reach(self, surgeon: &mut Surgeon, index: usize) -> usize {
        let (level, side) = pedicle(index);
        match self {
            Self::AtRest => return 0,
            Self::Pointing | Self::TriggerPulled | Self::Steering => surgeon.point_at(level, side),
            _ => surgeon.place(level, side),
        }
        match self {
            Self::TriggerPulled => surgeon.pull(),
            Self::Steering => {
                surgeon.pull();
                let pedicle = surgeon.room.pedicle(level, side);
                let aside = pedicle.isthmus + Dir::new(2.0, 0.0, 1.0);
                surgeon.steer(surgeon.room.hand_along(aside, pedicle.axis));
            }
            Self::Undone => surgeon.press(UNDO),
            Self::Redone => {
                surgeon.press(UNDO);
                surgeon.press(REDO);
            }
            Self::Saved => surgeon.press(SAVE),
            Self::Holding => {
                surgeon.person.left.squeeze = 1.0;
                surgeon.shown();
            }
            Self::SecondScrew => {
                let (level, _) = pedicle(index);
                surgeon.place(level, Side::Left);
                return 2;
            }
            Self::AtRest | Self::Pointing | Self::JustLetGo => {}
        }
        match self {
            Self::Pointing | Self::TriggerPulled | Self::Steering | Self::Undone => 0,
            _ => 1,
        }
    }

    /// At these the power goes with the runtime, before the desk could do anything more.
    fn takes_the_program_along(self) -> bool {
        matches!(self, Self::JustLetGo | Self::Undone | Self::Redone | Self::Holding)
    }
}

#[test]
fn the_runtime_is_killed_and_no_finished_edit_is_lost() {
    let plans = tempfile::tempdir().unwrap();
    let plan = plans.path().join("plan.json");
    let mut finished = 0;
    for (index, moment) in moments() {
        let Some(headset) = Headset::start(Pictures::None) else { return };
        let on_disk = screws(&plan).map_or(0, |screws| screws.len());
        let mut surgeon = Surgeon::enter(&headset, &plan);
        // The next start offers the session back: with every edit that stood in the journal alone.
        let offer = if on_disk < finished { "not saved" } else { "" };
        assert!(surgeon.program.said().contains(offer), "{}", surgeon.program.said());
        finished += moment.reach(&mut surgeon, index);
        headset.kill_runtime();
        println!("killed: {moment:?}");
        surgeon.program.wait_until_it_says("runtime is gone", SOON);
        assert!(surgeon.program.is_running(), "the desk should go on");
        if moment.takes_the_program_along() {
            surgeon.program.kill();
        } else {
            surgeon.wait_for_screws(finished);
            surgeon.end();
        }
    }
    let on_disk = screws(&plan).expect("a plan");
    assert_eq!(on_disk.len(), finished, "every finished screw is in the plan");
}

#[test]
fn the_runtime_hangs_and_the_desk_goes_on_until_it_answers() {
    let Some(headset) = Headset::start(Pictures::None) else { return };
    let plan = headset.folder().join("plan.json");
    let mut surgeon = Surgeon::enter(&headset, &plan);
    let mut finished = 0;
    let (silent, back) = ("does not answer", "headset is in use");
    for (index, moment) in moments() {
        finished += moment.reach(&mut surgeon, index);
        let before = [silent, back].map(|words| surgeon.program.times_said(words));
        headset.pause_runtime();
        println!("stopped: {moment:?}");
        surgeon.program.wait_until_it_says_again(silent, before[0], SOON);
        surgeon.wait_for_screws(finished);
        // The hands come to rest while nobody looks.
        surgeon.person.left.squeeze = 0.0;
        surgeon.person.right.trigger = 0.0;
        surgeon.person.show();
        headset.resume_runtime();
        surgeon.program.wait_until_it_says_again(back, before[1], START);
        surgeon.shown();
    }
    // At the last the desk alone ends it, with the runtime still silent.
    let before = surgeon.program.times_said(silent);
    headset.pause_runtime();
    surgeon.program.wait_until_it_says_again(silent, before, SOON);
    surgeon.end();
    assert_eq!(screws(&plan).map(|screws| screws.len()), Some(finished));
}
