//! What a person should look at before the plan is used, and pedicles that got no screw.

use super::{Facts, theme, words};
use crate::plan::check::{Issue, Weight};
use bevy_egui::egui::{Color32, RichText, Sense, Ui, Vec2};

/// How many things there are to look at, and the colour of the gravest; `None` where there are none
/// or they are pending.
pub fn count(facts: &Facts) -> Option<(usize, Color32)> {
    let issues = facts.checks.of(facts.document.plan())?;
    let refusals = facts.planning.refusals().len();
    let counted = issues.iter().filter(|issue| issue.weight != Weight::Note).count() + refusals;
    let gravest = issues.first().map_or(Weight::Look, |issue| issue.weight);
    (counted > 0).then(|| (counted, colour(gravest)))
}

fn colour(weight: Weight) -> Color32 {
    match weight {
        Weight::Grave => theme::GRAVE,
        Weight::Look => theme::LOOK,
        Weight::Note => theme::WEAK,
    }
}

/// Shows the list.
pub fn show(ui: &mut Ui, facts: &Facts) {
    theme::heading(ui, words::CHECKS);
    let issues = facts.checks.of(facts.document.plan()).map(Vec::as_slice);
    match issues {
        None => {
            ui.label(RichText::new(words::PENDING).color(theme::WEAK));
        }
        Some(_) if facts.document.plan().screws.is_empty() => {
            ui.label(RichText::new(words::NO_PLAN).color(theme::WEAK));
        }
        Some([]) => {
            ui.label(RichText::new(words::NO_ISSUES).color(theme::WEAK));
        }
        Some(issues) => issues.iter().for_each(|issue| one(ui, issue)),
    }
    let refusals = facts.planning.refusals();
    if !refusals.is_empty() {
        ui.add_space(8.0);
        theme::heading(ui, words::REFUSED);
        for refusal in refusals {
            line(ui, theme::LOOK, refusal, "");
        }
    }
}

fn one(ui: &mut Ui, issue: &Issue) {
    let hint = words::sentence(&issue.hint);
    line(ui, colour(issue.weight), &words::sentence(&issue.what), &hint);
}

/// A dot, a sentence, and weaker what to do about it.
fn line(ui: &mut Ui, colour: Color32, what: &str, hint: &str) {
    ui.horizontal_top(|ui| {
        let (dot, _) = ui.allocate_exact_size(Vec2::new(9.0, 18.0), Sense::hover());
        ui.painter().circle_filled(dot.center(), 4.0, colour);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            ui.label(what);
            if !hint.is_empty() {
                ui.label(RichText::new(hint).size(12.5).color(theme::WEAK));
            }
        });
    });
    ui.add_space(4.0);
}
