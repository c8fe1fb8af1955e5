//! Values between voxels: trilinear and nearest, and the gradient.

use super::Volume;
use crate::space::{Patient, Point, Voxel};
use glam::DVec3;

impl<T: Copy + Into<f64>> Volume<T> {
    /// Trilinear value at fractional voxel indices; `None` outside the box of voxel centres.
    pub fn trilinear_voxel(&self, p: Point<Voxel>) -> Option<f64> {
        let (corner, t) = cell(self.grid().size(), p.vec())?;
        let [i, j, k] = corner;
        let data = self.data();
        // An axis one voxel thick has no upper neighbour; its weight is then zero.
        let next = |n: usize, size: usize| (n + 1).min(size - 1);
        let size = self.grid().size();
        let (i1, j1, k1) = (next(i, size[0]), next(j, size[1]), next(k, size[2]));
        let at = |k: usize, j: usize, i: usize| -> f64 { data[[k, j, i]].into() };
        let lerp = |a: f64, b: f64, t: f64| a + (b - a) * t;
        let row = |k: usize, j: usize| lerp(at(k, j, i), at(k, j, i1), t.x);
        let slab = |k: usize| lerp(row(k, j), row(k, j1), t.y);
        Some(lerp(slab(k), slab(k1), t.z))
    }
    /// Trilinear value at a patient point; `None` outside the box of voxel centres.
    pub fn trilinear(&self, p: Point<Patient>) -> Option<f64> {
        self.trilinear_voxel(self.grid().voxel_from_patient().point(p))
    }
}

impl<T: Copy> Volume<T> {
    /// Value of the voxel whose cell holds the patient point; `None` outside all cells.
    pub fn nearest(&self, p: Point<Patient>) -> Option<T> {
        self.nearest_voxel(self.grid().voxel_from_patient().point(p))
    }
    /// The same at fractional voxel indices.
    pub fn nearest_voxel(&self, p: Point<Voxel>) -> Option<T> {
        let index = p.vec().round();
        let inside = |x: f64, n: usize| x >= 0.0 && x < n as f64;
        let [ni, nj, nk] = self.grid().size();
        (inside(index.x, ni) && inside(index.y, nj) && inside(index.z, nk))
            .then(|| self.data()[[index.z as usize, index.y as usize, index.x as usize]])
    }
}

/// The cell's lower corner and the fraction within it; a point on the last centre belongs to the
/// cell before it, with fraction one.
fn cell(size: [usize; 3], p: DVec3) -> Option<([usize; 3], DVec3)> {
    let mut corner = [0; 3];
    let mut t = DVec3::ZERO;
    for axis in 0..3 {
        let last = (size[axis] - 1) as f64;
        let x = p[axis];
        if !(0.0..=last).contains(&x) {
            return None;
        }
        corner[axis] = (x as usize).min(size[axis].saturating_sub(2));
        t[axis] = x - corner[axis] as f64;
    }
    Some((corner, t))
}

#[cfg(test)]
mod tests {
    use super::super::Grid;
    use super::*;
    use crate::space::Affine;
    use glam::{DAffine3, DVec3};

    fn ramp() -> Volume<f32> {
        let map = DAffine3::from_scale(DVec3::new(2.0, 1.0, 0.5));
        let grid = Grid::new([4, 3, 5], Affine::new(map)).expect("a valid grid");
        Volume::from_fn(grid, |[i, j, k]| (i * 100 + j * 10 + k) as f32)
    }

    #[test]
    fn trilinear_is_exact_on_a_ramp_and_ends_at_the_last_centre() {
        let v = ramp();
        let at = |x, y, z| v.trilinear(Point::new(x, y, z));
        assert_eq!(at(3.0, 1.5, 0.25), Some(165.5));
        assert_eq!(at(6.0, 2.0, 2.0), Some(324.0));
        assert_eq!(at(6.001, 2.0, 2.0), None);
    }

    #[test]
    fn nearest_reaches_half_a_voxel_out() {
        let v = ramp();
        assert_eq!(v.nearest(Point::new(6.9, 2.4, 2.2)), Some(324.0));
        assert_eq!(v.nearest(Point::new(7.1, 2.0, 2.0)), None);
    }
}
