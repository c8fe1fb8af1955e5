//! Bone meshes on their way to the graphics card: shaded in the background, a few per frame.
//!
//! In: a vertebra's mesh and the distance fields around it. Out: an engine mesh in the vertebra's
//! own frame, millimetres, with the light that reaches each vertex in its vertex colours; first the
//! finest, so that something is seen, then its coarser levels ([`super::lod`]).

use super::lod::{FinestOnly, Level, Levels};
use super::vertebra::local_transform;
use crate::case::pelvis::PelvicBone;
use crate::case::spine::VertebraModel;
use crate::clearance::{Field, SignedDistance};
use crate::mesh::{TriMesh, lod};
use crate::space::{Dir, Patient, Point, Rigid, Vertebra};
use crate::work::Later;
use bevy::asset::RenderAssetUsages;
use bevy::camera::primitives::Aabb;
use bevy::mesh::{Indices, PrimitiveTopology};
use bevy::prelude::*;
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
    error_mm: f32,
}

/// A bone that is drawn.
#[derive(Clone)]
pub enum Drawn {
    /// A vertebra, or the sacrum.
    Vertebra(Arc<VertebraModel>),
    /// What of the ilium is reached from the sacrum.
    Ilium(Arc<PelvicBone>),
}

impl Drawn {
    fn mesh(&self) -> &TriMesh {
        match self {
            Self::Vertebra(model) => &model.mesh,
            Self::Ilium(bone) => &bone.ilium.mesh,
        }
    }
    fn field(&self) -> &Field {
        match self {
            Self::Vertebra(model) => &model.field,
            Self::Ilium(bone) => &bone.field,
        }
    }
    fn frame(&self) -> Rigid<Patient, Vertebra> {
        match self {
            Self::Vertebra(model) => model.anatomy.patient_from_vertebra,
            Self::Ilium(bone) => bone.anatomy.patient_from_vertebra,
        }
    }
}

/// A bone and those beside it, which take light from it where they are close.
#[derive(Clone)]
struct Subject {
    bone: Drawn,
    neighbours: Vec<Arc<VertebraModel>>,
}

/// A mesh that is being shaded; goes when [`Mesh3d`] comes, and [`PendingLevels`] with it unless
/// [`FinestOnly`] is wanted.
///
/// Not on the engine's threads: on few cores the engine has one for such things, and compiles the
/// programs of the graphics card there.
#[derive(Component)]
pub struct PendingMesh {
    ready: Later<ReadyMesh>,
    subject: Subject,
}

/// Coarser levels that are being made; goes when they come.
#[derive(Component)]
pub struct PendingLevels(Later<Vec<ReadyMesh>>);

impl PendingMesh {
    /// Starts to shade a bone; its neighbours take light from it where they are close.
    /// At full priority: until it is done nothing is seen.
    pub fn start(bone: Drawn, neighbours: Vec<Arc<VertebraModel>>) -> Self {
        let subject = Subject { bone, neighbours };
        let shaded = subject.clone();
        let ready = Later::soon(move || prepare(&shaded, shaded.bone.mesh(), 0.0));
        Self { ready, subject }
    }
}

impl PendingLevels {
    /// Starts to make the coarser levels, beside everything else.
    fn start(subject: Subject) -> Self {
        let make = move || {
            let levels = lod::levels(subject.bone.mesh());
            let errors = [lod::DESKTOP, lod::HEADSET, lod::FAR].map(|(_, error_mm)| error_mm);
            let levels = levels.iter().zip(errors);
            levels.map(|(mesh, error)| prepare(&subject, mesh, error as f32)).collect()
        };
        Self(Later::on_pool(make))
    }
}

/// Hands finished meshes to the engine, no more per frame than the budget allows.
pub fn receive_meshes(
    pending: Query<(Entity, &PendingMesh)>,
    finest_only: Option<Res<FinestOnly>>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut commands: Commands,
) {
    let mut triangles = 0;
    for (entity, pending) in &pending {
        if triangles > TRIANGLES_PER_FRAME {
            return;
        }
        let Some(ready) = pending.ready.take() else { continue };
        triangles += ready.triangles;
        let bounds = ready.bounds;
        // A vertebra that was mended may have another frame.
        let place = local_transform(pending.subject.bone.frame());
        let finest = on_card(ready, &mut meshes);
        let mut bone = commands.entity(entity);
        bone.remove::<PendingMesh>().insert((Mesh3d(finest.mesh.clone()), bounds, place));
        if finest_only.is_none() {
            bone.insert((Levels::new(finest), PendingLevels::start(pending.subject.clone())));
        }
    }
}

/// Hands finished coarser levels to the engine.
pub fn receive_levels(
    mut pending: Query<(Entity, &PendingLevels, &mut Levels)>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut commands: Commands,
) {
    for (entity, coarser, mut levels) in &mut pending {
        let Some(ready) = coarser.0.take() else { continue };
        levels.extend(ready.into_iter().map(|ready| on_card(ready, &mut meshes)));
        commands.entity(entity).remove::<PendingLevels>();
    }
}

fn on_card(ready: ReadyMesh, meshes: &mut Assets<Mesh>) -> Level {
    let ReadyMesh { mesh, triangles, error_mm, .. } = ready;
    Level { mesh: meshes.add(mesh), triangles, error_mm }
}

fn prepare(subject: &Subject, mesh: &TriMesh, error_mm: f32) -> ReadyMesh {
    let Subject { bone, neighbours } = subject;
    let vertebra_from_patient = bone.frame().inverse();
    let beside = neighbours.iter().map(|bone| &bone.field);
    let bones: Vec<&Field> = std::iter::once(bone.field()).chain(beside).collect();
    let light = |p: Point<Patient>, n: Dir<Patient>| light_at(&bones, p, n);
    let places = mesh.positions.par_iter().zip(&mesh.normals);
    let shades: Vec<f32> = places.map(|(p, n)| light(*p, *n)).collect();
    let (engine, bounds) = engine_mesh(mesh, vertebra_from_patient, &shades);
    ReadyMesh { mesh: engine, bounds, triangles: mesh.triangles.len(), error_mm }
}

/// The share of light from all around that reaches a vertex: at each probe along the normal, how
/// much nearer bone is than the open surface would have it. A spine has a million probes, and no
/// eye sees a tenth of a millimetre in a shade: quick distances alone are asked.
fn light_at(bones: &[&impl SignedDistance], p: Point<Patient>, normal: Dir<Patient>) -> f32 {
    let mut shade = 0.0;
    let mut weight = 0.5;
    for distance in PROBES_MM {
        let probe = p + normal * distance;
        let free = bones.iter().map(|bone| -bone.quick_distance_mm(probe));
        let free = free.fold(f64::INFINITY, f64::min);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Bone below z = 0 and, where `has_wall`, to the left of x = 0 as well.
    struct Corner {
        has_wall: bool,
    }

    impl SignedDistance for Corner {
        fn signed_distance_mm(&self, _: Point<Patient>) -> f64 {
            panic!("exact distances are too slow to shade a spine by");
        }
        fn quick_distance_mm(&self, p: Point<Patient>) -> f64 {
            let p = p.vec();
            if self.has_wall { p.x.max(-p.z) } else { -p.z }
        }
    }

    #[test]
    fn a_fold_is_darker_than_an_open_surface_and_only_quick_distances_are_asked() {
        let at = Point::new(-0.5, 0.0, 0.0);
        let open = light_at(&[&Corner { has_wall: false }], at, Dir::Z);
        let fold = light_at(&[&Corner { has_wall: true }], at, Dir::Z);
        assert!((open - 1.0).abs() < 1e-6, "{open}");
        assert!(fold < 0.75 && fold >= DARKEST, "{fold}");
    }
}
