//! What opening a case says: what was survived, and why it was refused.
//!
//! Plain data with the sentences that a user reads. A refusal changes nothing on disk.

use super::journal;
use crate::plan::CatalogueRef;
use crate::plan::file::FileError;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Something survived or worth knowing at opening. Its text is for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Edits that were in the journal but not yet in the plan file.
    Recovered {
        /// How many steps.
        steps: u64,
    },
    /// A movement that was under way; now an edit.
    DragRecovered {
        /// Level, side and id.
        screw: String,
    },
    /// The last line of the journal was half-written and is left out.
    TornLine,
    /// The journal could not be read to its end.
    JournalDamaged {
        /// The first line that could not be believed.
        line: usize,
        /// Where the file is kept as it was found.
        kept: PathBuf,
    },
    /// The journal tells of another case than the plan file.
    JournalOfAnotherCase {
        /// Where it is kept.
        kept: PathBuf,
    },
    /// The plan file was changed by somebody else.
    ChangedElsewhere,
    /// The plan file was gone and is written again from the journal.
    PlanRestored,
    /// Whether plan and image belong together is not known; a person said yes.
    AcceptedUnknown {
        /// The plan's case.
        case: String,
        /// The image.
        image: String,
    },
    /// The plan was made on other labels.
    OtherLabels,
    /// Screws named vertebrae that the labels do not have.
    Matched {
        /// How many, those of alternatives among them.
        screws: usize,
    },
    /// The plan's screws were judged by other thresholds before.
    OtherThresholds,
    /// The plan names another catalogue of screws, or another edition, than the one in use.
    OtherCatalogue {
        /// The plan's.
        plan: CatalogueRef,
        /// The one in use.
        in_use: CatalogueRef,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recovered { steps: 1 } => f.write_str("1 edit that was not saved is back"),
            Self::Recovered { steps } => write!(f, "{steps} edits that were not saved are back"),
            Self::DragRecovered { screw } => {
                write!(
                    f,
                    "{screw} was being moved when the program ended; it stands where it was last seen, undo takes it back"
                )
            }
            Self::TornLine => {
                f.write_str("the last line of the journal was half-written and was left out")
            }
            Self::JournalDamaged { line, kept } => {
                write!(
                    f,
                    "the journal can not be read from line {line} on; what came before holds, the file is kept as {}",
                    kept.display()
                )
            }
            Self::JournalOfAnotherCase { kept } => {
                write!(f, "the journal belonged to another case; it is kept as {}", kept.display())
            }
            Self::ChangedElsewhere => f.write_str(
                "the plan file was changed by another program; undo brings back the plan before",
            ),
            Self::PlanRestored => {
                f.write_str("the plan file was gone; it is written again from the journal")
            }
            Self::AcceptedUnknown { case, image } => {
                write!(
                    f,
                    "nothing shows that {case} and {image} belong together; they are opened together as asked"
                )
            }
            Self::OtherLabels => f.write_str(
                "the plan was made on other labels; its screws were matched to vertebrae by level",
            ),
            Self::Matched { screws: 1 } => f.write_str(
                "1 screw names no vertebra of these labels; it was matched to its vertebra by level",
            ),
            Self::Matched { screws } => write!(
                f,
                "{screws} screws name no vertebra of these labels; they were matched to vertebrae by level"
            ),
            Self::OtherThresholds => {
                f.write_str("the plan was judged by other thresholds before; its grades may change")
            }
            Self::OtherCatalogue { plan, in_use } if plan.id == in_use.id => write!(
                f,
                "the plan was made with edition {} of the catalogue {}, edition {} is in use: check that each screw is still on offer",
                plan.version, plan.id, in_use.version
            ),
            Self::OtherCatalogue { plan, in_use } => write!(
                f,
                "the plan was made with the catalogue {}, {} is in use: name the plan's own with --catalogue, or check that each screw is on offer",
                plan.id, in_use.id
            ),
        }
    }
}

/// A case that can not be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "{case} ({}) is already open in {}: close it there first, or open another plan with \
         --plan FILE; `corridor grade` and `corridor picture` can read it meanwhile",
        plan.display(), process(*.pid)
    )]
    Held {
        /// The case's pseudonym.
        case: String,
        /// The plan file.
        plan: PathBuf,
        /// Who has it, where that is known.
        pid: Option<u32>,
    },
    /// The plan file is no plan this program can use.
    #[error("{}: {source}", plan.display())]
    Plan {
        /// The plan file.
        plan: PathBuf,
        /// What is wrong.
        source: FileError,
    },
    /// The journal is from a newer program.
    #[error(
        "{} has schema {found}, this program reads up to {}: open it with a newer Corridor; it \
         was left as it is", journal.display(), journal::SCHEMA
    )]
    NewerJournal {
        /// The journal.
        journal: PathBuf,
        /// What it says.
        found: u64,
    },
    /// The plan is of somebody else, or of another scan.
    #[error(
        "the plan is of {case}, what is open is {image}: another patient or another scan. Open the \
         CT it was made on, or another plan with --plan FILE"
    )]
    OtherPatient {
        /// The plan's case.
        case: String,
        /// The open image.
        image: String,
    },
    /// Nothing tells whether they belong together.
    #[error(
        "the plan is of {case}, what is open is {image}: nothing shows that they belong together. \
         If you know that they do, say --accept-unknown"
    )]
    UnknownPatient {
        /// The plan's case.
        case: String,
        /// The open image.
        image: String,
    },
    /// The folder of the plan can not be written.
    #[error(
        "the folder {} is read-only: choose a writable place for the plan with --plan FILE",
        .0.display()
    )]
    ReadOnly(PathBuf),
    /// A file can not be read, made or kept aside.
    #[error("{} can not be {what} ({source}): look at the folder, or say --plan FILE", file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's word.
        source: io::Error,
    },
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another window".to_owned(), |pid| format!("another window (process {pid})"))
}
