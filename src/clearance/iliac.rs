//! The corridor from the sacrum into the ilium, in which a screw is driven from between the first
//! two dorsal foramina across the sacro-iliac joint, over the greater sciatic notch.
//!
//! In: sacrum and ilium as one bone ([`super::fused`]) and what was measured on the sacrum. Out: the
//! corridor as a [`Pedicle`], so that all that is said of a screw in a pedicle is said of one here:
//! lateral is the outer table of the ilium, medial the inner one, caudal the notch.
//!
//! Of all lines that enter where such a screw enters, and lead outwards and forwards, it is the one
//! around which the thickest cylinder stays in bone; of equally thick ones the longest. Angles are
//! against the plate of S1, so that neither pelvic tilt nor how the patient lay changes them.

use super::SignedDistance;
use crate::anatomy::{Pedicle, VertebraAnatomy};
use crate::space::{Dir, Patient, Point, Side, Vertebra};

/// Where such a screw enters the back of the sacrum: this far beside the midline, and this far below
/// the plate of S1 along its normal, midway between the dorsal foramina of S1 and S2, mm. General
/// knowledge of the field without a source at hand: provisional.
pub const ENTRY_BESIDE_MM: [f64; 2] = [13.0, 32.0];
/// See [`ENTRY_BESIDE_MM`].
pub const ENTRY_BELOW_PLATE_MM: [f64; 2] = [33.0, 54.0];
/// The plate lies so far above the frame's origin where it was not found, mm.
const PLATE_MM: f64 = 13.0;
/// The back of the sacrum is looked for from this far behind the origin to this far before it, mm.
const BACK_MM: [f64; 2] = [70.0, -10.0];
/// Directions that are tried: outwards, and up against the plate of S1, degrees.
const OUTWARD_DEG: [f64; 2] = [22.0, 62.0];
const UP_DEG: [f64; 2] = [-25.0, 40.0];
/// The cylinder counts from this depth on, and as far as the corridor must reach, mm.
const FROM_MM: f64 = 6.0;
const LEAST_LONG_MM: f64 = 62.0;
/// Nothing is longer than this, mm.
const MOST_LONG_MM: f64 = 130.0;
/// A thinner corridor is none: no screw on offer would fit, mm.
const LEAST_RADIUS_MM: f64 = 1.5;
/// Wider than this is wide enough, mm.
const ENOUGH_MM: f64 = 8.0;
/// What a millimetre of length is worth beside one of radius.
const PER_LENGTH: f64 = 0.01;
const STEP_MM: f64 = 1.5;

/// A line: beside the midline and below the plate, mm; outwards and up, degrees.
type Line = [f64; 4];
/// The grid of lines, and the steps with which the best of it is bettered.
const GRID: Line = [4.0, 4.0, 5.0, 6.5];
const FIRST: Line = [2.0, 2.0, 2.5, 3.0];
const HALVINGS: i32 = 4;

/// True where a screw into the ilium may enter: behind the sacrum, between its first two foramina.
pub fn is_entry(anatomy: &VertebraAnatomy, side: Side, entry: Point<Patient>) -> bool {
    let at = anatomy.patient_from_vertebra.inverse().point(entry).vec();
    let within = |mm: f64, [low, high]: [f64; 2]| (low..=high).contains(&mm);
    within(at.x * side.sign(), ENTRY_BESIDE_MM)
        && within(plate_mm(anatomy) - at.z, ENTRY_BELOW_PLATE_MM)
        && at.y > 0.0
}

/// The corridor of one side; `None` where no line leads through bone from the sacrum to the ilium.
pub fn corridor(
    bone: &impl SignedDistance,
    anatomy: &VertebraAnatomy,
    side: Side,
) -> Option<Pedicle> {
    let search = Corridors { bone, anatomy, side, plate_mm: plate_mm(anatomy) };
    let mut best: Option<(Line, f64)> = None;
    let between = |[low, high]: [f64; 2], step: f64| {
        let count = ((high - low) / step).round().max(1.0) as usize;
        (0..=count).map(move |n| low + (high - low) * n as f64 / count as f64)
    };
    for beside in between(ENTRY_BESIDE_MM, GRID[0]) {
        for below in between(ENTRY_BELOW_PLATE_MM, GRID[1]) {
            for outward in between(OUTWARD_DEG, GRID[2]) {
                for up in between(UP_DEG, GRID[3]) {
                    search.keep_better(&mut best, [beside, below, outward, up]);
                }
            }
        }
    }
    let (line, _) = search.climbed(best?);
    search.described(&line)
}

/// Height of the plate of S1 in the frame of the sacrum, mm.
fn plate_mm(anatomy: &VertebraAnatomy) -> f64 {
    let into = anatomy.patient_from_vertebra.inverse();
    anatomy.upper_plate.map_or(PLATE_MM, |plate| into.point(plate.centre).vec().z)
}

/// The search on one side.
struct Corridors<'a, B> {
    bone: &'a B,
    anatomy: &'a VertebraAnatomy,
    side: Side,
    plate_mm: f64,
}

impl<B: SignedDistance> Corridors<'_, B> {
    fn at(&self, outward: f64, back: f64, up: f64) -> Point<Patient> {
        let p = Point::<Vertebra>::new(outward * self.side.sign(), back, up);
        self.anatomy.patient_from_vertebra.point(p)
    }

    fn axis(&self, line: &Line) -> Dir<Patient> {
        let (sin_o, cos_o) = line[2].to_radians().sin_cos();
        let (sin_u, cos_u) = line[3].to_radians().sin_cos();
        let d = Dir::<Vertebra>::new(sin_o * cos_u * self.side.sign(), -cos_o * cos_u, sin_u);
        self.anatomy.patient_from_vertebra.dir(d)
    }

    /// Where the back of the sacrum lies on the way forward at a line's place.
    fn entry(&self, line: &Line) -> Option<Point<Patient>> {
        let at = |back: f64| self.at(line[0], back, self.plate_mm - line[1]);
        let mut back = BACK_MM[0];
        while back > BACK_MM[1] {
            let distance = self.bone.quick_distance_mm(at(back));
            if distance >= 0.0 {
                return Some(at(back));
            }
            back -= (-distance).clamp(0.2, 2.0);
        }
        None
    }

    /// The thickness of the cylinder around a line, and a little of its length; `None` where it is
    /// not in bone for long enough, or can not reach `least`.
    fn worth(&self, line: &Line, least: f64) -> Option<f64> {
        let is_within = (0..4).all(|n| {
            let [low, high] = [ENTRY_BESIDE_MM, ENTRY_BELOW_PLATE_MM, OUTWARD_DEG, UP_DEG][n];
            (low..=high).contains(&line[n])
        });
        let (entry, axis) = (self.entry(line).filter(|_| is_within)?, self.axis(line));
        let (mut depth, mut radius) = (FROM_MM, ENOUGH_MM);
        while depth < MOST_LONG_MM {
            let distance = self.bone.quick_distance_mm(entry + axis * depth);
            if depth > LEAST_LONG_MM && distance < radius {
                break;
            }
            radius = radius.min(distance);
            if radius < LEAST_RADIUS_MM || radius + PER_LENGTH * MOST_LONG_MM < least {
                return None;
            }
            depth += STEP_MM;
        }
        Some(radius + PER_LENGTH * depth)
    }

    fn keep_better(&self, best: &mut Option<(Line, f64)>, line: Line) {
        let least = best.map_or(f64::NEG_INFINITY, |(_, worth)| worth);
        if let Some(worth) = self.worth(&line, least).filter(|worth| *worth > least) {
            *best = Some((line, worth));
        }
    }

    /// A line that none a small step away betters.
    fn climbed(&self, start: (Line, f64)) -> (Line, f64) {
        let mut best = start;
        for halving in 0..=HALVINGS {
            loop {
                let (from, before) = best;
                let mut next = Some(best);
                for (n, sense) in (0..4).flat_map(|n| [(n, 1.0), (n, -1.0)]) {
                    let mut line = from;
                    line[n] += sense * FIRST[n] * 0.5_f64.powi(halving);
                    self.keep_better(&mut next, line);
                }
                best = next.unwrap_or(best);
                if best.1 < before + 1e-4 {
                    break;
                }
            }
        }
        best
    }

    /// The corridor along a line: its isthmus is where the bone around it is thinnest.
    fn described(&self, line: &Line) -> Option<Pedicle> {
        let (entry, axis) = (self.entry(line)?, self.axis(line));
        let at = |depth: f64| self.bone.quick_distance_mm(entry + axis * depth);
        let steps = (MOST_LONG_MM / 0.5) as usize;
        let depth = |n: usize| n as f64 * 0.5;
        let out = (2..steps).find(|n| at(depth(*n)) < 0.0).unwrap_or(steps);
        let chord_mm = depth(out);
        let judged = (0..out).map(depth).filter(|d| *d >= 15.0 && *d <= LEAST_LONG_MM);
        let isthmus_mm = judged.min_by(|a, b| at(*a).total_cmp(&at(*b)))?;
        let isthmus = entry + axis * isthmus_mm;
        let up = self.anatomy.patient_from_vertebra.dir(Dir::<Vertebra>::Z);
        let cranial = (up - axis * up.dot(axis)).unit()?;
        let across = axis.cross(cranial);
        let chord = |d: Dir<Patient>| self.way_out_mm(isthmus, d) + self.way_out_mm(isthmus, -d);
        let [width_mm, height_mm] = [across, cranial].map(chord);
        Some(Pedicle {
            side: self.side,
            isthmus,
            axis,
            width_mm,
            height_mm,
            least_mm: width_mm.min(height_mm),
            chord_mm,
            transverse_deg: -line[2],
            sagittal_deg: line[3],
            span_mm: [FROM_MM + 4.0 - isthmus_mm, chord_mm - 10.0 - isthmus_mm],
        })
    }

    fn way_out_mm(&self, from: Point<Patient>, along: Dir<Patient>) -> f64 {
        const MOST_MM: f64 = 40.0;
        let mut way = 0.0;
        while way < MOST_MM {
            let distance = self.bone.quick_distance_mm(from + along * way);
            if distance <= 0.02 {
                break;
            }
            way += distance;
        }
        way
    }
}
