//! One placed screw.

use crate::labels::{Level, VertebraId};
use crate::space::{Dir, Patient, Point, Side};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// Who a screw is, through every move and resize.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScrewId(pub Uuid);

impl ScrewId {
    /// A fresh random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}
impl fmt::Display for ScrewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How far a person stands behind a screw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScrewState {
    /// Made by the program, seen by nobody.
    Suggested,
    /// Placed or looked at by a person.
    #[default]
    Reviewed,
    /// A person stands behind it.
    Accepted,
}

/// The path a screw takes through its vertebra.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScrewStyle {
    /// Along the pedicle.
    #[default]
    Pedicle,
    /// Cortical bone trajectory: from medial caudal to lateral cranial.
    Cortical,
    /// S2-alar-iliac: through sacrum and ilium together.
    S2AlarIliac,
}

/// One placed screw. The axis runs from `entry`, where it enters bone, to `tip`; the tip is always
/// entry plus length along the axis, so it is not stored twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Screw {
    /// Stays through every edit.
    pub id: ScrewId,
    /// The vertebra it is driven into.
    pub vertebra: VertebraId,
    /// What that vertebra is called now.
    pub level: Level,
    /// The patient's side on which it enters.
    pub side: Side,
    /// The path it takes.
    pub style: ScrewStyle,
    /// Where the axis enters bone, LPS mm.
    pub entry: Point<Patient>,
    /// Unit direction from entry to tip, LPS.
    pub axis: Dir<Patient>,
    /// Outer (thread) diameter, mm.
    pub diameter_mm: f64,
    /// From entry to tip, mm.
    pub length_mm: f64,
    /// Who placed it last; a role or a pseudonym, never a patient's name.
    pub author: String,
    /// When it was last edited, by the injected clock.
    pub edited: jiff::Timestamp,
    /// How far a person stands behind it.
    pub state: ScrewState,
}

impl Screw {
    /// Where the screw ends, LPS mm.
    pub fn tip(&self) -> Point<Patient> {
        self.entry + self.axis * self.length_mm
    }
    /// Outer radius, mm.
    pub fn radius_mm(&self) -> f64 {
        self.diameter_mm / 2.0
    }
}
