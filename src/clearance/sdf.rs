//! The signed distance to the declared surface of one vertebra, fast enough for a moving hand.
//!
//! In: a [`Surface`], of which the finest mesh ([`mesh::extract`]) is taken as the surface: its
//! vertices lie on the zero set and its triangles leave it by a few hundredths of a mm where it is
//! most curved. Out: [`Field`], the distance at any point.
//!
//! At the nodes of the surface's grid the distance to the nearest triangle is exact near the
//! surface: every triangle is measured against the nodes around it, then nodes farther away take
//! the nearest point of a neighbour and measure its triangle. Between nodes each of the eight
//! around says what the distance would be if the surface were flat seen from it,
//! `d + g . (x - node)`; the mean of that and of `d`, weighted trilinearly, is exact for every
//! quadratic function, since the errors of the two are opposite.

use super::SignedDistance;
use crate::mesh::{self, TriMesh};
use crate::space::{Dir, Patient, Point};
use crate::surface::Surface;
use crate::work::{Cancelled, Work};
use glam::{Affine3A, DVec3, Vec3, Vec3A};
use rayon::prelude::*;

/// Signed distance in mm to the surface of one vertebra: positive inside bone, zero on the
/// surface, negative outside.
#[derive(Clone, Debug)]
pub struct Field {
    origin: DVec3,
    node_from_local: Affine3A,
    local_from_node: Affine3A,
    size: [usize; 3],
    nodes: Vec<Node>,
}

/// What a node knows.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    /// Signed distance, mm.
    distance_mm: f32,
    /// Its gradient, a unit vector times 127.
    slope: [i8; 4],
}

impl Node {
    fn slope(self) -> Vec3 {
        let [x, y, z, _] = self.slope.map(f32::from);
        Vec3::new(x, y, z) / 127.0
    }
}

impl SignedDistance for Field {
    fn signed_distance_mm(&self, point: Point<Patient>) -> f64 {
        Field::signed_distance_mm(self, point)
    }
}

impl Field {
    /// The distance to `surface`. Its mesh is made on the way; where the caller has it already,
    /// [`Field::to_mesh`] saves that.
    pub fn new(surface: &Surface, work: &Work) -> Result<Self, Cancelled> {
        Self::to_mesh(surface, &mesh::extract(surface), work)
    }
    /// The distance to `finest`, which must be the mesh that [`mesh::extract`] makes of `surface`.
    pub fn to_mesh(surface: &Surface, finest: &TriMesh, work: &Work) -> Result<Self, Cancelled> {
        const STAGE: &str = "distances";
        work.step(STAGE, 0.0)?;
        let grid = surface.field.grid();
        let map = grid.patient_from_voxel().map();
        let mut turned = map;
        turned.translation = DVec3::ZERO;
        let local_from_node = turned.as_affine3a();
        let mut nearest = Nearest::new(finest, map.translation, local_from_node, grid.size());
        nearest.seed();
        work.step(STAGE, 0.4)?;
        nearest.spread();
        work.step(STAGE, 0.9)?;
        let signs: Vec<bool> = surface.field.data().iter().map(|&v| v > 0.0).collect();
        let nodes = nearest.nodes(&signs);
        work.step(STAGE, 1.0)?;
        Ok(Self {
            origin: map.translation,
            node_from_local: turned.inverse().as_affine3a(),
            local_from_node,
            size: grid.size(),
            nodes,
        })
    }
    /// Signed distance to the surface in mm: positive inside bone, zero on the surface, negative
    /// outside. Beyond the grid, which reaches about 4 mm past the bone, it is the distance to the
    /// surface's point that is nearest to where the grid ends: always negative, continuous, and
    /// never less far than the true one.
    pub fn signed_distance_mm(&self, p: Point<Patient>) -> f64 {
        let local = (p.vec() - self.origin).as_vec3();
        let node = self.node_from_local.transform_point3(local);
        let held = node.max(Vec3::ZERO).min(self.last());
        let (distance, slope) = self.at(held);
        if held == node {
            return f64::from(distance);
        }
        let edge = self.local_from_node.transform_point3(held);
        let surface = edge - slope.normalize_or_zero() * distance;
        -f64::from(local.distance(surface))
    }
    /// Unit direction in which the distance grows: towards the inside of bone while outside and
    /// near the surface. On ridges, midway between two walls, it is some direction between.
    pub fn gradient(&self, p: Point<Patient>) -> Dir<Patient> {
        let local = (p.vec() - self.origin).as_vec3();
        let node = self.node_from_local.transform_point3(local);
        let held = node.max(Vec3::ZERO).min(self.last());
        let (distance, mut slope) = self.at(held);
        if held != node {
            let edge = self.local_from_node.transform_point3(held);
            slope = edge - slope.normalize_or_zero() * distance - local;
        }
        Dir::from_vec(slope.as_dvec3()).unit().unwrap_or(Dir::Z)
    }
    fn last(&self) -> Vec3 {
        Vec3::from_array(self.size.map(|n| n as f32 - 1.0))
    }
    /// Distance and mean slope at a position within the box of nodes.
    fn at(&self, node: Vec3) -> (f32, Vec3) {
        let corner = node.min(self.last() - 1.0).max(Vec3::ZERO).as_uvec3();
        let t = node - corner.as_vec3();
        let base = corner.x as usize
            + self.size[0] * (corner.y as usize + self.size[1] * corner.z as usize);
        let [sj, sk] = [self.size[0], self.size[0] * self.size[1]];
        let axes = self.local_from_node.matrix3;
        let (mut distance, mut slope) = (0.0, Vec3::ZERO);
        for c in 0..8usize {
            let bit = Vec3::new((c & 1) as f32, (c >> 1 & 1) as f32, (c >> 2) as f32);
            let share = Vec3::ONE - t + bit * (2.0 * t - 1.0);
            let weight = share.x * share.y * share.z;
            let node = self.nodes[base + (c & 1) + (c >> 1 & 1) * sj + (c >> 2) * sk];
            let toward = Vec3::from(axes * Vec3A::from(t - bit));
            let g = node.slope();
            distance += weight * (node.distance_mm + 0.5 * g.dot(toward));
            slope += weight * g;
        }
        (distance, slope)
    }
}

const NONE: u32 = u32::MAX;

/// The search for the nearest triangle of every node, in mm around the grid's origin.
struct Nearest {
    corners: Vec<Vec3>,
    normals: Vec<Vec3>,
    triangles: Vec<[u32; 3]>,
    local_from_node: Affine3A,
    size: [usize; 3],
    found: Vec<Found>,
}

#[derive(Clone, Copy)]
struct Found {
    square: f32,
    triangle: u32,
    point: Vec3,
}

impl Nearest {
    fn new(mesh: &TriMesh, origin: DVec3, local_from_node: Affine3A, size: [usize; 3]) -> Self {
        let nothing = Found { square: f32::INFINITY, triangle: NONE, point: Vec3::ZERO };
        Self {
            corners: mesh.positions.iter().map(|p| (p.vec() - origin).as_vec3()).collect(),
            normals: mesh.normals.iter().map(|n| n.vec().as_vec3()).collect(),
            triangles: mesh.triangles.clone(),
            local_from_node,
            size,
            found: vec![nothing; size.iter().product()],
        }
    }
    fn corners_of(&self, triangle: u32) -> [Vec3; 3] {
        self.triangles[triangle as usize].map(|n| self.corners[n as usize])
    }
    /// Measures each triangle against the nodes around it.
    fn seed(&mut self) {
        /// Nodes beyond the triangle's own box.
        const REACH: f32 = 1.0;
        let node_from_local = self.local_from_node.inverse();
        let last = Vec3::from_array(self.size.map(|n| n as f32 - 1.0));
        for triangle in 0..self.triangles.len() as u32 {
            let corners = self.corners_of(triangle);
            let in_nodes = corners.map(|c| node_from_local.transform_point3(c));
            let low = in_nodes[0].min(in_nodes[1]).min(in_nodes[2]);
            let high = in_nodes[0].max(in_nodes[1]).max(in_nodes[2]);
            let low = (low - REACH).ceil().max(Vec3::ZERO).as_usizevec3();
            let high = (high + REACH).floor().min(last).as_usizevec3();
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
    fn spread(&mut self) {
        let [ni, nj, nk] = self.size.map(|n| n as i32);
        let mut causal = Vec::new();
        for (dk, dj, di) in
            (-1..=0).flat_map(|k| (-1..=1).flat_map(move |j| (-1..=1).map(move |i| (k, j, i))))
        {
            if (dk, dj, di) < (0, 0, 0) {
                causal.push([di, dj, dk]);
            }
        }
        for sign in [1, -1] {
            let turn = |n: i32, count: i32| if sign > 0 { n } else { count - 1 - n };
            for k in (0..nk).map(|n| turn(n, nk)) {
                for j in (0..nj).map(|n| turn(n, nj)) {
                    for i in (0..ni).map(|n| turn(n, ni)) {
                        self.take_from(&causal, sign, [i, j, k]);
                    }
                }
            }
        }
    }
    fn take_from(&mut self, causal: &[[i32; 3]], sign: i32, node: [i32; 3]) {
        let [ni, nj, _] = self.size;
        let index = |[i, j, k]: [i32; 3]| i as usize + ni * (j as usize + nj * k as usize);
        let at = index(node);
        let p = self.position(node.map(|n| n as usize));
        let mut best = self.found[at];
        for offset in causal {
            let other: [i32; 3] = std::array::from_fn(|a| node[a] + sign * offset[a]);
            if (0..3).any(|a| other[a] < 0 || other[a] >= self.size[a] as i32) {
                continue;
            }
            let other = self.found[index(other)];
            let square = p.distance_squared(other.point);
            if other.triangle != NONE && square < best.square {
                best = Found { square, ..other };
            }
        }
        self.found[at] = best;
    }
    /// Distance and slope of every node; `signs` say which lie inside.
    fn nodes(&self, signs: &[bool]) -> Vec<Node> {
        let [ni, nj, _] = self.size;
        (0..self.found.len())
            .into_par_iter()
            .map(|at| {
                let p = self.position([at % ni, at / ni % nj, at / (ni * nj)]);
                self.node(p, self.found[at].triangle, signs[at])
            })
            .collect()
    }
    fn node(&self, p: Vec3, triangle: u32, is_inside: bool) -> Node {
        /// So near, the side is told by the triangle's normals, not by the field.
        const NEAR_MM: f32 = 0.1;
        if triangle == NONE {
            return Node { distance_mm: f32::MIN, slope: [0; 4] };
        }
        let corners = self.corners_of(triangle);
        let away = p - closest_point(p, corners);
        let normal: Vec3 =
            self.triangles[triangle as usize].iter().map(|&n| self.normals[n as usize]).sum();
        let distance = away.length();
        let inside = if distance < NEAR_MM { away.dot(normal) < 0.0 } else { is_inside };
        let sign = if inside { 1.0 } else { -1.0 };
        let slope = (sign * away).try_normalize().unwrap_or(-normal.normalize_or_zero());
        let [x, y, z] = (slope * 127.0).round().to_array().map(|x| x as i8);
        Node { distance_mm: sign * distance, slope: [x, y, z, 0] }
    }
}

/// The point of a triangle nearest to `p` (Ericson, Real-Time Collision Detection, 5.1.5).
fn closest_point(p: Vec3, [a, b, c]: [Vec3; 3]) -> Vec3 {
    let (ab, ac, ap) = (b - a, c - a, p - a);
    let (d1, d2) = (ab.dot(ap), ac.dot(ap));
    if d1 <= 0.0 && d2 <= 0.0 {
        return a;
    }
    let bp = p - b;
    let (d3, d4) = (ab.dot(bp), ac.dot(bp));
    if d3 >= 0.0 && d4 <= d3 {
        return b;
    }
    let vc = d1 * d4 - d3 * d2;
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 {
        return a + ab * (d1 / (d1 - d3));
    }
    let cp = p - c;
    let (d5, d6) = (ab.dot(cp), ac.dot(cp));
    if d6 >= 0.0 && d5 <= d6 {
        return c;
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 {
        return a + ac * (d2 / (d2 - d6));
    }
    let va = d3 * d6 - d5 * d4;
    if va <= 0.0 && d4 >= d3 && d5 >= d6 {
        return b + (c - b) * ((d4 - d3) / ((d4 - d3) + (d5 - d6)));
    }
    let scale = 1.0 / (va + vb + vc);
    a + ab * (vb * scale) + ac * (vc * scale)
}
