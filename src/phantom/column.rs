//! Levels stacked along a curve: where each vertebra and each disc lies in the patient.
//!
//! The column is built from the sacrum upwards: end plate, half of the disc's angle, the disc's
//! height, the other half, the next body.

use super::deformity::Plan;
use super::shape::{Column, Shape, Solid};
use super::sizes::{Disc, Measures, Mobile, Row, Vary};
use super::{Spec, SpecError, table};
use crate::labels::{Level, Posture};
use crate::space::{Patient, Rigid, Vertebra};
use glam::{DMat3, DQuat, DVec3};

/// One vertebra in its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) level: Level,
    pub(super) measures: Measures,
    /// Slopes of the end plates against the middle: leftwards and backwards.
    pub(super) slopes: [f64; 2],
    pub(super) patient_from_vertebra: Rigid<Patient, Vertebra>,
}

/// One disc in its place: positive inside, like a shape of bone.
#[derive(Clone, Debug)]
pub(super) struct PlacedDisc {
    /// The level above it.
    pub(super) below: Level,
    pub(super) shape: Shape,
    pub(super) vertebra_from_patient: Rigid<Vertebra, Patient>,
    pub(super) radius_mm: f64,
}

/// Standing adds this to the lordosis of a lying person, degrees: the difference of the means in
/// `clinical-numbers` section 6.
const STANDING_LORDOSIS_DEG: f64 = 13.0;

/// How an end plate or a body stands: tilt to the left, then front edge down, degrees.
#[derive(Clone, Copy)]
struct Stance {
    left_deg: f64,
    forward_deg: f64,
}

impl Stance {
    fn turn(self) -> DQuat {
        DQuat::from_rotation_y(self.left_deg.to_radians())
            * DQuat::from_rotation_x(self.forward_deg.to_radians())
    }
    fn up(self) -> DVec3 {
        self.turn() * DVec3::Z
    }
    fn between(self, other: Self) -> Self {
        Self {
            left_deg: (self.left_deg + other.left_deg) / 2.0,
            forward_deg: (self.forward_deg + other.forward_deg) / 2.0,
        }
    }
}

/// Slopes, leftwards and backwards, of two plates against the middle between them as it is seen in
/// a frame: positive where the front or the right is taller.
fn slopes(turn: DQuat, upper: Stance, lower: Stance) -> [f64; 2] {
    let seen = [upper, lower].map(|plate| {
        let up = turn.inverse() * plate.up();
        up / up.z
    });
    let half = (seen[0] - seen[1]) / 2.0;
    [half.x, half.y]
}

/// Every level of the column, caudal ones first, and the discs between them.
pub(super) fn stack(spec: &Spec) -> Result<(Vec<Placed>, Vec<PlacedDisc>), SpecError> {
    let rows = table::column(&spec.levels);
    let plan = Plan::new(&rows, &spec.deformity)?;
    let mut stack = Stack::new(spec, plan);
    let posture_deg = match spec.posture {
        Posture::Standing => STANDING_LORDOSIS_DEG,
        Posture::Supine | Posture::Prone => 0.0,
    };
    for (n, row) in rows.iter().rev().enumerate() {
        let more = stack.plan.asked(&rows, row.level, posture_deg);
        stack.put(stack.plan.deformed(*row, n as f64, more), n as f64);
    }
    Ok((stack.placed, stack.discs))
}

/// A column that grows.
struct Stack<'a> {
    spec: &'a Spec,
    plan: Plan<'a>,
    person: Vary,
    /// Middle of the uppermost plate and how it stands.
    top: DVec3,
    plate: Stance,
    placed: Vec<Placed>,
    discs: Vec<PlacedDisc>,
}

impl<'a> Stack<'a> {
    fn new(spec: &'a Spec, plan: Plan<'a>) -> Self {
        let plate = Stance { left_deg: 0.0, forward_deg: spec.sacral_slope_deg };
        Self {
            spec,
            plan,
            person: Vary::of_person(spec.seed, spec.variation),
            top: spec.sacral_plate.vec(),
            plate,
            placed: Vec::new(),
            discs: Vec::new(),
        }
    }
    fn put(&mut self, row: Row, place: f64) {
        let vary = Vary::new(self.spec.seed, row.level, self.spec.variation);
        match row.measures {
            Measures::Sacrum(sizes) => {
                let turn = self.plate.turn();
                let centre = self.top - turn * DVec3::Z * (sizes.body_height_mm / 2.0);
                self.keep(row.level, row.measures, [0.0; 2], Rigid::new(turn, centre));
            }
            Measures::Mobile(sizes, disc) => {
                let sizes = sizes.of_person(&self.person, &vary);
                self.put_mobile(row.level, &vary, sizes, disc, place);
            }
        }
    }
    fn put_mobile(&mut self, level: Level, vary: &Vary, sizes: Mobile, disc: Disc, place: f64) {
        let aside = vary.by("side bend", 0.8);
        let stance = |at: f64, forward_deg: f64| Stance {
            left_deg: self.plan.tilt_deg(at) + aside,
            forward_deg,
        };
        let forward = self.plate.forward_deg - disc.wedge_deg;
        let lower = stance(place - 0.3, forward);
        let upper = stance(place + 0.3, forward - sizes.body_wedge_deg);
        let turned = self.plan.turn_deg(place) + vary.by("axial turn", 1.2);
        self.put_disc(level, &sizes, &disc, lower);
        let turn = lower.between(upper).turn() * DQuat::from_rotation_z(turned.to_radians());
        self.top -= turn * DVec3::Y * self.plan.slip_mm(level);
        let half = turn * DVec3::Z * (sizes.body_height_mm / 2.0);
        let frame = Rigid::new(turn, self.top + half);
        let measures = Measures::Mobile(sizes, disc);
        self.keep(level, measures, slopes(turn, upper, lower), frame);
        self.top += half * 2.0;
        self.plate = upper;
    }
    fn put_disc(&mut self, level: Level, sizes: &Mobile, disc: &Disc, upper: Stance) {
        let turn = self.plate.between(upper).turn();
        let half = turn * DVec3::Z * (disc.height_mm / 2.0);
        let slopes = slopes(turn, upper, self.plate);
        self.discs.push(disc_between(
            level,
            sizes,
            disc,
            slopes,
            Rigid::new(turn, self.top + half),
        ));
        self.top += half * 2.0;
    }
    fn keep(
        &mut self,
        level: Level,
        measures: Measures,
        slopes: [f64; 2],
        patient_from_vertebra: Rigid<Patient, Vertebra>,
    ) {
        self.placed.push(Placed { level, measures, slopes, patient_from_vertebra });
    }
}

fn disc_between(
    below: Level,
    sizes: &Mobile,
    disc: &Disc,
    [lean, wedge]: [f64; 2],
    frame: Rigid<Patient, Vertebra>,
) -> PlacedDisc {
    let half_width = sizes.body_width_mm[1] / 2.0 - 0.5;
    let half_depth = sizes.body_depth_mm / 2.0 - 0.5;
    let column = Column {
        centre: DVec3::ZERO,
        half_width: [half_width; 2],
        half_depth,
        // A little higher than the space, since bone lies over it in the image.
        half_height: disc.height_mm / 2.0 + 1.0,
        wedge,
        lean,
        heart: sizes.heart,
        waist: -0.04,
        notch: 1.0,
        dish: -0.08 * sizes.body_height_mm,
        rim_mm: 2.0,
    };
    let mut shape = Shape::default();
    shape.add(Solid::Column(column), 1.0);
    PlacedDisc {
        below,
        shape,
        vertebra_from_patient: frame.inverse(),
        radius_mm: half_width.hypot(half_depth) + 4.0,
    }
}

/// The rotation and the translation from one vertebra's coordinates to another's.
pub(super) fn between(
    to: &Rigid<Patient, Vertebra>,
    from: &Rigid<Patient, Vertebra>,
) -> (DMat3, DVec3) {
    let back = to.inverse();
    let rotation = DMat3::from_quat(back.rotation() * from.rotation());
    (rotation, back.point(from.origin()).vec())
}
