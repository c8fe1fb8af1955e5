//! Labels mended at the desk: while the surface follows, no old number is shown; then the new one is.

use crate::stack::{self, core_app};
use bevy::prelude::*;
use corridor::app::history::Document;
use corridor::app::jobs::ActiveCase;
use corridor::app::judge::Judgements;
use corridor::app::mending::{GivenSpine, Mended, Mending};
use corridor::case::Command;
use corridor::case::spine::{self, Spine};
use corridor::labels::Level;
use corridor::labels::edit::{Mending as LabelEdit, Stroke};
use corridor::phantom::{Phantom, Spec};
use corridor::plan::Screw;
use corridor::space::Side;
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
    app.update();
    let before = clearance_mm(&app).unwrap();
    assert!(before > 0.3, "{before}");

    let stroke = LabelEdit::Stroke(Stroke::new(&around, 7.0, 0, Some(value)));
    let erase = Command::Mend(stroke);
    app.world_mut().resource_mut::<Document>().session_mut().apply(erase).unwrap();
    app.update();
    let mending = app.world().resource::<Mending>();
    assert!(mending.is_busy() && mending.is_pending(vertebra));
    assert_eq!(clearance_mm(&app), None, "no number of a surface that is not there any more");
    until_followed(&mut app);
    assert!(clearance_mm(&app).unwrap() < before - 1.0);
    let told: Vec<Mended> = app.world_mut().resource_mut::<Messages<Mended>>().drain().collect();
    assert!(told.iter().any(|Mended(ids)| ids == &[vertebra]), "{told:?}");

    app.world_mut().resource_mut::<Document>().session_mut().undo().unwrap();
    app.update();
    assert_eq!(clearance_mm(&app), None);
    until_followed(&mut app);
    assert_eq!(clearance_mm(&app), Some(before));
}
