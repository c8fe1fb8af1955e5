//! Discs: where, along the column in front of the canal, a plane lies in the dark between two
//! bright ones.
//!
//! End plates are bright in every bone; the disc between them is dark in all but a fused one. So a
//! disc is looked for as a sheet, free in tilt, that is darker than a sheet above and a sheet
//! below it. Which of the candidates are discs is settled for all of them together: bodies are
//! taller than discs, and neighbours are of nearly one height.

use super::block::Block;
use super::curve::{Station, smooth};
use super::tissue::Tissue;
use crate::work::{Cancelled, Work};
use glam::DVec3;
use rayon::prelude::*;

/// A disc's plane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Disc {
    /// Station of the curve at which it was found.
    pub(super) station: usize,
    /// Station at which its plane cuts the canal.
    pub(super) at_canal: usize,
    pub(super) middle: DVec3,
    /// Unit normal towards the head.
    pub(super) up: DVec3,
    /// How much darker it is than the end plates, HU; 0 or less where no disc is seen.
    pub(super) valley_hu: f64,
    /// The same as a share of what clear discs of this scan show, 0 to 1.
    pub(super) clear: f64,
    /// Its neighbours asked for it, the image shows none: fused or fractured.
    pub(super) is_guessed: bool,
}

/// The best sheet at one station.
#[derive(Clone, Copy, Debug)]
struct Sheet {
    valley_hu: f64,
    pitch_deg: f64,
    roll_deg: f64,
}

/// How far end plates lie from the middle of a disc, mm: half of 3 to half of 16.
const PLATES_MM: [f64; 5] = [2.0, 3.0, 4.5, 6.0, 8.0];

/// Every disc along the curve, head first.
pub(super) fn find(
    ct: &Block<i16>,
    tissue: &Tissue,
    stations: &[Station],
    work: &Work,
) -> Result<Vec<Disc>, Cancelled> {
    work.step("looking for the discs", 0.0)?;
    let sheets = sheets(ct, tissue, stations);
    work.step("looking for the discs", 0.8)?;
    let unit = scale(stations, &sheets);
    let mut discs = choose(stations, &sheets, unit);
    refine(ct, tissue, stations, &mut discs);
    discs.iter_mut().for_each(|disc| disc.clear = (disc.valley_hu / unit).clamp(0.0, 1.0));
    Ok(discs)
}

/// The best sheet at every station.
fn sheets(ct: &Block<i16>, tissue: &Tissue, stations: &[Station]) -> Vec<Sheet> {
    let free: Vec<Sheet> = stations.par_iter().map(|s| best_sheet(ct, tissue, s, 0.0)).collect();
    let unit = scale(stations, &free);
    stations.par_iter().map(|s| best_sheet(ct, tissue, s, unit)).collect()
}

/// What a degree of tilt against the canal, squared, costs: a sheet tilted by 25 degrees must be
/// darker by a quarter than a straight one.
const TILT: f64 = 0.0004;

fn best_sheet(ct: &Block<i16>, tissue: &Tissue, s: &Station, unit: f64) -> Sheet {
    let mut best = Sheet { valley_hu: f64::NEG_INFINITY, pitch_deg: 0.0, roll_deg: 0.0 };
    for pitch in (-30..=30).step_by(6) {
        for roll in (-18..=18).step_by(6) {
            let (pitch_deg, roll_deg) = (f64::from(pitch), f64::from(roll));
            let price = TILT * unit * (pitch_deg * pitch_deg + roll_deg * roll_deg);
            let valley_hu = valley(ct, tissue, s, pitch_deg, roll_deg) - price;
            if valley_hu > best.valley_hu {
                best = Sheet { valley_hu, pitch_deg, roll_deg };
            }
        }
    }
    best
}

/// Axes of a sheet: to the left, to the front, upwards.
fn axes(s: &Station, pitch_deg: f64, roll_deg: f64) -> [DVec3; 3] {
    let (ps, pc) = pitch_deg.to_radians().sin_cos();
    let front = s.front * pc + s.up * ps;
    let up = s.up * pc - s.front * ps;
    let (rs, rc) = roll_deg.to_radians().sin_cos();
    [s.left * rc + up * rs, front, up * rc - s.left * rs]
}

/// How much darker a sheet through the middle of the column is than the darker of its two end
/// plates, HU.
fn valley(ct: &Block<i16>, tissue: &Tissue, s: &Station, pitch_deg: f64, roll_deg: f64) -> f64 {
    valley_at(ct, tissue, s, s.body(), axes(s, pitch_deg, roll_deg)[2])
}

fn valley_at(ct: &Block<i16>, tissue: &Tissue, s: &Station, middle: DVec3, up: DVec3) -> f64 {
    let mean = |offset: f64| sheet(ct, tissue, s, middle, up, offset);
    let dark = (mean(-0.75) + mean(0.75)) / 2.0;
    // Not so far that the end plates of one small body are taken for those round a disc: a body is
    // about as tall as it is deep.
    let far = (0.28 * 2.0 * s.half_depth_mm()).max(PLATES_MM[1]);
    let bright = |sign: f64| {
        let plates = PLATES_MM.into_iter().filter(|d| *d <= far);
        plates.map(|d| mean(sign * d)).fold(f64::MIN, f64::max)
    };
    bright(1.0).min(bright(-1.0)) - dark
}

/// Mean HU over soft tissue of a sheet the size of the column, so far above a plane.
fn sheet(
    ct: &Block<i16>,
    tissue: &Tissue,
    s: &Station,
    middle: DVec3,
    up: DVec3,
    above: f64,
) -> f64 {
    let left = (s.left - up * s.left.dot(up)).normalize_or(s.left);
    let front = up.cross(left);
    let half = s.half_depth_mm();
    let (a, b) = ((half * 1.1).clamp(8.0, 20.0), (half * 0.75).clamp(6.0, 14.0));
    let (mut sum, mut count) = (0.0, 0.0);
    for v in -3..=3 {
        for u in -3..=3 {
            let (u, v) = (f64::from(u) / 3.0, f64::from(v) / 3.0);
            if u * u + v * v <= 1.05 {
                let at = middle + left * (u * a) + front * (v * b) + up * above;
                sum += (ct.sample(at) - tissue.soft_hu).clamp(-40.0, 500.0);
                count += 1.0;
            }
        }
    }
    sum / count
}

/// No two discs lie closer or further apart, mm: from a child's upper thorax to a tall man's L4.
const GAPS_MM: [usize; 2] = [13, 52];

/// The discs of the column, head first.
fn choose(stations: &[Station], sheets: &[Sheet], unit: f64) -> Vec<Disc> {
    let depth: Vec<f64> = stations.iter().map(|s| s.depth_mm - s.wall_mm).collect();
    let along = along_bodies(stations);
    let mut positions = chain(&gains(sheets, unit), &along, &depth);
    drop_doubtful_first(&mut positions, &along, |i| sheets[i].valley_hu / unit);
    positions
        .into_iter()
        .map(|i| {
            let (s, sheet) = (&stations[i], &sheets[i]);
            Disc {
                station: i,
                at_canal: i,
                middle: s.body(),
                up: axes(s, sheet.pitch_deg, sheet.roll_deg)[2],
                valley_hu: sheet.valley_hu,
                clear: 0.0,
                is_guessed: sheet.valley_hu < 0.3 * unit,
            }
        })
        .collect()
}

/// Moves each plane to where it fits best near by.
fn refine(ct: &Block<i16>, tissue: &Tissue, stations: &[Station], discs: &mut [Disc]) {
    discs.par_iter_mut().for_each(|disc| {
        let s = &stations[disc.station];
        let mut best = (f64::NEG_INFINITY, disc.middle, disc.up);
        let (front, left) = (s.front, s.left);
        for step in -4..=4 {
            for pitch in -3..=3 {
                for roll in -3..=3 {
                    let tilt = front * f64::from(pitch) * 0.05 + left * f64::from(roll) * 0.05;
                    let up = (disc.up + tilt).normalize();
                    let middle = disc.middle + disc.up * f64::from(step);
                    let price = 0.002 * f64::from(step * step + pitch * pitch + roll * roll);
                    let value = valley_at(ct, tissue, s, middle, up) * (1.0 - price);
                    if value > best.0 {
                        best = (value, middle, up);
                    }
                }
            }
        }
        (disc.valley_hu, disc.middle, disc.up) = best;
        disc.middle += disc.up * centring(ct, tissue, s, disc);
        let off = |i: &usize| (stations[*i].middle - disc.middle).dot(disc.up).abs();
        let near = disc.station.saturating_sub(25)..(disc.station + 26).min(stations.len());
        disc.at_canal = near.min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(disc.station);
    });
}

/// How far above a plane the middle of its disc lies, mm: halfway between the heights at which it
/// is half as bright as its end plates.
fn centring(ct: &Block<i16>, tissue: &Tissue, s: &Station, disc: &Disc) -> f64 {
    let at = |steps: i32| sheet(ct, tissue, s, disc.middle, disc.up, f64::from(steps) * 0.5);
    let half = (at(-1) + at(1)) / 2.0 + disc.valley_hu / 2.0;
    let edge = |sign: i32| (1..=16).find(|n| at(sign * n) > half);
    match (edge(1), edge(-1)) {
        (Some(above), Some(below)) => f64::from(above - below) * 0.25,
        _ => 0.0,
    }
}

/// What a clear disc of this scan shows, HU: the middle one of the strongest peaks, as many as a
/// column of this length and depth has discs. The waist of a body makes weaker peaks than a disc;
/// that there may be as many of them must not make them discs.
fn scale(stations: &[Station], sheets: &[Sheet]) -> f64 {
    let near = |i: usize| i.saturating_sub(6)..(i + 7).min(sheets.len());
    let is_peak =
        |i: &usize| near(*i).all(|k| sheets[k].valley_hu <= sheets[*i].valley_hu || k == *i);
    let mut peaks: Vec<f64> =
        (0..sheets.len()).filter(is_peak).map(|i| sheets[i].valley_hu).collect();
    peaks.sort_by(|a, b| b.total_cmp(a));
    let depth: f64 = stations.iter().map(|s| 2.0 * s.half_depth_mm()).sum::<f64>();
    let pitch = (depth / stations.len().max(1) as f64 * TALL[0].exp()).max(GAPS_MM[0] as f64);
    let expected = (stations.len() as f64 / pitch).round() as usize;
    peaks.get(expected.min(peaks.len()).saturating_sub(1) / 2).copied().unwrap_or(0.0).max(15.0)
}

fn gains(sheets: &[Sheet], unit: f64) -> Vec<f64> {
    sheets.iter().map(|s| 2.0 * (s.valley_hu / unit).clamp(-0.5, 1.3) - 0.6).collect()
}

/// Takes the first disc off where it is faint and halves a vertebra: above it no neighbour speaks
/// against it.
fn drop_doubtful_first(discs: &mut Vec<usize>, along: &[f64], clear: impl Fn(usize) -> f64) {
    let [first, second, third, ..] = discs[..] else { return };
    let ratio = (along[second] - along[first]) / (along[third] - along[second]);
    if ratio < 0.6 || (ratio < 0.75 && clear(first) < 0.65) {
        discs.remove(0);
    }
}

/// How far along the middle of the bodies each station lies, mm.
fn along_bodies(stations: &[Station]) -> Vec<f64> {
    let n = stations.len();
    // The deepest bodies near by lead: under the promontory the column's front falls away.
    let deepest = |i: usize| {
        let near = &stations[i.saturating_sub(40)..(i + 41).min(n)];
        near.iter().map(|s| s.depth_mm + s.wall_mm).fold(0.0, f64::max) / 2.0
    };
    let place = |i: usize| stations[i].middle + stations[i].front * deepest(i);
    let mut points: Vec<DVec3> = (0..n).map(place).collect();
    smooth(&mut points, 8.0);
    let mut at = 0.0;
    let steps = points.windows(2).map(|pair| {
        at += pair[0].distance(pair[1]);
        at
    });
    std::iter::once(0.0).chain(steps.collect::<Vec<_>>()).collect()
}

/// A body with its disc is about as tall as the body is deep, from T1 to L5: mean ratio and
/// spread, natural logarithm (heights and depths of `sizes` in the phantom's own table).
pub(super) const TALL: [f64; 2] = [-0.1, 0.32];

/// The positions that gain most together, when each gap should be like the one before and fit the
/// depth of its body.
fn chain(gains: &[f64], along: &[f64], depth_mm: &[f64]) -> Vec<usize> {
    const UNEVEN: f64 = 5.0;
    let n = gains.len();
    // For each position and the one before it the best value; gaps follow from the pair.
    let [least, most] = GAPS_MM.map(|g| g as f64);
    let gap = |a: usize, b: usize| along[b] - along[a];
    let tall = |a: usize, b: usize| {
        let depth = depth_mm[(a + b) / 2].max(12.0);
        let z = ((gap(a, b) / depth).ln() - TALL[0]) / TALL[1];
        0.5 * z * z
    };
    let befores = |i: usize| {
        let from = along.partition_point(|s| *s < along[i] - most);
        let to = along.partition_point(|s| *s <= along[i] - least);
        from..to.min(i)
    };
    let mut best: Vec<Vec<(usize, f64, usize)>> = Vec::with_capacity(n);
    for i in 0..n {
        // (before, value, the one before that); the first entry stands for a chain that begins.
        let mut row = vec![(usize::MAX, gains[i], usize::MAX)];
        for b in befores(i) {
            let own = gains[i] - tall(b, i);
            let here = gap(b, i);
            let reach = |(a, value, _): &(usize, f64, usize)| {
                let ratio = if *a == usize::MAX { 0.0 } else { (here / gap(*a, b)).ln() };
                (value - UNEVEN * ratio * ratio, *a)
            };
            let best = best[b].iter().map(reach).max_by(|x, y| x.0.total_cmp(&y.0));
            if let Some((value, a)) = best {
                row.push((b, value + own, a));
            }
        }
        best.push(row);
    }
    let all = best.iter().enumerate().flat_map(|(i, row)| row.iter().map(move |r| (i, *r)));
    let last = all.max_by(|x, y| x.1.1.total_cmp(&y.1.1));
    let mut positions = Vec::new();
    let Some((mut at, (mut before, _, mut second))) = last else { return positions };
    loop {
        positions.push(at);
        if before == usize::MAX {
            break;
        }
        (at, before) = (before, second);
        second = best[at].iter().find(|r| r.0 == before).map_or(usize::MAX, |r| r.2);
    }
    positions.reverse();
    positions
}
