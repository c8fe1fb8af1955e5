//! The level that is worked on: what was measured of its pedicles.

use super::{Facts, theme, words};
use crate::anatomy::Pedicle;
use crate::case::spine::VertebraModel;
use crate::space::Side;
use bevy_egui::egui::{self, RichText, Ui};

/// Shows the chosen level; false where none is chosen.
pub fn show(ui: &mut Ui, facts: &Facts) -> bool {
    let chosen = facts.selection.vertebra.and_then(|id| facts.spine.vertebra(id));
    let Some(vertebra) = chosen else { return false };
    theme::heading(ui, words::LEVEL);
    ui.label(RichText::new(facts.level_of(vertebra).to_string()).size(18.0).strong());
    if facts.mending.is_pending(vertebra.id) {
        ui.label(RichText::new(words::PENDING).color(theme::WEAK));
        return true;
    }
    if vertebra.anatomy.pedicles.is_empty() {
        ui.label(RichText::new(words::NO_PEDICLES).color(theme::WEAK));
    } else {
        table(ui, vertebra);
    }
    for warning in vertebra.warnings_in(facts.document.plan()) {
        ui.label(RichText::new(words::sentence(&warning)).small().color(theme::WEAK));
    }
    true
}

/// The patient's left stands on the right, as on an axial slice.
fn table(ui: &mut Ui, vertebra: &VertebraModel) {
    let of: [(fn(&Pedicle) -> f64, &str); 6] = [
        (|p| p.width_mm, "mm"),
        (|p| p.height_mm, "mm"),
        (|p| p.least_mm, "mm"),
        (|p| p.chord_mm, "mm"),
        (|p| p.transverse_deg, "°"),
        (|p| p.sagittal_deg, "°"),
    ];
    egui::Grid::new("pedicles").num_columns(3).spacing([14.0, 4.0]).show(ui, |ui| {
        ui.label("");
        for side in [Side::Right, Side::Left] {
            ui.label(RichText::new(words::side(side)).size(12.0).color(theme::WEAK));
        }
        ui.end_row();
        for (name, (value, unit)) in words::PEDICLE_ROWS.iter().zip(of) {
            ui.label(RichText::new(*name).color(theme::WEAK));
            for side in [Side::Right, Side::Left] {
                ui.label(words::measure(vertebra.anatomy.pedicle(side).map(value), 1, unit));
            }
            ui.end_row();
        }
    });
}
