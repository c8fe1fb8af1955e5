//! The measures of a case as rows of text: what `corridor measure` prints and the page of measures
//! shows, so that neither can say other than the other.
//!
//! In: [`Measures`]. Out: rows, each with a cell for every column, in the order of the columns; a
//! number as it is read, a `-` where there is none. The heads are with whoever shows the rows.

use super::measures::{Measures, ScrewPath};
use crate::anatomy::density::Untold;

/// One decimal, or a dash.
fn tenth(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
}

fn whole(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0}"))
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
