//! Whole cases: from files to named vertebrae with surfaces, distances and pedicles.

use crate::real_data::{real, s0327, s0328, verse014};
use corridor::case::spine::{self, Source, Spine};
use corridor::clearance::{self, Grade, ScrewShape};
use corridor::space::{Dir, Letter, Side};
use corridor::work::Work;
use std::path::PathBuf;
use std::sync::OnceLock;

fn load(ct: Option<PathBuf>, labels: Option<PathBuf>) -> Spine {
    let source = Source::Files { ct, labels, numbering: None };
    spine::load(&source, &Work::silent()).unwrap()
}

fn levels(spine: &Spine) -> String {
    spine.vertebrae.iter().map(|v| v.level.to_string()).collect::<Vec<_>>().join(" ")
}

/// A wire along each pedicle that was found is inside bone: frames, sides, surface and distance
/// agree with each other.
fn wires_along_the_pedicles_are_inside(spine: &Spine) {
    let mut outside = Vec::new();
    for vertebra in spine.vertebrae.iter().filter(|v| !v.is_cut_off) {
        for side in Side::BOTH {
            let Some(pedicle) = vertebra.anatomy.pedicle(side) else { continue };
            let to_left = pedicle.isthmus - vertebra.anatomy.canal_centre;
            let (level, x) = (vertebra.level, vertebra.anatomy.patient_from_vertebra.dir(Dir::X));
            assert_eq!(Side::of_x(to_left.dot(x)), side, "{level}: sides exchanged");
            assert!(x.dot(Letter::L.dir()) > 0.7, "{level}: its left is not the patient's");
            let through = pedicle.isthmus;
            let entry = clearance::entry_on_axis(&vertebra.field, through, pedicle.axis).unwrap();
            let length_mm = entry.distance(through) + 12.0;
            let screw = ScrewShape { entry, axis: pedicle.axis, length_mm, diameter_mm: 1.0 };
            let found = clearance::assess(&screw, &vertebra.field, &vertebra.anatomy).unwrap();
            if found.grade != Grade::A {
                outside.push((format!("{level} {side}"), found.clearance_mm));
            }
        }
    }
    assert!(outside.is_empty(), "{outside:?}");
}

/// The built-in case, made once for all tests of a run.
pub fn demo() -> &'static Spine {
    static HELD: OnceLock<Spine> = OnceLock::new();
    HELD.get_or_init(|| spine::load(&Source::Demo, &Work::silent()).unwrap())
}

#[test]
fn the_built_in_case_is_whole() {
    let spine = demo();
    assert_eq!(levels(spine), "L1 L2 L3 L4 L5 S1", "{:?}", spine.warnings);
    for vertebra in &spine.vertebrae {
        assert_eq!(vertebra.anatomy.pedicles.len(), 2, "{}: {:?}", vertebra.level, spine.warnings);
    }
    wires_along_the_pedicles_are_inside(spine);
}

#[test]
fn verse014_ct_with_expert_labels() {
    let Some(spine) = verse014() else { return };
    assert_eq!(levels(spine), "L1 L2 L3 L4 L5", "{:?}", spine.warnings);
    assert!(spine.warnings.iter().any(|w| w.contains("VerSe")), "{:?}", spine.warnings);
    let pedicles: usize = spine.vertebrae.iter().map(|v| v.anatomy.pedicles.len()).sum();
    assert_eq!(pedicles, 10, "{:?}", spine.warnings);
    wires_along_the_pedicles_are_inside(spine);
}

#[test]
fn totalseg_s0328_bone_in_nrrd() {
    let Some(spine) = s0328() else { return };
    assert_eq!(levels(spine), "T9 T10 T11 T12 L1 L2 L3 L4 L5 S1", "{:?}", spine.warnings);
    wires_along_the_pedicles_are_inside(spine);
}

#[test]
fn totalseg_s0327_labels_alone() {
    let Some(spine) = s0327() else { return };
    let all = "C7 T1 T2 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 L1 L2 L3 L4 L5 S1";
    assert_eq!(levels(spine), all, "{:?}", spine.warnings);
    assert!(spine.ct.is_none());
    wires_along_the_pedicles_are_inside(spine);
}

#[test]
fn dicom_without_labels_gets_automatic_ones_that_nobody_has_reviewed() {
    use corridor::case::spine::Review;
    use corridor::plan::Plan;
    let Some(folder) = real("acrin001_lumbar_dicom") else { return };
    let spine = load(Some(folder.join("dicom")), None);
    assert!(spine.ct.is_some());
    let names: Vec<String> = spine.vertebrae.iter().map(|v| v.level.to_string()).collect();
    for level in ["T12", "L1", "L2", "L3", "L4", "L5", "S1"] {
        assert!(names.iter().any(|name| name == level), "{level} of {names:?}");
    }
    assert!(spine.warnings.iter().any(|w| w.contains("not reviewed")), "{:?}", spine.warnings);
    let mut plan = Plan::default();
    assert_eq!(spine.review(&plan), Review::NotReviewed);
    plan.accepted_labels.clone_from(&spine.hashes.labels_hash);
    assert_eq!(spine.review(&plan), Review::Accepted);
    let is_noted = |plan: &Plan| spine.notices_beside(plan).any(|n| n == spine::NOT_REVIEWED);
    assert_eq!([is_noted(&Plan::default()), is_noted(&plan)], [true, false]);
}
