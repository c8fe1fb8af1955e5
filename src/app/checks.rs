//! What a person should look at before the plan is used, kept up to the plan beside the frames.

use super::follow::Following;
use super::history::ShownPlan;
use super::jobs::ActiveCase;
use super::schedule::FrameSystems;
use crate::case::judge;
use crate::plan::Plan;
use crate::plan::check::Issue;
use bevy::prelude::*;
use std::sync::Arc;

/// The issues of the plan, gravest first.
#[derive(Resource, Default)]
pub struct Checks(Following<Vec<Issue>>);

impl Checks {
    /// The issues of this plan; `None` while they are older than it.
    pub fn of(&self, plan: &Arc<Plan>) -> Option<&[Issue]> {
        self.0.of(plan).map(Vec::as_slice)
    }
}

/// Adds the checks.
pub fn plugin(app: &mut App) {
    app.init_resource::<Checks>()
        .add_systems(Update, check.after(super::history::show_plan).in_set(FrameSystems::Judge));
}

fn check(case: Option<Res<ActiveCase>>, shown: Res<ShownPlan>, mut checks: ResMut<Checks>) {
    let Some(case) = case else { return };
    if case.is_changed() {
        *checks = Checks::default();
    }
    let (spine, plan) = (case.spine.clone(), shown.0.clone());
    checks.0.follow(&shown.0, move || judge::check(&spine, &plan));
}
