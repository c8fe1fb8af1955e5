//! What the writing thread does.
//!
//! In: messages of the session. Out: journal and plan file.
//!
//! Every step is appended and synced at once. After any failure the journal on disk is not trusted:
//! the next attempt, in at most a second, writes it whole and anew from memory, beside the old one,
//! and puts it in its place. So there is one way back from a full disk, a short write, a failed
//! sync and a failed rename. The plan file follows at a save, and by itself after two seconds of
//! rest.

use super::history::{History, Revision, Step};
use super::journal::{self, Chain, FileMark, Line};
use super::status::Shared;
use super::store::Location;
use crate::plan::{Header, Screw, file};
use crate::platform::fs::{FileSystem, WritableFile, write_atomically};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// A movement under way is written this often.
const DRAG_PERIOD: Duration = Duration::from_millis(250);
/// Rest after the last step until the plan file is written without being asked.
const AUTOSAVE_AFTER: Duration = Duration::from_secs(2);
/// First and longest wait before a failed write is tried again.
const RETRY: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];
/// How often a failed write is tried again when the case is closed.
const LAST_TRIES: u32 = 3;

/// What the session hands over, in order.
pub(super) enum Message {
    /// It took a step.
    Step(Step),
    /// A moving screw is here; `None`: the movement is given up.
    Drag(Option<Box<Screw>>),
    /// The plan file is wanted.
    Save,
    /// Nothing will follow.
    Close,
}

/// What the writer starts from.
pub(super) struct Start {
    pub location: Location,
    pub header: Header,
    pub history: History,
    pub saved: Option<Revision>,
    pub plan_file: Option<FileMark>,
    /// Ties the next line to the journal on disk; `None` when that must be written anew.
    pub chain: Option<Chain>,
    /// The history holds something that the journal on disk does not.
    pub is_ahead_of_journal: bool,
}

/// The journal on disk.
enum OnDisk {
    /// Its content is known; lines can be added to it.
    Sound { chain: Chain, file: Option<Box<dyn WritableFile>> },
    /// There is none, or it can not be trusted: it must be written whole.
    Unsound,
}

/// The thread's own state.
pub(super) struct Desk {
    fs: Arc<dyn FileSystem>,
    location: Location,
    header: Header,
    history: History,
    plan_file: Option<FileMark>,
    on_disk: OnDisk,
    /// Lines that the journal on disk lacks.
    pending: Vec<Line>,
    /// The journal on disk lacks something, told in `pending` or not.
    is_behind: bool,
    drag: Option<Box<Screw>>,
    drag_due: Option<Instant>,
    saved: Option<Revision>,
    save_asked: bool,
    autosave_at: Option<Instant>,
    failures: u32,
    retry_at: Option<Instant>,
    is_closing: bool,
    shared: Arc<Shared>,
}

impl Desk {
    /// Nothing is written yet.
    pub fn new(start: Start, fs: Arc<dyn FileSystem>, shared: Arc<Shared>) -> Self {
        let is_saved = start.saved == Some(start.history.revision());
        Self {
            fs,
            location: start.location,
            header: start.header,
            history: start.history,
            plan_file: start.plan_file,
            on_disk: start
                .chain
                .map_or(OnDisk::Unsound, |chain| OnDisk::Sound { chain, file: None }),
            pending: Vec::new(),
            is_behind: start.is_ahead_of_journal,
            drag: None,
            drag_due: None,
            saved: start.saved,
            save_asked: false,
            autosave_at: (!is_saved).then(|| Instant::now() + AUTOSAVE_AFTER),
            failures: 0,
            retry_at: None,
            is_closing: false,
            shared,
        }
    }

    /// Works until the session says that nothing will follow, or is gone.
    pub fn run(&mut self, inbox: &Receiver<Message>) {
        self.work();
        while !self.is_closing {
            match inbox.recv_timeout(self.rest()) {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.is_closing = true,
            }
            while let Ok(message) = inbox.try_recv() {
                self.take(message);
            }
            self.work();
        }
        self.close();
    }

    /// How long there is nothing to do unless a message comes.
    fn rest(&self) -> Duration {
        let due = [self.drag_due, self.autosave_at].into_iter().flatten().min();
        // While writes fail, nothing is due before the next attempt.
        let next = if self.retry_at.is_some() { self.retry_at } else { due };
        next.map_or(Duration::from_secs(3600), |at| at.saturating_duration_since(Instant::now()))
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Step(step) => self.take_step(step),
            Message::Drag(Some(screw)) => {
                self.drag = Some(screw);
                self.drag_due.get_or_insert_with(|| Instant::now() + DRAG_PERIOD);
            }
            Message::Drag(None) => {
                self.end_drag();
                self.add(Line::Drag(None));
            }
            Message::Save => self.save_asked = true,
            Message::Close => self.is_closing = true,
        }
    }

    fn take_step(&mut self, step: Step) {
        self.end_drag();
        self.autosave_at = Some(Instant::now() + AUTOSAVE_AFTER);
        // The session took the same step from the same state, so it is not refused here.
        if self.history.take(step.clone()).is_ok() {
            self.add(Line::Step { revision: self.history.revision(), step });
        }
    }

    fn end_drag(&mut self) {
        self.drag = None;
        self.drag_due = None;
    }

    fn add(&mut self, line: Line) {
        self.pending.push(line);
        self.is_behind = true;
    }

    /// Does what is due, and says how it went.
    fn work(&mut self) {
        let now = Instant::now();
        if self.retry_at.is_some_and(|at| now < at) {
            return;
        }
        if self.drag_due.is_some_and(|at| at <= now) {
            self.drag_due = None;
            if let Some(screw) = self.drag.clone() {
                self.add(Line::Drag(Some(screw)));
            }
        }
        let mut outcome = self.write_journal();
        if self.save_asked || self.autosave_at.is_some_and(|at| at <= now) {
            self.publish(None);
            outcome = outcome.and(self.save_plan());
        }
        self.tell(outcome);
    }

    fn write_journal(&mut self) -> Result<(), String> {
        if !self.is_behind {
            return Ok(());
        }
        let done = self.append().map_err(|error| {
            self.on_disk = OnDisk::Unsound;
            sentence(&self.location.journal(), &error)
        });
        if done.is_ok() {
            self.pending.clear();
            self.is_behind = false;
        }
        done
    }

    /// Adds the pending lines to the journal, or writes it whole where it can not be trusted.
    fn append(&mut self) -> io::Result<()> {
        let path = self.location.journal();
        let OnDisk::Sound { chain, file } = &mut self.on_disk else {
            return self.write_whole(&path);
        };
        let mut text = String::new();
        for line in &self.pending {
            text += &chain.encode(line)?;
        }
        let mut open = match file.take() {
            Some(open) => open,
            None => self.fs.append(&path)?,
        };
        open.write_all(text.as_bytes())?;
        open.sync()?;
        *file = Some(open);
        Ok(())
    }

    fn write_whole(&mut self, path: &Path) -> io::Result<()> {
        let (text, chain) = journal::write_whole(
            &self.header,
            &self.history,
            self.plan_file.as_ref(),
            self.drag.as_deref(),
        )?;
        write_atomically(self.fs.as_ref(), path, text.as_bytes())?;
        self.on_disk = OnDisk::Sound { chain, file: None };
        Ok(())
    }

    /// Writes the plan file, and tells the journal. A crash between the two does no harm: a plan
    /// file that says the same as the journal is known as ours by that.
    fn save_plan(&mut self) -> Result<(), String> {
        let path = self.location.plan().to_owned();
        let text = file::print(&self.header, self.history.plan()).map_err(|e| e.to_string())?;
        write_atomically(self.fs.as_ref(), &path, text.as_bytes())
            .map_err(|error| sentence(&path, &error))?;
        let revision = self.history.revision();
        let mark = FileMark { hash: journal::hash(text.as_bytes()), revision };
        self.plan_file = Some(mark.clone());
        self.saved = Some(revision);
        self.save_asked = false;
        self.autosave_at = None;
        self.note(Line::Saved(mark))
    }

    /// Tells the journal of the plan file, where there is a journal.
    fn note(&mut self, line: Line) -> Result<(), String> {
        if matches!(self.on_disk, OnDisk::Unsound) && !self.is_behind {
            return Ok(());
        }
        self.add(line);
        self.write_journal()
    }

    /// Says how the last attempt went, and sets when to try again.
    fn tell(&mut self, outcome: Result<(), String>) {
        self.failures = if outcome.is_ok() { 0 } else { self.failures + 1 };
        self.retry_at = (self.failures > 0).then(|| {
            let doubled = RETRY[0] * 2_u32.saturating_pow(self.failures.min(16) - 1);
            Instant::now() + doubled.min(RETRY[1])
        });
        self.publish(Some(outcome.err()));
    }

    /// Says what is on disk, and with `failure` whether the last attempt failed.
    fn publish(&self, failure: Option<Option<String>>) {
        let mut status = self.shared.status();
        if !self.is_behind {
            status.journalled = self.history.revision();
        }
        status.saved = self.saved;
        if let Some(failure) = failure {
            status.failure = failure;
        }
        drop(status);
        self.shared.notify();
    }

    /// The last chance: everything that is not on disk yet, tried a few times.
    fn close(&mut self) {
        if let Some(screw) = self.drag.take() {
            self.add(Line::Drag(Some(screw)));
        }
        for _ in 0..LAST_TRIES {
            let is_saved = self.saved == Some(self.history.revision()) && !self.save_asked;
            let journal = self.write_journal();
            let plan = if is_saved { Ok(()) } else { self.save_plan() };
            self.tell(journal.and(plan));
            if self.failures == 0 {
                break;
            }
            thread::sleep(RETRY[0]);
        }
        self.shared.status().has_ended = true;
        self.shared.notify();
    }
}

/// What went wrong and what to do, in one sentence for the user.
fn sentence(path: &Path, error: &io::Error) -> String {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let (what, to_do) = match error.kind() {
        StorageFull | QuotaExceeded => ("the disk is full".to_owned(), "free some space"),
        ReadOnlyFilesystem => ("the disk is read-only".to_owned(), "make it writable"),
        PermissionDenied => ("the folder may not be written".to_owned(), "allow it"),
        _ => (error.to_string(), "look at the disk"),
    };
    format!(
        "{} could not be saved: {what}; {to_do}, your edits are kept in memory and saving is tried \
         again every second",
        path.display()
    )
}
