//! The only file that swaps axes. Everything that leaves or enters LPS millimetres passes here.

use super::frame::{Dir, Patient, Point, Scene};
use super::transform::Affine;
use glam::{DAffine3, DMat3, DVec3};

/// Scene metres per patient millimetre at world scale 1.
pub const METRES_PER_MM: f64 = 1e-3;

/// Patient (LPS, mm) to scene (Y up, m): (x, y, z) → (x, z, −y) / 1000.
///
/// A rotation by −90° about x and a scale, determinant positive, never a mirror: a standing
/// patient faces +Z with the left hand at +X, on the viewer's right, as in life.
pub fn scene_from_patient() -> Affine<Scene, Patient> {
    let rotation = DMat3::from_cols(DVec3::X, -DVec3::Z, DVec3::Y);
    Affine::new(DAffine3::from_mat3(rotation * METRES_PER_MM))
}

/// The same as [`scene_from_patient`] for a direction of unit length: rotated, not scaled.
pub fn scene_dir_from_patient(d: Dir<Patient>) -> Dir<Scene> {
    let [x, y, z] = d.to_array();
    Dir::new(x, z, -y)
}

/// The way back of [`scene_dir_from_patient`].
pub fn patient_dir_from_scene(d: Dir<Scene>) -> Dir<Patient> {
    let [x, y, z] = d.to_array();
    Dir::new(x, -z, y)
}

/// RAS (NIfTI, 3D Slicer's memory) to LPS and back: x and y change sign.
pub fn lps_from_ras(ras: [f64; 3]) -> Point<Patient> {
    Point::new(-ras[0], -ras[1], ras[2])
}

/// LPS to RAS: x and y change sign.
pub fn ras_from_lps(p: Point<Patient>) -> [f64; 3] {
    let [x, y, z] = p.to_array();
    [-x, -y, z]
}

/// A map into RAS millimetres (a NIfTI sform), as a map into LPS millimetres, or the reverse:
/// the sign change is its own inverse.
pub fn flip_ras_lps(map: DAffine3) -> DAffine3 {
    DAffine3::from_scale(DVec3::new(-1.0, -1.0, 1.0)) * map
}

/// A map into LAS millimetres (a NRRD may speak them), as a map into LPS: y changes sign.
pub fn flip_las_lps(map: DAffine3) -> DAffine3 {
    DAffine3::from_scale(DVec3::new(1.0, -1.0, 1.0)) * map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_patient_faces_the_viewer() {
        let map = scene_from_patient();
        assert!(map.determinant() > 0.0, "no mirror");
        let left = map.point(Point::new(1000.0, 0.0, 0.0));
        let front = map.point(Point::new(0.0, -1000.0, 0.0));
        let head = map.point(Point::new(0.0, 0.0, 1000.0));
        assert_eq!(left.to_array(), [1.0, 0.0, 0.0]);
        assert_eq!(front.to_array(), [0.0, 0.0, 1.0]);
        assert_eq!(head.to_array(), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn directions_and_points_turn_alike() {
        let d = Dir::<Patient>::new(0.1, -0.7, 0.3);
        let turned = scene_from_patient().dir(d) * (1.0 / METRES_PER_MM);
        assert!((turned - scene_dir_from_patient(d)).length() < 1e-12);
        assert!((patient_dir_from_scene(scene_dir_from_patient(d)) - d).length() < 1e-15);
    }

    #[test]
    fn ras_is_lps_with_two_signs_changed() {
        assert_eq!(lps_from_ras([1.0, 2.0, 3.0]).to_array(), [-1.0, -2.0, 3.0]);
        assert_eq!(ras_from_lps(lps_from_ras([1.0, 2.0, 3.0])), [1.0, 2.0, 3.0]);
    }
}
