//! Implants: one entity per screw of the plan, coloured by its grade, and the ghost of an edit
//! under way in its place.

use super::case::{CaseRoot, local};
use super::colour::{self, srgb};
use super::material::Materials;
use super::screw_mesh::{self, HeadForm, ShankForm};
use crate::app::history::{Draft, ShownCatalogue, ShownPlan};
use crate::app::judge::Judgements;
use crate::app::selection::Selection;
use crate::clearance::Assessment;
use crate::implant::Kind;
use crate::plan::{Screw, ScrewId};
use bevy::platform::collections::HashMap;
use bevy::prelude::*;

/// A screw as it is seen; its children are shank and head.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
#[require(Visibility)]
pub struct ScrewModel(pub ScrewId);

/// The part of a screw that carries the grade's colour.
#[derive(Component)]
pub struct Shank;

/// The part that takes the rod.
#[derive(Component)]
pub struct Head;

/// Meshes by what is drawn: screws alike share theirs.
#[derive(Resource, Default)]
pub struct ScrewMeshes {
    shanks: HashMap<ShankForm, Handle<Mesh>>,
    heads: HashMap<HeadForm, Handle<Mesh>>,
}

impl ScrewMeshes {
    /// Shank and head of a screw of this kind.
    fn of(&mut self, screw: &Screw, kind: &Kind, meshes: &mut Assets<Mesh>) -> [Handle<Mesh>; 2] {
        let (shank, head) = (ShankForm::new(screw.size(), kind), HeadForm::new(kind));
        let shank =
            self.shanks.entry(shank).or_insert_with(|| meshes.add(screw_mesh::shank(shank)));
        let head = self.heads.entry(head).or_insert_with(|| meshes.add(screw_mesh::head(head)));
        [shank.clone(), head.clone()]
    }
}

/// Where the screw's own frame lies below the root.
fn placed(screw: &Screw) -> Transform {
    let axis = screw.axis.vec().as_vec3().normalize_or(Vec3::Z);
    Transform {
        translation: local(screw.entry),
        rotation: Quat::from_rotation_arc(Vec3::Z, axis),
        scale: Vec3::ONE,
    }
}

/// The screws to be seen: the plan's, with the edit under way in place of the one it changes.
fn shown<'a>(plan: &'a ShownPlan, draft: &'a Draft) -> impl Iterator<Item = &'a Screw> {
    let edited = draft.0.as_ref().map(|d| &d.screw);
    let others = plan.0.screws.iter();
    others.filter(move |s| edited.is_none_or(|e| e.id != s.id)).chain(edited)
}

/// Spawns, moves and despawns screws until the scene is the plan.
pub fn show_screws(
    (plan, catalogue): (Res<ShownPlan>, Res<ShownCatalogue>),
    draft: Res<Draft>,
    root: Query<(Entity, Ref<CaseRoot>)>,
    mut models: Query<(Entity, &ScrewModel, &mut Transform, &Children)>,
    mut parts: Query<&mut Mesh3d>,
    shanks: Query<(), With<Shank>>,
    (mut cache, mut meshes): (ResMut<ScrewMeshes>, ResMut<Assets<Mesh>>),
    materials: Res<Materials>,
    mut commands: Commands,
) {
    let Ok((root, mark)) = root.single() else { return };
    let is_changed = plan.is_changed() || catalogue.is_changed() || draft.is_changed();
    if !is_changed && !mark.is_added() {
        return;
    }
    for (entity, model, ..) in &models {
        if !shown(&plan, &draft).any(|screw| screw.id == model.0) {
            commands.entity(entity).despawn();
        }
    }
    for screw in shown(&plan, &draft) {
        let Some(kind) = catalogue.0.as_ref().and_then(|own| screw.kind(own)) else { continue };
        let [shank, head] = cache.of(screw, kind, &mut meshes);
        let found = models.iter_mut().find(|(_, model, ..)| model.0 == screw.id);
        let Some((_, _, mut transform, children)) = found else {
            spawn(&mut commands, root, screw, (shank, head), &materials);
            continue;
        };
        transform.set_if_neq(placed(screw));
        for child in children {
            let Ok(mut mesh) = parts.get_mut(*child) else { continue };
            let wanted = if shanks.contains(*child) { &shank } else { &head };
            if mesh.0 != *wanted {
                mesh.0 = wanted.clone();
            }
        }
    }
}

fn spawn(
    commands: &mut Commands,
    root: Entity,
    screw: &Screw,
    (shank, head): (Handle<Mesh>, Handle<Mesh>),
    materials: &Materials,
) {
    commands.spawn((
        ScrewModel(screw.id),
        placed(screw),
        ChildOf(root),
        children![
            (Shank, Mesh3d(shank), MeshMaterial3d(materials.pending.clone())),
            (Head, Mesh3d(head), MeshMaterial3d(materials.metal.clone())),
        ],
    ));
}

/// The newest numbers of a screw, be it the plan's or the one under edit.
fn numbers<'a>(
    id: ScrewId,
    plan: &ShownPlan,
    draft: &'a Draft,
    judgements: &'a Judgements,
) -> Option<&'a Assessment> {
    match &draft.0 {
        Some(edited) if edited.screw.id == id => edited.assessment.as_ref(),
        _ => judgements.of(plan.0.screw(id)?),
    }
}

/// Colours each shank by its grade.
pub fn colour_screws(
    plan: Res<ShownPlan>,
    draft: Res<Draft>,
    judgements: Res<Judgements>,
    materials: Res<Materials>,
    models: Query<(&ScrewModel, &Children)>,
    mut shanks: Query<&mut MeshMaterial3d<StandardMaterial>, With<Shank>>,
) {
    for (model, children) in &models {
        let grade = numbers(model.0, &plan, &draft, &judgements).map(|n| n.grade);
        let wanted = grade.map_or_else(|| materials.pending.clone(), |g| materials.of_grade(g));
        for child in children {
            if let Ok(mut material) = shanks.get_mut(*child)
                && material.0 != wanted
            {
                material.0 = wanted.clone();
            }
        }
    }
}

/// Lines that lie over everything: the axis and the ends of the selected screw.
#[derive(Default, Reflect, GizmoConfigGroup)]
pub struct ScrewLines;

/// How far the drawn axis reaches past both ends, mm.
const AXIS_REACH_MM: f64 = 12.0;

/// Draws the axis of the selected screw, and the way from it to the nearest wall.
pub fn draw_axis(
    plan: Res<ShownPlan>,
    (draft, judgements): (Res<Draft>, Res<Judgements>),
    selection: Res<Selection>,
    root: Query<&GlobalTransform, With<CaseRoot>>,
    mut lines: Gizmos<ScrewLines>,
) {
    let Ok(root) = root.single() else { return };
    let edited = draft.0.as_ref().map(|d| &d.screw);
    let chosen = selection.screw.and_then(|id| plan.0.screw(id));
    let Some(screw) = edited.or(chosen) else { return };
    let at = |p| super::case::world_from_patient(root, p);
    let colour = Color::from(srgb(colour::ACCENT));
    lines.line(
        at(screw.entry - screw.axis * AXIS_REACH_MM),
        at(screw.tip() + screw.axis * AXIS_REACH_MM),
        colour.with_alpha(0.55),
    );
    if let Some(n) = numbers(screw.id, &plan, &draft, &judgements) {
        let wall = n.witness + n.nearest_wall_dir * n.clearance_mm.abs();
        lines.line(at(n.witness), at(wall), Color::from(srgb(colour::of_grade(n.grade))));
    }
}
