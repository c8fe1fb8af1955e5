//! Shapes of metal: the screws on offer, rods and what bends them. In: RON files, ours under
//! `assets/implants/` or a hospital's. Out: a [`Catalogue`] and [`Rods`], plain data.
//!
//! | file | owns |
//! |---|---|
//! | [`catalogue`] | kinds of screw: sizes, thread and core, head, bore; reading a file |
//! | `check` | what such a file must hold |
//! | [`offer`] | the sizes of one use, and steps through them |
//! | [`rods`] | rods and benders; reading a file |

pub mod catalogue;
mod check;
pub mod offer;
pub mod rods;

pub use catalogue::{Catalogue, CatalogueError, Core, Kind, ScrewSize, Use};
pub use offer::Offer;
pub use rods::{Bender, RodKind, Rods, RodsError};
