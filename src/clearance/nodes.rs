//! The nodes of a distance field.
//!
//! In: the search for their nearest triangles, and the surface's field. Out: [`Nodes`], for each cell
//! of the grid what its eight nodes know. They are made in bricks when a place in one is asked for the
//! first time, and kept: most of a bone's box is air that nobody asks of. Asking takes no lock.

use super::nearest::Nearest;
use crate::surface::block::Block;
use glam::{UVec3, Vec3, Vec3A};
use std::array::from_fn;
use std::sync::{Arc, OnceLock};

/// A node as it is kept; what it means, `sdf::Node` says.
pub(super) type Units = [i16; 4];

/// Cells of a brick along i, j and k.
const CELLS: [usize; 3] = [16, 8, 8];
/// Its nodes: those between two bricks are in both.
const NODES: [usize; 3] = [CELLS[0] + 1, CELLS[1] + 1, CELLS[2] + 1];

/// The nodes of a brick, i fastest; zeros beyond the grid.
pub(super) type Brick = [Units; NODES[0] * NODES[1] * NODES[2]];

/// How far apart neighbours along i, j, k lie in a [`Brick`].
pub(super) const STRIDES: [usize; 3] = [1, NODES[0], NODES[0] * NODES[1]];

/// The nodes that were asked for so far, and what the others are made from; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Nodes {
    bricks: Arc<[OnceLock<Box<Brick>>]>,
    count: [usize; 3],
    size: [usize; 3],
    from: Arc<Source>,
}

/// What nodes are made from.
#[derive(Debug)]
struct Source {
    nearest: Nearest,
    /// The surface's field, positive inside.
    declared: Block,
    /// Its nodes per node along each axis.
    per_node: Vec3,
}

impl Nodes {
    /// So many nodes, from a search that has ended and from the surface's field, with its nodes per node.
    pub fn new(nearest: Nearest, size: [usize; 3], declared: Block, per_node: Vec3) -> Self {
        let count = from_fn(|axis| (size[axis] - 1).div_ceil(CELLS[axis]));
        let bricks = (0..count.iter().product()).map(|_| OnceLock::new()).collect();
        let from = Arc::new(Source { nearest, declared, per_node });
        Self { bricks, count, size, from }
    }
    /// The brick that holds the nodes of a cell, and the cell's lower node in it.
    #[inline(always)]
    pub fn around(&self, cell: UVec3) -> (&Brick, usize) {
        let cell = cell.to_array().map(|n| n as usize);
        let [i, j, k]: [usize; 3] = from_fn(|axis| cell[axis] / CELLS[axis]);
        let brick = &self.bricks[i + self.count[0] * (j + self.count[1] * k)];
        let brick = brick.get_or_init(|| self.made([i, j, k]));
        let of_axis = |axis: usize| STRIDES[axis] * (cell[axis] % CELLS[axis]);
        (brick, of_axis(0) + of_axis(1) + of_axis(2))
    }
    /// A triangle near a node that was searched: every second one; `None` where there is no surface.
    pub fn triangle(&self, searched: [usize; 3]) -> Option<u32> {
        self.from.nearest.triangle(searched)
    }
    /// What the search found about a place of the grid, as [`Nearest::about`] tells it, and whether the
    /// place lies inside; makes no nodes.
    pub fn about(&self, node: Vec3A) -> ([Vec3; 2], bool) {
        let Source { nearest, declared, per_node } = &*self.from;
        let is_inside = declared.trilinear(Vec3::from(node) * *per_node) > Some(0.0);
        (nearest.about(node), is_inside)
    }
    #[cold]
    fn made(&self, brick: [usize; 3]) -> Box<Brick> {
        let first: [usize; 3] = from_fn(|axis| brick[axis] * CELLS[axis]);
        let held = NODES[0].min(self.size[0] - first[0]);
        let mut nodes = Box::new([Units::default(); NODES[0] * NODES[1] * NODES[2]]);
        for (n, row) in nodes.chunks_mut(NODES[0]).enumerate() {
            let at = [first[0], first[1] + n % NODES[1], first[2] + n / NODES[1]];
            if at[1] < self.size[1] && at[2] < self.size[2] {
                self.from.row(at, &mut row[..held]);
            }
        }
        nodes
    }
}

impl Source {
    /// Neighbouring nodes along i from an even one on.
    fn row(&self, first: [usize; 3], nodes: &mut [Units]) {
        let [i, j, k] = first;
        let place = |axis: usize, n: usize| self.per_node[axis] * n as f32;
        let mut values = [0.0; NODES[0]];
        let values = &mut values[..nodes.len()];
        self.declared.sample_few(|n| place(0, i + n), [place(1, j), place(2, k)], values);
        self.nearest.row(first, values, nodes);
    }
}

#[cfg(test)]
mod tests {
    use super::super::sdf::Node;
    use super::super::triangles::Triangles;
    use super::*;
    use crate::mesh;
    use crate::space::Affine;
    use crate::surface::Surface;
    use crate::volume::{Grid, Volume};
    use glam::{Affine3A, DAffine3, DVec3};

    const RADIUS: f32 = 7.0;
    const SIZE: [usize; 3] = [38, 41, 36];

    fn depth(node: [usize; 3]) -> f32 {
        RADIUS - Vec3::from_array(node.map(|n| n as f32 * 0.5)).distance(Vec3::splat(9.2))
    }

    /// Around a ball, half a millimetre apart.
    fn nodes() -> Nodes {
        let grid = Grid::new(SIZE, Affine::new(DAffine3::from_scale(DVec3::splat(0.5)))).unwrap();
        let surface = Surface::from_field(Volume::from_fn(grid, depth)).unwrap();
        let triangles = Arc::new(Triangles::new(&mesh::extract(&surface), DVec3::ZERO));
        let mut nearest = Nearest::new(triangles, Affine3A::from_scale(Vec3::splat(0.5)), SIZE);
        nearest.seed();
        nearest.spread();
        Nodes::new(nearest, SIZE, surface.block(), Vec3::ONE)
    }

    fn made(nodes: &Nodes) -> usize {
        nodes.bricks.iter().filter(|brick| brick.get().is_some()).count()
    }

    #[test]
    fn nodes_are_made_where_they_are_asked_for_and_clones_share_them() {
        let nodes = nodes();
        assert_eq!(nodes.count, [3, 5, 5]);
        assert_eq!(made(&nodes), 0);
        nodes.clone().around(UVec3::new(20, 9, 9));
        nodes.around(UVec3::new(31, 15, 8));
        assert_eq!(made(&nodes), 1);
    }

    #[test]
    fn every_node_knows_its_distance_and_is_the_same_in_all_bricks_that_hold_it() {
        let nodes = nodes();
        let mut known = vec![None; SIZE.iter().product()];
        let cells: [u32; 3] = SIZE.map(|n| n as u32 - 1);
        let all = (0..cells.iter().product::<u32>())
            .map(|n| UVec3::new(n % cells[0], n / cells[0] % cells[1], n / cells[0] / cells[1]));
        for (cell, corner) in all.flat_map(|cell| (0..8).map(move |corner| (cell, corner))) {
            let up: [usize; 3] = from_fn(|axis| corner >> axis & 1);
            let (brick, at) = nodes.around(cell);
            let told = brick[at + up.iter().zip(STRIDES).map(|(up, by)| up * by).sum::<usize>()];
            let node: [usize; 3] = from_fn(|axis| cell[axis] as usize + up[axis]);
            let place = node[0] + SIZE[0] * (node[1] + SIZE[1] * node[2]);
            assert_eq!(*known[place].get_or_insert(told), told, "{node:?}");
            let off = f32::from(told[3]) * Node::UNIT_MM - depth(node);
            // From about 1.5 mm on the triangle of a neighbour is near enough.
            let most = if depth(node).abs() < 1.0 { 0.05 } else { 0.25 };
            assert!(off.abs() < most, "{node:?} is {off} mm off");
        }
        assert!(known.iter().all(Option::is_some));
        assert_eq!(made(&nodes), nodes.bricks.len());
    }
}
