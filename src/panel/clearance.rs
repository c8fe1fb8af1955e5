//! What lies along the screw: the clearance and the density, as curves over the depth.

use super::measures::plot_frame;
use super::{theme, words};
use crate::clearance::Assessment;
use bevy_egui::egui::{Color32, RichText, Ui};
use egui_plot::{AxisHints, HLine, Line, LineStyle, Plot, PlotPoints, VLine, uniform_grid_spacer};

/// Clearances beyond this are drawn at the edge: they decide nothing, mm.
const MOST_MM: f64 = 8.0;

/// Height of a curve.
const HEIGHT: f32 = 104.0;

/// Lines of the two axes, coarse to fine.
const CLEARANCE_MM: [f64; 3] = [8.0, 4.0, 2.0];
const DENSITY_HU: [f64; 3] = [1000.0, 500.0, 250.0];
const DEPTH_MM: [f64; 3] = [100.0, 50.0, 10.0];

/// Space from one depth's number to the next, from which it fades in.
const DEPTH_LABELS: std::ops::RangeInclusive<f32> = 24.0..=34.0;

/// Draws the clearance; zero is the bone's surface. `cut_mm` is the depth of the cut across.
pub fn plot(ui: &mut Ui, assessment: &Assessment, cut_mm: Option<f64>) {
    ui.label(RichText::new(words::PROFILE).color(theme::WEAK).size(12.0));
    let points: PlotPoints = assessment
        .profile
        .iter()
        .map(|p| [p.depth_mm, p.clearance_mm.clamp(-MOST_MM, MOST_MM)])
        .collect();
    let entry_zone = crate::clearance::grade::ENTRY_ZONE_MM;
    frame("profile", CLEARANCE_MM).include_y(-2.0).include_y(4.0).show(ui, |plot| {
        let surface = Color32::from_gray(150);
        plot.hline(HLine::new("bone surface", 0.0).color(surface));
        let style = LineStyle::dotted_loose();
        plot.vline(VLine::new("entry zone", entry_zone).color(theme::LINE).style(style));
        if let Some(mm) = cut_mm {
            plot.vline(VLine::new("cut", mm).color(theme::ACCENT.gamma_multiply(0.8)));
        }
        let colour = theme::grade_colour(assessment.grade);
        plot.line(Line::new("clearance", points).color(colour).width(2.0));
    });
}

/// Draws the density: mean HU of the disc across the screw at each depth.
pub fn density(ui: &mut Ui, hu_along: &[[f64; 2]]) {
    ui.label(RichText::new(words::HU_ALONG).color(theme::WEAK).size(12.0));
    frame("density", DENSITY_HU).include_y(0.0).show(ui, |plot| {
        plot.line(Line::new("HU", hu_along.to_vec()).color(theme::ACCENT).width(2.0));
    });
}

fn frame(name: &str, steps: [f64; 3]) -> Plot<'static> {
    plot_frame(Plot::new(name.to_owned()))
        .height(HEIGHT)
        .include_x(0.0)
        .y_axis_min_width(30.0)
        .grid_spacing(12.0..=60.0)
        .y_grid_spacer(uniform_grid_spacer(move |_| steps))
        .x_grid_spacer(uniform_grid_spacer(|_| DEPTH_MM))
        .custom_x_axes(vec![
            AxisHints::new_x()
                .label(RichText::new(words::DEPTH_MM).small())
                .label_spacing(DEPTH_LABELS),
        ])
}
