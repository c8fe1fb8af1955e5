//! The materials of bone and metal, made once and shared.

use super::colour::{self, srgb};
use crate::clearance::Grade;
use bevy::prelude::*;

/// Handles to every material of the scene.
#[derive(Resource)]
pub struct Materials {
    /// Bone, solid.
    pub bone: Handle<StandardMaterial>,
    /// The bone under the pointer or of the selected level.
    pub bone_hovered: Handle<StandardMaterial>,
    /// Bone whose labels changed, until its surface follows.
    pub bone_pending: Handle<StandardMaterial>,
    /// Bone to look through while steering.
    pub bone_clear: Handle<StandardMaterial>,
    /// A screw's head.
    pub metal: Handle<StandardMaterial>,
    /// A screw whose numbers are pending.
    pub pending: Handle<StandardMaterial>,
    /// The point under the pointer.
    pub cursor: Handle<StandardMaterial>,
    /// The ends of the selected screw that can be dragged.
    pub handle: Handle<StandardMaterial>,
    grades: [Handle<StandardMaterial>; 5],
}

/// How much of the light see-through bone keeps.
const CLEAR_ALPHA: f32 = 0.28;

impl Materials {
    /// The shank's material for a grade.
    pub fn of_grade(&self, grade: Grade) -> Handle<StandardMaterial> {
        self.grades[grade as usize].clone()
    }
}

impl FromWorld for Materials {
    fn from_world(world: &mut World) -> Self {
        let mut assets = world.resource_mut::<Assets<StandardMaterial>>();
        let mut add = |material| assets.add(material);
        let clear = srgb(colour::BONE).with_alpha(CLEAR_ALPHA);
        Self {
            bone: add(matte(colour::BONE)),
            bone_hovered: add(matte(colour::BONE_HOVERED)),
            bone_pending: add(matte(colour::PENDING)),
            bone_clear: add(StandardMaterial {
                base_color: clear.into(),
                alpha_mode: AlphaMode::Blend,
                ..matte(colour::BONE)
            }),
            metal: add(polished(colour::METAL)),
            pending: add(polished(colour::PENDING)),
            cursor: add(glowing(colour::ACCENT)),
            handle: add(glowing(colour::ACCENT)),
            grades: Grade::ALL.map(|grade| add(polished(colour::of_grade(grade)))),
        }
    }
}

fn matte(rgb: colour::Rgb) -> StandardMaterial {
    StandardMaterial {
        base_color: srgb(rgb).into(),
        perceptual_roughness: 0.62,
        reflectance: 0.35,
        ..default()
    }
}

fn polished(rgb: colour::Rgb) -> StandardMaterial {
    StandardMaterial {
        base_color: srgb(rgb).into(),
        perceptual_roughness: 0.32,
        // Fully metallic surfaces are black where there is no room to be mirrored in them.
        metallic: 0.25,
        reflectance: 0.7,
        ..default()
    }
}

fn glowing(rgb: colour::Rgb) -> StandardMaterial {
    StandardMaterial { base_color: srgb(rgb).into(), unlit: true, ..default() }
}
