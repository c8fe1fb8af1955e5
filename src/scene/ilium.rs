//! Hip bones, as far as a screw through the sacrum reaches: one entity per side, below the case's
//! root.

use super::case::CaseRoot;
use super::material::Materials;
use super::upload::{Drawn, PendingMesh};
use super::vertebra::local_transform;
use crate::app::jobs::ActiveCase;
use crate::case::pelvis::PelvicBone;
use crate::labels::Level;
use crate::space::Side;
use bevy::prelude::*;
use std::sync::Arc;

/// The ilium of one side of the open case.
#[derive(Component, Clone, Debug)]
#[require(Visibility)]
pub struct Ilium(Arc<PelvicBone>);

impl Ilium {
    /// Which one.
    pub fn side(&self) -> Side {
        self.0.side
    }
    fn is(&self, bone: &Arc<PelvicBone>) -> bool {
        Arc::ptr_eq(&self.0, bone)
    }
}

/// Shows the ilia that the case has now, and no others; one that is due as it was before.
pub fn show_ilia(
    case: Res<ActiveCase>,
    root: Query<Entity, With<CaseRoot>>,
    shown: Query<(Entity, &Ilium)>,
    materials: Res<Materials>,
    mut commands: Commands,
) {
    let Ok(root) = root.single() else { return };
    for (entity, ilium) in &shown {
        if !case.spine.pelvis.seen().any(|bone| ilium.is(bone)) {
            commands.entity(entity).despawn();
        }
    }
    for bone in case.spine.pelvis.seen() {
        if shown.iter().any(|(_, ilium)| ilium.is(bone)) {
            continue;
        }
        let sacrum = case.spine.at_level(Level::S1);
        let beside = sacrum.into_iter().cloned().collect();
        commands.spawn((
            Ilium(Arc::clone(bone)),
            Name::new(format!("{} ilium", bone.side)),
            local_transform(bone.anatomy.patient_from_vertebra),
            MeshMaterial3d(materials.bone.clone()),
            PendingMesh::start(Drawn::Ilium(Arc::clone(bone)), beside),
            ChildOf(root),
        ));
    }
}
