//! One placed screw, and what makes it a possible one.

use crate::clearance::ScrewShape;
use crate::implant::{Catalogue, Kind, Offer, ScrewSize, Use};
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
    /// Along the pedicle, by hand: at which angle it aims nobody said.
    #[default]
    Pedicle,
    /// Along the pedicle, parallel to the end plate.
    Straight,
    /// Along the pedicle as that runs.
    Anatomic,
    /// Cortical bone trajectory: from medial caudal to lateral cranial.
    Cortical,
    /// S1 through both cortices, towards the promontory.
    S1Bicortical,
    /// S2-alar-iliac: through sacrum and ilium together.
    S2AlarIliac,
}

impl From<ScrewStyle> for Use {
    fn from(style: ScrewStyle) -> Self {
        match style {
            ScrewStyle::Pedicle
            | ScrewStyle::Straight
            | ScrewStyle::Anatomic
            | ScrewStyle::S1Bicortical => Self::Pedicle,
            ScrewStyle::Cortical => Self::Cortical,
            ScrewStyle::S2AlarIliac => Self::Iliac,
        }
    }
}

/// Where along the spine a screw stands; in the order from the head down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScrewSite {
    /// At this level.
    Level(Level),
    /// In sacrum and ilium, below the sacrum's own screws.
    S2AlarIliac,
}

impl fmt::Display for ScrewSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level(level) => level.fmt(f),
            Self::S2AlarIliac => f.write_str("S2AI"),
        }
    }
}

/// One placed screw. The axis runs from `entry`, where it enters bone, to `tip`; the tip is always
/// entry plus length along the axis, so it is not stored twice.
///
/// Serialised so, every bit is kept: that is the journal's form. The plan file has its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// It was planned to pass the lateral wall of a pedicle that is narrower than itself.
    #[serde(default, skip_serializing_if = "is_false")]
    pub in_out_in: bool,
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
    /// Keys of its entry in the plan file that this program does not know; written back as read.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub unknown: serde_json::Map<String, serde_json::Value>,
}

/// What is not so is not written.
pub(super) fn is_false(value: &bool) -> bool {
    !value
}

/// Diameters that a screw can have, mm: a good deal beyond any catalogue.
pub const DIAMETER_MM: [u32; 2] = [1, 30];
/// Lengths that a screw can have, mm: a good deal beyond any catalogue.
pub const LENGTH_MM: [u32; 2] = [1, 300];
/// No coordinate of a patient's image is larger than this, m.
pub const MOST_PLACE_M: u32 = 100;

/// A screw that can not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScrewFault {
    /// A number is NaN or infinite.
    #[error("{screw}: its {what} is no finite number; place it again")]
    NotFinite {
        /// Level, side and id.
        screw: String,
        /// Which number.
        what: &'static str,
    },
    /// A size that no screw has: zero, negative, or absurdly large.
    #[error(
        "{screw}: its {what} must be {least_mm} to {most_mm} mm; choose a size from the catalogue"
    )]
    NoSize {
        /// Level, side and id.
        screw: String,
        /// Which size.
        what: &'static str,
        /// The least there is, mm.
        least_mm: u32,
        /// The most there is, mm.
        most_mm: u32,
    },
    /// It lies in no image.
    #[error(
        "{screw}: its entry lies more than {MOST_PLACE_M} m from where the image's coordinates \
         begin; place it again"
    )]
    NoPlace {
        /// Level, side and id.
        screw: String,
    },
    /// The axis has not length 1.
    #[error(
        "{screw}: its axis has no direction, as where entry and tip are one place; place it again"
    )]
    NoAxis {
        /// Level, side and id.
        screw: String,
    },
}

impl Screw {
    /// The author of what was placed by hand in this program.
    pub const BY_HAND: &str = "surgeon";

    /// This screw as a person left it, who found it `before`: whoever moves or resizes a suggestion
    /// has looked at it, and is its author.
    pub fn by_hand(self, before: &Self) -> Self {
        if self.state != ScrewState::Suggested || self.shape() == before.shape() {
            return self;
        }
        Self { state: ScrewState::Reviewed, author: Self::BY_HAND.to_owned(), ..self }
    }
    /// A screw of this shape along a pedicle, placed by a person, with an id of its own.
    pub fn placed(
        (vertebra, level): (VertebraId, Level),
        side: Side,
        shape: &ScrewShape,
        author: &str,
        edited: jiff::Timestamp,
    ) -> Self {
        Self {
            id: ScrewId::random(),
            vertebra,
            level,
            side,
            style: ScrewStyle::default(),
            in_out_in: false,
            entry: shape.entry,
            axis: shape.axis,
            diameter_mm: shape.diameter_mm,
            length_mm: shape.length_mm,
            author: author.to_owned(),
            edited,
            state: ScrewState::default(),
            unknown: serde_json::Map::new(),
        }
    }
    /// Level, side and the start of the id, as messages say it: `L4 left screw 1b4e28ba`.
    pub fn name(&self) -> String {
        let id = self.id.to_string();
        format!("{} screw {}", self.title(), id.split('-').next().unwrap_or(&id))
    }
    /// Level and side, as a person says it: `L4 left`, `S2AI left`.
    pub fn title(&self) -> String {
        format!("{} {}", self.site(), self.side)
    }
    /// Where along the spine it stands: its level, and the ilium below the sacrum's own screws.
    pub fn site(&self) -> ScrewSite {
        match self.style {
            ScrewStyle::S2AlarIliac => ScrewSite::S2AlarIliac,
            _ => ScrewSite::Level(self.level),
        }
    }
    /// What of a catalogue is on offer for it.
    pub fn offered<'a>(&self, catalogue: &'a Catalogue) -> Offer<'a> {
        catalogue.offer(self.style.into())
    }
    /// What kind of a catalogue's screws it is, or is nearest to.
    pub fn kind<'a>(&self, catalogue: &'a Catalogue) -> Option<&'a Kind> {
        catalogue.kind(self.style.into(), self.size())
    }
    /// Its size.
    pub fn size(&self) -> ScrewSize {
        ScrewSize { diameter_mm: self.diameter_mm, length_mm: self.length_mm }
    }
    /// Refuses what no screw can be: numbers that are not finite, sizes beyond [`DIAMETER_MM`] and
    /// [`LENGTH_MM`], places beyond [`MOST_PLACE_M`], an axis whose length is off 1 by more than 1e-6.
    pub fn check(&self) -> Result<(), ScrewFault> {
        let screw = || self.name();
        let finite = [
            ("entry", self.entry.is_finite()),
            ("axis", self.axis.is_finite()),
            ("diameter", self.diameter_mm.is_finite()),
            ("length", self.length_mm.is_finite()),
        ];
        if let Some((what, _)) = finite.into_iter().find(|(_, is_finite)| !is_finite) {
            return Err(ScrewFault::NotFinite { screw: screw(), what });
        }
        let sizes =
            [("diameter", self.diameter_mm, DIAMETER_MM), ("length", self.length_mm, LENGTH_MM)];
        for (what, mm, [least_mm, most_mm]) in sizes {
            if !(f64::from(least_mm)..=f64::from(most_mm)).contains(&mm) {
                return Err(ScrewFault::NoSize { screw: screw(), what, least_mm, most_mm });
            }
        }
        let most_mm = 1000.0 * f64::from(MOST_PLACE_M);
        if self.entry.to_array().iter().any(|mm| mm.abs() > most_mm) {
            return Err(ScrewFault::NoPlace { screw: screw() });
        }
        if (self.axis.length() - 1.0).abs() > 1e-6 {
            return Err(ScrewFault::NoAxis { screw: screw() });
        }
        Ok(())
    }
    /// What of it is judged.
    pub fn shape(&self) -> ScrewShape {
        ScrewShape {
            entry: self.entry,
            axis: self.axis,
            length_mm: self.length_mm,
            diameter_mm: self.diameter_mm,
        }
    }
    /// Where the screw ends, LPS mm.
    pub fn tip(&self) -> Point<Patient> {
        self.entry + self.axis * self.length_mm
    }
    /// Outer radius, mm.
    pub fn radius_mm(&self) -> f64 {
        self.diameter_mm / 2.0
    }
}
