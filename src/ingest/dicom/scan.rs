//! Which files of a folder belong together, and which series is meant.

use super::header::{Header, Slice};
use super::series;
use crate::ingest::sniff::{self, Kind};
use crate::ingest::{IngestError, Warning};
use crate::work::Work;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Folders nested deeper than this are not looked into.
const DEEPEST: usize = 12;

/// All files of one series that lie directly in a folder.
pub(super) fn files_of_series(
    folder: &Path,
    series_uid: &str,
    work: &Work,
) -> Result<Vec<Header>, IngestError> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut found = read_headers(files(folder, 0)?, work)?.headers;
    found.retain(|header| header.series_uid == series_uid && header.is_ct());
    Ok(found)
}

/// The CT series with the most slices that make a volume; of equal ones, the one with the most pixels, then the
/// first by UID. Scouts and other modalities are passed over.
pub(super) fn largest_ct_series(
    folder: &Path,
    work: &Work,
) -> Result<(Vec<Header>, Vec<Warning>), IngestError> {
    let Scanned { headers, mut unreadable } = read_headers(files(folder, DEEPEST)?, work)?;
    let mut warnings = Vec::new();
    if !unreadable.is_empty() {
        warnings.push(Warning::UnreadableFiles { count: unreadable.len() });
    }
    let mut modalities = BTreeSet::new();
    let mut series: BTreeMap<String, Vec<Header>> = BTreeMap::new();
    let mut image_series = BTreeSet::new();
    for header in headers {
        modalities.insert(header.kind());
        if header.slices.is_ok() {
            image_series.insert(header.series_uid.clone());
        }
        if header.is_ct() {
            series.entry(header.series_uid.clone()).or_default().push(header);
        }
    }
    let largest = series.into_iter().rev().max_by_key(|(_, files)| size(folder, files));
    match largest {
        Some((uid, files)) => {
            image_series.remove(&uid);
            if !image_series.is_empty() {
                warnings.push(Warning::OtherSeries { others: image_series.len() });
            }
            Ok((files, warnings))
        }
        None if modalities.is_empty() => Err(match unreadable.pop() {
            Some(error) => error,
            None => IngestError::NoDicom { path: folder.to_owned(), volumes: 0 },
        }),
        None => Err(IngestError::NoCt {
            path: folder.to_owned(),
            found: modalities.into_iter().collect::<Vec<_>>().join(", "),
        }),
    }
}

/// The segmentations of a folder and its subfolders.
pub(super) fn segmentations(folder: &Path, work: &Work) -> Result<Vec<PathBuf>, IngestError> {
    let headers = read_headers(files(folder, DEEPEST)?, work)?.headers;
    let segmentations = headers.into_iter().filter(|header| header.modality == "SEG");
    Ok(segmentations.map(|header| header.path).collect())
}

/// Slices that make a volume, then pixels of a slice, then slices of any kind.
fn size(folder: &Path, files: &[Header]) -> (usize, usize, usize) {
    let slices = files.iter().filter_map(|file| file.slices.as_ref().ok()).flatten();
    let slices: Vec<Slice> = slices.cloned().collect();
    let all = slices.len();
    match series::arrange(folder, slices) {
        Ok(series) => {
            let [ni, nj, nk] = series.grid.size();
            (nk, ni * nj, all)
        }
        Err(_) => (0, 0, all),
    }
}

struct Scanned {
    headers: Vec<Header>,
    /// One for every file that starts as DICOM and can not be parsed.
    unreadable: Vec<IngestError>,
}

fn read_headers(files: Vec<PathBuf>, work: &Work) -> Result<Scanned, IngestError> {
    let (done, all) = (AtomicUsize::new(0), files.len());
    let headers: Vec<Option<Result<Header, IngestError>>> = files
        .into_par_iter()
        .map(|path| {
            let so_far = done.fetch_add(1, Ordering::Relaxed);
            work.step("reading headers", so_far as f32 / all as f32)?;
            let is_dicom = matches!(sniff::kind(&path), Ok(Kind::Dicom));
            Ok(is_dicom.then(|| Header::read(&path)))
        })
        .collect::<Result<_, IngestError>>()?;
    let mut scanned = Scanned { headers: Vec::new(), unreadable: Vec::new() };
    for tried in headers.into_iter().flatten() {
        match tried {
            Ok(header) => scanned.headers.push(header),
            Err(error) => scanned.unreadable.push(error),
        }
    }
    Ok(scanned)
}

/// Every file of a folder and, `depth` levels down, of its subfolders, in the order of their
/// names. Links to folders are not followed, so that a loop ends.
fn files(folder: &Path, depth: usize) -> Result<Vec<PathBuf>, IngestError> {
    let entries = std::fs::read_dir(folder).map_err(|e| IngestError::io(folder, e))?;
    let (mut found, mut folders) = (Vec::new(), Vec::new());
    for entry in entries {
        let entry = entry.map_err(|e| IngestError::io(folder, e))?;
        let kind = entry.file_type().map_err(|e| IngestError::io(&entry.path(), e))?;
        if kind.is_dir() {
            folders.push(entry.path());
        } else {
            found.push(entry.path());
        }
    }
    if depth > 0 {
        for inner in folders {
            found.extend(files(&inner, depth - 1)?);
        }
    }
    found.sort();
    Ok(found)
}
