//! How far a screw is from daylight.
//!
//! In: the declared surface of a vertebra and its anatomy. Out: an [`Assessment`] of a screw.

pub mod sdf;

pub use sdf::Field;

use crate::space::{Dir, Patient, Point};
use serde::{Deserialize, Serialize};

/// Gertzbein-Robbins letter, modern form; intervals are half-open, so exactly 2.0 mm is C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grade {
    /// No breach.
    A,
    /// Breach under 2 mm.
    B,
    /// 2 to under 4 mm.
    C,
    /// 4 to under 6 mm.
    D,
    /// 6 mm and more.
    E,
}

/// Where a wall lies, seen from the pedicle's axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wall {
    /// Towards the canal.
    Medial,
    /// Away from the canal.
    Lateral,
    /// Towards the head.
    Cranial,
    /// Towards the feet.
    Caudal,
    /// Ahead of the tip.
    Anterior,
    /// Towards the back.
    Posterior,
}

/// The answer for one screw.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// Smallest signed distance from the screw's surface to the bone's surface, entry zone left
    /// out: positive while all bone, zero touching, negative by how far it sticks out. mm.
    pub clearance_mm: f64,
    /// Largest distance of the screw's surface outside bone, entry zone left out; 0 when inside. mm.
    pub protrusion_mm: f64,
    /// How far the screw reaches past the wall it crossed, in the planes across the pedicle axis
    /// within the pedicle's span; 0 when it crossed none. mm.
    pub wall_breach_mm: f64,
    /// The worse of protrusion and wall breach: what the letter is made from. mm.
    pub breach_mm: f64,
    /// Direction of that breach in the pedicle's frame; `None` for grade A.
    pub breach_wall: Option<Wall>,
    /// The letter.
    pub grade: Grade,
    /// The point of the screw's surface with the smallest clearance, LPS mm.
    pub witness: Point<Patient>,
    /// From the witness to the nearest point of the bone's surface: the nearest wall. Unit, LPS;
    /// points out of the bone while inside, back into it while outside.
    pub nearest_wall_dir: Dir<Patient>,
    /// Which wall of the pedicle's frame is nearest to the screw.
    pub nearest_wall: Wall,
    /// Signed distance from the axis point at each depth, by depth from entry (mm), to bone less
    /// the screw's radius: the clearance profile along the screw. mm.
    pub profile: Vec<ProfilePoint>,
}

/// One sample of the clearance profile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfilePoint {
    /// Distance from the entry along the axis, mm.
    pub depth_mm: f64,
    /// Smallest signed clearance of the screw's surface at that depth, mm.
    pub clearance_mm: f64,
}
