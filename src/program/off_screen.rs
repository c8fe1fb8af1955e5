//! Without a display: the same case as pictures, and its plan as a table, in a folder.

use super::picture::{self, Drawing, PictureError};
use crate::case::open;
use crate::case::request::CaseRequest;
use crate::case::spine::{self, Spine};
use crate::case::{Clock as _, SystemClock};
use crate::cli::View;
use crate::cli::grade::{self, GradeError};
use crate::implant::Catalogue;
use crate::platform::fs::RealFs;
use crate::work::Work;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the pictures could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OffScreenError {
    /// The case or its plan.
    #[error(transparent)]
    Case(#[from] GradeError),
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

/// A case and its plan, read and not held: nothing is written and nobody is locked out.
pub struct ReadCase {
    /// The case.
    pub spine: Arc<Spine>,
    /// The plan and its numbers.
    pub graded: grade::Graded,
}

/// Reads a case and its plan.
pub fn read(request: &CaseRequest, work: &Work) -> Result<ReadCase, GradeError> {
    if let Some(plan) = request.plan.as_ref().filter(|plan| !plan.exists()) {
        return Err(GradeError::NoPlan(plan.clone()));
    }
    let spine = Arc::new(spine::load(&request.source, work)?);
    let location = request.location(&spine, &RealFs)?;
    let opening = request.opening(&spine, &Catalogue::builtin()?);
    let (file, notices) = open::read(&location, &opening, SystemClock.now(), &RealFs)?;
    let graded = grade::judged(&spine, file, &notices);
    Ok(ReadCase { spine, graded })
}

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
    picture::draw(&case.spine, &plan, &drawings)?;
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
