//! A vertebra in which the label map ends is no whole one, though the CT goes on.

use corridor::case::spine::{self, Source, Spine, VertebraModel, mended};
use corridor::ingest::nifti;
use corridor::labels::Level;
use corridor::labels::edit::{Mending, Stroke};
use corridor::labels::numbering::Numbering;
use corridor::phantom::{Phantom, Recorded, Spec};
use corridor::plan::Plan;
use corridor::space::{Dir, Patient, Point};
use corridor::work::Work;
use std::sync::OnceLock;

fn level(name: &str) -> Level {
    name.parse().unwrap()
}

/// L2 and L3, coarse, and the phantom they were made from.
fn recorded() -> &'static (Phantom, Recorded) {
    static MADE: OnceLock<(Phantom, Recorded)> = OnceLock::new();
    MADE.get_or_init(|| {
        let levels = ["L2", "L3"].map(level).to_vec();
        let phantom = Phantom::new(&Spec { levels, ..Spec::default() }).unwrap();
        let recorded = phantom.record(&phantom.grid(2.0), &Work::silent()).unwrap();
        (phantom, recorded)
    })
}

/// The whole CT, and of the labels the part from voxel `first` on.
fn loaded(first: [usize; 3], size: [usize; 3]) -> Spine {
    let (_, recorded) = recorded();
    let folder = tempfile::tempdir().unwrap();
    let [ct, labels] = ["ct.nii.gz", "labels.nii.gz"].map(|name| folder.path().join(name));
    nifti::write_ct(&ct, &recorded.ct).unwrap();
    nifti::write_labels(&labels, &recorded.labels.volume.part(first, size).unwrap()).unwrap();
    let numbering = Some(Numbering::Verse);
    let source = Source::Files { ct: Some(ct), labels: Some(labels), numbering };
    spine::load(&source, &Work::silent()).unwrap()
}

/// The place 6 mm above the middle of the body of L2, about 8 mm under its upper end plate.
fn in_l2() -> Point<Patient> {
    let (phantom, _) = recorded();
    phantom.bone(level("L2")).unwrap().patient_from_vertebra().origin() + Dir::Z * 6.0
}

/// The case whose labels end there; the CT does not.
fn cut() -> &'static Spine {
    static MADE: OnceLock<Spine> = OnceLock::new();
    MADE.get_or_init(|| {
        let grid = recorded().1.labels.volume.grid();
        let [ni, nj, _] = grid.size();
        let rows = ((in_l2() - grid.centre([0; 3])).dot(Dir::Z) / 2.0) as usize;
        loaded([0; 3], [ni, nj, rows])
    })
}

#[track_caller]
fn model<'a>(spine: &'a Spine, name: &str) -> &'a VertebraModel {
    spine.at_level(level(name)).unwrap()
}

#[test]
fn a_vertebra_that_the_label_map_cuts_inside_the_ct_is_not_measured() {
    let l2 = model(cut(), "L2");
    let said = &l2.anatomy.warnings;
    assert!(l2.is_cut_off, "{said:?}");
    assert!(l2.anatomy.pedicles.is_empty() && l2.anatomy.upper_plate.is_none(), "{said:?}");
    assert!(said.iter().any(|w| w.starts_with("L2: the label map cuts into")), "{said:?}");
    let l3 = model(cut(), "L3");
    assert!(!l3.is_cut_off && l3.anatomy.pedicles.len() == 2, "{:?}", l3.anatomy.warnings);
}

#[test]
fn a_smaller_label_map_that_holds_whole_vertebrae_cuts_none() {
    let [ni, nj, nk] = recorded().1.labels.volume.grid().size();
    let spine = loaded([1, 0, 0], [ni - 2, nj, nk]);
    assert!(spine.warnings.iter().any(|w| w.contains("another grid")), "{:?}", spine.warnings);
    for name in ["L2", "L3"] {
        let model = model(&spine, name);
        assert!(!model.is_cut_off, "{name}");
        assert_eq!(model.anatomy.pedicles.len(), 2, "{name}: {:?}", model.anatomy.warnings);
    }
}

#[test]
fn what_a_person_paints_on_past_the_end_of_the_labels_is_cut_no_longer() {
    let labels = cut().labels.as_ref().unwrap();
    let value = labels.at_level(level("L2")).unwrap().value;
    let line = |n: i32| {
        let (x, y) = (if n % 2 == 0 { 28.0 } else { -28.0 }, -12.0 + 6.0 * f64::from(n));
        [x, -x].map(|x| in_l2() + Dir::X * x + Dir::Y * y)
    };
    let path: Vec<Point<Patient>> = (0..11).flat_map(line).collect();
    let painted = Mending::Stroke(Stroke::new(&path, 5.0, value, Some(0)));
    let plan = Plan { label_edits: vec![painted], ..Plan::default() };
    let spine = mended(cut(), cut(), &plan, &Work::silent()).unwrap();
    assert!(!model(&spine, "L2").is_cut_off);
    let back = mended(cut(), &spine, &Plan::default(), &Work::silent()).unwrap();
    assert!(model(&back, "L2").is_cut_off, "an undo brings the cut back");
}

#[test]
fn a_vertebra_painted_up_to_the_images_end_is_cut_off_until_that_is_undone() {
    let (_, recorded) = recorded();
    let given = loaded([0; 3], recorded.labels.volume.grid().size());
    let labels = given.labels.as_ref().unwrap();
    let value = labels.at_level(level("L3")).unwrap().value;
    assert!(!model(&given, "L3").is_cut_off);
    // A slab of 60 by 40 mm in the lowest layer.
    let grid = labels.volume.grid();
    let end = in_l2() - Dir::Z * (in_l2() - grid.centre([0; 3])).dot(Dir::Z);
    let line = |n: i32| [-30.0, 30.0].map(|x| end + Dir::X * x + Dir::Y * (6.0 * f64::from(n)));
    let path: Vec<Point<Patient>> = (-3..=3).flat_map(line).collect();
    let painted = Mending::Stroke(Stroke::new(&path, 5.0, value, Some(0)));
    let erased = Mending::Stroke(Stroke::new(&path, 6.0, 0, Some(value)));
    let plan = |edits: &[&Mending]| Plan {
        label_edits: edits.iter().map(|edit| (*edit).clone()).collect(),
        ..Plan::default()
    };
    let mend = |now: &Spine, edits: &[&Mending]| {
        mended(&given, now, &plan(edits), &Work::silent()).unwrap()
    };
    let cut = mend(&given, &[&painted]);
    let l3 = model(&cut, "L3");
    let is_said = l3.anatomy.warnings.iter().any(|w| w.starts_with("L3: the image cuts"));
    assert!(l3.is_cut_off && is_said, "{:?}", l3.anatomy.warnings);
    assert!(!model(&cut, "L2").is_cut_off);
    assert!(!model(&mend(&cut, &[]), "L3").is_cut_off, "undone");
    assert!(!model(&mend(&cut, &[&painted, &erased]), "L3").is_cut_off, "erased again");
}
