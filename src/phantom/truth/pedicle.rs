//! The true pedicles: isthmus and axis found together, then the sizes.
//!
//! Where along a direction its narrow stretch lies, and the centroids around the middle of that,
//! follow from the direction alone. The axis is the direction that leads through its own centroids:
//! two numbers, found by Broyden's method (1965) until what is left to go is far under 1e-4 mm.

use super::ray::{across, crossing, reach, section, support};
use crate::phantom::shape::Shape;
use crate::space::Side;
use glam::{DMat2, DVec2, DVec3};
use std::f64::consts::TAU;

/// A pedicle in the vertebra's coordinates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local {
    pub(super) side: Side,
    pub(super) isthmus: DVec3,
    pub(super) axis: DVec3,
    pub(super) width_mm: f64,
    pub(super) height_mm: f64,
    pub(super) least_mm: f64,
    pub(super) span_mm: [f64; 2],
    pub(super) chord_mm: f64,
}

/// Half of the largest pedicle with room to spare; a ray that runs further has left it.
pub(super) const MOST_MM: f64 = 15.0;
/// Rays in a section, on the way and in the end.
const FEW_RAYS: usize = 24;
const RAYS: usize = 72;
/// The longest chord looked for, mm, to one side.
const MOST_CHORD_MM: f64 = 90.0;
/// A pedicle's span ends where its section is so many times that of the isthmus, and here at last.
const OPEN_AREA: f64 = 1.8;
const MOST_SPAN_MM: f64 = 15.0;
/// The span declared for S1, mm.
const OPEN_SPAN_MM: [f64; 2] = [-10.0, 10.0];
/// The isthmus is the middle of the stretch in which sections are at most so many times the least.
const NARROW_AREA: f64 = 1.3;
/// That stretch is looked for so far before and behind, mm.
const MOST_OFF_MM: i32 = 8;
/// Where the centroids are taken that the axis runs through, mm before and behind the isthmus; a
/// pair counts in full up to [`NARROW_AREA`] and not at all from [`OPEN_AREA`].
const PAIRS_MM: [f64; 5] = [1.0, 2.0, 3.0, 4.0, 5.0];
/// The chord is the mean over lines up to this far from the axis, mm, and up to this share of the
/// isthmus' width; and how many they are besides the axis.
const PENCIL_MM: f64 = 2.0;
const PENCIL_SHARE: f64 = 1.0 / 3.0;
const PENCIL_LINES: usize = 24;

/// A point and a unit direction that are found together.
#[derive(Clone, Copy)]
struct Line {
    middle: DVec3,
    axis: DVec3,
}

/// The isthmus and the axis of a pedicle whose sections are closed, from where they are about.
pub(super) fn closed(shape: &Shape, side: Side, start: DVec3, along: DVec3) -> Local {
    let nearby = shape.near(start, MOST_MM + f64::from(MOST_OFF_MM));
    let about = settled(&Sections { shape: &nearby, rays: FEW_RAYS }, start, along, 1e-3);
    let line = settled(&Sections { shape: &nearby, rays: RAYS }, about.middle, about.axis, 1e-6);
    Local {
        side,
        isthmus: line.middle,
        axis: line.axis,
        width_mm: 0.0,
        height_mm: 0.0,
        least_mm: 0.0,
        span_mm: [-1.0, 1.0].map(|sense| sense * span(shape, line, sense)),
        chord_mm: 0.0,
    }
}

/// The line whose axis leads through its own centroids, found until `left_mm` are left to go.
fn settled(sections: &Sections<'_>, start: DVec3, along: DVec3, left_mm: f64) -> Line {
    const MOST_TURNS: usize = 40;
    const MOST_STEP_RAD: f64 = 0.1;
    let [u, v] = across(along, DVec3::X);
    let towards = |tilt: DVec2| (along + u * tilt.x + v * tilt.y).normalize_or(along);
    let tilt_of = |d: DVec3| DVec2::new(d.dot(u), d.dot(v)) / d.dot(along);
    // The line across a tilt, how far it had to move along it, and where its centroids lead.
    let look = |middle: DVec3, tilt: DVec2| {
        let (line, moved_mm) = sections.isthmus(Line { middle, axis: towards(tilt) });
        (line, moved_mm, tilt_of(sections.through_centroids(line)) - tilt)
    };
    let mut tilt = DVec2::ZERO;
    let (mut line, mut moved_mm, mut off) = look(start, tilt);
    // Half of the way at first: sections that tilt with the axis overshoot between flaring walls.
    let mut way_of_off = DMat2::from_diagonal(DVec2::splat(0.5));
    for _ in 0..MOST_TURNS {
        let step = (way_of_off * off).clamp_length_max(MOST_STEP_RAD);
        if step.length() * f64::from(MOST_OFF_MM) < left_mm && moved_mm < left_mm {
            break;
        }
        tilt += step;
        let before = off;
        (line, moved_mm, off) = look(line.middle, tilt);
        let gone = before - off;
        let predicted = way_of_off * gone;
        let scale = step.dot(predicted);
        if scale.abs() > 1e-18 {
            let row = way_of_off.transpose() * step / scale;
            let miss = step - predicted;
            way_of_off += DMat2::from_cols(miss * row.x, miss * row.y);
        }
    }
    line
}

/// The cross-sections of a bone.
struct Sections<'a> {
    shape: &'a Shape,
    rays: usize,
}

impl Sections<'_> {
    /// Area and centroid of the section `t` mm along a line.
    fn at(&self, line: Line, t: f64) -> (f64, DVec3) {
        let found = section(self.shape, line.middle + line.axis * t, line.axis, self.rays, MOST_MM);
        (found.area_mm2, found.centroid)
    }
    fn area(&self, line: Line, t: f64) -> f64 {
        self.at(line, t).0
    }
    /// The line moved to the centroid of the section in the middle of the narrow stretch, and how
    /// far along itself that is.
    fn isthmus(&self, line: Line) -> (Line, f64) {
        let [behind, ahead] = self.narrow(line);
        let to_middle = f64::midpoint(behind, ahead);
        let (_, centroid) = self.at(line, to_middle);
        (Line { middle: centroid, ..line }, to_middle.abs())
    }
    /// Where the narrow stretch around the least section begins and ends, mm along the line.
    fn narrow(&self, line: Line) -> [f64; 2] {
        let places: Vec<f64> = (-MOST_OFF_MM..=MOST_OFF_MM).map(f64::from).collect();
        let areas: Vec<f64> = places.iter().map(|t| self.area(line, *t)).collect();
        let order = |a: &usize, b: &usize| areas[*a].total_cmp(&areas[*b]);
        let smallest = (0..areas.len()).min_by(order).unwrap_or_default();
        let most = NARROW_AREA * self.least(line, places[smallest]);
        // A thousandth, so that the search ends at an area known to 1e-7 of itself.
        let over = |t: f64| (self.area(line, t) / most - 1.0) * 1e-3;
        let end = |outer: Option<usize>, inwards: isize| {
            let Some(outer) = outer else { return None };
            let inner = outer.checked_add_signed(inwards)?;
            let ends = [places[inner], places[outer]];
            Some(crossing(over, ends, ends.map(over)))
        };
        let is_over = |n: &usize| areas[*n] > most;
        let behind = end((0..smallest).rev().find(is_over), 1);
        let ahead = end((smallest..areas.len()).find(is_over), -1);
        let far = f64::from(MOST_OFF_MM);
        [behind.unwrap_or(-far), ahead.unwrap_or(far)]
    }
    /// The least area near `t`: two parabolas, the second one narrow.
    fn least(&self, line: Line, t: f64) -> f64 {
        let lowest = [0.5, 0.05].into_iter().fold(t, |t, step| {
            let [before, here, after] = [-step, 0.0, step].map(|d| self.area(line, t + d));
            let bend = after - 2.0 * here + before;
            if bend <= 1e-12 {
                return t;
            }
            t + (0.5 * step * (before - after) / bend).clamp(-1.0, 1.0)
        });
        self.area(line, lowest)
    }
    /// The direction from the centroids of the sections behind the isthmus to those before it. A
    /// pair counts the less the further either of its two opens into body or arch.
    fn through_centroids(&self, line: Line) -> DVec3 {
        let own = self.area(line, 0.0);
        let pair = |t: &f64| {
            let [behind, ahead] = [self.at(line, -t), self.at(line, *t)];
            let ratio = behind.0.max(ahead.0) / own;
            let closed = ((OPEN_AREA - ratio) / (OPEN_AREA - NARROW_AREA)).clamp(0.0, 1.0);
            (closed > 0.0).then(|| (ahead.1 - behind.1) * (t * closed))
        };
        PAIRS_MM.iter().map_while(pair).sum::<DVec3>().normalize_or(line.axis)
    }
}

impl Local {
    /// With the sizes, of which width and height follow the vertebra's left, and the chord.
    pub(super) fn sized(self, shape: &Shape, left: DVec3) -> Self {
        let nearby = shape.near(self.isthmus, MOST_MM + 4.0);
        let one = |d: DVec3| support(&nearby, self.isthmus, self.axis, d, MOST_MM);
        let [width_mm, height_mm] = across(self.axis, left).map(|d| one(d) + one(-d));
        let least_mm = least_extent(&nearby, self.isthmus, self.axis);
        let chord_mm = pencil(shape, self.isthmus, self.axis, left, width_mm);
        Self { width_mm, height_mm, least_mm, chord_mm, ..self }
    }
}

/// Least extent of the isthmus in any direction across the axis, mm: the vertex of the parabola
/// through the least of those at every third degree and its neighbours.
fn least_extent(shape: &Shape, isthmus: DVec3, axis: DVec3) -> f64 {
    const STEP_DEG: f64 = 3.0;
    const DIRECTIONS: usize = 60;
    const RAYS: usize = 720;
    let [u, v] = across(axis, DVec3::X);
    let towards = |degrees: f64| {
        let (sin, cos) = degrees.to_radians().sin_cos();
        u * cos + v * sin
    };
    let ray = |n: usize| towards(n as f64 * 360.0 / RAYS as f64);
    let outline: Vec<DVec3> =
        (0..RAYS).map(|n| ray(n) * reach(shape, isthmus, ray(n), MOST_MM)).collect();
    let about = |n: &usize| {
        let d = towards(*n as f64 * STEP_DEG);
        let along = outline.iter().map(|p| p.dot(d));
        along.clone().fold(0.0, f64::max) - along.fold(0.0, f64::min)
    };
    let smallest = (0..DIRECTIONS).min_by(|a, b| about(a).total_cmp(&about(b))).unwrap_or(0);
    let extent = |degrees: f64| {
        let d = towards(degrees);
        support(shape, isthmus, axis, d, MOST_MM) + support(shape, isthmus, axis, -d, MOST_MM)
    };
    let vertex = |middle: f64, step: f64| {
        let [before, here, after] = [-step, 0.0, step].map(|d| extent(middle + d));
        let bend = after - 2.0 * here + before;
        let off = if bend > 1e-12 { 0.5 * (before - after) / bend } else { 0.0 };
        middle + step * off.clamp(-1.0, 1.0)
    };
    extent(vertex(vertex(smallest as f64 * STEP_DEG, STEP_DEG), 0.5))
}

/// Mean length in bone of the axis and of the lines beside it, evenly spread at two thirds of and
/// at the pencil's radius.
fn pencil(shape: &Shape, isthmus: DVec3, axis: DVec3, left: DVec3, width_mm: f64) -> f64 {
    let radius = PENCIL_MM.min(width_mm * PENCIL_SHARE);
    let [u, v] = across(axis, left);
    let beside = (0..PENCIL_LINES).map(|n| {
        let (sin, cos) = (TAU * n as f64 / PENCIL_LINES as f64).sin_cos();
        let share = if n % 2 == 0 { 1.0 } else { 2.0 / 3.0 };
        isthmus + (u * cos + v * sin) * (radius * share)
    });
    let all = beside.chain(std::iter::once(isthmus)).map(|from| chord(shape, from, axis));
    all.sum::<f64>() / (PENCIL_LINES + 1) as f64
}

/// From where a line leaves bone behind a point to where it does in front, mm.
fn chord(shape: &Shape, isthmus: DVec3, axis: DVec3) -> f64 {
    [axis, -axis].map(|d| reach(shape, isthmus, d, MOST_CHORD_MM)).iter().sum()
}

/// How far from the isthmus the section stays closed enough, mm.
fn span(shape: &Shape, line: Line, sense: f64) -> f64 {
    let nearby = shape.near(line.middle, MOST_SPAN_MM + MOST_MM);
    let sections = Sections { shape: &nearby, rays: RAYS };
    let most = OPEN_AREA * sections.area(line, 0.0);
    let over = |t: f64| (sections.area(line, sense * t) / most - 1.0) * 1e-3;
    let steps = (1..=(2.0 * MOST_SPAN_MM) as usize).map(|n| n as f64 / 2.0);
    let open = steps.map(|t| (t, over(t))).find(|(_, over)| *over > 0.0);
    open.map_or(MOST_SPAN_MM, |(t, beyond)| crossing(over, [t - 0.5, t], [over(t - 0.5), beyond]))
}

/// The S1 pedicle, which is no ring: chords through the given centre.
pub(super) fn open(shape: &Shape, side: Side, isthmus: DVec3, axis: DVec3) -> Local {
    let chord_of = |d: DVec3| reach(shape, isthmus, d, 60.0) + reach(shape, isthmus, -d, 60.0);
    let [width_mm, height_mm] = across(axis, DVec3::X).map(chord_of);
    let chord_mm = pencil(shape, isthmus, axis, DVec3::X, width_mm);
    let least_mm = width_mm.min(height_mm);
    Local { side, isthmus, axis, width_mm, height_mm, least_mm, span_mm: OPEN_SPAN_MM, chord_mm }
}
