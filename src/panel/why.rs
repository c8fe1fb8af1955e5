//! Why a screw is good, or is not: every term of its score.

use super::{Facts, theme, words};
use crate::plan::auto::Term;
use bevy_egui::egui::{self, CollapsingHeader, CornerRadius, RichText, Sense, Ui, vec2};

/// Shows the score's terms, folded away until they are asked for.
pub fn show(ui: &mut Ui, facts: &Facts) {
    let score = facts.closeup.why();
    let title = match score {
        Some(score) => format!("{}   {}", words::WHY, words::score(score.total)),
        None => words::WHY.to_owned(),
    };
    CollapsingHeader::new(RichText::new(title).color(theme::WEAK)).id_salt("why").show(ui, |ui| {
        let Some(score) = score else {
            let is_pending = facts.current().is_some_and(|s| facts.mending.is_pending_around(s));
            let why_not = if is_pending { words::PENDING } else { words::NO_WHY };
            ui.label(RichText::new(why_not).color(theme::WEAK));
            return;
        };
        if let Some(screw) = facts.current() {
            ui.label(RichText::new(words::scored_as(screw.style.planned())).color(theme::WEAK));
        }
        egui::Grid::new("terms").num_columns(3).spacing([8.0, 3.0]).show(ui, |ui| {
            for term in &score.terms {
                row(ui, term);
            }
        });
    });
}

fn row(ui: &mut Ui, term: &Term) {
    let size = 12.5;
    ui.label(RichText::new(term.name).size(size).color(theme::WEAK));
    let digits = if term.unit == "HU" || term.unit == "deg" { 0 } else { 1 };
    ui.label(RichText::new(words::measure(term.measure, digits, term.unit)).size(size));
    let (rect, response) = ui.allocate_exact_size(vec2(70.0, 8.0), Sense::hover());
    if term.weight > 0.0 {
        let corners = CornerRadius::same(2);
        ui.painter().rect_filled(rect, corners, theme::LINE);
        let part = rect.width() * term.score.clamp(0.0, 1.0) as f32;
        let full = egui::Rect::from_min_size(rect.min, vec2(part, rect.height()));
        let colour = if term.score < 0.3 { theme::LOOK } else { theme::ACCENT };
        ui.painter().rect_filled(full, corners, colour);
    }
    response.on_hover_text(words::percent(term.score));
    ui.end_row();
}
