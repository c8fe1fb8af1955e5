//! One headset, through OpenXR (feature `xr`).
//!
//! In: `xr-config/` (data, not code), a runtime if one answers, the scene. Out: two eyes, two hands,
//! intents. Without a runtime the program opens on the desk alone, and [`XrStatus`] says why.
//!
//! `start.rs` finds the headset before the engine is built, because the runtime chooses the
//! graphics device; `runtime.rs` is the thread that alone speaks with it; `frame.rs` draws for it.

pub mod actions;
pub mod config;
pub mod frame;
pub mod profiles;
mod raw;
pub mod runtime;
pub mod session;
pub mod start;

use bevy::prelude::*;
use bevy::render::render_resource::TextureFormat;
use bevy_mod_openxr::resources::OxrSwapchainImages;
use config::{Config, SessionConfig};
pub use frame::{Buzz, Eye, Hands, Rig};
pub use session::XrStatus;

/// A session and its images, without the graphics device that the engine took.
#[derive(Resource, Clone)]
pub struct Eyes {
    line: runtime::Line,
    images: OxrSwapchainImages,
    size: UVec2,
    format: TextureFormat,
    /// What is known of the headset.
    pub about: start::About,
}

/// The headset as a plugin. Add it after `DefaultPlugins`.
pub struct XrPlugin {
    /// The session, or why there is none.
    pub eyes: Result<Eyes, String>,
    /// What `xr-config/` says.
    pub config: Config,
}

impl Plugin for XrPlugin {
    fn build(&self, app: &mut App) {
        app.add_message::<session::Recentred>().add_message::<session::ControllersChanged>();
        match &self.eyes {
            Ok(eyes) => {
                app.insert_resource(XrStatus::Running(runtime::Attention::Hidden));
                let config: &SessionConfig = &self.config.session;
                frame::build(app, eyes, config);
            }
            Err(why) => {
                app.insert_resource(XrStatus::Absent(why.clone()));
            }
        }
    }
}
