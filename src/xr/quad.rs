//! A flat panel on the off hand's wrist, with the other hand's laser as its mouse.
//!
//! In: the ray of the right hand and its trigger. Out: [`PanelHits`], and an egui context drawn
//! into an image; `wrist.rs` fills it. The first button of the right hand shows and hides it.

use super::actions::Hand;
use super::frame::{Hands, Rig};
use super::hands::Pulls;
use super::placement::Placement;
use super::tools::Tool;
use crate::app::history::{Document, StatusLine};
use crate::app::jobs::ActiveCase;
use crate::app::judge::Judgements;
use crate::app::selection::Selection;
use bevy::camera::ImageRenderTarget;
use bevy::camera::RenderTarget;
use bevy::camera::visibility::RenderLayers;
use bevy::ecs::schedule::ScheduleLabel;
use bevy::light::{NotShadowCaster, NotShadowReceiver};
use bevy::math::Vec3A;
use bevy::prelude::*;
use bevy::render::render_resource::{Extent3d, TextureUsages};
use bevy_egui::egui::{Event, Modifiers, PointerButton, pos2};
use bevy_egui::input::{EguiContextPointerPosition, EguiInputEvent};
use bevy_egui::{EguiContextSettings, EguiSchedule};

/// Size in the room, m.
const SIZE_M: Vec2 = Vec2::new(0.18, 0.225);
/// Size of its picture in pixels.
const PIXELS: UVec2 = UVec2::new(720, 900);
/// Pixels per point of the panel's layout: 360 × 450 points.
const PIXELS_PER_POINT: f32 = 2.0;
/// Where it stands in the off hand's aim: above the wrist, towards the user's face.
const PLACE: Vec3 = Vec3::new(0.0, 0.13, 0.02);
/// Leant back by this, so that one reads it looking down.
const LEAN_RAD: f32 = -0.6;

/// The schedule in which the panel's widgets are laid out.
#[derive(ScheduleLabel, Clone, Debug, PartialEq, Eq, Hash)]
pub struct WristPass;

/// The camera that carries the panel's egui context.
#[derive(Component)]
pub struct WristPanel;

/// The plane that shows it.
#[derive(Component)]
pub struct WristPlane;

/// Shown or not.
#[derive(Resource, Clone, Copy, Debug, PartialEq, Eq)]
pub struct WristShown(pub bool);

impl Default for WristShown {
    fn default() -> Self {
        Self(true)
    }
}

/// Where a hand's ray meets the panel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PanelHit {
    /// In the stage, m.
    pub point: Vec3,
    /// 0 to 1 from the upper left corner.
    pub uv: Vec2,
}

/// Where each hand's ray meets the panel, left first; the hand that wears it never does.
#[derive(Resource, Default)]
pub struct PanelHits(pub [Option<PanelHit>; 2]);

/// A panel that stands in the room: an egui context that is drawn into an image.
pub(super) struct RoomPanel {
    /// Size of the image.
    pub pixels: UVec2,
    /// Pixels of the image in a point of the layout.
    pub pixels_per_point: f32,
    /// Before all cameras that show it; no other has the same.
    pub order: isize,
}

/// Makes the camera of a panel, laid out in `pass`, and its image.
pub(super) fn spawn_panel_camera(
    panel: &RoomPanel,
    pass: impl ScheduleLabel,
    commands: &mut Commands,
    images: &mut Assets<Image>,
) -> (Entity, Handle<Image>) {
    let size = panel.pixels;
    let mut image = Image { data: Some(vec![0; (size.x * size.y * 4) as usize]), ..default() };
    image.texture_descriptor.usage |= TextureUsages::RENDER_ATTACHMENT;
    image.texture_descriptor.size =
        Extent3d { width: size.x, height: size.y, depth_or_array_layers: 1 };
    let image = images.add(image);
    let camera = commands.spawn((
        Due::default(),
        Camera2d,
        Camera {
            order: panel.order,
            clear_color: ClearColorConfig::Custom(Color::NONE),
            is_active: false,
            ..default()
        },
        RenderTarget::Image(ImageRenderTarget {
            handle: image.clone(),
            scale_factor: panel.pixels_per_point,
        }),
        Msaa::Off,
        RenderLayers::none(),
        EguiSchedule::new(pass),
    ));
    (camera.id(), image)
}

/// A panel in the room is laid out and drawn while it is due; between, its image stays as it is.
#[derive(Component, Debug)]
pub struct Due(u8);

/// A glyph or a size that is new settles in a second frame.
const FRAMES: u8 = 2;

impl Default for Due {
    /// A context that was never laid out can not be drawn at all.
    fn default() -> Self {
        Self(FRAMES)
    }
}

impl Due {
    /// There is something new to be shown.
    pub fn ask(&mut self) {
        self.0 = FRAMES;
    }
}

/// Lays out and draws what is due.
pub(super) fn draw_due_panels(
    mut panels: Query<(&mut Due, &mut Camera, Option<&mut EguiContextSettings>)>,
) {
    for (mut due, mut camera, settings) in &mut panels {
        let is_due = due.0 > 0;
        if is_due {
            due.0 -= 1;
        }
        if camera.is_active != is_due {
            camera.is_active = is_due;
        }
        if let Some(mut settings) = settings
            && settings.run_manually == is_due
        {
            settings.run_manually = !is_due;
        }
    }
}

/// From look to look at what nothing told of: the state of the disk, a button that fades, s.
const LOOK_AGAIN_S: f32 = 0.25;

/// The wrist's panel is due when something that it shows or somebody who points at it has moved.
pub(super) fn ask_wrist(
    hits: Res<PanelHits>,
    case: Option<Res<ActiveCase>>,
    (document, judgements): (Option<Res<Document>>, Res<Judgements>),
    (selection, status, placement): (Res<Selection>, Res<StatusLine>, Res<Placement>),
    time: Res<Time>,
    mut panel: Single<&mut Due, With<WristPanel>>,
    plane: Single<&Visibility, With<WristPlane>>,
    mut since_s: Local<f32>,
) {
    *since_s += time.delta_secs();
    let is_new = [
        hits.0.iter().any(Option::is_some),
        case.is_some_and(|c| c.is_changed()),
        document.is_some_and(|d| d.is_changed()),
        judgements.is_changed(),
        selection.is_changed(),
        status.is_changed(),
        placement.is_changed(),
        *since_s > LOOK_AGAIN_S,
    ];
    if **plane != Visibility::Hidden && is_new.contains(&true) {
        *since_s = 0.0;
        panel.ask();
    }
}

/// Makes the panel's image, its context and the plane that shows it.
pub(super) fn spawn_panel(
    rig: Single<Entity, With<Rig>>,
    mut commands: Commands,
    mut images: ResMut<Assets<Image>>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
) {
    let panel = RoomPanel { pixels: PIXELS, pixels_per_point: PIXELS_PER_POINT, order: -20 };
    let (camera, image) = spawn_panel_camera(&panel, WristPass, &mut commands, &mut images);
    commands.entity(camera).insert(WristPanel);
    commands.spawn((
        WristPlane,
        Mesh3d(meshes.add(Rectangle::from_size(SIZE_M))),
        MeshMaterial3d(materials.add(StandardMaterial {
            base_color_texture: Some(image),
            unlit: true,
            cull_mode: None,
            alpha_mode: AlphaMode::Blend,
            ..default()
        })),
        Transform::default(),
        Visibility::Hidden,
        (NotShadowCaster, NotShadowReceiver),
        ChildOf(*rig),
    ));
}

/// Moves the plane with the off hand, shows and hides it, and finds where the other hand points.
pub(super) fn move_panel(
    hands: Res<Hands>,
    mut shown: ResMut<WristShown>,
    mut hits: ResMut<PanelHits>,
    mut plane: Single<(&mut Transform, &mut Visibility), With<WristPlane>>,
    mut was_pressed: Local<bool>,
) {
    let pressed = hands[Hand::Right.index()].primary;
    if pressed && !*was_pressed {
        shown.0 = !shown.0;
    }
    *was_pressed = pressed;
    let wrist = hands[Hand::Left.index()].stage_from_aim.filter(|_| shown.0);
    let (transform, visibility) = &mut *plane;
    visibility.set_if_neq(match wrist {
        Some(_) => Visibility::Inherited,
        None => Visibility::Hidden,
    });
    hits.0 = [None, None];
    let Some(wrist) = wrist else { return };
    let lean = Transform::from_translation(PLACE).with_rotation(Quat::from_rotation_x(LEAN_RAD));
    **transform = Transform::from_isometry(wrist) * lean;
    let aim = hands[Hand::Right.index()].stage_from_aim;
    hits.0[Hand::Right.index()] = aim.and_then(|aim| meet(transform, aim));
}

/// Where a ray (−z of its pose) meets the front of the panel.
fn meet(stage_from_panel: &Transform, stage_from_aim: Isometry3d) -> Option<PanelHit> {
    let to_panel = stage_from_panel.to_isometry().inverse();
    let from = to_panel.transform_point(stage_from_aim.translation);
    let ahead = to_panel.rotation * (stage_from_aim.rotation * Vec3A::NEG_Z);
    if ahead.z >= -1e-4 || from.z <= 0.0 {
        return None;
    }
    let local = from + ahead * (from.z / -ahead.z);
    let uv = Vec2::new(0.5 + local.x / SIZE_M.x, 0.5 - local.y / SIZE_M.y);
    let is_on_it = uv.cmpge(Vec2::ZERO).all() && uv.cmple(Vec2::ONE).all();
    is_on_it.then(|| PanelHit { point: stage_from_panel.transform_point(local.into()), uv })
}

/// Passes the laser on as a mouse.
pub(super) fn click_panel(
    hits: Res<PanelHits>,
    pulls: Res<Pulls>,
    tool: Res<Tool>,
    mut panel: Single<(Entity, &mut EguiContextPointerPosition), With<WristPanel>>,
    mut events: MessageWriter<EguiInputEvent>,
    mut held: Local<bool>,
    mut was_over: Local<bool>,
) {
    let (context, position) = &mut *panel;
    let context = *context;
    let mut send = |event| {
        events.write(EguiInputEvent { context, event });
    };
    let hit = hits.0[Hand::Right.index()].filter(|_| tool.hand().is_none());
    let pull = pulls.0[Hand::Right.index()];
    if let Some(hit) = hit {
        let points = hit.uv * PIXELS.as_vec2() / PIXELS_PER_POINT;
        position.position = pos2(points.x, points.y);
        send(Event::PointerMoved(position.position));
    }
    let button = |pressed| Event::PointerButton {
        pos: position.position,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    if hit.is_some() && pull.has_begun {
        *held = true;
        send(button(true));
    } else if *held && !pull.is_pulled {
        *held = false;
        send(button(false));
    }
    if *was_over && hit.is_none() && !*held {
        send(Event::PointerGone);
    }
    *was_over = hit.is_some();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_left_corner_is_zero_and_the_back_is_not_hit() {
        let panel = Transform::from_xyz(1.0, 2.0, 3.0);
        let at = |x: f32, y: f32, z: f32, turn: Quat| Isometry3d::new(Vec3::new(x, y, z), turn);
        let corner = Vec2::new(1.0 - SIZE_M.x / 2.0, 2.0 + SIZE_M.y / 2.0);
        let aim = at(corner.x + 1e-4, corner.y - 1e-4, 3.5, Quat::IDENTITY);
        let hit = meet(&panel, aim).expect("on it");
        assert!(hit.uv.length() < 0.01, "{hit:?}");
        assert!((hit.point.z - 3.0).abs() < 1e-6);
        assert_eq!(meet(&panel, at(2.0, 2.0, 3.5, Quat::IDENTITY)), None, "beside it");
        let behind = at(1.0, 2.0, 2.5, Quat::from_rotation_y(std::f32::consts::PI));
        assert_eq!(meet(&panel, behind), None);
    }
}
