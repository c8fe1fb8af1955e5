//! The spinal canal of one vertebra as a tube, and how far a screw is from it.
//!
//! In: the bone's signed distance and the measured anatomy. Out: [`Canal`]. The tube is the room
//! that can be seen, level by level, from the canal's middle: along every ray in the plane across
//! the vertebra's own z it ends at the first bone. Where a ray meets none (the openings between
//! pedicles, above and below the arch) it ends where the ray at the pedicles' height does. So the
//! tube ends at the medial walls and never reaches past them.
//!
//! The declared surface of the canal is that of the triangles between the ends of the rays, 80 in
//! each slice of 1 mm ([`Tube`]); a gap is the way to it, to rounding. Of a round canal of 9 mm it cuts
//! less than 0.01 mm off; in a corner of the bone between two rays, up to a millimetre apart there, more.
//! The search of a plan asks quickly: in the plane across the canal, by every second ray, at places
//! half a millimetre apart.

use super::SignedDistance;
use super::tube::{Outline, Tube};
use crate::anatomy::VertebraAnatomy;
use crate::space::{Dir, Patient, Point, Rigid, Vertebra};
use glam::{DVec2, DVec3};
use rayon::prelude::*;
use std::f64::consts::TAU;
use std::sync::LazyLock;

/// The tube reaches this far above and below the pedicles, mm.
const HALF_HEIGHT_MM: f64 = 22.0;
/// Slices are this far apart, mm.
const SLICE_MM: f64 = 1.0;
const SLICES: usize = 2 * HALF_HEIGHT_MM as usize + 1;
const MIDDLE: usize = SLICES / 2;
/// Rays in a slice that is asked quickly.
const RAYS: usize = 40;
/// Rays of the tube to one of these.
const FINER: usize = 2;
const TUBE_RAYS: usize = FINER * RAYS;
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
    /// The declared surface, around the middle of the middle slice.
    tube: Tube,
    origin: DVec3,
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
    pub fn new(bone: &(impl SignedDistance + Sync), anatomy: &VertebraAnatomy) -> Option<Self> {
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
        // Open rays end as the quick slices let them.
        let seen = first.iter().step_by(FINER).flatten();
        let widest = seen.fold(0.0_f64, |most, mm| most.max(*mm));
        let caps = first.map(|hit| hit.unwrap_or(widest));
        let beside = |middle: &mut DVec2, n: usize| {
            *middle = recentred(|q| at(q, height(n)), *middle);
            Some(*middle)
        };
        let below = || (0..MIDDLE).rev().scan(middle, beside).collect::<Vec<_>>();
        let above = || (MIDDLE + 1..SLICES).scan(middle, beside).collect::<Vec<_>>();
        let (below, above) = rayon::join(below, above);
        let middles: Vec<DVec2> = below.into_iter().rev().chain([middle]).chain(above).collect();
        let ends = |(n, middle): (usize, &DVec2)| ends(|q| at(q, height(n)), *middle, &caps);
        let radii: Vec<[f64; TUBE_RAYS]> = middles.par_iter().enumerate().map(ends).collect();
        let mut slices: Vec<Slice> =
            middles.iter().zip(&radii).map(|(middle, radii)| Slice::new(*middle, radii)).collect();
        for n in 1..slices.len() {
            slices[n - 1].moved_mm = slices[n - 1].farthest_to(&slices[n]);
        }
        let origin = middle.extend(centre.z);
        let outline = |n: usize| Outline::new(middles[n].extend(height(n)) - origin, &radii[n]);
        let tube = Tube::new((0..SLICES).map(outline).collect());
        let vertebra_from_patient = frame.inverse();
        Some(Self { vertebra_from_patient, height_mm: centre.z, slices, tube, origin })
    }

    /// How far a point is from the canal's surface, mm: positive outside, where past an end that end
    /// counts too, zero on its wall, negative inside by the way to the wall.
    pub fn gap_mm(&self, p: Point<Patient>) -> f64 {
        self.gap_to_screw_mm(p, Dir::Z, 0.0, 0.0)
    }

    /// Smallest gap between the canal's surface and a cylinder around a straight axis, its ends
    /// rounded, mm; negative by how far the cylinder reaches into the canal.
    pub fn gap_to_screw_mm(
        &self,
        entry: Point<Patient>,
        axis: Dir<Patient>,
        length_mm: f64,
        radius_mm: f64,
    ) -> f64 {
        let [from, to] = [entry, entry + axis * length_mm]
            .map(|p| (self.vertebra_from_patient.point(p).vec() - self.origin).as_vec3());
        f64::from(self.tube.gap_mm(from, to)) - radius_mm
    }

    /// About the same as [`Self::gap_mm`], told quickly: in the plane across the canal, where a wall that
    /// leans seems farther. Anything from `most_mm` on may be told as any number that is no less: much
    /// cheaper for points far away.
    pub fn quick_gap_up_to(&self, p: Point<Patient>, most_mm: f64) -> f64 {
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

    /// About the gap to a straight axis, [`Self::gap_to_screw_mm`] without a radius, told quickly: of
    /// places along it.
    pub fn quick_gap_to_axis_mm(
        &self,
        entry: Point<Patient>,
        axis: Dir<Patient>,
        length_mm: f64,
    ) -> f64 {
        const STEP_MM: f64 = 0.5;
        /// Every so many samples first, so that most of the others are seen to be too far at once.
        const COARSE: usize = 16;
        let steps = (length_mm / STEP_MM).ceil().max(1.0) as usize;
        let at = |n: usize| entry + axis * (length_mm * n as f64 / steps as f64);
        let nearer = |least: f64, n: usize| least.min(self.quick_gap_up_to(at(n), least));
        let mut least = (0..=steps).step_by(COARSE).fold(f64::INFINITY, nearer);
        let way_mm = length_mm / steps as f64 * self.steepest(entry, at(steps));
        let mut n = 0;
        while n <= steps {
            let (gap, past_end_mm) = self.in_plane(at(n), least);
            least = least.min(past_ends(gap, past_end_mm));
            // So far on nothing is nearer.
            n += ((gap - least) / way_mm).max(1.0).min(steps as f64 + 1.0) as usize;
        }
        least
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

impl Outline {
    fn new(middle: DVec3, radii: &[f64; TUBE_RAYS]) -> Self {
        let corner = |ray: usize| (middle + (direction(ray) * radii[ray]).extend(0.0)).as_vec3();
        Self { middle: middle.as_vec3(), corners: (0..TUBE_RAYS).map(corner).collect() }
    }
}

impl Slice {
    /// From the way to the ends of the tube's rays, mm.
    fn new(middle: DVec2, radii: &[f64; TUBE_RAYS]) -> Self {
        let corners = std::array::from_fn(|n| direction(FINER * n) * radii[FINER * n]);
        let most_mm = radii.iter().step_by(FINER).fold(0.0, |most: f64, mm| most.max(*mm));
        Self { middle, corners, most_mm, moved_mm: 0.0 }
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
        // In a slice without room all corners are one, and nothing is inside.
        let is_inside = (b - a).perp_dot(q - a) > 0.0;
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

/// Where each ray of the tube from `middle` ends, mm: at the first bone, or at its cap.
fn ends(at: impl Fn(DVec2) -> f64, middle: DVec2, caps: &[f64; TUBE_RAYS]) -> [f64; TUBE_RAYS] {
    let hits = cast(at, middle);
    std::array::from_fn(|ray| hits[ray].unwrap_or(f64::INFINITY).min(caps[ray]))
}

/// Where each ray of the tube from `middle` meets bone first, mm; `None` where it does not. All are 0
/// when `middle` is in bone.
fn cast(at: impl Fn(DVec2) -> f64, middle: DVec2) -> [Option<f64>; TUBE_RAYS] {
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

/// Of a ray of the tube.
fn direction(ray: usize) -> DVec2 {
    DVec2::from_angle(TAU * ray as f64 / TUBE_RAYS as f64)
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

    /// As far as its triangles may lie from a round canal of 9 mm: 80 rays cut 0.007 mm off, and a ray
    /// ends up to 0.005 mm in bone.
    const OF_ROUND_MM: f64 = 0.015;

    #[test]
    fn a_round_canal_is_as_far_as_it_is() {
        let canal = Canal::new(&ring, &anatomy()).expect("the middle is free");
        let about = |mm: f64, wanted: f64| (mm - wanted).abs() < OF_ROUND_MM;
        for n in 0..100 {
            let angle = 0.37 * f64::from(n);
            let height = 43.0 * (f64::from(n) * 0.618).fract() - 21.5;
            for r in [5.0, 8.9, 9.2, 13.0, 30.0] {
                let q = DVec2::new(2.0, 5.0) + DVec2::from_angle(angle) * r;
                let got = canal.gap_mm(Point::from_vec(q.extend(height)));
                assert!(about(got, r - 9.0), "{angle} {height} {r}: {got}");
            }
        }
        // Through the opening behind the tube ends where it does at the pedicles.
        let behind = canal.gap_mm(Point::new(2.0, 20.0, 10.0));
        assert!(about(behind, 6.0), "{behind}");
        // Past its end the end counts.
        let past = [(2.0, 8.0), (15.0, f64::hypot(4.0, 8.0))];
        for (x, wanted) in past {
            let got = canal.gap_mm(Point::new(x, 5.0, 30.0));
            assert!(about(got, wanted), "{x}: {got}, not {wanted}");
        }
    }

    #[test]
    fn a_screw_is_as_far_from_a_round_canal_as_its_nearest_place_is() {
        let canal = Canal::new(&ring, &anatomy()).expect("the middle is free");
        // Ahead of it, past it, through it and beside it, upwards as well.
        for (x, length, wanted) in
            [(17.0, 20.0, 15.0_f64.hypot(15.0) - 9.0), (17.0, 50.0, 6.0), (7.0, 50.0, -4.0)]
        {
            for rise in [0.0, 0.3] {
                let tip = Point::new(x, 40.0 - length, rise * length - 10.0);
                let entry = Point::new(x, 40.0, -10.0);
                let way = tip - entry;
                let axis = way.unit().expect("a direction");
                let got = canal.gap_to_screw_mm(entry, axis, way.length(), 3.0);
                assert!((got - (wanted - 3.0)).abs() < OF_ROUND_MM, "{x} {length} {rise}: {got}");
                // The search's way to ask is near that, and never tells less room.
                let quick = canal.quick_gap_to_axis_mm(entry, axis, way.length()) - 3.0;
                assert!((-0.02..0.1).contains(&(quick - got)), "{quick}, not {got}");
            }
        }
    }

    #[test]
    fn a_canal_that_closes_is_not_entered_where_it_is_closed() {
        let closed =
            |p: Point<Patient>| ring(p).max((p.vec().z - 10.0).min(25.0 - p.vec().x.abs()));
        let canal = Canal::new(&closed, &anatomy()).expect("the middle is free");
        let entry = Point::new(6.0, 40.0, 15.0);
        let quick = canal.quick_gap_to_axis_mm(entry, -Dir::Y, 50.0);
        let got = canal.gap_to_screw_mm(entry, -Dir::Y, 50.0, 0.0);
        assert!(quick > 3.0 && got > 3.0, "{quick} {got}");
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
            let at = |n: i32| entry + axis * (f64::from(n) * 0.5);
            let all = (0..=90).map(|n| canal.quick_gap_up_to(at(n), f64::INFINITY));
            let least = all.fold(f64::INFINITY, f64::min);
            let got = canal.quick_gap_to_axis_mm(entry, axis, 45.0);
            assert!((got - least).abs() < 1e-9, "{n}: {got}, not {least}");
        }
    }

    #[test]
    fn no_canal_is_found_in_solid_bone() {
        assert!(Canal::new(&|_: Point<Patient>| 5.0, &anatomy()).is_none());
    }
}
