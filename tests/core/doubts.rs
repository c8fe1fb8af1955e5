//! What looks wrong about a case is said with its level, and what can be measured still is.

use crate::real_data::{s0328, verse014};
use corridor::anatomy::VertebraAnatomy;
use corridor::case::measures::{self, Measures};
use corridor::case::spine::{self, Spine};
use corridor::labels::{LabelMap, Level, Posture};
use corridor::phantom::{Curve, Deformity, OldScrew, Phantom, Recorded, Spec, Structure};
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

/// What is measured of a spine once a person has given it other labels.
fn measured_anew(spine: &Spine, labels: LabelMap) -> Measures {
    let spine = spine::relabelled(spine, labels, &Work::silent()).unwrap();
    measures::of(&spine, Posture::Supine)
}

/// L2 to L5 by their right labels alone.
fn by_labels() -> &'static Spine {
    static MADE: OnceLock<Spine> = OnceLock::new();
    MADE.get_or_init(|| {
        spine::of_images(None, recorded().1.labels.clone(), &Work::silent()).unwrap()
    })
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
const L5: u16 = 24;
const S1: u16 = 26;

#[test]
fn a_sound_case_raises_no_doubt() {
    let got = measures::of(by_labels(), Posture::Supine);
    let said = ["lean apart", "fused", "times as large", "denser", "pieces", "two people"];
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
    check(&measured_anew(by_labels(), leaks), "fused", &["L3 and L4"], 2);
}

#[test]
fn levels_that_have_grown_together_are_named_though_their_labels_lie_apart() {
    let Recorded { ct, labels, structures, .. } = scanned(false);
    assert!(!sound().notices.iter().any(|n| n.contains("bone fills")), "{:?}", sound().notices);
    let l4 = sound().levels.iter().find(|l| l.level == level("L4")).unwrap();
    let plate = l4.model.anatomy.upper_plate.unwrap();
    let (grid, structures) = (ct.grid().clone(), structures.data());
    // These two alone: the others tell nothing more.
    let mut two = labels.clone();
    two.volume.data_mut().mapv_inplace(|value| if [L3, L4].contains(&value) { value } else { 0 });
    for (radius_mm, is_fused) in [(60.0, true), (8.0, false)] {
        let mut bridged = ct.clone();
        for ((k, j, i), hu) in bridged.data_mut().indexed_iter_mut() {
            let over = grid.centre([i, j, k]) - plate.centre;
            let is_near = (-4.0..16.0).contains(&over.dot(plate.up)) && over.length() < radius_mm;
            if structures[[k, j, i]] == Structure::Disc.value() && is_near {
                *hu = 260;
            }
        }
        let got = measured(Some(bridged), two.clone());
        let said: Vec<&str> =
            got.notices.iter().filter(|n| n.contains("bone fills")).map(|n| &n[..9]).collect();
        assert_eq!(said, if is_fused { vec!["L3 and L4"] } else { vec![] }, "{radius_mm}");
    }
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
    let got = measured_anew(by_labels(), half);
    check(&got, "lean apart sideways", &["L3"], 3);
    assert!(!got.notices.iter().any(|n| n.contains("curve has wedged")), "{:?}", got.notices);
}

/// Between a curve of 70 degrees and a level sacrum L5 takes 20 of them alone.
#[test]
fn of_a_sound_body_that_a_strong_curve_has_wedged_the_curve_is_named() {
    let curve = Curve {
        upper: level("T11"),
        lower: level("L4"),
        cobb_deg: 70.0,
        convex: Side::Left,
        rotation_deg: 24.0,
    };
    let levels = ["L1", "L2", "L3", "L4", "L5"].map(level).to_vec();
    let deformity = Deformity { curves: vec![curve], ..Deformity::default() };
    let phantom = Phantom::new(&Spec { levels, deformity, ..Spec::default() }).unwrap();
    let got = measured(None, phantom.labels(&phantom.grid(2.0)));
    let wedged: Vec<_> = got.notices.iter().filter(|n| n.contains("lean apart sideways")).collect();
    assert!(wedged.len() == 1 && wedged[0].starts_with("L5: "), "{:?}", got.notices);
    assert!(wedged[0].contains("a body that the curve has wedged, a half vertebra"), "{wedged:?}");
}

#[test]
fn a_vertebra_without_the_front_of_its_body_is_named() {
    let (phantom, _) = recorded();
    let at = phantom.bone(level("L3")).unwrap().patient_from_vertebra().inverse();
    let broken = relabelled(|p, value, _| {
        let local = at.point(p).vec();
        // The body's upper end slants down to the front.
        let is_gone = local.y < 14.0 && local.z > 12.0 + 0.6 * (local.y - 14.0);
        if value == L3 && is_gone { 0 } else { value }
    });
    let got = measured_anew(by_labels(), broken);
    check(&got, "lean apart from front to back", &["L3"], 3);
    let others = |n: &&String| n.contains("lean apart") && !n.contains("L3");
    assert_eq!(got.notices.iter().find(others), None);
}

#[test]
fn over_a_level_that_is_not_labelled_no_neighbour_is_looked_for() {
    let without_l3 = relabelled(|_, value, _| if value == L3 { 0 } else { value });
    let spine = spine::relabelled(by_labels(), without_l3, &Work::silent()).unwrap();
    let levels = |n: usize| spine.beside(n).map(|v| v.map(|v| v.level));
    assert_eq!(levels(0), [None, None]);
    assert_eq!(levels(1), [None, Some(level("L5"))]);
    let got = measures::of(&spine, Posture::Supine);
    check(&got, "no level between them is labelled", &["L2 and L4"], 3);
    assert!(got.foramina.iter().all(|foramen| foramen.upper != level("L2")));
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
    check(&measured_anew(by_labels(), leaks), "times as large", &["L4"], 3);
}

#[test]
fn two_people_over_each_other_are_told_as_what_they_are() {
    let (_, recorded) = recorded();
    let one = &recorded.labels.volume;
    let [ni, nj, nk] = one.grid().size();
    let grid = Grid::along_axes(one.grid().centre([0; 3]), 2.0, [ni, nj, 2 * nk]);
    let l2 = recorded.labels.at_level(level("L2")).unwrap().value;
    // Of the lower one L2 is labelled, of the upper one all the others.
    let volume = Volume::from_fn(grid, |[i, j, k]| {
        let value = *one.get([i, j, k % nk]).unwrap();
        if (value == l2) == (k < nk) { value } else { 0 }
    });
    let labels = LabelMap { volume, vertebrae: recorded.labels.vertebrae.clone() };
    let got = measured(None, labels);
    check(&got, "two people in one label map", &["L2 and L3"], 4);
    assert!(!got.notices.iter().any(|n| n.contains("fused")), "{:?}", got.notices);
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
fn a_last_level_that_holds_too_much_is_named_by_its_one_neighbour() {
    let (phantom, _) = recorded();
    let at = phantom.bone(level("L5")).unwrap().patient_from_vertebra().inverse();
    let leaks = relabelled(|p, value, _| {
        let local = at.point(p).vec();
        let is_in = local.x.abs() < 45.0 && (-60.0..8.0).contains(&local.y) && local.z.abs() < 18.0;
        if value == 0 && is_in { L5 } else { value }
    });
    check(&measured_anew(by_labels(), leaks), "times as large", &["L5"], 3);
}

/// L3 to the sacrum at 1 mm, healthy bone or old: thin cortex, dark marrow, noise.
fn scanned(is_old: bool) -> &'static Recorded {
    static MADE: [OnceLock<Recorded>; 2] = [const { OnceLock::new() }; 2];
    MADE[usize::from(is_old)].get_or_init(|| {
        let mut spec =
            Spec { levels: ["L3", "L4", "L5", "S1"].map(level).to_vec(), ..Spec::default() };
        if is_old {
            (spec.scan.cancellous_hu, spec.scan.cortex_hu) = (80.0, 700.0);
            (spec.scan.cortex_mm, spec.scan.noise_hu) = (0.6, 20.0);
        }
        let phantom = Phantom::new(&spec).unwrap();
        phantom.record(&phantom.grid(1.0), &Work::silent()).unwrap()
    })
}

/// The spine of that scan by its right labels.
fn spine_of_scan(is_old: bool) -> &'static Spine {
    static MADE: [OnceLock<Spine>; 2] = [const { OnceLock::new() }; 2];
    MADE[usize::from(is_old)].get_or_init(|| {
        let Recorded { ct, labels, .. } = scanned(is_old);
        spine::of_images(Some(ct.clone()), labels.clone(), &Work::silent()).unwrap()
    })
}

/// What is measured of healthy bone with its right labels.
fn sound() -> &'static Measures {
    static SOUND: OnceLock<Measures> = OnceLock::new();
    SOUND.get_or_init(|| measures::of(spine_of_scan(false), Posture::Supine))
}

/// The labels with those of some values made fatter, each by so many voxels.
fn fatter(labels: &LabelMap, by: &[(u16, i32)]) -> LabelMap {
    let mut fat = labels.clone();
    for ((k, j, i), value) in labels.volume.data().indexed_iter() {
        let Some((_, n)) = by.iter().find(|(fat, _)| fat == value) else { continue };
        let ball = (0..(2 * n + 1).pow(3)).map(|m| [m, m / (2 * n + 1), m / (2 * n + 1).pow(2)]);
        for offset in ball.map(|m| m.map(|m| m % (2 * n + 1) - n)) {
            let there = [0, 1, 2].map(|a| ([k, j, i][a] as i32 + offset[a]) as usize);
            let is_near = offset.iter().map(|d| d * d).sum::<i32>() <= n * n;
            if let Some(free) = fat.volume.data_mut().get_mut(there).filter(|v| is_near && **v == 0)
            {
                *free = *value;
            }
        }
    }
    fat
}

/// The labels with a ball of 22 mm on the front of a vertebra.
fn with_ball(labels: &LabelMap, value: u16) -> LabelMap {
    let grid = labels.volume.grid().clone();
    let of_value = labels.volume.data().indexed_iter().filter(|(_, v)| **v == value);
    let places: Vec<_> = of_value.map(|((k, j, i), _)| grid.centre([i, j, k])).collect();
    let middle = places.iter().map(|p| p.vec()).sum::<glam::DVec3>() / places.len() as f64;
    let is_middle = |p: &&Point<Patient>| {
        (p.vec().x - middle.x).abs() < 4.0 && (p.vec().z - middle.z).abs() < 4.0
    };
    let in_front = |a: &&Point<Patient>, b: &&Point<Patient>| a.vec().y.total_cmp(&b.vec().y);
    let front = *places.iter().filter(is_middle).min_by(in_front).unwrap();
    let mut with = labels.clone();
    for ((k, j, i), voxel) in with.volume.data_mut().indexed_iter_mut() {
        if *voxel == 0 && (grid.centre([i, j, k]) - front).length() < 11.0 {
            *voxel = value;
        }
    }
    with
}

/// The levels of which it is said that their labels hold soft tissue.
fn leaking(got: &Measures) -> Vec<&str> {
    let said = got.notices.iter().filter(|n| n.contains("soft tissue"));
    said.filter_map(|n| n.split(':').next()).collect()
}

#[test]
fn right_labels_hold_no_soft_tissue_on_old_bone_neither() {
    for is_old in [false, true] {
        let spine = spine_of_scan(is_old);
        let labels = &scanned(is_old).labels;
        let got = measures::of(spine, Posture::Supine);
        assert_eq!(leaking(&got), Vec::<&str>::new(), "old: {is_old}");
        // A voxel too much is what the surface makes good.
        let values: Vec<(u16, i32)> = labels.vertebrae.iter().map(|v| (v.value, 1)).collect();
        let got = measured_anew(spine, fatter(labels, &values));
        assert_eq!(leaking(&got), Vec::<&str>::new(), "old: {is_old}");
    }
}

#[test]
fn labels_that_are_too_fat_are_named() {
    let labels = &scanned(false).labels;
    let got = measured_anew(spine_of_scan(false), fatter(labels, &[(L3, 3), (L5, 2)]));
    assert_eq!(leaking(&got), ["L3", "L5"], "{:?}", got.notices);
    for (is_old, by) in [(false, 3), (true, 2)] {
        let labels = &scanned(is_old).labels;
        let values: Vec<(u16, i32)> = labels.vertebrae.iter().map(|v| (v.value, by)).collect();
        let got = measured_anew(spine_of_scan(is_old), fatter(labels, &values));
        assert_eq!(leaking(&got), ["L3", "L4", "L5", "S1"], "{by} {:?}", got.notices);
    }
}

#[test]
fn labels_that_hold_a_ball_of_soft_tissue_are_named() {
    for is_old in [false, true] {
        let with_balls = with_ball(&with_ball(&scanned(is_old).labels, L5), S1);
        let got = measured_anew(spine_of_scan(is_old), with_balls);
        assert_eq!(leaking(&got), ["L5", "S1"], "old: {is_old} {:?}", got.notices);
    }
}

#[test]
fn a_label_that_is_too_fat_at_its_pedicles_alone_is_named() {
    let labels = &scanned(false).labels;
    let pedicles = &sound().levels[1].model.anatomy.pedicles;
    let mut leaks = labels.clone();
    let grid = labels.volume.grid().clone();
    let fat = fatter(labels, &[(L4, 3)]);
    for ((k, j, i), value) in leaks.volume.data_mut().indexed_iter_mut() {
        let p = grid.centre([i, j, k]);
        let is_near = pedicles.iter().any(|pedicle| (p - pedicle.isthmus).length() < 16.0);
        *value = if is_near { fat.volume.data()[[k, j, i]] } else { *value };
    }
    let got = measured_anew(spine_of_scan(false), leaks);
    assert_eq!(leaking(&got), ["L4"], "{:?}", got.notices);
    assert!(got.notices.iter().any(|n| n.contains("of the border of its pedicles")));
}

#[test]
fn the_labels_of_an_expert_and_a_ct_without_soft_tissue_raise_no_such_doubt() {
    for spine in [verse014(), s0328()].into_iter().flatten() {
        let got = measures::of(spine, Posture::Supine);
        assert_eq!(leaking(&got), Vec::<&str>::new());
        assert!(!got.notices.iter().any(|n| n.contains("bone fills")), "{:?}", got.notices);
    }
}

/// Without its left arch, and without any.
#[test]
fn of_a_vertebra_without_an_arch_the_body_is_measured() {
    let labels = &scanned(false).labels;
    let sound = sound();
    let of_l4 =
        |got: &Measures| got.levels.iter().find(|l| l.level == level("L4")).cloned().unwrap();
    let whole = of_l4(sound);
    let at = whole.model.anatomy.patient_from_vertebra.inverse();
    let grid = labels.volume.grid().clone();
    for most_right in [0.0, -100.0] {
        let mut half = labels.clone();
        for ((k, j, i), value) in half.volume.data_mut().indexed_iter_mut() {
            let p = at.point(grid.centre([i, j, k])).vec();
            if *value == L4 && p.y > 17.0 && p.x > most_right {
                *value = 0;
            }
        }
        let got = measured_anew(spine_of_scan(false), half);
        check(&got, "end plates and body alone", &["L4"], 3);
        let part = of_l4(&got);
        let anatomy = &part.model.anatomy;
        assert!(anatomy.pedicles.is_empty() && anatomy.canal.is_none());
        let plates = |a: &VertebraAnatomy| [a.upper_plate.unwrap(), a.lower_plate.unwrap()];
        for (a, b) in plates(anatomy).iter().zip(plates(&whole.model.anatomy)) {
            let deg = a.up.angle_to_rad(b.up).to_degrees();
            let off = (a.centre - b.centre).dot(b.up).abs();
            assert!(deg < 1.5 && off < 1.0, "{most_right} {deg} {off}");
        }
        let [a, b] = [anatomy.body_mm.unwrap(), whole.model.anatomy.body_mm.unwrap()];
        assert!((a[0] - b[0]).abs().max((a[1] - b[1]).abs()) < 1.5, "{a:?} {b:?}");
        let [a, b] = [part.body.unwrap().mean_hu, whole.body.unwrap().mean_hu];
        assert!((a - b).abs() < 8.0, "{a} {b}");
        assert_eq!(got.alignment.segments.len(), sound.alignment.segments.len());
        assert!(got.alignment.rotation.iter().all(|r| r.level != level("L4")));
    }
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
