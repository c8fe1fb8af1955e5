//! A case as a folder: `case.json` beside its files.
//!
//! In: a folder. Out: where its CT, labels and plan lie. Paths in `case.json` are relative to the
//! folder and stay inside it, so that the folder can be copied anywhere.

use crate::platform::fs::{FileSystem, write_atomically};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Component, Path, PathBuf};

/// The name of the file that makes a folder a case.
pub const CASE_FILE: &str = "case.json";
/// The newest form of that file.
const SCHEMA: u64 = 1;

/// The files of a case, as paths that can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The CT, a file or a DICOM folder; `None` in a case of labels alone.
    pub ct: Option<PathBuf>,
    /// The label map.
    pub labels: Option<PathBuf>,
    /// The plan; need not be there yet.
    pub plan: PathBuf,
}

/// A folder that is no case, or can not be made one.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// `case.json` can not be read or written.
    #[error("{file} can not be read or written ({source}): look at the folder's permissions")]
    Io {
        /// Which file.
        file: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// `case.json` is no JSON of this shape.
    #[error("{file} is no readable case: {source}; correct it there or open the CT itself")]
    Syntax {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Written by a newer program.
    #[error(
        "{file} has schema {found}, this program reads {SCHEMA}: open it with a newer Corridor"
    )]
    Newer {
        /// Which file.
        file: PathBuf,
        /// What it says.
        found: u64,
    },
    /// Neither CT nor labels.
    #[error("{file} names neither \"ct\" nor \"labels\": name at least one of them in it")]
    Empty {
        /// Which file.
        file: PathBuf,
    },
    /// A path that leads out of the folder.
    #[error("{file} names {path}, which is not inside its folder: copy the file in, and name that")]
    Outside {
        /// Which file.
        file: PathBuf,
        /// The path it names.
        path: PathBuf,
    },
}

#[derive(Serialize, Deserialize)]
struct Record {
    schema: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ct: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labels: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan: Option<PathBuf>,
}

/// Whether a path is a folder with a `case.json` in it.
pub fn is_bundle(path: &Path) -> bool {
    path.join(CASE_FILE).is_file()
}

/// Reads a case's folder. The files it names need not be there; opening them says so.
pub fn read(folder: &Path, fs: &dyn FileSystem) -> Result<Bundle, BundleError> {
    let file = folder.join(CASE_FILE);
    let bytes = fs.read(&file).map_err(|source| BundleError::Io { file: file.clone(), source })?;
    let record: Record = serde_json::from_slice(&bytes)
        .map_err(|source| BundleError::Syntax { file: file.clone(), source })?;
    if record.schema != SCHEMA {
        return Err(BundleError::Newer { file, found: record.schema });
    }
    if record.ct.is_none() && record.labels.is_none() {
        return Err(BundleError::Empty { file });
    }
    let inside = |path: PathBuf| match stays_inside(&path) {
        true => Ok(folder.join(path)),
        false => Err(BundleError::Outside { file: file.clone(), path }),
    };
    Ok(Bundle {
        ct: record.ct.map(inside).transpose()?,
        labels: record.labels.map(inside).transpose()?,
        plan: inside(record.plan.unwrap_or_else(|| PathBuf::from("plan.json")))?,
    })
}

/// Makes `folder`, which must exist, a case of these files, which must lie in it.
pub fn write(folder: &Path, bundle: &Bundle, fs: &dyn FileSystem) -> Result<(), BundleError> {
    let file = folder.join(CASE_FILE);
    let relative = |path: &PathBuf| match path.strip_prefix(folder) {
        Ok(inside) if stays_inside(inside) => Ok(inside.to_owned()),
        _ => Err(BundleError::Outside { file: file.clone(), path: path.clone() }),
    };
    let record = Record {
        schema: SCHEMA,
        ct: bundle.ct.as_ref().map(relative).transpose()?,
        labels: bundle.labels.as_ref().map(relative).transpose()?,
        plan: Some(relative(&bundle.plan)?),
    };
    let text = serde_json::to_string_pretty(&record)
        .map_err(|source| BundleError::Syntax { file: file.clone(), source })?;
    write_atomically(fs, &file, (text + "\n").as_bytes())
        .map_err(|source| BundleError::Io { file: file.clone(), source })
}

/// True for a relative path that never climbs.
fn stays_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}
