//! The mesh of a declared surface: one vertex in every cell that the surface passes through.
//!
//! In: a [`Surface`]. Out: a [`TriMesh`] whose vertices lie on the field's zero set and whose
//! triangles turn outwards. Each edge of the grid with a change of sign is the middle of a quad of
//! the four cells around it (surface nets, Gibson 1998); the vertices are then moved along the
//! gradient onto the zero set. Closed, and a manifold for a surface from [`crate::surface::declare`]
//! or [`Surface::from_field`], whose inside touches itself nowhere.

use super::TriMesh;
use crate::space::{Dir, Patient, Point, Voxel};
use crate::surface::Surface;
use crate::surface::block::Block;
use glam::DVec3;
use rayon::prelude::*;

/// The finest mesh of a surface. Empty where the field is nowhere positive.
pub fn extract(surface: &Surface) -> TriMesh {
    let grid = surface.field.grid();
    let Block { values, size } = surface.block();
    let net = Net { values, size };
    let (vertex_of_cell, vertices) = net.vertices();
    let patient_from_voxel = grid.patient_from_voxel();
    let mut mesh = TriMesh::default();
    let placed = vertices.par_iter().map(|p| {
        let on_zero = project(surface, *p);
        (patient_from_voxel.point(on_zero), normal(surface, on_zero))
    });
    (mesh.positions, mesh.normals) = placed.unzip();
    mesh.triangles = net.triangles(&vertex_of_cell, &mesh.positions);
    if patient_from_voxel.determinant() < 0.0 {
        mesh.triangles.iter_mut().for_each(|t| t.swap(1, 2));
    }
    mesh
}

/// Out of the bone, unit; +z where the field is flat.
fn normal(surface: &Surface, p: Point<Voxel>) -> Dir<Patient> {
    (-surface.gradient(p)).unit().unwrap_or(Dir::Z)
}

/// Moves a point along the gradient to the zero set, by at most one cell; a point that does not
/// get there by Newton's steps is found by halving between two points of different sign.
fn project(surface: &Surface, start: Point<Voxel>) -> Point<Voxel> {
    const CLOSE: f64 = 1e-5;
    let value = |p: DVec3| surface.value(Point::from_vec(p));
    let mut p = start.vec();
    let mut along = DVec3::ZERO;
    for _ in 0..5 {
        let now = value(p);
        if now.abs() < CLOSE {
            return Point::from_vec(p);
        }
        let slope = slope(surface, p);
        along = slope.normalize_or_zero();
        let step = -now * slope / slope.length_squared().max(1e-9);
        p = start.vec() + (p + step - start.vec()).clamp_length_max(1.0);
    }
    bracket(&value, start.vec(), along).map_or(start, Point::from_vec)
}

/// Gradient of the field per node step.
fn slope(surface: &Surface, p: DVec3) -> DVec3 {
    const STEP: f64 = 0.25;
    DVec3::from_array([DVec3::X, DVec3::Y, DVec3::Z].map(|axis| {
        let at = |q: DVec3| surface.value(Point::from_vec(q));
        (at(p + axis * STEP) - at(p - axis * STEP)) / (2.0 * STEP)
    }))
}

/// A zero of `value` on the line through `p` along `along`, within one node step.
fn bracket(value: &impl Fn(DVec3) -> f64, p: DVec3, along: DVec3) -> Option<DVec3> {
    let sign = value(p).signum();
    let mut other = [0.25, 0.5, 0.75, 1.0]
        .into_iter()
        .map(|reach| p - along * (reach * sign))
        .find(|&q| value(q).signum() != sign)?;
    let mut same = p;
    for _ in 0..24 {
        let middle = 0.5 * (same + other);
        if value(middle).signum() == sign { same = middle } else { other = middle }
    }
    Some(0.5 * (same + other))
}

const NO_VERTEX: u32 = u32::MAX;

struct Net {
    values: Vec<f32>,
    size: [usize; 3],
}

impl Net {
    fn strides(&self) -> [usize; 3] {
        [1, self.size[0], self.size[0] * self.size[1]]
    }
    fn is_inside(&self, at: usize) -> bool {
        self.values[at] > 0.0
    }
    /// For each cell, named by its lower node, its vertex or `NO_VERTEX`; and the vertices: each
    /// the mean of where the field changes sign on the cell's edges.
    fn vertices(&self) -> (Vec<u32>, Vec<Point<Voxel>>) {
        let mut vertex_of_cell = vec![NO_VERTEX; self.values.len()];
        let mut vertices = Vec::new();
        let [ni, nj, nk] = self.size;
        let crossed = self.crossed();
        for k in 0..nk.saturating_sub(1) {
            for j in 0..nj.saturating_sub(1) {
                let row = j + nj * k;
                if !(crossed(row, row + 1)
                    || crossed(row + nj, row + nj + 1)
                    || crossed(row, row + nj))
                {
                    continue;
                }
                for i in 0..ni.saturating_sub(1) {
                    let at = i + ni * row;
                    if let Some(within) = self.crossing_mean(at) {
                        vertex_of_cell[at] = vertices.len() as u32;
                        let corner = DVec3::new(i as f64, j as f64, k as f64);
                        vertices.push(Point::from_vec(corner + within));
                    }
                }
            }
        }
        (vertex_of_cell, vertices)
    }
    /// Whether two rows of nodes, named by their numbers, have nodes both inside and outside.
    fn crossed(&self) -> impl Fn(usize, usize) -> bool {
        let sides = |row: &[f32]| {
            let inside = row.iter().filter(|value| **value > 0.0).count();
            [inside > 0, inside < row.len()]
        };
        let sides: Vec<[bool; 2]> = self.values.par_chunks(self.size[0]).map(sides).collect();
        move |a, b| (0..2).all(|side| sides[a][side] || sides[b][side])
    }
    fn crossing_mean(&self, at: usize) -> Option<DVec3> {
        let [x, y, z] = self.strides();
        let offset = |c: usize| (c & 1) * x + (c >> 1 & 1) * y + (c >> 2 & 1) * z;
        let value: [f32; 8] = std::array::from_fn(|c| self.values[at + offset(c)]);
        let inside = value.iter().filter(|&&v| v > 0.0).count();
        if inside == 0 || inside == 8 {
            return None;
        }
        let mut sum = DVec3::ZERO;
        let mut count = 0.0;
        for axis in 0..3 {
            for c in (0..8).filter(|c| c >> axis & 1 == 0) {
                let (a, b) = (f64::from(value[c]), f64::from(value[c | 1 << axis]));
                if (a > 0.0) != (b > 0.0) {
                    let mut p = DVec3::new((c & 1) as f64, (c >> 1 & 1) as f64, (c >> 2) as f64);
                    p[axis] = a / (a - b);
                    sum += p;
                    count += 1.0;
                }
            }
        }
        Some(sum / count)
    }
    /// Two triangles for every edge of the grid that changes sign.
    fn triangles(&self, vertex_of_cell: &[u32], positions: &[Point<Patient>]) -> Vec<[u32; 3]> {
        let mut triangles = Vec::new();
        let strides = self.strides();
        let (ni, crossed) = (self.size[0], self.crossed());
        for axis in 0..3 {
            // The two other axes, so that axis, u, v is right-handed.
            let (u, v) = (strides[(axis + 1) % 3], strides[(axis + 2) % 3]);
            let all = u + v..self.values.len() - strides[axis];
            for row in all.start / ni..all.end.div_ceil(ni) {
                if !crossed(row, row + strides[axis] / ni) {
                    continue;
                }
                for at in (row * ni).max(all.start)..((row + 1) * ni).min(all.end) {
                    let (here, there) = (self.is_inside(at), self.is_inside(at + strides[axis]));
                    if here == there {
                        continue;
                    }
                    let cells = [at - u - v, at - v, at, at - u];
                    let mut quad = cells.map(|cell| vertex_of_cell[cell]);
                    if quad.contains(&NO_VERTEX) {
                        continue;
                    }
                    if there {
                        quad.reverse();
                    }
                    triangles.extend(split(quad, positions));
                }
            }
        }
        triangles
    }
}

/// A quad as two triangles, cut along its shorter diagonal.
fn split([a, b, c, d]: [u32; 4], positions: &[Point<Patient>]) -> [[u32; 3]; 2] {
    let length = |p: u32, q: u32| positions[p as usize].distance(positions[q as usize]);
    if length(a, c) <= length(b, d) { [[a, b, c], [a, c, d]] } else { [[a, b, d], [b, c, d]] }
}
