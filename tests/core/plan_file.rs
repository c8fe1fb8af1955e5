//! The plan file: what is read, what is written, what is refused and in which words.

use crate::plan_samples::{level, now, screw};
use corridor::plan::file::{self, FileError};
use corridor::plan::{Header, Plan, ScrewState, ScrewStyle};
use corridor::space::Side;
use proptest::prelude::*;
use serde_json::{Value, json};

fn hand_written() -> Value {
    json!({"schema": 1, "screws": [{
        "level": "L4", "side": "left",
        "entry_lps_mm": [20.0, 30.0, 40.0], "tip_lps_mm": [20.0, -10.0, 40.0],
        "diameter_mm": 6.5, "length_mm": 40.0}]})
}

fn parse(value: &Value) -> Result<file::PlanFile, FileError> {
    file::parse(&value.to_string(), now())
}

/// The sentence with which a change to the one screw of the hand-written plan is refused.
fn refusal(key: &str, value: Value) -> String {
    let mut plan = hand_written();
    plan["screws"][0][key] = value;
    parse(&plan).unwrap_err().to_string()
}

#[test]
fn a_plan_written_by_hand_needs_no_ids_authors_or_times() {
    let file = parse(&hand_written()).unwrap();
    let screw = &file.plan.screws[0];
    assert_eq!((screw.level, screw.side), (level("L4"), Side::Left));
    assert_eq!(screw.axis.to_array(), [0.0, -1.0, 0.0]);
    assert_eq!((screw.author.as_str(), screw.edited), ("unknown", now()));
    assert_eq!((screw.style, screw.state), (ScrewStyle::Pedicle, ScrewState::Reviewed));
    assert_eq!(parse(&hand_written()).unwrap(), file, "filled in the same way at every reading");
}

#[test]
fn keys_of_others_stay_where_they_are() {
    let mut value = hand_written();
    value["surgeon_note"] = json!({"deep": [1, 2.5]});
    value["case"] = json!({"pseudonym": "case-1", "ct_content_hash": "3f9a", "site": "B"});
    value["screws"][0]["torque_nm"] = json!(1.25);
    let file = parse(&value).unwrap();
    let text = file::print(&file.header, &file.plan).unwrap();
    let written: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(written["surgeon_note"], value["surgeon_note"]);
    assert_eq!(written["case"], value["case"]);
    assert_eq!(written["screws"][0]["torque_nm"], json!(1.25));
    assert_eq!(file::parse(&text, now()).unwrap(), file);
}

#[test]
fn the_file_has_the_promised_keys() {
    let plan = Plan { screws: vec![screw(3)], ..Plan::default() };
    let text = file::print(&Header::default(), &plan).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        keys(&value),
        ["schema", "program", "case", "catalogue", "thresholds_hash", "screws"]
    );
    let promised = [
        "id",
        "vertebra_id",
        "level",
        "side",
        "style",
        "entry_lps_mm",
        "tip_lps_mm",
        "diameter_mm",
        "length_mm",
        "author",
        "edited",
        "state",
    ];
    assert_eq!(keys(&value["screws"][0]), promised);
    assert_eq!(value["screws"][0]["edited"], "2027-01-15T08:00:00Z");
    assert_eq!(value["schema"], 2);
    assert!(value["program"].as_str().unwrap().starts_with("corridor "));
}

#[test]
fn a_tip_that_does_not_follow_is_refused_by_the_screws_name() {
    assert!(refusal("length_mm", json!(40.02)).contains("L4 left screw"));
    assert!(refusal("length_mm", json!(40.02)).contains("40.000 mm apart"));
    let mut within = hand_written();
    within["screws"][0]["length_mm"] = json!(40.009);
    assert!(parse(&within).is_ok());
}

#[test]
fn sizes_and_numbers_that_no_screw_has_are_refused_by_name() {
    for (key, value, word) in [
        ("diameter_mm", json!(-6.5), "diameter"),
        ("diameter_mm", json!(0), "diameter"),
        ("length_mm", json!(-40.0), "length"),
        ("diameter_mm", Value::Null, "L4 left"),
        ("entry_lps_mm", json!([1.0, 2.0]), "L4 left"),
        ("side", json!("port"), "L4 port"),
        ("level", json!("L9"), "C1-C7"),
        ("tip_lps_mm", json!([20.0, 30.0, 40.0]), "L4 left"),
    ] {
        let sentence = refusal(key, value);
        assert!(sentence.contains(word), "{key}: {sentence}");
        assert!(sentence.contains("screw"), "{key}: {sentence}");
    }
}

#[test]
fn what_is_newer_or_no_plan_is_refused_with_what_to_do() {
    let mut newer = hand_written();
    newer["schema"] = json!(3);
    newer["program"] = json!("corridor 9.1.0");
    let sentence = parse(&newer).unwrap_err().to_string();
    assert!(sentence.contains("corridor 9.1.0") && sentence.contains("newer Corridor"));
    assert!(matches!(parse(&json!({"screws": []})), Err(FileError::NoPlan)));
    assert!(matches!(parse(&json!([1])), Err(FileError::NoPlan)));
    assert!(matches!(file::parse("{\"schema\": 1, ", now()), Err(FileError::Syntax(_))));
    assert!(file::parse("{\"schema\": 1, \"screws\": [NaN]}", now()).is_err());
}

#[test]
fn screws_that_contradict_each_other_are_refused() {
    let id = "00000000-0000-0000-0000-000000000001";
    let mut twins = hand_written();
    twins["screws"][0]["id"] = json!(id);
    let twin = twins["screws"][0].clone();
    twins["screws"].as_array_mut().unwrap().push(twin);
    assert!(matches!(parse(&twins), Err(FileError::SameId { .. })));

    let mut two_names = hand_written();
    two_names["screws"][0]["vertebra_id"] = json!(id);
    let mut other = two_names["screws"][0].clone();
    other["level"] = json!("L5");
    two_names["screws"].as_array_mut().unwrap().push(other);
    assert!(matches!(parse(&two_names), Err(FileError::TwoLevels { .. })));
}

#[test]
fn a_renamed_level_that_contradicts_the_rest_is_refused_with_what_to_do() {
    let id = "00000000-0000-0000-0000-000000000001";
    let renamed = |names: &[[&str; 2]]| {
        let mut plan = hand_written();
        plan["screws"][0]["vertebra_id"] = json!(id);
        let entry = |[from, to]: &[&str; 2]| json!({"vertebra_id": id, "from": from, "to": to});
        plan["renamed_levels"] = names.iter().map(entry).collect();
        plan
    };
    let refused = |plan: &Value| parse(plan).unwrap_err().to_string();
    let own = renamed(&[["L3", "L4"]]);
    assert_eq!(parse(&own).unwrap().plan.renamed.len(), 1);
    for (names, said) in [
        (&[["L4", "L3"]][..], "renamed_levels calls its vertebra L3 (from L4); correct one of"),
        (&[["L3", "L4"], ["L3", "L5"]], "two entries for the vertebra L3, L4 and L5; take one"),
        (&[["L3", "L4"], ["L3", "L4"]], "two entries for the vertebra L3, L4 and L4; take one"),
        (&[["L4", "L4"]], "calls L4 by its own name; take that entry out"),
    ] {
        let sentence = refused(&renamed(names));
        assert!(sentence.contains(said), "{names:?}: {sentence}");
    }
    assert!(refused(&renamed(&[["L4", "L3"]])).starts_with("L4 left screw "));
    // A screw of an alternative is one of the plan's.
    let mut kept = own;
    let mut screw = kept["screws"][0].clone();
    screw["level"] = json!("L5");
    kept["screws"] = json!([]);
    kept["alternatives"] = json!([{"name": "B", "screws": [screw]}]);
    let sentence = refused(&kept);
    assert!(
        sentence.starts_with("L5 left screw ") && sentence.contains("vertebra L4"),
        "{sentence}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// What is read is written back byte for byte, and lies where it lay.
    #[test]
    fn reading_and_writing_changes_nothing(
        entry in prop::array::uniform3(-500.0..500.0_f64),
        axis in prop::array::uniform3(-1.0..1.0_f64),
        length_mm in 5.0..120.0_f64,
    ) {
        prop_assume!(corridor::space::Dir::<corridor::space::Patient>::from(axis).length() > 0.01);
        let mut one = screw(2);
        one.entry = entry.into();
        one.axis = corridor::space::Dir::from(axis).unit().unwrap();
        one.length_mm = length_mm;
        let plan = Plan { screws: vec![one.clone()], ..Plan::default() };
        let text = file::print(&Header::default(), &plan).unwrap();
        let again = file::parse(&text, now()).unwrap();
        prop_assert_eq!(&text, &file::print(&again.header, &again.plan).unwrap());
        prop_assert!(again.plan.screws[0].entry.distance(one.entry) < 2e-6);
        prop_assert!(again.plan.screws[0].tip().distance(one.tip()) < 4e-6);
    }

    /// Bytes that are no plan are refused, never a panic.
    #[test]
    fn whatever_the_bytes_an_answer_comes(at in 0_usize..900, byte in any::<u8>(), cut in any::<bool>()) {
        let plan = Plan { screws: vec![screw(2), screw(3)], ..Plan::default() };
        let mut bytes = file::print(&Header::default(), &plan).unwrap().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(if cut { at } else { bytes.len() });
        if let Ok(read) = file::parse(&String::from_utf8_lossy(&bytes), now()) {
            prop_assert!(read.plan.screws.iter().all(|screw| screw.check().is_ok()));
        }
    }
}
