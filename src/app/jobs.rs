//! Background work: a case is read and computed on threads of its own, and arrives as a message.
//!
//! In: [`OpenCase`]. Out: [`Progress`] while it lasts, then [`ActiveCase`], the document and
//! [`CaseOpened`], or [`LoadFailure`]. Nothing here waits in a frame.

use super::Phase;
use super::background::{Background, Stage};
use super::history::{Document, DocumentError, StatusLine, Tone};
use super::mending::GivenSpine;
use super::schedule::FrameSystems;
use super::words;
use crate::case::ahead::ask_ahead;
use crate::case::request::CaseRequest;
use crate::case::spine::{Spine, SpineError, mended};
use crate::work::{Work, on_all_cores};
use bevy::prelude::*;
use bevy::window::ExitSystems;
use std::path::PathBuf;
use std::sync::Arc;

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

/// Why the last case could not be opened.
#[derive(Resource, Clone, Debug, Default)]
pub struct LoadFailure {
    /// A sentence for the user.
    pub why: Option<String>,
    /// What to ask for when the user says that plan and image belong together, where nothing else
    /// tells.
    pub if_they_belong: Option<CaseRequest>,
}

/// How far the loading is.
#[derive(Resource, Clone, Debug, Default)]
pub struct Progress(pub Stage);

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

impl OpenError {
    /// What a person is asked, who may know that plan and image belong together where nothing tells.
    fn question(&self) -> Option<String> {
        use crate::case::OpenError as Plan;
        match self {
            Self::Document(DocumentError::Open(Plan::UnknownPatient { case, image })) => {
                Some(words::unknown_patient(case, image))
            }
            _ => None,
        }
    }
}

/// A case with its document, ready to be shown.
pub struct OpenedCase {
    /// Everything derived from the images as they were read.
    pub given: Arc<Spine>,
    /// The same with the labels as the plan says that they were mended.
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
    let load = || -> Result<_, OpenError> {
        let given = Arc::new(request.load(work)?);
        let document = Document::open(&given, request)?;
        let spine = match document.plan().label_edits.is_empty() {
            true => Arc::clone(&given),
            false => Arc::new(mended(&given, &given, document.plan(), work)?),
        };
        ask_ahead(&spine);
        Ok(OpenedCase { given, spine, document })
    };
    match threads {
        Threads::All => on_all_cores(load),
        Threads::Spare => load(),
    }
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
pub(super) struct LoadJob {
    request: CaseRequest,
    call: Background<Result<OpenedCase, OpenError>>,
}

impl LoadJob {
    fn start(request: CaseRequest, threads: Threads) -> Self {
        let asked = request.clone();
        let call = Background::start(move |work| open_case(&asked, threads, work));
        Self { request, call }
    }
}

/// Adds the loading of cases.
pub fn plugin(app: &mut App) {
    app.add_message::<OpenCase>()
        .add_message::<CaseOpened>()
        .init_resource::<Progress>()
        .init_resource::<LoadFailure>()
        .add_systems(Update, (start_job, finish_job).chain().in_set(FrameSystems::Jobs))
        .add_systems(Last, admit_failure.run_if(on_message::<AppExit>).after(ExitSystems));
}

/// Exit code of a program that was left without having opened a case.
pub(super) const NOTHING_OPENED: u8 = 2;

/// Whoever started the program for a case learns from its exit code that there was none.
fn admit_failure(phase: Res<State<Phase>>, mut exits: MessageWriter<AppExit>) {
    if *phase.get() == Phase::Failed {
        exits.write(AppExit::from_code(NOTHING_OPENED));
    }
}

fn start_job(
    mut wanted: MessageReader<OpenCase>,
    mut hospital: Local<[Option<PathBuf>; 2]>,
    shown: Option<Res<ActiveCase>>,
    mut phase: ResMut<NextState<Phase>>,
    mut commands: Commands,
) {
    let Some(OpenCase(request)) = wanted.read().last() else { return };
    phase.set(Phase::Loading);
    // A hospital's catalogue and its rods hold for the next case too.
    for (kept, named) in hospital.iter_mut().zip([&request.catalogue, &request.rods_file]) {
        if named.is_some() {
            kept.clone_from(named);
        }
    }
    let [catalogue, rods_file] = (*hospital).clone();
    let request = CaseRequest { catalogue, rods_file, ..request.clone() };
    let threads = if shown.is_some() { Threads::Spare } else { Threads::All };
    // A reading under way is dropped by this, and so cancelled.
    commands.insert_resource(LoadJob::start(request, threads));
}

pub(super) fn finish_job(
    job: Option<Res<LoadJob>>,
    mut progress: ResMut<Progress>,
    (mut failure, mut status): (ResMut<LoadFailure>, ResMut<StatusLine>),
    mut phase: ResMut<NextState<Phase>>,
    mut opened: MessageWriter<CaseOpened>,
    shown: Option<Res<ActiveCase>>,
    mut commands: Commands,
) {
    let Some(job) = job else { return };
    let stage = job.call.stage();
    if progress.0 != stage {
        progress.0 = stage;
    }
    let Some(outcome) = job.call.take() else { return };
    commands.remove_resource::<LoadJob>();
    match outcome.unwrap_or_else(|reason| Err(OpenError::Fault(reason))) {
        Ok(case) => {
            commands.insert_resource(GivenSpine(case.given));
            commands.insert_resource(ActiveCase { spine: case.spine });
            commands.insert_resource(case.document);
            *failure = LoadFailure::default();
            opened.write(CaseOpened);
            phase.set(Phase::Ready);
        }
        Err(fault) => {
            error!("{fault}");
            status.say(Tone::Fault, fault.to_string());
            let accepted = CaseRequest { accept_unknown: true, ..job.request.clone() };
            let question = fault.question();
            *failure = LoadFailure {
                if_they_belong: question.is_some().then_some(accepted),
                why: Some(question.unwrap_or_else(|| status.text.clone())),
            };
            // A case that is already open stays open.
            phase.set(if shown.is_some() { Phase::Ready } else { Phase::Failed });
        }
    }
}
