//! What looks wrong about a case is said with its level, and what can be measured still is.

use corridor::case::measures::{self, Measures};
use corridor::case::spine;
use corridor::labels::{LabelMap, Level, Posture};
use corridor::phantom::{OldScrew, Phantom, Recorded, Spec, Structure};
use corridor::space::{Dir, Patient, Point, Side};
use corridor::volume::{Grid, Volume};
use corridor::work::Work;
use std::sync::OnceLock;

fn level(name: &str) -> Level {
    name.parse().unwrap()
}

/// L2 to L5, coarse, and the phantom it was made from.
fn recorded() -> &'static (Phantom, Recorded) {
    static MADE: OnceLock<(Phantom, Recorded)> = OnceLock::new();
    MADE.get_or_init(|| {
        let levels = ["L2", "L3", "L4", "L5"].map(level).to_vec();
        let phantom = Phantom::new(&Spec { levels, ..Spec::default() }).unwrap();
        let recorded = phantom.record(&phantom.grid(2.0), &Work::silent()).unwrap();
        (phantom, recorded)
    })
}

/// The labels with every value changed by `change`, which is told its place and its structure.
fn relabelled(change: impl Fn(Point<Patient>, u16, u16) -> u16) -> LabelMap {
    let (_, recorded) = recorded();
    let structures = recorded.structures.data();
    let mut labels = recorded.labels.clone();
    let grid = labels.volume.grid().clone();
    for ((k, j, i), value) in labels.volume.data_mut().indexed_iter_mut() {
        *value = change(grid.centre([i, j, k]), *value, structures[[k, j, i]]);
    }
    labels
}

fn measured(ct: Option<Volume<i16>>, labels: LabelMap) -> Measures {
    let spine = spine::of_images(ct, labels, &Work::silent()).unwrap();
    measures::of(&spine, Posture::Supine)
}

/// The notices that speak of a doubt, and how many levels have both pedicles.
#[track_caller]
fn check(got: &Measures, wanted: &str, about: &[&str], whole: usize) {
    let is_said = |n: &&String| n.contains(wanted) && about.iter().all(|name| n.contains(name));
    assert!(got.notices.iter().any(|n| is_said(&n)), "{wanted}: {:?}", got.notices);
    let is_whole = |l: &&measures::LevelMeasures| l.model.anatomy.pedicles.len() == 2;
    assert!(got.levels.iter().filter(is_whole).count() >= whole, "{:?}", got.notices);
}

const L3: u16 = 22;
const L4: u16 = 23;

#[test]
fn a_sound_case_raises_no_doubt() {
    let got = measured(None, relabelled(|_, value, _| value));
    let said = ["lean apart", "fused", "times as large", "denser", "pieces"];
    let doubt = got.notices.iter().find(|n| said.iter().any(|what| n.contains(what)));
    assert_eq!(doubt, None);
}

#[test]
fn levels_that_are_fused_or_leak_through_the_disc_are_named() {
    let (phantom, _) = recorded();
    let at = phantom.bone(level("L4")).unwrap().patient_from_vertebra();
    let over_l4 = |p: Point<Patient>| {
        let local = at.inverse().point(p).vec();
        (10.0..30.0).contains(&local.z)
    };
    let leaks =
        relabelled(
            |p, value, structure| {
                if structure == Structure::Disc.value() && over_l4(p) { L3 } else { value }
            },
        );
    check(&measured(None, leaks), "fused", &["L3 and L4"], 2);
}

#[test]
fn a_half_vertebra_is_named() {
    let (phantom, _) = recorded();
    let at = phantom.bone(level("L3")).unwrap().patient_from_vertebra().inverse();
    let half = relabelled(|p, value, _| {
        let local = at.point(p).vec();
        // The body's upper end slants down to the left.
        let is_gone = local.y < 14.0 && local.z > 9.0 - 0.45 * (local.x + 20.0).max(0.0);
        if value == L3 && is_gone { 0 } else { value }
    });
    check(&measured(None, half), "lean apart sideways", &["L3"], 3);
}

#[test]
fn a_label_that_holds_too_much_is_named() {
    let (phantom, _) = recorded();
    let at = phantom.bone(level("L4")).unwrap().patient_from_vertebra();
    let at = at.inverse();
    // Soft tissue before and beside the body.
    let leaks = relabelled(|p, value, _| {
        let local = at.point(p).vec();
        let is_in = local.x.abs() < 45.0 && (-60.0..8.0).contains(&local.y) && local.z.abs() < 18.0;
        if value == 0 && is_in { L4 } else { value }
    });
    check(&measured(None, leaks), "times as large", &["L4"], 3);
}

#[test]
fn two_patients_under_the_same_values_are_told() {
    let (_, recorded) = recorded();
    let one = &recorded.labels.volume;
    let [ni, nj, nk] = one.grid().size();
    let first = one.grid().centre([0; 3]);
    let grid = Grid::along_axes(first, 2.0, [2 * ni, nj, nk]);
    let volume = Volume::from_fn(grid, |[i, j, k]| *one.get([i % ni, j, k]).unwrap());
    let labels = LabelMap { volume, vertebrae: recorded.labels.vertebrae.clone() };
    check(&measured(None, labels), "pieces", &["L3"], 3);
}

#[test]
fn metal_is_named_by_the_level_it_stands_in() {
    let screw = |side| OldScrew { level: level("L4"), side, diameter_mm: 6.5, length_mm: 45.0 };
    let spec = Spec {
        levels: ["L3", "L4"].map(level).to_vec(),
        old_screws: Side::BOTH.map(screw).to_vec(),
        ..Spec::default()
    };
    let phantom = Phantom::new(&spec).unwrap();
    let recorded = phantom.record(&phantom.grid(1.5), &Work::silent()).unwrap();
    let got = measured(Some(recorded.ct), recorded.labels);
    check(&got, "denser than bone", &["L4"], 1);
    assert!(!got.notices.iter().any(|n| n.contains("L3") && n.contains("denser")));
}

#[test]
fn a_level_that_the_image_cuts_is_named_and_the_others_are_measured() {
    let (phantom, recorded) = recorded();
    let middle = phantom.bone(level("L2")).unwrap().patient_from_vertebra().origin();
    let one = &recorded.labels.volume;
    let [ni, nj, nk] = one.grid().size();
    let first = one.grid().centre([0; 3]);
    let rows = (((middle - first).dot(Dir::Z) / 2.0) as usize).min(nk);
    let grid = Grid::along_axes(first, 2.0, [ni, nj, rows]);
    let volume = Volume::from_fn(grid, |index| *one.get(index).unwrap());
    let mut vertebrae = recorded.labels.vertebrae.clone();
    vertebrae.iter_mut().for_each(|v| v.is_cut_off = v.level == level("L2"));
    let got = measured(None, LabelMap { volume, vertebrae });
    check(&got, "the image cuts", &["L2"], 3);
    let cut = got.levels.iter().find(|l| l.level == level("L2")).unwrap();
    assert!(cut.model.anatomy.pedicles.is_empty() && cut.model.anatomy.body_mm.is_none());
}
