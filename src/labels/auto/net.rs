//! Bone as a net of voxels: what each conducts, what is known of it, and its neighbours.

use super::block::Block;
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
}
