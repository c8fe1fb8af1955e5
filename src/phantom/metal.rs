//! Old screws and rods in the image, and the streaks that metal throws.
//!
//! Streaks come from what a scanner gets wrong: rays through metal are hardened and starved, so
//! that the measured sum along a ray falls short, the more so the more metal it crosses. That
//! shortfall is projected back like any other data. In: where the metal lies in each slice. Out:
//! the HU it adds to the slice.

use super::noise::gauss;
use super::soft::Form;
use crate::labels::Level;
use crate::space::Side;
use crate::volume::Volume;
use crate::work::{Cancelled, Work};
use glam::DVec2;
use ndarray::parallel::prelude::*;
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use std::f64::consts::PI;

/// A screw from an earlier operation, along its pedicle's planned axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OldScrew {
    /// Where it sits.
    pub level: Level,
    /// On which side.
    pub side: Side,
    /// Thread diameter, mm.
    pub diameter_mm: f64,
    /// From head to tip, mm.
    pub length_mm: f64,
}

/// One piece of metal.
#[derive(Clone, Debug)]
pub(super) struct Metal {
    pub(super) hu: f64,
    pub(super) form: Form,
}

/// HU that titanium reads, before it is clipped.
pub(super) const TITANIUM_HU: f64 = 6500.0;
/// Angles and width of a bin, mm, of the projections.
const ANGLES: usize = 300;
const BIN_MM: f64 = 1.0;
/// Metal along a ray from which the shortfall grows no more than the path, mm.
const SATURATION_MM: f64 = 14.0;
/// HU times mm that a mm of saturated path falls short.
const SHORTFALL_HU: f64 = 1700.0;
/// Deviation of the starved rays' noise, as a share of the shortfall.
const STARVED_NOISE: f64 = 0.05;

/// Adds the streaks of every slice that has metal in it. Each slice is made by itself, so the bytes
/// do not depend on the number of threads.
pub(super) fn add_streaks(
    ct: &mut Volume<i16>,
    structures: &Volume<u16>,
    metal: u16,
    work: &Work,
) -> Result<(), Cancelled> {
    let [si, sj, _] = ct.grid().spacing_mm();
    let slices = ct.data_mut().axis_iter_mut(Axis(0)).into_par_iter();
    let marks = structures.data().axis_iter(Axis(0)).into_par_iter();
    slices.zip(marks).enumerate().try_for_each(|(k, (mut slice, marks))| {
        work.step("streaks", 0.5)?;
        streak(&mut slice, &marks, metal, [si, sj], k as u64);
        Ok(())
    })
}

fn streak(
    slice: &mut ArrayViewMut2<'_, i16>,
    marks: &ArrayView2<'_, u16>,
    metal: u16,
    [si, sj]: [f64; 2],
    seed: u64,
) {
    let (nj, ni) = slice.dim();
    let middle = DVec2::new(ni as f64 * si, nj as f64 * sj) / 2.0;
    let place =
        |j: usize, i: usize| DVec2::new((i as f64 + 0.5) * si, (j as f64 + 0.5) * sj) - middle;
    let points: Vec<DVec2> = marks
        .indexed_iter()
        .filter(|(_, mark)| **mark == metal)
        .map(|((j, i), _)| place(j, i))
        .collect();
    if points.is_empty() {
        return;
    }
    let bins = (2.0 * middle.length() / BIN_MM).ceil() as usize + 3;
    let filtered: Vec<Vec<f64>> = (0..ANGLES)
        .map(|n| {
            let path = project(&points, n, bins, si * sj / BIN_MM);
            let wrong: Vec<f64> = path
                .iter()
                .enumerate()
                .map(|(bin, mm)| shortfall(*mm, seed ^ ((n * bins + bin) as u64) << 20))
                .collect();
            ramp(&wrong)
        })
        .collect();
    back_project(slice, &filtered, place, bins);
}

/// Metal along each ray at one angle, mm: every pixel's area is shared between two bins.
fn project(points: &[DVec2], angle: usize, bins: usize, per_pixel_mm: f64) -> Vec<f64> {
    let across = DVec2::from_angle(PI * angle as f64 / ANGLES as f64);
    let mut path = vec![0.0; bins];
    for p in points {
        let t = p.dot(across) / BIN_MM + bins as f64 / 2.0;
        let (low, share) = (t as usize, t.fract());
        path[low] += per_pixel_mm * (1.0 - share);
        path[low + 1] += per_pixel_mm * share;
    }
    path
}

/// By how much a ray's sum falls short, HU mm.
fn shortfall(path_mm: f64, seed: u64) -> f64 {
    if path_mm <= 0.0 {
        return 0.0;
    }
    let short = SHORTFALL_HU * path_mm * path_mm / (path_mm + SATURATION_MM);
    short * (1.0 + STARVED_NOISE * gauss(seed))
}

/// The ramp filter of filtered back-projection, in space (Ramachandran and Lakshminarayanan 1971).
fn ramp(values: &[f64]) -> Vec<f64> {
    let felt: Vec<(usize, f64)> =
        values.iter().copied().enumerate().filter(|(_, v)| *v != 0.0).collect();
    let kernel = |d: usize| match d {
        0 => 0.25,
        d if d % 2 == 1 => -1.0 / (PI * d as f64).powi(2),
        _ => 0.0,
    };
    let at = |n: usize| felt.iter().map(|(m, v)| v * kernel(n.abs_diff(*m))).sum::<f64>() / BIN_MM;
    (0..values.len()).map(at).collect()
}

/// Takes the filtered shortfall away from every pixel.
fn back_project(
    slice: &mut ArrayViewMut2<'_, i16>,
    filtered: &[Vec<f64>],
    place: impl Fn(usize, usize) -> DVec2,
    bins: usize,
) {
    let across: Vec<DVec2> =
        (0..ANGLES).map(|n| DVec2::from_angle(PI * n as f64 / ANGLES as f64)).collect();
    for ((j, i), hu) in slice.indexed_iter_mut() {
        let p = place(j, i);
        let mut sum = 0.0;
        for (row, direction) in filtered.iter().zip(&across) {
            let t = p.dot(*direction) / BIN_MM + bins as f64 / 2.0;
            let (low, share) = (t as usize, t.fract());
            sum += row[low] * (1.0 - share) + row[low + 1] * share;
        }
        let changed = f64::from(*hu) - sum * PI / ANGLES as f64;
        *hu = changed.round().clamp(-1024.0, 3071.0) as i16;
    }
}
