//! The two hands in the scene: where they are seen, where they point.
//!
//! In: [`Hands`]. Out: a [`Pointer`] per hand, which `interact` picks with, and something to see in
//! the place of each controller. A hand that points at the wrist panel does not point at bone.

use super::actions::{Hand, HandInput};
use super::frame::{Hands, Rig};
use super::placement::{Placement, rigid};
use super::quad::PanelHits;
use super::session::XrStatus;
use super::steer::{Aim, BEGIN_PULL, LET_GO};
use crate::interact::pointer::{Pointer, PointerKind};
use crate::scene::case::CaseRoot;
use crate::scene::colour::{self, srgb};
use crate::space::{Patient, Rigid};
use bevy::math::{Dir3, Isometry3d, Ray3d};
use bevy::prelude::*;

/// Whose pointer, model or text this is.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfHand(pub Hand);

/// What is seen in the place of a controller, in the pose of the grip.
#[derive(Component)]
pub struct HandModel;

/// The state of both triggers with what changed in this frame, left first.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulls(pub [Pull; 2]);

/// A trigger, with a wide gap between pulling and letting go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pull {
    /// It counts as pulled.
    pub is_pulled: bool,
    /// It became pulled in this frame.
    pub has_begun: bool,
}

impl Default for Pull {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

impl Pull {
    /// While nobody listens to the hands. A trigger that is already pulled when somebody listens
    /// again must be let go before it begins anything.
    const UNKNOWN: Self = Self { is_pulled: true, has_begun: false };

    fn update(&mut self, select: f32) {
        let threshold = if self.is_pulled { LET_GO } else { BEGIN_PULL };
        let is_pulled = select > threshold;
        *self = Self { is_pulled, has_begun: is_pulled && !self.is_pulled };
    }
}

impl HandInput {
    /// Where the hand points, told in the patient.
    pub fn patient_from_aim(&self, placement: &Placement) -> Option<Rigid<Patient, Aim>> {
        Some(placement.patient_pose(rigid(self.stage_from_aim?)))
    }
}

/// Puts pointers and models of the two hands into the scene.
pub(super) fn spawn_hands(
    rig: Single<Entity, With<Rig>>,
    mut commands: Commands,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
) {
    let body = meshes.add(Capsule3d::new(0.014, 0.07));
    let nose = meshes.add(Cone { radius: 0.007, height: 0.03 });
    let material = materials.add(StandardMaterial {
        base_color: srgb([52, 60, 70]).into(),
        perceptual_roughness: 0.6,
        ..default()
    });
    let tip = materials.add(StandardMaterial {
        base_color: srgb(colour::ACCENT).into(),
        unlit: true,
        ..default()
    });
    let ahead = Quat::from_rotation_x(-std::f32::consts::FRAC_PI_2);
    for hand in Hand::BOTH {
        commands.spawn((OfHand(hand), Pointer::new(PointerKind::Hand)));
        commands.spawn((
            OfHand(hand),
            HandModel,
            Transform::default(),
            Visibility::Hidden,
            ChildOf(*rig),
            children![
                (
                    Mesh3d(body.clone()),
                    MeshMaterial3d(material.clone()),
                    Transform::from_xyz(0.0, 0.0, 0.045).with_rotation(ahead),
                ),
                (
                    Mesh3d(nose.clone()),
                    MeshMaterial3d(tip.clone()),
                    Transform::from_xyz(0.0, 0.0, -0.015).with_rotation(ahead),
                ),
            ],
        ));
    }
}

/// Moves what is seen of the hands.
pub(super) fn show_hands(
    hands: Res<Hands>,
    mut models: Query<(&OfHand, &mut Transform, &mut Visibility), With<HandModel>>,
) {
    for (hand, mut transform, mut visibility) in &mut models {
        let input = &hands[hand.0.index()];
        let pose = input.stage_from_aim.or(input.stage_from_grip);
        visibility.set_if_neq(match pose {
            Some(_) => Visibility::Inherited,
            None => Visibility::Hidden,
        });
        if let Some(pose) = pose {
            *transform = Transform::from_isometry(pose);
        }
    }
}

/// Fills the pointers. Their buttons stay free: what a trigger does in the room is decided in
/// `tools.rs`, since a hand drills along its own axis and a mouse has none.
pub(super) fn point(
    (hands, status): (Res<Hands>, Res<XrStatus>),
    panel: Res<PanelHits>,
    placement: Res<Placement>,
    root: Query<&GlobalTransform, With<CaseRoot>>,
    mut pulls: ResMut<Pulls>,
    mut pointers: Query<(&OfHand, &mut Pointer)>,
) {
    for (pull, input) in pulls.bypass_change_detection().0.iter_mut().zip(&hands.0) {
        match status.is_focused() {
            true => pull.update(input.select),
            false => *pull = Pull::UNKNOWN,
        }
    }
    let Ok(root) = root.single() else { return };
    let room = placement.world_from_stage(root.affine().as_daffine3());
    for (hand, mut pointer) in &mut pointers {
        let is_free = panel.0[hand.0.index()].is_none();
        let pose = hands[hand.0.index()].stage_from_aim.filter(|_| is_free);
        pointer.ray = pose.and_then(|pose| world_ray(&room, pose));
        pointer.tool_tip = pose.map(|pose| room * Transform::from_isometry(pose));
    }
}

fn world_ray(room: &Transform, stage_from_aim: Isometry3d) -> Option<Ray3d> {
    let origin = room.transform_point(stage_from_aim.translation.into());
    let ahead = room.rotation * (stage_from_aim.rotation * Vec3::NEG_Z);
    Dir3::new(ahead).ok().map(|direction| Ray3d { origin, direction })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_does_not_flicker_between_its_thresholds() {
        let mut pull = Pull::UNKNOWN;
        let seen: Vec<_> = [0.9, 0.1, 0.6, 0.4, 0.6, 0.1, 0.3]
            .map(|value| {
                pull.update(value);
                (pull.is_pulled, pull.has_begun)
            })
            .into();
        let expected = [
            (true, false),
            (false, false),
            (true, true),
            (true, false),
            (true, false),
            (false, false),
            (false, false),
        ];
        assert_eq!(seen, expected);
    }
}
