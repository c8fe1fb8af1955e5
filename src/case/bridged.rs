//! Discs full of bone: levels that have grown together, though their labels lie apart.
//!
//! In: a [`Spine`] with a CT. Out: a sentence for each such pair. One looks from end plate to end
//! plate at places all over the middle of the disc. Where no soft tissue lies between, bone bridges
//! it there; a disc bridged on more than [`MOST_SHARE`] of its middle is fused. Discs of real CTs are
//! bridged so on less than a quarter, the thinnest ones of the chest (3.2 mm) in slices of 1.25 mm
//! most; lumbar ones nowhere. Discs that are less than three slices high are left out: their plates
//! blur into each other.

use super::spine::{Spine, VertebraModel};
use crate::space::{Dir, Patient, Point};
use crate::volume::Volume;
use std::f64::consts::TAU;

/// No disc is as dense all the way, HU.
const BRIDGE_HU: f64 = 160.0;
/// On more of its middle than this a disc is bridged that is none.
const MOST_SHARE: f64 = 0.5;
/// The part of the body's half width and half depth that is looked at.
const MIDDLE_PART: f64 = 0.65;
/// Rings of equal area, and places on each.
const RINGS: usize = 5;
const SPOKES: usize = 16;
/// The part of the way from plate to plate that is looked at: ends are blurred into the disc.
const BETWEEN: [f64; 2] = [0.25, 0.75];
const STEPS: usize = 8;
/// Plates must be this many slices apart, and no further than any disc is high, mm.
const LEAST_SLICES: f64 = 3.0;
const MOST_DISC_MM: f64 = 25.0;

/// The pairs that are fused, cranial ones first; nothing without a CT.
pub(super) fn of(spine: &Spine) -> Vec<String> {
    let Some(ct) = &spine.ct else { return Vec::new() };
    let fused = |upper: &VertebraModel, lower: &VertebraModel| {
        let share = bridged_share(ct, upper, lower)?;
        let names = format!("{} and {}", upper.level, lower.level);
        let percent = 100.0 * share;
        (share > MOST_SHARE).then(|| {
            format!("{names}: bone fills {percent:.0} % of the disc between them: fused, so that a rod moves neither of them against the other")
        })
    };
    spine.vertebrae.windows(2).filter_map(|pair| fused(&pair[0], &pair[1])).collect()
}

/// The share of the middle of a disc that bone bridges; `None` where there is no disc to look at.
fn bridged_share(ct: &Volume<i16>, upper: &VertebraModel, lower: &VertebraModel) -> Option<f64> {
    let (above, below) = (upper.anatomy.lower_plate?, lower.anatomy.upper_plate?);
    let up = above.centre - below.centre;
    let slice_mm = ct.grid().spacing_mm().into_iter().fold(0.0, f64::max);
    if !(LEAST_SLICES * slice_mm..MOST_DISC_MM).contains(&up.length()) {
        return None;
    }
    let [width_mm, depth_mm] = lower.anatomy.body_mm?;
    let frame = lower.anatomy.patient_from_vertebra;
    let [across, along] = [Dir::X, Dir::Y].map(|dir| frame.dir(dir));
    let [half_width, half_depth] = [width_mm, depth_mm].map(|mm| 0.5 * mm * MIDDLE_PART);
    let place = |n: usize| {
        let part = (((n / SPOKES) as f64 + 0.5) / RINGS as f64).sqrt();
        let (sin, cos) = (TAU * (n % SPOKES) as f64 / SPOKES as f64).sin_cos();
        let off = across * (part * cos * half_width) + along * (part * sin * half_depth);
        lowest_hu(ct, [below.centre + off, above.centre + off])
    };
    let lows: Vec<f64> = (0..RINGS * SPOKES).map(place).collect::<Option<_>>()?;
    let bridged = lows.iter().filter(|hu| **hu >= BRIDGE_HU).count();
    Some(bridged as f64 / lows.len() as f64)
}

/// The lowest HU between two places, their ends left out; `None` where the CT ends.
fn lowest_hu(ct: &Volume<i16>, [from, to]: [Point<Patient>; 2]) -> Option<f64> {
    let [first, last] = BETWEEN;
    let part = |n: usize| first + (last - first) * n as f64 / STEPS as f64;
    let hus = (0..=STEPS).map(|n| ct.trilinear(from.lerp(to, part(n))));
    hus.collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::min)
}
