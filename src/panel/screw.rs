//! The numbers of the screw that is worked on, and what can be done with it.

use super::{Facts, clearance, theme, words};
use crate::case::spine::VertebraModel;
use crate::clearance::Assessment;
use crate::interact::intent::Intent;
use crate::plan::{Screw, ScrewState};
use bevy_egui::egui::{self, Align, Layout, RichText, Ui};

/// Shows the panel; what is pressed goes into `intents`.
pub fn show(ui: &mut Ui, facts: &Facts, intents: &mut Vec<Intent>) {
    let Some(screw) = facts.current() else {
        theme::heading(ui, words::SCREW);
        ui.label(RichText::new(words::NO_SCREW).size(15.0));
        ui.add_space(4.0);
        ui.label(RichText::new(words::HOW_TO_PLACE).color(theme::WEAK));
        return;
    };
    let assessment = facts.assessment(screw);
    head(ui, screw, assessment);
    ui.add_space(6.0);
    egui::Grid::new("numbers").num_columns(2).spacing([10.0, 5.0]).show(ui, |ui| {
        judged(ui, assessment);
        sizes(ui, screw, intents);
        if let Some(vertebra) = facts.model_of(screw) {
            angles(ui, screw, vertebra);
        }
        state(ui, screw, intents);
    });
    ui.add_space(8.0);
    if let Some(assessment) = assessment {
        clearance::plot(ui, assessment);
    }
    ui.add_space(6.0);
    if ui.button(words::DELETE).on_hover_text(words::hints::DELETE).clicked() {
        intents.push(Intent::Delete(screw.id));
    }
}

fn head(ui: &mut Ui, screw: &Screw, assessment: Option<&Assessment>) {
    ui.horizontal(|ui| {
        theme::grade_badge(ui, assessment.map(|a| a.grade), 42.0);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            let name = words::screws(screw.level, screw.side, 1);
            ui.label(RichText::new(name).size(18.0).strong());
            let size = words::size(screw.diameter_mm, screw.length_mm);
            ui.label(RichText::new(size).color(theme::WEAK));
        });
    });
}

fn line(ui: &mut Ui, name: &str, value: &str) {
    ui.label(RichText::new(name).color(theme::WEAK));
    ui.label(value);
    ui.end_row();
}

fn judged(ui: &mut Ui, assessment: Option<&Assessment>) {
    let Some(a) = assessment else {
        return line(ui, words::CLEARANCE, words::PENDING);
    };
    ui.label(RichText::new(words::CLEARANCE).color(theme::WEAK));
    let colour = theme::grade_colour(a.grade);
    ui.label(RichText::new(words::mm(a.clearance_mm)).size(17.0).strong().color(colour));
    ui.end_row();
    line(ui, words::NEAREST_WALL, words::wall(a.nearest_wall));
    let breach = match a.breach_wall {
        Some(wall) => format!("{}, {}", words::mm(a.breach_mm), words::wall(wall)),
        None => words::NONE.to_owned(),
    };
    line(ui, words::BREACH, &breach);
}

fn sizes(ui: &mut Ui, screw: &Screw, intents: &mut Vec<Intent>) {
    let mut stepper = |ui: &mut Ui, name: &str, value: String, diameter: i32, length: i32| {
        ui.label(RichText::new(name).color(theme::WEAK));
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            for (text, sign) in [("−", -1), ("+", 1)] {
                if ui.add(egui::Button::new(text).min_size(egui::vec2(26.0, 22.0))).clicked() {
                    intents.push(Intent::Resize {
                        screw: screw.id,
                        diameter: diameter * sign,
                        length: length * sign,
                    });
                }
            }
            ui.label(value);
        });
        ui.end_row();
    };
    stepper(ui, words::DIAMETER, format!("{:.1} mm", screw.diameter_mm), 1, 0);
    stepper(ui, words::LENGTH, format!("{:.0} mm", screw.length_mm), 0, 1);
}

/// Axial angle: towards the midline positive. Sagittal angle: towards the head positive. Both
/// against the vertebra's own front, in degrees.
pub fn angles_deg(screw: &Screw, vertebra: &VertebraModel) -> (f64, f64) {
    let vertebra_from_patient = vertebra.anatomy.patient_from_vertebra.inverse();
    let [left, back, up] = vertebra_from_patient.dir(screw.axis).to_array();
    let medial = -left * screw.side.sign();
    (medial.atan2(-back).to_degrees(), up.atan2(-back).to_degrees())
}

fn angles(ui: &mut Ui, screw: &Screw, vertebra: &VertebraModel) {
    let (axial, sagittal) = angles_deg(screw, vertebra);
    let medial = if axial >= 0.0 { words::MEDIAL } else { words::LATERAL };
    let cranial = if sagittal >= 0.0 { words::CRANIAL } else { words::CAUDAL };
    line(ui, words::AXIAL_ANGLE, &format!("{} {medial}", words::degrees(axial.abs())));
    line(ui, words::SAGITTAL_ANGLE, &format!("{} {cranial}", words::degrees(sagittal.abs())));
}

fn state(ui: &mut Ui, screw: &Screw, intents: &mut Vec<Intent>) {
    ui.label(RichText::new(words::STATE).color(theme::WEAK));
    egui::ComboBox::from_id_salt("state").selected_text(words::state(screw.state)).show_ui(
        ui,
        |ui| {
            for state in [ScrewState::Suggested, ScrewState::Reviewed, ScrewState::Accepted] {
                let is_it = screw.state == state;
                if ui.selectable_label(is_it, words::state(state)).clicked() && !is_it {
                    intents.push(Intent::SetState(screw.id, state));
                }
            }
        },
    );
    ui.end_row();
}
