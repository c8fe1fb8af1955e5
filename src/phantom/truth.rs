//! The true numbers of a phantom, solved on the surfaces themselves.
//!
//! * Vertebra frame: axes as the shape is written in (z halves the angle of the end plates, x is
//!   the axis of symmetry before the small differences); origin in the middle of the chords that
//!   the three axes cut out of the body.
//! * Pedicle: of all cross-sections at right angles to the axis the isthmus is the one of least
//!   area; its centre is its centroid; the axis is the line fitted through the centroids of the
//!   sections up to 3 mm before and behind it, back to front. Width is the section's extent along
//!   the vertebra's left-right direction (made perpendicular to the axis), height its extent across
//!   that: between outer surfaces, both perpendicular to the axis.
//! * S1: no chord ends at the body, and the ala closes no ring around the pedicle: origin, axis and
//!   centre are those it was made with, and width and height are chords through the centre, the
//!   width reaching to the ala's end.
//! * Canal: middle of the chord from front to back, then from side to side, in the vertebra's plane
//!   z at the mean height of the isthmuses; where the arch is open behind that plane, its back is
//!   that of the nearest plane below in which it closes.

use super::shape::STEEPEST;
use super::sizes::{Measures, Vary};
use super::{Bone, Phantom, lumbar, sacrum};
use crate::labels::Level;
use crate::space::{Dir, Patient, Point, Rigid, Side, Vertebra};
use glam::{DMat3, DQuat, DVec3};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// Everything known about a phantom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// One entry per level, cranial ones first.
    pub levels: Vec<LevelTruth>,
}

/// What is known about one vertebra.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelTruth {
    /// The level.
    pub level: Level,
    /// Middle of the vertebral body.
    #[serde(rename = "body_centre_lps_mm")]
    pub body_centre: Point<Patient>,
    /// Unit vector to the vertebra's left.
    pub left: Dir<Patient>,
    /// Unit vector to its back.
    pub back: Dir<Patient>,
    /// Unit vector to its top.
    pub top: Dir<Patient>,
    /// Middle of the canal at the height of the pedicles.
    #[serde(rename = "canal_centre_lps_mm")]
    pub canal_centre: Point<Patient>,
    /// The pedicles, left first.
    pub pedicles: [PedicleTruth; 2],
}

/// What is known about one pedicle; see the file's head for the definitions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PedicleTruth {
    /// The patient's side.
    pub side: Side,
    /// Centre of the isthmus.
    #[serde(rename = "isthmus_lps_mm")]
    pub isthmus: Point<Patient>,
    /// Unit axis, from back to front.
    pub axis: Dir<Patient>,
    /// Outer width across the axis, mm.
    pub width_mm: f64,
    /// Outer height across the axis, mm.
    pub height_mm: f64,
}

impl Truth {
    /// What is known about one level, if the phantom has it.
    pub fn level(&self, level: Level) -> Option<&LevelTruth> {
        self.levels.iter().find(|l| l.level == level)
    }
}

impl LevelTruth {
    /// The vertebra's frame.
    pub fn patient_from_vertebra(&self) -> Rigid<Patient, Vertebra> {
        let axes = DMat3::from_cols(self.left.vec(), self.back.vec(), self.top.vec());
        Rigid::new(DQuat::from_mat3(&axes), self.body_centre.vec())
    }
    /// The pedicle of one side.
    pub fn pedicle(&self, side: Side) -> &PedicleTruth {
        match side {
            Side::Left => &self.pedicles[0],
            Side::Right => &self.pedicles[1],
        }
    }
}

/// Solves everything.
pub(super) fn solve(phantom: &Phantom) -> Truth {
    let spec = phantom.spec();
    let rows = phantom.bones.iter().zip(&phantom.sizes);
    let levels = rows.map(|(bone, row)| {
        let vary = Vary::new(spec.seed, row.level, spec.variation);
        let pedicles = Side::BOTH.map(|side| match &row.measures {
            Measures::Lumbar(sizes, _) => {
                let start = lumbar::pedicle_isthmus(sizes, side);
                closed_pedicle(bone, side, start, lumbar::pedicle_axis(sizes, &vary, side))
            }
            Measures::Sacrum(sizes) => {
                let start = sacrum::pedicle_isthmus(sizes, side);
                open_pedicle(bone, side, start, sacrum::pedicle_axis(sizes, &vary, side))
            }
        });
        let canal = match &row.measures {
            Measures::Lumbar(sizes, _) => lumbar::canal_middle(sizes),
            Measures::Sacrum(sizes) => sacrum::canal_middle(sizes),
        };
        in_patient(bone, pedicles, canal)
    });
    Truth { levels: levels.collect() }
}

/// Turns what was solved in the vertebra's coordinates into patient space.
fn in_patient(bone: &Bone, pedicles: [Local; 2], canal: DVec3) -> LevelTruth {
    let map = bone.patient_from_vertebra();
    let place = |p: DVec3| map.point(Point::from_vec(p));
    let turn = |d: DVec3| map.dir(Dir::from_vec(d));
    let height = (pedicles[0].isthmus.z + pedicles[1].isthmus.z) / 2.0;
    LevelTruth {
        level: bone.level(),
        body_centre: place(if bone.level() == Level::S1 { DVec3::ZERO } else { body_centre(bone) }),
        left: turn(DVec3::X),
        back: turn(DVec3::Y),
        top: turn(DVec3::Z),
        canal_centre: place(canal_centre(bone, canal.with_z(height))),
        pedicles: pedicles.map(|p| PedicleTruth {
            side: p.side,
            isthmus: place(p.isthmus),
            axis: turn(p.axis),
            width_mm: p.width_mm,
            height_mm: p.height_mm,
        }),
    }
}

/// A pedicle in the vertebra's coordinates.
struct Local {
    side: Side,
    isthmus: DVec3,
    axis: DVec3,
    width_mm: f64,
    height_mm: f64,
}

/// Distance from `from` along the unit vector `along` to the first crossing of the surface, mm;
/// `most` where there is none before it.
fn reach(bone: &Bone, from: DVec3, along: DVec3, most: f64) -> f64 {
    const SHORTEST_MM: f64 = 0.1;
    let at = |t: f64| bone.local_value(from + along * t);
    let (mut t, mut value) = (0.0, at(0.0));
    let inside = value >= 0.0;
    while t < most {
        // The function can not cross zero any sooner.
        let next = t + (value.abs() / STEEPEST).max(SHORTEST_MM);
        let next_value = at(next);
        if (next_value >= 0.0) != inside {
            return crossing(at, [t, next], [value, next_value]).min(most);
        }
        (t, value) = (next, next_value);
    }
    most
}

/// Where a function crosses zero between two places with values of unlike sign: false position,
/// the Illinois way (the value of an end that stays is halved).
fn crossing(at: impl Fn(f64) -> f64, [mut a, mut b]: [f64; 2], [mut fa, mut fb]: [f64; 2]) -> f64 {
    for _ in 0..30 {
        let t = (a * fb - b * fa) / (fb - fa);
        let value = at(t);
        if value.abs() < 1e-9 {
            return t;
        }
        if (value >= 0.0) == (fb >= 0.0) {
            fa *= 0.5;
        } else {
            (a, fa) = (b, fb);
        }
        (b, fb) = (t, value);
    }
    b
}

/// A closed cross-section seen from a point inside it.
struct Section {
    area_mm2: f64,
    centroid: DVec3,
}

/// Directions left-right and up-down across an axis.
fn across(axis: DVec3) -> [DVec3; 2] {
    let right_left = DVec3::X.reject_from_normalized(axis).normalize_or(DVec3::X);
    [right_left, right_left.cross(axis).normalize_or(DVec3::Z)]
}

/// Half of the largest pedicle with room to spare; a ray that runs further has left it.
const MOST_MM: f64 = 20.0;

fn section(bone: &Bone, centre: DVec3, axis: DVec3, rays: usize) -> Section {
    let [u, v] = across(axis);
    let step = TAU / rays as f64;
    let (mut area, mut moment) = (0.0, DVec3::ZERO);
    for n in 0..rays {
        let (sin, cos) = (n as f64 * step).sin_cos();
        let along = u * cos + v * sin;
        let r = reach(bone, centre, along, MOST_MM);
        area += r * r * step / 2.0;
        moment += along * (r * r * r / 3.0 * step);
    }
    Section { area_mm2: area, centroid: centre + moment / area.max(1e-9) }
}

/// The isthmus of a pedicle whose sections are closed, by turns: least section along the axis,
/// then the axis through the centroids around it.
fn closed_pedicle(bone: &Bone, side: Side, start: DVec3, along: DVec3) -> Local {
    const RAYS: usize = 36;
    let (mut isthmus, mut axis) = (start, along);
    for _ in 0..6 {
        let least = least_section(bone, isthmus, axis, RAYS);
        let middle = isthmus + axis * least;
        isthmus = section(bone, middle, axis, RAYS).centroid;
        // Slope of the centroids against the place along the axis, by least squares.
        let places: [f64; 7] = std::array::from_fn(|n| n as f64 - 3.0);
        let slope = places.iter().fold(DVec3::ZERO, |sum, t| {
            sum + (section(bone, isthmus + axis * *t, axis, RAYS).centroid - isthmus) * *t
        }) / places.iter().map(|t| t * t).sum::<f64>();
        axis = slope.normalize_or(axis);
    }
    let [u, v] = across(axis);
    let extent = |d: DVec3| support(bone, isthmus, axis, d) + support(bone, isthmus, axis, -d);
    Local { side, isthmus, axis, width_mm: extent(u), height_mm: extent(v) }
}

/// Where along the axis, from `from`, the section is smallest: the least of samples half a
/// millimetre apart, then the vertex of the parabola through it and its neighbours.
fn least_section(bone: &Bone, from: DVec3, axis: DVec3, rays: usize) -> f64 {
    const STEP_MM: f64 = 0.5;
    const STEPS: usize = 13;
    let at = |n: usize| (n as f64 - (STEPS / 2) as f64) * STEP_MM;
    let areas: Vec<f64> =
        (0..STEPS).map(|n| section(bone, from + axis * at(n), axis, rays).area_mm2).collect();
    let best = (0..STEPS).min_by(|a, b| areas[*a].total_cmp(&areas[*b])).unwrap_or(STEPS / 2);
    if best == 0 || best == STEPS - 1 {
        return at(best);
    }
    let (before, here, after) = (areas[best - 1], areas[best], areas[best + 1]);
    let bend = before - 2.0 * here + after;
    at(best) + if bend > 1e-9 { STEP_MM * 0.5 * (before - after) / bend } else { 0.0 }
}

/// How far the section through `centre` reaches along the unit vector `d`, mm.
fn support(bone: &Bone, centre: DVec3, axis: DVec3, d: DVec3) -> f64 {
    let side = axis.cross(d);
    let at = |angle: f64| {
        let (sin, cos) = angle.sin_cos();
        reach(bone, centre, d * cos + side * sin, MOST_MM) * cos
    };
    let coarse = (-60..=60).map(|deg| f64::from(deg).to_radians());
    let best = coarse.max_by(|a, b| at(*a).total_cmp(&at(*b))).unwrap_or(0.0);
    let fine = (-20..=20).map(|n| at(best + f64::from(n) * 0.05_f64.to_radians()));
    fine.fold(0.0, f64::max)
}

/// The S1 pedicle, which is no ring: chords through the given centre.
fn open_pedicle(bone: &Bone, side: Side, isthmus: DVec3, axis: DVec3) -> Local {
    let chord = |d: DVec3| reach(bone, isthmus, d, 60.0) + reach(bone, isthmus, -d, 60.0);
    let [u, v] = across(axis);
    Local { side, isthmus, axis, width_mm: chord(u), height_mm: chord(v) }
}

/// Middle of the chords that the axes cut out of the body.
fn body_centre(bone: &Bone) -> DVec3 {
    let mut centre = DVec3::ZERO;
    for _ in 0..3 {
        for d in [DVec3::Z, DVec3::Y, DVec3::X] {
            let there = reach(bone, centre, d, 60.0);
            let back = reach(bone, centre, -d, 60.0);
            centre += d * ((there - back) / 2.0);
        }
    }
    centre
}

/// Middle of the canal in the plane of `start`. Where the arch does not close behind it there, its
/// back is taken from the nearest plane below where it does.
fn canal_centre(bone: &Bone, start: DVec3) -> DVec3 {
    const LOWEST_MM: u8 = 20;
    let mut centre = start;
    for _ in 0..3 {
        let front = reach(bone, centre, -DVec3::Y, MOST_MM);
        let behind =
            |below: u8| reach(bone, centre - DVec3::Z * f64::from(below), DVec3::Y, MOST_MM);
        let back = (0..LOWEST_MM).map(behind).find(|r| *r < MOST_MM).unwrap_or(front);
        centre.y += (back - front) / 2.0;
        let left = reach(bone, centre, DVec3::X, MOST_MM);
        centre.x += (left - reach(bone, centre, -DVec3::X, MOST_MM)) / 2.0;
    }
    centre
}
