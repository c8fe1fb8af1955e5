//! Without a display: the same case as pictures, and its plan as a table, in a folder.

use super::picture::{self, Drawing, PictureError};
use crate::cli::View;
use crate::cli::grade::{self, ReadCase};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the pictures could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OffScreenError {
    /// A picture.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A file of the folder.
    #[error("{} can not be written ({source}): choose another folder to start in", file.display())]
    Write {
        /// Which file.
        file: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

/// The views that are drawn, with the names of their files.
const VIEWS: [(View, &str); 6] = [
    (View::Posterior, "posterior.png"),
    (View::Anterior, "anterior.png"),
    (View::Left, "left.png"),
    (View::Axial, "axial.png"),
    (View::Coronal, "coronal.png"),
    (View::Sagittal, "sagittal.png"),
];

/// Size of the pictures, pixels.
const SIZE: (u32, u32) = (1280, 800);

/// Name of the plan's table.
pub const TABLE: &str = "plan.txt";

/// Writes the plan's table and the pictures into `folder`; the table first, since it needs no
/// graphics.
pub fn write(case: &ReadCase, folder: &Path) -> Result<Vec<PathBuf>, OffScreenError> {
    let mut files = vec![write_table(case, folder)?];
    let drawings: Vec<Drawing> = VIEWS
        .into_iter()
        .filter(|(view, _)| picture::can_draw(&case.spine, *view))
        .map(|(view, name)| Drawing { view, size: SIZE, file: folder.join(name) })
        .collect();
    let plan = Arc::new(case.graded.file.plan.clone());
    picture::draw(&case.spine, &plan, &case.catalogue, &drawings)?;
    files.extend(drawings.into_iter().map(|d| d.file));
    Ok(files)
}

/// Writes the plan's table into `folder`, which is made where it is not there.
pub fn write_table(case: &ReadCase, folder: &Path) -> Result<PathBuf, OffScreenError> {
    let file = folder.join(TABLE);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&file, grade::as_table(&case.graded)))
        .map_err(|source| OffScreenError::Write { file: file.clone(), source })?;
    Ok(file)
}
