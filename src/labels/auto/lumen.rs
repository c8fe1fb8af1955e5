//! Vessels, gut and a thecal sac full of contrast, which are as bright as bone and none.
//!
//! In: the working image. Out: the voxels of every lumen. Contrast is even where marrow is not, and
//! has no cortex: on the way out of it everything gets darker, on the way out of marrow brighter.

use super::block::{Block, OUTSIDE_HU};
use super::tissue::Tissue;
use rayon::prelude::*;

/// Voxels along an edge of the cells that are asked whether they are even.
const CELL: usize = 2;
/// Contrast is no brighter, HU; metal and cement are.
const BRIGHTEST_HU: f64 = 700.0;
/// A lumen may be this much darker than what counts as bone, HU: with noise part of it is not.
const UNDER_BONE_HU: f64 = 40.0;
/// Neighbours of a cell in the middle of a lumen are like it, HU.
const EVEN_HU: i32 = 35;
/// What is darker by this is something else, and so is a voxel that is brighter by it, HU.
const OTHER_HU: i32 = 50;
/// Cells that are brighter by this are cortex, HU: where that is thinner than slices are, it is little
/// brighter than marrow. Contrast is evener.
const CORTEX_HU: i32 = 30;
/// A smaller lumen is left as it is, mm³.
const LEAST_MM3: f64 = 800.0;
/// How far out of its middle the end of a lumen is looked for, cells, and then taken in, voxels.
const RIM_CELLS: usize = 6;
const RIM_VOXELS: u8 = 5;
/// Where more of the ways out lead into something brighter first, it is marrow in its cortex. A
/// vessel that lies on a vertebra has that on one side. Measured on a scan of 3 mm and ten changes to it
/// (blurred, turned, resampled, darker), on one of a chest and on phantoms: vertebrae 0.41 and more, cartilage
/// of ribs and vessels 0.16 at most.
const CORTEX_SHARE: f64 = 0.3;

/// The voxels of all lumens. A scan that holds bone alone has none.
pub(super) fn find(image: &Block<i16>, tissue: &Tissue) -> Vec<usize> {
    if tissue.is_bone_only {
        return Vec::new();
    }
    let cells = means(image);
    let least_hu = tissue.bone_hu - UNDER_BONE_HU;
    let is_even: Vec<bool> =
        (0..cells.data.len()).into_par_iter().map(|c| is_even(&cells, c, least_hu)).collect();
    let least = LEAST_MM3 / cells.step_mm.powi(3);
    let mut found =
        Found { image, least_hu: least_hu as i16, is_in: vec![false; image.data.len()] };
    for piece in pieces(&cells, is_even) {
        if piece.len() as f64 >= least && is_lumen(&cells, &piece) {
            found.take(&cells, &piece);
        }
    }
    (0..image.data.len()).filter(|voxel| found.is_in[*voxel]).collect()
}

/// The mean of each cell; [`OUTSIDE_HU`] where the scan does not fill it.
fn means(image: &Block<i16>) -> Block<i16> {
    let size = image.size.map(|n| (n / CELL).max(1));
    let step_mm = image.step_mm * CELL as f64;
    let first = image.first + (step_mm - image.step_mm) / 2.0;
    let cells = Block { size, first, step_mm, data: vec![OUTSIDE_HU; size.iter().product()] };
    let mean = |cell: usize| {
        let own: Vec<i16> = voxels(image, &cells, cell).map(|v| image.data[v]).collect();
        let is_filled = own.iter().all(|hu| *hu > OUTSIDE_HU);
        let sum: i32 = own.iter().map(|hu| i32::from(*hu)).sum();
        if is_filled { (sum / own.len().max(1) as i32) as i16 } else { OUTSIDE_HU }
    };
    let data = (0..cells.data.len()).into_par_iter().map(mean).collect();
    Block { data, ..cells }
}

/// The voxels of a cell.
fn voxels(image: &Block<i16>, cells: &Block<i16>, cell: usize) -> impl Iterator<Item = usize> {
    let first = cells.place(cell).map(|n| n * CELL);
    let size = image.size;
    let [row, slab] = [size[0], size[0] * size[1]];
    (0..CELL.pow(3)).filter_map(move |n| {
        let [i, j, k] = [n % CELL, n / CELL % CELL, n / CELL.pow(2)];
        let at = [first[0] + i, first[1] + j, first[2] + k];
        let is_inside = (0..3).all(|axis| at[axis] < size[axis]);
        is_inside.then(|| at[2] * slab + at[1] * row + at[0])
    })
}

/// Whether a cell is as bright as contrast, and all beside it is like it.
fn is_even(cells: &Block<i16>, cell: usize, least_hu: f64) -> bool {
    let own = cells.data[cell];
    let is_like = |other: usize| {
        let hu = cells.data[other];
        hu == OUTSIDE_HU || (i32::from(hu) - i32::from(own)).abs() <= EVEN_HU
    };
    (least_hu..BRIGHTEST_HU).contains(&f64::from(own)) && cells.neighbours(cell).all(is_like)
}

/// The pieces of cells that hang together.
fn pieces(cells: &Block<i16>, mut is_open: Vec<bool>) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    for start in 0..is_open.len() {
        if !std::mem::take(&mut is_open[start]) {
            continue;
        }
        let (mut piece, mut seen) = (vec![start], 0);
        while let Some(cell) = piece.get(seen).copied() {
            seen += 1;
            let beside =
                cells.neighbours(cell).filter(|other| std::mem::take(&mut is_open[*other]));
            piece.extend(beside);
        }
        found.push(piece);
    }
    found
}

/// Whether most ways out of a piece lead into something darker first.
fn is_lumen(cells: &Block<i16>, piece: &[usize]) -> bool {
    let ways = piece.par_iter().map(|cell| ways_out(cells, *cell));
    let [brighter, darker] = ways.reduce(|| [0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
    f64::from(brighter) <= CORTEX_SHARE * f64::from(brighter + darker)
}

/// How many of the six ways out of a cell lead into something brighter first, and into something
/// darker, before [`RIM_CELLS`] are passed.
fn ways_out(cells: &Block<i16>, cell: usize) -> [u32; 2] {
    let own = i32::from(cells.data[cell]);
    let from = cells.place(cell).map(|n| n as isize);
    let mut ways = [0; 2];
    for (axis, sign) in (0..3).flat_map(|axis| [(axis, -1), (axis, 1)]) {
        let off = (1..=RIM_CELLS as isize).find_map(|far| {
            let mut at = from;
            at[axis] += sign * far;
            let is_inside = at[axis] >= 0 && at[axis] < cells.size[axis] as isize;
            let hu = cells.data[is_inside.then(|| cells.index(at.map(|n| n as usize)))?];
            let more = i32::from(hu) - own;
            (hu > OUTSIDE_HU && !(-OTHER_HU..=CORTEX_HU).contains(&more)).then_some(more)
        });
        match off {
            Some(more) if more > 0 => ways[0] += 1,
            Some(_) => ways[1] += 1,
            None => {}
        }
    }
    ways
}

/// What was found so far.
struct Found<'a> {
    image: &'a Block<i16>,
    least_hu: i16,
    is_in: Vec<bool>,
}

impl Found<'_> {
    /// Takes in a lumen from its middle to its wall: as far as it is bright and gets no brighter.
    fn take(&mut self, cells: &Block<i16>, piece: &[usize]) {
        let mut front: Vec<(usize, i16)> = Vec::new();
        for cell in piece {
            let most = cells.data[*cell].saturating_add(OTHER_HU as i16);
            front.extend(voxels(self.image, cells, *cell).map(|voxel| (voxel, most)));
        }
        front.iter().for_each(|(voxel, _)| self.is_in[*voxel] = true);
        for _ in 0..RIM_VOXELS {
            let mut next = Vec::new();
            for (voxel, most) in front {
                for other in self.image.neighbours(voxel) {
                    let is_lumen = (self.least_hu..=most).contains(&self.image.data[other]);
                    if is_lumen && !std::mem::replace(&mut self.is_in[other], true) {
                        next.push((other, most));
                    }
                }
            }
            front = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;

    const TISSUE: Tissue = Tissue { soft_hu: 50.0, bone_hu: 170.0, is_bone_only: false };

    /// A tube of 18 mm along z with this filling, in a wall of this brightness and 2 mm.
    fn tube(inside_hu: i16, wall_hu: i16) -> Block<i16> {
        let size = [48; 3];
        let mut tube =
            Block { size, first: DVec3::ZERO, step_mm: 1.0, data: vec![50; 48 * 48 * 48] };
        for i in 0..tube.data.len() {
            let far = (tube.point(i) - DVec3::splat(24.0)).truncate().length();
            let noise = (i * 7919 % 31) as i16 - 15;
            tube.data[i] = noise
                + match far {
                    ..9.0 => inside_hu,
                    ..11.0 => wall_hu,
                    _ => 50,
                };
        }
        tube
    }

    #[test]
    fn a_vessel_full_of_contrast_is_found_to_its_wall() {
        let vessel = tube(350, 50);
        let found = find(&vessel, &TISSUE);
        let bright = vessel.data.iter().filter(|hu| **hu > 170).count();
        assert!(found.len() as f64 > 0.99 * bright as f64, "{} of {bright}", found.len());
        assert!(found.iter().all(|voxel| vessel.data[*voxel] > 100));
    }

    #[test]
    fn even_marrow_in_its_cortex_is_no_vessel_and_neither_is_metal_or_muscle() {
        for (inside_hu, wall_hu) in [(250, 700), (200, 400), (150, 210), (1500, 50), (90, 50)] {
            assert!(find(&tube(inside_hu, wall_hu), &TISSUE).is_empty(), "{inside_hu} {wall_hu}");
        }
    }

    #[test]
    fn a_scan_of_bone_alone_has_no_lumen() {
        let tissue = Tissue { is_bone_only: true, ..TISSUE };
        assert!(find(&tube(350, 0), &tissue).is_empty());
    }
}
