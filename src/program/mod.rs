//! The programs that the rooms make together: a case in a window (and a headset), or pictures of
//! it without one.
//!
//! In: what `main` was asked for. Out: it, or a sentence that says why not. Which way is taken:
//! no Vulkan adapter, an error that names the package; no display, pictures; else the window.

pub mod dispatch;
pub mod off_screen;
pub mod picture;

use crate::app::frame_times::FrameTimes;
use crate::app::jobs::OpenCase;
use crate::app::{self, AppError, EngineHook, Shape, display, gpu};
use crate::case::request::CaseRequest;
use crate::desktop::DesktopPlugin;
use crate::interact::InteractPlugin;
use crate::scene::ScenePlugin;
use bevy::prelude::*;

/// What a headset brings into the program.
pub struct Headset {
    /// Replaces the engine's renderer by one that speaks to the runtime.
    pub engine: EngineHook,
    /// Adds everything else.
    pub add: Box<dyn FnOnce(&mut App)>,
}

/// Opens a case in a window, and in the headset where one is given. Returns when it was left, or
/// when all wanted frames are timed.
pub fn open(
    request: CaseRequest,
    headset: Option<Headset>,
    times: Option<&FrameTimes>,
) -> Result<(), AppError> {
    let (engine, add) = headset.map(|h| (h.engine, h.add)).unzip();
    let mut app = app::new_app(Shape::Window, engine, true);
    app.add_plugins((ScenePlugin, InteractPlugin, DesktopPlugin));
    if let Some(add) = add {
        add(&mut app);
    }
    if let Some(times) = times {
        times.watch(&mut app);
    }
    app.world_mut().write_message(OpenCase(request));
    app::run(app)
}

/// On what a case can be shown here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// A window.
    Window,
    /// Pictures alone: there is no display.
    Pictures,
}

/// What this machine can show a case on; an error where it can show nothing.
pub fn screen() -> Result<Screen, AppError> {
    if gpu::adapters().is_empty() {
        return Err(AppError::NoVulkan);
    }
    Ok(if display::find().is_some() { Screen::Window } else { Screen::Pictures })
}
