//! Screws from the sacrum into the ilium: planned from labels, graded by the phantom's own bones.

use crate::plan_auto::{answer_of, misfit_mm, plan};
use crate::real_data::real;
use corridor::case::judge::{self, Unjudged};
use corridor::case::pelvis::{PelvicBone, Pelvis};
use corridor::case::spine::{self, Source, Spine};
use corridor::case::suggest::Wish;
use corridor::clearance::grade::ENTRY_ZONE_MM;
use corridor::clearance::{Grade, JOINT_MM, ScrewShape, iliac};
use corridor::implant::Catalogue;
use corridor::labels::numbering::Numbering;
use corridor::labels::{Ilia, LabelMap, Level};
use corridor::phantom::{Bone, Phantom, Spec};
use corridor::plan::auto::{Refusal, Style};
use corridor::plan::check::{IliumCut, Weight};
use corridor::plan::{Plan, ScrewSite};
use corridor::space::{Affine, Dir, Patient, Point, Side};
use corridor::volume::Grid;
use corridor::work::Work;
use glam::{DQuat, DVec3};
use std::sync::OnceLock;

const VOXEL_MM: f64 = 1.5;

/// L5, sacrum and ilia.
pub struct Sacral {
    pub phantom: Phantom,
    pub spine: Spine,
}

/// L5, the sacrum and what of the hip bones a screw can reach, on a grid turned so; labels alone.
fn pelvis(turn: DQuat, ilia: Ilia) -> Sacral {
    let (phantom, labels) = labelled(turn, 112.0);
    let spine = spine::of_images_with(None, labels, ilia, &Work::silent()).unwrap();
    Sacral { phantom, spine }
}

/// The same as labels, so far to either side.
fn labelled(turn: DQuat, aside_mm: f64) -> (Phantom, LabelMap) {
    let levels = vec![Level::L5, Level::S1];
    let phantom = Phantom::new(&Spec { levels, seed: 3, ..Spec::default() }).unwrap();
    let middle = phantom.bone(Level::S1).unwrap().patient_from_vertebra().origin();
    let half = DVec3::new(aside_mm, 100.0, 90.0);
    let first = middle.vec() + DVec3::new(0.0, -10.0, -30.0) - turn * half;
    let axis = |d: DVec3| Dir::from_vec(turn * d * VOXEL_MM);
    let [x, y, z] = [DVec3::X, DVec3::Y, DVec3::Z].map(axis);
    let map = Affine::from_columns(x, y, z, Point::from_vec(first));
    let size = (half * 2.0 / VOXEL_MM).to_array().map(|n| n as usize);
    let grid = Grid::new(size, map).unwrap();
    let labels = phantom.with_hips(phantom.labels(&grid), &phantom.structures(&grid));
    (phantom, labels)
}

pub fn straight() -> &'static Sacral {
    static MADE: OnceLock<Sacral> = OnceLock::new();
    MADE.get_or_init(|| pelvis(DQuat::IDENTITY, Ilia::OURS))
}

fn iliac() -> Wish {
    Wish { style: Style::S2AlarIliac, ..Wish::default() }
}

/// The way from the judged surface of a screw to the nearest place that is neither in the sacrum nor
/// in the ilium nor in the joint between them, by trying all places of a fine grid: up to 0.35 mm
/// more than it is. Negative where the screw leaves bone.
fn to_air_mm(phantom: &Phantom, side: Side, screw: &ScrewShape) -> f64 {
    const STEP_MM: f64 = 0.4;
    const AROUND_MM: f64 = 2.5;
    /// Steps along an edge of a cell that is ruled out as a whole, and its half diagonal, mm.
    const CELL: i32 = 4;
    const HALF_MM: f64 = 1.4;
    /// No bone's function changes faster than this per mm.
    const STEEPEST: f64 = 1.5;
    let bones = [phantom.bone(Level::S1).unwrap(), phantom.hip_bone(side).unwrap()];
    let radius = screw.diameter_mm / 2.0;
    let u = screw.axis.any_perpendicular();
    let v = screw.axis.cross(u);
    let at = |t: f64, a: f64, b: f64| screw.entry + screw.axis * t + u * a + v * b;
    let way = |t: f64, a: f64, b: f64| {
        let past = (ENTRY_ZONE_MM - t).max(t - screw.length_mm);
        let beside = a.hypot(b) - radius;
        past.max(0.0).hypot(beside.max(0.0)) + past.max(beside).min(0.0)
    };
    let reach = ((radius + AROUND_MM) / STEP_MM) as i32;
    let depths = ((screw.length_mm + AROUND_MM) / STEP_MM) as i32;
    let cells = |from: i32, to: i32| (from..=to).step_by(CELL as usize);
    let middle = |n: i32| (f64::from(n) + f64::from(CELL - 1) / 2.0) * STEP_MM;
    let mut least = f64::INFINITY;
    for (n, a) in cells(0, depths).flat_map(|n| cells(-reach, reach).map(move |a| (n, a))) {
        for b in cells(-reach, reach) {
            let [t, x, y] = [n, a, b].map(middle);
            let is_bone = bones.iter().any(|bone| bone.value(at(t, x, y)) > STEEPEST * HALF_MM);
            if is_bone || way(t, x, y) - HALF_MM >= least {
                continue;
            }
            for step in 0..CELL.pow(3) {
                let place = [n + step % CELL, a + step / CELL % CELL, b + step / CELL.pow(2)];
                let [t, x, y] = place.map(|n| f64::from(n) * STEP_MM);
                let way = way(t, x, y);
                if way < least && is_air(bones, at(t, x, y)) {
                    least = way;
                }
            }
        }
    }
    least
}

fn is_air(bones: [&Bone; 2], p: Point<Patient>) -> bool {
    // Near its surface a bone's value over its slope is its distance.
    let seen = bones.map(|bone| (bone.value(p), bone.gradient(p)));
    if seen.iter().any(|(value, _)| *value >= 0.0) {
        return false;
    }
    let [a, b] = seen.map(|(value, slope)| -value / slope.length());
    let cosine = seen[0].1.dot(seen[1].1) / (seen[0].1.length() * seen[1].1.length());
    a + b > JOINT_MM || cosine > -0.5
}

#[test]
fn both_ilia_take_a_screw_that_is_an_a_by_the_bones_themselves() {
    let Sacral { phantom, spine } = straight();
    let planned = plan(spine, &iliac());
    assert!(planned.refusals.is_empty(), "{:?}", planned.refusals);
    assert_eq!(planned.screws.len(), 2);
    let own = planned.screws.iter().map(|(screw, _)| screw.clone()).collect();
    let own = Plan { screws: own, ..Plan::default() };
    for ((screw, found), side) in planned.screws.iter().zip(Side::BOTH) {
        let name = screw.title();
        assert_eq!((screw.side, screw.site()), (side, ScrewSite::S2AlarIliac));
        let judged = answer_of(spine, &own, screw);
        assert_eq!(judged.assessment.grade, Grade::A, "{name}");
        assert_eq!(judged.assessment.clearance_mm, found.assessment.clearance_mm);
        assert!(judged.around.canal_mm.unwrap() > 2.0, "{name}: {:?}", judged.around);
        assert_eq!(judged.around.foramen_mm, None, "{name}: it runs beside no pedicle");
        let truth = to_air_mm(phantom, side, &found.shape);
        println!(
            "{name}: {:.2} found, {truth:.2} true, {:?}",
            judged.assessment.clearance_mm, found.shape
        );
        assert!(truth > 0.0, "{name}: {truth}");
        let off = truth - judged.assessment.clearance_mm;
        let half = judged.band.half_mm;
        assert!((-half..half + 0.35).contains(&off), "{name}: {off} of {half}");
        // It enters the sacrum, crosses the joint and ends in the ilium of its own side.
        let [sacrum, ilium] = [phantom.bone(Level::S1).unwrap(), phantom.hip_bone(side).unwrap()];
        assert!(sacrum.value(screw.entry + screw.axis * 10.0) > 0.0, "{name}");
        assert!(ilium.value(screw.tip()) > 0.0 && screw.tip().vec().x * side.sign() > 40.0);
        assert!(iliac::is_entry(&spine.pelvic_bone(side).unwrap().anatomy, side, screw.entry));
        assert!(screw.diameter_mm >= 6.5 && screw.length_mm >= 60.0, "{name}: {:?}", found.shape);
    }
    let [left, right] = [0, 1].map(|n| planned.screws[n].1.shape);
    let mirrored = Point::new(-right.entry.vec().x, right.entry.vec().y, right.entry.vec().z);
    assert!(left.entry.distance(mirrored) > 0.05, "the sides are planned for themselves");
}

#[test]
fn each_ilium_is_seen_on_its_own_side_where_the_bone_is() {
    let Sacral { phantom, spine } = straight();
    let sacrum = phantom.bone(Level::S1).unwrap().patient_from_vertebra().inverse();
    for side in Side::BOTH {
        let seen = &spine.pelvic_bone(side).unwrap().ilium.mesh.positions;
        let bone = phantom.hip_bone(side).unwrap();
        assert!(seen.len() > 5000, "{side}: {}", seen.len());
        // The two meet at the midline, in front.
        let outward = |p: &Point<Patient>| sacrum.point(*p).vec().x * side.sign();
        let least = seen.iter().map(outward).fold(f64::INFINITY, f64::min);
        assert!(least > -VOXEL_MM, "{side}: {least}");
        // Deeper than the surface lies only what the end of the part that is kept cuts open.
        let off = seen.iter().filter(|p| bone.value(**p) < -VOXEL_MM).count();
        let on = seen.iter().filter(|p| bone.value(**p).abs() < VOXEL_MM).count();
        assert!(off == 0 && on as f64 > 0.8 * seen.len() as f64, "{side}: {off} {on}");
    }
    let [low, high] = spine.bounds().unwrap();
    assert!(low.vec().x < -70.0 && high.vec().x > 70.0, "{low:?} {high:?}");
}

#[test]
fn a_screw_that_leaves_the_ilium_is_a_breach_and_one_that_crosses_the_joint_is_none() {
    let Sacral { spine, .. } = straight();
    let (screw, _) = plan(spine, &iliac()).screws.remove(0);
    let lateral = (Dir::X - screw.axis * screw.axis.dot(Dir::X)).unit().unwrap();
    let mut out = screw.clone();
    out.axis = (screw.axis + lateral * 0.35).unit().unwrap();
    let judged = judge::assess(spine, &out).unwrap();
    assert!(judged.grade > Grade::B, "{judged:?}");
    assert!(judged.breach_depth_mm.unwrap() > 20.0, "{judged:?}");
    // In the sacrum alone the same screw would be out of bone from the joint on.
    let alone =
        corridor::plan::Screw { style: corridor::plan::ScrewStyle::Pedicle, ..screw.clone() };
    assert!(judge::assess(spine, &alone).unwrap().grade > Grade::D);
    assert_eq!(judge::assess(spine, &screw).unwrap().grade, Grade::A);
}

#[test]
fn a_turned_image_gives_the_same_corridor() {
    let turn = DQuat::from_euler(glam::EulerRot::XYZ, 0.2, -0.1, 0.3);
    let turned = pelvis(turn, Ilia::OURS);
    for side in Side::BOTH {
        let of = |spine: &Spine| *spine.pelvic_bone(side).unwrap().corridor().unwrap();
        let [here, there] = [of(&straight().spine), of(&turned.spine)];
        let off = here.axis.angle_to_rad(there.axis).to_degrees();
        assert!(off < 6.0, "{side}: {off}");
        assert!((here.chord_mm - there.chord_mm).abs() < 8.0, "{side}: {here:?} {there:?}");
    }
    let planned = plan(&turned.spine, &iliac());
    assert_eq!(planned.screws.len(), 2);
    for (screw, found) in &planned.screws {
        let truth = to_air_mm(&turned.phantom, screw.side, &found.shape);
        // Labels of 1.5 mm and no CT: what is told holds within the band that is told with it.
        let band = answer_of(&turned.spine, &Plan::default(), screw).band;
        assert!(-truth < band.breach_mm[1], "{}: {truth} {band:?}", screw.title());
        assert_eq!(found.assessment.grade, Grade::A, "{}", screw.title());
    }
}

#[test]
fn without_an_ilium_or_with_the_other_one_nothing_is_planned_and_nothing_judged() {
    let Sacral { spine, .. } = straight();
    let (screw, _) = plan(spine, &iliac()).screws.remove(1);
    let without = Spine { pelvis: Pelvis::default(), ..spine.clone() };
    let refused = plan(&without, &iliac()).refusals;
    assert_eq!(refused, Side::BOTH.map(|side| Refusal::NoIlium { side }));
    assert!(refused[0].to_string().contains("hip_left"), "{}", refused[0]);
    let unjudged = judge::assess(&without, &screw).unwrap_err();
    assert!(matches!(&unjudged, Unjudged::NoIlium { side: Side::Right, .. }), "{unjudged}");
    // Labels that call the right hip bone the left one.
    let names = [(77, "hip_right".to_owned()), (78, "hip_left".to_owned())].into_iter().collect();
    let swapped = Ilia::find([77, 78], &names, Numbering::Names);
    let labels = spine.labels.as_deref().unwrap().clone();
    let swapped = spine::of_images_with(None, labels, swapped, &Work::silent()).unwrap();
    assert!(swapped.pelvis.is_empty());
    let said: Vec<_> = swapped.said_left_out().collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("lies on the other side"), "{said:?}");
}

/// The part of labels from `low` to `high` to the left, LPS mm, and not farther forward than 59 mm, where
/// both wings are cut off far from any screw.
fn cropped(labels: &LabelMap, [low, high]: [f64; 2]) -> Spine {
    let grid = labels.volume.grid();
    let index = |x: f64| {
        let at = grid.voxel_from_patient().point(Point::new(x, -59.0, 0.0)).vec();
        [at.x, at.y].map(|n| n.max(0.0) as usize)
    };
    let ([i, j], [end, _], [ni, nj, nk]) = (index(low), index(high), grid.size());
    let size = [(end + 1).min(ni) - i, nj - j, nk];
    let volume = labels.volume.part([i, j, 0], size).unwrap();
    let part = LabelMap { volume, vertebrae: labels.vertebrae.clone() };
    spine::of_images_with(None, part, Ilia::OURS, &Work::silent()).unwrap()
}

#[test]
fn an_ilium_cut_off_in_the_way_of_a_screw_is_told_and_one_cut_off_elsewhere_is_not() {
    let (_, labels) = labelled(DQuat::IDENTITY, 140.0);
    let told = |spine: &Spine| -> Vec<String> {
        spine.notices_beside(&Plan::default()).filter(|said| said.contains("ilium")).collect()
    };
    let offered = Catalogue::builtin().unwrap();
    let issues = |spine: &Spine, plan: &Plan| -> Vec<(Weight, String)> {
        let issues = judge::check(spine, plan, &offered).into_iter();
        let of_end = issues.filter(|issue| issue.what.contains("ends inside"));
        of_end.map(|issue| (issue.weight, issue.what)).collect()
    };
    let whole = cropped(&labels, [-140.0, 140.0]);
    let screws: Vec<_> = plan(&whole, &iliac()).screws.into_iter().map(|(s, _)| s).collect();
    let both = Plan { screws, ..Plan::default() };
    assert_eq!(both.screws.len(), 2);
    assert!(whole.pelvis.bones.iter().all(|bone| !bone.ends.is_empty() && !bone.is_cut_off));
    assert_eq!((told(&whole), issues(&whole, &both)), (Vec::new(), Vec::new()));

    // The left corridor ends where the image does; on the right nothing is left of it.
    let cut = cropped(&labels, [-55.0, 78.0]);
    let is_cut_off = |side: Side| cut.pelvic_bone(side).unwrap().is_cut_off;
    assert_eq!(Side::BOTH.map(is_cut_off), [true, false]);
    let notices = told(&cut);
    assert!(notices.len() == 1 && notices[0].contains("inside the left ilium"), "{notices:?}");
    let beside = |side: Side| {
        let what = "the image or the label map ends inside its ilium beside it";
        (Weight::Grave, format!("S2AI {side}: {what}, and is taken for its wall"))
    };
    assert_eq!(issues(&cut, &both), Side::BOTH.map(beside));
    let refused = plan(&cut, &iliac()).refusals;
    let side = Side::Right;
    assert!(refused.contains(&Refusal::IliumCutOff { side }), "{refused:?}");
}

#[test]
fn an_end_of_the_ilium_matters_beside_a_screw_and_on_its_way_on_through_bone() {
    let Sacral { spine, .. } = straight();
    let (screw, _) = plan(spine, &iliac()).screws.remove(0);
    let (shape, radius) = (screw.shape(), screw.radius_mm());
    let across = screw.axis.any_perpendicular();
    let with_end = |end: Point<Patient>| {
        let bone = spine.pelvic_bone(screw.side).unwrap();
        PelvicBone { ends: vec![end], ..PelvicBone::clone(bone) }.cut_at(&shape)
    };
    let beside = |mm: f64| with_end(screw.entry + screw.axis * 50.0 + across * (radius + mm));
    assert_eq!([beside(4.0), beside(6.0)], [Some(IliumCut::Beside), None]);
    // The tip lies 4 mm and more in bone.
    let ahead = |mm: f64| with_end(screw.tip() + screw.axis * (radius + mm));
    assert_eq!([ahead(4.0), ahead(6.0)], [Some(IliumCut::Beside), Some(IliumCut::Ahead)]);
    assert_eq!(ahead(60.0), None, "no screw reaches it");
}

#[test]
fn beside_pedicle_screws_they_line_up_for_the_same_rod() {
    let Sacral { spine, .. } = straight();
    let wish = Wish { iliac: true, ..Wish::default() };
    let [together, alone] =
        [false, true].map(|each_alone| plan(spine, &Wish { each_alone, ..wish.clone() }));
    let sites: Vec<_> = together.screws.iter().map(|(screw, _)| screw.title()).collect();
    assert_eq!(sites[sites.len() - 4..], ["S1 left", "S1 right", "S2AI left", "S2AI right"]);
    let [reached, before] = [&together, &alone].map(misfit_mm);
    println!("misfit {before:.2} mm alone, {reached:.2} mm together");
    assert!(reached < 0.5 * before || reached < 0.2, "{before} {reached}");
    for ((screw, kept), (_, own)) in together.screws.iter().zip(&alone.screws) {
        assert!(kept.score.total >= 0.9 * own.score.total - 1e-9, "{}", screw.title());
        assert_eq!(kept.assessment.grade, Grade::A, "{}", screw.title());
    }
}

#[test]
fn a_real_pelvis_takes_them_at_the_angles_that_are_known() {
    let Some(folder) = real("totalseg_example_ct_3mm") else { return };
    let source = Source::Files {
        ct: None,
        labels: Some(folder.join("all_structures_fast.nii.gz")),
        numbering: None,
    };
    let spine = spine::load(&source, &Work::silent()).unwrap();
    let planned = plan(&spine, &iliac());
    for (screw, found) in &planned.screws {
        let d = screw.axis.vec();
        let out = (d.x * screw.side.sign()).atan2(-d.y).to_degrees();
        let down = (-d.z).atan2(-d.y).to_degrees();
        println!(
            "{}: {} x {}, {:?} {:+.2} mm, {out:.1} degrees out, {down:.1} down, corridor {:.1} mm",
            screw.title(),
            screw.diameter_mm,
            screw.length_mm,
            found.assessment.grade,
            found.assessment.clearance_mm,
            found.isthmus_mm
        );
        // 42.4 +- 2.3 and 31.3 +- 2.3 (s12893-023-02167-4), as a person lies; people differ.
        assert!((28.0..57.0).contains(&out) && (5.0..55.0).contains(&down), "{out} {down}");
        assert!(found.assessment.grade <= Grade::B);
    }
    assert_eq!(planned.screws.len(), 2, "{:?}", planned.refusals);
}
