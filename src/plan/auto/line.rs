//! Lines through a pedicle: how they are told by four numbers, and what bone lies along one.
//!
//! In: a bone and its anatomy. Out: [`Frame`], from numbers to lines and back, and [`Bore`], the
//! bone along a line with its distance to daylight.

use super::{Site, Style};
use crate::clearance::SignedDistance;
use crate::space::{Dir, Patient, Point, Vertebra};

/// Bone along a line is read in steps of this, mm.
pub(super) const STEP_MM: f64 = 1.0;
/// A line is read this far behind and ahead of the isthmus, mm.
const REACH_MM: [f64; 2] = [45.0, 95.0];
/// The same of a line from the sacrum into the ilium.
const ILIAC_REACH_MM: [f64; 2] = [85.0, 120.0];

/// A line: where it crosses the coronal plane through the isthmus, mm towards lateral and cranial
/// from it, and its convergence and cranial tilt, degrees against the vertebra.
pub(super) type Line = [f64; 4];

/// The directions in which lines through one pedicle are told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    isthmus: Point<Patient>,
    lateral: Dir<Patient>,
    forward: Dir<Patient>,
    cranial: Dir<Patient>,
    /// A point of the vertebra's plane of symmetry.
    midline: Point<Patient>,
    /// How far behind and ahead of the isthmus lines are read, mm.
    reach_mm: [f64; 2],
}

impl Frame {
    pub fn new<B>(site: &Site<'_, B>, style: Style) -> Self {
        let patient_from_vertebra = site.anatomy.patient_from_vertebra;
        let to = |d: Dir<Vertebra>| patient_from_vertebra.dir(d);
        Self {
            isthmus: site.pedicle.isthmus,
            lateral: to(Dir::X) * site.pedicle.side.sign(),
            forward: to(-Dir::Y),
            cranial: to(Dir::Z),
            midline: patient_from_vertebra.origin(),
            reach_mm: if style == Style::S2AlarIliac { ILIAC_REACH_MM } else { REACH_MM },
        }
    }
    /// The point in which a line crosses the isthmus's plane.
    pub fn through(&self, line: &Line) -> Point<Patient> {
        self.isthmus + self.lateral * line[0] + self.cranial * line[1]
    }
    /// The unit direction of a line, forward.
    pub fn axis(&self, line: &Line) -> Dir<Patient> {
        let (sin_c, cos_c) = line[2].to_radians().sin_cos();
        let (sin_s, cos_s) = line[3].to_radians().sin_cos();
        self.forward * (cos_c * cos_s) - self.lateral * (sin_c * cos_s) + self.cranial * sin_s
    }
    /// Convergence and cranial tilt of a direction, degrees.
    pub fn angles_deg(&self, axis: Dir<Patient>) -> [f64; 2] {
        let forward = axis.dot(self.forward);
        let up = axis.dot(self.cranial) / axis.length().max(1e-12);
        [
            (-axis.dot(self.lateral)).atan2(forward).to_degrees(),
            up.clamp(-1.0, 1.0).asin().to_degrees(),
        ]
    }
    /// The line through a point in a direction; `None` where it runs along the isthmus's plane.
    pub fn line_of(&self, point: Point<Patient>, axis: Dir<Patient>) -> Option<Line> {
        let slope = axis.dot(self.forward);
        let ahead = (self.isthmus - point).dot(self.forward) / slope;
        let through = point + axis * ahead;
        let from = through - self.isthmus;
        let [convergence, tilt] = self.angles_deg(axis);
        let is_found = slope > 0.1 && through.is_finite();
        is_found.then(|| [from.dot(self.lateral), from.dot(self.cranial), convergence, tilt])
    }
    /// From the plane of symmetry to a point, mm, positive on this pedicle's side.
    pub fn from_midline_mm(&self, p: Point<Patient>) -> f64 {
        (p - self.midline).dot(self.lateral)
    }
}

/// The bone along a line.
#[derive(Clone, Debug)]
pub(super) struct Bore {
    /// Where the line enters the bone that holds the isthmus.
    pub entry: Point<Patient>,
    pub axis: Dir<Patient>,
    /// From the entry to where the line leaves the bone in front, mm.
    pub chord_mm: f64,
    /// From the entry to the isthmus's plane, mm.
    pub isthmus_mm: f64,
    /// Distance to daylight at depth `first_mm + n * STEP_MM`.
    distances: Vec<f64>,
    first_mm: f64,
}

impl Bore {
    /// Reads the bone along a line. Gaps of air up to `gap_mm` long are passed over. `None` where
    /// the line is not in bone at the isthmus's plane (or within the gap of it).
    pub fn new(
        bone: &impl SignedDistance,
        frame: &Frame,
        line: &Line,
        gap_mm: f64,
    ) -> Option<Self> {
        Self::up_to(bone, frame, line, gap_mm, frame.reach_mm[1])
    }

    /// The same, but read no further than `enough_mm` ahead of the isthmus's plane while that is in
    /// bone; the chord then ends there.
    pub fn up_to(
        bone: &impl SignedDistance,
        frame: &Frame,
        line: &Line,
        gap_mm: f64,
        enough_mm: f64,
    ) -> Option<Self> {
        let (through, axis) = (frame.through(line), frame.axis(line));
        let at = |t: f64| bone.quick_distance_mm(through + axis * t);
        let middle = at(0.0);
        if middle < 0.0 && gap_mm == 0.0 || middle.is_nan() {
            return None;
        }
        let [most_back, most_front] = frame.reach_mm;
        let (behind, back) =
            run(|n| at(-STEP_MM * n as f64), middle, most_back, gap_mm, most_back)?;
        let (ahead, front) =
            run(|n| at(STEP_MM * n as f64), middle, most_front, gap_mm, enough_mm)?;
        let mut distances: Vec<f64> = behind.iter().skip(1).rev().copied().collect();
        distances.extend(ahead);
        let first_mm = back - (behind.len() - 1) as f64 * STEP_MM;
        Some(Self {
            entry: through - axis * back,
            axis,
            chord_mm: back + front,
            isthmus_mm: back,
            distances,
            first_mm,
        })
    }
    /// Depth and distance to daylight of the samples from `from_mm` up to `to_mm`.
    pub fn between(&self, from_mm: f64, to_mm: f64) -> impl Iterator<Item = (f64, f64)> + '_ {
        let depth = |n: usize| self.first_mm + n as f64 * STEP_MM;
        let samples = self.distances.iter().enumerate().map(move |(n, d)| (depth(n), *d));
        samples.filter(move |(depth, _)| *depth >= from_mm && *depth <= to_mm)
    }
    /// No more than the distance to daylight at a depth: what the nearest sample leaves.
    pub fn least_at_mm(&self, depth_mm: f64) -> f64 {
        let place = ((depth_mm - self.first_mm) / STEP_MM).round().max(0.0) as usize;
        let place = place.min(self.distances.len() - 1);
        let way = (depth_mm - self.first_mm - place as f64 * STEP_MM).abs();
        self.distances[place] - way
    }
    /// Radius of the largest cylinder around the line between two depths, mm; negative where the
    /// line itself is in air.
    pub fn radius_mm(&self, from_mm: f64, to_mm: f64) -> f64 {
        self.between(from_mm, to_mm).map(|(_, d)| d).fold(f64::INFINITY, f64::min)
    }
}

/// Samples from the plane on until daylight or, in bone, `enough_mm`, and how far that is; `None`
/// where there is no end within `most_mm` or no bone.
fn run(
    at: impl Fn(usize) -> f64,
    middle: f64,
    most_mm: f64,
    gap_mm: f64,
    enough_mm: f64,
) -> Option<(Vec<f64>, f64)> {
    let most = (most_mm / STEP_MM) as usize;
    let gap = (gap_mm / STEP_MM) as usize;
    let mut samples = vec![middle];
    let mut last_inside = (middle >= 0.0).then_some(0);
    for n in 1..=most {
        let distance = at(n);
        samples.push(distance);
        if distance >= 0.0 {
            last_inside = Some(n);
            if n as f64 * STEP_MM >= enough_mm && n < most {
                return Some((samples, n as f64 * STEP_MM));
            }
        } else if n - last_inside.unwrap_or(0) > gap {
            let last = last_inside?;
            let (inside, outside) = (samples[last], samples[last + 1]);
            samples.truncate(last + 1);
            let share = inside / (inside - outside).max(1e-9);
            return Some((samples, (last as f64 + share) * STEP_MM));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anatomy::{Pedicle, VertebraAnatomy};
    use crate::labels::Level;
    use crate::space::{Rigid, Side};
    use glam::{DQuat, DVec3};

    fn frame(side: Side, anatomy: &VertebraAnatomy) -> (Frame, Pedicle) {
        let pedicle = Pedicle {
            side,
            isthmus: Point::new(14.0 * side.sign(), 20.0, 3.0),
            axis: -Dir::Y,
            width_mm: 8.0,
            height_mm: 14.0,
            least_mm: 8.0,
            span_mm: [-5.0, 5.0],
            chord_mm: 10.0,
            transverse_deg: 0.0,
            sagittal_deg: 0.0,
        };
        let bone = |_: Point<Patient>| 0.0;
        let site = Site {
            level: Level::L4,
            pedicle: &pedicle,
            anatomy,
            bone: &bone,
            above: None,
            canal: None,
            ct: None,
        };
        (Frame::new(&site, Style::Straight), pedicle)
    }

    fn anatomy() -> VertebraAnatomy {
        VertebraAnatomy {
            patient_from_vertebra: Rigid::new(DQuat::IDENTITY, DVec3::ZERO),
            canal_centre: Point::new(0.0, 20.0, 0.0),
            canal: None,
            upper_plate: None,
            lower_plate: None,
            body_mm: None,
            pedicles: Vec::new(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn convergence_is_towards_the_midline_on_both_sides() {
        for side in Side::BOTH {
            let (frame, pedicle) = frame(side, &anatomy());
            let line = [1.0, -2.0, 20.0, 8.0];
            let axis = frame.axis(&line);
            assert!((axis.length() - 1.0).abs() < 1e-12);
            let ahead = pedicle.isthmus + axis * 30.0;
            let nearer = frame.from_midline_mm(ahead) < frame.from_midline_mm(pedicle.isthmus);
            assert!(nearer && ahead.vec().z > pedicle.isthmus.vec().z, "{side}");
            let [convergence, cranial] = frame.angles_deg(axis);
            assert!((convergence - 20.0).abs() < 1e-9 && (cranial - 8.0).abs() < 1e-9);
            assert!((frame.through(&line).vec().x * side.sign() - 15.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_bore_is_as_long_as_the_bone_and_passes_allowed_gaps() {
        let (frame, _) = frame(Side::Left, &anatomy());
        // From y = 45 (back) to y = -20.3 (front), with a gap of 4 mm of air from 8 to 12.
        let bone = |p: Point<Patient>| {
            let y = p.vec().y;
            let solid = (45.0 - y).min(y + 20.3).min(9.0 - (p.vec().x - 14.0).abs());
            solid.min((y - 10.0).abs() - 2.0)
        };
        let line = [0.0, 0.0, 0.0, 0.0];
        let before_gap = Bore::new(&bone, &frame, &line, 0.0).expect("in bone");
        assert!((before_gap.chord_mm - 33.0).abs() < 1e-6, "{}", before_gap.chord_mm);
        let whole = Bore::new(&bone, &frame, &line, 6.0).expect("in bone");
        assert!((whole.chord_mm - 65.3).abs() < 1e-6, "{}", whole.chord_mm);
        assert!(
            (whole.entry.vec().y - 45.0).abs() < 1e-6 && (whole.isthmus_mm - 25.0).abs() < 1e-6
        );
        assert!((whole.radius_mm(5.0, 20.0) - 5.0).abs() < 1e-6);
        assert!(whole.radius_mm(5.0, 60.0) < -1.5);
        assert!(Bore::new(&bone, &frame, &[12.0, 0.0, 0.0, 0.0], 0.0).is_none());
    }
}
