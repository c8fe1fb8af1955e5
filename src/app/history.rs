//! The open document as the engine's rooms see it: the plan at a revision, the edit under way, and
//! what the user should be told.
//!
//! In: commands made by `interact`. Out: [`Document`] changed, or a [`StatusLine`] that says why
//! not. Every finished edit goes through [`Document::edit`], where undo and journal hang.

use super::guard;
use super::jobs::{ActiveCase, CaseOpened, CaseRequest};
use super::judge;
use super::schedule::FrameSystems;
use crate::case::spine::{Source, Spine};
use crate::case::store::{self, Opened, StoreError};
use crate::case::{Notice, Opening, Revision, Session, StepError, SystemClock};
use crate::clearance::Assessment;
use crate::clearance::grade::{BREACH_BOUNDS_MM, ENTRY_ZONE_MM};
use crate::implant::{Catalogue, CatalogueError};
use crate::plan::{CatalogueRef, Plan, Screw};
use crate::platform;
use crate::platform::fs::{FileSystem, RealFs};
use bevy::prelude::*;
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Why a document could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The built-in sizes.
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
    catalogue: Catalogue,
    notices: Vec<Notice>,
}

/// How long leaving the program waits for the disk.
const LEAVE_TIME: Duration = Duration::from_secs(5);

impl Document {
    /// Opens or begins the plan of a case.
    pub fn open(spine: &Spine, request: &CaseRequest) -> Result<Self, DocumentError> {
        let catalogue = Catalogue::builtin()?;
        let fs: Arc<dyn FileSystem> = Arc::new(RealFs);
        let image: Option<PathBuf> = match &request.source {
            Source::Demo => None,
            Source::Files { ct, labels, .. } => ct.clone().or_else(|| labels.clone()),
        };
        let opened = image.as_deref().map_or(Opened::Demo, Opened::Image);
        let plan = request.plan.as_deref();
        let data = platform::data_folder();
        let location = store::locate(opened, plan, &spine.hashes, data.as_deref(), fs.as_ref())?;
        let opening = Opening {
            hashes: spine.hashes.clone(),
            catalogue: CatalogueRef { id: catalogue.id.clone(), version: catalogue.version },
            thresholds_hash: thresholds_hash(),
            accept_unknown: request.accept_unknown,
        };
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
    /// Counts every edit, undo and redo.
    pub fn revision(&self) -> Revision {
        self.session.revision()
    }
    /// Sizes on offer.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }
    /// What was survived or is worth knowing since the document was opened.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }
}

/// Hash of every threshold that a grade depends on; plans judged by others are marked.
pub fn thresholds_hash() -> String {
    let text = format!("entry zone {ENTRY_ZONE_MM} mm, bounds {BREACH_BOUNDS_MM:?} mm");
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
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
        .add_systems(
            Update,
            (drop_draft, say_notices)
                .run_if(on_message::<CaseOpened>)
                .in_set(FrameSystems::Pointer),
        )
        .add_systems(Update, judge_draft.in_set(FrameSystems::Judge))
        .add_systems(Last, leave.run_if(on_message::<AppExit>));
}

fn drop_draft(mut draft: ResMut<Draft>) {
    draft.0 = None;
}

/// The first thing a surgeon reads: what came back, or where the plan is kept.
fn say_notices(document: Res<Document>, mut status: ResMut<StatusLine>) {
    match document.notices().first() {
        Some(notice) => status.say(Tone::Warning, notice.to_string()),
        None => status.say(Tone::Done, document.session().location().to_string()),
    }
}

/// Fast enough for every frame of a drag: the core promises well under a millisecond.
fn judge_draft(case: Option<Res<ActiveCase>>, mut draft: ResMut<Draft>) {
    let Some(case) = case else { return };
    if !draft.is_changed() {
        return;
    }
    if let Some(edited) = draft.bypass_change_detection().0.as_mut() {
        edited.assessment = judge::assess(&case.spine, &edited.screw);
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
