//! Decisions: the screws of a plan, as plain data, and the file they live in.
//!
//! In: what a person placed, or a plan file's text. Out: a [`Plan`], changed by commands of `case`
//! alone, and [`file::PlanFile`], what is written.

pub mod screw;
pub mod alternative;
mod no_number;
mod twice;
mod fault;
pub mod migrate;
pub mod file;
pub mod auto;
pub mod rod;
pub mod correct;
pub mod chain;
pub mod bend;
pub mod bent;
pub mod check;
pub mod exchange;

pub use alternative::Alternative;
pub use file::{CaseHashes, CaseRef, CatalogueRef, Header, PlanFile};
pub use screw::{Screw, ScrewFault, ScrewId, ScrewSite, ScrewState, ScrewStyle};

use crate::labels::edit::Mending;
use crate::labels::{LabelledVertebra, Level, VertebraId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A vertebra that a person gave another name than its labels did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenamedLevel {
    /// What the labels call it.
    pub from: Level,
    /// What it is called in this plan.
    pub to: Level,
}

/// What was decided about one spine. Its screws stand in the order of [`Plan::sort`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The screws: cranial ones first, left before right, then by id.
    pub screws: Vec<Screw>,
    /// Vertebrae that were given another name.
    pub renamed: BTreeMap<VertebraId, RenamedLevel>,
    /// Free text of the planner; never a patient's name.
    pub notes: String,
    /// Hash of the automatic labels that a person looked at and accepted; none where nobody did, or
    /// where the labels are a person's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_labels: Option<String>,
    /// What a person did to the labels with brush, eraser and cleaner, first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub label_edits: Vec<Mending>,
    /// What the column is to become before the rods are laid.
    #[serde(default, skip_serializing_if = "correct::Target::is_as_it_is")]
    pub rod_target: correct::Target,
    /// What the rods are made of, and by.
    #[serde(default, skip_serializing_if = "bent::RodChoice::is_usual")]
    pub rod_choice: bent::RodChoice,
    /// What is kept to choose from, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
}

impl Plan {
    /// The screw with this id.
    pub fn screw(&self, id: ScrewId) -> Option<&Screw> {
        self.screws.iter().find(|screw| screw.id == id)
    }
    /// The alternative of this name.
    pub fn alternative(&self, name: &str) -> Option<&Alternative> {
        self.alternatives.iter().find(|alternative| alternative.name == name)
    }
    /// The same case with the screws of an alternative.
    pub fn with_screws_of(&self, alternative: &Alternative) -> Self {
        Self { screws: alternative.screws.clone(), ..self.clone() }
    }
    /// Every screw, of the plan and then of its alternatives.
    pub fn all_screws(&self) -> impl Iterator<Item = &Screw> {
        self.screws.iter().chain(self.alternatives.iter().flat_map(|a| &a.screws))
    }
    /// The same, to be changed.
    pub(crate) fn all_screws_mut(&mut self) -> impl Iterator<Item = &mut Screw> {
        self.screws.iter_mut().chain(self.alternatives.iter_mut().flat_map(|a| &mut a.screws))
    }
    /// Puts screws and alternatives in their one order, so that equal plans are written as equal
    /// bytes.
    pub fn sort(&mut self) {
        let by_place = |screw: &Screw| (screw.site(), screw.side, screw.id);
        self.screws.sort_by_key(by_place);
        for alternative in &mut self.alternatives {
            alternative.screws.sort_by_key(by_place);
        }
        self.alternatives.sort_by(|a, b| a.name.cmp(&b.name));
    }
    /// What this plan calls a vertebra: its new name where it was renamed, else its labels' name `own`.
    pub fn name_of(&self, vertebra: VertebraId, own: Level) -> Level {
        self.renamed.get(&vertebra).map_or(own, |renamed| renamed.to)
    }
    /// The same of a vertebra of a label map.
    pub fn level_of(&self, vertebra: &LabelledVertebra) -> Level {
        self.name_of(vertebra.id, vertebra.level)
    }
    /// The vertebra a screw is driven into: the one with the screw's vertebra id; where no vertebra
    /// has it (other labels of the same CT, a plan written by hand) the one of the screw's level.
    pub fn vertebra_of<'v>(
        &self,
        screw: &Screw,
        vertebrae: &'v [LabelledVertebra],
    ) -> Option<&'v LabelledVertebra> {
        vertebrae
            .iter()
            .find(|vertebra| vertebra.id == screw.vertebra)
            .or_else(|| vertebrae.iter().find(|vertebra| self.level_of(vertebra) == screw.level))
    }
}
