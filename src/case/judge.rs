//! The screws of a plan against the spine they are in.

use super::spine::{Spine, VertebraModel};
use crate::clearance::grade::{BREACH_BOUNDS_MM, ENTRY_ZONE_MM};
use crate::clearance::{self, AssessError, Assessment};
use crate::plan::Screw;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Why a screw has no numbers.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unjudged {
    /// The case has no model of that vertebra.
    #[error("{screw} can not be judged: the case has no vertebra of that level, or it is cut off")]
    NoVertebra {
        /// Level, side and id.
        screw: String,
    },
    /// The screw itself is not sound.
    #[error("{screw} can not be judged: {source}")]
    Unsound {
        /// Level, side and id.
        screw: String,
        /// What is wrong with it.
        source: AssessError,
    },
}

/// The vertebra a screw is driven into: the one with its vertebra id, else (a plan written by hand
/// or on other labels) the one of its level.
pub fn vertebra_of<'s>(spine: &'s Spine, screw: &Screw) -> Option<&'s Arc<VertebraModel>> {
    spine.vertebra(screw.vertebra).or_else(|| spine.at_level(screw.level))
}

/// Judges one screw; well under a millisecond.
pub fn assess(spine: &Spine, screw: &Screw) -> Result<Assessment, Unjudged> {
    let vertebra =
        vertebra_of(spine, screw).ok_or_else(|| Unjudged::NoVertebra { screw: screw.name() })?;
    clearance::assess(&screw.shape(), &vertebra.field, &vertebra.anatomy)
        .map_err(|source| Unjudged::Unsound { screw: screw.name(), source })
}

/// Hash of every threshold that a letter depends on, so that a plan tells by what it was judged.
pub fn thresholds_hash() -> String {
    let text = format!("entry zone {ENTRY_ZONE_MM} mm; breach bounds {BREACH_BOUNDS_MM:?} mm");
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
