//! A stick as a switch: one step for each push, however long it lasts.

use bevy::math::Vec2;

/// Pushed this far a stick steps once; it must come back below half of it to step again.
const STEP: f32 = 0.7;

/// Which of a stick's two axes, x and y, have stepped and not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StickSteps([bool; 2]);

impl StickSteps {
    /// A stick of which nothing is known: pushed or not, it must come back first.
    pub const UNKNOWN: Self = Self([true; 2]);

    /// The steps of this frame, −1, 0 or 1 along x and y. A stick pushed askew steps along the axis
    /// on which it is pushed farther.
    pub fn update(&mut self, stick: Vec2) -> [i32; 2] {
        let is_along_x = stick.x.abs() >= stick.y.abs();
        let axes = [(stick.x, is_along_x), (stick.y, !is_along_x)];
        std::array::from_fn(|axis| {
            let (push, is_main) = axes[axis];
            let has_stepped = &mut self.0[axis];
            if push.abs() < STEP / 2.0 {
                *has_stepped = false;
            }
            let steps = push.abs() > STEP && is_main && !*has_stepped;
            *has_stepped |= steps;
            if steps { push.signum() as i32 } else { 0 }
        })
    }
}

impl Default for StickSteps {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_push_is_one_step_along_its_main_axis() {
        let mut steps = StickSteps::UNKNOWN;
        let mut push = |x, y| steps.update(Vec2::new(x, y));
        assert_eq!(push(1.0, 0.0), [0, 0], "pushed before anybody looked");
        assert_eq!(push(0.1, 0.0), [0, 0]);
        assert_eq!(push(0.9, 0.5), [1, 0]);
        assert_eq!(push(0.9, 0.95), [0, 1]);
        assert_eq!(push(0.4, 0.9), [0, 0], "held");
        assert_eq!(push(0.0, 0.0), [0, 0]);
        assert_eq!(push(-0.8, -0.75), [-1, 0]);
    }
}
