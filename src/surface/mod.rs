//! The one declared sub-voxel surface of each vertebra, from which mesh and distance are made.
//!
//! The surface is the zero set of a scalar field on a grid of its own, trilinear between nodes:
//! positive inside bone. In three steps: [`border`] smooths the label's border and keeps its
//! volume; where there is a CT, [`edge`] moves that border onto the bone's edge as the CT shows it
//! (with [`shell`], what a scanner makes of a thin bright cortex); [`solid`] makes the result one
//! closed solid without cavities.

pub(crate) mod block;
mod border;
mod edge;
mod shell;
mod solid;

use crate::labels::{LabelMap, LabelledVertebra, Level};
use crate::space::{Dir, Patient, Point, Voxel};
use crate::volume::{Grid, Volume};
use crate::work::{Cancelled, Work};
use block::Block;
pub use border::MadeFrom;
use glam::DVec3;

/// The declared surface of one vertebra.
#[derive(Clone, Debug)]
pub struct Surface {
    /// Implicit function on nodes in patient space, positive inside, zero on the surface; about a
    /// distance in mm near the zero set and cut off farther away, so not itself a distance.
    /// Negative on the whole outermost layer of nodes, so the zero set is closed.
    pub field: Volume<f32>,
}

/// A vertebra of which no surface can be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SurfaceError {
    /// The label has no voxel.
    #[error("{level} has no voxel of label {value}: remove it from the list or load other labels")]
    NoVoxels {
        /// The vertebra.
        level: Level,
        /// The label it should carry.
        value: u16,
    },
    /// The label is too thin or scattered to enclose anything.
    #[error("the label of {level} encloses no bone: check the labels there")]
    Empty {
        /// The vertebra.
        level: Level,
    },
    /// The caller stopped the call.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Declares the surface of one vertebra of `labels`: on the CT's edge where `ct` shows one within
/// about one and a half voxels of the label's border, else on the smoothed border of the label.
///
/// Without `ct` the smoothed border is all there is; it keeps the label's volume. Where another
/// vertebra's label begins, this one ends; where the image ends, the surface is closed there.
pub fn declare(
    labels: &LabelMap,
    vertebra: &LabelledVertebra,
    ct: Option<&Volume<i16>>,
    work: &Work,
) -> Result<Surface, SurfaceError> {
    let level = vertebra.level;
    let stage = format!("surface of {level}");
    work.step(&stage, 0.0)?;
    let mut border = border::find(labels, vertebra, ct.is_some())
        .ok_or(SurfaceError::NoVoxels { level, value: vertebra.value })?;
    if let Some(ct) = ct {
        edge::refine(&mut border, ct, |done| work.step(&stage, 0.2 + 0.7 * done))?;
    }
    let border::Border { grid, mut inside_mm, .. } = border;
    if !solid::make_solid(&mut inside_mm) {
        return Err(SurfaceError::Empty { level });
    }
    work.step(&stage, 1.0)?;
    Ok(Surface { field: volume_of(&inside_mm, grid) })
}

/// What of `labels` the surface of a vertebra is made from, as a hash: where it is the same, and the CT
/// is, so is the surface, to the last bit. `None` for a vertebra without a voxel.
pub fn made_from(labels: &LabelMap, vertebra: &LabelledVertebra, has_ct: bool) -> Option<MadeFrom> {
    border::made_from(labels, vertebra, has_ct)
}

/// How far the surface of a vertebra looks for other bones, voxels along i, j, k: what changes farther from
/// its label leaves it as it is, to the last bit. Without a CT it looks for none at all.
pub fn reach_voxels(labels: &Grid) -> [usize; 3] {
    border::reach_voxels(labels)
}

fn volume_of(block: &Block, grid: Grid) -> Volume<f32> {
    Volume::from_fn(grid, |node| block.values[block.index(node)])
}

impl Surface {
    /// The surface around everything where `field` is positive, made one closed solid: only its
    /// largest piece is kept and its cavities are filled. `None` where nothing is positive.
    pub fn from_field(field: Volume<f32>) -> Option<Self> {
        let grid = field.grid().clone();
        let mut block = Self { field }.block();
        solid::make_solid(&mut block).then(|| Self { field: volume_of(&block, grid) })
    }
    /// The field's values, to sweep over.
    pub(crate) fn block(&self) -> Block {
        let (values, _) =
            self.field.data().as_standard_layout().into_owned().into_raw_vec_and_offset();
        Block { size: self.field.grid().size(), values }
    }
    /// The field at fractional node indices; negative infinity outside the box of nodes.
    pub fn value(&self, p: Point<Voxel>) -> f64 {
        self.field.trilinear_voxel(p).unwrap_or(f64::NEG_INFINITY)
    }
    /// The field's gradient in patient space per mm, from central differences between nodes, so
    /// that it does not jump from cell to cell; zero where the box of nodes ends. Points inwards.
    pub fn gradient(&self, p: Point<Voxel>) -> Dir<Patient> {
        let half = 0.5;
        let mut per_node = DVec3::ZERO;
        for axis in 0..3 {
            let mut step = DVec3::ZERO;
            step[axis] = half;
            let at = |q: DVec3| self.field.trilinear_voxel(Point::from_vec(q));
            if let (Some(a), Some(b)) = (at(p.vec() + step), at(p.vec() - step)) {
                per_node[axis] = a - b;
            }
        }
        let patient_from_voxel = self.field.grid().patient_from_voxel().map().matrix3;
        Dir::from_vec(patient_from_voxel.inverse().transpose() * per_node)
    }
}
