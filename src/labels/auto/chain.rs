//! Which of the dark sheets along the column are its discs: settled for all of them together.
//!
//! Three things are weighed by dynamic programming: how dark each disc is between its plates, how
//! much what lies between two of them looks like one vertebra ([`super::arch`]), and how tall it is
//! against its depth and against its neighbour.

use super::arch::Walls;
use super::curve::{Station, smooth};
use super::disc::Sheet;
use glam::DVec3;

/// No two discs lie closer or further apart, mm: from a child's upper thorax to a tall man's L4.
const GAPS_MM: [f64; 2] = [13.0, 52.0];
/// A body with its disc is about as tall as the body is deep, from T1 to L5: mean ratio and
/// spread, natural logarithm (heights and depths of `sizes` in the phantom's own table).
pub(super) const TALL: [f64; 2] = [-0.1, 0.32];
/// What neighbours of unlike height cost, times the square of the logarithm of their ratio.
const UNEVEN: f64 = 5.0;
/// What a clear pedicle with its foramen is worth against a clear disc, which gains 1.4.
const ARCH: f64 = 1.2;

/// The stations of the discs, head first, and what a clear disc of this scan shows, HU; `has_room` tells
/// whether the image reaches so far above the disc of a station, mm.
pub(super) fn choose(
    stations: &[Station],
    sheets: &[Sheet],
    walls: &Walls,
    has_room: impl Fn(usize, f64) -> bool,
) -> (Vec<usize>, f64) {
    let column = Column::new(stations, sheets, walls);
    let mut unit = clear(&peaks(sheets));
    let mut found = Vec::new();
    // What is clear is read off the discs themselves; the first guess comes from the strongest.
    for _ in 0..4 {
        let next = column.chain(&gains(sheets, unit));
        if next == found {
            break;
        }
        found = next;
        let mut valleys: Vec<f64> = found.iter().map(|i| sheets[*i].valley_hu).collect();
        valleys.sort_by(f64::total_cmp);
        unit = valleys.get(valleys.len() / 2).copied().unwrap_or(0.0).max(LEAST_HU);
    }
    drop_doubtful_first(&mut found, &column.along, |i| sheets[i].valley_hu / unit, has_room);
    (found, unit)
}

/// What the first and the last disc must gain: beyond them nothing speaks for a vertebra, so they
/// are seen or they are none. As much as a disc of 0.45 of the contrast of a clear one.
const SEEN: f64 = 0.3;
/// What the first disc must gain where that and what lies under it speak for a vertebra with
/// [`SEEN`] together: discs become thin towards the neck. As much as a disc that is not only guessed.
const FAINT: f64 = 0.0;

/// No disc shows less than this, HU.
const LEAST_HU: f64 = 15.0;

/// The peaks of the valleys that stand alone for the height of the lowest vertebra, strongest
/// first, HU.
pub(super) fn peaks(sheets: &[Sheet]) -> Vec<f64> {
    let near = |i: usize| i.saturating_sub(6)..(i + 7).min(sheets.len());
    let is_peak =
        |i: &usize| near(*i).all(|k| sheets[k].valley_hu <= sheets[*i].valley_hu || k == *i);
    let mut peaks: Vec<f64> =
        (0..sheets.len()).filter(is_peak).map(|i| sheets[i].valley_hu).collect();
    peaks.sort_by(|a, b| b.total_cmp(a));
    peaks
}

/// What a clear disc shows by the strongest peaks alone, HU.
pub(super) fn clear(peaks: &[f64]) -> f64 {
    peaks.get(2).or(peaks.last()).copied().unwrap_or(0.0).max(LEAST_HU)
}

fn gains(sheets: &[Sheet], unit: f64) -> Vec<f64> {
    sheets.iter().map(|s| 2.0 * (s.valley_hu / unit).clamp(-0.5, 1.3) - 0.6).collect()
}

/// Takes the first disc off where it cuts much of a vertebra off, or some and is faint and has no room for
/// a vertebra above it: there no neighbour speaks against it.
///
/// Where an image ends close over an end plate, the marrow under that plate is the last dark sheet. In crops of
/// three real scans such sheets showed at most 0.62 of a clear disc and left at most 0.88 of the next
/// vertebra's height; first discs as faint, 0.93 and more. Those of two hundred phantoms left 0.85 and more,
/// with room above them.
fn drop_doubtful_first(
    discs: &mut Vec<usize>,
    along: &[f64],
    clear: impl Fn(usize) -> f64,
    has_room: impl Fn(usize, f64) -> bool,
) {
    /// Over a disc there is room for a vertebra that has this share of the height of the one under it.
    const ROOM: f64 = 0.75;
    let [first, second, third, ..] = discs[..] else { return };
    let tall_mm = along[second] - along[first];
    let ratio = tall_mm / (along[third] - along[second]);
    let least = if clear(first) >= 0.65 {
        0.6
    } else if has_room(first, ROOM * tall_mm) {
        0.75
    } else {
        0.9
    };
    if ratio < least {
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

/// What the choice is made from, station by station.
struct Column<'a> {
    /// Height along the middle of the bodies, mm.
    along: Vec<f64>,
    /// Depth of the body, mm.
    depth: Vec<f64>,
    /// Where the best sheet of the station cuts the canal, stations.
    canal: Vec<f64>,
    walls: &'a Walls,
}

/// The best chain of discs that ends in one and the one before it.
#[derive(Clone, Copy)]
struct Link {
    /// The disc before; none where the chain begins.
    before: Option<usize>,
    value: f64,
    /// The one before that.
    second: Option<usize>,
}

impl<'a> Column<'a> {
    fn new(stations: &[Station], sheets: &[Sheet], walls: &'a Walls) -> Self {
        let ahead = |s: &Station| (s.body() - s.middle).length();
        let canal = |(i, (s, sheet)): (usize, (&Station, &Sheet))| {
            i as f64 + ahead(s) * sheet.pitch_deg.to_radians().tan()
        };
        Self {
            along: along_bodies(stations),
            depth: stations.iter().map(|s| s.depth_mm - s.wall_mm).collect(),
            canal: stations.iter().zip(sheets).enumerate().map(canal).collect(),
            walls,
        }
    }
    fn gap(&self, a: usize, b: usize) -> f64 {
        self.along[b] - self.along[a]
    }
    /// What speaks for one vertebra between two discs.
    fn vertebra(&self, a: usize, b: usize) -> f64 {
        let depth = self.depth[(a + b) / 2].max(12.0);
        let z = ((self.gap(a, b) / depth).ln() - TALL[0]) / TALL[1];
        ARCH * self.walls.contrast(self.canal[a], self.canal[b]) - 0.5 * z * z
    }
    /// The stations that a disc above station `i` may have.
    fn befores(&self, i: usize) -> std::ops::Range<usize> {
        let above = |gap: f64| self.along.partition_point(|at| *at < self.along[i] - gap);
        above(GAPS_MM[1])..above(GAPS_MM[0]).min(i)
    }
    /// The positions that gain most together, when each gap should be like the one before.
    fn chain(&self, gains: &[f64]) -> Vec<usize> {
        let mut best: Vec<Vec<Link>> = Vec::with_capacity(gains.len());
        for i in 0..gains.len() {
            let begins = if gains[i] >= FAINT { gains[i] } else { f64::NEG_INFINITY };
            let mut row = vec![Link { before: None, value: begins, second: None }];
            for b in self.befores(i) {
                let here = self.gap(b, i);
                let vertebra = self.vertebra(b, i);
                let uneven = |a: usize| UNEVEN * (here / self.gap(a, b)).ln().powi(2);
                let so_far = |link: &Link| match link.before {
                    Some(a) => (link.value - uneven(a), link.before),
                    None if gains[b].max(0.0) + vertebra.max(0.0) < SEEN => {
                        (f64::NEG_INFINITY, None)
                    }
                    None => (link.value, None),
                };
                let most = best[b].iter().map(so_far).max_by(|x, y| x.0.total_cmp(&y.0));
                if let Some((value, second)) = most {
                    let value = value + gains[i] + vertebra;
                    row.push(Link { before: Some(b), value, second });
                }
            }
            best.push(row);
        }
        backwards(&best, |i| gains[i] >= SEEN)
    }
}

/// The best chain of all that ends where it may, head first.
fn backwards(best: &[Vec<Link>], may_end: impl Fn(usize) -> bool) -> Vec<usize> {
    let ends = best.iter().enumerate().filter(|(i, _)| may_end(*i));
    let all = ends.flat_map(|(i, row)| row.iter().map(move |link| (i, *link)));
    let Some((mut at, mut link)) = all.max_by(|x, y| x.1.value.total_cmp(&y.1.value)) else {
        return Vec::new();
    };
    let mut positions = vec![at];
    while let Some(before) = link.before {
        let second = link.second;
        at = before;
        positions.push(at);
        let goes_on = best[at].iter().find(|l| l.before == second);
        let Some(next) = goes_on else { break };
        link = *next;
    }
    positions.reverse();
    positions
}
