//! Decisions: the screws of a plan, as plain data.

pub mod screw;

pub use screw::{Screw, ScrewId, ScrewState, ScrewStyle};
