//! The pedicles of S1, which close no ring: medially the canal, laterally the ala without a border.
//!
//! In: the sacrum in the frame of S1, and its canal. Out: for each side the place beside the canal
//! at the height of the body's middle, and an axis that leads to the promontory. The
//! distances from the canal are usual ones, not measured on this bone; the caller says so.

use super::Pedicle;
use super::canal::Canal;
use super::pedicle::across;
use super::solid::Solid;
use crate::space::{Dir, Point, Side};
use glam::DVec3;

/// The canal of S1 is wider than this from its middle, mm; a narrower hole is another one.
const LEAST_HALF_WIDTH_MM: f64 = 8.0;
/// From the canal's side wall to the middle of the pedicle, mm. Provisional.
const BESIDE_CANAL_MM: f64 = 8.0;
/// From the canal's front wall back to the isthmus, mm. Provisional.
const BEHIND_FRONT_MM: f64 = 4.0;
/// The axis aims at this part of the isthmus's distance from the midline, at the front of the
/// body. Provisional.
const AIM_PART: f64 = 0.3;
/// Bone thinner than this, mm, is not the pedicle: labels that leave out the ala show such.
const LEAST_SIZE_MM: f64 = 12.0;
/// Chords of the open section end here, mm.
const MOST_MM: f64 = 60.0;
/// The span is looked for this far to both sides of the isthmus, mm.
const MOST_SPAN_MM: f64 = 12.0;

/// The S1 pedicle of one side; `None` when there is no bone where it should be.
pub(super) fn find(solid: &Solid<'_>, canal: &Canal, side: Side) -> Option<Pedicle> {
    let out = DVec3::X * side.sign();
    let in_canal =
        solid.centred(canal.at_height(solid.frame(), 0.0).vec(), &[DVec3::Y, DVec3::X], 20.0);
    if solid.is_inside(in_canal) || canal.half_width_mm < LEAST_HALF_WIDTH_MM {
        return None;
    }
    let wall = in_canal + out * solid.reach(in_canal, out, 25.0);
    let front = in_canal.y - solid.reach(in_canal, -DVec3::Y, 25.0);
    let isthmus = DVec3::new(wall.x, front + BEHIND_FRONT_MM, 0.0) + out * BESIDE_CANAL_MM;
    if !solid.is_inside(isthmus) {
        return None;
    }
    let to_front = solid.reach(DVec3::ZERO, -DVec3::Y, 40.0);
    let aim = DVec3::new(isthmus.x * AIM_PART, -to_front, isthmus.z);
    let axis = (aim - isthmus).try_normalize()?;
    let [u, v] = across(axis);
    let chord = |d: DVec3| solid.reach(isthmus, d, MOST_MM) + solid.reach(isthmus, -d, MOST_MM);
    let [width_mm, height_mm] = [chord(u), chord(v)];
    if width_mm.min(height_mm) < LEAST_SIZE_MM {
        return None;
    }
    let frame = solid.frame();
    Some(Pedicle {
        side,
        isthmus: frame.point(Point::from_vec(isthmus)),
        axis: frame.dir(Dir::from_vec(axis)),
        width_mm,
        height_mm,
        span_mm: span(solid, isthmus, axis, -u * side.sign()),
    })
}

/// How far behind and ahead of the isthmus the canal's wall lies on the medial side.
fn span(solid: &Solid<'_>, isthmus: DVec3, axis: DVec3, medial: DVec3) -> [f64; 2] {
    const STEP_MM: f64 = 0.5;
    let is_walled = |t: f64| {
        let centre = isthmus + axis * t;
        solid.is_inside(centre) && solid.reach(centre, medial, MOST_MM) < centre.x.abs()
    };
    let end = |sense: f64| {
        let steps = (MOST_SPAN_MM / STEP_MM) as usize;
        let open = (1..=steps).find(|n| !is_walled(sense * *n as f64 * STEP_MM));
        sense * STEP_MM * (open.unwrap_or(steps + 1) - 1) as f64
    };
    [end(-1.0), end(1.0)]
}
