//! The distance of every node of a grid to the triangle that is nearest to it.
//!
//! In: the triangles of a surface and a grid. Out: for each node the signed distance and its slope.
//! On every second node along each axis, every triangle is measured against the nodes around it, then
//! nodes farther away take the nearest point of a neighbour. All nodes start from what those around
//! them found and walk on to the nearest triangle.

use super::sdf::Node;
use super::triangles::{Triangles, closest_point};
use glam::{Affine3A, Vec3, Vec3A};

pub(super) const NONE: u32 = u32::MAX;
/// A triangle is measured against the nodes within so many nodes of its box.
const SEED_NODES: f32 = 1.0;
/// Nodes per searched node, along each axis.
pub(super) const STEP: usize = 2;

/// The search for the nearest triangle of every second node, in mm around the grid's origin.
pub(super) struct Nearest<'a> {
    triangles: &'a Triangles,
    /// From a node that is searched.
    local_from_node: Affine3A,
    /// Square of the distance up to which seeding finds the nearest triangle for sure, mm².
    seeded: f32,
    size: [usize; 3],
    found: Vec<Found>,
}

#[derive(Clone, Copy)]
struct Found {
    square: f32,
    triangle: u32,
    point: Vec3,
}

const NOTHING: Found = Found { square: f32::INFINITY, triangle: NONE, point: Vec3::INFINITY };

impl<'a> Nearest<'a> {
    /// For a grid of so many nodes.
    pub fn new(triangles: &'a Triangles, local_from_node: Affine3A, size: [usize; 3]) -> Self {
        let local_from_node = local_from_node * Affine3A::from_scale(Vec3::splat(STEP as f32));
        let size = size.map(|n| n.div_ceil(STEP) + 1);
        let axes = local_from_node.matrix3;
        let shortest = [axes.x_axis, axes.y_axis, axes.z_axis].map(Vec3A::length);
        let shortest = shortest.into_iter().fold(f32::INFINITY, f32::min);
        Self {
            triangles,
            local_from_node,
            seeded: (SEED_NODES * shortest).powi(2),
            size,
            found: vec![NOTHING; size.iter().product()],
        }
    }
    /// Measures each triangle against the nodes around it.
    pub fn seed(&mut self) {
        let node_from_local = self.local_from_node.inverse();
        let last = Vec3::from_array(self.size.map(|n| n as f32 - 1.0));
        for triangle in 0..self.triangles.triangles.len() as u32 {
            let corners = self.triangles.corners_of(triangle);
            let in_nodes = corners.map(|c| node_from_local.transform_point3(c));
            let low = in_nodes[0].min(in_nodes[1]).min(in_nodes[2]);
            let high = in_nodes[0].max(in_nodes[1]).max(in_nodes[2]);
            let low = (low - SEED_NODES).ceil().max(Vec3::ZERO).as_usizevec3();
            let high = (high + SEED_NODES).floor().min(last).as_usizevec3();
            for k in low.z..=high.z {
                for j in low.y..=high.y {
                    for i in low.x..=high.x {
                        let at = i + self.size[0] * (j + self.size[1] * k);
                        let p = self.position([i, j, k]);
                        let point = closest_point(p, corners);
                        self.offer(at, p, triangle, point);
                    }
                }
            }
        }
    }
    fn position(&self, [i, j, k]: [usize; 3]) -> Vec3 {
        self.local_from_node.transform_point3(Vec3::new(i as f32, j as f32, k as f32))
    }
    fn offer(&mut self, at: usize, p: Vec3, triangle: u32, point: Vec3) {
        let square = p.distance_squared(point);
        if square < self.found[at].square {
            self.found[at] = Found { square, triangle, point };
        }
    }
    /// Hands nearest points on from node to node, there and back along all axes, as a vector
    /// distance transform does (Danielsson 1980).
    pub fn spread(&mut self) {
        let [ni, nj, nk] = self.size;
        let (row, slab) = (ni as isize, (ni * nj) as isize);
        let mut before = [0; 13];
        for (n, offset) in before.iter_mut().enumerate() {
            let [i, j, k] = [n % 3, n / 3 % 3, n / 9].map(|x| x as isize - 1);
            *offset = i + j * row + k * slab;
        }
        let after = before.map(|offset| -offset);
        let inner = |n: usize| 1..n.saturating_sub(1);
        for k in inner(nk) {
            for j in inner(nj) {
                inner(ni).for_each(|i| self.take([i, j, k], &before));
            }
        }
        for k in inner(nk).rev() {
            for j in inner(nj).rev() {
                inner(ni).rev().for_each(|i| self.take([i, j, k], &after));
            }
        }
        self.spread_to_border();
    }
    /// Takes the nearest of the points that the nodes at `offsets` have.
    fn take(&mut self, node: [usize; 3], offsets: &[isize; 13]) {
        let at = node[0] + self.size[0] * (node[1] + self.size[1] * node[2]);
        let mut best = self.found[at];
        if best.square <= self.seeded {
            return;
        }
        let p = self.position(node);
        for offset in offsets {
            let other = self.found[at.wrapping_add_signed(*offset)];
            let square = p.distance_squared(other.point);
            if square < best.square {
                best = Found { square, ..other };
            }
        }
        self.found[at] = best;
    }
    /// Gives the nodes of the outermost layer what their inner neighbours have.
    fn spread_to_border(&mut self) {
        let [ni, nj, nk] = self.size;
        for (k, j) in (0..nk).flat_map(|k| (0..nj).map(move |j| (k, j))) {
            let is_border_row = k == 0 || j == 0 || k + 1 == nk || j + 1 == nj;
            let step = if is_border_row { 1 } else { ni - 1 };
            for i in (0..ni).step_by(step) {
                let hold = |n: usize, count: usize| n.clamp(1, count.saturating_sub(2).max(1));
                let inner = hold(i, ni) + ni * (hold(j, nj) + nj * hold(k, nk));
                self.found[i + ni * (j + nj * k)] = self.found[inner];
            }
        }
    }
    /// Every node of a row of the grid: the one through (0, j, k), where the surface's field has
    /// `values`, positive inside.
    pub fn row(&self, [j, k]: [usize; 2], values: &[f32], nodes: &mut [Node]) {
        let half_axis = 0.5 * Vec3::from(self.local_from_node.matrix3.x_axis);
        let start = Vec3::new(0.0, j as f32, k as f32) / STEP as f32;
        let start = self.local_from_node.transform_point3(start);
        let rows = self.rows_around([j, k]);
        for (i, (node, value)) in nodes.iter_mut().zip(values).enumerate() {
            let p = start + half_axis * i as f32;
            let mut best = NOTHING;
            for row in &rows[..1 << (j % STEP) << (k % STEP)] {
                for found in &self.found[row + i / STEP..=row + i.div_ceil(STEP)] {
                    let square = p.distance_squared(found.point);
                    if square < best.square {
                        best = Found { square, ..*found };
                    }
                }
            }
            *node = self.node(p, best, *value > 0.0);
        }
    }
    /// Where the searched rows around a row of the grid begin; they are one, two or four.
    fn rows_around(&self, [j, k]: [usize; 2]) -> [usize; 4] {
        let [ni, nj, _] = self.size;
        let row = |j: usize, k: usize| ni * (j + nj * k);
        let ([j0, k0], [j1, k1]) = ([j, k].map(|n| n / STEP), [j, k].map(|n| n.div_ceil(STEP)));
        match j0 == j1 {
            true => [row(j0, k0), row(j0, k1), 0, 0],
            false => [row(j0, k0), row(j1, k0), row(j0, k1), row(j1, k1)],
        }
    }
    /// The triangle that is about nearest to each searched node, and how many those are.
    pub fn into_triangles(self) -> (Vec<u32>, [usize; 3]) {
        (self.found.into_iter().map(|found| found.triangle).collect(), self.size)
    }
    fn node(&self, p: Vec3, found: Found, is_inside: bool) -> Node {
        /// So near, the side is told by the triangle's normals, not by the field.
        const NEAR_MM: f32 = 0.1;
        /// So far from the surface a neighbour's triangle, or even its point, is near enough to the
        /// nearest one.
        const FAR_MM: [f32; 2] = [1.5, 5.0];
        if found.triangle == NONE {
            return Node::NOWHERE;
        }
        let [far, very_far] = FAR_MM.map(|mm| found.square > mm * mm);
        let (triangle, point) = match found.triangle {
            triangle if !far => self.triangles.walk(p, triangle),
            triangle if !very_far => (triangle, self.triangles.nearest_of(triangle, p)),
            triangle => (triangle, found.point),
        };
        let away = p - point;
        let distance = away.length();
        let normal = || self.triangles.normal(triangle);
        let inside = if distance < NEAR_MM { away.dot(normal()) < 0.0 } else { is_inside };
        let sign = if inside { 1.0 } else { -1.0 };
        let slope = match distance > 1e-6 {
            true => away * (sign / distance),
            false => -normal().normalize_or_zero(),
        };
        let half_steps = self.local_from_node.matrix3.transpose() * Vec3A::from(slope);
        Node::new(sign * distance, (half_steps * (0.5 / STEP as f32)).into())
    }
}
