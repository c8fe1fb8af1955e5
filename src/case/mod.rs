//! The document: a spine, its plan, every edit as a command, one undo stack, the journal.
//!
//! In: commands of a person, and files. Out: a [`Session`] that holds the plan at a revision, keeps
//! it on disk without making anybody wait, and finds it again after a crash.
//!
//! | file | owns |
//! |---|---|
//! | [`command`] | an edit as a value, its inverse, its line in the audit trail |
//! | [`history`] | the plan at a revision and the one undo stack |
//! | [`session`] | the open document |
//! | [`journal`] | the lines on disk, and what can be made of a damaged file |
//! | [`open`] | plan file and journal to one history |
//! | `bind` | screws of other labels, bound to the vertebrae of these |
//! | [`notice`] | what was survived at opening, and why it was refused |
//! | `writer`, `desk` | the thread that writes: its two ends |
//! | [`status`] | what is on disk, and waiting for it |
//! | [`store`] | where a plan lives |
//! | [`identity`] | same patient, other, or unknown |
//! | [`bundle`] | a case as a folder |
//! | [`spine`] | the pipeline: `images`, files to voxels; `derive`, voxels to vertebrae |
//! | [`stale`] | what of a spine hangs on labels that were changed |
//! | [`measures`] | every number measured on the spine: anatomy, angles, density |
//! | [`film`] | the column of bodies and end plates as on a film |
//! | [`kept`], `pack` | what is kept between sessions, so that a case opens faster |
//! | [`doubts`], `leaks` | what looks wrong about the spine as a whole; labels that reach into soft tissue |
//! | [`pelvis`] | sacrum and ilium as one bone |
//! | [`ahead`] | what a hand will ask of a bone, asked before it comes |
//! | [`judge`] | the screws of a plan against the spine |
//! | [`rods`] | the rods of a plan as they are to be bent |
//! | [`compare`] | plans side by side |
//! | [`suggest`] | all screws of a case, planned by the program |
//! | [`request`] | what was asked to be opened, and where its plan lives |
//! | [`clock`] | the time as an edit is told it |

mod pack;
pub mod kept;
mod images;
mod derive;
pub mod stale;
pub mod ahead;
pub mod pelvis;
pub mod spine;
pub mod doubts;
mod bridged;
mod leaks;
pub mod measures;
pub mod rows;
pub mod film;
pub mod judge;
pub mod rods;
pub mod compare;
pub mod suggest;
pub mod request;
pub mod clock;
pub mod command;
pub mod history;
pub mod identity;
pub mod store;
pub mod bundle;
pub mod journal;
pub mod notice;
mod bind;
pub mod open;
pub mod status;
mod desk;
mod writer;
pub mod session;

pub use clock::{Clock, SystemClock};
pub use command::{Command, CommandError};
pub use history::{Revision, StepError};
pub use identity::SamePatient;
pub use notice::{Notice, OpenError};
pub use open::Opening;
pub use session::Session;
pub use status::{FlushError, Flusher, SaveState};
pub use store::Location;
