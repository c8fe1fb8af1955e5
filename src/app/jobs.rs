//! Background work: a case is read and computed on threads of its own, and arrives as a message.
//!
//! In: [`OpenCase`]. Out: [`Progress`] while it lasts, then [`ActiveCase`], the document and
//! [`CaseOpened`], or [`LoadFailure`]. Nothing here waits in a frame.

use super::history::{Document, DocumentError};
use super::schedule::FrameSystems;
use super::{Phase, guard};
use crate::case::request::CaseRequest;
use crate::case::spine::{Spine, SpineError};
use crate::work::{CancelToken, Work, on_all_cores};
use bevy::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Asks for another case. The open one stays until the new one is ready.
#[derive(Message, Clone, Debug)]
pub struct OpenCase(pub CaseRequest);

/// A case has become [`ActiveCase`] in this frame.
#[derive(Message, Clone, Copy, Debug)]
pub struct CaseOpened;

/// The case that is shown.
#[derive(Resource, Clone)]
pub struct ActiveCase {
    /// Everything derived from its images.
    pub spine: Arc<Spine>,
}

/// Why the last case could not be opened, in a sentence for the user.
#[derive(Resource, Clone, Debug, Default)]
pub struct LoadFailure(pub Option<String>);

/// How far the loading is.
#[derive(Resource, Clone, Debug, Default)]
pub struct Progress {
    /// What is being done.
    pub stage: String,
    /// How much of that stage is done, 0 to 1.
    pub fraction: f32,
}

/// Why a case could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The images.
    #[error(transparent)]
    Spine(#[from] SpineError),
    /// The plan.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The thread that read it panicked.
    #[error("reading the case failed: {0}")]
    Fault(String),
}

/// A case with its document, ready to be shown.
pub struct OpenedCase {
    /// Everything derived from the images.
    pub spine: Arc<Spine>,
    /// Its plan, with undo and journal.
    pub document: Document,
}

/// Reads a case and opens its document, on every core where there is nothing to steer meanwhile;
/// blocks until it is done.
fn open_case(
    request: &CaseRequest,
    threads: Threads,
    work: &Work,
) -> Result<OpenedCase, OpenError> {
    let spine = Arc::new(match threads {
        Threads::All => on_all_cores(|| request.load(work))?,
        Threads::Spare => request.load(work)?,
    });
    let document = Document::open(&spine, request)?;
    Ok(OpenedCase { spine, document })
}

/// Which threads a case is read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Threads {
    /// Every core: no case is open, the person waits.
    All,
    /// Those that are left beside a moving hand: another case is open.
    Spare,
}

/// The reading under way.
#[derive(Resource)]
struct LoadJob {
    shared: Arc<Mutex<Shared>>,
    cancel: CancelToken,
}

#[derive(Default)]
struct Shared {
    progress: Progress,
    outcome: Option<Result<OpenedCase, OpenError>>,
}

impl LoadJob {
    fn start(request: CaseRequest, threads: Threads) -> Self {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let cancel = CancelToken::default();
        let (seen, done) = (Arc::clone(&shared), Arc::clone(&shared));
        let sink = move |stage: &str, fraction: f32| {
            let mut shared = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if shared.progress.stage != stage {
                stage.clone_into(&mut shared.progress.stage);
            }
            shared.progress.fraction = fraction;
        };
        let work = Work::new(sink, cancel.clone());
        thread::spawn(move || {
            let outcome = guard::catch(|| open_case(&request, threads, &work))
                .unwrap_or_else(|reason| Err(OpenError::Fault(reason)));
            done.lock().unwrap_or_else(PoisonError::into_inner).outcome = Some(outcome);
        });
        Self { shared, cancel }
    }
}

/// Adds the loading of cases.
pub fn plugin(app: &mut App) {
    app.add_message::<OpenCase>()
        .add_message::<CaseOpened>()
        .init_resource::<Progress>()
        .init_resource::<LoadFailure>()
        .add_systems(Update, (start_job, finish_job).chain().in_set(FrameSystems::Jobs));
}

fn start_job(
    mut wanted: MessageReader<OpenCase>,
    running: Option<Res<LoadJob>>,
    shown: Option<Res<ActiveCase>>,
    mut phase: ResMut<NextState<Phase>>,
    mut commands: Commands,
) {
    let Some(OpenCase(request)) = wanted.read().last() else { return };
    if let Some(job) = running {
        job.cancel.cancel();
    }
    phase.set(Phase::Loading);
    let threads = if shown.is_some() { Threads::Spare } else { Threads::All };
    commands.insert_resource(LoadJob::start(request.clone(), threads));
}

fn finish_job(
    job: Option<Res<LoadJob>>,
    mut progress: ResMut<Progress>,
    mut failure: ResMut<LoadFailure>,
    mut phase: ResMut<NextState<Phase>>,
    mut opened: MessageWriter<CaseOpened>,
    shown: Option<Res<ActiveCase>>,
    mut commands: Commands,
) {
    let Some(job) = job else { return };
    let mut shared = job.shared.lock().unwrap_or_else(PoisonError::into_inner);
    if shared.progress.stage != progress.stage || shared.progress.fraction != progress.fraction {
        progress.clone_from(&shared.progress);
    }
    let Some(outcome) = shared.outcome.take() else { return };
    drop(shared);
    commands.remove_resource::<LoadJob>();
    match outcome {
        Ok(case) => {
            commands.insert_resource(ActiveCase { spine: case.spine });
            commands.insert_resource(case.document);
            failure.0 = None;
            opened.write(CaseOpened);
            phase.set(Phase::Ready);
        }
        Err(fault) => {
            error!("{fault}");
            failure.0 = Some(fault.to_string());
            // A case that is already open stays open.
            phase.set(if shown.is_some() { Phase::Ready } else { Phase::Failed });
        }
    }
}
