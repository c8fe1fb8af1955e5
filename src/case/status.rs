//! What is on disk, as the writing thread last knew, and how to wait for it.
//!
//! In: reports of the thread (`desk`). Out: a [`SaveState`] at any time, and [`Flusher::flush`].

use super::history::Revision;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How safe the plan is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveState {
    /// The plan file holds this revision, which is the newest.
    Saved {
        /// Which.
        revision: Revision,
    },
    /// The plan file is older; the edits are in the journal or on their way there.
    Pending,
    /// The last write failed and is tried again; one sentence for the user.
    Failed(String),
}

/// The edits could not be made safe in time. They are still in memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlushError {
    /// The disk took too long.
    #[error(
        "the disk did not answer in time: the last edits may not be saved; wait and save again"
    )]
    TimedOut,
    /// The disk refuses.
    #[error("{0}")]
    Failed(String),
    /// The writing thread has ended.
    #[error("the case is closed; open it again to save")]
    Closed,
}

/// What is on disk, as the writer last knew.
#[derive(Debug)]
pub(super) struct Status {
    /// The newest revision that the session reached.
    pub sent: Revision,
    /// The newest that the journal on disk holds.
    pub journalled: Revision,
    /// The one that the plan file holds.
    pub saved: Option<Revision>,
    /// The plan file was asked for at least at this revision.
    pub save_asked: Option<Revision>,
    /// Why the last attempt to write failed.
    pub failure: Option<String>,
    /// The writing thread has done its last work.
    pub has_ended: bool,
}

#[derive(Debug)]
pub(super) struct Shared {
    status: Mutex<Status>,
    changed: Condvar,
}

impl Shared {
    /// Begins with this.
    pub fn new(status: Status) -> Self {
        Self { status: Mutex::new(status), changed: Condvar::new() }
    }
    /// Tells everybody who waits to look again.
    pub fn notify(&self) {
        self.changed.notify_all();
    }
    /// Waits until `is_met` or for `timeout`; the status then, and whether it is met.
    pub fn wait(
        &self,
        timeout: Duration,
        is_met: impl Fn(&Status) -> bool,
    ) -> (MutexGuard<'_, Status>, bool) {
        let waited =
            self.changed.wait_timeout_while(self.status(), timeout, |status| !is_met(status));
        let status = waited.unwrap_or_else(PoisonError::into_inner).0;
        let met = is_met(&status);
        (status, met)
    }
    /// What is on disk now.
    pub fn status(&self) -> MutexGuard<'_, Status> {
        // A thread that panicked while holding it left plain numbers, each of them true.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the disk; can be handed to a panic hook or a signal's thread.
#[derive(Clone, Debug)]
pub struct Flusher(pub(super) Arc<Shared>);

impl Flusher {
    /// Returns once every step so far is in the journal, and the plan file where a save was asked
    /// for, or after `timeout`.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        let (status, _) = self.0.wait(timeout, |status| status.is_safe() || status.has_ended);
        match &status.failure {
            _ if status.is_safe() => Ok(()),
            Some(sentence) => Err(FlushError::Failed(sentence.clone())),
            None if status.has_ended => Err(FlushError::Closed),
            None => Err(FlushError::TimedOut),
        }
    }
}

impl Status {
    /// Everything that was handed over, or asked for, is on disk.
    fn is_safe(&self) -> bool {
        self.journalled >= self.sent
            && self.save_asked.is_none_or(|asked| self.saved >= Some(asked))
    }
    /// The same, as the user is told it.
    pub fn state(&self) -> SaveState {
        match (&self.failure, self.saved) {
            (Some(sentence), _) => SaveState::Failed(sentence.clone()),
            (None, Some(revision)) if revision == self.sent && self.is_safe() => {
                SaveState::Saved { revision }
            }
            _ => SaveState::Pending,
        }
    }
}
