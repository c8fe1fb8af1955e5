//! The triangles that are nearest somewhere in a cell of a distance field.
//!
//! In: the triangles of a surface. Out: [`Facets`], for each cell of the field's grid every triangle
//! that is nearest to some place in it. They are looked for when a cell is asked for the first time,
//! and kept: few cells ever are. Asking takes no lock.

use super::four::Four;
use super::triangles::{Bins, Triangles, closest_point};
use glam::Vec3;
use std::sync::{Arc, OnceLock};

/// Cells along the edge of a brick.
const BRICK: usize = 8;

type Cell = OnceLock<Box<[Four]>>;
type Brick = OnceLock<Box<[Cell]>>;

/// The triangles of each cell that was asked for so far; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Facets {
    bricks: Arc<[Brick]>,
    count: [usize; 3],
}

impl Facets {
    /// For a grid of so many nodes.
    pub fn new(size: [usize; 3]) -> Self {
        let count = size.map(|n| n.div_ceil(BRICK));
        let bricks = (0..count.iter().product()).map(|_| Brick::new()).collect();
        Self { bricks, count }
    }
    /// The triangles of a cell, named by its lower node; `seek` finds them the first time.
    pub fn of(&self, cell: [u32; 3], seek: impl FnOnce() -> Box<[Four]>) -> &[Four] {
        let [i, j, k] = cell.map(|n| n as usize);
        let index = |[i, j, k]: [usize; 3], of: [usize; 3]| i + of[0] * (j + of[1] * k);
        let brick = &self.bricks[index([i, j, k].map(|n| n / BRICK), self.count)];
        let cells = brick.get_or_init(|| (0..BRICK.pow(3)).map(|_| Cell::new()).collect());
        cells[index([i, j, k].map(|n| n % BRICK), [BRICK; 3])].get_or_init(seek)
    }
}

/// A box at the places `corners` and around them `between`, of which every one is nearest to a
/// triangle that is wanted.
pub(super) struct Spread {
    pub middle: Vec3,
    pub corners: [Vec3; 8],
    /// More places in the box: the more there are, the fewer triangles are kept in vain.
    pub between: Vec<Vec3>,
}

/// A triangle and the squares of its distances to the corners of a place, mm².
struct Candidate {
    triangle: u32,
    squares: [f32; 8],
}

/// Every triangle that is nearest to some point of a box, and a few more, about the nearest first. `guessed` is one near it;
/// none without it.
///
/// For a point q of the surface and a point t of a triangle, |p - t|² - |p - q|² is linear in p. So a
/// triangle that is farther than q from all corners of the box is so from every point in it, and is
/// nearest to none.
pub(super) fn nearest_somewhere(
    triangles: &Triangles,
    bins: &Bins,
    place: &Spread,
    guessed: Option<u32>,
) -> Vec<u32> {
    let middle = place.middle;
    let away = |triangle: u32| triangles.nearest_of(triangle, middle).distance(middle);
    let Some(guessed) = guessed else { return Vec::new() };
    let mut least = triangles.walk(middle, guessed).1.distance(middle);
    let reach = place.corners.iter().map(|c| c.distance(middle)).fold(0.0, f32::max);
    let mut near = Vec::with_capacity(256);
    bins.within(middle, least + 2.0 * reach, |triangle| {
        let away = away(triangle);
        least = least.min(away);
        near.push((away, triangle));
    });
    near.retain(|(away, _)| *away <= least + 2.0 * reach);
    let candidate = |(_, triangle)| {
        let corners = triangles.corners_of(triangle);
        let square = |p: Vec3| closest_point(p, corners).distance_squared(p);
        Candidate { triangle, squares: place.corners.map(square) }
    };
    let mut candidates: Vec<Candidate> = near.into_iter().map(candidate).collect();
    for places in [&[middle][..], &place.corners, &place.between] {
        for &p in places {
            let points = candidates.iter().map(|c| triangles.nearest_of(c.triangle, p));
            let nearest =
                points.min_by(|a, b| a.distance_squared(p).total_cmp(&b.distance_squared(p)));
            let Some(nearest) = nearest else { continue };
            leave_out_behind(&mut candidates, place, nearest);
        }
    }
    // The likeliest ones first: who wants to know no more than that one is near has it soon.
    let away = |c: &Candidate| c.squares.iter().sum::<f32>();
    candidates.sort_by(|a, b| away(a).total_cmp(&away(b)));
    candidates.into_iter().map(|candidate| candidate.triangle).collect()
}

/// Leaves out what is farther than a point of the surface from everywhere in a box.
fn leave_out_behind(candidates: &mut Vec<Candidate>, place: &Spread, point: Vec3) {
    /// What rounding may add to the square of a distance, mm².
    const ROUNDING_MM2: f32 = 1e-4;
    let squares = place.corners.map(|c| c.distance_squared(point) + ROUNDING_MM2);
    let is_behind = |c: &Candidate| c.squares.iter().zip(&squares).all(|(to, most)| to > most);
    candidates.retain(|candidate| !is_behind(candidate));
}
