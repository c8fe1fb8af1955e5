//! What the user wants, as messages; and the one place where they become edits of the document.
//!
//! In: [`Intent`]s of gestures, keys, panels and hands. Out: commands on the session, and a word in
//! the [`StatusLine`].

use crate::app::history::{Document, StatusLine, Tone};
use crate::app::jobs::ActiveCase;
use crate::app::planning::{Extras, PlanWish};
use crate::app::selection::{Crosshair, Selection};
use crate::app::words;
use crate::case::spine::Spine;
use crate::case::{Command, StepError, judge};
use crate::implant::ScrewSize;
use crate::labels::edit::Mending;
use crate::labels::{Level, VertebraId};
use crate::plan::alternative::{Alternative, free_name};
use crate::plan::bent::RodChoice;
use crate::plan::correct::Target;
use crate::plan::{Screw, ScrewId, ScrewState};
use crate::scene::cuts::{CutWish, ScrewCuts};
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
    /// Let the program plan every pedicle that has no screw of a person's, and what is asked beside.
    PlanAll(Extras),
    /// Stop that; nothing is changed.
    StopPlanning,
    /// Stand behind every screw that the program suggested, or take them all out.
    ReviewSuggested(Review),
    /// Say that the automatic labels were looked at, or take that back.
    AcceptLabels(bool),
    /// Move the names of all vertebrae so many places down the spine; negative: up.
    ShiftLevels(i32),
    /// Call one vertebra otherwise, and nothing else.
    RenameLevel(VertebraId, Level),
    /// Mend the labels.
    Mend(Mending),
    /// Keep the plan as it is, to choose from later.
    KeepPlan,
    /// Go on with the plan that was kept under this name.
    TakeUpPlan(String),
    /// Take it out of those that are kept.
    DropPlan(String),
    /// Lay the rods for a column that is moved so.
    AimRods(Target),
    /// Make the rods of this, by this bender.
    MakeRods(RodChoice),
    /// Lay the cuts of the screw that is worked on otherwise.
    Cut(CutWish),
    /// Take back the last edit.
    Undo,
    /// Do it again.
    Redo,
    /// Write the plan file now.
    Save,
}

/// What becomes of suggested screws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Review {
    /// A person stands behind them.
    Accept,
    /// They go.
    Reject,
}

/// Carries out every intent of this frame, in order.
pub fn carry_out(
    mut intents: MessageReader<Intent>,
    (mut plan_wishes, mut cuts): (MessageWriter<PlanWish>, Option<ResMut<ScrewCuts>>),
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
            Intent::PlanAll(extras) => {
                plan_wishes.write(PlanWish::Start(*extras));
                continue;
            }
            Intent::StopPlanning => {
                plan_wishes.write(PlanWish::Stop);
                continue;
            }
            Intent::Cut(wish) => {
                if let Some(cuts) = cuts.as_mut() {
                    cuts.wish = *wish;
                }
                continue;
            }
            Intent::AcceptLabels(_) | Intent::ShiftLevels(_) | Intent::RenameLevel(..) => {
                carry_out_naming(intent, &case.spine, &mut document)
            }
            Intent::KeepPlan | Intent::TakeUpPlan(_) | Intent::DropPlan(_) => {
                choose_plan(intent, &mut document)
            }
            edit => carry_out_edit(edit, &mut document, &mut selection),
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

/// Edits of the labels' names and of who answers for them.
fn carry_out_naming(
    intent: &Intent,
    spine: &Spine,
    document: &mut Document,
) -> Result<String, StepError> {
    match intent {
        Intent::AcceptLabels(is_accepted) => {
            let hash = spine.hashes.labels_hash.clone().filter(|_| *is_accepted);
            document.session_mut().accept_labels(hash)?;
        }
        Intent::ShiftLevels(down) => {
            let plan = document.plan();
            let names: Vec<_> = spine.vertebrae.iter().map(|v| (v.id, v.level_in(plan))).collect();
            if document.session_mut().shift_levels(&names, *down)?.is_none() {
                return Ok(words::NAMES_END.to_owned());
            }
        }
        Intent::RenameLevel(vertebra, after) => {
            let model = spine.vertebra(*vertebra).ok_or(StepError::Nothing)?;
            let before = model.level_in(document.plan());
            document.session_mut().rename_level(*vertebra, before, *after)?;
        }
        _ => return Err(StepError::Nothing),
    }
    let done = last_edit(document);
    Ok(match judge::said_of_names(spine, document.plan()) {
        Some(twice) => format!("{done}; {twice}"),
        None => done,
    })
}

/// Plans that are kept beside the one that is worked on.
fn choose_plan(intent: &Intent, document: &mut Document) -> Result<String, StepError> {
    let plan = document.plan();
    let kept = |name: &str| plan.alternative(name).cloned().ok_or(StepError::Nothing);
    let command = match intent {
        Intent::KeepPlan => Command::KeepAlternative(Alternative {
            name: free_name(&plan.alternatives),
            screws: plan.screws.clone(),
            ..Alternative::default()
        }),
        Intent::TakeUpPlan(name) => Command::TakeUp {
            name: name.clone(),
            before: plan.screws.clone(),
            after: kept(name)?.screws,
        },
        Intent::DropPlan(name) => Command::DropAlternative(kept(name)?),
        _ => return Err(StepError::Nothing),
    };
    document.session_mut().apply(command)?;
    Ok(last_edit(document))
}

/// All suggested screws in one edit.
fn review_suggested(document: &mut Document, review: Review) -> Result<String, StepError> {
    let before: Vec<Screw> = document
        .plan()
        .screws
        .iter()
        .filter(|s| s.state == ScrewState::Suggested)
        .cloned()
        .collect();
    if before.is_empty() {
        return Err(StepError::Nothing);
    }
    let accepted = |s: &Screw| Screw { state: ScrewState::Accepted, ..s.clone() };
    let after = match review {
        Review::Accept => before.iter().map(accepted).collect(),
        Review::Reject => Vec::new(),
    };
    document.session_mut().exchange(before, after)?;
    Ok(last_edit(document))
}

/// What an undo or redo brought back is what is worked on next.
fn choose_edited(command: &Command, document: &Document, selection: &mut Selection) {
    let screw = match command {
        Command::Place(screw) | Command::Delete(screw) => screw,
        Command::Change { after, .. } => &**after,
        _ => return,
    };
    if document.plan().screw(screw.id).is_some() {
        *selection = Selection { screw: Some(screw.id), vertebra: Some(screw.vertebra) };
    }
}

fn carry_out_edit(
    intent: &Intent,
    document: &mut Document,
    selection: &mut Selection,
) -> Result<String, StepError> {
    match intent {
        Intent::Resize { screw, diameter, length } => {
            let Some(found) = document.plan().screw(*screw).cloned() else {
                return Err(StepError::Nothing);
            };
            let size = found.offered(document.catalogue()).step(found.size(), *diameter, *length);
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
        Intent::Undo => {
            let command = document.session_mut().undo()?;
            choose_edited(&command, document, selection);
            Ok(said(words::UNDONE, &command))
        }
        Intent::Redo => {
            let command = document.session_mut().redo()?;
            choose_edited(&command, document, selection);
            Ok(said(words::REDONE, &command))
        }
        Intent::Mend(mending) => {
            document.session_mut().apply(Command::Mend(mending.clone()))?;
            Ok(last_edit(document))
        }
        Intent::AimRods(after) => {
            let before = document.plan().rod_target;
            document.session_mut().apply(Command::AimRods { before, after: *after })?;
            Ok(last_edit(document))
        }
        Intent::MakeRods(after) => {
            let before = document.plan().rod_choice.clone();
            document.session_mut().apply(Command::MakeRods { before, after: after.clone() })?;
            Ok(last_edit(document))
        }
        Intent::ReviewSuggested(review) => review_suggested(document, *review),
        Intent::Save => {
            document.session().save();
            Ok(document.session().location().to_string())
        }
        // What is no edit was carried out before.
        _ => Ok(String::new()),
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
