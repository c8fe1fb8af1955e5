//! Levels stacked along a curve: where each vertebra and each disc lies in the patient.
//!
//! The column is built from the sacrum upwards: end plate, half of the disc's angle, the disc's
//! height, the other half, the next body.

use super::shape::{Column, Shape, Solid};
use super::sizes::{Measures, ROWS, Row, Vary};
use crate::labels::Level;
use crate::space::{Patient, Point, Rigid, Vertebra};
use glam::{DMat3, DQuat, DVec3};

/// One vertebra in its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) row: Row,
    pub(super) patient_from_vertebra: Rigid<Patient, Vertebra>,
}

/// One disc in its place: positive inside, like a shape of bone.
#[derive(Clone, Debug)]
pub(super) struct PlacedDisc {
    pub(super) shape: Shape,
    pub(super) vertebra_from_patient: Rigid<Vertebra, Patient>,
    pub(super) radius_mm: f64,
}

/// What the curve starts from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// Middle of the upper end plate of S1, LPS mm.
    pub(super) plate: Point<Patient>,
    /// Angle of that end plate against the horizontal, front edge down.
    pub(super) slope_deg: f64,
    pub(super) seed: u64,
    pub(super) variation: f64,
}

/// A turn about the patient's left-right axis that lowers the front by `deg`.
fn forward(deg: f64) -> DQuat {
    DQuat::from_rotation_x(deg.to_radians())
}

/// Every level that has a shape, caudal ones first, and the discs between them.
pub(super) fn stack(start: &Start) -> (Vec<Placed>, Vec<PlacedDisc>) {
    let (mut placed, mut discs) = (Vec::new(), Vec::new());
    let (mut top, mut tilt_deg, mut lean) = (start.plate.vec(), start.slope_deg, DQuat::IDENTITY);
    for row in ROWS.into_iter().rev() {
        let vary = Vary::new(start.seed, row.level, start.variation);
        let (height, wedge_deg) = match row.measures {
            Measures::Sacrum(s) => {
                top -= forward(tilt_deg) * DVec3::Z * s.body_height_mm;
                (s.body_height_mm, 0.0)
            }
            Measures::Lumbar(l, disc) => {
                tilt_deg -= disc.wedge_deg / 2.0;
                let turn = lean * forward(tilt_deg);
                let middle = top + turn * DVec3::Z * (disc.height_mm / 2.0);
                discs.push(disc_between(l.body_width_mm[1], l.body_depth_mm, &disc, turn, middle));
                top += turn * DVec3::Z * disc.height_mm;
                tilt_deg -= disc.wedge_deg / 2.0;
                (l.body_height_mm, l.body_wedge_deg)
            }
        };
        lean *= DQuat::from_rotation_z(vary.by("axial turn", 1.2).to_radians())
            * DQuat::from_rotation_y(vary.by("side bend", 1.0).to_radians());
        let turn = lean * forward(tilt_deg - wedge_deg / 2.0);
        let centre = top + turn * DVec3::Z * (height / 2.0);
        placed.push(Placed { row, patient_from_vertebra: Rigid::new(turn, centre) });
        top = centre + turn * DVec3::Z * (height / 2.0);
        tilt_deg -= wedge_deg;
    }
    (placed, discs)
}

fn disc_between(
    width_mm: f64,
    depth_mm: f64,
    disc: &super::sizes::Disc,
    turn: DQuat,
    middle: DVec3,
) -> PlacedDisc {
    let half_width = width_mm / 2.0 - 0.5;
    let column = Column {
        centre: DVec3::ZERO,
        half_width: [half_width; 2],
        half_depth: depth_mm / 2.0 - 0.5,
        // A little higher than the space, since bone lies over it in the image.
        half_height: disc.height_mm / 2.0 + 1.0,
        wedge: (disc.wedge_deg / 2.0).to_radians().tan(),
        waist: -0.04,
        notch: 1.0,
        dish: -2.5,
    };
    let mut shape = Shape::default();
    shape.add(Solid::Column(column), 1.0);
    PlacedDisc {
        shape,
        vertebra_from_patient: Rigid::<Patient, Vertebra>::new(turn, middle).inverse(),
        radius_mm: half_width.hypot(depth_mm / 2.0) + 2.0,
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

/// The level below another one, of those that have a shape.
pub(super) fn below(level: Level) -> Option<Row> {
    ROWS.into_iter().find(|row| row.level > level)
}
