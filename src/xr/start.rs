//! From nothing to a headset session, or to the sentence why there is none.
//!
//! In: `xr-config/`. Out: a [`Headset`], whose graphics device the engine then uses, or a
//! [`NoHeadset`]. All of it happens on the thread that later serves the session (`runtime.rs`), so
//! that a runtime which hangs at the start only costs the time that `session.toml` allows.

use super::actions::Actions;
use super::config::{Config, SessionConfig};
use super::line::Line;
use super::raw;
use super::runtime::{Held, serve};
use crate::app::EngineHook;
use bevy::app::PluginGroupBuilder;
use bevy::prelude::*;
use bevy::render::RenderPlugin;
use bevy::render::pipelined_rendering::PipelinedRenderingPlugin;
use bevy::render::render_resource::TextureFormat;
use bevy::render::renderer::{
    RenderAdapter, RenderAdapterInfo, RenderInstance, RenderQueue, WgpuWrapper,
};
use bevy::render::settings::RenderCreation;
use bevy_mod_openxr::error::OxrError;
use bevy_mod_openxr::graphics::GraphicsWrap;
use bevy_mod_openxr::resources::{OxrEntry, OxrInstance, OxrSwapchain, OxrSwapchainImages};
use bevy_mod_openxr::session::OxrSession;
use bevy_mod_openxr::types::{
    AppInfo, SwapchainCreateFlags, SwapchainCreateInfo, SwapchainUsageFlags, Version, WgpuGraphics,
};
use openxr::{EnvironmentBlendMode, Posef, ReferenceSpaceType, ViewConfigurationType};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};

/// Why there is no headset; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum NoHeadset {
    /// The loader library is not installed.
    #[error(
        "No OpenXR loader is installed ({0}): on Debian and Ubuntu, apt install libopenxr-loader1."
    )]
    NoLoader(String),
    /// There is a loader, but no runtime answers it.
    #[error(
        "No OpenXR runtime answers ({0}): start SteamVR, WiVRn, Monado or the headset's own program first."
    )]
    NoRuntime(OxrError),
    /// A runtime answers, but no headset is connected to it.
    #[error("{runtime} runs, but finds no headset ({cause}): connect it and switch it on.")]
    NoDevice {
        /// The runtime's name.
        runtime: String,
        /// What it answers.
        cause: openxr::sys::Result,
    },
    /// The session could not be made.
    #[error(
        "{runtime} cannot show this program's pictures ({cause}): update the runtime and the graphics driver."
    )]
    NoSession {
        /// The runtime's name.
        runtime: String,
        /// What it answers.
        cause: OxrError,
    },
    /// The runtime did not answer in time.
    #[error("The OpenXR runtime did not answer within {0:.0} seconds: restart it.")]
    Silent(f32),
}

/// What is known of a headset when its session begins.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The runtime's name and version.
    pub runtime: String,
    /// The headset's name.
    pub system: String,
    /// Which reference space the stage was made from.
    pub stage: String,
    /// What the runtime refused and the program does without.
    pub warnings: Vec<String>,
}

/// A session that is ready to begin, with the graphics device it must be drawn on.
pub struct Headset {
    graphics: WgpuGraphics,
    /// The line to the runtime's thread.
    pub line: Line,
    /// The images of the swapchain, one layer per eye.
    pub images: OxrSwapchainImages,
    /// Size of one eye's image in pixels.
    pub size: UVec2,
    /// Format of the images.
    pub format: TextureFormat,
    /// What is known of it.
    pub about: About,
}

/// Looks for a headset.
pub fn find(config: &Config) -> Result<Headset, NoHeadset> {
    let (to_thread, requests) = channel();
    let (replies, from_thread) = channel();
    let (found, finding) = channel();
    let config = config.clone();
    let patience = config.session.answer_within();
    std::thread::spawn(move || match establish(&config) {
        Ok((parts, held)) => {
            if found.send(Ok(parts)).is_ok() {
                serve(held, &requests, &replies);
            }
        }
        Err(why) => {
            let _ = found.send(Err(why));
        }
    });
    match finding.recv_timeout(patience) {
        Ok(Ok((graphics, images, size, format, about))) => {
            let line = Line::new(to_thread, from_thread);
            Ok(Headset { graphics, line, images, size, format, about })
        }
        Ok(Err(why)) => Err(why),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            Err(NoHeadset::Silent(patience.as_secs_f32()))
        }
    }
}

impl Headset {
    /// What makes the engine draw on the headset's graphics device, one frame at a time; and the
    /// rest of the headset, for [`super::XrPlugin`].
    pub fn split(self) -> (EngineHook, super::Eyes) {
        let WgpuGraphics(device, queue, info, adapter, instance) = self.graphics;
        let eyes = super::Eyes {
            line: self.line,
            images: self.images,
            size: self.size,
            format: self.format,
            about: self.about,
        };
        let hook = Box::new(|plugins: PluginGroupBuilder| {
            let render_creation = RenderCreation::manual(
                device.into(),
                RenderQueue(Arc::new(WgpuWrapper::new(queue))),
                RenderAdapterInfo(WgpuWrapper::new(info)),
                RenderAdapter(Arc::new(WgpuWrapper::new(adapter))),
                RenderInstance(Arc::new(WgpuWrapper::new(instance))),
            );
            plugins
                .set(RenderPlugin { render_creation, ..default() })
                .disable::<PipelinedRenderingPlugin>()
        });
        (hook, eyes)
    }
}

type Parts = (WgpuGraphics, OxrSwapchainImages, UVec2, TextureFormat, About);

fn establish(config: &Config) -> Result<(Parts, Held), NoHeadset> {
    let mut about = About::default();
    let instance = instance(config, &mut about)?;
    let runtime = about.runtime.clone();
    let system = instance
        .system(openxr::FormFactor::HEAD_MOUNTED_DISPLAY)
        .map_err(|cause| NoHeadset::NoDevice { runtime: runtime.clone(), cause })?;
    if let Ok(properties) = instance.system_properties(system) {
        about.system = properties.system_name;
    }
    session(&instance, system, config, about)
        .map_err(|cause| NoHeadset::NoSession { runtime, cause })
}

/// The loader under any name it is installed by: run-time packages carry only the numbered one.
pub fn entry() -> Result<OxrEntry, NoHeadset> {
    let names = if cfg!(windows) {
        ["openxr_loader.dll"].as_slice()
    } else if cfg!(target_os = "macos") {
        &["libopenxr_loader.dylib", "libopenxr_loader.1.dylib"]
    } else {
        &["libopenxr_loader.so.1", "libopenxr_loader.so"]
    };
    let mut last = String::new();
    for name in names {
        match raw::load_entry(Path::new(name)) {
            Ok(entry) => return Ok(OxrEntry(entry)),
            Err(cause) => last = cause.to_string(),
        }
    }
    Err(NoHeadset::NoLoader(last))
}

fn instance(config: &Config, about: &mut About) -> Result<OxrInstance, NoHeadset> {
    let entry = entry()?;
    let available = entry.enumerate_extensions().map_err(NoHeadset::NoRuntime)?;
    let offered = available.raw().names();
    let wanted = config.session.extensions.iter();
    let mut names: Vec<Vec<u8>> = wanted
        .chain(config.profiles.iter().filter_map(|p| p.extension.as_ref()))
        .map(|name| [name.as_bytes(), b"\0"].concat())
        .collect();
    names.sort();
    names.dedup();
    let (on, off): (Vec<_>, Vec<_>) =
        names.iter().partition(|name| offered.contains(&name.as_slice()));
    for name in off {
        let name = String::from_utf8_lossy(&name[..name.len() - 1]);
        about.warnings.push(format!("The runtime has no {name}."));
    }
    let extensions: openxr::ExtensionSet = on.iter().map(|name| name.as_slice()).collect();
    let app = AppInfo { name: "Corridor".into(), version: Version(0, 1, 0) };
    let vulkan = GraphicsWrap::Vulkan(());
    let instance =
        entry.create_instance(app, extensions.into(), &[], vulkan).map_err(NoHeadset::NoRuntime)?;
    if let Ok(properties) = instance.properties() {
        about.runtime = format!("{} {}", properties.runtime_name, properties.runtime_version);
    }
    Ok(instance)
}

fn session(
    instance: &OxrInstance,
    system: openxr::SystemId,
    config: &Config,
    mut about: About,
) -> Result<(Parts, Held), OxrError> {
    let stereo = ViewConfigurationType::PRIMARY_STEREO;
    let (graphics, info) = instance.init_graphics(system, None)?;
    let (session, waiter, stream) = raw::create_session(instance, system, info)?;
    let views = instance.enumerate_view_configuration_views(system, stereo)?;
    let view = views.first().ok_or(OxrError::NoAvailableViewConfiguration)?;
    let size = UVec2::new(view.recommended_image_rect_width, view.recommended_image_rect_height);
    let (swapchain, format) = swapchain(&session, &config.session, size)?;
    let images = swapchain.enumerate_images(&graphics.0, format, size)?;
    let modes = instance.enumerate_environment_blend_modes(system, stereo)?;
    let blend_mode = blend_mode(&config.session, &modes).ok_or(OxrError::NoAvailableBlendMode)?;

    let GraphicsWrap::Vulkan(session) = session.typed_session();
    let GraphicsWrap::Vulkan(stream) = stream.0;
    let GraphicsWrap::Vulkan(swapchain) = swapchain.0;
    let (stage, stage_type) = stage(session, &config.session)?;
    about.stage = format!("{stage_type:?}");
    let usable = usable_profiles(config, &about);
    let actions = Actions::attach(session, &config.actions, &usable, &mut about.warnings)?;
    let held = Held {
        session: session.clone(),
        waiter: waiter.0,
        stream,
        swapchain,
        stage,
        stage_type,
        actions,
        blend_mode,
        size: size.to_array(),
    };
    Ok(((graphics, images, size, format, about), held))
}

/// The profiles whose extension is switched on or not needed.
fn usable_profiles(config: &Config, about: &About) -> Vec<super::profiles::Profile> {
    let is_missing = |name: &str| about.warnings.iter().any(|w| w.contains(&format!(" {name}.")));
    let profiles = config.profiles.iter();
    profiles.filter(|p| !p.extension.as_deref().is_some_and(is_missing)).cloned().collect()
}

fn swapchain(
    session: &OxrSession,
    config: &SessionConfig,
    size: UVec2,
) -> Result<(OxrSwapchain, TextureFormat), OxrError> {
    let offered = session.enumerate_swapchain_formats()?;
    let named = |name: &String| offered.iter().find(|f| format!("{f:?}") == *name);
    let format = config.colour_formats.iter().find_map(named);
    let format = *format.ok_or(OxrError::NoAvailableFormat)?;
    let info = SwapchainCreateInfo {
        create_flags: SwapchainCreateFlags::EMPTY,
        usage_flags: SwapchainUsageFlags::COLOR_ATTACHMENT | SwapchainUsageFlags::SAMPLED,
        format,
        sample_count: 1,
        width: size.x,
        height: size.y,
        face_count: 1,
        array_size: 2,
        mip_count: 1,
    };
    Ok((session.create_swapchain(info)?, format))
}

fn blend_mode(
    config: &SessionConfig,
    offered: &[EnvironmentBlendMode],
) -> Option<EnvironmentBlendMode> {
    let named = |name: &String| offered.iter().find(|m| format!("{m:?}") == *name);
    config.blend_modes.iter().find_map(named).or(offered.first()).copied()
}

/// The first reference space of the list that the runtime makes, with its floor at y = 0.
fn stage(
    session: &openxr::Session<openxr::Vulkan>,
    config: &SessionConfig,
) -> openxr::Result<(openxr::Space, ReferenceSpaceType)> {
    let mut last = openxr::sys::Result::ERROR_REFERENCE_SPACE_UNSUPPORTED;
    for name in &config.reference_spaces {
        let (kind, floor_m) = match name.as_str() {
            "LOCAL_FLOOR" => (ReferenceSpaceType::LOCAL_FLOOR, 0.0),
            "STAGE" => (ReferenceSpaceType::STAGE, 0.0),
            "LOCAL" => (ReferenceSpaceType::LOCAL, -config.assumed_eye_height_m),
            _ => continue,
        };
        let mut pose = Posef::IDENTITY;
        pose.position.y = floor_m;
        match session.create_reference_space(kind, pose) {
            Ok(space) => return Ok((space, kind)),
            Err(cause) => last = cause,
        }
    }
    Err(last)
}

/// Where the runtime's manifest is expected when no variable names it, for `corridor doctor`.
pub fn active_runtime_file() -> Option<PathBuf> {
    let named = std::env::var_os("XR_RUNTIME_JSON").map(PathBuf::from);
    let config = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")));
    let places = config.into_iter().chain(["/etc/xdg".into(), "/etc".into(), "/usr/share".into()]);
    let default = places.map(|place: PathBuf| place.join("openxr/1/active_runtime.json"));
    named.into_iter().chain(default).find(|file| file.is_file())
}
