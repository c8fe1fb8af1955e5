//! The signed distance to what some voxels hold: cord, roots, vessels, which have no surface of their
//! own.
//!
//! In: a label volume and the values of one structure. Out: [`Voxels`]: exact at voxel centres, the
//! Euclidean distance to the nearest voxel's box, whatever the voxels' three spacings; trilinear
//! between. So it is right to about half a voxel against what the voxels were made from. Distances
//! are taken along the grid's axes, which images have at right angles. None is told larger than
//! [`REACH_MM`].
//!
//! The time is linear in the image's voxels, each looked at once, and in those of the box around the
//! structure: from each of these the search runs along two axes, no farther than its own distance and so
//! never past the reach; where a plane holds nothing there is none.

use super::SignedDistance;
use crate::space::{Dir, Patient, Point};
use crate::surface::block::Block;
use crate::volume::Volume;
use glam::{Affine3A, DAffine3, DVec3, Mat3, Vec3A, Vec4};
use ndarray::{ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;

/// The distances reach this far past the structure's box, mm; farther away they are told from where
/// that ends.
const PAST_MM: f64 = 25.0;
/// No distance is told larger than this, mm: more than any within that box of a structure that is
/// straight.
const REACH_MM: f32 = 50.0;

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
        let is_in = which(labels, values, first, count);
        let outside = to_boxes(&is_in, true, count, spacing);
        let inside = to_boxes(&is_in, false, count, spacing);
        let at = |n: usize| if is_in[n] { inside[n].sqrt() } else { -outside[n].sqrt() };
        Some(Self {
            origin: map.translation,
            voxel_from_local: local_from_voxel.inverse().as_affine3a(),
            local_from_voxel: local_from_voxel.as_affine3a(),
            last: Vec3A::from_array(count.map(|n| n as f32 - 1.0)),
            distances: Block {
                size: count,
                values: (0..is_in.len()).into_par_iter().map(at).collect(),
            },
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
    let of_slab = |(k, slab): (usize, ArrayView2<'_, u16>)| {
        let of_row = |(j, row): (usize, ArrayView1<'_, u16>)| {
            let is_one = |value: &u16| values.contains(value);
            let first = row.iter().position(is_one)?;
            let last = row.iter().rposition(is_one).unwrap_or(first);
            Some([[first, j, k], [last, j, k]])
        };
        slab.axis_iter(Axis(0)).enumerate().filter_map(of_row).reduce(around_both)
    };
    let slabs = labels.data().axis_iter(Axis(0)).into_par_iter().enumerate();
    slabs.filter_map(of_slab).reduce_with(around_both)
}

/// The box around two boxes.
fn around_both([low, high]: [[usize; 3]; 2], other: [[usize; 3]; 2]) -> [[usize; 3]; 2] {
    [
        std::array::from_fn(|n| low[n].min(other[0][n])),
        std::array::from_fn(|n| high[n].max(other[1][n])),
    ]
}

/// Which voxels of a part of the labels have one of the values.
fn which(labels: &Volume<u16>, values: &[u16], first: [usize; 3], size: [usize; 3]) -> Vec<bool> {
    let [i, j, k] = std::array::from_fn(|n| first[n]..first[n] + size[n]);
    let part = labels.data().slice(s![k, j, i]);
    let mut is_in = vec![false; size.iter().product()];
    let slabs = is_in.par_chunks_mut(size[0] * size[1]);
    slabs.zip(part.axis_iter(Axis(0)).into_par_iter()).for_each(|(slab, labels)| {
        slab.iter_mut().zip(labels).for_each(|(is_in, value)| *is_in = values.contains(value));
    });
    is_in
}

/// The squared distance of each voxel's centre to the nearest box of a voxel that is `wanted`, mm²;
/// that of the reach where none is nearer. Axis by axis: the square of a distance is the sum of those
/// along the axes (Felzenszwalb and Huttenlocher 2012, with boxes in place of points).
fn to_boxes(is_in: &[bool], wanted: bool, size: [usize; 3], spacing: [f64; 3]) -> Vec<f32> {
    let [ni, nj, nk] = size;
    let step = spacing.map(|mm| mm as f32);
    let start = |is_in: &bool| if *is_in == wanted { 0.0 } else { f32::INFINITY };
    let mut squares: Vec<f32> = is_in.par_iter().map(start).collect();
    squares.par_chunks_mut(ni * nj).for_each(|slab| {
        slab.chunks_mut(ni).for_each(|row| along_row(row, step[0]));
        across_rows(slab, ni, step[1]);
    });
    let mut squares = turned(&squares, [ni, nj, nk]);
    squares.par_chunks_mut(ni * nk).for_each(|plane| across_rows(plane, ni, step[2]));
    let mut squares = turned(&squares, [ni, nk, nj]);
    squares.par_iter_mut().for_each(|square| *square = square.min(REACH_MM * REACH_MM));
    squares
}

/// Rows of `ni` put together anew: row j of slab k becomes row k of slab j.
fn turned(values: &[f32], [ni, nj, nk]: [usize; 3]) -> Vec<f32> {
    let mut turned = vec![0.0; values.len()];
    turned.par_chunks_mut(ni * nk).enumerate().for_each(|(j, slab)| {
        for (k, row) in slab.chunks_mut(ni).enumerate() {
            row.copy_from_slice(&values[ni * (j + nj * k)..][..ni]);
        }
    });
    turned
}

/// In a row that is 0 where a voxel is wanted and infinite elsewhere, the square of the way from each
/// centre to the nearest box of a wanted one, mm².
fn along_row(row: &mut [f32], step: f32) {
    sweep(row.iter_mut(), step);
    sweep(row.iter_mut().rev(), step);
}

/// The same of the wanted ones that are met before.
fn sweep<'a>(row: impl Iterator<Item = &'a mut f32>, step: f32) {
    let mut away = f32::INFINITY;
    for square in row {
        away = if *square == 0.0 { 0.0 } else { away + 1.0 };
        let way = (away - 0.5).max(0.0) * step;
        *square = square.min(way * way);
    }
}

/// Neighbours along a row that are worked on at once.
const LANES: usize = 16;
type Lanes = [Vec4; LANES / 4];

/// Takes the rows of a plane into account for each other: at each place the least of what any row has
/// there and the square of the way to that row's boxes, mm².
fn across_rows(plane: &mut [f32], ni: usize, step: f32) {
    for first in (0..ni).step_by(LANES) {
        let rows: Vec<Lanes> = plane.chunks(ni).map(|row| lanes_of(row, first)).collect();
        let lowest = rows.iter().fold([Vec4::INFINITY; LANES / 4], least_of);
        for (place, row) in plane.chunks_mut(ni).enumerate() {
            let nearest = nearest_of_rows(&rows, lowest, place, step);
            let values = nearest.iter().flat_map(|lane| lane.to_array());
            row[first..].iter_mut().zip(values).for_each(|(slot, value)| *slot = value);
        }
    }
}

/// The values of a row from `first` on; past its end the last one.
fn lanes_of(row: &[f32], first: usize) -> Lanes {
    let at = |n: usize| row[(first + n).min(row.len() - 1)];
    std::array::from_fn(|lane| Vec4::from_array(std::array::from_fn(|n| at(4 * lane + n))))
}

fn least_of(mut least: Lanes, other: &Lanes) -> Lanes {
    least.iter_mut().zip(other).for_each(|(lane, other)| *lane = lane.min(*other));
    least
}

/// The least of `rows[n]` and the square of the way from `place` to the box of n; no row has anything
/// less than `lowest`, which ends the search, at once where no row has anything.
fn nearest_of_rows(rows: &[Lanes], lowest: Lanes, place: usize, step: f32) -> Lanes {
    let mut least = rows[place];
    for away in 1..rows.len() {
        let way = (away as f32 - 0.5) * step;
        let square = way * way;
        let mut lanes = least.iter().zip(&lowest);
        let is_over = lanes.all(|(least, lowest)| least.cmple(*lowest + square).all());
        if is_over || way > REACH_MM {
            break;
        }
        let lower = place.checked_sub(away).map(|n| &rows[n]);
        for there in lower.into_iter().chain(rows.get(place + away)) {
            least = least_of(least, &there.map(|lane| lane + square));
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
    use std::time::Instant;

    fn voxels_of([ni, nj, nk]: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
        (0..nk).flat_map(move |k| (0..nj).flat_map(move |j| (0..ni).map(move |i| [i, j, k])))
    }

    /// The same as [`to_boxes`] by searching each line from each voxel to its end, without a reach.
    fn by_lines(is_in: &[bool], wanted: bool, size: [usize; 3], spacing: [f64; 3]) -> Vec<f32> {
        let start = |is_in: &bool| if *is_in == wanted { 0.0 } else { f32::INFINITY };
        let mut squares: Vec<f32> = is_in.iter().map(start).collect();
        let strides = [1, size[0], size[0] * size[1]];
        for axis in 0..3 {
            let before = squares.clone();
            let least = |at: usize| {
                let place = at / strides[axis] % size[axis];
                let there = |n: usize| {
                    let way = (place.abs_diff(n) as f32 - 0.5).max(0.0) * spacing[axis] as f32;
                    before[at + n * strides[axis] - place * strides[axis]] + way * way
                };
                (0..size[axis]).map(there).fold(f32::INFINITY, f32::min)
            };
            squares = (0..squares.len()).map(least).collect();
        }
        squares
    }

    #[test]
    fn to_the_last_bit_it_is_what_whole_lines_say_up_to_the_reach() {
        let sizes = [[35, 21, 17], [16, 9, 40], [3, 50, 2], [49, 2, 5]];
        for (size, spacing) in
            sizes.into_iter().zip([[0.8, 1.1, 2.5], [0.5, 0.5, 0.9], [1.3; 3], [7.0, 0.4, 20.0]])
        {
            // In one corner, scattered, everywhere but at one place, nowhere, and everywhere.
            let kinds: [fn([usize; 3]) -> bool; 5] = [
                |[i, j, k]| i < 3 && j < 2 && k < 2,
                |[i, j, k]| (i * 7 + j * 13 + k * 29) % 97 == 0,
                |at| at != [1, 1, 1],
                |_| false,
                |_| true,
            ];
            for (n, kind) in kinds.into_iter().enumerate() {
                let is_in: Vec<bool> = voxels_of(size).map(kind).collect();
                for wanted in [true, false] {
                    let mut plain = by_lines(&is_in, wanted, size, spacing);
                    plain.iter_mut().for_each(|square| *square = square.min(REACH_MM * REACH_MM));
                    assert!(
                        to_boxes(&is_in, wanted, size, spacing) == plain,
                        "{size:?} {n} {wanted}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_thin_structure_in_a_large_box_takes_a_fraction_of_what_whole_lines_take() {
        let size = [96, 96, 64];
        let is_in: Vec<bool> = voxels_of(size).map(|[i, j, _]| i == 48 && j == 48).collect();
        let started = Instant::now();
        let plain = by_lines(&is_in, true, size, [0.5; 3]);
        let whole_lines = started.elapsed();
        // The shortest of many: what the work itself takes, whatever else the machine does.
        let once = |_| {
            let started = Instant::now();
            assert!(to_boxes(&is_in, true, size, [0.5; 3]) == plain);
            started.elapsed()
        };
        let took = (0..8).map(once).min().unwrap_or_default();
        assert!(6 * took < whole_lines, "{took:?}, whole lines {whole_lines:?}");
    }

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
