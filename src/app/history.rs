//! The open document as the engine's rooms see it: the plan at a revision, the edit under way, and
//! what the user should be told.
//!
//! In: commands made by `interact`. Out: [`Document`] changed, or a [`StatusLine`] that says why
//! not. Every finished edit goes through [`Document::edit`], where undo and journal hang.

use super::guard;
use super::jobs::{ActiveCase, CaseOpened};
use super::mending::Mending;
use super::schedule::FrameSystems;
use super::words;
use crate::case::request::CaseRequest;
use crate::case::spine::Spine;
use crate::case::store::StoreError;
use crate::case::{Notice, SaveState, Session, SystemClock, judge};
use crate::clearance::Assessment;
use crate::implant::{Catalogue, CatalogueError};
use crate::plan::{Plan, Screw};
use crate::platform::fs::{FileSystem, RealFs};
use bevy::prelude::*;
use bevy::window::ExitSystems;
use std::sync::Arc;
use std::time::Duration;

/// Why a document could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The screws on offer.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// There is no place for the plan.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The plan can not be opened over this case.
    #[error(transparent)]
    Open(#[from] crate::case::OpenError),
}

/// The open document: a session of the core, and what was found when it was opened.
#[derive(Resource)]
pub struct Document {
    session: Session,
    catalogue: Arc<Catalogue>,
    notices: Vec<Notice>,
}

/// How long leaving the program waits for the disk.
const LEAVE_TIME: Duration = Duration::from_secs(5);

impl Document {
    /// Opens or begins the plan of a case.
    pub fn open(spine: &Spine, request: &CaseRequest) -> Result<Self, DocumentError> {
        let fs: Arc<dyn FileSystem> = Arc::new(RealFs);
        let catalogue = Arc::new(request.offered(fs.as_ref())?);
        let location = request.location(spine, fs.as_ref())?;
        let opening = request.opening(spine, &catalogue);
        let (session, notices) = Session::open(location, &opening, Arc::new(SystemClock), fs)?;
        guard::protect(session.flusher());
        Ok(Self { session, catalogue, notices })
    }
    /// The session itself, to be read.
    pub fn session(&self) -> &Session {
        &self.session
    }
    /// The session itself, to be edited.
    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }
    /// The plan now, without a movement under way.
    pub fn plan(&self) -> &Arc<Plan> {
        self.session.plan()
    }
    /// The screws on offer.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }
    /// What was survived or is worth knowing since the document was opened.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }
}

/// The plan that is seen: the document's, or one that was only read to be drawn.
#[derive(Resource, Clone, Default)]
pub struct ShownPlan(pub Arc<Plan>);

/// The catalogue by which screws are drawn; none before there is a case.
#[derive(Resource, Clone, Default)]
pub struct ShownCatalogue(pub Option<Arc<Catalogue>>);

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
    /// Says something; a sentence begins with a capital letter.
    pub fn say(&mut self, tone: Tone, text: impl Into<String>) {
        *self = Self { text: words::sentence(&text.into()), tone };
    }
}

/// Adds the document's resources and the live numbers of the edit under way.
pub fn plugin(app: &mut App) {
    app.init_resource::<Draft>()
        .init_resource::<ShownPlan>()
        .init_resource::<ShownCatalogue>()
        .init_resource::<StatusLine>()
        .add_systems(
            Update,
            (drop_draft, say_notices)
                .run_if(on_message::<CaseOpened>)
                .in_set(FrameSystems::Pointer),
        )
        .add_systems(Update, (show_plan, judge_draft).chain().in_set(FrameSystems::Judge))
        .add_systems(Update, tell_failed_save.in_set(FrameSystems::Judge))
        .add_systems(Last, leave.run_if(on_message::<AppExit>).after(ExitSystems));
}

fn drop_draft(mut draft: ResMut<Draft>) {
    draft.0 = None;
}

/// Lets the rest of the frame see the document's plan, and the catalogue that it is drawn by.
pub(super) fn show_plan(
    document: Option<Res<Document>>,
    mut shown: ResMut<ShownPlan>,
    mut catalogue: ResMut<ShownCatalogue>,
) {
    let Some(document) = document else { return };
    if !Arc::ptr_eq(document.plan(), &shown.0) {
        shown.0 = Arc::clone(document.plan());
    }
    if catalogue.0.as_ref().is_none_or(|own| !Arc::ptr_eq(own, document.catalogue())) {
        catalogue.0 = Some(Arc::clone(document.catalogue()));
    }
}

/// The first thing a surgeon reads: what came back, or where the plan is kept. The terminal gets all
/// of it.
fn say_notices(document: Option<Res<Document>>, mut status: ResMut<StatusLine>) {
    let Some(document) = document else { return };
    for notice in document.notices() {
        warn!("{notice}");
    }
    match document.notices().first() {
        Some(notice) => status.say(Tone::Warning, notice.to_string()),
        None => status.say(Tone::Done, document.session().location().to_string()),
    }
}

/// A write that fails is told at once, in the disk's own words; and that it was made up for.
fn tell_failed_save(
    document: Option<Res<Document>>,
    mut status: ResMut<StatusLine>,
    mut has_failed: Local<bool>,
) {
    let Some(document) = document else { return };
    match document.session().save_state() {
        SaveState::Failed(why) if !*has_failed => {
            *has_failed = true;
            status.say(Tone::Fault, why);
        }
        SaveState::Saved { .. } if *has_failed => {
            *has_failed = false;
            status.say(Tone::Done, words::SAVED_AFTER_ALL);
        }
        _ => {}
    }
}

/// Fast enough for every frame of a drag: the core promises well under a millisecond.
fn judge_draft(case: Option<Res<ActiveCase>>, mending: Res<Mending>, mut draft: ResMut<Draft>) {
    let Some(case) = case else { return };
    if !draft.is_changed() && !case.is_changed() && !mending.is_changed() {
        return;
    }
    if let Some(edited) = draft.bypass_change_detection().0.as_mut() {
        let is_pending = mending.is_pending_for(&edited.screw);
        let judged = || judge::assess(&case.spine, &edited.screw).ok();
        edited.assessment = if is_pending { None } else { judged() };
    }
}

/// The last edits reach the disk before the program goes.
fn leave(document: Option<Res<Document>>) {
    let Some(document) = document else { return };
    document.session().save();
    if let Err(fault) = document.session().flush(LEAVE_TIME) {
        error!("{fault}");
    }
}
