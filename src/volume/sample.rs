//! Values between voxels: trilinear and nearest, and the gradient.

use super::Volume;
use crate::space::{Patient, Point, Voxel};
use glam::DVec3;

impl<T: Copy + Into<f64>> Volume<T> {
    /// Trilinear value at fractional voxel indices; `None` outside the box of voxel centres.
    pub fn trilinear_voxel(&self, p: Point<Voxel>) -> Option<f64> {
        let size = self.grid().size();
        let (corner, t) = cell(size, p.vec())?;
        // An axis one voxel thick has no upper neighbour; its weight is then zero.
        let ends = std::array::from_fn(|n| [corner[n], (corner[n] + 1).min(size[n] - 1)]);
        let [ni, nj, _] = size;
        let data = self.data();
        // Nearly every volume lies in one piece, where a place is found a good deal faster.
        Some(match data.as_slice() {
            Some(values) => mixed(ends, t, |[i, j, k]| values[i + ni * (j + nj * k)].into()),
            None => mixed(ends, t, |[i, j, k]| data[[k, j, i]].into()),
        })
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

/// The mean of the values at both ends of a cell along i, j and k, weighted by where in it a place lies.
#[inline(always)]
fn mixed([i, j, k]: [[usize; 2]; 3], t: DVec3, at: impl Fn([usize; 3]) -> f64) -> f64 {
    let lerp = |[a, b]: [f64; 2], t: f64| a + (b - a) * t;
    let row = |j: usize, k: usize| lerp(i.map(|i| at([i, j, k])), t.x);
    let slab = |k: usize| lerp(j.map(|j| row(j, k)), t.y);
    lerp(k.map(slab), t.z)
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
    fn trilinear_is_the_same_in_whichever_order_the_values_lie() {
        let v = ramp();
        let turned = v.data().t().as_standard_layout().into_owned().reversed_axes();
        assert!(turned.as_slice().is_none());
        let other = Volume::new(turned, v.grid().clone()).expect("of the same shape");
        for n in 0..40 {
            let p = Point::new(0.15 * f64::from(n), 0.05 * f64::from(n), 0.047 * f64::from(n));
            assert_eq!(v.trilinear(p), other.trilinear(p));
            assert!(v.trilinear(p).is_some());
        }
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
