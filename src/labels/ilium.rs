//! The hip bones of a label map, by side.
//!
//! In: the names that stand in a file, or the numbering of its values. Out: [`Ilia`]. Numbers are
//! those of TotalSegmentator's class maps; VerSe numbers no hips, so that our own label maps, which
//! follow it, take TotalSegmentator's second edition's.

use super::numbering::Numbering;
use crate::space::Side;
use std::collections::BTreeMap;

/// The value of the left hip bone in label maps of ours.
pub const LEFT_VALUE: u16 = 77;
/// The value of the right hip bone in label maps of ours.
pub const RIGHT_VALUE: u16 = 78;

/// Which value of a label map is the hip bone of which side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ilia {
    left: Option<u16>,
    right: Option<u16>,
}

impl Ilia {
    /// What label maps of ours call them.
    pub const OURS: Self = Self { left: Some(LEFT_VALUE), right: Some(RIGHT_VALUE) };

    /// The value of one side; `None` where the labels have none.
    pub fn of(self, side: Side) -> Option<u16> {
        match side {
            Side::Left => self.left,
            Side::Right => self.right,
        }
    }
    /// The hip bones among `values`: by the names in the file where it has any, else by its
    /// numbering. The first of several values of one side is taken.
    pub fn find(
        values: impl IntoIterator<Item = u16>,
        names: &BTreeMap<u16, String>,
        numbering: Numbering,
    ) -> Self {
        let mut found = Self::default();
        for value in values {
            let side = match names.is_empty() {
                true => side_of_value(numbering, value),
                false => names.get(&value).and_then(|name| side_of_name(name)),
            };
            let slot = match side {
                Some(Side::Left) => &mut found.left,
                Some(Side::Right) => &mut found.right,
                None => continue,
            };
            slot.get_or_insert(value);
        }
        found
    }
}

/// `hip_left`, `Left ilium`, `iliac bone right`; none for what only lies beside one.
fn side_of_name(name: &str) -> Option<Side> {
    const BONES: [&str; 5] = ["hip", "ilium", "coxae", "innominate", "hemipelvis"];
    const BESIDE: [&str; 9] = [
        "joint",
        "muscle",
        "implant",
        "artery",
        "vein",
        "vena",
        "cartilage",
        "femur",
        "prosthesis",
    ];
    let name = name.to_ascii_lowercase();
    let words: Vec<&str> =
        name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let has = |word: &str| words.contains(&word);
    let is_bone = BONES.into_iter().any(has) || has("iliac") && has("bone");
    let sides =
        [("left", Side::Left), ("right", Side::Right)].map(|(word, s)| has(word).then_some(s));
    match sides {
        [Some(side), None] | [None, Some(side)] if is_bone && !BESIDE.into_iter().any(has) => {
            Some(side)
        }
        _ => None,
    }
}

fn side_of_value(numbering: Numbering, value: u16) -> Option<Side> {
    match (numbering, value) {
        (Numbering::TotalSegV1, 90) => Some(Side::Left),
        (Numbering::TotalSegV1, 91) => Some(Side::Right),
        (Numbering::TotalSegV2 | Numbering::Verse, LEFT_VALUE) => Some(Side::Left),
        (Numbering::TotalSegV2 | Numbering::Verse, RIGHT_VALUE) => Some(Side::Right),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hip_bones_are_found_by_name_and_by_number_each_on_its_side() {
        assert_eq!(side_of_name("hip_left"), Some(Side::Left));
        assert_eq!(side_of_name("Right ilium"), Some(Side::Right));
        assert_eq!(side_of_name("iliac bone left"), Some(Side::Left));
        for none in ["hip", "hip_left_right", "iliac_artery_left", "left hip joint", "femur_left"] {
            assert_eq!(side_of_name(none), None, "{none}");
        }
        let none = BTreeMap::new();
        let of = |numbering| Ilia::find([77, 78, 90, 91], &none, numbering);
        assert_eq!(of(Numbering::TotalSegV2), Ilia { left: Some(77), right: Some(78) });
        assert_eq!(of(Numbering::TotalSegV1), Ilia { left: Some(90), right: Some(91) });
        assert_eq!(of(Numbering::Verse), Ilia::OURS);
        // A file that names its values is believed, whatever numbers they have.
        let names = [(5, "hip_right".to_owned()), (77, "aorta".to_owned())].into_iter().collect();
        let named = Ilia::find([5, 77], &names, Numbering::TotalSegV2);
        assert_eq!((named.of(Side::Left), named.of(Side::Right)), (None, Some(5)));
    }
}
