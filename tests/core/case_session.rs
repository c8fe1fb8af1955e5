//! A session's life: edits, movements, saving, restarts, damage found at opening.

use crate::memory_fs::MemoryFs;
use crate::plan_samples::{now, open, opening, screw};
use corridor::case::journal::{self, Soundness};
use corridor::case::{Location, Notice, Revision, SaveState, Session, open as reopen};
use corridor::plan::file;
use corridor::platform::fs::FileSystem;
use corridor::space::Dir;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub const PLAN: &str = "/case/x.plan.json";
pub const JOURNAL: &str = "/case/x.plan.json.journal";
pub const SOON: Duration = Duration::from_secs(10);

/// Places screws 0 to `count` and waits until they are safe.
pub fn edited(fs: &MemoryFs, count: u128) -> Session {
    let (mut session, _) = open(fs, Path::new(PLAN)).unwrap();
    for n in 0..count {
        session.place(screw(n)).unwrap();
    }
    session.flush(SOON).unwrap();
    session
}

/// The disk of a program that stops dead now: the session is leaked with its thread and lock.
pub fn killed(fs: &MemoryFs, session: Session) -> MemoryFs {
    session.flush(SOON).unwrap();
    let disk = fs.after(crate::memory_fs::PowerCut::Synced);
    std::mem::forget(session);
    disk
}

#[test]
fn a_case_that_is_only_looked_at_leaves_no_plan_behind() {
    let fs = MemoryFs::new();
    let (session, notices) = open(&fs, Path::new(PLAN)).unwrap();
    assert!(notices.is_empty() && !session.can_undo());
    assert_eq!(session.save_state(), SaveState::Saved { revision: Revision(0) });
    drop(session);
    assert!(fs.names().is_empty());
}

#[test]
fn a_session_is_a_resource_that_threads_may_share() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Session>();
}

#[test]
fn undo_and_redo_survive_a_clean_restart() {
    let fs = MemoryFs::new();
    let mut session = edited(&fs, 3);
    session.undo().unwrap();
    let plan = Arc::clone(session.plan());
    session.close(SOON).unwrap();
    let (mut session, notices) = open(&fs, Path::new(PLAN)).unwrap();
    assert_eq!(notices, []);
    assert_eq!((session.plan(), session.revision()), (&plan, Revision(4)));
    session.redo().unwrap();
    assert_eq!(session.plan().screws.len(), 3);
    while session.can_undo() {
        session.undo().unwrap();
    }
    assert!(session.plan().screws.is_empty());
    assert_eq!(session.revision(), Revision(8));
}

#[test]
fn after_a_kill_the_edits_are_back_and_said() {
    let fs = MemoryFs::new();
    let session = edited(&fs, 3);
    let disk = killed(&fs, session);
    let (session, notices) = open(&disk, Path::new(PLAN)).unwrap();
    assert_eq!(notices, [Notice::Recovered { steps: 3 }]);
    assert_eq!(session.plan().screws.len(), 3);
    session.close(SOON).unwrap();
    let (_, notices) = open(&disk, Path::new(PLAN)).unwrap();
    assert_eq!(notices, [], "closing wrote the plan file");
}

#[test]
fn saving_writes_the_plan_that_others_can_read() {
    let fs = MemoryFs::new();
    let mut session = edited(&fs, 2);
    assert_eq!(session.save_state(), SaveState::Pending);
    session.save();
    session.flush(SOON).unwrap();
    assert_eq!(session.save_state(), SaveState::Saved { revision: Revision(2) });
    let text = String::from_utf8(fs.read(Path::new(PLAN)).unwrap()).unwrap();
    let file = file::parse(&text, now()).unwrap();
    assert_eq!(file.plan.screws.len(), 2);
    assert_eq!(file.header.case, *session.case());
    assert!(file.header.case.pseudonym.starts_with("case-"));
    assert_eq!(file.header.catalogue.id, "corridor-generic");
    session.place(screw(7)).unwrap();
    assert_eq!(session.save_state(), SaveState::Pending);
}

#[test]
fn the_plan_file_follows_by_itself_after_a_rest() {
    let fs = MemoryFs::new();
    let session = edited(&fs, 1);
    let until = std::time::Instant::now() + SOON;
    while session.save_state() != (SaveState::Saved { revision: Revision(1) }) {
        assert!(std::time::Instant::now() < until, "no autosave");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(fs.read(Path::new(PLAN)).is_ok());
}

#[test]
fn a_movement_is_one_edit_and_can_be_given_up() {
    let fs = MemoryFs::new();
    let mut session = edited(&fs, 1);
    let mut moving = session.plan().screws[0].clone();
    for _ in 0..5 {
        moving.entry = moving.entry + Dir::new(1.0, 0.0, 0.0);
        session.drag(moving.clone());
    }
    assert_eq!(session.shown_screws()[0].entry, moving.entry);
    assert_ne!(session.plan().screws[0].entry, moving.entry);
    assert_eq!(session.finish_drag().unwrap(), Some(Revision(2)));
    assert_eq!(session.plan().screws[0].entry, moving.entry);
    session.undo().unwrap();
    assert_eq!(session.plan().screws[0].entry, screw(0).entry);
    session.drag(moving);
    session.cancel_drag();
    assert_eq!(session.finish_drag().unwrap(), None);
    assert_eq!(session.revision(), Revision(3));
}

#[test]
fn a_movement_under_way_when_the_program_dies_is_back_as_an_edit() {
    let fs = MemoryFs::new();
    let mut session = edited(&fs, 1);
    let mut moving = screw(4);
    let started = std::time::Instant::now();
    while started.elapsed() < Duration::from_millis(700) {
        moving.entry = moving.entry + Dir::new(0.1, 0.0, 0.0);
        session.drag(moving.clone());
        std::thread::sleep(Duration::from_millis(10));
    }
    let disk = killed(&fs, session);
    let (mut session, notices) = open(&disk, Path::new(PLAN)).unwrap();
    assert!(notices.contains(&Notice::DragRecovered { screw: moving.name() }), "{notices:?}");
    assert!(session.plan().screw(moving.id).unwrap().entry.distance(screw(4).entry) > 0.5);
    session.undo().unwrap();
    assert!(session.plan().screw(moving.id).is_none());
}

#[test]
fn cut_at_every_byte_the_journal_keeps_every_whole_line() {
    let fs = MemoryFs::new();
    let mut session = edited(&fs, 3);
    session.undo().unwrap();
    session.save();
    session.flush(SOON).unwrap();
    session.place(screw(9)).unwrap();
    session.flush(SOON).unwrap();
    let whole = fs.read(Path::new(JOURNAL)).unwrap();
    let mut lines = 0;
    let mut revision = None;
    for cut in 0..=whole.len() {
        let ends_line = cut > 0 && whole[cut - 1] == b'\n';
        let (replay, soundness) = journal::replay(&whole[..cut]).unwrap();
        let is_whole = cut == 0 || ends_line;
        assert_eq!(soundness == Soundness::Whole, is_whole, "cut at {cut}");
        assert!(is_whole || soundness == Soundness::Torn, "cut at {cut}");
        lines += usize::from(ends_line);
        let found = replay.map(|replay| replay.history.revision());
        assert!(found >= revision && found.is_some() == (lines > 0), "cut at {cut}");
        revision = found;
    }
    assert_eq!(revision, Some(Revision(5)));

    // Opened with the last line torn: said, continued, and whole at the next opening.
    let torn = MemoryFs::new();
    torn.put(Path::new(PLAN), &fs.read(Path::new(PLAN)).unwrap());
    torn.put(Path::new(JOURNAL), &whole[..whole.len() - 5]);
    let (session, notices) = open(&torn, Path::new(PLAN)).unwrap();
    assert_eq!(notices, [Notice::TornLine]);
    assert_eq!(session.revision(), Revision(4));
    session.flush(SOON).unwrap();
    session.close(SOON).unwrap();
    assert_eq!(open(&torn, Path::new(PLAN)).unwrap().1, []);
}

#[test]
fn whatever_byte_is_changed_nothing_false_is_believed() {
    let fs = MemoryFs::new();
    let session = edited(&fs, 4);
    let whole = fs.read(Path::new(JOURNAL)).unwrap();
    drop(session);
    let states: Vec<_> = (0..=whole.len())
        .filter(|cut| *cut > 0 && whole[cut - 1] == b'\n')
        .map(|cut| (cut, journal::replay(&whole[..cut]).unwrap().0.unwrap()))
        .collect();
    for index in 0..whole.len() {
        let mut changed = whole.clone();
        changed[index] ^= 0x15;
        // A changed first line may claim a newer form; then it is refused, which is true as well.
        let Ok((replay, soundness)) = journal::replay(&changed) else { continue };
        assert_ne!(soundness, Soundness::Whole, "byte {index}");
        let sound = states.iter().rfind(|(end, _)| *end <= index);
        assert_eq!(
            replay.map(|r| r.history.plan().clone()),
            sound.map(|s| s.1.history.plan().clone())
        );
    }
}

#[test]
fn a_journal_damaged_in_its_middle_is_kept_aside_and_its_start_holds() {
    let fs = MemoryFs::new();
    drop(edited(&fs, 4));
    let mut bytes = fs.read(Path::new(JOURNAL)).unwrap();
    let third_line = bytes.iter().enumerate().filter(|b| *b.1 == b'\n').nth(1).unwrap().0 + 30;
    bytes[third_line] ^= 1;
    let disk = MemoryFs::new();
    disk.put(Path::new(JOURNAL), &bytes);
    let (session, notices) = open(&disk, Path::new(PLAN)).unwrap();
    let kept = Path::new("/case/x.plan.json.journal.damaged-1").to_owned();
    assert!(
        notices.contains(&Notice::JournalDamaged { line: 3, kept: kept.clone() }),
        "{notices:?}"
    );
    assert_eq!(disk.read(&kept).unwrap(), bytes);
    assert_eq!(session.plan().screws.len(), 1);

    // With the plan file still there, its screws come back as one edit.
    let disk = MemoryFs::new();
    disk.put(Path::new(PLAN), &fs.read(Path::new(PLAN)).unwrap());
    disk.put(Path::new(JOURNAL), &bytes);
    let (mut session, _) = open(&disk, Path::new(PLAN)).unwrap();
    assert_eq!(session.plan().screws.len(), 4);
    session.undo().unwrap();
    assert_eq!(session.plan().screws.len(), 1);
}

#[test]
fn reading_sees_the_journal_and_writes_nothing() {
    let fs = MemoryFs::new();
    let session = edited(&fs, 3);
    let names = fs.names();
    let (file, _) = reopen::read(&Location::at(PLAN), &opening("3f9a22c1"), now(), &fs).unwrap();
    assert_eq!(file.plan, **session.plan());
    assert_eq!(fs.names(), names);
}
