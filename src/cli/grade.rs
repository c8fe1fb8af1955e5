//! `corridor grade`: every screw of a plan, judged; and the plan table of any case.

use super::table::layout;
use crate::case::judge::{self, Unjudged};
use crate::case::open;
use crate::case::request::CaseRequest;
use crate::case::spine::{Spine, SpineError};
use crate::case::store::StoreError;
use crate::case::{Clock, Notice, OpenError, SystemClock};
use crate::clearance::Assessment;
use crate::implant::{Catalogue, CatalogueError};
use crate::plan::file::{self, FileError};
use crate::plan::{PlanFile, Screw};
use crate::platform::fs::FileSystem;
use crate::work::{Work, on_all_cores};
use serde_json::{Value, json};
use std::sync::Arc;

/// Why a plan could not be graded.
#[derive(Debug, thiserror::Error)]
pub enum GradeError {
    /// The images.
    #[error(transparent)]
    Spine(#[from] SpineError),
    /// No place for the plan.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The plan does not fit, or can not be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The plan can not be written out.
    #[error(transparent)]
    File(#[from] FileError),
    /// The built-in catalogue.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The named plan is not there.
    #[error(
        "there is no plan at {0}: check the spelling, or leave --plan out to use the case's own"
    )]
    NoPlan(std::path::PathBuf),
}

/// A plan with what was found for each of its screws.
pub struct Graded {
    /// The plan as it was read.
    pub file: PlanFile,
    /// One answer per screw, in the plan's order.
    pub results: Vec<Result<Assessment, Unjudged>>,
    /// What a person should know; whole sentences.
    pub notices: Vec<String>,
}

/// A case and its plan, read and not held: nothing is written and nobody is locked out.
pub struct ReadCase {
    /// The case.
    pub spine: Arc<Spine>,
    /// The plan and its numbers.
    pub graded: Graded,
}

/// Loads a case and judges its plan; writes nothing.
pub fn read(
    request: &CaseRequest,
    fs: &dyn FileSystem,
    work: &Work,
) -> Result<ReadCase, GradeError> {
    if let Some(plan) = request.plan.as_ref().filter(|plan| !plan.exists()) {
        return Err(GradeError::NoPlan(plan.clone()));
    }
    let spine = Arc::new(on_all_cores(|| request.load(work))?);
    let location = request.location(&spine, fs)?;
    let opening = request.opening(&spine, &Catalogue::builtin()?);
    let (file, notices) = open::read(&location, &opening, SystemClock.now(), fs)?;
    let graded = judged(&spine, file, &notices);
    Ok(ReadCase { spine, graded })
}

/// Judges a plan that is open already.
fn judged(spine: &Spine, file: PlanFile, notices: &[Notice]) -> Graded {
    let results = file.plan.screws.iter().map(|screw| judge::assess(spine, screw)).collect();
    let notices = spine.warnings.iter().cloned().chain(notices.iter().map(ToString::to_string));
    Graded { results, notices: notices.collect(), file }
}

/// The plan as a table for reading; a sentence where it has no screws.
pub fn as_table(graded: &Graded) -> String {
    const HEADER: [&str; 8] =
        ["level", "side", "size mm", "clearance mm", "breach mm", "direction", "grade", "state"];
    if graded.results.is_empty() {
        return "the plan has no screws yet\n".to_owned();
    }
    let screws = graded.file.plan.screws.iter();
    let rows: Vec<_> =
        screws.zip(&graded.results).map(|(screw, result)| row(screw, result)).collect();
    layout(&HEADER, &rows)
}

fn row(screw: &Screw, result: &Result<Assessment, Unjudged>) -> Vec<String> {
    let mut cells = vec![
        screw.level.to_string(),
        screw.side.to_string(),
        format!("{} x {}", screw.diameter_mm, screw.length_mm),
    ];
    match result {
        Ok(found) => cells.extend([
            format!("{:+.2}", found.clearance_mm),
            format!("{:.2}", found.breach_mm),
            found.breach_wall.map_or_else(|| "-".to_owned(), |wall| wall.to_string()),
            format!("{:?}", found.grade),
        ]),
        Err(why) => cells.extend([why.to_string(), "-".into(), "-".into(), "-".into()]),
    }
    cells.push(format!("{:?}", screw.state).to_lowercase());
    cells
}

/// The plan file's JSON with the numbers added to each screw; where there are none, `error` says why.
pub fn as_json(graded: &Graded) -> Result<Value, FileError> {
    let mut document: Value =
        serde_json::from_str(&file::print(&graded.file.header, &graded.file.plan)?)?;
    document["notices"] = json!(graded.notices);
    let screws = document["screws"].as_array_mut().into_iter().flatten();
    for (screw, result) in screws.zip(&graded.results) {
        match result {
            Ok(found) => add_numbers(screw, found),
            Err(why) => screw["error"] = json!(why.to_string()),
        }
    }
    Ok(document)
}

fn add_numbers(screw: &mut Value, found: &Assessment) {
    screw["clearance_mm"] = json!(found.clearance_mm);
    screw["breach_mm"] = json!(found.breach_mm);
    screw["breach_direction"] = json!(found.breach_wall);
    screw["protrusion_mm"] = json!(found.protrusion_mm);
    screw["wall_breach_mm"] = json!(found.wall_breach_mm);
    screw["nearest_wall"] = json!(found.nearest_wall);
    screw["grade"] = json!(found.grade);
}
