//! Which voxel is which vertebra.
//!
//! In: a label volume from `ingest` or `phantom`. Out: a [`LabelMap`], whose vertebrae carry a
//! stable id and a [`Level`] that a person may correct.

pub mod auto;
pub mod edit;
pub mod ends;
mod evidence;
pub mod ilium;
pub mod level;
pub mod map;
pub mod numbering;
pub mod organ;
pub mod stats;

pub use ends::{End, end_at};
pub use ilium::Ilia;
pub use level::Level;
pub use map::{LabelMap, LabelledVertebra, Lying, Posture, VertebraId};
pub use organ::Organ;
