//! Sizes, colours and widgets shared by all panels: quiet dark surfaces, one accent, and the five
//! grade colours that mean something.

use crate::clearance::Grade;
use crate::scene::colour::{self, Rgb};
use bevy_egui::egui::{
    self, Align2, Color32, CornerRadius, FontFamily, FontId, Margin, Response, Sense, Stroke,
    TextStyle, Ui, Vec2, Visuals,
};

/// Behind panels.
pub const PANEL: Color32 = Color32::from_rgb(22, 26, 32);
/// Behind bars above and below.
pub const BAR: Color32 = Color32::from_rgb(17, 20, 25);
/// Behind slices.
pub const SLICE: Color32 = Color32::BLACK;
/// Thin lines between parts.
pub const LINE: Color32 = Color32::from_rgb(44, 51, 60);
/// Text.
pub const TEXT: Color32 = Color32::from_rgb(219, 226, 234);
/// Text of less weight.
pub const WEAK: Color32 = Color32::from_rgb(142, 153, 166);
/// What can be pressed.
pub const WIDGET: Color32 = Color32::from_rgb(38, 45, 54);
/// What is chosen.
pub const CHOSEN: Color32 = Color32::from_rgb(38, 84, 116);

/// A meaning's colour as egui takes it.
pub const fn colour32([r, g, b]: Rgb) -> Color32 {
    Color32::from_rgb(r, g, b)
}

/// The accent.
pub const ACCENT: Color32 = colour32(colour::ACCENT);

/// Gives a context the program's looks.
pub fn apply(ctx: &egui::Context) {
    let mut visuals = Visuals::dark();
    visuals.panel_fill = PANEL;
    visuals.window_fill = PANEL;
    visuals.extreme_bg_color = Color32::from_rgb(12, 14, 18);
    visuals.window_stroke = Stroke::new(1.0, LINE);
    visuals.selection.bg_fill = CHOSEN;
    visuals.selection.stroke = Stroke::new(1.0, Color32::WHITE);
    visuals.hyperlink_color = ACCENT;
    let widgets = &mut visuals.widgets;
    widgets.noninteractive.bg_stroke = Stroke::new(1.0, LINE);
    widgets.noninteractive.fg_stroke = Stroke::new(1.0, TEXT);
    for (state, fill, text) in [
        (&mut widgets.inactive, WIDGET, TEXT),
        (&mut widgets.hovered, Color32::from_rgb(52, 61, 73), Color32::WHITE),
        (&mut widgets.active, CHOSEN, Color32::WHITE),
        (&mut widgets.open, WIDGET, Color32::WHITE),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::NONE;
        state.fg_stroke = Stroke::new(1.0, text);
        state.corner_radius = CornerRadius::same(4);
        state.expansion = 0.0;
    }
    ctx.set_visuals(visuals);
    ctx.all_styles_mut(|style| {
        style.spacing.item_spacing = Vec2::new(7.0, 6.0);
        style.spacing.button_padding = Vec2::new(9.0, 4.0);
        style.spacing.interact_size.y = 24.0;
        let sizes = [
            (TextStyle::Small, 11.0),
            (TextStyle::Body, 13.5),
            (TextStyle::Button, 13.5),
            (TextStyle::Heading, 16.0),
        ];
        for (text, size) in sizes {
            style.text_styles.insert(text, FontId::new(size, FontFamily::Proportional));
        }
    });
}

/// The frame of a side panel.
pub fn panel_frame() -> egui::Frame {
    egui::Frame::new().fill(PANEL).inner_margin(Margin::symmetric(12, 10))
}

/// The frame of the bars above and below.
pub fn bar_frame() -> egui::Frame {
    egui::Frame::new().fill(BAR).inner_margin(Margin::symmetric(10, 6))
}

/// A heading in small capitals' manner: weak, spaced, with air above.
pub fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(2.0);
    ui.label(egui::RichText::new(text.to_uppercase()).size(11.0).color(WEAK).strong());
    ui.add_space(1.0);
}

/// The colour of a grade.
pub const fn grade_colour(grade: Grade) -> Color32 {
    colour32(colour::of_grade(grade))
}

/// Black or white, whichever can be read on `back`.
pub fn text_on(back: Color32) -> Color32 {
    let [r, g, b, _] = back.to_array().map(f32::from);
    if 0.299 * r + 0.587 * g + 0.114 * b > 140.0 { Color32::BLACK } else { Color32::WHITE }
}

/// How a grade's badge is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Badge {
    /// A person placed the screw or looked at it.
    Filled,
    /// The program suggested it and nobody has looked at it.
    Hollow,
}

/// A square with a grade's letter; pressed it chooses.
pub fn grade_badge(ui: &mut Ui, grade: Option<Grade>, badge: Badge, side: f32) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::click());
    let colour = grade.map_or(colour32(colour::PENDING), grade_colour);
    let corners = CornerRadius::same(4);
    let text = match badge {
        Badge::Filled => {
            ui.painter().rect_filled(rect, corners, colour);
            text_on(colour)
        }
        Badge::Hollow => {
            let kind = egui::StrokeKind::Inside;
            ui.painter().rect_stroke(rect, corners, Stroke::new(1.5, colour), kind);
            colour
        }
    };
    let letter = grade.map_or_else(|| "…".to_owned(), |g| format!("{g:?}"));
    let font = FontId::proportional(side * 0.66);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, letter, font, text);
    response
}

/// A button that is meant to be pressed next.
pub fn main_button(text: &str) -> egui::Button<'_> {
    egui::Button::new(egui::RichText::new(text).color(Color32::WHITE)).fill(CHOSEN)
}

/// Something that should be looked at.
pub const LOOK: Color32 = colour32(colour::of_grade(Grade::C));
/// Something that should not stay so.
pub const GRAVE: Color32 = colour32(colour::of_grade(Grade::D));
