//! The plan file: versioned JSON in LPS mm.
//!
//! In: text. Out: a [`PlanFile`], and its text again. Nothing here touches a disk.
//!
//! Keys that this program does not know are kept: of the file, of its case and of each screw. The
//! tip is written though it follows from the rest, for whoever reads the file elsewhere; a file in
//! which it does not follow is refused. Lengths of ends are written to the nanometre, so that what
//! was read is written back byte for byte.

use super::alternative::{Alternative, AlternativeFault};
use super::bent::RodChoice;
use super::correct::{CorrectError, Target};
use super::screw::{Screw, ScrewFault, ScrewId, ScrewState, ScrewStyle};
use super::{Plan, RenamedLevel};
use crate::implant::Catalogue;
use crate::labels::edit::{Mending, MendingFault};
use crate::labels::{Level, VertebraId};
use crate::space::{Dir, Patient, Point, Side};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The newest form of the file that this program reads, and the one that it writes.
pub const SCHEMA: u64 = 1;
/// How far a written tip may lie from entry plus length along the axis, mm.
pub const TIP_TOLERANCE_MM: f64 = 0.01;
/// `program` of a file that this program wrote.
pub const PROGRAM: &str = concat!("corridor ", env!("CARGO_PKG_VERSION"));

/// Turns a document of schema n into one of n + 1; the first entry starts from schema 1.
type Migration = fn(&mut Map<String, Value>);
const MIGRATIONS: [Migration; SCHEMA as usize - 1] = [];

/// By what a spine is recognised; hashes, never names. What is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseHashes {
    /// Of the CT's canonical voxels and grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ct_content_hash: Option<String>,
    /// Of the DICOM Frame of Reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_of_reference_hash: Option<String>,
    /// Of the DICOM patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient_hash: Option<String>,
    /// Of the label map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels_hash: Option<String>,
}

/// Which case a plan belongs to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CaseRef {
    /// Random, made with the plan; empty in a plan written by hand.
    #[serde(default)]
    pub pseudonym: String,
    /// By what its spine is recognised.
    #[serde(flatten)]
    pub hashes: CaseHashes,
    /// Keys that this program does not know; written back as read.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// Which implants were on offer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueRef {
    /// The catalogue's id; empty when not known.
    pub id: String,
    /// Its edition.
    pub version: u32,
}

impl From<&Catalogue> for CatalogueRef {
    fn from(catalogue: &Catalogue) -> Self {
        Self { id: catalogue.id.clone(), version: catalogue.version }
    }
}

/// What a plan file says beside the plan itself; no edit changes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The case it belongs to.
    pub case: CaseRef,
    /// The implants that were on offer.
    pub catalogue: CatalogueRef,
    /// Hash of the thresholds that its screws were judged by; empty when not known.
    pub thresholds_hash: String,
    /// Keys of the file that this program does not know; written back as read.
    pub unknown: Map<String, Value>,
}

/// All that a plan file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanFile {
    /// Which case, which implants, which thresholds.
    pub header: Header,
    /// What was decided.
    pub plan: Plan,
}

/// A text that is no plan this program can use. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// No JSON, or not of this shape.
    #[error("the plan is no readable JSON: {0}; correct it there or take a copy of it")]
    Syntax(#[from] serde_json::Error),
    /// JSON, but no plan of ours.
    #[error("the file is no Corridor plan: it says no \"schema\" from 1; choose another file")]
    NoPlan,
    /// Written by a program that knows more than this one.
    #[error(
        "the plan has schema {found} (written by {program}), this program reads up to {SCHEMA}: \
         open it with a newer Corridor; it was left as it is"
    )]
    Newer {
        /// What the file says.
        found: u64,
        /// Who wrote it.
        program: String,
    },
    /// One screw's entry can not be read.
    #[error("{screw} can not be read: {source}; correct it in the plan file")]
    Entry {
        /// Level, side and id, as far as the entry says them.
        screw: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// One screw can not be.
    #[error(transparent)]
    Screw(#[from] ScrewFault),
    /// The tip is not where entry, axis and length put it.
    #[error(
        "{screw}: entry and tip lie {distance_mm:.3} mm apart, its length says {length_mm:.3} mm; \
         correct one of them in the plan file"
    )]
    Tip {
        /// Level, side and id.
        screw: String,
        /// From the written entry to the written tip, mm.
        distance_mm: f64,
        /// The written length, mm.
        length_mm: f64,
    },
    /// Two screws have one id.
    #[error("{screw}: another screw has the same id; give one of them another in the plan file")]
    SameId {
        /// Level, side and id.
        screw: String,
    },
    /// An edit of the labels can not be done.
    #[error("label edit {number} of the plan: {source}; or take it out of the plan file")]
    LabelEdit {
        /// Its place in the file, from 1.
        number: usize,
        /// What is wrong.
        source: MendingFault,
    },
    /// The column can not be moved so.
    #[error("{source}; correct it in the plan file")]
    RodTarget {
        /// What is wrong.
        #[from]
        source: CorrectError,
    },
    /// An alternative can not be.
    #[error("{source}; correct it in the plan file")]
    Alternative {
        /// What is wrong.
        #[from]
        source: AlternativeFault,
    },
    /// Two screws call one vertebra by two names.
    #[error("{screw}: another screw calls its vertebra {other}; correct one of them in the file")]
    TwoLevels {
        /// Level, side and id.
        screw: String,
        /// What the other screw calls it.
        other: Level,
    },
}

#[derive(Serialize, Deserialize)]
struct FileRecord {
    schema: u64,
    #[serde(default)]
    program: String,
    #[serde(default)]
    case: CaseRef,
    #[serde(default)]
    catalogue: CatalogueRef,
    #[serde(default)]
    thresholds_hash: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    notes: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    renamed_levels: Vec<RenamedRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accepted_labels: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    label_edits: Vec<Mending>,
    #[serde(default, skip_serializing_if = "Target::is_as_it_is")]
    rod_target: Target,
    #[serde(default, skip_serializing_if = "RodChoice::is_usual")]
    rod_choice: RodChoice,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<AlternativeRecord>,
    #[serde(default)]
    screws: Vec<Value>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct AlternativeRecord {
    name: String,
    #[serde(default)]
    screws: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
struct RenamedRecord {
    vertebra_id: VertebraId,
    from: Level,
    to: Level,
}

#[derive(Serialize, Deserialize)]
struct ScrewRecord {
    id: Option<ScrewId>,
    vertebra_id: Option<VertebraId>,
    level: Level,
    side: Side,
    #[serde(default)]
    style: ScrewStyle,
    entry_lps_mm: [f64; 3],
    tip_lps_mm: [f64; 3],
    diameter_mm: f64,
    length_mm: f64,
    author: Option<String>,
    edited: Option<Timestamp>,
    #[serde(default)]
    state: ScrewState,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// Reads a plan file's text. What a plan written by hand may leave out is filled: the id (made from
/// the screw's place in the file), the vertebra (see [`Plan::vertebra_of`]), the author (`unknown`)
/// and the time of the edit (`read_at`).
pub fn parse(text: &str, read_at: Timestamp) -> Result<PlanFile, FileError> {
    let mut document: Map<String, Value> = match serde_json::from_str(text)? {
        Value::Object(map) => map,
        _ => return Err(FileError::NoPlan),
    };
    migrate(&mut document)?;
    let record: FileRecord = serde_json::from_value(Value::Object(document))?;
    let screws = read_screws(record.screws, &[], read_at)?;
    let alternatives = read_alternatives(record.alternatives, &screws, read_at)?;
    let renamed: BTreeMap<_, _> = record
        .renamed_levels
        .into_iter()
        .map(|r| (r.vertebra_id, RenamedLevel { from: r.from, to: r.to }))
        .collect();
    check_label_edits(&record.label_edits)?;
    record.rod_target.check()?;
    let mut plan = Plan {
        screws,
        renamed,
        notes: record.notes,
        accepted_labels: record.accepted_labels,
        label_edits: record.label_edits,
        rod_target: record.rod_target,
        rod_choice: record.rod_choice,
        alternatives,
    };
    plan.sort();
    let header = Header {
        case: record.case,
        catalogue: record.catalogue,
        thresholds_hash: record.thresholds_hash,
        unknown: record.unknown,
    };
    Ok(PlanFile { header, plan })
}

/// The text of a plan file; equal plans give equal bytes.
pub fn print(header: &Header, plan: &Plan) -> Result<String, FileError> {
    let alternative = |a: &Alternative| {
        Ok(AlternativeRecord { name: a.name.clone(), screws: written_screws(&a.screws)? })
    };
    let alternatives: Result<_, FileError> = plan.alternatives.iter().map(alternative).collect();
    let renamed_levels = plan
        .renamed
        .iter()
        .map(|(id, r)| RenamedRecord { vertebra_id: *id, from: r.from, to: r.to })
        .collect();
    let record = FileRecord {
        schema: SCHEMA,
        program: PROGRAM.to_owned(),
        case: header.case.clone(),
        catalogue: header.catalogue.clone(),
        thresholds_hash: header.thresholds_hash.clone(),
        notes: plan.notes.clone(),
        renamed_levels,
        accepted_labels: plan.accepted_labels.clone(),
        label_edits: plan.label_edits.clone(),
        rod_target: plan.rod_target,
        rod_choice: plan.rod_choice.clone(),
        alternatives: alternatives?,
        screws: written_screws(&plan.screws)?,
        unknown: header.unknown.clone(),
    };
    Ok(serde_json::to_string_pretty(&record)? + "\n")
}

/// Brings a document up to [`SCHEMA`], one step at a time.
fn migrate(document: &mut Map<String, Value>) -> Result<(), FileError> {
    let found = document.get("schema").and_then(Value::as_u64).unwrap_or(0);
    if found == 0 {
        return Err(FileError::NoPlan);
    }
    if found > SCHEMA {
        let program = document.get("program").and_then(Value::as_str).unwrap_or("another program");
        return Err(FileError::Newer { found, program: program.to_owned() });
    }
    for step in MIGRATIONS.iter().skip(found as usize - 1) {
        step(document);
    }
    Ok(())
}

/// The screws of one list. They call their vertebrae as each other do, and as those `beside` do.
fn read_screws(
    entries: Vec<Value>,
    beside: &[Screw],
    read_at: Timestamp,
) -> Result<Vec<Screw>, FileError> {
    let mut screws: Vec<Screw> = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        let screw = read_screw(entry, index, read_at)?;
        if screws.iter().any(|other| other.id == screw.id) {
            return Err(FileError::SameId { screw: screw.name() });
        }
        check_level(&screw, screws.iter().chain(beside))?;
        screws.push(screw);
    }
    Ok(screws)
}

fn read_alternatives(
    records: Vec<AlternativeRecord>,
    screws: &[Screw],
    read_at: Timestamp,
) -> Result<Vec<Alternative>, FileError> {
    let mut alternatives: Vec<Alternative> = Vec::with_capacity(records.len());
    let mut beside = screws.to_vec();
    for record in records {
        let screws = read_screws(record.screws, &beside, read_at)?;
        beside.extend_from_slice(&screws);
        let alternative = Alternative { name: record.name, screws };
        alternative.check()?;
        if alternatives.iter().any(|other| other.name == alternative.name) {
            return Err(AlternativeFault::SameName(alternative.name).into());
        }
        alternatives.push(alternative);
    }
    Ok(alternatives)
}

fn read_screw(entry: Value, index: usize, read_at: Timestamp) -> Result<Screw, FileError> {
    let name = named(&entry, index);
    let record: ScrewRecord = serde_json::from_value(entry)
        .map_err(|source| FileError::Entry { screw: name.clone(), source })?;
    let entry = Point::<Patient>::from(record.entry_lps_mm);
    let span = Point::<Patient>::from(record.tip_lps_mm) - entry;
    let screw = Screw {
        id: record.id.unwrap_or_else(|| id_of_place(index)),
        vertebra: record.vertebra_id.unwrap_or_else(|| vertebra_by_name(record.level)),
        level: record.level,
        side: record.side,
        style: record.style,
        entry,
        axis: span.unit().unwrap_or(Dir::new(0.0, 0.0, 0.0)),
        diameter_mm: record.diameter_mm,
        length_mm: record.length_mm,
        author: record.author.unwrap_or_else(|| "unknown".to_owned()),
        edited: record.edited.unwrap_or(read_at),
        state: record.state,
        unknown: record.unknown,
    };
    screw.check()?;
    let (distance_mm, length_mm) = (span.length(), screw.length_mm);
    if (distance_mm - length_mm).abs() > TIP_TOLERANCE_MM {
        return Err(FileError::Tip { screw: name, distance_mm, length_mm });
    }
    Ok(screw)
}

fn check_label_edits(edits: &[Mending]) -> Result<(), FileError> {
    for (index, edit) in edits.iter().enumerate() {
        edit.check().map_err(|source| FileError::LabelEdit { number: index + 1, source })?;
    }
    Ok(())
}

/// Refuses a screw that calls its vertebra otherwise than one read before it.
fn check_level<'a>(
    screw: &Screw,
    mut before: impl Iterator<Item = &'a Screw>,
) -> Result<(), FileError> {
    match before.find(|o| o.vertebra == screw.vertebra && o.level != screw.level) {
        Some(other) => Err(FileError::TwoLevels { screw: screw.name(), other: other.level }),
        None => Ok(()),
    }
}

/// What messages call an entry that may not be readable: `L4 left screw 1b4e28ba`.
fn named(entry: &Value, index: usize) -> String {
    let said = |key: &str| entry.get(key).and_then(Value::as_str);
    let level = said("level").unwrap_or("(no level)");
    let side = said("side").unwrap_or("(no side)");
    let id = said("id").and_then(|id| id.split('-').next());
    let which = id.map_or_else(|| format!("{} of the file", index + 1), str::to_owned);
    format!("{level} {side} screw {which}")
}

/// The same place in the file gives the same id at every reading.
fn id_of_place(index: usize) -> ScrewId {
    ScrewId(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("screw {index}").as_bytes()))
}

/// Stands for "the vertebra called so", where the file names no vertebra; no label map has it.
fn vertebra_by_name(level: Level) -> VertebraId {
    VertebraId::of_label(&format!("the vertebra called {level}"), 0)
}

fn written_screws(screws: &[Screw]) -> Result<Vec<Value>, FileError> {
    let written = |screw: &Screw| {
        screw.check()?;
        Ok(serde_json::to_value(written_screw(screw))?)
    };
    screws.iter().map(written).collect()
}

fn written_screw(screw: &Screw) -> ScrewRecord {
    let (entry_lps_mm, tip_lps_mm) = written_ends(screw);
    ScrewRecord {
        id: Some(screw.id),
        vertebra_id: Some(screw.vertebra),
        level: screw.level,
        side: screw.side,
        style: screw.style,
        entry_lps_mm,
        tip_lps_mm,
        diameter_mm: screw.diameter_mm,
        length_mm: screw.length_mm,
        author: Some(screw.author.clone()),
        edited: Some(screw.edited),
        state: screw.state,
        unknown: screw.unknown.clone(),
    }
}

/// Entry and tip on the nanometre grid. The axis that a reader makes of them must lead to the same
/// tip again, so the tip is taken there and back until it stays; each round brings it nearer to the
/// sphere of the screw's length about the entry, so one or two suffice.
fn written_ends(screw: &Screw) -> ([f64; 3], [f64; 3]) {
    let entry = on_grid(screw.entry);
    let mut tip = on_grid(entry + screw.axis * screw.length_mm);
    for _ in 0..8 {
        let axis = (tip - entry).unit().unwrap_or(screw.axis);
        let again = on_grid(entry + axis * screw.length_mm);
        if again == tip {
            break;
        }
        tip = again;
    }
    (entry.to_array(), tip.to_array())
}

/// The nearest point whose coordinates are whole nanometres (1e-6 mm); never a negative zero.
fn on_grid(point: Point<Patient>) -> Point<Patient> {
    Point::from(point.to_array().map(|mm| (mm * 1e6).round() / 1e6 + 0.0))
}
