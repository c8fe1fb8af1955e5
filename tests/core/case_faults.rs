//! Disks that fail and power that goes: no finished edit is lost, the plan file is always whole.

use crate::memory_fs::{Call, MemoryFs, PowerCut};
use crate::plan_samples::{now, open, screw};
use corridor::case::{Revision, SaveState};
use corridor::plan::file;
use corridor::platform::fs::FileSystem;
use rayon::prelude::*;
use std::path::Path;
use std::time::{Duration, Instant};

const PLAN: &str = "/case/x.plan.json";
const SOON: Duration = Duration::from_secs(10);
const EDITS: u128 = 6;

/// Whatever happened, the plan file is a whole plan or not there.
fn assert_whole(fs: &MemoryFs, context: &str) {
    if let Ok(bytes) = fs.read(Path::new(PLAN)) {
        let text = String::from_utf8(bytes).unwrap();
        assert!(file::parse(&text, now()).is_ok(), "{context}: the plan file is not whole: {text}");
    }
}

/// The disk is opened again: edits 0 to `least` at least are there, in order, and nothing else.
fn assert_edits(fs: &MemoryFs, least: u64, context: &str) {
    assert_whole(fs, context);
    let (session, _) = open(fs, Path::new(PLAN)).unwrap_or_else(|e| panic!("{context}: {e}"));
    let count = session.plan().screws.len() as u64;
    assert!(count >= least, "{context}: {count} of {least} edits are back");
    for n in 0..count {
        assert!(session.plan().screw(screw(n.into()).id).is_some(), "{context}: edit {n}");
    }
}

/// A session that edits, saves in the middle, and edits on; after each edit `safe` is told how many
/// are known to be on disk. Returns false as soon as one can not be made safe within `patience`.
fn script(fs: &MemoryFs, patience: Duration, mut safe: impl FnMut(u64)) -> bool {
    let Ok((mut session, _)) = open(fs, Path::new(PLAN)) else { return false };
    for n in 0..EDITS {
        session.place(screw(n)).unwrap();
        if n == EDITS / 2 {
            session.save();
        }
        if session.flush(patience).is_err() {
            // The program dies here: nothing is tidied up.
            std::mem::forget(session);
            return false;
        }
        safe(session.journalled().0);
    }
    drop(session);
    true
}

#[test]
fn power_lost_at_any_call_loses_no_finished_edit() {
    let whole = MemoryFs::new();
    assert!(script(&whole, SOON, |_| {}));
    let calls = whole.calls();
    assert!(calls > 25, "the script makes {calls} calls");
    (0..calls).into_par_iter().for_each(|last| {
        let fs = MemoryFs::new();
        fs.lose_power_after(last);
        let mut safe = 0;
        script(&fs, Duration::from_millis(20), |revision| safe = revision);
        for cut in PowerCut::ALL {
            assert_edits(&fs.after(cut), safe, &format!("power lost after {last} calls, {cut:?}"));
        }
    });
}

#[test]
fn a_call_that_fails_is_made_good() {
    let cases: Vec<_> = Call::ALL
        .into_iter()
        .flat_map(|call| (0..14).flat_map(move |nth| [1, 3].map(|times| (call, nth, times))))
        .collect();
    // Each of them mostly waits to try again, so they wait together.
    std::thread::scope(|scope| {
        for (call, nth, times) in cases {
            scope.spawn(move || fails_and_goes_on(call, nth, times));
        }
    });
}

fn fails_and_goes_on(call: Call, nth: usize, times: usize) {
    let context = format!("{call:?} number {nth} fails {times} times");
    let fs = MemoryFs::new();
    fs.fail(call, nth, times);
    let mut safe = 0;
    let went_on = script(&fs, SOON, |revision| {
        safe = revision;
        for cut in PowerCut::ALL {
            assert_edits(&fs.after(cut), safe, &format!("{context}, then {cut:?}"));
        }
    });
    assert!(went_on && u128::from(safe) == EDITS, "{context}: {safe} edits are safe");
    assert_edits(&fs.after(PowerCut::Synced), safe, &context);
}

#[test]
fn a_full_disk_is_said_and_nothing_is_lost_when_there_is_room_again() {
    for room in [0, 700, 1500, 3000] {
        let fs = MemoryFs::new();
        fs.set_room(Some(room));
        let (mut session, _) = open(&fs, Path::new(PLAN)).unwrap();
        for n in 0..EDITS {
            session.place(screw(n)).unwrap();
        }
        session.save();
        let sentence = session.flush(Duration::from_millis(300)).unwrap_err().to_string();
        assert!(sentence.contains("full") && sentence.contains("x.plan.json"), "{sentence}");
        assert!(sentence.contains("kept in memory"), "{sentence}");
        assert_eq!(session.save_state(), SaveState::Failed(sentence));
        assert_eq!(session.plan().screws.len() as u128, EDITS);
        for cut in PowerCut::ALL {
            assert_edits(&fs.after(cut), session.journalled().0, &format!("{room} bytes, {cut:?}"));
        }
        fs.set_room(None);
        session.flush(SOON).unwrap();
        assert_eq!(session.save_state(), SaveState::Saved { revision: Revision(EDITS as u64) });
        assert_edits(&fs.after(PowerCut::Synced), EDITS as u64, "with room again");
        std::mem::forget(session);
    }
}

#[test]
fn a_full_disk_at_closing_is_told_to_whoever_closes() {
    let fs = MemoryFs::new();
    let (mut session, _) = open(&fs, Path::new(PLAN)).unwrap();
    fs.set_room(Some(10));
    session.place(screw(0)).unwrap();
    let sentence = session.close(SOON).unwrap_err().to_string();
    assert!(sentence.contains("full"), "{sentence}");
    assert!(!fs.names().contains(&Path::new(PLAN).to_owned()));
}

#[test]
fn editing_never_waits_for_the_disk() {
    let fs = MemoryFs::new();
    fs.fail(Call::Sync, 0, 1_000_000);
    let (mut session, _) = open(&fs, Path::new(PLAN)).unwrap();
    let started = Instant::now();
    for n in 0..50 {
        session.drag(screw(n));
        session.finish_drag().unwrap();
    }
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    assert!(session.flush(Duration::from_millis(10)).is_err());
    std::mem::forget(session);
}
