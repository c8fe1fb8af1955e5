//! Triangle meshes in patient space, one closed one per vertebra.
//!
//! In: a declared [`crate::surface::Surface`]. Out: its mesh ([`extract`]), meshes of fewer
//! triangles within a bound in mm ([`lod`]), area, volume and closedness ([`measure`]), and the
//! mesh as a file for other programs ([`stl()`]).

pub mod lod;
pub mod measure;
mod stl;
mod surface_nets;
pub mod trimesh;

pub use measure::{area_mm2, is_closed, volume_mm3};
pub use stl::stl;
pub use surface_nets::extract;
pub use trimesh::TriMesh;
