//! An indexed triangle mesh in patient space.

use crate::space::{Dir, Patient, Point};

/// Triangles in LPS millimetres, counter-clockwise seen from outside; one normal per vertex.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TriMesh {
    /// Corners, LPS mm.
    pub positions: Vec<Point<Patient>>,
    /// Unit normals pointing out of the bone, one per position.
    pub normals: Vec<Dir<Patient>>,
    /// Three indices into `positions` each.
    pub triangles: Vec<[u32; 3]>,
}
