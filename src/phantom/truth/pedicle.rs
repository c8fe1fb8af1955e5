//! The true pedicles: isthmus and axis found together, then the sizes.

use super::ray::{across, reach, section, support};
use crate::phantom::shape::Shape;
use crate::space::Side;
use glam::DVec3;

/// A pedicle in the vertebra's coordinates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local {
    pub(super) side: Side,
    pub(super) isthmus: DVec3,
    pub(super) axis: DVec3,
    pub(super) width_mm: f64,
    pub(super) height_mm: f64,
    pub(super) area_mm2: f64,
    pub(super) chord_mm: f64,
}

/// Half of the largest pedicle with room to spare; a ray that runs further has left it.
pub(super) const MOST_MM: f64 = 15.0;
/// Rays in a section.
const RAYS: usize = 72;
/// The longest chord looked for, mm, to one side.
const MOST_CHORD_MM: f64 = 90.0;
/// Where along the axis the centroids are taken, mm from the isthmus.
const PLACES_MM: [f64; 7] = [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0];

/// A point and a unit direction that are found together.
#[derive(Clone, Copy)]
struct Line {
    middle: DVec3,
    axis: DVec3,
}

/// The isthmus and the axis of a pedicle whose sections are closed, by turns until both rest: least
/// section along the axis, then the line through the centroids around it.
pub(super) fn closed(shape: &Shape, side: Side, start: DVec3, along: DVec3) -> Local {
    let nearby = shape.near(start, MOST_MM + 4.0);
    let mut line = Line { middle: start, axis: along };
    line.middle += line.axis * least_of_samples(&nearby, line);
    for _ in 0..60 {
        let before = line;
        line.middle += line.axis * least_nearby(&nearby, line);
        line.middle = section(&nearby, line.middle, line.axis, RAYS, MOST_MM).centroid;
        // Half of the way: sections that tilt with the axis overshoot between flaring walls.
        line.axis = line.axis.midpoint(through_centroids(&nearby, line)).normalize_or(line.axis);
        let turned = before.axis.distance(line.axis);
        if before.middle.distance(line.middle) < 1e-6 && turned < 1e-7 {
            break;
        }
    }
    let area_mm2 = section(&nearby, line.middle, line.axis, RAYS, MOST_MM).area_mm2;
    Local {
        side,
        isthmus: line.middle,
        axis: line.axis,
        width_mm: 0.0,
        height_mm: 0.0,
        area_mm2,
        chord_mm: chord(shape, line.middle, line.axis),
    }
}

impl Local {
    /// With width and height, whose directions follow the vertebra's left.
    pub(super) fn sized(self, shape: &Shape, left: DVec3) -> Self {
        let nearby = shape.near(self.isthmus, MOST_MM + 4.0);
        let one = |d: DVec3| support(&nearby, self.isthmus, self.axis, d, MOST_MM);
        let [width_mm, height_mm] = across(self.axis, left).map(|d| one(d) + one(-d));
        Self { width_mm, height_mm, ..self }
    }
}

/// From where the axis leaves bone behind the isthmus to where it does in front, mm.
fn chord(shape: &Shape, isthmus: DVec3, axis: DVec3) -> f64 {
    [axis, -axis].map(|d| reach(shape, isthmus, d, MOST_CHORD_MM)).iter().sum()
}

fn area(shape: &Shape, line: Line, at: f64) -> f64 {
    section(shape, line.middle + line.axis * at, line.axis, RAYS, MOST_MM).area_mm2
}

/// Where along the axis the section is smallest, of samples half a millimetre apart.
fn least_of_samples(shape: &Shape, line: Line) -> f64 {
    let samples = (-10..=10).map(|n| f64::from(n) * 0.5);
    let sized = samples.map(|at| (at, area(shape, line, at)));
    sized.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0.0, |(at, _)| at)
}

/// Where along the axis, near its middle, the section stops shrinking: Newton's method on the
/// area, at most a millimetre away.
fn least_nearby(shape: &Shape, line: Line) -> f64 {
    const STEP_MM: f64 = 0.1;
    let mut at = 0.0;
    for _ in 0..3 {
        let [before, here, after] = [-STEP_MM, 0.0, STEP_MM].map(|d| area(shape, line, at + d));
        let (slope, bend) = (after - before, after - 2.0 * here + before);
        let step = if bend > 1e-9 { -STEP_MM * 0.5 * slope / bend } else { -0.2 * slope.signum() };
        at = (at + step.clamp(-0.5, 0.5)).clamp(-1.0, 1.0);
        if step.abs() < 1e-7 {
            break;
        }
    }
    at
}

/// The direction of the line through the centroids of the sections around the isthmus, by least
/// squares.
fn through_centroids(shape: &Shape, line: Line) -> DVec3 {
    let slope = PLACES_MM.iter().fold(DVec3::ZERO, |sum, t| {
        let at = line.middle + line.axis * *t;
        sum + (section(shape, at, line.axis, RAYS, MOST_MM).centroid - line.middle) * *t
    });
    slope.normalize_or(line.axis)
}

/// The S1 pedicle, which is no ring: chords through the given centre.
pub(super) fn open(shape: &Shape, side: Side, isthmus: DVec3, axis: DVec3) -> Local {
    let chord_of = |d: DVec3| reach(shape, isthmus, d, 60.0) + reach(shape, isthmus, -d, 60.0);
    let [width_mm, height_mm] = across(axis, DVec3::X).map(chord_of);
    let chord_mm = chord(shape, isthmus, axis);
    Local { side, isthmus, axis, width_mm, height_mm, area_mm2: f64::NAN, chord_mm }
}
