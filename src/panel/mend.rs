//! Brush, eraser and cleaner for the labels of the level that is worked on.

use super::{Facts, theme, words};
use crate::interact::brush::Brush;
use crate::interact::intent::Intent;
use crate::labels::edit::Mending;
use bevy_egui::egui::{RichText, Ui};

/// Shows the settings of the brush.
pub fn show(ui: &mut Ui, facts: &Facts, brush: &mut Brush, intents: &mut Vec<Intent>) {
    theme::heading(ui, words::MEND);
    let chosen = facts.selection.vertebra.and_then(|id| facts.spine.vertebra(id));
    match chosen {
        Some(vertebra) => ui.label(RichText::new(facts.level_of(vertebra).to_string()).size(20.0)),
        None => ui.label(RichText::new(words::CHOOSE_LEVEL).color(theme::LOOK)),
    };
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        for (is_eraser, text) in [(false, words::BRUSH), (true, words::ERASER)] {
            if ui.selectable_label(brush.is_eraser == is_eraser, text).clicked() {
                brush.is_eraser = is_eraser;
            }
        }
    });
    ui.horizontal(|ui| {
        ui.label(words::RADIUS);
        for (text, steps) in [("−", -1), ("+", 1)] {
            if ui.button(text).on_hover_text(words::hints::RADIUS).clicked() {
                brush.step(steps);
            }
        }
        ui.label(words::mm(brush.radius_mm));
    });
    if !brush.is_eraser {
        ui.checkbox(&mut brush.is_over_others, words::OVER_OTHERS);
    }
    ui.add_space(6.0);
    let label = Brush::label(facts.spine, &facts.selection);
    let clean = ui.add_enabled(label.is_some(), bevy_egui::egui::Button::new(words::CLEAN));
    if let Some(label) = label
        && clean.on_hover_text(words::hints::CLEAN).clicked()
    {
        intents.push(Intent::Mend(Mending::Clean(label)));
    }
    ui.add_space(10.0);
    ui.label(RichText::new(words::HOW_TO_MEND).color(theme::WEAK));
    if let Some(said) = facts.mending.said() {
        ui.add_space(6.0);
        ui.horizontal_wrapped(|ui| {
            if facts.mending.is_busy() {
                ui.spinner();
            }
            ui.label(RichText::new(said).color(theme::WEAK));
        });
    }
}
