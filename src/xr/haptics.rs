//! A tick for every millimetre of clearance that is lost, in the hand that loses it.
//!
//! In: the numbers of the screw under way. Out: [`Buzz`]es, stronger the less is left; one long one
//! when the screw leaves the bone.

use super::frame::Buzz;
use super::tools::Tool;
use crate::app::history::Draft;
use crate::plan::ScrewId;
use bevy::prelude::*;

/// A tick lasts this long.
const TICK_S: f32 = 0.02;
/// Leaving the bone is felt this long.
const BREACH_S: f32 = 0.12;
/// At this clearance and above a tick is faintest, mm.
const FAINT_MM: f64 = 5.0;

/// The last whole millimetre that was told of which screw.
#[derive(Default)]
pub(super) struct Told(Option<(ScrewId, i64)>);

/// Sends the ticks.
pub(super) fn tick(
    draft: Res<Draft>,
    tool: Res<Tool>,
    mut told: Local<Told>,
    mut buzzes: MessageWriter<Buzz>,
) {
    let under_way = draft.0.as_ref().and_then(|d| Some((d.screw.id, d.assessment.as_ref()?)));
    let (Some((screw, numbers)), Some(hand)) = (under_way, tool.hand()) else {
        told.0 = None;
        return;
    };
    let whole_mm = numbers.clearance_mm.floor() as i64;
    if let Some((told_screw, before_mm)) = told.0
        && told_screw == screw
        && let Some((amplitude, seconds)) = tick_for(before_mm, whole_mm)
    {
        buzzes.write(Buzz { hand, amplitude, seconds });
    }
    told.0 = Some((screw, whole_mm));
}

/// Strength and length of the tick when the whole millimetres of clearance go from one to another;
/// `None` when none is lost.
fn tick_for(before_mm: i64, now_mm: i64) -> Option<(f32, f32)> {
    if now_mm >= before_mm {
        return None;
    }
    if before_mm >= 0 && now_mm < 0 {
        return Some((1.0, BREACH_S));
    }
    let left = (now_mm as f64 / FAINT_MM).clamp(0.0, 1.0) as f32;
    Some((1.0 - 0.7 * left, TICK_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_losses_are_felt_and_less_left_is_felt_more() {
        assert_eq!(tick_for(2, 2), None);
        assert_eq!(tick_for(2, 3), None);
        let far = tick_for(9, 8).expect("lost one");
        let near = tick_for(2, 1).expect("lost one");
        assert!(far.0 < near.0 && near.0 < 1.0);
        assert_eq!(tick_for(0, -1), Some((1.0, BREACH_S)), "out of the bone");
        assert_eq!(tick_for(-1, -2), Some((1.0, TICK_S)));
    }
}
