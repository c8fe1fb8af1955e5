//! `corridor grade`: every screw of a plan, judged.

use crate::case::spine::Spine;
use crate::clearance::{self, Assessment, AssessError};
use crate::cli::table::layout;
use crate::plan::{Plan, Screw};

/// One screw and what was found, or why nothing could be.
pub struct GradedScrew<'a> {
    /// The screw.
    pub screw: &'a Screw,
    /// The answer; an error names what is wrong with this screw.
    pub result: Result<Assessment, UngradedScrew>,
}

/// Why a screw has no grade.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum UngradedScrew {
    /// The case has no model of that vertebra.
    #[error("the {0} screw can not be graded: the case has no vertebra of that level")]
    NoVertebra(String),
    /// The screw itself is not sound.
    #[error("the {0} screw can not be graded: {1}")]
    Unsound(String, AssessError),
}

/// Judges every screw of a plan against the spine, in the plan's order.
pub fn grade<'a>(spine: &Spine, plan: &'a Plan) -> Vec<GradedScrew<'a>> {
    plan.screws.iter().map(|screw| GradedScrew { screw, result: assess(spine, screw) }).collect()
}

fn assess(spine: &Spine, screw: &Screw) -> Result<Assessment, UngradedScrew> {
    let name = format!("{} {}", screw.level, screw.side);
    let vertebra = spine
        .vertebra(screw.vertebra)
        .or_else(|| spine.at_level(screw.level))
        .ok_or_else(|| UngradedScrew::NoVertebra(name.clone()))?;
    clearance::assess(&screw.shape(), &vertebra.field, &vertebra.anatomy)
        .map_err(|why| UngradedScrew::Unsound(name, why))
}
