//! What is read and pressed: the same panels on the desk and on a wall in the headset.
//!
//! In: [`Facts`], borrowed from the open case for one frame. Out: [`Intent`](crate::interact::intent::Intent)s. A panel draws into
//! whatever [`Ui`](bevy_egui::egui::Ui) it is given and changes nothing itself.

pub mod checks;
pub mod clearance;
pub mod cuts;
pub mod level;
pub mod levels;
pub mod measures;
pub mod mend;
pub mod plans;
pub mod rods;
pub mod screw;
pub mod theme;
pub mod why;

pub use crate::app::words;

use crate::app::closeup::Closeup;
use crate::app::follow::{Checks, Comparing, Rodding};
use crate::app::history::{Document, Draft};
use crate::app::judge::Judgements;
use crate::app::mending::Mending;
use crate::app::planning::Planning;
use crate::app::selection::Selection;
use crate::case::judge;
use crate::case::spine::{Spine, VertebraModel};
use crate::clearance::Assessment;
use crate::labels::Level;
use crate::plan::Screw;

/// Everything a panel may speak of, for one frame.
pub struct Facts<'a> {
    /// The case.
    pub spine: &'a Spine,
    /// The plan.
    pub document: &'a Document,
    /// The edit under way.
    pub draft: &'a Draft,
    /// The numbers of the plan's screws.
    pub judgements: &'a Judgements,
    /// What is worked on.
    pub selection: Selection,
    /// All that is said of the screw that is worked on.
    pub closeup: &'a Closeup,
    /// The cuts of that screw, as egui knows them: along it and across it.
    pub cuts: Option<cuts::Shown<'a>>,
    /// What a person should look at.
    pub checks: &'a Checks,
    /// The plan beside those that were kept.
    pub comparing: &'a Comparing,
    /// The rods as they are to be bent.
    pub rodding: &'a Rodding,
    /// Screws that plan themselves.
    pub planning: &'a Planning,
    /// Vertebrae whose surface follows their labels.
    pub mending: &'a Mending,
}

impl<'a> Facts<'a> {
    /// The screws as they are seen: the one that is moved stands where the hand has it.
    pub fn screws(&self) -> impl Iterator<Item = &'a Screw> {
        let draft: &'a Draft = self.draft;
        let document: &'a Document = self.document;
        let edited = draft.0.as_ref().map(|d| &d.screw);
        let others = document.plan().screws.iter();
        others.filter(move |s| edited.is_none_or(|e| e.id != s.id)).chain(edited)
    }
    /// The screw that is moved, or else the chosen one.
    pub fn current(&self) -> Option<&'a Screw> {
        let draft: &'a Draft = self.draft;
        let edited = draft.0.as_ref().map(|d| &d.screw);
        edited.or_else(|| self.selection.screw.and_then(|id| self.document.plan().screw(id)))
    }
    /// The numbers of a screw, `None` while they are pending.
    pub fn assessment(&self, screw: &Screw) -> Option<&'a Assessment> {
        match &self.draft.0 {
            Some(draft) if draft.screw.id == screw.id => draft.assessment.as_ref(),
            _ => self.judgements.of(screw),
        }
    }
    /// The model a screw stands in.
    pub fn model_of(&self, screw: &Screw) -> Option<&'a VertebraModel> {
        judge::vertebra_of(self.spine, screw).map(|v| &**v)
    }
    /// What the plan calls a vertebra.
    pub fn level_of(&self, vertebra: &VertebraModel) -> Level {
        vertebra.level_in(self.document.plan())
    }
}
