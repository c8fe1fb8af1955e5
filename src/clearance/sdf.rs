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
//! quadratic function, since the errors of the two are opposite. Cells in which that would put the
//! surface elsewhere than it is keep the triangles around them and measure those.

use super::SignedDistance;
use crate::mesh::{self, TriMesh};
use crate::space::{Dir, Patient, Point};
use crate::surface::Surface;
use crate::work::{Cancelled, Work};
use glam::{Affine3A, DVec3, Vec3, Vec3A, Vec4};
use rayon::prelude::*;
use std::collections::HashMap;

/// Signed distance in mm to the surface of one vertebra: positive inside bone, zero on the
/// surface, negative outside.
#[derive(Clone, Debug)]
pub struct Field {
    origin: DVec3,
    node_from_local: Affine3A,
    local_from_node: Affine3A,
    /// The steps from node to node, mm, over twice the length of a kept slope; their last is zero.
    half_axes: [Vec4; 3],
    size: [usize; 3],
    /// The last node of each axis.
    last: Vec3,
    nodes: Vec<Node>,
    /// The triangles around cells, named by their lower node, in which nodes do not tell enough.
    creased: HashMap<usize, Vec<Facet>>,
}

/// A triangle, in mm around the grid's origin, and the sum of its corners' normals.
#[derive(Clone, Copy, Debug)]
struct Facet {
    corners: [Vec3; 3],
    normal: Vec3,
}

/// What a node knows.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    /// Signed distance, mm.
    distance_mm: f32,
    /// Its gradient, a unit vector times 127; the last is [`CREASED`] where the cell above is.
    slope: [i8; 4],
}

/// Marks a node whose cell is in `Field::creased`.
const CREASED: i8 = 1;

impl Node {
    fn slope(self) -> Vec3 {
        let [x, y, z, _] = self.slope.map(f32::from);
        Vec3::new(x, y, z) * (1.0 / 127.0)
    }
    /// The slope as it is kept, 127 times too long, and the mark.
    fn kept(self) -> Vec4 {
        let [x, y, z, mark] = self.slope.map(f32::from);
        Vec4::new(x, y, z, mark)
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
        let mut field = Self {
            origin: map.translation,
            node_from_local: turned.inverse().as_affine3a(),
            local_from_node,
            half_axes: half_axes(local_from_node),
            size: grid.size(),
            last: Vec3::from_array(grid.size().map(|n| n as f32 - 1.0)),
            nodes,
            creased: HashMap::new(),
        };
        field.find_creases(&nearest);
        Ok(field)
    }
    /// Finds the cells in which the surface itself would be told to lie elsewhere: two sheets of
    /// it pass too near to each other, or it is bent too sharply.
    fn find_creases(&mut self, nearest: &Nearest) {
        const LARGEST_ERROR_MM: f32 = 0.03;
        let middles = nearest.triangles.iter().map(|t| t.map(|n| nearest.corners[n as usize]));
        let middles = middles.map(|[a, b, c]| (a + b + c) / 3.0);
        let mut cells: HashMap<usize, Vec<Facet>> = HashMap::new();
        for p in nearest.corners.iter().copied().chain(middles) {
            let node = self.node_from_local.transform_point3(p);
            let (cell, t) = self.cell(node);
            if self.between(cell, t).0.abs() > LARGEST_ERROR_MM {
                cells.entry(cell).or_default();
            }
        }
        if cells.is_empty() {
            return;
        }
        for &cell in cells.keys() {
            self.nodes[cell].slope[3] = CREASED;
        }
        for triangle in 0..nearest.triangles.len() as u32 {
            let facet = nearest.facet(triangle);
            let creased = |cell: &usize| self.nodes[*cell].slope[3] == CREASED;
            for cell in self.cells_near(&facet).filter(creased) {
                cells.entry(cell).or_default().push(facet);
            }
        }
        self.creased = cells;
    }
    /// The cells within one node's distance of a triangle's box.
    fn cells_near(&self, facet: &Facet) -> impl Iterator<Item = usize> + use<> {
        let [a, b, c] = facet.corners.map(|c| self.node_from_local.transform_point3(c));
        let low = (a.min(b).min(c) - 2.0).ceil().max(Vec3::ZERO).as_usizevec3();
        let high = (a.max(b).max(c) + 1.0).floor().min(self.last - 1.0).as_usizevec3();
        let [ni, nj, _] = self.size;
        (low.z..=high.z).flat_map(move |k| {
            (low.y..=high.y).flat_map(move |j| (low.x..=high.x).map(move |i| i + ni * (j + nj * k)))
        })
    }
    /// Signed distance to the surface in mm: positive inside bone, zero on the surface, negative
    /// outside. Beyond the grid, which reaches about 4 mm past the bone, it is the distance to the
    /// surface's point that is nearest to where the grid ends: always negative, continuous, and
    /// never less far than the true one.
    pub fn signed_distance_mm(&self, p: Point<Patient>) -> f64 {
        let local = (p.vec() - self.origin).as_vec3();
        let node = self.node_from_local.transform_point3(local);
        let held = node.max(Vec3::ZERO).min(self.last);
        if held == node {
            return f64::from(self.distance_at(node));
        }
        let (distance, slope) = self.at(held);
        let edge = self.local_from_node.transform_point3(held);
        let surface = edge - slope.normalize_or_zero() * distance;
        -f64::from(local.distance(surface))
    }
    /// Unit direction in which the distance grows: towards the inside of bone while outside and
    /// near the surface. On ridges, midway between two walls, it is some direction between.
    pub fn gradient(&self, p: Point<Patient>) -> Dir<Patient> {
        let local = (p.vec() - self.origin).as_vec3();
        let node = self.node_from_local.transform_point3(local);
        let held = node.max(Vec3::ZERO).min(self.last);
        let (distance, mut slope) = self.at(held);
        if held != node {
            let edge = self.local_from_node.transform_point3(held);
            slope = edge - slope.normalize_or_zero() * distance - local;
        }
        Dir::from_vec(slope.as_dvec3()).unit().unwrap_or(Dir::Z)
    }
    /// Distance and its slope at a position within the box of nodes.
    fn at(&self, node: Vec3) -> (f32, Vec3) {
        let (cell, t) = self.cell(node);
        if self.nodes[cell].slope[3] == CREASED
            && let Some(found) = self.creased.get(&cell).and_then(|f| self.exact(f, node))
        {
            return found;
        }
        self.between(cell, t)
    }
    /// Distance alone at a position within the box of nodes; cheaper.
    fn distance_at(&self, node: Vec3) -> f32 {
        let (cell, t) = self.cell(node);
        if self.nodes[cell].slope[3] == CREASED {
            return self.at(node).0;
        }
        let [sj, sk] = [self.size[0], self.size[0] * self.size[1]];
        let [x, y, z] = self.half_axes;
        let toward = x * t.x + y * t.y + z * t.z;
        let (near, far) = (Vec3::ONE - t, t);
        let rows = [
            (cell, near.y * near.z, toward),
            (cell + sj, far.y * near.z, toward - y),
            (cell + sk, near.y * far.z, toward - z),
            (cell + sj + sk, far.y * far.z, toward - y - z),
        ];
        // What flat surfaces add, by component, is summed in the end.
        let (mut distance, mut flat) = (0.0, Vec4::ZERO);
        for (first, share, toward) in rows {
            let [a, b] = [self.nodes[first], self.nodes[first + 1]];
            let [near, far] = [share * near.x, share * far.x];
            distance += near * a.distance_mm + far * b.distance_mm;
            flat += near * (a.kept() * toward) + far * (b.kept() * (toward - x));
        }
        distance + flat.element_sum()
    }
    /// The cell of a position, named by its lower node, and the place in it.
    fn cell(&self, node: Vec3) -> (usize, Vec3) {
        let corner = node.min(self.last - 1.0).max(Vec3::ZERO).as_uvec3();
        let cell = corner.x as usize
            + self.size[0] * (corner.y as usize + self.size[1] * corner.z as usize);
        (cell, node - corner.as_vec3())
    }
    /// From the nearest of some triangles.
    fn exact(&self, facets: &[Facet], node: Vec3) -> Option<(f32, Vec3)> {
        let p = self.local_from_node.transform_point3(node);
        let away = |facet: &Facet| p - closest_point(p, facet.corners);
        let of_facet = |facet: &Facet| (away(facet), facet.normal);
        let (away, normal) = facets
            .iter()
            .map(of_facet)
            .min_by(|a, b| a.0.length_squared().total_cmp(&b.0.length_squared()))?;
        let sign = if away.dot(normal) < 0.0 { 1.0 } else { -1.0 };
        let slope = (sign * away).try_normalize().unwrap_or(-normal.normalize_or_zero());
        Some((sign * away.length(), slope))
    }
    /// From the eight nodes of a cell.
    fn between(&self, cell: usize, t: Vec3) -> (f32, Vec3) {
        let [sj, sk] = [self.size[0], self.size[0] * self.size[1]];
        let axes = self.local_from_node.matrix3;
        let (mut distance, mut slope) = (0.0, Vec3::ZERO);
        for c in 0..8usize {
            let bit = Vec3::new((c & 1) as f32, (c >> 1 & 1) as f32, (c >> 2) as f32);
            let share = Vec3::ONE - t + bit * (2.0 * t - 1.0);
            let weight = share.x * share.y * share.z;
            let node = self.nodes[cell + (c & 1) + (c >> 1 & 1) * sj + (c >> 2) * sk];
            let toward = Vec3::from(axes * Vec3A::from(t - bit));
            let g = node.slope();
            distance += weight * (node.distance_mm + 0.5 * g.dot(toward));
            slope += weight * g;
        }
        (distance, slope)
    }
}

fn half_axes(local_from_node: Affine3A) -> [Vec4; 3] {
    let axes = local_from_node.matrix3;
    [axes.x_axis, axes.y_axis, axes.z_axis].map(|axis| Vec3::from(axis).extend(0.0) * (0.5 / 127.0))
}

const NONE: u32 = u32::MAX;
/// A triangle is measured against the nodes within so many nodes of its box.
const SEED_NODES: f32 = 1.0;

/// The search for the nearest triangle of every node, in mm around the grid's origin.
struct Nearest {
    corners: Vec<Vec3>,
    normals: Vec<Vec3>,
    triangles: Vec<[u32; 3]>,
    /// The triangles of corner n are `around[first_around[n]..first_around[n + 1]]`.
    around: Vec<u32>,
    first_around: Vec<usize>,
    local_from_node: Affine3A,
    /// Square of the distance up to which seeding finds the nearest triangle for sure, mm².
    seeded: f32,
    size: [usize; 3],
    found: Vec<Found>,
}

/// The triangles around each corner, one corner after the other, and where each corner's begin.
fn triangles_around(mesh: &TriMesh) -> (Vec<u32>, Vec<usize>) {
    let mut first = vec![0; mesh.positions.len() + 1];
    for &corner in mesh.triangles.iter().flatten() {
        first[corner as usize + 1] += 1;
    }
    for n in 1..first.len() {
        first[n] += first[n - 1];
    }
    let mut next = first.clone();
    let mut around = vec![0; 3 * mesh.triangles.len()];
    for (triangle, corners) in (0u32..).zip(&mesh.triangles) {
        for &corner in corners {
            around[next[corner as usize]] = triangle;
            next[corner as usize] += 1;
        }
    }
    (around, first)
}

#[derive(Clone, Copy)]
struct Found {
    square: f32,
    triangle: u32,
    point: Vec3,
}

impl Nearest {
    fn new(mesh: &TriMesh, origin: DVec3, local_from_node: Affine3A, size: [usize; 3]) -> Self {
        let nothing = Found { square: f32::INFINITY, triangle: NONE, point: Vec3::INFINITY };
        let (around, first_around) = triangles_around(mesh);
        let axes = local_from_node.matrix3;
        let shortest = [axes.x_axis, axes.y_axis, axes.z_axis].map(Vec3A::length);
        let shortest = shortest.into_iter().fold(f32::INFINITY, f32::min);
        Self {
            around,
            first_around,
            corners: mesh.positions.iter().map(|p| (p.vec() - origin).as_vec3()).collect(),
            normals: mesh.normals.iter().map(|n| n.vec().as_vec3()).collect(),
            triangles: mesh.triangles.clone(),
            local_from_node,
            seeded: (SEED_NODES * shortest).powi(2),
            size,
            found: vec![nothing; size.iter().product()],
        }
    }
    fn corners_of(&self, triangle: u32) -> [Vec3; 3] {
        self.triangles[triangle as usize].map(|n| self.corners[n as usize])
    }
    fn facet(&self, triangle: u32) -> Facet {
        let normal =
            self.triangles[triangle as usize].iter().map(|&n| self.normals[n as usize]).sum();
        Facet { corners: self.corners_of(triangle), normal }
    }
    /// Measures each triangle against the nodes around it.
    fn seed(&mut self) {
        let node_from_local = self.local_from_node.inverse();
        let last = Vec3::from_array(self.size.map(|n| n as f32 - 1.0));
        for triangle in 0..self.triangles.len() as u32 {
            let corners = self.corners_of(triangle);
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
    fn spread(&mut self) {
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
    /// From a triangle near `p` on to nearer ones next to it, until `p` is right over one or there
    /// is none: that triangle, and its point nearest to `p`.
    fn walk(&self, p: Vec3, mut triangle: u32) -> (u32, Vec3) {
        /// So far from the surface a neighbour's triangle is near enough to the nearest one.
        const FAR_MM: f32 = 2.2;
        let nearest = |t: u32| closest_point(p, self.corners_of(t));
        let mut point = nearest(triangle);
        let mut least = point.distance_squared(p);
        while least > self.seeded && least < FAR_MM * FAR_MM && !self.is_over(p, point, triangle) {
            let corners = self.triangles[triangle as usize];
            let distance = |n: &u32| self.corners[*n as usize].distance_squared(p);
            let corner = corners.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
            let Some(corner) = corner.map(|n| n as usize) else { return (triangle, point) };
            let next = self.around[self.first_around[corner]..self.first_around[corner + 1]]
                .iter()
                .map(|&t| (nearest(t), t))
                .map(|(at, t)| (at.distance_squared(p), at, t))
                .min_by(|a, b| a.0.total_cmp(&b.0));
            match next {
                Some((nearer, at, t)) if nearer < least => {
                    (least, point, triangle) = (nearer, at, t);
                }
                _ => break,
            }
        }
        (triangle, point)
    }
    /// True when `point`, the triangle's nearest to `p`, is no point of its edges.
    fn is_over(&self, p: Vec3, point: Vec3, triangle: u32) -> bool {
        let [a, b, c] = self.corners_of(triangle);
        let away = p - point;
        let normal = (b - a).cross(c - a);
        away.dot(normal).powi(2) > 0.9999 * away.length_squared() * normal.length_squared()
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
        let (triangle, point) = self.walk(p, triangle);
        let away = p - point;
        let distance = away.length();
        let normal = || self.facet(triangle).normal;
        let inside = if distance < NEAR_MM { away.dot(normal()) < 0.0 } else { is_inside };
        let sign = if inside { 1.0 } else { -1.0 };
        let slope = (sign * away).try_normalize().unwrap_or_else(|| -normal().normalize_or_zero());
        let [x, y, z] = (slope * 127.0).round().to_array().map(|x| x as i8);
        Node { distance_mm: sign * distance, slope: [x, y, z, 0] }
    }
}

/// The point of a triangle nearest to `p` (Ericson, Real-Time Collision Detection, 5.1.5); of one
/// without area, a point of its edges.
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
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 && d1 > d3 {
        return a + ab * (d1 / (d1 - d3));
    }
    let cp = p - c;
    let (d5, d6) = (ab.dot(cp), ac.dot(cp));
    if d6 >= 0.0 && d5 <= d6 {
        return c;
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 && d2 > d6 {
        return a + ac * (d2 / (d2 - d6));
    }
    let va = d3 * d6 - d5 * d4;
    if va <= 0.0 && d4 >= d3 && d5 >= d6 && (d4 > d3 || d5 > d6) {
        return b + (c - b) * ((d4 - d3) / ((d4 - d3) + (d5 - d6)));
    }
    let area = va + vb + vc;
    if !(area > 0.0) {
        return a;
    }
    a + ab * (vb / area) + ac * (vc / area)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_triangle_without_area_has_a_nearest_point_all_the_same() {
        let [a, b, c] = [Vec3::ZERO, Vec3::X, Vec3::Y * 2.0];
        let nearest = |p: Vec3, corners: [Vec3; 3]| closest_point(p, corners);
        let p = Vec3::new(0.3, 1.0, 0.5);
        for corners in [[a, a, c], [a, c, a], [c, a, a], [a, c, c * 0.5], [a, c * 0.5, c]] {
            assert!((nearest(p, corners) - Vec3::Y).length() < 1e-6, "{corners:?}");
        }
        assert_eq!(nearest(p, [b; 3]), b);
        let inside = nearest(Vec3::new(0.2, 0.2, 3.0), [a, b, c]);
        assert!((inside - Vec3::new(0.2, 0.2, 0.0)).length() < 1e-6);
    }
}
