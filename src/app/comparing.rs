//! The plan beside the alternatives that were kept, compared beside the frames.

use super::follow::Following;
use super::history::ShownPlan;
use super::jobs::ActiveCase;
use super::schedule::FrameSystems;
use crate::case::compare::Compared;
use crate::case::spine::Spine;
use crate::plan::Plan;
use bevy::prelude::*;
use std::sync::Arc;

/// The plan's own column first, then one for each of its alternatives.
#[derive(Resource, Default)]
pub struct Comparing(Following<Vec<Compared>>);

impl Comparing {
    /// The columns of this plan; `None` while they are older than it.
    pub fn of(&self, plan: &Arc<Plan>) -> Option<&[Compared]> {
        self.0.of(plan).map(Vec::as_slice)
    }
}

/// Adds the comparison.
pub fn plugin(app: &mut App) {
    app.init_resource::<Comparing>()
        .add_systems(Update, compare.after(super::history::show_plan).in_set(FrameSystems::Judge));
}

fn compare(case: Option<Res<ActiveCase>>, shown: Res<ShownPlan>, mut comparing: ResMut<Comparing>) {
    let Some(case) = case else { return };
    if case.is_changed() {
        *comparing = Comparing::default();
    }
    // Who keeps no alternative pays for none.
    if shown.0.alternatives.is_empty() {
        return;
    }
    let (spine, plan) = (case.spine.clone(), shown.0.clone());
    comparing.0.follow(&shown.0, move || columns(&spine, &plan));
}

fn columns(spine: &Spine, plan: &Plan) -> Vec<Compared> {
    let kept = plan.alternatives.iter().map(|one| Compared::of(spine, &plan.with_screws_of(one)));
    std::iter::once(Compared::of(spine, plan)).chain(kept).collect()
}
