//! Rods and benders on offer. In: a RON file. Out: [`Rods`], plain data, checked.

use serde::{Deserialize, Serialize};

/// A rod material and diameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RodKind {
    /// Who it is, e.g. `ti-5.5`.
    pub id: String,
    /// What a person reads.
    pub name: String,
    /// Diameter, mm.
    pub diameter_mm: f64,
    /// What stays of a bend: stays = factor * asked + offset.
    pub spring_factor: f64,
    /// The same rule's offset, degrees.
    pub spring_offset_deg: f64,
}

/// A tool that bends rods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bender {
    /// Who it is.
    pub id: String,
    /// What a person reads.
    pub name: String,
    /// Radius of its former, mm.
    pub former_radius_mm: f64,
    /// Straight rod that it must hold between two bends, mm.
    pub grip_mm: f64,
    /// Largest bend at once, degrees.
    pub most_bend_deg: f64,
    /// Feeds are told in steps of this, mm.
    pub feed_step_mm: f64,
    /// Angles are told in steps of this, degrees.
    pub angle_step_deg: f64,
}

/// Rods, benders, and how a rod should lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rods {
    /// Which edition of the file.
    pub version: u32,
    /// Rods on offer.
    pub rods: Vec<RodKind>,
    /// Benders on offer.
    pub benders: Vec<Bender>,
    /// No bend of the rod is sharper than this radius, mm.
    pub least_radius_mm: f64,
    /// How far the rod reaches past the end screws, mm.
    pub past_end_mm: f64,
    /// Bends against the sense of their neighbours sum to no more, degrees.
    pub most_counter_bend_deg: f64,
}

/// A file of rods that can not be used.
#[derive(Debug, thiserror::Error)]
pub enum RodsError {
    /// The text is no RON of this shape.
    #[error("the file of rods can not be read: {0}")]
    Syntax(#[from] ron::error::SpannedError),
    /// A number makes no sense.
    #[error("the file of rods is wrong at {0}: its numbers must be positive and finite")]
    Number(String),
}

impl Rods {
    /// Reads and checks a file.
    pub fn from_ron(text: &str) -> Result<Self, RodsError> {
        let rods: Self = ron::from_str(text)?;
        let positive = |mm: f64| mm.is_finite() && mm > 0.0;
        let sound_rod = |rod: &&RodKind| {
            !(positive(rod.diameter_mm)
                && positive(rod.spring_factor)
                && rod.spring_offset_deg.is_finite())
        };
        let sound_bender = |b: &&Bender| {
            let steps = [b.former_radius_mm, b.most_bend_deg, b.feed_step_mm, b.angle_step_deg];
            !steps.into_iter().all(positive) || !(b.grip_mm >= 0.0)
        };
        if let Some(rod) = rods.rods.iter().find(sound_rod) {
            return Err(RodsError::Number(rod.id.clone()));
        }
        if let Some(bender) = rods.benders.iter().find(sound_bender) {
            return Err(RodsError::Number(bender.id.clone()));
        }
        if !positive(rods.least_radius_mm) || !(rods.past_end_mm >= 0.0) {
            return Err(RodsError::Number("least_radius_mm or past_end_mm".to_owned()));
        }
        Ok(rods)
    }
    /// The rods and benders that the program carries in itself.
    pub fn builtin() -> Result<Self, RodsError> {
        Self::from_ron(include_str!("../../assets/implants/rods.ron"))
    }
    /// The rod of this id.
    pub fn rod(&self, id: &str) -> Option<&RodKind> {
        self.rods.iter().find(|rod| rod.id == id)
    }
    /// The bender of this id.
    pub fn bender(&self, id: &str) -> Option<&Bender> {
        self.benders.iter().find(|bender| bender.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_rods_are_whole_and_wrong_ones_are_named() {
        let rods = Rods::builtin().expect("our own file");
        assert!(rods.rod("ti-5.5").is_some() && rods.bender("hand").is_some());
        let text = include_str!("../../assets/implants/rods.ron");
        let wrong = text.replace("former_radius_mm: 25.0", "former_radius_mm: -1.0");
        let error = Rods::from_ron(&wrong).expect_err("no radius is negative");
        assert!(error.to_string().contains("hand"), "{error}");
    }
}
