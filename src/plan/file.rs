//! The plan file: versioned JSON in LPS mm.
//!
//! In: text. Out: a [`PlanFile`], and its text again. Nothing here touches a disk.
//!
//! Keys that this program does not know are kept, wherever in the file they stand. Older forms of the
//! file are brought up to the newest one before they are read (`migrate`). The tip is written though it follows from the rest, for whoever reads the file elsewhere; a file in
//! which it does not follow is refused. Lengths of ends are written to the nanometre, so that what
//! was read is written back byte for byte.

pub use super::fault::FileError;
pub use super::migrate::SCHEMA;

use super::alternative::{Alternative, AlternativeFault};
use super::bent::RodChoice;
use super::correct::Target;
use super::migrate::migrate;
use super::no_number::{self, NoNumber};
use super::screw::{Screw, ScrewId, ScrewState, ScrewStyle, is_false};
use super::{Plan, RenamedLevel, twice};
use crate::implant::Catalogue;
use crate::labels::edit::Mending;
use crate::labels::{Level, VertebraId};
use crate::space::{Dir, Patient, Point, Side};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How far a written tip may lie from entry plus length along the axis, mm.
pub const TIP_TOLERANCE_MM: f64 = 0.01;
/// `program` of a file that this program wrote.
pub const PROGRAM: &str = concat!("corridor ", env!("CARGO_PKG_VERSION"));

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

/// Keys that this program does not know, as they were read.
pub type Unknown = Map<String, Value>;

/// Unknown keys of parts of the file that edits make anew; written back while the part is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnknownOfParts {
    /// Of the catalogue's entry.
    pub catalogue: Unknown,
    /// Of the rods' target.
    pub rod_target: Unknown,
    /// Of what the rods are made of.
    pub rod_choice: Unknown,
    /// Of each renamed level.
    pub renamed_levels: BTreeMap<VertebraId, Unknown>,
}

impl UnknownOfParts {
    fn is_empty(&self) -> bool {
        *self == Self::default()
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
    /// The same of its parts.
    #[serde(default, skip_serializing_if = "UnknownOfParts::is_empty")]
    pub unknown_of_parts: UnknownOfParts,
}

/// All that a plan file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanFile {
    /// Which case, which implants, which thresholds.
    pub header: Header,
    /// What was decided.
    pub plan: Plan,
}

#[derive(Serialize, Deserialize)]
struct FileRecord {
    schema: u64,
    #[serde(default)]
    program: String,
    #[serde(default)]
    case: CaseRef,
    #[serde(default)]
    catalogue: Kept<CatalogueRef>,
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
    #[serde(default, skip_serializing_if = "Kept::is_default")]
    rod_target: Kept<Target>,
    #[serde(default, skip_serializing_if = "Kept::is_default")]
    rod_choice: Kept<RodChoice>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<AlternativeRecord>,
    #[serde(default)]
    screws: Vec<Value>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

/// A part of the file with the keys of it that this program does not know.
#[derive(Default, PartialEq, Serialize, Deserialize)]
struct Kept<T> {
    #[serde(flatten)]
    part: T,
    #[serde(flatten)]
    unknown: Unknown,
}

impl<T: Default + PartialEq> Kept<T> {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Serialize, Deserialize)]
struct AlternativeRecord {
    name: String,
    #[serde(default)]
    screws: Vec<Value>,
    #[serde(flatten)]
    unknown: Unknown,
}

#[derive(Serialize, Deserialize)]
struct RenamedRecord {
    vertebra_id: VertebraId,
    from: Level,
    to: Level,
    #[serde(flatten)]
    unknown: Unknown,
}

#[derive(Serialize, Deserialize)]
struct ScrewRecord {
    id: Option<ScrewId>,
    vertebra_id: Option<VertebraId>,
    level: Level,
    side: Side,
    #[serde(default)]
    style: ScrewStyle,
    #[serde(default, skip_serializing_if = "is_false")]
    in_out_in: bool,
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
    let mut document = match read_document(text)? {
        Value::Object(map) => map,
        _ => return Err(FileError::NoPlan),
    };
    migrate(&mut document)?;
    let record: FileRecord = serde_json::from_value(Value::Object(document))?;
    let screws = read_screws(record.screws, &[], read_at)?;
    let alternatives = read_alternatives(record.alternatives, &screws, read_at)?;
    let (renamed, renamed_levels) = read_renamed(record.renamed_levels)?;
    let kept = alternatives.iter().flat_map(|a| &a.screws);
    screws.iter().chain(kept).try_for_each(|screw| check_renamed(screw, &renamed))?;
    check_label_edits(&record.label_edits)?;
    let rod_target = record.rod_target.part;
    rod_target.check()?;
    let mut plan = Plan {
        screws,
        renamed,
        notes: record.notes,
        accepted_labels: record.accepted_labels,
        label_edits: record.label_edits,
        rod_target,
        rod_choice: record.rod_choice.part,
        alternatives,
    };
    plan.sort();
    let unknown_of_parts = UnknownOfParts {
        catalogue: record.catalogue.unknown,
        rod_target: record.rod_target.unknown,
        rod_choice: record.rod_choice.unknown,
        renamed_levels,
    };
    let header = Header {
        case: record.case,
        catalogue: record.catalogue.part,
        thresholds_hash: record.thresholds_hash,
        unknown: record.unknown,
        unknown_of_parts,
    };
    Ok(PlanFile { header, plan })
}

/// The text of a plan file; equal plans give equal bytes.
pub fn print(header: &Header, plan: &Plan) -> Result<String, FileError> {
    let alternative = |a: &Alternative| {
        let screws = written_screws(&a.screws)?;
        Ok(AlternativeRecord { name: a.name.clone(), screws, unknown: a.unknown.clone() })
    };
    let alternatives: Result<_, FileError> = plan.alternatives.iter().map(alternative).collect();
    let UnknownOfParts { catalogue, rod_target, rod_choice, renamed_levels } =
        header.unknown_of_parts.clone();
    let renamed = |(id, r): (&VertebraId, &RenamedLevel)| {
        let unknown = renamed_levels.get(id).cloned().unwrap_or_default();
        RenamedRecord { vertebra_id: *id, from: r.from, to: r.to, unknown }
    };
    let renamed_levels = plan.renamed.iter().map(renamed).collect();
    let record = FileRecord {
        schema: SCHEMA,
        program: PROGRAM.to_owned(),
        case: header.case.clone(),
        catalogue: Kept { part: header.catalogue.clone(), unknown: catalogue },
        thresholds_hash: header.thresholds_hash.clone(),
        notes: plan.notes.clone(),
        renamed_levels,
        accepted_labels: plan.accepted_labels.clone(),
        label_edits: plan.label_edits.clone(),
        rod_target: Kept { part: plan.rod_target, unknown: rod_target },
        rod_choice: Kept { part: plan.rod_choice.clone(), unknown: rod_choice },
        alternatives: alternatives?,
        screws: written_screws(&plan.screws)?,
        unknown: header.unknown.clone(),
    };
    Ok(serde_json::to_string_pretty(&record)? + "\n")
}

/// The JSON of a text. Where that is spoilt by a number that is none, or by a key that stands twice, the
/// error says whose it is.
fn read_document(text: &str) -> Result<Value, FileError> {
    let document = serde_json::from_str(text).map_err(|fault| match no_number::first(text) {
        Some(NoNumber { document, path, found }) => {
            let (place, field) = whose(&document, &path);
            FileError::Number { place, field, found }
        }
        None => fault.into(),
    })?;
    match twice::least_deep(text) {
        Some(path) => {
            let (place, field) = whose(&document, &path);
            Err(FileError::Twice { place, field })
        }
        None => Ok(document),
    }
}

/// Whose value lies at a path through the file, as messages call it, and the rest of the path.
fn whose(document: &Value, path: &[String]) -> (String, String) {
    let is_of_screw = |at: &[String]| at[0] == "screws" && at[1].parse::<usize>().is_ok();
    let Some(n) = path.windows(3).position(is_of_screw).map(|n| n + 1) else {
        return ("the plan".to_owned(), path.join("."));
    };
    let entry = document.pointer(&format!("/{}", path[..=n].join("/")));
    let index = path[n].parse().unwrap_or(0);
    (named(entry.unwrap_or(&Value::Null), index), path[n + 1..].join("."))
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

type Renamed = BTreeMap<VertebraId, RenamedLevel>;

/// The renamed levels, and what else the file says of each. A name that is none, or two for one
/// vertebra, are refused: an edit would trip over them, and so would its undo.
fn read_renamed(
    records: Vec<RenamedRecord>,
) -> Result<(Renamed, BTreeMap<VertebraId, Unknown>), FileError> {
    let (mut renamed, mut unknown) = (Renamed::new(), BTreeMap::new());
    for RenamedRecord { vertebra_id: id, from, to, unknown: keys } in records {
        if from == to {
            return Err(FileError::RenamedToItself { level: from });
        }
        if let Some(other) = renamed.insert(id, RenamedLevel { from, to }) {
            return Err(FileError::RenamedTwice { from, names: [other.to, to] });
        }
        if !keys.is_empty() {
            unknown.insert(id, keys);
        }
    }
    Ok((renamed, unknown))
}

/// Refuses a screw that does not call its vertebra as it was renamed.
fn check_renamed(screw: &Screw, renamed: &Renamed) -> Result<(), FileError> {
    match renamed.get(&screw.vertebra) {
        Some(RenamedLevel { from, to }) if *to != screw.level => {
            Err(FileError::OtherName { screw: screw.name(), from: *from, to: *to })
        }
        _ => Ok(()),
    }
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
        let alternative = Alternative { name: record.name, screws, unknown: record.unknown };
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
    check_numbers(&entry, &name)?;
    let record: ScrewRecord = serde_json::from_value(entry)
        .map_err(|source| FileError::Entry { screw: name.clone(), source })?;
    let entry = Point::<Patient>::from(record.entry_lps_mm);
    let span = Point::<Patient>::from(record.tip_lps_mm) - entry;
    if span.length() == 0.0 {
        return Err(FileError::SamePlace { screw: name });
    }
    let screw = Screw {
        id: record.id.unwrap_or_else(|| id_of_place(index)),
        vertebra: record.vertebra_id.unwrap_or_else(|| vertebra_by_name(record.level)),
        level: record.level,
        side: record.side,
        style: record.style,
        in_out_in: record.in_out_in,
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

/// Refuses an entry in which something else stands where numbers should.
fn check_numbers(entry: &Value, screw: &str) -> Result<(), FileError> {
    fn is_place(value: &Value) -> bool {
        value.as_array().is_some_and(|mm| mm.len() == 3 && mm.iter().all(Value::is_number))
    }
    type Test = (&'static str, fn(&Value) -> bool);
    const PLACE: Test = ("three numbers", is_place);
    const SIZE: Test = ("a number", Value::is_number);
    let fields = [
        ("entry_lps_mm", PLACE),
        ("tip_lps_mm", PLACE),
        ("diameter_mm", SIZE),
        ("length_mm", SIZE),
    ];
    let fault =
        fields.into_iter().find(|(field, (_, is_so))| !entry.get(*field).is_some_and(is_so));
    fault.map_or(Ok(()), |(field, (wanted, _))| {
        Err(FileError::Field { screw: screw.to_owned(), field, wanted })
    })
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
pub(crate) fn vertebra_by_name(level: Level) -> VertebraId {
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
        in_out_in: screw.in_out_in,
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
