//! How large each level is: one row of numbers per level, and the small seeded differences that
//! make left and right unlike.
//!
//! Pedicle width, height and angles: `clinical-numbers` section 3 (outer cortex, across the axis).
//! Everything else is general knowledge of the field without a source at hand, rounded, and
//! provisional: it makes the phantom look right, and no test or warning rests on it.

use crate::labels::Level;
use crate::space::Side;

/// The measures of one lumbar vertebra. Millimetres and degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lumbar {
    /// Width of the upper and of the lower end plate.
    pub body_width_mm: [f64; 2],
    /// Front to back of the body at the end plates.
    pub body_depth_mm: f64,
    /// Height of the body in the middle, rim to rim.
    pub body_height_mm: f64,
    /// Angle between the end plates, positive when the front is taller.
    pub body_wedge_deg: f64,
    /// Width of the pedicle at its isthmus.
    pub pedicle_width_mm: f64,
    /// Height of the pedicle at its isthmus.
    pub pedicle_height_mm: f64,
    /// How much the pedicle's axis runs towards the midline on its way forward.
    pub pedicle_convergence_deg: f64,
    /// How much it runs towards the head on its way forward.
    pub pedicle_cranial_deg: f64,
    /// Width of the canal between the pedicles.
    pub canal_width_mm: f64,
    /// Depth of the canal in the midline.
    pub canal_depth_mm: f64,
    /// Tip to tip of the transverse processes.
    pub transverse_span_mm: f64,
    /// Half of the thickness of a transverse process, front to back, and half of its height.
    pub transverse_half_mm: [f64; 2],
    /// From the back of the canal to the tip of the spinous process.
    pub spinous_length_mm: f64,
    /// Height of the spinous process.
    pub spinous_height_mm: f64,
    /// Distance of the lower articular processes from each other, middle to middle.
    pub lower_facets_apart_mm: f64,
    /// How far the lower articular processes reach below the lower end plate.
    pub lower_facets_reach_mm: f64,
}

/// The disc below a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disc {
    /// Height in the middle, rim to rim of the end plates.
    pub height_mm: f64,
    /// Angle between its end plates, positive when the front is taller.
    pub wedge_deg: f64,
}

/// The measures of the sacrum. Millimetres and degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sacrum {
    /// Width of the end plate of S1.
    pub plate_width_mm: f64,
    /// Front to back of the end plate of S1.
    pub plate_depth_mm: f64,
    /// Height of the body of S1.
    pub body_height_mm: f64,
    /// Widest span of the alae.
    pub alar_span_mm: f64,
    /// How much the S1 pedicle's axis runs towards the midline on its way forward.
    pub pedicle_convergence_deg: f64,
    /// Width of the sacral canal at S1.
    pub canal_width_mm: f64,
    /// Depth of the sacral canal at S1.
    pub canal_depth_mm: f64,
}

/// What one level is made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measures {
    /// L1 to L5, with the disc below it.
    Lumbar(Lumbar, Disc),
    /// S1, standing for the whole sacrum.
    Sacrum(Sacrum),
}

/// One level and its measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// The level.
    pub level: Level,
    /// Its measures.
    pub measures: Measures,
}

const fn lumbar(level: Level, l: Lumbar, height_mm: f64, wedge_deg: f64) -> Row {
    Row { level, measures: Measures::Lumbar(l, Disc { height_mm, wedge_deg }) }
}

/// The levels that have a shape, cranial ones first.
pub const ROWS: [Row; 6] = [
    lumbar(Level::L1, L1, 8.5, 4.0),
    lumbar(Level::L2, L2, 9.5, 5.0),
    lumbar(Level::L3, L3, 10.5, 7.0),
    lumbar(Level::L4, L4, 11.5, 10.0),
    lumbar(Level::L5, L5, 11.0, 12.0),
    Row { level: Level::S1, measures: Measures::Sacrum(S1) },
];

const L1: Lumbar = Lumbar {
    body_width_mm: [41.2, 43.3],
    body_depth_mm: 31.5,
    body_height_mm: 26.5,
    body_wedge_deg: -1.0,
    pedicle_width_mm: 7.6,
    pedicle_height_mm: 15.4,
    pedicle_convergence_deg: 11.0,
    pedicle_cranial_deg: 2.0,
    canal_width_mm: 23.0,
    canal_depth_mm: 17.5,
    transverse_span_mm: 74.0,
    transverse_half_mm: [3.4, 5.2],
    spinous_length_mm: 32.0,
    spinous_height_mm: 21.0,
    lower_facets_apart_mm: 22.0,
    lower_facets_reach_mm: 9.0,
};

const L2: Lumbar = Lumbar {
    body_width_mm: [42.6, 45.5],
    body_depth_mm: 32.5,
    body_height_mm: 27.0,
    body_wedge_deg: 0.0,
    pedicle_width_mm: 8.0,
    pedicle_height_mm: 15.0,
    pedicle_convergence_deg: 12.0,
    pedicle_cranial_deg: 2.0,
    canal_width_mm: 23.5,
    canal_depth_mm: 17.0,
    transverse_span_mm: 82.0,
    transverse_half_mm: [3.4, 5.4],
    spinous_length_mm: 34.0,
    spinous_height_mm: 22.5,
    lower_facets_apart_mm: 23.0,
    lower_facets_reach_mm: 9.5,
};

const L3: Lumbar = Lumbar {
    body_width_mm: [44.1, 48.0],
    body_depth_mm: 33.5,
    body_height_mm: 27.5,
    body_wedge_deg: 1.0,
    pedicle_width_mm: 9.7,
    pedicle_height_mm: 14.9,
    pedicle_convergence_deg: 14.0,
    pedicle_cranial_deg: 0.0,
    canal_width_mm: 24.0,
    canal_depth_mm: 16.5,
    transverse_span_mm: 92.0,
    transverse_half_mm: [3.4, 5.6],
    spinous_length_mm: 34.0,
    spinous_height_mm: 23.0,
    lower_facets_apart_mm: 25.0,
    lower_facets_reach_mm: 9.5,
};

const L4: Lumbar = Lumbar {
    body_width_mm: [46.6, 49.5],
    body_depth_mm: 34.0,
    body_height_mm: 27.0,
    body_wedge_deg: 2.0,
    pedicle_width_mm: 11.8,
    pedicle_height_mm: 14.8,
    pedicle_convergence_deg: 18.0,
    pedicle_cranial_deg: 0.0,
    canal_width_mm: 25.0,
    canal_depth_mm: 17.0,
    transverse_span_mm: 86.0,
    transverse_half_mm: [3.6, 5.4],
    spinous_length_mm: 31.0,
    spinous_height_mm: 19.5,
    lower_facets_apart_mm: 30.0,
    lower_facets_reach_mm: 7.5,
};

const L5: Lumbar = Lumbar {
    body_width_mm: [48.5, 50.0],
    body_depth_mm: 34.0,
    body_height_mm: 26.5,
    body_wedge_deg: 8.0,
    pedicle_width_mm: 16.3,
    pedicle_height_mm: 14.0,
    pedicle_convergence_deg: 30.0,
    pedicle_cranial_deg: -2.0,
    canal_width_mm: 27.0,
    canal_depth_mm: 18.0,
    transverse_span_mm: 92.0,
    transverse_half_mm: [5.0, 6.4],
    spinous_length_mm: 25.0,
    spinous_height_mm: 15.0,
    lower_facets_apart_mm: 38.0,
    lower_facets_reach_mm: 7.0,
};

const S1: Sacrum = Sacrum {
    plate_width_mm: 50.0,
    plate_depth_mm: 33.0,
    body_height_mm: 29.0,
    alar_span_mm: 112.0,
    pedicle_convergence_deg: 26.0,
    canal_width_mm: 31.0,
    canal_depth_mm: 17.0,
};

/// Small differences between sides and levels: the same seed gives the same ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vary {
    seed: u64,
    level: u64,
    share: f64,
}

impl Vary {
    /// The differences of one level; `share` scales them all, 0 makes it symmetric.
    pub(super) fn new(seed: u64, level: Level, share: f64) -> Self {
        let level = Level::all().position(|l| l == level).unwrap_or(0) as u64;
        Self { seed, level, share }
    }
    /// A number within plus or minus `most`, the same whenever the same `what` is asked.
    pub(super) fn by(&self, what: &str, most: f64) -> f64 {
        let name = what.bytes().fold(self.level + 1, |h, byte| mix(h ^ u64::from(byte)));
        (2.0 * unit(mix(self.seed ^ name)) - 1.0) * most * self.share
    }
    /// The same for one side.
    pub(super) fn side(&self, what: &str, side: Side, most: f64) -> f64 {
        match side {
            Side::Left => self.by(what, most),
            Side::Right => self.by(&format!("{what}, right"), most),
        }
    }
}

/// Scrambles 64 bits (the finaliser of SplitMix64, Steele and others 2014).
pub(super) fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The upper bits as a number from 0 up to 1.
pub(super) fn unit(x: u64) -> f64 {
    (x >> 11) as f64 / (1u64 << 53) as f64
}
