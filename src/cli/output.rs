//! Files that a command writes where the user says so; never over what the command reads.
//!
//! In: where they shall go, and what is read. Out: the files written, or a sentence that names the
//! one that is not.

use super::CaseArgs;
use crate::case::bundle::CASE_FILE;
use crate::case::request::CaseRequest;
use crate::case::spine::Source;
use crate::platform::fs::{FileSystem, folder_of, write_atomically};
use std::path::{Path, PathBuf};

/// Why a file is not written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It is read by the same command.
    #[error("{0} belongs to what is read here, so it is not written over: choose another file")]
    Input(PathBuf),
    /// Two outputs go there.
    #[error("{0} is named for two outputs: choose another file for one of them")]
    Twice(PathBuf),
    /// There is a file already.
    #[error("{0} is there already: choose another file, or say --replace")]
    Exists(PathBuf),
    /// It can not be written.
    #[error(
        "{file} can not be written: {source}; look whether its folder is there and lets you write"
    )]
    Io {
        /// Which file.
        file: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
}

/// Refuses outputs that would write over an input or over each other, and, unless they may
/// `replace` it, over any file.
pub fn check(outputs: &[&Path], inputs: &[PathBuf], replace: bool) -> Result<(), OutputError> {
    let inputs: Vec<PathBuf> = inputs.iter().map(|input| resolved(input)).collect();
    for (n, output) in outputs.iter().enumerate() {
        let place = resolved(output);
        // In a folder that is read, a slice or a mask may be of any name.
        let is_read = |input: &PathBuf| {
            *input == place || (output.exists() && input.is_dir() && place.starts_with(input))
        };
        if inputs.iter().any(is_read) {
            return Err(OutputError::Input(output.to_path_buf()));
        }
        if outputs[..n].iter().any(|other| resolved(other) == place) {
            return Err(OutputError::Twice(output.to_path_buf()));
        }
        if output.exists() && !replace {
            return Err(OutputError::Exists(output.to_path_buf()));
        }
    }
    Ok(())
}

/// The files that a case is read from, beside its plan.
pub fn inputs(args: &CaseArgs, request: &CaseRequest) -> Vec<PathBuf> {
    let images = match &request.source {
        Source::Files { ct, labels, .. } => [ct.clone(), labels.clone()],
        Source::Demo => [None, None],
    };
    let bundle = args.ct.as_ref().map(|folder| folder.join(CASE_FILE));
    let offered = [request.catalogue.clone(), request.rods_file.clone()];
    images.into_iter().chain(offered).flatten().chain(bundle).collect()
}

/// Writes one of them.
pub fn write(file: &Path, text: &str, fs: &dyn FileSystem) -> Result<PathBuf, OutputError> {
    write_atomically(fs, file, text.as_bytes())
        .map_err(|source| OutputError::Io { file: file.to_owned(), source })?;
    Ok(file.to_owned())
}

/// A path by which two names of one file are told as the same; the file need not be there.
fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| {
        let folder = folder_of(path).canonicalize().unwrap_or_else(|_| folder_of(path).to_owned());
        path.file_name().map_or_else(|| path.to_owned(), |name| folder.join(name))
    })
}
