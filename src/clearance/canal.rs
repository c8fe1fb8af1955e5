//! The spinal canal of one vertebra as a tube, and how far a screw is from it.
//!
//! In: the bone's signed distance and the measured anatomy. Out: [`Canal`]. The tube is the room
//! that can be seen, level by level, from the canal's middle: along every ray in the plane across
//! the vertebra's own z it ends at the first bone. Where a ray meets none (the openings between
//! pedicles, above and below the arch) it ends where the ray at the pedicles' height does. So the
//! tube ends at the medial walls and never reaches past them.

use super::SignedDistance;
use crate::anatomy::VertebraAnatomy;
use crate::space::{Dir, Patient, Point, Rigid, Vertebra};
use glam::DVec2;
use std::f64::consts::TAU;
use std::sync::LazyLock;

/// The tube reaches this far above and below the pedicles, mm.
const HALF_HEIGHT_MM: f64 = 22.0;
/// Slices are this far apart, mm.
const SLICE_MM: f64 = 1.0;
const SLICES: usize = 2 * HALF_HEIGHT_MM as usize + 1;
const MIDDLE: usize = SLICES / 2;
/// Rays in a slice.
const RAYS: usize = 40;
/// The sine of the angle from a ray to each of the next ones, 1 past a right angle: half a turn.
static SINES: LazyLock<[f64; RAYS / 2]> =
    LazyLock::new(|| std::array::from_fn(|n| (TAU * n.min(RAYS / 4) as f64 / RAYS as f64).sin()));
/// No canal reaches further from its middle, mm.
const REACH_MM: f64 = 19.0;
/// Shortest step of a ray, mm.
const LEAST_STEP_MM: f64 = 0.2;
/// From slice to slice the middle moves at most this far, mm.
const MOST_SHIFT_MM: f64 = 0.6;

/// The canal of one vertebra.
#[derive(Clone, Debug)]
pub struct Canal {
    vertebra_from_patient: Rigid<Vertebra, Patient>,
    /// Height of the middle slice in the vertebra's frame, mm.
    height_mm: f64,
    slices: Vec<Slice>,
}

/// One slice: corners of its outline around its middle.
#[derive(Clone, Debug)]
struct Slice {
    middle: DVec2,
    corners: [DVec2; RAYS],
    /// The farthest corner from the middle, mm.
    most_mm: f64,
    /// The farthest that a corner lies from the same corner of the slice above, mm.
    moved_mm: f64,
}

impl Canal {
    /// The canal of a bone; `None` where the measured middle of the canal lies in bone.
    pub fn new(bone: &impl SignedDistance, anatomy: &VertebraAnatomy) -> Option<Self> {
        let frame = anatomy.patient_from_vertebra;
        let centre = frame.inverse().point(anatomy.canal_centre).vec();
        let at =
            |q: DVec2, z: f64| bone.quick_distance_mm(frame.point(Point::from_vec(q.extend(z))));
        if !(at(centre.truncate(), centre.z) < 0.0) {
            return None;
        }
        let height = |n: usize| centre.z + (n as f64 - MIDDLE as f64) * SLICE_MM;
        // The measured middle is no more than near the middle; ends of open rays hang on it.
        let middle = (0..5).fold(centre.truncate(), |m, _| recentred(|q| at(q, centre.z), m));
        let first = cast(|q| at(q, centre.z), middle);
        let widest = first.iter().flatten().fold(0.0_f64, |most, mm| most.max(*mm));
        let caps = first.map(|hit| hit.unwrap_or(widest));
        let mut middles = vec![middle; SLICES];
        for n in (0..MIDDLE).rev() {
            middles[n] = recentred(|q| at(q, height(n)), middles[n + 1]);
        }
        for n in MIDDLE + 1..SLICES {
            middles[n] = recentred(|q| at(q, height(n)), middles[n - 1]);
        }
        let slices = middles.into_iter().enumerate();
        let slices = slices.map(|(n, middle)| Slice::new(|q| at(q, height(n)), middle, &caps));
        let mut slices: Vec<Slice> = slices.collect();
        for n in 1..slices.len() {
            slices[n - 1].moved_mm = slices[n - 1].farthest_to(&slices[n]);
        }
        Some(Self { vertebra_from_patient: frame.inverse(), height_mm: centre.z, slices })
    }

    /// How far a point is from the canal in the plane across it, mm: positive outside, zero on its
    /// wall, negative inside. Above and below the tube the way to its end counts too.
    pub fn gap_mm(&self, p: Point<Patient>) -> f64 {
        self.gap_up_to(p, f64::INFINITY)
    }

    /// The same, but anything from `most_mm` on may be told as any number that is no less: much
    /// cheaper for points far away.
    pub fn gap_up_to(&self, p: Point<Patient>, most_mm: f64) -> f64 {
        let (gap, past_end_mm) = self.in_plane(p, most_mm);
        past_ends(gap, past_end_mm)
    }

    /// The gap in the plane across the canal, told so, of the tube without ends; and how far the
    /// point lies past an end.
    fn in_plane(&self, p: Point<Patient>, most_mm: f64) -> (f64, f64) {
        let local = self.vertebra_from_patient.point(p).vec();
        let place = (local.z - self.height_mm) / SLICE_MM + MIDDLE as f64;
        let held = place.clamp(0.0, (SLICES - 1) as f64);
        let past_end = (place - held).abs() * SLICE_MM;
        let lower = (held as usize).min(SLICES - 2);
        let between = |most_mm: f64| {
            let [below, above] = [&self.slices[lower], &self.slices[lower + 1]]
                .map(|slice| slice.gap(local.truncate(), most_mm));
            (below + (above - below) * (held - lower as f64), below.max(above))
        };
        let (mut gap, most) = between(most_mm);
        // One slice that was told roughly makes what lies between the two rough.
        if gap < most_mm && most > most_mm {
            gap = between(f64::INFINITY).0;
        }
        (gap, past_end)
    }

    /// Smallest gap between the canal and a cylinder around a straight axis, its ends rounded, mm;
    /// negative by how far the cylinder reaches into the canal.
    pub fn gap_to_screw_mm(
        &self,
        entry: Point<Patient>,
        axis: Dir<Patient>,
        length_mm: f64,
        radius_mm: f64,
    ) -> f64 {
        const STEP_MM: f64 = 0.5;
        /// Every so many samples first, so that most of the others are seen to be too far at once.
        const COARSE: usize = 16;
        let steps = (length_mm / STEP_MM).ceil().max(1.0) as usize;
        let at = |n: usize| entry + axis * (length_mm * n as f64 / steps as f64);
        let nearer = |least: f64, n: usize| least.min(self.gap_up_to(at(n), least));
        let mut least = (0..=steps).step_by(COARSE).fold(f64::INFINITY, nearer);
        let way_mm = length_mm / steps as f64 * self.steepest(entry, at(steps));
        let mut n = 0;
        while n <= steps {
            let (gap, past_end_mm) = self.in_plane(at(n), least);
            least = least.min(past_ends(gap, past_end_mm));
            // So far on nothing is nearer.
            n += ((gap - least) / way_mm).max(1.0).min(steps as f64 + 1.0) as usize;
        }
        least - radius_mm
    }

    /// The gap in the plane changes by no more than this per mm on the way between two points.
    fn steepest(&self, from: Point<Patient>, to: Point<Patient>) -> f64 {
        let [a, b] = [from, to].map(|p| self.vertebra_from_patient.point(p).vec());
        let place = |z: f64| (z - self.height_mm) / SLICE_MM + MIDDLE as f64;
        let [first, last] = [a.z.min(b.z), a.z.max(b.z)].map(place);
        let [first, last] =
            [first.floor(), last.floor()].map(|n| n.clamp(0.0, SLICES as f64 - 2.0));
        let moved = self.slices[first as usize..=last as usize].iter().map(|slice| slice.moved_mm);
        let moved = moved.fold(0.0, f64::max);
        let way = (b - a).normalize_or_zero();
        way.truncate().length() + way.z.abs() * moved / SLICE_MM
    }
}

/// A gap of the tube without ends, and the way past its end.
fn past_ends(gap: f64, past_end_mm: f64) -> f64 {
    if past_end_mm > 0.0 { gap.max(0.0).hypot(past_end_mm) } else { gap }
}

impl Slice {
    fn new(at: impl Fn(DVec2) -> f64, middle: DVec2, caps: &[f64; RAYS]) -> Self {
        let hits = cast(at, middle);
        let radii: [f64; RAYS] =
            std::array::from_fn(|ray| hits[ray].unwrap_or(f64::INFINITY).min(caps[ray]));
        Self {
            middle,
            corners: std::array::from_fn(|ray| direction(ray) * radii[ray]),
            most_mm: radii.iter().fold(0.0, |most, mm| most.max(*mm)),
            moved_mm: 0.0,
        }
    }

    /// The farthest that a corner lies from the same corner of another slice, mm: no gap differs by
    /// more between the two.
    fn farthest_to(&self, other: &Self) -> f64 {
        let shift = other.middle - self.middle;
        let pairs = self.corners.iter().zip(&other.corners);
        pairs.map(|(a, b)| (*b + shift - *a).length()).fold(0.0, f64::max)
    }

    /// Signed way to the outline in the slice's plane.
    fn gap(&self, p: DVec2, most_mm: f64) -> f64 {
        let q = p - self.middle;
        let far = q.length() - self.most_mm;
        if far > most_mm {
            return far;
        }
        let first = ray_before(q);
        let edge = |ray: usize| (self.corners[ray % RAYS], self.corners[(ray + 1) % RAYS]);
        let (a, b) = edge(first);
        let is_inside = (b - a).perp_dot(q - a) >= 0.0;
        let to_edge = |ray: usize| {
            let (a, b) = edge(ray);
            let along = b - a;
            let t = (q - a).dot(along) / along.length_squared().max(1e-24);
            q.distance_squared(a + along * t.clamp(0.0, 1.0))
        };
        // An edge seen at an angle from q is at least q.length() * sin(angle) away, past a right angle
        // q.length(): stop, in each turning sense, when that is further than what was found.
        let mut nearest = to_edge(first);
        for turn in [1, RAYS - 1] {
            let mut ray = first;
            for sin in SINES.iter() {
                if q.length_squared() * sin * sin > nearest {
                    break;
                }
                ray = (ray + turn) % RAYS;
                nearest = nearest.min(to_edge(ray));
            }
        }
        let nearest = nearest.sqrt();
        if is_inside { -nearest } else { nearest }
    }
}

/// Where each ray from `middle` meets bone first, mm; `None` where it does not. All are 0 when
/// `middle` is in bone.
fn cast(at: impl Fn(DVec2) -> f64, middle: DVec2) -> [Option<f64>; RAYS] {
    std::array::from_fn(|ray| reach(&at, middle, direction(ray)))
}

fn reach(at: &impl Fn(DVec2) -> f64, from: DVec2, along: DVec2) -> Option<f64> {
    let (mut radius, mut before) = (0.0, 0.0);
    loop {
        let distance = at(from + along * radius);
        if !(distance < 0.0) {
            return Some(bisected(|r| at(from + along * r), before, radius));
        }
        if radius >= REACH_MM {
            return None;
        }
        before = radius;
        radius = (radius + (-distance).max(LEAST_STEP_MM)).min(REACH_MM);
    }
}

fn bisected(at: impl Fn(f64) -> f64, mut outside: f64, mut inside: f64) -> f64 {
    while inside - outside > 0.005 {
        let middle = 0.5 * (inside + outside);
        if at(middle) < 0.0 { outside = middle } else { inside = middle }
    }
    inside
}

/// The middle of the chords through `middle`, a small way from it; itself where they do not end.
fn recentred(at: impl Fn(DVec2) -> f64, middle: DVec2) -> DVec2 {
    let chord = |along: DVec2| {
        let (there, back) = (reach(&at, middle, along)?, reach(&at, middle, -along)?);
        Some(along * ((there - back) / 2.0))
    };
    let shift = chord(DVec2::X).unwrap_or_default() + chord(DVec2::Y).unwrap_or_default();
    let there = middle + shift.clamp_length_max(MOST_SHIFT_MM);
    if at(there) < 0.0 { there } else { middle }
}

fn direction(ray: usize) -> DVec2 {
    DVec2::from_angle(TAU * (ray % RAYS) as f64 / RAYS as f64)
}

fn ray_before(q: DVec2) -> usize {
    (q.to_angle().rem_euclid(TAU) / TAU * RAYS as f64) as usize % RAYS
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DQuat;

    fn ring(p: Point<Patient>) -> f64 {
        // Bone between a canal of radius 9 around (2, 5) and an outer cylinder of radius 25; open
        // behind (the interlaminar room) above z = 6.
        let p = p.vec();
        let r = (p.truncate() - DVec2::new(2.0, 5.0)).length();
        let shell = (r - 9.0).min(25.0 - r);
        let open = (p.z - 6.0).min(p.y - 5.0).min(6.0 - (p.x - 2.0).abs());
        shell.min(-open)
    }

    fn anatomy() -> VertebraAnatomy {
        VertebraAnatomy {
            patient_from_vertebra: Rigid::new(DQuat::IDENTITY, glam::DVec3::ZERO),
            canal_centre: Point::new(2.5, 5.5, 0.0),
            canal: None,
            upper_plate: None,
            lower_plate: None,
            body_mm: None,
            pedicles: Vec::new(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_round_canal_is_as_far_as_it_is() {
        let canal = Canal::new(&ring, &anatomy()).expect("the middle is free");
        for (x, z, wanted) in
            [(2.0, 0.0, -9.0), (15.0, 0.0, 4.0), (15.0, 9.0, 4.0), (-9.0, -12.0, 2.0)]
        {
            let got = canal.gap_mm(Point::new(x, 5.0, z));
            assert!((got - wanted).abs() < 0.15, "{x} {z}: {got}, not {wanted}");
        }
        // Through the opening behind the tube ends where it does at the pedicles.
        let behind = canal.gap_mm(Point::new(2.0, 20.0, 10.0));
        assert!((behind - 6.0).abs() < 0.7, "{behind}");
        let screw = canal.gap_to_screw_mm(Point::new(17.0, 40.0, 0.0), -Dir::Y, 50.0, 3.0);
        assert!((screw - 3.0).abs() < 0.15, "{screw}");
    }

    #[test]
    fn leaving_samples_out_finds_the_same_gap_as_all_of_them() {
        let canal = Canal::new(&ring, &anatomy()).expect("the middle is free");
        for n in 0..400 {
            let part = |step: f64| (f64::from(n) * step).fract();
            let entry = Point::new(
                50.0 * part(0.618) - 23.0,
                45.0 * part(0.755) - 5.0,
                50.0 * part(0.570) - 25.0,
            );
            let axis = Dir::new(2.0 * part(0.819) - 1.0, -1.0, 3.0 * part(0.671) - 1.5);
            let axis = axis.unit().expect("a direction");
            let all = (0..=90).map(|n| canal.gap_mm(entry + axis * (f64::from(n) * 0.5)));
            let least = all.fold(f64::INFINITY, f64::min);
            let got = canal.gap_to_screw_mm(entry, axis, 45.0, 0.0);
            assert!((got - least).abs() < 1e-9, "{n}: {got}, not {least}");
        }
    }

    #[test]
    fn no_canal_is_found_in_solid_bone() {
        assert!(Canal::new(&|_: Point<Patient>| 5.0, &anatomy()).is_none());
    }
}
