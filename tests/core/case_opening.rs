//! Opening a case: whose plan it is, who has it, and what others did to its files.

use crate::case_session::{JOURNAL, PLAN, SOON, edited, killed};
use crate::memory_fs::MemoryFs;
use crate::plan_samples::{now, open, opening, screw};
use corridor::case::clock::SteppingClock;
use corridor::case::store::{Opened, locate};
use corridor::case::{Location, Notice, OpenError, Session, open as reopen};
use corridor::platform::fs::{FileSystem, RealFs};
use std::path::Path;
use std::sync::Arc;

#[test]
fn a_plan_file_changed_by_somebody_else_is_one_edit() {
    let fs = MemoryFs::new();
    drop(edited(&fs, 2));
    let text = String::from_utf8(fs.read(Path::new(PLAN)).unwrap()).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["screws"].as_array_mut().unwrap().pop();
    value["site"] = "B".into();
    fs.put(Path::new(PLAN), value.to_string().as_bytes());
    let (mut session, notices) = open(&fs, Path::new(PLAN)).unwrap();
    assert_eq!(notices, [Notice::ChangedElsewhere]);
    assert_eq!(session.plan().screws.len(), 1);
    session.undo().unwrap();
    assert_eq!(session.plan().screws.len(), 2);
    session.close(SOON).unwrap();
    let text = String::from_utf8(fs.read(Path::new(PLAN)).unwrap()).unwrap();
    assert!(text.contains("\"site\": \"B\""));
    assert_eq!(open(&fs, Path::new(PLAN)).unwrap().1, []);
}

#[test]
fn a_plan_file_that_is_gone_is_written_again() {
    let fs = MemoryFs::new();
    drop(edited(&fs, 2));
    fs.remove(Path::new(PLAN)).unwrap();
    let (session, notices) = open(&fs, Path::new(PLAN)).unwrap();
    assert_eq!(notices, [Notice::PlanRestored]);
    session.close(SOON).unwrap();
    assert!(fs.read(Path::new(PLAN)).is_ok());
}

#[test]
fn a_journal_of_another_case_is_kept_aside() {
    let (fs, other) = (MemoryFs::new(), MemoryFs::new());
    drop(edited(&fs, 2));
    drop(edited(&other, 1));
    fs.put(Path::new(PLAN), &other.read(Path::new(PLAN)).unwrap());
    let (session, notices) = open(&fs, Path::new(PLAN)).unwrap();
    let kept = Path::new("/case/x.plan.json.journal.other-case-1").to_owned();
    assert_eq!(notices, [Notice::JournalOfAnotherCase { kept: kept.clone() }]);
    assert_eq!((session.plan().screws.len(), session.can_undo()), (1, false));
    assert!(fs.read(&kept).is_ok());
}

#[test]
fn a_plan_of_another_ct_is_refused_with_both_names_and_left_alone() {
    let fs = MemoryFs::new();
    drop(edited(&fs, 1));
    let before = fs.read(Path::new(PLAN)).unwrap();
    let clock = || Arc::new(SteppingClock::new(now()));
    let disk = Arc::new(fs.clone());
    let mut other = opening("77aa33bb");
    let refused = Session::open(Location::at(PLAN), &other, clock(), disk.clone());
    let sentence = refused.map(|_| ()).unwrap_err().to_string();
    for word in ["case-", "CT 3f9a-22c1", "CT 77aa-33bb", "--accept-unknown"] {
        assert!(sentence.contains(word), "{sentence}");
    }
    other.accept_unknown = true;
    let (session, notices) =
        Session::open(Location::at(PLAN), &other, clock(), disk.clone()).unwrap();
    assert!(matches!(notices[..], [Notice::AcceptedUnknown { .. }]), "{notices:?}");
    drop(session);

    let mut with_frame = opening("3f9a22c1");
    with_frame.hashes.frame_of_reference_hash = Some("frame-a".to_owned());
    drop(Session::open(Location::at(PLAN), &with_frame, clock(), disk.clone()).unwrap());
    other.hashes.frame_of_reference_hash = Some("frame-b".to_owned());
    assert_eq!(fs.read(Path::new(PLAN)).unwrap(), before, "looking changes nothing");
}

#[test]
fn another_frame_of_reference_is_refused_even_when_asked() {
    let fs = MemoryFs::new();
    let clock = || Arc::new(SteppingClock::new(now()));
    let mut ours = opening("3f9a22c1");
    ours.hashes.frame_of_reference_hash = Some("frame-a".to_owned());
    let disk = Arc::new(fs.clone());
    let (mut session, _) = Session::open(Location::at(PLAN), &ours, clock(), disk.clone()).unwrap();
    session.place(screw(0)).unwrap();
    drop(session);
    let mut other = opening("77aa33bb");
    other.hashes.frame_of_reference_hash = Some("frame-b".to_owned());
    other.accept_unknown = true;
    let refused = Session::open(Location::at(PLAN), &other, clock(), disk);
    assert!(matches!(refused, Err(OpenError::OtherPatient { .. })));
}

#[test]
fn other_labels_of_the_same_ct_are_said() {
    let fs = MemoryFs::new();
    drop(edited(&fs, 1));
    let mut other = opening("3f9a22c1");
    other.hashes.labels_hash = Some("expert".to_owned());
    other.thresholds_hash = "stricter".to_owned();
    let (_, notices) = reopen::read(&Location::at(PLAN), &other, now(), &fs).unwrap();
    assert_eq!(notices, [Notice::OtherLabels, Notice::OtherThresholds]);
}

#[test]
fn a_second_window_is_told_which_case_and_which_process() {
    let fs = MemoryFs::new();
    let session = edited(&fs, 1);
    session.save();
    session.flush(SOON).unwrap();
    let sentence = open(&fs, Path::new(PLAN)).map(|_| ()).unwrap_err().to_string();
    for word in [session.case().pseudonym.as_str(), PLAN, "process 4711", "--plan"] {
        assert!(sentence.contains(word), "{sentence}");
    }
    drop(session);
    assert!(open(&fs, Path::new(PLAN)).is_ok());
}

#[test]
fn a_read_only_folder_is_refused_for_editing_and_fine_for_reading() {
    let fs = MemoryFs::new();
    drop(edited(&fs, 1));
    fs.set_writable("/elsewhere");
    let sentence = open(&fs, Path::new(PLAN)).map(|_| ()).unwrap_err().to_string();
    for word in ["/case", "read-only", "--plan"] {
        assert!(sentence.contains(word), "{sentence}");
    }
    let known = opening("3f9a22c1");
    let (file, _) = reopen::read(&Location::at(PLAN), &known, now(), &fs).unwrap();
    assert_eq!(file.plan.screws.len(), 1);
}

#[test]
fn the_demos_folder_is_made_when_it_is_opened() {
    let data = tempfile::tempdir().unwrap();
    let known = opening("3f9a22c1");
    let place = locate(Opened::Demo, None, &known.hashes, Some(data.path()), &RealFs).unwrap();
    let clock = Arc::new(SteppingClock::new(now()));
    let (mut session, _) = Session::open(place.clone(), &known, clock, Arc::new(RealFs)).unwrap();
    session.place(screw(0)).unwrap();
    session.close(SOON).unwrap();
    assert!(place.plan().is_file());
}

#[test]
fn what_is_broken_or_newer_is_refused_and_left_alone() {
    for (plan, journal, word) in [
        ("{\"schema\": 1, \"scr", "", "no readable JSON"),
        ("{\"schema\": 3}", "", "newer Corridor"),
        ("{\"schema\": 1}", "0 {\"begin\":{\"schema\":9}}\n", "newer Corridor"),
    ] {
        let fs = MemoryFs::new();
        fs.put(Path::new(PLAN), plan.as_bytes());
        if !journal.is_empty() {
            fs.put(Path::new(JOURNAL), journal.as_bytes());
        }
        let sentence = open(&fs, Path::new(PLAN)).map(|_| ()).unwrap_err().to_string();
        assert!(sentence.contains(word) && sentence.contains("x.plan.json"), "{sentence}");
        assert_eq!(fs.read(Path::new(PLAN)).unwrap(), plan.as_bytes());
    }
}

#[test]
fn a_plan_written_by_hand_keeps_one_name_from_its_first_edit_on() {
    let fs = MemoryFs::new();
    fs.put(Path::new(PLAN), b"{\"schema\": 1, \"screws\": []}");
    let session = edited(&fs, 1);
    let name = session.case().pseudonym.clone();
    let disk = killed(&fs, session);
    let (session, notices) = open(&disk, Path::new(PLAN)).unwrap();
    assert_eq!(session.case().pseudonym, name);
    assert_eq!(notices, [Notice::Recovered { steps: 1 }]);
}
