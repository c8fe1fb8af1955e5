//! Labels mended by hand: the vertebrae whose labels changed are made anew beside the frames, and after
//! them sacrum and ilium as one bone, where it hangs on them.
//!
//! In: the document's plan, which says what was done to the labels. Out: [`ActiveCase`] with the
//! labels so mended and [`Mended`], first with the vertebrae, then with the pelvis; until then
//! [`Mending`] knows what is pending.

use super::background::Background;
use super::history::{Document, StatusLine, Tone};
use super::jobs::{ActiveCase, CaseOpened};
use super::schedule::FrameSystems;
use super::words;
use crate::case::ahead::ask_ahead;
use crate::case::spine::{Spine, SpineError, mended_but_pelvis, with_pelvis};
use crate::labels::edit::Mending as LabelEdit;
use crate::labels::{Level, VertebraId};
use crate::plan::{Plan, Screw, ScrewStyle};
use crate::space::Side;
use crate::work::{Work, on_all_cores, on_pool};
use bevy::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The open case as it was read, before anybody mended its labels.
#[derive(Resource, Clone)]
pub struct GivenSpine(pub Arc<Spine>);

/// What is being made anew.
#[derive(Resource, Default)]
pub struct Mending {
    job: Option<Job>,
    vertebrae: BTreeSet<VertebraId>,
    ilia: BTreeSet<Side>,
    /// The edits that could not be followed: not tried again, and all that hangs on them stays pending, until
    /// a person takes one back or makes another.
    given_up: Option<Vec<LabelEdit>>,
}

struct Job {
    wanted: Vec<LabelEdit>,
    call: Background<Result<Spine, SpineError>>,
}

/// These vertebrae have another shape from this frame on, or are gone, or are back.
#[derive(Message, Clone, Debug)]
pub struct Mended(pub Vec<VertebraId>);

impl Mending {
    /// A vertebra's surface is older than its labels.
    pub fn is_pending(&self, vertebra: VertebraId) -> bool {
        self.vertebrae.contains(&vertebra)
    }
    /// The surface of sacrum and ilium of a side is.
    pub fn is_ilium_pending(&self, side: Side) -> bool {
        self.ilia.contains(&side)
    }
    /// That of the bone that a screw is driven into is.
    pub fn is_pending_for(&self, screw: &Screw) -> bool {
        let is_iliac = screw.style == ScrewStyle::S2AlarIliac;
        self.is_pending(screw.vertebra) || is_iliac && self.is_ilium_pending(screw.side)
    }
    /// That, or one of those around it, whose distance is told as well.
    pub fn is_pending_around(&self, screw: &Screw) -> bool {
        self.is_any_vertebra_pending() || self.is_pending_for(screw)
    }
    /// Any that the screws of a plan, or of one that is kept beside it, are judged by.
    pub fn is_pending_in(&self, plan: &Plan) -> bool {
        let kept = plan.alternatives.iter().flat_map(|one| &one.screws);
        let mut screws = plan.screws.iter().chain(kept);
        self.is_any_vertebra_pending() || screws.any(|screw| self.is_pending_for(screw))
    }
    /// The surface of some vertebra is older than its labels.
    pub fn is_any_vertebra_pending(&self) -> bool {
        !self.vertebrae.is_empty()
    }
    /// What these edits ask for is being made, or could not be.
    fn has_taken_up(&self, edits: &[LabelEdit]) -> bool {
        let making = self.job.as_ref().map(|job| &job.wanted);
        making.or(self.given_up.as_ref()).is_some_and(|known| known == edits)
    }
    /// Anything is being made anew.
    pub fn is_busy(&self) -> bool {
        self.job.is_some()
    }
}

/// Adds the mending.
pub fn plugin(app: &mut App) {
    app.init_resource::<Mending>().add_message::<Mended>().add_systems(
        Update,
        (forget.run_if(on_message::<CaseOpened>), finish, begin)
            .chain()
            .before(super::history::show_plan)
            .in_set(FrameSystems::Judge),
    );
}

fn forget(mut mending: ResMut<Mending>) {
    *mending = Mending::default();
}

/// Makes anew what the plan's label edits touch, then the pelvis where it is due; a making under way for
/// other edits is given up.
fn begin(
    document: Option<Res<Document>>,
    (given, case): (Option<Res<GivenSpine>>, Option<Res<ActiveCase>>),
    mut mending: ResMut<Mending>,
) {
    let (Some(document), Some(given), Some(case)) = (document, given, case) else { return };
    let (plan, now) = (document.plan(), &case.spine);
    let wanted = &plan.label_edits;
    if mending.has_taken_up(wanted) {
        return;
    }
    if *wanted != now.label_edits {
        *mending = vertebrae(&given.0, now, plan);
    } else if !now.pelvis.due.is_empty() {
        *mending = pelvis(now);
    } else if mending.is_busy() || mending.given_up.is_some() {
        *mending = Mending::default();
    }
}

/// The making of vertebrae, which a person waits for.
fn vertebrae(given: &Arc<Spine>, now: &Arc<Spine>, plan: &Arc<Plan>) -> Mending {
    let values = touched(given, now, &plan.label_edits);
    let labelled = now.labels.iter().flat_map(|labels| &labels.vertebrae);
    let vertebrae: BTreeSet<_> =
        labelled.filter(|v| values.contains(&v.value)).map(|v| v.id).collect();
    let sacrum = now.labels.as_ref().and_then(|labels| labels.at_level(Level::S1));
    let is_touched = |side: Side| {
        let of_side = now.ilia.of(side);
        let of_sacrum = sacrum.filter(|_| of_side.is_some()).map(|v| v.value);
        of_side.into_iter().chain(of_sacrum).any(|value| values.contains(&value))
    };
    let ilia = Side::BOTH.into_iter().filter(|side| now.pelvis.is_due(*side) || is_touched(*side));
    let ilia = ilia.collect();
    let (given, now, plan) = (Arc::clone(given), Arc::clone(now), Arc::clone(plan));
    let wanted = plan.label_edits.clone();
    let make = move |work: &Work| on_all_cores(|| mended_but_pelvis(&given, &now, &plan, work));
    let job = Some(Job { wanted, call: Background::start(make) });
    Mending { job, vertebrae, ilia, given_up: None }
}

/// The making of the pelvis, beside a hand that may move on.
fn pelvis(now: &Arc<Spine>) -> Mending {
    let ilia = now.pelvis.due.iter().map(|due| due.side).collect();
    let (wanted, now) = (now.label_edits.clone(), Arc::clone(now));
    let call = Background::start(move |work| on_pool(|| with_pelvis(&now, work)));
    Mending { job: Some(Job { wanted, call }), ilia, ..Mending::default() }
}

/// The labels that the edits touch by which two lists of them differ.
fn touched(given: &Spine, now: &Spine, wanted: &[LabelEdit]) -> BTreeSet<u16> {
    let same = wanted.iter().zip(&now.label_edits).take_while(|(a, b)| a == b).count();
    let differing = wanted[same..].iter().chain(&now.label_edits[same..]);
    let maps = [&given.labels, &now.labels].map(Option::as_ref).into_iter().flatten();
    let maps: Vec<_> = maps.collect();
    let touched = differing.flat_map(|edit| maps.iter().map(move |map| edit.touches(&map.volume)));
    touched.flatten().collect()
}

fn finish(
    (document, case): (Option<Res<Document>>, Option<ResMut<ActiveCase>>),
    mut mending: ResMut<Mending>,
    mut told: MessageWriter<Mended>,
    mut status: ResMut<StatusLine>,
) {
    let Some(outcome) = mending.job.as_ref().and_then(|job| job.call.take()) else { return };
    let made = match outcome {
        Ok(Ok(spine)) => spine,
        Ok(Err(fault)) => return give_up(&mut mending, &mut status, fault.to_string()),
        Err(reason) => return give_up(&mut mending, &mut status, words::mending_failed(&reason)),
    };
    *mending = Mending::default();
    let (Some(document), Some(mut case)) = (document, case) else { return };
    let changed = changed(&case.spine, &made);
    let is_known = |said: &String| case.spine.said_left_out().any(|known| known == said);
    let news = made.said_left_out().find(|said| !is_known(said));
    if let Some(news) = news.and_then(|said| made.said_beside(document.plan(), said)) {
        status.say(Tone::Warning, news);
    }
    ask_ahead(&made);
    case.spine = Arc::new(made);
    if !changed.is_empty() {
        told.write(Mended(changed));
    }
}

/// What could not be made stays pending: the numbers there are belong to other labels.
fn give_up(mending: &mut Mending, status: &mut StatusLine, why: String) {
    mending.given_up = mending.job.take().map(|job| job.wanted);
    status.say(Tone::Fault, why);
}

/// The vertebrae that are not one and the same in both.
fn changed(before: &Spine, after: &Spine) -> Vec<VertebraId> {
    let all: BTreeSet<VertebraId> =
        before.vertebrae.iter().chain(&after.vertebrae).map(|v| v.id).collect();
    let is_same = |id: &VertebraId| match (before.vertebra(*id), after.vertebra(*id)) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => false,
    };
    all.into_iter().filter(|id| !is_same(id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bevy::ecs::system::RunSystemOnce;
    use std::time::{Duration, Instant};

    #[test]
    fn edits_that_can_not_be_followed_stay_pending_and_are_not_tried_again() {
        let vertebra = VertebraId::of_label("a test", 3);
        let call = Background::start(|_| panic!("no surface"));
        let mut world = World::new();
        world.insert_resource(Mending {
            job: Some(Job { wanted: Vec::new(), call }),
            vertebrae: [vertebra].into(),
            ..Mending::default()
        });
        world.init_resource::<StatusLine>();
        world.init_resource::<Messages<Mended>>();
        let start = Instant::now();
        while world.resource::<Mending>().is_busy() {
            assert!(start.elapsed() < Duration::from_secs(20), "it never ends");
            world.run_system_once(finish).unwrap();
        }
        let mending = world.resource::<Mending>();
        assert!(mending.is_pending(vertebra) && mending.has_taken_up(&[]));
        assert!(!mending.has_taken_up(&[LabelEdit::Clean(3)]), "another edit is tried");
        assert!(world.resource::<StatusLine>().text.contains("undo"));
    }
}
