//! The open document as the engine's rooms see it: the plan at a revision, the edit under way, and
//! what the user should be told.
//!
//! In: commands made by `interact`. Out: [`Document`] changed, or a [`StatusLine`] that says why
//! not. Every finished edit goes through [`Document::edit`], where undo and journal hang.

use super::jobs::{CaseOpened, CaseRequest};
use super::judge;
use super::schedule::FrameSystems;
use crate::case::history::{History, Revision, Step, StepError};
use crate::case::{Clock, Command, SystemClock};
use crate::case::spine::Spine;
use crate::clearance::Assessment;
use crate::implant::{Catalogue, CatalogueError};
use crate::plan::{Plan, Screw};
use bevy::prelude::*;
use std::path::Path;
use std::sync::Arc;

/// Why a document could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The built-in sizes.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// The open document.
#[derive(Resource)]
pub struct Document {
    history: History,
    catalogue: Catalogue,
}

impl Document {
    /// Opens or begins the plan of a case.
    pub fn open(_spine: &Arc<Spine>, _request: &CaseRequest) -> Result<Self, DocumentError> {
        Ok(Self {
            history: History::new(Plan::default(), Revision::default()),
            catalogue: Catalogue::builtin()?,
        })
    }
    /// The plan now.
    pub fn plan(&self) -> &Arc<Plan> {
        self.history.plan()
    }
    /// Counts every edit, undo and redo.
    pub fn revision(&self) -> Revision {
        self.history.revision()
    }
    /// Sizes on offer.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }
    /// The time of an edit made now.
    pub fn now(&self) -> jiff::Timestamp {
        SystemClock.now()
    }
    /// Takes one finished edit.
    pub fn edit(&mut self, command: Command) -> Result<(), StepError> {
        self.history.take(Step::Do(command))
    }
    /// Takes back the last edit.
    pub fn undo(&mut self) -> Result<(), StepError> {
        self.history.take(Step::Undo)
    }
    /// Does the last undone edit again.
    pub fn redo(&mut self) -> Result<(), StepError> {
        self.history.take(Step::Redo)
    }
    /// What undo would take back, in words.
    pub fn next_undo(&self) -> Option<String> {
        self.history.next_undo().map(Command::audit)
    }
    /// What redo would do again, in words.
    pub fn next_redo(&self) -> Option<String> {
        self.history.next_redo().map(Command::audit)
    }
    /// Where the plan is written.
    pub fn plan_file(&self) -> Option<&Path> {
        None
    }
}

/// A screw while the hand still moves it.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftScrew {
    /// As it would be now.
    pub screw: Screw,
    /// As the plan has it; `None` for a new one.
    pub before: Option<Screw>,
    /// Its numbers, of this very moment.
    pub assessment: Option<Assessment>,
}

/// The edit under way, at most one.
#[derive(Resource, Clone, Debug, Default, PartialEq)]
pub struct Draft(pub Option<DraftScrew>);

/// How a line of status is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Something was done.
    #[default]
    Done,
    /// Something should be known.
    Warning,
    /// Something could not be done.
    Fault,
}

/// The last thing the user should know, one sentence.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusLine {
    /// The sentence; empty when there is nothing to say.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

impl StatusLine {
    /// Says something.
    pub fn say(&mut self, tone: Tone, text: impl Into<String>) {
        *self = Self { text: text.into(), tone };
    }
}

/// Adds the document's resources and the live numbers of the edit under way.
pub fn plugin(app: &mut App) {
    app.init_resource::<Draft>()
        .init_resource::<StatusLine>()
        .add_systems(Update, drop_draft.run_if(on_message::<CaseOpened>).in_set(FrameSystems::Pointer))
        .add_systems(Update, judge_draft.in_set(FrameSystems::Judge));
}

fn drop_draft(mut draft: ResMut<Draft>) {
    draft.0 = None;
}

/// Fast enough for every frame of a drag: the core promises well under a millisecond.
fn judge_draft(case: Option<Res<super::jobs::ActiveCase>>, mut draft: ResMut<Draft>) {
    let Some(case) = case else { return };
    if !draft.is_changed() {
        return;
    }
    if let Some(edited) = draft.bypass_change_detection().0.as_mut() {
        edited.assessment = judge::assess(&case.spine, &edited.screw);
    }
}
