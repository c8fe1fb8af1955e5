//! The measures of a case as rows of text: what `corridor measure` prints and the page of measures
//! shows, so that neither can say other than the other.
//!
//! In: [`Measures`]. Out: rows, each with a cell for every column, in the order of the columns; a
//! number as it is read, a `-` where there is none. The heads are with whoever shows the rows.

use super::measures::{LevelMeasures, Measures, ScrewPath};
use crate::anatomy::alignment::{Alignment, Between};
use crate::anatomy::density::Untold;
use crate::anatomy::{Foramen, Pedicle};
use crate::space::Side;

/// One decimal, or a dash.
fn tenth(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
}

fn whole(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0}"))
}

/// A row for every pedicle, left before right: level, side, width mm, height mm, least extent mm, chord
/// mm, transverse and sagittal angle in degrees, mean HU or why there is none.
pub fn pedicles(measures: &Measures) -> Vec<[String; 9]> {
    let row = |level: &LevelMeasures, side: Side| {
        let pedicle = level.model.anatomy.pedicle(side);
        let of = |value: fn(&Pedicle) -> f64| tenth(pedicle.map(value));
        let walled = pedicle.filter(|_| level.has_outer_walls());
        let hu = match level.pedicle_density(side) {
            Some(Err(why)) => why.to_string(),
            told => whole(told.and_then(Result::ok).map(|d| d.mean_hu)),
        };
        [
            level.level.to_string(),
            side.to_string(),
            tenth(walled.map(|p| p.width_mm)),
            of(|p| p.height_mm),
            tenth(walled.map(|p| p.least_mm)),
            of(|p| p.chord_mm),
            of(|p| p.transverse_deg),
            of(|p| p.sagittal_deg),
            hu,
        ]
    };
    measures.levels.iter().flat_map(|level| Side::BOTH.map(|side| row(level, side))).collect()
}

/// A row for every vertebra: level, body width by depth mm, canal width by depth mm, height of the
/// left and of the right foramen below it mm, rotation in degrees, mean HU and standard deviation HU
/// of its body.
pub fn levels(measures: &Measures) -> Vec<[String; 8]> {
    let pair = |pair: Option<[f64; 2]>| {
        pair.map_or_else(|| "-".to_owned(), |[w, d]| format!("{w:.1} x {d:.1}"))
    };
    let row = |level: &LevelMeasures| {
        let anatomy = &level.model.anatomy;
        let foramen = |side: Side| {
            let is_it = |f: &&Foramen| f.upper == level.level && f.side == side;
            tenth(measures.foramina.iter().find(is_it).map(|f| f.height_mm))
        };
        let turn = measures.alignment.rotation.iter().find(|r| r.level == level.level);
        [
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
    measures.levels.iter().map(row).collect()
}

/// A row for every angle of the column: its name and degrees.
pub fn angles(alignment: &Alignment) -> Vec<[String; 2]> {
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
    rows.into_iter().map(|(name, deg)| [name, tenth(Some(deg))]).collect()
}

/// A row for every planned screw: which, diameter mm, length mm, mean HU and standard deviation HU
/// along it.
pub fn paths(measures: &Measures) -> Vec<[String; 5]> {
    let row = |path: &ScrewPath| {
        let (screw, density) = (&path.screw, path.density.as_ref().map(|path| path.density));
        [
            screw.title(),
            tenth(Some(screw.diameter_mm)),
            tenth(Some(screw.length_mm)),
            density.map_or_else(|| Untold::OutsideCt.to_string(), |d| whole(Some(d.mean_hu))),
            whole(density.map(|d| d.sd_hu)),
        ]
    };
    measures.paths.iter().map(row).collect()
}

/// Every rule of the literature that a density falls under, a sentence each: what falls under it, the
/// rule, and its source.
pub fn flags(measures: &Measures) -> Vec<String> {
    let of_levels = measures
        .levels
        .iter()
        .flat_map(|level| level.flags.iter().map(move |flag| format!("{}: {flag}", level.level)));
    let of_paths = measures.paths.iter().flat_map(|path| {
        let flags = path.density.iter().flat_map(|density| &density.flags);
        flags.map(move |flag| format!("{}: {flag}", path.screw.title()))
    });
    of_levels.chain(of_paths).collect()
}
