//! From plan file and journal to one history, and who may open it.
//!
//! In: a location and what is known of the open image. Out: a [`Recovered`] document with the
//! [`Notice`]s of what was survived, or an [`OpenError`]. Nothing is written here.
//!
//! The journal is the document; the plan file is its newest saved form. Where somebody else changed
//! the plan file, the change is taken over as one edit that can be undone.

use super::bind::{self, bind};
use super::command::Command;
use super::history::{Edit, History, Revision, Step};
use super::identity::{self, SamePatient};
use super::journal::{self, Chain, FileMark, Replay, Soundness};
use super::notice::{Notice, OpenError};
use super::store::Location;
use crate::labels::LabelMap;
use crate::plan::file;
use crate::plan::{CaseHashes, CatalogueRef, Header, Plan, PlanFile, Screw};
use crate::platform::fs::{FileSystem, folder_of, with_ending};
use jiff::Timestamp;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the program knows when it opens a case.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// By what the open image is recognised.
    pub hashes: CaseHashes,
    /// Its labels as they were read: screws that name no vertebra of them are bound to that of their
    /// level.
    pub labels: Option<Arc<LabelMap>>,
    /// The implants on offer.
    pub catalogue: CatalogueRef,
    /// Hash of the thresholds that screws are judged by.
    pub thresholds_hash: String,
    /// A person said that plan and image belong together where the hashes can not tell.
    pub accept_unknown: bool,
}

/// A document as it was found.
#[derive(Debug)]
pub(super) struct Recovered {
    pub header: Header,
    pub history: History,
    /// Where the plan file's content stands in the history; `None` when it is older or missing.
    pub saved: Option<Revision>,
    /// The plan file as it was last written or found.
    pub plan_file: Option<FileMark>,
    /// What the journal's next line is tied to; `None` when the journal must be written anew.
    pub chain: Option<Chain>,
    /// The history holds something that the journal on disk does not.
    pub is_ahead_of_journal: bool,
    /// The journal's bytes, to be kept under this name before it is written anew.
    pub keep: Option<(PathBuf, Vec<u8>)>,
    /// How many screws named vertebrae that the labels do not have, and were bound to others.
    pub matched: usize,
    pub notices: Vec<Notice>,
}

/// The plan as it would be opened, edits of its journal included, without lock and without writing:
/// for commands that only read. `fill` stands for edit times that the file does not tell.
pub fn read(
    location: &Location,
    opening: &Opening,
    fill: Timestamp,
    fs: &dyn FileSystem,
) -> Result<(PlanFile, Vec<Notice>), OpenError> {
    let found = recover(location, opening, fill, fs)?;
    let plan = Plan::clone(found.history.plan());
    Ok((PlanFile { header: found.header, plan }, found.notices))
}

/// Reads plan file and journal and makes one document of them.
pub(super) fn recover(
    location: &Location,
    opening: &Opening,
    now: Timestamp,
    fs: &dyn FileSystem,
) -> Result<Recovered, OpenError> {
    let (plan, journal) = read_both(location, fs)?;
    let labels = opening.labels.as_deref();
    let plan = plan.map(|bytes| parse_plan(location.plan(), &bytes, labels, now)).transpose()?;
    let mut found = match journal {
        None => without_journal(plan),
        Some(bytes) => with_journal(location, plan, bytes, labels, now, fs)?,
    };
    admit(&mut found, opening)?;
    bind_screws(&mut found, labels, now);
    if found.matched > 0 && !found.notices.contains(&Notice::OtherLabels) {
        found.notices.push(Notice::Matched { screws: found.matched });
    }
    Ok(found)
}

/// The bytes of a file, `None` where it is not there.
type Content = Option<Vec<u8>>;

/// The bytes of plan file and journal. Who reads without the lock may
/// come between two writes, so both are read until the plan file stays the same.
fn read_both(location: &Location, fs: &dyn FileSystem) -> Result<(Content, Content), OpenError> {
    let mut plan = read_if_there(location.plan(), fs)?;
    loop {
        let journal = read_if_there(&location.journal(), fs)?;
        let again = read_if_there(location.plan(), fs)?;
        if again == plan {
            return Ok((plan, journal));
        }
        plan = again;
    }
}

/// A plan file as it was read, its screws bound to the vertebrae of the labels.
struct FoundFile {
    file: PlanFile,
    /// Of its bytes.
    hash: String,
    /// How many screws named vertebrae that the labels do not have.
    matched: usize,
}

fn parse_plan(
    path: &Path,
    bytes: &[u8],
    labels: Option<&LabelMap>,
    now: Timestamp,
) -> Result<FoundFile, OpenError> {
    let mut file = file::parse(&String::from_utf8_lossy(bytes), now)
        .map_err(|source| OpenError::Plan { plan: path.to_owned(), source })?;
    let matched = labels.map_or(0, |labels| bind(&mut file.plan, labels));
    Ok(FoundFile { file, hash: journal::hash(bytes), matched })
}

fn read_if_there(path: &Path, fs: &dyn FileSystem) -> Result<Content, OpenError> {
    match fs.read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(OpenError::Io { file: path.to_owned(), what: "read", source }),
    }
}

/// A new case, or a plan file that never had a journal.
fn without_journal(plan: Option<FoundFile>) -> Recovered {
    let (file, plan_file, matched) = match plan {
        Some(FoundFile { file, hash, matched }) => {
            (file, Some(FileMark { hash, revision: Revision(0) }), matched)
        }
        None => (PlanFile::default(), None, 0),
    };
    let history = History::new(file.plan, Revision(0));
    Recovered {
        header: file.header,
        saved: Some(history.revision()),
        history,
        plan_file,
        chain: None,
        is_ahead_of_journal: false,
        keep: None,
        matched,
        notices: Vec::new(),
    }
}

fn with_journal(
    location: &Location,
    plan: Option<FoundFile>,
    bytes: Vec<u8>,
    labels: Option<&LabelMap>,
    now: Timestamp,
    fs: &dyn FileSystem,
) -> Result<Recovered, OpenError> {
    let journal = location.journal();
    let (replay, soundness) = journal::replay(&bytes)
        .map_err(|newer| OpenError::NewerJournal { journal: journal.clone(), found: newer.0 })?;
    let mut notices = Vec::new();
    let mut keep = None;
    match soundness {
        Soundness::Whole => {}
        Soundness::Torn => notices.push(Notice::TornLine),
        Soundness::Damaged { line } => {
            let kept = free_name(&journal, "damaged", fs)?;
            notices.push(Notice::JournalDamaged { line, kept: kept.clone() });
            keep = Some((kept, bytes.clone()));
        }
    }
    let is_ours = |replay: &Replay| plan.as_ref().is_none_or(|found| one_case(&found.file, replay));
    let mut found = match replay {
        Some(replay) if is_ours(&replay) => joined(replay, plan, labels, now, &mut notices),
        Some(_) => {
            let kept = free_name(&journal, "other-case", fs)?;
            notices.push(Notice::JournalOfAnotherCase { kept: kept.clone() });
            keep = Some((kept, bytes));
            without_journal(plan)
        }
        None => without_journal(plan),
    };
    if soundness != Soundness::Whole {
        found.chain = None;
        found.is_ahead_of_journal = true;
    }
    found.is_ahead_of_journal |= keep.is_some();
    Ok(Recovered { keep, notices, ..found })
}

/// Whether a plan file and a journal name the same case; a plan written by hand names none.
fn one_case(file: &PlanFile, replay: &Replay) -> bool {
    let name = &file.header.case.pseudonym;
    name.is_empty() || *name == replay.header.case.pseudonym
}

/// The journal's history, with what stands in the plan file alone taken over.
fn joined(
    replay: Replay,
    plan: Option<FoundFile>,
    labels: Option<&LabelMap>,
    now: Timestamp,
    notices: &mut Vec<Notice>,
) -> Recovered {
    // A journal of an older form is written anew: no line of the newest form is put behind its own.
    let is_older = replay.schema < journal::SCHEMA;
    let mut found = Recovered {
        header: replay.header,
        history: replay.history,
        saved: None,
        plan_file: replay.plan_file,
        chain: Some(replay.chain).filter(|_| !is_older),
        is_ahead_of_journal: is_older,
        keep: None,
        matched: 0,
        notices: Vec::new(),
    };
    match (plan, found.plan_file.clone()) {
        (Some(FoundFile { hash, .. }), Some(mark)) if mark.hash == hash => {
            since(mark.revision, &mut found, notices);
        }
        (Some(plan), _) => {
            // Both or neither, or the plan file would seem to be changed by that alone.
            bind_screws(&mut found, labels, now);
            take_over(&mut found, plan, now, notices);
        }
        (None, None) => since(Revision(0), &mut found, notices),
        (None, Some(_)) => notices.push(Notice::PlanRestored),
    }
    if let Some(screw) = replay.drag {
        end_drag(&mut found, screw, notices);
    }
    found
}

/// The plan file is at `revision`; what the journal holds beyond it is told.
fn since(revision: Revision, found: &mut Recovered, notices: &mut Vec<Notice>) {
    let steps = found.history.revision().0.saturating_sub(revision.0);
    if steps == 0 {
        found.saved = Some(revision);
    } else {
        notices.push(Notice::Recovered { steps });
    }
}

/// A movement under way when the program ended becomes the edit that it would have been.
fn end_drag(found: &mut Recovered, screw: Screw, notices: &mut Vec<Notice>) {
    let (name, at) = (screw.name(), screw.edited);
    if let Some(command) = drag_as_edit(found.history.plan(), screw)
        && found.take(Edit { at, command })
    {
        notices.push(Notice::DragRecovered { screw: name });
    }
}

/// Somebody else wrote the plan file: what it says becomes one edit, unless it says the same.
fn take_over(
    found: &mut Recovered,
    FoundFile { file, hash, .. }: FoundFile,
    now: Timestamp,
    notices: &mut Vec<Notice>,
) {
    let pseudonym = std::mem::take(&mut found.header.case.pseudonym);
    found.header = file.header;
    found.header.case.pseudonym = pseudonym;
    if !same_bytes(&found.header, found.history.plan(), &file.plan) {
        let before = Box::new(Plan::clone(found.history.plan()));
        let command = Command::Replace { before, after: Box::new(file.plan) };
        if found.take(Edit { at: now, command }) {
            notices.push(Notice::ChangedElsewhere);
        }
    }
    let revision = found.history.revision();
    found.plan_file = Some(FileMark { hash, revision });
    found.saved = Some(revision);
    found.is_ahead_of_journal = true;
    found.chain = None;
}

/// Binds the screws of a history that was made on other labels, as one edit. A plan file that is the
/// newest stays that until the next edit: its screws are bound anew whenever it is read. What was undone
/// can be done again, with its screws bound as well.
fn bind_screws(found: &mut Recovered, labels: Option<&LabelMap>, now: Timestamp) {
    let Some(labels) = labels else { return };
    let before = Plan::clone(found.history.plan());
    let mut after = before.clone();
    let matched = bind(&mut after, labels);
    if after == before {
        return;
    }
    let is_saved = found.saved == Some(found.history.revision());
    let undone = bind::bound_ahead(&found.history, labels);
    let command = Command::Replace { before: Box::new(before), after: Box::new(after) };
    if !found.take(Edit { at: now, command }) {
        return;
    }
    let done_again = undone.into_iter().take_while(|edit| found.take(edit.clone())).count();
    for _ in 0..done_again {
        if found.history.take(Step::Undo).is_err() {
            break;
        }
    }
    found.matched += matched;
    let revision = found.history.revision();
    if let Some(mark) = found.plan_file.as_mut().filter(|_| is_saved) {
        mark.revision = revision;
        found.saved = Some(revision);
    }
}

impl Recovered {
    /// Takes an edit that the journal on disk does not hold yet; false where it does not fit.
    fn take(&mut self, edit: Edit) -> bool {
        let fits = self.history.take(Step::new(edit)).is_ok();
        if fits {
            self.is_ahead_of_journal = true;
            self.chain = None;
        }
        fits
    }
}

/// A movement that was never finished, as the edit it would have become; `None` where it would
/// change nothing.
pub(super) fn drag_as_edit(plan: &Plan, after: Screw) -> Option<Command> {
    match plan.screw(after.id) {
        None => Some(Command::Place(after)),
        Some(before) if *before == after => None,
        Some(before) => Some(Command::change(before.clone(), after.by_hand(before))),
    }
}

/// Whether two plans are written as the same bytes.
fn same_bytes(header: &Header, one: &Plan, other: &Plan) -> bool {
    match (file::print(header, one), file::print(header, other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// `<journal>.<why>-<n>` with the first n that is free.
fn free_name(journal: &Path, why: &str, fs: &dyn FileSystem) -> Result<PathBuf, OpenError> {
    let folder = folder_of(journal);
    let taken = fs.list(folder).map_err(|source| OpenError::Io {
        file: folder.to_owned(),
        what: "listed",
        source,
    })?;
    let names = (1..).map(|n| with_ending(journal, &format!(".{why}-{n}")));
    let is_free = |name: &PathBuf| !taken.iter().any(|other| other.file_name() == name.file_name());
    Ok(names.into_iter().find(is_free).unwrap_or_else(|| journal.to_owned()))
}

/// Lets the case in, or refuses it; fills in what the plan did not know of its image.
fn admit(found: &mut Recovered, opening: &Opening) -> Result<(), OpenError> {
    let open = &opening.hashes;
    let is_new = found.header == Header::default() && found.history.plan().screws.is_empty();
    if !is_new {
        let case = identity::case_name(&found.header.case);
        let image = identity::image_name(open);
        match identity::compare(&found.header.case.hashes, open) {
            SamePatient::Same => {}
            SamePatient::Other => return Err(OpenError::OtherPatient { case, image }),
            SamePatient::Unknown if opening.accept_unknown => {
                found.notices.push(Notice::AcceptedUnknown { case, image });
            }
            SamePatient::Unknown => return Err(OpenError::UnknownPatient { case, image }),
        }
    }
    let header = &mut found.header;
    if differs(&header.case.hashes.labels_hash, &open.labels_hash) {
        found.notices.push(Notice::OtherLabels);
    }
    let thresholds = [&header.thresholds_hash, &opening.thresholds_hash];
    if thresholds[0] != thresholds[1] && thresholds.iter().all(|hash| !hash.is_empty()) {
        found.notices.push(Notice::OtherThresholds);
    }
    let has_screws = !found.history.plan().screws.is_empty();
    let [plan, in_use] = [&header.catalogue, &opening.catalogue];
    if has_screws && plan != in_use && [plan, in_use].iter().all(|c| !c.id.is_empty()) {
        let (plan, in_use) = (plan.clone(), in_use.clone());
        found.notices.push(Notice::OtherCatalogue { plan, in_use });
    }
    let is_own_catalogue = !has_screws || header.catalogue.id == opening.catalogue.id;
    fill(header, opening, is_own_catalogue);
    Ok(())
}

fn differs(plan: &Option<String>, open: &Option<String>) -> bool {
    matches!((plan, open), (Some(plan), Some(open)) if plan != open)
}

/// What the plan knows of its image stays; what it does not know, and what this session works with,
/// is written in. Another catalogue than the plan's own is not: its screws were chosen from that.
fn fill(header: &mut Header, opening: &Opening, is_own_catalogue: bool) {
    let open = opening.hashes.clone();
    let hashes = &mut header.case.hashes;
    hashes.ct_content_hash = hashes.ct_content_hash.take().or(open.ct_content_hash);
    hashes.frame_of_reference_hash =
        hashes.frame_of_reference_hash.take().or(open.frame_of_reference_hash);
    hashes.patient_hash = hashes.patient_hash.take().or(open.patient_hash);
    hashes.labels_hash = open.labels_hash.or(hashes.labels_hash.take());
    if header.case.pseudonym.is_empty() {
        header.case.pseudonym = identity::new_pseudonym();
    }
    let takes_catalogue = is_own_catalogue || header.catalogue.id.is_empty();
    if takes_catalogue && !opening.catalogue.id.is_empty() {
        header.catalogue.clone_from(&opening.catalogue);
    }
    if !opening.thresholds_hash.is_empty() {
        header.thresholds_hash.clone_from(&opening.thresholds_hash);
    }
}
