//! Two bones and the joint between them as one: what a screw across the joint is driven into.
//!
//! In: the distances to sacrum and ilium. Out: the declared surface of both together, of which mesh
//! and distance are made as of any bone's.
//!
//! A sacro-iliac screw crosses the joint by intent, so the joint's space counts as bone: a point
//! outside both belongs to it where the ways to the two bones sum to no more than [`JOINT_MM`] and
//! lead apart, one back and one on. Beyond the rim of the joint both ways lead to the same side, and
//! what is there is daylight; so is a cleft that gapes wider.

use super::{Field, SignedDistance};
use crate::space::{Dir, Patient, Point};
use crate::surface::Surface;
use crate::volume::{Grid, Volume};

/// A joint no wider than this counts as crossed, not as left, mm. A sacro-iliac joint is 1 to 4 mm
/// wide where it has cartilage; the cleft behind that, full of ligament, gapes wider. General
/// knowledge of the field without a source at hand: provisional.
pub const JOINT_MM: f64 = 5.0;
/// The ways lead apart where the cosine of the angle between them is below this: 120 degrees.
const APART: f64 = -0.5;
/// One unit of that cosine counts as so many mm, so that the joint's rim is a surface and no jump.
const PER_COSINE_MM: f64 = 2.0;

/// The surface of two bones and the joint between them, on the nodes of a grid that holds what of
/// them is wanted; it is closed where the grid ends. `None` where neither has bone there.
pub fn fused(a: &Field, b: &Field, grid: Grid) -> Option<Surface> {
    let last = grid.size().map(|n| n - 1);
    let value = |node: [usize; 3]| {
        let is_edge = (0..3).any(|n| node[n] == 0 || node[n] == last[n]);
        let inside = joined_mm(a, b, grid.centre(node));
        if is_edge { inside.min(-1.0) as f32 } else { inside as f32 }
    };
    Surface::from_field(Volume::from_fn(grid.clone(), value))
}

/// About the distance to the surface of both, mm, positive inside: its zero set is that surface.
pub fn joined_mm(a: &impl SignedDistance, b: &impl SignedDistance, p: Point<Patient>) -> f64 {
    let ways = [a.quick_distance_mm(p), b.quick_distance_mm(p)];
    let bone = ways[0].max(ways[1]);
    let room = JOINT_MM + ways[0] + ways[1];
    // Deep in a bone nobody asks, and far from one of the two there is no joint.
    if bone > JOINT_MM || room <= 0.0 {
        return bone;
    }
    let cosine = slope(a, p).dot(slope(b, p));
    bone.max((0.5 * room).min(PER_COSINE_MM * (APART - cosine)))
}

/// Unit direction in which a distance grows; zero where it is flat.
fn slope(bone: &impl SignedDistance, p: Point<Patient>) -> Dir<Patient> {
    const STEP_MM: f64 = 0.3;
    let along = |d: Dir<Patient>| {
        bone.quick_distance_mm(p + d * STEP_MM) - bone.quick_distance_mm(p - d * STEP_MM)
    };
    let slope = Dir::new(along(Dir::X), along(Dir::Y), along(Dir::Z));
    slope.unit().unwrap_or(Dir::new(0.0, 0.0, 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two plates that face each other across x = 0, `gap` apart, with a rim at z = 0.
    fn joined(gap: f64, p: [f64; 3]) -> f64 {
        let plate = move |side: f64| {
            move |p: Point<Patient>| {
                let p = p.vec();
                let q = [side * p.x - gap / 2.0, -p.z];
                let within = q[0].min(q[1]);
                if within >= 0.0 { within } else { -q[0].min(0.0).hypot(q[1].min(0.0)) }
            }
        };
        joined_mm(&plate(1.0), &plate(-1.0), Point::new(p[0], p[1], p[2]))
    }

    #[test]
    fn the_joint_is_bone_and_what_lies_past_its_rim_or_gapes_is_not() {
        for x in [-1.4, 0.0, 0.9] {
            assert!(joined(3.0, [x, 0.0, -10.0]) > 0.5, "{x}");
            assert!(joined(3.0, [x, 0.0, 1.5]) < 0.0, "{x}: past the rim");
        }
        assert!(joined(3.0, [4.0, 0.0, -10.0]) > 2.4, "bone stays as deep as it is");
        assert!(joined(6.0, [0.0, 0.0, -10.0]) < -2.9, "a cleft is daylight");
        assert!(joined(3.0, [6.0, 0.0, 2.0]) < -1.9, "above one of the bones");
    }
}
