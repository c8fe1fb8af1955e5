//! CT as numbers: a 3D array and the [`Grid`] that places it in patient space.
//!
//! In: arrays from `ingest` and `phantom`. Out: values and gradients at patient points
//! ([`sample`]) and planes cut through them ([`reslice`]).

pub mod grid;
pub mod marks;
pub mod reslice;
pub mod sample;
pub mod stats;
pub mod window;

pub use grid::Grid;
pub use reslice::{Plane, Slice, View};
pub use window::Window;

use ndarray::Array3;

/// Values on a grid. The array is indexed `[[k, j, i]]`, i fastest, as DICOM and NIfTI store it.
///
/// Invariant: `data.dim() == (size[2], size[1], size[0])` of the grid; [`Volume::new`] keeps it.
#[derive(Clone, Debug)]
pub struct Volume<T> {
    data: Array3<T>,
    grid: Grid,
}

/// An array whose shape is not the grid's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the array has {array:?} voxels along k, j, i, but its grid says {grid:?} along i, j, k")]
pub struct ShapeMismatch {
    array: (usize, usize, usize),
    grid: [usize; 3],
}

impl<T> Volume<T> {
    /// Joins values and grid; the shapes must agree.
    pub fn new(data: Array3<T>, grid: Grid) -> Result<Self, ShapeMismatch> {
        let [ni, nj, nk] = grid.size();
        if data.dim() == (nk, nj, ni) {
            Ok(Self { data, grid })
        } else {
            Err(ShapeMismatch { array: data.dim(), grid: grid.size() })
        }
    }
    /// A volume made by asking `value` for every voxel (i, j, k), in parallel.
    pub fn from_fn(grid: Grid, value: impl Fn([usize; 3]) -> T + Sync) -> Self
    where
        T: Send + Sync + Clone + Default,
    {
        use ndarray::parallel::prelude::*;
        let [ni, nj, nk] = grid.size();
        let mut data = Array3::from_elem((nk, nj, ni), T::default());
        data.axis_iter_mut(ndarray::Axis(0)).into_par_iter().enumerate().for_each(
            |(k, mut slab)| {
                for ((j, i), slot) in slab.indexed_iter_mut() {
                    *slot = value([i, j, k]);
                }
            },
        );
        Self { data, grid }
    }
    /// The values, indexed `[[k, j, i]]`.
    pub fn data(&self) -> &Array3<T> {
        &self.data
    }
    /// The values, to be changed in place.
    pub fn data_mut(&mut self) -> &mut Array3<T> {
        &mut self.data
    }
    /// Where the voxels lie in the patient.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }
    /// The value of voxel (i, j, k), or `None` outside the grid.
    pub fn get(&self, [i, j, k]: [usize; 3]) -> Option<&T> {
        self.data.get([k, j, i])
    }
    /// The part with so many voxels from voxel `first` on; `None` where it reaches past the end, or
    /// holds none.
    pub fn part(&self, first: [usize; 3], size: [usize; 3]) -> Option<Self>
    where
        T: Clone,
    {
        let grid = self.grid.part(first, size)?;
        let [i, j, k] = std::array::from_fn(|n| first[n]..first[n] + size[n]);
        let data = self.data.slice(ndarray::s![k, j, i]).to_owned();
        Some(Self { data, grid })
    }
    /// The same grid with every value replaced.
    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> Volume<U> {
        Volume { data: self.data.map(f), grid: self.grid.clone() }
    }
}
