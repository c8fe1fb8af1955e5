//! Everything that is said of the one screw that is worked on: its full answer at every move, why
//! it scores as it does as soon as it rests.

use super::history::{Document, Draft, ShownCatalogue, ShownPlan};
use super::jobs::ActiveCase;
use super::mending::Mending;
use super::schedule::FrameSystems;
use super::selection::Selection;
use crate::anatomy::density;
use crate::case::judge::{self, Answer};
use crate::case::measures::{self, PathDensity};
use crate::case::spine::Spine;
use crate::case::suggest;
use crate::plan::auto::{Rules, Score};
use crate::plan::{Plan, Screw};
use crate::work::Later;
use bevy::prelude::*;
use std::sync::Arc;

/// The screw that is moved or chosen, and all that is known of it.
#[derive(Resource, Default)]
pub struct Closeup {
    /// As it is seen; `None` while none is chosen.
    pub screw: Option<Screw>,
    /// Grade, band, surroundings; `None` where it can not be judged, and while bones that it is judged by
    /// follow their labels.
    pub answer: Option<Answer>,
    /// Mean HU across the screw over the depth in mm; empty without a CT.
    pub hu_along: Vec<[f64; 2]>,
    /// The whole path as one density, with the rules that it falls under.
    pub path: Option<PathDensity>,
    why: Option<Why>,
}

struct Why {
    screw: Screw,
    later: Later<Option<Score>>,
    score: Option<Score>,
}

impl Closeup {
    /// Why the screw is good, or is not, term by term; `None` while it moves or where nothing says.
    pub fn why(&self) -> Option<&Score> {
        let why = self.why.as_ref().filter(|why| Some(&why.screw) == self.screw.as_ref())?;
        why.score.as_ref()
    }
}

/// Adds the closeup.
pub fn plugin(app: &mut App) {
    app.init_resource::<Closeup>().add_systems(
        Update,
        (look, ask_why).chain().after(super::history::show_plan).in_set(FrameSystems::Judge),
    );
}

fn look(
    case: Option<Res<ActiveCase>>,
    plan: Res<ShownPlan>,
    (catalogue, mending): (Res<ShownCatalogue>, Res<Mending>),
    (draft, selection): (Res<Draft>, Res<Selection>),
    mut closeup: ResMut<Closeup>,
) {
    let (Some(case), Some(catalogue)) = (case, &catalogue.0) else { return };
    let edited = draft.0.as_ref().map(|draft| &draft.screw);
    let chosen = selection.screw.and_then(|id| plan.0.screw(id));
    let now = edited.or(chosen);
    let is_as_before = !plan.is_changed() && !case.is_changed() && !mending.is_changed();
    if closeup.screw.as_ref() == now && is_as_before {
        return;
    }
    let now = now.cloned();
    let answer = |screw: &Screw| judge::answer(&case.spine, &plan.0, screw, catalogue).ok();
    let can_be_judged = |screw: &&Screw| !mending.is_pending_around(screw);
    closeup.answer = now.as_ref().filter(can_be_judged).and_then(answer);
    (closeup.hu_along, closeup.path) = match &now {
        Some(screw) => densities(&case.spine, screw),
        None => (Vec::new(), None),
    };
    closeup.screw = now;
}

/// HU over the depth, and of the whole path, over the screw's own thickness.
fn densities(spine: &Spine, screw: &Screw) -> (Vec<[f64; 2]>, Option<PathDensity>) {
    let Some(ct) = spine.ct.as_deref() else { return (Vec::new(), None) };
    let (from, to, radius) = (screw.entry, screw.tip(), screw.radius_mm());
    (density::along(ct, from, to, radius), measures::along(spine, screw))
}

/// A screw that rests is scored beside the frames, unless bone that it stands in or beside is pending.
fn ask_why(
    case: Option<Res<ActiveCase>>,
    document: Option<Res<Document>>,
    (draft, mending): (Res<Draft>, Res<Mending>),
    mut closeup: ResMut<Closeup>,
) {
    let (Some(case), Some(document)) = (case, document) else { return };
    if closeup.screw.as_ref().is_some_and(|screw| mending.is_pending_around(screw)) {
        if closeup.why.is_some() {
            closeup.why = None;
        }
        return;
    }
    if let Some(why) = closeup.bypass_change_detection().why.as_mut()
        && let Some(score) = why.later.take()
    {
        why.score = score;
        closeup.set_changed();
    }
    let Some(screw) = closeup.screw.clone().filter(|_| draft.0.is_none()) else { return };
    let is_asked = closeup.why.as_ref().is_some_and(|why| why.screw == screw);
    if is_asked && !case.is_changed() {
        return;
    }
    let Ok(rules) = Rules::builtin() else { return };
    let (spine, plan, one) = (case.spine.clone(), document.plan().clone(), screw.clone());
    let catalogue = Arc::clone(document.catalogue());
    let later = Later::soon(move || {
        let spine = around(&spine, &plan);
        suggest::why(&spine, &one, &rules, &catalogue)
    });
    closeup.why = Some(Why { screw, later, score: None });
}

/// The spine as the plan calls it; the same one where nothing was renamed.
fn around(spine: &Arc<Spine>, plan: &Plan) -> Arc<Spine> {
    if plan.renamed.is_empty() { Arc::clone(spine) } else { Arc::new(spine.named_by(plan)) }
}
