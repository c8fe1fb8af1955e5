//! The runtime is killed, and another time stopped, in mid-session, at ten different moments each: no finished edit is
//! lost, the terminal says in a sentence what happened, the program does not fall, and the session goes on or is offered
//! back.

use corridor::labels::Level;
use corridor::space::{Dir, Side};

use crate::headset::{Headset, Pictures, wait_for};
use crate::surgeon::{REDO, SAVE, SOON, START, Surgeon, UNDO, screws};

/// When the runtime fails, and how many screws more than before the plan must hold then.
#[derive(Clone, Copy, Debug)]
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

const MOMENTS: [Moment; 10] = [
    Moment::AtRest,
    Moment::JustLetGo,
    Moment::Pointing,
    Moment::TriggerPulled,
    Moment::Undone,
    Moment::Steering,
    Moment::Redone,
    Moment::Saved,
    Moment::Holding,
    Moment::SecondScrew,
];

/// One pedicle for each moment.
fn pedicle(index: usize) -> (Level, Side) {
    let levels = [Level::L1, Level::L2, Level::L3, Level::L4, Level::L5];
    (levels[index % 5], if index < 5 { Side::Left } else { Side::Right })
}

impl Moment {
    /// Brings the surgeon to this moment; returns how many screws were finished on the way.
    fn reach(self, surgeon: &mut Surgeon, index: usize) -> usize {
        let (level, side) = pedicle(index);
        surgeon.point_at(level, side);
        let pull_and_let_go = |surgeon: &mut Surgeon| {
            surgeon.pull();
            surgeon.let_go();
        };
        match self {
            Self::AtRest | Self::Pointing => 0,
            Self::TriggerPulled => {
                surgeon.pull();
                0
            }
            Self::Steering => {
                surgeon.pull();
                let pedicle = surgeon.room.pedicle(level, side);
                let aside = pedicle.isthmus + Dir::new(2.0, 0.0, 1.0);
                surgeon.steer(surgeon.room.hand_along(aside, pedicle.axis));
                0
            }
            Self::JustLetGo | Self::SecondScrew => {
                pull_and_let_go(surgeon);
                1
            }
            Self::Undone => {
                pull_and_let_go(surgeon);
                surgeon.press(UNDO);
                0
            }
            Self::Redone => {
                pull_and_let_go(surgeon);
                surgeon.press(UNDO);
                surgeon.press(REDO);
                1
            }
            Self::Saved => {
                pull_and_let_go(surgeon);
                surgeon.press(SAVE);
                1
            }
            Self::Holding => {
                pull_and_let_go(surgeon);
                surgeon.person.left.squeeze = 1.0;
                surgeon.shown();
                1
            }
        }
    }
}

#[test]
fn the_runtime_is_killed_and_no_finished_edit_is_lost() {
    let plans = tempfile::tempdir().unwrap();
    let plan = plans.path().join("plan.json");
    let mut finished = 0;
    for (index, moment) in MOMENTS.into_iter().enumerate() {
        let Some(headset) = Headset::start(Pictures::None) else { return };
        let mut surgeon = Surgeon::enter(&headset, &plan);
        surgeon.wait_for_the_spine();
        finished += moment.reach(&mut surgeon, index);
        headset.kill_runtime();
        println!("killed: {moment:?}");
        wait_for("a sentence about the runtime", SOON, || {
            surgeon.program.said().contains("runtime is gone").then_some(())
        });
        surgeon.wait_for_screws(finished);
        assert!(surgeon.program.is_running(), "the desk should go on");
        end_cleanly(&mut surgeon);
    }
    let on_disk = screws(&plan).expect("a plan");
    assert_eq!(on_disk.len(), finished, "the next start finds every finished screw");
}

#[test]
fn the_runtime_hangs_and_the_desk_goes_on_until_it_answers() {
    let Some(headset) = Headset::start(Pictures::None) else { return };
    let plan = headset.folder().join("plan.json");
    let mut surgeon = Surgeon::enter(&headset, &plan);
    surgeon.wait_for_the_spine();
    let mut finished = 0;
    for (index, moment) in MOMENTS.into_iter().enumerate() {
        finished += moment.reach(&mut surgeon, index);
        let times = |surgeon: &Surgeon, what| surgeon.program.said().matches(what).count();
        let (silent, back) = ("does not answer", "headset is in use");
        let before = (times(&surgeon, silent), times(&surgeon, back));
        headset.pause_runtime();
        println!("stopped: {moment:?}");
        wait_for("a sentence about the silence", SOON, || {
            (times(&surgeon, silent) > before.0).then_some(())
        });
        surgeon.wait_for_screws(finished);
        // The hands come to rest while nobody looks.
        surgeon.person.left.squeeze = 0.0;
        surgeon.person.right.trigger = 0.0;
        surgeon.person.show();
        headset.resume_runtime();
        wait_for("the headset to be back", START, || {
            (times(&surgeon, back) > before.1).then_some(())
        });
        surgeon.shown();
    }
    surgeon.wait_for_screws(finished);
    end_cleanly(&mut surgeon);
}

fn end_cleanly(surgeon: &mut Surgeon) {
    surgeon.program.ask_to_end();
    let status = surgeon.program.wait_for_end(SOON).expect("the program ends when asked to");
    let said = surgeon.program.said();
    assert!(!said.contains("panicked"), "{said}");
    assert!(status.success(), "{status}: {said}");
}
