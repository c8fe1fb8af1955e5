//! The mouse as a pointer: its ray starts at the eye of the 3D view.

use super::camera::{DeskCamera, Flying};
use super::layout::Cells;
use crate::app::schedule::FrameSystems;
use crate::interact::pointer::{Pointer, PointerKind};
use bevy::prelude::*;
use bevy::window::PrimaryWindow;

/// Marks the mouse's pointer.
#[derive(Component)]
pub struct MousePointer;

fn spawn(mut commands: Commands) {
    commands.spawn((MousePointer, Pointer::new(PointerKind::Mouse)));
}

/// Over a panel or a slice the mouse points nowhere, unless it drags something it took before.
fn read(
    cells: Res<Cells>,
    flying: Res<Flying>,
    buttons: Res<ButtonInput<MouseButton>>,
    window: Query<&Window, With<PrimaryWindow>>,
    eye: Query<(&Camera, &GlobalTransform), With<DeskCamera>>,
    mut pointer: Query<&mut Pointer, With<MousePointer>>,
) {
    let (Ok(window), Ok((camera, place))) = (window.single(), eye.single()) else { return };
    let Ok(mut pointer) = pointer.single_mut() else { return };
    let is_ours = cells.is_mouse_in_model || pointer.select.pressed;
    let at = window.cursor_position().filter(|_| is_ours && !flying.0);
    pointer.ray = at.and_then(|at| camera.viewport_to_world(place, at).ok());
    // A click may begin and end within one slow frame; it then ends in the next.
    let is_down = buttons.pressed(MouseButton::Left) || buttons.just_pressed(MouseButton::Left);
    let pressed = is_down && (pointer.select.pressed || is_ours);
    pointer.select.update(f32::from(u8::from(pressed)), pressed);
}

/// Adds the mouse.
pub fn plugin(app: &mut App) {
    app.add_systems(Startup, spawn).add_systems(Update, read.in_set(FrameSystems::Pointer));
}
