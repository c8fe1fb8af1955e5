//! DICOM in: which files belong together, in which order, where they lie, and their HU.
//!
//! In: a file or a folder. Out: a [`Study`]. [`file`] opens what is
//! half broken, [`scan`] groups files by series, [`header`] reads the
//! few attributes that are asked for, [`series`] puts slices in order and finds their grid,
//! [`pixels`] decodes them, [`deidentify`] says what may leave; [`segmentation`] reads labels.
//! [`write`] makes a series.

mod deidentify;
mod file;
mod header;
mod lengths;
mod pixels;
mod scan;
mod segmentation;
mod series;
pub mod write;

pub(super) use segmentation::load_labels;

use super::{CtIdentity, IngestError, RawLabels, Study, Warning, content_hash, describe};
use crate::labels::Lying;
use crate::work::Work;
use header::Header;
use std::path::Path;

/// The CT series that a file belongs to: the file alone if it holds several frames, else all
/// files of the same series that lie beside it.
pub(super) fn load_file(path: &Path, work: &Work) -> Result<Study, IngestError> {
    let header = Header::read(path)?;
    if !header.is_ct() {
        return Err(IngestError::NoCt { path: path.to_owned(), found: header.kind() });
    }
    let is_whole = header.slices.as_ref().is_ok_and(|slices| slices.len() > 1);
    let folder = path.parent().filter(|_| !is_whole);
    let mut files = match folder {
        Some(folder) => scan::files_of_series(folder, &header.series_uid, work)?,
        None => Vec::new(),
    };
    if files.is_empty() {
        files.push(header);
    }
    study(path, files, Vec::new(), work)
}

/// The one segmentation in a folder and its subfolders; `None` where there is none.
pub(super) fn load_labels_folder(
    folder: &Path,
    work: &Work,
) -> Result<Option<RawLabels>, IngestError> {
    match scan::segmentations(folder, work)?.as_slice() {
        [] => Ok(None),
        [only] => load_labels(only, work).map(Some),
        several => {
            Err(IngestError::SeveralSegmentations { path: folder.to_owned(), count: several.len() })
        }
    }
}

/// The largest CT series of a folder and its subfolders.
pub(super) fn load_folder(folder: &Path, work: &Work) -> Result<Study, IngestError> {
    let (files, warnings) = scan::largest_ct_series(folder, work)?;
    study(folder, files, warnings, work)
}

fn study(
    path: &Path,
    files: Vec<Header>,
    mut warnings: Vec<Warning>,
    work: &Work,
) -> Result<Study, IngestError> {
    let identity = deidentify::identity(&files);
    let window = files.iter().find_map(|file| file.window);
    let lying = lying(&files);
    let details = deidentify::details(&files);
    let series = series::arrange(path, usable_slices(files, &mut warnings)?)?;
    warnings.extend(series.warnings);
    if series.slices.iter().any(|slice| slice.rescale.is_none()) {
        warnings.push(Warning::NoRescale);
    }
    let ct = pixels::decode(&series.slices, series.grid, &mut warnings, work)?;
    let (frame_of_reference_hash, patient_hash) = identity;
    Ok(Study {
        identity: CtIdentity {
            content_hash: content_hash(&ct),
            frame_of_reference_hash,
            patient_hash,
        },
        window,
        lying,
        has_space: true,
        warnings,
        description: format!("{}{details}", describe("DICOM CT", &ct)),
        ct,
    })
}

/// How the patient lay, where the files that say so agree.
fn lying(files: &[Header]) -> Option<Lying> {
    let mut told = files.iter().filter_map(|file| file.lying);
    let first = told.next()?;
    told.all(|other| other == first).then_some(first)
}

/// The slices of all files that are images with a place. A file that is none (a screen shot within
/// the series) is left out and told; where no file is one, the first says why.
fn usable_slices(
    files: Vec<Header>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<header::Slice>, IngestError> {
    let (mut slices, mut errors) = (Vec::new(), Vec::new());
    for file in files {
        match file.slices {
            Ok(own) => slices.extend(own),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() && !slices.is_empty() {
        warnings.push(Warning::OddSlices { count: errors.len() });
    }
    match errors.into_iter().next() {
        Some(error) if slices.is_empty() => Err(error),
        _ => Ok(slices),
    }
}
