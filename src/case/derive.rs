//! From a spine's voxels to its vertebrae: surfaces, anatomy, meshes and distance fields; all of
//! them, or those whose labels a person mended.

use super::pelvis;
use super::spine::{Spine, SpineError, VertebraModel};
use crate::anatomy;
use crate::clearance::{Canal, Field};
use crate::labels::stats::{self, LabelStats};
use crate::labels::{LabelMap, LabelledVertebra, Level};
use crate::mesh;
use crate::plan::Plan;
use crate::surface::{self, Surface, SurfaceError};
use crate::volume::{Grid, Volume};
use crate::work::{Work, on_pool};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The spine with its labels as `plan` says that a person mended them: only the vertebrae whose
/// voxels change are made anew, and sacrum and ilium where one of both is. `given` is the spine as it was
/// read; `now` has some of the mendings, or none, and is taken over as far as it can be.
pub fn mended(given: &Spine, now: &Spine, plan: &Plan, work: &Work) -> Result<Spine, SpineError> {
    with_pelvis(&mended_but_pelvis(given, now, plan, work)?, work)
}

/// The same but for sacrum and ilium as one bone, which takes many times as long: where a vertebra or an
/// ilium that it is made of changed, that is due, and [`with_pelvis`] makes it.
pub fn mended_but_pelvis(
    given: &Spine,
    now: &Spine,
    plan: &Plan,
    work: &Work,
) -> Result<Spine, SpineError> {
    let wanted = &plan.label_edits;
    let is_further = wanted.starts_with(&now.label_edits);
    let from = if is_further { now } else { given };
    let Some(labels) = &from.labels else { return Ok(now.clone()) };
    if now.label_edits == *wanted {
        return Ok(now.clone());
    }
    on_pool(|| {
        let mut labels = LabelMap::clone(labels);
        for mending in &wanted[from.label_edits.len()..] {
            mending.apply(&mut labels.volume);
        }
        if let Some(drawn_on) = &now.drawn_on {
            tell_cut_off(&mut labels, drawn_on);
        }
        let spine = relabelled_but_pelvis(now, labels, work)?;
        Ok(Spine { label_edits: wanted.clone(), ..spine })
    })
}

/// The spine with other labels of the same vertebrae on the same grid: only the vertebrae whose voxels
/// differ are made anew. A spine without labels stays as it is.
pub fn relabelled(now: &Spine, labels: LabelMap, work: &Work) -> Result<Spine, SpineError> {
    with_pelvis(&relabelled_but_pelvis(now, labels, work)?, work)
}

/// The spine with those bones of sacrum and ilium that are due.
pub fn with_pelvis(spine: &Spine, work: &Work) -> Result<Spine, SpineError> {
    let pelvis = on_pool(|| pelvis::made(spine, work))?;
    Ok(Spine { pelvis, ..spine.clone() })
}

fn relabelled_but_pelvis(now: &Spine, labels: LabelMap, work: &Work) -> Result<Spine, SpineError> {
    let Some(shown) = &now.labels else { return Ok(now.clone()) };
    on_pool(|| {
        let touched = differing(&labels.volume, &shown.volume);
        let labels = Arc::new(labels);
        let mut spine = Spine {
            labels: Some(Arc::clone(&labels)),
            vertebrae: Vec::new(),
            left_out: Vec::new(),
            ..now.clone()
        };
        let untouched = |v: &LabelledVertebra| {
            let model = now.vertebra(v.id)?;
            (!touched.contains(&v.value)).then(|| Arc::clone(model))
        };
        let known = labels.vertebrae.iter().map(untouched).collect();
        derive(&mut spine, known, Vec::new(), work)?;
        let is_touched = |value: Option<u16>| value.is_some_and(|value| touched.contains(&value));
        let sacrum = is_touched(labels.at_level(Level::S1).map(|v| v.value));
        let ilia = spine.ilia;
        spine.pelvis = now.pelvis.touched(ilia, |side| sacrum || is_touched(ilia.of(side)));
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

/// The labels of which two maps of one grid differ in a voxel.
fn differing(a: &Volume<u16>, b: &Volume<u16>) -> BTreeSet<u16> {
    let (Some(a), Some(b)) = (a.data().as_slice(), b.data().as_slice()) else {
        return BTreeSet::new();
    };
    /// Voxels that one thread compares in one go.
    const CHUNK: usize = 1 << 16;
    let pairs = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)).filter(|(a, b)| a != b);
    let of_chunk = |(a, b): (&[u16], &[u16])| -> BTreeSet<u16> {
        a.iter().zip(b).filter(|(a, b)| a != b).flat_map(|(a, b)| [*a, *b]).collect()
    };
    pairs.map(of_chunk).reduce(BTreeSet::new, |all, some| &all | &some)
}

/// Surfaces, anatomy, meshes and fields of all vertebrae, in parallel. A vertebra that can not be
/// made is told; the others go on. In the order of the labels: `known` holds the models that stand
/// already, `kept` the surfaces; either may be empty.
pub(super) fn derive(
    spine: &mut Spine,
    mut known: Vec<Option<Arc<VertebraModel>>>,
    mut kept: Vec<Option<Surface>>,
    work: &Work,
) -> Result<(), SpineError> {
    let Some(labels) = spine.labels.clone() else { return Ok(()) };
    let count = labels.vertebrae.len();
    known.resize_with(count, || None);
    kept.resize_with(count, || None);
    let done = AtomicUsize::new(0);
    let made: Vec<_> = labels
        .vertebrae
        .par_iter()
        .zip(known)
        .zip(kept)
        .map(|((vertebra, known), kept)| {
            let made = match known {
                Some(model) => Ok(model),
                None => model(spine, &labels, vertebra, kept, work).map(Arc::new),
            };
            let so_far = done.fetch_add(1, Ordering::Relaxed) + 1;
            work.step("making surfaces", so_far as f32 / count as f32)?;
            made
        })
        .collect();
    for (vertebra, model) in labels.vertebrae.iter().zip(made) {
        match model {
            Ok(model) => spine.vertebrae.push(model),
            Err(SurfaceError::Cancelled(cancelled)) => return Err(cancelled.into()),
            Err(why) => spine.left_out.push(format!("{} is left out: {why}", vertebra.level)),
        }
    }
    Ok(())
}

/// One vertebra from its labels (and the CT's edge, where there is one), or from its surface.
fn model(
    spine: &Spine,
    labels: &LabelMap,
    vertebra: &LabelledVertebra,
    kept: Option<Surface>,
    work: &Work,
) -> Result<VertebraModel, SurfaceError> {
    let ct = spine.ct.as_deref();
    let surface = match kept {
        Some(surface) => surface,
        None => surface::declare(labels, vertebra, ct, work)?,
    };
    let distances = || {
        let mesh = mesh::extract(&surface);
        Field::to_mesh(&surface, &mesh, work).map(|field| (mesh, field))
    };
    let drawn_on = spine.drawn_on.as_ref();
    let measured = || anatomy::measure_drawn_on(labels, drawn_on, vertebra, &surface, ct);
    let (distances, anatomy) = rayon::join(distances, measured);
    let (mesh, field) = distances?;
    let canal = Canal::new(&field, &anatomy).filter(|_| !anatomy.pedicles.is_empty());
    Ok(VertebraModel {
        id: vertebra.id,
        level: vertebra.level,
        surface,
        mesh,
        field,
        anatomy,
        canal,
        is_cut_off: vertebra.is_cut_off,
    })
}
