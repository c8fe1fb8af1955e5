//! The numbers of the whole spine, as `corridor measure` prints them, with its two curves.

use super::{theme, words};
use crate::app::measuring::Measuring;
use crate::case::film::Film;
use crate::case::measures::Measures;
use crate::case::rows;
use crate::labels::Posture;
use bevy_egui::egui::{self, Align, Layout, RichText, ScrollArea, Ui};
use egui_plot::{Line, Plot, PlotPoint, PlotPoints, Points, Text};

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wish {
    /// Measure as for this posture.
    Posture(Posture),
    /// Back to the views.
    Close,
}

/// Shows the page.
pub fn show(ui: &mut Ui, measuring: &Measuring) -> Option<Wish> {
    let mut wish = head(ui, measuring.posture);
    ui.separator();
    match measuring.measures() {
        None => {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label(RichText::new(words::MEASURING).color(theme::WEAK));
            });
        }
        Some(Err(reason)) => {
            ui.label(RichText::new(reason).color(theme::LOOK));
        }
        Some(Ok(measures)) => {
            ScrollArea::both().auto_shrink(false).show(ui, |ui| page(ui, measures));
        }
    }
    if ui.input(|input| input.key_pressed(egui::Key::Escape)) {
        wish = Some(Wish::Close);
    }
    wish
}

fn head(ui: &mut Ui, posture: Posture) -> Option<Wish> {
    let mut wish = None;
    ui.horizontal(|ui| {
        ui.label(RichText::new(words::MEASURES).size(18.0).strong());
        ui.add_space(10.0);
        egui::ComboBox::from_id_salt("posture").selected_text(words::posture(posture)).show_ui(
            ui,
            |ui| {
                for one in [Posture::Supine, Posture::Prone, Posture::Standing] {
                    if ui.selectable_label(one == posture, words::posture(one)).clicked() {
                        wish = Some(Wish::Posture(one));
                    }
                }
            },
        );
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button(words::CLOSE).on_hover_text("Esc").clicked() {
                wish = Some(Wish::Close);
            }
        });
    });
    wish
}

fn page(ui: &mut Ui, measures: &Measures) {
    let width = ((ui.available_width() - 10.0) / 2.0).clamp(180.0, 420.0);
    ui.horizontal_top(|ui| {
        curve(ui, words::CORONAL_CURVE, Film::Coronal, measures, width);
        curve(ui, words::SAGITTAL_CURVE, Film::Sagittal, measures, width);
    });
    section(ui, words::ANGLES);
    let rows = typeset(rows::angles(&measures.alignment));
    if rows.is_empty() {
        ui.label(RichText::new(words::NO_ANGLES).color(theme::WEAK));
    } else {
        ui.label(RichText::new(words::posture(measures.alignment.posture)).color(theme::WEAK));
        table(ui, "angles", &["", "angle °"], &rows);
    }
    section(ui, words::PEDICLES);
    let rows = typeset(rows::pedicles(measures));
    let heads =
        ["", "", "width mm", "height mm", "least mm", "chord mm", "transv. °", "sagittal °", "HU"];
    table(ui, "pedicles", &heads, &rows);
    section(ui, words::BODIES);
    let rows = typeset(rows::levels(measures));
    let heads = ["", "body mm", "canal mm", "foramen L mm", "R mm", "rotation °", "HU", "± HU"];
    table(ui, "bodies", &heads, &rows);
    if !measures.paths.is_empty() {
        section(ui, words::PATHS);
        let rows = typeset(rows::paths(measures));
        table(ui, "paths", &["", "Ø mm", "length mm", "HU", "± HU"], &rows);
    }
    section(ui, words::NOTES);
    for flag in rows::flags(measures) {
        ui.label(RichText::new(flag).color(theme::LOOK));
    }
    for notice in &measures.notices {
        ui.label(RichText::new(words::sentence(notice)).color(theme::WEAK));
    }
}

fn section(ui: &mut Ui, text: &str) {
    ui.add_space(12.0);
    theme::heading(ui, text);
}

fn table<const N: usize>(ui: &mut Ui, name: &str, heads: &[&str; N], rows: &[[String; N]]) {
    egui::Grid::new(name).num_columns(N).striped(true).spacing([14.0, 4.0]).show(ui, |ui| {
        for head in heads {
            ui.label(RichText::new(*head).size(12.0).color(theme::WEAK));
        }
        ui.end_row();
        for row in rows {
            for text in row {
                ui.label(text);
            }
            ui.end_row();
        }
    });
}

/// Rows as the core writes them, with true minuses, dashes and signs of multiplication, each beginning
/// with a capital letter.
fn typeset<const N: usize>(rows: Vec<[String; N]>) -> Vec<[String; N]> {
    let typeset = |row: [String; N]| {
        let mut row = row.map(|cell| words::cell(&cell));
        row[0] = words::sentence(&row[0]);
        row
    };
    rows.into_iter().map(typeset).collect()
}

/// Half the length at which an end plate is drawn, mm.
const PLATE_MM: f64 = 16.0;

/// The middles of the bodies from the head down, with their end plates, as on a film.
fn curve(ui: &mut Ui, title: &str, film: Film, measures: &Measures, width: f32) {
    let middles = film.bodies(measures);
    let letters = film.letters();
    ui.vertical(|ui| {
        let title = format!("{title}   {} – {}", letters[0], letters[1]);
        ui.label(RichText::new(title).size(12.0).color(theme::WEAK));
        plot_frame(Plot::new(letters[0])).width(width).height(300.0).data_aspect(1.0).show(
            ui,
            |plot| {
                let points: PlotPoints = middles.iter().map(|(_, at)| *at).collect();
                plot.line(Line::new("curve", points).color(theme::ACCENT).width(2.0));
                let points: PlotPoints = middles.iter().map(|(_, at)| *at).collect();
                plot.points(Points::new("bodies", points).color(theme::ACCENT).radius(3.0));
                for ends in film.plates(measures, PLATE_MM) {
                    let ends: PlotPoints = ends.into_iter().collect();
                    plot.line(Line::new("plate", ends).color(theme::WEAK).width(1.0));
                }
                for (level, [x, y]) in &middles {
                    let at = PlotPoint::new(x + 1.6 * PLATE_MM, *y);
                    let text = RichText::new(level.to_string()).size(11.0).color(theme::TEXT);
                    plot.text(Text::new("level", at, text));
                }
            },
        );
    });
}

/// A plot that is only looked at.
pub fn plot_frame(plot: Plot<'_>) -> Plot<'_> {
    plot.allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .show_x(false)
        .show_y(false)
        .show_background(false)
}
