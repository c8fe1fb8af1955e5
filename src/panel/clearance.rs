//! The clearance along the screw, as a curve over the depth.

use super::{theme, words};
use crate::clearance::Assessment;
use bevy_egui::egui::{Color32, RichText, Ui};
use egui_plot::{HLine, Line, LineStyle, Plot, PlotPoints, VLine};

/// Clearances beyond this are drawn at the edge: they decide nothing, mm.
const MOST_MM: f64 = 8.0;

/// Draws the curve; zero is the bone's surface.
pub fn plot(ui: &mut Ui, assessment: &Assessment) {
    ui.label(RichText::new(words::PROFILE).color(theme::WEAK).size(12.0));
    let points: PlotPoints = assessment
        .profile
        .iter()
        .map(|p| [p.depth_mm, p.clearance_mm.clamp(-MOST_MM, MOST_MM)])
        .collect();
    let entry_zone = crate::clearance::grade::ENTRY_ZONE_MM;
    Plot::new("profile")
        .height(118.0)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .show_x(false)
        .show_y(false)
        .include_y(-2.0)
        .include_y(4.0)
        .include_x(0.0)
        .y_axis_min_width(22.0)
        .x_axis_label(RichText::new(words::DEPTH_MM).small())
        .show_background(false)
        .show(ui, |plot| {
            let surface = Color32::from_gray(150);
            plot.hline(HLine::new("bone surface", 0.0).color(surface));
            let style = LineStyle::dotted_loose();
            plot.vline(VLine::new("entry zone", entry_zone).color(theme::LINE).style(style));
            let colour = theme::grade_colour(assessment.grade);
            plot.line(Line::new("clearance", points).color(colour).width(2.0));
        });
}
