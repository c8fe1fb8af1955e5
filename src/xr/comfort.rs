//! The dark edge of the view while the world moves and the user does not.
//!
//! In: [`Motion`] of this frame. Out: a ring before each eye, as dark as the preset says.

use super::frame::Eye;
use super::locomotion::ComfortPreset;
use bevy::asset::RenderAssetUsages;
use bevy::camera::visibility::{NoFrustumCulling, RenderLayers};
use bevy::light::{NotShadowCaster, NotShadowReceiver};
use bevy::mesh::{Indices, PrimitiveTopology};
use bevy::prelude::*;

/// How much the world moves by itself in this frame, 0 to 1.
#[derive(Resource, Default)]
pub struct Motion(f32);

impl Motion {
    /// The user flies.
    pub fn add_flight(&mut self) {
        self.0 = 1.0;
    }
    /// The world grows or shrinks in the user's hands: half as bad.
    pub fn add_world_scaling(&mut self) {
        self.0 = self.0.max(0.5);
    }
}

/// First render layer of the eyes' own things; the left eye's, the right one's is the next.
pub const EYE_LAYER: usize = 8;
/// How fast the edge darkens and clears, per second.
const FADE_PER_S: f32 = 6.0;
/// Distance before the eye, m: beyond the near plane.
const DISTANCE_M: f32 = 0.1;
/// Where the edge begins and where it is fully dark, as tangents of the angle from the middle.
const EDGE: [f32; 2] = [0.45, 0.85];
/// Outer end of the ring: beyond any field of view.
const OUTER: f32 = 4.0;

/// The ring of one eye.
#[derive(Component)]
pub(super) struct Vignette;

/// Puts a clear ring before each eye, seen by that eye alone.
pub(super) fn spawn_vignettes(
    eyes: Query<(Entity, &Eye)>,
    mut commands: Commands,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
) {
    let mesh = meshes.add(ring());
    let material = materials.add(StandardMaterial {
        base_color: Color::BLACK.with_alpha(0.0),
        unlit: true,
        alpha_mode: AlphaMode::Blend,
        cull_mode: None,
        ..default()
    });
    for (entity, eye) in &eyes {
        commands.spawn((
            Vignette,
            Mesh3d(mesh.clone()),
            MeshMaterial3d(material.clone()),
            Transform::from_xyz(0.0, 0.0, -DISTANCE_M),
            Visibility::Hidden,
            RenderLayers::layer(EYE_LAYER + eye.0 as usize),
            (NoFrustumCulling, NotShadowCaster, NotShadowReceiver),
            ChildOf(entity),
        ));
    }
}

/// Darkens and clears the edge.
pub(super) fn darken_edge(
    comfort: Res<ComfortPreset>,
    time: Res<Time>,
    mut motion: ResMut<Motion>,
    mut rings: Query<(&MeshMaterial3d<StandardMaterial>, &mut Visibility), With<Vignette>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
    mut darkness: Local<f32>,
) {
    let wanted = std::mem::take(&mut motion.bypass_change_detection().0) * comfort.0.vignette;
    let step = FADE_PER_S * time.delta_secs();
    let next = *darkness + (wanted - *darkness).clamp(-step, step);
    if next == *darkness {
        return;
    }
    *darkness = next;
    for (material, mut visibility) in &mut rings {
        visibility.set_if_neq(if next > 0.0 { Visibility::Inherited } else { Visibility::Hidden });
        if let Some(mut material) = materials.get_mut(&material.0) {
            material.base_color = Color::BLACK.with_alpha(next);
        }
    }
}

/// A flat ring: clear inside, opaque from the end of [`EDGE`] on.
fn ring() -> Mesh {
    const SECTORS: u32 = 48;
    let radii = [(EDGE[0], 0.0), (EDGE[1], 1.0), (OUTER, 1.0)];
    let mut positions = Vec::new();
    let mut colours = Vec::new();
    let mut indices = Vec::new();
    for sector in 0..=SECTORS {
        let (sin, cos) = (std::f32::consts::TAU * sector as f32 / SECTORS as f32).sin_cos();
        for (radius, alpha) in radii {
            let r = radius * DISTANCE_M;
            positions.push([r * cos, r * sin, 0.0]);
            colours.push([1.0, 1.0, 1.0, alpha]);
        }
        if sector < SECTORS {
            let a = sector * 3;
            indices.extend([a, a + 1, a + 3, a + 3, a + 1, a + 4]);
            indices.extend([a + 1, a + 2, a + 4, a + 4, a + 2, a + 5]);
        }
    }
    Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, positions)
        .with_inserted_attribute(Mesh::ATTRIBUTE_COLOR, colours)
        .with_inserted_indices(Indices::U32(indices))
}
