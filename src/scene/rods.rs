//! The rods that join the heads, where a picture or the window asks for them.
//!
//! In: the rods of the plan as they are bent. Out: a tube for each side, as thick as the rod. For a spine that is
//! to be moved the rod stands where the moved spine has it, and is coloured otherwise.

use super::case::{CaseRoot, local};
use super::material::Materials;
use super::screw_mesh;
use crate::app::follow::Rodding;
use crate::app::history::ShownPlan;
use crate::case::rods::RodSheet;
use crate::plan::Plan;
use bevy::prelude::*;
use std::sync::Arc;

/// Whether rods are seen.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RodsInView(pub bool);

/// A rod as it is seen.
#[derive(Component)]
pub struct RodModel;

/// Spawns and despawns rods until they are the plan's; while those are pending the old ones stay.
pub fn show_rods(
    (plan, rodding, in_view): (Res<ShownPlan>, Res<Rodding>, Res<RodsInView>),
    root: Query<(Entity, Ref<CaseRoot>)>,
    models: Query<Entity, With<RodModel>>,
    (mut meshes, materials): (ResMut<Assets<Mesh>>, Res<Materials>),
    mut seen: Local<Option<Arc<Plan>>>,
    mut commands: Commands,
) {
    let Ok((root, mark)) = root.single() else { return };
    let is_seen = |seen: &Option<Arc<Plan>>| seen.as_ref().is_some_and(|s| Arc::ptr_eq(s, &plan.0));
    let sheet = rodding.of(&plan.0);
    let is_new = in_view.0 && sheet.is_some() && (!is_seen(&seen) || mark.is_added());
    if !is_new && (in_view.0 || seen.is_none()) {
        return;
    }
    for model in &models {
        commands.entity(model).despawn();
    }
    *seen = is_new.then(|| plan.0.clone());
    let Some(Ok(sheet)) = sheet.filter(|_| is_new) else { return };
    let material = if sheet.moved.is_empty() { &materials.metal } else { &materials.cursor };
    for mesh in tubes(sheet) {
        commands.spawn((
            RodModel,
            Mesh3d(meshes.add(mesh)),
            MeshMaterial3d(material.clone()),
            Transform::IDENTITY,
            ChildOf(root),
        ));
    }
}

fn tubes(sheet: &RodSheet) -> impl Iterator<Item = Mesh> + '_ {
    let radius_mm = 0.5 * sheet.kind.diameter_mm as f32;
    sheet.rods.iter().map(move |one| {
        let line: Vec<Vec3> = one.bent.line.iter().map(|p| local(*p)).collect();
        screw_mesh::tube(&line, radius_mm)
    })
}
