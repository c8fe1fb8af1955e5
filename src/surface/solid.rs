//! Makes a field's inside one closed solid whose surface is a manifold.
//!
//! In: any field. Out: the same with signs changed where the inside touches the box's border,
//! where a piece is not part of the largest one, where a cavity is closed off, and where two parts
//! meet only along an edge or at a corner of the grid (there the surface would touch itself).

use super::block::Block;
use rayon::prelude::*;

/// How far beyond zero a value whose sign must change is put, in the field's unit (mm).
const NUDGE_MM: f32 = 0.05;

/// Changes signs as the module says; false where nothing is inside.
pub(super) fn make_solid(field: &mut Block) -> bool {
    clear_border(field);
    if !keep_largest(field) {
        return false;
    }
    join_touching(field);
    fill_cavities(field);
    true
}

fn clear_border(field: &mut Block) {
    let size = field.size;
    let is_border = |node: [usize; 3]| (0..3).any(|a| node[a] == 0 || node[a] + 1 == size[a]);
    field.update(|_, node, value| if is_border(node) { value.min(-NUDGE_MM) } else { value });
}

/// Marks what is reached from `start` over faces between nodes for which `is_part`, with `mark`;
/// returns how many.
fn flood(
    field: &Block,
    marks: &mut [u8],
    start: usize,
    mark: u8,
    is_part: impl Fn(f32) -> bool,
) -> usize {
    let mut stack = vec![start];
    marks[start] = mark;
    let mut count = 0;
    let last = field.values.len();
    while let Some(at) = stack.pop() {
        count += 1;
        for stride in field.strides() {
            // Rows wrap into each other only across the outermost layer, which is all outside.
            for next in [at.wrapping_sub(stride), at + stride] {
                if next < last && marks[next] == 0 && is_part(field.values[next]) {
                    marks[next] = mark;
                    stack.push(next);
                }
            }
        }
    }
    count
}

fn keep_largest(field: &mut Block) -> bool {
    const SEEN: u8 = 1;
    let mut marks = vec![0; field.values.len()];
    let mut pieces = Vec::new();
    for at in 0..marks.len() {
        if marks[at] == 0 && field.values[at] > 0.0 {
            pieces.push((flood(field, &mut marks, at, SEEN, |v| v > 0.0), at));
        }
    }
    let Some(&(_, largest)) = pieces.iter().max() else { return false };
    if pieces.len() > 1 {
        marks.fill(0);
        flood(field, &mut marks, largest, SEEN, |v| v > 0.0);
        for (value, mark) in field.values.iter_mut().zip(marks) {
            if *value > 0.0 && mark == 0 {
                *value = -value.max(NUDGE_MM);
            }
        }
    }
    true
}

fn fill_cavities(field: &mut Block) {
    let mut marks = ends_of_rows(field);
    let is_outside = |value: f32| value <= 0.0;
    for at in 0..marks.len() {
        if marks[at] == 0 && is_outside(field.values[at]) && has_marked(field, &marks, at) {
            flood(field, &mut marks, at, 1, is_outside);
        }
    }
    for (value, mark) in field.values.iter_mut().zip(marks) {
        if *value <= 0.0 && mark == 0 {
            *value = (-*value).max(NUDGE_MM);
        }
    }
}

/// Marks the nodes of every row before its first and behind its last inside node: they are open to
/// the border, and nearly all that is outside is so.
fn ends_of_rows(field: &Block) -> Vec<u8> {
    let length = field.size[0];
    let mut marks = vec![1; field.values.len()];
    marks.par_chunks_mut(length).zip(field.values.par_chunks(length)).for_each(|(marks, row)| {
        let is_inside = |value: &f32| *value > 0.0;
        let ends = row.iter().position(is_inside).zip(row.iter().rposition(is_inside));
        if let Some((first, last)) = ends {
            marks[first..=last].fill(0);
        }
    });
    marks
}

/// Whether a neighbour of an inner node is marked.
fn has_marked(field: &Block, marks: &[u8], at: usize) -> bool {
    field.strides().into_iter().any(|stride| {
        let is_marked = |next: usize| marks.get(next).is_some_and(|mark| *mark != 0);
        is_marked(at.wrapping_sub(stride)) || is_marked(at + stride)
    })
}

/// Fills nodes until no two inside parts, and no two outside parts, meet only along an edge or at
/// a corner. Only ever fills, so it ends.
fn join_touching(field: &mut Block) {
    // A cell that is full stays so.
    let is_open = |at: usize| !matches!(corner_mask(field, at), 0 | 0xff);
    let mut cells = field.inner_where(1, is_open);
    while !cells.is_empty() {
        let mut touched = Vec::new();
        for &cell in &cells {
            while let Some(node) = node_to_fill(field, cell) {
                field.values[node] = NUDGE_MM;
                touched.push(node);
            }
        }
        cells = touched.iter().flat_map(|&node| cells_around(field, node)).collect();
    }
}

#[inline(always)]
fn corner_offset(field: &Block, corner: usize) -> usize {
    let [x, y, z] = field.strides();
    (corner & 1) * x + (corner >> 1 & 1) * y + (corner >> 2 & 1) * z
}

/// One bit per corner of the cell above node `at` that lies inside.
#[inline(always)]
fn corner_mask(field: &Block, at: usize) -> u8 {
    (0..8).fold(0, |mask, corner| {
        mask | u8::from(field.values[at + corner_offset(field, corner)] > 0.0) << corner
    })
}

fn cells_around(field: &Block, node: usize) -> impl Iterator<Item = usize> + '_ {
    (0..8)
        .filter_map(move |corner| node.checked_sub(corner_offset(field, corner)))
        .filter(|&at| field.is_inner(field.node(at), 1))
}

/// The outside corner nearest to zero of the first touching pair of a cell, if it has one.
fn node_to_fill(field: &Block, cell: usize) -> Option<usize> {
    let mask = corner_mask(field, cell);
    let corners = touching_corners(mask)?;
    (0..8)
        .filter(|&corner| corners >> corner & 1 == 1 && mask >> corner & 1 == 0)
        .map(|corner| cell + corner_offset(field, corner))
        .max_by(|&a, &b| field.values[a].total_cmp(&field.values[b]))
}

/// The corners of a face with its inside ones only on one diagonal, or all corners of a cell whose
/// inside (or outside) ones are just two opposite corners.
fn touching_corners(mask: u8) -> Option<u8> {
    const FACES: [[u8; 4]; 6] =
        [[0, 1, 3, 2], [4, 5, 7, 6], [0, 1, 5, 4], [2, 3, 7, 6], [0, 2, 6, 4], [1, 3, 7, 5]];
    if mask == 0 || mask == 0xff {
        return None;
    }
    let face = FACES.iter().find(|face| {
        let inside = |n: usize| mask >> face[n] & 1;
        inside(0) == inside(2) && inside(1) == inside(3) && inside(0) != inside(1)
    });
    if let Some(face) = face {
        return Some(face.iter().fold(0, |bits, corner| bits | 1 << corner));
    }
    let diagonal = |n: u8| 1 << n | 1 << (7 - n);
    (0..4).map(diagonal).any(|two: u8| mask == two || mask == !two).then_some(0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(inside: &[[usize; 3]]) -> Block {
        let mut block = Block::filled([12, 12, 12], -1.0);
        for &node in inside {
            let at = block.index(node);
            block.values[at] = 1.0;
        }
        block
    }
    fn inside(field: &Block) -> usize {
        field.values.iter().filter(|&&v| v > 0.0).count()
    }

    #[test]
    fn the_largest_piece_stays_and_the_border_is_outside() {
        let mut field = block(&[[2, 2, 2], [7, 7, 7], [8, 7, 7], [0, 5, 5]]);
        assert!(make_solid(&mut field));
        assert_eq!(inside(&field), 2);
        assert!(!make_solid(&mut block(&[[0, 0, 0]])), "only on the border");
    }

    #[test]
    fn a_cavity_is_filled_and_a_tunnel_is_not() {
        let cube = |skip: fn([usize; 3]) -> bool| {
            let nodes = (0..27).map(|n| [3 + n % 3, 3 + n / 3 % 3, 3 + n / 9]);
            block(&nodes.filter(|&n| !skip(n)).collect::<Vec<_>>())
        };
        let mut cavity = cube(|n| n == [4, 4, 4]);
        make_solid(&mut cavity);
        assert_eq!(inside(&cavity), 27);
        let mut tunnel = cube(|n| n[0] == 4 && n[1] == 4);
        make_solid(&mut tunnel);
        assert_eq!(inside(&tunnel), 24);
    }

    #[test]
    fn no_touching_pair_is_left() {
        let mut state = 7u32;
        let mut random = block(&[]);
        for value in &mut random.values {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *value = if state >> 30 == 0 { 1.0 } else { -1.0 };
        }
        make_solid(&mut random);
        for at in 0..random.values.len() {
            if random.is_inner(random.node(at), 1) {
                assert_eq!(touching_corners(corner_mask(&random, at)), None);
            }
        }
    }
}
