//! Triangle meshes in patient space, one closed one per vertebra.

pub mod trimesh;

pub use trimesh::TriMesh;
