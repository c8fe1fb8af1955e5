//! What the user wants, as messages; and the one place where they become edits of the document.
//!
//! In: [`Intent`]s of gestures, keys, panels and hands. Out: commands on the session, and a word in
//! the [`StatusLine`].

use crate::app::history::{Document, StatusLine, Tone};
use crate::app::jobs::ActiveCase;
use crate::app::selection::{Crosshair, Selection};
use crate::app::words;
use crate::case::{Command, StepError};
use crate::implant::ScrewSize;
use crate::labels::VertebraId;
use crate::plan::{Screw, ScrewId, ScrewState};
use crate::space::{Patient, Point};
use bevy::prelude::*;

/// Something the user wants done.
#[derive(Message, Clone, Debug, PartialEq)]
pub enum Intent {
    /// Work on this screw, or on none.
    Choose(Option<ScrewId>),
    /// Work on this level.
    ChooseLevel(VertebraId),
    /// Show this point in all slices.
    Look(Point<Patient>),
    /// Go so many sizes up or down the catalogue.
    Resize {
        /// Which screw.
        screw: ScrewId,
        /// Steps along the list of diameters.
        diameter: i32,
        /// Steps along the list of lengths.
        length: i32,
    },
    /// Take this size of the catalogue.
    SetSize(ScrewId, ScrewSize),
    /// Say how far a person stands behind it.
    SetState(ScrewId, ScrewState),
    /// Take it out.
    Delete(ScrewId),
    /// Take back the last edit.
    Undo,
    /// Do it again.
    Redo,
    /// Write the plan file now.
    Save,
}

/// Carries out every intent of this frame, in order.
pub fn carry_out(
    mut intents: MessageReader<Intent>,
    document: Option<ResMut<Document>>,
    case: Option<Res<ActiveCase>>,
    mut selection: ResMut<Selection>,
    mut crosshair: ResMut<Crosshair>,
    mut status: ResMut<StatusLine>,
) {
    let (Some(mut document), Some(case)) = (document, case) else {
        intents.clear();
        return;
    };
    for intent in intents.read() {
        let done = match intent {
            Intent::Choose(screw) => {
                let found = screw.and_then(|id| document.plan().screw(id));
                choose(found, &mut selection, &mut crosshair);
                continue;
            }
            Intent::ChooseLevel(vertebra) => {
                *selection = Selection { screw: None, vertebra: Some(*vertebra) };
                if let Some(model) = case.spine.vertebra(*vertebra) {
                    crosshair.0 = model.anatomy.patient_from_vertebra.origin();
                }
                continue;
            }
            Intent::Look(point) => {
                crosshair.0 = *point;
                continue;
            }
            edit => carry_out_edit(edit, &mut document),
        };
        match done {
            Ok(said) => status.say(Tone::Done, said),
            Err(fault) => status.say(Tone::Fault, fault.to_string()),
        }
        forget_deleted(&document, &mut selection);
    }
}

fn choose(screw: Option<&Screw>, selection: &mut Selection, crosshair: &mut Crosshair) {
    *selection = Selection {
        screw: screw.map(|s| s.id),
        vertebra: screw.map(|s| s.vertebra).or(selection.vertebra),
    };
    if let Some(screw) = screw {
        crosshair.0 = screw.entry.lerp(screw.tip(), 0.5);
    }
}

fn carry_out_edit(intent: &Intent, document: &mut Document) -> Result<String, StepError> {
    match intent {
        Intent::Resize { screw, diameter, length } => {
            let Some(found) = document.plan().screw(*screw).cloned() else {
                return Err(StepError::Nothing);
            };
            let now = ScrewSize { diameter_mm: found.diameter_mm, length_mm: found.length_mm };
            let size = document.catalogue().step(now, *diameter, *length);
            resize(document, found, size)
        }
        Intent::SetSize(screw, size) => match document.plan().screw(*screw).cloned() {
            Some(found) => resize(document, found, *size),
            None => Err(StepError::Nothing),
        },
        Intent::SetState(screw, state) => match document.plan().screw(*screw).cloned() {
            Some(found) => change(document, Screw { state: *state, ..found }),
            None => Err(StepError::Nothing),
        },
        Intent::Delete(screw) => {
            document.session_mut().delete(*screw)?;
            Ok(last_edit(document))
        }
        Intent::Undo => document.session_mut().undo().map(|c| said(words::UNDONE, &c)),
        Intent::Redo => document.session_mut().redo().map(|c| said(words::REDONE, &c)),
        Intent::Save => {
            document.session().save();
            Ok(document.session().location().to_string())
        }
        Intent::Choose(_) | Intent::ChooseLevel(_) | Intent::Look(_) => Ok(String::new()),
    }
}

fn said(what: &str, command: &Command) -> String {
    format!("{what}: {}", command.audit())
}

fn last_edit(document: &Document) -> String {
    document.session().next_undo().unwrap_or_default()
}

fn resize(document: &mut Document, screw: Screw, size: ScrewSize) -> Result<String, StepError> {
    let after = Screw { diameter_mm: size.diameter_mm, length_mm: size.length_mm, ..screw.clone() };
    if after == screw {
        return Ok(words::NO_SUCH_SIZE.to_owned());
    }
    change(document, after)
}

fn change(document: &mut Document, after: Screw) -> Result<String, StepError> {
    document.session_mut().change(after)?;
    Ok(last_edit(document))
}

/// Undo and delete may take away what was chosen.
fn forget_deleted(document: &Document, selection: &mut Selection) {
    if selection.screw.is_some_and(|id| document.plan().screw(id).is_none()) {
        selection.screw = None;
    }
}
