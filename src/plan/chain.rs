//! From a smooth curve to straight pieces that follow it.
//!
//! In: points of a curve, even steps apart, the heads that hold a rod along it, how many bends.
//! Out: the corners of the chain, its two ends included.
//!
//! The corners are those of the linear spline of least squares to the points (de Boor, A Practical
//! Guide to Splines, ch. XIV). Where the curve bends more they stand closer: evenly by the root of
//! its curvature, which evens out how far chords leave it. Points where a head holds the rod count
//! more than those between.

use super::rod::solve;
use crate::space::{Patient, Point};
use glam::DVec3;

/// A head holds so many points to either side of its middle; they are a millimetre apart.
const HELD_POINTS: usize = 5;
/// A held point counts as much as so many others. With ten the heads of four real columns were missed
/// about a third less than with one.
const HELD_WEIGHT: f64 = 10.0;
/// Keeps a corner that no point tells anything about on the curve.
const TIE: f64 = 1e-6;

/// The corners of a chain with `bends` bends along a line, first end first.
pub fn corners(line: &[Point<Patient>], heads: &[Point<Patient>], bends: usize) -> Vec<DVec3> {
    let points: Vec<DVec3> = line.iter().map(|p| p.vec()).collect();
    if points.len() < 2 {
        return points;
    }
    let weights = weights(&points, heads);
    let knots = knots(&points, bends);
    let count = knots.len();
    let mut matrix = vec![vec![0.0; count]; count];
    let mut right = vec![DVec3::ZERO; count];
    for (n, knot) in knots.iter().enumerate() {
        matrix[n][n] = TIE;
        right[n] = along(&points, *knot) * TIE;
    }
    for (n, (point, weight)) in points.iter().zip(weights).enumerate() {
        let inner = &knots[1..count - 1];
        let k = inner.iter().take_while(|knot| **knot <= n as f64).count();
        let share = (n as f64 - knots[k]) / (knots[k + 1] - knots[k]);
        for (i, a) in [(k, 1.0 - share), (k + 1, share)] {
            for (j, b) in [(k, 1.0 - share), (k + 1, share)] {
                matrix[i][j] += weight * a * b;
            }
            right[i] += *point * (weight * a);
        }
    }
    solve(matrix, right)
}

/// How much each point counts.
fn weights(points: &[DVec3], heads: &[Point<Patient>]) -> Vec<f64> {
    let mut weights = vec![1.0; points.len()];
    for head in heads {
        let far = |n: &usize| points[*n].distance_squared(head.vec());
        let near = (0..points.len()).min_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or_default();
        let last = (near + HELD_POINTS).min(points.len() - 1);
        weights[near.saturating_sub(HELD_POINTS)..=last].fill(HELD_WEIGHT);
    }
    weights
}

/// Where the corners stand along the points, in steps between points, rising.
fn knots(points: &[DVec3], bends: usize) -> Vec<f64> {
    let mut turns = vec![0.0; points.len()];
    for (n, w) in points.windows(3).enumerate() {
        turns[n + 1] = angle_between(w[1] - w[0], w[2] - w[1]);
    }
    let roots: Vec<f64> = turns.windows(2).map(|t| (0.5 * (t[0] + t[1])).sqrt()).collect();
    // Half of them stand evenly, so that no piece is longer than twice the mean.
    let even = roots.iter().sum::<f64>() / roots.len() as f64 + 1e-9;
    let mut passed = vec![0.0];
    for root in roots {
        passed.push(passed[passed.len() - 1] + root + even);
    }
    let (last, pieces) = (passed.len() - 1, bends + 1);
    let knot = |k: usize| {
        let wanted = passed[last] * k as f64 / pieces as f64;
        let n = passed[1..last].iter().take_while(|way| **way <= wanted).count();
        n as f64 + (wanted - passed[n]) / (passed[n + 1] - passed[n])
    };
    let inner = (1..pieces).map(knot);
    std::iter::once(0.0).chain(inner).chain(std::iter::once(last as f64)).collect()
}

fn along(points: &[DVec3], place: f64) -> DVec3 {
    let n = (place as usize).min(points.len() - 2);
    points[n].lerp(points[n + 1], place - n as f64)
}

/// The angle between two directions, right for the smallest ones too, radians.
pub(super) fn angle_between(a: DVec3, b: DVec3) -> f64 {
    a.cross(b).length().atan2(a.dot(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bow of 150 mm radius for 120 mm, straight for as long.
    fn bow_and_straight() -> Vec<Point<Patient>> {
        let at = |mm: f64| match mm < 120.0 {
            true => {
                let angle = (mm - 120.0) / 150.0;
                DVec3::new(30.0, 150.0 * (1.0 - angle.cos()), -150.0 * angle.sin())
            }
            false => DVec3::new(30.0, 0.0, 120.0 - mm),
        };
        (0..=240).map(|n| Point::from_vec(at(f64::from(n)))).collect()
    }

    fn off(points: &[Point<Patient>], chain: &[DVec3]) -> f64 {
        let chain: Vec<_> = chain.iter().map(|corner| Point::from_vec(*corner)).collect();
        points.iter().map(|p| super::super::rod::off_line_mm(*p, &chain)).fold(0.0, f64::max)
    }

    #[test]
    fn more_corners_follow_a_curve_closer_and_stand_where_it_bends() {
        let line = bow_and_straight();
        let chains: Vec<_> = [0, 2, 4, 8].map(|bends| corners(&line, &[], bends)).into();
        let offs: Vec<f64> = chains.iter().map(|chain| off(&line, chain)).collect();
        assert!(offs.windows(2).all(|pair| pair[1] < 0.7 * pair[0]), "{offs:?}");
        let in_bow = chains[3][1..9].iter().filter(|corner| corner.z > 0.0).count();
        assert!(in_bow >= 5, "{:?}", chains[3]);
        // The best chords of a bow of radius r leave it by s²/16r, s their length.
        assert!(offs[3] < 2.5 * 22.0 * 22.0 / (16.0 * 150.0), "{offs:?}");
    }

    #[test]
    fn a_held_place_is_met_closer_and_a_straight_line_stays_straight() {
        let line = bow_and_straight();
        let heads = [line[20], line[70], line[110], line[200]];
        let (held, free) = (corners(&line, &heads, 4), corners(&line, &[], 4));
        assert!(off(&heads, &held) < off(&heads, &free));
        let straight: Vec<_> = (0..=60).map(|n| Point::new(3.0, 4.0, -f64::from(n))).collect();
        // More corners than there are points to tell them apart do no harm.
        for bends in [0, 3, 80] {
            let chain = corners(&straight, &[], bends);
            assert_eq!(chain.len(), bends + 2);
            assert!(off(&straight, &chain) < 1e-6);
            assert!(chain.iter().all(|c| (c.x - 3.0).abs() < 1e-6), "{chain:?}");
        }
    }
}
