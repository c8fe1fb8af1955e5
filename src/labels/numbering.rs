//! What the values of a label map mean.
//!
//! In: a label volume without meaning. Out: a [`LabelMap`], and which [`Numbering`] was taken.
//!
//! TotalSegmentator (both versions) and VerSe use the same values for different vertebrae. They are
//! told apart by the spine itself: a numbering that puts the levels out of order along the body is
//! out; of the rest, one that explains more of the values wins; then one whose levels stand as far
//! apart as vertebrae of those levels do. What stays open after that is refused, not guessed.

use super::stats::{self, LabelStats};
use super::{LabelMap, LabelledVertebra, Level, VertebraId};
use crate::space::{Letter, Patient, Point};
use crate::volume::Volume;
use glam::DVec3;
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
        "no vertebra was found in the labels (values {values}): neither TotalSegmentator nor VerSe \
         numbers them so; if one of them does, say which with --numbering"
    )]
    NoVertebra {
        /// The values, first ones.
        values: String,
    },
    /// More than one numbering fits.
    #[error(
        "the labels (values {values}) may be {candidates}: nothing in them tells which; say \
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
type Claims = BTreeMap<Level, Vec<u16>>;

impl Numbering {
    /// The numberings that go by value alone.
    const BY_VALUE: [Self; 3] = [Self::TotalSegV2, Self::TotalSegV1, Self::Verse];

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

/// Names the vertebrae of a label volume: by the names in the file where it has any that name a
/// level, else by `wanted`, else by the numbering that the spine itself shows.
///
/// Several values of one vertebra (body and arch, sacrum and S1) become one.
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
        Some(numbering) => asked(numbering, &found)?,
        None if !by_name.is_empty() => (Numbering::Names, by_name, Vec::new()),
        None => by_the_spine(&found)?,
    };
    notices.push(format!("levels by {numbering}: {}", span(&claims)));
    Ok(Named { labels: labelled(volume, &found, &claims, hash), numbering, notices })
}

/// The level in a name such as `vertebrae_L4`, `L4 arch` or `Sacrum`.
fn level_in(name: &str) -> Option<Level> {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let mut words = words.filter(|word| !word.is_empty());
    words.find_map(|word| {
        let is_sacrum = word.eq_ignore_ascii_case("sacrum");
        if is_sacrum { Some(Level::S1) } else { word.parse().ok() }
    })
}

fn claims(found: &BTreeMap<u16, LabelStats>, level: impl Fn(u16) -> Option<Level>) -> Claims {
    let mut claims = Claims::new();
    for value in found.keys() {
        if let Some(level) = level(*value) {
            claims.entry(level).or_default().push(*value);
        }
    }
    claims
}

type Taken = (Numbering, Claims, Vec<String>);

/// The numbering that the user named; odd order is then said, not refused.
fn asked(numbering: Numbering, found: &BTreeMap<u16, LabelStats>) -> Result<Taken, NumberingError> {
    let claims = claims(found, |value| numbering.level(value));
    if claims.is_empty() {
        return Err(NumberingError::NoVertebra { values: first_values(found) });
    }
    let odd = "the levels do not follow each other along the spine in this numbering: check it";
    let notices = if is_in_order(&claims, found) { Vec::new() } else { vec![odd.to_owned()] };
    Ok((numbering, claims, notices))
}

/// The one numbering that the spine itself shows.
fn by_the_spine(found: &BTreeMap<u16, LabelStats>) -> Result<Taken, NumberingError> {
    let mut fitting: Vec<(Numbering, Claims)> = Numbering::BY_VALUE
        .into_iter()
        .map(|numbering| (numbering, claims(found, |value| numbering.level(value))))
        .filter(|(_, claims)| !claims.is_empty() && is_in_order(claims, found))
        .collect();
    let explained = |claims: &Claims| claims.values().map(Vec::len).sum::<usize>();
    let most = fitting.iter().map(|(_, claims)| explained(claims)).max().unwrap_or(0);
    fitting.retain(|(_, claims)| explained(claims) == most);
    let misfits: Vec<f64> = fitting.iter().map(|(_, c)| spacing_misfit(c, found)).collect();
    let best = misfits.iter().copied().fold(f64::INFINITY, f64::min);
    let mut keep = misfits.iter().map(|misfit| *misfit <= best + LEAST_MISFIT_GAP);
    fitting.retain(|_| keep.next().unwrap_or(false));
    match fitting.len() {
        0 => Err(NumberingError::NoVertebra { values: first_values(found) }),
        1 => fitting
            .pop()
            .map(|(numbering, claims)| (numbering, claims, Vec::new()))
            .ok_or(NumberingError::Empty),
        _ => Err(NumberingError::Open {
            values: first_values(found),
            candidates: fitting
                .iter()
                .map(|(numbering, claims)| format!("{numbering}: {}", span(claims)))
                .collect::<Vec<_>>()
                .join(", or "),
        }),
    }
}

/// Whether each level lies below the one above it, and none is missing in between. (T13 and L6 may
/// be missing: few people have them.)
fn is_in_order(claims: &Claims, found: &BTreeMap<u16, LabelStats>) -> bool {
    let places = places(claims, found);
    let falls = places.windows(2).all(|pair| (pair[0].1 - pair[1].1).dot(Letter::S.dir()) > 0.0);
    let first_and_last = places.first().zip(places.last());
    let is_whole = first_and_last.is_some_and(|((first, _), (last, _))| {
        let rare = |level: &Level| level.to_string() == "T13" || level.to_string() == "L6";
        let between = Level::all().filter(|level| level > first && level < last);
        between.filter(|level| !rare(level)).all(|level| claims.contains_key(&level))
    });
    falls && is_whole
}

/// The centroid of each level, cranial levels first.
fn places(claims: &Claims, found: &BTreeMap<u16, LabelStats>) -> Vec<(Level, Point<Patient>)> {
    let place = |values: &Vec<u16>| {
        let parts = values.iter().filter_map(|value| found.get(value));
        let (sum, voxels) = parts.fold((DVec3::ZERO, 0.0), |(sum, voxels), stats| {
            let n = stats.voxels as f64;
            (sum + stats.centroid.vec() * n, voxels + n)
        });
        Point::from_vec(sum / voxels)
    };
    claims.iter().map(|(level, values)| (*level, place(values))).collect()
}

/// Numberings whose misfit is within this of the best one's can not be told apart: the spread of
/// one person's spacings about the table, as a logarithm (0.2 is a fifth of a vertebra's height).
const LEAST_MISFIT_GAP: f64 = 0.2;

/// How far the distances between neighbouring centroids are from those of an adult, as the mean
/// absolute logarithm of their ratio; 0 for a single vertebra, of which nothing can be said.
fn spacing_misfit(claims: &Claims, found: &BTreeMap<u16, LabelStats>) -> f64 {
    let places = places(claims, found);
    let pairs = places.windows(2).filter(|pair| pair[1].0 != Level::S1);
    let misfit = |[upper, lower]: [&(Level, Point<Patient>); 2]| {
        (upper.1.distance(lower.1) / spacing_mm(upper.0)).ln().abs()
    };
    let misfits: Vec<f64> = pairs.map(|pair| misfit([&pair[0], &pair[1]])).collect();
    if misfits.is_empty() { 0.0 } else { misfits.iter().sum::<f64>() / misfits.len() as f64 }
}

/// About how far below a level's centroid the next one lies in an adult, mm. Provisional (general
/// knowledge); it only has to tell the neck from the loins.
fn spacing_mm(level: Level) -> f64 {
    let number = f64::from(level.number());
    match level.region() {
        'C' => 17.0,
        'T' => 18.0 + 0.8 * number,
        _ => 33.0 + 0.8 * number,
    }
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
