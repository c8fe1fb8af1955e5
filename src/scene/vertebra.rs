//! Bones: one entity per vertebra, below the case's root, moved by its own `patient_from_vertebra`.

use super::case::{CASE_PLACE, CaseRoot, root_transform};
use super::ilium::Ilium;
use super::lod::Levels;
use super::material::Materials;
use super::upload::{Drawn, PendingLevels, PendingMesh};
use crate::app::jobs::ActiveCase;
use crate::app::mending::{Mended, Mending};
use crate::case::spine::{Spine, VertebraModel};
use crate::labels::VertebraId;
use crate::space::{Patient, Rigid, Vertebra};
use bevy::prelude::*;
use std::sync::Arc;

/// A vertebra of the open case.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
#[require(Visibility)]
pub struct Bone(pub VertebraId);

/// How the bones are shown.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BoneView {
    /// See-through, so that screws inside can be seen.
    pub is_clear: bool,
    /// The bone to lift out of the others.
    pub lifted: Option<VertebraId>,
}

/// Takes the old case away and puts the root and the bones of the new one in its place.
pub fn spawn_case(
    case: Res<ActiveCase>,
    old: Query<Entity, With<CaseRoot>>,
    materials: Res<Materials>,
    mut commands: Commands,
) {
    for root in &old {
        commands.entity(root).despawn();
    }
    let place = root_transform(case.spine.middle(), CASE_PLACE, 1.0);
    let root = commands.spawn((CaseRoot, place, Name::new("case"))).id();
    for (index, vertebra) in case.spine.vertebrae.iter().enumerate() {
        let pending = pending(&case.spine, index);
        spawn_bone(vertebra, pending, root, &materials, &mut commands);
    }
}

/// Puts the new shape of mended vertebrae in the place of the old, which is seen until then.
pub fn replace_mended(
    mut mended: MessageReader<Mended>,
    case: Option<Res<ActiveCase>>,
    root: Query<Entity, With<CaseRoot>>,
    bones: Query<(Entity, &Bone)>,
    materials: Res<Materials>,
    mut commands: Commands,
) {
    let (Some(case), Ok(root)) = (case, root.single()) else { return };
    for id in mended.read().flat_map(|Mended(ids)| ids) {
        let old = bones.iter().find(|(_, bone)| bone.0 == *id).map(|(entity, _)| entity);
        let Some(index) = case.spine.vertebrae.iter().position(|v| v.id == *id) else {
            old.into_iter().for_each(|entity| commands.entity(entity).despawn());
            continue;
        };
        let pending = pending(&case.spine, index);
        match old {
            Some(entity) => {
                commands.entity(entity).remove::<(Levels, PendingLevels)>().insert(pending);
            }
            None => {
                spawn_bone(&case.spine.vertebrae[index], pending, root, &materials, &mut commands)
            }
        }
    }
}

fn spawn_bone(
    vertebra: &VertebraModel,
    pending: PendingMesh,
    root: Entity,
    materials: &Materials,
    commands: &mut Commands,
) {
    commands.spawn((
        Bone(vertebra.id),
        Name::new(vertebra.level.to_string()),
        local_transform(vertebra.anatomy.patient_from_vertebra),
        MeshMaterial3d(materials.bone.clone()),
        pending,
        ChildOf(root),
    ));
}

/// The mesh of one vertebra of the spine, shaded with its neighbours.
fn pending(spine: &Spine, index: usize) -> PendingMesh {
    let before = index.checked_sub(1).and_then(|i| spine.vertebrae.get(i));
    let after = spine.vertebrae.get(index + 1);
    let neighbours = before.into_iter().chain(after).cloned().collect();
    PendingMesh::start(Drawn::Vertebra(Arc::clone(&spine.vertebrae[index])), neighbours)
}

/// A vertebra's frame as the root's children are placed.
pub(super) fn local_transform(patient_from_vertebra: Rigid<Patient, Vertebra>) -> Transform {
    Transform {
        translation: patient_from_vertebra.origin().vec().as_vec3(),
        rotation: patient_from_vertebra.rotation().as_quat(),
        scale: Vec3::ONE,
    }
}

/// Gives each bone the material of how it is shown.
pub fn show_bones(
    (view, mending): (Res<BoneView>, Res<Mending>),
    materials: Res<Materials>,
    mut bones: Query<(&Bone, &mut MeshMaterial3d<StandardMaterial>)>,
    mut ilia: Query<(&Ilium, &mut MeshMaterial3d<StandardMaterial>), Without<Bone>>,
    new_ilia: Query<(), Added<Ilium>>,
) {
    if !view.is_changed() && !mending.is_changed() && new_ilia.is_empty() {
        return;
    }
    let plain = if view.is_clear { &materials.bone_clear } else { &materials.bone };
    for (ilium, mut material) in &mut ilia {
        let is_pending = mending.is_ilium_pending(ilium.side());
        let wanted = if is_pending { &materials.bone_pending } else { plain };
        material.set_if_neq(MeshMaterial3d(wanted.clone()));
    }
    for (bone, mut material) in &mut bones {
        let wanted = if mending.is_pending(bone.0) {
            &materials.bone_pending
        } else if !view.is_clear && view.lifted == Some(bone.0) {
            &materials.bone_hovered
        } else {
            plain
        };
        if material.0 != *wanted {
            material.0 = wanted.clone();
        }
    }
}
