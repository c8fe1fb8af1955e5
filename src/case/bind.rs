//! Screws whose vertebra no label of a case has, bound to the vertebra of their level.
//!
//! In: a plan made on other labels of the same CT, or written by hand, and the labels that it is
//! opened over. Out: the plan with those screws bound, so that from then on they go where their
//! vertebra goes when it is renamed.

use super::history::{Edit, History, Step};
use crate::labels::{LabelMap, LabelledVertebra, VertebraId};
use crate::plan::{Plan, Screw, file};
use std::collections::BTreeMap;

/// How far apart the places of an axis are at which the labels are asked, mm.
const STEP_MM: f64 = 0.5;

/// Binds every screw, of the plan and of its alternatives, whose vertebra these labels do not have.
/// Returns how many of them named another one: those of a plan that names levels alone do not count.
///
/// A screw stays as it is where no vertebra is called so or two are, where others call that vertebra
/// otherwise, and where the screw runs mostly in another one: there either name may be the wrong one,
/// and the checks tell.
pub(super) fn bind(plan: &mut Plan, labels: &LabelMap) -> usize {
    let own: Vec<Option<VertebraId>> = {
        let plan = &*plan;
        plan.all_screws().map(|screw| own_vertebra(plan, screw, labels)).collect()
    };
    let mut others = 0;
    for (screw, own) in plan.all_screws_mut().zip(own) {
        let Some(own) = own else { continue };
        others += usize::from(screw.vertebra != file::vertebra_by_name(screw.level));
        screw.vertebra = own;
    }
    others
}

/// The edits that can be done again, the next one first, with their screws bound.
pub(super) fn bound_ahead(history: &History, labels: &LabelMap) -> Vec<Edit> {
    let mut ahead = history.clone();
    let (mut ids, mut undone) = (BTreeMap::new(), Vec::new());
    loop {
        let mut bound = Plan::clone(ahead.plan());
        bind(&mut bound, labels);
        for (was, is) in ahead.plan().all_screws().zip(bound.all_screws()) {
            ids.entry(was.vertebra).or_insert(is.vertebra);
        }
        let next = ahead.next_redo().cloned();
        match next.filter(|_| ahead.take(Step::Redo).is_ok()) {
            Some(edit) => undone.push(edit),
            None => break,
        }
    }
    undone.iter().map_while(|edit| with_ids(edit, &ids)).collect()
}

/// An edit of the same screws in other vertebrae. Written as in the journal it keeps every bit, and a
/// vertebra's id stands for nothing else.
fn with_ids(edit: &Edit, ids: &BTreeMap<VertebraId, VertebraId>) -> Option<Edit> {
    let mut text = serde_json::to_string(edit).ok()?;
    for (was, is) in ids.iter().filter(|(was, is)| was != is) {
        text = text.replace(&was.to_string(), &is.to_string());
    }
    serde_json::from_str(&text).ok()
}

/// The vertebra that a screw is to be bound to; `None` where it stays as it is.
fn own_vertebra(plan: &Plan, screw: &Screw, labels: &LabelMap) -> Option<VertebraId> {
    if labels.vertebra(screw.vertebra).is_some() {
        return None;
    }
    let mut called = labels.vertebrae.iter().filter(|v| plan.level_of(v) == screw.level);
    let (own, other) = (called.next()?, called.next());
    let is_called_otherwise =
        || plan.all_screws().any(|s| s.vertebra == own.id && s.level != screw.level);
    let is_it = other.is_none() && !is_called_otherwise() && !runs_in_another(screw, own, labels);
    is_it.then_some(own.id)
}

/// Whether less than half of what a screw's axis meets of the vertebrae is this one.
fn runs_in_another(screw: &Screw, own: &LabelledVertebra, labels: &LabelMap) -> bool {
    let steps = (screw.length_mm / STEP_MM) as usize;
    let places = (0..=steps).map(|n| screw.entry + screw.axis * (n as f64 * STEP_MM));
    let values = places.filter_map(|place| labels.volume.nearest(place));
    let met: Vec<u16> =
        values.filter(|value| labels.vertebrae.iter().any(|v| v.value == *value)).collect();
    let in_own = met.iter().filter(|value| **value == own.value).count();
    2 * in_own < met.len()
}
