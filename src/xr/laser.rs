//! The ray of each hand: dashed while idle, solid while the trigger is pulled, a ring where it
//! meets something.

use super::actions::HandInput;
use super::frame::{Hands, Rig};
use super::hands::{OfHand, Pulls};
use super::locomotion::Holding;
use super::quad::PanelHits;
use crate::interact::pointer::Aim;
use crate::scene::case::{CaseRoot, world_dir_from_patient, world_from_patient};
use crate::scene::colour::{self, srgb};
use bevy::prelude::*;

/// Rays of hands that only point.
#[derive(Default, Reflect, GizmoConfigGroup)]
pub struct IdleRays;

/// Rays of hands that act, and the cursors of all.
#[derive(Default, Reflect, GizmoConfigGroup)]
pub struct ActiveRays;

/// Length of a ray that meets nothing, m of the room.
const FREE_LENGTH_M: f32 = 1.5;
/// Radius of the cursor, m of the room at one metre of distance: the same size everywhere.
const CURSOR: f32 = 0.006;

/// Gives the rays their look.
pub(super) fn set_up_rays(mut store: ResMut<GizmoConfigStore>) {
    let (idle, _) = store.config_mut::<IdleRays>();
    idle.line.width = 2.0;
    idle.line.style = GizmoLineStyle::Dashed { gap_scale: 4.0, line_scale: 6.0 };
    let (active, _) = store.config_mut::<ActiveRays>();
    active.line.width = 3.0;
    active.depth_bias = -0.02;
}

/// Draws both rays.
pub(super) fn draw_rays(
    hands: Res<Hands>,
    pulls: Res<Pulls>,
    holding: Res<Holding>,
    panel: Res<PanelHits>,
    rig: Single<&GlobalTransform, With<Rig>>,
    root: Query<&GlobalTransform, With<CaseRoot>>,
    aims: Query<(&OfHand, &Aim)>,
    mut idle: Gizmos<IdleRays>,
    mut active: Gizmos<ActiveRays>,
) {
    let room = rig.scale().x;
    let colour = Color::from(srgb(colour::ACCENT));
    for (hand, aim) in &aims {
        let Some((from, ahead)) = ray(&hands[hand.0.index()], &rig) else { continue };
        if holding.holds(hand.0) {
            continue;
        }
        let panel_hit = panel.0[hand.0.index()].map(|hit| (rig.transform_point(hit.point), -ahead));
        let bone_hit = aim.0.and_then(|hit| {
            let root = root.single().ok()?;
            let point = world_from_patient(root, hit.point);
            Some((point, world_dir_from_patient(root, hit.normal)))
        });
        let hit = panel_hit.or(bone_hit);
        let to = hit.map_or(from + ahead * FREE_LENGTH_M * room, |(point, _)| point);
        let fading = colour.with_alpha(if hit.is_some() { 0.9 } else { 0.0 });
        if pulls.0[hand.0.index()].is_pulled {
            active.line_gradient(from, to, colour, fading);
        } else {
            idle.line_gradient(from, to, colour.with_alpha(0.7), fading);
        }
        if let Some((point, normal)) = hit {
            let turn = Quat::from_rotation_arc(Vec3::Z, normal.normalize_or(Vec3::Z));
            let radius = (CURSOR * (point - from).length()).max(CURSOR * 0.5 * room);
            active.circle(Isometry3d::new(point, turn), radius, colour);
        }
    }
}

fn ray(input: &HandInput, rig: &GlobalTransform) -> Option<(Vec3, Vec3)> {
    let aim = input.stage_from_aim?;
    let from = rig.transform_point(aim.translation.into());
    Some((from, rig.rotation() * (aim.rotation * Vec3::NEG_Z)))
}
