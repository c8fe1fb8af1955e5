//! Data becomes entities: what is seen of the case, on a screen, in a picture and in a headset.
//!
//! In: [`ActiveCase`](crate::app::jobs::ActiveCase), the document, its numbers. Out: below one
//! [`case::CaseRoot`] the bones ([`vertebra`], [`ilium`], [`upload`], [`lod`]), the screws
//! ([`screw`], [`screw_mesh`]) and the rods between them ([`rods`]), the slices ([`slices`]) and the
//! cuts of one screw ([`cuts`]), with letters around them ([`letters`]),
//! lights and background ([`layers`]). Nothing here knows what the user wants.

pub mod case;
pub mod colour;
pub mod cuts;
pub mod framing;
pub mod ilium;
pub mod layers;
pub mod letters;
pub mod lod;
pub mod material;
pub mod outline;
pub mod rods;
pub mod screw;
pub mod screw_mesh;
pub mod slices;
pub mod upload;
pub mod vertebra;

use crate::app::jobs::{ActiveCase, CaseOpened};
use crate::app::schedule::FrameSystems;
use crate::volume::Window;
use bevy::prelude::*;

/// Adds everything that is seen.
pub struct ScenePlugin;

impl Plugin for ScenePlugin {
    fn build(&self, app: &mut App) {
        app.insert_resource(ClearColor(colour::srgb(colour::GROUND).into()))
            .init_resource::<material::Materials>()
            .init_resource::<screw::ScrewMeshes>()
            .init_resource::<vertebra::BoneView>()
            .init_resource::<letters::ModelBox>()
            .init_resource::<slices::Slices>()
            .init_resource::<slices::SlicesInView>()
            .init_resource::<slices::ShownWindow>()
            .init_resource::<slices::ShownBorders>()
            .init_resource::<cuts::ScrewCuts>()
            .init_resource::<rods::RodsInView>()
            .init_gizmo_group::<letters::LetterLines>()
            .init_gizmo_group::<screw::ScrewLines>()
            .add_systems(Startup, (layers::spawn_lights, layers::spawn_backdrop, set_up_lines))
            .add_systems(
                Update,
                (
                    (vertebra::spawn_case, letters::measure, start_window)
                        .run_if(on_message::<CaseOpened>),
                    vertebra::replace_mended,
                    ilium::show_ilia.run_if(resource_exists::<ActiveCase>),
                    layers::set_tones,
                    (upload::receive_levels, upload::receive_meshes, lod::choose_levels).chain(),
                    vertebra::show_bones,
                    (screw::show_screws, screw::colour_screws, rods::show_rods).chain(),
                    (slices::cut_slices, slices::spawn_quads, slices::place_quads).chain(),
                    cuts::cut_screw,
                )
                    .chain()
                    .in_set(FrameSystems::Scene),
            )
            .add_systems(
                PostUpdate,
                (letters::draw_letters, screw::draw_axis)
                    .after(bevy::transform::TransformSystems::Propagate),
            );
    }
}

/// Bone, or the file's own window where no vertebra is seen; slices in the 3D view where there is nothing
/// else to see in it.
fn start_window(
    case: Res<ActiveCase>,
    mut window: ResMut<slices::ShownWindow>,
    (mut in_view, mut borders): (ResMut<slices::SlicesInView>, ResMut<slices::ShownBorders>),
) {
    in_view.set_if_neq(slices::SlicesInView::all(case.spine.vertebrae.is_empty()));
    // Labels that nobody has looked at are to be looked at.
    borders.set_if_neq(slices::ShownBorders(case.spine.automatic.is_some()));
    // A scan of the chest brings the window of its lungs; who plans screws looks at bone.
    let own = case.spine.window.filter(|_| case.spine.vertebrae.is_empty());
    window.0 = own.map_or(Window::BONE, |(width, level)| Window::new(width, level));
}

fn set_up_lines(mut store: ResMut<GizmoConfigStore>) {
    let (letters, _) = store.config_mut::<letters::LetterLines>();
    letters.line.width = 3.0;
    letters.depth_bias = -1.0;
    let (axis, _) = store.config_mut::<screw::ScrewLines>();
    axis.line.width = 2.0;
    axis.depth_bias = -1.0;
}
