//! A plan at a revision, with everything that was done to it and can be undone.
//!
//! In: edits, one after the other. Out: the plan after each, as a snapshot that is cheap to clone.

use super::command::{Command, CommandError};
use crate::plan::Plan;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// How many edits, undos and redos a case has seen; every one counts up, through restarts too.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A command and when it was given: one line of the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// When, by the injected clock.
    pub at: Timestamp,
    /// What.
    pub command: Command,
}

/// One step of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A new edit; what was undone before it can no longer be redone.
    Do(Box<Edit>),
    /// Takes back the last edit.
    Undo,
    /// Does the last undone edit again.
    Redo,
}

impl Step {
    /// A new edit.
    pub fn new(edit: Edit) -> Self {
        Self::Do(Box::new(edit))
    }
}

/// A step that can not be taken. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// There is nothing to undo or redo.
    #[error("there is nothing left to take back or to do again")]
    Nothing,
    /// The edit does not fit the plan.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// The document's content and its one undo stack, without limit.
#[derive(Clone, Debug)]
pub struct History {
    base: Arc<Plan>,
    plan: Arc<Plan>,
    done: Vec<Edit>,
    undone: Vec<Edit>,
    revision: Revision,
}

impl History {
    /// Starts from `base` at `revision`, nothing to undo.
    pub fn new(base: Plan, revision: Revision) -> Self {
        let base = Arc::new(base);
        Self { plan: Arc::clone(&base), base, done: Vec::new(), undone: Vec::new(), revision }
    }
    /// The plan now.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }
    /// The revision of [`History::plan`].
    pub fn revision(&self) -> Revision {
        self.revision
    }
    /// Every edit that holds, first one first: the audit trail.
    pub fn done(&self) -> &[Edit] {
        &self.done
    }
    /// The edit that the next undo takes back.
    pub fn next_undo(&self) -> Option<&Edit> {
        self.done.last()
    }
    /// The edit that the next redo does again.
    pub fn next_redo(&self) -> Option<&Edit> {
        self.undone.last()
    }

    /// Takes one step and counts the revision up. Where it is refused, nothing changed.
    pub fn take(&mut self, step: Step) -> Result<(), StepError> {
        match step {
            Step::Do(edit) => {
                edit.command.apply(Arc::make_mut(&mut self.plan))?;
                self.done.push(*edit);
                self.undone.clear();
            }
            Step::Undo => {
                let edit = self.done.last().ok_or(StepError::Nothing)?;
                edit.command.inverse().apply(Arc::make_mut(&mut self.plan))?;
                self.undone.extend(self.done.pop());
            }
            Step::Redo => {
                let edit = self.undone.last().ok_or(StepError::Nothing)?;
                edit.command.apply(Arc::make_mut(&mut self.plan))?;
                self.done.extend(self.undone.pop());
            }
        }
        self.revision.0 += 1;
        Ok(())
    }

    /// The shortest way to the same state: where to start, and the steps from there. What was done
    /// and can neither be undone nor redone is left out.
    pub fn shortest(&self) -> (&Plan, Revision, Vec<Step>) {
        let edits = self.done.iter().chain(self.undone.iter().rev());
        let mut steps: Vec<Step> = edits.cloned().map(Step::new).collect();
        steps.extend(self.undone.iter().map(|_| Step::Undo));
        // Each of these steps was taken at least once, so the difference is never negative.
        let start = Revision(self.revision.0.saturating_sub(steps.len() as u64));
        (&self.base, start, steps)
    }
}
