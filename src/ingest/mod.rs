//! Files to volumes: DICOM, NIfTI and NRRD in, patient space (LPS, millimetres) out.
//!
//! In: a path. Out: a [`Study`] (CT in HU and who it belongs to, by hash alone) or [`RawLabels`].
//! What a file is, is read from its first bytes, never from its name. What can be survived comes
//! back as a [`Warning`]; everything else is an [`IngestError`] that names the file and the remedy.
//! Nothing that identifies a patient leaves this module.

pub mod dicom;
pub mod error;
pub mod hash;
mod masks;
pub mod nifti;
pub mod nrrd;
mod raw;
mod regrid;
mod sniff;
pub mod warning;

pub use error::IngestError;
pub use hash::{content_hash, labels_hash};
pub use regrid::labels_on_grid;
pub use warning::Warning;

use crate::labels::Lying;
use crate::volume::{Grid, Volume};
use crate::work::{Work, on_pool};
use raw::RawImage;
use sniff::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One CT as it was read.
#[derive(Clone, Debug)]
pub struct Study {
    /// The image in Hounsfield units, rounded, on the grid in which the file stores it.
    pub ct: Volume<i16>,
    /// Who it is, without saying who.
    pub identity: CtIdentity,
    /// The (width, level) in HU that the file proposes for display.
    pub window: Option<(f64, f64)>,
    /// How the patient lay; `None` where the file does not say.
    pub lying: Option<Lying>,
    /// False when the file does not say where its voxels lie in the patient: left and right are
    /// then a guess.
    pub has_space: bool,
    /// What was survived, to be shown.
    pub warnings: Vec<Warning>,
    /// Format, size and spacing in words; holds nothing of the patient.
    pub description: String,
}

/// What tells CTs and patients apart without naming anybody.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CtIdentity {
    /// [`content_hash`] of the CT.
    pub content_hash: String,
    /// Hash of DICOM's Frame of Reference UID; `None` where the format has none.
    pub frame_of_reference_hash: Option<String>,
    /// Hash of DICOM's Patient ID; `None` where the format has none or the field is empty.
    pub patient_hash: Option<String>,
}

/// A label map as it was read: values without meaning yet.
#[derive(Clone, Debug)]
pub struct RawLabels {
    /// The label of every voxel; 0 is background.
    pub volume: Volume<u16>,
    /// Names that the file itself gives its values (Slicer segments); empty for most files.
    pub names: BTreeMap<u16, String>,
    /// How far the file tells what is labelled, where that is not the grid of `volume`: labels were
    /// resampled, or empty slices left out.
    pub drawn_on: Option<Grid>,
    /// False when the file does not say where its voxels lie in the patient.
    pub has_space: bool,
    /// [`labels_hash`] of the volume as read.
    pub hash: String,
    /// What was survived, to be shown.
    pub warnings: Vec<Warning>,
}

/// Reads a CT: a NIfTI or NRRD file, a DICOM file (its whole series, if that lies beside it), or
/// a folder of DICOM files (the largest CT series in it).
pub fn load(path: &Path, work: &Work) -> Result<Study, IngestError> {
    on_pool(|| match sniff::kind(path)? {
        Kind::Folder => load_folder(path, work),
        Kind::Dicom => dicom::load_file(path, work),
        kind => study(read_image(kind, path, work)?, kind.name(), work),
    })
}

/// Reads a label map: a NIfTI or NRRD file, a DICOM segmentation, or a folder with one of these or
/// with masks, one structure a file. Whole numbers from 0 to 65535 are labels, whatever number type
/// the file stores them in.
pub fn load_labels(path: &Path, work: &Work) -> Result<RawLabels, IngestError> {
    on_pool(|| match sniff::kind(path)? {
        Kind::Folder => load_labels_folder(path, work),
        Kind::Dicom => dicom::load_labels(path, work),
        kind => labels(read_image(kind, path, work)?, work),
    })
}

/// One image that stands in one file.
fn read_image(kind: Kind, path: &Path, work: &Work) -> Result<RawImage, IngestError> {
    match kind {
        Kind::Nifti => nifti::read(path, work),
        Kind::Nrrd => nrrd::read(path, work),
        Kind::Folder | Kind::Dicom => Err(IngestError::NotAnImage { path: path.to_owned() }),
    }
}

/// Volume files come first: a folder of masks often lies with the DICOM files that it was made from.
fn load_labels_folder(folder: &Path, work: &Work) -> Result<RawLabels, IngestError> {
    let files = volume_files(folder)?;
    if let [(kind, only)] = files.as_slice() {
        return labels(read_image(*kind, only, work)?, work);
    }
    if !files.is_empty() {
        return masks::join(folder, &files, work);
    }
    let segmentation = dicom::load_labels_folder(folder, work)?;
    segmentation.ok_or_else(|| IngestError::NoLabels { path: folder.to_owned() })
}

/// True when an image looks like a label map given as a CT: no negative value, mostly zero, and
/// at most [`MOST_LABELS`] different values.
pub fn looks_like_labels(image: &Volume<i16>) -> bool {
    let mut seen = BTreeSet::new();
    let mut zeros = 0_usize;
    let mut last = 0;
    for value in image.data() {
        if *value == 0 {
            zeros += 1;
        } else if *value != last {
            last = *value;
            seen.insert(last);
            if last < 0 || seen.len() > MOST_LABELS {
                return false;
            }
        }
    }
    !seen.is_empty() && zeros * 2 > image.grid().len()
}

/// More values than any label map of a body has structures; every CT of bone has more.
pub const MOST_LABELS: usize = 255;

fn study(image: RawImage, format: &str, work: &Work) -> Result<Study, IngestError> {
    let mut warnings = image.warnings.clone();
    let has_space = image.has_space;
    let ct = image.into_hu(&mut warnings, work)?;
    Ok(Study {
        identity: CtIdentity {
            content_hash: content_hash(&ct),
            frame_of_reference_hash: None,
            patient_hash: None,
        },
        window: None,
        lying: None,
        has_space,
        warnings,
        description: describe(format, &ct),
        ct,
    })
}

fn labels(image: RawImage, work: &Work) -> Result<RawLabels, IngestError> {
    let (warnings, names, has_space) =
        (image.warnings.clone(), image.names.clone(), image.has_space);
    let volume = image.into_labels(work)?;
    let hash = labels_hash(&volume);
    Ok(RawLabels { volume, names, drawn_on: None, has_space, hash, warnings })
}

/// `NIfTI, 186 x 186 x 40 voxels of 1.000 x 1.000 x 2.000 mm`.
fn describe<T>(format: &str, volume: &Volume<T>) -> String {
    let [ni, nj, nk] = volume.grid().size();
    let [di, dj, dk] = volume.grid().spacing_mm();
    format!("{format}, {ni} x {nj} x {nk} voxels of {di:.3} x {dj:.3} x {dk:.3} mm")
}

/// A folder is DICOM; one that holds no DICOM but a single volume file is that file.
fn load_folder(folder: &Path, work: &Work) -> Result<Study, IngestError> {
    let mut entries = std::fs::read_dir(folder).map_err(|e| IngestError::io(folder, e))?;
    if entries.next().is_none() {
        return Err(IngestError::EmptyFolder { path: folder.to_owned() });
    }
    match dicom::load_folder(folder, work) {
        Err(IngestError::NoDicom { .. }) => {}
        other => return other,
    }
    let volumes = volume_files(folder)?;
    match volumes.as_slice() {
        [(kind, only)] => study(read_image(*kind, only, work)?, kind.name(), work),
        _ => Err(IngestError::NoDicom { path: folder.to_owned(), volumes: volumes.len() }),
    }
}

/// The NIfTI and NRRD files that lie directly in a folder, by name.
fn volume_files(folder: &Path) -> Result<Vec<(Kind, PathBuf)>, IngestError> {
    let entries = std::fs::read_dir(folder).map_err(|e| IngestError::io(folder, e))?;
    let mut found: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .filter_map(|path| sniff::kind(&path).ok().map(|kind| (kind, path)))
        .filter(|(kind, _)| matches!(kind, Kind::Nifti | Kind::Nrrd))
        .collect();
    found.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(found)
}
