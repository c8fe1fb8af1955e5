//! Where a plan lives.
//!
//! In: what was opened and what was asked for. Out: a [`Location`], and in words why there.
//!
//! * With `--plan P`: at P.
//! * Without: beside the CT, as `<its name>.corridor-plan.json`; beside a DICOM folder, not in it.
//!   The name is the one that the user gave the CT, so it tells nothing that the folder did not.
//! * Where that folder can not be written (a CD, a read-only share): in the user's data folder, at
//!   `corridor/cases/<start of the CT's hash>/plan.json`, so that the same CT finds it again.
//! * The demo: in the user's data folder, at `corridor/demo/plan.json`.
//!
//! Journal and lock lie beside the plan, as `<plan>.journal` and `<plan>.lock`.

use crate::plan::CaseHashes;
use crate::platform::fs::{FileSystem, folder_of, with_ending};
use std::fmt;
use std::path::{Path, PathBuf};

/// What was opened.
#[derive(Clone, Copy, Debug)]
pub enum Opened<'a> {
    /// The built-in case.
    Demo,
    /// A file or folder: the CT, or the labels where there is no CT.
    Image(&'a Path),
}

/// Why a plan lives where it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The user said so.
    Asked,
    /// Beside the image.
    BesideImage,
    /// The image's folder can not be written.
    ReadOnlyMedia,
    /// The built-in case.
    Demo,
}

/// Where a plan lives, with its journal and its lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    plan: PathBuf,
    reason: Reason,
}

/// No place for the plan.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system names no folder for the user's data.
    #[error("this user has no data folder to keep the plan in: set HOME, or say --plan FILE")]
    NoDataFolder,
    /// The folder of `--plan` is not there.
    #[error("there is no folder {0} to keep the plan in: make it, or choose another with --plan")]
    NoFolder(PathBuf),
    /// `--plan` names a folder.
    #[error("{0} is a folder, not a plan: say --plan FILE with a file in it")]
    Folder(PathBuf),
}

impl Location {
    /// Exactly there, as asked.
    pub fn at(plan: impl Into<PathBuf>) -> Self {
        Self { plan: plan.into(), reason: Reason::Asked }
    }
    /// The plan file.
    pub fn plan(&self) -> &Path {
        &self.plan
    }
    /// The journal beside it.
    pub fn journal(&self) -> PathBuf {
        with_ending(&self.plan, ".journal")
    }
    /// The lock beside it.
    pub fn lock(&self) -> PathBuf {
        with_ending(&self.plan, ".lock")
    }
    /// Why there.
    pub fn reason(&self) -> Reason {
        self.reason
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.reason {
            Reason::Asked => "as asked",
            Reason::BesideImage => "beside the image",
            Reason::ReadOnlyMedia => "in your data folder, since the image's folder is read-only",
            Reason::Demo => "in your data folder, as the plan of the demo",
        };
        write!(f, "the plan is kept in {} ({why})", self.plan.display())
    }
}

/// Finds the place of a plan, there or not, and writes nothing: opening it makes the folder, and
/// refuses one that is read-only. `data_folder` is the user's, see [`crate::platform::data_folder`].
pub fn locate(
    opened: Opened<'_>,
    plan: Option<&Path>,
    hashes: &CaseHashes,
    data_folder: Option<&Path>,
    fs: &dyn FileSystem,
) -> Result<Location, StoreError> {
    if let Some(plan) = plan {
        return asked(plan);
    }
    let image = match opened {
        Opened::Demo => return in_data(data_folder, Path::new("demo"), Reason::Demo),
        Opened::Image(image) => image,
    };
    match beside(image) {
        Some(plan) if fs.is_writable(folder_of(&plan)) => {
            Ok(Location { plan, reason: Reason::BesideImage })
        }
        _ => {
            let folder = Path::new("cases").join(hash_prefix(hashes, image));
            in_data(data_folder, &folder, Reason::ReadOnlyMedia)
        }
    }
}

/// The place that the user named. A link is followed, so that one plan has one lock, and replacing
/// the file leaves the link a link.
fn asked(plan: &Path) -> Result<Location, StoreError> {
    let plan = plan.canonicalize().unwrap_or_else(|_| plan.to_owned());
    let folder = folder_of(&plan);
    if plan.is_dir() {
        return Err(StoreError::Folder(plan));
    }
    if !folder.is_dir() {
        return Err(StoreError::NoFolder(folder.to_owned()));
    }
    Ok(Location { plan, reason: Reason::Asked })
}

/// `<folder>/<name>.corridor-plan.json` for an image at `<folder>/<name>.nii.gz`.
fn beside(image: &Path) -> Option<PathBuf> {
    let image = image.canonicalize().ok()?;
    let name = image.file_name()?.to_str()?;
    let stem = if image.is_dir() { name } else { without_endings(name) };
    Some(image.with_file_name(format!("{stem}.corridor-plan.json")))
}

/// A file name without the endings that tell its format.
fn without_endings(name: &str) -> &str {
    let bare = name.strip_suffix(".gz").unwrap_or(name);
    match bare.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => bare,
    }
}

fn in_data(
    data_folder: Option<&Path>,
    folder: &Path,
    reason: Reason,
) -> Result<Location, StoreError> {
    let folder = data_folder.ok_or(StoreError::NoDataFolder)?.join("corridor").join(folder);
    Ok(Location { plan: folder.join("plan.json"), reason })
}

/// The start of the image's hash, as a folder's name; of its path's, where nothing else is known.
fn hash_prefix(hashes: &CaseHashes, image: &Path) -> String {
    let known = hashes.ct_content_hash.as_ref().or(hashes.labels_hash.as_ref());
    let hash = known.cloned().unwrap_or_else(|| {
        let path = image.as_os_str().as_encoded_bytes();
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, path).simple().to_string()
    });
    hash.chars().filter(char::is_ascii_alphanumeric).take(16).collect()
}
