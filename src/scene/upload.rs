//! Bone meshes on their way to the graphics card: shaded in the background, a few per frame.
//!
//! In: a vertebra's mesh and the distance fields around it. Out: an engine mesh in the vertebra's
//! own frame, millimetres, with the light that reaches each vertex in its vertex colours.

use crate::case::spine::VertebraModel;
use crate::mesh::TriMesh;
use crate::space::{Dir, Patient, Point, Rigid, Vertebra};
use crate::work::on_pool;
use bevy::asset::RenderAssetUsages;
use bevy::camera::primitives::Aabb;
use bevy::mesh::{Indices, PrimitiveTopology};
use bevy::prelude::*;
use bevy::tasks::futures::check_ready;
use bevy::tasks::{AsyncComputeTaskPool, Task};
use rayon::prelude::*;
use std::sync::Arc;

/// Triangles handed to the graphics card in one frame; one mesh at least.
const TRIANGLES_PER_FRAME: usize = 200_000;

/// Distances from the surface at which the room in front of a vertex is probed, mm.
const PROBES_MM: [f64; 4] = [1.0, 2.5, 5.0, 9.0];

/// Share of the ambient light that reaches the deepest fold.
const DARKEST: f32 = 0.30;

/// A mesh ready for the engine.
pub struct ReadyMesh {
    mesh: Mesh,
    bounds: Aabb,
    triangles: usize,
}

/// A mesh that is being shaded; goes when [`Mesh3d`] comes.
#[derive(Component)]
pub struct PendingMesh(Task<ReadyMesh>);

impl PendingMesh {
    /// Starts to shade `model`; its neighbours take light from it where they are close.
    pub fn start(model: &Arc<VertebraModel>, neighbours: Vec<Arc<VertebraModel>>) -> Self {
        let model = Arc::clone(model);
        let pool = AsyncComputeTaskPool::get();
        Self(pool.spawn(async move { on_pool(|| prepare(&model, &neighbours)) }))
    }
}

/// Hands finished meshes to the engine, no more per frame than the budget allows.
pub fn receive_meshes(
    mut pending: Query<(Entity, &mut PendingMesh)>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut commands: Commands,
) {
    let mut triangles = 0;
    for (entity, mut task) in &mut pending {
        if triangles > TRIANGLES_PER_FRAME {
            return;
        }
        let Some(ready) = check_ready(&mut task.0) else { continue };
        triangles += ready.triangles;
        commands
            .entity(entity)
            .remove::<PendingMesh>()
            .insert((Mesh3d(meshes.add(ready.mesh)), ready.bounds));
    }
}

fn prepare(model: &VertebraModel, neighbours: &[Arc<VertebraModel>]) -> ReadyMesh {
    let vertebra_from_patient = model.anatomy.patient_from_vertebra.inverse();
    let light = |p: Point<Patient>, n: Dir<Patient>| light_at(model, neighbours, p, n);
    let shades: Vec<f32> = model
        .mesh
        .positions
        .par_iter()
        .zip(&model.mesh.normals)
        .map(|(p, n)| light(*p, *n))
        .collect();
    let (mesh, bounds) = engine_mesh(&model.mesh, vertebra_from_patient, &shades);
    ReadyMesh { mesh, bounds, triangles: model.mesh.triangles.len() }
}

/// The share of light from all around that reaches a vertex: at each probe along the normal, how
/// much nearer bone is than the open surface would have it.
fn light_at(
    model: &VertebraModel,
    neighbours: &[Arc<VertebraModel>],
    p: Point<Patient>,
    normal: Dir<Patient>,
) -> f32 {
    let mut shade = 0.0;
    let mut weight = 0.5;
    for distance in PROBES_MM {
        let probe = p + normal * distance;
        let fields = std::iter::once(&model.field).chain(neighbours.iter().map(|n| &n.field));
        let free = fields.map(|f| -f.signed_distance_mm(probe)).fold(f64::INFINITY, f64::min);
        shade += weight * ((distance - free) / distance).clamp(0.0, 1.0);
        weight *= 0.62;
    }
    DARKEST + (1.0 - DARKEST) * (1.0 - shade as f32).clamp(0.0, 1.0).powf(1.4)
}

fn engine_mesh(
    mesh: &TriMesh,
    vertebra_from_patient: Rigid<Vertebra, Patient>,
    shades: &[f32],
) -> (Mesh, Aabb) {
    let positions: Vec<[f32; 3]> = mesh
        .positions
        .iter()
        .map(|p| vertebra_from_patient.point(*p).vec().as_vec3().to_array())
        .collect();
    let normals: Vec<[f32; 3]> = mesh
        .normals
        .iter()
        .map(|n| vertebra_from_patient.dir(*n).vec().as_vec3().to_array())
        .collect();
    // Folds are warmer than edges, as in a real bone.
    let colours: Vec<[f32; 4]> =
        shades.iter().map(|s| [*s, s.powf(1.18), s.powf(1.42), 1.0]).collect();
    let bounds =
        Aabb::enclosing(positions.iter().map(|p| Vec3::from_array(*p))).unwrap_or_default();
    let indices = mesh.triangles.iter().flatten().copied().collect();
    let engine = Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, positions)
        .with_inserted_attribute(Mesh::ATTRIBUTE_NORMAL, normals)
        .with_inserted_attribute(Mesh::ATTRIBUTE_COLOR, colours)
        .with_inserted_indices(Indices::U32(indices));
    (engine, bounds)
}
