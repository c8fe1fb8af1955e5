//! What a person does at the desk besides planning: opens a wrong file, drops one, presses keys
//! faster than a frame, takes a picture.

use crate::stack::{core_app, interaction_app, screw};
use bevy::asset::RenderAssetUsages;
use bevy::prelude::*;
use bevy::render::render_resource::{Extent3d, TextureDimension, TextureFormat};
use bevy::window::{ExitSystems, FileDragAndDrop};
use bevy_egui::input::EguiWantsInput;
use corridor::app::Phase;
use corridor::app::history::{Document, StatusLine, Tone};
use corridor::app::jobs::{ActiveCase, OpenCase};
use corridor::app::words;
use corridor::case::request::CaseRequest;
use corridor::desktop::layout::{Cells, OpenDialog};
use corridor::desktop::{camera, keys, mpr, open, shot};
use corridor::interact::intent::Intent;
use corridor::interact::pointer::PointerKind;
use corridor::plan::Screw;
use corridor::platform::fs::RealFs;
use corridor::scene::slices::{ShownBorders, ShownWindow, SlicesInView};
use corridor::space::Side;
use corridor::volume::window::PRESETS;
use std::fs;
use std::time::{Duration, Instant};

/// Runs frames until something could not be done, and gives back what was said.
fn until_fault(app: &mut App) -> String {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        app.update();
        let status = app.world().resource::<StatusLine>();
        if status.tone == Tone::Fault {
            return status.text.clone();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("nothing was said");
}

#[test]
fn a_wrong_file_is_told_in_a_sentence_and_the_open_case_stays() {
    let (mut app, folder) = core_app();
    for (name, bytes) in [("notes.txt", &b"not an image"[..]), ("ct.nii", &[92, 1, 0, 0, 7][..])] {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        let request = CaseRequest::of_paths(Some(&file), None, None, None, &RealFs).unwrap();
        *app.world_mut().resource_mut::<StatusLine>() = StatusLine::default();
        app.world_mut().write_message(OpenCase(request));
        let said = until_fault(&mut app);
        assert!(said.contains(name), "{said}");
        app.update();
        let world = app.world();
        assert_eq!(*world.resource::<State<Phase>>().get(), Phase::Ready);
        assert_eq!(world.resource::<ActiveCase>().spine.vertebrae.len(), 1);
    }
}

#[test]
fn a_plan_that_the_disk_does_not_take_is_told_and_so_is_its_rescue() {
    let (mut app, folder) = core_app();
    app.update();
    // Who takes the plan's folder away takes every disk away that could hold it.
    fs::remove_dir_all(folder.path()).unwrap();
    let screw = a_screw(&app);
    app.world_mut().resource_mut::<Document>().session_mut().place(screw).unwrap();
    let said = until_fault(&mut app);
    assert!(said.contains("plan.json"), "{said}");
    fs::create_dir_all(folder.path()).unwrap();
    let start = Instant::now();
    while app.world().resource::<StatusLine>().text != words::SAVED_AFTER_ALL {
        assert!(start.elapsed() < Duration::from_secs(60), "it is never tried again");
        app.update();
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(folder.path().join("plan.json").exists());
}

fn a_screw(app: &App) -> Screw {
    let vertebra = &app.world().resource::<ActiveCase>().spine.vertebrae[0];
    screw(vertebra, Side::Left)
}

#[test]
fn a_dropped_file_is_opened() {
    let (mut app, folder) = core_app();
    app.init_resource::<OpenDialog>()
        .add_message::<FileDragAndDrop>()
        .add_systems(Update, open::take_dropped);
    let path_buf = folder.path().join("missing.nrrd");
    let window = Entity::PLACEHOLDER;
    app.world_mut().write_message(FileDragAndDrop::DroppedFile { window, path_buf });
    let said = until_fault(&mut app);
    assert!(said.contains("missing.nrrd"), "{said}");
}

/// The desk's keys without a window.
fn app_with_keys() -> (App, tempfile::TempDir) {
    let (mut app, _, folder) = interaction_app(PointerKind::Mouse);
    app.init_resource::<ButtonInput<KeyCode>>()
        .init_resource::<EguiWantsInput>()
        .init_resource::<ShownWindow>()
        .init_resource::<SlicesInView>()
        .init_resource::<ShownBorders>()
        .init_resource::<camera::Flying>()
        .init_resource::<Cells>()
        .init_resource::<OpenDialog>()
        .init_resource::<mpr::Views>()
        .add_message::<camera::LookFrom>()
        .add_message::<shot::TakeShot>()
        .add_plugins(keys::plugin);
    (app, folder)
}

/// Pressed and let go, all before the next frame.
fn strike(app: &mut App, chord: &[KeyCode]) {
    let mut keys = app.world_mut().resource_mut::<ButtonInput<KeyCode>>();
    keys.clear();
    chord.iter().for_each(|key| keys.press(*key));
    chord.iter().rev().for_each(|key| keys.release(*key));
    app.update();
    app.world_mut().resource_mut::<ButtonInput<KeyCode>>().clear();
}

#[test]
fn a_stroke_shorter_than_a_frame_is_heard() {
    let (mut app, _folder) = app_with_keys();
    let intents = |app: &mut App| -> Vec<Intent> {
        app.world_mut().resource_mut::<Messages<Intent>>().drain().collect()
    };
    let (ctrl, shift) = (KeyCode::ControlLeft, KeyCode::ShiftLeft);
    for (chord, wanted) in [
        (&[ctrl, KeyCode::KeyZ][..], Intent::Undo),
        (&[ctrl, KeyCode::KeyY][..], Intent::Redo),
        (&[ctrl, shift, KeyCode::KeyZ][..], Intent::Redo),
        (&[ctrl, KeyCode::KeyS][..], Intent::Save),
    ] {
        strike(&mut app, chord);
        assert_eq!(intents(&mut app), [wanted]);
    }
    strike(&mut app, &[ctrl, KeyCode::KeyO]);
    assert!(app.world().resource::<OpenDialog>().is_open);
    strike(&mut app, &[KeyCode::Digit2]);
    assert_eq!(app.world().resource::<ShownWindow>().0, PRESETS[1].window);
    strike(&mut app, &[ctrl, KeyCode::Digit1]);
    assert_eq!(app.world().resource::<ShownWindow>().0, PRESETS[1].window, "Ctrl+1 is no window");
}

fn picture() -> Image {
    Image::new_fill(
        Extent3d { width: 6, height: 4, depth_or_array_layers: 1 },
        TextureDimension::D2,
        &[200, 100, 50, 255],
        TextureFormat::Rgba8UnormSrgb,
        RenderAssetUsages::default(),
    )
}

#[test]
fn a_picture_is_written_or_the_sentence_says_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shot.png");
    let (tone, said) = shot::write(picture(), &file);
    assert!(tone == Tone::Done && said.contains("shot.png"), "{said}");
    let found = image::open(&file).unwrap().to_rgb8();
    assert_eq!((found.dimensions(), found.get_pixel(5, 3).0), ((6, 4), [200, 100, 50]));
    let (tone, said) = shot::write(picture(), &folder.path().join("no folder").join("shot.png"));
    assert!(tone == Tone::Fault && said.contains("no folder"), "{said}");
}

#[test]
fn a_window_closed_without_a_case_ends_in_an_error() {
    let (mut app, _folder) = core_app();
    app.insert_resource(State::new(Phase::Failed));
    let close = |mut exits: MessageWriter<AppExit>| {
        exits.write(AppExit::Success);
    };
    app.add_systems(Last, close.in_set(ExitSystems));
    app.update();
    assert!(app.should_exit().is_some_and(|exit| exit.is_error()), "{:?}", app.should_exit());
}
