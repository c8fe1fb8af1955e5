//! The numbers of the whole spine, measured beside the frames once somebody wants to read them.

use super::background::Background;
use super::history::ShownPlan;
use super::jobs::{ActiveCase, CaseOpened};
use super::mending::Mending;
use super::schedule::FrameSystems;
use crate::case::measures::{self, Measures};
use crate::labels::Posture;
use crate::plan::Plan;
use crate::work::on_pool;
use bevy::prelude::*;
use std::sync::Arc;

/// What the measures depend on beside the images: the posture, and some of the plan.
#[derive(Clone)]
struct Asked {
    posture: Posture,
    plan: Arc<Plan>,
}

impl Asked {
    /// Whether the same measures would come: of a plan names count, which labels were accepted, and the
    /// screws, of whose paths the density is told. In most frames it is the very same plan.
    fn is_same(&self, other: &Self) -> bool {
        self.posture == other.posture
            && (Arc::ptr_eq(&self.plan, &other.plan)
                || depends_on(&self.plan) == depends_on(&other.plan))
    }
}

fn depends_on(plan: &Plan) -> impl PartialEq + '_ {
    (&plan.renamed, &plan.accepted_labels, &plan.screws)
}

/// The measures, and whether anybody reads them.
#[derive(Resource)]
pub struct Measuring {
    /// They are read.
    pub is_wanted: bool,
    /// How the patient lay: as the CT's file says, until a person says otherwise.
    pub posture: Posture,
    known: Option<(Asked, Result<Measures, String>)>,
    job: Option<(Asked, Background<Measures>)>,
}

impl Default for Measuring {
    fn default() -> Self {
        Self { is_wanted: false, posture: Posture::Supine, known: None, job: None }
    }
}

impl Measuring {
    /// The numbers, or why there are none; `None` while they are pending.
    pub fn measures(&self) -> Option<&Result<Measures, String>> {
        self.known.as_ref().filter(|_| self.job.is_none()).map(|(_, measures)| measures)
    }
}

/// Adds the measuring.
pub fn plugin(app: &mut App) {
    app.init_resource::<Measuring>().add_systems(
        Update,
        (take_posture.run_if(on_message::<CaseOpened>), measure)
            .chain()
            .after(super::history::show_plan)
            .in_set(FrameSystems::Judge),
    );
}

/// Another case is another patient: what was said of the last one no longer counts.
fn take_posture(case: Option<Res<ActiveCase>>, mut measuring: ResMut<Measuring>) {
    let Some(case) = case else { return };
    measuring.posture = case.spine.posture();
}

fn measure(
    case: Option<Res<ActiveCase>>,
    (plan, mending): (Res<ShownPlan>, Res<Mending>),
    mut measuring: ResMut<Measuring>,
) {
    let Some(case) = case else { return };
    // A number of a surface that is older than its labels is none.
    let is_pending = mending.is_any_vertebra_pending();
    if case.is_changed() || is_pending {
        (measuring.known, measuring.job) = (None, None);
    }
    if let Some(outcome) = measuring.job.as_ref().and_then(|(_, job)| job.take()) {
        measuring.known = measuring.job.take().map(|(asked, _)| (asked, outcome));
    }
    if !measuring.is_wanted || is_pending {
        return;
    }
    let asked = Asked { posture: measuring.posture, plan: Arc::clone(&plan.0) };
    let is_done = measuring.known.as_ref().is_some_and(|(known, _)| known.is_same(&asked));
    let is_due = measuring.job.as_ref().is_some_and(|(due, _)| due.is_same(&asked));
    if is_done || is_due {
        return;
    }
    let (spine, of) = (case.spine.clone(), asked.clone());
    let measures = move || measures::of_plan(&spine, &of.plan, of.posture);
    let job = Background::start(move |_| on_pool(measures));
    measuring.job = Some((asked, job));
}
