//! Marrow behind a shell with holes: what has walls in nearly every direction.

use super::block::Block;
use super::fill::{distance2, fill_holes};

/// How far off a wall is looked for, mm: across the widest body.
const WALL_MM: f64 = 35.0;
/// How many of the 26 directions must end at a wall: the hollow of an end plate and a notch are
/// open to a quarter of them.
pub(super) const WALLS: u8 = 23;

/// The voxels that are no wall and have walls in at least so many of the 26 directions.
pub(super) fn closed_in(walls: &Block<bool>, least: u8) -> Vec<usize> {
    let mut counts = vec![0u8; walls.data.len()];
    let mut far = vec![FAR; walls.data.len()];
    for direction in directions() {
        look(walls, direction, &mut far);
        let most = steps(walls, direction, WALL_MM);
        counts.iter_mut().zip(&far).for_each(|(count, far)| *count += u8::from(*far < most));
    }
    (0..counts.len()).filter(|i| !walls.data[*i] && counts[*i] >= least).collect()
}

/// The voxels that are no wall and have walls on both sides, each at most so far off, in at least so
/// many of the 13 lines.
pub(super) fn between(walls: &Block<bool>, most_mm: f64, least: u8) -> Vec<usize> {
    let mut counts = vec![0u8; walls.data.len()];
    let [mut before, mut behind] = [FAR; 2].map(|far| vec![far; walls.data.len()]);
    for direction in lines() {
        look(walls, direction, &mut before);
        look(walls, direction.map(|n| -n), &mut behind);
        let most = steps(walls, direction, most_mm);
        let sides = before.iter().zip(&behind).map(|(a, b)| a.max(b));
        counts.iter_mut().zip(sides).for_each(|(count, far)| *count += u8::from(*far < most));
    }
    (0..counts.len()).filter(|i| !walls.data[*i] && counts[*i] >= least).collect()
}

/// How many steps of a direction make so many mm.
fn steps(walls: &Block<bool>, direction: [isize; 3], mm: f64) -> u8 {
    let length = direction.iter().map(|n| (n * n) as f64).sum::<f64>().sqrt();
    (mm / (walls.step_mm * length)).ceil().min(f64::from(FAR)) as u8
}

/// The steps to the 26 neighbours.
fn directions() -> impl Iterator<Item = [isize; 3]> {
    let side = || -1..=1;
    let all = side().flat_map(move |k| side().flat_map(move |j| side().map(move |i| [i, j, k])));
    all.filter(|d| *d != [0; 3])
}

/// One of each two opposite directions.
pub(super) fn lines() -> impl Iterator<Item = [isize; 3]> {
    directions().filter(|d| *d > [0; 3])
}

/// So many steps and more.
const FAR: u8 = u8::MAX;

/// How many steps each voxel is from a wall in one direction: 0 in it, [`FAR`] where there is none.
fn look(walls: &Block<bool>, direction: [isize; 3], far: &mut [u8]) {
    let size = walls.size;
    let [ni, nj, nk] = size;
    let after = |wall: bool, from: u8| if wall { 0 } else { from.saturating_add(1) };
    // The voxels that the rays come from are done first.
    let first = |axis: usize, n: usize| if direction[axis] > 0 { size[axis] - 1 - n } else { n };
    // Those of another row, with nothing at both ends.
    let mut from = vec![FAR; ni + 2];
    for (k, j) in (0..nk).flat_map(|k| (0..nj).map(move |j| (first(2, k), first(1, j)))) {
        let row = walls.index([0, j, k]);
        if direction[1..] == [0, 0] {
            let along = (0..ni).map(|n| row + first(0, n));
            along.fold(FAR, |from, i| {
                far[i] = after(walls.data[i], from);
                far[i]
            });
            continue;
        }
        match beside(size, [j, k], [direction[1], direction[2]]) {
            Some(before) => from[1..=ni].copy_from_slice(&far[before..before + ni]),
            None => from.fill(FAR),
        }
        let from = &from[(1 + direction[0]) as usize..];
        let voxels = far[row..row + ni].iter_mut().zip(&walls.data[row..]);
        voxels.zip(from).for_each(|((far, wall), from)| *far = after(*wall, *from));
    }
}

/// The start of the row that lies a step aside; `None` outside.
fn beside([ni, nj, nk]: [usize; 3], [j, k]: [usize; 2], step: [isize; 2]) -> Option<usize> {
    let j = j.checked_add_signed(step[0]).filter(|j| *j < nj)?;
    let k = k.checked_add_signed(step[1]).filter(|k| *k < nk)?;
    Some((k * nj + j) * ni)
}

/// What a ball that rolls in from outside comes to, through gaps wider than itself.
pub(super) fn reached(mask: &Block<bool>, radius_mm: f64) -> Block<bool> {
    let r = (radius_mm / mask.step_mm).powi(2) as f32;
    let mut kept = distance2(mask).map(|d| d <= r);
    fill_holes(&mut kept);
    // Where the middle of the ball comes to, and all that it covers there.
    let middles = kept.map(|kept| !kept);
    distance2(&middles).map(|d| d <= r)
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DVec3;

    const SIZE: usize = 40;

    /// A shell of a ball of 15 mm about the middle, with a hole to the front of so many mm.
    fn shell(hole_mm: f64) -> Block<bool> {
        let size = [SIZE; 3];
        let mut shell = Block { size, first: DVec3::ZERO, step_mm: 1.0, data: vec![false; 64_000] };
        for i in 0..shell.data.len() {
            let p = shell.point(i) - DVec3::splat(19.5);
            let is_hole = p.y < 0.0 && p.x.hypot(p.z) < hole_mm / 2.0;
            shell.data[i] = (p.length() - 15.0).abs() < 1.2 && !is_hole;
        }
        shell
    }
    fn middle(block: &Block<bool>) -> usize {
        block.index([SIZE / 2; 3])
    }

    #[test]
    fn marrow_behind_a_shell_with_a_hole_is_closed_in_and_what_is_outside_is_not() {
        let shell = shell(6.0);
        let inside = closed_in(&shell, WALLS);
        assert!(inside.contains(&middle(&shell)));
        for i in inside {
            let far = (shell.point(i) - DVec3::splat(19.5)).length();
            assert!(far < 15.0, "{far} mm from the middle");
        }
    }

    #[test]
    fn half_a_shell_closes_nothing_in_at_its_middle() {
        let mut half = shell(0.0);
        for i in 0..half.data.len() {
            half.data[i] &= half.point(i).z < 19.5;
        }
        assert!(!closed_in(&half, WALLS).contains(&middle(&half)));
    }

    #[test]
    fn a_ball_comes_through_a_hole_that_is_wider_than_it() {
        for (hole_mm, comes_in) in [(4.0, false), (10.0, true)] {
            let shell = shell(hole_mm);
            assert_eq!(reached(&shell, 3.0).data[middle(&shell)], comes_in, "{hole_mm} mm");
        }
    }
}
