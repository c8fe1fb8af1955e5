//! What a real headset does in between and Monado does not by itself: its own menu takes the focus away. The tests' API
//! layer makes it happen.
//!
//! That something was *not* placed is told by what is placed after it: edits reach the plan in order, so when the later
//! screw is the only new one, the earlier one was never made.

use corridor::labels::Level;
use corridor::space::Side;

use crate::surgeon::Surgeon;

/// A screw in the hand when the menu opens is given up, and a hand that belongs to the menu does nothing.
pub fn freeze(surgeon: &mut Surgeon) {
    let before = surgeon.screws().len();
    surgeon.point_at(Level::L5, Side::Left);
    surgeon.pull();
    surgeon.watch.tell_and_wait("focus-lost");
    for trigger in [0.0, 1.0, 0.0, 1.0] {
        surgeon.person.right.trigger = trigger;
        surgeon.shown_to_the_menu();
    }
    // Nor does a trigger that is still pulled when the menu closes: first it must be let go.
    surgeon.watch.tell_and_wait("focus-back");
    surgeon.shown();
    surgeon.let_go();

    let screw = surgeon.place_new(Level::L1, Side::Right);
    assert_eq!((&screw["level"], &screw["side"]), (&"L1".into(), &"right".into()));
    assert_eq!(surgeon.screws().len(), before + 1);
}
