//! The true numbers of a phantom, solved on the surfaces themselves to 1e-4 mm: nothing is read
//! from the measures that made a bone, since the joints between its parts move them.
//!
//! * End plates: over the middle ellipse of the body (0.65 of its half width and half depth, which
//!   are half of the chords through its middle) the plane that fits the surface best, by least
//!   squares along the vertebra's top. The ellipse of S1 is at most 1.5 times as wide as deep,
//!   since the chord across runs into the alae.
//! * Vertebra frame: the top halves the angle of the two plates' normals (S1: it is that of the
//!   upper plate); the back points from the middle of the body to the middle of the canal, made
//!   perpendicular to it (after Aaro and Dahlborn's measure of rotation); the origin is the middle of the chords
//!   that the three axes cut out of the body (S1: 13 mm under the plate, middle of the chord from
//!   front to back there, and of that from side to side 2 mm under the plate, above the alae).
//! * Pedicle: the isthmus is the cross-section at right angles to the axis in the middle of the
//!   narrow stretch: of a pedicle that is a tube the least section may lie anywhere. A section
//!   counts in full as part of that stretch where it is at most 1.2 times as large as the isthmus,
//!   not at all from 1.5 times, in proportion between, and no more than those nearer to the isthmus;
//!   both halves, summed over sections half a millimetre apart up to 8 mm away, are as long as each
//!   other. Its centre is its centroid. All these sections are looked at through one window, the
//!   isthmus' own outline grown 1.4 times: all bone in it counts, whatever a section opens into
//!   beyond it does not. They are told by 72 rays from the axis, 5 degrees apart. The axis runs, back
//!   to front, through the centroids of the sections up to 5 mm before and behind the isthmus, in
//!   pairs that count as much as the lesser of the two. So all of it changes steadily with the line,
//!   and of all pedicles looked at (170 of five persons) each has one such line. Width is the
//!   section's extent along the vertebra's left-right direction
//!   (made perpendicular to the axis), height its extent across that, the least extent that in any
//!   direction: between outer surfaces, all perpendicular to the axis. The chord is the length along
//!   the axis from where it leaves bone behind the isthmus to where it does in front, as the
//!   mean over the axis and 24 lines beside it, by turns at two thirds of and at 2 mm from it (or a
//!   third of the width, where that is less): a single line may graze the lamina's edge. The
//!   transverse angle is that of the axis to the midline, seen along the vertebra's top, the sagittal
//!   angle its rise, seen from the side.
//! * S1: the ala closes no ring around the pedicle. Its isthmus lies in the plane across the vertebra's
//!   back 4 mm behind the front wall of the canal (read in the midline, 8 mm under the end plate). Its
//!   medial border there is where, on the way out of the canal, the bone above the first sacral nerve's
//!   tunnel first is 8 mm thick along the vertebra's top. The isthmus lies 9.2 mm (half of a usual
//!   pedicle; the bone goes on for more than twice that) beside it, half way between the roof of the
//!   tunnel and the top of the sacrum, or the height of the end plate over the middle of the body where a
//!   facet rises above that. Height is the distance of these two along the vertebra's top. The axis runs
//!   from there to the promontory: the front of the body 6.5 mm under the end plate and 5 mm to the same
//!   side of the midline. Width is the chord across the axis, to the ala's end. The span goes as far as
//!   the canal's wall lies on the medial side, up to 12 mm each way.
//! * Canal: middle of the chord from front to back, then from side to side, in the vertebra's plane
//!   across its top at the mean height of the isthmuses; where the arch is open behind that plane,
//!   its back is that of the nearest plane below, by whole millimetres, in which it closes.
//! * Screws: [`Phantom::judge`].
//! * Angles of the column: see [`AlignmentTruth`].

mod alignment;
mod frame;
mod pedicle;
mod pelvis;
mod ray;
mod sacrum;
mod screw;
mod tube;

pub use alignment::{AlignmentTruth, BetweenTruth, CobbTruth, PelvisTruth};
pub use screw::ScrewTruth;

use super::sizes::{Measures, Vary};
use super::{Bone, Phantom, Placed, sacrum as sacral, vertebra};
use crate::clearance::ScrewShape;
use crate::labels::Level;
use crate::space::{Dir, Patient, Point, Rigid, Side, Vertebra};
use glam::{DMat3, DQuat, DVec3};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Everything known about a phantom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// One entry per level, cranial ones first.
    pub levels: Vec<LevelTruth>,
    /// The angles of the column.
    pub alignment: AlignmentTruth,
}

/// What is known about one vertebra.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelTruth {
    /// The level.
    pub level: Level,
    /// Middle of the vertebral body.
    #[serde(rename = "body_centre_lps_mm")]
    pub body_centre: Point<Patient>,
    /// Unit vector to the vertebra's left.
    pub left: Dir<Patient>,
    /// Unit vector to its back.
    pub back: Dir<Patient>,
    /// Unit vector to its top.
    pub top: Dir<Patient>,
    /// The upper end plate.
    pub upper_plate: PlateTruth,
    /// The lower end plate; the sacrum has none.
    pub lower_plate: Option<PlateTruth>,
    /// Middle of the canal at the height of the pedicles.
    #[serde(rename = "canal_centre_lps_mm")]
    pub canal_centre: Point<Patient>,
    /// Width of the canal there, mm.
    pub canal_width_mm: f64,
    /// Depth of the canal there, front to back, mm.
    pub canal_depth_mm: f64,
    /// The pedicles, left first.
    pub pedicles: [PedicleTruth; 2],
}

/// An end plate as a plane.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlateTruth {
    /// The plane's point over (or under) the middle of the body.
    #[serde(rename = "centre_lps_mm")]
    pub centre: Point<Patient>,
    /// Unit normal, towards the head.
    pub up: Dir<Patient>,
}

/// What is known about one pedicle; see the file's head for the definitions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PedicleTruth {
    /// The patient's side.
    pub side: Side,
    /// Centre of the isthmus.
    #[serde(rename = "isthmus_lps_mm")]
    pub isthmus: Point<Patient>,
    /// Unit axis, from back to front.
    pub axis: Dir<Patient>,
    /// Outer width across the axis, mm.
    pub width_mm: f64,
    /// Outer height across the axis, mm; of S1 along the vertebra's top.
    pub height_mm: f64,
    /// Least extent of the isthmus in any direction across the axis, mm.
    pub least_mm: f64,
    /// Length in bone along the axis, from the back of the arch to the front of the body, mm.
    pub chord_mm: f64,
    /// Where the pedicle begins (back, negative) and ends (front), mm from the isthmus along the axis:
    /// as far as its section is at most 1.8 times that of the isthmus, and no more than 15.
    pub span_mm: [f64; 2],
    /// How much the axis runs towards the midline on its way forward, degrees.
    pub transverse_deg: f64,
    /// How much it runs towards the head on its way forward, degrees.
    pub sagittal_deg: f64,
}

impl Truth {
    /// What is known about one level, if the phantom has it.
    pub fn level(&self, level: Level) -> Option<&LevelTruth> {
        self.levels.iter().find(|l| l.level == level)
    }
    /// The canal's centre line, cranial end first: its middle at each level's pedicles.
    pub fn canal_line(&self) -> impl Iterator<Item = Point<Patient>> {
        self.levels.iter().map(|level| level.canal_centre)
    }
}

impl Phantom {
    /// What is true of a screw in the bone of `truth`'s level; `None` where the phantom lacks the
    /// level, and for a screw without length, width or direction. Takes about a second.
    pub fn judge(&self, truth: &LevelTruth, screw: &ScrewShape) -> Option<ScrewTruth> {
        screw::judge(self.bone(truth.level)?, truth, screw)
    }
}

impl LevelTruth {
    /// The vertebra's frame.
    pub fn patient_from_vertebra(&self) -> Rigid<Patient, Vertebra> {
        let axes = DMat3::from_cols(self.left.vec(), self.back.vec(), self.top.vec());
        Rigid::new(DQuat::from_mat3(&axes), self.body_centre.vec())
    }
    /// The pedicle of one side.
    pub fn pedicle(&self, side: Side) -> &PedicleTruth {
        match side {
            Side::Left => &self.pedicles[0],
            Side::Right => &self.pedicles[1],
        }
    }
    /// Turn of the vertebra about the patient's long axis, degrees, seen from above: positive where
    /// its front looks to the patient's left.
    pub fn rotation_deg(&self) -> f64 {
        let [x, y, _] = (-self.back).to_array();
        x.atan2(-y).to_degrees()
    }
}

/// Solves everything.
pub(super) fn solve(phantom: &Phantom) -> Truth {
    let rows = phantom.bones.par_iter().zip(&phantom.placed);
    let levels: Vec<LevelTruth> = rows.map(|(bone, placed)| level(phantom, bone, placed)).collect();
    let alignment = alignment::solve(phantom, &levels);
    Truth { levels, alignment }
}

/// Solves one level alone.
pub(super) fn solve_level(phantom: &Phantom, wanted: Level) -> Option<LevelTruth> {
    let place = phantom.bones.iter().position(|bone| bone.level() == wanted)?;
    Some(level(phantom, &phantom.bones[place], &phantom.placed[place]))
}

/// Solves one level in its own coordinates, then places it in the patient.
fn level(phantom: &Phantom, bone: &Bone, placed: &Placed) -> LevelTruth {
    let spec = phantom.spec();
    let vary = Vary::new(spec.seed, placed.level, spec.variation);
    let shape = bone.shape();
    let (frame, pedicles) = match &placed.measures {
        Measures::Mobile(sizes, _) => {
            let found = Side::BOTH.map(|side| {
                let start = vertebra::pedicle_isthmus(sizes, side);
                pedicle::closed(shape, side, start, vertebra::pedicle_axis(sizes, &vary, side))
            });
            let canal = vertebra::canal_middle(sizes);
            let frame = frame::solve(shape, found.map(|p| p.isthmus), canal, false);
            (frame, found.map(|p| p.sized(shape, frame.axes.x_axis)))
        }
        Measures::Sacrum(sizes) => sacrum::solve(shape, sacral::canal_middle(sizes)),
    };
    in_patient(bone, pedicles, &frame)
}

/// Turns what was solved in the vertebra's coordinates into patient space.
fn in_patient(bone: &Bone, pedicles: [pedicle::Local; 2], frame: &frame::Frame) -> LevelTruth {
    let map = bone.patient_from_vertebra();
    let place = |p: DVec3| map.point(Point::from_vec(p));
    let turn = |d: DVec3| map.dir(Dir::from_vec(d));
    let plate = |p: frame::Plate| PlateTruth { centre: place(p.centre), up: turn(p.up) };
    let back_to_own = frame.axes.transpose();
    LevelTruth {
        level: bone.level(),
        body_centre: place(frame.centre),
        left: turn(frame.axes.x_axis),
        back: turn(frame.axes.y_axis),
        top: turn(frame.axes.z_axis),
        upper_plate: plate(frame.upper),
        lower_plate: frame.lower.map(plate),
        canal_centre: place(frame.canal.centre),
        canal_width_mm: frame.canal.width_mm,
        canal_depth_mm: frame.canal.depth_mm,
        pedicles: pedicles.map(|p| {
            let own = back_to_own * p.axis;
            PedicleTruth {
                side: p.side,
                isthmus: place(p.isthmus),
                axis: turn(p.axis),
                width_mm: p.width_mm,
                height_mm: p.height_mm,
                least_mm: p.least_mm,
                chord_mm: p.chord_mm,
                span_mm: p.span_mm,
                transverse_deg: (-own.x * p.side.sign()).atan2(-own.y).to_degrees(),
                sagittal_deg: own.z.atan2(-own.y).to_degrees(),
            }
        }),
    }
}
