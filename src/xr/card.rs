//! The card beside a hand: clearance and letter of the screw that the hand holds or points at, and
//! below them the two cuts of the one that is worked on, on a dark plate that lies over everything,
//! since it is what is read.
//!
//! In: the screw, its numbers, how sure they are, its cuts. Out: a plane beside the hand, upright to the head,
//! on the hand's outer side, so that the place where a screw enters stays free.
//!
//! At one metre the letter is [`LETTER_M`] high: 55 minutes of arc, where 20 are asked of text that is
//! read with ease (ISO 9241-303), and the small print 20.

use super::actions::Hand;
use super::frame::{Eye, Hands, Rig};
use super::hands::OfHand;
use super::quad::{Due, RoomPanel, spawn_panel_camera};
use super::tools::Tool;
use crate::app::closeup::Closeup;
use crate::app::history::{Document, Draft};
use crate::app::jobs::ActiveCase;
use crate::app::judge::Judgements;
use crate::app::words;
use crate::case::judge::half_width_mm;
use crate::clearance::{Assessment, Band, Wall};
use crate::interact::pick::Target;
use crate::interact::pointer::Aim;
use crate::panel::cuts;
use crate::plan::{Screw, ScrewId};
use crate::scene::colour::{self, Rgb};
use crate::scene::cuts::ScrewCuts;
use bevy::light::{NotShadowCaster, NotShadowReceiver};
use bevy::mesh::MeshVertexBufferLayoutRef;
use bevy::pbr::{
    ExtendedMaterial, MaterialExtension, MaterialExtensionKey, MaterialExtensionPipeline,
};
use bevy::prelude::*;
use bevy::render::render_resource::{
    AsBindGroup, CompareFunction, RenderPipelineDescriptor, SpecializedMeshPipelineError,
};
use bevy_egui::egui::{self, Align, Color32, LayerId, Layout, RichText, Ui, UiBuilder};
use bevy_egui::{EguiContext, EguiTextureHandle, EguiUserTextures};

/// Height of the letter and of the number, m of the room.
pub const LETTER_M: f32 = 0.016;
/// Height of the small print, m of the room.
const SMALL_M: f32 = 0.006;
/// Share of a font's size that a capital letter is high.
const CAPITAL: f32 = 0.70;
/// Size of the plane in the room, m; the plate on it is as large as what it carries.
const SIZE_M: Vec2 = Vec2::new(0.15, 0.175);
/// Its upper edge above the hand, m of the room.
const TOP_M: f32 = 0.056;
/// Width of a cut, and the most that the longer one may be high, points.
const CUT_WIDTH: f32 = 116.0;
const CUT_HEIGHT: f32 = 190.0;
/// Points of the layout in a metre of the room.
const POINTS_PER_M: f32 = 2000.0;
/// Pixels of the image in a point.
const PIXELS_PER_POINT: f32 = 1.5;
/// From the hand to the card, m of the room.
const GAP_M: f32 = 0.035;
/// The plate. Every letter's colour stands out from it by 4.5 to 1 and more (WCAG 2).
pub const PLATE: Rgb = [12, 15, 19];

/// The schedule in which the card is laid out.
#[derive(bevy::ecs::schedule::ScheduleLabel, Clone, Debug, PartialEq, Eq, Hash)]
pub struct CardPass;

/// The camera that carries the card's egui context.
#[derive(Component)]
pub struct CardPanel;

/// The plane that shows it.
#[derive(Component)]
pub struct CardPlane;

/// A material that lies over everything, whatever is nearer.
pub type OnTopMaterial = ExtendedMaterial<StandardMaterial, OnTop>;

/// Leaves depth out of account.
#[derive(Asset, AsBindGroup, TypePath, Clone, Debug, Default)]
pub struct OnTop {}

impl MaterialExtension for OnTop {
    fn specialize(
        _pipeline: &MaterialExtensionPipeline,
        descriptor: &mut RenderPipelineDescriptor,
        _layout: &MeshVertexBufferLayoutRef,
        _key: MaterialExtensionKey<Self>,
    ) -> Result<(), SpecializedMeshPipelineError> {
        if let Some(depth) = descriptor.depth_stencil.as_mut() {
            depth.depth_compare = Some(CompareFunction::Always);
        }
        Ok(())
    }
}

/// Makes the card.
pub(super) fn spawn_card(
    rig: Single<Entity, With<Rig>>,
    mut commands: Commands,
    mut images: ResMut<Assets<Image>>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<OnTopMaterial>>,
) {
    let pixels = (SIZE_M * POINTS_PER_M * PIXELS_PER_POINT).as_uvec2();
    let panel = RoomPanel { pixels, pixels_per_point: PIXELS_PER_POINT, order: -19 };
    let (camera, image) = spawn_panel_camera(&panel, CardPass, &mut commands, &mut images);
    commands.entity(camera).insert(CardPanel);
    let base = StandardMaterial {
        base_color_texture: Some(image),
        unlit: true,
        cull_mode: None,
        alpha_mode: AlphaMode::Premultiplied,
        ..default()
    };
    commands.spawn((
        CardPlane,
        Mesh3d(meshes.add(Rectangle::from_size(SIZE_M))),
        MeshMaterial3d(materials.add(OnTopMaterial { base, extension: OnTop {} })),
        Transform::default(),
        Visibility::Hidden,
        (NotShadowCaster, NotShadowReceiver),
        ChildOf(*rig),
    ));
}

/// What the card speaks of.
struct Subject<'a> {
    hand: Hand,
    screw: &'a Screw,
    numbers: Option<&'a Assessment>,
}

/// What the card is read from.
#[derive(bevy::ecs::system::SystemParam)]
pub(super) struct Read<'w, 's> {
    tool: Res<'w, Tool>,
    draft: Res<'w, Draft>,
    judgements: Res<'w, Judgements>,
    document: Option<Res<'w, Document>>,
    aims: Query<'w, 's, (&'static OfHand, &'static Aim)>,
}

impl Read<'_, '_> {
    /// The screw in a hand, else one that a hand points at.
    fn subject(&self) -> Option<Subject<'_>> {
        if let (Some(draft), Some(hand)) = (&self.draft.0, self.tool.hand()) {
            let numbers = draft.assessment.as_ref();
            return Some(Subject { hand, screw: &draft.screw, numbers });
        }
        let plan = self.document.as_ref()?.plan();
        self.aims.iter().find_map(|(hand, aim)| {
            let Target::Screw(id, _) = aim.0?.target else { return None };
            let screw = plan.screw(id)?;
            Some(Subject { hand: hand.0, screw, numbers: self.judgements.of(screw) })
        })
    }
}

/// Puts the card beside the hand, and has it laid out where there is something new to read.
pub(super) fn move_card(
    read: Read,
    (hands, cuts): (Res<Hands>, Res<ScrewCuts>),
    eyes: Query<(&Eye, &Transform), Without<CardPlane>>,
    mut plane: Single<(&mut Transform, &mut Visibility), With<CardPlane>>,
    mut due: Single<&mut Due, With<CardPanel>>,
    mut last: Local<Option<Written>>,
) {
    let (transform, visibility) = &mut *plane;
    let subject = read.subject();
    let pose = subject.as_ref().and_then(|s| hands[s.hand.index()].stage_from_aim);
    let eye = eyes.iter().find(|(eye, _)| eye.0 == 0).map(|(_, eye)| eye);
    let (Some(subject), Some(pose), Some(eye)) = (subject, pose, eye) else {
        visibility.set_if_neq(Visibility::Hidden);
        *last = None;
        return;
    };
    visibility.set_if_neq(Visibility::Inherited);
    let outwards = if subject.hand == Hand::Left { -1.0 } else { 1.0 };
    let beside = Vec3::new(outwards * (GAP_M + SIZE_M.x / 2.0), TOP_M - SIZE_M.y / 2.0, 0.0);
    **transform = Transform {
        translation: Vec3::from(pose.translation) + eye.rotation * beside,
        rotation: eye.rotation,
        scale: Vec3::ONE,
    };
    let now = Some(subject.written());
    if *last != now || cuts.is_changed() {
        *last = now;
        due.ask();
    }
}

/// What stands on the card, as far as it changes.
type Written = (ScrewId, Option<(i64, Wall)>, [i64; 2]);

impl Subject<'_> {
    /// A tenth of a millimetre is the finest that is written.
    fn written(&self) -> Written {
        let tenths = |mm: f64| (mm * 10.0).round() as i64;
        let numbers = self.numbers.map(|n| (tenths(n.clearance_mm), n.nearest_wall));
        (self.screw.id, numbers, [self.screw.diameter_mm, self.screw.length_mm].map(tenths))
    }
}

/// The cuts of the screw that is worked on, and their images as egui knows them.
#[derive(bevy::ecs::system::SystemParam)]
pub(super) struct CutsOf<'w> {
    closeup: Res<'w, Closeup>,
    cuts: Res<'w, ScrewCuts>,
    textures: ResMut<'w, EguiUserTextures>,
}

impl CutsOf<'_> {
    /// Both cuts; `None` where they are of another screw, or there are none.
    fn of(&mut self, screw: &Screw) -> Option<cuts::Shown<'_>> {
        let is_it = self.closeup.screw.as_ref().is_some_and(|worked_on| worked_on.id == screw.id);
        let pair = self.cuts.cuts.as_ref().filter(|_| is_it)?;
        let ids = [&pair[0], &pair[1]].map(|cut| cut.image.id());
        let images = ids.map(|id| self.textures.add_image(EguiTextureHandle::Weak(id)));
        Some(cuts::Shown { cuts: &self.cuts, images })
    }
}

/// Lays the card out.
pub(super) fn lay_out(
    read: Read,
    case: Option<Res<ActiveCase>>,
    mut cuts_of: CutsOf,
    mut panel: Single<&mut EguiContext, With<CardPanel>>,
) {
    let context = panel.get_mut();
    let (Some(subject), Some(case)) = (read.subject(), case) else { return };
    let whole = UiBuilder::new().layer_id(LayerId::background()).max_rect(context.viewport_rect());
    let mut root = Ui::new(context.clone(), "card".into(), whole);
    // The plate lies against the hand.
    let align = if subject.hand == Hand::Left { Align::Max } else { Align::Min };
    let [r, g, b] = PLATE;
    let plate = egui::Frame::new()
        .fill(Color32::from_rgb(r, g, b))
        .stroke(egui::Stroke::new(2.0, colour_of(&subject)))
        .corner_radius(8)
        .inner_margin(10);
    root.with_layout(Layout::top_down(align), |ui| {
        plate.show(ui, |ui| {
            write(ui, &subject, half_width_mm(&case.spine));
            if let Some(shown) = cuts_of.of(subject.screw) {
                draw_cuts(ui, &shown, subject.screw, colour_of(&subject));
            }
        });
    });
}

/// Along the screw, and across it where least bone is left.
fn draw_cuts(ui: &mut Ui, shown: &cuts::Shown, screw: &Screw, colour: Color32) {
    let Some([cut, _]) = &shown.cuts.cuts else { return };
    let [mm_wide, mm_tall] = cut.plane.size_mm();
    let width = CUT_WIDTH.min((f64::from(CUT_HEIGHT) * mm_wide / mm_tall) as f32);
    ui.add_space(4.0);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        cuts::along(ui, shown, width, screw, colour);
        cuts::across(ui, shown, width, screw, colour);
    });
}

fn colour_of(subject: &Subject) -> Color32 {
    let [r, g, b] = subject.numbers.map_or(colour::PENDING, |n| colour::of_grade(n.grade));
    Color32::from_rgb(r, g, b)
}

fn text(words: String, height_m: f32, colour: Color32) -> RichText {
    RichText::new(words).size(height_m / CAPITAL * POINTS_PER_M).color(colour)
}

fn write(ui: &mut Ui, subject: &Subject, half_mm: f64) {
    let strong = colour_of(subject);
    let [r, g, b] = colour::METAL;
    let weak = Color32::from_rgb(r, g, b);
    ui.spacing_mut().item_spacing = egui::vec2(18.0, 2.0);
    ui.horizontal(|ui| match subject.numbers {
        Some(numbers) => {
            ui.label(text(format!("{:?}", numbers.grade), LETTER_M, strong).strong());
            ui.label(text(words::mm(numbers.clearance_mm), LETTER_M, strong));
        }
        None => {
            ui.label(text(words::PENDING.to_owned(), LETTER_M, strong));
        }
    });
    if let Some(numbers) = subject.numbers {
        let sure = Band::new(numbers, half_mm).say(numbers.grade);
        let wall = words::wall(numbers.nearest_wall);
        ui.label(text(format!("{sure}   {wall}"), SMALL_M, strong));
    }
    let screw = subject.screw;
    let name = words::screws(screw.site(), screw.side, 1);
    let size = words::size(screw.diameter_mm, screw.length_mm);
    ui.label(text(format!("{name}   {size}"), SMALL_M, weak));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clearance::Grade;

    /// Relative luminance as WCAG 2 defines it.
    fn luminance(rgb: Rgb) -> f32 {
        let [r, g, b] = rgb.map(|c| {
            let c = f32::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    #[test]
    fn every_letter_stands_out_from_the_plate() {
        let letters = Grade::ALL.map(colour::of_grade);
        for rgb in letters.into_iter().chain([colour::PENDING, colour::METAL]) {
            let contrast = (luminance(rgb) + 0.05) / (luminance(PLATE) + 0.05);
            assert!(contrast >= 4.5, "{rgb:?}: {contrast}");
        }
    }

    #[test]
    fn all_of_it_can_be_read_at_one_metre() {
        let minutes = |height_m: f32| height_m.atan().to_degrees() * 60.0;
        assert!(minutes(LETTER_M) >= 50.0 && minutes(SMALL_M) >= 20.0);
    }
}
