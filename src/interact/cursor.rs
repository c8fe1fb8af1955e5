//! What the pointer is on: a ring on bone, and rings at the ends that can be dragged.

use super::gesture::Gesture;
use super::pick::{End, Target};
use super::pointer::Aim;
use crate::app::history::{Document, Draft};
use crate::app::selection::Selection;
use crate::scene::case::{CaseRoot, world_dir_from_patient, world_from_patient};
use crate::scene::colour::{self, srgb};
use crate::scene::vertebra::BoneView;
use bevy::prelude::*;

/// Lines that lie over everything: cursor and handles.
#[derive(Default, Reflect, GizmoConfigGroup)]
pub struct CursorLines;

/// Radius of the ring on bone, mm.
const RING_MM: f32 = 3.0;
/// Radius of a handle, mm.
const HANDLE_MM: f32 = 2.6;

/// Sets the lines up.
pub fn set_up(mut store: ResMut<GizmoConfigStore>) {
    let (lines, _) = store.config_mut::<CursorLines>();
    lines.line.width = 2.5;
    lines.depth_bias = -1.0;
}

/// Draws the ring where a pointer is on bone.
pub fn draw_cursor(
    aims: Query<&Aim>,
    root: Query<&GlobalTransform, With<CaseRoot>>,
    gesture: Res<Gesture>,
    mut lines: Gizmos<CursorLines>,
) {
    let Ok(root) = root.single() else { return };
    if gesture.is_dragging() {
        return;
    }
    let size = root.scale().x;
    for hit in aims.iter().filter_map(|aim| aim.0) {
        if !matches!(hit.target, Target::Bone(_)) {
            continue;
        }
        let normal = world_dir_from_patient(root, hit.normal);
        let turn = Quat::from_rotation_arc(Vec3::Z, normal.normalize_or(Vec3::Z));
        let at = world_from_patient(root, hit.point) + normal * 0.3 * size;
        lines.circle(Isometry3d::new(at, turn), RING_MM * size, srgb(colour::ACCENT));
    }
}

/// Draws the ends of the screw that is worked on; the one under a pointer larger.
pub fn draw_handles(
    document: Option<Res<Document>>,
    draft: Res<Draft>,
    selection: Res<Selection>,
    aims: Query<&Aim>,
    root: Query<&GlobalTransform, With<CaseRoot>>,
    mut lines: Gizmos<CursorLines>,
) {
    let (Some(document), Ok(root)) = (document, root.single()) else { return };
    let edited = draft.0.as_ref().map(|d| &d.screw);
    let chosen = selection.screw.and_then(|id| document.plan().screw(id));
    let Some(screw) = edited.or(chosen) else { return };
    let size = root.scale().x;
    for (end, point) in [(End::Entry, screw.entry), (End::Tip, screw.tip())] {
        let is_aimed_at = aims
            .iter()
            .any(|aim| aim.0.is_some_and(|hit| hit.target == Target::Screw(screw.id, end)));
        let radius = if is_aimed_at { HANDLE_MM * 1.5 } else { HANDLE_MM };
        let at = world_from_patient(root, point);
        lines.sphere(Isometry3d::from_translation(at), radius * size, srgb(colour::ACCENT));
    }
}

/// Looks through bone while a screw is moved, and lifts the bone that is chosen.
pub fn see_through(
    gesture: Res<Gesture>,
    selection: Res<Selection>,
    wish: Res<ClearBones>,
    mut view: ResMut<BoneView>,
) {
    let is_clear = wish.0 || gesture.is_dragging();
    view.set_if_neq(BoneView { is_clear, lifted: selection.vertebra });
}

/// The user wants to look through bone always.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClearBones(pub bool);
