//! How the sacrum is put together from its measures. Its frame is that of S1: z stands on the
//! upper end plate.

use super::shape::{Blob, Column, Outline, Shape, Solid};
use super::sizes::{Sacrum, Vary};
use crate::space::Side;
use glam::DVec3;

const NOTCH_MM: f64 = 1.0;

/// Middles of the fused bodies S1 to S5 and of the tip (y, z), and their half width and half
/// depth: straight down at first, then curving forward.
const SEGMENTS: [[f64; 4]; 5] = [
    [1.5, -26.0, 19.0, 11.0],
    [3.5, -45.0, 15.0, 8.5],
    [2.5, -63.0, 12.5, 6.5],
    [-2.5, -79.0, 10.0, 5.0],
    [-9.0, -91.0, 6.0, 3.6],
];

/// The foramina between the segments: distance from the midline, y, z and radius.
const FORAMINA: [[f64; 4]; 4] = [
    [19.5, 10.0, -19.0, 5.2],
    [16.5, 11.0, -38.0, 4.6],
    [14.5, 9.0, -55.5, 3.9],
    [12.5, 5.0, -71.5, 3.2],
];

/// The bars of bone above, between and below the foramina: y, z and half height.
const BARS: [[f64; 3]; 4] =
    [[8.0, -28.5, 6.6], [9.5, -47.0, 6.4], [8.5, -63.5, 6.0], [4.0, -78.0, 5.0]];

/// Tops of the tubercles of the median crest: y, z, half length, half height.
const CREST: [[f64; 4]; 4] = [
    [38.5, -5.0, 8.0, 8.0],
    [34.0, -27.0, 7.0, 7.5],
    [27.5, -46.0, 5.5, 6.5],
    [19.5, -62.0, 4.0, 5.0],
];

fn at(side: Side, out: f64, y: f64, z: f64) -> DVec3 {
    DVec3::new(out * side.sign(), y, z)
}

/// The shape of the sacrum.
pub(super) fn shape(sizes: &Sacrum, vary: &Vary) -> Shape {
    let mut shape = Shape::default();
    shape.add(body(sizes), 1.0);
    add_segments(&mut shape);
    for side in Side::BOTH {
        add_lateral_mass(&mut shape, sizes, vary, side);
    }
    add_back(&mut shape, sizes, vary);
    cut_openings(&mut shape, sizes);
    shape
}

fn body(sizes: &Sacrum) -> Solid {
    let half = sizes.plate_width_mm / 2.0;
    Solid::Column(Column {
        centre: DVec3::ZERO,
        half_width: [half, half * 0.82],
        half_depth: sizes.plate_depth_mm / 2.0,
        half_height: sizes.body_height_mm / 2.0,
        wedge: 0.0,
        waist: 0.06,
        notch: NOTCH_MM,
        dish: 1.6,
        lean: 0.0,
        heart: 0.0,
        rim_mm: 2.6,
    })
}

fn add_segments(shape: &mut Shape) {
    let mut above = DVec3::new(0.0, 0.0, -6.0);
    for [y, z, half_width, half_depth] in SEGMENTS {
        let here = DVec3::new(0.0, y, z);
        let half = 0.62 * above.distance(here);
        let along = (here - above).normalize_or(-DVec3::Z);
        let middle = above.midpoint(here);
        let ends = [middle - along * half, here + along * half * 0.4];
        let cross = [half_depth, half_width];
        shape.add(Blob::along(Outline::Tube, ends, DVec3::X, cross).tapered(-0.12, 0.0), 6.0);
        above = here;
    }
}

/// The ala of S1 and the side of the sacrum below it.
fn add_lateral_mass(shape: &mut Shape, sizes: &Sacrum, vary: &Vary, side: Side) {
    let half = sizes.alar_span_mm / 2.0 * (1.0 + vary.side("ala", side, 0.03));
    // The wing, falling off sideways and backwards, its front edge running on from the promontory.
    let from = at(side, 10.0, 5.0, -1.0);
    let to = at(side, half, 17.0, -10.0);
    let hint = DVec3::new(0.0, 1.0, 0.15);
    shape.add(Blob::along(Outline::Plate, [from, to], hint, [13.0, 13.5]).tapered(0.06, 0.0), 10.0);
    // The ear-shaped joint and the edge that narrows to the tip.
    let from = at(side, half - 11.0, 19.0, -4.0);
    let to = at(side, 24.0, 11.0, -60.0);
    shape.add(
        Blob::along(Outline::Plate, [from, to], DVec3::Y, [9.5, 12.0]).tapered(-0.34, 0.0),
        10.0,
    );
    let from = at(side, 29.0, 12.0, -46.0);
    let to = at(side, 11.0, -4.0, -88.0);
    shape
        .add(Blob::along(Outline::Tube, [from, to], DVec3::Y, [8.0, 6.5]).tapered(-0.35, 0.0), 8.0);
    for [y, z, half] in BARS {
        let ends = [at(side, 6.0, y, z), at(side, 36.0 + 0.3 * z, y + 3.0, z - 1.0)];
        shape.add(Blob::along(Outline::Tube, ends, DVec3::Z, [7.0, half]), 7.0);
    }
    shape.add(ridge(sizes, side), 8.0);
    shape.add(upper_facet(sizes, vary, side), 7.0);
}

/// The ridge from the wing up to the joint with L5.
fn ridge(sizes: &Sacrum, side: Side) -> Blob {
    let back = sizes.plate_depth_mm / 2.0 - NOTCH_MM + sizes.canal_depth_mm;
    let out = sizes.canal_width_mm / 2.0 + 8.0;
    let ends = [at(side, out + 3.0, back - 9.0, -16.0), at(side, out, back - 4.0, 8.0)];
    Blob::along(Outline::Tube, ends, DVec3::X, [7.0, 8.0]).tapered(-0.1, 0.0)
}

/// The arch behind the sacral canal and the crest on it.
fn add_back(shape: &mut Shape, sizes: &Sacrum, vary: &Vary) {
    let back = sizes.plate_depth_mm / 2.0 - NOTCH_MM + sizes.canal_depth_mm;
    let roof = [DVec3::new(0.0, back + 3.5, 1.0), DVec3::new(0.0, 16.0, -67.0)];
    shape.add(Blob::along(Outline::Tube, roof, DVec3::X, [4.2, 21.0]).tapered(-0.28, 0.0), 7.0);
    for side in Side::BOTH {
        let slope = [at(side, 12.0, back + 2.0, -4.0), at(side, 24.0, 22.0, -46.0)];
        shape.add(Blob::along(Outline::Tube, slope, DVec3::X, [6.0, 8.5]), 8.0);
    }
    for (n, [y, z, half_length, half_height]) in CREST.into_iter().enumerate() {
        let aside = vary.by(["crest 1", "crest 2", "crest 3", "crest 4"][n], 1.2);
        let centre = DVec3::new(aside, y, z);
        shape.add(Blob::ellipsoid(centre, DVec3::new(3.2, half_length, half_height)), 5.0);
    }
}

fn cut_openings(shape: &mut Shape, sizes: &Sacrum) {
    let front = sizes.plate_depth_mm / 2.0 - NOTCH_MM;
    let deep = sizes.canal_depth_mm / 2.0;
    let mouth = [DVec3::new(0.0, front + deep, 45.0), DVec3::new(0.0, front + deep - 0.5, -14.0)];
    let half = sizes.canal_width_mm / 2.0;
    shape.cut(
        Blob::along(Outline::Tube, mouth, DVec3::X, [deep, half]).tapered(-0.08, 0.0),
        2.5,
        0.0,
    );
    let lower = [DVec3::new(0.0, front + deep - 1.0, -6.0), DVec3::new(0.0, 10.5, -76.0)];
    shape.cut(
        Blob::along(Outline::Tube, lower, DVec3::X, [5.2, 11.0]).tapered(-0.3, 0.0),
        2.5,
        0.0,
    );
    for side in Side::BOTH {
        for [out, y, z, radius] in FORAMINA {
            let through = [at(side, out + 1.5, y - 26.0, z), at(side, out, y + 30.0, z)];
            shape.cut(Blob::along(Outline::Tube, through, DVec3::Z, [radius, radius]), 3.0, 0.0);
        }
    }
}

/// Every blob of the sacrum: all of it but the body of S1.
pub(super) fn blobs(sizes: &Sacrum, vary: &Vary) -> Vec<Blob> {
    shape(sizes, vary).blobs().cloned().collect()
}

/// What the arch of L5 has to keep clear of, joined as it is.
pub(super) fn kept_clear(sizes: &Sacrum, vary: &Vary) -> [Vec<(Blob, f64)>; 1] {
    let side = |side| [(ridge(sizes, side), 8.0), (upper_facet(sizes, vary, side), 7.0)];
    [Side::BOTH.into_iter().flat_map(side).collect()]
}

/// The upper articular process of S1.
fn upper_facet(sizes: &Sacrum, vary: &Vary, side: Side) -> Blob {
    let back = sizes.plate_depth_mm / 2.0 - NOTCH_MM + sizes.canal_depth_mm;
    let out = sizes.canal_width_mm / 2.0 + 8.5;
    let top = sizes.body_height_mm / 2.0 + 5.5 + vary.side("upper facet", side, 0.8);
    let from = at(side, out, back - 6.5, -4.0);
    let to = at(side, out + 0.5, back - 2.0, top);
    let in_joint = DVec3::new(0.85 * side.sign(), 0.5, 0.0);
    Blob::along(Outline::Tube, [from, to], in_joint, [4.6, 7.5]).tapered(-0.12, 0.0)
}

/// Middle of the canal at the height of the pedicles.
pub(super) fn canal_middle(sizes: &Sacrum) -> DVec3 {
    let y = sizes.plate_depth_mm / 2.0 - NOTCH_MM + sizes.canal_depth_mm / 2.0;
    DVec3::new(0.0, y, 0.0)
}

/// The middle of the left foramen under the S1 pedicle, beside the canal and where it opens in front.
pub(super) fn first_foramen() -> [DVec3; 2] {
    let [out, y, z, _] = FORAMINA[0];
    [at(Side::Left, out, y + 4.0, z), at(Side::Left, out + 1.3, y - 22.0, z)]
}

/// Where the S1 pedicle passes between canal and ala.
pub(super) fn pedicle_isthmus(sizes: &Sacrum, side: Side) -> DVec3 {
    at(side, sizes.canal_width_mm / 2.0 + 8.0, sizes.plate_depth_mm / 2.0 + 3.0, 1.0)
}

/// Unit axis of the S1 pedicle, from back to front, level with the end plate.
pub(super) fn pedicle_axis(sizes: &Sacrum, vary: &Vary, side: Side) -> DVec3 {
    let inwards = sizes.pedicle_convergence_deg + vary.side("convergence", side, 1.5);
    let (sin, cos) = inwards.to_radians().sin_cos();
    DVec3::new(-sin * side.sign(), -cos, 0.08).normalize()
}
