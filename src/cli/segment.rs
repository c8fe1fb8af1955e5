//! `corridor segment`: a CT without labels to a label map, with how sure each level is.

use super::SegmentArgs;
use super::output::{self, OutputError};
use super::table::layout;
use crate::ingest::{self, IngestError, nifti};
use crate::labels::auto::{self, Automatic, LOW_CONFIDENCE, SegmentError};
use crate::work::Work;
use serde_json::{Value, json};

/// Why no labels were written.
#[derive(Debug, thiserror::Error)]
pub enum SegmentFault {
    /// A file could not be read or written.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The labels may not go where they are to.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// There is no spine, or the call was stopped.
    #[error(transparent)]
    Segment(#[from] SegmentError),
}

/// What was found, and what reading the CT had to say.
pub struct Found {
    /// The labels.
    pub automatic: Automatic,
    /// Whole sentences, those of the CT first.
    pub notices: Vec<String>,
}

/// Reads the CT, finds its vertebrae and writes them; never over the CT, over another file only
/// where the arguments say so.
pub fn run(args: &SegmentArgs, work: &Work) -> Result<Found, SegmentFault> {
    output::check(&[&args.output], std::slice::from_ref(&args.ct), args.replace)?;
    let study = ingest::load(&args.ct, work)?;
    let automatic = auto::segment(&study.ct, work)?;
    nifti::write_labels(&args.output, &automatic.volume)?;
    let mut notices: Vec<String> = study.warnings.iter().map(ToString::to_string).collect();
    notices.extend(automatic.warnings.iter().cloned());
    Ok(Found { automatic, notices })
}

/// One row per level.
pub fn as_table(found: &Found) -> String {
    const HEADER: [&str; 7] =
        ["level", "value", "volume cm3", "name", "border", "confidence", "remark"];
    let rows: Vec<Vec<String>> = found
        .automatic
        .levels
        .iter()
        .map(|level| {
            let remark = match (level.is_cut_off, level.confidence < LOW_CONFIDENCE) {
                (true, true) => "cut off by the image, not sure",
                (true, false) => "cut off by the image",
                (false, true) => "not sure",
                (false, false) => "",
            };
            vec![
                level.level.to_string(),
                level.value.to_string(),
                format!("{:.1}", level.volume_cm3),
                format!("{:.2}", level.name_confidence),
                format!("{:.2}", level.border_confidence),
                format!("{:.2}", level.confidence),
                remark.to_owned(),
            ]
        })
        .collect();
    layout(&HEADER, &rows)
}

/// The same as JSON.
pub fn as_json(found: &Found) -> Value {
    json!({
        "numbering": "verse",
        "reviewed": false,
        "levels": found.automatic.levels,
        "notices": found.notices,
    })
}
