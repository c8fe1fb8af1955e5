//! Labels mended by hand: the vertebrae whose labels changed are made anew beside the frames.
//!
//! In: the document's plan, which says what was done to the labels. Out: [`ActiveCase`] with the
//! labels so mended and [`Mended`]; until then [`Mending`] knows which vertebrae are pending.

use super::background::Background;
use super::history::{Document, StatusLine, Tone};
use super::jobs::{ActiveCase, CaseOpened};
use super::schedule::FrameSystems;
use super::words;
use crate::case::ahead::ask_ahead;
use crate::case::spine::{Spine, SpineError, mended};
use crate::labels::VertebraId;
use crate::labels::edit::Mending as LabelEdit;
use crate::work::on_all_cores;
use bevy::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The open case as it was read, before anybody mended its labels.
#[derive(Resource, Clone)]
pub struct GivenSpine(pub Arc<Spine>);

/// The vertebrae that are being made anew.
#[derive(Resource, Default)]
pub struct Mending {
    job: Option<Job>,
    pending: BTreeSet<VertebraId>,
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
        self.pending.contains(&vertebra)
    }
    /// Any is.
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

/// Makes anew what the plan's label edits touch; a making under way for other edits is given up.
fn begin(
    document: Option<Res<Document>>,
    (given, case): (Option<Res<GivenSpine>>, Option<Res<ActiveCase>>),
    mut mending: ResMut<Mending>,
) {
    let (Some(document), Some(given), Some(case)) = (document, given, case) else { return };
    let wanted = &document.plan().label_edits;
    let making = mending.job.as_ref().map(|job| &job.wanted);
    if wanted == making.unwrap_or(&case.spine.label_edits) {
        return;
    }
    if *wanted == case.spine.label_edits {
        *mending = Mending::default();
        return;
    }
    mending.pending = touched(&given.0, &case.spine, wanted);
    let (given, now, plan) = (given.0.clone(), case.spine.clone(), document.plan().clone());
    let call = Background::start(move |work| on_all_cores(|| mended(&given, &now, &plan, work)));
    mending.job = Some(Job { wanted: wanted.clone(), call });
}

/// The vertebrae that the edits touch by which two lists of them differ.
fn touched(given: &Spine, now: &Spine, wanted: &[LabelEdit]) -> BTreeSet<VertebraId> {
    let same = wanted.iter().zip(&now.label_edits).take_while(|(a, b)| a == b).count();
    let differing = wanted[same..].iter().chain(&now.label_edits[same..]);
    let maps = [&given.labels, &now.labels].map(Option::as_ref).into_iter().flatten();
    let maps: Vec<_> = maps.collect();
    let values: BTreeSet<u16> = differing
        .flat_map(|edit| maps.iter().map(move |map| edit.touches(&map.volume)))
        .flatten()
        .collect();
    let vertebrae = maps.first().into_iter().flat_map(|map| &map.vertebrae);
    vertebrae.filter(|v| values.contains(&v.value)).map(|v| v.id).collect()
}

fn finish(
    (document, case): (Option<Res<Document>>, Option<ResMut<ActiveCase>>),
    mut mending: ResMut<Mending>,
    mut told: MessageWriter<Mended>,
    mut status: ResMut<StatusLine>,
) {
    let Some(outcome) = mending.job.as_ref().and_then(|job| job.call.take()) else { return };
    *mending = Mending::default();
    let (Some(document), Some(mut case)) = (document, case) else { return };
    match outcome {
        Ok(Ok(spine)) => {
            let changed = changed(&case.spine, &spine);
            let news = spine.left_out.iter().find(|said| !case.spine.left_out.contains(said));
            if let Some(news) = news.and_then(|said| spine.said_beside(document.plan(), said)) {
                status.say(Tone::Warning, news);
            }
            ask_ahead(&spine);
            case.spine = Arc::new(spine);
            told.write(Mended(changed));
        }
        Ok(Err(fault)) => status.say(Tone::Fault, fault.to_string()),
        Err(reason) => status.say(Tone::Fault, words::mending_failed(&reason)),
    }
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
