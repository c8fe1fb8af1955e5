//! The bar above (tools, views, edits, files) and the one below (what happened, where the plan is,
//! the notice).

use super::camera::{Flying, LookFrom};
use super::keys::VIEWS;
use super::layout::OpenDialog;
use super::shot::TakeShot;
use crate::app::history::{Document, StatusLine, Tone};
use crate::app::measuring::Measuring;
use crate::case::SaveState;
use crate::interact::cursor::ClearBones;
use crate::interact::gesture::Tool;
use crate::interact::intent::Intent;
use crate::panel::{theme, words};
use crate::scene::slices::{ShownBorders, ShownWindow, SlicesInView};
use crate::volume::Window;
use crate::volume::window::PRESETS;
use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use bevy_egui::egui::{self, Align, Layout, RichText, Ui};

/// What the bars read and change.
#[derive(SystemParam)]
pub struct Switches<'w> {
    tool: ResMut<'w, Tool>,
    clear: ResMut<'w, ClearBones>,
    in_view: ResMut<'w, SlicesInView>,
    flying: ResMut<'w, Flying>,
    borders: ResMut<'w, ShownBorders>,
    window: ResMut<'w, ShownWindow>,
    dialog: ResMut<'w, OpenDialog>,
    looks: MessageWriter<'w, LookFrom>,
    shots: MessageWriter<'w, TakeShot>,
}

impl Switches<'_> {
    /// The dialog that opens a case.
    pub fn dialog(&mut self) -> &mut OpenDialog {
        &mut self.dialog
    }
    /// Labels are mended on the slices.
    pub fn is_mending(&self) -> bool {
        *self.tool == Tool::Mend
    }
    /// The window of the slices.
    pub fn window(&self) -> Window {
        self.window.0
    }
    /// Sets the window of the slices.
    pub fn set_window(&mut self, window: Window) {
        self.window.set_if_neq(ShownWindow(window));
    }
}

/// From this width on every switch has its own place in the bar, logical pixels.
const WIDE: f32 = 1180.0;

/// The bar above.
pub fn above(
    ui: &mut Ui,
    document: Option<&Document>,
    (switches, measuring): (&mut Switches, &mut ResMut<Measuring>),
    intents: &mut Vec<Intent>,
) {
    let is_wide = ui.available_width() >= WIDE;
    ui.horizontal(|ui| {
        ui.label(RichText::new(words::PROGRAM).size(16.0).strong());
        ui.add_space(8.0);
        if button(ui, words::OPEN, words::hints::OPEN, true) {
            switches.dialog.is_open = true;
        }
        if let Some(document) = document {
            edits(ui, document, intents);
        }
        ui.separator();
        tools(ui, switches);
        if is_wide {
            toggles(ui, switches);
        } else {
            ui.menu_button(words::SHOW, |ui| toggles(ui, switches));
        }
        ui.separator();
        menus(ui, switches);
        if document.is_some() {
            let is_on = measuring.is_wanted;
            let label = ui.selectable_label(is_on, words::MEASURES);
            if label.on_hover_text(words::hints::MEASURES).clicked() {
                measuring.is_wanted = !is_on;
            }
        }
        if ui.available_width() > 70.0
            && button(ui, words::SCREENSHOT, words::hints::SCREENSHOT, true)
        {
            switches.shots.write(TakeShot);
        }
    });
}

fn button(ui: &mut Ui, text: &str, hint: &str, is_enabled: bool) -> bool {
    ui.add_enabled(is_enabled, egui::Button::new(text)).on_hover_text(hint).clicked()
}

fn edits(ui: &mut Ui, document: &Document, intents: &mut Vec<Intent>) {
    let session = document.session();
    let hint = |key: &str, next: Option<String>| match next {
        Some(next) => format!("{key}: {next}"),
        None => key.to_owned(),
    };
    let undo = hint(words::hints::UNDO, session.next_undo());
    if button(ui, words::UNDO, &undo, session.can_undo()) {
        intents.push(Intent::Undo);
    }
    let redo = hint(words::hints::REDO, session.next_redo());
    if button(ui, words::REDO, &redo, session.can_redo()) {
        intents.push(Intent::Redo);
    }
    if button(ui, words::SAVE, words::hints::SAVE, true) {
        intents.push(Intent::Save);
    }
}

fn tools(ui: &mut Ui, switches: &mut Switches) {
    let mut tool = *switches.tool;
    for (value, text, hint) in [
        (Tool::Look, words::LOOK, words::hints::LOOK),
        (Tool::Place, words::PLACE, words::hints::PLACE),
        (Tool::Mend, words::MEND, words::hints::MEND),
    ] {
        if ui.selectable_label(tool == value, text).on_hover_text(hint).clicked() {
            tool = value;
            // Who mends labels has to see them.
            switches.borders.0 |= value == Tool::Mend;
        }
    }
    switches.tool.set_if_neq(tool);
}

/// What is shown and what is not: in the bar, or in a menu of it where the window is narrow.
fn toggles(ui: &mut Ui, switches: &mut Switches) {
    for (is_on, text, hint, switch) in [
        (switches.clear.0, words::SEE_THROUGH, words::hints::SEE_THROUGH, 0),
        (switches.in_view.any(), words::SLICES, words::hints::SLICES, 1),
        (switches.borders.0, words::BORDERS, words::hints::BORDERS, 2),
        (switches.flying.0, words::FLY, words::hints::FLY, 3),
    ] {
        if ui.selectable_label(is_on, text).on_hover_text(hint).clicked() {
            match switch {
                0 => switches.clear.0 = !is_on,
                1 => *switches.in_view = SlicesInView::all(!is_on),
                2 => switches.borders.0 = !is_on,
                _ => switches.flying.0 = !is_on,
            }
        }
    }
}

fn menus(ui: &mut Ui, switches: &mut Switches) {
    ui.menu_button(words::VIEW, |ui| {
        for letter in VIEWS {
            if ui.button(words::look(letter)).clicked() {
                switches.looks.write(LookFrom(letter));
                ui.close();
            }
        }
    });
    ui.menu_button(words::WINDOW, |ui| {
        for (key, preset) in PRESETS.into_iter().enumerate() {
            if ui.button(words::preset(key + 1, &preset)).clicked() {
                switches.set_window(preset.window);
                ui.close();
            }
        }
    });
}

/// The bar below.
pub fn below(ui: &mut Ui, document: Option<&Document>, status: &StatusLine) {
    ui.horizontal(|ui| {
        let colour = match status.tone {
            Tone::Done => theme::TEXT,
            Tone::Warning => theme::grade_colour(crate::clearance::Grade::C),
            Tone::Fault => theme::grade_colour(crate::clearance::Grade::D),
        };
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(RichText::new(words::NOTICE).size(12.0).color(theme::WEAK));
            ui.separator();
            if let Some(document) = document {
                save_state(ui, document);
                ui.separator();
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let text = RichText::new(&status.text).size(12.5).color(colour);
                ui.add(egui::Label::new(text).truncate()).on_hover_text(&status.text);
            });
        });
    });
}

fn save_state(ui: &mut Ui, document: &Document) {
    let place = document.session().location().to_string();
    let (text, colour, hint) = match document.session().save_state() {
        SaveState::Saved { .. } => (words::SAVED, theme::WEAK, place),
        SaveState::Pending => (words::SAVING, theme::WEAK, place),
        SaveState::Failed(why) => {
            (words::NOT_SAVED, theme::grade_colour(crate::clearance::Grade::D), why)
        }
    };
    let file = document.session().location().plan().file_name().unwrap_or_default();
    let text = format!("{text}: {}", file.to_string_lossy());
    ui.label(RichText::new(text).size(12.0).color(colour)).on_hover_text(hint);
}
