//! The clearance of every screw of the plan, kept up to the document's revision.
//!
//! In: the document and the case. Out: [`Judgements`]; a panel asks it and shows "pending" while a
//! number is older than what is seen.

use super::history::Document;
use super::jobs::ActiveCase;
use super::schedule::FrameSystems;
use crate::case::spine::{Spine, VertebraModel};
use crate::clearance::{self, Assessment};
use crate::plan::{Screw, ScrewId};
use bevy::platform::collections::HashMap;
use bevy::prelude::*;
use std::sync::Arc;

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

/// The model a screw is driven into: by its vertebra's id, else by its level.
pub fn vertebra_of<'s>(spine: &'s Spine, screw: &Screw) -> Option<&'s Arc<VertebraModel>> {
    spine.vertebra(screw.vertebra).or_else(|| spine.at_level(screw.level))
}

/// The numbers of one screw; `None` when its vertebra is not part of the case, or when no screw can
/// be so (commands refuse those, so none stands in a plan).
pub fn assess(spine: &Spine, screw: &Screw) -> Option<Assessment> {
    let vertebra = vertebra_of(spine, screw)?;
    clearance::assess(&screw.shape(), &vertebra.field, &vertebra.anatomy).ok()
}

/// Adds the judging of the plan.
pub fn plugin(app: &mut App) {
    app.init_resource::<Judgements>()
        .add_systems(Update, judge_changed.in_set(FrameSystems::Judge));
}

fn judge_changed(
    document: Option<Res<Document>>,
    case: Option<Res<ActiveCase>>,
    mut judgements: ResMut<Judgements>,
) {
    let (Some(document), Some(case)) = (document, case) else { return };
    if !document.is_changed() && !case.is_changed() {
        return;
    }
    if case.is_changed() {
        judgements.by_screw.clear();
    }
    let screws = &document.plan().screws;
    judgements.by_screw.retain(|id, _| screws.iter().any(|screw| screw.id == *id));
    for screw in screws {
        let is_known = judgements.by_screw.get(&screw.id).is_some_and(|j| j.screw == *screw);
        if !is_known {
            let judged = Judged { screw: screw.clone(), assessment: assess(&case.spine, screw) };
            judgements.by_screw.insert(screw.id, judged);
        }
    }
}
