//! Input that makes no sense: each a sentence that names the screw, and the plan stays as it was.

use crate::memory_fs::MemoryFs;
use crate::plan_auto::{Made, around_bones, l4_to_s1, made_at, plan};
use crate::plan_samples::{level, now, open, screw};
use corridor::case::spine::{self, Spine};
use corridor::case::suggest::Wish;
use corridor::case::{Command, OpenError, judge};
use corridor::clearance::{Grade, Wall};
use corridor::implant::Catalogue;
use corridor::labels::{Level, VertebraId};
use corridor::phantom::Spec;
use corridor::plan::auto::{Refusal, Rules, Style};
use corridor::plan::check::{Issue, Weight};
use corridor::plan::{Header, Plan, RenamedLevel, Screw, file};
use corridor::platform::fs::FileSystem;
use corridor::space::{Dir, Patient, Side};
use corridor::work::Work;
use std::path::Path;
use std::sync::OnceLock;

/// The text of a plan of two screws in which these fields of the first one read otherwise.
fn spoilt(fields: &[(&str, &str)]) -> String {
    let plan = Plan { screws: vec![screw(2), screw(3)], ..Plan::default() };
    let text = file::print(&Header::default(), &plan).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (field, _) in fields {
        document["screws"][0][*field] = format!("<{field}>").into();
    }
    let marked = serde_json::to_string_pretty(&document).unwrap();
    fields
        .iter()
        .fold(marked, |text, (field, value)| text.replace(&format!("\"<{field}>\""), value))
}

#[test]
fn a_number_that_is_none_is_told_by_screw_and_field_and_the_file_stays() {
    for (field, value) in [
        ("diameter_mm", "NaN"),
        ("diameter_mm", "1e999"),
        ("length_mm", "-Infinity"),
        ("length_mm", "null"),
        ("diameter_mm", "\"6.5\""),
        ("entry_lps_mm", "[1.0, NaN, 2.0]"),
        ("tip_lps_mm", "[1.0, 2.0]"),
        ("author", "NaN"),
    ] {
        let text = spoilt(&[(field, value)]);
        let said = file::parse(&text, now()).unwrap_err().to_string();
        assert!(said.contains("L3 left screw 00000000: its "), "{value}: {said}");
        assert!(said.contains(field) && !said.contains("line"), "{value}: {said}");
        let fs = MemoryFs::new();
        fs.put(Path::new("/case/x.plan.json"), text.as_bytes());
        let refused = open(&fs, Path::new("/case/x.plan.json")).err();
        assert!(matches!(refused, Some(OpenError::Plan { .. })), "{value}");
        assert_eq!(fs.read(Path::new("/case/x.plan.json")).unwrap(), text.as_bytes());
    }
    let elsewhere = r#"{"schema": 1, "rod_target": {"lordosis_deg": NaN}, "screws": []}"#;
    let said = file::parse(elsewhere, now()).unwrap_err().to_string();
    assert!(said.starts_with("the plan: its rod_target.lordosis_deg is NaN"), "{said}");
}

#[test]
fn a_key_that_stands_twice_is_told_by_screw_and_key_and_neither_value_taken() {
    for field in ["length_mm", "level", "state", "torque_nm"] {
        let text = spoilt(&[("author", &format!("\"planner\", \"{field}\": 45.0"))]);
        let text = match field {
            // A key of another program's, which would be lost as well.
            "torque_nm" => {
                text.replace("\"torque_nm\": 45.0", "\"torque_nm\": 1, \"torque_nm\": 2")
            }
            "level" => text.replace("\"level\": 45.0", "\"level\": \"L3\""),
            _ => text,
        };
        let said = file::parse(&text, now()).unwrap_err().to_string();
        let wanted = format!("L3 left screw 00000000: its {field} stands there twice; take one of");
        assert!(said.starts_with(&wanted), "{said}");
    }
    let said = |text: &str| file::parse(text, now()).unwrap_err().to_string();
    let of_plan = r#"{"schema": 2, "schema": 2, "screws": []}"#;
    assert!(said(of_plan).starts_with("the plan: its schema stands there twice"));
    let deep = r#"{"schema": 2, "catalogue": {"id": "a", "version": 1, "id": "b"}, "screws": []}"#;
    assert!(said(deep).starts_with("the plan: its catalogue.id stands there twice"));
    assert!(file::parse(&spoilt(&[]), now()).is_ok(), "what stands once in each screw");
}

#[test]
fn sizes_that_no_screw_has_are_refused_by_file_and_command_alike() {
    for (field, value, word) in [
        ("diameter_mm", "1e300", "its diameter must be 1 to 30 mm"),
        ("diameter_mm", "1000000", "its diameter must be 1 to 30 mm"),
        ("diameter_mm", "0.0", "its diameter must be 1 to 30 mm"),
        ("length_mm", "1e7", "its length must be 1 to 300 mm"),
        ("length_mm", "-45", "its length must be 1 to 300 mm"),
        ("entry_lps_mm", "[1e300, 0.0, 0.0]", "its entry lies more than 100 m"),
    ] {
        let said = file::parse(&spoilt(&[(field, value)]), now()).unwrap_err().to_string();
        assert!(said.starts_with("L3 left screw") && said.contains(word), "{said}");
    }
    let mut plan = Plan { screws: vec![screw(2)], ..Plan::default() };
    let before = plan.clone();
    let wide = Screw { diameter_mm: 1e6, ..screw(3) };
    let far = Screw { length_mm: 1e7, ..screw(2) };
    for wrong in [
        Command::Place(wide.clone()),
        Command::change(screw(2), far),
        Command::Exchange { before: vec![screw(2)], after: vec![wide] },
    ] {
        let said = wrong.apply(&mut plan).unwrap_err().to_string();
        assert!(said.contains("must be 1 to"), "{said}");
        assert_eq!(plan, before);
    }
}

#[test]
fn entry_and_tip_in_one_place_are_told_as_that() {
    for length in ["45.0", "0"] {
        let place = "[1.0, 2.0, 3.0]";
        let fields = [("entry_lps_mm", place), ("tip_lps_mm", place), ("length_mm", length)];
        let said = file::parse(&spoilt(&fields), now()).unwrap_err().to_string();
        assert!(said.contains("entry and tip are the same place"), "{said}");
        assert!(said.starts_with("L3 left screw"), "{said}");
    }
}

/// The program's own screw of L4 left, judged on the fields of a CT.
fn l4_left() -> &'static Screw {
    static SCREW: OnceLock<Screw> = OnceLock::new();
    SCREW.get_or_init(|| {
        let wish = Wish { levels: vec![Level::L4], ..Wish::default() };
        let planned = plan(&l4_to_s1().spine, &wish);
        planned.screws.into_iter().map(|(s, _)| s).find(|s| s.side == Side::Left).unwrap()
    })
}

fn issues(screw: &Screw) -> Vec<Issue> {
    let plan = Plan { screws: vec![screw.clone()], ..Plan::default() };
    judge::check(&l4_to_s1().spine, &plan, &Catalogue::builtin().unwrap())
}

#[test]
fn a_screw_outside_every_bone_is_told_so_and_on_which_side_it_lies() {
    let spine = &l4_to_s1().spine;
    let frame = spine.at_level(Level::L4).unwrap().anatomy.patient_from_vertebra;
    let [left, back, up] = [Dir::X, Dir::Y, Dir::Z].map(|d| frame.dir(d));
    let ways: [(Dir<Patient>, Wall); 4] = [
        (left, Wall::Lateral),
        (back, Wall::Posterior),
        (-back, Wall::Anterior),
        (up, Wall::Cranial),
    ];
    for (way, wall) in ways {
        for mm in [90.0, 120.0, 200.0, 400.0] {
            let away = Screw { entry: l4_left().entry + way * mm, ..l4_left().clone() };
            let found = judge::assess(spine, &away).unwrap();
            assert!(!found.meets_bone, "{wall} {mm}");
            assert_eq!((found.grade, found.breach_wall), (Grade::E, Some(wall)), "{mm}");
            let issues = issues(&away);
            let (what, hint) = (&issues[0].what, &issues[0].hint);
            assert_eq!(issues[0].weight, Weight::Grave);
            assert!(what.contains("L4 left: it lies outside every bone"), "{what}");
            assert!(what.contains(&format!("{wall} of its own")), "{what}");
            assert!(!hint.contains("shorter"), "{hint}");
        }
    }
    // Beside the bone on the way through it, not astray: its walls are named as ever.
    let beside = Screw { entry: l4_left().entry + left * 4.0, ..l4_left().clone() };
    let found = judge::assess(spine, &beside).unwrap();
    assert!(found.meets_bone && found.breach_wall == Some(Wall::Lateral), "{found:?}");
    // In the bone of another level.
    let l5 = spine.at_level(Level::L5).unwrap().anatomy.pedicle(Side::Left).unwrap();
    let l4 = spine.at_level(Level::L4).unwrap().anatomy.pedicle(Side::Left).unwrap();
    let lower = Screw { entry: l4_left().entry + (l5.isthmus - l4.isthmus), ..l4_left().clone() };
    let said = &issues(&lower)[0].what;
    assert!(said.contains("L4 left: it lies in L5, outside its own bone"), "{said}");
    // By the name that the plan gives that level.
    let id = spine.at_level(Level::L5).unwrap().id;
    let mut plan = Plan { screws: vec![lower], ..Plan::default() };
    plan.renamed.insert(id, RenamedLevel { from: Level::L5, to: level("L6") });
    let said = &judge::check(spine, &plan, &Catalogue::builtin().unwrap())[0].what;
    assert!(said.contains("L4 left: it lies in L6, outside its own bone"), "{said}");
}

#[test]
fn a_screw_at_a_level_that_the_case_lacks_is_a_grave_issue_with_a_hint() {
    let lost = Screw {
        level: level("T4"),
        vertebra: VertebraId::of_label("another", 4),
        ..l4_left().clone()
    };
    let issues = issues(&lost);
    assert_eq!(issues.len(), 1, "{issues:?}");
    assert_eq!(issues[0].weight, Weight::Grave);
    assert!(issues[0].what.starts_with("T4 left: the case has no vertebra of that level"));
    assert!(!issues[0].hint.is_empty());
}

#[test]
fn a_screw_whose_pedicle_was_erased_is_named_and_none_is_planned_there() {
    let spec = Spec { levels: vec![Level::L4], seed: 7, ..Spec::default() };
    let Made { phantom, spine } = made_at(&spec, 1.5);
    let wish = Wish { levels: vec![Level::L4], ..Wish::default() };
    let screws = plan(&spine, &wish).screws.into_iter().map(|(screw, _)| screw).collect();
    let by_hand = Plan { screws, ..Plan::default() };
    assert_eq!(by_hand.screws.len(), 2);
    // Its left arch is taken off the labels; the canal is open then, so the right pedicle is not measured either.
    let (ct, mut labels) = phantom.images(&around_bones(&phantom, 1.5));
    let at = spine.vertebrae[0].anatomy.patient_from_vertebra.inverse();
    let grid = labels.volume.grid().clone();
    for ((k, j, i), value) in labels.volume.data_mut().indexed_iter_mut() {
        let p = at.point(grid.centre([i, j, k])).vec();
        if p.y > 17.0 && p.x > 0.0 {
            *value = 0;
        }
    }
    let erased = spine::of_images(Some(ct), labels, &Work::silent()).unwrap();
    assert!(erased.vertebrae[0].anatomy.pedicle(Side::Left).is_none());
    let planned = plan(&erased, &wish);
    assert!(planned.screws.iter().all(|(screw, _)| screw.side == Side::Right), "{planned:?}");
    let said: Vec<String> = planned.refusals.iter().map(ToString::to_string).collect();
    let is_named = |said: &String| said.starts_with("L4 left: its pedicle was not found");
    assert!(said.iter().any(is_named), "{said:?}");
    let issues = |spine: &Spine| judge::check(spine, &by_hand, &Catalogue::builtin().unwrap());
    let named = |issues: &[Issue]| issues.iter().filter(|i| is_named(&i.what)).count();
    assert_eq!((named(&issues(&spine)), named(&issues(&erased))), (0, 1), "{:?}", issues(&erased));
}

#[test]
fn rules_without_the_style_asked_for_are_told_as_that() {
    let mut rules = Rules::builtin().unwrap();
    rules.styles.retain(|rule| rule.name != Style::Anatomic);
    let wish = Wish { levels: vec![Level::L4], style: Style::Anatomic, ..Wish::default() };
    let catalogue = corridor::implant::Catalogue::builtin().unwrap();
    let work = corridor::work::Work::silent();
    let spine = &l4_to_s1().spine;
    let planned =
        corridor::case::suggest::plan(spine, &wish, &rules, &catalogue, now(), &work).unwrap();
    assert_eq!(planned.refusals, [Refusal::NoStyle { style: Style::Anatomic }]);
    assert!(planned.refusals[0].to_string().contains("say nothing of anatomic screws"));
}
