//! DICOM in.

use super::{IngestError, Study};
use crate::work::Work;
use std::path::Path;

/// The CT series that a file belongs to.
pub(super) fn load_file(path: &Path, _work: &Work) -> Result<Study, IngestError> {
    Err(IngestError::NoCt { path: path.to_owned(), found: String::new() })
}

/// The largest CT series of a folder.
pub(super) fn load_folder(path: &Path, _work: &Work) -> Result<Study, IngestError> {
    Err(IngestError::NoDicom { path: path.to_owned(), volumes: 0 })
}
