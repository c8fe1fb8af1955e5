//! One hash for one CT, whichever format, axis order or slice direction it is stored in.
//!
//! The voxels are put into the order closest to LPS (first index to the left, second to the back,
//! third to the head), the grid is told by four of its corners, and both are hashed. Formats round
//! differently (NIfTI keeps 24 bits, DICOM 16 characters), so corners count in steps of 0.1 mm.

use crate::space::{Patient, Point};
use crate::volume::{Grid, Volume};
use ndarray::{ArrayView3, Axis};
use sha2::{Digest, Sha256};

/// Steps in which corners are told, in mm.
const STEP_MM: f64 = 0.1;
/// Shifts the borders of the steps away from the round numbers that files are full of.
const SHIFT_MM: f64 = 0.023_71;

/// SHA-256, in hex, of a CT's canonical voxels and grid.
pub fn content_hash(ct: &Volume<i16>) -> String {
    canonical_hash("corridor ct 1", ct, |value| value.to_le_bytes())
}

/// SHA-256, in hex, of a label map's canonical voxels and grid.
pub fn labels_hash(labels: &Volume<u16>) -> String {
    canonical_hash("corridor labels 1", labels, |value| value.to_le_bytes())
}

fn canonical_hash<T>(domain: &str, volume: &Volume<T>, bytes: impl Fn(&T) -> [u8; 2]) -> String {
    let order = Order::closest_to_lps(volume.grid());
    let view = order.apply(volume.data().view());
    let mut hash = Sha256::new();
    hash.update(domain.as_bytes());
    for number in order.key(volume.grid()) {
        hash.update(number.to_le_bytes());
    }
    let mut row_bytes = Vec::new();
    for slab in view.outer_iter() {
        for row in slab.outer_iter() {
            row_bytes.clear();
            row_bytes.extend(row.iter().flat_map(&bytes));
            hash.update(&row_bytes);
        }
    }
    hex(&hash.finalize())
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Which stored axis (0 = i) leads to the left, the back and the head, and whether backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    axis: [usize; 3],
    backwards: [bool; 3],
}

const PERMUTATIONS: [[usize; 3]; 6] =
    [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

impl Order {
    /// The order whose axes point closest to L, P and S in sum. Where two orders are equally
    /// close (an image turned by 45 degrees), the one with the smaller corners is taken, so that
    /// the choice does not hang on how the file happens to be stored.
    fn closest_to_lps(grid: &Grid) -> Self {
        let m = grid.patient_from_voxel().map().matrix3;
        let cosine = |lps: usize, axis: usize| m.col(axis)[lps] / m.col(axis).length();
        let candidate = |axis: [usize; 3]| {
            let share: f64 = (0..3).map(|lps| cosine(lps, axis[lps]).abs()).sum();
            let backwards = std::array::from_fn(|lps| cosine(lps, axis[lps]) < 0.0);
            ((share * 1e3).round() as i64, Self { axis, backwards })
        };
        PERMUTATIONS
            .into_iter()
            .map(candidate)
            .min_by_key(|(share, order)| (-share, order.key(grid)))
            .map_or(Self { axis: [0, 1, 2], backwards: [false; 3] }, |(_, order)| order)
    }

    /// The voxels in this order, indexed `[[head, back, left]]`.
    fn apply<T>(self, data: ArrayView3<'_, T>) -> ArrayView3<'_, T> {
        // Array axis 2 is i, so grid axis a is array axis 2 - a.
        let [left, back, head] = self.axis.map(|a| 2 - a);
        let mut view = data.permuted_axes([head, back, left]);
        for (lps, backwards) in self.backwards.into_iter().enumerate() {
            if backwards {
                view.invert_axis(Axis(2 - lps));
            }
        }
        view
    }

    /// Size and four corners (the first voxel and the far end of each axis), rounded.
    fn key(self, grid: &Grid) -> [i64; 15] {
        let size = grid.size();
        let corner = |far: Option<usize>| -> Point<Patient> {
            let mut voxel = [0; 3];
            for lps in 0..3 {
                let last = size[self.axis[lps]] - 1;
                if self.backwards[lps] != (far == Some(lps)) {
                    voxel[self.axis[lps]] = last;
                }
            }
            grid.centre(voxel)
        };
        let mut key = [0; 15];
        for lps in 0..3 {
            key[lps] = size[self.axis[lps]] as i64;
        }
        for (n, far) in [None, Some(0), Some(1), Some(2)].into_iter().enumerate() {
            for (axis, x) in corner(far).to_array().into_iter().enumerate() {
                key[3 + 3 * n + axis] = ((x - SHIFT_MM) / STEP_MM).floor() as i64;
            }
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Affine;
    use glam::{DAffine3, DMat3, DVec3};

    fn volume(map: DAffine3, size: [usize; 3]) -> Volume<i16> {
        let grid = Grid::new(size, Affine::new(map)).expect("a valid grid");
        // The value depends on the place in the patient, so that reordering changes nothing.
        let value = grid.clone();
        Volume::from_fn(grid, move |v| {
            let [x, y, z] = value.centre(v).to_array();
            (x * 1.0 + y * 17.0 + z * 301.0).round() as i16
        })
    }

    #[test]
    fn the_stored_order_does_not_count_but_the_place_does() {
        let plain = volume(DAffine3::from_scale(DVec3::new(1.0, 2.0, 3.0)), [5, 4, 3]);
        // The same voxels with z first and backwards, x last and backwards.
        let turned = DAffine3::from_cols(
            -DVec3::Z * 3.0,
            DVec3::Y * 2.0,
            -DVec3::X,
            DVec3::new(4.0, 0.0, 6.0),
        );
        let turned = volume(turned, [3, 4, 5]);
        assert_eq!(content_hash(&plain), content_hash(&turned));
        let mut moved = DAffine3::from_scale(DVec3::new(1.0, 2.0, 3.0));
        moved.translation.x = 0.2;
        let moved = Volume::new(
            plain.data().clone(),
            Grid::new([5, 4, 3], Affine::new(moved)).expect("a grid"),
        );
        assert_ne!(content_hash(&plain), content_hash(&moved.expect("the same shape")));
        let mut other = plain.clone();
        other.data_mut()[[1, 2, 3]] += 1;
        assert_ne!(content_hash(&plain), content_hash(&other));
    }

    #[test]
    fn a_mirrored_image_is_another_image() {
        let plain = volume(DAffine3::IDENTITY, [4, 4, 4]);
        let mirrored = DAffine3::from_mat3_translation(
            DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0)),
            DVec3::new(3.0, 0.0, 0.0),
        );
        let grid = Grid::new([4, 4, 4], Affine::new(mirrored)).expect("a grid");
        let mirrored = Volume::new(plain.data().clone(), grid).expect("the same shape");
        assert_ne!(content_hash(&plain), content_hash(&mirrored));
    }

    #[test]
    fn at_45_degrees_both_stored_orders_give_one_hash() {
        let (a, b) = (DVec3::new(0.5, 0.5, 0.0), DVec3::new(-0.5, 0.5, 0.0));
        let first = volume(DAffine3::from_cols(a, b, DVec3::Z, DVec3::ZERO), [4, 6, 3]);
        let second = volume(DAffine3::from_cols(b, a, DVec3::Z, DVec3::ZERO), [6, 4, 3]);
        assert_eq!(content_hash(&first), content_hash(&second));
    }
}
