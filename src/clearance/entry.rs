//! Where an axis enters bone. In: a bone and a line. Out: a point of the bone's surface.

use super::{ScrewShape, SignedDistance};
use crate::space::{Dir, Patient, Point};

/// How far behind and ahead of the given point bone is looked for, mm: more than any vertebra is deep.
const REACH_MM: f64 = 120.0;
/// Shortest step of a march, mm; bone thinner than this along the line may be stepped over.
const LEAST_STEP_MM: f64 = 0.05;
/// Longest step of a march, mm: far from bone a distance may be told too large, and the march must
/// not leap over it.
const MOST_STEP_MM: f64 = 2.0;

/// The first crossing from outside into bone on the line through `through` along `axis`, coming
/// from behind (from −`axis`): where a screw on this line enters bone.
///
/// `None` when the line meets no bone within 120 mm of `through`, when it is already in bone there,
/// or when `axis` has no direction.
pub fn entry_on_axis(
    bone: &impl SignedDistance,
    through: Point<Patient>,
    axis: Dir<Patient>,
) -> Option<Point<Patient>> {
    let axis = axis.unit().filter(|_| through.is_finite())?;
    let start = through - axis * REACH_MM;
    if bone.quick_distance_mm(start) >= 0.0 {
        return None;
    }
    Some(start + axis * first_bone_mm(bone, start, axis, 2.0 * REACH_MM)?)
}

/// Depth from which on the screw is judged, before the entry zone is added: where its axis first
/// is in bone, so that a stated entry in the air behind the bone does no harm.
///
/// Air *between* bones is no excuse: where the axis already met bone behind the stated entry (an
/// entry inside the canal), the answer is 0. `None` when the axis meets no bone at all.
pub(super) fn bone_depth_mm(
    bone: &impl SignedDistance,
    entry: Point<Patient>,
    axis: Dir<Patient>,
    length_mm: f64,
) -> Option<f64> {
    let depth = first_bone_mm(bone, entry, axis, length_mm)?;
    let has_bone_behind = depth > 0.0 && first_bone_mm(bone, entry, -axis, REACH_MM).is_some();
    Some(if has_bone_behind { 0.0 } else { depth })
}

/// Whether a screw's axis meets this bone anywhere between entry and tip.
pub fn meets_bone(bone: &impl SignedDistance, screw: &ScrewShape) -> bool {
    let along = screw.axis.unit().filter(|_| screw.entry.is_finite());
    along.is_some_and(|axis| first_bone_mm(bone, screw.entry, axis, screw.length_mm).is_some())
}

/// How far from `start` along the unit `dir` bone is met first, to the length of a step of at most 2 mm;
/// 0 when `start` is in it.
pub(super) fn about_bone_depth_mm(
    bone: &impl SignedDistance,
    start: Point<Patient>,
    dir: Dir<Patient>,
    reach_mm: f64,
) -> Option<f64> {
    march(bone, start, dir, reach_mm).map(|[_, inside]| inside)
}

/// How far from `start` along the unit `dir` bone is met first; 0 when `start` is in it.
fn first_bone_mm(
    bone: &impl SignedDistance,
    start: Point<Patient>,
    dir: Dir<Patient>,
    reach_mm: f64,
) -> Option<f64> {
    let [outside, inside] = march(bone, start, dir, reach_mm)?;
    Some(bisect(|depth| bone.is_outside(start + dir * depth), outside, inside))
}

/// The last place outside and the first one in bone, by steps.
fn march(
    bone: &impl SignedDistance,
    start: Point<Patient>,
    dir: Dir<Patient>,
    reach_mm: f64,
) -> Option<[f64; 2]> {
    let reach_mm = reach_mm.min(bone.reach_mm(start, dir));
    let at = |depth: f64| bone.quick_distance_mm(start + dir * depth);
    let (mut outside, mut depth, mut distance) = (0.0, 0.0, at(0.0));
    while distance < 0.0 {
        if depth >= reach_mm {
            return None;
        }
        outside = depth;
        depth = (depth + (-distance).clamp(LEAST_STEP_MM, MOST_STEP_MM)).min(reach_mm);
        distance = at(depth);
    }
    // A NaN distance ends the march above and is no bone.
    (distance >= 0.0).then_some([outside, depth])
}

/// Where an outside depth turns into an inside one, to a micrometre.
fn bisect(is_outside: impl Fn(f64) -> bool, mut outside: f64, mut inside: f64) -> f64 {
    while inside - outside > 1e-6 {
        let middle = 0.5 * (inside + outside);
        if is_outside(middle) { outside = middle } else { inside = middle }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plate from y = −2 to 2 and a block behind it from y = 10 on.
    fn plates(p: Point<Patient>) -> f64 {
        let y = p.vec().y;
        (2.0 - y.abs()).max(y - 10.0)
    }

    #[test]
    fn the_first_bone_from_behind_is_the_entry() {
        let through = Point::new(0.0, 0.0, 0.0);
        let from_front = entry_on_axis(&plates, through, Dir::new(0.0, 3.0, 0.0)).unwrap();
        assert!(from_front.distance(Point::new(0.0, -2.0, 0.0)) < 1e-5);
        // From behind the line starts inside the endless block: there is no entry to tell.
        assert_eq!(entry_on_axis(&plates, through, Dir::new(0.0, -1.0, 0.0)), None);
        assert_eq!(entry_on_axis(&plates, through, Dir::new(0.0, 0.0, 0.0)), None);
        assert_eq!(entry_on_axis(&|_: Point<Patient>| f64::NAN, through, Dir::Y), None);
    }

    #[test]
    fn air_before_the_bone_is_skipped_and_air_between_bones_is_not() {
        let depth = |y: f64| bone_depth_mm(&plates, Point::new(0.0, y, 0.0), Dir::Y, 30.0);
        assert!((depth(-5.0).unwrap() - 3.0).abs() < 1e-5);
        assert_eq!(depth(0.0), Some(0.0));
        assert_eq!(depth(6.0), Some(0.0), "the plate lies behind this entry");
        assert_eq!(bone_depth_mm(&plates, Point::new(0.0, -50.0, 0.0), Dir::Y, 30.0), None);
    }
}
