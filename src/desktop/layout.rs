//! The window: bars above and below, levels on the left, numbers on the right, and between them
//! the 3D view with the three slices.

use super::bars::{self, Switches};
use super::mpr::{self, SliceFacts, SliceWish, Views};
use super::open;
use crate::app::Phase;
use crate::app::closeup::Closeup;
use crate::app::follow::{Checks, Comparing, Rodding};
use crate::app::history::{Document, Draft, StatusLine};
use crate::app::jobs::{ActiveCase, LoadFailure, OpenCase, Progress};
use crate::app::judge::Judgements;
use crate::app::measuring::Measuring;
use crate::app::mending::Mending;
use crate::app::planning::Planning;
use crate::app::selection::{Crosshair, Selection};
use crate::interact::brush::Brush;
use crate::interact::intent::Intent;
use crate::panel::cuts::Shown as Cuts;
use crate::panel::{Facts, checks, levels, measures, mend, plans, rods, screw, theme, words};
use crate::scene::cuts::ScrewCuts;
use crate::scene::rods::RodsInView;
use crate::scene::slices::Slices;
use crate::volume::View;
use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use bevy_egui::egui::{
    self, Align2, FontId, LayerId, Order, Panel, RichText, ScrollArea, TextureId, Ui, UiBuilder,
    vec2,
};
use bevy_egui::{EguiContexts, EguiTextureHandle};

/// A part of the middle of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// The 3D view.
    Model,
    /// A slice.
    Slice(View),
}

/// Where things are in the window.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct Cells {
    /// The 3D view, logical pixels from the upper left; `None` while a slice fills the middle.
    pub model: Option<Rect>,
    /// The mouse is over the 3D view and over nothing that lies on it.
    pub is_mouse_in_model: bool,
    /// The cell that fills the middle.
    pub maximised: Option<Cell>,
}

/// The dialog that opens a case.
#[derive(Resource, Clone, Debug, Default)]
pub struct OpenDialog {
    /// It is shown.
    pub is_open: bool,
    /// What is typed for the CT.
    pub ct: String,
    /// What is typed for the labels.
    pub labels: String,
    /// What is computed from the case may be kept on this computer.
    pub keep: bool,
    /// Its first field was given the keyboard.
    pub has_focus: bool,
}

/// What the window is drawn from.
#[derive(SystemParam)]
pub struct Shown<'w> {
    case: Option<Res<'w, ActiveCase>>,
    document: Option<Res<'w, Document>>,
    draft: Res<'w, Draft>,
    judgements: Res<'w, Judgements>,
    selection: Res<'w, Selection>,
    crosshair: Res<'w, Crosshair>,
    slices: Res<'w, Slices>,
    status: ResMut<'w, StatusLine>,
    progress: Res<'w, Progress>,
    closeup: Res<'w, Closeup>,
    cuts: Res<'w, ScrewCuts>,
    checks: Res<'w, Checks>,
    comparing: Res<'w, Comparing>,
    rodding: Res<'w, Rodding>,
    planning: Res<'w, Planning>,
    mending: Res<'w, Mending>,
    failure: ResMut<'w, LoadFailure>,
    phase: Res<'w, State<Phase>>,
}

impl Shown<'_> {
    /// Images of the screw's cuts, as egui is to know them.
    fn cut_images(&self) -> Option<[EguiTextureHandle; 2]> {
        let cuts = self.cuts.cuts.as_ref()?;
        Some([0, 1].map(|n| EguiTextureHandle::Weak(cuts[n].image.id())))
    }
    fn facts(&self, images: Option<[TextureId; 2]>) -> Option<Facts<'_>> {
        Some(Facts {
            spine: &self.case.as_ref()?.spine,
            document: self.document.as_ref()?,
            draft: &self.draft,
            judgements: &self.judgements,
            selection: *self.selection,
            closeup: &self.closeup,
            cuts: images.map(|images| Cuts { cuts: &self.cuts, images }),
            checks: &self.checks,
            comparing: &self.comparing,
            rodding: &self.rodding,
            planning: &self.planning,
            mending: &self.mending,
        })
    }
}

/// Width of the panel at the left.
const LEFT: f32 = 190.0;
/// Width of the panel at the right: a share of the window's within these ends.
const RIGHT: [f32; 2] = [268.0, 380.0];
const RIGHT_SHARE: f32 = 0.2;

/// How wide the panel at the right is.
fn right_width(window: f32) -> f32 {
    // `max` and `min` make a width of what is none, which `clamp` would hand on.
    (window * RIGHT_SHARE).max(RIGHT[0]).min(RIGHT[1])
}

/// What the panel at the right shows.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// The screw that is worked on.
    #[default]
    Screw,
    /// What should be looked at.
    Checks,
    /// Plans to choose from.
    Plans,
    /// Rods, and the spine that they are bent for.
    Rods,
}
/// Line between cells.
const GAP: f32 = 2.0;

/// Draws the whole window.
pub fn draw(
    mut contexts: EguiContexts,
    mut shown: Shown,
    mut switches: Switches,
    (mut cells, mut views): (ResMut<Cells>, ResMut<Views>),
    (mut tab, mut rods_in_view): (ResMut<Tab>, ResMut<RodsInView>),
    mut brush: ResMut<Brush>,
    mut measuring: ResMut<Measuring>,
    (mut intents, mut opens): (MessageWriter<Intent>, MessageWriter<OpenCase>),
    mut has_theme: Local<bool>,
) -> Result {
    let ctx = contexts.ctx_mut()?.clone();
    // While the window has no size yet there is nothing to lay out.
    if !ctx.viewport_rect().is_finite() {
        return Ok(());
    }
    if !std::mem::replace(&mut *has_theme, true) {
        theme::apply(&ctx);
    }
    let mut wanted = Vec::new();
    let builder = UiBuilder::new().layer_id(LayerId::background()).max_rect(ctx.viewport_rect());
    let mut ui = Ui::new(ctx.clone(), "window".into(), builder);
    let document = shown.document.as_deref();
    Panel::top("above").frame(theme::bar_frame()).show(&mut ui, |ui| {
        bars::above(ui, document, (&mut switches, &mut measuring), &mut wanted);
    });
    Panel::bottom("below").frame(theme::bar_frame()).show(&mut ui, |ui| {
        bars::below(ui, document, &shown.status);
    });
    let images = shown.cut_images().map(|images| images.map(|image| contexts.add_image(image)));
    if let Some(facts) = shown.facts(images) {
        let brush = switches.is_mending().then_some(&mut brush);
        sides(&mut ui, &facts, &mut tab, brush, &mut wanted);
    }
    rods_in_view.set_if_neq(RodsInView(*tab == Tab::Rods));
    let middle = ui.available_rect_before_wrap();
    match shown.facts(images) {
        Some(_) if measuring.is_wanted => {
            cells.model = None;
            measures_page(&mut ui, middle, &mut measuring);
        }
        Some(facts) => {
            let wish = cells_of(
                &mut ui,
                middle,
                (&shown, &facts, switches.is_mending().then_some(&*brush)),
                &mut contexts,
                (&mut cells, &mut views),
                &switches,
            );
            wanted.extend(wish.look.map(Intent::Look));
            let done = wish.touch.and_then(|t| brush.follow(t, facts.spine, &facts.selection));
            wanted.extend(done);
            if let Some(window) = wish.window {
                switches.set_window(window);
            }
        }
        None => cells.model = Some(engine_rect(middle)),
    }
    let is_asked = shown.failure.if_they_belong.is_some();
    if *shown.phase.get() != Phase::Ready && !is_asked {
        waiting(&ctx, middle, &shown);
    }
    open::dialog(&ctx, switches.dialog(), &mut opens, &mut shown.status);
    open::ask_whether_together(&ctx, &mut shown.failure, &mut opens);
    cells.is_mouse_in_model = is_mouse_free(&ctx, cells.model);
    intents.write_batch(wanted);
    Ok(())
}

/// The page of measures in place of the views.
fn measures_page(ui: &mut Ui, middle: egui::Rect, measuring: &mut Measuring) {
    let mut page = ui.new_child(UiBuilder::new().max_rect(middle));
    let frame = theme::panel_frame();
    let wish = frame.show(&mut page, |ui| {
        ui.set_min_size(ui.available_size());
        measures::show(ui, measuring)
    });
    match wish.inner {
        Some(measures::Wish::Posture(posture)) => measuring.posture = posture,
        Some(measures::Wish::Close) => measuring.is_wanted = false,
        None => {}
    }
}

/// The heads of the panel at the right; the number of things to look at stands on its own.
fn tabs(ui: &mut Ui, facts: &Facts, tab: &mut Tab) {
    ui.horizontal(|ui| {
        let mut head = |ui: &mut Ui, value: Tab, text: &str| {
            if ui.selectable_label(*tab == value, text).clicked() {
                *tab = value;
            }
        };
        head(ui, Tab::Screw, words::SCREW);
        head(ui, Tab::Plans, words::PLANS);
        head(ui, Tab::Rods, words::RODS);
        head(ui, Tab::Checks, words::CHECKS);
        if let Some((count, colour)) = checks::count(facts) {
            let text = RichText::new(count.to_string()).size(12.0).strong();
            let back =
                egui::Frame::new().fill(colour).corner_radius(8).inner_margin(vec2(6.0, 0.0));
            back.show(ui, |ui| ui.label(text.color(theme::text_on(colour))));
        }
    });
    ui.separator();
}

fn sides(
    ui: &mut Ui,
    facts: &Facts,
    tab: &mut ResMut<Tab>,
    brush: Option<&mut ResMut<Brush>>,
    intents: &mut Vec<Intent>,
) {
    let right = right_width(ui.max_rect().width());
    let side = |panel: Panel, width: f32| {
        panel.resizable(false).exact_size(width).frame(theme::panel_frame())
    };
    side(Panel::left("levels"), LEFT).show(ui, |ui| {
        ScrollArea::vertical().show(ui, |ui| levels::show(ui, facts, intents));
    });
    side(Panel::right("screw"), right).show(ui, |ui| {
        if let Some(brush) = brush {
            let mut set = Brush::clone(brush);
            mend::show(ui, facts, &mut set, intents);
            brush.set_if_neq(set);
            return;
        }
        let mut now = **tab;
        tabs(ui, facts, &mut now);
        tab.set_if_neq(now);
        ScrollArea::vertical().id_salt(now as u8).show(ui, |ui| match now {
            Tab::Screw => screw::show(ui, facts, intents),
            Tab::Checks => checks::show(ui, facts),
            Tab::Plans => plans::show(ui, facts, intents),
            Tab::Rods => rods::show(ui, facts, intents),
        });
    });
}

fn engine_rect(rect: egui::Rect) -> Rect {
    Rect::new(rect.left(), rect.top(), rect.right(), rect.bottom())
}

/// The four cells of the middle, or the one that fills it.
fn cells_of(
    ui: &mut Ui,
    middle: egui::Rect,
    (shown, facts, brush): (&Shown, &Facts, Option<&Brush>),
    contexts: &mut EguiContexts,
    (cells, views): (&mut Cells, &mut Views),
    switches: &Switches,
) -> SliceWish {
    let has_slices = !shown.slices.0.is_empty();
    let arranged = arrange(middle, cells.maximised.filter(|_| has_slices), has_slices);
    cells.model = None;
    let mut wish = SliceWish::default();
    for (cell, rect) in arranged {
        let view = match cell {
            Cell::Model => {
                cells.model = Some(engine_rect(rect));
                label(ui, rect);
                continue;
            }
            Cell::Slice(view) => view,
        };
        let Some(slice) = shown.slices.0.iter().find(|s| s.view == view) else {
            continue;
        };
        let texture = contexts.add_image(EguiTextureHandle::Weak(slice.image.id()));
        let on = SliceFacts {
            slice,
            texture,
            crosshair: shown.crosshair.0,
            window: switches.window(),
            facts,
            brush,
        };
        let here = mpr::show(ui, rect, &on, views);
        wish.look = here.look.or(wish.look);
        wish.window = here.window.or(wish.window);
        wish.touch = here.touch.or(wish.touch);
        wish.toggle_maximised = here.toggle_maximised.or(wish.toggle_maximised);
    }
    if let Some(cell) = wish.toggle_maximised {
        cells.maximised = if cells.maximised == Some(cell) { None } else { Some(cell) };
    }
    wish
}

/// Height of a slice from which three of them stand beside the 3D view, one above the other.
const TALL_ENOUGH: f32 = 240.0;

/// A spine is tall, and so is the 3D view: the slices stand beside it, or with it two by two where
/// the window is too low for three rows.
fn arrange(
    middle: egui::Rect,
    maximised: Option<Cell>,
    has_slices: bool,
) -> Vec<(Cell, egui::Rect)> {
    if let Some(cell) = maximised {
        return vec![(cell, middle)];
    }
    if !has_slices {
        return vec![(Cell::Model, middle)];
    }
    let is_tall = middle.height() >= 3.0 * TALL_ENOUGH;
    let column = (middle.width() * 0.5).round();
    let row = (middle.height() / if is_tall { 3.0 } else { 2.0 }).round();
    let at = |x: f32, y: f32, w: f32, h: f32| {
        egui::Rect::from_min_size(middle.min + vec2(x, y), vec2(w - GAP, h - GAP))
    };
    let right = middle.width() - column;
    if is_tall {
        return vec![
            (Cell::Model, at(0.0, 0.0, column, middle.height())),
            (Cell::Slice(View::Axial), at(column, 0.0, right, row)),
            (Cell::Slice(View::Sagittal), at(column, row, right, row)),
            (Cell::Slice(View::Coronal), at(column, 2.0 * row, right, middle.height() - 2.0 * row)),
        ];
    }
    let bottom = middle.height() - row;
    vec![
        (Cell::Model, at(0.0, 0.0, column, row)),
        (Cell::Slice(View::Axial), at(column, 0.0, right, row)),
        (Cell::Slice(View::Sagittal), at(0.0, row, column, bottom)),
        (Cell::Slice(View::Coronal), at(column, row, right, bottom)),
    ]
}

fn label(ui: &Ui, rect: egui::Rect) {
    let font = FontId::proportional(12.0);
    let at = rect.shrink(9.0).left_top();
    ui.painter().text(at, Align2::LEFT_TOP, words::MODEL, font, theme::TEXT);
}

/// What stands in the middle while there is no case.
fn waiting(ctx: &egui::Context, middle: egui::Rect, shown: &Shown) {
    let area = egui::Area::new("waiting".into())
        .order(Order::Foreground)
        .fixed_pos(middle.center())
        .pivot(Align2::CENTER_CENTER);
    area.show(ctx, |ui| {
        egui::Frame::popup(ui.style()).inner_margin(18).show(ui, |ui| {
            ui.set_max_width(420.0);
            if let (Phase::Failed, Some(why)) = (shown.phase.get(), &shown.failure.why) {
                ui.label(RichText::new(words::NOT_OPENED).size(17.0).strong());
                ui.label(why);
                ui.label(RichText::new(words::OPEN_ANOTHER).color(theme::WEAK));
                return;
            }
            ui.label(RichText::new(words::LOADING).size(17.0).strong());
            let stage = &shown.progress.0;
            let bar = egui::ProgressBar::new(stage.fraction).desired_width(320.0);
            ui.add(bar.fill(theme::CHOSEN));
            ui.label(RichText::new(&stage.name).color(theme::WEAK));
        });
    });
}

/// The mouse is in `model`, and no menu, dialog or tip lies under it.
fn is_mouse_free(ctx: &egui::Context, model: Option<Rect>) -> bool {
    let (Some(model), Some(mouse)) = (model, ctx.pointer_latest_pos()) else { return false };
    let is_inside = model.contains(Vec2::new(mouse.x, mouse.y));
    let layer = ctx.layer_id_at(mouse);
    is_inside && layer.is_none_or(|layer| layer.order == Order::Background)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::LEAST_WINDOW;

    /// What bars and panels leave of a window.
    fn middle(width: f32, height: f32) -> egui::Rect {
        const BARS: f32 = 76.0;
        let sides = LEFT + right_width(width);
        egui::Rect::from_min_size(egui::pos2(LEFT, 38.0), vec2(width - sides, height - BARS))
    }

    #[test]
    fn every_view_can_be_read_in_every_window() {
        for (width, height) in
            [(LEAST_WINDOW.x, LEAST_WINDOW.y), (1440.0, 900.0), (1000.0, 1400.0), (3840.0, 2160.0)]
        {
            let middle = middle(width, height);
            let cells = arrange(middle, None, true);
            assert_eq!(cells.len(), 4);
            for (n, (cell, rect)) in cells.iter().enumerate() {
                assert!(middle.contains_rect(*rect), "{cell:?} at {width} x {height}");
                assert!(rect.width() > 200.0 && rect.height() > 200.0, "{cell:?}: {rect}");
                let others = cells.iter().skip(n + 1);
                assert!(others.clone().all(|(_, other)| !rect.intersects(*other)), "{cell:?}");
            }
        }
    }

    #[test]
    fn a_case_without_slices_is_all_model_and_a_maximised_view_is_alone() {
        let middle = middle(1440.0, 900.0);
        assert_eq!(arrange(middle, None, false), [(Cell::Model, middle)]);
        let axial = Cell::Slice(View::Axial);
        assert_eq!(arrange(middle, Some(axial), true), [(axial, middle)]);
    }
}
