//! Press, drag, release, undo: what a hand does becomes what the plan says.

use super::stack::{HALF_MM, MIDDLE, interaction_app, point, ray};
use bevy::prelude::*;
use corridor::app::history::{Document, Draft};
use corridor::app::jobs::ActiveCase;
use corridor::app::judge::Judgements;
use corridor::case::judge;
use corridor::case::request::CaseRequest;
use corridor::interact::gesture::Tool;
use corridor::interact::intent::Intent;
use corridor::interact::pointer::PointerKind;
use corridor::plan::Screw;
use corridor::space::{Dir, Patient, Point, Side};

fn screws(app: &App) -> Vec<Screw> {
    app.world().resource::<Document>().plan().screws.clone()
}

fn send(app: &mut App, intent: Intent) {
    app.world_mut().write_message(intent);
    app.update();
}

/// A point on the back of the bone, on the left and a little above its middle.
fn on_the_back() -> Point<Patient> {
    MIDDLE + Dir::X * 13.0 + Dir::Y * HALF_MM[1] + Dir::Z * 2.0
}

#[test]
fn a_click_places_a_screw_along_the_pedicle_and_undo_takes_it_back() {
    let (mut app, pointer, _folder) = interaction_app(PointerKind::Mouse);
    app.insert_resource(Tool::Place);
    let towards = ray(&mut app, on_the_back() + Dir::Y * 300.0, on_the_back());
    point(&mut app, pointer, towards, false);
    point(&mut app, pointer, towards, true);
    assert!(screws(&app).is_empty(), "nothing is decided while the button is down");
    point(&mut app, pointer, towards, false);
    let placed = screws(&app);
    assert_eq!(placed.len(), 1);
    let screw = &placed[0];
    assert_eq!((screw.level.to_string().as_str(), screw.side), ("L4", Side::Left));
    assert!(screw.entry.distance(on_the_back()) < 0.1, "{:?}", screw.entry);
    let isthmus = MIDDLE + Dir::X * 12.0 + Dir::Y * 10.0;
    let along = (isthmus - screw.entry).dot(screw.axis);
    assert!((screw.entry + screw.axis * along).distance(isthmus) < 0.1, "through the isthmus");
    assert!((screw.diameter_mm - 7.0).abs() < 1e-9, "80 % of 9 mm is 7.2 mm");
    send(&mut app, Intent::Undo);
    assert!(screws(&app).is_empty());
    send(&mut app, Intent::Redo);
    assert_eq!(screws(&app).len(), 1);
}

#[test]
fn a_click_that_is_no_way_through_the_pedicle_takes_the_pedicles_own_way() {
    let (mut app, pointer, _folder) = interaction_app(PointerKind::Mouse);
    app.insert_resource(Tool::Place);
    // Next to the midline: from here through the isthmus a screw would leave the bone sideways.
    let lamina = MIDDLE + Dir::X * 1.0 + Dir::Y * HALF_MM[1];
    let towards = ray(&mut app, lamina + Dir::Y * 300.0, lamina);
    point(&mut app, pointer, towards, false);
    point(&mut app, pointer, towards, true);
    point(&mut app, pointer, towards, false);
    let placed = screws(&app);
    let [screw] = &placed[..] else { panic!("one screw, not {}", placed.len()) };
    let axis = Dir::new(-0.2, -1.0, 0.0).unit().unwrap();
    let isthmus = MIDDLE + Dir::X * 12.0 + Dir::Y * 10.0;
    assert_eq!(screw.side, Side::Left);
    assert!(screw.axis.angle_to_rad(axis) < 1e-6, "{:?}", screw.axis);
    let along = (isthmus - screw.entry).dot(axis);
    assert!(along > 0.0 && (screw.entry + axis * along).distance(isthmus) < 0.1);
}

#[test]
fn a_hand_steers_the_screw_with_its_own_direction_and_sees_live_numbers() {
    let (mut app, pointer, _folder) = interaction_app(PointerKind::Hand);
    app.insert_resource(Tool::Place);
    let hand = on_the_back() + Dir::Y * 200.0;
    let straight = ray(&mut app, hand, on_the_back());
    point(&mut app, pointer, straight, false);
    point(&mut app, pointer, straight, true);
    let leant_to = on_the_back() - Dir::X * 30.0;
    let leant = ray(&mut app, hand, leant_to);
    point(&mut app, pointer, leant, true);
    let draft = app.world().resource::<Draft>().0.clone().unwrap();
    let wanted = (leant_to - hand).unit().unwrap();
    assert!((draft.screw.axis - wanted).length() < 1e-4, "{:?}", draft.screw.axis);
    let spine = app.world().resource::<ActiveCase>().spine.clone();
    assert_eq!(draft.assessment, judge::assess(&spine, &draft.screw).ok());
    assert!(draft.assessment.is_some());
    point(&mut app, pointer, leant, false);
    assert!(app.world().resource::<Draft>().0.is_none());
    let placed = screws(&app);
    assert!((placed[0].axis - wanted).length() < 1e-4);
    let judged = app.world().resource::<Judgements>().of(&placed[0]).cloned();
    assert_eq!(judged, judge::assess(&spine, &placed[0]).ok());
}

#[test]
fn escape_gives_a_drag_up() {
    let (mut app, pointer, _folder) = interaction_app(PointerKind::Mouse);
    app.insert_resource(Tool::Place).init_resource::<ButtonInput<KeyCode>>();
    let towards = ray(&mut app, on_the_back() + Dir::Y * 300.0, on_the_back());
    point(&mut app, pointer, towards, false);
    point(&mut app, pointer, towards, true);
    app.world_mut().resource_mut::<ButtonInput<KeyCode>>().press(KeyCode::Escape);
    point(&mut app, pointer, towards, true);
    app.world_mut().resource_mut::<ButtonInput<KeyCode>>().clear();
    point(&mut app, pointer, towards, false);
    assert!(screws(&app).is_empty());
}

#[test]
fn the_catalogue_ends_are_said_and_change_nothing() {
    let (mut app, pointer, _folder) = interaction_app(PointerKind::Mouse);
    app.insert_resource(Tool::Place);
    let towards = ray(&mut app, on_the_back() + Dir::Y * 300.0, on_the_back());
    for pressed in [false, true, false] {
        point(&mut app, pointer, towards, pressed);
    }
    let screw = screws(&app)[0].id;
    send(&mut app, Intent::Resize { screw, diameter: -99, length: 0 });
    let thinnest = screws(&app)[0].clone();
    assert!(thinnest.diameter_mm < 5.0);
    send(&mut app, Intent::Resize { screw, diameter: -1, length: 0 });
    assert_eq!(screws(&app)[0], thinnest);
    send(&mut app, Intent::Delete(screw));
    assert!(screws(&app).is_empty());
}

/// A hospital's two sizes, and nothing else, are placed and stepped through.
#[test]
fn a_hospitals_catalogue_is_what_a_hand_steps_through() {
    const FILE: &str = r#"(format: "corridor-catalogue-1", id: "ours", version: 1, name: "Ours",
        kinds: [(id: "one", name: "One", use: pedicle, diameters_mm: [5.6, 7.1],
        lengths_mm: [33.0], core: Share(0.7), pitch_mm: 2.5, head_radius_mm: 6.0,
        head_height_mm: 13.0, tulip_swing_deg: 30.0)])"#;
    let (mut app, pointer, folder) = interaction_app(PointerKind::Mouse);
    let file = folder.path().join("ours.ron");
    std::fs::write(&file, FILE).unwrap();
    let plan = Some(folder.path().join("theirs.json"));
    let request = CaseRequest { plan, catalogue: Some(file), ..CaseRequest::demo() };
    let spine = app.world().resource::<ActiveCase>().spine.clone();
    app.insert_resource(Document::open(&spine, &request).unwrap());
    app.insert_resource(Tool::Place);
    let towards = ray(&mut app, on_the_back() + Dir::Y * 300.0, on_the_back());
    for pressed in [false, true, false] {
        point(&mut app, pointer, towards, pressed);
    }
    let screw = screws(&app)[0].id;
    for (diameter, wanted) in [(-9, 5.6), (1, 7.1), (1, 7.1), (-1, 5.6)] {
        send(&mut app, Intent::Resize { screw, diameter, length: 0 });
        let size = screws(&app)[0].size();
        assert_eq!((size.diameter_mm, size.length_mm), (wanted, 33.0));
    }
}
