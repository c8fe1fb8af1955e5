//! All screws of a case at once, planned by the program.
//!
//! In: a [`Spine`] and a [`Wish`]. Out: [`Planned`]: suggested screws, and a sentence for each
//! pedicle or ilium that got none. They are planned in parallel and come out in the order of the spine,
//! so the same case gives the same plan on any number of threads.

use super::judge::vertebra_of;
use super::spine::{Spine, VertebraModel};
use crate::anatomy::{Pedicle, VertebraAnatomy};
use crate::clearance::Field;
use crate::implant::Catalogue;
use crate::labels::Level;
use crate::plan::auto::{
    self, Allowed, Choices, Refusal, Rules, Score, Site, Style, Suggestion, construct,
};
use crate::plan::{Plan, Screw, ScrewState};
use crate::space::Side;
use crate::work::{Cancelled, Work, on_pool};
use jiff::Timestamp;
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Who the plan says made these screws.
pub const AUTHOR: &str = "corridor auto";

/// What is to be planned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// These levels; all that screws are planned at when empty.
    pub levels: Vec<Level>,
    /// In this style.
    pub style: Style,
    /// Beside them a screw from the sacrum into each ilium.
    pub iliac: bool,
    /// The lateral wall of narrow pedicles may be passed.
    pub in_out_in: bool,
    /// Each screw as is best for it alone, whatever that asks of the rods.
    pub each_alone: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The screws, cranial ones first, left before right.
    pub screws: Vec<(Screw, Suggestion)>,
    /// Why the others are missing.
    pub refusals: Vec<Refusal>,
}

/// Plans every wanted pedicle of a case on the core's own threads.
pub fn plan(
    spine: &Spine,
    wish: &Wish,
    rules: &Rules,
    catalogue: &Catalogue,
    now: Timestamp,
    work: &Work,
) -> Result<Planned, Cancelled> {
    let (vertebrae, mut refusals) = wanted(spine, wish, rules);
    let allowed = Allowed { catalogue, in_out_in: wish.in_out_in };
    let least_part = if wish.each_alone { 1.0 } else { construct::LEAST_PART };
    let sacrum = spine.vertebrae.iter().position(|v| v.level == Level::S1);
    let iliac = sacrum.filter(|_| wish.iliac && wish.style != Style::S2AlarIliac);
    let places: Vec<Place> = vertebrae
        .iter()
        .map(|&index| (index, wish.style))
        .chain(iliac.map(|index| (index, Style::S2AlarIliac)))
        .flat_map(|(index, style)| Side::BOTH.map(|side| Place { index, side, style }))
        .collect();
    let done = AtomicUsize::new(0);
    let answer = |&place: &Place| -> Result<Answer, Cancelled> {
        let found = site(spine, place)
            .and_then(|site| auto::choices(&site, place.style, rules, &allowed, least_part));
        let so_far = done.fetch_add(1, Ordering::Relaxed) + 1;
        work.step("planning screws", so_far as f32 / places.len() as f32)?;
        Ok(Answer { place, found })
    };
    let answers = on_pool(|| places.par_iter().map(answer).collect::<Result<Vec<_>, Cancelled>>())?;
    let mut screws: Vec<(Screw, Suggestion)> = Vec::new();
    for side in Side::BOTH {
        for (index, found) in lined_up(spine, &answers, side, rules, catalogue) {
            screws.push((screw(&spine.vertebrae[index], side, &found, now), found));
        }
    }
    screws.sort_by_key(|(screw, _)| (screw.site(), screw.side));
    if wish.iliac && sacrum.is_none() {
        refusals.push(Refusal::NoVertebra { level: Level::S1 });
    }
    refusals.extend(answers.into_iter().filter_map(|answer| answer.found.err()));
    Ok(Planned { screws, refusals: once_each(refusals) })
}

/// What the suggestions change in a plan: screws (as they are there) that go, and screws that come.
///
/// Earlier suggestions that nobody looked at go. Where a person has a screw, or has looked at one,
/// theirs stays and nothing is added.
pub fn changes(plan: &Plan, suggested: Vec<Screw>) -> (Vec<Screw>, Vec<Screw>) {
    let (gone, kept): (Vec<Screw>, Vec<Screw>) =
        plan.screws.iter().cloned().partition(|s| s.state == ScrewState::Suggested);
    let is_free = |new: &Screw| {
        let place = |s: &Screw| (s.vertebra, s.site(), s.side);
        kept.iter().all(|s| s.id != new.id && place(s) != place(new))
    };
    let come = suggested.into_iter().filter(is_free).collect();
    (gone, come)
}

/// What a screw of a plan would score if the program had suggested it on its own trajectory (straight
/// where nobody said which): why it is good, or is not. `None` where its vertebra, pedicle or canal is not known, or it runs beside the pedicle.
pub fn why(spine: &Spine, screw: &Screw, rules: &Rules, catalogue: &Catalogue) -> Option<Score> {
    let own = vertebra_of(spine, screw)?.id;
    let index = spine.vertebrae.iter().position(|v| v.id == own)?;
    let style = screw.style.planned().unwrap_or_default();
    let site = site(spine, Place { index, side: screw.side, style }).ok()?;
    let allowed = Allowed { catalogue, in_out_in: screw.in_out_in };
    auto::score_of(&site, style, rules, &allowed, &screw.shape())
}

/// Which vertebrae are planned, as places in the spine, and why others are not.
fn wanted(spine: &Spine, wish: &Wish, rules: &Rules) -> (Vec<usize>, Vec<Refusal>) {
    let mut refusals = Vec::new();
    let levels: Vec<Level> = if wish.levels.is_empty() {
        let is_iliac = wish.style == Style::S2AlarIliac;
        let planned =
            |level: &Level| rules.level(*level).is_some() && (!is_iliac || *level == Level::S1);
        spine.vertebrae.iter().map(|v| v.level).filter(planned).collect()
    } else {
        wish.levels.clone()
    };
    let mut vertebrae = Vec::new();
    for level in levels {
        match spine.vertebrae.iter().position(|v| v.level == level) {
            Some(index) => vertebrae.push(index),
            None => refusals.push(Refusal::NoVertebra { level }),
        }
    }
    vertebrae.sort_unstable();
    (vertebrae, refusals)
}

/// Where a screw is planned, and how.
#[derive(Clone, Copy)]
struct Place {
    /// Which vertebra of the spine.
    index: usize,
    side: Side,
    style: Style,
}

/// What came of one place.
struct Answer {
    place: Place,
    found: Result<Choices, Refusal>,
}

/// All that is known around a place; why nothing can be planned where there is nothing.
fn site(spine: &Spine, place: Place) -> Result<Site<'_, Field>, Refusal> {
    let vertebra = &spine.vertebrae[place.index];
    let (anatomy, bone) = match place.style {
        // A style at a level where it is none is refused by the planner.
        Style::S2AlarIliac if vertebra.level == Level::S1 => iliac_bone(spine, place.side)?,
        _ => (&vertebra.anatomy, &vertebra.field),
    };
    let [above, _] = spine.beside(place.index);
    let above = above.map(|v| &v.field);
    Ok(Site {
        level: vertebra.level,
        pedicle: pedicle(vertebra, anatomy, place.side)?,
        anatomy,
        bone,
        above,
        canal: vertebra.canal.as_ref(),
        ct: spine.ct.as_deref(),
    })
}

fn pedicle<'a>(
    vertebra: &VertebraModel,
    anatomy: &'a VertebraAnatomy,
    side: Side,
) -> Result<&'a Pedicle, Refusal> {
    let level = vertebra.level;
    let is_cut = vertebra.is_cut_off && anatomy.pedicles.is_empty();
    anatomy.pedicle(side).ok_or(match is_cut {
        true => Refusal::CutOff { level },
        false => Refusal::NoPedicle { level, side },
    })
}

/// Sacrum and ilium of a side, with the corridor between them.
fn iliac_bone(spine: &Spine, side: Side) -> Result<(&VertebraAnatomy, &Field), Refusal> {
    let bone = spine.pelvic_bone(side).ok_or(Refusal::NoIlium { side })?;
    bone.corridor().ok_or(match bone.ends.is_empty() {
        true => Refusal::NoCorridor { side },
        false => Refusal::IliumCutOff { side },
    })?;
    Ok((&bone.anatomy, &bone.field))
}

/// The screws of one side, lined up for a rod.
fn lined_up(
    spine: &Spine,
    answers: &[Answer],
    side: Side,
    rules: &Rules,
    catalogue: &Catalogue,
) -> Vec<(usize, Suggestion)> {
    let found: Vec<(Place, &Choices)> = answers
        .iter()
        .filter(|answer| answer.place.side == side)
        .filter_map(|answer| Some((answer.place, answer.found.as_ref().ok()?)))
        .collect();
    let choices: Vec<&Choices> = found.iter().map(|(_, choices)| *choices).collect();
    let taken = match catalogue.rods() {
        Ok(rods) => construct::line_up(&choices, rules, rods),
        Err(_) => vec![None; choices.len()],
    };
    let settled = found.into_iter().zip(taken).map(|((place, choices), taken)| {
        let choice = taken.and_then(|n| choices.others.get(n));
        let other = choice.and_then(|choice| {
            let site = site(spine, place).ok()?;
            auto::settle(&site, rules, choices, choice)
        });
        (place.index, other.unwrap_or_else(|| choices.best.clone()))
    });
    settled.collect()
}

/// A suggestion as a screw of a plan. Its id follows from vertebra, side and style.
fn screw(vertebra: &VertebraModel, side: Side, found: &Suggestion, now: Timestamp) -> Screw {
    Screw {
        id: found.style.screw_id(vertebra.id, side),
        vertebra: vertebra.id,
        level: vertebra.level,
        side,
        style: found.style.of_screw(),
        in_out_in: found.in_out_in,
        entry: found.shape.entry,
        axis: found.shape.axis,
        diameter_mm: found.shape.diameter_mm,
        length_mm: found.shape.length_mm,
        author: AUTHOR.to_owned(),
        edited: now,
        state: ScrewState::Suggested,
        unknown: serde_json::Map::new(),
    }
}

/// A refusal of a whole level is said once, not for each side.
fn once_each(refusals: Vec<Refusal>) -> Vec<Refusal> {
    let mut said: Vec<Refusal> = Vec::new();
    for refusal in refusals {
        if !said.contains(&refusal) {
            said.push(refusal);
        }
    }
    said
}
