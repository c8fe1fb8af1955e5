//! The distance of every node of a grid to the triangle that is nearest to it.
//!
//! In: the triangles of a surface and a grid. Out: for any node the signed distance and its slope.
//! On every second node along each axis, every triangle is measured against the nodes around it, then
//! nodes farther away take the nearest point of a neighbour. A node starts from what those around
//! it found and walks on to the nearest triangle.

use super::four::{Four, Vectors, dot, less};
use super::nodes::Units;
use super::sdf::Node;
use super::triangles::{Fans, Triangles, closest_point};
use glam::{Affine3A, UVec3, Vec3, Vec3A, Vec4};
use rayon::prelude::*;
use std::array::from_fn;
use std::sync::Arc;

const NONE: u32 = u32::MAX;
/// A triangle is measured against the nodes within so many nodes of its box.
const SEED_NODES: f32 = 1.0;
/// Nodes per searched node, along each axis.
pub(super) const STEP: usize = 2;
/// What rounding may add to a distance, mm.
const ROUNDING_MM: f32 = 1e-3;
/// Neighbours along a row that are worked on at once.
const LANES: usize = 4;

/// The search for the nearest triangle of every second node, in mm around the grid's origin.
#[derive(Debug)]
pub(super) struct Nearest {
    triangles: Arc<Triangles>,
    /// There once the search has ended.
    fans: Fans,
    /// From a node that is searched.
    local_from_node: Affine3A,
    /// Square of the distance up to which seeding finds the nearest triangle for sure, mm².
    seeded: f32,
    size: [usize; 3],
    layers: Vec<Layer>,
}

/// What was found for the searched nodes of one k. Rows go on behind their last node, so that lanes
/// can be read from every one; nothing is ever found there.
#[derive(Debug)]
struct Layer {
    /// Squares of the distances, as long as they are searched; less than any where no nearer point is
    /// to be taken, mm².
    squares: Vec<f32>,
    points: [Vec<f32>; 3],
    triangles: Vec<u32>,
}

/// What was found for one node.
#[derive(Clone, Copy)]
struct Found {
    square: f32,
    triangle: u32,
    point: Vec3,
}

/// The same for neighbours along a row, by components; triangles by their bits.
#[derive(Clone, Copy)]
struct Lanes {
    squares: Vec4,
    points: Vectors,
    triangles: Vec4,
}

impl Lanes {
    const NOTHING: Self = Self {
        squares: Vec4::INFINITY,
        points: [Vec4::INFINITY; 3],
        triangles: Vec4::splat(f32::from_bits(NONE)),
    };
    /// For nodes at `places`, what the searched nodes from `at` on have found where that is nearer.
    #[inline(always)]
    fn or(self, places: Vectors, layer: &Layer, at: usize) -> Self {
        let points: Vectors = from_fn(|n| Vec4::from_slice(&layer.points[n][at..]));
        let away = less(places, points);
        let squares = dot(away, away);
        let is_nearer = squares.cmplt(self.squares);
        Self {
            squares: Vec4::select(is_nearer, squares, self.squares),
            points: from_fn(|n| Vec4::select(is_nearer, points[n], self.points[n])),
            triangles: Vec4::select(is_nearer, layer.triangles_at(at), self.triangles),
        }
    }
    /// The first ones; of the others nothing.
    #[inline(always)]
    fn first(self, count: usize) -> Self {
        let is_one = Vec4::new(0.0, 1.0, 2.0, 3.0).cmplt(Vec4::splat(count as f32));
        let of = |these: Vec4, nothing: Vec4| Vec4::select(is_one, these, nothing);
        Self {
            squares: of(self.squares, Self::NOTHING.squares),
            points: from_fn(|n| of(self.points[n], Self::NOTHING.points[n])),
            triangles: of(self.triangles, Self::NOTHING.triangles),
        }
    }
    fn each(self) -> [Found; LANES] {
        let squares = self.squares.to_array();
        let [x, y, z] = self.points.map(|axis| axis.to_array());
        let triangles = self.triangles.to_array().map(f32::to_bits);
        from_fn(|n| Found {
            square: squares[n],
            triangle: triangles[n],
            point: Vec3::new(x[n], y[n], z[n]),
        })
    }
}

impl Layer {
    /// Of so many nodes, for which nothing is found yet.
    fn new(count: usize) -> Self {
        Self {
            squares: vec![f32::INFINITY; count],
            points: from_fn(|_| vec![f32::INFINITY; count]),
            triangles: vec![NONE; count],
        }
    }
    #[inline(always)]
    fn triangles_at(&self, at: usize) -> Vec4 {
        let of: &[u32] = &self.triangles[at..at + LANES];
        Vec4::new(
            f32::from_bits(of[0]),
            f32::from_bits(of[1]),
            f32::from_bits(of[2]),
            f32::from_bits(of[3]),
        )
    }
    fn lanes(&self, at: usize) -> Lanes {
        Lanes {
            squares: Vec4::from_slice(&self.squares[at..]),
            points: from_fn(|n| Vec4::from_slice(&self.points[n][at..])),
            triangles: self.triangles_at(at),
        }
    }
    fn get(&self, at: usize) -> Found {
        let point = self.get_point(at);
        Found { square: self.squares[at], triangle: self.triangles[at], point }
    }
    fn get_point(&self, at: usize) -> Vec3 {
        Vec3::from_array(from_fn(|n| self.points[n][at]))
    }
    fn set(&mut self, at: usize, found: Found) {
        self.squares[at] = found.square;
        self.triangles[at] = found.triangle;
        for (axis, x) in self.points.iter_mut().zip(found.point.to_array()) {
            axis[at] = x;
        }
    }
    /// Gives a node at `p` the nearer of `best` and of what the node `beside` it has.
    fn take(&mut self, at: usize, p: Vec3, mut best: Found, beside: usize) {
        let beside = self.get(beside);
        let square = p.distance_squared(beside.point);
        if square < best.square {
            best = Found { square, ..beside };
        }
        if best.square < self.squares[at] {
            self.set(at, best);
        }
    }
}

impl Nearest {
    /// For a grid of so many nodes.
    pub fn new(triangles: Arc<Triangles>, local_from_node: Affine3A, size: [usize; 3]) -> Self {
        let local_from_node = local_from_node * Affine3A::from_scale(Vec3::splat(STEP as f32));
        let size = size.map(|n| n.div_ceil(STEP) + 1);
        let axes = local_from_node.matrix3;
        let shortest = [axes.x_axis, axes.y_axis, axes.z_axis].map(Vec3A::length);
        let shortest = shortest.into_iter().fold(f32::INFINITY, f32::min);
        Self {
            triangles,
            fans: Fans::default(),
            local_from_node,
            seeded: (SEED_NODES * shortest).powi(2),
            size,
            layers: Vec::new(),
        }
    }
    /// The nodes of a row of a layer, with those behind its last one.
    fn stride(&self) -> usize {
        self.size[0] + LANES
    }
    /// Measures each triangle against the nodes around it.
    pub fn seed(&mut self) {
        /// Layers that a thread works on in one go.
        const LAYERS: usize = 8;
        let [_, nj, nk] = self.size;
        let boxes = self.boxes();
        let mut layers: Vec<Layer> =
            (0..nk).into_par_iter().map(|_| Layer::new(self.stride() * nj)).collect();
        layers.par_chunks_mut(LAYERS).enumerate().for_each(|(n, layers)| {
            let first = n * LAYERS;
            for (triangle, [low, high]) in (0..).zip(&boxes) {
                let (low, high) = (low.as_usizevec3(), high.as_usizevec3());
                for k in first.max(low.z)..(first + layers.len()).min(high.z + 1) {
                    let nodes = [low, high].map(|node| [node.x, node.y]);
                    self.seed_layer(&mut layers[k - first], k, nodes, triangle);
                }
            }
            // A point that is the nearest for sure stays.
            for square in layers.iter_mut().flat_map(|layer| &mut layer.squares) {
                *square = if *square <= self.seeded { f32::NEG_INFINITY } else { *square };
            }
        });
        self.layers = layers;
    }
    /// The first and the last node of each triangle's surroundings along the axes.
    fn boxes(&self) -> Vec<[UVec3; 2]> {
        let node_from_local = self.local_from_node.inverse();
        let last = Vec3::from_array(self.size.map(|n| n as f32 - 1.0));
        let of = |triangle: u32| {
            let corners = self.triangles.corners_of(triangle);
            let [a, b, c] = corners.map(|c| node_from_local.transform_point3(c));
            let low = (a.min(b).min(c) - SEED_NODES).ceil().max(Vec3::ZERO);
            let high = (a.max(b).max(c) + SEED_NODES).floor().min(last);
            [low.as_uvec3(), high.as_uvec3()]
        };
        (0..self.triangles.triangles.len() as u32).into_par_iter().map(of).collect()
    }
    /// Measures a triangle against the nodes of a layer from one to another.
    fn seed_layer(&self, layer: &mut Layer, k: usize, [low, high]: [[usize; 2]; 2], triangle: u32) {
        let corners = self.triangles.corners_of(triangle);
        let middle = (corners[0] + corners[1] + corners[2]) / 3.0;
        let reach = corners.iter().map(|c| c.distance(middle)).fold(0.0, f32::max) + ROUNDING_MM;
        for j in low[1]..=high[1] {
            for i in low[0]..=high[0] {
                let at = i + self.stride() * j;
                let p = self.position([i, j, k]);
                let most = layer.squares[at].sqrt() + reach;
                if p.distance_squared(middle) > most * most {
                    continue;
                }
                let point = closest_point(p, corners);
                let square = p.distance_squared(point);
                if square < layer.squares[at] {
                    layer.set(at, Found { square, triangle, point });
                }
            }
        }
    }
    fn position(&self, [i, j, k]: [usize; 3]) -> Vec3 {
        self.local_from_node.transform_point3(Vec3::new(i as f32, j as f32, k as f32))
    }
    /// Hands nearest points on from node to node, there and back along all axes, as a vector
    /// distance transform does (Danielsson 1980).
    pub fn spread(&mut self) {
        let triangles = Arc::clone(&self.triangles);
        // Nodes hand on one after the other; what they will walk by is made beside it.
        (self.fans, ()) = rayon::join(|| Fans::new(&triangles), || self.hand_on());
        self.layers.iter_mut().for_each(|layer| layer.squares = Vec::new());
    }
    fn hand_on(&mut self) {
        let inner = |n: usize| 1..n.saturating_sub(1);
        let [_, nj, nk] = self.size;
        for k in inner(nk) {
            inner(nj).for_each(|j| self.spread_row([j, k], 1));
        }
        for k in inner(nk).rev() {
            inner(nj).rev().for_each(|j| self.spread_row([j, k], -1));
        }
        self.spread_to_border();
    }
    /// Gives the inner nodes of a row what the nodes around them have that come before in the order
    /// of all, or with `way` -1 those that come behind.
    fn spread_row(&mut self, [j, k]: [usize; 2], way: isize) {
        let before = |n: usize| n.wrapping_add_signed(-way);
        let behind = |n: usize| n.wrapping_add_signed(way);
        let rows = [[before(j), before(k)], [j, before(k)], [behind(j), before(k)], [before(j), k]]
            .map(|[j, k]| (self.stride() * j, k));
        let start = self.stride() * j;
        let last = self.size[0].saturating_sub(2);
        let blocks = last.div_ceil(LANES);
        for block in 0..blocks {
            let block = if way > 0 { block } else { blocks - 1 - block };
            let first = 1 + LANES * block;
            let places = self.places([first, j, k]);
            let mut best = self.layers[k].lanes(start + first);
            for (row, k) in rows {
                let at = row + first;
                for at in [before(at), at, behind(at)] {
                    best = best.or(places, &self.layers[k], at);
                }
            }
            let best = best.each();
            for lane in 0..LANES {
                let lane = if way > 0 { lane } else { LANES - 1 - lane };
                if first + lane <= last {
                    let at = start + first + lane;
                    self.layers[k].take(at, lane_of(places, lane), best[lane], before(at));
                }
            }
        }
    }
    /// The places of the nodes of a row from one on, by components.
    fn places(&self, [i, j, k]: [usize; 3]) -> Vectors {
        let along = Vec4::new(0.0, 1.0, 2.0, 3.0) + i as f32;
        let axes = self.local_from_node.matrix3;
        from_fn(|n| {
            axes.x_axis[n] * along
                + axes.y_axis[n] * j as f32
                + axes.z_axis[n] * k as f32
                + self.local_from_node.translation[n]
        })
    }
    /// Gives the nodes of the outermost layer what their inner neighbours have.
    fn spread_to_border(&mut self) {
        let [ni, nj, nk] = self.size;
        for (k, j) in (0..nk).flat_map(|k| (0..nj).map(move |j| (k, j))) {
            let is_border_row = k == 0 || j == 0 || k + 1 == nk || j + 1 == nj;
            let step = if is_border_row { 1 } else { ni - 1 };
            for i in (0..ni).step_by(step) {
                let hold = |n: usize, count: usize| n.clamp(1, count.saturating_sub(2).max(1));
                let stride = self.stride();
                let inner = self.layers[hold(k, nk)].get(stride * hold(j, nj) + hold(i, ni));
                self.layers[k].set(stride * j + i, inner);
            }
        }
    }
    /// Neighbouring nodes along i from an even one on, which must lie in the grid, where the surface's
    /// field has `values`, positive inside.
    pub fn row(&self, [i, j, k]: [usize; 3], values: &[f32], nodes: &mut [Units]) {
        let half_axis = 0.5 * Vec3::from(self.local_from_node.matrix3.x_axis);
        let start = Vec3::new(0.0, j as f32, k as f32) / STEP as f32;
        let start = self.local_from_node.transform_point3(start);
        let rows = self.rows_around([j, k]);
        let rows = &rows[..1 << (j % STEP) << (k % STEP)];
        for first in (0..nodes.len()).step_by(STEP * LANES) {
            // A node between two searched ones asks both.
            for (first, others) in [(first, 0..1), (first + 1, 0..2)] {
                let wanted = nodes.len().saturating_sub(first).div_ceil(STEP);
                if wanted == 0 {
                    continue;
                }
                let along = Vec4::new(0.0, 2.0, 4.0, 6.0) + (i + first) as f32;
                let places: Vectors = from_fn(|n| start[n] + half_axis[n] * along);
                let mut best = Lanes::NOTHING;
                for (row, k) in rows {
                    for other in others.clone() {
                        best = best.or(places, &self.layers[*k], row + (i + first) / STEP + other);
                    }
                }
                let is_inside = |lane: usize| values.get(first + STEP * lane) > Some(&0.0);
                let made = self.nodes(places, best.first(wanted), from_fn(is_inside));
                let nodes = nodes.iter_mut().skip(first).step_by(STEP);
                nodes.zip(made).for_each(|(node, made)| *node = made);
            }
        }
    }
    /// Where in which layers the searched rows around a row of the grid begin; they are one, two or
    /// four.
    fn rows_around(&self, [j, k]: [usize; 2]) -> [(usize, usize); 4] {
        let row = |j: usize, k: usize| (self.stride() * j, k);
        let ([j0, k0], [j1, k1]) = ([j, k].map(|n| n / STEP), [j, k].map(|n| n.div_ceil(STEP)));
        match j0 == j1 {
            true => [row(j0, k0), row(j0, k1), row(j0, k0), row(j0, k0)],
            false => [row(j0, k0), row(j1, k0), row(j0, k1), row(j1, k1)],
        }
    }
    /// The triangle that is about nearest to a searched node; `None` where there is no surface.
    pub fn triangle(&self, [i, j, k]: [usize; 3]) -> Option<u32> {
        let triangle = self.layers[k].triangles[i + self.stride() * j];
        (triangle != NONE).then_some(triangle)
    }
    /// The searched node next to a place of the grid, and the point of the surface that is about
    /// nearest to it, both in mm around the grid's origin; the point is infinite where there is none.
    pub fn about(&self, node: Vec3A) -> [Vec3; 2] {
        let last = Vec3A::from_array(self.size.map(|n| n as f32 - 1.0));
        let near = (node / STEP as f32).round().clamp(Vec3A::ZERO, last);
        let [i, j, k] = near.to_array().map(|n| n as usize);
        [self.position([i, j, k]), self.layers[k].get_point(i + self.stride() * j)]
    }
    /// Nodes at `places` near which `best` was found.
    #[inline(always)]
    fn nodes(&self, places: Vectors, best: Lanes, is_inside: [bool; LANES]) -> [Units; LANES] {
        /// So near, the side is told by the nearest triangle, not by the field.
        const NEAR_MM: f32 = 0.3;
        /// So far from the surface a neighbour's point is near enough to the nearest one.
        const VERY_FAR_MM: f32 = 5.0;
        let mut triangles = best.triangles.to_array().map(f32::to_bits);
        let mut points = best.points;
        let is_near = best.squares.cmple(Vec4::splat(VERY_FAR_MM * VERY_FAR_MM));
        if is_near.any() {
            let own = Four::new(&triangles, |triangle| self.corners_of(triangle)).nearest(places);
            points = from_fn(|n| Vec4::select(is_near, own[n], points[n]));
            points = self.walked(places, points, best.squares, &mut triangles);
        }
        let away = less(places, points);
        let distances = dot(away, away).sqrt();
        let mut signs = is_inside.map(|is_inside| if is_inside { 1.0 } else { -1.0 });
        if distances.cmplt(Vec4::splat(NEAR_MM)).any() {
            for lane in (0..LANES).filter(|lane| distances[*lane] < NEAR_MM) {
                let [point, away] = [points, away].map(|of| lane_of(of, lane));
                let is_inside = self.triangles.is_inside(triangles[lane], point, away);
                signs[lane] = if is_inside { 1.0 } else { -1.0 };
            }
        }
        let signs = Vec4::from_array(signs);
        let slopes = self.slopes(away, signs, distances, points, &triangles);
        let made = Node::four(signs * distances, self.half_steps(slopes));
        from_fn(|lane| if triangles[lane] == NONE { Node::NOWHERE } else { made[lane] }.0)
    }
    fn corners_of(&self, triangle: u32) -> [Vec3; 3] {
        match triangle {
            NONE => [Vec3::INFINITY; 3],
            triangle => self.triangles.corners_of(triangle),
        }
    }
    /// The nearest points of all triangles for those places that lie near enough for it to matter;
    /// `points` are those of `triangles`, which become the nearest ones.
    fn walked(
        &self,
        places: Vectors,
        mut points: Vectors,
        squares: Vec4,
        triangles: &mut [u32; LANES],
    ) -> Vectors {
        /// So far from the surface a neighbour's triangle is near enough to the nearest one.
        const FAR_MM: f32 = 1.5;
        for lane in (0..LANES).filter(|lane| squares[*lane] <= FAR_MM * FAR_MM) {
            let [place, point] = [places, points].map(|of| lane_of(of, lane));
            let around = |corner| self.fans.nearest_around(corner, place);
            let (triangle, point) = self.triangles.walk_from(place, triangles[lane], point, around);
            triangles[lane] = triangle;
            points.iter_mut().zip(point.to_array()).for_each(|(axis, x)| axis[lane] = x);
        }
        points
    }
    /// By how much the distance grows along each axis, mm per mm.
    #[inline(always)]
    fn slopes(
        &self,
        away: Vectors,
        signs: Vec4,
        distances: Vec4,
        points: Vectors,
        triangles: &[u32; LANES],
    ) -> Vectors {
        /// Nearer than this, which way the surface lies can not be told from the way there, mm.
        const ON_IT_MM: f32 = 1e-6;
        let per_mm = signs / distances;
        let mut slopes = away.map(|axis| axis * per_mm);
        if distances.cmple(Vec4::splat(ON_IT_MM)).any() {
            for lane in (0..LANES).filter(|lane| distances[*lane] <= ON_IT_MM) {
                let normal = self.triangles.normal_at(triangles[lane], lane_of(points, lane));
                let slope = -normal.normalize_or_zero();
                slopes.iter_mut().zip(slope.to_array()).for_each(|(axis, x)| axis[lane] = x);
            }
        }
        slopes
    }
    /// By how much it grows on half a step of the grid's nodes along each of its axes, mm.
    #[inline(always)]
    fn half_steps(&self, slopes: Vectors) -> Vectors {
        let axes = self.local_from_node.matrix3;
        let along = |axis: Vec3A| {
            let [x, y, z] = from_fn(|n| axis[n] * slopes[n]);
            (x + y + z) * (0.5 / STEP as f32)
        };
        [axes.x_axis, axes.y_axis, axes.z_axis].map(along)
    }
}

fn lane_of(vectors: Vectors, lane: usize) -> Vec3 {
    Vec3::from_array(vectors.map(|axis| axis[lane]))
}
