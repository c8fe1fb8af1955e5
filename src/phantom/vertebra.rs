//! How a vertebra above the sacrum is put together from its measures: the same parts from T1 to
//! L6, whose sizes and directions change along the column.

use super::shape::{Blob, Column, Outline, Shape, Solid};
use super::sizes::{Mobile, Vary};
use crate::space::Side;
use glam::DVec3;

/// Where things lie in one vertebra; every part is placed from these, mm.
struct Plan<'a> {
    sizes: &'a Mobile,
    vary: &'a Vary,
    /// Slopes of the end plates against the middle: leftwards and backwards.
    slopes: [f64; 2],
    /// Half of the body's depth and height.
    half_depth: f64,
    half_height: f64,
    /// Half of the canal's width, the y of its middle, the y of its back.
    canal_half: f64,
    canal_y: f64,
    canal_back: f64,
}

/// How deep the back of a body is hollowed, mm.
const NOTCH_MM: f64 = 1.8;
/// Half of the length of a pedicle's tube, mm.
const PEDICLE_HALF_MM: f64 = 13.0;

impl<'a> Plan<'a> {
    fn new(sizes: &'a Mobile, slopes: [f64; 2], vary: &'a Vary) -> Self {
        let half_depth = sizes.body_depth_mm / 2.0;
        let canal_front = half_depth - NOTCH_MM;
        Self {
            sizes,
            vary,
            slopes,
            half_depth,
            half_height: sizes.body_height_mm / 2.0,
            canal_half: sizes.canal_width_mm / 2.0,
            canal_y: canal_front + sizes.canal_depth_mm / 2.0,
            canal_back: canal_front + sizes.canal_depth_mm,
        }
    }
    /// A point given as (distance from the midline on this side, y, z).
    fn at(side: Side, out: f64, y: f64, z: f64) -> DVec3 {
        DVec3::new(out * side.sign(), y, z)
    }
    /// Vertebrae whose transverse processes carry no rib are built the lumbar way.
    fn is_lumbar(&self) -> bool {
        self.sizes.transverse_knob_mm == 0.0
    }
    fn shape(&self) -> Shape {
        let mut shape = Shape::default();
        shape.add(self.body(), 1.0);
        for side in Side::BOTH {
            shape.add(self.pedicle(side), if self.is_lumbar() { 4.0 } else { 3.0 });
        }
        for (solid, seam_mm) in self.arch() {
            shape.add(solid, seam_mm);
        }
        shape.cut(Solid::Column(self.canal(60.0)), 2.0, 0.0);
        shape.cut(Solid::Column(self.disc_room()), 1.0, -0.3);
        shape
    }
    /// Everything behind the pedicles, each part with the width of its seam.
    fn arch(&self) -> Vec<(Blob, f64)> {
        let mut parts = Vec::new();
        for side in Side::BOTH {
            parts.push((self.lamina(side), if self.is_lumbar() { 4.0 } else { 6.0 }));
            parts.push((self.lower_facet(side), if self.is_lumbar() { 6.0 } else { 7.0 }));
            parts.push((self.upper_facet(side), 4.0));
            if self.is_lumbar() {
                parts.push((self.pars(side), 5.0));
                parts.push((self.transverse_root(side), 5.0));
            } else {
                parts.push((self.shoulder(side), 7.0));
                parts.push((self.transverse_knob(side), 6.0));
            }
            parts.push((self.transverse(side), 4.0));
            if self.sizes.mammillary_mm > 0.0 {
                parts.push((self.mammillary(side), 4.0));
            }
        }
        parts.push((self.spinous(), 6.0));
        parts.push((self.spinous_tip(), 5.0));
        parts
    }
    fn body(&self) -> Solid {
        let [lean, wedge] = self.slopes;
        Solid::Column(Column {
            centre: DVec3::ZERO,
            half_width: self.sizes.body_width_mm.map(|w| w / 2.0),
            half_depth: self.half_depth,
            half_height: self.half_height,
            wedge,
            lean,
            heart: self.sizes.heart,
            waist: 0.13,
            notch: NOTCH_MM,
            dish: 0.08 * self.sizes.body_height_mm,
            rim_mm: 2.0 + 0.02 * self.sizes.body_height_mm,
        })
    }
    fn pedicle(&self, side: Side) -> Blob {
        let sizes = self.sizes;
        let isthmus = pedicle_isthmus(sizes, side);
        let forward = pedicle_axis(sizes, self.vary, side);
        let scale = 0.5 * (1.0 + self.vary.side("pedicle", side, 0.03));
        let tall = 0.5 * (1.0 + self.vary.side("pedicle height", side, 0.03));
        let width = sizes.pedicle_width_mm * share(sizes, side);
        let cross = [width * scale, sizes.pedicle_height_mm * tall];
        // The waist of the tube is at its middle, so the middle goes to the isthmus.
        let ends = [-PEDICLE_HALF_MM, PEDICLE_HALF_MM].map(|t| isthmus + forward * t);
        Blob::along(Outline::Tube, ends, DVec3::Z, cross).tapered(0.0, 0.35)
    }
    /// One half of the arch behind the canal, its upper edge further forward than its lower one.
    fn lamina(&self, side: Side) -> Blob {
        let z = -self.sizes.lamina_drop_mm;
        let from = Self::at(side, self.canal_half + 1.0, self.canal_back - 3.0, z + 2.5);
        let to = Self::at(side, -3.0, self.canal_back + 4.2, z - 2.5);
        let tall = self.sizes.lamina_height_mm / 2.0;
        let half_thick = if self.is_lumbar() { 3.3 } else { 3.1 };
        Blob::along(Outline::Plate, [from, to], DVec3::new(0.0, -0.42, 1.0), [half_thick, tall])
    }
    /// The slope from a transverse process down to the lamina, where the thorax has no pars to
    /// speak of.
    fn shoulder(&self, side: Side) -> Blob {
        let tip = self.transverse_tip(side);
        let out = self.sizes.transverse_span_mm * 0.3;
        let from = Self::at(side, out, (self.canal_back + tip.y) / 2.0 - 0.5, tip.z - 2.0);
        let to = Self::at(side, 3.0, self.canal_back + 3.5, -self.sizes.lamina_drop_mm - 6.0);
        let hint = DVec3::new(0.0, -0.5, 1.0);
        Blob::along(Outline::Tube, [from, to], hint, [2.8, 6.0]).tapered(0.15, 0.0)
    }
    /// The bridge between the upper and the lower articular process.
    fn pars(&self, side: Side) -> Blob {
        let from = Self::at(side, self.canal_half + 4.6, self.canal_back - 4.0, 8.5);
        let out = self.sizes.lower_facets_apart_mm / 2.0 + 1.5;
        let to = Self::at(side, out, self.canal_back + 2.5, -self.half_height);
        Blob::along(Outline::Tube, [from, to], DVec3::X, [4.2, 5.6])
    }
    /// The horizontal direction in the plane of a joint that faces `turn_deg` away from straight
    /// back.
    fn in_joint(side: Side, turn_deg: f64) -> DVec3 {
        let (sin, cos) = turn_deg.to_radians().sin_cos();
        DVec3::new(cos * side.sign(), sin, 0.0)
    }
    fn lower_facet(&self, side: Side) -> Blob {
        let sizes = self.sizes;
        let reach = self.half_height
            + sizes.lower_facets_reach_mm
            + self.vary.side("lower facet", side, 0.8);
        let out = sizes.lower_facets_apart_mm / 2.0;
        let from = Self::at(side, out + 1.0, self.canal_back + 2.0, -3.0);
        let to = Self::at(side, out + 0.5, self.canal_back + 4.0, -reach);
        let across = Self::in_joint(side, sizes.lower_turn_deg);
        let [in_joint, thick] = sizes.lower_facets_half_mm;
        let outline = if self.is_lumbar() { Outline::Tube } else { Outline::Round };
        Blob::along(outline, [from, to], across, [thick, in_joint]).tapered(-0.12, 0.0)
    }
    /// The upper articular process; its joint faces back, and in the loins to the midline.
    fn upper_facet(&self, side: Side) -> Blob {
        let sizes = self.sizes;
        let out = sizes.upper_facets_apart_mm / 2.0;
        let more = self.vary.side("upper facet", side, 0.8);
        let top = self.half_height + sizes.upper_facets_reach_mm + more;
        let [in_joint, thick] = sizes.upper_facets_half_mm;
        let from = Self::at(side, out - 1.0, self.canal_y + 3.0, 2.0);
        let to = Self::at(side, out + 0.5, self.canal_back - 0.6 * thick, top);
        let across = Self::in_joint(side, sizes.facet_turn_deg);
        Blob::along(Outline::Tube, [from, to], across, [thick, in_joint]).tapered(-0.10, 0.0)
    }
    fn mammillary(&self, side: Side) -> Blob {
        let size = self.sizes.mammillary_mm;
        let out = self.sizes.upper_facets_apart_mm / 2.0 + 0.8 * size;
        let at = Self::at(side, out, self.canal_back + 1.5, self.half_height - 4.0);
        Blob::ellipsoid(at, DVec3::new(0.95, 1.0, 1.4) * size)
    }
    fn transverse_root(&self, side: Side) -> Blob {
        let [thick, tall] = self.sizes.transverse_half_mm;
        let out = self.canal_half + self.sizes.pedicle_width_mm * 0.7;
        let y = self.canal_y + self.sizes.transverse_root_mm;
        let from = Self::at(side, out - 2.0, y - 1.0, 3.5);
        let to = Self::at(side, out + 12.0, y + 1.5, 3.5);
        let cross = [thick + 1.0, tall + 0.6];
        Blob::along(Outline::Tube, [from, to], DVec3::Z, cross).tapered(-0.2, 0.0)
    }
    /// Where the transverse process ends.
    fn transverse_tip(&self, side: Side) -> DVec3 {
        let sizes = self.sizes;
        let half = sizes.transverse_span_mm / 2.0;
        let out = half * (1.0 + self.vary.side("transverse", side, 0.05));
        let [back, up] = sizes.transverse_tip_mm;
        let up = up + self.vary.side("transverse up", side, 2.0);
        Self::at(side, out, self.canal_y + back, up)
    }
    fn transverse(&self, side: Side) -> Blob {
        let tip = self.transverse_tip(side);
        let (from, taper) = if self.is_lumbar() {
            let y = self.canal_y + self.sizes.transverse_root_mm + 0.5;
            (Self::at(side, self.canal_half + 7.0, y, 3.0), -0.2)
        } else {
            (Self::at(side, self.canal_half + 1.0, self.canal_back - 3.5, tip.z - 4.0), -0.12)
        };
        let [thick, tall] = self.sizes.transverse_half_mm;
        let hint = DVec3::new(0.0, -0.15, 1.0);
        Blob::along(Outline::Tube, [from, tip], hint, [thick, tall]).tapered(taper, 0.0)
    }
    fn transverse_knob(&self, side: Side) -> Blob {
        let knob = self.sizes.transverse_knob_mm;
        let middle = self.transverse_tip(side) - DVec3::X * (side.sign() * 0.7 * knob);
        Blob::ellipsoid(middle, DVec3::new(1.0, 0.9, 1.05) * knob)
    }
    /// The spinous process, from the laminae backwards and down: a blade in the loins, a steep
    /// ridge in the thorax.
    fn spinous(&self) -> Blob {
        let [from, to] = self.spinous_ends();
        let tall = self.sizes.spinous_height_mm / 2.0;
        let (half_thick, taper, flare) =
            if self.is_lumbar() { (2.9, 0.06, 0.10) } else { (2.8, -0.34, 0.0) };
        Blob::along(Outline::Plate, [from, to], DVec3::Z, [half_thick, tall]).tapered(taper, flare)
    }
    /// Its thickened back edge.
    fn spinous_tip(&self) -> Blob {
        let [from, to] = self.spinous_ends();
        let tall = self.sizes.spinous_height_mm / 2.0;
        let back = (to - from).normalize_or(DVec3::Y);
        let up = back.cross(DVec3::NEG_X).normalize_or(DVec3::Z);
        if !self.is_lumbar() {
            let ends = [to - back * 8.0, to + back * 1.5];
            return Blob::along(Outline::Round, ends, up, [3.7, 0.6 * tall]).tapered(0.1, 0.0);
        }
        let upper = to - back * 3.5 + up * (tall * 0.65);
        let lower = to - back * 2.0 - up * (tall * 0.98);
        Blob::along(Outline::Round, [upper, lower], back, [4.0, 4.2]).tapered(0.18, 0.0)
    }
    fn spinous_ends(&self) -> [DVec3; 2] {
        let sizes = self.sizes;
        let aside = self.vary.by("spinous", 1.6);
        let (sin, cos) = sizes.spinous_drop_deg.to_radians().sin_cos();
        let lower = if self.is_lumbar() { 5.0 } else { 3.0 };
        let from = DVec3::new(0.0, self.canal_back + 2.5, -sizes.lamina_drop_mm - lower);
        [
            from,
            from + DVec3::new(aside, cos * sizes.spinous_length_mm, -sin * sizes.spinous_length_mm),
        ]
    }
    /// The room over the upper end plate, into which no root of a pedicle may rise.
    fn disc_room(&self) -> Column {
        const TALL_MM: f64 = 10.0;
        let [lean, wedge] = self.slopes;
        Column {
            centre: DVec3::new(0.0, -0.3, self.half_height + TALL_MM),
            half_width: [self.sizes.body_width_mm[0] / 2.0 + 1.0; 2],
            half_depth: self.half_depth + 1.0,
            half_height: TALL_MM,
            wedge: -wedge,
            lean: -lean,
            heart: self.sizes.heart,
            notch: NOTCH_MM,
            ..Column::default()
        }
    }
    /// The canal up and down to a height: round in the thorax, three-cornered in the loins.
    fn canal(&self, half_height: f64) -> Column {
        Column {
            centre: DVec3::Y * self.canal_y,
            half_width: [self.canal_half + 0.3; 2],
            half_depth: self.sizes.canal_depth_mm / 2.0,
            half_height,
            heart: -self.sizes.canal_corners,
            ..Column::default()
        }
    }
}

impl Plan<'_> {
    /// The part of the canal that no neighbour may enter.
    fn dural_room(&self) -> Blob {
        let top = self.half_height + 14.0;
        let ends = [-top, top].map(|z| DVec3::new(0.0, self.canal_y, z));
        let half = [0.6 * self.canal_half, self.sizes.canal_depth_mm / 2.0 - 1.5];
        Blob::along(Outline::Tube, ends, DVec3::Y, half)
    }
}

/// The shape of a vertebra whose end plates slope leftwards and backwards by `slopes`, without the
/// cuts that its neighbour makes.
pub(super) fn shape(sizes: &Mobile, slopes: [f64; 2], vary: &Vary) -> Shape {
    Plan::new(sizes, slopes, vary).shape()
}

/// What the vertebra above has to keep clear of: everything behind the pedicles, joined as it is,
/// and the canal.
pub(super) fn kept_clear(sizes: &Mobile, vary: &Vary) -> [Vec<(Blob, f64)>; 2] {
    let plan = Plan::new(sizes, [0.0; 2], vary);
    [plan.arch(), vec![(plan.dural_room(), 1.0)]]
}

/// Every solid that is added to make the vertebra.
pub(super) fn solids(sizes: &Mobile, slopes: [f64; 2], vary: &Vary) -> Vec<Solid> {
    let plan = Plan::new(sizes, slopes, vary);
    let pedicles = Side::BOTH.map(|side| plan.pedicle(side).into());
    [plan.body()].into_iter().chain(pedicles).chain([Solid::Joined(plan.arch())]).collect()
}

/// Where the transverse process of one side ends.
pub(super) fn transverse_tip(sizes: &Mobile, vary: &Vary, side: Side) -> DVec3 {
    Plan::new(sizes, [0.0; 2], vary).transverse_tip(side)
}

/// Middle of the canal at the height of the pedicles.
pub(super) fn canal_middle(sizes: &Mobile) -> DVec3 {
    let y = sizes.body_depth_mm / 2.0 - NOTCH_MM + sizes.canal_depth_mm / 2.0;
    DVec3::new(0.0, y, sizes.pedicle_rise_mm)
}

fn share(sizes: &Mobile, side: Side) -> f64 {
    let [left, right] = sizes.pedicle_share;
    match side {
        Side::Left => left,
        Side::Right => right,
    }
}

/// Where the tube of the pedicle is narrowest; the seams move the true isthmus a little.
pub(super) fn pedicle_isthmus(sizes: &Mobile, side: Side) -> DVec3 {
    let converging = sizes.pedicle_convergence_deg.to_radians();
    let width = sizes.pedicle_width_mm * share(sizes, side);
    let out = sizes.canal_width_mm / 2.0 + width / 2.0 / converging.cos();
    DVec3::new(out * side.sign(), sizes.body_depth_mm / 2.0 + 3.0, sizes.pedicle_rise_mm)
}

/// Unit axis of the pedicle's tube, from back to front.
pub(super) fn pedicle_axis(sizes: &Mobile, vary: &Vary, side: Side) -> DVec3 {
    let inwards = sizes.pedicle_convergence_deg + vary.side("convergence", side, 1.5);
    let up = sizes.pedicle_cranial_deg + vary.side("cranial", side, 1.0);
    let (sin, cos) = inwards.to_radians().sin_cos();
    DVec3::new(-sin * side.sign(), -cos, up.to_radians().tan()).normalize()
}
