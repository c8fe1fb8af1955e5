//! Shapes of metal: the sizes a screw may have, rods and what bends them. In: RON files under
//! `assets/implants/`. Out: a [`Catalogue`] and [`Rods`], plain data.

pub mod catalogue;
pub mod rods;

pub use catalogue::{Catalogue, CatalogueError, ScrewSize, Sizes};
pub use rods::{Bender, RodKind, Rods, RodsError};
