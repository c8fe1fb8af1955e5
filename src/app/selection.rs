//! What the user works on: one screw, one level, one point.

use super::jobs::CaseOpened;
use super::schedule::FrameSystems;
use crate::labels::VertebraId;
use crate::plan::ScrewId;
use crate::space::{Patient, Point};
use bevy::prelude::*;

/// The screw and the level the panels speak of.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The chosen screw.
    pub screw: Option<ScrewId>,
    /// The chosen level; that of the screw where one is chosen.
    pub vertebra: Option<VertebraId>,
}

/// The one point that all slices pass through, LPS mm.
#[derive(Resource, Clone, Copy, Debug, PartialEq)]
pub struct Crosshair(pub Point<Patient>);

impl Default for Crosshair {
    fn default() -> Self {
        Self(Point::ORIGIN)
    }
}

/// Adds selection and crosshair; a new case starts with nothing chosen, its middle in the slices.
pub fn plugin(app: &mut App) {
    app.init_resource::<Selection>()
        .init_resource::<Crosshair>()
        .add_systems(Update, reset.run_if(on_message::<CaseOpened>).in_set(FrameSystems::Pointer));
}

fn reset(
    case: Res<super::jobs::ActiveCase>,
    mut selection: ResMut<Selection>,
    mut crosshair: ResMut<Crosshair>,
) {
    *selection = Selection::default();
    crosshair.0 = case.spine.middle();
}
