//! `corridor compare`: several plans of one case side by side.
//!
//! In: a case and its plans. Out: a table with a column per plan, a row per pedicle, and under it
//! what a choice is made by: how many of which letter, the least clearance, how well rods fit.

use super::CompareArgs;
use super::grade::{self, GradeError, Graded};
use super::table::layout;
use crate::case::judge::{self, Answer};
use crate::case::request::CaseRequest;
use crate::clearance::Grade;
use crate::labels::Level;
use crate::plan::Screw;
use crate::platform::fs::FileSystem;
use crate::space::Side;
use crate::work::{Work, on_all_cores};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One of the plans, named as its file is.
pub struct Alternative {
    /// The file's name without its folder.
    pub name: String,
    /// The plan and its numbers.
    pub graded: Graded,
}

/// Reads and judges every plan; the case is loaded once. Writes nothing.
pub fn read(
    args: &CompareArgs,
    fs: &dyn FileSystem,
    work: &Work,
) -> Result<Vec<Alternative>, GradeError> {
    let case = args.case.request(fs)?;
    if let Some(missing) = args.plans.iter().find(|plan| !plan.exists()) {
        return Err(GradeError::NoPlan(missing.clone()));
    }
    let spine = on_all_cores(|| case.load(work))?;
    let one = |plan: &std::path::PathBuf| {
        let request = CaseRequest { plan: Some(plan.clone()), ..case.clone() };
        let name = plan.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (_, graded) = grade::read_plan(&spine, &request, fs, work)?;
        Ok(Alternative { name, graded })
    };
    args.plans.iter().map(one).collect()
}

/// What a choice between plans is made by.
struct Summary {
    screws: usize,
    /// A, B, and C to E.
    letters: [usize; 3],
    least_clearance_mm: Option<f64>,
    /// RMS misfit of the rod on either side, mm.
    misfit_mm: [Option<f64>; 2],
    issues: usize,
}

impl Summary {
    fn of(graded: &Graded) -> Self {
        let answers = || graded.results.iter().flatten();
        let count = |is: fn(Grade) -> bool| answers().filter(|a| is(a.assessment.grade)).count();
        let plan = &graded.file.plan;
        let rods = judge::rods_of(plan);
        let misfit = |side: Side| {
            let is_of_side = |id| plan.screw(id).is_some_and(|screw| screw.side == side);
            let rod = rods.iter().find(|(ids, _)| ids.iter().any(|id| is_of_side(*id)));
            rod.map(|(_, rod)| rod.rms_misfit_mm())
        };
        Self {
            screws: plan.screws.len(),
            letters: [count(|g| g == Grade::A), count(|g| g == Grade::B), count(|g| g > Grade::B)],
            least_clearance_mm: answers().map(|a| a.assessment.clearance_mm).reduce(f64::min),
            misfit_mm: [Side::Left, Side::Right].map(misfit),
            issues: graded.issues.len(),
        }
    }
}

/// The table.
pub fn as_table(plans: &[Alternative]) -> String {
    let names = plans.iter().map(|p| p.name.as_str());
    let header: Vec<&str> = ["level", "side"].into_iter().chain(names).collect();
    let mut rows: Vec<Vec<String>> = places(plans)
        .into_iter()
        .map(|(level, side)| {
            let cells = plans.iter().map(|plan| cell(&plan.graded, level, side));
            [level.to_string(), side.to_string()].into_iter().chain(cells).collect()
        })
        .collect();
    let sums: Vec<Summary> = plans.iter().map(|plan| Summary::of(&plan.graded)).collect();
    let mm = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |mm| format!("{mm:.2}"));
    let mut add = |what: &str, cell: &dyn Fn(&Summary) -> String| {
        let name = [what.to_owned(), String::new()];
        rows.push(name.into_iter().chain(sums.iter().map(cell)).collect());
    };
    add("screws", &|s| s.screws.to_string());
    add("A / B / C-E", &|s| s.letters.map(|n| n.to_string()).join(" / "));
    add("least clearance mm", &|s| mm(s.least_clearance_mm));
    add("left rod misfit mm", &|s| mm(s.misfit_mm[0]));
    add("right rod misfit mm", &|s| mm(s.misfit_mm[1]));
    add("things to look at", &|s| s.issues.to_string());
    layout(&header, &rows)
}

/// Every pedicle that has a screw in one of the plans, from the head down.
fn places(plans: &[Alternative]) -> BTreeSet<(Level, Side)> {
    plans.iter().flat_map(|p| &p.graded.file.plan.screws).map(|s| (s.level, s.side)).collect()
}

/// `6.5 x 45  +0.72 A`, several where a pedicle has several screws, a dash where it has none.
fn cell(graded: &Graded, level: Level, side: Side) -> String {
    let screws = graded.file.plan.screws.iter().zip(&graded.results);
    let here = screws.filter(|(screw, _)| (screw.level, screw.side) == (level, side));
    let texts: Vec<String> =
        here.map(|(screw, result)| told(screw, result.as_ref().ok())).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
}

fn told(screw: &Screw, answer: Option<&Answer>) -> String {
    let size = format!("{} x {}", screw.diameter_mm, screw.length_mm);
    match answer {
        Some(Answer { assessment, band, .. }) => {
            format!("{size}  {:+.2}  {}", assessment.clearance_mm, band.say(assessment.grade))
        }
        None => format!("{size}  not judged"),
    }
}

/// The same as JSON: each plan as `grade` prints it, with its summary.
pub fn as_json(plans: &[Alternative]) -> Result<Value, GradeError> {
    let one = |plan: &Alternative| -> Result<Value, GradeError> {
        let sum = Summary::of(&plan.graded);
        Ok(json!({
            "name": plan.name,
            "summary": {
                "screws": sum.screws,
                "grade_a": sum.letters[0],
                "grade_b": sum.letters[1],
                "grade_c_to_e": sum.letters[2],
                "least_clearance_mm": sum.least_clearance_mm,
                "left_rod_misfit_mm": sum.misfit_mm[0],
                "right_rod_misfit_mm": sum.misfit_mm[1],
                "issues": sum.issues,
            },
            "plan": grade::as_json(&plan.graded)?,
        }))
    };
    let plans = plans.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "plans": plans }))
}
