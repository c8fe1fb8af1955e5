//! The root of everything anatomical: its transform carries `scene_from_patient`, so that all
//! below it lives in patient space, LPS millimetres.
//!
//! A headset's user moves, turns and scales this root; nothing below it knows.

use crate::space::convert::scene_from_patient;
use crate::space::{Dir, Patient, Point};
use bevy::math::DVec3;
use bevy::prelude::*;

/// Where the middle of the spine stands in the world at the start: chest height, a little ahead.
pub const CASE_PLACE: Vec3 = Vec3::new(0.0, 1.2, -0.5);

/// Marks the entity whose children live in patient space.
#[derive(Component, Clone, Copy, Debug, Default)]
#[require(Transform, Visibility)]
pub struct CaseRoot;

/// The root's transform that puts `middle` at `place`, in life size times `scale`.
pub fn root_transform(middle: Point<Patient>, place: Vec3, scale: f32) -> Transform {
    let map = scene_from_patient().map();
    let (size, rotation, _) = map.to_scale_rotation_translation();
    let rotation = rotation.as_quat();
    let size = size.as_vec3() * scale;
    let middle = middle.vec().as_vec3();
    Transform { translation: place - rotation * (size * middle), rotation, scale: size }
}

/// A patient point as the root's children are placed.
pub fn local(p: Point<Patient>) -> Vec3 {
    p.vec().as_vec3()
}

/// A patient point in the world.
pub fn world_from_patient(root: &GlobalTransform, p: Point<Patient>) -> Vec3 {
    root.transform_point(local(p))
}

/// A world point in patient space.
pub fn patient_from_world(root: &GlobalTransform, p: Vec3) -> Point<Patient> {
    let local = root.affine().as_daffine3().inverse().transform_point3(p.as_dvec3());
    Point::from_vec(local)
}

/// A world direction as a unit direction in patient space; zero stays zero.
pub fn patient_dir_from_world(root: &GlobalTransform, d: Vec3) -> Dir<Patient> {
    let local = root.affine().as_daffine3().inverse().transform_vector3(d.as_dvec3());
    Dir::from_vec(local.normalize_or_zero())
}

/// A patient direction as a unit direction in the world.
pub fn world_dir_from_patient(root: &GlobalTransform, d: Dir<Patient>) -> Vec3 {
    let turned: DVec3 = root.affine().as_daffine3().transform_vector3(d.vec());
    turned.normalize_or_zero().as_vec3()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_puts_the_middle_in_its_place_and_the_left_at_plus_x() {
        let middle = Point::new(10.0, -20.0, 300.0);
        let root = GlobalTransform::from(root_transform(middle, CASE_PLACE, 1.0));
        assert!(world_from_patient(&root, middle).distance(CASE_PLACE) < 1e-6);
        let left = world_from_patient(&root, middle + Dir::X * 100.0) - CASE_PLACE;
        assert!(left.distance(Vec3::new(0.1, 0.0, 0.0)) < 1e-6, "{left}");
        let back = patient_from_world(&root, CASE_PLACE + Vec3::new(0.0, 0.05, 0.0));
        assert!(back.distance(middle + Dir::Z * 50.0) < 1e-3);
    }
}
