//! What is computed from the plan beside the frames, and follows it.

use crate::plan::Plan;
use crate::work::Later;
use std::sync::Arc;

/// A value of the newest plan that it was computed from, and the computation under way.
#[derive(Debug)]
pub struct Following<T> {
    known: Option<(Arc<Plan>, T)>,
    job: Option<(Arc<Plan>, Later<T>)>,
}

impl<T> Default for Following<T> {
    fn default() -> Self {
        Self { known: None, job: None }
    }
}

impl<T: Send + 'static> Following<T> {
    /// The value of this plan; `None` while it is older than it.
    pub fn of(&self, plan: &Arc<Plan>) -> Option<&T> {
        self.known.as_ref().filter(|(known, _)| Arc::ptr_eq(known, plan)).map(|(_, value)| value)
    }
    /// Takes what is ready, and starts on `plan` where its value is not known. One at a time: a plan
    /// that changed meanwhile comes after it.
    pub fn follow(&mut self, plan: &Arc<Plan>, compute: impl FnOnce() -> T + Send + 'static) {
        if let Some((_, later)) = &self.job
            && let Some(value) = later.take()
        {
            self.known = self.job.take().map(|(plan, _)| (plan, value));
        }
        if self.of(plan).is_none() && self.job.is_none() {
            self.job = Some((plan.clone(), Later::soon(compute)));
        }
    }
}
