//! What is computed from case and plan beside the frames, and follows both.
//!
//! In: the case and the plan as it is shown. Out: for each kind of value a [`Follows`], which is
//! asked for the value of a plan and has it, or says that it is pending, as it is while bones that a
//! screw is judged by follow their labels.

use super::history::{ShownCatalogue, ShownPlan};
use super::jobs::ActiveCase;
use super::mending::Mending;
use super::schedule::FrameSystems;
use crate::case::compare::Compared;
use crate::case::judge;
use crate::case::rods::{self, RodSheet};
use crate::case::spine::Spine;
use crate::implant::Catalogue;
use crate::plan::Plan;
use crate::plan::check::Issue;
use crate::work::Later;
use bevy::prelude::*;
use std::sync::Arc;

/// A value that follows from a case and a plan.
pub trait OfPlan: Send + Sync + Sized + 'static {
    /// Whether anybody asks for it.
    fn is_wanted(_plan: &Plan) -> bool {
        true
    }
    /// The value; may take its time.
    fn compute(spine: &Spine, plan: &Plan, catalogue: &Catalogue) -> Self;
}

/// The value of the newest plan that it was computed from, and the computation under way.
#[derive(Resource, Debug)]
pub struct Follows<T: OfPlan> {
    known: Option<(Arc<Plan>, T)>,
    job: Option<(Arc<Plan>, Later<T>)>,
}

impl<T: OfPlan> Default for Follows<T> {
    fn default() -> Self {
        Self { known: None, job: None }
    }
}

impl<T: OfPlan> Follows<T> {
    /// The value of this plan; `None` while it is older than it.
    pub fn of(&self, plan: &Arc<Plan>) -> Option<&T> {
        self.known.as_ref().filter(|(known, _)| Arc::ptr_eq(known, plan)).map(|(_, value)| value)
    }
    /// Takes what is ready, and starts on `plan` where its value is not known. One at a time: a plan
    /// that changed meanwhile comes after it.
    fn follow(&mut self, spine: &Arc<Spine>, plan: &Arc<Plan>, catalogue: &Arc<Catalogue>) {
        if let Some((_, later)) = &self.job
            && let Some(value) = later.take()
        {
            self.known = self.job.take().map(|(plan, _)| (plan, value));
        }
        if T::is_wanted(plan) && self.of(plan).is_none() && self.job.is_none() {
            let (spine, of, offered) = (spine.clone(), plan.clone(), catalogue.clone());
            let compute = move || T::compute(&spine, &of, &offered);
            self.job = Some((plan.clone(), Later::soon(compute)));
        }
    }
}

/// What a person should look at before the plan is used, gravest first.
pub type Checks = Follows<Vec<Issue>>;
/// The plan's own column first, then one for each of its alternatives.
pub type Comparing = Follows<Vec<Compared>>;
/// The rods of the plan as they are to be bent; why there are none.
pub type Rodding = Follows<Result<RodSheet, String>>;

impl OfPlan for Vec<Issue> {
    fn compute(spine: &Spine, plan: &Plan, catalogue: &Catalogue) -> Self {
        judge::check(spine, plan, catalogue)
    }
}

impl OfPlan for Vec<Compared> {
    /// Who keeps no alternative pays for none.
    fn is_wanted(plan: &Plan) -> bool {
        !plan.alternatives.is_empty()
    }
    fn compute(spine: &Spine, plan: &Plan, catalogue: &Catalogue) -> Self {
        let of = |plan: &Plan| Compared::of(spine, plan, catalogue);
        let kept = plan.alternatives.iter().map(|one| of(&plan.with_screws_of(one)));
        std::iter::once(of(plan)).chain(kept).collect()
    }
}

impl OfPlan for Result<RodSheet, String> {
    fn compute(spine: &Spine, plan: &Plan, catalogue: &Catalogue) -> Self {
        let sheet = rods::sheet(spine, plan, plan.rod_target, &plan.rod_choice, None, catalogue);
        sheet.map_err(|why| why.to_string())
    }
}

/// Adds all that follows the plan.
pub fn plugin(app: &mut App) {
    add::<Vec<Issue>>(app);
    add::<Vec<Compared>>(app);
    add::<Result<RodSheet, String>>(app);
}

fn add<T: OfPlan>(app: &mut App) {
    app.init_resource::<Follows<T>>().add_systems(
        Update,
        follow::<T>.after(super::history::show_plan).in_set(FrameSystems::Judge),
    );
}

fn follow<T: OfPlan>(
    case: Option<Res<ActiveCase>>,
    shown: Res<ShownPlan>,
    (catalogue, mending): (Res<ShownCatalogue>, Res<Mending>),
    mut follows: ResMut<Follows<T>>,
) {
    let (Some(case), Some(catalogue)) = (case, &catalogue.0) else { return };
    if case.is_changed() {
        *follows = Follows::default();
    }
    if !mending.is_pending_in(&shown.0) {
        follows.follow(&case.spine, &shown.0, catalogue);
    }
}
