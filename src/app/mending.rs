//! Labels mended by hand: the vertebrae whose labels changed are made anew beside the frames, after
//! them their neighbours and then sacrum and ilium as one bone, where these hang on the same labels.
//!
//! In: the document's plan, which says what was done to the labels. Out: [`ActiveCase`] with the
//! labels so mended and [`Mended`], first with the vertebrae, then with their neighbours, then with the
//! pelvis; until then [`Mending`] knows what is pending.

use super::background::Background;
use super::history::{Document, StatusLine, Tone};
use super::jobs::{ActiveCase, CaseOpened};
use super::schedule::FrameSystems;
use super::words;
use crate::case::ahead::ask_ahead;
use crate::case::spine::{Spine, SpineError, mended_first, with_neighbours, with_pelvis};
use crate::case::stale;
use crate::labels::VertebraId;
use crate::labels::edit::Mending as LabelEdit;
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
    given_up: Option<GivenUp>,
}

/// Edits that could not be followed: not tried again, and all that hangs on them stays pending, until a
/// person takes one back or makes another.
struct GivenUp {
    edits: Vec<LabelEdit>,
    why: String,
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
    /// That of sacrum and ilium of some side is.
    pub fn is_any_ilium_pending(&self) -> bool {
        !self.ilia.is_empty()
    }
    /// What is said while something is pending: that it follows its labels, or why it does not.
    pub fn said(&self) -> Option<&str> {
        if let Some(given_up) = &self.given_up {
            return Some(&given_up.why);
        }
        let of_ilia = self.is_any_ilium_pending().then_some(words::MENDING_PELVIS);
        if self.is_any_vertebra_pending() { Some(words::MENDING) } else { of_ilia }
    }
    /// What these edits ask for is being made, or could not be.
    fn has_taken_up(&self, edits: &[LabelEdit]) -> bool {
        let making = self.job.as_ref().map(|job| &job.wanted);
        let given_up = self.given_up.as_ref().map(|given_up| &given_up.edits);
        making.or(given_up).is_some_and(|known| known == edits)
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

/// Makes anew what the plan's label edits touch, then its neighbours and the pelvis where they are due; a
/// making under way for other edits is given up.
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
    } else if !now.due.is_empty() {
        *mending = due(now, |now, work| on_all_cores(|| with_neighbours(now, work)));
    } else if !now.pelvis.due.is_empty() {
        // Beside a hand that may move on.
        *mending = due(now, |now, work| on_pool(|| with_pelvis(now, work)));
    } else if mending.is_busy() || mending.given_up.is_some() {
        *mending = Mending::default();
    }
}

/// The making of the vertebrae that a hand was on. Those next to them are pending from now on: which of them
/// stay as they are, and which others are in reach, is only known when the labels are made.
fn vertebrae(given: &Arc<Spine>, now: &Arc<Spine>, plan: &Arc<Plan>) -> Mending {
    let mut values = touched(given, now, &plan.label_edits);
    let labelled = now.labels.as_deref();
    values.extend(labelled.map(|labels| stale::next_to(labels, &values)).unwrap_or_default());
    let hung_on = labelled.into_iter().flat_map(|labels| &labels.vertebrae);
    let hung_on = hung_on.filter(|v| values.contains(&v.value)).map(|v| v.id);
    let vertebrae = hung_on.chain(now.due.keys().copied()).collect();
    let mut ilia = now.sides_of(|value| values.contains(&value));
    ilia.extend(now.pelvis.due.iter().map(|due| due.side));
    let (given, now, plan) = (Arc::clone(given), Arc::clone(now), Arc::clone(plan));
    let wanted = plan.label_edits.clone();
    let make = move |work: &Work| on_all_cores(|| mended_first(&given, &now, &plan, work));
    let job = Some(Job { wanted, call: Background::start(make) });
    Mending { job, vertebrae, ilia, given_up: None }
}

/// The making of some of what is due.
fn due(
    now: &Arc<Spine>,
    make: impl FnOnce(&Spine, &Work) -> Result<Spine, SpineError> + Send + 'static,
) -> Mending {
    let vertebrae = now.due.keys().copied().collect();
    let ilia = now.pelvis.due.iter().map(|due| due.side).collect();
    let (wanted, now) = (now.label_edits.clone(), Arc::clone(now));
    let call = Background::start(move |work| make(&now, work));
    Mending { job: Some(Job { wanted, call }), vertebrae, ilia, given_up: None }
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
    let why = words::sentence(&why);
    status.say(Tone::Fault, why.clone());
    mending.given_up = mending.job.take().map(|job| GivenUp { edits: job.wanted, why });
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
        let said = &world.resource::<StatusLine>().text;
        assert!(said.contains("undo") && mending.said() == Some(said.as_str()));
    }
}
