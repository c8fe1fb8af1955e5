//! Area, volume and closedness of a mesh.

use super::TriMesh;
use glam::DVec3;
use std::collections::HashMap;

fn corners(mesh: &TriMesh) -> impl Iterator<Item = [DVec3; 3]> + '_ {
    mesh.triangles.iter().map(|t| t.map(|n| mesh.positions[n as usize].vec()))
}

/// Area in mm²; 0 for an empty mesh.
pub fn area_mm2(mesh: &TriMesh) -> f64 {
    corners(mesh).map(|[a, b, c]| 0.5 * (b - a).cross(c - a).length()).sum()
}

/// Enclosed volume in mm³ of a closed mesh (divergence theorem); negative where its triangles turn
/// inwards, 0 for an empty mesh, without meaning for an open one.
pub fn volume_mm3(mesh: &TriMesh) -> f64 {
    // Around a corner of its own, so that a body far from the origin loses no digits.
    let Some(origin) = mesh.positions.first().map(|p| p.vec()) else { return 0.0 };
    corners(mesh).map(|[a, b, c]| (a - origin).dot((b - origin).cross(c - origin)) / 6.0).sum()
}

/// True when the mesh is a closed manifold turned one way: every edge belongs to two triangles,
/// once in each direction, and the triangles around every vertex form one fan. An empty mesh is.
pub fn is_closed(mesh: &TriMesh) -> bool {
    faults(&mesh.triangles, mesh.positions.len()).is_empty()
}

/// The vertices at which triangles over `vertices` vertices are not a closed manifold turned one
/// way: where they end, meet in more than two at an edge, or in more than one fan at a vertex.
pub(super) fn faults(triangles: &[[u32; 3]], vertices: usize) -> Vec<u32> {
    // (v, spoke) leads to the next spoke of the fan around v.
    let mut next: HashMap<(u32, u32), u32> = HashMap::with_capacity(3 * triangles.len());
    let mut fans = vec![(0usize, 0u32); vertices];
    let mut faults = Vec::new();
    for &[a, b, c] in triangles {
        for (v, spoke, following) in [(a, b, c), (b, c, a), (c, a, b)] {
            if v == spoke || next.insert((v, spoke), following).is_some() {
                faults.push(v);
            }
            let fan = &mut fans[v as usize];
            *fan = (fan.0 + 1, spoke);
        }
    }
    for (v, &(size, first)) in (0u32..).zip(&fans) {
        let spokes = std::iter::successors(Some(first), |&spoke| next.get(&(v, spoke)).copied());
        let comes_back = || spokes.skip(1).take(size).position(|s| s == first);
        if size > 0 && comes_back() != Some(size - 1) {
            faults.push(v);
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Dir, Point};

    /// A box from the origin to (x, y, z), and again moved by each of `moves`.
    fn boxes(sides: [f64; 3], moves: &[[f64; 3]]) -> TriMesh {
        const FACES: [[u32; 4]; 6] =
            [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
        let mut mesh = TriMesh::default();
        for by in moves {
            let first = mesh.positions.len() as u32;
            for corner in 0..8 {
                let side = |a: usize| by[a] + if corner >> a & 1 == 1 { sides[a] } else { 0.0 };
                mesh.positions.push(Point::new(side(0), side(1), side(2)));
                mesh.normals.push(Dir::Z);
            }
            for [a, b, c, d] in FACES.map(|face| face.map(|n| first + n)) {
                mesh.triangles.extend([[a, b, c], [a, c, d]]);
            }
        }
        mesh
    }

    #[test]
    fn a_box_has_the_volume_and_area_of_a_box_wherever_it_is() {
        let mesh = boxes([2.0, 3.0, 5.0], &[[1e4, -2e4, 3e4]]);
        assert!((volume_mm3(&mesh) - 30.0).abs() < 1e-9);
        assert!((area_mm2(&mesh) - 62.0).abs() < 1e-9);
        assert!(is_closed(&mesh));
        assert_eq!(volume_mm3(&TriMesh::default()), 0.0);
    }

    #[test]
    fn what_is_open_turned_or_touches_itself_is_not_closed() {
        let mut open = boxes([1.0; 3], &[[0.0; 3]]);
        open.triangles.pop();
        assert!(!is_closed(&open));
        let mut turned = boxes([1.0; 3], &[[0.0; 3]]);
        turned.triangles[0].swap(1, 2);
        assert!(!is_closed(&turned));
        let mut touching = boxes([1.0; 3], &[[0.0; 3], [1.0; 3]]);
        assert!(is_closed(&touching), "two boxes, each with corners of its own");
        for triangle in &mut touching.triangles {
            for corner in triangle {
                // The second box' first corner becomes the first box' last one.
                *corner = if *corner == 8 { 7 } else { *corner };
            }
        }
        assert!(!is_closed(&touching), "two boxes that share one corner");
    }
}
