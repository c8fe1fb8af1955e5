//! Shortcuts.

use super::camera::{Flying, LookFrom};
use super::layout::{Cell, Cells, OpenDialog};
use super::mpr::Views;
use super::shot::TakeShot;
use crate::app::history::Document;
use crate::app::measuring::Measuring;
use crate::app::schedule::FrameSystems;
use crate::app::selection::Selection;
use crate::interact::brush::Brush;
use crate::interact::cursor::ClearBones;
use crate::interact::gesture::Tool;
use crate::interact::intent::Intent;
use crate::scene::slices::{ShownBorders, ShownWindow, SlicesInView};
use crate::space::orientation::Letter;
use crate::volume::window::PRESETS;
use bevy::prelude::*;
use bevy_egui::input::egui_wants_any_keyboard_input;

/// The standard views, in the order of the menu.
pub const VIEWS: [Letter; 6] = [Letter::P, Letter::A, Letter::L, Letter::R, Letter::S, Letter::I];

/// Keys of the number pad, and what they show without and with Ctrl.
const PAD: [(KeyCode, Letter, Letter); 3] = [
    (KeyCode::Numpad1, Letter::A, Letter::P),
    (KeyCode::Numpad3, Letter::L, Letter::R),
    (KeyCode::Numpad7, Letter::S, Letter::I),
];

const DIGITS: [KeyCode; 5] =
    [KeyCode::Digit1, KeyCode::Digit2, KeyCode::Digit3, KeyCode::Digit4, KeyCode::Digit5];

fn is_ctrl(keys: &ButtonInput<KeyCode>) -> bool {
    is_held(keys, [KeyCode::ControlLeft, KeyCode::ControlRight])
}

/// Held now, or pressed and let go within this frame: a frame may be longer than a short stroke.
fn is_held(keys: &ButtonInput<KeyCode>, any: [KeyCode; 2]) -> bool {
    keys.any_pressed(any) || keys.any_just_pressed(any) || keys.any_just_released(any)
}

/// Edits of the document.
fn edit_keys(
    keys: Res<ButtonInput<KeyCode>>,
    selection: Res<Selection>,
    document: Option<Res<Document>>,
    (tool, mut brush): (Res<Tool>, ResMut<Brush>),
    mut intents: MessageWriter<Intent>,
) {
    if is_ctrl(&keys) {
        let is_shift = is_held(&keys, [KeyCode::ShiftLeft, KeyCode::ShiftRight]);
        if keys.just_pressed(KeyCode::KeyZ) {
            intents.write(if is_shift { Intent::Redo } else { Intent::Undo });
        } else if keys.just_pressed(KeyCode::KeyY) {
            intents.write(Intent::Redo);
        } else if keys.just_pressed(KeyCode::KeyS) {
            intents.write(Intent::Save);
        }
        return;
    }
    for (key, steps) in [(KeyCode::BracketLeft, -1), (KeyCode::BracketRight, 1)] {
        if *tool == Tool::Mend && keys.just_pressed(key) {
            brush.step(steps);
        }
    }
    if let Some(screw) = selection.screw.filter(|_| *tool != Tool::Mend) {
        if keys.any_just_pressed([KeyCode::Delete, KeyCode::Backspace]) {
            intents.write(Intent::Delete(screw));
        }
        for (key, diameter, length) in [
            (KeyCode::BracketLeft, 0, -1),
            (KeyCode::BracketRight, 0, 1),
            (KeyCode::Comma, -1, 0),
            (KeyCode::Period, 1, 0),
        ] {
            if keys.just_pressed(key) {
                intents.write(Intent::Resize { screw, diameter, length });
            }
        }
    }
    if keys.just_pressed(KeyCode::Tab)
        && let Some(document) = document
    {
        let screws = &document.plan().screws;
        let at = screws.iter().position(|s| Some(s.id) == selection.screw);
        let next = at.map_or(0, |at| (at + 1) % screws.len());
        intents.write(Intent::Choose(screws.get(next).map(|s| s.id)));
    }
}

/// How things are shown.
fn view_keys(
    keys: Res<ButtonInput<KeyCode>>,
    mut window: ResMut<ShownWindow>,
    mut looks: MessageWriter<LookFrom>,
    (mut clear, mut in_view): (ResMut<ClearBones>, ResMut<SlicesInView>),
    (mut tool, mut flying): (ResMut<Tool>, ResMut<Flying>),
    (mut cells, mut views): (ResMut<Cells>, ResMut<Views>),
    (mut borders, mut measuring): (ResMut<ShownBorders>, ResMut<Measuring>),
) {
    for (key, plain, with_ctrl) in PAD {
        if keys.just_pressed(key) && !flying.0 {
            looks.write(LookFrom(if is_ctrl(&keys) { with_ctrl } else { plain }));
        }
    }
    if is_ctrl(&keys) {
        return;
    }
    for (key, preset) in DIGITS.into_iter().zip(PRESETS) {
        if keys.just_pressed(key) {
            window.set_if_neq(ShownWindow(preset.window));
        }
    }
    if keys.just_pressed(KeyCode::KeyF) {
        flying.0 = !flying.0;
    }
    if flying.0 {
        return;
    }
    if keys.just_pressed(KeyCode::KeyX) {
        clear.0 = !clear.0;
    }
    if keys.just_pressed(KeyCode::KeyC) {
        *in_view = SlicesInView::all(!in_view.any());
    }
    if keys.just_pressed(KeyCode::KeyB) {
        borders.0 = !borders.0;
    }
    if keys.just_pressed(KeyCode::KeyM) {
        measuring.is_wanted = !measuring.is_wanted;
    }
    if keys.just_pressed(KeyCode::KeyP) {
        *tool = if *tool == Tool::Place { Tool::Look } else { Tool::Place };
    }
    if keys.just_pressed(KeyCode::KeyE) {
        *tool = if *tool == Tool::Mend { Tool::Look } else { Tool::Mend };
        borders.0 |= *tool == Tool::Mend;
    }
    if keys.just_pressed(KeyCode::KeyR) {
        *views = Views::default();
        cells.maximised = None::<Cell>;
        looks.write(LookFrom(Letter::P));
    }
}

/// Files.
fn file_keys(
    keys: Res<ButtonInput<KeyCode>>,
    mut dialog: ResMut<OpenDialog>,
    mut shots: MessageWriter<TakeShot>,
) {
    if keys.just_pressed(KeyCode::F12) {
        shots.write(TakeShot);
    }
    if is_ctrl(&keys) && keys.just_pressed(KeyCode::KeyO) {
        dialog.is_open = true;
    }
}

/// Adds the shortcuts; they rest while a text is typed.
pub fn plugin(app: &mut App) {
    app.add_systems(
        Update,
        (edit_keys, view_keys, file_keys)
            .run_if(not(egui_wants_any_keyboard_input))
            .in_set(FrameSystems::Gesture),
    );
}
