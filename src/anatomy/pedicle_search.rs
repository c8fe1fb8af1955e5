//! Where the pedicle is: the narrow bridge from the body to the arch, and its least section.
//!
//! In: the bone in its vertebra's frame, and the canal. Out: the plane of least section, seen from
//! its centroid. Coronal sections from the body backwards give the start.

use super::canal::Canal;
use super::outline::across;
use super::pedicle::{Line, Sized, section};
use super::solid::Solid;
use crate::space::Side;
use glam::{DVec2, DVec3};

/// The search for the least section starts at these angles towards the midline, degrees.
const START_CONVERGENCE_DEG: [f64; 3] = [0.0, 15.0, 30.0];
/// It may turn the plane this far from there, and move it this far.
const MOST_TILT_DEG: f64 = 25.0;
const MOST_SHIFT_MM: f64 = 6.0;
/// Width of the cells in which coronal sections are looked at, mm.
const CELL_MM: f64 = 1.0;

/// Refining may move the isthmus and turn the axis, but not onto another part of the bone.
fn is_plausible(line: &Line, coarse: &Line, side: Side) -> bool {
    line.middle.distance(coarse.middle) < 8.0
        && line.axis.dot(-DVec3::Y) > 0.6
        && line.middle.x * side.sign() > 2.0
}

/// The least section on one side and the line that the coronal sections gave; `None` where nothing
/// beside the canal looks like a pedicle.
pub(super) fn least_of_side(solid: &Solid<'_>, canal: &Canal, side: Side) -> Option<(Sized, Line)> {
    let coarse = coarse(solid, canal, side)?;
    let least = refine(solid, coarse).filter(|found| is_plausible(&found.line, &coarse, side))?;
    Some((least, coarse))
}

/// One coronal section: what of it belongs to the pedicle.
#[derive(Clone, Copy, Debug)]
struct Slice {
    y: f64,
    centroid: DVec2,
    area_mm2: f64,
}

/// Follows the pedicle from the body backwards through coronal sections; the smallest is the
/// start of the search, its neighbours give the axis.
fn coarse(solid: &Solid<'_>, canal: &Canal, side: Side) -> Option<Line> {
    let (origin, _) = canal.line_in(solid.frame());
    let first = origin.y - canal.to_front_mm - 4.0;
    let steps = ((canal.to_front_mm + canal.to_back_mm) / CELL_MM) as usize + 8;
    let mut slices: Vec<Slice> = Vec::new();
    for n in 0..steps {
        let near = slices.last().map_or(
            DVec2::new((origin.x.abs() + canal.half_width_mm + 4.0) * side.sign(), 4.0),
            |held| held.centroid,
        );
        let found = bridge(solid, side, origin.x, first + n as f64 * CELL_MM, near);
        let least = slices.iter().map(|s| s.area_mm2).fold(f64::INFINITY, f64::min);
        match found {
            Some(slice) if slice.area_mm2 <= 2.5 * least => slices.push(slice),
            // Before the first one the body is still in the section, after it the pedicle is over.
            _ if slices.is_empty() => {}
            _ => break,
        }
    }
    // Behind the canal's middle a narrow place is one of the arch.
    let before = slices.iter().filter(|s| s.y <= origin.y);
    let least = before.min_by(|a, b| a.area_mm2.total_cmp(&b.area_mm2))?;
    let near: Vec<&Slice> = slices.iter().filter(|s| (s.y - least.y).abs() <= 3.0).collect();
    let place = |s: &Slice| DVec3::new(s.centroid.x, s.y, s.centroid.y);
    let (front, back) = (near.first()?, near.last()?);
    let axis = (place(front) - place(back)).try_normalize().unwrap_or(-DVec3::Y);
    Some(Line { middle: place(least), axis })
}

/// The patch of bone in the coronal plane at `y` that lies nearest to `near` (x, z) without
/// reaching the midline; `None` where the nearest one does.
fn bridge(solid: &Solid<'_>, side: Side, midline: f64, y: f64, near: DVec2) -> Option<Slice> {
    const WIDE: usize = 36;
    const TALL: usize = 60;
    let place = |x: usize, z: usize| {
        DVec2::new(
            midline + side.sign() * (x as f64 * CELL_MM),
            (z as f64 - TALL as f64 / 2.0) * CELL_MM,
        )
    };
    let mut is_open = vec![false; WIDE * TALL];
    for (cell, slot) in is_open.iter_mut().enumerate() {
        let p = place(cell % WIDE, cell / WIDE);
        *slot = solid.is_inside(DVec3::new(p.x, y, p.y));
    }
    let mut best: Option<(f64, Vec<usize>)> = None;
    for start in 0..is_open.len() {
        let patch = take_patch(&mut is_open, WIDE, start);
        let nearest = patch
            .iter()
            .map(|cell| place(cell % WIDE, cell / WIDE).distance(near))
            .fold(f64::INFINITY, f64::min);
        if patch.len() >= 6 && best.as_ref().is_none_or(|(held, _)| nearest < *held) {
            best = Some((nearest, patch));
        }
    }
    let (_, patch) = best.filter(|(nearest, _)| *nearest < 8.0)?;
    if patch.iter().any(|cell| cell % WIDE <= 2) {
        return None;
    }
    let sum: DVec2 = patch.iter().map(|cell| place(cell % WIDE, cell / WIDE)).sum();
    let area_mm2 = patch.len() as f64 * CELL_MM * CELL_MM;
    Some(Slice { y, centroid: sum / patch.len() as f64, area_mm2 })
}

/// Takes the patch that holds `start` out of the open cells; empty when it is not open.
fn take_patch(is_open: &mut [bool], wide: usize, start: usize) -> Vec<usize> {
    let mut patch = Vec::new();
    let mut waiting = vec![start];
    while let Some(cell) = waiting.pop() {
        if !std::mem::take(&mut is_open[cell]) {
            continue;
        }
        patch.push(cell);
        let x = cell % wide;
        let beside = [(x > 0).then(|| cell - 1), (x + 1 < wide).then_some(cell + 1)];
        let above = [cell.checked_sub(wide), Some(cell + wide).filter(|c| *c < is_open.len())];
        waiting.extend(beside.into_iter().chain(above).flatten());
    }
    patch
}

/// The plane of least section near `start`, by a pattern search over its place along the axis and
/// its two tilts.
fn refine(solid: &Solid<'_>, start: Line) -> Option<Sized> {
    let searches = START_CONVERGENCE_DEG.map(|degrees| {
        let side = start.middle.x.signum();
        let (sin, cos) = degrees.to_radians().sin_cos();
        smallest_section(
            solid,
            Line { middle: start.middle, axis: DVec3::new(-side * sin, -cos, 0.0) },
        )
    });
    searches.into_iter().flatten().min_by(|a, b| a.area_mm2.total_cmp(&b.area_mm2))
}

/// Tilts the plane and moves it along its axis for as long as the section shrinks. The section is
/// seen from its own centroid, so that a point at the edge does not see too little of it.
pub(super) fn smallest_section(solid: &Solid<'_>, start: Line) -> Option<Sized> {
    let area = |line: &Line| {
        let centre = section(solid, line.middle, line.axis).centroid();
        let is_near = centre.distance(start.middle) < MOST_SHIFT_MM && solid.is_inside(centre);
        let is_forward = line.axis.angle_between(start.axis) < MOST_TILT_DEG.to_radians();
        (is_near && is_forward).then(|| Sized {
            line: Line { middle: centre, axis: line.axis },
            area_mm2: section(solid, centre, line.axis).area_mm2(),
        })
    };
    let mut best = area(&start)?;
    let mut step = 1.0_f64;
    while step > 0.1 {
        let line = best.line;
        let [u, v] = across(line.axis);
        let tilt = (8.0 * step).to_radians().tan();
        let tries = [
            (line.axis * step, DVec3::ZERO),
            (-line.axis * step, DVec3::ZERO),
            (DVec3::ZERO, u * tilt),
            (DVec3::ZERO, -u * tilt),
            (DVec3::ZERO, v * tilt),
            (DVec3::ZERO, -v * tilt),
        ];
        let moved = tries.map(|(shift, turn)| Line {
            middle: line.middle + shift,
            axis: (line.axis + turn).normalize(),
        });
        let next = moved.iter().filter_map(area).min_by(|a, b| a.area_mm2.total_cmp(&b.area_mm2));
        match next.filter(|next| next.area_mm2 < best.area_mm2 * 0.9995) {
            Some(next) => best = next,
            None => step /= 2.0,
        }
    }
    Some(best)
}
