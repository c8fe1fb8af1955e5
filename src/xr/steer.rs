//! How a screw follows a hand: the maths, in patient space.
//!
//! In: where a hand was and is, and a gain. Out: the line of the screw, its entry on bone.

use crate::clearance::Field;
use crate::clearance::entry_on_axis;
use crate::space::{Dir, Patient, Point, Rigid};
use bevy::math::DQuat;

/// The frame of a hand's aim: −z is where it points.
#[derive(Clone, Copy, Debug)]
pub struct Aim;

/// From this far on the trigger is pulled fully and the screw follows one to one.
pub const FULL_PULL: f32 = 0.8;
/// At less the trigger is let go.
pub const LET_GO: f32 = 0.2;
/// From this far on a pull begins.
pub const BEGIN_PULL: f32 = 0.5;
/// While the trigger is pulled half, the screw moves this much of the hand's way.
pub const FINE_GAIN: f64 = 0.1;

/// The gain that belongs to a trigger.
pub fn gain(select: f32) -> f64 {
    if select >= FULL_PULL { 1.0 } else { FINE_GAIN }
}

/// The line a screw is driven along.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Where it enters bone, LPS mm.
    pub entry: Point<Patient>,
    /// Unit direction into the bone.
    pub axis: Dir<Patient>,
}

impl Line {
    /// The line a hand points along.
    pub fn of_aim(patient_from_aim: Rigid<Patient, Aim>) -> Self {
        let axis = patient_from_aim.dir(Dir::new(0.0, 0.0, -1.0));
        Self { entry: patient_from_aim.origin(), axis }
    }

    /// The line after the hand went from `before` to `now`, by `gain` of its way: at gain 1 the
    /// line is fixed to the hand, at less it moves and turns that share about its own entry.
    #[must_use]
    pub fn following(
        self,
        before: Rigid<Patient, Aim>,
        now: Rigid<Patient, Aim>,
        gain: f64,
    ) -> Self {
        let carried = now.point(before.inverse().point(self.entry));
        let turn = now.rotation() * before.rotation().conjugate();
        let turn = if turn.w < 0.0 { -turn } else { turn };
        let share = DQuat::IDENTITY.slerp(turn, gain);
        Self {
            entry: self.entry + (carried - self.entry) * gain,
            axis: Dir::from_vec((share * self.axis.vec()).normalize()),
        }
    }

    /// The same line with its entry where it first meets this bone; `None` when it misses it.
    pub fn on_bone(self, bone: &Field) -> Option<Self> {
        entry_on_axis(bone, self.entry, self.axis).map(|entry| Self { entry, ..self })
    }
}

/// How far along a ray bone is met, mm; 0 inside bone. `None` within `reach_mm`.
pub fn distance_to_bone_mm(
    bone: &Field,
    from: Point<Patient>,
    dir: Dir<Patient>,
    reach_mm: f64,
) -> Option<f64> {
    /// Shorter steps would crawl along walls that the ray runs beside.
    const LEAST_STEP_MM: f64 = 0.2;
    let mut depth_mm = 0.0;
    while depth_mm <= reach_mm {
        let outside_mm = -bone.quick_distance_mm(from + dir * depth_mm);
        if outside_mm <= 0.0 {
            return Some(depth_mm);
        }
        depth_mm += outside_mm.max(LEAST_STEP_MM);
    }
    None
}

/// How near a ray passes to a point, and how far along it: both mm.
pub fn pass_mm(from: Point<Patient>, dir: Dir<Patient>, p: Point<Patient>) -> (f64, f64) {
    let along = (p - from).dot(dir).max(0.0);
    ((from + dir * along).distance(p), along)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bevy::math::DVec3;

    fn hand(turn: [f64; 3], at: [f64; 3]) -> Rigid<Patient, Aim> {
        let turn = DQuat::from_euler(bevy::math::EulerRot::XYZ, turn[0], turn[1], turn[2]);
        Rigid::new(turn, DVec3::from_array(at))
    }

    #[test]
    fn at_gain_one_the_screw_stays_on_the_hands_own_axis() {
        let poses = [
            hand([0.1, 0.2, 0.3], [10.0, 200.0, 5.0]),
            hand([0.3, -0.2, 0.5], [14.0, 190.0, -5.0]),
            hand([0.4, 0.1, 2.9], [0.0, 150.0, 7.0]),
        ];
        let mut line = Line::of_aim(poses[0]);
        for pair in poses.windows(2) {
            // Sliding along its own axis, as putting the entry on bone does, changes nothing.
            line.entry = line.entry + line.axis * 17.0;
            line = line.following(pair[0], pair[1], 1.0);
        }
        let aim = Line::of_aim(poses[2]);
        assert!((line.axis - aim.axis).length() < 1e-12);
        let beside = (line.entry - aim.entry).cross(aim.axis).length();
        assert!(beside < 1e-9, "{beside}");
    }

    #[test]
    fn at_a_tenth_ten_millimetres_of_hand_are_one_of_screw() {
        let before = hand([0.0; 3], [0.0, 300.0, 0.0]);
        let now = hand([0.0; 3], [10.0, 300.0, 0.0]);
        let line = Line { entry: Point::ORIGIN, axis: Dir::new(0.0, -1.0, 0.0) };
        let moved = line.following(before, now, FINE_GAIN);
        assert!(moved.entry.distance(Point::new(1.0, 0.0, 0.0)) < 1e-12);
        let turned = hand([0.0, 0.0, 0.5], [0.0, 300.0, 0.0]);
        let moved = line.following(before, turned, FINE_GAIN);
        let angle = moved.axis.dot(line.axis).clamp(-1.0, 1.0).acos();
        assert!((angle - 0.05).abs() < 1e-9, "{angle}");
    }

    #[test]
    fn a_ray_passes_a_point_ahead_and_never_one_behind() {
        let (from, dir) = (Point::ORIGIN, Dir::new(0.0, 0.0, 1.0));
        assert_eq!(pass_mm(from, dir, Point::new(3.0, 4.0, 10.0)), (5.0, 10.0));
        assert_eq!(pass_mm(from, dir, Point::new(0.0, 0.0, -6.0)), (6.0, 0.0));
    }
}
