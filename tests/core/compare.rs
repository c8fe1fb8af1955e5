//! Plans of one case side by side.

use corridor::case::spine;
use corridor::clearance::ScrewShape;
use corridor::cli::{CaseArgs, CompareArgs, compare};
use corridor::ingest::nifti;
use corridor::labels::Level;
use corridor::phantom::{Phantom, Spec};
use corridor::plan::{Alternative, Header, Plan, Screw, file};
use corridor::platform::fs::RealFs;
use corridor::space::Side;
use corridor::work::Work;
use std::fs;

#[test]
fn every_screw_stands_beside_the_other_plans_and_the_sums_below() {
    let folder = tempfile::tempdir().unwrap();
    let labels = folder.path().join("labels.nii");
    let phantom = Phantom::new(&Spec { levels: vec![Level::L4], ..Spec::default() }).unwrap();
    let (_, map) = phantom.images(&phantom.grid(2.0));
    nifti::write_labels(&labels, &map.volume).unwrap();
    let spine = spine::of_images(None, map, &Work::silent()).unwrap();
    let screw = |side: Side, diameter_mm: f64| {
        let vertebra = &spine.vertebrae[0];
        let pedicle = vertebra.anatomy.pedicle(side).unwrap();
        let (entry, axis) = (pedicle.isthmus - pedicle.axis * 15.0, pedicle.axis);
        let shape = ScrewShape { entry, axis, length_mm: 35.0, diameter_mm };
        let epoch = jiff::Timestamp::UNIX_EPOCH;
        Screw::placed((vertebra.id, vertebra.level), side, &shape, "test", epoch)
    };
    let write = |name: &str, screws: Vec<Screw>, alternatives: Vec<Alternative>| {
        let path = folder.path().join(name);
        let plan = Plan { screws, alternatives, ..Plan::default() };
        fs::write(&path, file::print(&Header::default(), &plan).unwrap()).unwrap();
        path
    };
    let screws = vec![screw(Side::Right, 4.0)];
    let kept = Alternative { name: "B".to_owned(), screws, ..Alternative::default() };
    let both = vec![screw(Side::Left, 5.0), screw(Side::Right, 5.0)];
    let thin = write("thin.json", both, Vec::new());
    let wide = write("wide.json", vec![screw(Side::Left, 20.0)], vec![kept]);
    let case = CaseArgs {
        labels: Some(labels),
        numbering: Some(corridor::cli::NumberingArg::Verse),
        accept_unknown: true,
        ..CaseArgs::default()
    };
    let args = CompareArgs { case, plans: vec![thin, wide], json: false };
    let plans = compare::read(&args, &RealFs, &Work::silent()).unwrap();
    let table = compare::as_table(&plans);
    let row = |begin: &str| table.lines().find(|l| l.starts_with(begin)).unwrap().to_owned();
    assert!(row("level").contains("thin.json") && row("level").contains("wide.json"), "{table}");
    let left = table.lines().find(|l| l.starts_with("L4") && l.contains("left")).unwrap();
    assert!(left.contains("5 x 35") && left.contains("20 x 35"), "{table}");
    let right = table.lines().find(|l| l.starts_with("L4") && l.contains("right")).unwrap();
    let cells: Vec<&str> = right.split_whitespace().collect();
    assert_eq!(cells[cells.len() - 6..][..4], ["-", "4", "x", "35"], "{table}");
    assert!(row("level").contains("wide.json: B"), "{table}");
    let counts: Vec<String> = row("screws").split_whitespace().map(str::to_owned).collect();
    assert_eq!(counts, ["screws", "2", "1", "1"]);
    assert!(row("A / B / C-E").contains("2 / 0 / 0"), "{table}");
    assert!(row("A / B / C-E").contains("0 / 0 / 1"), "{table}");
    let json = compare::as_json(&plans).unwrap();
    assert_eq!(json["plans"][1]["summary"]["grade_c_to_e"], 1);
    assert!(json["plans"][0]["summary"]["least_clearance_mm"].as_f64().unwrap() > 0.0);

    let missing = CompareArgs { plans: vec!["no.json".into(), "none.json".into()], ..args };
    let refusal = compare::read(&missing, &RealFs, &Work::silent()).err().unwrap().to_string();
    assert!(refusal.contains("no.json"), "{refusal}");
}
