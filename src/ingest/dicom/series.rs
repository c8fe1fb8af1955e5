//! Slices in order, and the one grid on which they lie.
//!
//! The order comes from position and orientation alone: file names and instance numbers lie. What
//! does not fit is left out and told, never interpolated: a made-up slice could hide a breach.

use super::header::Slice;
use crate::ingest::{IngestError, Warning};
use crate::space::{Affine, Dir, Patient};
use crate::volume::Grid;
use std::path::Path;

/// The least number of slices that is called a volume.
const FEWEST: usize = 3;
/// Slices closer than this show the same place, mm.
const SAME_PLACE_MM: f64 = 0.01;
/// A slice may lie this far from the even grid (scanners round positions), mm.
const OFF_GRID_MM: f64 = 0.15;
/// A lean beyond this is told as a gantry tilt, degrees.
const TOLD_TILT_DEGREES: f64 = 0.2;

/// Slices that make a volume: slice n is layer n of the grid.
#[derive(Debug)]
pub(super) struct Series {
    pub slices: Vec<Slice>,
    pub grid: Grid,
    pub warnings: Vec<Warning>,
}

/// Sorts slices along their normal, leaves out what does not fit, and places the rest.
pub(super) fn arrange(path: &Path, slices: Vec<Slice>) -> Result<Series, IngestError> {
    let mut warnings = Vec::new();
    let too_few = |slices: usize, why: &'static str| IngestError::NoVolume {
        path: path.to_owned(),
        slices,
        needed: FEWEST,
        why,
    };
    let all = slices.len();
    let slices = most_alike(slices);
    if slices.len() < all {
        warnings.push(Warning::OddSlices { count: all - slices.len() });
    }
    if slices.len() < FEWEST {
        return Err(too_few(slices.len(), "the others differ in size, spacing or orientation"));
    }
    let alike = slices.len();
    let slices = sorted_without_duplicates(slices);
    if slices.len() < alike {
        warnings.push(Warning::DuplicateSlices { count: alike - slices.len() });
    }
    if slices.len() < FEWEST {
        return Err(too_few(slices.len(), "the others show the same place again"));
    }
    let distinct = slices.len();
    let slices = longest_even_run(slices);
    if slices.len() < distinct {
        let (kept, left_out) = (slices.len(), distinct - slices.len());
        warnings.push(Warning::UnevenSlices { kept, left_out });
    }
    if slices.len() < FEWEST {
        return Err(too_few(slices.len(), "the distance between slices changes"));
    }
    let step = mean_step(&slices);
    if largest_offset_mm(&slices, step) > OFF_GRID_MM {
        return Err(too_few(0, "the slices do not lie on one straight line"));
    }
    warnings.extend(tilt(&slices[0], step));
    let grid = grid(&slices, step).map_err(IngestError::grid(path))?;
    Ok(Series { slices, grid, warnings })
}

fn normal(slice: &Slice) -> Dir<Patient> {
    slice.row.cross(slice.column)
}

/// The largest group of slices of one size, spacing and orientation; of equal groups, the first.
fn most_alike(slices: Vec<Slice>) -> Vec<Slice> {
    let mut groups: Vec<Vec<Slice>> = Vec::new();
    for slice in slices {
        match groups.iter_mut().find(|group| alike(&group[0], &slice)) {
            Some(group) => group.push(slice),
            None => groups.push(vec![slice]),
        }
    }
    groups.into_iter().rev().max_by_key(Vec::len).unwrap_or_default()
}

fn alike(a: &Slice, b: &Slice) -> bool {
    /// About 0.06 degrees.
    const TURN: f64 = 1e-3;
    let near = |x: f64, y: f64| (x - y).abs() <= 1e-3 * x;
    a.size == b.size
        && near(a.spacing_mm[0], b.spacing_mm[0])
        && near(a.spacing_mm[1], b.spacing_mm[1])
        && (a.row - b.row).length() < TURN
        && (a.column - b.column).length() < TURN
}

/// In order along the normal; of slices at one place, the one with the lowest instance number.
fn sorted_without_duplicates(mut slices: Vec<Slice>) -> Vec<Slice> {
    let Some(first) = slices.first() else { return slices };
    let (normal, origin) = (normal(first), first.position);
    let height = |slice: &Slice| (slice.position - origin).dot(normal);
    let key = |slice: &Slice| (height(slice), slice.instance_number);
    slices.sort_by(|a, b| {
        let ((height_a, number_a), (height_b, number_b)) = (key(a), key(b));
        height_a.total_cmp(&height_b).then(number_a.cmp(&number_b))
    });
    slices.dedup_by(|later, kept| {
        let same = (height(later) - height(kept)).abs() < SAME_PLACE_MM;
        if same && later.instance_number < kept.instance_number {
            std::mem::swap(later, kept);
        }
        same
    });
    slices
}

/// The longest stretch in which every step is like the first one of the stretch.
fn longest_even_run(slices: Vec<Slice>) -> Vec<Slice> {
    let steps: Vec<Dir<Patient>> =
        slices.windows(2).map(|pair| pair[1].position - pair[0].position).collect();
    let mut longest = 0..0;
    let mut start = 0;
    for at in 0..steps.len() {
        if !is_like(steps[start], steps[at]) {
            start = at;
        }
        if at + 1 - start > longest.len() {
            longest = start..at + 1;
        }
    }
    // Steps n..m join slices n..=m.
    slices.into_iter().skip(longest.start).take(longest.len() + 1).collect()
}

/// A tenth of a step, or the rounding of positions to tenths of a millimetre, whichever is more;
/// never so much that a missing slice would pass.
fn is_like(first: Dir<Patient>, other: Dir<Patient>) -> bool {
    let step_mm = first.length();
    let tolerance_mm = (0.1 * step_mm).max(0.2_f64.min(0.4 * step_mm));
    (other - first).length() <= tolerance_mm
}

fn mean_step(slices: &[Slice]) -> Dir<Patient> {
    let (first, last) = (&slices[0], &slices[slices.len() - 1]);
    (last.position - first.position) * (1.0 / (slices.len() as f64 - 1.0))
}

fn largest_offset_mm(slices: &[Slice], step: Dir<Patient>) -> f64 {
    let even = |n: usize| slices[0].position + step * n as f64;
    slices.iter().enumerate().map(|(n, s)| s.position.distance(even(n))).fold(0.0, f64::max)
}

fn tilt(slice: &Slice, step: Dir<Patient>) -> Option<Warning> {
    let degrees = normal(slice).angle_to_rad(step).to_degrees();
    (degrees > TOLD_TILT_DEGREES).then_some(Warning::GantryTilt { degrees })
}

/// A tilted gantry shears the grid; the affine map says so exactly.
fn grid(slices: &[Slice], step: Dir<Patient>) -> Result<Grid, crate::volume::grid::GridError> {
    let first = &slices[0];
    let [ni, nj] = first.size;
    let [di, dj] = first.spacing_mm;
    let map = Affine::from_columns(first.row * di, first.column * dj, step, first.position);
    Grid::new([ni, nj, slices.len()], map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Point;
    use std::sync::Arc;

    fn stack(positions: &[[f64; 3]]) -> Vec<Slice> {
        let slice = |(n, p): (usize, &[f64; 3])| Slice {
            file: Arc::default(),
            frame: 0,
            instance_number: n as i64,
            size: [4, 5],
            spacing_mm: [0.5, 0.6],
            row: Dir::X,
            column: Dir::Y,
            position: Point::from(*p),
            rescale: Some((1.0, 0.0)),
        };
        positions.iter().enumerate().map(slice).collect()
    }
    fn axial(heights: &[f64]) -> Vec<Slice> {
        stack(&heights.iter().map(|z| [1.0, 2.0, *z]).collect::<Vec<_>>())
    }
    fn arranged(slices: Vec<Slice>) -> Series {
        arrange(Path::new("x"), slices).expect("a volume")
    }

    #[test]
    fn position_decides_the_order() {
        let series = arranged(axial(&[3.0, -1.0, 1.0]));
        let numbers: Vec<i64> = series.slices.iter().map(|s| s.instance_number).collect();
        assert_eq!(numbers, [1, 2, 0]);
        assert!(series.warnings.is_empty());
        assert_eq!(series.grid.spacing_mm(), [0.5, 0.6, 2.0]);
        assert_eq!(series.grid.centre([0, 0, 0]).to_array(), [1.0, 2.0, -1.0]);
    }

    #[test]
    fn a_missing_slice_keeps_the_longer_side() {
        let series = arranged(axial(&[0.0, 1.0, 2.0, 4.0, 5.0, 6.0, 7.0]));
        assert_eq!(series.warnings, [Warning::UnevenSlices { kept: 4, left_out: 3 }]);
        assert_eq!(series.grid.centre([0, 0, 0]).to_array()[2], 4.0);
    }

    #[test]
    fn repeated_slices_are_dropped_by_number_and_told() {
        let series = arranged(axial(&[0.0, 1.0, 2.0, 1.0]));
        assert_eq!(series.warnings, [Warning::DuplicateSlices { count: 1 }]);
        assert_eq!(series.slices[1].instance_number, 1);
        let same = arrange(Path::new("x"), axial(&[1.0; 5]));
        assert!(matches!(same, Err(IngestError::NoVolume { slices: 1, .. })));
    }

    #[test]
    fn a_scout_among_the_slices_is_left_out() {
        let mut slices = axial(&[0.0, 1.0, 2.0, 3.0]);
        slices[0].row = -Dir::Z;
        let series = arranged(slices);
        assert_eq!(series.warnings, [Warning::OddSlices { count: 1 }]);
    }

    #[test]
    fn a_tilt_shears_the_grid_and_a_crooked_stack_is_refused() {
        let series = arranged(stack(&[[0.0, 0.0, 0.0], [0.0, 1.0, 3.0], [0.0, 2.0, 6.0]]));
        let k = series.grid.patient_from_voxel().dir(Dir::Z);
        assert_eq!(k.to_array(), [0.0, 1.0, 3.0]);
        let Some(Warning::GantryTilt { degrees }) = series.warnings.first() else {
            panic!("no tilt told");
        };
        assert!((degrees - 18.4349).abs() < 1e-3, "{degrees}");
        let crooked: Vec<[f64; 3]> =
            (0..9).map(|n| [0.0, f64::from(n * n) * 0.08, f64::from(n) * 4.0]).collect();
        let refused = arrange(Path::new("x"), stack(&crooked));
        assert!(matches!(refused, Err(IngestError::NoVolume { .. })), "{refused:?}");
    }

    #[test]
    fn positions_rounded_to_a_tenth_are_one_even_series() {
        let heights: Vec<f64> = (0..40).map(|n| (f64::from(n) * 6.25).round() / 10.0).collect();
        assert!(arranged(axial(&heights)).warnings.is_empty());
    }
}
