//! The plan beside the alternatives that a person kept: a row per pedicle, a column per plan.

use super::theme::Badge;
use super::{Facts, theme, words};
use crate::case::compare::{self, Compared, ComparedScrew, Summary};
use crate::interact::intent::Intent;
use bevy_egui::egui::{Button, Grid, RichText, ScrollArea, Ui};

/// Side of a letter's square.
const BADGE: f32 = 16.0;

/// Shows the table; what is pressed goes into `intents`.
pub fn show(ui: &mut Ui, facts: &Facts, intents: &mut Vec<Intent>) {
    theme::heading(ui, words::PLANS);
    let plan = facts.document.plan();
    let keep = ui.add_enabled(!plan.screws.is_empty(), theme::main_button(words::KEEP_PLAN));
    if keep.on_hover_text(words::hints::KEEP_PLAN).clicked() {
        intents.push(Intent::KeepPlan);
    }
    ui.add_space(6.0);
    if plan.alternatives.is_empty() {
        ui.label(RichText::new(words::NO_ALTERNATIVES).color(theme::WEAK));
        return;
    }
    let Some(columns) = facts.comparing.of(plan) else {
        ui.label(RichText::new(words::PENDING).color(theme::WEAK));
        return;
    };
    ScrollArea::horizontal().show(ui, |ui| {
        Grid::new("plans").striped(true).spacing([9.0, 4.0]).show(ui, |ui| {
            heads(ui, facts, intents);
            pedicles(ui, columns);
            sums(ui, columns);
        });
    });
}

/// The names, each with a press to drop it, and under them what takes a plan up.
fn heads(ui: &mut Ui, facts: &Facts, intents: &mut Vec<Intent>) {
    let plan = facts.document.plan();
    ui.label("");
    ui.label(RichText::new(words::PLAN_NOW).strong());
    for one in &plan.alternatives {
        ui.horizontal(|ui| {
            ui.label(RichText::new(&one.name).strong());
            if ui.small_button("×").on_hover_text(words::hints::DROP_PLAN).clicked() {
                intents.push(Intent::DropPlan(one.name.clone()));
            }
        });
    }
    ui.end_row();
    ui.label("");
    ui.label("");
    for one in &plan.alternatives {
        let take = ui.add_enabled(one.screws != plan.screws, Button::new(words::TAKE_UP));
        if take.on_hover_text(words::hints::TAKE_UP).clicked() {
            intents.push(Intent::TakeUpPlan(one.name.clone()));
        }
    }
    ui.end_row();
}

fn pedicles(ui: &mut Ui, columns: &[Compared]) {
    for place in compare::pedicles(columns.iter()) {
        let (level, side) = place;
        ui.label(format!("{level} {}", words::side_letter(side)));
        for column in columns {
            ui.horizontal(|ui| match column.pedicles.get(&place) {
                Some(screws) => screws.iter().for_each(|one| screw(ui, one)),
                None => {
                    ui.label(RichText::new("–").color(theme::WEAK));
                }
            });
        }
        ui.end_row();
    }
}

/// The letter and the clearance; the size and how sure it is under the mouse.
fn screw(ui: &mut Ui, screw: &ComparedScrew) {
    let [diameter, length] = screw.size_mm;
    let size = format!("{diameter} x {length} mm");
    let grade = screw.judged.map(|(_, grade, _)| grade);
    let badge = theme::grade_badge(ui, grade, Badge::Filled, BADGE);
    let (text, said) = match screw.judged {
        Some((mm, grade, band)) => (format!("{mm:+.1}"), format!("{size}, {}", band.say(grade))),
        None => ("–".to_owned(), size),
    };
    let number = ui.label(text);
    badge.union(number).on_hover_text(said);
}

fn sums(ui: &mut Ui, columns: &[Compared]) {
    let mm = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |mm| format!("{mm:.1}"));
    let mut row = |what: &str, cell: &dyn Fn(&Summary) -> String| {
        ui.label(RichText::new(what).color(theme::WEAK));
        for column in columns {
            ui.label(cell(&column.summary));
        }
        ui.end_row();
    };
    row(words::SCREWS, &|s| s.screws.to_string());
    row(words::LETTERS, &|s| s.letters.map(|n| n.to_string()).join(" "));
    row(words::LEAST_CLEARANCE, &|s| mm(s.least_clearance_mm));
    row(words::ROD_MISFIT, &|s| s.misfit_mm.map(mm).join(" "));
    row(words::CHECKS, &|s| s.issues.to_string());
}
