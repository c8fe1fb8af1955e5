//! The canal as a smooth curve with the patient's front at every millimetre of it.

use super::block::Block;
use super::tissue::Tissue;
use glam::DVec3;
use rayon::prelude::*;

/// One station of the curve, a millimetre from the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Station {
    /// Middle of the canal, LPS mm.
    pub(super) middle: DVec3,
    /// Along the canal towards the head.
    pub(super) up: DVec3,
    /// To the vertebral bodies, at right angles to `up`.
    pub(super) front: DVec3,
    /// To the patient's left, at right angles to both.
    pub(super) left: DVec3,
    /// Distance from the middle to the front of the vertebral column, mm.
    pub(super) depth_mm: f64,
    /// Distance from the middle to the canal's front wall, mm.
    pub(super) wall_mm: f64,
}

impl Station {
    /// The middle of the body or disc in front.
    pub(super) fn body(&self) -> DVec3 {
        self.middle + self.front * (self.wall_mm + self.depth_mm) / 2.0
    }
    /// Half of the body's depth, mm.
    pub(super) fn half_depth_mm(&self) -> f64 {
        (self.depth_mm - self.wall_mm) / 2.0
    }
}

const RAYS: usize = 32;
/// Widest half of a canal, mm.
const REACH_MM: f64 = 15.0;

/// The curve through a path, head first.
pub(super) fn along(ct: &Block<i16>, tissue: &Tissue, path: &[DVec3]) -> Vec<Station> {
    let mut points = even(path, 1.0);
    points.sort_by(|a, b| b.z.total_cmp(&a.z));
    smooth(&mut points, 8.0);
    for sigma in [9.0, 8.0] {
        points = even(&points, 1.0);
        let ups = tangents(&points);
        let shifts: Vec<(DVec3, f64)> =
            points.par_iter().zip(&ups).map(|(p, up)| centring(ct, tissue, *p, *up)).collect();
        let weights: Vec<f64> = shifts.iter().map(|s| s.1.powi(4) + 0.01).collect();
        let moved: Vec<DVec3> = points.iter().zip(&shifts).map(|(p, s)| *p + s.0).collect();
        points = smoothed(&moved, &weights, sigma);
    }
    points = even(&points, 1.0);
    smooth(&mut points, 7.0);
    points = even(&points, 1.0);
    let ups = tangents(&points);
    let fronts = fronts(ct, tissue, &points, &ups);
    let mut stations: Vec<Station> = points
        .iter()
        .zip(ups.iter().zip(fronts))
        .map(|(middle, (up, front))| Station {
            middle: *middle,
            up: *up,
            front,
            left: front.cross(*up),
            depth_mm: 35.0,
            wall_mm: 8.0,
        })
        .collect();
    depths(ct, tissue, &mut stations);
    stations
}

/// Where the lumen's middle lies across `up`, seen from `p`, and how much of a wall was found
/// (0 to 1).
fn centring(ct: &Block<i16>, tissue: &Tissue, p: DVec3, up: DVec3) -> (DVec3, f64) {
    let (x, y) = across(up);
    let ray = |n: usize| {
        let (s, c) = (n as f64 / RAYS as f64 * std::f64::consts::TAU).sin_cos();
        let dir = x * c + y * s;
        let steps = (REACH_MM * 2.0) as usize;
        (1..=steps).map(|t| t as f64 / 2.0).find(|t| ct.sample(p + dir * *t) >= tissue.bone_hu)
    };
    let lengths: Vec<Option<f64>> = (0..RAYS).map(ray).collect();
    // Least squares over opposite pairs: c . u = (there - back) / 2 for each pair's direction u.
    let (mut a, mut b, mut pairs) = ([0.0f64; 3], [0.0f64; 2], 0.0);
    for n in 0..RAYS / 2 {
        if let (Some(there), Some(back)) = (lengths[n], lengths[n + RAYS / 2]) {
            let (s, c) = (n as f64 / RAYS as f64 * std::f64::consts::TAU).sin_cos();
            let off = (there - back) / 2.0;
            a = [a[0] + c * c, a[1] + c * s, a[2] + s * s];
            b = [b[0] + c * off, b[1] + s * off];
            pairs += 1.0;
        }
    }
    let det = a[0] * a[2] - a[1] * a[1];
    if pairs < 5.0 || det < 0.5 {
        return (DVec3::ZERO, 0.0);
    }
    let shift = x * ((a[2] * b[0] - a[1] * b[1]) / det) + y * ((a[0] * b[1] - a[1] * b[0]) / det);
    let most = 4.0 / shift.length().max(4.0);
    (shift * most, pairs * 2.0 / RAYS as f64)
}

/// Two directions at right angles to `up`: about the patient's left and back.
pub(super) fn across(up: DVec3) -> (DVec3, DVec3) {
    let back = (DVec3::Y - up * up.y).try_normalize().unwrap_or(DVec3::X);
    (back.cross(up), back)
}

/// How far the front may turn from the image's own, and in what steps, degrees: the most rotated
/// apex of a 60 degree curve turns by 40.
const TURNS: isize = 12;
const TURN_DEG: f64 = 4.0;

/// The direction of the vertebral bodies at each point: the plane that the bone round the canal
/// is most alike on both sides of. Neighbours turn together.
fn fronts(ct: &Block<i16>, tissue: &Tissue, points: &[DVec3], ups: &[DVec3]) -> Vec<DVec3> {
    let unlike: Vec<Vec<f64>> = points
        .par_iter()
        .zip(ups)
        .map(|(p, up)| (-TURNS..=TURNS).map(|n| unlikeness(ct, tissue, *p, *up, n)).collect())
        .collect();
    let turns = smoothest(&unlike);
    let turned = |(up, turn): (&DVec3, f64)| {
        let (left, back) = across(*up);
        let (s, c) = turn.to_radians().sin_cos();
        -back * c + left * s
    };
    ups.iter().zip(turns).map(turned).collect()
}

/// How unlike the two sides of a plane are that is turned by so many steps to the left, HU.
fn unlikeness(ct: &Block<i16>, tissue: &Tissue, p: DVec3, up: DVec3, turn: isize) -> f64 {
    let (left, back) = across(up);
    let (s, c) = (turn as f64 * TURN_DEG).to_radians().sin_cos();
    let (front, left) = (-back * c + left * s, left * c + back * s);
    let (mut sum, mut count) = (0.0, 0.0);
    for ahead in (-27..=33).step_by(3) {
        for aside in (3..=30).step_by(3) {
            let middle = p + front * f64::from(ahead);
            let value = |at: DVec3| (ct.sample(at) - tissue.soft_hu).clamp(-50.0, 350.0);
            let aside = left * f64::from(aside);
            sum += (value(middle + aside) - value(middle - aside)).abs();
            count += 1.0;
        }
    }
    sum / count
}

/// The turns, degrees to the left, that are least unlike over the height of a vertebra and change
/// least from station to station.
fn smoothest(unlike: &[Vec<f64>]) -> Vec<f64> {
    let options = unlike[0].len();
    // A preference for the image's own front that decides only where nothing else does.
    let own = |i: usize, n: usize| {
        let turn = n as f64 - TURNS as f64;
        unlike[i][n] + 0.02 * turn * turn
    };
    let change = |d: isize| 1.5 * (d * d) as f64;
    let mut best: Vec<f64> = (0..options).map(|n| own(0, n)).collect();
    let mut from = vec![vec![0usize; options]];
    for i in 1..unlike.len() {
        let step = |n: usize| {
            let near = n.saturating_sub(2)..(n + 3).min(options);
            let cost = |m: &usize| best[*m] + change(*m as isize - n as isize) * 4.0;
            let origin = near.min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(n);
            (cost(&origin) + own(i, n), origin)
        };
        let row: Vec<(f64, usize)> = (0..options).map(step).collect();
        best = row.iter().map(|r| r.0).collect();
        from.push(row.iter().map(|r| r.1).collect());
    }
    let mut at = (0..options).min_by(|a, b| best[*a].total_cmp(&best[*b])).unwrap_or(0);
    let mut turns = vec![DVec3::ZERO; unlike.len()];
    for i in (0..unlike.len()).rev() {
        turns[i].x = (at as f64 - TURNS as f64) * TURN_DEG;
        at = from[i][at];
    }
    smooth(&mut turns, 8.0);
    turns.iter().map(|t| t.x).collect()
}

/// Where the column's front and the canal's front wall lie, robustly along the curve.
fn depths(ct: &Block<i16>, tissue: &Tissue, stations: &mut [Station]) {
    const FAR: usize = 64;
    let profiles: Vec<Vec<f64>> = stations
        .par_iter()
        .map(|s| {
            (0..FAR)
                .map(|d| {
                    let at = s.middle + s.front * d as f64;
                    let side = [-8.0, -4.0, 0.0, 4.0, 8.0];
                    let hu = side.map(|x| ct.sample(at + s.left * x));
                    hu.map(|h| (h - tissue.soft_hu).clamp(-60.0, 400.0)).iter().sum::<f64>() / 5.0
                })
                .collect()
        })
        .collect();
    let n = stations.len();
    let window = |i: usize, reach: usize| i.saturating_sub(reach)..(i + reach + 1).min(n);
    let found: Vec<(f64, f64)> = (0..n)
        .map(|i| {
            let mean = |d: usize| {
                let range = window(i, 16);
                let count = range.len() as f64;
                range.map(|k| profiles[k][d]).sum::<f64>() / count
            };
            let mean: Vec<f64> = (0..FAR).map(mean).collect();
            let drop = |d: usize| {
                let inner: f64 = mean[d - 5..d].iter().sum();
                let outer: f64 = mean[d..d + 5].iter().sum();
                inner - outer
            };
            let by_drop = |a: &usize, b: &usize| drop(*a).total_cmp(&drop(*b));
            let front = (20..FAR - 6).max_by(by_drop).unwrap_or(35);
            let wall = (4..15).min_by(|a, b| drop((*a).max(5)).total_cmp(&drop((*b).max(5))));
            (front as f64, wall.unwrap_or(8) as f64)
        })
        .collect();
    for (i, station) in stations.iter_mut().enumerate() {
        let median = |pick: fn(&(f64, f64)) -> f64| {
            let mut values: Vec<f64> = found[window(i, 25)].iter().map(pick).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        station.depth_mm = median(|f| f.0);
        station.wall_mm = median(|f| f.1);
    }
}

/// Unit vectors along a curve that runs head to foot, pointing to the head.
pub(super) fn tangents(points: &[DVec3]) -> Vec<DVec3> {
    let last = points.len() - 1;
    (0..points.len())
        .map(|i| (points[i.saturating_sub(6)] - points[(i + 6).min(last)]).normalize_or(DVec3::Z))
        .collect()
}

/// The polyline with points every `step` mm.
pub(super) fn even(points: &[DVec3], step: f64) -> Vec<DVec3> {
    let mut out = vec![points[0]];
    let mut left = step;
    for pair in points.windows(2) {
        let (mut from, length) = (pair[0], pair[0].distance(pair[1]));
        let mut rest = length;
        while rest >= left && rest > 0.0 {
            from += (pair[1] - from) * (left / rest);
            rest -= left;
            out.push(from);
            left = step;
        }
        left -= rest;
    }
    out
}

/// A Gaussian mean along the curve, in points.
pub(super) fn smooth(points: &mut Vec<DVec3>, sigma: f64) {
    let weights = vec![1.0; points.len()];
    *points = smoothed(points, &weights, sigma);
}

/// The same with weights: a straight line fitted round each place, so that a straight curve stays
/// straight and an end is not pulled inwards.
pub(super) fn smoothed(values: &[DVec3], weights: &[f64], sigma: f64) -> Vec<DVec3> {
    let n = values.len();
    let reach = (3.0 * sigma) as usize;
    (0..n)
        .map(|i| {
            let (mut w0, mut w1, mut w2) = (0.0, 0.0, 0.0);
            let (mut v0, mut v1) = (DVec3::ZERO, DVec3::ZERO);
            for k in i.saturating_sub(reach)..(i + reach + 1).min(n) {
                let d = k as f64 - i as f64;
                let w = (-0.5 * (d / sigma).powi(2)).exp() * weights[k];
                (w0, w1, w2) = (w0 + w, w1 + w * d, w2 + w * d * d);
                (v0, v1) = (v0 + values[k] * w, v1 + values[k] * (w * d));
            }
            let det = w0 * w2 - w1 * w1;
            if det.abs() < 1e-9 * w0 * w0 { v0 / w0 } else { (v0 * w2 - v1 * w1) / det }
        })
        .collect()
}
