//! Frames as types, and the points and directions that live in them.

use glam::DVec3;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Add, Mul, Neg, Sub};

/// A coordinate frame. Implemented by the empty marker types of this file alone.
pub trait Frame: Copy + fmt::Debug + Send + Sync + 'static {
    /// What the frame is called in messages.
    const NAME: &'static str;
}

macro_rules! frame {
    ($(#[$doc:meta])* $name:ident, $text:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name;
        impl Frame for $name {
            const NAME: &'static str = $text;
        }
    };
}

frame!(
    /// Voxel indices (i, j, k) of one grid; voxel centres lie at whole numbers.
    Voxel, "voxel");
frame!(
    /// Patient space of one CT: LPS, millimetres.
    Patient, "patient");
frame!(
    /// One vertebra's own frame: +x its left, +y its back, +z its top, millimetres.
    Vertebra, "vertebra");
frame!(
    /// The engine's world: Y up, metres.
    Scene, "scene");
frame!(
    /// The room as the headset knows it: Y up, metres.
    Stage, "stage");

/// A position in frame `F`, in the frame's unit.
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Point<F> {
    vec: DVec3,
    #[serde(skip)]
    frame: PhantomData<fn() -> F>,
}

/// A displacement or a direction in frame `F`; its length is in the frame's unit where it has one.
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Dir<F> {
    vec: DVec3,
    #[serde(skip)]
    frame: PhantomData<fn() -> F>,
}

macro_rules! common {
    ($name:ident) => {
        impl<F> $name<F> {
            /// From three components in the frame's own axes and unit.
            pub const fn new(x: f64, y: f64, z: f64) -> Self {
                Self::from_vec(DVec3::new(x, y, z))
            }
            /// From a bare vector that the caller knows to be in this frame.
            pub const fn from_vec(vec: DVec3) -> Self {
                Self { vec, frame: PhantomData }
            }
            /// The bare vector, for arithmetic inside one frame.
            pub const fn vec(self) -> DVec3 {
                self.vec
            }
            /// The three components in the frame's own axes and unit.
            pub const fn to_array(self) -> [f64; 3] {
                self.vec.to_array()
            }
            /// True when no component is NaN or infinite.
            pub fn is_finite(self) -> bool {
                self.vec.is_finite()
            }
        }
        impl<F> Clone for $name<F> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<F> Copy for $name<F> {}
        impl<F> PartialEq for $name<F> {
            fn eq(&self, other: &Self) -> bool {
                self.vec == other.vec
            }
        }
        impl<F> From<[f64; 3]> for $name<F> {
            fn from(xyz: [f64; 3]) -> Self {
                Self::from_vec(DVec3::from_array(xyz))
            }
        }
        impl<F: Frame> fmt::Debug for $name<F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let [x, y, z] = self.to_array();
                write!(f, "{}({x:.4}, {y:.4}, {z:.4})", F::NAME)
            }
        }
    };
}
common!(Point);
common!(Dir);

impl<F> Point<F> {
    /// The frame's origin.
    pub const ORIGIN: Self = Self::new(0.0, 0.0, 0.0);

    /// Distance between two points of one frame, in the frame's unit.
    pub fn distance(self, other: Self) -> f64 {
        self.vec.distance(other.vec)
    }
    /// The point at fraction `t` of the way to `other` (0 here, 1 there, free beyond).
    pub fn lerp(self, other: Self, t: f64) -> Self {
        Self::from_vec(self.vec.lerp(other.vec, t))
    }
}

impl<F> Dir<F> {
    /// The frame's first axis.
    pub const X: Self = Self::new(1.0, 0.0, 0.0);
    /// The frame's second axis.
    pub const Y: Self = Self::new(0.0, 1.0, 0.0);
    /// The frame's third axis.
    pub const Z: Self = Self::new(0.0, 0.0, 1.0);

    /// Length in the frame's unit.
    pub fn length(self) -> f64 {
        self.vec.length()
    }
    /// The unit vector of this direction, or `None` for a zero or non-finite one.
    pub fn unit(self) -> Option<Self> {
        self.vec.try_normalize().map(Self::from_vec)
    }
    /// Scalar product.
    pub fn dot(self, other: Self) -> f64 {
        self.vec.dot(other.vec)
    }
    /// Right-handed vector product.
    pub fn cross(self, other: Self) -> Self {
        Self::from_vec(self.vec.cross(other.vec))
    }
    /// Angle to another direction, in radians, 0 to pi.
    pub fn angle_to_rad(self, other: Self) -> f64 {
        self.vec.angle_between(other.vec)
    }
    /// Some unit direction at right angles to this one (which must not be zero).
    pub fn any_perpendicular(self) -> Self {
        Self::from_vec(self.vec.any_orthonormal_vector())
    }
}

impl<F> Sub for Point<F> {
    type Output = Dir<F>;
    fn sub(self, other: Self) -> Dir<F> {
        Dir::from_vec(self.vec - other.vec)
    }
}
impl<F> Add<Dir<F>> for Point<F> {
    type Output = Self;
    fn add(self, dir: Dir<F>) -> Self {
        Self::from_vec(self.vec + dir.vec)
    }
}
impl<F> Sub<Dir<F>> for Point<F> {
    type Output = Self;
    fn sub(self, dir: Dir<F>) -> Self {
        Self::from_vec(self.vec - dir.vec)
    }
}
impl<F> Add for Dir<F> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::from_vec(self.vec + other.vec)
    }
}
impl<F> Sub for Dir<F> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::from_vec(self.vec - other.vec)
    }
}
impl<F> Neg for Dir<F> {
    type Output = Self;
    fn neg(self) -> Self {
        Self::from_vec(-self.vec)
    }
}
impl<F> Mul<f64> for Dir<F> {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self::from_vec(self.vec * factor)
    }
}
