//! The true angles of the column, from the true end plates and the true hips.

use super::{LevelTruth, PlateTruth};
use crate::labels::{Level, Posture};
use crate::phantom::Phantom;
use crate::space::{Dir, Patient, Point, Side};
use serde::{Deserialize, Serialize};

/// The angles of the column, each by its own definition. All are projected angles as on a film: the
/// coronal ones onto the patient's plane of left and top, the sagittal ones onto that of back and
/// top.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlignmentTruth {
    /// Lying or standing.
    pub posture: Posture,
    /// Every coronal curve of 10 degrees and more, the largest first.
    pub curves: Vec<CobbTruth>,
    /// Thoracic kyphosis from T1, T2, T4 and T5 to T12: upper plate to lower plate, positive where
    /// the upper one leans further forward.
    pub kyphosis: Vec<BetweenTruth>,
    /// Lumbar lordosis from each lumbar level to S1, upper plate to upper plate, positive where the
    /// lower one leans further forward.
    pub lordosis: Vec<BetweenTruth>,
    /// Lordosis of each segment by itself, upper plate to the next upper plate.
    pub segments: Vec<BetweenTruth>,
    /// Pelvic parameters, where the phantom has sacrum and hips.
    pub pelvis: Option<PelvisTruth>,
}

/// One coronal curve: of all pairs of levels the one whose upper plate of the upper and lower plate
/// of the lower level make the largest angle; the next ones are looked for above and below it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CobbTruth {
    /// Upper end vertebra.
    pub upper: Level,
    /// Lower end vertebra.
    pub lower: Level,
    /// The angle, degrees.
    pub cobb_deg: f64,
    /// The side to which the curve bulges.
    pub convex: Side,
}

/// An angle between two levels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BetweenTruth {
    /// The upper level.
    pub upper: Level,
    /// The lower level.
    pub lower: Level,
    /// The angle, degrees.
    pub deg: f64,
}

/// The pelvis seen from the side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PelvisTruth {
    /// Middles of the femoral heads, left first: of the spheres that fit them best.
    #[serde(rename = "hips_lps_mm")]
    pub hips: [Point<Patient>; 2],
    /// Radii of those spheres, mm, left first.
    pub hip_radius_mm: [f64; 2],
    /// Pelvic incidence: from the perpendicular of the S1 plate at its middle to the line from there
    /// to the middle between the hips.
    pub incidence_deg: f64,
    /// Pelvic tilt: from the vertical to the line from the middle between the hips to the middle of
    /// the S1 plate, positive where the plate lies behind.
    pub tilt_deg: f64,
    /// Sacral slope: of the S1 plate against the horizontal.
    pub slope_deg: f64,
}

/// Curves smaller than this are none, degrees.
const LEAST_CURVE_DEG: f64 = 10.0;

pub(super) fn solve(phantom: &Phantom, levels: &[LevelTruth]) -> AlignmentTruth {
    let mut curves = Vec::new();
    find_curves(levels, &mut curves);
    curves.sort_by(|a, b| b.cobb_deg.total_cmp(&a.cobb_deg));
    AlignmentTruth {
        posture: phantom.spec().posture,
        curves,
        kyphosis: [1, 2, 4, 5].into_iter().filter_map(|n| kyphosis(levels, n)).collect(),
        lordosis: lordosis(levels),
        segments: levels.windows(2).filter_map(segment).collect(),
        pelvis: None,
    }
}

/// How far a plate leans to the left, degrees, seen from the front.
fn leans_left_deg(plate: &PlateTruth) -> f64 {
    let [x, _, z] = plate.up.to_array();
    x.atan2(z).to_degrees()
}

/// How far a plate leans forward, degrees, seen from the side.
pub(super) fn leans_forward_deg(up: Dir<Patient>) -> f64 {
    let [_, y, z] = up.to_array();
    (-y).atan2(z).to_degrees()
}

/// The lower plate of a level; the sacrum's upper one stands in for it.
fn lower(level: &LevelTruth) -> &PlateTruth {
    level.lower_plate.as_ref().unwrap_or(&level.upper_plate)
}

/// The largest curve among the levels, then those above and below it, which may share its ends.
fn find_curves(levels: &[LevelTruth], found: &mut Vec<CobbTruth>) {
    let pairs = (0..levels.len()).flat_map(|i| (i + 1..levels.len()).map(move |j| (i, j)));
    let turn = |i: usize, j: usize| {
        leans_left_deg(&levels[i].upper_plate) - leans_left_deg(lower(&levels[j]))
    };
    let largest = pairs.max_by(|a, b| turn(a.0, a.1).abs().total_cmp(&turn(b.0, b.1).abs()));
    let Some((i, j)) = largest.filter(|(i, j)| turn(*i, *j).abs() >= LEAST_CURVE_DEG) else {
        return;
    };
    let deg = turn(i, j);
    found.push(CobbTruth {
        upper: levels[i].level,
        lower: levels[j].level,
        cobb_deg: deg.abs(),
        // The upper end leans away from the bulge.
        convex: if deg > 0.0 { Side::Right } else { Side::Left },
    });
    find_curves(&levels[..=i], found);
    find_curves(&levels[j..], found);
}

fn named(levels: &[LevelTruth], region: char, number: u8) -> Option<&LevelTruth> {
    let level = Level::new(region, number)?;
    levels.iter().find(|l| l.level == level)
}

fn kyphosis(levels: &[LevelTruth], from: u8) -> Option<BetweenTruth> {
    let (upper, last) = (named(levels, 'T', from)?, named(levels, 'T', 12)?);
    let deg = leans_forward_deg(upper.upper_plate.up) - leans_forward_deg(lower(last).up);
    Some(BetweenTruth { upper: upper.level, lower: last.level, deg })
}

fn lordosis(levels: &[LevelTruth]) -> Vec<BetweenTruth> {
    let Some(sacrum) = levels.iter().find(|l| l.level == Level::S1) else {
        return Vec::new();
    };
    let lumbar = levels.iter().filter(|l| l.level.region() == 'L');
    lumbar.map(|upper| between_uppers(upper, sacrum)).collect()
}

fn segment(pair: &[LevelTruth]) -> Option<BetweenTruth> {
    let [upper, lower] = pair else { return None };
    (upper.level.region() == 'L').then(|| between_uppers(upper, lower))
}

fn between_uppers(upper: &LevelTruth, lower: &LevelTruth) -> BetweenTruth {
    let deg = leans_forward_deg(lower.upper_plate.up) - leans_forward_deg(upper.upper_plate.up);
    BetweenTruth { upper: upper.level, lower: lower.level, deg }
}
