//! Bone apart: the random walker.
//!
//! Each voxel of bone without a name asks which named one a walker from it reaches first, when
//! steps through dense bone are likely and steps through the dark of a joint are not. The answer
//! is the steady current in a net of resistors (Grady 2006, IEEE PAMI 28:1768), solved per name by
//! conjugate gradients, each on its own neighbourhood.

use super::block::Block;
use crate::work::{Cancelled, Work};
use rayon::prelude::*;

/// No name yet.
pub(super) const OPEN: u8 = 0;
/// No neighbour.
pub(super) const NONE: u32 = u32::MAX;

/// Bone as a net: one cell per voxel.
pub(super) struct Net {
    /// The voxel of each cell, in order.
    pub(super) voxels: Vec<u32>,
    /// The name that is fixed, or [`OPEN`] where one is wanted.
    pub(super) fixed: Vec<u8>,
    /// How well each cell conducts, over 0.
    pub(super) flow: Vec<f32>,
    /// The height of each cell: the vertebra it lies beside.
    pub(super) near: Vec<u8>,
    /// Up to six neighbours of each.
    pub(super) links: Vec<[u32; 6]>,
}

/// What is known of one voxel of bone.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    pub(super) fixed: u8,
    pub(super) flow: f32,
    pub(super) near: u8,
}

impl Net {
    /// The net of all voxels that are bone.
    pub(super) fn new(bone: &Block<bool>, cell: impl Fn(usize) -> Cell + Sync) -> Self {
        let voxels: Vec<u32> =
            (0..bone.data.len()).filter(|i| bone.data[*i]).map(|i| i as u32).collect();
        let mut slots = vec![NONE; bone.data.len()];
        for (n, voxel) in voxels.iter().enumerate() {
            slots[*voxel as usize] = n as u32;
        }
        let cells: Vec<Cell> = voxels.par_iter().map(|v| cell(*v as usize)).collect();
        let around = |voxel: &u32| {
            let mut links = [NONE; 6];
            for (slot, other) in links.iter_mut().zip(bone.neighbours(*voxel as usize)) {
                *slot = slots[other];
            }
            links
        };
        let links = voxels.par_iter().map(around).collect();
        let fixed = cells.iter().map(|c| c.fixed).collect();
        let flow = cells.iter().map(|c| c.flow).collect();
        let near = cells.iter().map(|c| c.near).collect();
        Self { voxels, fixed, flow, near, links }
    }
    /// Lets one fixed name take over the cells of another that it touches, and those they touch.
    pub(super) fn spread(&mut self, name: u8, over: u8) {
        let mut stack: Vec<usize> =
            (0..self.fixed.len()).filter(|c| self.fixed[*c] == name).collect();
        while let Some(at) = stack.pop() {
            for other in self.links[at].into_iter().filter(|m| *m != NONE).map(|m| m as usize) {
                if self.fixed[other] == over {
                    self.fixed[other] = name;
                    stack.push(other);
                }
            }
        }
    }
    fn linked(&self, cell: usize) -> impl Iterator<Item = usize> {
        self.links[cell].iter().filter(|m| **m != NONE).map(|m| *m as usize)
    }
}

const ROUNDS: usize = 150;
const ENOUGH: f64 = 1e-3;

/// Names every open cell that hangs together with a named one: one name per cell. `reach` says
/// whether a name may come to a height.
pub(super) fn name_bone(
    net: &Net,
    names: &[u8],
    reach: impl Fn(u8, u8) -> bool + Sync,
    work: &Work,
) -> Result<Vec<u8>, Cancelled> {
    let solved: Vec<Vec<(u32, f32)>> = names
        .par_iter()
        .map(|name| {
            work.step("taking the vertebrae apart", f32::from(*name) / names.len() as f32)?;
            Ok(solve(net, *name, |near| reach(*name, near)))
        })
        .collect::<Result<_, Cancelled>>()?;
    let mut best = vec![0.0f32; net.voxels.len()];
    let mut out = net.fixed.clone();
    for (name, values) in names.iter().zip(solved) {
        for (cell, value) in values {
            if value > best[cell as usize] {
                best[cell as usize] = value;
                out[cell as usize] = *name;
            }
        }
    }
    Ok(out)
}

/// The potential of one name at the open cells it may reach.
fn solve(net: &Net, name: u8, may_reach: impl Fn(u8) -> bool) -> Vec<(u32, f32)> {
    let cells = connected(net, name, may_reach);
    let mut slot = vec![NONE; net.voxels.len()];
    for (n, cell) in cells.iter().enumerate() {
        slot[*cell as usize] = n as u32;
    }
    let mut system = System::default();
    for cell in cells.iter().map(|c| *c as usize) {
        let (mut diagonal, mut source) = (0.0, 0.0);
        let mut links = [(NONE, 0.0); 6];
        for (face, other) in net.linked(cell).enumerate() {
            let w = net.flow[cell].min(net.flow[other]);
            diagonal += w;
            if net.fixed[other] == name {
                source += w;
            }
            links[face] = (slot[other], w);
        }
        system.diagonal.push(diagonal);
        system.source.push(source);
        system.links.push(links);
    }
    let values = system.solve();
    cells.into_iter().zip(values).collect()
}

/// The open cells that hang together with a name, within its reach, in order.
fn connected(net: &Net, name: u8, may_reach: impl Fn(u8) -> bool) -> Vec<u32> {
    let mut seen = vec![false; net.voxels.len()];
    let mut stack: Vec<usize> = (0..net.voxels.len()).filter(|c| net.fixed[*c] == name).collect();
    while let Some(at) = stack.pop() {
        for other in net.linked(at) {
            if net.fixed[other] == OPEN && !seen[other] && may_reach(net.near[other]) {
                seen[other] = true;
                stack.push(other);
            }
        }
    }
    (0..net.voxels.len()).filter(|c| seen[*c]).map(|c| c as u32).collect()
}

/// A symmetric, diagonally dominant system of equations.
#[derive(Default)]
struct System {
    diagonal: Vec<f32>,
    source: Vec<f32>,
    links: Vec<[(u32, f32); 6]>,
}

impl System {
    fn times(&self, x: &[f32], y: &mut [f32]) {
        for (i, slot) in y.iter_mut().enumerate() {
            let mut sum = self.diagonal[i] * x[i];
            for (m, w) in &self.links[i] {
                if *m != NONE {
                    sum -= w * x[*m as usize];
                }
            }
            *slot = sum;
        }
    }
    /// Conjugate gradients with the diagonal as preconditioner.
    fn solve(&self) -> Vec<f32> {
        let n = self.diagonal.len();
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let lighter = |r: f32, d: f32| r / d.max(1e-9);
        let mut x = vec![0.0f32; n];
        let mut r = self.source.clone();
        let mut z: Vec<f32> = r.iter().zip(&self.diagonal).map(|(r, d)| lighter(*r, *d)).collect();
        let (mut p, mut q) = (z.clone(), vec![0.0f32; n]);
        let mut rz = dot(&r, &z);
        let stop = rz * ENOUGH * ENOUGH;
        for _ in 0..ROUNDS {
            if rz <= stop || rz <= 0.0 {
                break;
            }
            self.times(&p, &mut q);
            let alpha = (rz / dot(&p, &q).max(1e-30)) as f32;
            for i in 0..n {
                x[i] += alpha * p[i];
                r[i] -= alpha * q[i];
                z[i] = lighter(r[i], self.diagonal[i]);
            }
            let next = dot(&r, &z);
            let beta = (next / rz) as f32;
            rz = next;
            for i in 0..n {
                p[i] = z[i] + beta * p[i];
            }
        }
        x
    }
}
