//! Pedicles: the bridges between body and arch, beside the canal.
//!
//! In: the bone in its vertebra's frame, and the canal. Out: axis, isthmus, width, height and span.
//!
//! Coronal sections from the body backwards tell where the pedicle is. From there the plane of least
//! section is looked for: its centroid is the isthmus. The axis is the line through the centroids
//! of the sections up to 3 mm before and behind it, found by turns with the isthmus, at right
//! angles to which the section is then taken. What hangs on its outer side by a neck, as the transverse
//! process does at L5, is left out of what is measured ([`Outline::tube`]). Width is the section's extent along
//! the vertebra's left-right direction (made perpendicular to the axis), height its extent across
//! that; the chord is the axis from where it leaves bone behind to where it does in front. Where that
//! axis would leave bone on the way (a pedicle that a process distorts), the nearest direction that
//! does not is taken.

use super::Pedicle;
use super::canal::Canal;
use super::outline::{Outline, across};
use super::solid::Solid;
use crate::space::{Dir, Patient, Point, Rigid, Side, Vertebra};
use glam::{DVec2, DVec3};
use std::f64::consts::TAU;

/// What is larger than this, mm, is no pedicle.
const MOST_SIZE_MM: f64 = 26.0;
/// Rays in a section while looking for it, and in the one that is measured.
const RAYS: usize = 48;
const FINE_RAYS: usize = 240;
/// The longest chord looked for, mm, from the isthmus to one side.
const MOST_CHORD_MM: f64 = 90.0;
/// The span ends where a section is this many times as large as the isthmus.
const OPEN_AREA: f64 = 1.8;
/// The span is looked for this far to both sides of the isthmus, mm.
const MOST_SPAN_MM: f64 = 15.0;
/// The search for the least section starts at these angles towards the midline, degrees.
const START_CONVERGENCE_DEG: [f64; 3] = [0.0, 15.0, 30.0];
/// It may turn the plane this far from there, and move it this far.
const MOST_TILT_DEG: f64 = 25.0;
const MOST_SHIFT_MM: f64 = 6.0;
/// The line through the centroids may correct the least section's own axis by this much, degrees.
const MOST_CORRECTION_DEG: f64 = 9.0;
/// The two are sought by turns at most so often.
const MOST_TURNS: usize = 30;
/// Width of the cells in which coronal sections are looked at, mm.
const CELL_MM: f64 = 1.0;

/// The pedicles of both sides, left first; those that nothing beside the canal looks like are left
/// out. Where one side finds a section that, mirrored, leads the other side to a smaller one than
/// its own search did, that is taken.
pub(super) fn find(solid: &Solid<'_>, canal: &Canal) -> Vec<Pedicle> {
    let own = Side::BOTH.map(|side| least_of_side(solid, canal, side));
    let pairs = Side::BOTH.into_iter().zip([[own[0], own[1]], [own[1], own[0]]]);
    let better = |(side, [own, other]): (Side, [Option<Sized>; 2])| {
        let mirrored = other.and_then(|other| {
            let found = smallest_section(solid, other.line.mirrored())?;
            (found.line.middle.x * side.sign() > 2.0).then_some(found)
        });
        let all = own.into_iter().chain(mirrored);
        let least = all.min_by(|a, b| a.area_mm2.total_cmp(&b.area_mm2))?;
        measured(solid, side, least)
    };
    pairs.filter_map(better).collect()
}

/// The least section that the search from the canal finds on one side.
fn least_of_side(solid: &Solid<'_>, canal: &Canal, side: Side) -> Option<Sized> {
    let coarse = coarse(solid, canal, side)?;
    refine(solid, coarse).filter(|found| is_plausible(&found.line, &coarse, side))
}

fn measured(solid: &Solid<'_>, side: Side, least: Sized) -> Option<Pedicle> {
    let line = along_centroids(solid, least.line, least.area_mm2);
    let (line, _) = tube(solid, line, side);
    let line = Line { axis: through_bone(solid, &line), ..line };
    let (line, [width_mm, height_mm]) = tube(solid, line, side);
    let is_one = width_mm.max(height_mm) <= MOST_SIZE_MM && line.axis.dot(-DVec3::Y) > 0.6;
    is_one.then(|| described(solid, side, line, [width_mm, height_mm], span(solid, &line)))
}

/// The pedicle of a line in the solid's frame.
pub(super) fn described(
    solid: &Solid<'_>,
    side: Side,
    line: Line,
    [width_mm, height_mm]: [f64; 2],
    span_mm: [f64; 2],
) -> Pedicle {
    let frame = solid.frame();
    let [ahead, behind] =
        [line.axis, -line.axis].map(|d| solid.reach(line.middle, d, MOST_CHORD_MM));
    let [transverse_deg, sagittal_deg] = angles_deg(line.axis, side);
    Pedicle {
        side,
        isthmus: frame.point(Point::from_vec(line.middle)),
        axis: frame.dir(Dir::from_vec(line.axis)),
        width_mm,
        height_mm,
        chord_mm: ahead + behind,
        transverse_deg,
        sagittal_deg,
        span_mm,
    }
}

/// Towards the midline and towards the head on the way forward, degrees.
fn angles_deg(axis: DVec3, side: Side) -> [f64; 2] {
    let transverse = (-axis.x * side.sign()).atan2(-axis.y);
    [transverse.to_degrees(), axis.z.atan2(-axis.y).to_degrees()]
}

/// The line's own direction where a wire along it stays in bone; else the nearest one, by steps of
/// 3 degrees, of which that is true. Its own again where there is none.
fn through_bone(solid: &Solid<'_>, line: &Line) -> DVec3 {
    const STEP_DEG: f64 = 3.0;
    const STEPS: usize = 6;
    const AROUND: usize = 16;
    let [u, v] = across(line.axis);
    let tilted = (0..STEPS * AROUND).map(|n| {
        let tilt = (STEP_DEG * (n / AROUND + 1) as f64).to_radians().tan();
        let (sin, cos) = (TAU * (n % AROUND) as f64 / AROUND as f64).sin_cos();
        (line.axis + (u * cos + v * sin) * tilt).normalize()
    });
    let mut all = std::iter::once(line.axis).chain(tilted);
    all.find(|axis| is_wire_in_bone(solid, line.middle, *axis)).unwrap_or(line.axis)
}

/// True when a thin wire through `middle` goes on in bone for as long ahead as a screw needs to
/// stand in the body, and meets no other part of the vertebra behind where it leaves the arch.
fn is_wire_in_bone(solid: &Solid<'_>, middle: DVec3, axis: DVec3) -> bool {
    const RADIUS_MM: f64 = 0.7;
    const AHEAD_MM: f64 = 14.0;
    const BEHIND_MM: f64 = 60.0;
    let [u, v] = across(axis);
    let around = (0..8).map(|n| {
        let (sin, cos) = (TAU * f64::from(n) / 8.0).sin_cos();
        (u * cos + v * sin) * RADIUS_MM
    });
    std::iter::once(DVec3::ZERO).chain(around).all(|off| {
        let from = middle + off;
        let back = solid.reach(from, -axis, BEHIND_MM);
        let beyond = from - axis * (back + 0.2);
        solid.is_inside(from)
            && solid.reach(from, axis, AHEAD_MM) >= AHEAD_MM
            && solid.reach(beyond, -axis, BEHIND_MM) >= BEHIND_MM
    })
}

/// The line moved to the middle of the section's tube, and that tube's width and height.
fn tube(solid: &Solid<'_>, line: Line, side: Side) -> (Line, [f64; 2]) {
    let cut = |middle: DVec3| Outline::of(solid, middle, line.axis, FINE_RAYS).tube(side);
    let first = cut(line.middle);
    if !first.was_cut() {
        return (line, first.extents_mm());
    }
    // Seen from its own middle the root of a process is cut off where it begins.
    let middle = first.centroid();
    let again = cut(middle);
    (Line { middle, ..line }, again.extents_mm())
}

/// The same pedicle measured along the axes of another frame of its vertebra.
pub(super) fn resized(
    pedicle: &Pedicle,
    solid: &Solid<'_>,
    frame: Rigid<Patient, Vertebra>,
) -> Pedicle {
    let solid = solid.seen_from(frame);
    let local = frame.inverse();
    let (middle, axis) = (local.point(pedicle.isthmus).vec(), local.dir(pedicle.axis).vec());
    let [width_mm, height_mm] =
        Outline::of(&solid, middle, axis, FINE_RAYS).tube(pedicle.side).extents_mm();
    let [transverse_deg, sagittal_deg] = angles_deg(axis, pedicle.side);
    Pedicle { width_mm, height_mm, transverse_deg, sagittal_deg, ..*pedicle }
}

/// A point on a pedicle's axis and the unit axis, back to front.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub middle: DVec3,
    pub axis: DVec3,
}

impl Line {
    /// The same on the other side of the vertebra.
    fn mirrored(self) -> Self {
        let flip = DVec3::new(-1.0, 1.0, 1.0);
        Self { middle: self.middle * flip, axis: self.axis * flip }
    }
}

/// A line and the area of the section at its point.
#[derive(Clone, Copy, Debug)]
struct Sized {
    line: Line,
    area_mm2: f64,
}

/// Refining may move the isthmus and turn the axis, but not onto another part of the bone.
fn is_plausible(line: &Line, coarse: &Line, side: Side) -> bool {
    line.middle.distance(coarse.middle) < 8.0
        && line.axis.dot(-DVec3::Y) > 0.6
        && line.middle.x * side.sign() > 2.0
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
fn smallest_section(solid: &Solid<'_>, start: Line) -> Option<Sized> {
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

/// The axis through the centroids of the sections up to 3 mm before and behind the isthmus, found
/// by turns with the isthmus, in damped steps. Sections that open into body or arch do not count;
/// where too few are closed, or the axis turns far, the least section's own axis stays.
fn along_centroids(solid: &Solid<'_>, least: Line, area_mm2: f64) -> Line {
    let mut line = least;
    for _ in 0..MOST_TURNS {
        let before = line;
        let (mut slope, mut weight) = (DVec3::ZERO, 0.0);
        for n in [-6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6] {
            let t = f64::from(n) * 0.5;
            let here = section(solid, line.middle + line.axis * t, line.axis);
            if here.area_mm2() < OPEN_AREA * area_mm2 {
                slope += (here.centroid() - line.middle) * t;
                weight += t * t;
            }
        }
        if weight < 8.0 {
            break;
        }
        let wanted = (slope / weight).normalize_or(line.axis);
        line.axis = (line.axis + (wanted - line.axis) * 0.4).normalize();
        line.middle += line.axis * to_least(solid, &line);
        line.middle = section(solid, line.middle, line.axis).centroid();
        if before.axis.distance(line.axis) < 1e-3 && before.middle.distance(line.middle) < 0.02 {
            break;
        }
    }
    let here = section(solid, line.middle, line.axis).area_mm2();
    let has_left = here > 1.15 * area_mm2
        || line.middle.distance(least.middle) > 2.0
        || line.axis.angle_between(least.axis) > MOST_CORRECTION_DEG.to_radians();
    if has_left { least } else { line }
}

/// How far along the axis the section is least, from the parabola through three of them half a
/// millimetre apart; a short step at a time.
fn to_least(solid: &Solid<'_>, line: &Line) -> f64 {
    const APART_MM: f64 = 0.5;
    const MOST_STEP_MM: f64 = 0.3;
    let area = |t: f64| section(solid, line.middle + line.axis * t, line.axis).area_mm2();
    let [behind, here, ahead] = [-APART_MM, 0.0, APART_MM].map(area);
    let bend = ahead - 2.0 * here + behind;
    let step = if bend > 1e-9 { 0.5 * APART_MM * (behind - ahead) / bend } else { 0.0 };
    step.clamp(-MOST_STEP_MM, MOST_STEP_MM)
}

/// The section through `centre`.
fn section(solid: &Solid<'_>, centre: DVec3, axis: DVec3) -> Outline {
    Outline::of(solid, centre, axis, RAYS)
}

/// How far behind (negative) and ahead of the isthmus the section stays closed and of its size.
fn span(solid: &Solid<'_>, line: &Line) -> [f64; 2] {
    const STEP_MM: f64 = 0.5;
    let most_mm2 = OPEN_AREA * section(solid, line.middle, line.axis).area_mm2();
    let is_closed = |t: f64| {
        let centre = line.middle + line.axis * t;
        let here = section(solid, centre, line.axis);
        solid.is_inside(centre) && here.area_mm2() <= most_mm2 && !here.is_open()
    };
    let end = |sense: f64| {
        let steps = (MOST_SPAN_MM / STEP_MM) as usize;
        let open = (1..=steps).find(|n| !is_closed(sense * *n as f64 * STEP_MM));
        sense * STEP_MM * (open.unwrap_or(steps + 1) - 1) as f64
    };
    [end(-1.0), end(1.0)]
}
