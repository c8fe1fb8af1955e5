//! From a spine's voxels to its vertebrae: surfaces, anatomy, meshes and distance fields; all of
//! them, or those whose labels a person mended.

use super::pelvis;
use super::spine::{Spine, SpineError, VertebraModel};
use super::stale::{Changes, Due};
use crate::anatomy::{self, VertebraAnatomy};
use crate::clearance::{Canal, Field};
use crate::labels::stats::{self, LabelStats};
use crate::labels::{LabelMap, LabelledVertebra};
use crate::mesh;
use crate::plan::Plan;
use crate::surface::{self, Surface, SurfaceError};
use crate::volume::{Grid, Volume};
use crate::work::{Work, on_pool};
use ndarray::Axis;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The spine with its labels as `plan` says that a person mended them; to the last bit what these labels
/// make whole, but only what hangs on changed ones is made anew. A vertebra that was painted up to the
/// image's end is cut off there; one that was cut off stays so unless its labels were drawn on another
/// grid, and painted on past the end of that. `given` is the spine as it was read; `now`
/// has some of the mendings, or none, and is taken over as far as it can be.
pub fn mended(given: &Spine, now: &Spine, plan: &Plan, work: &Work) -> Result<Spine, SpineError> {
    completed(&mended_first(given, now, plan, work)?, work)
}

/// The same, but only the vertebrae whose own labels changed are made anew: those that a person looks at.
/// What else hangs on these labels is due: neighbours, which [`with_neighbours`] makes, and then sacrum and
/// ilium as one bone, which take many times as long, by [`with_pelvis`].
pub fn mended_first(
    given: &Spine,
    now: &Spine,
    plan: &Plan,
    work: &Work,
) -> Result<Spine, SpineError> {
    let wanted = &plan.label_edits;
    let is_further = wanted.starts_with(&now.label_edits);
    let from = if is_further { now } else { given };
    let Some(labels) = &from.labels else {
        // There is nothing to follow: said so, or it would be tried for ever.
        return Ok(Spine { label_edits: wanted.clone(), ..now.clone() });
    };
    if now.label_edits == *wanted {
        return Ok(now.clone());
    }
    on_pool(|| {
        let mut labels = LabelMap::clone(labels);
        for mending in &wanted[from.label_edits.len()..] {
            mending.apply(&mut labels.volume);
        }
        match (&now.drawn_on, &given.labels) {
            (Some(drawn_on), _) => tell_cut_off(&mut labels, drawn_on),
            (None, Some(given)) => tell_painted_to_end(&mut labels, given),
            (None, None) => {}
        }
        let spine = relabelled_first(now, labels, work)?;
        Ok(Spine { label_edits: wanted.clone(), ..spine })
    })
}

/// The spine with other labels of the same vertebrae on the same grid: only what hangs on voxels that
/// differ is made anew. A spine without labels stays as it is.
pub fn relabelled(now: &Spine, labels: LabelMap, work: &Work) -> Result<Spine, SpineError> {
    completed(&relabelled_first(now, labels, work)?, work)
}

fn completed(spine: &Spine, work: &Work) -> Result<Spine, SpineError> {
    with_pelvis(&with_neighbours(spine, work)?, work)
}

/// The spine with those vertebrae that are due.
pub fn with_neighbours(spine: &Spine, work: &Work) -> Result<Spine, SpineError> {
    let Some(labels) = spine.labels.clone().filter(|_| !spine.due.is_empty()) else {
        return Ok(spine.clone());
    };
    let stands = |v: &LabelledVertebra| match (spine.vertebra(v.id), spine.due.get(&v.id)) {
        (Some(model), None) => Known::Model(Arc::clone(model)),
        (Some(model), Some(Due::Measures)) => Known::Shape(Arc::clone(model)),
        _ => Known::Nothing,
    };
    let known = labels.vertebrae.iter().map(stands).collect();
    let mut made = Spine { due: BTreeMap::new(), ..spine.clone() };
    on_pool(|| derive(&mut made, known, work))?;
    Ok(made)
}

/// The spine, none of whose vertebrae is due, with those bones of sacrum and ilium that are.
pub fn with_pelvis(spine: &Spine, work: &Work) -> Result<Spine, SpineError> {
    let pelvis = on_pool(|| pelvis::made(spine, work))?;
    Ok(Spine { pelvis, ..spine.clone() })
}

fn relabelled_first(now: &Spine, labels: LabelMap, work: &Work) -> Result<Spine, SpineError> {
    let Some(shown) = &now.labels else { return Ok(now.clone()) };
    on_pool(|| {
        let changes = Changes::between(shown, &labels, now.ct.is_some());
        let labels = Arc::new(labels);
        let mut spine = Spine { labels: Some(Arc::clone(&labels)), ..now.clone() };
        let untouched = labels.vertebrae.iter().enumerate();
        let untouched = untouched.filter(|(_, v)| !changes.touched.contains(&v.value));
        let stands = |(place, v): (usize, &LabelledVertebra)| Some((place, now.vertebra(v.id)?));
        let stands: Vec<_> = untouched.filter_map(stands).collect();
        let due = |(place, v): &(usize, &Arc<VertebraModel>)| {
            let due = changes.due_of(&labels, *place).max(now.due.get(&v.id).copied());
            due.map(|due| (v.id, due))
        };
        spine.due = stands.iter().filter_map(due).collect();
        let mut known = vec![Known::Nothing; labels.vertebrae.len()];
        stands.into_iter().for_each(|(place, v)| known[place] = Known::Model(Arc::clone(v)));
        derive(&mut spine, known, work)?;
        let sides = spine.sides_of(|value| changes.is_of(value));
        spine.pelvis = now.pelvis.touched(spine.ilia, |side| sides.contains(&side));
        Ok(spine)
    })
}

/// Says anew which vertebrae are cut off: a person may have painted past the border of the grid that
/// the labels were drawn on.
fn tell_cut_off(labels: &mut LabelMap, drawn_on: &Grid) {
    let found = stats::of_drawn_on(&labels.volume, Some(drawn_on));
    for vertebra in &mut labels.vertebrae {
        vertebra.is_cut_off = found.get(&vertebra.value).is_some_and(LabelStats::is_cut_off);
    }
}

/// Says anew which vertebrae were painted up to the image's end. What is erased there makes none whole.
fn tell_painted_to_end(labels: &mut LabelMap, given: &LabelMap) {
    let painted = painted_at_end(&labels.volume, &given.volume);
    let found = if painted.is_empty() { BTreeMap::new() } else { stats::of(&labels.volume) };
    let was_cut_off = |value| given.vertebrae.iter().any(|v| v.value == value && v.is_cut_off);
    for vertebra in &mut labels.vertebrae {
        let value = vertebra.value;
        let is_cut_off = || found.get(&value).is_some_and(LabelStats::is_cut_off);
        vertebra.is_cut_off = was_cut_off(value) || painted.contains(&value) && is_cut_off();
    }
}

/// The values that voxels of the image's outermost layer have and did not have.
fn painted_at_end(labels: &Volume<u16>, given: &Volume<u16>) -> BTreeSet<u16> {
    let (now, before) = (labels.data(), given.data());
    let ends = (0..3).flat_map(|axis| {
        let last = now.len_of(Axis(axis)).saturating_sub(1);
        [(Axis(axis), 0), (Axis(axis), last)]
    });
    let painted = ends.flat_map(|(axis, layer)| {
        let both = [now, before].map(|data| data.index_axis(axis, layer));
        let [now, before] = both.map(|layer| layer.into_iter());
        now.zip(before).filter(|(now, before)| now != before).map(|(now, _)| *now)
    });
    painted.filter(|value| *value != 0).collect()
}

/// What stands already of a vertebra.
#[derive(Clone)]
pub(super) enum Known {
    /// Nothing.
    Nothing,
    /// Its surface, as it was kept.
    Surface(Surface),
    /// The model with surface, mesh and distances; it is to be measured anew.
    Shape(Arc<VertebraModel>),
    /// All.
    Model(Arc<VertebraModel>),
}

/// Surfaces, anatomy, meshes and fields of all vertebrae, in parallel. A vertebra that can not be
/// made is told; the others go on. `known` says what stands, in the order of the labels; it may be empty.
pub(super) fn derive(
    spine: &mut Spine,
    mut known: Vec<Known>,
    work: &Work,
) -> Result<(), SpineError> {
    let Some(labels) = spine.labels.clone() else { return Ok(()) };
    let count = labels.vertebrae.len();
    known.resize(count, Known::Nothing);
    let done = AtomicUsize::new(0);
    let made: Vec<_> = labels
        .vertebrae
        .par_iter()
        .zip(known)
        .map(|(vertebra, known)| {
            let made = model(spine, &labels, vertebra, known, work);
            let so_far = done.fetch_add(1, Ordering::Relaxed) + 1;
            work.step("making surfaces", so_far as f32 / count as f32)?;
            made
        })
        .collect();
    spine.vertebrae.clear();
    spine.left_out.clear();
    for (vertebra, model) in labels.vertebrae.iter().zip(made) {
        match model {
            Ok(model) => spine.vertebrae.push(model),
            Err(SurfaceError::Cancelled(cancelled)) => return Err(cancelled.into()),
            Err(why) => spine.left_out.push(format!("{} is left out: {why}", vertebra.level)),
        }
    }
    Ok(())
}

/// One vertebra from its labels (and the CT's edge, where there is one), or from what stands of it.
fn model(
    spine: &Spine,
    labels: &LabelMap,
    vertebra: &LabelledVertebra,
    known: Known,
    work: &Work,
) -> Result<Arc<VertebraModel>, SurfaceError> {
    let ct = spine.ct.as_deref();
    let drawn_on = spine.drawn_on.as_ref();
    let measured = |surface| anatomy::measure_drawn_on(labels, drawn_on, vertebra, surface, ct);
    let surface = match known {
        Known::Model(model) => return Ok(model),
        Known::Shape(model) => {
            let anatomy = measured(&model.surface);
            return Ok(remeasured(model, anatomy));
        }
        Known::Surface(surface) => surface,
        Known::Nothing => surface::declare(labels, vertebra, ct, work)?,
    };
    let distances = || {
        let mesh = mesh::extract(&surface);
        Field::to_mesh(&surface, &mesh, work).map(|field| (mesh, field))
    };
    let (distances, anatomy) = rayon::join(distances, || measured(&surface));
    let (mesh, field) = distances?;
    let canal = canal_in(&field, &anatomy);
    Ok(Arc::new(VertebraModel {
        id: vertebra.id,
        level: vertebra.level,
        surface,
        mesh,
        field,
        anatomy,
        canal,
        is_cut_off: vertebra.is_cut_off,
    }))
}

/// The same bone with other measures; it itself where they are the same.
fn remeasured(model: Arc<VertebraModel>, anatomy: VertebraAnatomy) -> Arc<VertebraModel> {
    if model.anatomy == anatomy {
        return model;
    }
    let canal = canal_in(&model.field, &anatomy);
    Arc::new(VertebraModel { anatomy, canal, ..VertebraModel::clone(&model) })
}

fn canal_in(field: &Field, anatomy: &VertebraAnatomy) -> Option<Canal> {
    Canal::new(field, anatomy).filter(|_| !anatomy.pedicles.is_empty())
}
