//! What the wrist panel shows: the state, the levels with their screws and numbers, the edits.
//!
//! In: document, numbers, selection. Out: [`Intent`]s, the same as those of the desk.

use super::placement::{self, Placement};
use super::quad::WristPanel;
use crate::app::history::{Document, StatusLine};
use crate::app::jobs::ActiveCase;
use crate::app::judge::Judgements;
use crate::app::selection::Selection;
use crate::app::words;
use crate::case::judge::half_width_mm;
use crate::clearance::{Assessment, Band};
use crate::interact::intent::Intent;
use crate::plan::Screw;
use crate::scene::colour;
use crate::scene::slices::SlicesInView;
use bevy::prelude::*;
use bevy_egui::EguiContext;
use bevy_egui::egui::{self, Button, Color32, LayerId, RichText, ScrollArea, Ui, UiBuilder, vec2};

/// Height of a thing one points at from an arm's length.
const ROW: f32 = 34.0;
const BODY: f32 = 16.0;

/// Lays the panel out.
pub(super) fn lay_out(
    mut panel: Single<&mut EguiContext, With<WristPanel>>,
    (case, document): (Option<Res<ActiveCase>>, Option<Res<Document>>),
    (judgements, selection): (Res<Judgements>, Res<Selection>),
    status: Res<StatusLine>,
    (mut placement, mut in_view): (ResMut<Placement>, ResMut<SlicesInView>),
    mut intents: MessageWriter<Intent>,
) {
    let context = panel.get_mut();
    bear_with_hands(context);
    let (Some(case), Some(document)) = (case, document) else { return };
    let mut wanted = Vec::new();
    let frame = egui::Frame::new()
        .fill(Color32::from_rgba_unmultiplied(22, 27, 34, 240))
        .corner_radius(10)
        .inner_margin(10);
    let whole = UiBuilder::new().layer_id(LayerId::background()).max_rect(context.viewport_rect());
    let mut root = Ui::new(context.clone(), "wrist".into(), whole);
    egui::CentralPanel::default().frame(frame).show(&mut root, |ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        ui.horizontal(|ui| {
            steps(ui, &document, &mut wanted);
            if button(ui, "Slices", true) {
                *in_view = SlicesInView::all(!in_view.any());
            }
        });
        ui.horizontal(|ui| {
            let scale = format!("{:.0} %", placement.scale() * 100.0);
            ui.label(RichText::new(scale).size(BODY));
            if button(ui, "In front of me", true) {
                *placement = Placement::start(placement::middle(&case.spine));
            }
        });
        ui.separator();
        let chosen = selection.screw.and_then(|id| document.plan().screw(id));
        if let Some(screw) = chosen {
            chosen_screw(ui, screw, &mut wanted);
            ui.separator();
        }
        let height = (ui.available_height() - ROW * 1.6).max(ROW);
        ScrollArea::vertical().max_height(height).auto_shrink([false, false]).show(ui, |ui| {
            let half_mm = half_width_mm(&case.spine);
            for screw in &document.plan().screws {
                let is_chosen = selection.screw == Some(screw.id);
                screw_row(ui, screw, judgements.of(screw), half_mm, is_chosen, &mut wanted);
            }
            if document.plan().screws.is_empty() {
                ui.label(RichText::new("Point at bone and pull the trigger.").size(BODY));
            }
        });
        ui.label(RichText::new(&status.text).size(BODY * 0.8));
    });
    intents.write_batch(wanted);
}

/// A hand in the air is slower than one on a mouse, and shakes while it pulls the trigger: a click
/// may last, and wander by 12 mm.
fn bear_with_hands(context: &egui::Context) {
    const LONGEST_CLICK_S: f64 = 10.0;
    const WANDERS: f32 = 24.0;
    context.options_mut(|options| {
        options.input_options.max_click_duration = LONGEST_CLICK_S;
        options.input_options.max_click_dist = WANDERS;
    });
}

fn button(ui: &mut Ui, text: &str, is_enabled: bool) -> bool {
    let button = Button::new(RichText::new(text).size(BODY)).min_size(vec2(72.0, ROW));
    ui.add_enabled(is_enabled, button).clicked()
}

fn steps(ui: &mut Ui, document: &Document, wanted: &mut Vec<Intent>) {
    if button(ui, "Undo", document.session().can_undo()) {
        wanted.push(Intent::Undo);
    }
    if button(ui, "Redo", document.session().can_redo()) {
        wanted.push(Intent::Redo);
    }
    if button(ui, "Save", true) {
        wanted.push(Intent::Save);
    }
}

fn chosen_screw(ui: &mut Ui, screw: &Screw, wanted: &mut Vec<Intent>) {
    let id = screw.id;
    let resize = |diameter, length| Intent::Resize { screw: id, diameter, length };
    ui.horizontal(|ui| {
        ui.label(RichText::new(format!("{:.1} mm thick", screw.diameter_mm)).size(BODY));
        for (text, step) in [("−", -1), ("+", 1)] {
            if ui.add(Button::new(text).min_size(vec2(ROW, ROW))).clicked() {
                wanted.push(resize(step, 0));
            }
        }
    });
    ui.horizontal(|ui| {
        ui.label(RichText::new(format!("{:.0} mm long", screw.length_mm)).size(BODY));
        for (text, step) in [("−", -1), ("+", 1)] {
            if ui.add(Button::new(text).min_size(vec2(ROW, ROW))).clicked() {
                wanted.push(resize(0, step));
            }
        }
        if button(ui, "Delete", true) {
            wanted.push(Intent::Delete(id));
        }
    });
}

fn screw_row(
    ui: &mut Ui,
    screw: &Screw,
    numbers: Option<&Assessment>,
    half_mm: f64,
    is_chosen: bool,
    wanted: &mut Vec<Intent>,
) {
    let name = words::screws(screw.site(), screw.side, 1);
    let said = match numbers {
        Some(n) => {
            let sure = Band::new(n, half_mm).say(n.grade);
            format!("{name}   {}   {sure}", words::mm(n.clearance_mm))
        }
        None => format!("{name}   {}", words::PENDING),
    };
    let [r, g, b] = numbers.map_or(colour::PENDING, |n| colour::of_grade(n.grade));
    let text = RichText::new(said).size(BODY).color(Color32::from_rgb(r, g, b));
    let row = Button::selectable(is_chosen, text).min_size(vec2(ui.available_width(), ROW));
    if ui.add(row).clicked() {
        wanted.push(Intent::Choose(Some(screw.id)));
    }
}
