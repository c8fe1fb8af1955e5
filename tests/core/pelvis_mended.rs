//! Labels of sacrum and hip bones mended: the vertebra stands first and nothing is judged by the old pelvis;
//! then the pelvis is what its labels make whole, and what no stroke reached is kept.

use crate::plan_iliac::straight;
use corridor::case::judge::{self, Unjudged};
use corridor::case::pelvis::PelvicBone;
use corridor::case::spine::{self, Spine, mended, mended_first, with_neighbours, with_pelvis};
use corridor::case::stale::Due;
use corridor::clearance::{Field, fused, joined_mm};
use corridor::labels::edit::{Mending, Stroke};
use corridor::labels::ilium::LEFT_VALUE;
use corridor::labels::{Ilia, LabelMap, Level};
use corridor::mesh;
use corridor::plan::{Plan, Screw, ScrewStyle};
use corridor::space::{Dir, Patient, Point, Side, Vertebra};
use corridor::surface::Surface;
use corridor::volume::{Grid, Volume};
use corridor::work::{CancelToken, Work};
use std::sync::Arc;

fn given() -> &'static Spine {
    &straight().spine
}

fn plan(strokes: &[Stroke]) -> Plan {
    let label_edits = strokes.iter().cloned().map(Mending::Stroke).collect();
    Plan { label_edits, ..Plan::default() }
}

fn labels() -> &'static LabelMap {
    given().labels.as_deref().unwrap()
}

/// A place of the sacrum's surface, the one that lies farthest that way in its own frame.
fn of_sacrum(way: Dir<Vertebra>) -> Point<Patient> {
    let sacrum = given().at_level(Level::S1).unwrap();
    let way = sacrum.anatomy.patient_from_vertebra.dir(way);
    let along = |p: &&Point<Patient>| (p.vec().dot(way.vec()) * 1e6) as i64;
    *sacrum.mesh.positions.iter().max_by_key(along).unwrap()
}

/// A little off the sacrum there.
fn eraser(way: Dir<Vertebra>) -> Stroke {
    let value = labels().at_level(Level::S1).unwrap().value;
    Stroke::new(&[of_sacrum(way)], 6.0, 0, Some(value))
}

/// The spine that its labels make, from nothing else.
fn whole(spine: &Spine) -> Spine {
    let labels = spine.labels.as_deref().unwrap().clone();
    spine::of_images_with(None, labels, Ilia::OURS, &Work::silent()).unwrap()
}

fn assert_same(a: &Spine, b: &Spine) {
    assert!(a.pelvis.due.is_empty() && a.pelvis.left_out == b.pelvis.left_out);
    assert_eq!([a, b].map(|spine| spine.pelvis.bones.len()), [2, 2]);
    for side in Side::BOTH {
        let [a, b] = [a, b].map(|spine| spine.pelvic_bone(side).unwrap());
        assert!(a.mesh.positions == b.mesh.positions, "mesh of the {side} side");
        assert!(a.mesh.triangles == b.mesh.triangles, "mesh of the {side} side");
        assert!(a.ilium.mesh.positions == b.ilium.mesh.positions, "{side} ilium");
        assert!(a.ilium.surface.field.data() == b.ilium.surface.field.data(), "{side} ilium");
        assert_eq!((&a.ends, a.is_cut_off), (&b.ends, b.is_cut_off));
        assert_eq!(format!("{:?}", a.anatomy), format!("{:?}", b.anatomy));
        for (n, corner) in a.mesh.positions.iter().enumerate().step_by(97) {
            let p = *corner + Dir::new(1.0, 0.7, -0.4) * (n % 29) as f64;
            assert_eq!(a.field.quick_distance_mm(p), b.field.quick_distance_mm(p));
            assert_eq!(a.field.signed_distance_mm(p), b.field.signed_distance_mm(p));
        }
    }
}

/// A screw into an ilium, about along its corridor.
fn iliac_screw(spine: &Spine, side: Side) -> Screw {
    let sacrum = spine.at_level(Level::S1).unwrap();
    let corridor = given().pelvic_bone(side).unwrap().corridor().unwrap();
    let shape = corridor::clearance::ScrewShape {
        entry: corridor.isthmus - corridor.axis * 30.0,
        axis: corridor.axis,
        length_mm: 60.0,
        diameter_mm: 6.0,
    };
    let epoch = jiff::Timestamp::UNIX_EPOCH;
    let placed = Screw::placed((sacrum.id, Level::S1), side, &shape, "test", epoch);
    Screw { style: ScrewStyle::S2AlarIliac, ..placed }
}

fn bones(spine: &Spine) -> [&Arc<PelvicBone>; 2] {
    Side::BOTH.map(|side| spine.pelvic_bone(side).unwrap())
}

#[test]
fn the_sacrum_stands_first_and_the_pelvis_is_what_its_labels_make_whole() {
    let silent = Work::silent();
    let behind = plan(&[eraser(Dir::Y)]);
    let first = mended_first(given(), given(), &behind, &silent).unwrap();
    let sacrum = |spine: &Spine| Arc::clone(spine.at_level(Level::S1).unwrap());
    assert!(!Arc::ptr_eq(&sacrum(&first), &sacrum(given())), "the sacrum is new");
    assert!(first.pelvis.bones.is_empty() && first.pelvis.due.len() == 2);
    assert_eq!(first.pelvis.seen().count(), 2, "the old ones are still seen");
    for side in Side::BOTH {
        let unjudged = judge::assess(&first, &iliac_screw(&first, side)).unwrap_err();
        assert!(matches!(&unjudged, Unjudged::IliumDue { .. }), "{unjudged}");
    }
    let stopped = CancelToken::default();
    stopped.cancel();
    assert!(with_pelvis(&first, &Work::new(|_, _| {}, stopped)).is_err());

    let then = with_pelvis(&first, &silent).unwrap();
    assert!(Arc::ptr_eq(&sacrum(&then), &sacrum(&first)));
    assert_same(&then, &whole(&then));
    // The stroke lay far from the ilia: only what they are fused with is another bone.
    for (before, after) in bones(given()).into_iter().zip(bones(&then)) {
        assert!(Arc::ptr_eq(&before.ilium, &after.ilium), "{} ilium", before.side);
        assert!(before.mesh.positions != after.mesh.positions);
        assert!(judge::assess(&then, &iliac_screw(&then, after.side)).is_ok());
    }
    // One more, through the left wing, before the pelvis stood; and both taken back.
    let wing = plan(&[eraser(Dir::Y), eraser(Dir::X)]);
    let both = mended(given(), &first, &wing, &silent).unwrap();
    assert_same(&both, &whole(&both));
    // Without a CT no bone's surface looks where another ends.
    assert!(Arc::ptr_eq(&bones(&both)[0].ilium, &bones(given())[0].ilium));
    let back = mended(given(), &both, &Plan::default(), &silent).unwrap();
    assert_same(&back, given());
}

#[test]
fn a_stroke_on_one_hip_bone_leaves_the_other_side_and_one_on_l5_both_ilia() {
    let silent = Work::silent();
    let left = bones(given())[0];
    let outward = |p: &&Point<Patient>| (p.vec().x * 1e6) as i64;
    let wing = *left.ilium.mesh.positions.iter().max_by_key(outward).unwrap();
    let on_hip = plan(&[Stroke::new(&[wing], 6.0, 0, Some(LEFT_VALUE))]);
    let first = mended_first(given(), given(), &on_hip, &silent).unwrap();
    assert_eq!(Side::BOTH.map(|side| first.pelvis.is_due(side)), [true, false]);
    assert!(judge::assess(&first, &iliac_screw(&first, Side::Left)).is_err());
    assert!(judge::assess(&first, &iliac_screw(&first, Side::Right)).is_ok());
    let then = with_pelvis(&first, &silent).unwrap();
    let sacra = [&then, given()].map(|spine| spine.at_level(Level::S1).unwrap());
    assert!(Arc::ptr_eq(sacra[0], sacra[1]));
    assert!(Arc::ptr_eq(bones(&then)[1], bones(given())[1]), "the right side is kept");
    assert_same(&then, &whole(&then));

    let l5 = given().vertebrae.iter().find(|v| v.level != Level::S1).unwrap();
    let top = |p: &&Point<Patient>| (p.vec().z * 1e6) as i64;
    let top = *l5.mesh.positions.iter().max_by_key(top).unwrap();
    let on_l5 = plan(&[Stroke::new(&[top], 6.0, 0, None)]);
    let first = mended_first(given(), given(), &on_l5, &silent).unwrap();
    // Where L5 lies tells the sacrum which way is up, so what is measured on it follows, and the frame that
    // both bones are joined in.
    let [due, before] = [&first, given()].map(|spine| spine.at_level(Level::S1).unwrap());
    assert!(Arc::ptr_eq(due, before) && first.due.get(&due.id) == Some(&Due::Measures));
    assert_eq!(Side::BOTH.map(|side| first.pelvis.is_due(side)), [true; 2]);
    let then = with_neighbours(&first, &silent).unwrap();
    assert!(then.due.is_empty() && then.at_level(Level::S1).unwrap().mesh == before.mesh);
    let then = with_pelvis(&then, &silent).unwrap();
    assert_same(&then, &whole(&then));
    assert!((0..2).all(|n| Arc::ptr_eq(&bones(&then)[n].ilium, &bones(given())[n].ilium)));
}

#[test]
fn an_ilium_follows_where_another_bone_is_painted_beside_it() {
    let phantom = &straight().phantom;
    let middle = phantom.bone(Level::S1).unwrap().patient_from_vertebra().origin();
    let grid = Grid::along_axes(middle - Dir::new(108.0, 100.0, 90.0), 3.0, [72, 60, 50]);
    let (ct, labels) = phantom.images(&grid);
    let labels = phantom.with_hips(labels, &phantom.structures(&grid));
    let of = |labels| {
        spine::of_images_with(Some(ct.clone()), labels, Ilia::OURS, &Work::silent()).unwrap()
    };
    let given = of(labels);
    let l5 = given.labels.as_ref().unwrap().at_level(Level::L5).unwrap();
    let right = bones(&given)[1];
    let outward = |p: &&Point<Patient>| (p.vec().x * -1e6) as i64;
    let l5_mesh = &given.vertebra(l5.id).unwrap().mesh;
    let tip = *l5_mesh.positions.iter().max_by_key(outward).unwrap();
    let near = |p: &&Point<Patient>| (p.distance(tip) * 1e6) as i64;
    let near = *right.ilium.mesh.positions.iter().min_by_key(near).unwrap();
    let stroke = Stroke::new(&[tip, near], 5.0, l5.value, Some(0));
    let first = mended_first(&given, &given, &plan(&[stroke]), &Work::silent()).unwrap();
    assert!(
        Side::BOTH.iter().all(|side| first.pelvis.is_due(*side)),
        "the sacrum is measured anew"
    );
    let then = with_pelvis(&with_neighbours(&first, &Work::silent()).unwrap(), &Work::silent());
    let then = then.unwrap();
    assert_same(&then, &of(then.labels.as_deref().unwrap().clone()));
    let is_kept = |n: usize| Arc::ptr_eq(&bones(&then)[n].ilium, &bones(&given)[n].ilium);
    assert_eq!([0, 1].map(is_kept), [true, false]);
}

#[test]
fn passing_over_what_is_far_from_any_surface_leaves_the_fused_one_as_it_is() {
    let sacrum = given().at_level(Level::S1).unwrap();
    let right = bones(given())[1];
    let ilium = Field::to_mesh(&right.ilium.surface, &right.ilium.mesh, &Work::silent()).unwrap();
    // Part of the joint, and a box that bone leaves on every side.
    let [low, high] = [Point::<Vertebra>::new(-75.0, -35.0, -25.0), Point::new(5.0, 25.0, 20.0)];
    let frame = sacrum.anatomy.patient_from_vertebra;
    let middle = frame.point(low.lerp(high, 0.5));
    let size = [101, 76, 57];
    let half = Dir::new(40.0, 30.0, 22.4);
    let grid = Grid::along_axes(middle - half, 0.8, size);
    let last = size.map(|n| n - 1);
    let every = Volume::from_fn(grid.clone(), |node| {
        let inside = joined_mm(&sacrum.field, &ilium, grid.centre(node));
        let is_end = (0..3).any(|n| node[n] == 0 || node[n] == last[n]);
        if is_end { inside.min(-1.0) as f32 } else { inside as f32 }
    });
    let by_some = fused(&sacrum.field, &ilium, grid, &Work::silent()).unwrap().unwrap();
    let values = |of: &Volume<f32>| of.data().iter().copied().collect::<Vec<f32>>();
    let every = Surface::from_field(every).unwrap();
    let pairs = values(&every.field).into_iter().zip(values(&by_some.field));
    let (mut passed_over, mut wrong) = (0, 0);
    for (exact, told) in pairs {
        passed_over += usize::from(exact != told);
        wrong += usize::from((exact > 0.0) != (told > 0.0));
    }
    let all = size.iter().product::<usize>();
    println!("{passed_over} of {all} nodes passed over");
    assert!(wrong == 0 && passed_over > all / 10, "{passed_over} of {all}, {wrong} wrong");
    let [every, some] = [every, by_some].map(|surface| mesh::extract(&surface));
    assert!(every.positions == some.positions && every.triangles == some.triangles);
    assert!(every.normals == some.normals);
}

#[test]
fn a_distance_told_without_nodes_is_never_more_than_it_is() {
    let field = &given().at_level(Level::S1).unwrap().field;
    let middle = given().at_level(Level::S1).unwrap().anatomy.patient_from_vertebra.origin();
    let mut seed = 5_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as f64 / f64::from(1_u32 << 31) - 0.5
    };
    let (mut shorts, mut told) = (Vec::new(), 0);
    for _ in 0..20_000 {
        let p = middle + Dir::new(random() * 180.0, random() * 150.0, random() * 150.0);
        let [least, exact] = [field.at_least_mm(p), field.signed_distance_mm(p)];
        assert!(least.abs() <= exact.abs() && least * exact >= 0.0, "{p:?}: {least} of {exact}");
        told += usize::from(least != 0.0);
        if exact.abs() < 9.0 {
            shorts.push(exact.abs() - least.abs());
        }
    }
    let most = shorts.iter().copied().fold(0.0, f64::max);
    println!("at most {most:.2} mm less, {told} of 20000 told");
    assert!(most < 4.5 && told > 19_000, "{most} {told}");
}
