//! What is said of vertebrae that a person renamed: by their new names, and no doubt twice.

use corridor::case::measures;
use corridor::case::spine::{self, NOT_REVIEWED, Source, Spine};
use corridor::ingest::nifti;
use corridor::labels::numbering::Numbering;
use corridor::labels::{LabelMap, Level, Posture, VertebraId};
use corridor::phantom::{Phantom, Spec};
use corridor::plan::{Plan, RenamedLevel};
use corridor::work::Work;
use std::sync::Arc;

fn level(name: &str) -> Level {
    name.parse().unwrap()
}

/// Labels of 2 mm.
fn labels(levels: &[&str]) -> LabelMap {
    let levels = levels.iter().map(|name| level(name)).collect();
    let phantom = Phantom::new(&Spec { levels, ..Spec::default() }).unwrap();
    phantom.images(&phantom.grid(2.0)).1
}

const NAMES: &str = "with six, L5 is L6, L4 is L5";
const METAL: &str = "L4 holds metal: its border is not to be trusted near it";
const BORDERS: &str = "the borders of L3, L4 are not sure: look at them on the slices";
const OF_FILE: &str = "levels by VerSe (verse): L3 to L5";
const LEFT_OUT: &str = "L5 is left out: the label of L5 encloses no bone: check the labels there";

/// L3 to L5 as the program might have found them, of which L5 could not be made.
fn found() -> Spine {
    let mut spine = spine::of_images(None, labels(&["L3", "L4", "L5"]), &Work::silent()).unwrap();
    spine.warnings = [NOT_REVIEWED, NAMES, METAL, BORDERS, OF_FILE].map(str::to_owned).to_vec();
    spine.name_doubts = vec![NAMES.to_owned()];
    spine.of_file_names = vec![OF_FILE.to_owned()];
    spine.left_out = vec![LEFT_OUT.to_owned()];
    spine.vertebrae.pop();
    for vertebra in &mut spine.vertebrae {
        let model = Arc::make_mut(vertebra);
        model.anatomy.warnings = vec![format!("{}: its left pedicle was not found", model.level)];
    }
    spine.automatic = Some(Arc::new(Vec::new()));
    spine
}

/// Every vertebra of the labels with its name moved along.
fn plan(spine: &Spine, names: &[(&str, &str)]) -> Plan {
    let labels = spine.labels.as_ref().unwrap();
    let renamed = names.iter().map(|(from, to)| {
        let (from, to) = (level(from), level(to));
        (labels.at_level(from).unwrap().id, RenamedLevel { from, to })
    });
    Plan { renamed: renamed.collect(), ..Plan::default() }
}

#[test]
fn notices_follow_the_names_of_the_plan() {
    let spine = found();
    let told = |spine: &Spine, plan: &Plan| spine.notices_beside(plan).collect::<Vec<_>>();
    let of_level = |name: &str| format!("{name}: its left pedicle was not found");
    let as_given = told(&spine, &Plan::default());
    let [l3, l4, l5] = ["L3", "L4", "L5"].map(of_level);
    let wanted = [NOT_REVIEWED, NAMES, METAL, BORDERS, OF_FILE, LEFT_OUT, l3.as_str(), l4.as_str()];
    assert_eq!(as_given, wanted);

    // The column moves along: every new name but one is another vertebra's old one.
    let plan = plan(&spine, &[("L3", "L4"), ("L4", "L5"), ("L5", "L6")]);
    let wanted = [
        NOT_REVIEWED,
        "L5 holds metal: its border is not to be trusted near it",
        "the borders of L4, L5 are not sure: look at them on the slices",
        "levels by VerSe (verse): L3 to L5 (names as first given)",
        "L6 is left out: the label of L6 encloses no bone: check the labels there",
        l4.as_str(),
        l5.as_str(),
    ];
    assert_eq!(told(&spine, &plan), wanted);
    let named = spine.named_by(&plan);
    assert_eq!(told(&named, &plan), wanted, "no name is changed twice");
    let measured = measures::of_plan(&named, &plan, Posture::Supine);
    assert_eq!(measured.notices[..wanted.len()], wanted);
    let upper = &spine.vertebrae[0];
    assert_eq!(upper.warnings_in(&plan), [l4.as_str()]);
    assert_eq!(upper.anatomy.warnings, [l3.as_str()], "the spine itself keeps its names");
}

#[test]
fn a_plan_that_renames_and_accepts_is_told_neither_again() {
    let spine = found();
    let mut plan = plan(&spine, &[("L4", "L3"), ("L3", "L2")]);
    plan.accepted_labels.clone_from(&spine.hashes.labels_hash);
    let told: Vec<String> = spine.notices_beside(&plan).collect();
    assert!(told.iter().all(|n| n != NOT_REVIEWED && n != NAMES), "{told:?}");
    assert!(told.iter().any(|n| n.starts_with("L3 holds metal")), "{told:?}");
    assert!(told.iter().any(|n| n == LEFT_OUT), "L5 keeps its name: {told:?}");
    // A name given to a vertebra of other labels is none of these.
    let mut other = Plan::default();
    let elsewhere = VertebraId::of_label("other labels", 1);
    other.renamed.insert(elsewhere, RenamedLevel { from: level("L4"), to: level("L5") });
    assert!(spine.notices_beside(&other).any(|n| n == NAMES));
}

#[test]
fn what_is_said_of_a_file_keeps_the_names_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("labels.nii");
    nifti::write_labels(&file, &labels(&["L4"]).volume).unwrap();
    let numbering = Some(Numbering::Verse);
    let source = Source::Files { ct: None, labels: Some(file), numbering };
    let spine = spine::load(&source, &Work::silent()).unwrap();
    let plan = plan(&spine, &[("L4", "L5")]);
    let told: Vec<String> = spine.notices_beside(&plan).collect();
    let of_file = "levels by VerSe (verse): L4 (names as first given)";
    assert!(told.iter().any(|n| n == of_file), "{told:?}");
    let as_given: Vec<String> = spine.notices_beside(&Plan::default()).collect();
    assert!(as_given.iter().any(|n| n == "levels by VerSe (verse): L4"), "{as_given:?}");
}
