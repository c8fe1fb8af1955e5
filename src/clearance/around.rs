//! What lies around a screw, apart from the letter: canal, pedicle walls, neighbouring bones and
//! screws.
//!
//! In: a screw, and what is known of its surroundings. Out: gaps in mm, positive while there is
//! room, negative by how far the screw reaches in. A screw is a cylinder with rounded ends here,
//! the sphere of its radius carried from entry to tip.

use super::entry::about_bone_depth_mm;
use super::foramen::Foramen;
use super::grade::{ENTRY_ZONE_MM, nearest_pedicle};
use super::wall::WallFrame;
use super::{Canal, ScrewShape, SignedDistance, Voxels};
use crate::anatomy::VertebraAnatomy;
use crate::space::{Dir, Patient, Point};
use serde::Serialize;

/// Samples along a screw are this far apart, mm.
const STEP_MM: f64 = 0.5;
/// So near to touching, gaps to other bones are measured by their triangles, mm.
const EXACT_WITHIN_MM: f64 = 2.0;
/// Walls are looked for this far from the axis, mm.
const REACH_MM: f64 = 30.0;

/// Gaps between a screw and what lies around it, mm. `None` where the case does not have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Around {
    /// To the spinal canal.
    pub canal_mm: Option<f64>,
    /// Bone left towards each wall of the pedicle, within its span and past the entry zone: medial,
    /// lateral, cranial, caudal.
    pub walls_mm: Option<[f64; 4]>,
    /// To the nearer of the foramina above and below its pedicle, by which the roots leave.
    pub foramen_mm: Option<f64>,
    /// Between the shaft and the bone of the level above.
    pub above_mm: Option<f64>,
    /// Between the head and the bone of the level above.
    pub head_above_mm: Option<f64>,
    /// Between the shaft and the bone of the level below.
    pub below_mm: Option<f64>,
    /// How far the axis runs inside the bone of the level above, mm of its length.
    pub run_in_above_mm: Option<f64>,
}

/// A vertebra: its bone and what was measured of it.
#[derive(Debug)]
pub struct Neighbour<'a, B> {
    /// The bone.
    pub bone: &'a B,
    /// Its anatomy.
    pub anatomy: &'a VertebraAnatomy,
}

impl<B> Clone for Neighbour<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Neighbour<'_, B> {}

/// Measures what lies around a screw in the vertebra `own`. A screw whose numbers make no sense has no
/// gaps.
pub fn around<B: SignedDistance>(
    screw: &ScrewShape,
    head: HeadShape,
    own: Neighbour<'_, B>,
    canal: Option<&Canal>,
    above: Option<Neighbour<'_, B>>,
    below: Option<Neighbour<'_, B>>,
) -> Around {
    let Some(axis) = screw.axis.unit().filter(|_| screw.length_mm.is_finite()) else {
        return Around::default();
    };
    let radius = screw.diameter_mm / 2.0;
    let along = |other: Neighbour<'_, B>| along_in_bone(screw, axis, other.bone, radius);
    let above_mm = above.map(along);
    let pairs = [above.map(|other| [other, own]), below.map(|other| [own, other])];
    let foramina = pairs.into_iter().flatten().filter_map(|[upper, lower]| {
        let side = nearest_pedicle(screw, axis, own.anatomy)?.side;
        Foramen::between(upper, lower, side)
    });
    Around {
        canal_mm: canal.map(|c| c.gap_to_screw_mm(screw.entry, axis, screw.length_mm, radius)),
        walls_mm: walls_mm(screw, axis, own.bone, own.anatomy),
        foramen_mm: foramina.map(|foramen| foramen.gap_mm(screw, axis)).reduce(f64::min),
        above_mm: above_mm.map(|(deepest, _)| -deepest - radius),
        head_above_mm: above.map(|other| head_gap_mm(screw, axis, head, other.bone)),
        below_mm: below.map(|other| -along(other).0 - radius),
        run_in_above_mm: above_mm.map(|(_, run)| run),
    }
}

/// The gap between a screw and a structure of voxels, mm; negative by how far the screw reaches in. NaN
/// for a screw whose numbers make no sense.
pub fn gap_to_voxels_mm(screw: &ScrewShape, structure: &Voxels) -> f64 {
    let Some(axis) = screw.axis.unit().filter(|_| screw.length_mm.is_finite()) else {
        return f64::NAN;
    };
    let depth = |p| structure.signed_distance_mm(p);
    let steepest = structure.steepest(axis);
    let left_out = |mm: f64| mm / steepest;
    -along(screw, axis, depth, left_out).0 - screw.diameter_mm / 2.0
}

/// The gap between two screws, mm; negative by how far they run into each other.
pub fn gap_between_mm(a: &ScrewShape, b: &ScrewShape) -> f64 {
    let (Some(u), Some(v)) = (a.axis.unit(), b.axis.unit()) else { return f64::NAN };
    let (from_a, from_b) =
        ([a.entry, a.entry + u * a.length_mm], [b.entry, b.entry + v * b.length_mm]);
    segment_distance(from_a, from_b) - (a.diameter_mm + b.diameter_mm) / 2.0
}

/// A screw's head: a cylinder about the axis, behind the entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadShape {
    /// Its radius, mm.
    pub radius_mm: f64,
    /// From where to where it reaches behind the entry, mm.
    pub behind_mm: [f64; 2],
}

impl HeadShape {
    /// A head begins so far behind the entry, mm; K.
    pub const FROM_MM: f64 = 2.0;
    /// As large as polyaxial heads usually are, for a screw that no catalogue has; K.
    pub const USUAL: Self = Self { radius_mm: 6.5, behind_mm: [Self::FROM_MM, 14.0] };
}

/// The gap between the heads of two screws, mm; negative by how far they run into each other. Ends
/// are taken as rounded over, so heads end to end have up to a radius more of room each than is told.
pub fn gap_between_heads_mm(a: (&ScrewShape, HeadShape), b: (&ScrewShape, HeadShape)) -> f64 {
    let part = |(screw, head): (&ScrewShape, HeadShape)| {
        let axis = screw.axis.unit()?;
        Some(head.behind_mm.map(|mm| screw.entry - axis * mm))
    };
    let (Some(from_a), Some(from_b)) = (part(a), part(b)) else { return f64::NAN };
    segment_distance(from_a, from_b) - a.1.radius_mm - b.1.radius_mm
}

/// The gap between the head of one screw and the shaft of another, mm; negative by how far they run
/// into each other. The head's ends are flat, the shaft's rounded.
pub fn gap_head_to_shaft_mm((screw, head): (&ScrewShape, HeadShape), other: &ScrewShape) -> f64 {
    let (Some(axis), Some(along)) = (screw.axis.unit(), other.axis.unit()) else { return f64::NAN };
    let to_head = |mm: f64| {
        let from_entry = other.entry + along * mm - screw.entry;
        let behind = -from_entry.dot(axis);
        let past = (head.behind_mm[0] - behind).max(behind - head.behind_mm[1]);
        let aside = (from_entry + axis * behind).length() - head.radius_mm;
        let out = past.max(aside);
        if out > 0.0 { past.max(0.0).hypot(aside.max(0.0)) } else { out }
    };
    // Going along a line the distance to a body without hollows falls, then rises.
    let [mut low, mut high] = [0.0, other.length_mm];
    while high - low > 1e-3 {
        let [a, b] = [low + (high - low) / 3.0, high - (high - low) / 3.0];
        if to_head(a) < to_head(b) { high = b } else { low = a }
    }
    to_head((low + high) / 2.0) - other.diameter_mm / 2.0
}

/// How deep a point on an axis lies in a bone, mm, negative outside: exactly where metal of so much
/// radius around it is nearly touching, quickly where there is plenty of room.
fn depth_mm(bone: &impl SignedDistance, p: Point<Patient>, radius_mm: f64) -> f64 {
    let quick = bone.quick_distance_mm(p);
    let is_near = quick > -(radius_mm + EXACT_WITHIN_MM);
    if is_near { bone.signed_distance_mm(p) } else { quick }
}

/// How deep the axis runs in something else, mm, negative while it stays out; and on what length it
/// runs inside. `depth_mm` tells how deep a point lies; where it tells so much less than elsewhere,
/// `left_out_mm` says how far on nothing can be as deep.
fn along(
    screw: &ScrewShape,
    axis: Dir<Patient>,
    depth_mm: impl Fn(Point<Patient>) -> f64,
    left_out_mm: impl Fn(f64) -> f64,
) -> (f64, f64) {
    /// Every so many samples first, so that most of the others are seen not to matter.
    const COARSE: usize = 16;
    let steps = (screw.length_mm / STEP_MM).ceil().max(1.0) as usize;
    let step_mm = screw.length_mm / steps as f64;
    let at = |n: usize| depth_mm(screw.entry + axis * (n as f64 * step_mm));
    let mut deepest = (0..=steps).step_by(COARSE).map(at).fold(f64::NEG_INFINITY, f64::max);
    let (mut inside, mut n) = (0, 0);
    while n <= steps {
        let depth = at(n);
        deepest = f64::max(deepest, depth);
        inside += usize::from(depth > 0.0);
        n += ((left_out_mm(deepest.min(0.0) - depth) / step_mm) as usize).max(1);
    }
    (deepest, inside as f64 * STEP_MM)
}

/// How deep the axis runs in a bone, and on what length it runs inside.
fn along_in_bone(
    screw: &ScrewShape,
    axis: Dir<Patient>,
    bone: &impl SignedDistance,
    radius_mm: f64,
) -> (f64, f64) {
    /// A distance changes by no more than the way between two places, but far from a bone it may be
    /// told too large: no longer way is left out, mm.
    const MOST_LEFT_OUT_MM: f64 = 2.0;
    along(screw, axis, |p| depth_mm(bone, p, radius_mm), |mm| mm.min(MOST_LEFT_OUT_MM))
}

/// From the head's surface to another bone, mm.
fn head_gap_mm(
    screw: &ScrewShape,
    axis: Dir<Patient>,
    head: HeadShape,
    other: &impl SignedDistance,
) -> f64 {
    let HeadShape { radius_mm: radius, behind_mm: [from, to] } = head;
    // Spheres of the head's radius fill it; those at its ends stay within it.
    let (first, last) = (from + radius.min((to - from) / 2.0), to - radius.min((to - from) / 2.0));
    let at = |share: f64| screw.entry - axis * (first + (last - first) * share);
    let deepest = [0.0, 0.5, 1.0].map(|share| depth_mm(other, at(share), radius));
    -deepest.into_iter().fold(f64::NEG_INFINITY, f64::max) - radius
}

/// Bone left towards medial, lateral, cranial and caudal, in planes across the pedicle's axis
/// within its span. `None` without a pedicle, and where the axis is not in bone there.
fn walls_mm(
    screw: &ScrewShape,
    axis: Dir<Patient>,
    bone: &impl SignedDistance,
    anatomy: &VertebraAnatomy,
) -> Option<[f64; 4]> {
    let pedicle = nearest_pedicle(screw, axis, anatomy)?;
    let frame = WallFrame::of_pedicle(pedicle, anatomy)?;
    let forward = pedicle.axis.unit()?;
    let slope = axis.dot(forward);
    if slope < 0.2 {
        return None;
    }
    let judged_from =
        about_bone_depth_mm(bone, screw.entry, axis, screw.length_mm)? + ENTRY_ZONE_MM;
    let [back, front] = pedicle.span_mm;
    let planes = (front - back).max(0.0).ceil().max(1.0);
    let step_mm = (front - back) / planes;
    let outward = frame.outward();
    let mut least = [f64::INFINITY; 4];
    // From the isthmus on to both ends: where it is narrow, the others are seen to have more room.
    let at_isthmus = (-back / step_mm.max(1e-9)).round().clamp(0.0, planes);
    let to_ends = (0..=planes as usize).map(|n| n as f64);
    let in_turn = to_ends.flat_map(|n| [at_isthmus + n, at_isthmus - n - 1.0]);
    for n in in_turn.filter(|n| (0.0..=planes).contains(n)) {
        let plane = pedicle.isthmus + forward * (back + step_mm * n);
        let depth = (plane - screw.entry).dot(forward) / slope;
        if !(judged_from..=screw.length_mm).contains(&depth) {
            continue;
        }
        let from = screw.entry + axis * depth;
        let inside = bone.quick_distance_mm(from);
        if inside.is_nan() || inside < 0.0 {
            return None;
        }
        for (slot, dir) in least.iter_mut().zip(outward) {
            *slot = slot.min(way_out_mm(bone, from, inside, dir, slot.min(REACH_MM)));
        }
    }
    let radius = screw.diameter_mm / 2.0;
    least.iter().all(|mm| mm.is_finite()).then(|| least.map(|mm| mm - radius))
}

/// From a point, `inside` bone by so many mm, along a direction to the first way out of it, mm, told
/// no larger than `most_mm`.
fn way_out_mm(
    bone: &impl SignedDistance,
    from: Point<Patient>,
    mut inside: f64,
    dir: Dir<Patient>,
    most_mm: f64,
) -> f64 {
    let mut way = 0.0;
    while way + inside < most_mm {
        let step = inside.max(0.1);
        let next = bone.quick_distance_mm(from + dir * (way + step));
        if next < 0.0 {
            return way + step * inside / (inside - next).max(1e-9);
        }
        (way, inside) = (way + step, next);
    }
    most_mm
}

/// The smallest distance between two straight lines' parts (Ericson, Real-Time Collision
/// Detection, 5.1.9).
fn segment_distance([p1, q1]: [Point<Patient>; 2], [p2, q2]: [Point<Patient>; 2]) -> f64 {
    let (d1, d2, r) = (q1 - p1, q2 - p2, p1 - p2);
    let (a, e, f) = (d1.dot(d1), d2.dot(d2), d2.dot(r));
    let (b, c) = (d1.dot(d2), d1.dot(r));
    let denominator = a * e - b * b;
    let mut s = match denominator > 1e-9 * a * e {
        true => ((b * f - c * e) / denominator).clamp(0.0, 1.0),
        false => 0.0,
    };
    let mut t = (b * s + f) / e.max(1e-12);
    if !(0.0..=1.0).contains(&t) {
        t = t.clamp(0.0, 1.0);
        s = ((b * t - c) / a.max(1e-12)).clamp(0.0, 1.0);
    }
    (p1 + d1 * s).distance(p2 + d2 * t)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clearance::schemes::tests::{anatomy, bone};

    fn screw(x: f64, axis: Dir<Patient>) -> ScrewShape {
        ScrewShape { entry: Point::new(x, 0.0, 0.0), axis, length_mm: 40.0, diameter_mm: 6.0 }
    }

    #[test]
    fn no_room_to_the_walls_is_told_of_an_axis_out_of_bone() {
        // The pedicle of 8 mm runs along -y, 12 mm to the left.
        let anatomy = anatomy();
        let walls = |x: f64| {
            let entry = Point::new(x, 19.0, 0.0);
            let screw = ScrewShape { entry, axis: -Dir::Y, length_mm: 35.0, diameter_mm: 4.0 };
            walls_mm(&screw, -Dir::Y, &bone, &anatomy)
        };
        let [medial, lateral, ..] = walls(13.0).expect("in bone");
        assert!((medial - 3.0).abs() < 0.05 && (lateral - 1.0).abs() < 0.05, "{medial} {lateral}");
        assert_eq!(walls(17.5), None);
    }

    #[test]
    fn screws_side_by_side_and_crossing() {
        let straight = screw(0.0, -Dir::Y);
        assert!((gap_between_mm(&straight, &screw(20.0, -Dir::Y)) - 14.0).abs() < 1e-9);
        let inwards = screw(20.0, Dir::new(-0.5, -1.0, 0.0));
        let across = gap_between_mm(&straight, &inwards);
        assert!(across < -1.0, "they meet near the tips: {across}");
        let lifted = ScrewShape { entry: Point::new(20.0, 0.0, 7.0), ..inwards };
        assert!(gap_between_mm(&straight, &lifted) > 0.9);
        let nowhere = ScrewShape { axis: Dir::new(0.0, 0.0, 0.0), ..straight };
        assert!(gap_between_mm(&straight, &nowhere).is_nan());
    }

    #[test]
    fn heads_side_by_side_touch_where_shafts_do_not() {
        let head = HeadShape { radius_mm: 6.5, behind_mm: [2.0, 14.0] };
        let gap = |a: &ScrewShape, b: &ScrewShape| gap_between_heads_mm((a, head), (b, head));
        let straight = screw(0.0, -Dir::Y);
        assert!((gap(&straight, &screw(14.0, -Dir::Y)) - 1.0).abs() < 1e-9);
        // Leaning towards each other behind, heads meet and shafts part.
        let leaning = screw(16.0, Dir::new(0.3, -1.0, 0.0));
        assert!(gap(&straight, &leaning) < 0.0 && gap_between_mm(&straight, &leaning) > 9.0);
        let parted = screw(16.0, Dir::new(-0.3, -1.0, 0.0));
        assert!(gap(&straight, &parted) > 3.0);
    }

    #[test]
    fn a_head_beside_the_shaft_of_another_screw() {
        let head = HeadShape { radius_mm: 6.5, behind_mm: [2.0, 14.0] };
        let gap = |a: &ScrewShape, b: &ScrewShape| gap_head_to_shaft_mm((a, head), b);
        let straight = screw(0.0, -Dir::Y);
        // A shaft that passes 10 mm behind the entry, through the head or 4 mm above it.
        let across =
            |z: f64| ScrewShape { entry: Point::new(-20.0, 10.0, z), ..screw(0.0, Dir::X) };
        assert!((gap(&straight, &across(13.5)) - 4.0).abs() < 1e-3);
        assert!(
            (gap(&straight, &across(0.0)) + 7.0).abs() < 1e-3,
            "{}",
            gap(&straight, &across(0.0))
        );
        // Before the head, where its flat end leaves room, and beside it from its own entry on.
        let before = ScrewShape { entry: Point::new(-20.0, -2.0, 0.0), ..screw(0.0, Dir::X) };
        assert!((gap(&straight, &before) - 1.0).abs() < 1e-3);
        let beside = gap(&straight, &screw(14.0, -Dir::Y));
        assert!((beside - (7.5_f64.hypot(2.0) - 3.0)).abs() < 1e-3, "{beside}");
        let nowhere = ScrewShape { axis: Dir::new(0.0, 0.0, 0.0), ..straight };
        assert!(gap(&straight, &nowhere).is_nan() && gap(&nowhere, &straight).is_nan());
    }

    #[test]
    fn the_gap_between_parts_is_that_of_their_densest_samples() {
        let mut seed = 7_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) as f64 / (1u64 << 31) as f64 * 40.0 - 20.0
        };
        for _ in 0..50 {
            let mut p = || Point::<Patient>::new(next(), next(), next());
            let (a, b) = ([p(), p()], [p(), p()]);
            let at = |s: [Point<Patient>; 2], n: usize| s[0].lerp(s[1], n as f64 / 200.0);
            let pairs = (0..=200).flat_map(|i| (0..=200).map(move |j| (i, j)));
            let sampled = pairs.map(|(i, j)| at(a, i).distance(at(b, j)));
            let sampled = sampled.fold(f64::INFINITY, f64::min);
            let exact = segment_distance(a, b);
            assert!(exact <= sampled + 1e-9 && sampled - exact < 0.3, "{exact} {sampled}");
        }
    }
}
