//! The label array and what each label stands for.

use super::Level;
use crate::volume::Volume;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// Who a vertebra is, whatever it is called: stays the same when its level is renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VertebraId(Uuid);

impl VertebraId {
    /// The id of the vertebra that carries `value` in the label map with content hash
    /// `labels_hash`: the same labels give the same ids in every session.
    pub fn of_label(labels_hash: &str, value: u16) -> Self {
        Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{labels_hash}/{value}").as_bytes()))
    }
}

impl fmt::Display for VertebraId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How the patient lay or stood when the image was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Posture {
    /// On the back, as in nearly every CT.
    #[default]
    Supine,
    /// On the belly.
    Prone,
    /// Upright.
    Standing,
}

impl fmt::Display for Posture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Supine => "lying on the back",
            Self::Prone => "lying on the belly",
            Self::Standing => "standing",
        })
    }
}

/// How the patient lay in the scanner, as an image file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lying {
    /// On the back.
    Back,
    /// On the belly.
    Belly,
    /// On the left or the right side: no [`Posture`] that spines are measured in.
    Side,
}

impl Lying {
    /// What DICOM's Patient Position says; `None` for a word that it does not have for a patient who
    /// lies along the table.
    pub fn of_dicom(position: &str) -> Option<Self> {
        match position {
            "HFS" | "FFS" => Some(Self::Back),
            "HFP" | "FFP" => Some(Self::Belly),
            "HFDL" | "HFDR" | "FFDL" | "FFDR" => Some(Self::Side),
            _ => None,
        }
    }
    /// The posture that this is; `None` on the side.
    pub fn posture(self) -> Option<Posture> {
        match self {
            Self::Back => Some(Posture::Supine),
            Self::Belly => Some(Posture::Prone),
            Self::Side => None,
        }
    }
}

impl fmt::Display for Lying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.posture() {
            Some(posture) => posture.fmt(f),
            None => f.write_str("lying on the side"),
        }
    }
}

/// One vertebra of a label map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelledVertebra {
    /// Stays when the level is renamed.
    pub id: VertebraId,
    /// What it is called now.
    pub level: Level,
    /// Its value in the label array.
    pub value: u16,
    /// True when the image or the label map ends inside it (see
    /// [`super::stats::LabelStats::is_cut_off`]).
    pub is_cut_off: bool,
}

/// A label volume and its vertebrae, cranial ones first. Voxels of value 0 are background; values
/// that no vertebra claims are other structures and stay as they are.
#[derive(Clone, Debug)]
pub struct LabelMap {
    /// The label of every voxel.
    pub volume: Volume<u16>,
    /// The vertebrae, cranial ones first; no two with one id or one value.
    pub vertebrae: Vec<LabelledVertebra>,
}

impl LabelMap {
    /// The vertebra with this id.
    pub fn vertebra(&self, id: VertebraId) -> Option<&LabelledVertebra> {
        self.vertebrae.iter().find(|v| v.id == id)
    }
    /// The vertebra called so; the most cranial one where two are.
    pub fn at_level(&self, level: Level) -> Option<&LabelledVertebra> {
        self.vertebrae.iter().find(|v| v.level == level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_of_dicom_for_who_lies_along_the_table_are_known_and_no_others() {
        let told = |words: &[&str]| -> Vec<_> {
            words.iter().map(|word| Lying::of_dicom(word).and_then(Lying::posture)).collect()
        };
        assert_eq!(told(&["HFS", "FFS"]), [Some(Posture::Supine); 2]);
        assert_eq!(told(&["HFP", "FFP"]), [Some(Posture::Prone); 2]);
        for word in ["HFDL", "HFDR", "FFDL", "FFDR"] {
            assert_eq!(Lying::of_dicom(word), Some(Lying::Side), "{word}");
        }
        for word in ["", "hfs", "LFS", "HFX", "SUPINE"] {
            assert_eq!(Lying::of_dicom(word), None, "{word}");
        }
    }
}
