//! The clearance of every screw of the plan, kept up to the document's revision.
//!
//! In: the document and the case. Out: [`Judgements`]; a panel asks it and shows "pending" while a
//! number is older than what is seen.

use super::history::ShownPlan;
use super::jobs::ActiveCase;
use super::mending::Mending;
use super::schedule::FrameSystems;
use crate::case::judge;
use crate::clearance::Assessment;
use crate::plan::{Screw, ScrewId};
use bevy::platform::collections::HashMap;
use bevy::prelude::*;

/// The newest numbers of each screw.
#[derive(Resource, Default)]
pub struct Judgements {
    by_screw: HashMap<ScrewId, Judged>,
}

struct Judged {
    screw: Screw,
    assessment: Option<Assessment>,
}

impl Judgements {
    /// The numbers of a screw as it stands now; `None` while they are pending, or when its
    /// vertebra is not part of the case.
    pub fn of(&self, screw: &Screw) -> Option<&Assessment> {
        let judged = self.by_screw.get(&screw.id)?;
        if judged.screw == *screw { judged.assessment.as_ref() } else { None }
    }
}

/// Adds the judging of the plan.
pub fn plugin(app: &mut App) {
    app.init_resource::<Judgements>().add_systems(
        Update,
        judge_changed.after(super::history::show_plan).in_set(FrameSystems::Judge),
    );
}

fn judge_changed(
    plan: Res<ShownPlan>,
    case: Option<Res<ActiveCase>>,
    mending: Res<Mending>,
    mut judgements: ResMut<Judgements>,
) {
    let Some(case) = case else { return };
    if !plan.is_changed() && !case.is_changed() && !mending.is_changed() {
        return;
    }
    if case.is_changed() {
        judgements.by_screw.clear();
    }
    let screws = &plan.0.screws;
    // A number of a surface that is being made anew is none.
    let can_be_judged = |screw: &&Screw| !mending.is_pending_for(screw);
    judgements
        .by_screw
        .retain(|id, _| screws.iter().filter(can_be_judged).any(|screw| screw.id == *id));
    for screw in screws.iter().filter(can_be_judged) {
        let is_known = judgements.by_screw.get(&screw.id).is_some_and(|j| j.screw == *screw);
        if !is_known {
            let judged =
                Judged { screw: screw.clone(), assessment: judge::assess(&case.spine, screw).ok() };
            judgements.by_screw.insert(screw.id, judged);
        }
    }
}
