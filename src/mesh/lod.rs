//! Levels of detail: the same closed mesh with fewer triangles, within a bound in mm.
//!
//! Vertices are picked from the finest mesh and never moved, so each still lies on the declared
//! surface with the normal it had; only the flat triangles between them leave it.

use super::TriMesh;
use super::measure::is_closed;
use crate::space::{Dir, Patient, Point};
use meshopt::SimplifyOptions;

/// Triangles wanted and distance allowed, in mm, for a desktop's near view and a headset's.
pub const DESKTOP: (usize, f64) = (50_000, 0.05);
/// See [`DESKTOP`].
pub const HEADSET: (usize, f64) = (14_000, 0.2);
/// For what is far away or many at once.
pub const FAR: (usize, f64) = (3_000, 0.8);

/// The levels of detail of a finest mesh, finer ones first: [`DESKTOP`], [`HEADSET`], [`FAR`].
pub fn levels(finest: &TriMesh) -> Vec<TriMesh> {
    [DESKTOP, HEADSET, FAR].map(|(count, error)| simplify(finest, count, error)).into()
}

/// The mesh with as few as `triangles`, or with more where fewer would leave the given mesh by
/// over `error_mm` (as the sum of quadrics estimates it). Closed where the given mesh is.
pub fn simplify(mesh: &TriMesh, triangles: usize, error_mm: f64) -> TriMesh {
    let Some(origin) = mesh.positions.first().copied() else { return TriMesh::default() };
    // Around a corner of its own, so that f32 is fine enough.
    let positions: Vec<[f32; 3]> =
        mesh.positions.iter().map(|p| (*p - origin).to_array().map(|x| x as f32)).collect();
    let indices: Vec<u32> = mesh.triangles.iter().flatten().copied().collect();
    let mut wanted = triangles;
    while wanted < mesh.triangles.len() {
        let fewer = meshopt::simplify_decoder(
            &indices,
            &positions,
            3 * wanted,
            error_mm as f32,
            SimplifyOptions::ErrorAbsolute | SimplifyOptions::LockBorder,
            None,
        );
        let simplified = compact(mesh, &fewer);
        if is_closed(&simplified) {
            return simplified;
        }
        // Taken too far, a thin part collapses onto itself; ask for less.
        wanted = wanted * 3 / 2 + 1;
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
