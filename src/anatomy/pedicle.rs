//! Pedicles: the bridges between body and arch, beside the canal.
//!
//! In: the bone in its vertebra's frame, and the canal. Out: axis, isthmus, width, height and span.
//!
//! The plane of least section is looked for beside the canal ([`super::pedicle_search`]), and from
//! there isthmus and axis by turns ([`super::pedicle_axis`]): the isthmus is the section across the
//! axis in the middle of the narrow stretch (in a pedicle that is a tube the least one may lie
//! anywhere); the axis is the line through the centroids of the sections up to 5 mm before and behind
//! it, in pairs; a section counts in full for both up to 1.2 times the isthmus' area and not at all
//! from 1.5 times; all of them are looked at through the isthmus' own outline, grown 1.4 times
//! ([`super::tube`]). What hangs on its outer side by a neck, as the transverse process does at L5, is
//! left out of what is measured ([`Outline::tube`]). Width is the section's extent along the
//! vertebra's left-right direction (made perpendicular to the axis), height its extent across that;
//! the least extent is that in any direction. Where the outline bends more sharply than the surface can
//! follow, it is read off the CT ([`super::sharp_end`]).
//! The chord is the length in bone along the axis, from the back of the arch to the front of the
//! body: the mean over a pencil of lines as thick as a drill, since a single line may graze the
//! lamina's edge.

use super::Pedicle;
use super::canal::Canal;
use super::outline::{Outline, across};
use super::pedicle_axis::{is_wire_in_bone, of_bridge, of_tube, through_bone};
use super::pedicle_search::{least_of_side, smallest_section};
use super::sharp_end::sharpened;
use super::solid::Solid;
use crate::space::{Dir, Patient, Point, Rigid, Side, Vertebra};
use crate::volume::Volume;
use glam::DVec3;
use std::f64::consts::TAU;

/// The widest pedicle of the series in the literature, at L5, mm (clinical-numbers, section 3). What is
/// larger across even where it is least is no pedicle.
pub(super) const WIDEST_KNOWN_MM: f64 = 21.6;
/// Nor is what is larger in some direction, mm: an oblique oval is wide without being so for a screw.
const MOST_SIZE_MM: f64 = 30.0;
/// No pedicle leads further outwards or inwards than this on its way forward, degrees: T12 turns out
/// by 10 at most, L5 inwards by 30 on average (clinical-numbers, section 3).
const CONVERGENCE_DEG: [f64; 2] = [-15.0, 37.0];
/// Nor as steeply up or down as this, degrees: our own choice, far beyond any known.
const MOST_SLOPE_DEG: f64 = 53.0;
/// Rays in a section while looking for it, and in the one that is measured.
pub(super) const RAYS: usize = 48;
const FINE_RAYS: usize = 240;
/// The longest chord looked for, mm, from the isthmus to one side.
const MOST_CHORD_MM: f64 = 90.0;
/// The chord is the mean over lines up to this far from the axis, mm, and up to this share of the
/// isthmus' width; and how many they are besides the axis.
const PENCIL_MM: f64 = 2.0;
const PENCIL_SHARE: f64 = 1.0 / 3.0;
const PENCIL_LINES: usize = 24;
/// The span ends where a section is this many times as large as the isthmus.
pub(super) const OPEN_AREA: f64 = 1.8;
/// The span is looked for this far to both sides of the isthmus, mm.
const MOST_SPAN_MM: f64 = 15.0;
/// A section is no isthmus of a tube unless those this near on both sides are closed, mm.
pub(super) const LEAST_SPAN_MM: f64 = 1.0;

/// What was found on one side: the least section, and the isthmus where the pedicle is a tube.
#[derive(Clone, Copy, Debug)]
struct Found {
    least: Sized,
    tube: Option<Sized>,
}

/// The pedicles of both sides, left first; those that nothing beside the canal looks like are left
/// out. Where one side finds a section that, mirrored, leads the other side to a smaller one than
/// its own search did, that is taken.
pub(super) fn find(solid: &Solid<'_>, canal: &Canal) -> Vec<Pedicle> {
    let own = on_both_sides(|side| {
        let (least, coarse) = least_of_side(solid, canal, side)?;
        Some(Found { least, tube: of_tube(solid, &[least.line, coarse], &least) })
    });
    let better = |side: Side| {
        let [left, right] = own;
        let (own, other) = if side == Side::Left { (left, right) } else { (right, left) };
        let mirrored = other.and_then(|other| mirrored(solid, side, &other));
        let both = || own.into_iter().chain(mirrored);
        let tube = smallest(both().filter_map(|found| found.tube));
        let as_tube = tube.and_then(|tube| measured(solid, side, tube.line, true));
        // A screw must be able to follow the axis: where a wire along that of a tube leaves the
        // bone, or a process makes it wider than any known, what is closed beside the least section
        // may do better.
        let is_sound = |line: &Line| is_wire_in_bone(solid, line.middle, line.axis);
        let is_known = |pedicle: &Pedicle| pedicle.width_mm <= WIDEST_KNOWN_MM;
        if let Some((_, pedicle)) = as_tube.filter(|(line, p)| is_sound(line) && is_known(p)) {
            return Some(pedicle);
        }
        let least = smallest(both().map(|found| found.least));
        let bridge = least.and_then(|l| measured(solid, side, of_bridge(solid, l), false));
        let sound = bridge.filter(|(line, _)| is_sound(line));
        sound.or(as_tube).or(bridge).map(|(_, pedicle)| pedicle)
    };
    on_both_sides(better).into_iter().flatten().collect()
}

/// What is asked of the left and of the right, at the same time: a mended vertebra is waited for.
fn on_both_sides<T: Send>(of: impl Fn(Side) -> Option<T> + Sync) -> [Option<T>; 2] {
    let (left, right) = rayon::join(|| of(Side::Left), || of(Side::Right));
    [left, right]
}

/// What the other side's pedicle leads to on this one.
fn mirrored(solid: &Solid<'_>, side: Side, other: &Found) -> Option<Found> {
    let start = other.tube.unwrap_or(other.least).line.mirrored();
    let least = smallest_section(solid, start)?;
    let is_here = |found: &Sized| found.line.middle.x * side.sign() > 2.0;
    let tube = of_tube(solid, &[least.line], &least).filter(is_here);
    is_here(&least).then_some(Found { least, tube })
}

fn smallest(all: impl Iterator<Item = Sized>) -> Option<Sized> {
    all.min_by(|a, b| a.area_mm2.total_cmp(&b.area_mm2))
}

/// The pedicle along a line, with the line as it was turned; `None` where it is none. One that is no tube, or that a process hangs
/// on, is turned so that its axis stays in bone.
fn measured(solid: &Solid<'_>, side: Side, found: Line, is_tube: bool) -> Option<(Line, Pedicle)> {
    let (line, _) = tube(solid, found, side);
    let has_process = line.middle.distance(found.middle) > 1e-9;
    let line = Line { axis: through_bone(solid, &line, has_process || !is_tube), ..line };
    let (line, sizes_mm) = tube(solid, line, side);
    let [width_mm, height_mm, least_mm] = sizes_mm;
    let is_one = least_mm <= WIDEST_KNOWN_MM
        && width_mm.max(height_mm) <= MOST_SIZE_MM
        && is_led_forward(angles_deg(line.axis, side));
    let span_mm = span(solid, &line);
    let is_closed = !is_tube || span_mm[1] - span_mm[0] >= LEAST_SPAN_MM;
    (is_one && is_closed).then(|| (line, described(solid, side, line, sizes_mm, span_mm)))
}

/// The pedicle of a line in the solid's frame.
pub(super) fn described(
    solid: &Solid<'_>,
    side: Side,
    line: Line,
    [width_mm, height_mm, least_mm]: [f64; 3],
    span_mm: [f64; 2],
) -> Pedicle {
    let frame = solid.frame();
    let chord_mm = pencil_mm(solid, &line, width_mm);
    let [transverse_deg, sagittal_deg] = angles_deg(line.axis, side);
    Pedicle {
        side,
        isthmus: frame.point(Point::from_vec(line.middle)),
        axis: frame.dir(Dir::from_vec(line.axis)),
        width_mm,
        height_mm,
        least_mm,
        chord_mm,
        transverse_deg,
        sagittal_deg,
        span_mm,
    }
}

/// Mean length in bone of the axis and of the lines beside it, evenly spread at two thirds of and
/// at the pencil's radius, which a narrow pedicle makes less, so that all of them pass it.
fn pencil_mm(solid: &Solid<'_>, line: &Line, width_mm: f64) -> f64 {
    let radius = PENCIL_MM.min(width_mm * PENCIL_SHARE);
    let [u, v] = across(line.axis);
    let beside = (0..PENCIL_LINES).map(|n| {
        let (sin, cos) = (TAU * n as f64 / PENCIL_LINES as f64).sin_cos();
        let share = if n % 2 == 0 { 1.0 } else { 2.0 / 3.0 };
        line.middle + (u * cos + v * sin) * (radius * share)
    });
    let reach = |from: DVec3, d: DVec3| solid.reach(from, d, MOST_CHORD_MM);
    let length = |from: DVec3| reach(from, line.axis) + reach(from, -line.axis);
    let all = beside.chain(std::iter::once(line.middle)).map(length);
    all.sum::<f64>() / (PENCIL_LINES + 1) as f64
}

/// True for an axis that leads forward as some pedicle does; of its angles.
pub(super) fn is_led_forward([transverse_deg, sagittal_deg]: [f64; 2]) -> bool {
    (CONVERGENCE_DEG[0]..CONVERGENCE_DEG[1]).contains(&transverse_deg)
        && sagittal_deg.abs() < MOST_SLOPE_DEG
}

/// Towards the midline and towards the head on the way forward, degrees.
fn angles_deg(axis: DVec3, side: Side) -> [f64; 2] {
    let transverse = (-axis.x * side.sign()).atan2(-axis.y);
    [transverse.to_degrees(), axis.z.atan2(-axis.y).to_degrees()]
}

/// The line moved to the middle of the section's tube, and that tube's width, height and least extent.
fn tube(solid: &Solid<'_>, line: Line, side: Side) -> (Line, [f64; 3]) {
    let cut = |middle: DVec3| Outline::of(solid, middle, line.axis, FINE_RAYS).tube(side);
    let first = cut(line.middle);
    if !first.was_cut() {
        return (line, first.sizes_mm());
    }
    // Seen from its own middle the root of a process is cut off where it begins.
    let middle = first.centroid();
    let again = cut(middle);
    (Line { middle, ..line }, again.sizes_mm())
}

/// The same pedicle measured along the axes of another frame of its vertebra, and where there is a CT
/// with the sharp ends of its section read off that.
pub(super) fn resized(
    pedicle: &Pedicle,
    solid: &Solid<'_>,
    frame: Rigid<Patient, Vertebra>,
    ct: Option<&Volume<i16>>,
) -> Pedicle {
    let solid = solid.seen_from(frame);
    let local = frame.inverse();
    let (middle, axis) = (local.point(pedicle.isthmus).vec(), local.dir(pedicle.axis).vec());
    let outline = Outline::of(&solid, middle, axis, FINE_RAYS);
    let outline = match ct {
        Some(ct) => sharpened(outline, &solid, axis, ct),
        None => outline,
    };
    let [width_mm, height_mm, least_mm] = outline.tube(pedicle.side).sizes_mm();
    let [transverse_deg, sagittal_deg] = angles_deg(axis, pedicle.side);
    Pedicle { width_mm, height_mm, least_mm, transverse_deg, sagittal_deg, ..*pedicle }
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
pub(super) struct Sized {
    pub line: Line,
    pub area_mm2: f64,
}

/// The section through `centre`.
pub(super) fn section(solid: &Solid<'_>, centre: DVec3, axis: DVec3) -> Outline {
    Outline::of(solid, centre, axis, RAYS)
}

/// How far behind (negative) and ahead of the isthmus the section stays closed and of its size.
pub(super) fn span(solid: &Solid<'_>, line: &Line) -> [f64; 2] {
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
