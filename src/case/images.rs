//! From files to a spine's voxels: the CT, labels and their names; nothing is derived yet.

use super::kept::Kept;
use super::spine::{NOT_REVIEWED, Source, Spine, SpineError};
use crate::clearance::Voxels;
use crate::ingest::{self, CtIdentity, IngestError, RawLabels, Study};
use crate::labels::auto::{self, SegmentError};
use crate::labels::numbering::{self, Numbering};
use crate::labels::stats::{self, LabelStats};
use crate::labels::{Ilia, Organ};
use crate::phantom;
use crate::plan::CaseHashes;
use crate::volume::Volume;
use crate::work::Work;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The voxels of a case; those of the built-in one from what is `kept`, where it is there.
pub(super) fn of(source: &Source, kept: Option<&Kept>, work: &Work) -> Result<Spine, SpineError> {
    match source {
        Source::Demo => load_demo(kept, work),
        Source::Files { ct, labels, numbering } => {
            load_files(ct.as_deref(), labels.as_deref(), *numbering, work)
        }
    }
}

/// The built-in case as voxels.
fn load_demo(kept: Option<&Kept>, work: &Work) -> Result<Spine, SpineError> {
    work.step("making the built-in case", 0.0)?;
    let spec = phantom::demo_spec();
    let (ct, labels) = kept.and_then(|kept| kept.demo(&spec)).unwrap_or_else(|| {
        let (ct, labels) = phantom::demo_images();
        if let Some(kept) = kept {
            kept.add_demo(&spec, &ct, &labels);
        }
        (ct, labels)
    });
    let hashes = CaseHashes {
        ct_content_hash: Some(ingest::content_hash(&ct)),
        labels_hash: Some(ingest::labels_hash(&labels.volume)),
        ..CaseHashes::default()
    };
    Ok(Spine {
        ct: Some(Arc::new(ct)),
        hashes,
        labels: Some(Arc::new(labels)),
        is_demo: true,
        ..Spine::default()
    })
}

/// The user's files as voxels.
fn load_files(
    ct: Option<&Path>,
    labels: Option<&Path>,
    wanted: Option<Numbering>,
    work: &Work,
) -> Result<Spine, SpineError> {
    match (ct, labels) {
        (Some(ct), None) => load_one_file(ct, wanted, work),
        (Some(ct), Some(labels)) => {
            let study = ingest::load(ct, work)?;
            let raw = ingest::load_labels(labels, work)?;
            let raw = ingest::labels_on_grid(raw, study.ct.grid(), study.has_space, work)?;
            let mut spine = of_study(study);
            add_labels(&mut spine, labels, raw, wanted)?;
            Ok(spine)
        }
        (None, Some(labels)) => labels_alone(labels, wanted, work),
        (None, None) => load_demo(None, work),
    }
}

/// One file without labels beside it: a CT, unless its values look like labels.
fn load_one_file(file: &Path, wanted: Option<Numbering>, work: &Work) -> Result<Spine, SpineError> {
    let study = match ingest::load(file, work) {
        Ok(study) => study,
        // No CT: labels then, as a folder of masks or a DICOM segmentation.
        Err(no_ct @ (IngestError::NoCt { .. } | IngestError::NoDicom { .. })) => {
            use IngestError::{NoLabels, NotASegmentation, NotLabels};
            return labels_alone(file, wanted, work).map_err(|error| match error {
                SpineError::Ingest(
                    NoLabels { .. } | NotLabels { .. } | NotASegmentation { .. },
                ) => no_ct.into(),
                other => other,
            });
        }
        Err(error) => return Err(error.into()),
    };
    if !ingest::looks_like_labels(&study.ct) {
        let mut spine = of_study(study);
        add_automatic(&mut spine, work)?;
        return Ok(spine);
    }
    let mut spine = labels_alone(file, wanted, work)?;
    spine.warnings.insert(0, "the file was taken as a label map, since it holds no HU".to_owned());
    Ok(spine)
}

/// Finds the vertebrae of a CT that came without labels. Where there is no spine the slices can
/// still be looked at.
fn add_automatic(spine: &mut Spine, work: &Work) -> Result<(), SpineError> {
    let Some(ct) = spine.ct.clone() else { return Ok(()) };
    let found = match auto::segment(&ct, work) {
        Ok(found) => found,
        Err(SegmentError::Cancelled(cancelled)) => return Err(cancelled.into()),
        Err(why) => {
            spine.warnings.push(why.to_string());
            return Ok(());
        }
    };
    let hash = ingest::labels_hash(&found.volume);
    let names = BTreeMap::new();
    match numbering::name_labels(found.volume, &names, &hash, Some(Numbering::Verse)) {
        Ok(mut named) => {
            let is_cut_off = |value| found.levels.iter().any(|l| l.value == value && l.is_cut_off);
            for vertebra in &mut named.labels.vertebrae {
                vertebra.is_cut_off |= is_cut_off(vertebra.value);
            }
            spine.warnings.push(NOT_REVIEWED.to_owned());
            spine.warnings.extend(found.warnings);
            spine.name_doubts = found.name_doubts;
            spine.hashes.labels_hash = Some(hash);
            spine.labels = Some(Arc::new(named.labels));
            spine.automatic = Some(Arc::new(found.levels));
        }
        Err(why) => spine.warnings.push(why.to_string()),
    }
    Ok(())
}

fn of_study(study: Study) -> Spine {
    let CtIdentity { content_hash, frame_of_reference_hash, patient_hash } = study.identity;
    Spine {
        ct: Some(Arc::new(study.ct)),
        hashes: CaseHashes {
            ct_content_hash: Some(content_hash),
            frame_of_reference_hash,
            patient_hash,
            labels_hash: None,
        },
        window: study.window,
        lying: study.lying,
        warnings: study.warnings.iter().map(ToString::to_string).collect(),
        ..Spine::default()
    }
}

fn labels_alone(file: &Path, wanted: Option<Numbering>, work: &Work) -> Result<Spine, SpineError> {
    let raw = ingest::load_labels(file, work)?;
    let alone = "labels without a CT: planning on anatomy alone, without HU".to_owned();
    let mut spine = Spine { warnings: vec![alone], ..Spine::default() };
    add_labels(&mut spine, file, raw, wanted)?;
    Ok(spine)
}

/// Names the labels of `file` and makes them the spine's.
fn add_labels(
    spine: &mut Spine,
    file: &Path,
    raw: RawLabels,
    wanted: Option<Numbering>,
) -> Result<(), SpineError> {
    spine.warnings.extend(raw.warnings.iter().map(ToString::to_string));
    spine.hashes.labels_hash = Some(raw.hash.clone());
    let mut named = numbering::name_labels(raw.volume, &raw.names, &raw.hash, wanted)
        .map_err(|source| SpineError::Numbering { file: file.to_owned(), source })?;
    let found = stats::of_drawn_on(&named.labels.volume, raw.drawn_on.as_ref());
    for vertebra in &mut named.labels.vertebrae {
        vertebra.is_cut_off |= found.get(&vertebra.value).is_some_and(LabelStats::is_cut_off);
    }
    let values = found.into_keys();
    let values = values.filter(|value| named.labels.vertebrae.iter().all(|v| v.value != *value));
    let values: Vec<u16> = values.collect();
    spine.ilia = Ilia::find(values.iter().copied(), &raw.names, named.numbering);
    let found = Organ::find(values, &raw.names, named.numbering);
    spine.organs = Arc::new(organs(&named.labels.volume, &found));
    spine.warnings.extend(named.notices.iter().cloned());
    spine.of_file_names = named.notices;
    spine.drawn_on = raw.drawn_on;
    spine.labels = Some(Arc::new(named.labels));
    Ok(())
}

/// The distance to each organ of a label volume, by the values that stand for it.
pub fn organs(labels: &Volume<u16>, values: &BTreeMap<Organ, Vec<u16>>) -> Vec<(Organ, Voxels)> {
    let of = |(organ, values): (&Organ, &Vec<u16>)| Some((*organ, Voxels::new(labels, values)?));
    values.iter().filter_map(of).collect()
}
