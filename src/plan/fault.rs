//! Why a text is no plan that this program can use, in sentences that name the screw.

use super::alternative::AlternativeFault;
use super::correct::CorrectError;
use super::migrate::SCHEMA;
use super::screw::ScrewFault;
use crate::labels::Level;
use crate::labels::edit::MendingFault;

/// A text that is no plan this program can use. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// No JSON, or not of this shape.
    #[error("the plan is no readable JSON: {0}; correct it there or take a copy of it")]
    Syntax(#[from] serde_json::Error),
    /// JSON, but no plan of ours.
    #[error("the file is no Corridor plan: it says no \"schema\" from 1; choose another file")]
    NoPlan,
    /// Written by a program that knows more than this one.
    #[error(
        "the plan has schema {found} (written by {program}), this program reads up to {SCHEMA}: \
         open it with a newer Corridor; it was left as it is"
    )]
    Newer {
        /// What the file says.
        found: u64,
        /// Who wrote it.
        program: String,
    },
    /// One screw's entry can not be read.
    #[error("{screw} can not be read: {source}; correct it in the plan file")]
    Entry {
        /// Level, side and id, as far as the entry says them.
        screw: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A number is none: NaN, infinite, or larger than any.
    #[error("{place}: its {field} is {found}, which is no number; correct it in the plan file")]
    Number {
        /// Level, side and id of the screw, or `the plan`.
        place: String,
        /// The key, with those that lead to it.
        field: String,
        /// What stands there.
        found: String,
    },
    /// A key stands twice in one record, and which of its values holds nobody can tell.
    #[error("{place}: its {field} stands there twice; take one of them out of the plan file")]
    Twice {
        /// Level, side and id of the screw, or `the plan`.
        place: String,
        /// The key, with those that lead to it.
        field: String,
    },
    /// A number is missing or something else.
    #[error("{screw}: its {field} must be {wanted}; correct it in the plan file")]
    Field {
        /// Level, side and id.
        screw: String,
        /// The key.
        field: &'static str,
        /// What should stand there.
        wanted: &'static str,
    },
    /// Entry and tip are one place.
    #[error(
        "{screw}: its entry and tip are the same place, so it leads nowhere; correct one of them \
         in the plan file"
    )]
    SamePlace {
        /// Level, side and id.
        screw: String,
    },
    /// One screw can not be.
    #[error(transparent)]
    Screw(#[from] ScrewFault),
    /// The tip is not where entry, axis and length put it.
    #[error(
        "{screw}: entry and tip lie {distance_mm:.3} mm apart, its length says {length_mm:.3} mm; \
         correct one of them in the plan file"
    )]
    Tip {
        /// Level, side and id.
        screw: String,
        /// From the written entry to the written tip, mm.
        distance_mm: f64,
        /// The written length, mm.
        length_mm: f64,
    },
    /// Two screws have one id.
    #[error("{screw}: another screw has the same id; give one of them another in the plan file")]
    SameId {
        /// Level, side and id.
        screw: String,
    },
    /// An edit of the labels can not be done.
    #[error("label edit {number} of the plan: {source}; or take it out of the plan file")]
    LabelEdit {
        /// Its place in the file, from 1.
        number: usize,
        /// What is wrong.
        source: MendingFault,
    },
    /// The column can not be moved so.
    #[error("{source}; correct it in the plan file")]
    RodTarget {
        /// What is wrong.
        #[from]
        source: CorrectError,
    },
    /// An alternative can not be.
    #[error("{source}; correct it in the plan file")]
    Alternative {
        /// What is wrong.
        #[from]
        source: AlternativeFault,
    },
    /// Two screws call one vertebra by two names.
    #[error("{screw}: another screw calls its vertebra {other}; correct one of them in the file")]
    TwoLevels {
        /// Level, side and id.
        screw: String,
        /// What the other screw calls it.
        other: Level,
    },
    /// A vertebra is renamed to the name that it has.
    #[error("renamed_levels calls {level} by its own name; take that entry out of the plan file")]
    RenamedToItself {
        /// The name.
        level: Level,
    },
    /// A vertebra is renamed twice.
    #[error(
        "renamed_levels has two entries for the vertebra {from}, {} and {}; take one of them out \
         of the plan file",
        names[0], names[1]
    )]
    RenamedTwice {
        /// What its labels call it.
        from: Level,
        /// What the entries call it.
        names: [Level; 2],
    },
    /// A screw does not call its vertebra as it was renamed.
    #[error(
        "{screw}: renamed_levels calls its vertebra {to} (from {from}); correct one of them in the \
         plan file"
    )]
    OtherName {
        /// Level, side and id.
        screw: String,
        /// What its labels call the vertebra.
        from: Level,
        /// What the plan calls it.
        to: Level,
    },
}
