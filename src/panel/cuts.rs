//! The two cuts by which a surgeon judges a screw, beside its numbers.

use super::{Facts, theme, words};
use crate::interact::intent::Intent;
use crate::plan::Screw;
use crate::scene::cuts::{CutWish, ScrewCuts};
use crate::scene::outline::screw_outline;
use crate::volume::Plane;
use bevy_egui::egui::{
    self, Align2, Color32, FontId, Painter, Pos2, Rect, Response, Sense, Shape, Stroke, TextureId,
    Ui, pos2, vec2,
};

/// The cuts with their images as egui knows them.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The cuts.
    pub cuts: &'a ScrewCuts,
    /// Images: along the screw, across it.
    pub images: [TextureId; 2],
}

/// A plane fitted into a rectangle of the screen.
struct Fit<'a> {
    plane: &'a Plane,
    rect: Rect,
}

impl Fit<'_> {
    fn at(&self, [x, y]: [f64; 2]) -> Pos2 {
        let [w, h] = self.plane.pixels().map(|n| n as f32);
        let part = vec2((x as f32 + 0.5) / w, (y as f32 + 0.5) / h);
        self.rect.min + part * self.rect.size()
    }
    fn pixel(&self, at: Pos2) -> [f64; 2] {
        let [w, h] = self.plane.pixels().map(|n| n as f32);
        let part = (at - self.rect.min) / self.rect.size();
        [f64::from(part.x * w - 0.5), f64::from(part.y * h - 0.5)]
    }
}

/// Shows both cuts; a click in the first one moves the second.
pub fn show(ui: &mut Ui, facts: &Facts, intents: &mut Vec<Intent>) {
    let (Some(shown), Some(screw)) = (facts.cuts, facts.current()) else { return };
    let gap = 6.0;
    let width = ((ui.available_width() - gap) / 2.0).floor();
    let grade = facts.assessment(screw).map(|a| a.grade);
    let colour = grade.map_or(theme::colour32(crate::scene::colour::PENDING), theme::grade_colour);
    let Some([along, _]) = &shown.cuts.cuts else { return };
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = gap;
        let Some(response) = self::along(ui, &shown, width, screw, colour) else { return };
        read_depth(&response, &along.plane, shown.cuts, screw, intents);
        ui.vertical(|ui| {
            across(ui, &shown, width, screw, colour);
            let text = egui::RichText::new(words::across(shown.cuts.depth_mm));
            ui.label(text.size(12.0).color(theme::WEAK));
            lie(ui, shown.cuts.wish, intents);
        });
    });
}

/// The cut that holds the screw's axis, `width` points wide, with a line where the other one lies.
pub fn along(
    ui: &mut Ui,
    shown: &Shown,
    width: f32,
    screw: &Screw,
    colour: Color32,
) -> Option<Response> {
    let [cut, _] = shown.cuts.cuts.as_ref()?;
    let response = picture(ui, shown.images[0], &cut.plane, width, screw, colour);
    depth_line(ui, &cut.plane, response.rect, shown.cuts.depth_mm, screw);
    Some(response)
}

/// The cut across the screw, `width` points wide.
pub fn across(
    ui: &mut Ui,
    shown: &Shown,
    width: f32,
    screw: &Screw,
    colour: Color32,
) -> Option<Response> {
    let [_, cut] = shown.cuts.cuts.as_ref()?;
    Some(picture(ui, shown.images[1], &cut.plane, width, screw, colour))
}

/// One cut with the screw's outline and the letters of its edges.
fn picture(
    ui: &mut Ui,
    image: TextureId,
    plane: &Plane,
    width: f32,
    screw: &Screw,
    colour: Color32,
) -> Response {
    let [mm_wide, mm_tall] = plane.size_mm();
    let size = vec2(width, (f64::from(width) * mm_tall / mm_wide) as f32);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let painter = ui.painter_at(rect);
    let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    painter.image(image, rect, whole, Color32::WHITE);
    let fit = Fit { plane, rect };
    let outline: Vec<Pos2> =
        screw_outline(screw, plane).into_iter().map(|pixel| fit.at(pixel)).collect();
    if outline.len() > 2 {
        painter.add(Shape::closed_line(outline, Stroke::new(1.5, colour)));
    }
    letters(&painter, rect, plane);
    response
}

fn letters(painter: &Painter, rect: Rect, plane: &Plane) {
    let inside = rect.shrink(4.0);
    let colour = theme::colour32(crate::scene::colour::LETTER);
    let edges = [
        (inside.left_center(), Align2::LEFT_CENTER),
        (inside.right_center(), Align2::RIGHT_CENTER),
        (inside.center_top(), Align2::CENTER_TOP),
        (inside.center_bottom(), Align2::CENTER_BOTTOM),
    ];
    for ((at, align), letters) in edges.into_iter().zip(plane.edge_letters()) {
        // The first letter is the nearest direction; the others would crowd a small picture.
        let first: String = letters.chars().take(1).collect();
        painter.text(
            at + vec2(1.0, 1.0),
            align,
            &first,
            FontId::proportional(12.0),
            Color32::BLACK,
        );
        painter.text(at, align, first, FontId::proportional(12.0), colour);
    }
}

/// Where the other cut lies.
fn depth_line(ui: &Ui, plane: &Plane, rect: Rect, depth_mm: f64, screw: &Screw) {
    let fit = Fit { plane, rect };
    let (pixel, _) = plane.pixel(screw.entry + screw.axis * depth_mm);
    let y = fit.at(pixel).y;
    let stroke = Stroke::new(1.0, theme::ACCENT.gamma_multiply(0.8));
    ui.painter_at(rect).hline(rect.x_range(), y, stroke);
}

fn read_depth(
    response: &Response,
    plane: &Plane,
    cuts: &ScrewCuts,
    screw: &Screw,
    intents: &mut Vec<Intent>,
) {
    let is_held = response.clicked() || response.dragged();
    let Some(at) = response.interact_pointer_pos().filter(|_| is_held) else { return };
    let point = plane.point(Fit { plane, rect: response.rect }.pixel(at));
    let depth = (point - screw.entry).dot(screw.axis).clamp(0.0, screw.length_mm);
    intents.push(Intent::Cut(CutWish { depth_mm: Some(depth), ..cuts.wish }));
}

/// Flat or upright.
fn lie(ui: &mut Ui, wish: CutWish, intents: &mut Vec<Intent>) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for (is_upright, text) in [(false, words::FLAT), (true, words::UPRIGHT)] {
            let text = egui::RichText::new(text).size(12.0);
            let answer = ui.selectable_label(wish.is_upright == is_upright, text);
            if answer.on_hover_text(words::hints::ALONG).clicked() {
                intents.push(Intent::Cut(CutWish { is_upright, ..wish }));
            }
        }
    });
}
