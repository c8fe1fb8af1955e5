//! The rods: what the column is to become, how far each rod misses the heads, and how it is bent.

use super::{Facts, theme, words};
use crate::case::rods::{RodSheet, SideRod};
use crate::implant::Catalogue;
use crate::interact::intent::Intent;
use crate::plan::Plan;
use crate::plan::bend::HOW_TO_BEND;
use crate::plan::correct::{MOST_LORDOSIS_DEG, Target};
use bevy_egui::egui::{ComboBox, DragValue, Grid, Id, Response, RichText, Slider, Ui};

/// What a lordosis is set to first, degrees.
const USUAL_LORDOSIS_DEG: f64 = 50.0;

/// Shows the rods; what is pressed goes into `intents`.
pub fn show(ui: &mut Ui, facts: &Facts, intents: &mut Vec<Intent>) {
    theme::heading(ui, words::RODS);
    target(ui, facts, intents);
    choice(ui, facts.document.plan(), facts.document.catalogue(), intents);
    ui.add_space(8.0);
    match facts.rodding.of(facts.document.plan()) {
        None => {
            ui.label(RichText::new(words::PENDING).color(theme::WEAK));
        }
        Some(Err(why)) => {
            ui.label(RichText::new(words::sentence(why)).color(theme::LOOK));
        }
        Some(Ok(_)) if facts.document.plan().screws.is_empty() => {
            ui.label(RichText::new(words::NO_RODS).color(theme::WEAK));
        }
        Some(Ok(sheet)) => rods(ui, sheet),
    }
}

/// Lordosis and straightening. What is being dragged is no edit yet.
fn target(ui: &mut Ui, facts: &Facts, intents: &mut Vec<Intent>) {
    let id = Id::new("rod target");
    let kept = facts.document.plan().rod_target;
    let mut now: Target = ui.data(|d| d.get_temp(id)).unwrap_or(kept);
    let (mut is_held, mut is_let_go) = (false, false);
    let mut feel = |response: Response| {
        is_held |= response.dragged() || response.has_focus();
        is_let_go |= response.drag_stopped()
            || response.lost_focus()
            || response.changed() && !response.dragged() && !response.has_focus();
    };
    ui.horizontal(|ui| {
        let mut is_wanted = now.lordosis_deg.is_some();
        let asked = ui.checkbox(&mut is_wanted, words::LORDOSIS_WANTED);
        if asked.changed() {
            now.lordosis_deg = is_wanted.then_some(USUAL_LORDOSIS_DEG);
        }
        feel(asked.on_hover_text(words::hints::LORDOSIS_WANTED));
        if let Some(deg) = &mut now.lordosis_deg {
            let range = -MOST_LORDOSIS_DEG..=MOST_LORDOSIS_DEG;
            feel(ui.add(DragValue::new(deg).range(range).speed(0.5).suffix("°").max_decimals(0)));
        }
    });
    ui.horizontal(|ui| {
        ui.label(words::STRAIGHTEN);
        let mut percent = 100.0 * now.coronal_part;
        let slider = Slider::new(&mut percent, 0.0..=100.0).suffix(" %").max_decimals(0);
        feel(ui.add(slider).on_hover_text(words::hints::STRAIGHTEN));
        now.coronal_part = (percent.round() / 100.0).clamp(0.0, 1.0);
    });
    if is_let_go && !is_held {
        ui.data_mut(|d| d.remove::<Target>(id));
        if now != kept {
            intents.push(Intent::AimRods(now));
        }
    } else if is_held {
        ui.data_mut(|d| d.insert_temp(id, now));
    } else {
        ui.data_mut(|d| d.remove::<Target>(id));
    }
}

/// What the rods are made of and what bends them.
fn choice(ui: &mut Ui, plan: &Plan, catalogue: &Catalogue, intents: &mut Vec<Intent>) {
    let Ok(rods) = catalogue.rods() else { return };
    let kept = &plan.rod_choice;
    let mut now = kept.clone();
    let kinds = rods.rods.iter().map(|rod| (&*rod.id, &*rod.name)).collect();
    one_of(ui, words::ROD_KIND, kinds, &mut now.rod);
    let benders = rods.benders.iter().map(|bender| (&*bender.id, &*bender.name)).collect();
    one_of(ui, words::BENDER, benders, &mut now.bender);
    if now != *kept {
        intents.push(Intent::MakeRods(now));
    }
}

/// A box of names; without a choice the first stands.
fn one_of(ui: &mut Ui, what: &str, all: Vec<(&str, &str)>, chosen: &mut Option<String>) {
    let now = chosen.clone().or_else(|| all.first().map(|(id, _)| (*id).to_owned()));
    let now = now.unwrap_or_default();
    let name = all.iter().find(|(id, _)| *id == now).map_or(&*now, |(_, name)| name);
    ui.horizontal(|ui| {
        ui.label(what);
        ComboBox::from_id_salt(what).selected_text(name).show_ui(ui, |ui| {
            for (id, name) in &all {
                if ui.selectable_label(*id == now, *name).clicked() && *id != now {
                    *chosen = Some((*id).to_owned());
                }
            }
        });
    });
}

fn rods(ui: &mut Ui, sheet: &RodSheet) {
    if !sheet.moved.is_empty() {
        ui.label(RichText::new(words::RODS_MOVED).color(theme::WEAK));
        Grid::new("moved").striped(true).spacing([12.0, 3.0]).show(ui, |ui| {
            heads(ui, &words::MOVED_HEADS);
            for one in &sheet.moved {
                let [back, left] = one.disc_deg;
                ui.label(one.level.to_string());
                ui.label(format!("{back:+.1}°"));
                ui.label(format!("{left:+.1}°"));
                ui.end_row();
            }
        });
        ui.add_space(8.0);
    }
    if !sheet.rods.is_empty() {
        let springback = words::sentence(&sheet.kind.springback());
        ui.label(RichText::new(springback).color(theme::WEAK));
    }
    for one in &sheet.rods {
        side(ui, one);
    }
    for why in &sheet.without {
        ui.add_space(8.0);
        ui.label(RichText::new(words::sentence(&why.to_string())).color(theme::LOOK));
    }
}

fn side(ui: &mut Ui, one: &SideRod) {
    ui.add_space(8.0);
    ui.label(RichText::new(words::rod_of(one.side)).strong());
    let bent = &one.bent;
    ui.label(words::rod_numbers(bent));
    ui.label(RichText::new(words::rod_doubts(&one.curve, bent)).color(theme::WEAK));
    Grid::new(("misfits", one.side)).striped(true).spacing([12.0, 3.0]).show(ui, |ui| {
        heads(ui, &words::MISFIT_HEADS);
        for (site, mm) in one.sites.iter().zip(&bent.misfit_mm) {
            ui.label(site.to_string());
            ui.label(format!("{mm:.2}"));
            ui.end_row();
        }
    });
    ui.add_space(4.0);
    ui.label(RichText::new(words::sentence(HOW_TO_BEND)).color(theme::WEAK).small());
    let [feeds, angles] = bent.table.places;
    Grid::new(("bends", one.side)).striped(true).spacing([10.0, 3.0]).show(ui, |ui| {
        heads(ui, &words::BEND_HEADS);
        for (n, bend) in bent.table.bends.iter().enumerate() {
            ui.label((n + 1).to_string());
            ui.label(format!("{:.feeds$}", bend.feed_mm));
            ui.label(format!("{:+.angles$}°", bend.roll_deg).replace('-', "−"));
            ui.label(format!("{:.angles$}°", bend.set_deg));
            ui.label(format!("{:.2}°", bend.bend_deg));
            ui.end_row();
        }
        ui.label(words::LAST_PIECE);
        ui.label(format!("{:.feeds$}", bent.table.last_feed_mm));
        ui.end_row();
    });
    for why in bent.table.impossible.iter().chain(&bent.warnings) {
        ui.label(RichText::new(words::sentence(why)).color(theme::LOOK));
    }
}

fn heads(ui: &mut Ui, texts: &[&str]) {
    for text in texts {
        ui.label(RichText::new(*text).color(theme::WEAK).small());
    }
    ui.end_row();
}
