//! `corridor measure`: the measured anatomy of a case, as tables and as JSON.

use super::grade::{self, GradeError};
use super::table::layout;
use crate::anatomy::Pedicle;
use crate::anatomy::alignment::{Alignment, Between};
use crate::case::measures::{self, LevelMeasures, Measures};
use crate::case::request::CaseRequest;
use crate::case::spine::Review;
use crate::ingest::IngestError;
use crate::labels::Posture;
use crate::mesh;
use crate::platform::fs::{FileSystem, write_atomically};
use crate::space::{Dir, Side};
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
nerve's tunnel to the end plate's height at most
";
const LEVELS_ARE: &str = "
levels: body at its waist, canal at the pedicles, foramen: height from pedicle to pedicle below,
rotation + where the front is turned to the patient's left
";

/// Tables for reading.
pub fn as_text(measures: &Measures) -> String {
    let mut text = String::from(PEDICLES_ARE);
    text += &pedicles(measures);
    text += LEVELS_ARE;
    text += &levels(measures);
    text += &angles(&measures.alignment);
    for level in &measures.levels {
        for flag in &level.flags {
            text += &format!("flag: {}: {} ({})\n", level.level, flag.rule, flag.source);
        }
    }
    for notice in &measures.notices {
        text += &format!("note: {notice}\n");
    }
    text
}

/// One decimal, or a dash.
fn tenth(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
}

fn whole(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0}"))
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
    let row = |level: &LevelMeasures, side: Side| {
        let pedicle = level.model.anatomy.pedicle(side);
        let of = |value: fn(&Pedicle) -> f64| tenth(pedicle.map(value));
        let walled = pedicle.filter(|_| level.has_outer_walls());
        let hu = level.pedicles.iter().find(|(s, _)| *s == side).map(|(_, d)| d.mean_hu);
        vec![
            level.level.to_string(),
            side.to_string(),
            tenth(walled.map(|p| p.width_mm)),
            of(|p| p.height_mm),
            tenth(walled.map(|p| p.least_mm)),
            of(|p| p.chord_mm),
            of(|p| p.transverse_deg),
            of(|p| p.sagittal_deg),
            whole(hu),
        ]
    };
    let rows = measures.levels.iter().flat_map(|l| Side::BOTH.map(|side| row(l, side)));
    layout(&HEADER, &rows.collect::<Vec<_>>())
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
    let alignment = &measures.alignment;
    let row = |level: &LevelMeasures| {
        let anatomy = &level.model.anatomy;
        let pair = |pair: Option<[f64; 2]>| {
            pair.map_or_else(|| "-".to_owned(), |[w, d]| format!("{w:.1} x {d:.1}"))
        };
        let foramen = |side: Side| {
            let below = measures.foramina.iter();
            let found = below.clone().find(|f| f.upper == level.level && f.side == side);
            tenth(found.map(|f| f.height_mm))
        };
        let turn = alignment.rotation.iter().find(|r| r.level == level.level);
        vec![
            level.level.to_string(),
            pair(anatomy.body_mm),
            pair(anatomy.canal.map(|c| [c.width_mm, c.depth_mm])),
            foramen(Side::Left),
            foramen(Side::Right),
            tenth(turn.map(|r| r.deg)),
            whole(level.body.map(|d| d.mean_hu)),
            whole(level.body.map(|d| d.sd_hu)),
        ]
    };
    layout(&HEADER, &measures.levels.iter().map(row).collect::<Vec<_>>())
}

fn angles(alignment: &Alignment) -> String {
    let mut rows = Vec::new();
    for curve in &alignment.curves {
        let name = format!("Cobb {} to {}, convex {}", curve.upper, curve.lower, curve.convex);
        rows.push((name, curve.cobb_deg));
    }
    let named = |what: &str, b: &Between| (format!("{what} {} to {}", b.upper, b.lower), b.deg);
    rows.extend(alignment.kyphosis.iter().map(|b| named("kyphosis", b)));
    rows.extend(alignment.lordosis.iter().map(|b| named("lordosis", b)));
    rows.extend(alignment.segments.iter().map(|b| named("segment", b)));
    rows.extend(alignment.sacral_slope_deg.map(|deg| ("sacral slope".to_owned(), deg)));
    if let Some(pelvis) = &alignment.pelvis {
        rows.push(("pelvic incidence (free of posture)".to_owned(), pelvis.incidence_deg));
        rows.push(("pelvic tilt".to_owned(), pelvis.tilt_deg));
        let apart = pelvis.incidence_less_lordosis_deg;
        rows.extend(apart.map(|deg| ("incidence less lordosis".to_owned(), deg)));
    }
    if rows.is_empty() {
        return "\nangles of the column: none could be measured\n".to_owned();
    }
    let rows: Vec<_> =
        rows.into_iter().map(|(name, deg)| vec![name, format!("{deg:.1}")]).collect();
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
        "notices": measures.notices,
    })
}

fn level_as_json(level: &LevelMeasures) -> Value {
    let anatomy = &level.model.anatomy;
    let density = |side: Side| level.pedicles.iter().find(|(s, _)| *s == side).map(|(_, d)| d);
    let pedicle = |p: &Pedicle| {
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
            "density": density(p.side),
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
