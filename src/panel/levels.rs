//! The list of vertebrae, and on each side of each the grade of its screw.

use super::{Facts, theme, words};
use crate::case::spine::VertebraModel;
use crate::interact::intent::Intent;
use crate::plan::Screw;
use crate::space::Side;
use bevy_egui::egui::{self, Align, Color32, CornerRadius, Layout, Sense, Stroke, Ui, Vec2};

/// Height of a row, and side of a cell for a screw.
const ROW: f32 = 28.0;
const CELL: f32 = 24.0;

/// Shows the list; what is pressed goes into `intents`.
pub fn show(ui: &mut Ui, facts: &Facts, intents: &mut Vec<Intent>) {
    ui.horizontal(|ui| {
        theme::heading(ui, words::LEVELS);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            // The patient's left stands on the right, as on an axial slice seen from the feet.
            for letter in words::SIDES {
                let (rect, _) = ui.allocate_exact_size(Vec2::new(CELL, 14.0), Sense::hover());
                let font = egui::FontId::proportional(11.0);
                let at = egui::Align2::CENTER_CENTER;
                ui.painter().text(rect.center(), at, letter, font, theme::WEAK);
            }
        });
    });
    if facts.spine.vertebrae.is_empty() {
        ui.label(egui::RichText::new(words::NO_LEVELS).color(theme::WEAK));
    }
    for vertebra in &facts.spine.vertebrae {
        row(ui, facts, vertebra, intents);
    }
    remarks(ui, facts);
}

fn row(ui: &mut Ui, facts: &Facts, vertebra: &VertebraModel, intents: &mut Vec<Intent>) {
    let size = Vec2::new(ui.available_width(), ROW);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let is_chosen = facts.selection.vertebra == Some(vertebra.id);
    let back = match (is_chosen, response.hovered()) {
        (true, _) => theme::CHOSEN.gamma_multiply(0.55),
        (false, true) => theme::WIDGET,
        (false, false) => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, CornerRadius::same(4), back);
    let mut inside = ui.new_child(
        egui::UiBuilder::new()
            .max_rect(rect.shrink2(Vec2::new(8.0, 2.0)))
            .layout(Layout::left_to_right(Align::Center)),
    );
    let level = facts.level_of(vertebra);
    inside.label(egui::RichText::new(level.to_string()).size(14.5).strong());
    if vertebra.is_cut_off {
        inside.label(egui::RichText::new(words::CUT_OFF).small().color(theme::WEAK));
    }
    inside.with_layout(Layout::right_to_left(Align::Center), |ui| {
        for side in [Side::Left, Side::Right] {
            cell(ui, facts, vertebra, side, intents);
        }
    });
    if response.clicked() {
        intents.push(Intent::ChooseLevel(vertebra.id));
    }
}

fn cell(
    ui: &mut Ui,
    facts: &Facts,
    vertebra: &VertebraModel,
    side: Side,
    intents: &mut Vec<Intent>,
) {
    let is_here = |s: &&Screw| s.vertebra == vertebra.id && s.side == side;
    let Some(screw) = facts.screws().find(is_here) else {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(CELL), Sense::hover());
        let stroke = Stroke::new(1.0, theme::LINE);
        let kind = egui::StrokeKind::Inside;
        ui.painter().rect_stroke(rect, CornerRadius::same(4), stroke, kind);
        return;
    };
    let grade = facts.assessment(screw).map(|a| a.grade);
    let response = theme::grade_badge(ui, grade, CELL);
    if facts.selection.screw == Some(screw.id) {
        let stroke = Stroke::new(2.0, Color32::WHITE);
        let kind = egui::StrokeKind::Outside;
        ui.painter().rect_stroke(response.rect, CornerRadius::same(5), stroke, kind);
    }
    let count = facts.screws().filter(is_here).count();
    let text = words::screws(screw.level, side, count);
    if response.on_hover_text(text).clicked() {
        intents.push(Intent::Choose(Some(screw.id)));
    }
}

fn remarks(ui: &mut Ui, facts: &Facts) {
    if facts.spine.warnings.is_empty() {
        return;
    }
    ui.add_space(10.0);
    egui::CollapsingHeader::new(egui::RichText::new(words::REMARKS).color(theme::WEAK).size(12.0))
        .default_open(facts.spine.vertebrae.is_empty())
        .show(ui, |ui| {
            for warning in &facts.spine.warnings {
                ui.label(egui::RichText::new(warning).small().color(theme::WEAK));
            }
        });
}
