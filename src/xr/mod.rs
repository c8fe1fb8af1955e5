//! One headset, through OpenXR (feature `xr`).
//!
//! In: `xr-config/` (data, not code), a runtime if one answers, the scene. Out: two eyes, two hands,
//! intents. Without a runtime the program opens on the desk alone, and [`XrStatus`] says why.
//!
//! `start.rs` finds the headset before the engine is built, because the runtime chooses the
//! graphics device; `runtime.rs` is the thread that alone speaks with it; `frame.rs` draws for it.
//!
//! | file | owns |
//! |---|---|
//! | [`config`], [`profiles`] | `xr-config/` as data |
//! | [`start`] | loader, instance, graphics, session; or why not |
//! | [`runtime`], [`line`] | the thread that speaks with the runtime, and the line to it |
//! | [`frame`], [`session`] | the frame loop; focus, stall, loss, recentre |
//! | [`actions`], [`hands`] | inputs as data; pointers and models of the hands |
//! | [`placement`], [`locomotion`], [`comfort`] | where the patient stands, and how it moves |
//! | [`sticks`], [`scroll`] | sticks as switches; the slices under the ray |
//! | [`steer`], [`tools`] | how a screw follows a hand; place, steer, delete, undo, save |
//! | [`laser`], [`card`], [`haptics`] | what a hand sees and feels |
//! | [`doctor`] | what of all this a machine has |
//! | [`quad`], `wrist` | the panel on the wrist, the laser as its mouse |
//!
//! Where the patient stands at the start is told, to be computed with, in [`placement`].

pub mod actions;
pub mod card;
pub mod comfort;
pub mod config;
pub mod doctor;
pub mod frame;
pub mod hands;
pub mod haptics;
pub mod laser;
pub mod line;
pub mod locomotion;
pub mod placement;
pub mod profiles;
pub mod quad;
mod raw;
pub mod runtime;
pub mod scroll;
pub mod session;
pub mod start;
pub mod steer;
pub mod sticks;
pub mod tools;
mod wrist;

use crate::app::EngineHook;
use crate::app::jobs::{ActiveCase, CaseOpened};
use crate::app::schedule::FrameSystems;
use bevy::prelude::*;
use bevy::render::render_resource::TextureFormat;
use bevy::transform::TransformSystems;
use bevy_mod_openxr::resources::OxrSwapchainImages;
use config::{Config, SessionConfig};
pub use frame::{Buzz, Eye, Hands, Rig};
pub use session::XrStatus;

/// A session and its images, without the graphics device that the engine took.
#[derive(Resource, Clone)]
pub struct Eyes {
    line: line::Line,
    images: OxrSwapchainImages,
    size: UVec2,
    format: TextureFormat,
    /// What is known of the headset.
    pub about: start::About,
}

/// Whether a headset is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The desk alone.
    Desk,
    /// The headset if one is there.
    IfThere,
    /// The headset, or nothing.
    Insist,
}

/// Why the headset that was asked for can not be entered.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// `xr-config/` is not understood.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// There is none.
    #[error(transparent)]
    NoHeadset(#[from] start::NoHeadset),
}

/// Looks for a headset as wished. What comes back changes the engine, and is added to the app.
pub fn prepare(wish: Wish) -> Result<(EngineHook, XrPlugin), PrepareError> {
    let config = Config::read()?;
    let found = match wish {
        Wish::Desk => Err("The headset was left out, as asked.".to_owned()),
        Wish::IfThere => start::find(&config).map_err(|why| why.to_string()),
        Wish::Insist => Ok(start::find(&config)?),
    };
    Ok(match found {
        Ok(headset) => {
            let (hook, eyes) = headset.split();
            (hook, XrPlugin { eyes: Ok(eyes), config })
        }
        Err(why) => (Box::new(|plugins| plugins), XrPlugin { eyes: Err(why), config }),
    })
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
                app.insert_resource(XrStatus::Running(line::Attention::Hidden));
                let config: &SessionConfig = &self.config.session;
                frame::build(app, eyes, config);
                app.insert_resource(locomotion::ComfortPreset(self.config.comfort));
                build_room(app);
            }
            Err(why) => {
                app.insert_resource(XrStatus::Absent(why.clone()));
            }
        }
    }
}

/// What happens in the room, in the steps of a frame.
fn build_room(app: &mut App) {
    use session::hands_are_ours;
    app.init_resource::<placement::Placement>()
        .init_resource::<locomotion::Holding>()
        .init_resource::<comfort::Motion>()
        .init_resource::<hands::Pulls>()
        .init_resource::<quad::PanelHits>()
        .init_resource::<quad::WristShown>()
        .init_schedule(quad::WristPass)
        .init_schedule(card::CardPass)
        .add_plugins(MaterialPlugin::<card::OnTopMaterial>::default())
        .init_resource::<tools::Tool>()
        .init_gizmo_group::<laser::IdleRays>()
        .init_gizmo_group::<laser::ActiveRays>()
        .add_systems(
            Startup,
            (
                hands::spawn_hands,
                comfort::spawn_vignettes,
                quad::spawn_panel,
                laser::set_up_rays,
                card::spawn_card,
            ),
        )
        .add_systems(
            Update,
            (quad::move_panel, hands::show_hands, hands::point, quad::click_panel)
                .chain()
                .in_set(FrameSystems::Pointer),
        )
        .add_systems(quad::WristPass, wrist::lay_out)
        .add_systems(card::CardPass, card::lay_out)
        .add_systems(
            Update,
            (
                tools::give_up
                    .run_if(not(hands_are_ours).or_else(on_message::<session::Recentred>)),
                locomotion::start_over
                    .run_if(on_message::<CaseOpened>.or_else(on_message::<session::Recentred>)),
                locomotion::say_where,
                (
                    locomotion::hold,
                    locomotion::push_stick,
                    scroll::scroll_slices,
                    tools::press_buttons,
                    tools::begin,
                    tools::steer,
                )
                    .chain()
                    .run_if(hands_are_ours.and_then(resource_exists::<ActiveCase>)),
            )
                .chain()
                .in_set(FrameSystems::Gesture),
        )
        .add_systems(Update, haptics::tick.after(FrameSystems::Judge))
        .add_systems(
            Update,
            ((card::move_card, quad::ask_wrist), quad::draw_due_panels)
                .chain()
                .after(FrameSystems::Judge),
        )
        .add_systems(
            PostUpdate,
            (locomotion::place_rig, comfort::darken_edge).before(TransformSystems::Propagate),
        )
        .add_systems(PostUpdate, laser::draw_rays.after(TransformSystems::Propagate));
}
