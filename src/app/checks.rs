//! What a person should look at before the plan is used, kept up to the plan beside the frames.

use super::history::ShownPlan;
use super::jobs::ActiveCase;
use super::schedule::FrameSystems;
use crate::case::judge;
use crate::plan::Plan;
use crate::plan::check::Issue;
use crate::work::Later;
use bevy::prelude::*;
use std::sync::Arc;

/// The issues of the plan, gravest first.
#[derive(Resource, Default)]
pub struct Checks {
    issues: Vec<Issue>,
    plan: Option<Arc<Plan>>,
    job: Option<(Arc<Plan>, Later<Vec<Issue>>)>,
}

impl Checks {
    /// The issues of this plan; `None` while they are older than it.
    pub fn of(&self, plan: &Arc<Plan>) -> Option<&[Issue]> {
        self.plan.as_ref().filter(|known| Arc::ptr_eq(known, plan)).map(|_| &self.issues[..])
    }
}

/// Adds the checks.
pub fn plugin(app: &mut App) {
    app.init_resource::<Checks>()
        .add_systems(Update, check.after(super::history::show_plan).in_set(FrameSystems::Judge));
}

/// One check at a time: a plan that changed meanwhile is checked after it.
fn check(case: Option<Res<ActiveCase>>, shown: Res<ShownPlan>, mut checks: ResMut<Checks>) {
    let Some(case) = case else { return };
    if case.is_changed() {
        *checks = Checks::default();
    }
    if let Some((plan, issues)) =
        checks.job.as_ref().and_then(|(plan, later)| Some((plan.clone(), later.take()?)))
    {
        *checks = Checks { issues, plan: Some(plan), job: None };
    }
    let is_known = checks.plan.as_ref().is_some_and(|plan| Arc::ptr_eq(plan, &shown.0));
    if is_known || checks.job.is_some() {
        return;
    }
    let (spine, plan) = (case.spine.clone(), shown.0.clone());
    let later = Later::soon(move || judge::check(&spine, &plan));
    checks.job = Some((shown.0.clone(), later));
}
