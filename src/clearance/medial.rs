//! Bone left before the medial wall, whichever wall is nearest.
//!
//! In: a screw, a bone, its anatomy. Out: the least distance to the bone's surface over the part of the
//! screw that faces the canal. In a narrow pedicle another wall may be as near or nearer, so that the
//! nearest wall alone does not tell.

use super::entry::bone_depth_mm;
use super::grade::{ENTRY_ZONE_MM, nearest_pedicle};
use super::wall::WallFrame;
use super::{ScrewShape, SignedDistance, Wall};
use crate::anatomy::VertebraAnatomy;
use crate::space::{Dir, Patient};

/// Samples along the screw, the tip's with them, are at most this far apart, mm.
const STEP_MM: f64 = 0.5;
/// What faces the canal: so far round from straight towards it, degrees, half-way to the next wall.
const ROUND_DEG: [f64; 7] = [-45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0];
/// A quick distance is off by no more than this, mm.
const QUICK_OFF_MM: f64 = 0.3;

/// The room before the medial wall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MedialRoom {
    /// Least distance from the screw's canal side to the medial wall, where that is the nearest one to it,
    /// within the pedicle's span and past the entry zone; negative outside bone. mm.
    pub mm: f64,
    /// Unit direction away from the canal, across the pedicle's axis.
    pub lateral: Dir<Patient>,
}

/// The room before the medial wall of a screw's pedicle; `None` where no pedicle is known, the axis meets no
/// bone, or no judged part of the screw has the medial wall for its nearest.
pub fn medial_room(
    screw: &ScrewShape,
    bone: &impl SignedDistance,
    anatomy: &VertebraAnatomy,
) -> Option<MedialRoom> {
    let axis = screw.axis.unit()?;
    let pedicle = nearest_pedicle(screw, axis, anatomy)?;
    let frame = WallFrame::of_pedicle(pedicle, anatomy)?;
    let [medial, lateral, up, _] = frame.outward();
    let ([back, front], radius) = (pedicle.span_mm, screw.diameter_mm / 2.0);
    let sides = ROUND_DEG.map(|deg| {
        let (sin, cos) = deg.to_radians().sin_cos();
        let towards = medial * cos + up * sin;
        (towards - axis * towards.dot(axis)).unit().map(|d| d * radius)
    });
    let from = bone_depth_mm(bone, screw.entry, axis, screw.length_mm)? + ENTRY_ZONE_MM;
    let judged_mm = (screw.length_mm - from).max(0.0);
    let steps = (judged_mm / STEP_MM).ceil().max(1.0);
    let mut least = f64::INFINITY;
    for n in 0..=steps as usize {
        let centre = screw.entry + axis * (from + judged_mm * n as f64 / steps);
        for side in sides.iter().flatten() {
            let p = centre + *side;
            let (along, across) = frame.along_and_across(p);
            let is_on_canals_side = across.x < 0.0 && (back..=front).contains(&along);
            if is_on_canals_side && bone.quick_distance_mm(p) - QUICK_OFF_MM < least {
                let (mm, wall) = bone.nearest_wall(p);
                let outward = (wall - p) * mm.signum();
                if frame.wall_towards(outward.unit().unwrap_or(medial)) == Wall::Medial {
                    least = least.min(mm);
                }
            }
        }
    }
    least.is_finite().then_some(MedialRoom { mm: least, lateral })
}
