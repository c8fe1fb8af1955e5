//! Screws that plan themselves, beside the frames.
//!
//! In: [`PlanWish`]. Out: [`Planning`], how far it is; then one edit of the document, which one undo
//! takes back, and the refusals in words. Screws of a person are never touched.

use super::background::{Background, Stage};
use super::history::{Document, StatusLine, Tone};
use super::jobs::{ActiveCase, CaseOpened};
use super::mending::Mending;
use super::schedule::FrameSystems;
use super::words;
use crate::case::suggest::{self, Planned, Wish};
use crate::plan::auto::{Refusal, Rules};
use crate::work::Cancelled;
use bevy::prelude::*;
use jiff::Timestamp;
use std::sync::Arc;

/// Asks for screws, or for their planning to stop.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanWish {
    /// Every pedicle that has no screw of a person's.
    Start(Extras),
    /// Stop; nothing is changed.
    Stop,
}

/// What may be planned beside screws within the pedicles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// A screw into each ilium.
    pub iliac: bool,
    /// Where a pedicle is too narrow, the lateral wall may be passed.
    pub in_out_in: bool,
}

/// The planning under way, and what the last one left out.
#[derive(Resource, Default)]
pub struct Planning {
    job: Option<Background<Result<Planned, Cancelled>>>,
    stage: Stage,
    refusals: Vec<String>,
    may_go_in_out_in: bool,
}

impl Planning {
    /// How far it is; `None` while nothing is planned.
    pub fn stage(&self) -> Option<&Stage> {
        self.job.as_ref().map(|_| &self.stage)
    }
    /// Why pedicles got no screw the last time, each a sentence that names level and side.
    pub fn refusals(&self) -> &[String] {
        &self.refusals
    }
    /// Whether one of them is for want of width alone, so that in-out-in may have a way.
    pub fn may_go_in_out_in(&self) -> bool {
        self.may_go_in_out_in
    }
}

/// Adds the planning.
pub fn plugin(app: &mut App) {
    app.init_resource::<Planning>().add_message::<PlanWish>().add_systems(
        Update,
        (forget.run_if(on_message::<CaseOpened>), start_or_stop, finish)
            .chain()
            .after(super::jobs::finish_job)
            .in_set(FrameSystems::Jobs),
    );
}

fn forget(mut planning: ResMut<Planning>) {
    *planning = Planning::default();
}

fn start_or_stop(
    mut wishes: MessageReader<PlanWish>,
    case: Option<Res<ActiveCase>>,
    document: Option<Res<Document>>,
    (mending, mut planning): (Res<Mending>, ResMut<Planning>),
    mut status: ResMut<StatusLine>,
) {
    let Some(wish) = wishes.read().last() else { return };
    let (Some(case), Some(document)) = (case, document) else { return };
    match wish {
        PlanWish::Stop => {
            if planning.job.take().is_some() {
                status.say(Tone::Done, words::PLANNING_STOPPED);
            }
        }
        PlanWish::Start(extras)
            if mending.is_any_vertebra_pending()
                || extras.iliac && mending.is_any_ilium_pending() =>
        {
            status.say(Tone::Warning, mending.said().unwrap_or_default());
        }
        PlanWish::Start(extras) if planning.job.is_none() => match Rules::builtin() {
            Ok(rules) => {
                let Extras { iliac, in_out_in } = *extras;
                let wish = Wish { iliac, in_out_in, ..Wish::default() };
                planning.job = Some(start(&case, &document, rules, wish));
            }
            Err(fault) => status.say(Tone::Fault, fault.to_string()),
        },
        PlanWish::Start(_) => {}
    }
}

fn start(
    case: &ActiveCase,
    document: &Document,
    rules: Rules,
    wish: Wish,
) -> Background<Result<Planned, Cancelled>> {
    let (spine, plan) = (case.spine.clone(), document.plan().clone());
    let catalogue = Arc::clone(document.catalogue());
    Background::start(move |work| {
        let named = spine.named_by(&plan);
        // The session stamps the time when the screws come into the plan.
        let now = Timestamp::UNIX_EPOCH;
        suggest::plan(&named, &wish, &rules, &catalogue, now, work)
    })
}

fn finish(
    mut planning: ResMut<Planning>,
    document: Option<ResMut<Document>>,
    mut status: ResMut<StatusLine>,
) {
    let Some(job) = &planning.job else { return };
    let (stage, outcome) = (job.stage(), job.take());
    if planning.stage != stage {
        planning.stage = stage;
    }
    let Some(outcome) = outcome else { return };
    planning.job = None;
    let Some(mut document) = document else { return };
    let planned = match outcome {
        Ok(Ok(planned)) => planned,
        Ok(Err(Cancelled)) => return status.say(Tone::Done, words::PLANNING_STOPPED),
        Err(reason) => return status.say(Tone::Fault, words::planning_failed(&reason)),
    };
    planning.may_go_in_out_in = planned.refusals.iter().any(Refusal::is_for_width);
    planning.refusals =
        planned.refusals.iter().map(|refusal| words::sentence(&refusal.to_string())).collect();
    let (tone, said) = take_over(planned, &mut document, planning.refusals.len());
    status.say(tone, said);
}

/// The one edit, and what is said of it.
fn take_over(planned: Planned, document: &mut Document, refused: usize) -> (Tone, String) {
    let suggested = planned.screws.into_iter().map(|(screw, _)| screw).collect();
    let (gone, come) = suggest::changes(document.plan(), suggested);
    let count = come.len();
    if gone.is_empty() && come.is_empty() {
        return (Tone::Warning, words::planned(0, refused));
    }
    match document.session_mut().exchange(gone, come) {
        Ok(_) => (Tone::Done, words::planned(count, refused)),
        Err(fault) => (Tone::Fault, fault.to_string()),
    }
}
