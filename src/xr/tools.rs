//! What a hand does to screws: place, steer, delete, undo, redo, save.
//!
//! In: triggers, buttons, aims. Out: the [`Draft`] while the trigger is pulled, one command when it
//! is let go. Along the aim: pulled on bone a new screw lies on the hand's own axis and enters where
//! that axis enters bone; pulled near the head of a screw that screw is taken. Fully pulled it
//! follows one to one, half pulled at a tenth, so that letting go does not jerk it.
//!
//! | input | does |
//! |---|---|
//! | select, on bone | places: held, the screw follows; let go, it is placed |
//! | select, on a screw's head | steers it: held, it follows; let go, it is moved |
//! | stick while select is held | away and back: longer and shorter; sideways: thicker and thinner |
//! | second button while select is held | gives a new screw up, deletes a steered one |
//! | left first / second button | undo / redo |
//! | menu | save |

use super::actions::Hand;
use super::frame::Hands;
use super::hands::{OfHand, Pulls};
use super::locomotion::Holding;
use super::placement::Placement;
use super::quad::PanelHits;
use super::steer::{self, Line, pass_mm};
use super::sticks::StickSteps;
use crate::app::history::{Document, Draft, DraftScrew, StatusLine, Tone};
use crate::app::jobs::ActiveCase;
use crate::app::selection::Selection;
use crate::case::judge::vertebra_of;
use crate::case::spine::VertebraModel;
use crate::implant::Catalogue;
use crate::interact::gesture::level_of;
use crate::interact::intent::Intent;
use crate::interact::pick::Target;
use crate::interact::place::{self, Start};
use crate::interact::pointer;
use crate::plan::Screw;
use crate::space::{Patient, Rigid};
use bevy::prelude::*;
use std::sync::Arc;

/// What the hands are at.
#[derive(Resource, Default)]
pub struct Tool(Option<Steering>);

/// A screw in a hand.
struct Steering {
    hand: Hand,
    bone: Arc<VertebraModel>,
    line: Line,
    /// Where the hand was; `None` while it is not seen, so that the screw waits for it.
    last: Option<Rigid<Patient, steer::Aim>>,
    sticks: StickSteps,
}

impl Tool {
    /// The hand that holds a screw.
    pub fn hand(&self) -> Option<Hand> {
        self.0.as_ref().map(|steering| steering.hand)
    }
}

/// A screw is taken by its head within this of the ray, mm.
const HEAD_REACH_MM: f64 = 9.0;
/// How far the head stands out behind the entry, mm.
const HEAD_BEHIND_MM: f64 = 6.0;

/// The buttons of the last frame, to find what was pressed in this one.
#[derive(Default)]
pub(super) struct Buttons([[bool; 3]; 2]);

/// Gives up whatever is under way: the hands are not ours any more.
pub(super) fn give_up(
    mut tool: ResMut<Tool>,
    mut draft: ResMut<Draft>,
    document: Option<ResMut<Document>>,
) {
    if tool.0.take().is_none() {
        return;
    }
    draft.0 = None;
    if let Some(mut document) = document {
        document.session_mut().cancel_drag();
    }
}

/// Takes hold of a screw, or begins one, where a trigger was pulled in this frame.
pub(super) fn begin(
    (hands, pulls, holding, panel): (Res<Hands>, Res<Pulls>, Res<Holding>, Res<PanelHits>),
    placement: Res<Placement>,
    (case, document): (Option<Res<ActiveCase>>, Option<Res<Document>>),
    aims: Query<(&OfHand, &pointer::Aim)>,
    mut tool: ResMut<Tool>,
    mut draft: ResMut<Draft>,
    mut selection: ResMut<Selection>,
) {
    let (Some(case), Some(document)) = (case, document) else { return };
    for (hand, aim) in &aims {
        let index = hand.0.index();
        let is_free = panel.0[index].is_none() && !holding.holds(hand.0);
        let may_begin = tool.0.is_none() && draft.0.is_none() && is_free;
        if !pulls.0[index].has_begun || !may_begin {
            continue;
        }
        let Some(pose) = hands[index].patient_from_aim(&placement) else { continue };
        let ray = Line::of_aim(pose);
        let begun = take_screw(&case, &document, &ray, aim)
            .or_else(|| new_screw(&case, &document, ray, aim));
        let Some((bone, line, new_draft)) = begun else { continue };
        selection.screw = Some(new_draft.screw.id);
        selection.vertebra = Some(new_draft.screw.vertebra);
        draft.0 = Some(new_draft);
        let sticks = StickSteps::UNKNOWN;
        tool.0 = Some(Steering { hand: hand.0, bone, line, last: Some(pose), sticks });
    }
}

type Begun = (Arc<VertebraModel>, Line, DraftScrew);

/// The screw whose head the ray passes, unless bone is in the way.
fn take_screw(
    case: &ActiveCase,
    document: &Document,
    ray: &Line,
    aim: &pointer::Aim,
) -> Option<Begun> {
    let bone_depth = match aim.0.map(|hit| (hit.target, hit.depth_mm)) {
        Some((Target::Bone(_), depth)) => depth,
        _ => f64::INFINITY,
    };
    let reach = |screw: &Screw| {
        let head = screw.entry - screw.axis * HEAD_BEHIND_MM;
        let (aside, along) = pass_mm(ray.entry, ray.axis, head);
        (aside < HEAD_REACH_MM && along < bone_depth + HEAD_REACH_MM).then_some(aside)
    };
    let screws = document.plan().screws.iter().filter_map(|s| Some((s, reach(s)?)));
    let (screw, _) = screws.min_by(|a, b| a.1.total_cmp(&b.1))?;
    let bone = vertebra_of(&case.spine, screw)?.clone();
    let line = Line { entry: screw.entry, axis: screw.axis };
    let before = Some(screw.clone());
    Some((bone, line, DraftScrew { screw: screw.clone(), before, assessment: None }))
}

/// A new screw on the hand's own axis, in the bone pointed at.
fn new_screw(
    case: &ActiveCase,
    document: &Document,
    ray: Line,
    aim: &pointer::Aim,
) -> Option<Begun> {
    let hit = aim.0?;
    let Target::Bone(id) = hit.target else { return None };
    let bone = case.spine.vertebra(id)?.clone();
    let line = Line { entry: hit.point, axis: ray.axis }.on_bone(&bone.field)?;
    let start = Start { entry: line.entry, normal: hit.normal, drill: Some(line.axis) };
    let level = level_of(&case.spine, document, id)?;
    // The session stamps the time when the edit is finished.
    let now = jiff::Timestamp::UNIX_EPOCH;
    let screw = place::new_screw(&bone, level, start, document.catalogue(), now);
    Some((bone, line, DraftScrew { screw, before: None, assessment: None }))
}

/// Moves the screw in the hand, and puts it into the plan when the trigger is let go.
pub(super) fn steer(
    (hands, pulls, placement): (Res<Hands>, Res<Pulls>, Res<Placement>),
    mut tool: ResMut<Tool>,
    mut draft: ResMut<Draft>,
    mut document: Option<ResMut<Document>>,
    mut status: ResMut<StatusLine>,
    mut intents: MessageWriter<Intent>,
) {
    let (Some(steering), Some(document)) = (tool.0.as_mut(), document.as_mut()) else { return };
    let Some(under_way) = draft.0.as_mut() else {
        tool.0 = None;
        return;
    };
    let input = &hands[steering.hand.index()];
    if input.secondary {
        if let Some(before) = &under_way.before {
            intents.write(Intent::Delete(before.id));
        }
        document.session_mut().cancel_drag();
        (draft.0, tool.0) = (None, None);
    } else if !pulls.0[steering.hand.index()].is_pulled {
        if under_way.before.as_ref().is_some_and(|before| is_same(before, &under_way.screw)) {
            document.session_mut().cancel_drag();
        }
        (draft.0, tool.0) = (None, None);
        finish(document, &mut status);
    } else {
        let before = line_and_size(&under_way.screw);
        let now = input.patient_from_aim(&placement);
        if let (Some(before), Some(now)) = (steering.last, now) {
            steering.follow(before, now, input.select, &mut under_way.screw);
        }
        steering.last = now;
        steering.resize(input.stick, document.catalogue(), &mut under_way.screw);
        let is_new = document.session().dragged().is_none();
        if is_new || line_and_size(&under_way.screw) != before {
            document.session_mut().drag(under_way.screw.clone());
        }
    }
}

/// What of a screw a hand changes.
fn line_and_size(screw: &Screw) -> (Line, [f64; 2]) {
    let line = Line { entry: screw.entry, axis: screw.axis };
    (line, [screw.diameter_mm, screw.length_mm])
}

impl Steering {
    fn follow(
        &mut self,
        before: Rigid<Patient, steer::Aim>,
        now: Rigid<Patient, steer::Aim>,
        select: f32,
        screw: &mut Screw,
    ) {
        self.line = self.line.following(before, now, steer::gain(select));
        // Beside the bone the screw waits where its axis last entered it.
        if let Some(line) = self.line.on_bone(&self.bone.field) {
            self.line = line;
            screw.entry = line.entry;
            screw.axis = line.axis;
            screw.side = place::side_of(&self.bone, line.entry);
        }
    }

    /// Pushes of the stick step through the sizes on offer.
    fn resize(&mut self, stick: Vec2, catalogue: &Catalogue, screw: &mut Screw) {
        let [thicker, longer] = self.sticks.update(stick);
        if [thicker, longer] != [0, 0] {
            let size = screw.offered(catalogue).step(screw.size(), thicker, longer);
            (screw.diameter_mm, screw.length_mm) = (size.diameter_mm, size.length_mm);
        }
    }
}

/// A screw that was taken and let go as it was is not an edit.
fn is_same(before: &Screw, after: &Screw) -> bool {
    /// Less than any hand holds still, mm.
    const STILL_MM: f64 = 0.01;
    let sizes = |screw: &Screw| [screw.diameter_mm, screw.length_mm];
    sizes(before) == sizes(after)
        && before.entry.distance(after.entry) < STILL_MM
        && before.tip().distance(after.tip()) < STILL_MM
}

fn finish(document: &mut Document, status: &mut StatusLine) {
    match document.session_mut().finish_drag() {
        Ok(Some(_)) => {
            status.say(Tone::Done, document.session().next_undo().unwrap_or_default());
        }
        Ok(None) => {}
        Err(fault) => status.say(Tone::Fault, fault.to_string()),
    }
}

/// Undo and redo on the off hand, save on either menu button.
pub(super) fn press_buttons(
    hands: Res<Hands>,
    tool: Res<Tool>,
    mut intents: MessageWriter<Intent>,
    mut buttons: Local<Buttons>,
) {
    let down = hands.0.map(|hand| [hand.primary, hand.secondary, hand.menu]);
    let before = std::mem::replace(&mut buttons.0, down);
    let pressed = |hand: usize, button: usize| down[hand][button] && !before[hand][button];
    if tool.0.is_some() {
        return;
    }
    if pressed(0, 0) {
        intents.write(Intent::Undo);
    }
    if pressed(0, 1) {
        intents.write(Intent::Redo);
    }
    if pressed(0, 2) || pressed(1, 2) {
        intents.write(Intent::Save);
    }
}
