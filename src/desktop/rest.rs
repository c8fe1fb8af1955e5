//! The window while somebody wears the headset: drawn a few times a second for those who look on,
//! and at once when mouse or keyboard are used. All other time belongs to the headset.
//!
//! In: [`HeadsetPace`], the window's inputs. Out: the cameras of the window closed, and its panels
//! not laid out, in the frames between. The window keeps the picture that it has.

use super::camera::fit_viewport;
use crate::app::pace::HeadsetPace;
use bevy::camera::RenderTarget;
use bevy::prelude::*;
use bevy::render::renderer::RenderAdapterInfo;
use bevy::window::WindowEvent;
use bevy_egui::egui::FullOutput;
use bevy_egui::{EguiContextSettings, EguiFullOutput, EguiPostUpdateSet, PrimaryEguiContext};
use std::time::{Duration, Instant};
use wgpu::DeviceType;

/// From picture to picture for those who look on, where a graphics card draws.
const ONLOOKERS: Duration = Duration::from_millis(66);
/// The same where the processor draws: a picture of the window costs it as much as many of an eye.
const ONLOOKERS_SOFTWARE: Duration = Duration::from_secs(1);

/// The window is not drawn in this frame.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Resting(bool);

/// Adds the rest of the window.
pub fn plugin(app: &mut App) {
    app.init_resource::<Resting>()
        .add_systems(First, (decide, wake_cameras, rest_panels).chain().before(fit_viewport))
        .add_systems(PostUpdate, rest_cameras.run_if(is_resting))
        .add_systems(
            PostUpdate,
            show_no_panels
                .after(EguiPostUpdateSet::EndPass)
                .before(EguiPostUpdateSet::ProcessOutput),
        );
}

fn is_resting(resting: Res<Resting>) -> bool {
    resting.0
}

fn decide(
    headset: Option<Res<HeadsetPace>>,
    adapter: Option<Res<RenderAdapterInfo>>,
    mut inputs: MessageReader<WindowEvent>,
    mut resting: ResMut<Resting>,
    mut drawn: Local<Option<Instant>>,
) {
    let is_software = adapter.is_some_and(|a| a.device_type == DeviceType::Cpu);
    let pause = if is_software { ONLOOKERS_SOFTWARE } else { ONLOOKERS };
    let is_used = inputs.read().filter(|event| is_of_a_person(event)).count() > 0;
    let is_fresh = drawn.is_some_and(|drawn| drawn.elapsed() < pause);
    resting.0 = headset.is_some_and(|h| h.is_worn) && is_fresh && !is_used;
    if !resting.0 {
        *drawn = Some(Instant::now());
    }
}

/// Somebody at the desk does something, or the window needs another picture.
fn is_of_a_person(event: &WindowEvent) -> bool {
    matches!(
        event,
        WindowEvent::CursorMoved(_)
            | WindowEvent::MouseButtonInput(_)
            | WindowEvent::MouseWheel(_)
            | WindowEvent::KeyboardInput(_)
            | WindowEvent::WindowResized(_)
            | WindowEvent::FileDragAndDrop(_)
    )
}

/// The cameras of the window are open again; `fit_viewport` closes the one that has no cell.
fn wake_cameras(
    mut cameras: Query<(&mut Camera, &RenderTarget)>,
    mut rested: Local<bool>,
    resting: Res<Resting>,
) {
    if std::mem::replace(&mut *rested, resting.0) {
        set_window_cameras(&mut cameras, true);
    }
}

fn rest_cameras(mut cameras: Query<(&mut Camera, &RenderTarget)>) {
    set_window_cameras(&mut cameras, false);
}

fn set_window_cameras(cameras: &mut Query<(&mut Camera, &RenderTarget)>, is_active: bool) {
    for (mut camera, target) in cameras {
        if matches!(target, RenderTarget::Window(_)) && camera.is_active != is_active {
            camera.is_active = is_active;
        }
    }
}

/// Input waits for the next time that the panels are laid out.
fn rest_panels(
    resting: Res<Resting>,
    mut panels: Query<&mut EguiContextSettings, With<PrimaryEguiContext>>,
) {
    for mut panel in &mut panels {
        if panel.run_manually != resting.0 {
            panel.run_manually = resting.0;
        }
    }
}

/// Panels that were not laid out have nothing new to be drawn.
fn show_no_panels(mut panels: Query<(&EguiContextSettings, &mut EguiFullOutput)>) {
    for (settings, mut output) in &mut panels {
        if settings.run_manually && output.is_none() {
            output.0 = Some(FullOutput::default());
        }
    }
}
