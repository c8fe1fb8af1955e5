//! Mouse, laser and hand as one [`Pointer`]: the rooms `desktop` and `xr` fill it each frame, and
//! everything after them reads nothing else.

use bevy::prelude::*;

/// What kind of device points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerKind {
    /// A mouse: its ray starts at the eye and its hand moves in the picture's plane.
    Mouse,
    /// A controller or a hand in space: its ray is a drill that can be turned.
    Hand,
}

/// A button that may be pressed part of the way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Button {
    /// 0 free, 1 fully pressed.
    pub value: f32,
    /// It counts as pressed.
    pub pressed: bool,
    /// It became pressed in this frame.
    pub just_pressed: bool,
    /// It became free in this frame.
    pub just_released: bool,
}

impl Button {
    /// Takes the state of this frame and finds what changed.
    pub fn update(&mut self, value: f32, pressed: bool) {
        *self = Self {
            value,
            pressed,
            just_pressed: pressed && !self.pressed,
            just_released: !pressed && self.pressed,
        };
    }
}

/// Something that points into the scene.
#[derive(Component, Clone, Copy, Debug)]
#[require(Aim)]
pub struct Pointer {
    /// What kind of device it is.
    pub kind: PointerKind,
    /// Where it points, world metres; `None` while it points nowhere (over a panel, not tracked).
    pub ray: Option<Ray3d>,
    /// Where its tool ends in the world, −z ahead; `None` for a mouse.
    pub tool_tip: Option<Transform>,
    /// Chooses and drags: left button, trigger, pinch.
    pub select: Button,
    /// Holds the model: grip, grasp.
    pub grab: Button,
}

impl Pointer {
    /// A pointer that points nowhere.
    pub fn new(kind: PointerKind) -> Self {
        Self { kind, ray: None, tool_tip: None, select: Button::default(), grab: Button::default() }
    }
}

/// What a pointer points at in this frame; written by `pick`.
#[derive(Component, Clone, Copy, Debug, Default)]
pub struct Aim(pub Option<super::pick::Hit>);
