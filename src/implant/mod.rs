//! Shapes of metal: the sizes a screw may have. In: RON files under `assets/implants/`.
//! Out: a [`Catalogue`], plain data.

pub mod catalogue;

pub use catalogue::{Catalogue, CatalogueError, ScrewSize};
