//! The window: bars above and below, levels on the left, numbers on the right, and between them
//! the 3D view with the three slices.

use super::bars::{self, Switches};
use super::mpr::{self, SliceFacts, SliceWish, Views};
use super::open;
use crate::app::Phase;
use crate::app::history::{Document, Draft, StatusLine};
use crate::app::jobs::{ActiveCase, LoadFailure, OpenCase, Progress};
use crate::app::judge::Judgements;
use crate::app::selection::{Crosshair, Selection};
use crate::interact::intent::Intent;
use crate::panel::{Facts, levels, screw, theme, words};
use crate::scene::slices::Slices;
use crate::volume::View;
use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use bevy_egui::egui::{
    self, Align2, FontId, LayerId, Order, Panel, RichText, ScrollArea, Ui, UiBuilder, vec2,
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
    failure: Res<'w, LoadFailure>,
    phase: Res<'w, State<Phase>>,
}

impl Shown<'_> {
    fn facts(&self) -> Option<Facts<'_>> {
        Some(Facts {
            spine: &self.case.as_ref()?.spine,
            document: self.document.as_ref()?,
            draft: &self.draft,
            judgements: &self.judgements,
            selection: *self.selection,
        })
    }
}

/// Width of the panels at the sides.
const LEFT: f32 = 190.0;
const RIGHT: f32 = 268.0;
/// Line between cells.
const GAP: f32 = 2.0;

/// Draws the whole window.
pub fn draw(
    mut contexts: EguiContexts,
    mut shown: Shown,
    mut switches: Switches,
    (mut cells, mut views): (ResMut<Cells>, ResMut<Views>),
    (mut intents, mut opens): (MessageWriter<Intent>, MessageWriter<OpenCase>),
    mut has_theme: Local<bool>,
) -> Result {
    let ctx = contexts.ctx_mut()?.clone();
    if !std::mem::replace(&mut *has_theme, true) {
        theme::apply(&ctx);
    }
    let mut wanted = Vec::new();
    let builder = UiBuilder::new().layer_id(LayerId::background()).max_rect(ctx.viewport_rect());
    let mut ui = Ui::new(ctx.clone(), "window".into(), builder);
    let document = shown.document.as_deref();
    Panel::top("above").frame(theme::bar_frame()).show(&mut ui, |ui| {
        bars::above(ui, document, &mut switches, &mut wanted);
    });
    Panel::bottom("below").frame(theme::bar_frame()).show(&mut ui, |ui| {
        bars::below(ui, document, &shown.status);
    });
    if let Some(facts) = shown.facts() {
        sides(&mut ui, &facts, &mut wanted);
    }
    let middle = ui.available_rect_before_wrap();
    match shown.facts() {
        Some(facts) => {
            let wish = cells_of(
                &mut ui,
                middle,
                (&shown, &facts),
                &mut contexts,
                (&mut cells, &mut views),
                &switches,
            );
            wanted.extend(wish.look.map(Intent::Look));
            if let Some(window) = wish.window {
                switches.set_window(window);
            }
        }
        None => cells.model = Some(engine_rect(middle)),
    }
    if *shown.phase.get() != Phase::Ready {
        waiting(&ctx, middle, &shown);
    }
    open::dialog(&ctx, switches.dialog(), &mut opens, &mut shown.status);
    cells.is_mouse_in_model = is_mouse_free(&ctx, cells.model);
    intents.write_batch(wanted);
    Ok(())
}

fn sides(ui: &mut Ui, facts: &Facts, intents: &mut Vec<Intent>) {
    let side = |panel: Panel, width: f32| {
        panel.resizable(false).exact_size(width).frame(theme::panel_frame())
    };
    side(Panel::left("levels"), LEFT).show(ui, |ui| {
        ScrollArea::vertical().show(ui, |ui| levels::show(ui, facts, intents));
    });
    side(Panel::right("screw"), RIGHT).show(ui, |ui| {
        ScrollArea::vertical().show(ui, |ui| screw::show(ui, facts, intents));
    });
}

fn engine_rect(rect: egui::Rect) -> Rect {
    Rect::new(rect.left(), rect.top(), rect.right(), rect.bottom())
}

/// The four cells of the middle, or the one that fills it.
fn cells_of(
    ui: &mut Ui,
    middle: egui::Rect,
    (shown, facts): (&Shown, &Facts),
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
        };
        let here = mpr::show(ui, rect, &on, views);
        wish.look = here.look.or(wish.look);
        wish.window = here.window.or(wish.window);
        wish.toggle_maximised = here.toggle_maximised.or(wish.toggle_maximised);
    }
    if let Some(cell) = wish.toggle_maximised {
        cells.maximised = if cells.maximised == Some(cell) { None } else { Some(cell) };
    }
    wish
}

/// The 3D view takes the larger part; the slices stand beside it.
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
    let column = (middle.width() * 0.5).round();
    let row = (middle.height() * 0.5).round();
    let at = |x: f32, y: f32, w: f32, h: f32| {
        egui::Rect::from_min_size(middle.min + vec2(x, y), vec2(w - GAP, h - GAP))
    };
    let (right, bottom) = (middle.width() - column, middle.height() - row);
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
            if let (Phase::Failed, Some(why)) = (shown.phase.get(), &shown.failure.0) {
                ui.label(RichText::new(words::NOT_OPENED).size(17.0).strong());
                ui.label(why);
                ui.label(RichText::new(words::OPEN_ANOTHER).color(theme::WEAK));
                return;
            }
            ui.label(RichText::new(words::LOADING).size(17.0).strong());
            let bar = egui::ProgressBar::new(shown.progress.fraction).desired_width(320.0);
            ui.add(bar.fill(theme::CHOSEN));
            ui.label(RichText::new(&shown.progress.stage).color(theme::WEAK));
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
