//! The one declared sub-voxel surface of each vertebra, from which mesh and distance are made.
//!
//! The surface is the zero set of a scalar field on a grid of its own, trilinear between nodes:
//! positive inside bone. Where the CT shows an edge near the label's border the zero lies on that
//! edge; elsewhere on a smoothed border that keeps the label's volume.

use crate::volume::Volume;

/// The declared surface of one vertebra.
#[derive(Clone, Debug)]
pub struct Surface {
    /// Implicit function on nodes in patient space, positive inside, zero on the surface; not
    /// itself a distance. Negative on the whole outermost layer of nodes, so the zero set is closed.
    pub field: Volume<f32>,
}
