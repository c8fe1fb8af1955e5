//! Size, spacing and place of a voxel grid.

use crate::space::{Affine, Dir, Patient, Point, Voxel};

/// A regular grid of voxels in patient space; its axes may be oblique and in any order.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    size: [usize; 3],
    patient_from_voxel: Affine<Patient, Voxel>,
}

/// A grid that no patient can lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    /// One of the three sizes is zero.
    #[error("the image has no voxels along one axis ({0:?})")]
    Empty([usize; 3]),
    /// The matrix is not finite or flat.
    #[error("the image's matrix from voxels to millimetres is not invertible")]
    NotInvertible,
}

impl Grid {
    /// `size` counts voxels along i, j, k; the map leads from voxel centres to LPS millimetres.
    pub fn new(
        size: [usize; 3],
        patient_from_voxel: Affine<Patient, Voxel>,
    ) -> Result<Self, GridError> {
        if size.contains(&0) {
            return Err(GridError::Empty(size));
        }
        if !patient_from_voxel.is_invertible() {
            return Err(GridError::NotInvertible);
        }
        Ok(Self { size, patient_from_voxel })
    }
    /// A grid along the patient's axes with cubic voxels, from the centre of its first voxel
    /// towards left, back and top. A size of 0 counts as 1, a spacing under 1e-3 mm as 1e-3 mm, so
    /// that there always is one.
    pub fn along_axes(first: Point<Patient>, spacing_mm: f64, size: [usize; 3]) -> Self {
        let step = spacing_mm.max(1e-3);
        let axis = |d: Dir<Patient>| d * step;
        Self {
            size: size.map(|n| n.max(1)),
            patient_from_voxel: Affine::from_columns(
                axis(Dir::X),
                axis(Dir::Y),
                axis(Dir::Z),
                first,
            ),
        }
    }
    /// Voxels along i, j, k.
    pub fn size(&self) -> [usize; 3] {
        self.size
    }
    /// Number of voxels.
    pub fn len(&self) -> usize {
        self.size.iter().product()
    }
    /// Never true: a grid has voxels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// From voxel centres to LPS millimetres.
    pub fn patient_from_voxel(&self) -> Affine<Patient, Voxel> {
        self.patient_from_voxel
    }
    /// From LPS millimetres to (fractional) voxel indices.
    pub fn voxel_from_patient(&self) -> Affine<Voxel, Patient> {
        self.patient_from_voxel.inverse()
    }
    /// Distance of neighbouring voxel centres along i, j, k, in mm.
    pub fn spacing_mm(&self) -> [f64; 3] {
        let m = self.patient_from_voxel.map().matrix3;
        [m.x_axis.length(), m.y_axis.length(), m.z_axis.length()]
    }
    /// Volume of one voxel in mm³, always positive.
    pub fn voxel_volume_mm3(&self) -> f64 {
        self.patient_from_voxel.determinant().abs()
    }
    /// Centre of voxel (i, j, k).
    pub fn centre(&self, [i, j, k]: [usize; 3]) -> Point<Patient> {
        self.patient_from_voxel.point(Point::new(i as f64, j as f64, k as f64))
    }
    /// True for a point in one of its voxels, which reach half a step past the outermost centres.
    pub fn holds(&self, p: Point<Patient>) -> bool {
        let at = self.voxel_from_patient().point(p).vec().round().to_array();
        at.iter().zip(self.size).all(|(x, n)| (0.0..n as f64).contains(x))
    }
    /// Middle of the whole grid.
    pub fn middle(&self) -> Point<Patient> {
        let [i, j, k] = self.size.map(|n| (n as f64 - 1.0) / 2.0);
        self.patient_from_voxel.point(Point::new(i, j, k))
    }
    /// The centres of the eight corner voxels.
    pub fn corners(&self) -> [Point<Patient>; 8] {
        let [ni, nj, nk] = self.size.map(|n| n - 1);
        std::array::from_fn(|c| {
            let pick = |bit: usize, last: usize| if c >> bit & 1 == 1 { last } else { 0 };
            self.centre([pick(0, ni), pick(1, nj), pick(2, nk)])
        })
    }
    /// The part of the grid with so many voxels from voxel `first` on; `None` where it reaches past
    /// the end, or holds none.
    pub fn part(&self, first: [usize; 3], size: [usize; 3]) -> Option<Self> {
        let fits = (0..3).all(|n| first[n] + size[n] <= self.size[n]);
        let axis = |n: usize| {
            let mut next = first;
            next[n] += 1;
            self.centre(next) - self.centre(first)
        };
        let map = Affine::from_columns(axis(0), axis(1), axis(2), self.centre(first));
        Self::new(size, map).ok().filter(|_| fits)
    }
    /// True when two grids have the same size and their corners agree within `tolerance_mm`.
    pub fn is_close_to(&self, other: &Self, tolerance_mm: f64) -> bool {
        self.size == other.size
            && self
                .corners()
                .iter()
                .zip(other.corners())
                .all(|(a, b)| a.distance(b) <= tolerance_mm)
    }
}
