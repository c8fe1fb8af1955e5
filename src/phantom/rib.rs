//! The ribs' first decimetre, each in the frame of the vertebra it stands on.

use super::shape::{Blob, Outline, Shape, Solid};
use super::sizes::{Mobile, Vary};
use super::vertebra;
use crate::labels::Level;
use crate::space::Side;
use glam::DVec3;

/// Width of the joints between a rib and its vertebra, mm.
const JOINT_GAP_MM: f64 = 1.4;

/// From the midline to the middle of the first ribs where they are farthest apart, mm: the inlet of
/// the chest is about 100 mm wide (Gray's Anatomy), a rib that lies flat 15 mm more to each side.
const INLET_HALF_WIDTH_MM: f64 = 58.0;

/// Corners of a rib's course from head to where it is cut off, in the vertebra's frame.
fn course(level: Level, sizes: &Mobile, vary: &Vary, side: Side) -> Vec<DVec3> {
    let at = |out: f64, y: f64, z: f64| DVec3::new(out * side.sign(), y, z);
    let half_height = sizes.body_height_mm / 2.0;
    let half_depth = sizes.body_depth_mm / 2.0;
    let tip = vertebra::transverse_tip(sizes, vary, side);
    let out = tip.x.abs();
    let slant = vary.side("rib", side, 3.0);
    let head = at(sizes.body_width_mm[0] / 2.0 + 3.5, half_depth - 4.5, half_height - 4.5);
    if level.number() >= 12 {
        // The last ribs lean on no transverse process.
        let far = at(head.x.abs() + 52.0, head.y + 17.0, head.z - 26.0 + slant);
        return vec![head, at(head.x.abs() + 22.0, head.y + 14.0, head.z - 8.0), far];
    }
    let knob = sizes.transverse_knob_mm;
    let tubercle = at(out + 0.5, tip.y - knob - 4.6, tip.z + 1.5);
    let angle = at(out + 21.0, tip.y + 3.0, tip.z - 9.0);
    let flank = at(out + 42.0, tip.y - 10.0, tip.z - 24.0 + slant);
    if level.number() == 1 {
        // The first ribs turn forward at once, around an inlet that is 100 mm wide within them.
        let bend = at(INLET_HALF_WIDTH_MM.max(out + 12.0), tip.y - 22.0, tip.z - 5.0);
        let flank = at(bend.x.abs() + 1.0, tip.y - 46.0, tip.z - 14.0 + slant);
        return vec![head, tubercle, bend, flank];
    }
    vec![head, tubercle, angle, flank]
}

/// The rib of one side, cut free of its vertebra.
pub(super) fn shape(
    level: Level,
    sizes: &Mobile,
    slopes: [f64; 2],
    vary: &Vary,
    side: Side,
) -> Shape {
    let course = course(level, sizes, vary, side);
    let mut shape = Shape::default();
    shape.add(Blob::ellipsoid(course[0], DVec3::new(5.0, 5.0, 4.6)), 1.0);
    for (n, pair) in course.windows(2).enumerate() {
        let along = (pair[1] - pair[0]).normalize_or(DVec3::X);
        // A little longer than from corner to corner, so that the pieces overlap.
        let ends = [pair[0] - along * 2.0, pair[1] + along * 2.0];
        let half = if n == 0 { [3.0, 4.0] } else { [3.2, 5.6] };
        shape.add(Blob::along(Outline::Tube, ends, DVec3::Z, half), 6.0);
    }
    let solids: Vec<Solid> = vertebra::solids(sizes, slopes, vary);
    for solid in solids {
        shape.cut(solid, 1.0, JOINT_GAP_MM);
    }
    shape
}
