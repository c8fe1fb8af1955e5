//! The list of vertebrae, and on each side of each the grade of its screw.

use super::screw::badge_of;
use super::{Facts, theme, words};
use crate::app::planning::Extras;
use crate::case::Command;
use crate::case::spine::{NOT_REVIEWED, Review, VertebraModel};
use crate::interact::intent::{Intent, Review as Suggested};
use crate::labels::auto::LOW_CONFIDENCE;
use crate::labels::{Level, VertebraId};
use crate::plan::{Screw, ScrewSite, ScrewState};
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
        let is_iliac = |s: &Screw| s.vertebra == vertebra.id && s.site() == ScrewSite::S2AlarIliac;
        if facts.screws().any(is_iliac) {
            iliac_row(ui, facts, vertebra, intents);
        }
    }
    review_labels(ui, facts, intents);
    if !facts.spine.vertebrae.is_empty() {
        planning(ui, facts, intents);
    }
    remarks(ui, facts);
}

/// Who answers for automatic labels.
fn review_labels(ui: &mut Ui, facts: &Facts, intents: &mut Vec<Intent>) {
    let small = |text: &str| egui::RichText::new(text).size(12.5);
    match facts.spine.review(facts.document.plan()) {
        Review::Given => {}
        Review::NotReviewed => {
            ui.add_space(8.0);
            ui.label(small(words::NOT_REVIEWED).color(theme::LOOK));
            let button = theme::main_button(words::ACCEPT_LABELS);
            if ui.add(button).on_hover_text(NOT_REVIEWED).clicked() {
                intents.push(Intent::AcceptLabels(true));
            }
        }
        Review::Accepted => {
            ui.add_space(8.0);
            ui.label(small(words::LABELS_ACCEPTED).color(theme::WEAK));
        }
    }
}

/// Screws that plan themselves: begin, how far it is, and what becomes of them.
fn planning(ui: &mut Ui, facts: &Facts, intents: &mut Vec<Intent>) {
    ui.add_space(10.0);
    if let Some(stage) = facts.planning.stage() {
        ui.label(egui::RichText::new(words::PLANNING).color(theme::WEAK).size(12.5));
        ui.add(egui::ProgressBar::new(stage.fraction).fill(theme::CHOSEN).desired_height(8.0));
        if ui.button(words::STOP).clicked() {
            intents.push(Intent::StopPlanning);
        }
        return;
    }
    let suggested = facts.screws().filter(|s| s.state == ScrewState::Suggested).count();
    let plain = Extras::default();
    let (iliac, narrow) = (Extras { iliac: true, ..plain }, Extras { in_out_in: true, ..plain });
    for (is_offered, text, hint, extras) in [
        (true, words::PLAN_ALL, words::hints::PLAN_ALL, plain),
        (!facts.spine.pelvis.is_empty(), words::PLAN_ILIAC, words::hints::PLAN_ILIAC, iliac),
        (facts.planning.may_go_in_out_in(), words::PLAN_NARROW, words::hints::PLAN_NARROW, narrow),
    ] {
        if is_offered && ui.button(text).on_hover_text(hint).clicked() {
            intents.push(Intent::PlanAll(extras));
        }
    }
    if suggested == 0 {
        return;
    }
    ui.label(egui::RichText::new(words::suggestions(suggested)).color(theme::WEAK).size(12.5));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (text, review) in
            [(words::ACCEPT_ALL, Suggested::Accept), (words::REJECT_ALL, Suggested::Reject)]
        {
            if ui.button(egui::RichText::new(text).size(12.5)).clicked() {
                intents.push(Intent::ReviewSuggested(review));
            }
        }
    });
}

/// Other names of a vertebra: all names move along, or this one alone changes.
fn rename_menu(ui: &mut Ui, facts: &Facts, vertebra: &VertebraModel, intents: &mut Vec<Intent>) {
    let now = facts.level_of(vertebra);
    let names: Vec<(VertebraId, Level)> =
        facts.spine.vertebrae.iter().map(|v| (v.id, facts.level_of(v))).collect();
    let column: Vec<Level> = names.iter().map(|(_, level)| *level).collect();
    ui.label(egui::RichText::new(words::THIS_IS).color(theme::WEAK).size(12.5));
    for down in -3..=3 {
        let (Some(name), true) = (now.shifted(down, &column), down != 0) else { continue };
        let can_be = Command::shift_levels(&names, down).is_some();
        if ui.add_enabled(can_be, egui::Button::new(name.to_string())).clicked() {
            intents.push(Intent::ShiftLevels(down));
            ui.close();
        }
    }
    ui.menu_button(words::ONLY_THIS, |ui| {
        let place = |level: Level| Level::all().position(|l| l == level);
        for name in Level::all().filter(|level| *level != now) {
            let is_near = place(name).zip(place(now)).is_some_and(|(a, b)| a.abs_diff(b) <= 2);
            if is_near && ui.button(name.to_string()).clicked() {
                intents.push(Intent::RenameLevel(vertebra.id, name));
                ui.close();
            }
        }
    });
}

/// How sure the program is of a level that it found itself.
fn confidence(facts: &Facts, vertebra: &VertebraModel) -> Option<f64> {
    if facts.spine.review(facts.document.plan()) != Review::NotReviewed {
        return None;
    }
    let found = facts.spine.automatic.as_ref()?.iter().find(|f| f.level == vertebra.level)?;
    Some(found.confidence)
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
    } else if let Some(share) = confidence(facts, vertebra) {
        let colour = if share < LOW_CONFIDENCE { theme::LOOK } else { theme::WEAK };
        inside.label(egui::RichText::new(words::percent(share)).small().color(colour));
    }
    inside.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let site = ScrewSite::Level(level);
        for side in [Side::Left, Side::Right] {
            cell(ui, facts, (vertebra, site, side), intents);
        }
    });
    if response.clicked() {
        intents.push(Intent::ChooseLevel(vertebra.id));
    }
    let response = response.on_hover_text_at_pointer(words::hints::RENAME);
    response.context_menu(|ui| rename_menu(ui, facts, vertebra, intents));
}

/// The screws of the sacrum that run into the ilia, below its own.
fn iliac_row(ui: &mut Ui, facts: &Facts, sacrum: &VertebraModel, intents: &mut Vec<Intent>) {
    let site = ScrewSite::S2AlarIliac;
    ui.horizontal(|ui| {
        ui.set_height(ROW);
        ui.add_space(8.0);
        ui.label(egui::RichText::new(site.to_string()).size(14.5).strong());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(8.0);
            for side in [Side::Left, Side::Right] {
                cell(ui, facts, (sacrum, site, side), intents);
            }
        });
    });
}

fn cell(
    ui: &mut Ui,
    facts: &Facts,
    (vertebra, site, side): (&VertebraModel, ScrewSite, Side),
    intents: &mut Vec<Intent>,
) {
    let is_iliac = site == ScrewSite::S2AlarIliac;
    let is_here = |s: &&Screw| {
        let is_own = (s.site() == ScrewSite::S2AlarIliac) == is_iliac;
        s.vertebra == vertebra.id && s.side == side && is_own
    };
    let Some(screw) = facts.screws().find(is_here) else {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(CELL), Sense::hover());
        let stroke = Stroke::new(1.0, theme::WEAK.gamma_multiply(0.35));
        let kind = egui::StrokeKind::Inside;
        ui.painter().rect_stroke(rect, CornerRadius::same(4), stroke, kind);
        return;
    };
    let grade = facts.assessment(screw).map(|a| a.grade);
    let response = theme::grade_badge(ui, grade, badge_of(screw), CELL);
    if facts.selection.screw == Some(screw.id) {
        let stroke = Stroke::new(2.0, Color32::WHITE);
        let kind = egui::StrokeKind::Outside;
        ui.painter().rect_stroke(response.rect, CornerRadius::same(5), stroke, kind);
    }
    let count = facts.screws().filter(is_here).count();
    let text = words::screws(screw.site(), side, count);
    if response.on_hover_text(text).clicked() {
        intents.push(Intent::Choose(Some(screw.id)));
    }
}

fn remarks(ui: &mut Ui, facts: &Facts) {
    let of_plan = facts.document.notices().iter().map(ToString::to_string);
    let of_spine = facts.spine.notices_beside(facts.document.plan());
    let mut notices = of_spine.chain(of_plan).peekable();
    if notices.peek().is_none() {
        return;
    }
    ui.add_space(10.0);
    egui::CollapsingHeader::new(egui::RichText::new(words::REMARKS).color(theme::WEAK).size(12.0))
        .default_open(facts.spine.vertebrae.is_empty())
        .show(ui, |ui| {
            for warning in notices {
                ui.label(egui::RichText::new(warning).small().color(theme::WEAK));
            }
        });
}
