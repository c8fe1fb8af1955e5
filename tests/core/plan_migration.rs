//! Plans and journals of older programs: read, brought up to today's form, and nothing is lost.

use crate::case_session::{JOURNAL, PLAN, SOON};
use crate::memory_fs::MemoryFs;
use crate::plan_samples::{now, open};
use corridor::case::Notice;
use corridor::plan::{Plan, ScrewState, ScrewStyle, file};
use corridor::platform::fs::FileSystem;
use serde_json::Value;
use std::path::Path;

/// Each as the program wrote it that first knew the key of that name, with keys of others in every
/// part; the screws are in the order in which they are written.
const OLD: [(&str, &str); 4] = [
    ("accepted labels", include_str!("data/plan-1-accepted-labels.json")),
    ("label edits", include_str!("data/plan-1-label-edits.json")),
    ("alternatives", include_str!("data/plan-1-alternatives.json")),
    ("rod target", include_str!("data/plan-1-rod-target.json")),
];

/// What of the old document the new one says otherwise or not at all.
fn lost(old: &Value, new: &Value, place: &str) -> Vec<String> {
    let within = |key: &str, old: &Value, new: &Value| lost(old, new, &format!("{place}/{key}"));
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let part = |(key, old): (&String, &Value)| match new.get(key) {
                Some(new) => within(key, old, new),
                None => vec![format!("{place}/{key}")],
            };
            old.iter().flat_map(part).collect()
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            let pairs = old.iter().zip(new).enumerate();
            pairs.flat_map(|(n, (old, new))| within(&n.to_string(), old, new)).collect()
        }
        _ if old == new => Vec::new(),
        _ => vec![place.to_owned()],
    }
}

fn styles(plan: &Plan) -> Vec<String> {
    let said = |s: &corridor::plan::Screw| format!("{} {:?}", s.title(), s.style);
    plan.all_screws().map(said).collect()
}

#[test]
fn every_older_form_is_read_and_written_without_a_loss() {
    for (form, text) in OLD {
        let read = file::parse(text, now()).unwrap();
        let written = file::print(&read.header, &read.plan).unwrap();
        let again = file::parse(&written, now()).unwrap();
        assert_eq!(again, read, "{form}");
        assert_eq!(file::print(&again.header, &again.plan).unwrap(), written, "{form}");
        let [old, new]: [Value; 2] =
            [text, &written].map(|text| serde_json::from_str(text).unwrap());
        assert_eq!(new["schema"], file::SCHEMA);
        let mut lost = lost(&old, &new, "");
        lost.retain(|place| place != "/schema" && !place.ends_with("/style"));
        assert!(lost.is_empty(), "{form}: {lost:?}");
        assert_eq!(new["catalogue"]["vendor"], "none");
        assert_eq!(new["renamed_levels"][0]["why"], "a rib was counted");
    }
}

#[test]
fn a_suggested_screw_tells_its_trajectory_by_its_id_and_one_by_hand_stays_as_it_was() {
    let [(_, labels), (_, edits), .., (_, rods)] = OLD;
    let of = |text: &str| styles(&file::parse(text, now()).unwrap().plan);
    assert_eq!(of(labels), ["L4 left Pedicle"]);
    assert_eq!(
        of(edits),
        ["L4 left Pedicle", "L4 right Straight", "L5 left Anatomic", "L5 right Cortical"]
    );
    assert_eq!(
        of(rods),
        [
            "L4 right Straight",
            "L5 left Anatomic",
            "L5 right Cortical",
            "S1 left S1Bicortical",
            "S2AI right S2AlarIliac",
            "L4 left Pedicle",
            "S1 left S1Bicortical",
        ]
    );
    // In the newest form a screw may be called a pedicle screw whatever its id is.
    let newest = rods.replacen("\"schema\": 1", "\"schema\": 2", 1);
    assert!(of(&newest).iter().all(|screw| !screw.ends_with("Bicortical")), "{newest}");
}

#[test]
fn an_unknown_key_survives_undo_and_redo_of_the_part_it_belongs_to() {
    use corridor::case::Command;
    let read = file::parse(OLD[3].1, now()).unwrap();
    let print = |plan: &Plan| file::print(&read.header, plan).unwrap();
    let first = print(&read.plan);
    let (renamed, level) = read.plan.renamed.iter().next().unwrap();
    for command in [
        Command::RenameLevel { vertebra: *renamed, before: level.to, after: level.from },
        Command::DropAlternative(read.plan.alternatives[0].clone()),
        Command::TakeBackMending(read.plan.label_edits[1].clone()),
        Command::AimRods { before: read.plan.rod_target, after: Default::default() },
    ] {
        let mut plan = read.plan.clone();
        command.apply(&mut plan).unwrap();
        let changed = print(&plan);
        assert_ne!(changed, first);
        assert_eq!(print(&file::parse(&changed, now()).unwrap().plan), changed);
        command.inverse().apply(&mut plan).unwrap();
        assert_eq!(print(&plan), first, "{command:?}");
    }
}

#[test]
fn a_journal_of_the_first_form_is_followed_and_written_anew() {
    let fs = MemoryFs::new();
    fs.put(Path::new(JOURNAL), include_bytes!("data/plan-1.journal"));
    let (mut session, notices) = open(&fs, Path::new(PLAN)).unwrap();
    assert_eq!(notices, [Notice::Recovered { steps: 3 }, Notice::OtherThresholds]);
    let all =
        ["L4 left Pedicle", "S1 left S1Bicortical", "L4 left Pedicle", "S1 left S1Bicortical"];
    assert_eq!(styles(session.plan()), all);
    assert_eq!(session.plan().screws[1].unknown["checked"]["by"], "B");
    session.undo().unwrap();
    session.undo().unwrap();
    assert_eq!(session.plan().screws[1].state, ScrewState::Suggested);
    assert_eq!(session.plan().screws[1].style, ScrewStyle::S1Bicortical);
    session.redo().unwrap();
    session.redo().unwrap();
    session.close(SOON).unwrap();
    let journal = String::from_utf8(fs.read(Path::new(JOURNAL)).unwrap()).unwrap();
    assert!(journal.lines().next().unwrap().contains("{\"begin\":{\"schema\":2,"));
    let (mut session, notices) = open(&fs, Path::new(PLAN)).unwrap();
    assert_eq!(notices, []);
    assert_eq!(styles(session.plan()), all);
    assert_eq!((0..).take_while(|_| session.undo().is_ok()).count(), 3);
}
