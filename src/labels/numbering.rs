//! What the values of a label map mean.
//!
//! In: a label volume without meaning. Out: a [`LabelMap`], and which [`Numbering`] was taken.
//!
//! TotalSegmentator (both versions) and VerSe use the same values for different vertebrae. The
//! spine itself tells them apart ([`super::evidence`]); what stays open is refused, not guessed.

use super::evidence::{self, Fit};
use super::stats::{self, LabelStats};
use super::{LabelMap, LabelledVertebra, Level, Organ, VertebraId};
use crate::volume::Volume;
use std::collections::BTreeMap;
use std::fmt;

/// Which value stands for which vertebra.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// TotalSegmentator version 1: L5 is 18, C1 is 41, the sacrum 92.
    TotalSegV1,
    /// TotalSegmentator version 2: the sacrum is 25, S1 26, L5 27, C1 50.
    TotalSegV2,
    /// VerSe: C1 is 1, L5 is 24, the sacrum 26, T13 28.
    Verse,
    /// The file itself names its values.
    Names,
}

/// A label map with its vertebrae named.
#[derive(Clone, Debug)]
pub struct Named {
    /// The vertebrae and their voxels.
    pub labels: LabelMap,
    /// What the values were taken for.
    pub numbering: Numbering,
    /// What a person should know; whole sentences.
    pub notices: Vec<String>,
}

/// Labels whose meaning stays open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberingError {
    /// Every voxel is background.
    #[error("the label map is empty: no voxel has a label; choose another file")]
    Empty,
    /// No numbering finds vertebrae in their order.
    #[error(
        "no vertebra was found in the labels (values {values}): {why}; if they do hold vertebrae, \
         say how they are numbered with --numbering"
    )]
    NoVertebra {
        /// The values, first ones.
        values: String,
        /// What spoke against each numbering.
        why: String,
    },
    /// The file names its values, and none is a vertebra.
    #[error(
        "none of the labels is named as a vertebra (there are {names}): name them as L4 or \
         vertebrae_L4, or say how they are numbered with --numbering"
    )]
    OtherNames {
        /// The first names.
        names: String,
    },
    /// More than one numbering fits, or there is too little to judge by.
    #[error(
        "the labels (values {values}) may be {candidates}: nothing in them tells for sure; say \
         which it is with --numbering"
    )]
    Open {
        /// The values, first ones.
        values: String,
        /// The numberings that fit, each with the levels it would give.
        candidates: String,
    },
}

/// A vertebra claimed by a numbering: all values that make it up, the first of them its own.
pub(super) type Claims = BTreeMap<Level, Vec<u16>>;

impl Numbering {
    /// The numberings that go by value alone.
    pub(super) const BY_VALUE: [Self; 3] = [Self::TotalSegV2, Self::TotalSegV1, Self::Verse];

    /// The level that a value stands for; `None` for values that are no vertebra.
    pub fn level(self, value: u16) -> Option<Level> {
        match self {
            Self::TotalSegV1 if value == 92 => Some(Level::S1),
            Self::TotalSegV1 => counted_up_from_l5(value.checked_sub(18)?),
            Self::TotalSegV2 if value == 25 || value == 26 => Some(Level::S1),
            Self::TotalSegV2 => counted_up_from_l5(value.checked_sub(27)?),
            Self::Verse => verse(value),
            Self::Names => None,
        }
    }
}

impl fmt::Display for Numbering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TotalSegV1 => "TotalSegmentator v1 (totalseg-v1)",
            Self::TotalSegV2 => "TotalSegmentator v2 (totalseg-v2)",
            Self::Verse => "VerSe (verse)",
            Self::Names => "the names in the file",
        })
    }
}

/// TotalSegmentator's order: 0 is L5, 4 L1, 5 T12, 16 T1, 17 C7, 23 C1.
fn counted_up_from_l5(steps: u16) -> Option<Level> {
    let steps = u8::try_from(steps).ok()?;
    match steps {
        0..5 => Level::new('L', 5 - steps),
        5..17 => Level::new('T', 17 - steps),
        17..24 => Level::new('C', 24 - steps),
        _ => None,
    }
}

fn verse(value: u16) -> Option<Level> {
    let value = u8::try_from(value).ok()?;
    match value {
        1..=7 => Level::new('C', value),
        8..=19 => Level::new('T', value - 7),
        20..=25 => Level::new('L', value - 19),
        26 => Some(Level::S1),
        28 => Level::new('T', 13),
        _ => None,
    }
}

/// VerSe's number of a level, as label maps of ours are written: C1 is 1, L6 is 25, T13 is 28; the
/// sacrum is 26.
pub fn verse_value(level: Level) -> u16 {
    let number = u16::from(level.number());
    match level.region() {
        'C' => number,
        'T' if number == 13 => 28,
        'T' => 7 + number,
        'L' => 19 + number,
        _ => 26,
    }
}

/// Names the vertebrae of a label volume: by `wanted`, else by the names in the file where any of
/// them names a vertebra, else by the numbering that the spine itself shows.
///
/// Several values of one vertebra (body and arch, or TotalSegmentator's sacrum and S1) become one:
/// the alae then belong to the bone that S1 screws are planned in.
pub fn name_labels(
    volume: Volume<u16>,
    names: &BTreeMap<u16, String>,
    hash: &str,
    wanted: Option<Numbering>,
) -> Result<Named, NumberingError> {
    let found = stats::of(&volume);
    if found.is_empty() {
        return Err(NumberingError::Empty);
    }
    let by_name = claims(&found, |value| names.get(&value).and_then(|name| level_in(name)));
    let (numbering, claims, mut notices) = match wanted {
        Some(Numbering::Names) => asked(Numbering::Names, by_name, &found)?,
        Some(numbering) => {
            asked(numbering, claims(&found, |value| numbering.level(value)), &found)?
        }
        None if !by_name.is_empty() => asked(Numbering::Names, by_name, &found)?,
        None => {
            refuse_other_names(&found, names)?;
            by_the_spine(&found)?
        }
    };
    notices.push(format!("levels by {numbering}: {}", span(&claims)));
    Ok(Named { labels: labelled(volume, &found, &claims, hash), numbering, notices })
}

/// Values that all have names, none of them a vertebra's, are no vertebrae, whatever numbering they
/// happen to fit. Names that only count (`Segment_20`) say nothing.
fn refuse_other_names(
    found: &BTreeMap<u16, LabelStats>,
    names: &BTreeMap<u16, String>,
) -> Result<(), NumberingError> {
    const MOST: usize = 6;
    let counts_only = |name: &&String| {
        let name = name.to_ascii_lowercase();
        let rest = name.trim_start_matches("segment").trim_start_matches("label");
        rest.chars().all(|c| !c.is_alphabetic())
    };
    let told: Vec<&String> = found.keys().filter_map(|value| names.get(value)).collect();
    if told.len() < found.len() || told.iter().any(counts_only) {
        return Ok(());
    }
    let first = told.iter().take(MOST).map(|name| name.as_str()).collect::<Vec<_>>();
    Err(NumberingError::OtherNames { names: first.join(", ") })
}

/// The level in a name such as `vertebrae_L4`, `L4 arch`, `TH12` or `Sacrum`. None for a name with
/// two levels (a disc) and for what only lies beside a vertebra.
fn level_in(name: &str) -> Option<Level> {
    const BESIDE: [&str; 18] = [
        "disc", "disk", "ivd", "rib", "nerve", "root", "cord", "canal", "foramen", "screw", "rod",
        "cage", "muscle", "ligament", "vessel", "tumor", "tumour", "implant",
    ];
    let name = name.to_ascii_lowercase();
    let words = || name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    let is_beside = |word: &str| BESIDE.contains(&word.strip_suffix('s').unwrap_or(word));
    if Organ::of_name(&name).is_some() || words().any(is_beside) {
        return None;
    }
    let mut levels = words().filter_map(|word| {
        let word = word.trim_start_matches("vertebrae").trim_start_matches("vertebra");
        match word.strip_prefix("th") {
            Some(number) => format!("T{number}").parse().ok(),
            None if word == "sacrum" => Some(Level::S1),
            None => word.parse().ok(),
        }
    });
    let first = levels.next()?;
    levels.all(|other| other == first).then_some(first)
}

/// Which values make up each level.
pub(super) fn claims(
    found: &BTreeMap<u16, LabelStats>,
    level: impl Fn(u16) -> Option<Level>,
) -> Claims {
    let mut claims = Claims::new();
    for value in found.keys() {
        if let Some(level) = level(*value) {
            claims.entry(level).or_default().push(*value);
        }
    }
    claims
}

type Taken = (Numbering, Claims, Vec<String>);

/// A numbering that the user or the file named; odd order is then said, not refused.
fn asked(
    numbering: Numbering,
    claims: Claims,
    found: &BTreeMap<u16, LabelStats>,
) -> Result<Taken, NumberingError> {
    if claims.is_empty() {
        let why = format!("none of them is a vertebra by {numbering}");
        return Err(NumberingError::NoVertebra { values: first_values(found), why });
    }
    let odd = Fit::of(&claims, found).objection();
    let notices = odd.map(|odd| format!("by {numbering} {odd}: check the levels"));
    Ok((numbering, claims, notices.into_iter().collect()))
}

/// The one numbering that the spine itself shows.
fn by_the_spine(found: &BTreeMap<u16, LabelStats>) -> Result<Taken, NumberingError> {
    let verdict = evidence::weigh(found);
    let mut fitting = verdict.fitting;
    let is_open = fitting.len() > 1 || fitting.first().is_some_and(|(_, c)| c.len() < 2);
    if is_open {
        let candidates = fitting.iter().map(|(n, claims)| format!("{n}: {}", span(claims)));
        let candidates = candidates.collect::<Vec<_>>().join(", or ");
        return Err(NumberingError::Open { values: first_values(found), candidates });
    }
    let Some((numbering, claims)) = fitting.pop() else {
        let why = verdict.objections.join("; ");
        return Err(NumberingError::NoVertebra { values: first_values(found), why });
    };
    let missing = Fit::of(&claims, found).missing;
    let notice = (!missing.is_empty()).then(|| {
        let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
        format!("no label for {} in the middle of the spine", missing.join(", "))
    });
    Ok((numbering, claims, notice.into_iter().collect()))
}

/// `L1 to L5`.
fn span(claims: &Claims) -> String {
    match (claims.keys().next(), claims.keys().next_back()) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
        (Some(only), _) => only.to_string(),
        _ => "nothing".to_owned(),
    }
}

/// The first values, for a message.
fn first_values(found: &BTreeMap<u16, LabelStats>) -> String {
    const MOST: usize = 12;
    let mut text: Vec<_> = found.keys().take(MOST).map(ToString::to_string).collect();
    if found.len() > MOST {
        text.push("...".to_owned());
    }
    text.join(", ")
}

/// The vertebrae with one value each; the further values of a vertebra are rewritten to its own.
fn labelled(
    mut volume: Volume<u16>,
    found: &BTreeMap<u16, LabelStats>,
    claims: &Claims,
    hash: &str,
) -> LabelMap {
    let mut own_value = BTreeMap::new();
    let mut vertebrae = Vec::new();
    for (level, values) in claims {
        let Some(own) = values.last().copied() else { continue };
        let is_cut_off = values.iter().any(|v| found.get(v).is_some_and(LabelStats::is_cut_off));
        own_value.extend(values.iter().filter(|v| **v != own).map(|v| (*v, own)));
        vertebrae.push(LabelledVertebra {
            id: VertebraId::of_label(hash, own),
            level: *level,
            value: own,
            is_cut_off,
        });
    }
    if !own_value.is_empty() {
        volume.data_mut().par_mapv_inplace(|v| own_value.get(&v).copied().unwrap_or(v));
    }
    LabelMap { volume, vertebrae }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_reads_back_from_the_number_it_is_written_with() {
        let numbers = (1..=28).filter_map(|value| Some((value, verse(value)?)));
        let read: Vec<_> = numbers.collect();
        assert_eq!(read.len(), 27);
        assert!(read.iter().all(|(value, level)| verse_value(*level) == *value));
    }

    #[test]
    fn every_numbering_counts_as_its_makers_do() {
        let name = |n: Numbering, value| n.level(value).map(|l| l.to_string());
        let is = |text: &str| Some(text.to_owned());
        let v1 = [(17, None), (18, is("L5")), (22, is("L1")), (23, is("T12")), (34, is("T1"))];
        let v1_rest = [(35, is("C7")), (41, is("C1")), (42, None), (92, is("S1"))];
        for (value, want) in v1.into_iter().chain(v1_rest) {
            assert_eq!(name(Numbering::TotalSegV1, value), want, "v1 {value}");
        }
        let v2 = [(24, None), (25, is("S1")), (26, is("S1")), (27, is("L5")), (31, is("L1"))];
        let v2_rest = [(32, is("T12")), (43, is("T1")), (44, is("C7")), (50, is("C1")), (51, None)];
        for (value, want) in v2.into_iter().chain(v2_rest) {
            assert_eq!(name(Numbering::TotalSegV2, value), want, "v2 {value}");
        }
        let verse = [(0, None), (1, is("C1")), (7, is("C7")), (8, is("T1")), (19, is("T12"))];
        let verse_rest = [
            (20, is("L1")),
            (25, is("L6")),
            (26, is("S1")),
            (27, None),
            (28, is("T13")),
            (29, None),
        ];
        for (value, want) in verse.into_iter().chain(verse_rest) {
            assert_eq!(name(Numbering::Verse, value), want, "VerSe {value}");
        }
    }

    #[test]
    fn names_of_vertebrae_are_told_from_names_of_what_lies_beside() {
        let is = [
            ("vertebrae_L4", "L4"),
            ("L4", "L4"),
            ("l4 arch", "L4"),
            ("Sacrum", "S1"),
            ("TH12", "T12"),
            ("vertebrae_S1", "S1"),
            ("VertebraT7", "T7"),
            ("L5 vertebra L5", "L5"),
            ("C 1 / C2", "C2"),
            ("L4 processes", "L4"),
        ];
        for (name, level) in is {
            assert_eq!(level_in(name), level.parse().ok(), "{name}");
        }
        for name in ["disc_L4_L5", "L4-L5", "rib_left_1", "L4 nerve root", "aorta", "", "L4 screw"]
        {
            assert_eq!(level_in(name), None, "{name}");
        }
        let beside = ["roots", "screws", "Rods", "cages", "discs", "disks", "ribs", "nerves"];
        let others = ["muscles", "ligament", "ligaments", "tumor", "tumour", "implants", "aorta"];
        for word in beside.into_iter().chain(others) {
            let name = format!("L4_{word}");
            assert_eq!(level_in(&name), None, "{name}");
        }
    }
}
