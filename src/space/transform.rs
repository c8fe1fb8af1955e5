//! Rigid and affine maps between frames, typed `To`, `From` so that neighbours cancel.

use super::frame::{Dir, Point};
use glam::{DAffine3, DMat3, DQuat, DVec3};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Mul;

/// A rotation and a translation; keeps lengths and handedness. World scale never hides in here.
pub struct Rigid<To, From> {
    rotation: DQuat,
    translation: DVec3,
    frames: PhantomData<fn() -> (To, From)>,
}

/// Any invertible affine map: scale, shear and mirror included.
pub struct Affine<To, From> {
    map: DAffine3,
    frames: PhantomData<fn() -> (To, From)>,
}

macro_rules! plain_data {
    ($name:ident, $($field:ident),+) => {
        impl<To, From> Clone for $name<To, From> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<To, From> Copy for $name<To, From> {}
        impl<To, From> PartialEq for $name<To, From> {
            fn eq(&self, other: &Self) -> bool {
                true $(&& self.$field == other.$field)+
            }
        }
        impl<To, From> fmt::Debug for $name<To, From> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))$(.field(stringify!($field), &self.$field))+.finish()
            }
        }
    };
}
plain_data!(Rigid, rotation, translation);
plain_data!(Affine, map);

impl<To, From> Rigid<To, From> {
    /// The map that changes nothing but the name of the frame.
    pub const IDENTITY: Self =
        Self { rotation: DQuat::IDENTITY, translation: DVec3::ZERO, frames: PhantomData };

    /// From a unit quaternion and the place where `From`'s origin lands in `To`.
    pub fn new(rotation: DQuat, translation: DVec3) -> Self {
        Self { rotation: rotation.normalize(), translation, frames: PhantomData }
    }
    /// The frame whose origin and whose x and z axes are given in `To`; y completes a right hand.
    /// `z` is kept, `x` is made perpendicular to it. `None` when they are parallel or zero.
    pub fn from_axes(origin: Point<To>, x: Dir<To>, z: Dir<To>) -> Option<Self> {
        let z = z.vec().try_normalize()?;
        let x = x.vec().reject_from_normalized(z).try_normalize()?;
        let rotation = DQuat::from_mat3(&DMat3::from_cols(x, z.cross(x), z));
        Some(Self::new(rotation, origin.vec()))
    }
    /// The rotation part.
    pub fn rotation(self) -> DQuat {
        self.rotation
    }
    /// Where the origin of `From` lies in `To`.
    pub fn origin(self) -> Point<To> {
        Point::from_vec(self.translation)
    }
    /// A point of `From`, told in `To`.
    pub fn point(self, p: Point<From>) -> Point<To> {
        Point::from_vec(self.rotation * p.vec() + self.translation)
    }
    /// A direction of `From`, told in `To`.
    pub fn dir(self, d: Dir<From>) -> Dir<To> {
        Dir::from_vec(self.rotation * d.vec())
    }
    /// The way back.
    pub fn inverse(self) -> Rigid<From, To> {
        let rotation = self.rotation.conjugate();
        Rigid { rotation, translation: -(rotation * self.translation), frames: PhantomData }
    }
    /// The same map as an affine one.
    pub fn to_affine(self) -> Affine<To, From> {
        Affine::new(DAffine3::from_rotation_translation(self.rotation, self.translation))
    }
}

impl<To, From> Affine<To, From> {
    /// From a bare affine map that the caller knows to lead from `From` to `To`.
    pub const fn new(map: DAffine3) -> Self {
        Self { map, frames: PhantomData }
    }
    /// From the images of the three axes and of the origin.
    pub fn from_columns(x: Dir<To>, y: Dir<To>, z: Dir<To>, origin: Point<To>) -> Self {
        Self::new(DAffine3::from_cols(x.vec(), y.vec(), z.vec(), origin.vec()))
    }
    /// The bare map.
    pub const fn map(self) -> DAffine3 {
        self.map
    }
    /// A point of `From`, told in `To`.
    pub fn point(self, p: Point<From>) -> Point<To> {
        Point::from_vec(self.map.transform_point3(p.vec()))
    }
    /// A displacement of `From`, told in `To` (its length changes with the scale).
    pub fn dir(self, d: Dir<From>) -> Dir<To> {
        Dir::from_vec(self.map.transform_vector3(d.vec()))
    }
    /// Factor by which volumes grow; negative when the map mirrors.
    pub fn determinant(self) -> f64 {
        self.map.matrix3.determinant()
    }
    /// True when the map is finite and not flat, so that [`Affine::inverse`] means something.
    pub fn is_invertible(self) -> bool {
        self.map.is_finite() && self.determinant().abs() > 1e-12
    }
    /// The way back. Check [`Affine::is_invertible`] first for a map that came from a file.
    pub fn inverse(self) -> Affine<From, To> {
        Affine::new(self.map.inverse())
    }
}

impl<A, B, C> Mul<Rigid<B, C>> for Rigid<A, B> {
    type Output = Rigid<A, C>;
    fn mul(self, other: Rigid<B, C>) -> Rigid<A, C> {
        Rigid::new(
            self.rotation * other.rotation,
            self.rotation * other.translation + self.translation,
        )
    }
}
impl<A, B, C> Mul<Affine<B, C>> for Affine<A, B> {
    type Output = Affine<A, C>;
    fn mul(self, other: Affine<B, C>) -> Affine<A, C> {
        Affine::new(self.map * other.map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Patient, Vertebra};

    #[test]
    fn a_rigid_map_and_its_inverse_cancel() {
        let patient_from_vertebra = Rigid::<Patient, Vertebra>::new(
            DQuat::from_euler(glam::EulerRot::XYZ, 0.3, -0.7, 1.1),
            DVec3::new(10.0, -20.0, 30.0),
        );
        let p = Point::<Vertebra>::new(1.0, 2.0, 3.0);
        let back = patient_from_vertebra.inverse().point(patient_from_vertebra.point(p));
        assert!(back.distance(p) < 1e-12);
    }

    #[test]
    fn axes_given_are_axes_got() {
        let origin = Point::<Patient>::new(1.0, 2.0, 3.0);
        let map = Rigid::<Patient, Vertebra>::from_axes(
            origin,
            Dir::new(1.0, 0.2, 0.0),
            Dir::new(0.0, 0.1, 1.0),
        )
        .expect("independent axes");
        let z = map.dir(Dir::Z);
        assert!((z - Dir::new(0.0, 0.1, 1.0).unit().expect("not zero")).length() < 1e-12);
        assert!(map.dir(Dir::X).dot(z).abs() < 1e-12);
        assert!(map.dir(Dir::X).cross(map.dir(Dir::Y)).dot(z) > 0.999_999);
        assert!(Rigid::<Patient, Vertebra>::from_axes(origin, Dir::Z, Dir::Z).is_none());
    }
}
