//! What is measured on a level, and the small seeded differences that make left and right unlike.
//! The numbers themselves stand in [`super::table`].
//!
//! In: a seed. Out: differences that depend on nothing but the seed, the level and their name.

use crate::labels::Level;
use crate::space::Side;

/// The measures of one vertebra above the sacrum. Millimetres and degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mobile {
    /// Width of the upper and of the lower end plate.
    pub body_width_mm: [f64; 2],
    /// Front to back of the body at the end plates.
    pub body_depth_mm: f64,
    /// Height of the body in the middle, rim to rim.
    pub body_height_mm: f64,
    /// Angle between the end plates, positive when the front is taller.
    pub body_wedge_deg: f64,
    /// 0 for a kidney-shaped body, 1 for one that narrows to the front like a heart.
    pub heart: f64,
    /// Width of the pedicle's tube at its waist: with what joins it, a little more than its isthmus.
    pub pedicle_width_mm: f64,
    /// Share of that width on the left and on the right.
    pub pedicle_share: [f64; 2],
    /// Height of the pedicle's tube at its waist.
    pub pedicle_height_mm: f64,
    /// How much its tube runs towards the midline on its way forward.
    pub pedicle_convergence_deg: f64,
    /// How much it runs towards the head on its way forward.
    pub pedicle_cranial_deg: f64,
    /// How high the isthmus lies above the middle of the body.
    pub pedicle_rise_mm: f64,
    /// Width of the canal between the pedicles.
    pub canal_width_mm: f64,
    /// Depth of the canal in the midline.
    pub canal_depth_mm: f64,
    /// 0 for a round canal; 3 narrows its back to a corner.
    pub canal_corners: f64,
    /// Tip to tip of the transverse processes.
    pub transverse_span_mm: f64,
    /// Half of the thickness of a transverse process, front to back, and half of its height.
    pub transverse_half_mm: [f64; 2],
    /// How far behind the middle of the canal a lumbar one leaves the arch.
    pub transverse_root_mm: f64,
    /// How far behind the middle of the canal, and how far above the middle of the body, its tip
    /// lies.
    pub transverse_tip_mm: [f64; 2],
    /// Radius of the knob at its tip that carries the rib; 0 for none.
    pub transverse_knob_mm: f64,
    /// Height of the laminae.
    pub lamina_height_mm: f64,
    /// How far the middle of the laminae lies under the middle of the body.
    pub lamina_drop_mm: f64,
    /// From the back of the canal to the tip of the spinous process, along it.
    pub spinous_length_mm: f64,
    /// Height of the spinous process, across it.
    pub spinous_height_mm: f64,
    /// How steeply it runs down.
    pub spinous_drop_deg: f64,
    /// Distance of the upper articular processes from each other, middle to middle.
    pub upper_facets_apart_mm: f64,
    /// How far they reach above the upper end plate.
    pub upper_facets_reach_mm: f64,
    /// Half of their width in the joint and half of their thickness.
    pub upper_facets_half_mm: [f64; 2],
    /// Where their joint faces: 0 straight back, 90 to the midline.
    pub facet_turn_deg: f64,
    /// Distance of the lower articular processes from each other, middle to middle.
    pub lower_facets_apart_mm: f64,
    /// How far they reach below the lower end plate.
    pub lower_facets_reach_mm: f64,
    /// Half of their width in the joint and half of their thickness.
    pub lower_facets_half_mm: [f64; 2],
    /// Where their joint faces: 0 straight to the front, 90 away from the midline.
    pub lower_turn_deg: f64,
    /// Size of the mammillary process behind the upper joint; 0 for none.
    pub mammillary_mm: f64,
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
    /// T1 to L6, with the disc below it.
    Mobile(Mobile, Disc),
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
    /// The differences of the whole person.
    pub(super) fn of_person(seed: u64, share: f64) -> Self {
        Self { seed, level: 1000, share }
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

impl Mobile {
    /// The measures of one person: the whole build, its parts, and this level by itself differ.
    pub(super) fn of_person(self, person: &Vary, level: &Vary) -> Self {
        let share = |what: &str, all: f64, one: f64| {
            1.0 + person.by(what, all) + level.by(&format!("{what} here"), one)
        };
        let build = 1.0 + person.by("build", 0.05);
        let body = build * share("body width", 0.03, 0.012);
        let pedicle = share("pedicle width", 0.04, 0.03);
        let processes = build * share("processes", 0.04, 0.02);
        Self {
            body_width_mm: self.body_width_mm.map(|w| w * body),
            body_depth_mm: self.body_depth_mm * build * share("body depth", 0.03, 0.012),
            body_height_mm: self.body_height_mm * build * share("body height", 0.02, 0.012),
            pedicle_width_mm: self.pedicle_width_mm * pedicle,
            pedicle_height_mm: self.pedicle_height_mm * share("pedicle height", 0.04, 0.03),
            canal_width_mm: self.canal_width_mm * share("canal width", 0.03, 0.01),
            canal_depth_mm: self.canal_depth_mm * share("canal depth", 0.03, 0.01),
            transverse_span_mm: self.transverse_span_mm * processes,
            spinous_length_mm: self.spinous_length_mm * processes,
            spinous_height_mm: self.spinous_height_mm * share("spinous height", 0.05, 0.04),
            spinous_drop_deg: self.spinous_drop_deg + person.by("spinous drop", 3.0),
            facet_turn_deg: self.facet_turn_deg + level.by("facet turn", 3.0),
            ..self
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
