//! The eye on the desk: orbit, fly, and the standard views.

use super::layout::Cells;
use crate::app::jobs::{ActiveCase, CaseOpened};
use crate::interact::gesture::Gesture;
use crate::scene::case::{
    CASE_PLACE, CaseRoot, root_transform, world_dir_from_patient, world_from_patient,
};
use crate::scene::framing::{Look, distance_to_see};
use crate::scene::layers::all_layers;
use crate::scene::letters::{ModelBox, Viewer};
use crate::space::orientation::Letter;
use crate::space::{Dir, Patient};
use bevy::camera::visibility::RenderLayers;
use bevy::camera::{CameraOutputMode, Viewport};
use bevy::camera_controller::free_camera::FreeCamera;
use bevy::input::mouse::AccumulatedMouseScroll;
use bevy::prelude::*;
use bevy::render::render_resource::BlendState;
use bevy::render::renderer::RenderAdapterInfo;
use bevy::window::PrimaryWindow;
use bevy_egui::PrimaryEguiContext;
use bevy_panorbit_camera::PanOrbitCamera;
use std::f32::consts::{FRAC_PI_2, PI};
use wgpu::DeviceType;

/// Vertical field of view: narrow, so that near levels do not look larger than far ones.
pub const FIELD_OF_VIEW: f32 = 0.5;

/// Marks the camera of the 3D view.
#[derive(Component)]
pub struct DeskCamera;

/// Turns flying on and off.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flying(pub bool);

/// From where the model is seen.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookFrom(pub Letter);

/// The camera of the 3D view and the one that carries the panels.
///
/// Where the processor draws, edges stay rough, so that the picture follows the hand.
pub fn spawn_cameras(adapter: Option<Res<RenderAdapterInfo>>, mut commands: Commands) {
    let is_software = adapter.is_some_and(|a| a.device_type == DeviceType::Cpu);
    let samples = if is_software { Msaa::Off } else { Msaa::Sample4 };
    commands.spawn((
        DeskCamera,
        Viewer,
        Camera3d::default(),
        Projection::Perspective(PerspectiveProjection {
            fov: FIELD_OF_VIEW,
            near: 0.005,
            far: 100.0,
            ..default()
        }),
        samples,
        all_layers(),
        Transform::from_translation(CASE_PLACE - Vec3::Z).looking_at(CASE_PLACE, Vec3::Y),
        PanOrbitCamera {
            focus: CASE_PLACE,
            target_focus: CASE_PLACE,
            button_orbit: MouseButton::Left,
            button_pan: MouseButton::Middle,
            button_zoom: Some(MouseButton::Right),
            zoom_lower_limit: 0.03,
            zoom_upper_limit: Some(8.0),
            ..default()
        },
    ));
    commands.spawn((
        PrimaryEguiContext,
        Camera2d,
        Msaa::Off,
        RenderLayers::none(),
        Camera {
            order: 10,
            // Panels are laid over what the 3D view has drawn.
            output_mode: CameraOutputMode::Write {
                blend_state: Some(BlendState::ALPHA_BLENDING),
                clear_color: ClearColorConfig::None,
            },
            clear_color: ClearColorConfig::Custom(Color::NONE),
            ..default()
        },
    ));
}

/// Yaw and pitch, as the orbit camera counts them, of an eye that stands towards `d` (world).
fn yaw_pitch(d: Vec3) -> (f32, f32) {
    let flat = Vec2::new(d.x, d.z).length();
    // Straight from above or below, the surgeon stands at the patient's back.
    let yaw = if flat < 1e-3 { PI } else { d.x.atan2(d.z) };
    (yaw, d.y.atan2(flat).clamp(-FRAC_PI_2 + 1e-3, FRAC_PI_2 - 1e-3))
}

/// The unit vector that has this yaw and pitch.
fn towards(yaw: f32, pitch: f32) -> Vec3 {
    let flat = Vec2::from(yaw.sin_cos()) * pitch.cos();
    Vec3::new(flat.x, pitch.sin(), flat.y)
}

/// Distance from which the whole model is seen in its cell of the window.
fn reading_distance(
    model: &ModelBox,
    root: &GlobalTransform,
    cells: &Cells,
    (yaw, pitch): (f32, f32),
) -> f32 {
    let cell = cells.model.unwrap_or(Rect::new(0.0, 0.0, 1.0, 1.0));
    let aspect = cell.width().max(1.0) / cell.height().max(1.0);
    let look =
        Look { towards: towards(yaw, pitch), up: Vec3::Y, field_of_view: FIELD_OF_VIEW, aspect };
    distance_to_see(model, root, look)
}

/// The case is new to its viewer, who has not touched the eye yet.
#[derive(Resource, Default)]
pub struct IsNew(bool);

/// From behind and a little from the side, as the surgeon stands: yaw and pitch.
const SURGEON: (f32, f32) = (PI - 0.45, 0.16);

/// A new case is seen whole, however the window changes, until its viewer moves the eye.
fn show_new_case(
    mut opened: MessageReader<CaseOpened>,
    (mut is_new, cells): (ResMut<IsNew>, Res<Cells>),
    (buttons, wheel): (Res<ButtonInput<MouseButton>>, Res<AccumulatedMouseScroll>),
    case: Option<Res<ActiveCase>>,
    mut shown_in: Local<Option<Rect>>,
    mut eye: Query<&mut PanOrbitCamera, With<DeskCamera>>,
) {
    if opened.read().last().is_some() {
        (is_new.0, *shown_in) = (true, None);
    }
    let is_touched = buttons.get_pressed().next().is_some() || wheel.delta != Vec2::ZERO;
    is_new.0 &= !(is_touched && cells.is_mouse_in_model);
    let (true, Some(case), Ok(mut eye)) = (is_new.0, case, eye.single_mut()) else { return };
    if shown_in.is_some() && *shown_in == cells.model {
        return;
    }
    *shown_in = cells.model;
    let model = ModelBox::of(&case.spine);
    let root = GlobalTransform::from(root_transform(model.middle, CASE_PLACE, 1.0));
    eye.target_focus = CASE_PLACE;
    eye.target_radius = reading_distance(&model, &root, &cells, SURGEON);
    (eye.target_yaw, eye.target_pitch) = SURGEON;
    eye.focus = eye.target_focus;
    eye.radius = Some(eye.target_radius);
    eye.yaw = Some(eye.target_yaw);
    eye.pitch = Some(eye.target_pitch);
    eye.initialized = true;
    eye.force_update = true;
}

/// Turns the eye to a standard view.
pub fn look_from(
    mut wanted: MessageReader<LookFrom>,
    model: Res<ModelBox>,
    root: Query<&GlobalTransform, With<CaseRoot>>,
    (cells, mut is_new): (Res<Cells>, ResMut<IsNew>),
    mut flying: ResMut<Flying>,
    mut eye: Query<&mut PanOrbitCamera, With<DeskCamera>>,
) {
    let Some(LookFrom(letter)) = wanted.read().last() else { return };
    let (Ok(root), Ok(mut eye)) = (root.single(), eye.single_mut()) else { return };
    let direction: Dir<Patient> = letter.dir();
    flying.set_if_neq(Flying(false));
    is_new.0 = false;
    let (yaw, pitch) = yaw_pitch(world_dir_from_patient(root, direction));
    eye.target_yaw = yaw;
    eye.target_pitch = pitch;
    eye.target_focus = world_from_patient(root, model.middle);
    eye.target_radius = reading_distance(&model, root, &cells, (yaw, pitch));
}

/// Gives the eye wings and takes them away.
pub fn take_off_and_land(
    flying: Res<Flying>,
    mut eye: Query<(Entity, &mut PanOrbitCamera, &Transform), With<DeskCamera>>,
    mut is_new: ResMut<IsNew>,
    mut commands: Commands,
) {
    if !flying.is_changed() {
        return;
    }
    let Ok((entity, mut orbit, transform)) = eye.single_mut() else { return };
    if flying.0 {
        is_new.0 = false;
        commands.entity(entity).insert(FreeCamera {
            walk_speed: 0.15,
            run_speed: 0.6,
            mouse_key_cursor_grab: MouseButton::Right,
            keyboard_key_toggle_cursor_grab: KeyCode::F24,
            ..default()
        });
    } else {
        commands.entity(entity).remove::<FreeCamera>();
        // Orbiting goes on from where the flight ended.
        let distance = orbit.radius.unwrap_or(0.5).min(0.5);
        let focus = transform.translation + transform.forward() * distance;
        orbit.focus = focus;
        orbit.target_focus = focus;
        (orbit.radius, orbit.yaw, orbit.pitch) = (None, None, None);
        orbit.initialized = false;
    }
}

/// The orbit rests while something else has the mouse.
pub fn rest_while_busy(
    gesture: Res<Gesture>,
    flying: Res<Flying>,
    cells: Res<Cells>,
    mut eye: Query<&mut PanOrbitCamera, With<DeskCamera>>,
    buttons: Res<ButtonInput<MouseButton>>,
) {
    let Ok(mut eye) = eye.single_mut() else { return };
    // A drag that began in the 3D view keeps the eye wherever the mouse goes.
    let began_here = eye.enabled && buttons.get_pressed().next().is_some();
    let enabled = !gesture.is_dragging() && !flying.0 && (cells.is_mouse_in_model || began_here);
    if eye.enabled != enabled {
        eye.enabled = enabled;
    }
}

/// Draws the model into its cell of the window.
pub fn fit_viewport(
    cells: Res<Cells>,
    window: Query<&Window, With<PrimaryWindow>>,
    mut eye: Query<&mut Camera, With<DeskCamera>>,
) {
    let (Ok(window), Ok(mut camera)) = (window.single(), eye.single_mut()) else { return };
    let Some(rect) = cells.model.filter(|r| r.width() > 2.0 && r.height() > 2.0) else {
        camera.is_active = false;
        return;
    };
    let scale = window.scale_factor();
    let limit = UVec2::new(window.physical_width(), window.physical_height());
    let corner = (rect.min * scale).round().as_uvec2().min(limit.saturating_sub(UVec2::ONE));
    let size = (rect.size() * scale).round().as_uvec2().min(limit - corner).max(UVec2::ONE);
    let same = camera
        .viewport
        .as_ref()
        .is_some_and(|v| v.physical_position == corner && v.physical_size == size);
    if !same || !camera.is_active {
        camera.is_active = true;
        camera.viewport =
            Some(Viewport { physical_position: corner, physical_size: size, ..default() });
    }
}

/// Adds the eye.
pub fn plugin(app: &mut App) {
    app.init_resource::<Flying>()
        .init_resource::<IsNew>()
        .add_message::<LookFrom>()
        .add_systems(Startup, spawn_cameras)
        .add_systems(
            Update,
            (show_new_case, look_from, take_off_and_land, rest_while_busy)
                .chain()
                .after(crate::app::schedule::FrameSystems::Gesture),
        )
        .add_systems(First, fit_viewport);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_at_plus_z_and_the_left_at_plus_x() {
        assert_eq!(yaw_pitch(Vec3::Z), (0.0, 0.0));
        assert!((yaw_pitch(Vec3::X).0 - FRAC_PI_2).abs() < 1e-6);
        assert!(yaw_pitch(Vec3::Y).1 > 1.5);
        let d = Vec3::new(0.3, -0.5, -0.7).normalize();
        let (yaw, pitch) = yaw_pitch(d);
        assert!(towards(yaw, pitch).distance(d) < 1e-6);
    }
}
