//! The signed distance to what some voxels hold: cord, roots, vessels, which have no surface of their
//! own.
//!
//! In: a label volume and the values of one structure. Out: [`Voxels`]: exact at voxel centres, the
//! Euclidean distance to the nearest voxel's box, whatever the voxels' three spacings; trilinear
//! between. So it is right to about half a voxel against what the voxels were made from. Distances
//! are taken along the grid's axes, which images have at right angles.

use super::SignedDistance;
use crate::space::{Dir, Patient, Point};
use crate::surface::block::Block;
use crate::volume::Volume;
use glam::{Affine3A, DAffine3, DVec3, Mat3, Vec3A};
use rayon::prelude::*;

/// Distance in mm to a structure of a label volume: positive inside it, negative outside.
#[derive(Clone, Debug)]
pub struct Voxels {
    /// The centre of the first voxel, LPS mm; the maps are around it.
    origin: DVec3,
    voxel_from_local: Affine3A,
    local_from_voxel: Affine3A,
    /// The last voxel of each axis.
    last: Vec3A,
    distances: Block,
}

impl Voxels {
    /// The structure that `values` stand for. `None` where no voxel has one of them, and in an image
    /// of a single slice, which has no room around it.
    pub fn new(labels: &Volume<u16>, values: &[u16]) -> Option<Self> {
        /// The distances reach this far past the structure's box, mm; farther away they are told
        /// from where that ends.
        const PAST_MM: f64 = 25.0;
        let [low, high] = bounds(labels, values)?;
        let grid = labels.grid();
        let (size, spacing) = (grid.size(), grid.spacing_mm());
        let past = spacing.map(|mm| (PAST_MM / mm).ceil() as usize);
        let first: [usize; 3] = std::array::from_fn(|n| low[n].saturating_sub(past[n]));
        let count = std::array::from_fn(|n| (high[n] + past[n] + 1).min(size[n]) - first[n]);
        if count.contains(&1) {
            return None;
        }
        let map = grid.part(first, count)?.patient_from_voxel().map();
        let local_from_voxel = DAffine3::from_mat3(map.matrix3);
        let is_in: Vec<bool> = voxels_of(count)
            .map(|[i, j, k]| {
                let value = labels.get([first[0] + i, first[1] + j, first[2] + k]);
                value.is_some_and(|value| values.contains(value))
            })
            .collect();
        let outside = to_boxes(&is_in, true, count, spacing);
        let inside = to_boxes(&is_in, false, count, spacing);
        let at = |n: usize| if is_in[n] { inside[n].sqrt() } else { -outside[n].sqrt() };
        Some(Self {
            origin: map.translation,
            voxel_from_local: local_from_voxel.inverse().as_affine3a(),
            local_from_voxel: local_from_voxel.as_affine3a(),
            last: Vec3A::from_array(count.map(|n| n as f32 - 1.0)),
            distances: Block { size: count, values: (0..is_in.len()).map(at).collect() },
        })
    }
}

impl Voxels {
    /// What is told changes by no more than this per mm on the way along a unit direction: along each
    /// axis of the voxels by no more than the way along that.
    pub(super) fn steepest(&self, dir: Dir<Patient>) -> f64 {
        let axes = Mat3::from(self.local_from_voxel.matrix3).as_dmat3();
        [axes.x_axis, axes.y_axis, axes.z_axis]
            .map(|axis| axis.normalize_or_zero().dot(dir.vec()).abs())
            .iter()
            .sum()
    }
}

impl SignedDistance for Voxels {
    fn signed_distance_mm(&self, point: Point<Patient>) -> f64 {
        let local = (point.vec() - self.origin).as_vec3a();
        let place = self.voxel_from_local.transform_point3a(local);
        let held = place.max(Vec3A::ZERO).min(self.last);
        let within = self.distances.within(held.into());
        // The outermost voxels reach half a voxel past their centres.
        if (place - held).abs().max_element() < 0.5 {
            return f64::from(within);
        }
        let past = local - self.local_from_voxel.transform_point3a(held);
        let least = within.min(0.0);
        -f64::from((least * least + past.length_squared()).sqrt())
    }
}

/// The box of some values: first and last voxel along each axis.
fn bounds(labels: &Volume<u16>, values: &[u16]) -> Option<[[usize; 3]; 2]> {
    let mut found: Option<[[usize; 3]; 2]> = None;
    for ((k, j, i), value) in labels.data().indexed_iter() {
        if values.contains(value) {
            let at = [i, j, k];
            let [low, high] = found.unwrap_or([at, at]);
            found = Some([
                std::array::from_fn(|n| low[n].min(at[n])),
                std::array::from_fn(|n| high[n].max(at[n])),
            ]);
        }
    }
    found
}

fn voxels_of([ni, nj, nk]: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..nk).flat_map(move |k| (0..nj).flat_map(move |j| (0..ni).map(move |i| [i, j, k])))
}

/// The squared distance of each voxel's centre to the nearest box of a voxel that is `wanted`, mm²;
/// infinite where there is none. Axis by axis: the square of a distance is the sum of those along
/// the axes (Felzenszwalb and Huttenlocher 2012, with boxes in place of points).
fn to_boxes(is_in: &[bool], wanted: bool, size: [usize; 3], spacing: [f64; 3]) -> Vec<f32> {
    let start = |is_in: &bool| if *is_in == wanted { 0.0 } else { f32::INFINITY };
    let mut squares: Vec<f32> = is_in.iter().map(start).collect();
    let strides = [1, size[0], size[0] * size[1]];
    for axis in 0..3 {
        let before = squares.clone();
        let line = |at: usize| {
            let place = at / strides[axis] % size[axis];
            let first = at - place * strides[axis];
            let of = |n: usize| before[first + n * strides[axis]];
            nearest_on_line(of, place, size[axis], spacing[axis] as f32)
        };
        squares = (0..squares.len()).into_par_iter().map(line).collect();
    }
    squares
}

/// The least of `of(n)` and the square of the way from `place` to the box of n, over a line.
fn nearest_on_line(of: impl Fn(usize) -> f32, place: usize, count: usize, step: f32) -> f32 {
    let mut least = of(place);
    for away in 1..count {
        let way = (away as f32 - 0.5) * step;
        if way * way >= least || (away > place && place + away >= count) {
            break;
        }
        let lower = place.checked_sub(away).map(&of);
        let upper = (place + away < count).then(|| of(place + away));
        for there in lower.into_iter().chain(upper) {
            least = least.min(there + way * way);
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clearance::{ScrewShape, gap_to_voxels_mm};
    use crate::space::Affine;
    use crate::volume::Grid;

    /// Voxels of three sizes, of which a few scattered ones are 7 and a few 9.
    fn labels() -> Volume<u16> {
        let map = Affine::from_columns(
            Dir::new(0.8, 0.0, 0.0),
            Dir::new(0.0, -1.1, 0.0),
            Dir::new(0.0, 0.0, 2.5),
            Point::new(-5.0, 12.0, -20.0),
        );
        let grid = Grid::new([18, 16, 12], map).unwrap();
        Volume::from_fn(grid, |[i, j, k]| match (i * 7 + j * 13 + k * 29) % 61 {
            0 => 7,
            1 => 9,
            _ => 0,
        })
    }

    #[test]
    fn at_every_centre_the_distance_is_that_to_the_nearest_box_by_trying_all() {
        let labels = labels();
        let field = Voxels::new(&labels, &[7, 9]).unwrap();
        let spacing = DVec3::from_array(labels.grid().spacing_mm());
        let is_in = |at: [usize; 3]| *labels.get(at).unwrap() != 0;
        let all: Vec<[usize; 3]> = voxels_of(labels.grid().size()).collect();
        let place = |at: [usize; 3]| DVec3::from_array(at.map(|n| n as f64));
        for &here in all.iter().step_by(5) {
            let to_box = |there: &[usize; 3]| {
                let apart = ((place(here) - place(*there)).abs() - 0.5).max(DVec3::ZERO);
                (apart * spacing).length()
            };
            let others = all.iter().filter(|there| is_in(**there) != is_in(here));
            let brute = others.map(to_box).fold(f64::INFINITY, f64::min);
            let wanted = if is_in(here) { brute } else { -brute };
            let told = field.signed_distance_mm(labels.grid().centre(here));
            assert!((told - wanted).abs() < 1e-4, "{here:?}: {told}, not {wanted}");
        }
    }

    #[test]
    fn a_screw_is_as_near_as_the_nearest_of_many_places_along_it() {
        let labels = labels();
        let field = Voxels::new(&labels, &[9]).unwrap();
        let [low, high] = [[1, 1, 1], [16, 14, 10]].map(|at| labels.grid().centre(at));
        let part = |n: u32, step: f64| (f64::from(n) * step).fract();
        let within = |n: u32| {
            let share = DVec3::new(part(n, 0.819), part(n, 0.671), part(n, 0.549));
            Point::from_vec(low.vec() + (high.vec() - low.vec()) * share)
        };
        for n in 0..200 {
            let (entry, tip) = (within(n), within(n + 200));
            let (length_mm, axis) = (entry.distance(tip), tip - entry);
            let screw = ScrewShape { entry, axis, length_mm, diameter_mm: 2.0 };
            // The same places, all of them.
            let steps = (length_mm / 0.5).ceil().max(1.0);
            let places = (0..=steps as u32).map(|k| entry.lerp(tip, f64::from(k) / steps));
            let deepest = places.map(|p| field.signed_distance_mm(p)).fold(f64::MIN, f64::max);
            let told = gap_to_voxels_mm(&screw, &field);
            assert!((told - (-deepest - 1.0)).abs() < 1e-5, "{n}: {told}, not {}", -deepest - 1.0);
        }
    }

    #[test]
    fn far_away_it_is_told_no_nearer_than_it_is_and_without_voxels_there_is_none() {
        let labels = labels();
        let field = Voxels::new(&labels, &[7]).unwrap();
        let far = labels.grid().middle() + Dir::Z * 300.0;
        let told = field.signed_distance_mm(far);
        assert!(told < -270.0 && told > -330.0, "{told}");
        assert!(Voxels::new(&labels, &[3]).is_none());
    }
}
