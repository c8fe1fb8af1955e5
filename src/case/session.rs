//! The open document.
//!
//! In: gestures of a person, finished or under way. Out: the plan at a revision, at once; files on
//! disk, soon after, by a thread of their own. No call of a session waits for a disk but
//! [`Session::open`], [`Session::flush`] and [`Session::close`].

use super::clock::Clock;
use super::command::{Command, CommandError};
use super::desk::Start;
use super::history::{Edit, History, Revision, Step, StepError};
use super::notice::{Notice, OpenError};
use super::open::{self, Opening, Recovered};
use super::status::{FlushError, Flusher, SaveState};
use super::store::{Location, Reason};
use super::writer::Writer;
use crate::labels::{Level, VertebraId};
use crate::plan::{CaseRef, Header, Plan, Screw, ScrewId, file};
use crate::platform::fs::{FileSystem, Lock, LockError, folder_of, write_atomically};
use std::sync::Arc;
use std::time::Duration;

/// One case, open in this process and no other.
pub struct Session {
    location: Location,
    header: Header,
    history: History,
    dragged: Option<Screw>,
    clock: Arc<dyn Clock>,
    writer: Writer,
}

impl Session {
    /// Opens the plan at `location`, or begins one where there is none, and brings back every edit
    /// of its journal with the undo stack.
    pub fn open(
        location: Location,
        opening: &Opening,
        clock: Arc<dyn Clock>,
        fs: Arc<dyn FileSystem>,
    ) -> Result<(Self, Vec<Notice>), OpenError> {
        prepare_folder(&location, fs.as_ref())?;
        let lock = lock(&location, clock.as_ref(), fs.as_ref())?;
        let found = open::recover(&location, opening, clock.now(), fs.as_ref())?;
        if let Some((kept, bytes)) = &found.keep {
            write_atomically(fs.as_ref(), kept, bytes).map_err(|source| OpenError::Io {
                file: kept.clone(),
                what: "kept aside",
                source,
            })?;
        }
        let Recovered { header, history, notices, .. } = found;
        let start = Start {
            location: location.clone(),
            header: header.clone(),
            history: history.clone(),
            saved: found.saved,
            plan_file: found.plan_file,
            chain: found.chain,
            is_ahead_of_journal: found.is_ahead_of_journal,
        };
        let writer = Writer::start(start, fs, lock).map_err(|source| OpenError::Io {
            file: location.journal(),
            what: "given a thread",
            source,
        })?;
        Ok((Self { location, header, history, dragged: None, clock, writer }, notices))
    }

    /// The plan now, without a movement under way; cheap to clone.
    pub fn plan(&self) -> &Arc<Plan> {
        self.history.plan()
    }
    /// The revision of [`Session::plan`].
    pub fn revision(&self) -> Revision {
        self.history.revision()
    }
    /// Which case this is.
    pub fn case(&self) -> &CaseRef {
        &self.header.case
    }
    /// Where it lives.
    pub fn location(&self) -> &Location {
        &self.location
    }
    /// Every edit that holds, first one first.
    pub fn edits(&self) -> &[Edit] {
        self.history.done()
    }

    /// Does an edit.
    pub fn apply(&mut self, command: Command) -> Result<Revision, StepError> {
        let at = self.clock.now();
        self.take(Step::new(Edit { at, command }))
    }
    /// Puts in a new screw, edited now.
    pub fn place(&mut self, screw: Screw) -> Result<Revision, StepError> {
        let edited = self.clock.now();
        self.apply(Command::Place(Screw { edited, ..screw }))
    }
    /// Gives the screw of the same id this shape, edited now. A suggestion is reviewed by that.
    pub fn change(&mut self, after: Screw) -> Result<Revision, StepError> {
        let before = self.find(after.id)?.clone();
        let after = Screw { edited: self.clock.now(), ..after.by_hand(&before) };
        self.apply(Command::change(before, after))
    }
    /// Takes out a screw.
    pub fn delete(&mut self, id: ScrewId) -> Result<Revision, StepError> {
        let screw = self.find(id)?.clone();
        self.apply(Command::Delete(screw))
    }
    /// Puts screws, edited now, in place of others, all in one edit.
    pub fn exchange(
        &mut self,
        before: Vec<Screw>,
        after: Vec<Screw>,
    ) -> Result<Revision, StepError> {
        let edited = self.clock.now();
        let after = after.into_iter().map(|screw| Screw { edited, ..screw }).collect();
        self.apply(Command::Exchange { before, after })
    }
    /// Calls a vertebra, now called `before`, by another level, and its screws with it.
    pub fn rename_level(
        &mut self,
        vertebra: VertebraId,
        before: Level,
        after: Level,
    ) -> Result<Revision, StepError> {
        self.apply(Command::RenameLevel { vertebra, before, after })
    }

    /// Moves the names of all these vertebrae, as they are called now, so many places down the spine;
    /// `None` where that would lead out of it.
    pub fn shift_levels(
        &mut self,
        vertebrae: &[(VertebraId, Level)],
        down: i32,
    ) -> Result<Option<Revision>, StepError> {
        Command::shift_levels(vertebrae, down).map(|command| self.apply(command)).transpose()
    }
    /// Says that a person looked at the automatic labels of this hash and takes them; `None` takes
    /// that back.
    pub fn accept_labels(&mut self, after: Option<String>) -> Result<Revision, StepError> {
        let before = self.plan().accepted_labels.clone();
        self.apply(Command::AcceptLabels { before, after })
    }

    /// Takes back the last edit and says which that was. A movement under way is given up.
    pub fn undo(&mut self) -> Result<Command, StepError> {
        let edit = self.history.next_undo().cloned().ok_or(StepError::Nothing)?;
        self.take(Step::Undo)?;
        Ok(edit.command)
    }
    /// Does the last undone edit again and says which that was.
    pub fn redo(&mut self) -> Result<Command, StepError> {
        let edit = self.history.next_redo().cloned().ok_or(StepError::Nothing)?;
        self.take(Step::Redo)?;
        Ok(edit.command)
    }
    /// Whether there is something to undo.
    pub fn can_undo(&self) -> bool {
        self.history.next_undo().is_some()
    }
    /// Whether there is something to redo.
    pub fn can_redo(&self) -> bool {
        self.history.next_redo().is_some()
    }
    /// What an undo would take back, in one line.
    pub fn next_undo(&self) -> Option<String> {
        self.history.next_undo().map(|edit| edit.command.audit())
    }
    /// What a redo would do again, in one line.
    pub fn next_redo(&self) -> Option<String> {
        self.history.next_redo().map(|edit| edit.command.audit())
    }

    /// Says where a screw is while a hand moves it; call it every frame. It is no edit until
    /// [`Session::finish_drag`], but after a crash it is where it was at most 250 ms before.
    pub fn drag(&mut self, screw: Screw) {
        // A shape that no screw can have is not worth bringing back; finishing it is refused.
        if screw.check().is_ok() {
            self.writer.drag(Some(&screw));
        }
        self.dragged = Some(screw);
    }
    /// The screw being moved, as it is now.
    pub fn dragged(&self) -> Option<&Screw> {
        self.dragged.as_ref()
    }
    /// Ends the movement as one edit; `None` when nothing was moved. Where the edit is refused, the
    /// movement is given up.
    pub fn finish_drag(&mut self) -> Result<Option<Revision>, StepError> {
        let Some(screw) = self.dragged.take() else { return Ok(None) };
        let is_as_before = self.plan().screw(screw.id) == Some(&screw);
        let edited = self.clock.now();
        let command = open::drag_as_edit(self.plan(), Screw { edited, ..screw });
        let command = command.filter(|_| !is_as_before);
        let result = command.map(|command| self.apply(command)).transpose();
        if !matches!(result, Ok(Some(_))) {
            self.writer.drag(None);
        }
        result
    }
    /// Gives the movement up: the screw is where it was.
    pub fn cancel_drag(&mut self) {
        if self.dragged.take().is_some() {
            self.writer.drag(None);
        }
    }
    /// Every screw as it is seen: one being moved stands where the hand has it.
    pub fn shown_screws(&self) -> Vec<Screw> {
        let mut screws = self.plan().screws.clone();
        if let Some(dragged) = &self.dragged {
            screws.retain(|screw| screw.id != dragged.id);
            screws.push(dragged.clone());
        }
        screws
    }

    /// Asks for the plan file to be written; [`Session::save_state`] tells when it is.
    pub fn save(&self) {
        self.writer.save();
    }
    /// How safe the plan is.
    pub fn save_state(&self) -> SaveState {
        self.writer.state()
    }
    /// The newest revision that outlasts a power cut.
    pub fn journalled(&self) -> Revision {
        self.writer.journalled()
    }
    /// Waits until every edit so far is in the journal, and in the plan file after a save.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.flusher().flush(timeout)
    }
    /// A handle that does the same from anywhere, a panic hook for example.
    pub fn flusher(&self) -> Flusher {
        self.writer.flusher()
    }
    /// Writes the plan file where it is not the newest, and lets the case go. Dropping a session
    /// does the same, but tells nobody when that fails.
    pub fn close(mut self, timeout: Duration) -> Result<(), FlushError> {
        self.writer.close(timeout)
    }

    fn find(&self, id: ScrewId) -> Result<&Screw, StepError> {
        self.plan().screw(id).ok_or_else(|| CommandError::NoScrew { id }.into())
    }
    fn take(&mut self, step: Step) -> Result<Revision, StepError> {
        self.history.take(step.clone())?;
        self.dragged = None;
        let revision = self.history.revision();
        self.writer.step(step, revision);
        Ok(revision)
    }
}

/// Makes the folder where it is in the user's data, and refuses one that can not be written.
fn prepare_folder(location: &Location, fs: &dyn FileSystem) -> Result<(), OpenError> {
    let folder = folder_of(location.plan());
    if matches!(location.reason(), Reason::Demo | Reason::ReadOnlyMedia) {
        let file = || folder.to_owned();
        fs.create_folders(folder).map_err(|source| OpenError::Io {
            file: file(),
            what: "made",
            source,
        })?;
    }
    if fs.is_writable(folder) { Ok(()) } else { Err(OpenError::ReadOnly(folder.to_owned())) }
}

/// Takes the case for this process; where another has it, says which case and which process.
fn lock(
    location: &Location,
    clock: &dyn Clock,
    fs: &dyn FileSystem,
) -> Result<Box<dyn Lock>, OpenError> {
    let path = location.lock();
    fs.lock(&path).map_err(|error| match error {
        LockError::Held(pid) => {
            let case = pseudonym_in(location, clock, fs).unwrap_or_else(|| "this case".to_owned());
            OpenError::Held { case, plan: location.plan().to_owned(), pid }
        }
        LockError::Io(source) => OpenError::Io { file: path, what: "locked", source },
    })
}

fn pseudonym_in(location: &Location, clock: &dyn Clock, fs: &dyn FileSystem) -> Option<String> {
    let bytes = fs.read(location.plan()).ok()?;
    let file = file::parse(&String::from_utf8_lossy(&bytes), clock.now()).ok()?;
    Some(file.header.case.pseudonym).filter(|name| !name.is_empty())
}
