//! What a surgeon calls the parts of a vertebra, measured on its declared surface.
//!
//! In: the label map (which says where the neighbours lie) and the vertebra's [`Surface`](crate::surface::Surface). Out: a
//! [`VertebraAnatomy`], made by [`measure`]. The way: the canal is the hole that shows when the
//! bone is looked through from above ([`canal`]); before it lies the body, whose end plates and
//! symmetry give the frame ([`frame`]); beside it run the pedicles ([`pedicle`]). The sacrum, whose
//! pedicles close no ring, goes its own way ([`sacrum`]). Of the whole column [`alignment`] tells the
//! angles, with the femoral heads that [`hips`] finds; [`density`] tells HU.

pub mod alignment;
mod canal;
pub mod density;
mod endplate;
mod foramen;
mod frame;
pub mod hips;
mod measure;
mod outline;
mod pedicle;
mod pedicle_axis;
mod pedicle_search;
mod sacrum;
mod sharp_end;
mod solid;
mod tube;

pub use alignment::{Alignment, align, follows};
pub use foramen::{Foramen, foramina};
pub use hips::Hips;
pub use measure::{measure, measure_drawn_on};

use crate::space::{Dir, Patient, Point, Rigid, Side, Vertebra};

/// One pedicle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pedicle {
    /// The patient's side.
    pub side: Side,
    /// Centre of the isthmus, the cross-section in the middle of the narrow stretch, LPS mm; of S1, which
    /// has none, 9.2 mm beside the canal or in the middle of the bone there.
    pub isthmus: Point<Patient>,
    /// Unit axis through the pedicle, from back to front.
    pub axis: Dir<Patient>,
    /// Outer-cortex width of the isthmus, across the axis, left to right in the vertebra's frame, mm.
    pub width_mm: f64,
    /// Outer-cortex height of the isthmus, across the axis, mm; of S1 along the vertebra's top, from the
    /// roof of the first sacral nerve's tunnel to the top of the sacrum or the height of its end plate.
    pub height_mm: f64,
    /// Least extent of the isthmus in any direction across the axis, outer cortex, mm: what a screw
    /// meets first. Less than width and height where the section is an oblique oval.
    pub least_mm: f64,
    /// Length in bone along the axis, from the back of the arch to the front of the body, mm: the
    /// mean over a pencil of lines 2 mm thick about it (thinner in a narrow pedicle).
    pub chord_mm: f64,
    /// How much the axis runs towards the midline on its way forward, degrees, seen along the
    /// vertebra's top.
    pub transverse_deg: f64,
    /// How much it runs towards the head on its way forward, degrees, seen from the side.
    pub sagittal_deg: f64,
    /// Where the pedicle begins (back, negative) and ends (front, positive) along `axis`, measured
    /// from the isthmus, mm: the span within which a wall breach is looked for.
    pub span_mm: [f64; 2],
}

/// An end plate as a plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EndPlate {
    /// Its point over (or under) the middle of the body, LPS mm.
    pub centre: Point<Patient>,
    /// Unit normal, towards the head.
    pub up: Dir<Patient>,
}

/// The bony canal in the plane across the vertebra's top at the height of its pedicles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CanalSize {
    /// Left to right, mm.
    pub width_mm: f64,
    /// Front to back, mm; where the arch is open behind, to the nearest plane below that closes.
    pub depth_mm: f64,
}

/// The measured anatomy of one vertebra.
#[derive(Clone, Debug, PartialEq)]
pub struct VertebraAnatomy {
    /// Origin at the middle of the vertebral body; +x its left, +y its back, +z its top.
    pub patient_from_vertebra: Rigid<Patient, Vertebra>,
    /// Centre of the spinal canal at the height of the pedicles, LPS mm.
    pub canal_centre: Point<Patient>,
    /// Its calibre there; `None` where no canal is open.
    pub canal: Option<CanalSize>,
    /// The upper end plate; `None` where the body has none.
    pub upper_plate: Option<EndPlate>,
    /// The lower end plate; the sacrum has none.
    pub lower_plate: Option<EndPlate>,
    /// Width and depth of the body, chords through its middle, mm; the width of S1, whose chord runs
    /// on into the alae, is bounded by its depth. `None` where nothing was measured.
    pub body_mm: Option<[f64; 2]>,
    /// The pedicles found, left first; a missing one is named in `warnings`.
    pub pedicles: Vec<Pedicle>,
    /// What could not be measured, and why; one sentence each, naming the level.
    pub warnings: Vec<String>,
}

impl VertebraAnatomy {
    /// The pedicle of one side, if it was found.
    pub fn pedicle(&self, side: Side) -> Option<&Pedicle> {
        self.pedicles.iter().find(|p| p.side == side)
    }
}
