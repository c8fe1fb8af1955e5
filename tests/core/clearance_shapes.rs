//! Bones in closed form for the tests of clearance: tubes and boxes, joined.

use corridor::anatomy::{Pedicle, VertebraAnatomy};
use corridor::clearance::{ScrewShape, SignedDistance};
use corridor::space::{Dir, Patient, Point, Rigid, Side};
use glam::{DQuat, DVec3};

/// A piece of bone.
#[derive(Clone, Copy)]
pub enum Piece {
    /// A solid cylinder along y.
    Tube { centre: DVec3, radius: f64, half_length: f64 },
    /// A solid box.
    Box { centre: DVec3, half: DVec3 },
}

impl Piece {
    fn distance(&self, p: DVec3) -> f64 {
        match *self {
            Piece::Tube { centre, radius, half_length } => {
                let d = p - centre;
                let q = DVec3::new(d.x.hypot(d.z) - radius, d.y.abs() - half_length, -1e9);
                -(q.x.max(q.y).min(0.0) + q.max(DVec3::ZERO).length())
            }
            Piece::Box { centre, half } => {
                let q = (p - centre).abs() - half;
                -(q.max_element().min(0.0) + q.max(DVec3::ZERO).length())
            }
        }
    }
}

/// A bone of pieces, turned as a whole.
#[derive(Clone)]
pub struct Bone {
    pub pieces: Vec<Piece>,
    pub turn: DQuat,
}

impl SignedDistance for Bone {
    fn signed_distance_mm(&self, p: Point<Patient>) -> f64 {
        let p = self.turn.inverse() * p.vec();
        self.pieces.iter().map(|s| s.distance(p)).fold(f64::NEG_INFINITY, f64::max)
    }
}

/// Where the left pedicle of [`vertebra`] lies; the right one mirrors it. Wider on the left.
pub const PEDICLE_X: f64 = 13.0;
pub const LEFT_RADIUS: f64 = 4.5;
pub const RIGHT_RADIUS: f64 = 3.5;

/// A body, two round pedicles along y of different width and a lamina behind the canal.
pub fn vertebra() -> Bone {
    let tube = |x: f64, radius: f64| Piece::Tube {
        centre: DVec3::new(x, 0.0, 0.0),
        radius,
        half_length: 18.0,
    };
    let body =
        Piece::Box { centre: DVec3::new(0.0, -24.0, 0.0), half: DVec3::new(22.0, 16.0, 14.0) };
    let lamina =
        Piece::Box { centre: DVec3::new(0.0, 14.0, 0.0), half: DVec3::new(18.0, 4.0, 8.0) };
    Bone {
        pieces: vec![tube(PEDICLE_X, LEFT_RADIUS), tube(-PEDICLE_X, RIGHT_RADIUS), body, lamina],
        turn: DQuat::IDENTITY,
    }
}

/// The anatomy of [`vertebra`], known without measuring.
pub fn anatomy(turn: DQuat) -> VertebraAnatomy {
    let pedicle = |side: Side| {
        let radius = if side == Side::Left { LEFT_RADIUS } else { RIGHT_RADIUS };
        Pedicle {
            side,
            isthmus: Point::from_vec(turn * DVec3::new(side.sign() * PEDICLE_X, 0.0, 0.0)),
            axis: Dir::from_vec(turn * DVec3::NEG_Y),
            width_mm: 2.0 * radius,
            height_mm: 2.0 * radius,
            least_mm: 2.0 * radius,
            chord_mm: 50.0,
            transverse_deg: 0.0,
            sagittal_deg: 0.0,
            span_mm: [-6.0, 6.0],
        }
    };
    VertebraAnatomy {
        patient_from_vertebra: Rigid::new(turn, turn * DVec3::new(0.0, -24.0, 0.0)),
        canal_centre: Point::from_vec(turn * DVec3::new(0.0, 1.0, 0.0)),
        canal: None,
        upper_plate: None,
        lower_plate: None,
        body_mm: None,
        pedicles: Side::BOTH.map(pedicle).to_vec(),
        warnings: Vec::new(),
    }
}

/// A screw along the pedicle of one side, shifted across it, entering at the back of the lamina.
pub fn screw(
    side: Side,
    shift_x: f64,
    shift_z: f64,
    length_mm: f64,
    diameter_mm: f64,
) -> ScrewShape {
    ScrewShape {
        entry: Point::new(side.sign() * PEDICLE_X + shift_x, 18.0, shift_z),
        axis: -Dir::Y,
        length_mm,
        diameter_mm,
    }
}

/// The same screw, turned with the bone.
pub fn turned(screw: ScrewShape, turn: DQuat) -> ScrewShape {
    ScrewShape {
        entry: Point::from_vec(turn * screw.entry.vec()),
        axis: Dir::from_vec(turn * screw.axis.vec()),
        ..screw
    }
}
