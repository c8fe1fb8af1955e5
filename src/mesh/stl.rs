//! A mesh for other programs: binary STL.
//!
//! In: a [`TriMesh`]. Out: bytes. Coordinates stay LPS mm, which the header says, since STL itself
//! knows neither frame nor unit; 3D Slicer and printing programs take them as they are.

use super::TriMesh;
use glam::DVec3;

/// The mesh as a binary STL: coordinates as 32-bit floats (0.00003 mm at half a metre), normals
/// from the turn of the triangles. `name` (no patient's) goes into the header of 80 bytes, cut to
/// fit.
pub fn stl(mesh: &TriMesh, name: &str) -> Vec<u8> {
    let mut header = format!("corridor {name}, SPACE=LPS, UNIT=mm").into_bytes();
    header.resize(80, b' ');
    let mut bytes = header;
    bytes.extend((mesh.triangles.len() as u32).to_le_bytes());
    for triangle in &mesh.triangles {
        let [a, b, c] = triangle.map(|n| mesh.positions[n as usize].vec());
        let normal = (b - a).cross(c - a).normalize_or_zero();
        [normal, a, b, c].into_iter().for_each(|v| push(&mut bytes, v));
        bytes.extend([0, 0]);
    }
    bytes
}

fn push(bytes: &mut Vec<u8>, v: DVec3) {
    v.as_vec3().to_array().into_iter().for_each(|x| bytes.extend(x.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Dir, Point};

    #[test]
    fn a_triangle_keeps_its_place_its_turn_and_the_name_of_its_frame() {
        let mesh = TriMesh {
            positions: vec![
                Point::new(20.5, -1.0, 3.0),
                Point::new(22.5, -1.0, 3.0),
                Point::new(20.5, 1.0, 3.0),
            ],
            normals: vec![Dir::Z; 3],
            triangles: vec![[0, 1, 2]],
        };
        let bytes = stl(&mesh, "L4");
        assert_eq!(bytes.len(), 84 + 50);
        assert!(bytes.starts_with(b"corridor L4, SPACE=LPS"), "and never `solid`");
        let number = |n: usize| f32::from_le_bytes(bytes[84 + 4 * n..][..4].try_into().unwrap());
        let numbers: Vec<f32> = (0..12).map(number).collect();
        assert_eq!(numbers[..3], [0.0, 0.0, 1.0]);
        assert_eq!(numbers[3..], [20.5, -1.0, 3.0, 22.5, -1.0, 3.0, 20.5, 1.0, 3.0]);
        assert_eq!(u32::from_le_bytes(bytes[80..84].try_into().unwrap()), 1);
    }
}
