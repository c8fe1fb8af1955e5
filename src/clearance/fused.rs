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
use crate::surface::block::Block;
use crate::volume::{Grid, Volume};
use crate::work::{Cancelled, Work};
use glam::DVec3;
use rayon::prelude::*;
use std::ops::Range;

/// A joint no wider than this counts as crossed, not as left, mm. A sacro-iliac joint is 1 to 4 mm
/// wide where it has cartilage; the cleft behind that, full of ligament, gapes wider. General
/// knowledge of the field without a source at hand: provisional.
pub const JOINT_MM: f64 = 5.0;
/// The ways lead apart where the cosine of the angle between them is below this: 120 degrees.
const APART: f64 = -0.5;
/// One unit of that cosine counts as so many mm, so that the joint's rim is a surface and no jump.
const PER_COSINE_MM: f64 = 2.0;

/// Nodes along each edge of a block that is asked at once whether a surface is near.
const BLOCK: usize = 2;
/// A surface and its mesh are made of what nodes tell that lie no more than so many nodes along each axis
/// from where the sign changes.
const ASKED_NODES: usize = 2;

/// The surface of two bones and the joint between them, on the nodes of a grid that holds what of
/// them is wanted; it is closed where the grid ends. `None` where neither has bone there.
///
/// Nodes from which no surface is near tell a side, and no true distance: most of the box is such, and
/// asking there would have both fields make their nodes.
pub fn fused(a: &Field, b: &Field, grid: Grid, work: &Work) -> Result<Option<Surface>, Cancelled> {
    let size = grid.size();
    let [ni, nj, nk] = size;
    let joined = Joined { a, b, grid: &grid };
    let mut block = Block::filled(size, 0.0);
    let slabs = block.values.par_chunks_mut(ni * nj * BLOCK).enumerate();
    slabs.try_for_each(|(n, values)| {
        let first = BLOCK * n;
        work.step("sacrum and ilium", first as f32 / nk as f32)?;
        for (j, i) in
            (0..nj).step_by(BLOCK).flat_map(|j| (0..ni).step_by(BLOCK).map(move |i| (j, i)))
        {
            let from = [i, j, first];
            let nodes = std::array::from_fn(|n| from[n]..(from[n] + BLOCK).min(size[n]));
            joined.tell(nodes, |[i, j, k], value| values[i + ni * (j + nj * (k - first))] = value);
        }
        Ok(())
    })?;
    Ok(Surface::from_field(Volume::from_fn(grid.clone(), |node| block.values[block.index(node)])))
}

/// Two bones and the grid on which their surface is declared.
struct Joined<'a> {
    a: &'a Field,
    b: &'a Field,
    grid: &'a Grid,
}

impl Joined<'_> {
    /// Tells the value of every node of a block.
    fn tell(&self, nodes: [Range<usize>; 3], mut is: impl FnMut([usize; 3], f32)) {
        let far = self.far(&nodes);
        let [of_i, of_j, of_k] = nodes;
        for (k, j) in of_k.flat_map(|k| of_j.clone().map(move |j| (k, j))) {
            for i in of_i.clone() {
                let node = [i, j, k];
                is(node, far.unwrap_or_else(|| self.value(node)));
            }
        }
    }
    fn value(&self, node: [usize; 3]) -> f32 {
        let inside = self.value_mm(self.grid.centre(node));
        if self.is_by_edge(node, 0) { inside.min(-1.0) as f32 } else { inside as f32 }
    }
    /// What [`joined_mm`] tells. Where one bone is so far that it has no part in it, that is not asked.
    fn value_mm(&self, p: Point<Patient>) -> f64 {
        let most = [self.a, self.b].map(|bone| bone.at_least_mm(p));
        let (far_mm, near) = if most[0] < most[1] { (most[0], self.b) } else { (most[1], self.a) };
        if far_mm < 0.0 {
            let near_mm = near.quick_distance_mm(p);
            let is_joint = near_mm <= JOINT_MM && JOINT_MM + far_mm + near_mm > 0.0;
            if far_mm < near_mm && !is_joint {
                return near_mm;
            }
        }
        joined_mm(self.a, self.b, p)
    }
    /// Whether no more than so many nodes lie between a node and those at the grid's end.
    fn is_by_edge(&self, node: [usize; 3], nodes: usize) -> bool {
        (0..3).any(|n| node[n] <= nodes || node[n] + nodes + 1 >= self.grid.size()[n])
    }
    /// A value for all nodes of a block where the sign changes nowhere near them.
    fn far(&self, nodes: &[Range<usize>; 3]) -> Option<f32> {
        let ends = [nodes.each_ref().map(|n| n.start), nodes.each_ref().map(|n| n.end - 1)];
        let [low, high] = ends.map(|end| self.grid.centre(end));
        let spacing = DVec3::from_array(self.grid.spacing_mm());
        let asked_mm = (spacing * ASKED_NODES as f64).length();
        let value =
            all_around(self.a, self.b, low.lerp(high, 0.5), low.distance(high) / 2.0 + asked_mm)?;
        // Bone ends where the grid does.
        let is_by_edge = || ends.iter().any(|end| self.is_by_edge(*end, ASKED_NODES));
        (value < 0.0 || !is_by_edge()).then_some(value as f32)
    }
}

/// A value with the sign that both bones and their joint have everywhere within so many mm of a place;
/// `None` where it may change.
fn all_around(a: &Field, b: &Field, p: Point<Patient>, radius_mm: f64) -> Option<f64> {
    let least = [a, b].map(|bone| bone.at_least_mm(p));
    let deepest = least[0].max(least[1]) - radius_mm;
    if deepest > 0.0 {
        return Some(deepest);
    }
    let [a, b] = least.map(|mm| mm + radius_mm);
    let is_outside = a < 0.0 && b < 0.0 && JOINT_MM + a + b <= 0.0;
    is_outside.then_some(a.max(b))
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
