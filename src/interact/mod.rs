//! Hands and mice become intent, in stages that follow each other in one frame:
//!
//! [`pointer`] (filled by `desktop` and `xr`) → [`pick`] (what it points at) → [`gesture`] (press,
//! drag, release; [`place`] and [`steer`] hold the geometry) → [`intent`] (edits of the document).
//! [`brush`] mends labels on the slices. [`cursor`] shows what the pointer is on.

pub mod brush;
pub mod cursor;
pub mod gesture;
pub mod intent;
pub mod pick;
pub mod place;
pub mod pointer;
pub mod steer;

use crate::app::jobs::{ActiveCase, CaseOpened};
use crate::app::mending::Mended;
use crate::app::schedule::FrameSystems;
use bevy::prelude::*;

/// Adds pointing, picking, gestures and intents.
pub struct InteractPlugin;

impl Plugin for InteractPlugin {
    fn build(&self, app: &mut App) {
        app.add_message::<intent::Intent>()
            .init_resource::<gesture::Tool>()
            .init_resource::<brush::Brush>()
            .init_resource::<gesture::Gesture>()
            .init_resource::<pick::BoneBalls>()
            .init_resource::<cursor::ClearBones>()
            .init_gizmo_group::<cursor::CursorLines>()
            .add_systems(Startup, cursor::set_up)
            .add_systems(
                Update,
                (
                    (
                        pick::measure_balls
                            .run_if(on_message::<CaseOpened>.or_eager(on_message::<Mended>)),
                        pick::pick,
                    )
                        .chain()
                        .in_set(FrameSystems::Pick),
                    (
                        gesture::cancel_on_escape,
                        gesture::run_gestures.run_if(resource_exists::<ActiveCase>),
                    )
                        .chain()
                        .in_set(FrameSystems::Gesture),
                    intent::carry_out.in_set(FrameSystems::Document),
                    cursor::see_through.in_set(FrameSystems::Judge),
                ),
            )
            .add_systems(
                PostUpdate,
                (cursor::draw_cursor, cursor::draw_handles)
                    .after(bevy::transform::TransformSystems::Propagate),
            );
    }
}
