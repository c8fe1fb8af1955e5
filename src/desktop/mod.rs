//! One screen, a mouse and a keyboard.
//!
//! In: the window. Out: the mouse as a pointer ([`mouse`]), the eye ([`camera`]), the panels and
//! slices in their places ([`layout`], [`bars`], [`mpr`]), shortcuts ([`keys`]), files
//! ([`open`], [`shot`]).

pub mod bars;
pub mod camera;
pub mod keys;
pub mod layout;
pub mod mouse;
pub mod mpr;
pub mod open;
pub mod shot;

use crate::app::schedule::FrameSystems;
use bevy::asset::AssetEventSystems;
use bevy::camera_controller::free_camera::FreeCameraPlugin;
use bevy::prelude::*;
use bevy_egui::{EguiGlobalSettings, EguiPlugin, EguiPostUpdateSet, EguiPrimaryContextPass};
use bevy_panorbit_camera::PanOrbitCameraPlugin;

/// Adds the window's content.
pub struct DesktopPlugin;

impl Plugin for DesktopPlugin {
    fn build(&self, app: &mut App) {
        if !app.is_plugin_added::<EguiPlugin>() {
            app.add_plugins(EguiPlugin::default());
        }
        app.insert_resource(EguiGlobalSettings { auto_create_primary_context: false, ..default() })
            .add_plugins((PanOrbitCameraPlugin, FreeCameraPlugin))
            .add_plugins((camera::plugin, mouse::plugin, keys::plugin, shot::plugin))
            .init_resource::<layout::Cells>()
            .init_resource::<layout::OpenDialog>()
            .init_resource::<layout::Tab>()
            .init_resource::<mpr::Views>()
            .add_systems(Update, open::take_dropped.in_set(FrameSystems::Gesture))
            .add_systems(EguiPrimaryContextPass, layout::draw)
            // A glyph written for the first time changes the picture of all glyphs. The engine must
            // hear of that in the same frame, or the frame shows holes where the glyph should be.
            .configure_sets(
                PostUpdate,
                EguiPostUpdateSet::PostProcessOutput.before(AssetEventSystems),
            );
    }
}
