//! `corridor plan`: screws that plan themselves, as a table and as a plan file.

use super::grade::{self, GradeError};
use super::output::{self, OutputError};
use super::table::layout;
use super::{PlanArgs, StyleArg};
use crate::case::bundle::BundleError;
use crate::case::request::CaseRequest;
use crate::case::spine::Spine;
use crate::case::suggest::{self, Planned, Wish};
use crate::case::{Clock, SystemClock, judge};
use crate::clearance::Band;
use crate::implant::Catalogue;
use crate::labels::Level;
use crate::plan::auto::{Rules, RulesError, Style, Suggestion};
use crate::plan::check::Issue;
use crate::plan::file::{self, FileError};
use crate::plan::{CaseRef, Header, Plan, Screw};
use crate::platform::fs::FileSystem;
use crate::work::{Cancelled, Work};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Why nothing was planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The case's folder can not be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The case, the screws on offer, or the plan that names its levels.
    #[error(transparent)]
    Case(#[from] GradeError),
    /// The caller asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The built-in planning rules.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The user's planning rules.
    #[error("{file}: {source}")]
    RulesFile {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        source: RulesError,
    },
    /// The plan can not be written out.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file of the user's can not be read.
    #[error("{file} can not be read: {source}")]
    Io {
        /// Which file.
        file: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// The plan must not or can not be written there.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The plan to take names and labels from is not there.
    #[error(
        "there is no plan at {0} to take level names and mended labels from: check the spelling, \
         or leave --plan out"
    )]
    NoPlan(PathBuf),
    /// Every wanted pedicle was refused.
    #[error(
        "no screw was planned, so no plan is written: see why each was refused, and ask for other \
         --levels or another --style"
    )]
    Nothing,
}

/// A case planned by the program.
pub struct AutoPlan {
    /// Screws and refusals.
    pub planned: Planned,
    /// The plan file's text.
    pub text: String,
    /// Half of the width of the band of every answer, mm.
    pub half_width_mm: f64,
    /// What a person should look at before the plan is used.
    pub issues: Vec<Issue>,
    /// What a person should know about the images.
    pub notices: Vec<String>,
}

/// Loads a case and plans it; writes the plan where the arguments say so and there is one.
pub fn run(args: &PlanArgs, fs: &dyn FileSystem, work: &Work) -> Result<AutoPlan, PlanError> {
    let request = request(args, fs)?;
    check_output(args, &request)?;
    let rules = rules(args.rules.as_deref(), fs)?;
    let (given, catalogue) = grade::read_images(&request, fs, work)?;
    let (spine, kept, labelled, told) = labelled(given, &request, &catalogue, fs, work)?;
    let wish = Wish {
        levels: args.levels.iter().flat_map(|l| l.0.iter().copied()).collect(),
        style: args.style.into(),
        iliac: args.iliac,
        in_out_in: args.in_out_in,
        each_alone: args.each_alone,
    };
    let planned = suggest::plan(&spine, &wish, &rules, &catalogue, SystemClock.now(), work)?;
    let mut plan = Plan {
        screws: planned.screws.iter().map(|(screw, _)| screw.clone()).collect(),
        ..labelled
    };
    plan.sort();
    let header = Header {
        case: CaseRef { hashes: spine.hashes.clone(), ..kept.case },
        catalogue: (&catalogue).into(),
        thresholds_hash: judge::thresholds_hash(),
        ..kept
    };
    let text = file::print(&header, &plan)?;
    let notices = spine.notices_beside(&plan).chain(told).collect();
    let issues = judge::check(&spine, &plan, &catalogue);
    let half_width_mm = judge::half_width_mm(&spine);
    let made = AutoPlan { planned, text, half_width_mm, issues, notices };
    if let Some(file) = args.output.as_ref().filter(|_| made.verdict().is_ok()) {
        output::write(file, &made.text, fs)?;
    }
    Ok(made)
}

impl AutoPlan {
    /// Fails where nothing at all was planned of what was asked for.
    pub fn verdict(&self) -> Result<(), PlanError> {
        match self.planned.screws.is_empty() && !self.planned.refusals.is_empty() {
            true => Err(PlanError::Nothing),
            false => Ok(()),
        }
    }
}

/// What is to be planned. The plan that the user names must be there; that of a bundle need not.
fn request(args: &PlanArgs, fs: &dyn FileSystem) -> Result<CaseRequest, PlanError> {
    if let Some(plan) = args.case.plan.as_ref().filter(|plan| !plan.exists()) {
        return Err(PlanError::NoPlan(plan.clone()));
    }
    let request = args.case.request(fs)?;
    let plan = request.plan.clone().filter(|plan| plan.exists());
    Ok(CaseRequest { plan, ..request })
}

/// The plan that names are taken from may be written over where --replace says so.
fn check_output(args: &PlanArgs, request: &CaseRequest) -> Result<(), OutputError> {
    let mut inputs = output::inputs(&args.case, request);
    inputs.extend(args.rules.clone());
    let outputs: Vec<&Path> = args.output.iter().map(PathBuf::as_path).collect();
    output::check(&outputs, &inputs, args.replace)
}

/// The spine as the request's plan mends and names it, that plan's header, that plan without its screws,
/// and what is to be known of it; where there is none, the spine as it is.
fn labelled(
    given: Spine,
    request: &CaseRequest,
    catalogue: &Catalogue,
    fs: &dyn FileSystem,
    work: &Work,
) -> Result<(Spine, Header, Plan, Vec<String>), GradeError> {
    if request.plan.is_none() {
        return Ok((given, Header::default(), Plan::default(), Vec::new()));
    }
    let (spine, file, told) = grade::open_plan(&given, request, catalogue, fs, work)?;
    let labelled = Plan { screws: Vec::new(), ..file.plan };
    Ok((spine, file.header, labelled, told.iter().map(ToString::to_string).collect()))
}

fn rules(file: Option<&Path>, fs: &dyn FileSystem) -> Result<Rules, PlanError> {
    let Some(file) = file else { return Ok(Rules::builtin()?) };
    let bytes = fs.read(file).map_err(|source| PlanError::Io { file: file.to_owned(), source })?;
    Rules::from_ron(&String::from_utf8_lossy(&bytes))
        .map_err(|source| PlanError::RulesFile { file: file.to_owned(), source })
}

/// Screws and scores as a table for reading, then a line for each refusal and each thing to look at.
pub fn as_table(made: &AutoPlan) -> String {
    const HEADER: [&str; 12] = [
        "level",
        "side",
        "size mm",
        "isthmus mm",
        "chord mm",
        "canal mm",
        "clearance mm",
        "breach mm",
        "grade",
        "HU",
        "off aim deg",
        "score",
    ];
    let AutoPlan { planned, half_width_mm, .. } = made;
    let row = |(screw, found): &(Screw, Suggestion)| row(screw, found, *half_width_mm);
    let rows: Vec<_> = planned.screws.iter().map(row).collect();
    let mut text = match rows.is_empty() {
        true => "no screw was planned\n".to_owned(),
        false => layout(&HEADER, &rows),
    };
    for refusal in &planned.refusals {
        text += &format!("refused: {refusal}\n");
    }
    text + &grade::issues_as_text(&made.issues)
}

fn row(screw: &Screw, found: &Suggestion, half_width_mm: f64) -> Vec<String> {
    let measure = |name: &str, digits: usize| {
        let known = found.score.term(name).and_then(|term| term.measure);
        known.map_or_else(|| "-".to_owned(), |x| format!("{x:.digits$}"))
    };
    let narrow = if found.is_narrow { " narrow" } else { "" };
    vec![
        screw.site().to_string(),
        screw.side.to_string(),
        format!("{} x {}", screw.diameter_mm, screw.length_mm),
        format!("{:.1}{narrow}", found.isthmus_mm),
        format!("{:.1}", found.chord_mm),
        measure("canal", 2),
        format!("{:+.2}", found.assessment.clearance_mm),
        format!("{:.2}", found.assessment.breach_mm),
        Band::new(&found.assessment, half_width_mm).say(found.assessment.grade),
        measure("density", 0),
        format!("{} {}", measure("convergence", 0), measure("end plate", 0)),
        format!("{:.0}", found.score.total),
    ]
}

/// Everything as JSON: per screw every term of its score.
pub fn as_json(made: &AutoPlan) -> Value {
    let AutoPlan { planned, half_width_mm, issues, notices, .. } = made;
    let screws = planned.screws.iter().map(|(screw, found)| {
        json!({
            "level": screw.level,
            "site": screw.site().to_string(),
            "side": screw.side,
            "style": found.style,
            "in_out_in": found.in_out_in,
            "entry_lps_mm": screw.entry.to_array(),
            "tip_lps_mm": screw.tip().to_array(),
            "diameter_mm": screw.diameter_mm,
            "length_mm": screw.length_mm,
            "isthmus_mm": found.isthmus_mm,
            "is_narrow": found.is_narrow,
            "chord_mm": found.chord_mm,
            "clearance_mm": found.assessment.clearance_mm,
            "breach_mm": found.assessment.breach_mm,
            "grade": found.assessment.grade,
            "band": Band::new(&found.assessment, *half_width_mm),
            "score": found.score,
        })
    });
    json!({
        "screws": screws.collect::<Vec<_>>(),
        "refused": planned.refusals.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "issues": issues,
        "notices": notices,
    })
}

/// Levels as a person writes them: `L4`, `L2-S1`, `T12,L2-L4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels(pub Vec<Level>);

/// Reads levels; the ends of a range may stand in either order. T13 and L6 are part of a range only
/// when they are one of its ends: few spines have them.
pub fn parse_levels(text: &str) -> Result<Levels, String> {
    let mut levels = Vec::new();
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let end = |text: &str| text.trim().parse::<Level>().map_err(|why| why.to_string());
        let (from, to) = (end(from)?, end(to)?);
        let range = from.min(to)..=from.max(to);
        let is_rare = |level: &Level| {
            [("T", 13), ("L", 6)]
                .iter()
                .any(|(region, number)| level.to_string() == format!("{region}{number}"))
        };
        let inside = |level: &Level| range.contains(level);
        let kept = |level: &Level| !is_rare(level) || *level == from || *level == to;
        levels.extend(Level::all().filter(inside).filter(kept));
    }
    levels.sort_unstable();
    levels.dedup();
    Ok(Levels(levels))
}

impl From<StyleArg> for Style {
    fn from(arg: StyleArg) -> Self {
        match arg {
            StyleArg::Straight => Self::Straight,
            StyleArg::Anatomic => Self::Anatomic,
            StyleArg::Cortical => Self::Cortical,
            StyleArg::S1Bicortical => Self::S1Bicortical,
            StyleArg::S2AlarIliac => Self::S2AlarIliac,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_as_people_write_them() {
        let read = |text: &str| {
            let levels = parse_levels(text).map(|l| l.0);
            levels.map(|l| l.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(read("L4").as_deref(), Ok("L4"));
        assert_eq!(read("L2-S1").as_deref(), Ok("L2 L3 L4 L5 S1"));
        assert_eq!(read("S1-L4, T11-L1").as_deref(), Ok("T11 T12 L1 L4 L5 S1"));
        assert_eq!(read("L5-L6").as_deref(), Ok("L5 L6"));
        assert!(read("L9").is_err_and(|why| why.contains("L9")));
        assert!(read("").is_err());
    }
}
