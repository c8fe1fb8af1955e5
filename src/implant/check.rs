//! What a catalogue must hold before anything is chosen from it.
//!
//! In: a [`Catalogue`] as it was read. Out: the first fault: in which kind, in which field, and what
//! to do. The ranges are wider than any screw of the spine: what lies outside is a slip of the pen,
//! a centimetre or no number at all.

use super::catalogue::{Catalogue, Core, Kind, Use};
use std::ops::RangeInclusive;

/// Thread diameters, mm.
const DIAMETER_MM: RangeInclusive<f64> = 1.0..=20.0;
/// Lengths, mm.
const LENGTH_MM: RangeInclusive<f64> = 5.0..=200.0;
/// The core as a part of the thread.
const CORE_SHARE: RangeInclusive<f64> = 0.2..=0.99;
/// The thread's pitch, mm.
const PITCH_MM: RangeInclusive<f64> = 0.5..=10.0;
/// Radius of the head, mm.
const HEAD_RADIUS_MM: RangeInclusive<f64> = 2.0..=30.0;
/// From the entry to the head's top, mm: the head begins 2 mm behind the entry (`head_from_mm` of the
/// rules of planning), so what ends there is none.
const HEAD_HEIGHT_MM: RangeInclusive<f64> = 4.0..=30.0;
/// The tulip's swing, degrees.
const SWING_DEG: RangeInclusive<f64> = 0.0..=90.0;
/// The bore, mm.
const BORE_MM: RangeInclusive<f64> = 0.3..=10.0;

/// A field and what is wrong with it.
type Fault = (&'static str, String);

/// The first fault of a catalogue: its kind, where it is one's, its field, and what to do.
pub(super) fn fault(catalogue: &Catalogue) -> Option<(Option<&Kind>, &'static str, String)> {
    let own = |(field, what): Fault| (None, field, what);
    if let Err(fault) = named("id", &catalogue.id) {
        return Some(own(fault));
    }
    for (n, kind) in catalogue.kinds.iter().enumerate() {
        let is_known = catalogue.kinds[..n].iter().any(|other| other.id == kind.id);
        let twice = || ("id", "another kind has it too; give each its own".to_owned());
        let found = if is_known { Some(twice()) } else { sound(kind).err() };
        if let Some((field, what)) = found {
            return Some((Some(kind), field, what));
        }
    }
    let has_pedicle = catalogue.kinds.iter().any(|kind| kind.made_for == Use::Pedicle);
    let what = "no kind has use: pedicle; add one, nothing else stands in for it";
    (!has_pedicle).then(|| own(("kinds", what.to_owned())))
}

fn sound(kind: &Kind) -> Result<(), Fault> {
    named("id", &kind.id)?;
    sizes("diameters_mm", &kind.diameters_mm, DIAMETER_MM)?;
    sizes("lengths_mm", &kind.lengths_mm, LENGTH_MM)?;
    core(kind)?;
    within("pitch_mm", kind.pitch_mm, PITCH_MM)?;
    within("head_radius_mm", kind.head_radius_mm, HEAD_RADIUS_MM)?;
    within("head_height_mm", kind.head_height_mm, HEAD_HEIGHT_MM)?;
    within("tulip_swing_deg", kind.tulip_swing_deg, SWING_DEG)?;
    kind.cannulation_mm.map_or(Ok(()), |bore| cannulation(kind, bore))
}

fn named(field: &'static str, id: &str) -> Result<(), Fault> {
    match id.trim().is_empty() {
        true => Err((field, "it is empty; write a short name".to_owned())),
        false => Ok(()),
    }
}

fn within(field: &'static str, value: f64, range: RangeInclusive<f64>) -> Result<(), Fault> {
    let (low, high) = (range.start(), range.end());
    match range.contains(&value) {
        true => Ok(()),
        false => Err((field, format!("{value} is not between {low} and {high}; correct it"))),
    }
}

fn sizes(field: &'static str, list: &[f64], range: RangeInclusive<f64>) -> Result<(), Fault> {
    if list.is_empty() {
        return Err((field, "it holds no size; write at least one".to_owned()));
    }
    list.iter().try_for_each(|mm| within(field, *mm, range.clone()))?;
    match list.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => {
            let what = "write the sizes in ascending order, each once";
            Err((field, format!("{} stands before {}; {what}", pair[0], pair[1])))
        }
        None => Ok(()),
    }
}

fn core(kind: &Kind) -> Result<(), Fault> {
    let cores = match &kind.core {
        Core::Share(share) => return within("core", *share, CORE_SHARE),
        Core::DiametersMm(cores) => cores,
    };
    let (found, wanted) = (cores.len(), kind.diameters_mm.len());
    if found != wanted {
        let what = format!("{found} cores for {wanted} diameters; write one for each, in order");
        return Err(("core", what));
    }
    for (core, thread) in cores.iter().zip(&kind.diameters_mm) {
        if !(*core > 0.0 && core < thread) {
            let what = format!("a core of {core} mm in a thread of {thread} mm");
            return Err(("core", format!("{what}; write one above 0 and thinner than the thread")));
        }
    }
    Ok(())
}

fn cannulation(kind: &Kind, bore_mm: f64) -> Result<(), Fault> {
    let field = "cannulation_mm";
    within(field, bore_mm, BORE_MM)?;
    let cores = kind.diameters_mm.iter().map(|mm| kind.core_mm(*mm));
    let thinnest = cores.fold(f64::INFINITY, f64::min);
    if bore_mm < thinnest {
        return Ok(());
    }
    let what = format!("a bore of {bore_mm} mm leaves nothing of a core of {thinnest:.2} mm");
    Err((field, format!("{what}; write a smaller one, or leave it out")))
}
