//! Pedicles and foramina: to both sides of the canal bone and openings take turns, once a vertebra.
//!
//! A pedicle stands beside the canal in the upper half of its vertebra, the foramen opens under it
//! and reaches down to the disc. Bodies need not be looked at for this, so it tells a disc from the
//! waist of a body where their own brightness does not.

use super::block::Block;
use super::curve::Station;
use super::tissue::Tissue;
use rayon::prelude::*;

/// How far beside the middle of the canal its side wall lies, mm.
const ASIDE_MM: [f64; 6] = [7.0, 9.0, 11.0, 13.0, 15.0, 17.0];
/// How far before the middle of the canal: the joints, which are bone all along, lie behind it.
const AHEAD_MM: [f64; 4] = [0.0, 2.0, 4.0, 6.0];
/// Nothing brighter counts for more, HU over soft tissue.
const BRIGHT_HU: f64 = 400.0;

/// The side walls of the canal along the curve.
pub(super) struct Walls {
    /// Sums of their brightness from the first station on, HU over soft tissue.
    sums: Vec<f64>,
    /// How much brighter pedicles are than foramina in this scan.
    unit: f64,
}

/// Measures the walls at every station.
pub(super) fn walls(ct: &Block<i16>, tissue: &Tissue, stations: &[Station]) -> Walls {
    let walls: Vec<f64> = stations.par_iter().map(|s| wall(ct, tissue, s)).collect();
    let mut sorted = walls.clone();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    let unit = (at(0.85) - at(0.15)).max(40.0);
    let mut sum = 0.0;
    let sums = std::iter::once(0.0).chain(walls.iter().map(|wall| {
        sum += wall;
        sum
    }));
    Walls { sums: sums.collect(), unit }
}

/// The brightest wall to each side, the mean of both.
fn wall(ct: &Block<i16>, tissue: &Tissue, s: &Station) -> f64 {
    let bright = |p| (ct.sample(p) - tissue.soft_hu).clamp(0.0, BRIGHT_HU);
    let side = |sign: f64| {
        let at = |aside: f64, ahead: f64| s.middle + s.left * (sign * aside) + s.front * ahead;
        let mean = |aside: f64| AHEAD_MM.map(|ahead| bright(at(aside, ahead))).iter().sum::<f64>();
        ASIDE_MM.map(mean).into_iter().fold(0.0, f64::max) / AHEAD_MM.len() as f64
    };
    (side(1.0) + side(-1.0)) / 2.0
}

impl Walls {
    /// Mean between two places along the curve, stations.
    fn mean(&self, from: f64, to: f64) -> f64 {
        let last = self.sums.len() - 1;
        let a = (from.round().max(0.0) as usize).min(last - 1);
        let b = (to.round().max(0.0) as usize).clamp(a + 1, last);
        (self.sums[b] - self.sums[a]) / (b - a) as f64
    }
    /// How much what lies between two discs looks like one vertebra: a pedicle, then a foramen. 1
    /// where it does as in a clear vertebra of this scan, 0 where nothing is to be seen, under 0
    /// where it is the other way round.
    pub(super) fn contrast(&self, top: f64, bottom: f64) -> f64 {
        let tall = bottom - top;
        if tall < 6.0 {
            return -1.0;
        }
        let mean = |from: f64, to: f64| self.mean(top + from * tall, top + to * tall);
        ((mean(PEDICLE[0], PEDICLE[1]) - mean(FORAMEN[0], FORAMEN[1])) / self.unit).clamp(-1.0, 1.0)
    }
}

/// Where between two discs the pedicle stands, as shares of the way down.
const PEDICLE: [f64; 2] = [0.2, 0.5];
/// Where the foramen opens.
const FORAMEN: [f64; 2] = [0.7, 1.0];
