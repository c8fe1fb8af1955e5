//! How far a screw is from daylight.
//!
//! In: the declared surface of a vertebra as a signed distance ([`SignedDistance`]) and its
//! anatomy. Out: an [`Assessment`] of a screw, made by [`assess`]; the rule of the letter is told
//! in [`grade`], how sure it is in [`band`], other authors' letters in [`schemes`](mod@schemes). [`around`] tells
//! what else is near. [`entry_on_axis`] says where an axis enters bone, [`default_screw`] which screw a
//! pedicle takes to begin with.

mod around;
pub mod band;
mod borders;
mod canal;
mod corridor;
mod entry;
mod facets;
mod foramen;
mod four;
mod fused;
pub mod grade;
pub mod iliac;
mod medial;
mod nearest;
mod nodes;
mod past;
mod peaks;
mod probe;
mod ring;
mod scan;
pub mod schemes;
pub mod sdf;
mod triangles;
mod tube;
mod voxels;
mod wall;

pub use around::{
    Around, HeadShape, Neighbour, around, gap_between_heads_mm, gap_between_mm,
    gap_head_to_shaft_mm, gap_to_voxels_mm,
};
pub use band::Band;
pub use canal::Canal;
pub use corridor::default_screw;
pub use entry::{entry_on_axis, meets_bone};
pub use fused::{JOINT_MM, fused, joined_mm};
pub use grade::{assess, assess_without_profile, grade_from_breach_mm, nearest_pedicle};
pub use medial::{MedialRoom, medial_room};
pub use schemes::{Schemes, Zdichavsky, schemes};
pub use sdf::Field;
pub use voxels::Voxels;

use crate::space::{Dir, Patient, Point};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use wall::{Outlines, WallFrame};

/// A bone as a signed distance: positive inside, zero on its declared surface, negative outside.
///
/// Any function of a point is one, so tests can use shapes in closed form.
pub trait SignedDistance {
    /// Distance from the point to the bone's surface in mm, positive inside. Defined everywhere.
    fn signed_distance_mm(&self, point: Point<Patient>) -> f64;
    /// The same for many questions of which few matter: off by 0.3 mm at most, where that is
    /// faster.
    fn quick_distance_mm(&self, point: Point<Patient>) -> f64 {
        self.signed_distance_mm(point)
    }
    /// The distance, for who has the quick one there already.
    fn exact_distance_mm(&self, point: Point<Patient>, _quick_mm: f64) -> f64 {
        self.signed_distance_mm(point)
    }
    /// Up to this distance [`Self::nearest_wall`] tells a point of the surface, not about one, mm.
    fn tells_walls_within_mm(&self) -> f64 {
        0.0
    }
    /// The distance, and about the nearest point of the surface: the way there against the slope.
    fn nearest_wall(&self, point: Point<Patient>) -> (f64, Point<Patient>) {
        const STEP_MM: f64 = 1e-4;
        let distance = self.signed_distance_mm(point);
        let rise = |d: Dir<Patient>| {
            let step = d * STEP_MM;
            self.signed_distance_mm(point + step) - self.signed_distance_mm(point - step)
        };
        let slope = Dir::new(rise(Dir::X), rise(Dir::Y), rise(Dir::Z)).unit();
        (distance, slope.map_or(point, |slope| point - slope * distance))
    }
    /// The same; or else the way to some place of the surface that is no farther than `near_enough_mm`.
    fn near_wall(&self, point: Point<Patient>, _near_enough_mm: f64) -> (f64, Point<Patient>) {
        self.nearest_wall(point)
    }
    /// The same from [`Self::quick_distance_mm`], where that is faster.
    fn quick_nearest_wall(&self, point: Point<Patient>) -> (f64, Point<Patient>) {
        self.nearest_wall(point)
    }
    /// Whether that is negative: for shapes that know it sooner.
    fn is_outside(&self, point: Point<Patient>) -> bool {
        self.signed_distance_mm(point) < 0.0
    }
    /// The outlines of a pedicle's walls: for bones that keep them for the next screw.
    #[doc(hidden)]
    fn outlines(&self, frame: WallFrame, span_mm: [f64; 2]) -> Arc<Outlines> {
        Arc::new(Outlines::new(frame, span_mm))
    }
    /// From a point along a unit direction no bone lies farther away than this, mm: for shapes that
    /// know where they end.
    fn reach_mm(&self, _from: Point<Patient>, _dir: Dir<Patient>) -> f64 {
        f64::INFINITY
    }
}

impl<F: Fn(Point<Patient>) -> f64> SignedDistance for F {
    fn signed_distance_mm(&self, point: Point<Patient>) -> f64 {
        self(point)
    }
}

/// What of a screw is judged: a flat-ended cylinder of the outer (thread) diameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScrewShape {
    /// Where the axis enters bone, LPS mm.
    pub entry: Point<Patient>,
    /// From entry to tip, LPS; any length but zero.
    pub axis: Dir<Patient>,
    /// From entry to tip, mm.
    pub length_mm: f64,
    /// Outer (thread) diameter, mm.
    pub diameter_mm: f64,
}

/// A screw that can not be judged.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum AssessError {
    /// A number of the screw is NaN or infinite.
    #[error("the screw's {0} is not a finite number: place the screw again")]
    NotFinite(&'static str),
    /// Length or diameter is zero or negative; entry and tip in one place give length zero.
    #[error(
        "the screw's {what} is {mm} mm: it must be more than zero, so choose a size or move the tip away from the entry"
    )]
    NotPositive {
        /// `length` or `diameter`.
        what: &'static str,
        /// What it is.
        mm: f64,
    },
    /// The axis has no direction.
    #[error("the screw's axis has no direction: place entry and tip apart")]
    NoAxis,
    /// The bone's distance is not a number somewhere on the screw.
    #[error("the distance to the bone is not a number along the screw: load the case again")]
    NoDistance,
}

/// Gertzbein-Robbins letter, modern form; intervals are half-open, so exactly 2.0 mm is C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grade {
    /// No breach.
    A,
    /// Breach under 2 mm.
    B,
    /// 2 to under 4 mm.
    C,
    /// 4 to under 6 mm.
    D,
    /// 6 mm and more.
    E,
}

impl Grade {
    /// All letters, the best first.
    pub const ALL: [Self; 5] = [Self::A, Self::B, Self::C, Self::D, Self::E];
}

/// Where a wall lies, seen from the pedicle's axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wall {
    /// Towards the canal.
    Medial,
    /// Away from the canal.
    Lateral,
    /// Towards the head.
    Cranial,
    /// Towards the feet.
    Caudal,
    /// Ahead of the tip.
    Anterior,
    /// Towards the back.
    Posterior,
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Medial => "medial",
            Self::Lateral => "lateral",
            Self::Cranial => "cranial",
            Self::Caudal => "caudal",
            Self::Anterior => "anterior",
            Self::Posterior => "posterior",
        })
    }
}

/// The answer for one screw.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// Smallest signed distance from the screw's surface to the bone's surface, entry zone left
    /// out: positive while all bone, zero touching, negative by how far it sticks out. mm.
    pub clearance_mm: f64,
    /// Largest distance of the screw's surface outside bone, entry zone left out; 0 when inside. mm.
    pub protrusion_mm: f64,
    /// How far the screw reaches past the wall it crossed, in the planes across the pedicle axis
    /// within the pedicle's span; 0 when it crossed none. mm.
    pub wall_breach_mm: f64,
    /// The worse of protrusion and wall breach: what the letter is made from. mm.
    pub breach_mm: f64,
    /// Direction of that breach in the pedicle's frame; `None` for grade A.
    pub breach_wall: Option<Wall>,
    /// Where along the screw that breach is, from the entry, mm; `None` for grade A.
    pub breach_depth_mm: Option<f64>,
    /// How far the screw reaches past the medial wall of the pedicle, mm, though it may breach another
    /// one further; 0 when it does not. Beside a larger breach elsewhere it may be missed where no more than
    /// a few tenths of a millimetre of the screw's surface lie past this wall.
    pub medial_breach_mm: f64,
    /// The same of the cranial wall.
    pub cranial_breach_mm: f64,
    /// The same of the caudal wall, under which a root leaves.
    pub caudal_breach_mm: f64,
    /// The letter.
    pub grade: Grade,
    /// Whether its axis meets the bone at all between entry and tip. Where it does not, walls are
    /// named by where the screw lies, seen from the isthmus.
    pub meets_bone: bool,
    /// The point of the screw's surface with the smallest clearance, LPS mm.
    pub witness: Point<Patient>,
    /// From the witness to the nearest point of the bone's surface: the nearest wall. Unit, LPS;
    /// points out of the bone while inside, back into it while outside.
    pub nearest_wall_dir: Dir<Patient>,
    /// Which wall of the pedicle's frame is nearest to the screw.
    pub nearest_wall: Wall,
    /// The clearance along the screw, entry first, at most 0.5 mm apart; the entry zone is in it.
    pub profile: Vec<ProfilePoint>,
}

/// One sample of the clearance profile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfilePoint {
    /// Distance from the entry along the axis, mm.
    pub depth_mm: f64,
    /// Smallest signed clearance of the screw's surface at that depth, mm.
    pub clearance_mm: f64,
}

#[cfg(test)]
mod brute;
