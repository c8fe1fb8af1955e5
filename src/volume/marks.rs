//! Marks on voxels.

use ndarray::parallel::prelude::*;
use ndarray::{Array3, ArrayViewMut1, Axis};

/// Marks what lies within so many voxels of a marked one along i, j and k.
pub fn widen(marks: &mut Array3<bool>, [i, j, k]: [usize; 3]) {
    marks.axis_iter_mut(Axis(0)).into_par_iter().for_each(|mut slab| {
        for mut row in slab.outer_iter_mut() {
            hand_on_within(row.iter_mut(), i);
            hand_on_within(row.iter_mut().rev(), i);
        }
    });
    // Row by row: a voxel at a time takes many times as long.
    for (across, by) in [(Axis(0), j), (Axis(1), k)] {
        marks.axis_iter_mut(across).into_par_iter().for_each(|mut plane| {
            hand_on(plane.outer_iter_mut(), by);
            hand_on(plane.outer_iter_mut().rev(), by);
        });
    }
}

/// Marks so many behind each that is marked.
fn hand_on_within<'a>(row: impl Iterator<Item = &'a mut bool>, by: usize) {
    let mut left = 0;
    for mark in row {
        left = if *mark { by + 1 } else { usize::saturating_sub(left, 1) };
        *mark = left > 0;
    }
}

/// The same of rows, so many behind each.
fn hand_on<'a>(rows: impl Iterator<Item = ArrayViewMut1<'a, bool>>, by: usize) {
    let most = u16::try_from(by).map_or(u16::MAX, |by| by.saturating_add(1));
    let mut left: Vec<u16> = Vec::new();
    for mut row in rows {
        left.resize(row.len(), 0);
        for (mark, left) in row.iter_mut().zip(&mut left) {
            *left = if *mark { most } else { left.saturating_sub(1) };
            *mark = *left > 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_grows_by_so_many_voxels_along_each_axis() {
        let mut marks = Array3::from_elem([9, 8, 7], false);
        marks[[4, 5, 1]] = true;
        marks[[4, 5, 3]] = true;
        widen(&mut marks, [1, 2, 3]);
        let wanted = |[k, j, i]: [usize; 3]| (1..=7).contains(&k) && (3..=7).contains(&j) && i <= 4;
        assert!(marks.indexed_iter().all(|((k, j, i), mark)| *mark == wanted([k, j, i])));
    }
}
