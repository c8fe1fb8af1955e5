//! Levels of detail: the same closed mesh with fewer triangles, within a bound in mm.
//!
//! Vertices are picked from the finest mesh and never moved, so each still lies on the declared
//! surface with the normal it had; only the flat triangles between them leave it.

use super::TriMesh;
use super::measure::faults;
use crate::space::{Dir, Patient, Point};
use meshopt::SimplifyOptions;

/// Triangles wanted and distance allowed, in mm, for a desktop's near view and a headset's.
pub const DESKTOP: (usize, f64) = (50_000, 0.05);
/// See [`DESKTOP`].
pub const HEADSET: (usize, f64) = (14_000, 0.2);
/// For what is far away or many at once.
pub const FAR: (usize, f64) = (3_000, 0.8);

/// The levels of detail of a finest mesh, finer ones first: [`DESKTOP`], [`HEADSET`], [`FAR`].
/// None has more triangles than the one before it.
pub fn levels(finest: &TriMesh) -> Vec<TriMesh> {
    let mut levels: Vec<TriMesh> = Vec::new();
    for (triangles, error_mm) in [DESKTOP, HEADSET, FAR] {
        let level = simplify(finest, triangles, error_mm);
        let finer = levels.last().filter(|finer| finer.triangles.len() < level.triangles.len());
        levels.push(finer.cloned().unwrap_or(level));
    }
    levels
}

/// The mesh with as few as `triangles`, or with more where fewer would leave the given mesh by
/// over `error_mm` (as the sum of quadrics estimates it). Closed where the given mesh is: parts so
/// thin that they would fall onto themselves keep all their triangles.
pub fn simplify(mesh: &TriMesh, triangles: usize, error_mm: f64) -> TriMesh {
    /// How often parts are kept before the mesh is given back as it was.
    const TRIES: usize = 8;
    let Some(origin) = mesh.positions.first().copied() else { return TriMesh::default() };
    // Around a corner of its own, so that f32 is fine enough.
    let positions: Vec<[f32; 3]> =
        mesh.positions.iter().map(|p| (*p - origin).to_array().map(|x| x as f32)).collect();
    let indices: Vec<u32> = mesh.triangles.iter().flatten().copied().collect();
    let mut kept = vec![false; positions.len()];
    for radius_mm in (1..=TRIES).map(|n| 1.5 * n as f64) {
        let fewer = meshopt::simplify_with_locks_decoder(
            &indices,
            &positions,
            &kept,
            3 * triangles,
            error_mm as f32,
            SimplifyOptions::ErrorAbsolute,
            None,
        );
        let faults = faults(fewer.as_chunks().0, positions.len());
        if faults.is_empty() {
            return compact(mesh, &fewer);
        }
        for fault in faults {
            let fault = mesh.positions[fault as usize];
            for (kept, p) in kept.iter_mut().zip(&mesh.positions) {
                *kept |= p.distance(fault) < radius_mm;
            }
        }
    }
    mesh.clone()
}

/// The vertices that `indices` use, and the triangles they make, in the order of the caches of a
/// graphics card.
fn compact(mesh: &TriMesh, indices: &[u32]) -> TriMesh {
    let ordered = meshopt::optimize_vertex_cache(indices, mesh.positions.len());
    let mut new_index = vec![u32::MAX; mesh.positions.len()];
    let mut positions: Vec<Point<Patient>> = Vec::new();
    let mut normals: Vec<Dir<Patient>> = Vec::new();
    let mut renumber = |old: u32| {
        let slot = &mut new_index[old as usize];
        if *slot == u32::MAX {
            *slot = positions.len() as u32;
            positions.push(mesh.positions[old as usize]);
            normals.push(mesh.normals[old as usize]);
        }
        *slot
    };
    let triangles: Vec<[u32; 3]> =
        ordered.chunks_exact(3).map(|t| [renumber(t[0]), renumber(t[1]), renumber(t[2])]).collect();
    TriMesh { positions, normals, triangles }
}
