//! Where the patient stands in the room: the similarity `stage_from_patient`.
//!
//! In: hands that hold, stretch, fly and turn. Out: [`Placement`], and from it the [`Rig`]'s
//! transform. The model moves and the surgeon stands: the scene itself stays where it is, so that
//! the desk's cameras never lose it, and the room moves the other way.
//!
//! **Start.** With `middle` the middle of the box around all labelled vertebra voxels (voxel
//! centres, LPS mm; the middle of the surfaces' box where there are no labels), a patient point
//! `p` stands in the room, in metres, floor at y = 0, at
//!
//! ```text
//! x = −(p.x − middle.x) / 1000            the patient's left at the user's left
//! y = 1.2 + (p.z − middle.z) / 1000       head up
//! z = −0.6 + (p.y − middle.y) / 1000      the back towards the user, who looks along −z
//! ```

use crate::case::spine::Spine;
use crate::labels::LabelMap;
use crate::space::convert::{METRES_PER_MM, scene_from_patient};
use crate::space::{Affine, Dir, Patient, Point, Rigid, Stage};
use bevy::math::{DAffine3, DQuat, DVec3};
use bevy::prelude::*;

/// Where the middle of the spine stands at the start, in the room.
pub const START: DVec3 = DVec3::new(0.0, 1.2, -0.6);
/// Smallest and largest scale of the world; 1 is life size.
pub const SCALES: [f64; 2] = [0.2, 20.0];

/// Where the patient stands in the room, and how large.
#[derive(Resource, Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Turns directions of the patient (LPS) into directions of the room.
    rotation: DQuat,
    /// 1 is life size.
    scale: f64,
    /// Where the patient's origin stands in the room, m.
    origin: DVec3,
}

impl Default for Placement {
    fn default() -> Self {
        Self::start(Point::ORIGIN)
    }
}

impl Placement {
    /// Life size, upright, the back towards the user, `middle` at chest height.
    pub fn start(middle: Point<Patient>) -> Self {
        let (_, facing_user, _) = scene_from_patient().map().to_scale_rotation_translation();
        let rotation = DQuat::from_rotation_y(std::f64::consts::PI) * facing_user;
        Self { rotation, scale: 1.0, origin: START - rotation * middle.vec() * METRES_PER_MM }
    }
    /// How much larger than life the patient is.
    pub fn scale(&self) -> f64 {
        self.scale
    }
    /// The whole map.
    pub fn stage_from_patient(&self) -> Affine<Stage, Patient> {
        let size = DVec3::splat(self.scale * METRES_PER_MM);
        Affine::new(DAffine3::from_scale_rotation_translation(size, self.rotation, self.origin))
    }
    /// A point of the room, told in the patient, mm.
    pub fn patient_point(&self, p: Point<Stage>) -> Point<Patient> {
        let turned = self.rotation.conjugate() * (p.vec() - self.origin);
        Point::from_vec(turned / (self.scale * METRES_PER_MM))
    }
    /// A direction of the room, told in the patient; its length stays.
    pub fn patient_dir(&self, d: Dir<Stage>) -> Dir<Patient> {
        Dir::from_vec(self.rotation.conjugate() * d.vec())
    }
    /// A pose of the room, told in the patient: place in mm, and turn.
    pub fn patient_pose<F>(&self, stage_from_hand: Rigid<Stage, F>) -> Rigid<Patient, F> {
        let place = self.patient_point(stage_from_hand.origin());
        Rigid::new(self.rotation.conjugate() * stage_from_hand.rotation(), place.vec())
    }
    /// A point of the patient, told in the room, m.
    pub fn stage_point(&self, p: Point<Patient>) -> Point<Stage> {
        self.stage_from_patient().point(p)
    }

    /// Held by one hand that went from one pose to another: moves and turns with it.
    #[must_use]
    pub fn held<F>(self, before: Rigid<Stage, F>, now: Rigid<Stage, F>) -> Self {
        let turn = now.rotation() * before.rotation().conjugate();
        self.carried(turn, 1.0, before.origin(), now.origin())
    }

    /// Held by two hands: moves with their middle, turns with the line between them, grows with
    /// its length. Hands in one point change nothing.
    #[must_use]
    pub fn stretched(self, before: [Point<Stage>; 2], now: [Point<Stage>; 2]) -> Self {
        let (from, to) = (before[1] - before[0], now[1] - now[0]);
        let (Some(a), Some(b)) = (from.unit(), to.unit()) else { return self };
        let turn = DQuat::from_rotation_arc(a.vec(), b.vec());
        let growth = to.length() / from.length();
        let middle = |p: [Point<Stage>; 2]| p[0] + (p[1] - p[0]) * 0.5;
        self.carried(turn, growth, middle(before), middle(now))
    }

    /// The user flies: the patient goes the other way. `d` in metres of the room.
    #[must_use]
    pub fn flown(mut self, d: Dir<Stage>) -> Self {
        self.origin -= d.vec();
        self
    }

    /// The user turns about the vertical through `about`, to the left when positive: the patient
    /// goes the other way round.
    #[must_use]
    pub fn snapped(self, angle_rad: f64, about: Point<Stage>) -> Self {
        self.carried(DQuat::from_rotation_y(-angle_rad), 1.0, about, about)
    }

    fn carried(self, turn: DQuat, growth: f64, from: Point<Stage>, to: Point<Stage>) -> Self {
        let scale = (self.scale * growth).clamp(SCALES[0], SCALES[1]);
        let arm = turn * (self.origin - from.vec()) * (scale / self.scale);
        Self { rotation: (turn * self.rotation).normalize(), scale, origin: to.vec() + arm }
    }

    /// The rig's transform, when the patient's root stands at `world_from_patient` in the world.
    pub fn world_from_stage(&self, world_from_patient: DAffine3) -> Transform {
        let map = world_from_patient * self.stage_from_patient().map().inverse();
        let (scale, rotation, translation) = map.to_scale_rotation_translation();
        Transform {
            translation: translation.as_vec3(),
            rotation: rotation.as_quat(),
            scale: Vec3::splat(scale.x as f32),
        }
    }
}

/// The middle of the patient's spine as the start defines it.
pub fn middle(spine: &Spine) -> Point<Patient> {
    spine.labels.as_deref().and_then(middle_of_labels).unwrap_or_else(|| spine.middle())
}

fn middle_of_labels(labels: &LabelMap) -> Option<Point<Patient>> {
    let map = labels.volume.grid().patient_from_voxel();
    let is_vertebra: Vec<bool> =
        (0..=u16::MAX).map(|value| labels.vertebrae.iter().any(|v| v.value == value)).collect();
    let mut low = DVec3::INFINITY;
    let mut high = DVec3::NEG_INFINITY;
    for (k, plane) in labels.volume.data().outer_iter().enumerate() {
        for ((j, i), value) in plane.indexed_iter() {
            if is_vertebra[usize::from(*value)] {
                let p = map.point(Point::new(i as f64, j as f64, k as f64)).vec();
                low = low.min(p);
                high = high.max(p);
            }
        }
    }
    low.is_finite().then(|| Point::from_vec((low + high) / 2.0))
}

/// A pose of the headset in the core's type.
pub fn rigid<F>(pose: Isometry3d) -> Rigid<Stage, F> {
    Rigid::new(pose.rotation.as_dquat(), DVec3::from(pose.translation.as_dvec3()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Palm;

    fn pose(turn: f64, x: f64, y: f64, z: f64) -> Rigid<Stage, Palm> {
        Rigid::new(DQuat::from_rotation_x(turn), DVec3::new(x, y, z))
    }

    #[test]
    fn the_start_is_as_documented() {
        let middle = Point::new(10.0, -20.0, 300.0);
        let start = Placement::start(middle);
        let p = Point::<Patient>::new(40.0, 30.0, 380.0);
        let stage = start.stage_point(p);
        let expected = Point::new(-0.03, 1.2 + 0.08, -0.6 + 0.05);
        assert!(stage.distance(expected) < 1e-12, "{stage:?}");
        assert!(start.patient_point(stage).distance(p) < 1e-9);
        assert!(
            (start.patient_dir(Dir::new(0.0, 0.0, -1.0)) - Dir::new(0.0, -1.0, 0.0)).length()
                < 1e-12
        );
    }

    #[test]
    fn what_a_hand_holds_stays_in_the_hand() {
        let start = Placement::start(Point::new(1.0, 2.0, 3.0));
        let (before, now) = (pose(0.2, 0.1, 1.0, -0.4), pose(-0.9, 0.3, 1.4, -0.2));
        let held_point = start.patient_point(before.point(Point::new(0.01, 0.02, -0.05)));
        let after = start.held(before, now);
        let found = after.stage_point(held_point);
        assert!(found.distance(now.point(Point::new(0.01, 0.02, -0.05))) < 1e-12);
        assert_eq!(after.scale(), 1.0);
    }

    #[test]
    fn two_hands_keep_what_they_hold() {
        let start = Placement::start(Point::new(1.0, 2.0, 3.0));
        let before = [Point::new(-0.1, 1.2, -0.6), Point::new(0.1, 1.2, -0.6)];
        let now = [Point::new(-0.2, 1.1, -0.5), Point::new(0.2, 1.3, -0.7)];
        let after = start.stretched(before, now);
        for hand in 0..2 {
            let held = start.patient_point(before[hand]);
            assert!(after.stage_point(held).distance(now[hand]) < 1e-12);
        }
        assert!(after.scale() > 2.0);
        assert_eq!(start.stretched(before, [before[0], before[0]]), start);
    }

    #[test]
    fn the_scale_stops_at_its_bounds_and_keeps_the_middle() {
        let before = [Point::new(-0.01, 1.0, 0.0), Point::new(0.01, 1.0, 0.0)];
        let now = [Point::new(-1.0, 1.0, 0.0), Point::new(1.0, 1.0, 0.0)];
        let start = Placement::default();
        let grown = start.stretched(before, now);
        assert_eq!(grown.scale(), SCALES[1]);
        let middle = Point::new(0.0, 1.0, 0.0);
        assert!(grown.stage_point(start.patient_point(middle)).distance(middle) < 1e-12);
    }

    #[test]
    fn the_rig_undoes_the_placement() {
        let placement = Placement::start(Point::new(5.0, 6.0, 7.0));
        let root = scene_from_patient().map();
        let rig = placement.world_from_stage(root);
        let p = Point::<Patient>::new(50.0, -60.0, 70.0);
        let in_stage = placement.stage_point(p).vec().as_vec3();
        let in_world = root.transform_point3(p.vec()).as_vec3();
        assert!(rig.transform_point(in_stage).distance(in_world) < 1e-6);
        assert!((rig.scale.x - 1.0).abs() < 1e-6);
    }
}
