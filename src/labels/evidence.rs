//! Which numbering of labels the spine itself speaks for.
//!
//! In: size and place of every label. Out: the numberings that fit. One is out when its levels do
//! not follow each other down the body, or when its vertebrae stand further apart than vertebrae
//! of those levels do in anybody. Vertebrae that stand *closer* speak against nothing: they may be
//! a child's. Of those left, one that explains more of the values goes before one that explains
//! fewer, then one with fewer levels missing in the middle.

use super::Level;
use super::numbering::{Claims, Numbering, claims};
use super::stats::LabelStats;
use crate::space::{Patient, Point};
use std::collections::BTreeMap;

/// The numberings that fit equally well, and what spoke against the others.
pub(super) struct Verdict {
    pub(super) fitting: Vec<(Numbering, Claims)>,
    pub(super) objections: Vec<String>,
}

/// Weighs all numberings that go by value.
pub(super) fn weigh(found: &BTreeMap<u16, LabelStats>) -> Verdict {
    let (mut fitting, mut objections) = (Vec::new(), Vec::new());
    for numbering in Numbering::BY_VALUE {
        let claims = claims(found, |value| numbering.level(value));
        let fit = Fit::of(&claims, found);
        match fit.objection() {
            Some(objection) => objections.push(format!("by {numbering} {objection}")),
            None => fitting.push((numbering, claims, fit)),
        }
    }
    let most = fitting.iter().map(|(_, _, fit)| fit.explained).max();
    fitting.retain(|(_, _, fit)| Some(fit.explained) == most);
    let least = fitting.iter().map(|(_, _, fit)| fit.missing.len()).min();
    fitting.retain(|(_, _, fit)| Some(fit.missing.len()) == least);
    let fitting = fitting.into_iter().map(|(numbering, claims, _)| (numbering, claims)).collect();
    Verdict { fitting, objections }
}

/// How well a numbering fits the labels.
pub(super) struct Fit {
    /// How many values it takes for vertebrae.
    explained: usize,
    /// Levels without a label between levels that have one. T13 and L6, which few people have, are
    /// not missed.
    pub(super) missing: Vec<Level>,
    /// The first level that does not lie below the one above it.
    out_of_order: Option<Level>,
    /// Distance of neighbours over what is usual for them: the mean, and the largest.
    spread: Option<[f64; 2]>,
}

/// In nobody do vertebrae stand further apart than this times the table, on average; and one pair.
const WIDEST: [f64; 2] = [1.25, 2.0];

impl Fit {
    pub(super) fn of(claims: &Claims, found: &BTreeMap<u16, LabelStats>) -> Self {
        let missing = match (claims.keys().next(), claims.keys().next_back()) {
            (Some(first), Some(last)) => Level::all()
                .filter(|level| level > first && level < last && !level.is_rare())
                .filter(|level| !claims.contains_key(level))
                .collect(),
            _ => Vec::new(),
        };
        let places = places(claims, found);
        let falls = |pair: &[(Level, Point<Patient>)]| pair[0].1.vec().z > pair[1].1.vec().z;
        let out_of_order = places.windows(2).find(|pair| !falls(pair)).map(|pair| pair[1].0);
        let spreads: Vec<f64> = places
            .windows(2)
            .filter(|pair| pair[1].0 != Level::S1)
            .map(|pair| pair[0].1.distance(pair[1].1) / usual_mm(pair[0].0, pair[1].0))
            .collect();
        let spread = (!spreads.is_empty()).then(|| {
            let mean = spreads.iter().sum::<f64>() / spreads.len() as f64;
            [mean, spreads.iter().copied().fold(0.0, f64::max)]
        });
        Self { explained: claims.values().map(Vec::len).sum(), missing, out_of_order, spread }
    }
    /// What speaks against it, in words; nothing when it fits.
    pub(super) fn objection(&self) -> Option<String> {
        if self.explained == 0 {
            return Some("none of them is a vertebra".to_owned());
        }
        if let Some(level) = self.out_of_order {
            return Some(format!("{level} does not lie below the level above it"));
        }
        let [mean, largest] = self.spread?;
        (mean > WIDEST[0] || largest > WIDEST[1])
            .then(|| "they stand too far apart for vertebrae of those levels".to_owned())
    }
}

/// Where the levels lie, cranial ones first. A vertebra that the image cuts off has no true middle:
/// such ones are passed over where two whole ones remain.
fn places(claims: &Claims, found: &BTreeMap<u16, LabelStats>) -> Vec<(Level, Point<Patient>)> {
    let place = |(level, values): (&Level, &Vec<u16>)| {
        let parts = || values.iter().filter_map(|value| found.get(value));
        let voxels: f64 = parts().map(|stats| stats.voxels as f64).sum();
        let sum: glam::DVec3 = parts().map(|s| s.centroid.vec() * s.voxels as f64).sum();
        let is_whole = !parts().any(LabelStats::is_cut_off);
        (*level, Point::from_vec(sum / voxels.max(1.0)), is_whole)
    };
    let all: Vec<_> = claims.iter().map(place).collect();
    let wanted = |is_whole: bool| is_whole || all.iter().filter(|place| place.2).count() < 2;
    all.iter().filter(|(_, _, whole)| wanted(*whole)).map(|(level, at, _)| (*level, *at)).collect()
}

/// How far apart the centroids of two levels usually lie in an adult, mm.
fn usual_mm(upper: Level, lower: Level) -> f64 {
    let between = Level::all().filter(|l| *l >= upper && *l < lower);
    between.filter(|l| *l == upper || !l.is_rare()).map(below_mm).sum()
}

/// How far below a level's centroid the next one lies in an adult, mm: rounded means of five people
/// in open label maps (VerSe gl003 and 004, TotalSegmentator s0327, s0328 and its example case).
/// It only has to tell the neck from the chest and the chest from the loins.
fn below_mm(level: Level) -> f64 {
    match (level.region(), level.number()) {
        ('C', _) => 18.0,
        ('T', 1) => 22.5,
        ('T', 2..=8) => 24.7,
        ('T', 9) => 25.0,
        ('T', 10) => 28.0,
        ('T', 11) => 31.0,
        ('T', _) => 31.5,
        _ => 33.5,
    }
}
