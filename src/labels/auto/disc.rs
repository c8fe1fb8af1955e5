//! Discs: where, along the column in front of the canal, a plane lies in the dark between two
//! bright ones.
//!
//! End plates are bright in every bone; the disc between them is dark in all but a fused one. So a
//! disc is looked for as a sheet, free in tilt, that is darker than a sheet above and a sheet
//! below it. Which of the candidates are discs is settled for all of them together: bodies are
//! taller than discs, and neighbours are of nearly one height.

use super::block::{Block, OUTSIDE_HU};
use super::curve::Station;
use super::tissue::Tissue;
use super::{arch, chain, sacrum};
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
    /// How much what lies between it and the disc above looks like one vertebra, -1 to 1.
    pub(super) like_vertebra: f64,
    /// Its neighbours asked for it, the image shows none: fused or fractured.
    pub(super) is_guessed: bool,
}

/// The best sheet at one station.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sheet {
    pub(super) valley_hu: f64,
    pub(super) pitch_deg: f64,
    pub(super) roll_deg: f64,
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
    let walls = arch::walls(ct, tissue, stations);
    let has_room = |i: usize, mm: f64| {
        let above = stations[i].body() + stations[i].up * mm;
        ct.nearest(above).is_some_and(|hu| hu != OUTSIDE_HU)
    };
    let (mut positions, unit) = chain::choose(stations, &sheets, &walls, has_room);
    positions.extend(faint_last(ct, tissue, stations, &sheets, &positions, unit));
    let mut discs: Vec<Disc> = positions.into_iter().map(|i| plane(stations, &sheets, i)).collect();
    refine(ct, tissue, stations, &mut discs);
    let mut above = None;
    for disc in &mut discs {
        let like = |top: usize| walls.contrast(top as f64, disc.at_canal as f64);
        disc.like_vertebra = above.map_or(1.0, like);
        above = Some(disc.at_canal);
        disc.clear = (disc.valley_hu / unit).clamp(0.0, 1.0);
        disc.is_guessed = disc.clear < GUESSED;
    }
    Ok(discs)
}

/// A disc with less than this share of a clear one's contrast is not seen but asked for.
const GUESSED: f64 = 0.3;

/// The disc over the sacrum where it is so thin that it shows less than the last disc must: wings
/// stand under it that what lies above has not, and the column keeps its depth, which it loses at
/// the discs left within a sacrum. In three real scans, each changed in twenty ways, those had at
/// most 0.24 more wings than S1, and where they had more at most 0.71 of its depth.
fn faint_last(
    ct: &Block<i16>,
    tissue: &Tissue,
    stations: &[Station],
    sheets: &[Sheet],
    found: &[usize],
    unit: f64,
) -> Option<usize> {
    const WINGS_MORE: f64 = 0.2;
    const DEPTH_KEPT: f64 = 0.9;
    /// Height along the canal against that of the vertebra above.
    const TALL: [f64; 2] = [0.5, 1.3];
    let [.., above, last] = found[..] else { return None };
    let reach = TALL.map(|share| last + (share * (last - above) as f64) as usize);
    let is_deep = |i: &usize| stations[*i].depth_mm >= DEPTH_KEPT * stations[last].depth_mm;
    let wings = |i: usize| sacrum::wing_share(ct, tissue, stations, &plane(stations, sheets, i));
    (reach[0]..stations.len().min(reach[1]))
        .filter(is_deep)
        .max_by(|a, b| sheets[*a].valley_hu.total_cmp(&sheets[*b].valley_hu))
        .filter(|i| sheets[*i].valley_hu >= FAINT * unit)
        .filter(|i| wings(*i) >= wings(last) + WINGS_MORE)
}

/// What a thin disc over the sacrum shows at least, as a share of a clear one's contrast.
const FAINT: f64 = 0.25;

/// The disc at a station, as its sheet lies.
fn plane(stations: &[Station], sheets: &[Sheet], station: usize) -> Disc {
    let (s, sheet) = (&stations[station], &sheets[station]);
    Disc {
        station,
        at_canal: station,
        middle: s.body(),
        up: axes(s, sheet.pitch_deg, sheet.roll_deg)[2],
        valley_hu: sheet.valley_hu,
        clear: 0.0,
        like_vertebra: 1.0,
        is_guessed: false,
    }
}

/// The best sheet at every station.
fn sheets(ct: &Block<i16>, tissue: &Tissue, stations: &[Station]) -> Vec<Sheet> {
    let all: Vec<Vec<Sheet>> = stations.par_iter().map(|s| tilted(ct, tissue, s)).collect();
    let best = |unit: f64| all.iter().map(|tilted| best_sheet(tilted, unit)).collect::<Vec<_>>();
    let unit = chain::clear(&chain::peaks(&best(0.0)));
    best(unit)
}

/// What a degree of tilt against the canal, squared, costs: a sheet tilted by 25 degrees must be
/// darker by a quarter than a straight one.
const TILT: f64 = 0.0004;

/// The sheet that is worth most where a clear disc shows `unit` HU.
fn best_sheet(tilted: &[Sheet], unit: f64) -> Sheet {
    let mut best = Sheet { valley_hu: f64::NEG_INFINITY, pitch_deg: 0.0, roll_deg: 0.0 };
    for sheet in tilted {
        let price = TILT * unit * (sheet.pitch_deg.powi(2) + sheet.roll_deg.powi(2));
        let valley_hu = sheet.valley_hu - price;
        if valley_hu > best.valley_hu {
            best = Sheet { valley_hu, ..*sheet };
        }
    }
    best
}

/// The sheets through the middle of the column at a station, in all their tilts.
fn tilted(ct: &Block<i16>, tissue: &Tissue, s: &Station) -> Vec<Sheet> {
    let tilts = (-30..=30).step_by(6).flat_map(|p| (-18..=18).step_by(6).map(move |r| [p, r]));
    let sheet = |[pitch_deg, roll_deg]: [f64; 2]| {
        let up = axes(s, pitch_deg, roll_deg)[2];
        Sheet { valley_hu: valley(ct, tissue, s, s.body(), up), pitch_deg, roll_deg }
    };
    tilts.map(|tilt| sheet(tilt.map(f64::from))).collect()
}

/// Axes of a sheet: to the left, to the front, upwards.
fn axes(s: &Station, pitch_deg: f64, roll_deg: f64) -> [DVec3; 3] {
    let (ps, pc) = pitch_deg.to_radians().sin_cos();
    let front = s.front * pc + s.up * ps;
    let up = s.up * pc - s.front * ps;
    let (rs, rc) = roll_deg.to_radians().sin_cos();
    [s.left * rc + up * rs, front, up * rc - s.left * rs]
}

/// How much darker a sheet is than the darker of its two end plates, HU.
fn valley(ct: &Block<i16>, tissue: &Tissue, s: &Station, middle: DVec3, up: DVec3) -> f64 {
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
                    let value = valley(ct, tissue, s, middle, up) * (1.0 - price);
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
