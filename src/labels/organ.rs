//! What else than vertebrae a label map may name, that a screw must keep away from.
//!
//! In: the names that stand in a file, or the numbering of its values. Out: which value is which
//! [`Organ`]. Numbers are those of TotalSegmentator's class maps (version 1 has no cord).

use super::numbering::Numbering;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Something beside the spine that a screw must not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Organ {
    /// The spinal cord.
    Cord,
    /// Nerve roots.
    Roots,
    /// The aorta.
    Aorta,
    /// The lower vena cava.
    VenaCava,
    /// Arteries and veins to the legs, both sides.
    IliacVessels,
}

impl Organ {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Cord, Self::Roots, Self::Aorta, Self::VenaCava, Self::IliacVessels];

    /// What a name in a label file stands for: `spinal_cord`, `Aorta`, `iliac_vena_left`.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let words: Vec<&str> =
            name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
        let has = |word: &str| words.contains(&word);
        match () {
            () if has("cord") => Some(Self::Cord),
            () if has("root") || has("roots") => Some(Self::Roots),
            () if has("aorta") => Some(Self::Aorta),
            () if has("iliac") && ["artery", "vena", "vein"].into_iter().any(has) => {
                Some(Self::IliacVessels)
            }
            () if has("inferior") && has("vena") || has("ivc") => Some(Self::VenaCava),
            () => None,
        }
    }

    /// What a value of a numbering stands for.
    fn of_value(numbering: Numbering, value: u16) -> Option<Self> {
        match (numbering, value) {
            (Numbering::TotalSegV1, 7) | (Numbering::TotalSegV2, 52) => Some(Self::Aorta),
            (Numbering::TotalSegV1, 8) | (Numbering::TotalSegV2, 63) => Some(Self::VenaCava),
            (Numbering::TotalSegV2, 65..=68) => Some(Self::IliacVessels),
            (Numbering::TotalSegV2, 79) => Some(Self::Cord),
            _ => None,
        }
    }

    /// The values of each organ among `values`: by the names in the file where it has any, else by
    /// its numbering.
    pub fn find(
        values: impl IntoIterator<Item = u16>,
        names: &BTreeMap<u16, String>,
        numbering: Numbering,
    ) -> BTreeMap<Self, Vec<u16>> {
        let mut found = BTreeMap::<Self, Vec<u16>>::new();
        for value in values {
            let organ = match names.is_empty() {
                true => Self::of_value(numbering, value),
                false => names.get(&value).and_then(|name| Self::of_name(name)),
            };
            if let Some(organ) = organ {
                found.entry(organ).or_default().push(value);
            }
        }
        found
    }
}

impl fmt::Display for Organ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cord => "cord",
            Self::Roots => "roots",
            Self::Aorta => "aorta",
            Self::VenaCava => "vena cava",
            Self::IliacVessels => "iliac vessels",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organs_are_found_by_name_and_by_number() {
        let of = |name: &str| Organ::of_name(name);
        assert_eq!(of("spinal_cord"), Some(Organ::Cord));
        assert_eq!(of("Nerve root L5"), Some(Organ::Roots));
        assert_eq!(of("inferior_vena_cava"), Some(Organ::VenaCava));
        assert_eq!(of("iliac_vena_left"), Some(Organ::IliacVessels));
        assert_eq!([of("vertebrae_L4"), of("superior_vena_cava"), of("iliacus")], [None; 3]);
        let by_number = Organ::find([27, 52, 65, 66, 79], &BTreeMap::new(), Numbering::TotalSegV2);
        let wanted = [
            (Organ::Cord, vec![79]),
            (Organ::Aorta, vec![52]),
            (Organ::IliacVessels, vec![65, 66]),
        ];
        assert_eq!(by_number, wanted.into_iter().collect());
        let names = [(3, "aorta".to_owned())].into_iter().collect();
        assert_eq!(Organ::find([3, 52], &names, Numbering::TotalSegV2).len(), 1);
        // VerSe and our own labels number vertebrae alone.
        assert!(Organ::find([7, 8, 52], &BTreeMap::new(), Numbering::Verse).is_empty());
    }
}
