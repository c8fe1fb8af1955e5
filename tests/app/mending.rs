//! Labels mended at the desk: while the surface follows, no old number is shown; then the new one is. A
//! vertebra stands before the pelvis does.

use crate::stack::{self, core_app};
use bevy::prelude::*;
use corridor::app::closeup::Closeup;
use corridor::app::follow::Checks;
use corridor::app::history::Document;
use corridor::app::jobs::ActiveCase;
use corridor::app::judge::Judgements;
use corridor::app::measuring::Measuring;
use corridor::app::mending::{GivenSpine, Mended, Mending};
use corridor::app::selection::Selection;
use corridor::case::Command;
use corridor::case::spine::{self, Spine, mended};
use corridor::labels::edit::{Mending as LabelEdit, Stroke};
use corridor::labels::{Ilia, LabelMap, Level};
use corridor::phantom::{Phantom, Spec};
use corridor::plan::{Plan, Screw, ScrewStyle};
use corridor::space::{Dir, Point, Side};
use corridor::volume::Grid;
use corridor::work::Work;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// L4 alone, from labels of 2 mm.
fn l4() -> Arc<Spine> {
    let phantom = Phantom::new(&Spec { levels: vec![Level::L4], ..Spec::default() }).unwrap();
    let (_, labels) = phantom.images(&phantom.grid(2.0));
    Arc::new(spine::of_images(None, labels, &Work::silent()).unwrap())
}

/// A screw through the left pedicle.
fn screw(spine: &Spine) -> Screw {
    let vertebra = &spine.vertebrae[0];
    let pedicle = vertebra.anatomy.pedicle(Side::Left).unwrap();
    Screw {
        entry: pedicle.isthmus - pedicle.axis * 15.0,
        axis: pedicle.axis,
        diameter_mm: 5.0,
        length_mm: 35.0,
        ..stack::screw(vertebra, Side::Left)
    }
}

fn clearance_mm(app: &App) -> Option<f64> {
    let screw = &app.world().resource::<Document>().plan().screws[0];
    app.world().resource::<Judgements>().of(screw).map(|a| a.clearance_mm)
}

fn until_followed(app: &mut App) {
    let start = Instant::now();
    while app.world().resource::<Mending>().is_busy() {
        assert!(start.elapsed() < Duration::from_secs(60), "the surface never follows");
        app.update();
        std::thread::sleep(Duration::from_millis(2));
    }
    app.update();
}

/// Goes on until the numbers of the whole spine are there.
fn until_measured(app: &mut App) {
    let start = Instant::now();
    while app.world().resource::<Measuring>().measures().is_none() {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing is measured");
        app.update();
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn is_scored(app: &App) -> bool {
    app.world().resource::<Closeup>().why().is_some()
}

/// Goes on until it is told why the chosen screw is good, or is not.
fn until_scored(app: &mut App) {
    let start = Instant::now();
    while !is_scored(app) {
        assert!(start.elapsed() < Duration::from_secs(60), "the screw is never scored");
        app.update();
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_stroke_leaves_numbers_pending_until_the_surface_follows_and_an_undo_brings_them_back() {
    let (mut app, _folder) = core_app();
    let spine = l4();
    let screw = screw(&spine);
    let vertebra = screw.vertebra;
    let value = spine.labels.as_ref().unwrap().vertebrae[0].value;
    let around = [screw.entry.lerp(screw.tip(), 0.4)];
    app.insert_resource(GivenSpine(spine.clone())).insert_resource(ActiveCase { spine });
    app.world_mut().resource_mut::<Document>().session_mut().place(screw).unwrap();
    app.world_mut().resource_mut::<Measuring>().is_wanted = true;
    until_measured(&mut app);
    let before = clearance_mm(&app).unwrap();
    assert!(before > 0.3, "{before}");

    let stroke = LabelEdit::Stroke(Stroke::new(&around, 7.0, 0, Some(value)));
    let erase = Command::Mend(stroke);
    app.world_mut().resource_mut::<Document>().session_mut().apply(erase).unwrap();
    app.update();
    let mending = app.world().resource::<Mending>();
    assert!(mending.is_busy() && mending.is_pending(vertebra));
    assert_eq!(clearance_mm(&app), None, "no number of a surface that is not there any more");
    assert!(app.world().resource::<Measuring>().measures().is_none());
    until_followed(&mut app);
    assert!(clearance_mm(&app).unwrap() < before - 1.0);
    let told: Vec<Mended> = app.world_mut().resource_mut::<Messages<Mended>>().drain().collect();
    assert!(told.iter().any(|Mended(ids)| ids == &[vertebra]), "{told:?}");
    until_measured(&mut app);

    app.world_mut().resource_mut::<Document>().session_mut().undo().unwrap();
    app.update();
    assert_eq!(clearance_mm(&app), None);
    until_followed(&mut app);
    assert_eq!(clearance_mm(&app), Some(before));
}

#[test]
fn a_neighbour_is_pending_from_the_stroke_on_until_it_follows() {
    let (mut app, _folder) = core_app();
    let levels = vec!["L3".parse().unwrap(), Level::L4];
    let phantom = Phantom::new(&Spec { levels, ..Spec::default() }).unwrap();
    let (_, labels) = phantom.images(&phantom.grid(2.0));
    let given = Arc::new(spine::of_images(None, labels, &Work::silent()).unwrap());
    let screw = screw(&given);
    let [l3, l4] = [0, 1].map(|n: usize| given.vertebrae[n].id);
    assert_eq!(screw.vertebra, l3);
    app.insert_resource(GivenSpine(given.clone()));
    app.insert_resource(ActiveCase { spine: given.clone() });
    app.insert_resource(Selection { screw: Some(screw.id), vertebra: Some(screw.vertebra) });
    app.world_mut().resource_mut::<Document>().session_mut().place(screw).unwrap();
    app.update();
    let before = clearance_mm(&app).unwrap();
    until_scored(&mut app);

    let value = given.labels.as_ref().unwrap().vertebrae[1].value;
    let back = |p: &&Point<_>| (p.vec().y * 1e6) as i64;
    let at = *given.vertebrae[1].mesh.positions.iter().max_by_key(back).unwrap();
    edit(&mut app, Command::Mend(LabelEdit::Stroke(Stroke::new(&[at], 6.0, 0, Some(value)))));
    let pending = |app: &App| [l3, l4].map(|id| app.world().resource::<Mending>().is_pending(id));
    assert_eq!((pending(&app), clearance_mm(&app)), ([true; 2], None));
    assert!(!is_scored(&app), "no score of a bone that is not there any more");
    let start = Instant::now();
    while pending(&app)[1] {
        assert!(start.elapsed() < Duration::from_secs(60), "L4 never follows");
        app.update();
        std::thread::sleep(Duration::from_millis(1));
    }
    let first = spine_of(&app);
    assert!(!Arc::ptr_eq(&first.vertebrae[1], &given.vertebrae[1]), "L4 stands");
    assert_eq!((pending(&app), clearance_mm(&app)), ([true, false], None), "L3 is yet to follow");
    assert!(!is_scored(&app));
    until_followed(&mut app);
    until_scored(&mut app);
    assert!(spine_of(&app).due.is_empty());
    assert!((clearance_mm(&app).unwrap() - before).abs() < 1e-3, "only measured anew");
}

/// The sacrum and the hip bones around it, from labels of 2.5 mm.
fn sacral() -> Arc<Spine> {
    let phantom = Phantom::new(&Spec { levels: vec![Level::S1], ..Spec::default() }).unwrap();
    let middle = phantom.bone(Level::S1).unwrap().patient_from_vertebra().origin();
    let first = middle + Dir::new(-112.0, -110.0, -110.0);
    let grid = Grid::along_axes(first, 2.5, [90, 80, 70]);
    let labels: LabelMap = phantom.with_hips(phantom.labels(&grid), &phantom.structures(&grid));
    let made = spine::of_images_with(None, labels, Ilia::OURS, &Work::silent()).unwrap();
    assert_eq!(made.pelvis.bones.len(), 2, "{:?}", made.pelvis.left_out);
    Arc::new(made)
}

/// One along the corridor into the left ilium.
fn iliac_screw(spine: &Spine) -> Screw {
    let corridor = spine.pelvic_bone(Side::Left).unwrap().corridor().unwrap();
    Screw {
        style: ScrewStyle::S2AlarIliac,
        entry: corridor.isthmus - corridor.axis * 30.0,
        axis: corridor.axis,
        diameter_mm: 5.0,
        length_mm: 60.0,
        ..stack::screw(&spine.vertebrae[0], Side::Left)
    }
}

/// A little off the back of the sacrum, so far from the one or the other side.
fn off_the_back(spine: &Spine, aside_mm: f64) -> Command {
    let value = spine.labels.as_ref().unwrap().vertebrae[0].value;
    let back = |p: &&Point<_>| (p.vec().y * 1e6) as i64;
    let at = *spine.vertebrae[0].mesh.positions.iter().max_by_key(back).unwrap();
    let path = [at + Dir::X * aside_mm];
    Command::Mend(LabelEdit::Stroke(Stroke::new(&path, 6.0, 0, Some(value))))
}

fn edit(app: &mut App, command: Command) {
    app.world_mut().resource_mut::<Document>().session_mut().apply(command).unwrap();
    app.update();
}

fn spine_of(app: &App) -> Arc<Spine> {
    app.world().resource::<ActiveCase>().spine.clone()
}

/// Goes on until no vertebra is pending; the pelvis must still be.
fn until_the_sacrum_stands(app: &mut App) {
    let start = Instant::now();
    while app.world().resource::<Mending>().is_any_vertebra_pending() {
        assert_eq!(clearance_mm(app), None);
        assert!(start.elapsed() < Duration::from_secs(60), "the sacrum never follows");
        app.update();
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether anything that is judged by the pelvis is told.
fn is_told(app: &App) -> [bool; 3] {
    let world = app.world();
    let plan = world.resource::<Document>().plan();
    let checks = world.resource::<Checks>().of(plan);
    let answer = world.resource::<Closeup>().answer.as_ref();
    [clearance_mm(app).is_some(), checks.is_some(), answer.is_some()]
}

#[test]
fn the_sacrum_stands_before_the_pelvis_and_what_that_judges_is_pending_until_it_does() {
    let (mut app, _folder) = core_app();
    let given = sacral();
    let screw = iliac_screw(&given);
    app.insert_resource(GivenSpine(given.clone()));
    app.insert_resource(ActiveCase { spine: given.clone() });
    app.insert_resource(Selection { screw: Some(screw.id), vertebra: Some(screw.vertebra) });
    app.world_mut().resource_mut::<Document>().session_mut().place(screw).unwrap();
    app.update();
    let before = clearance_mm(&app).unwrap();

    edit(&mut app, off_the_back(&given, 0.0));
    until_the_sacrum_stands(&mut app);
    let sacrum = |spine: &Spine| Arc::clone(&spine.vertebrae[0]);
    let first = spine_of(&app);
    assert!(!Arc::ptr_eq(&sacrum(&first), &sacrum(&given)), "the sacrum is new");
    assert!(first.pelvis.bones.is_empty() && first.pelvis.due.len() == 2);
    let is_pending = |app: &App| {
        let mending = app.world().resource::<Mending>();
        mending.is_busy() && Side::BOTH.iter().all(|side| mending.is_ilium_pending(*side))
    };
    assert!(is_pending(&app));
    assert_eq!(is_told(&app), [false; 3]);

    // One more before the pelvis stands, taken back before the sacrum does.
    edit(&mut app, off_the_back(&given, 9.0));
    assert!(app.world().resource::<Mending>().is_any_vertebra_pending());
    app.world_mut().resource_mut::<Document>().session_mut().undo().unwrap();
    app.update();
    assert!(Arc::ptr_eq(&spine_of(&app), &first) && is_pending(&app));
    // And one that stays.
    edit(&mut app, off_the_back(&given, -9.0));
    until_the_sacrum_stands(&mut app);
    assert_eq!(is_told(&app), [false; 3]);
    until_followed(&mut app);
    let then = spine_of(&app);
    let plan = Plan::clone(app.world().resource::<Document>().plan());
    let at_once = mended(&given, &given, &plan, &Work::silent()).unwrap();
    assert_eq!((then.pelvis.bones.len(), plan.label_edits.len()), (2, 2));
    for (a, b) in then.pelvis.bones.iter().zip(&at_once.pelvis.bones) {
        assert!(a.mesh.positions == b.mesh.positions && a.mesh.triangles == b.mesh.triangles);
    }
    assert!(clearance_mm(&app).is_some());
    for _ in 0..2 {
        app.world_mut().resource_mut::<Document>().session_mut().undo().unwrap();
    }
    app.update();
    assert_eq!(clearance_mm(&app), None);
    until_followed(&mut app);
    assert_eq!(clearance_mm(&app), Some(before));
}
