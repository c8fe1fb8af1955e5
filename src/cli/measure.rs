//! `corridor measure`: the measured anatomy of a case, as tables and as JSON.

use super::grade::{self, GradeError};
use super::table::layout;
use crate::anatomy::Pedicle;
use crate::anatomy::alignment::Alignment;
use crate::anatomy::density::Untold;
use crate::case::measures::{self, LevelMeasures, Measures, ScrewPath};
use crate::case::request::CaseRequest;
use crate::case::rows;
use crate::case::spine::Review;
use crate::ingest::IngestError;
use crate::labels::Posture;
use crate::mesh;
use crate::platform::fs::{FileSystem, write_atomically};
use crate::space::Dir;
use crate::work::{Work, on_pool};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Loads a case and its plan, and measures the spine as the plan mends and names it; writes nothing.
/// `posture` is that of the patient in the scanner; where it is not given, the CT's file says it.
pub fn read(
    case: &CaseRequest,
    posture: Option<Posture>,
    fs: &dyn FileSystem,
    work: &Work,
) -> Result<Measures, GradeError> {
    let (given, catalogue) = grade::read_images(case, fs, work)?;
    let (spine, file, notices) = grade::open_plan(&given, case, &catalogue, fs, work)?;
    let posture = posture.unwrap_or_else(|| spine.posture());
    let mut measures = on_pool(|| measures::of_plan(&spine, &file.plan, posture));
    measures.notices.extend(notices.iter().map(ToString::to_string));
    Ok(measures)
}

/// Writes the declared surface of each vertebra as a file, `L4.stl`, in LPS mm; says which. The
/// folder is made where it is missing, files of the same names are written over.
pub fn write_surfaces(
    measures: &Measures,
    folder: &Path,
    fs: &dyn FileSystem,
) -> Result<Vec<PathBuf>, IngestError> {
    fs.create_folders(folder).map_err(|why| IngestError::io(folder, why))?;
    let write = |level: &LevelMeasures| {
        let name = level.level.to_string();
        let file = folder.join(format!("{name}.stl"));
        write_atomically(fs, &file, &mesh::stl(&level.model.mesh, &name))
            .map_err(|why| IngestError::io(&file, why))?;
        Ok(file)
    };
    measures.levels.iter().map(write).collect()
}

/// What the numbers of the first two tables are.
const PEDICLES_ARE: &str = "\
pedicles, outer cortex at the isthmus, across the axis: width left to right, height up and down, least
the shortest way across; chord: bone along the axis, from the arch to the front of the body; angles on
the way forward, in the vertebra's own frame: transverse + to the midline, sagittal + to the head; at S1,
which has no outer wall: axis from beside the canal to the promontory, height from the roof of the
nerve's tunnel to the end plate's height at most; HU of the bone inside, deeper than the cortex and the
CT's blur reach
";
const LEVELS_ARE: &str = "
levels: body at its waist, canal at the pedicles, foramen: height from pedicle to pedicle below,
rotation + where the front is turned to the patient's left
";

/// What the numbers of the plan's screws are.
const PATHS_ARE: &str = "
paths: HU over each planned screw's own thickness, from its entry to its tip
";

/// Tables for reading.
pub fn as_text(measures: &Measures) -> String {
    let mut text = String::from(PEDICLES_ARE);
    text += &pedicles(measures);
    text += LEVELS_ARE;
    text += &levels(measures);
    text += &paths(measures);
    text += &angles(&measures.alignment);
    for flag in rows::flags(measures) {
        text += &format!("flag: {flag}\n");
    }
    for notice in &measures.notices {
        text += &format!("note: {notice}\n");
    }
    text
}

fn pedicles(measures: &Measures) -> String {
    const HEADER: [&str; 9] = [
        "level",
        "side",
        "width mm",
        "height mm",
        "least mm",
        "chord mm",
        "transverse deg",
        "sagittal deg",
        "mean HU",
    ];
    layout(&HEADER, &rows::pedicles(measures))
}

fn levels(measures: &Measures) -> String {
    const HEADER: [&str; 8] = [
        "level",
        "body w x d mm",
        "canal w x d mm",
        "foramen left mm",
        "right mm",
        "rotation deg",
        "body HU",
        "sd HU",
    ];
    layout(&HEADER, &rows::levels(measures))
}

/// Nothing where no screw is planned.
fn paths(measures: &Measures) -> String {
    const HEADER: [&str; 5] = ["screw", "diameter mm", "length mm", "mean HU", "sd HU"];
    match &measures.paths[..] {
        [] => String::new(),
        _ => PATHS_ARE.to_owned() + &layout(&HEADER, &rows::paths(measures)),
    }
}

fn angles(alignment: &Alignment) -> String {
    let rows = rows::angles(alignment);
    if rows.is_empty() {
        return "\nangles of the column: none could be measured\n".to_owned();
    }
    let posture = alignment.posture;
    format!("\nangles of the column, {posture}\n{}", layout(&["angle", "deg"], &rows))
}

fn review(review: Review) -> &'static str {
    match review {
        Review::Given => "given",
        Review::NotReviewed => "automatic, not reviewed",
        Review::Accepted => "automatic, accepted by a person",
    }
}

/// The same numbers as JSON, with their units in the keys.
pub fn as_json(measures: &Measures) -> Value {
    json!({
        "pedicles_are": PEDICLES_ARE.trim().replace('\n', " "),
        "levels_are": LEVELS_ARE.trim().replace('\n', " "),
        "labels": review(measures.review),
        "levels": measures.levels.iter().map(level_as_json).collect::<Vec<_>>(),
        "alignment": measures.alignment,
        "foramina": measures.foramina,
        "hips": measures.hips,
        "paths_are": PATHS_ARE.trim(),
        "paths": measures.paths.iter().map(path_as_json).collect::<Vec<_>>(),
        "notices": measures.notices,
    })
}

fn path_as_json(path: &ScrewPath) -> Value {
    let (screw, told) = (&path.screw, path.density.as_ref());
    json!({
        "screw": screw.id,
        "level": screw.level,
        "side": screw.side,
        "diameter_mm": screw.diameter_mm,
        "length_mm": screw.length_mm,
        "density": told.map(|path| path.density),
        "no_density_because": told.is_none().then(|| Untold::OutsideCt.to_string()),
        "flags": told.map(|path| &path.flags),
    })
}

fn level_as_json(level: &LevelMeasures) -> Value {
    let anatomy = &level.model.anatomy;
    let pedicle = |p: &Pedicle| {
        let density = level.pedicle_density(p.side);
        json!({
            "side": p.side,
            "isthmus_lps_mm": p.isthmus,
            "axis_lps": p.axis,
            "span_mm": p.span_mm,
            "width_mm": p.width_mm,
            "height_mm": p.height_mm,
            "least_mm": p.least_mm,
            "has_outer_wall": level.has_outer_walls(),
            "chord_mm": p.chord_mm,
            "transverse_deg": p.transverse_deg,
            "sagittal_deg": p.sagittal_deg,
            "density": density.and_then(Result::ok),
            "no_density_because": density.and_then(Result::err).map(|why| why.to_string()),
        })
    };
    let plate = |plate: &crate::anatomy::EndPlate| json!({ "centre_lps_mm": plate.centre, "up_lps": plate.up });
    json!({
        "level": level.level,
        "is_cut_off": level.model.is_cut_off,
        "body_centre_lps_mm": anatomy.patient_from_vertebra.origin(),
        "left_lps": anatomy.patient_from_vertebra.dir(Dir::X),
        "up_lps": anatomy.patient_from_vertebra.dir(Dir::Z),
        "body_width_mm": anatomy.body_mm.map(|[w, _]| w),
        "body_depth_mm": anatomy.body_mm.map(|[_, d]| d),
        "upper_plate": anatomy.upper_plate.as_ref().map(plate),
        "lower_plate": anatomy.lower_plate.as_ref().map(plate),
        "canal_centre_lps_mm": anatomy.canal.map(|_| anatomy.canal_centre),
        "canal_width_mm": anatomy.canal.map(|c| c.width_mm),
        "canal_depth_mm": anatomy.canal.map(|c| c.depth_mm),
        "pedicles": anatomy.pedicles.iter().map(pedicle).collect::<Vec<_>>(),
        "body_density": level.body,
        "flags": level.flags,
        "warnings": anatomy.warnings,
    })
}
