//! The signed distance to the declared surface of one vertebra, fast enough for a moving hand.
//!
//! In: a [`Surface`], of which the finest mesh ([`mesh::extract`]) is taken as the surface: its
//! vertices lie on the zero set and its triangles leave it by a few hundredths of a mm where it is
//! most curved. Out: [`Field`], the distance at any point, in two ways.
//!
//! **Quick.** At the nodes of a grid in the surface's box, half a millimetre apart at most, the
//! distance to the nearest triangle is exact near the surface; a part of the grid is made when a place
//! in it is asked for the first time. Between nodes each of the eight around says what the distance
//! would be if the surface were flat seen from it, `d + g . (x - node)`; the mean of that and of `d`,
//! weighted trilinearly, is exact for every quadratic function, since the errors of the two are
//! opposite. Where nodes see different walls, midway between two, it is off by up to 0.14 mm.
//!
//! **Exact.** The nearest of all triangles that are nearest to any place in the same part of the cell;
//! beyond the grid the nearest of all triangles around.

use super::SignedDistance;
use super::facets::{Facets, Spread, nearest_somewhere};
use super::four::Four;
use super::nearest::{Nearest, STEP};
use super::nodes::{Nodes, STRIDES, Units};
use super::triangles::{Bins, Triangles};
use super::wall::{KeptOutlines, Outlines, WallFrame};
use crate::mesh::{self, TriMesh};
use crate::space::{Dir, Patient, Point};
use crate::surface::Surface;
use crate::surface::block::cell_of;
use crate::volume::Grid;
use crate::work::{Cancelled, Work};
use glam::{Affine3A, DAffine3, DMat3, DVec3, UVec3, Vec3, Vec3A, Vec4};
use std::array::from_fn;
use std::sync::Arc;

/// Signed distance in mm to the surface of one vertebra: positive inside bone, zero on the
/// surface, negative outside.
#[derive(Clone, Debug)]
pub struct Field {
    origin: DVec3,
    node_from_local: Affine3A,
    local_from_node: Affine3A,
    size: [usize; 3],
    /// The last node of each axis.
    last: Vec3A,
    nodes: Nodes,
    /// Of the surface, in mm around the grid's origin.
    triangles: Arc<Triangles>,
    bins: Bins,
    facets: Facets,
    outlines: KeptOutlines,
}

/// What a node knows, in units of [`Node::UNIT_MM`]: by how much the distance grows on half a step
/// along each axis, and the distance.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Node(pub Units);

/// Where a point lies: in mm around the grid's origin, and in the box of nodes, or, beyond it, where
/// that is nearest.
struct Place {
    local: Vec3A,
    node: Vec3A,
    is_beyond: bool,
}

/// Nodes lie no farther apart than this along each axis, mm.
const MOST_NODE_MM: f64 = 0.5;
/// Parts of a cell along each axis that keep their own triangles.
const PARTS: f32 = 2.0;
/// Farther from the surface than this nobody asks for hundredths of a millimetre, mm: the last letter
/// begins at 6.
const EXACT_WITHIN_MM: f32 = 10.0;
/// So near to it a quick answer could be on the wrong side of it, mm: beside the sharpest creases one is
/// so 0.24 mm away.
const SIDE_MM: f32 = 0.4;

impl Node {
    /// 16 bits then reach 80 mm, more than any place in a vertebra's box is from it.
    pub const UNIT_MM: f32 = 0.0025;
    /// A node of which nothing is known.
    pub const NOWHERE: Self = Self([0, 0, 0, i16::MIN]);

    /// Four of them by their signed distances, mm, and how those grow on half a step along each axis,
    /// mm.
    #[inline(always)]
    pub fn four(distances_mm: Vec4, half_steps_mm: [Vec4; 3]) -> [Self; 4] {
        /// Added to a small number, it leaves that, rounded, in the sum's last bits.
        const TO_LAST_BITS: f32 = 1.5 * (1 << 23) as f32;
        const MOST: Vec4 = Vec4::splat(i16::MAX as f32);
        let units = |mm: Vec4| {
            let rounded = (mm * (1.0 / Self::UNIT_MM)).clamp(-MOST, MOST) + TO_LAST_BITS;
            rounded.to_array().map(|x| x.to_bits() as i16)
        };
        let [x, y, z] = half_steps_mm.map(units);
        let distances = units(distances_mm);
        from_fn(|n| Self([x[n], y[n], z[n], distances[n]]))
    }
    fn units(self) -> Vec4 {
        Vec4::from_array(self.0.map(f32::from))
    }
}

impl SignedDistance for Field {
    fn signed_distance_mm(&self, point: Point<Patient>) -> f64 {
        Field::signed_distance_mm(self, point)
    }
    fn quick_distance_mm(&self, point: Point<Patient>) -> f64 {
        Field::quick_distance_mm(self, point)
    }
    fn tells_walls_within_mm(&self) -> f64 {
        // What is told quickly, and from how far away, may be off.
        f64::from(EXACT_WITHIN_MM) - 0.5
    }
    fn exact_distance_mm(&self, point: Point<Patient>, quick_mm: f64) -> f64 {
        f64::from(self.exact(&self.place(point), quick_mm as f32, 0.0).0)
    }
    fn nearest_wall(&self, point: Point<Patient>) -> (f64, Point<Patient>) {
        self.near_wall(point, 0.0)
    }
    fn near_wall(&self, point: Point<Patient>, near_enough_mm: f64) -> (f64, Point<Patient>) {
        let place = self.place(point);
        let near_enough = near_enough_mm.max(0.0) as f32;
        self.wall(place.local, self.exact(&place, self.told_quickly(&place), near_enough))
    }
    fn quick_nearest_wall(&self, point: Point<Patient>) -> (f64, Point<Patient>) {
        let place = self.place(point);
        self.wall(place.local, self.rough(&place))
    }
    fn is_outside(&self, point: Point<Patient>) -> bool {
        Field::is_outside(self, point)
    }
    fn outlines(&self, frame: WallFrame, span_mm: [f64; 2]) -> Arc<Outlines> {
        self.outlines.of(frame, span_mm)
    }
    fn reach_mm(&self, from: Point<Patient>, dir: Dir<Patient>) -> f64 {
        let from = self.node_from_local.transform_point3((from.vec() - self.origin).as_vec3());
        let along = self.node_from_local.transform_vector3(dir.vec().as_vec3());
        let out = |n: usize| match along[n] {
            by if by > 0.0 => (self.last[n] - from[n]) / by,
            by if by < 0.0 => -from[n] / by,
            _ => f32::INFINITY,
        };
        f64::from(out(0).min(out(1)).min(out(2)).max(0.0))
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
        let (size, map, per_node) = nodes_over(surface.field.grid());
        let turned = DAffine3::from_mat3(map.matrix3);
        let local_from_node = turned.as_affine3a();
        let triangles = Arc::new(Triangles::new(finest, map.translation));
        let search = || {
            let mut nearest = Nearest::new(Arc::clone(&triangles), local_from_node, size);
            nearest.seed();
            work.step(STAGE, 0.4)?;
            nearest.spread();
            work.step(STAGE, 0.8)?;
            Ok(nearest)
        };
        let (bins, nearest) = rayon::join(|| Bins::new(&triangles), search);
        work.step(STAGE, 1.0)?;
        Ok(Self {
            origin: map.translation,
            node_from_local: turned.inverse().as_affine3a(),
            local_from_node,
            size,
            last: Vec3A::from_array(size.map(|n| n as f32 - 1.0)),
            nodes: Nodes::new(nearest?, size, surface.block(), per_node),
            bins,
            triangles,
            facets: Facets::new(size.map(|n| n * PARTS as usize)),
            outlines: KeptOutlines::default(),
        })
    }
    /// Nodes along the three axes of the grid, and how far apart they lie along each, mm.
    pub fn nodes(&self) -> ([usize; 3], [f32; 3]) {
        let axes = self.local_from_node.matrix3;
        (self.size, [axes.x_axis, axes.y_axis, axes.z_axis].map(Vec3A::length))
    }
    /// Signed distance to the surface in mm: positive inside bone, zero on the surface, negative
    /// outside; within 10 mm of the surface that to its triangles, to rounding, in the grid and beyond.
    /// The first question to a part of a cell of the grid has its triangles looked up: who asks at many
    /// places, or in every frame, asks quickly. Farther away it is told quickly.
    pub fn signed_distance_mm(&self, p: Point<Patient>) -> f64 {
        let place = self.place(p);
        f64::from(self.exact(&place, self.told_quickly(&place), 0.0).0)
    }
    /// The same, a good deal faster, but for the first question to a part of the grid some millimetres
    /// wide, which is made then: off by 0.004 mm in the median and by up to 0.14 mm midway
    /// between two walls (4400 places of two vertebrae), on the right side from 0.1 mm on, beside the
    /// sharpest creases from 0.25 mm on.
    /// Beyond the grid, which reaches about 4 mm past the bone, it is the distance to the surface's point
    /// that is nearest to where the grid ends: always negative, continuous, and never less far than the
    /// true one by more than that.
    pub fn quick_distance_mm(&self, p: Point<Patient>) -> f64 {
        f64::from(self.told_quickly(&self.place(p)))
    }
    /// A distance than which the surface is not nearer, mm, with the sign of the side; 0 where it may be
    /// near. Told without making nodes, and up to 4.4 mm less than it is (20,000 places within 9 mm of a
    /// sacrum and about it, beyond the grid too): for who asks at very many places and needs few of them.
    pub fn at_least_mm(&self, p: Point<Patient>) -> f64 {
        /// What the search for the nearest triangles, and a distance told quickly, may be off by, mm.
        const OFF_MM: f32 = 0.5;
        let place = self.place(p);
        let ([searched, wall], is_inside) = self.nodes.about(place.node);
        let held = Vec3::from(self.local_from_node.transform_point3a(place.node));
        let beyond_mm = if place.is_beyond { held.distance(place.local.into()) } else { 0.0 };
        let from_held_mm = searched.distance(wall) - searched.distance(held) - OFF_MM;
        let least_mm = f64::from(from_held_mm.max(beyond_mm).max(0.0));
        if is_inside { least_mm } else { -least_mm }
    }
    /// Whether a point lies outside bone.
    pub fn is_outside(&self, p: Point<Patient>) -> bool {
        let quick = self.quick_distance_mm(p);
        if f64::from(SIDE_MM) < quick.abs() {
            quick < 0.0
        } else {
            self.exact_distance_mm(p, quick) < 0.0
        }
    }
    /// Where a point lies.
    #[inline(always)]
    fn place(&self, p: Point<Patient>) -> Place {
        let local = (p.vec() - self.origin).as_vec3a();
        let node = self.node_from_local.transform_point3a(local);
        let held = node.max(Vec3A::ZERO).min(self.last);
        Place { local, node: held, is_beyond: held != node }
    }
    /// The distance, and the point of the surface there against the slope.
    fn wall(&self, local: Vec3A, (distance, slope): (f32, Vec3)) -> (f64, Point<Patient>) {
        let wall = Vec3::from(local) - slope.normalize_or_zero() * distance;
        (f64::from(distance), Point::from_vec(wall.as_dvec3() + self.origin))
    }
    /// Unit direction in which the distance grows: towards the inside of bone while outside and
    /// near the surface. On ridges, midway between two walls, it is away from one of them.
    pub fn gradient(&self, p: Point<Patient>) -> Dir<Patient> {
        let place = self.place(p);
        let (_, slope) = self.exact(&place, self.told_quickly(&place), 0.0);
        Dir::from_vec(slope.as_dvec3()).unit().unwrap_or(Dir::Z)
    }
    /// Distance alone at a position within the box of nodes, from the eight around it: what
    /// [`Self::sum`] makes of them, put together axis by axis.
    ///
    /// What a node's slope along an axis adds is weighted by the way there and by the share of the
    /// node, `t (1 - t)` from the one side and `-t (1 - t)` from the other.
    #[inline(always)]
    fn quick(&self, node: Vec3A) -> f32 {
        let (cell, t) = cell_of(node, self.last);
        let (nodes, cell) = self.nodes.around(cell);
        let [si, sj, sk] = STRIDES;
        let near = Vec3A::ONE - t;
        let both = t * near;
        let x = [Vec4::splat(near.x).with_x(both.x), Vec4::splat(t.x).with_x(-both.x)];
        let y = [Vec4::splat(near.y).with_y(both.y), Vec4::splat(t.y).with_y(-both.y)];
        let z = [Vec4::splat(near.z).with_z(both.z), Vec4::splat(t.z).with_z(-both.z)];
        let row = |first: usize| {
            let [a, b] = [nodes[first], nodes[first + si]].map(|node| Node(node).units());
            a * x[0] + b * x[1]
        };
        let slab = |first: usize| row(first) * y[0] + row(first + sj) * y[1];
        let sum = slab(cell) * z[0] + slab(cell + sk) * z[1];
        sum.element_sum() * Node::UNIT_MM
    }
    /// What the eight nodes of a cell say of a place in it, weighted, in their units: what flat
    /// surfaces add along each axis, and the distance. `show` gets each node and its weight.
    #[inline(always)]
    fn sum(&self, cell: UVec3, t: Vec3A, mut show: impl FnMut(Vec4, f32)) -> Vec4 {
        let (nodes, cell) = self.nodes.around(cell);
        let [si, sj, sk] = STRIDES;
        let toward = t.extend(1.0);
        let (near, far) = (Vec3A::ONE - t, t);
        let rows = [
            (cell, near.y * near.z, toward),
            (cell + sj, far.y * near.z, toward - Vec4::Y),
            (cell + sk, near.y * far.z, toward - Vec4::Z),
            (cell + sj + sk, far.y * far.z, toward - Vec4::Y - Vec4::Z),
        ];
        let mut sum = Vec4::ZERO;
        for (first, share, toward) in rows {
            let [a, b] = [nodes[first], nodes[first + si]].map(|node| Node(node).units());
            sum += a * toward * (share * near.x) + b * (toward - Vec4::X) * (share * far.x);
            show(a, share * near.x);
            show(b, share * far.x);
        }
        sum
    }
    /// The distance, told quickly.
    #[inline(always)]
    fn told_quickly(&self, place: &Place) -> f32 {
        if place.is_beyond { self.rough(place).0 } else { self.quick(place.node) }
    }
    /// Distance and its slope, told quickly.
    fn rough(&self, place: &Place) -> (f32, Vec3) {
        let (cell, t) = cell_of(place.node, self.last);
        let (distance, slope) = self.between(cell, t);
        if !place.is_beyond {
            return (distance, slope);
        }
        let edge = self.local_from_node.transform_point3a(place.node);
        let to_surface = Vec3::from(edge - place.local) - slope.normalize_or_zero() * distance;
        let away = to_surface.length();
        (-away, to_surface / away.max(f32::MIN_POSITIVE))
    }
    /// Distance and its slope, from the nearest triangle, or the first one that is found to be no
    /// farther than `near_enough`, mm; `rough` is the distance told quickly.
    fn exact(&self, place: &Place, rough: f32, near_enough: f32) -> (f32, Vec3) {
        if !(rough.abs() < EXACT_WITHIN_MM) {
            return self.rough(place);
        }
        // Which side the quick distance tells, or the nearest triangle alone.
        let is_far = rough.abs() > SIDE_MM;
        let near_enough = if is_far { near_enough } else { 0.0 };
        let p = Vec3::from(place.local);
        let part = (Vec3::from(place.node) * PARTS).as_uvec3();
        let nearest = match place.is_beyond {
            false => self.kept(p, part, near_enough),
            true => self.near(part).map(|near| self.sought(p, near, near_enough)),
        };
        let Some((away, triangle)) = nearest else { return self.rough(place) };
        let distance = away.length();
        let is_inside = match is_far {
            true => rough > 0.0,
            false => self.triangles.is_inside(triangle, p - away, away),
        };
        let sign = if is_inside { 1.0 } else { -1.0 };
        let inward = || -self.triangles.normal_at(triangle, p).normalize_or_zero();
        let slope = (sign * away).try_normalize().unwrap_or_else(inward);
        (sign * distance, slope)
    }
    /// The nearest of the triangles that are nearest somewhere in a part of a cell, or the first that is
    /// near enough, and the way from it.
    fn kept(&self, p: Vec3, part: UVec3, near_enough: f32) -> Option<(Vec3, u32)> {
        let facets = self.facets.of(part.to_array(), || self.facets_of(part));
        let (mut nearest, mut least) = (None, f32::INFINITY);
        for four in facets {
            let (away, squares) = four.away(p);
            let square = squares.min_element();
            if square < least {
                let n = squares.min_position();
                let away = Vec3::from_array(away.map(|of_each| of_each[n]));
                (nearest, least) = (Some((away, four.triangles[n])), square);
                if square <= near_enough * near_enough {
                    break;
                }
            }
        }
        nearest
    }
    /// The nearest of all triangles, or one that is near enough, and the way from it; `near` is one not
    /// far from it.
    fn sought(&self, p: Vec3, near: u32, near_enough: f32) -> (Vec3, u32) {
        let (mut triangle, point) = self.triangles.walk(p, near);
        let mut away = p - point;
        if away.length_squared() <= near_enough * near_enough {
            return (away, triangle);
        }
        self.bins.nearer(&self.triangles, p, away.length(), |other| {
            let to_other = p - self.triangles.nearest_of(other, p);
            if to_other.length_squared() < away.length_squared() {
                (away, triangle) = (to_other, other);
            }
            away.length()
        });
        (away, triangle)
    }
    /// The triangles that are nearest somewhere in a part of a cell.
    fn facets_of(&self, part: UVec3) -> Box<[Four]> {
        let at = |t: Vec3| self.local_from_node.transform_point3((part.as_vec3() + t) / PARTS);
        let thirds = (0..27).map(|n| [n % 3, n / 3 % 3, n / 9]);
        let between = thirds
            .filter(|at| at.contains(&1))
            .map(|at| Vec3::from_array(at.map(|n| n as f32 * 0.5)));
        let place = Spread {
            middle: at(Vec3::splat(0.5)),
            corners: std::array::from_fn(|c| at(corner_of_cell(c))),
            between: between.map(at).collect(),
        };
        let nearest = nearest_somewhere(&self.triangles, &self.bins, &place, self.near(part));
        let four = |four: &[u32]| Four::new(four, |triangle| self.triangles.corners_of(triangle));
        nearest.chunks(4).map(four).collect()
    }
    /// A triangle not far from the nearest ones of a part; `None` where there is no surface.
    fn near(&self, part: UVec3) -> Option<u32> {
        self.nodes.triangle(part.to_array().map(|n| n as usize / (STEP * PARTS as usize)))
    }
    /// Distance and slope from the eight nodes of a cell.
    fn between(&self, cell: UVec3, t: Vec3A) -> (f32, Vec3) {
        let mut steps = Vec4::ZERO;
        let sum = self.sum(cell, t, |node, share| steps += node * share);
        let per_step = Vec3A::from_vec4(steps) * (2.0 * Node::UNIT_MM);
        let slope = self.node_from_local.matrix3.transpose() * per_step;
        (sum.element_sum() * Node::UNIT_MM, slope.into())
    }
}

/// Nodes over the box of a surface's grid, no coarser than asked: how many, from node to patient, and
/// the surface's nodes per node along each axis.
fn nodes_over(surface: &Grid) -> ([usize; 3], DAffine3, Vec3) {
    let (count, spacing) = (surface.size(), surface.spacing_mm());
    let cells = |n: usize| {
        let own = (count[n] - 1) as f64;
        // What rounding adds to a spacing just fine enough asks for no finer one.
        let wanted = (own * spacing[n] / MOST_NODE_MM - 1e-6).ceil();
        (own, own.max(wanted))
    };
    let cells = [cells(0), cells(1), cells(2)];
    let per_node = cells.map(|(own, wanted)| if wanted > 0.0 { own / wanted } else { 1.0 });
    let map = surface.patient_from_voxel().map();
    let axes = map.matrix3 * DMat3::from_diagonal(DVec3::from_array(per_node));
    let map = DAffine3::from_mat3_translation(axes, map.translation);
    let size = cells.map(|(_, wanted)| wanted as usize + 1);
    (size, map, DVec3::from_array(per_node).as_vec3())
}

/// A corner of a cell, from its lower node.
fn corner_of_cell(c: usize) -> Vec3 {
    Vec3::new((c & 1) as f32, (c >> 1 & 1) as f32, (c >> 2) as f32)
}
