//! Presses, drags and releases of any pointer: choose, place, steer.
//!
//! A press on an end of the chosen screw drags that end; on a screw chooses it and drags it whole;
//! on bone, with the placing tool, begins a new screw whose tip then follows. The movement is shown
//! to the session every frame and becomes one edit when the pointer lets go.

use super::intent::Intent;
use super::pick::{End, Hit, PatientRay, Target};
use super::place::{self, Start};
use super::pointer::{Aim, Pointer, PointerKind};
use super::steer::Grip;
use crate::app::history::{Document, Draft, DraftScrew, StatusLine, Tone};
use crate::app::jobs::ActiveCase;
use crate::app::selection::Selection;
use crate::case::judge;
use crate::case::spine::Spine;
use crate::labels::{Level, VertebraId};
use crate::plan::Screw;
use crate::scene::case::CaseRoot;
use bevy::prelude::*;

/// What a press on bone does.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    /// Chooses the level and shows the point in the slices.
    #[default]
    Look,
    /// Begins a screw.
    Place,
    /// Chooses the level whose labels are mended on the slices.
    Mend,
}

/// The drag under way and who drags.
#[derive(Resource, Default)]
pub struct Gesture(Option<Held>);

struct Held {
    pointer: Entity,
    grip: Grip,
    /// A drag that has not left its first spot is a click: nothing is moved.
    has_moved: bool,
}

/// How far a ray must turn or shift from its press before a click becomes a drag: radians for the
/// sight of a mouse, patient millimetres for a hand.
const CLICK_RAD: f64 = 0.004;
const CLICK_MM: f64 = 1.5;

impl Gesture {
    /// True while something is dragged.
    pub fn is_dragging(&self) -> bool {
        self.0.is_some()
    }
    /// The pointer that drags.
    pub fn pointer(&self) -> Option<Entity> {
        self.0.as_ref().map(|held| held.pointer)
    }
}

/// What a gesture reads and writes.
#[derive(bevy::ecs::system::SystemParam)]
pub struct Desk<'w> {
    case: Res<'w, ActiveCase>,
    document: ResMut<'w, Document>,
    draft: ResMut<'w, Draft>,
    selection: ResMut<'w, Selection>,
    status: ResMut<'w, StatusLine>,
    tool: Res<'w, Tool>,
    intents: MessageWriter<'w, Intent>,
}

/// Runs the gestures of all pointers.
pub fn run_gestures(
    pointers: Query<(Entity, &Pointer, &Aim)>,
    root: Query<&GlobalTransform, With<CaseRoot>>,
    mut gesture: ResMut<Gesture>,
    mut desk: Desk,
) {
    let Ok(root) = root.single() else { return };
    for (entity, pointer, aim) in &pointers {
        let ray = pointer.ray.map(|ray| PatientRay::new(root, ray));
        let is_mine = gesture.pointer() == Some(entity);
        if is_mine && pointer.select.just_released {
            finish(&mut gesture, &mut desk);
        } else if is_mine {
            if let Some(ray) = ray {
                follow(&mut gesture, ray, &mut desk);
            }
        } else if pointer.select.just_pressed
            && !gesture.is_dragging()
            && let (Some(hit), Some(ray)) = (aim.0, ray)
        {
            let grip = press(hit, ray, pointer.kind, &mut desk);
            gesture.0 = grip.map(|grip| Held { pointer: entity, grip, has_moved: false });
        }
    }
}

/// Gives a drag up: nothing was moved.
pub fn cancel_on_escape(
    keys: Option<Res<ButtonInput<KeyCode>>>,
    mut gesture: ResMut<Gesture>,
    document: Option<ResMut<Document>>,
    mut draft: ResMut<Draft>,
) {
    let Some(keys) = keys else { return };
    if keys.just_pressed(KeyCode::Escape)
        && gesture.0.take().is_some()
        && let Some(mut document) = document
    {
        document.session_mut().cancel_drag();
        draft.0 = None;
    }
}

/// What a press on something begins; `None` when it is a choice and no drag.
fn press(hit: Hit, ray: PatientRay, kind: PointerKind, desk: &mut Desk) -> Option<Grip> {
    match hit.target {
        Target::Screw(id, end) => {
            let screw = desk.document.plan().screw(id)?.clone();
            *desk.selection = Selection { screw: Some(id), vertebra: Some(screw.vertebra) };
            Some(Grip { end, screw, ray, point: hit.point, kind })
        }
        Target::Bone(vertebra) if *desk.tool == Tool::Place => {
            let screw = begin_screw(hit, vertebra, ray, kind, desk)?;
            let point = if kind == PointerKind::Mouse { screw.tip() } else { screw.entry };
            desk.selection.screw = Some(screw.id);
            desk.selection.vertebra = Some(vertebra);
            show(&screw, None, desk);
            Some(Grip { end: End::Tip, screw, ray, point, kind })
        }
        Target::Bone(vertebra) => {
            *desk.selection = Selection { screw: None, vertebra: Some(vertebra) };
            desk.intents.write(Intent::Look(hit.point));
            None
        }
    }
}

fn begin_screw(
    hit: Hit,
    vertebra: VertebraId,
    ray: PatientRay,
    kind: PointerKind,
    desk: &mut Desk,
) -> Option<Screw> {
    let model = desk.case.spine.vertebra(vertebra)?.clone();
    let level = level_of(&desk.case.spine, &desk.document, vertebra)?;
    let drill = (kind == PointerKind::Hand).then_some(ray.dir);
    let start = Start { entry: hit.point, normal: hit.normal, drill };
    let now = jiff::Timestamp::UNIX_EPOCH;
    // The session stamps the time when the edit is finished.
    Some(place::new_screw(&model, level, start, desk.document.catalogue(), now))
}

/// What the plan calls a vertebra.
pub fn level_of(spine: &Spine, document: &Document, vertebra: VertebraId) -> Option<Level> {
    spine.vertebra(vertebra).map(|v| v.level_in(document.plan()))
}

fn follow(gesture: &mut Gesture, ray: PatientRay, desk: &mut Desk) {
    let Some(held) = gesture.0.as_mut() else { return };
    if !held.has_moved && is_click(&held.grip, ray) {
        return;
    }
    held.has_moved = true;
    let spine = desk.case.spine.clone();
    let Some(model) = judge::vertebra_of(&spine, &held.grip.screw) else { return };
    let Some(screw) = held.grip.steer(ray, &model.field) else { return };
    let before = desk.document.plan().screw(screw.id).cloned();
    if desk.draft.0.as_ref().is_none_or(|draft| draft.screw != screw) {
        show(&screw, before, desk);
    }
}

fn is_click(grip: &Grip, now: PatientRay) -> bool {
    let turned = grip.ray.dir.angle_to_rad(now.dir);
    match grip.kind {
        PointerKind::Mouse => turned < CLICK_RAD,
        PointerKind::Hand => turned < CLICK_RAD && grip.ray.origin.distance(now.origin) < CLICK_MM,
    }
}

fn show(screw: &Screw, before: Option<Screw>, desk: &mut Desk) {
    desk.document.session_mut().drag(screw.clone());
    desk.draft.0 = Some(DraftScrew { screw: screw.clone(), before, assessment: None });
}

fn finish(gesture: &mut Gesture, desk: &mut Desk) {
    gesture.0 = None;
    desk.draft.0 = None;
    match desk.document.session_mut().finish_drag() {
        Ok(Some(_)) => {
            let said = desk.document.session().next_undo().unwrap_or_default();
            desk.status.say(Tone::Done, said);
            // The slices now show what was just done.
            let chosen = desk.selection.screw;
            desk.intents.write(Intent::Choose(chosen));
        }
        Ok(None) => {}
        Err(fault) => desk.status.say(Tone::Fault, fault.to_string()),
    }
}
