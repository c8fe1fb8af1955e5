//! The session's end of the writing thread: nobody else waits for a disk.
//!
//! In: steps and movements, in order. Out: what is on disk, told by `status`. The thread's own work
//! is in `desk`.

use super::desk::{Desk, Message, Start};
use super::history::{Revision, Step};
use super::status::{FlushError, Flusher, SaveState, Shared, Status};
use crate::plan::Screw;
use crate::platform::fs::{FileSystem, Lock};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The session's end of the thread.
pub(super) struct Writer {
    sender: Sender<Message>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread, which keeps `lock` until it ends.
    pub fn start(start: Start, fs: Arc<dyn FileSystem>, lock: Box<dyn Lock>) -> io::Result<Self> {
        let revision = start.history.revision();
        let journalled = if start.is_ahead_of_journal { Revision(0) } else { revision };
        let status = Status {
            sent: revision,
            journalled,
            saved: start.saved,
            save_asked: None,
            failure: None,
            has_ended: false,
        };
        let shared = Arc::new(Shared::new(status));
        let (sender, inbox) = channel();
        let mut desk = Desk::new(start, fs, Arc::clone(&shared));
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || {
            desk.run(&inbox);
            drop(lock);
        })?;
        Ok(Self { sender, shared, thread: Some(thread) })
    }
    /// Hands over a step that led to `revision`.
    pub fn step(&self, step: Step, revision: Revision) {
        self.shared.status().sent = revision;
        self.send(Message::Step(step));
    }
    /// Hands over where a moving screw is, or that it is given up.
    pub fn drag(&self, screw: Option<&Screw>) {
        self.send(Message::Drag(screw.cloned().map(Box::new)));
    }
    /// Asks for the plan file.
    pub fn save(&self) {
        {
            let mut status = self.shared.status();
            status.save_asked = Some(status.sent);
        }
        self.send(Message::Save);
    }
    /// How safe the plan is.
    pub fn state(&self) -> SaveState {
        self.shared.status().state()
    }
    /// The newest revision that outlasts a power cut.
    pub fn journalled(&self) -> Revision {
        self.shared.status().journalled
    }
    /// A handle to wait with.
    pub fn flusher(&self) -> Flusher {
        Flusher(Arc::clone(&self.shared))
    }
    /// Writes what is left, plan file included, and ends the thread; gives up waiting after
    /// `timeout`.
    pub fn close(&mut self, timeout: Duration) -> Result<(), FlushError> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        self.send(Message::Close);
        let (status, has_ended) = self.shared.wait(timeout, |status| status.has_ended);
        let failure = status.failure.clone().map(FlushError::Failed);
        drop(status);
        if !has_ended {
            return Err(failure.unwrap_or(FlushError::TimedOut));
        }
        // Its last act was to say that it has ended; joining it lets go of the lock for certain.
        let _panicked_after_writing = thread.join();
        failure.map_or(Ok(()), Err)
    }
    fn send(&self, message: Message) {
        // It fails only when the thread has ended, which the status tells whoever asks.
        let _ended = self.sender.send(message);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Nobody is left to be told; whoever wants to know calls `close` first.
        let _told_in_status = self.close(Duration::from_secs(5));
    }
}
