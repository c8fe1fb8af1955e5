//! The built-in case as it stands in the room at the start, from the phantom's truth and the program's documentation
//! alone: "with `middle` the middle of the box around all labelled voxel centres, a patient point p stands at
//! x = −(p.x − middle.x)/1000, y = 1.2 + (p.z − middle.z)/1000, z = −0.6 + (p.y − middle.y)/1000".
//!
//! In: `corridor::phantom`. Out: where to put a hand, and where a point of the patient falls in each eye.

use std::sync::OnceLock;

use corridor::labels::{LabelMap, Level};
use corridor::phantom::{self, Bone, PedicleTruth, Phantom, Spec, Truth};
use corridor::space::{Dir, Patient, Point, Side};
use glam::{DVec3, Quat, Vec3};

use crate::driver::Pose;

/// The patient in the room.
pub struct Room {
    pub truth: Truth,
    pub labels: LabelMap,
    middle: DVec3,
}

/// Where the patient was moved since the start: what stood at `p` in the room stands at `scale` `turn` p + `offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moved {
    scale: f32,
    turn: Quat,
    offset: Vec3,
}

impl Moved {
    /// Not at all.
    pub const NOT: Self = Self { scale: 1.0, turn: Quat::IDENTITY, offset: Vec3::ZERO };

    /// Held by a hand that went from one pose to another.
    pub fn held(self, from: Pose, to: Pose) -> Self {
        let turn = to.orientation * from.orientation.inverse();
        let turned = self.turned(from.position, turn);
        Self { offset: turned.offset + to.position - from.position, ..turned }
    }

    /// Turned about a point.
    pub fn turned(self, about: Vec3, turn: Quat) -> Self {
        Self {
            turn: (turn * self.turn).normalize(),
            offset: about + turn * (self.offset - about),
            ..self
        }
    }

    /// Pulled apart by two hands with this point in their middle.
    pub fn stretched(self, about: Vec3, growth: f32) -> Self {
        let offset = about + (self.offset - about) * growth;
        Self { scale: self.scale * growth, offset, ..self }
    }

    /// Where a hand must be now to be, told in the patient, where `start` was at the start.
    pub fn from_start(self, start: Pose) -> Pose {
        Pose {
            position: self.turn * (self.scale * start.position) + self.offset,
            orientation: self.turn * start.orientation,
        }
    }

    /// The other way round.
    pub fn to_start(self, now: Pose) -> Pose {
        let back = self.turn.inverse();
        Pose {
            position: back * (now.position - self.offset) / self.scale,
            orientation: back * now.orientation,
        }
    }
}

/// How far a hand is from the bone when it reaches for it, mm.
const REACH_MM: f64 = 150.0;

impl Room {
    /// The built-in case at the start; made once for all tests.
    pub fn of_the_demo() -> &'static Self {
        static ROOM: OnceLock<Room> = OnceLock::new();
        ROOM.get_or_init(|| {
            let (_, labels, truth) = phantom::demo();
            let mut room = Self { truth, labels, middle: DVec3::ZERO };
            let (mut low, mut high) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
            for p in room.bone_voxels() {
                (low, high) = (low.min(p.vec()), high.max(p.vec()));
            }
            room.middle = (low + high) / 2.0;
            room
        })
    }

    /// Centres of all voxels that are bone.
    pub fn bone_voxels(&self) -> impl Iterator<Item = Point<Patient>> {
        let patient_from_voxel = self.labels.volume.grid().patient_from_voxel();
        let voxels = self.labels.volume.data().indexed_iter();
        voxels.filter(|(_, value)| **value != 0).map(move |((k, j, i), _)| {
            patient_from_voxel.point(Point::new(i as f64, j as f64, k as f64))
        })
    }

    /// The true bone of a level, in closed form.
    pub fn bone(&self, level: Level) -> &'static Bone {
        static PHANTOM: OnceLock<Phantom> = OnceLock::new();
        let phantom = PHANTOM.get_or_init(|| Phantom::new(&Spec::demo()).unwrap());
        phantom.bone(level).expect("the built-in case has this level")
    }

    /// One pedicle of the truth.
    pub fn pedicle(&self, level: Level, side: Side) -> &PedicleTruth {
        self.truth.level(level).expect("the built-in case has this level").pedicle(side)
    }

    /// Where a point of the patient stands in the room, m.
    pub fn stage(&self, p: Point<Patient>) -> Vec3 {
        let d = (p.vec() - self.middle) / 1000.0;
        DVec3::new(-d.x, 1.2 + d.z, -0.6 + d.y).as_vec3()
    }

    /// The other way round.
    pub fn patient(&self, stage: Vec3) -> Point<Patient> {
        let s = stage.as_dvec3();
        Point::from_vec(self.middle + 1000.0 * DVec3::new(-s.x, s.z + 0.6, s.y - 1.2))
    }

    /// A hand behind the patient that points along a line through `through`.
    pub fn hand_along(&self, through: Point<Patient>, axis: Dir<Patient>) -> Pose {
        let from = self.stage(through + axis * -REACH_MM);
        Pose::pointing(from, self.stage(through) - from)
    }

    /// The line on which a hand points, as a point and a unit direction of the patient.
    pub fn line_of(&self, hand: Pose) -> (Point<Patient>, Dir<Patient>) {
        let from = self.patient(hand.position);
        let ahead = self.patient(hand.position + hand.orientation * Vec3::NEG_Z);
        (from, (ahead - from).unit().expect("a hand points somewhere"))
    }
}
