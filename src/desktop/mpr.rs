//! A slice in its cell: image, crosshair, letters, outlines of the screws, and the mouse on it.

use super::layout::Cell;
use crate::clearance::Assessment;
use crate::interact::brush::{Brush, Touch};
use crate::panel::{Facts, theme, words};
use crate::plan::Screw;
use crate::scene::outline::screw_outline;
use crate::scene::slices::Slice;
use crate::space::{Patient, Point};
use crate::volume::{Plane, Window};
use bevy::prelude::Resource;
use bevy_egui::egui::{
    self, Align2, Color32, FontId, PointerButton, Pos2, Rect, Response, Sense, Shape, Stroke,
    TextureId, Ui, Vec2, pos2, vec2,
};

/// How one slice is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// 1 shows the whole slice.
    zoom: f32,
    /// Shift of the image, in millimetres of the slice.
    shift_mm: Vec2,
}

impl Default for View {
    fn default() -> Self {
        Self { zoom: 1.0, shift_mm: Vec2::ZERO }
    }
}

/// How the three slices are looked at.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq)]
pub struct Views([View; 3]);

/// What a mouse on a slice asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct SliceWish {
    /// The crosshair goes here.
    pub look: Option<Point<Patient>>,
    /// The window becomes this.
    pub window: Option<Window>,
    /// The brush touches the labels, or lets go.
    pub touch: Option<Touch>,
    /// The cell fills the window, or gives it back.
    pub toggle_maximised: Option<Cell>,
}

/// Where the pixels of a slice lie on the screen.
struct Canvas {
    rect: Rect,
    origin: Pos2,
    points_per_pixel: f32,
}

impl Canvas {
    fn new(rect: Rect, plane: &Plane, view: View) -> Self {
        let [w, h] = plane.pixels().map(|n| n as f32);
        let fit = (rect.width() / w).min(rect.height() / h);
        let points_per_pixel = fit * view.zoom;
        let shift = view.shift_mm / pixel_mm(plane) * points_per_pixel;
        let origin = rect.center() + shift - vec2(w, h) * points_per_pixel / 2.0;
        Self { rect, origin, points_per_pixel }
    }
    /// A pixel position on the screen; pixel centres lie at whole numbers.
    fn screen(&self, [x, y]: [f64; 2]) -> Pos2 {
        self.origin + vec2(x as f32 + 0.5, y as f32 + 0.5) * self.points_per_pixel
    }
    /// The way back.
    fn pixel(&self, at: Pos2) -> [f64; 2] {
        let p = (at - self.origin) / self.points_per_pixel;
        [f64::from(p.x) - 0.5, f64::from(p.y) - 0.5]
    }
    fn image(&self, plane: &Plane) -> Rect {
        let [w, h] = plane.pixels().map(|n| n as f32);
        Rect::from_min_size(self.origin, vec2(w, h) * self.points_per_pixel)
    }
}

/// Side of a pixel of a slice, mm; they are square.
fn pixel_mm(plane: &Plane) -> f32 {
    plane.pixel_mm()[0] as f32
}

/// What a slice is drawn from.
pub struct SliceFacts<'a> {
    /// The slice.
    pub slice: &'a Slice,
    /// Its image, as egui knows it.
    pub texture: TextureId,
    /// The point in all slices.
    pub crosshair: Point<Patient>,
    /// The window.
    pub window: Window,
    /// The plan and its numbers.
    pub facts: &'a Facts<'a>,
    /// The brush, where labels are mended.
    pub brush: Option<&'a Brush>,
}

/// Draws one slice into `rect` and reads the mouse on it.
pub fn show(ui: &mut Ui, rect: Rect, on: &SliceFacts, views: &mut Views) -> SliceWish {
    let plane = on.slice.plane();
    let view = &mut views.0[on.slice.view as usize];
    let response = ui.allocate_rect(rect, Sense::click_and_drag());
    let canvas = Canvas::new(rect, plane, *view);
    let wish = read_mouse(ui, &response, &canvas, on, view);
    let canvas = Canvas::new(rect, plane, *view);
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 0.0, theme::SLICE);
    let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    painter.image(on.texture, canvas.image(plane), whole, Color32::WHITE);
    draw_screws(&painter, &canvas, on);
    draw_crosshair(&painter, &canvas, on);
    draw_brush(&painter, &canvas, on, response.hover_pos());
    draw_letters(&painter, rect, plane);
    draw_words(&painter, &canvas, on, response.hover_pos());
    wish
}

fn read_mouse(
    ui: &Ui,
    response: &Response,
    canvas: &Canvas,
    on: &SliceFacts,
    view: &mut View,
) -> SliceWish {
    let mut wish = SliceWish::default();
    let plane = on.slice.plane();
    let mm_per_point = pixel_mm(plane) / canvas.points_per_pixel;
    let (scroll, modifiers) = ui.input(|i| (i.smooth_scroll_delta.y, i.modifiers));
    let steps = ui.input(wheel_steps);
    if response.hovered() && modifiers.ctrl {
        zoom_by(view, (scroll * 0.004).exp());
    } else if response.hovered() && steps != 0.0 {
        let thickness = f64::from(pixel_mm(plane)).max(0.5);
        wish.look = Some(on.crosshair + on.slice.view.paging() * (f64::from(steps) * thickness));
    }
    let drag = response.drag_delta();
    let is_shift = response.dragged_by(PointerButton::Middle)
        || (response.dragged_by(PointerButton::Primary) && modifiers.shift);
    if is_shift {
        view.shift_mm += drag * mm_per_point;
    } else if response.dragged_by(PointerButton::Secondary) {
        zoom_by(view, (-drag.y * 0.008).exp());
    } else if let Some(brush) = on.brush {
        wish.touch = touch(ui, response, canvas, plane, brush);
        return wish;
    } else if response.dragged_by(PointerButton::Primary) {
        drag_primary(ui, response, canvas, on, &mut wish);
    } else if response.clicked()
        && let Some(at) = response.interact_pointer_pos()
    {
        wish.look = Some(point_under(canvas, plane, at));
    }
    if response.double_clicked() {
        wish.toggle_maximised = Some(Cell::Slice(on.slice.view));
    }
    wish
}

/// What the left button does with the brush.
fn touch(
    ui: &Ui,
    response: &Response,
    canvas: &Canvas,
    plane: &Plane,
    brush: &Brush,
) -> Option<Touch> {
    let (is_down, is_shift) = ui.input(|i| (i.pointer.primary_down(), i.modifiers.shift));
    if !is_down {
        return (!brush.path.is_empty()).then_some(Touch::LetGo);
    }
    let is_mine = response.is_pointer_button_down_on() && !is_shift;
    let at = response.interact_pointer_pos().filter(|_| is_mine)?;
    Some(Touch::At(point_under(canvas, plane, at)))
}

/// The brush under the mouse and the stroke under way, as far as it lies near this slice.
fn draw_brush(painter: &egui::Painter, canvas: &Canvas, on: &SliceFacts, mouse: Option<Pos2>) {
    let Some(brush) = on.brush else { return };
    let plane = on.slice.plane();
    let radius = brush.radius_mm as f32 / pixel_mm(plane) * canvas.points_per_pixel;
    let colour = if brush.is_eraser { theme::LOOK } else { theme::ACCENT };
    let near = brush.path.iter().map(|p| plane.pixel(*p));
    for (pixel, off_mm) in near.filter(|(_, off_mm)| off_mm.abs() < brush.radius_mm) {
        let share = (1.0 - (off_mm / brush.radius_mm).powi(2)).sqrt() as f32;
        painter.circle_filled(canvas.screen(pixel), radius * share, colour.gamma_multiply(0.5));
    }
    if let Some(mouse) = mouse {
        painter.circle_stroke(mouse, radius, Stroke::new(1.5, colour));
    }
}

/// Whole notches of the wheel in this frame.
fn wheel_steps(input: &egui::InputState) -> f32 {
    let notches = input.events.iter().filter_map(|event| match event {
        egui::Event::MouseWheel { unit: egui::MouseWheelUnit::Line, delta, .. } => Some(delta.y),
        egui::Event::MouseWheel { unit: egui::MouseWheelUnit::Point, delta, .. } => {
            Some(delta.y / 24.0)
        }
        _ => None,
    });
    notches.sum()
}

fn zoom_by(view: &mut View, factor: f32) {
    view.zoom = (view.zoom * factor).clamp(0.5, 20.0);
}

fn point_under(canvas: &Canvas, plane: &Plane, at: Pos2) -> Point<Patient> {
    let [x, y] = canvas.pixel(at);
    plane.point([x, y])
}

/// Near the crosshair a drag takes it along; elsewhere it changes the window, to the right wider,
/// down higher.
fn drag_primary(
    ui: &Ui,
    response: &Response,
    canvas: &Canvas,
    on: &SliceFacts,
    wish: &mut SliceWish,
) {
    const NEAR: f32 = 14.0;
    let id = response.id.with("has crosshair");
    if response.drag_started() {
        let cross = canvas.screen(on.slice.plane().pixel(on.crosshair).0);
        let start = ui.input(|i| i.pointer.press_origin()).unwrap_or(cross);
        let is_near = (start.x - cross.x).abs() < NEAR || (start.y - cross.y).abs() < NEAR;
        ui.data_mut(|data| data.insert_temp(id, is_near));
    }
    let has_crosshair: bool = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    if has_crosshair {
        let at = response.interact_pointer_pos();
        wish.look = at.map(|at| point_under(canvas, on.slice.plane(), at));
    } else {
        let drag = response.drag_delta();
        wish.window = Some(on.window.dragged(drag.x.into(), drag.y.into()));
    }
}

fn draw_crosshair(painter: &egui::Painter, canvas: &Canvas, on: &SliceFacts) {
    const GAP: f32 = 9.0;
    let at = canvas.screen(on.slice.plane().pixel(on.crosshair).0);
    let stroke = Stroke::new(1.0, theme::ACCENT.gamma_multiply(0.75));
    let rect = canvas.rect;
    painter.hline(rect.left()..=at.x - GAP, at.y, stroke);
    painter.hline(at.x + GAP..=rect.right(), at.y, stroke);
    painter.vline(at.x, rect.top()..=at.y - GAP, stroke);
    painter.vline(at.x, at.y + GAP..=rect.bottom(), stroke);
}

fn draw_letters(painter: &egui::Painter, rect: Rect, plane: &Plane) {
    let font = FontId::proportional(15.0);
    let inside = rect.shrink(9.0);
    let colour = theme::colour32(crate::scene::colour::LETTER);
    let edges = [
        (inside.left_center(), Align2::LEFT_CENTER),
        (inside.right_center(), Align2::RIGHT_CENTER),
        (inside.center_top(), Align2::CENTER_TOP),
        (inside.center_bottom(), Align2::CENTER_BOTTOM),
    ];
    for ((at, align), letter) in edges.into_iter().zip(plane.edge_letters()) {
        outlined(painter, at, align, &letter, font.clone(), colour);
    }
}

/// Text that can be read on black and on white.
fn outlined(
    painter: &egui::Painter,
    at: Pos2,
    align: Align2,
    text: &str,
    font: FontId,
    colour: Color32,
) {
    let dark = Color32::from_black_alpha(200);
    for d in [vec2(1.0, 1.0), vec2(-1.0, 1.0), vec2(1.0, -1.0), vec2(-1.0, -1.0)] {
        painter.text(at + d, align, text, font.clone(), dark);
    }
    painter.text(at, align, text, font, colour);
}

fn draw_screws(painter: &egui::Painter, canvas: &Canvas, on: &SliceFacts) {
    let current = on.facts.current().map(|s| s.id);
    for screw in on.facts.screws() {
        let colour = grade_colour(on.facts.assessment(screw));
        let is_current = current == Some(screw.id);
        let outline = screw_outline(screw, on.slice.plane());
        if outline.len() > 2 {
            let points: Vec<Pos2> = outline.into_iter().map(|p| canvas.screen(p)).collect();
            let width = if is_current { 2.0 } else { 1.5 };
            let fill = colour.gamma_multiply(0.16);
            painter.add(Shape::convex_polygon(points, fill, Stroke::new(width, colour)));
        }
        if is_current {
            draw_axis(painter, canvas, on, screw, colour);
        }
    }
}

/// The whole axis of the screw that is worked on, thin, whether or not the slice cuts it.
fn draw_axis(
    painter: &egui::Painter,
    canvas: &Canvas,
    on: &SliceFacts,
    screw: &Screw,
    colour: Color32,
) {
    let at = |p| canvas.screen(on.slice.plane().pixel(p).0);
    let (entry, tip) = (at(screw.entry), at(screw.tip()));
    let stroke = Stroke::new(1.0, colour.gamma_multiply(0.8));
    painter.extend(Shape::dashed_line(&[entry, tip], stroke, 5.0, 4.0));
    painter.circle_filled(tip, 2.5, colour);
}

fn grade_colour(assessment: Option<&Assessment>) -> Color32 {
    assessment
        .map_or(theme::colour32(crate::scene::colour::PENDING), |a| theme::grade_colour(a.grade))
}

fn draw_words(painter: &egui::Painter, canvas: &Canvas, on: &SliceFacts, mouse: Option<Pos2>) {
    let plane = on.slice.plane();
    let font = FontId::proportional(12.0);
    let rect = canvas.rect.shrink(9.0);
    let place = (on.crosshair - Point::ORIGIN).dot(on.slice.view.paging());
    // In a narrow cell the place stands below the name, clear of the letter.
    let between = if rect.width() < 260.0 { "\n" } else { "  " };
    let name = format!("{}{between}{}", words::view(on.slice.view), words::mm(place));
    outlined(painter, rect.left_top(), Align2::LEFT_TOP, &name, font.clone(), theme::TEXT);
    let window = words::window(on.window);
    let weak = theme::WEAK;
    outlined(painter, rect.left_bottom(), Align2::LEFT_BOTTOM, &window, font.clone(), weak);
    if let Some(mouse) = mouse {
        let pixel = canvas.pixel(mouse).map(f64::round);
        let is_inside = pixel.iter().all(|n| *n >= 0.0);
        let value = is_inside.then(|| on.slice.value(pixel.map(|n| n as usize))).flatten();
        let text = words::hu(value);
        outlined(painter, rect.right_top(), Align2::RIGHT_TOP, &text, font, weak);
    }
    draw_ruler(painter, canvas, plane);
}

/// A scale: the longest round length that takes at most a quarter of the cell.
fn draw_ruler(painter: &egui::Painter, canvas: &Canvas, plane: &Plane) {
    let points_per_mm = canvas.points_per_pixel / pixel_mm(plane);
    let most = canvas.rect.width() / 4.0;
    let rounds = [200.0, 100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0_f32];
    let Some(mm) = rounds.into_iter().find(|mm| mm * points_per_mm <= most) else { return };
    let end = canvas.rect.shrink(9.0).right_bottom();
    let start = end - vec2(mm * points_per_mm, 0.0);
    let stroke = Stroke::new(1.5, theme::WEAK);
    painter.line_segment([start, end], stroke);
    for p in [start, end] {
        painter.line_segment([p, p - vec2(0.0, 5.0)], stroke);
    }
    let font = FontId::proportional(11.0);
    let at = end - vec2(0.0, 6.0);
    outlined(painter, at, Align2::RIGHT_BOTTOM, &format!("{mm} mm"), font, theme::WEAK);
}
