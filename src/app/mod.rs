//! The foundation of everything that needs the engine: how the app is made and ends, what a frame
//! is, the case that is open, and the background work.
//!
//! In: a [`Shape`] and a [`jobs::CaseRequest`]. Out: a Bevy [`App`] to which the rooms `scene`,
//! `interact`, `panel`, `desktop` and `xr` add their plugins; `program` puts them together.

pub mod background;
pub mod follow;
pub mod closeup;
pub mod display;
pub mod doctor;
pub mod frame_times;
pub mod gpu;
pub mod guard;
pub mod history;
pub mod jobs;
pub mod judge;
pub mod measuring;
pub mod mending;
pub mod pace;
pub mod planning;
pub mod schedule;
pub mod selection;
pub mod words;

use bevy::app::{PluginGroupBuilder, ScheduleRunnerPlugin};
use bevy::log::LogPlugin;
use bevy::prelude::*;
use bevy::render::RenderPlugin;
use bevy::render::pipelined_rendering::PipelinedRenderingPlugin;
use bevy::render::settings::{Backends, RenderCreation, WgpuSettings};
use bevy::window::{
    ExitCondition, Monitor, PrimaryMonitor, PrimaryWindow, WindowResizeConstraints, WindowTheme,
};
use bevy::winit::WinitPlugin;
use std::time::Duration;

/// Smallest window in which everything can be read, logical pixels.
pub const LEAST_WINDOW: Vec2 = Vec2::new(900.0, 600.0);

/// Replaces or adds plugins of the engine, so that a headset can bring its own renderer.
pub type EngineHook = Box<dyn FnOnce(PluginGroupBuilder) -> PluginGroupBuilder>;

/// What the engine draws on.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A window on the desk.
    Window,
    /// Images in memory; no window, no display.
    OffScreen,
}

/// Where the program stands.
#[derive(States, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    /// A case is being read and computed.
    #[default]
    Loading,
    /// A case is open.
    Ready,
    /// The case could not be opened; [`jobs::LoadFailure`] says why.
    Failed,
}

/// Why the engine could not run, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No adapter speaks Vulkan.
    #[error(
        "there is no Vulkan driver on this machine, so nothing can be drawn; on Debian and Ubuntu \
         `sudo apt install mesa-vulkan-drivers` brings one"
    )]
    NoVulkan,
    /// A part of the program panicked.
    #[error("the program had to end: {0}")]
    Stopped(String),
    /// The person left without a case having opened; the window and the log said why.
    #[error("no case was opened")]
    NothingOpened,
    /// The engine ended with an exit code of its own.
    #[error("the engine ended with code {0}")]
    Ended(u8),
}

/// An app with the engine's plugins and this room's own; the caller adds the other rooms.
///
/// The logger is set up once per process: `is_first` is false for an app after another one.
pub fn new_app(shape: Shape, hook: Option<EngineHook>, is_first: bool) -> App {
    let mut app = App::new();
    app.set_error_handler(guard::log_error);
    let mut engine = match shape {
        Shape::Window => windowed(),
        Shape::OffScreen => off_screen(),
    };
    if !is_first {
        engine = engine.disable::<LogPlugin>();
    }
    app.add_plugins(match hook {
        Some(hook) => hook(engine),
        None => engine,
    });
    if matches!(shape, Shape::OffScreen) {
        app.add_plugins(ScheduleRunnerPlugin::run_loop(Duration::ZERO));
    }
    app.add_plugins(CorePlugin).add_systems(Update, fit_on_screen);
    app
}

/// What every app of this program has, be it a window, a picture or a test: the states, the order
/// of a frame, the open case with its document, and its numbers.
pub struct CorePlugin;

impl Plugin for CorePlugin {
    fn build(&self, app: &mut App) {
        app.init_state::<Phase>().add_plugins((
            guard::plugin,
            schedule::plugin,
            jobs::plugin,
            history::plugin,
            judge::plugin,
            pace::plugin,
            selection::plugin,
            (follow::plugin, closeup::plugin, measuring::plugin, mending::plugin, planning::plugin),
        ));
    }
}

/// Runs an app to its end. Ends in an error, never in a panic.
pub fn run(mut app: App) -> Result<(), AppError> {
    match guard::catch(move || app.run()) {
        Ok(AppExit::Success) => Ok(()),
        Ok(AppExit::Error(code)) if code.get() == jobs::NOTHING_OPENED => {
            Err(AppError::NothingOpened)
        }
        Ok(AppExit::Error(code)) => Err(AppError::Ended(code.get())),
        Err(reason) => Err(AppError::Stopped(reason)),
    }
}

fn windowed() -> PluginGroupBuilder {
    shared(false).set(WindowPlugin {
        primary_window: Some(Window {
            title: "Corridor".to_owned(),
            name: Some("corridor".to_owned()),
            resolution: (1440, 900).into(),
            resize_constraints: WindowResizeConstraints {
                min_width: LEAST_WINDOW.x,
                min_height: LEAST_WINDOW.y,
                ..default()
            },
            window_theme: Some(WindowTheme::Dark),
            ..default()
        }),
        ..default()
    })
}

fn off_screen() -> PluginGroupBuilder {
    shared(true)
        .set(WindowPlugin {
            primary_window: None,
            exit_condition: ExitCondition::DontExit,
            ..default()
        })
        .disable::<WinitPlugin>()
        // One frame after the other, so that a picture shows the frame it was asked in.
        .disable::<PipelinedRenderingPlugin>()
}

/// A window that is larger than the screen would hide its lower bar.
fn fit_on_screen(
    monitor: Query<&Monitor, (With<PrimaryMonitor>, Added<Monitor>)>,
    mut window: Query<&mut Window, With<PrimaryWindow>>,
) {
    /// Share of the screen that the desktop's own bars leave.
    const USABLE: f32 = 0.92;
    let (Ok(monitor), Ok(mut window)) = (monitor.single(), window.single_mut()) else { return };
    let screen = UVec2::new(monitor.physical_width, monitor.physical_height).as_vec2();
    let usable = screen / window.scale_factor() * USABLE;
    let (now, most) = (window.size(), usable.max(LEAST_WINDOW));
    if screen.min_element() > 0.0 && now.cmpgt(most).any() {
        let size = now.min(most);
        window.resolution.set(size.x, size.y);
    }
}

/// A picture waits until everything in it can be drawn; a window never waits.
fn shared(waits_for_pipelines: bool) -> PluginGroupBuilder {
    DefaultPlugins.build().set(LogPlugin { filter: LOG_FILTER.to_owned(), ..default() }).set(
        RenderPlugin {
            render_creation: RenderCreation::Automatic(Box::new(WgpuSettings {
                backends: Some(Backends::VULKAN),
                ..default()
            })),
            synchronous_pipeline_compilation: waits_for_pipelines,
            ..default()
        },
    )
}

/// The engine's own lines of start-up say nothing to a surgeon; `RUST_LOG` brings them back. That a
/// panel in the room rests while nothing on it changes is told as an error in every frame.
const LOG_FILTER: &str = "warn,corridor=info,winit=error,wgpu=error,naga=error,calloop=error,\
     bevy_render::renderer=error,bevy_egui=error,bevy_egui::output=off";
