//! The numbers of the screw that is worked on, and what can be done with it.

use super::{Facts, clearance, cuts, level, theme, why, words};
use crate::case::judge::Answer;
use crate::case::measures::PathDensity;
use crate::case::spine::VertebraModel;
use crate::clearance::{Assessment, Wall};
use crate::interact::intent::Intent;
use crate::plan::{Screw, ScrewState};
use bevy_egui::egui::{self, Align, Layout, RichText, Ui};

/// Shows the panel; what is pressed goes into `intents`.
pub fn show(ui: &mut Ui, facts: &Facts, intents: &mut Vec<Intent>) {
    let Some(screw) = facts.current() else {
        if !level::show(ui, facts) {
            theme::heading(ui, words::SCREW);
            ui.label(RichText::new(words::NO_SCREW).size(15.0));
        }
        ui.add_space(4.0);
        ui.label(RichText::new(words::HOW_TO_PLACE).color(theme::WEAK));
        return;
    };
    let assessment = facts.assessment(screw);
    head(ui, facts, screw, assessment);
    ui.add_space(4.0);
    review(ui, screw, intents);
    cuts::show(ui, facts, intents);
    ui.add_space(4.0);
    egui::Grid::new("numbers").num_columns(2).spacing([10.0, 4.0]).show(ui, |ui| {
        judged(ui, assessment);
        around(ui, facts, screw);
        sizes(ui, screw, intents);
        kind(ui, facts, screw);
        if let Some(vertebra) = facts.model_of(screw) {
            let is_pending = facts.mending.is_pending(vertebra.id);
            angles(ui, (!is_pending).then(|| angles_deg(screw, vertebra)));
        }
        state(ui, screw, intents);
    });
    path_flags(ui, facts, screw);
    ui.add_space(6.0);
    if let Some(assessment) = assessment {
        clearance::plot(ui, assessment, facts.cuts.map(|shown| shown.cuts.depth_mm));
    }
    if !facts.closeup.hu_along.is_empty() {
        clearance::density(ui, &facts.closeup.hu_along);
    }
    why::show(ui, facts);
    schemes(ui, facts, screw);
    ui.add_space(6.0);
    if ui.button(words::DELETE).on_hover_text(words::hints::DELETE).clicked() {
        intents.push(Intent::Delete(screw.id));
    }
}

/// The closeup's answer, where it is of this very screw.
fn answer<'a>(facts: &'a Facts, screw: &Screw) -> Option<&'a Answer> {
    let is_it = facts.closeup.screw.as_ref() == Some(screw);
    facts.closeup.answer.as_ref().filter(|_| is_it)
}

fn head(ui: &mut Ui, facts: &Facts, screw: &Screw, assessment: Option<&Assessment>) {
    ui.horizontal(|ui| {
        let badge = badge_of(screw);
        theme::grade_badge(ui, assessment.map(|a| a.grade), badge, 42.0);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            let name = words::screws(screw.site(), screw.side, 1);
            ui.label(RichText::new(name).size(18.0).strong());
            let said = answer(facts, screw).map(|answer| {
                words::band(&answer.band.say(answer.assessment.grade), answer.band.half_mm)
            });
            let size = || words::size(screw.diameter_mm, screw.length_mm);
            ui.label(RichText::new(said.unwrap_or_else(size)).color(theme::WEAK));
        });
    });
}

/// Hollow while nobody has looked at the screw.
pub fn badge_of(screw: &Screw) -> theme::Badge {
    match screw.state {
        ScrewState::Suggested => theme::Badge::Hollow,
        ScrewState::Reviewed | ScrewState::Accepted => theme::Badge::Filled,
    }
}

/// A suggestion is accepted or goes.
fn review(ui: &mut Ui, screw: &Screw, intents: &mut Vec<Intent>) {
    if screw.state != ScrewState::Suggested {
        return;
    }
    ui.horizontal(|ui| {
        if ui.add(theme::main_button(words::ACCEPT)).clicked() {
            intents.push(Intent::SetState(screw.id, ScrewState::Accepted));
        }
        if ui.button(words::REJECT).clicked() {
            intents.push(Intent::Delete(screw.id));
        }
    });
    ui.add_space(4.0);
}

/// What lies around it, apart from the letter.
fn around(ui: &mut Ui, facts: &Facts, screw: &Screw) {
    let Some(answer) = answer(facts, screw) else { return };
    let mm = |mm: Option<f64>| mm.map(words::mm);
    let nearest = answer.nearest_screw.map(|(_, gap)| gap);
    for (name, value) in [
        (words::TO_CANAL, mm(answer.around.canal_mm)),
        (words::TO_FORAMEN, mm(answer.around.foramen_mm)),
        (words::TO_ABOVE, mm(answer.around.above_mm)),
        (words::TO_SCREW, mm(nearest)),
        (words::PATH_HU, path_of(facts).map(|path| words::hu(Some(path.density.mean_hu as f32)))),
    ] {
        if let Some(value) = value {
            line(ui, name, &value);
        }
    }
    for (organ, gap) in &answer.organs {
        line(ui, words::to_organ(*organ), &words::mm(*gap));
    }
}

/// The density along the screw, and the rules that it falls under.
fn path_of<'a>(facts: &'a Facts) -> Option<&'a PathDensity> {
    facts.closeup.path.as_ref()
}

/// The rules that the density on the path falls under, under the numbers: a sentence each.
fn path_flags(ui: &mut Ui, facts: &Facts, screw: &Screw) {
    if answer(facts, screw).is_none() {
        return;
    }
    for flag in path_of(facts).into_iter().flat_map(|path| &path.flags) {
        ui.label(RichText::new(flag.to_string()).color(theme::LOOK));
    }
}

/// The same screw in the words of other authors, folded away.
fn schemes(ui: &mut Ui, facts: &Facts, screw: &Screw) {
    let Some(answer) = answer(facts, screw) else { return };
    let s = &answer.schemes;
    let none = || "–".to_owned();
    let rows = [
        ("Gertzbein 1990, medial", s.gertzbein_1990.map_or_else(none, |n| n.to_string())),
        ("Rao 2002", s.rao.to_string()),
        ("Neo 2005", s.neo.to_string()),
        ("Heary 2004", s.heary.to_string()),
        ("Zdichavsky 2004", s.zdichavsky.map_or_else(none, |class| class.to_string())),
        ("Laine 2000", s.laine.to_string()),
        ("Babu 2012, facet", s.babu.map_or_else(none, |n| n.to_string())),
    ];
    let title = RichText::new(words::SCHEMES).color(theme::WEAK);
    egui::CollapsingHeader::new(title).id_salt("schemes").show(ui, |ui| {
        egui::Grid::new("schemes").num_columns(2).spacing([10.0, 3.0]).show(ui, |ui| {
            for (name, value) in &rows {
                line(ui, name, value);
            }
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
        Some(wall) => words::breach(a.breach_mm, wall, a.breach_depth_mm),
        None => words::NONE.to_owned(),
    };
    line(ui, words::BREACH, &breach);
    let past = [
        (Wall::Medial, words::ALSO_MEDIAL, a.medial_breach_mm),
        (Wall::Cranial, words::ALSO_CRANIAL, a.cranial_breach_mm),
        (Wall::Caudal, words::ALSO_CAUDAL, a.caudal_breach_mm),
    ];
    for (wall, name, mm) in past {
        if mm > 0.0 && a.breach_wall != Some(wall) {
            line(ui, name, &words::mm(mm));
        }
    }
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

/// Which kind of the catalogue's screws it is, or that it is none of them.
fn kind(ui: &mut Ui, facts: &Facts, screw: &Screw) {
    let catalogue = facts.document.catalogue();
    let is_on_offer = screw.offered(catalogue).has(screw.size());
    let kind = screw.kind(catalogue).filter(|_| is_on_offer);
    line(ui, words::KIND, kind.map_or(words::NOT_ON_OFFER, |kind| &kind.name));
}

/// Axial angle: towards the midline positive. Sagittal angle: towards the head positive. Both
/// against the vertebra's own front, in degrees.
pub fn angles_deg(screw: &Screw, vertebra: &VertebraModel) -> (f64, f64) {
    let vertebra_from_patient = vertebra.anatomy.patient_from_vertebra.inverse();
    let [left, back, up] = vertebra_from_patient.dir(screw.axis).to_array();
    let medial = -left * screw.side.sign();
    (medial.atan2(-back).to_degrees(), up.atan2(-back).to_degrees())
}

/// `None` while the vertebra is pending.
fn angles(ui: &mut Ui, angles_deg: Option<(f64, f64)>) {
    let Some((axial, sagittal)) = angles_deg else {
        line(ui, words::AXIAL_ANGLE, words::PENDING);
        return line(ui, words::SAGITTAL_ANGLE, words::PENDING);
    };
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
