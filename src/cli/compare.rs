//! `corridor compare`: several plans of one case side by side.
//!
//! In: a case and its plans. Out: a table with a column per plan, a row per pedicle, and under it
//! what a choice is made by: how many of which letter, the least clearance, how well rods fit. Then
//! what a person should know of each.

use super::CompareArgs;
use super::grade::{self, GradeError, Graded};
use super::table::layout;
use crate::case::compare::{self, Compared, ComparedScrew, Summary};
use crate::case::request::CaseRequest;
use crate::case::spine::Spine;
use crate::implant::Catalogue;
use crate::plan::PlanFile;
use crate::platform::fs::FileSystem;
use crate::work::{Work, on_all_cores};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// One of the plans, named as its file is; an alternative of it by that and its own name.
pub struct Column {
    /// What the file is called here, and the alternative.
    pub name: String,
    /// What the file is called: without its folder, where no other has that name.
    pub file: String,
    /// The plan and its numbers.
    pub graded: Graded,
    /// The same as one column of a comparison.
    pub compared: Compared,
}

/// Reads and judges every plan and its alternatives; the case is loaded once. Writes nothing.
pub fn read(
    args: &CompareArgs,
    fs: &dyn FileSystem,
    work: &Work,
) -> Result<Vec<Column>, GradeError> {
    let case = args.case.request(fs)?;
    if let Some(missing) = args.plans.iter().find(|plan| !plan.exists()) {
        return Err(GradeError::NoPlan(missing.clone()));
    }
    let catalogue = case.offered(fs)?;
    let spine = on_all_cores(|| case.load(work))?;
    let mut columns = Vec::new();
    for plan in &args.plans {
        let request = CaseRequest { plan: Some(plan.clone()), ..case.clone() };
        let name = name_among(plan, &args.plans);
        let (spine, file, told) = grade::open_plan(&spine, &request, &catalogue, fs, work)?;
        let PlanFile { header, plan } = file.clone();
        let judged = |file| grade::judged(&spine, file, &catalogue, &told);
        columns.push(Column::new((&spine, &catalogue), name.clone(), name.clone(), judged(file)));
        for kept in &plan.alternatives {
            let file = PlanFile { header: header.clone(), plan: plan.with_screws_of(kept) };
            let title = format!("{name}: {}", kept.name);
            columns.push(Column::new((&spine, &catalogue), title, name.clone(), judged(file)));
        }
    }
    Ok(columns)
}

/// A plan's file name; its whole path where another of the plans has the same name.
fn name_among(plan: &Path, plans: &[PathBuf]) -> String {
    let name = plan.file_name().unwrap_or_default();
    let is_alone = plans.iter().filter(|other| other.file_name() == Some(name)).count() == 1;
    match is_alone {
        true => name.to_string_lossy().into_owned(),
        false => plan.display().to_string(),
    }
}

/// What a person should know: what holds for every plan without a name, then what is said of each.
pub fn notices(plans: &[Column]) -> Vec<String> {
    let is_of_all = |notice: &String| plans.iter().all(|plan| plan.graded.notices.contains(notice));
    let mut said: Vec<String> = Vec::new();
    for plan in plans {
        for notice in &plan.graded.notices {
            let text = match is_of_all(notice) {
                true => notice.clone(),
                false => format!("{}: {notice}", plan.file),
            };
            if !said.contains(&text) {
                said.push(text);
            }
        }
    }
    said
}

impl Column {
    fn new(
        (spine, catalogue): (&Spine, &Catalogue),
        name: String,
        file: String,
        graded: Graded,
    ) -> Self {
        let plan = &graded.file.plan;
        let answers: Vec<_> = graded.results.iter().map(|result| result.as_ref().ok()).collect();
        let compared = Compared::new((spine, plan), catalogue, &answers, graded.issues.len());
        Self { name, file, graded, compared }
    }
}

/// The table.
pub fn as_table(plans: &[Column]) -> String {
    let names = plans.iter().map(|p| p.name.as_str());
    let header: Vec<&str> = ["level", "side"].into_iter().chain(names).collect();
    let compared = || plans.iter().map(|plan| &plan.compared);
    let mut rows: Vec<Vec<String>> = compare::pedicles(compared())
        .into_iter()
        .map(|place| {
            let cells = compared().map(|plan| cell(plan.pedicles.get(&place)));
            [place.0.to_string(), place.1.to_string()].into_iter().chain(cells).collect()
        })
        .collect();
    let mm = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |mm| format!("{mm:.2}"));
    let mut add = |what: &str, cell: &dyn Fn(&Summary) -> String| {
        let name = [what.to_owned(), String::new()];
        rows.push(name.into_iter().chain(compared().map(|plan| cell(&plan.summary))).collect());
    };
    add("screws", &|s| s.screws.to_string());
    add("A / B / C-E", &|s| s.letters.map(|n| n.to_string()).join(" / "));
    add("least clearance mm", &|s| mm(s.least_clearance_mm));
    add("left rod misfit mm", &|s| mm(s.misfit_mm[0]));
    add("right rod misfit mm", &|s| mm(s.misfit_mm[1]));
    add("things to look at", &|s| s.issues.to_string());
    layout(&header, &rows)
}

/// `6.5 x 45  +0.72 A`, several where a pedicle has several screws, a dash where it has none.
fn cell(screws: Option<&Vec<ComparedScrew>>) -> String {
    let texts: Vec<String> = screws.into_iter().flatten().map(told).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
}

fn told(screw: &ComparedScrew) -> String {
    let [diameter, length] = screw.size_mm;
    match screw.judged {
        Some((clearance_mm, grade, band)) => {
            format!("{diameter} x {length}  {clearance_mm:+.2}  {}", band.say(grade))
        }
        None => format!("{diameter} x {length}  not judged"),
    }
}

/// The same as JSON: each plan as `grade` prints it, with its summary.
pub fn as_json(plans: &[Column]) -> Result<Value, GradeError> {
    let one = |plan: &Column| -> Result<Value, GradeError> {
        let sum = &plan.compared.summary;
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
