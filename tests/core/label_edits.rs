//! Labels mended by hand: the surface follows, the neighbours keep their shape, an undo brings
//! everything back, and the plan keeps what was done.

use corridor::case::Command;
use corridor::case::spine::{self, Spine, VertebraModel, mended};
use corridor::labels::Level;
use corridor::labels::edit::{Mending, Stroke};
use corridor::mesh;
use corridor::phantom::{Phantom, Spec};
use corridor::plan::{Header, Plan, file};
use corridor::space::{Dir, Patient, Point};
use corridor::work::Work;
use jiff::Timestamp;
use std::sync::OnceLock;

fn level(name: &str) -> Level {
    name.parse().unwrap()
}

/// L3 to L5 from labels of 2 mm.
fn given() -> &'static Spine {
    static MADE: OnceLock<Spine> = OnceLock::new();
    MADE.get_or_init(|| {
        let levels = ["L3", "L4", "L5"].map(level).to_vec();
        let phantom = Phantom::new(&Spec { levels, ..Spec::default() }).unwrap();
        let (_, labels) = phantom.images(&phantom.grid(2.0));
        spine::of_images(None, labels, &Work::silent()).unwrap()
    })
}

fn volume_mm3(spine: &Spine, name: &str) -> f64 {
    mesh::volume_mm3(&spine.at_level(level(name)).unwrap().mesh)
}

fn value(name: &str) -> u16 {
    given().labels.as_ref().unwrap().at_level(level(name)).unwrap().value
}

/// The point of L4's surface that lies farthest back: the tip of its spinous process.
fn back_of_l4() -> Point<Patient> {
    let mesh = &given().at_level(level("L4")).unwrap().mesh;
    let back = |p: &&Point<Patient>| (p.vec().y * 1e6) as i64;
    *mesh.positions.iter().max_by_key(back).unwrap()
}

fn stroke(paints: u16, over: Option<u16>) -> Mending {
    Mending::Stroke(Stroke::new(&[back_of_l4()], 8.0, paints, over))
}

fn plan(label_edits: Vec<Mending>) -> Plan {
    Plan { label_edits, ..Plan::default() }
}

fn follow(now: &Spine, plan: &Plan) -> Spine {
    mended(given(), now, plan, &Work::silent()).unwrap()
}

#[test]
fn edits_of_a_case_without_labels_are_not_asked_for_again() {
    let bare = Spine::default();
    let plan = plan(vec![Mending::Clean(3)]);
    let made = mended(&bare, &bare, &plan, &Work::silent()).unwrap();
    assert_eq!(made.label_edits, plan.label_edits);
}

#[test]
fn an_eraser_takes_bone_away_and_an_undo_brings_the_same_surface_back() {
    let erased = follow(given(), &plan(vec![stroke(0, Some(value("L4")))]));
    assert!(volume_mm3(&erased, "L4") < volume_mm3(given(), "L4") - 200.0);
    let at = back_of_l4();
    let distance =
        |spine: &Spine| spine.at_level(level("L4")).unwrap().field.signed_distance_mm(at);
    assert!(distance(given()).abs() < 0.5, "the tip lies on the surface");
    assert!(distance(&erased) < -3.0, "and in the air where it was erased");
    for name in ["L3", "L5"] {
        let [before, after] = [given(), &erased].map(|spine| spine.at_level(level(name)).unwrap());
        assert!(before.mesh == after.mesh, "{name} stays as it is");
    }
    let back = follow(&erased, &plan(Vec::new()));
    let meshes = [given(), &back].map(|spine| &spine.at_level(level("L4")).unwrap().mesh);
    assert_eq!(meshes[0].positions, meshes[1].positions);
    assert_eq!(meshes[0].triangles, meshes[1].triangles);
}

#[test]
fn one_edit_after_the_other_is_the_same_as_both_at_once() {
    let both = vec![stroke(0, Some(value("L4"))), stroke(value("L5"), None)];
    let one_by_one = follow(&follow(given(), &plan(both[..1].to_vec())), &plan(both.clone()));
    let at_once = follow(given(), &plan(both.clone()));
    let voxels = |spine: &Spine| spine.labels.as_ref().unwrap().volume.data().clone();
    assert_eq!(voxels(&one_by_one), voxels(&at_once));
    assert_eq!(one_by_one.label_edits, both);
    // From the second alone, which is not a beginning of both, everything is done from the start.
    let other = follow(given(), &plan(both[1..].to_vec()));
    assert_eq!(voxels(&follow(&other, &plan(both))), voxels(&at_once));
}

/// L5 and S1 from a CT and labels of 2 mm.
fn with_ct() -> Spine {
    let levels = ["L5", "S1"].map(level).to_vec();
    let phantom = Phantom::new(&Spec { levels, ..Spec::default() }).unwrap();
    let (ct, labels) = phantom.images(&phantom.grid(2.0));
    spine::of_images(Some(ct), labels, &Work::silent()).unwrap()
}

/// Strokes of brush and eraser: at places of the border of L5 and through its whole back; at places
/// of that of S1 and beside its box; and from S1 into L5.
fn strokes(spine: &Spine) -> [Vec<Stroke>; 3] {
    let value = |name: &str| spine.labels.as_ref().unwrap().at_level(level(name)).unwrap().value;
    let border = |name: &str| &spine.at_level(level(name)).unwrap().mesh.positions;
    let furthest = |name: &str, dir: Dir<Patient>| {
        let along = |p: &&Point<Patient>| (p.vec().dot(dir.vec()) * 1e6) as i64;
        *border(name).iter().max_by_key(along).unwrap()
    };
    let at_border = |name: &str| {
        let place = |share: f64| border(name)[(share * border(name).len() as f64) as usize];
        let painted = [place(0.29), place(0.29) + Dir::Z * 4.0];
        vec![
            Stroke::new(&[place(0.17)], 5.0, 0, Some(value(name))),
            Stroke::new(&painted, 4.0, value(name), Some(0)),
            Stroke::new(&[place(0.71)], 3.0, 0, None),
        ]
    };
    let (mut of_l5, mut of_s1) = (at_border("L5"), at_border("S1"));
    let back = furthest("L5", Dir::Y) - Dir::Y * 14.0;
    of_l5.push(Stroke::new(&[back], 12.0, 0, Some(value("L5"))));
    let beside = furthest("S1", Dir::X) + Dir::X * 5.0;
    of_s1.push(Stroke::new(&[beside], 9.0, value("S1"), Some(0)));
    let between = [furthest("S1", Dir::Z), furthest("L5", -Dir::Z)];
    let of_both = Stroke::new(&between, 8.0, value("S1"), Some(value("L5")));
    [of_l5, of_s1, vec![of_both]]
}

#[test]
fn a_mended_bone_is_to_the_last_bit_what_its_labels_make_whole() {
    let given = with_ct();
    for strokes in strokes(&given) {
        let plan = plan(strokes.into_iter().map(Mending::Stroke).collect());
        let mended = mended(&given, &given, &plan, &Work::silent()).unwrap();
        let ct = given.ct.as_deref().cloned();
        let labels = mended.labels.as_deref().cloned().unwrap();
        let whole = spine::of_images(ct, labels, &Work::silent()).unwrap();
        assert_eq!((mended.vertebrae.len(), whole.vertebrae.len()), (2, 2));
        for made in &mended.vertebrae {
            assert_same(made, whole.vertebra(made.id).unwrap());
        }
    }
}

/// Surface, mesh, distances and measures are the same.
pub fn assert_same(a: &VertebraModel, b: &VertebraModel) {
    let level = a.level;
    assert!(a.surface.field.data() == b.surface.field.data(), "surface of {level}");
    assert!(a.mesh.positions == b.mesh.positions, "mesh of {level}");
    assert!(a.mesh.triangles == b.mesh.triangles, "mesh of {level}");
    assert!(
        a.anatomy == b.anatomy && a.canal.is_some() == b.canal.is_some(),
        "measures of {level}"
    );
    for (n, corner) in a.mesh.positions.iter().enumerate().step_by(97) {
        let p = *corner + Dir::new(1.0, 0.7, -0.4) * (n % 29) as f64;
        assert_eq!(a.field.quick_distance_mm(p), b.field.quick_distance_mm(p));
        assert_eq!(a.field.signed_distance_mm(p), b.field.signed_distance_mm(p));
    }
}

#[test]
fn an_island_is_cleaned_away() {
    let corner = given().labels.as_ref().unwrap().volume.grid().centre([2; 3]);
    let dab = Mending::Stroke(Stroke::new(&[corner], 3.0, value("L4"), None));
    let dirty = follow(given(), &plan(vec![dab.clone()]));
    let count = |spine: &Spine| {
        let labels = spine.labels.as_ref().unwrap();
        labels.volume.data().iter().filter(|v| **v == value("L4")).count()
    };
    assert!(count(&dirty) > count(given()));
    let clean = follow(&dirty, &plan(vec![dab, Mending::Clean(value("L4"))]));
    assert_eq!(count(&clean), count(given()));
}

#[test]
fn a_level_erased_whole_is_told_and_the_others_stand() {
    let middle = given().at_level(level("L4")).unwrap().anatomy.patient_from_vertebra.origin();
    let ends = [-45.0, 45.0].map(|mm| middle + Dir::X * mm);
    let path = [ends[0], ends[1], middle, back_of_l4()];
    let all = Mending::Stroke(Stroke::new(&path, 50.0, 0, Some(value("L4"))));
    let gone = follow(given(), &plan(vec![all]));
    assert!(gone.at_level(level("L4")).is_none());
    assert!(gone.notices_beside(&Plan::default()).any(|n| n.contains("L4 is left out")));
    assert_eq!(gone.vertebrae.len(), 2);
}

#[test]
fn the_plan_file_keeps_what_was_done_to_the_labels() {
    let mut plan = plan(Vec::new());
    let erase = Command::Mend(stroke(0, None));
    erase.apply(&mut plan).unwrap();
    let text = file::print(&Header::default(), &plan).unwrap();
    assert!(text.contains("path_lps_mm") && text.contains("radius_mm"), "{text}");
    assert_eq!(file::parse(&text, Timestamp::UNIX_EPOCH).unwrap().plan, plan);
    erase.inverse().apply(&mut plan).unwrap();
    assert!(plan.label_edits.is_empty());
    assert!(erase.inverse().apply(&mut plan).is_err(), "there is none to take back");
    let broken = text.replace("\"radius_mm\": 8.0", "\"radius_mm\": -8.0");
    let refusal = file::parse(&broken, Timestamp::UNIX_EPOCH).unwrap_err().to_string();
    assert!(refusal.contains("label edit 1"), "{refusal}");
}
