//! Lights, the background, and which camera sees what.
//!
//! [`WORLD`] holds the model, the lights and the letters: desktop, pictures and both eyes of a
//! headset see it. [`BACKDROP`] holds the sphere of sky behind the model; a headset in passthrough
//! leaves it out.

use super::colour::{self, srgb};
use bevy::asset::RenderAssetUsages;
use bevy::camera::visibility::{NoFrustumCulling, RenderLayers};
use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::light::NotShadowCaster;
use bevy::mesh::{Indices, PrimitiveTopology};
use bevy::prelude::*;

/// The layer of the model and its lights.
pub const WORLD: usize = 0;
/// The layer of the background.
pub const BACKDROP: usize = 1;

/// Distance of the background, m: behind everything, in front of nothing.
const BACKDROP_RADIUS: f32 = 40.0;

/// What a camera must see to show the whole scene.
pub fn all_layers() -> RenderLayers {
    RenderLayers::from_layers(&[WORLD, BACKDROP])
}

/// The lights are set so that nothing clips; a film curve would only shift the grade colours.
pub const TONES: Tonemapping = Tonemapping::None;

/// Every camera of the scene, eyes of a headset included, shows the same tones.
pub fn set_tones(mut cameras: Query<&mut Tonemapping, Added<Camera3d>>) {
    for mut tones in &mut cameras {
        *tones = TONES;
    }
}

/// Key, fill and rim light of a photographer's table, and a little light from everywhere.
pub fn spawn_lights(mut commands: Commands) {
    commands.insert_resource(GlobalAmbientLight {
        color: srgb([214, 226, 244]).into(),
        brightness: 120.0,
        ..default()
    });
    let lights = [
        // Towards where it shines, lux, colour. Key: above, behind the right shoulder of a
        // surgeon who stands at the patient's back; fill from the other side; rim from the front.
        (Vec3::new(-0.5, -0.8, 0.9), 2450.0, [255, 244, 230]),
        (Vec3::new(0.9, -0.1, 0.6), 620.0, [206, 222, 255]),
        (Vec3::new(0.2, -0.5, -1.0), 1500.0, [255, 248, 238]),
    ];
    for (towards, illuminance, rgb) in lights {
        commands.spawn((
            DirectionalLight { illuminance, color: srgb(rgb).into(), ..default() },
            Transform::default().looking_to(towards, Vec3::Y),
        ));
    }
}

/// The sphere of sky around everything.
pub fn spawn_backdrop(
    mut commands: Commands,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
) {
    commands.spawn((
        Mesh3d(meshes.add(backdrop_mesh())),
        MeshMaterial3d(materials.add(StandardMaterial {
            unlit: true,
            cull_mode: None,
            ..default()
        })),
        RenderLayers::layer(BACKDROP),
        NoFrustumCulling,
        NotShadowCaster,
    ));
}

/// A sphere whose vertex colours run from ground to sky.
fn backdrop_mesh() -> Mesh {
    const RINGS: u32 = 32;
    const SECTORS: u32 = 32;
    let (low, high) = (colour::srgb(colour::GROUND), colour::srgb(colour::SKY));
    let mut positions = Vec::new();
    let mut colours = Vec::new();
    let mut indices = Vec::new();
    for ring in 0..=RINGS {
        let latitude = std::f32::consts::PI * (ring as f32 / RINGS as f32 - 0.5);
        let share = smoothstep((latitude.sin() + 0.75) / 1.75);
        let mixed = LinearRgba::from(low.mix(&high, share));
        for sector in 0..=SECTORS {
            let longitude = std::f32::consts::TAU * sector as f32 / SECTORS as f32;
            let ring_radius = latitude.cos();
            let p = Vec3::new(
                ring_radius * longitude.cos(),
                latitude.sin(),
                ring_radius * longitude.sin(),
            );
            positions.push((p * BACKDROP_RADIUS).to_array());
            colours.push(mixed.to_f32_array());
            if ring < RINGS && sector < SECTORS {
                let a = ring * (SECTORS + 1) + sector;
                let b = a + SECTORS + 1;
                indices.extend([a, b, a + 1, a + 1, b, b + 1]);
            }
        }
    }
    Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, positions)
        .with_inserted_attribute(Mesh::ATTRIBUTE_COLOR, colours)
        .with_inserted_indices(Indices::U32(indices))
}

fn smoothstep(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
