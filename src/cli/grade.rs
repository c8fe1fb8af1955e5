//! `corridor grade`: every screw of a plan, judged; and the plan table of any case.

use super::GradeArgs;
use super::output::{self, OutputError};
use super::table::layout;
use crate::case::bundle::BundleError;
use crate::case::judge::{self, Answer, Unjudged};
use crate::case::open;
use crate::case::request::CaseRequest;
use crate::case::rods::{self, RodSheet, RodSheetError, SideRod};
use crate::case::spine::{Spine, SpineError, mended};
use crate::case::store::{Location, StoreError};
use crate::case::{Clock, Notice, OpenError, SystemClock};
use crate::implant::{Catalogue, CatalogueError, RodsError};
use crate::plan::bend::HOW_TO_BEND;
use crate::plan::bent::{BentRod, RodChoice};
use crate::plan::check::Issue;
use crate::plan::correct::{Moved, Target};
use crate::plan::exchange;
use crate::plan::file::{self, FileError};
use crate::plan::{Plan, PlanFile, Screw, ScrewSite};
use crate::platform::fs::FileSystem;
use crate::work::{Work, on_all_cores};
use glam::{DMat3, DQuat};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a plan could not be read or graded.
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
    /// The case's files.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The plan can not be written out.
    #[error(transparent)]
    File(#[from] FileError),
    /// The catalogue of screws.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The rods.
    #[error(transparent)]
    Rods(#[from] RodSheetError),
    /// A rod or a bender that is not on offer.
    #[error("{0}; choose one in the plan, or with --rod and --bender")]
    NoSuchRod(RodsError),
    /// A file that is to be written beside the table.
    #[error(transparent)]
    Output(#[from] OutputError),
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
    pub results: Vec<Result<Answer, Unjudged>>,
    /// What a person should look at before the plan is used.
    pub issues: Vec<Issue>,
    /// What a person should know; whole sentences.
    pub notices: Vec<String>,
}

/// A case and its plan, read and not held: nothing is written and nobody is locked out.
pub struct ReadCase {
    /// The case.
    pub spine: Arc<Spine>,
    /// The screws on offer.
    pub catalogue: Arc<Catalogue>,
    /// The plan and its numbers.
    pub graded: Graded,
}

/// Loads a case and judges its plan; writes nothing.
pub fn read(
    request: &CaseRequest,
    fs: &dyn FileSystem,
    work: &Work,
) -> Result<ReadCase, GradeError> {
    let (given, catalogue) = read_images(request, fs, work)?;
    let (spine, graded) = read_plan(&given, request, &catalogue, fs, work)?;
    Ok(ReadCase { spine: Arc::new(spine), catalogue: Arc::new(catalogue), graded })
}

/// The images and the screws on offer; refused where a plan is named that is not there.
pub(super) fn read_images(
    request: &CaseRequest,
    fs: &dyn FileSystem,
    work: &Work,
) -> Result<(Spine, Catalogue), GradeError> {
    if let Some(plan) = request.plan.as_ref().filter(|plan| !plan.exists()) {
        return Err(GradeError::NoPlan(plan.clone()));
    }
    let catalogue = request.offered(fs)?;
    let spine = on_all_cores(|| request.load(work))?;
    Ok((spine, catalogue))
}

/// Reads the request's plan and judges it on the spine with its labels as the plan mends and names
/// them.
pub fn read_plan(
    given: &Spine,
    request: &CaseRequest,
    catalogue: &Catalogue,
    fs: &dyn FileSystem,
    work: &Work,
) -> Result<(Spine, Graded), GradeError> {
    let (spine, file, notices) = open_plan(given, request, catalogue, fs, work)?;
    let graded = judged(&spine, file, catalogue, &notices);
    Ok((spine, graded))
}

/// The request's plan, and the spine with its labels as that plan mends and names them.
pub(super) fn open_plan(
    given: &Spine,
    request: &CaseRequest,
    catalogue: &Catalogue,
    fs: &dyn FileSystem,
    work: &Work,
) -> Result<(Spine, PlanFile, Vec<Notice>), GradeError> {
    let location = request.location(given, fs)?;
    let opening = request.opening(given, catalogue);
    let (file, notices) = open::read(&location, &opening, SystemClock.now(), fs)?;
    let spine = on_all_cores(|| mended(given, given, &file.plan, work))?;
    Ok((spine.named_by(&file.plan), file, notices))
}

/// Which screws of a plan a catalogue does not have, and what to do; `None` where it has them all.
pub fn not_on_offer(plan: &Plan, catalogue: &Catalogue) -> Option<String> {
    let missing = plan.screws.iter().filter(|s| !s.offered(catalogue).has(s.size()));
    let named = |s: &Screw| format!("{} {} x {}", s.title(), s.diameter_mm, s.length_mm);
    let missing: Vec<String> = missing.map(named).collect();
    (!missing.is_empty()).then(|| {
        let (id, missing) = (&catalogue.id, missing.join(", "));
        format!(
            "the catalogue {id} has no {missing}: resize them, or name another with --catalogue"
        )
    })
}

/// Refuses to write over what is read; before anything is loaded, `place`, where the plan lives, may
/// not be known yet.
pub fn check_outputs(
    args: &GradeArgs,
    request: &CaseRequest,
    place: Option<&Location>,
) -> Result<(), GradeError> {
    let mut inputs = output::inputs(&args.case, request);
    inputs.extend(request.plan.clone());
    if let Some(place) = place {
        inputs.extend([place.plan().to_owned(), place.journal(), place.lock()]);
    }
    let outputs: Vec<&Path> = args.csv.iter().chain(&args.markups).map(PathBuf::as_path).collect();
    Ok(output::check(&outputs, &inputs, args.replace)?)
}

/// Writes a plan for other programs where the arguments ask for it; says what was written. Nothing
/// is written where one of the files may not be.
pub fn write_out(
    args: &GradeArgs,
    request: &CaseRequest,
    read: &ReadCase,
    fs: &dyn FileSystem,
) -> Result<Vec<PathBuf>, GradeError> {
    check_outputs(args, request, Some(&request.location(&read.spine, fs)?))?;
    let plan = &read.graded.file.plan;
    let csv = args.csv.iter().map(|file| (file, exchange::csv(plan)));
    let markups =
        args.markups.iter().map(|file| (file, format!("{:#}\n", exchange::slicer_markups(plan))));
    csv.chain(markups).map(|(file, text)| Ok(output::write(file, &text, fs)?)).collect()
}

/// Judges a plan that is open already.
pub(super) fn judged(
    spine: &Spine,
    file: PlanFile,
    catalogue: &Catalogue,
    notices: &[Notice],
) -> Graded {
    let screws = file.plan.screws.iter();
    let results = screws.map(|screw| judge::answer(spine, &file.plan, screw, catalogue)).collect();
    let told = notices.iter().map(ToString::to_string);
    let notices = spine.notices_beside(&file.plan).chain(told);
    let notices = notices.chain(not_on_offer(&file.plan, catalogue)).collect();
    let issues = judge::check(spine, &file.plan, catalogue);
    Graded { results, issues, notices, file }
}

/// The organ nearest to a screw, where the labels name any.
fn nearest_organ(answer: &Answer) -> String {
    let nearest = answer.organs.iter().min_by(|a, b| a.1.total_cmp(&b.1));
    nearest.map_or_else(|| "-".to_owned(), |(organ, mm)| format!("{organ} {mm:.1}"))
}

/// The plan as a table for reading; a sentence where it has no screws.
pub fn as_table(graded: &Graded) -> String {
    const HEADER: [&str; 10] = [
        "level",
        "side",
        "size mm",
        "clearance mm",
        "breach mm",
        "direction",
        "canal mm",
        "organ mm",
        "grade",
        "state",
    ];
    if graded.results.is_empty() {
        return "the plan has no screws yet\n".to_owned();
    }
    let screws = graded.file.plan.screws.iter();
    let rows: Vec<_> =
        screws.zip(&graded.results).map(|(screw, result)| row(screw, result)).collect();
    layout(&HEADER, &rows) + &issues_as_text(&graded.issues)
}

/// What a person should look at, a line for each.
pub(super) fn issues_as_text(issues: &[Issue]) -> String {
    let line = |Issue { weight, what, hint }: &Issue| format!("{weight}: {what}; {hint}\n");
    issues.iter().map(line).collect()
}

/// What the column is to become before the rods are laid: as the arguments say, else as the plan does.
fn target(args: &GradeArgs, kept: Target) -> Target {
    Target {
        lordosis_deg: args.lordosis.or(kept.lordosis_deg),
        coronal_part: args.straighten.unwrap_or(kept.coronal_part),
    }
}

/// By how much a level turns in all, degrees.
fn turned_deg(moved: &Moved) -> f64 {
    moved.motion.rotation().angle_between(DQuat::IDENTITY).to_degrees()
}

/// How each level moves towards a target, a line for each.
fn moves_as_text(moved: &[Moved]) -> String {
    let line = |m: &Moved| {
        let ([back, left], level) = (m.disc_deg, m.level);
        format!(
            "{level}: turned by {:.1}, its disc by {back:+.1} backwards, {left:+.1} to the left, degrees\n",
            turned_deg(m)
        )
    };
    format!("\nthe spine moved:\n{}", moved.iter().map(line).collect::<String>())
}

/// The rods that the arguments ask for: for the spine moved to their target, of their material and
/// by their bender, or the plan's own where they name none; `None` where none are asked for.
pub fn rods(args: &GradeArgs, case: &ReadCase) -> Result<Option<RodSheet>, GradeError> {
    let Some(bends) = args.rods else { return Ok(None) };
    let (plan, offered) = (&case.graded.file.plan, &case.catalogue);
    let kept = plan.rod_choice.clone();
    let choice = RodChoice {
        rod: args.rod.clone().or(kept.rod),
        bender: args.bender.clone().or(kept.bender),
    };
    let target = target(args, plan.rod_target);
    let sheet = rods::sheet(&case.spine, plan, target, &choice, bends, offered);
    let sheet = sheet.map_err(|why| match why {
        RodSheetError::Rods(why @ RodsError::Unknown { .. }) => GradeError::NoSuchRod(why),
        why => why.into(),
    })?;
    Ok(Some(sheet))
}

/// The rods of both sides as they are bent: misfit, length to cut, and the settings of the bender; of a
/// side without one, why.
pub fn rods_as_text(sheet: &RodSheet) -> String {
    let mut text = String::new();
    if !sheet.moved.is_empty() {
        text += &moves_as_text(&sheet.moved);
    }
    let (kind, bender) = (sheet.kind.name.to_lowercase(), sheet.bender.name.to_lowercase());
    let springback = sheet.kind.springback();
    for SideRod { side, sites, curve, bent } in &sheet.rods {
        let arcs = match bent.arc_radius_mm() {
            Some(radius) => {
                let back = bent.counter_bend_deg;
                format!("bends of {radius} mm radius, {back:.1} degrees of them back")
            }
            None => "straight".to_owned(),
        };
        text += &format!(
            "\n{side} rod, {kind}, {bender} ({springback}):\n\
             as bent: misfit {:.2} mm (RMS), {arcs}\n",
            bent.rms_misfit_mm(),
        );
        for (site, mm) in sites.iter().zip(&bent.misfit_mm) {
            text += &format!("{site} {mm:.2} mm  ");
        }
        text += &format!(
            "\nthe smooth curve it follows: misfit {:.2} mm (RMS), sharpest {:.0} mm radius\n\
             {HOW_TO_BEND}\n{}the table bent forward lies within {:.3} mm of the rod\n",
            curve.rms_misfit_mm(),
            curve.least_radius_mm.min(9999.0),
            bent.table.text(),
            bent.read_back_mm,
        );
        for warning in &bent.warnings {
            text += &format!("{warning}\n");
        }
    }
    for why in &sheet.without {
        text += &format!("\n{why}\n");
    }
    text
}

/// The same as JSON, with the line of each rod, LPS mm. `target` is what the spine is moved to first: its
/// `lordosis_deg` (null: as it is) and the `coronal_part` of its tilt that is taken away. `moved` tells
/// for each level how it moves for that, and is empty where the spine stays as it is; heads and lines of
/// the rods lie in the moved spine.
pub fn rods_as_json(sheet: &RodSheet) -> Value {
    let head =
        |(site, mm): (&ScrewSite, &f64)| json!({ "level": site.to_string(), "misfit_mm": mm });
    let one = |SideRod { side, sites, curve, bent }: &SideRod| {
        let BentRod { table, line, misfit_mm, counter_bend_deg, read_back_mm, warnings } = bent;
        json!({
            "side": side,
            "heads": sites.iter().zip(misfit_mm).map(head).collect::<Vec<_>>(),
            "rms_misfit_mm": bent.rms_misfit_mm(),
            "cut_length_mm": bent.length_mm(),
            "counter_bend_deg": counter_bend_deg,
            "read_back_mm": read_back_mm,
            "warnings": warnings,
            "curve_rms_misfit_mm": curve.rms_misfit_mm(),
            "table": table,
            "line_lps_mm": line.iter().map(|p| p.vec().to_array()).collect::<Vec<_>>(),
        })
    };
    let Target { lordosis_deg, coronal_part } = sheet.target;
    json!({
        "target": { "lordosis_deg": lordosis_deg, "coronal_part": coronal_part },
        "moved": sheet.moved.iter().map(move_as_json).collect::<Vec<_>>(),
        "rod": sheet.kind,
        "bender": sheet.bender,
        "how_to_bend": HOW_TO_BEND,
        "without": sheet.without,
        "sides": sheet.rods.iter().map(one).collect::<Vec<_>>(),
    })
}

/// How a level moves: what it turns by in all, what the disc under it opens backwards and to the left,
/// degrees, and `motion_lps_mm`, the rows of the matrix (turn, then shift in mm) that leads from where a
/// place of it is to where it would be.
fn move_as_json(moved: &Moved) -> Value {
    let ([back, left], motion) = (moved.disc_deg, moved.motion);
    let (turn, shift) = (DMat3::from_quat(motion.rotation()), motion.origin().to_array());
    let row = |n: usize| {
        let [x, y, z] = turn.row(n).to_array();
        [x, y, z, shift[n]]
    };
    let rows = [0, 1, 2].map(row);
    json!({
        "level": moved.level,
        "turned_deg": turned_deg(moved),
        "disc_back_deg": back,
        "disc_left_deg": left,
        "motion_lps_mm": rows,
    })
}

fn row(screw: &Screw, result: &Result<Answer, Unjudged>) -> Vec<String> {
    let mut cells = vec![
        screw.site().to_string(),
        screw.side.to_string(),
        format!("{} x {}", screw.diameter_mm, screw.length_mm),
    ];
    match result {
        Ok(answer @ Answer { assessment: found, band, around, .. }) => cells.extend([
            format!("{:+.2}", found.clearance_mm),
            format!("{:.2}", found.breach_mm),
            found.breach_wall.map_or_else(|| "-".to_owned(), |wall| wall.to_string()),
            around.canal_mm.map_or_else(|| "-".to_owned(), |mm| format!("{mm:.1}")),
            nearest_organ(answer),
            band.say(found.grade),
        ]),
        // Why not stands below the table, among what to look at.
        Err(_) => cells.resize(cells.len() + 6, "-".to_owned()),
    }
    cells.push(format!("{:?}", screw.state).to_lowercase());
    cells
}

/// The plan file's JSON with the numbers added to each screw; where there are none, `error` says why.
pub fn as_json(graded: &Graded) -> Result<Value, FileError> {
    let mut document: Value =
        serde_json::from_str(&file::print(&graded.file.header, &graded.file.plan)?)?;
    document["notices"] = json!(graded.notices);
    document["issues"] = json!(graded.issues);
    let screws = document["screws"].as_array_mut().into_iter().flatten();
    for (screw, result) in screws.zip(&graded.results) {
        match result {
            Ok(found) => add_numbers(screw, found),
            Err(why) => screw["error"] = json!(why.to_string()),
        }
    }
    Ok(document)
}

fn add_numbers(screw: &mut Value, answer: &Answer) {
    let found = &answer.assessment;
    screw["clearance_mm"] = json!(found.clearance_mm);
    screw["breach_mm"] = json!(found.breach_mm);
    screw["breach_direction"] = json!(found.breach_wall);
    screw["protrusion_mm"] = json!(found.protrusion_mm);
    screw["wall_breach_mm"] = json!(found.wall_breach_mm);
    screw["medial_breach_mm"] = json!(found.medial_breach_mm);
    screw["cranial_breach_mm"] = json!(found.cranial_breach_mm);
    screw["caudal_breach_mm"] = json!(found.caudal_breach_mm);
    screw["nearest_wall"] = json!(found.nearest_wall);
    screw["grade"] = json!(found.grade);
    screw["meets_bone"] = json!(found.meets_bone);
    screw["breach_depth_mm"] = json!(found.breach_depth_mm);
    screw["band"] = json!(answer.band);
    screw["around"] = json!(answer.around);
    for (organ, mm) in &answer.organs {
        screw["organs_mm"][organ.to_string()] = json!(mm);
    }
    screw["schemes"] = json!(answer.schemes);
    screw["nearest_screw_mm"] = json!(answer.nearest_screw.map(|(_, mm)| mm));
}
