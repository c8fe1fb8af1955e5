//! How a lumbar vertebra is put together from its measures.

use super::shape::{Blob, Column, Outline, Shape, Solid};
use super::sizes::{Lumbar, Vary};
use crate::space::Side;
use glam::DVec3;

/// Where things lie in one vertebra; every part is placed from these, mm.
struct Plan<'a> {
    sizes: &'a Lumbar,
    vary: &'a Vary,
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

impl<'a> Plan<'a> {
    fn new(sizes: &'a Lumbar, vary: &'a Vary) -> Self {
        let half_depth = sizes.body_depth_mm / 2.0;
        let canal_front = half_depth - NOTCH_MM;
        Self {
            sizes,
            vary,
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
    fn shape(&self) -> Shape {
        let mut shape = Shape::default();
        shape.add(self.body(), 1.0);
        for side in Side::BOTH {
            shape.add(self.pedicle(side), 4.0);
        }
        for side in Side::BOTH {
            shape.add(self.lamina(side), 4.0);
            shape.add(self.pars(side), 5.0);
            shape.add(self.lower_facet(side), 6.0);
            shape.add(upper_facet(self.sizes, self.vary, side), 5.0);
            shape.add(self.mammillary(side), 4.0);
            shape.add(self.transverse_root(side), 5.0);
            shape.add(self.transverse(side), 4.0);
        }
        shape.add(self.spinous(), 6.0);
        shape.add(self.spinous_tip(), 5.0);
        shape.cut(self.canal(), 2.0, 0.0);
        shape
    }
    fn body(&self) -> Solid {
        Solid::Column(Column {
            centre: DVec3::ZERO,
            half_width: self.sizes.body_width_mm.map(|w| w / 2.0),
            half_depth: self.half_depth,
            half_height: self.half_height,
            wedge: (self.sizes.body_wedge_deg / 2.0).to_radians().tan(),
            waist: 0.13,
            notch: NOTCH_MM,
            dish: 2.2,
        })
    }
    fn pedicle(&self, side: Side) -> Blob {
        let sizes = self.sizes;
        let isthmus = pedicle_isthmus(sizes, side);
        let forward = pedicle_axis(sizes, self.vary, side);
        let scale = 0.5 * (1.0 + self.vary.side("pedicle", side, 0.04));
        let cross = [sizes.pedicle_width_mm * scale, sizes.pedicle_height_mm * scale];
        // The waist of the tube is at its middle, so the middle goes to the isthmus.
        let ends = [isthmus - forward * 13.0, isthmus + forward * 13.0];
        Blob::along(Outline::Tube, ends, DVec3::Z, cross).tapered(0.0, 0.35)
    }
    /// One half of the arch behind the canal, its upper edge further forward than its lower one.
    fn lamina(&self, side: Side) -> Blob {
        let from = Self::at(side, self.canal_half + 1.0, self.canal_back - 3.0, 0.5);
        let to = DVec3::new(0.0, self.canal_back + 4.2, -4.5) - DVec3::X * (3.0 * side.sign());
        let tall = self.half_height * 0.74;
        Blob::along(Outline::Plate, [from, to], DVec3::new(0.0, -0.42, 1.0), [3.3, tall])
    }
    /// The bridge between the upper and the lower articular process.
    fn pars(&self, side: Side) -> Blob {
        let from = Self::at(side, self.canal_half + 4.6, self.canal_back - 4.0, 8.5);
        let to = Self::at(side, self.facet_out() + 1.5, self.canal_back + 2.5, -self.half_height);
        Blob::along(Outline::Tube, [from, to], DVec3::X, [4.0, 5.6])
    }
    /// Distance of the lower articular process from the midline.
    fn facet_out(&self) -> f64 {
        self.sizes.lower_facets_apart_mm / 2.0
    }
    fn lower_facet(&self, side: Side) -> Blob {
        let reach = self.half_height
            + self.sizes.lower_facets_reach_mm
            + self.vary.side("lower facet", side, 0.8);
        let from = Self::at(side, self.facet_out() + 1.0, self.canal_back + 2.0, -3.0);
        let to = Self::at(side, self.facet_out() + 0.5, self.canal_back + 4.0, -reach);
        let across = DVec3::new(0.75 * side.sign(), 0.65, 0.0);
        Blob::along(Outline::Tube, [from, to], across, [5.0, 6.6]).tapered(-0.12, 0.0)
    }
    fn mammillary(&self, side: Side) -> Blob {
        let out = upper_facet_out(self.sizes) + 2.6;
        let at = Self::at(side, out, self.canal_back + 1.5, self.half_height - 4.0);
        Blob::ellipsoid(at, DVec3::new(3.4, 3.6, 5.0))
    }
    fn transverse_root(&self, side: Side) -> Blob {
        let [thick, tall] = self.sizes.transverse_half_mm;
        let out = self.canal_half + self.sizes.pedicle_width_mm * 0.7;
        let from = Self::at(side, out - 2.0, self.canal_y + 3.0, 3.5);
        let to = Self::at(side, out + 12.0, self.canal_y + 5.5, 3.5);
        let cross = [thick + 1.2, tall + 0.8];
        Blob::along(Outline::Tube, [from, to], DVec3::Z, cross).tapered(-0.2, 0.0)
    }
    fn transverse(&self, side: Side) -> Blob {
        let [thick, tall] = self.sizes.transverse_half_mm;
        let half = self.sizes.transverse_span_mm / 2.0;
        let tip = half * (1.0 + self.vary.side("transverse", side, 0.05));
        let up = 5.0 + self.vary.side("transverse up", side, 2.0);
        let from = Self::at(side, self.canal_half + 7.0, self.canal_y + 4.5, 3.0);
        let to = Self::at(side, tip, self.canal_y + 9.0, up);
        let hint = DVec3::new(0.0, -0.15, 1.0);
        Blob::along(Outline::Tube, [from, to], hint, [thick, tall]).tapered(-0.16, 0.0)
    }
    /// The blade of the spinous process, from the laminae backwards and a little down.
    fn spinous(&self) -> Blob {
        let [from, to] = self.spinous_ends();
        let tall = self.sizes.spinous_height_mm / 2.0;
        Blob::along(Outline::Plate, [from, to], DVec3::Z, [3.0, tall]).tapered(0.06, 0.10)
    }
    /// Its thickened back edge.
    fn spinous_tip(&self) -> Blob {
        let [from, to] = self.spinous_ends();
        let tall = self.sizes.spinous_height_mm / 2.0;
        let back = (to - from).normalize_or(DVec3::Y);
        let upper = to - back * 3.5 + DVec3::Z * (tall * 0.65);
        let lower = to - back * 2.0 - DVec3::Z * (tall * 0.98);
        Blob::along(Outline::Round, [upper, lower], DVec3::Y, [4.0, 4.2]).tapered(0.18, 0.0)
    }
    fn spinous_ends(&self) -> [DVec3; 2] {
        let aside = self.vary.by("spinous", 1.6);
        let from = DVec3::new(0.0, self.canal_back + 3.0, -7.0);
        let length = self.sizes.spinous_length_mm;
        [from, DVec3::new(aside, self.canal_back + length, -13.0)]
    }
    fn canal(&self) -> Blob {
        let deep = self.sizes.canal_depth_mm / 2.0;
        let ends = [-40.0, 40.0].map(|z| DVec3::new(0.0, self.canal_y, z));
        Blob::along(Outline::Tube, ends, DVec3::Y, [self.canal_half + 0.3, deep])
    }
}

/// The shape of a lumbar vertebra, without the cuts that its neighbour makes.
pub(super) fn shape(sizes: &Lumbar, vary: &Vary) -> Shape {
    Plan::new(sizes, vary).shape()
}

/// Middle of the canal at the height of the pedicles.
pub(super) fn canal_middle(sizes: &Lumbar) -> DVec3 {
    let plan_y = sizes.body_depth_mm / 2.0 - NOTCH_MM + sizes.canal_depth_mm / 2.0;
    DVec3::new(0.0, plan_y, sizes.body_height_mm * 0.165)
}

/// Where the tube of the pedicle is narrowest; the seams move the true isthmus a little.
pub(super) fn pedicle_isthmus(sizes: &Lumbar, side: Side) -> DVec3 {
    let converging = sizes.pedicle_convergence_deg.to_radians();
    let out = sizes.canal_width_mm / 2.0 + sizes.pedicle_width_mm / 2.0 / converging.cos();
    let z = sizes.body_height_mm * 0.165;
    DVec3::new(out * side.sign(), sizes.body_depth_mm / 2.0 + 3.0, z)
}

/// Unit axis of the pedicle's tube, from back to front.
pub(super) fn pedicle_axis(sizes: &Lumbar, vary: &Vary, side: Side) -> DVec3 {
    let inwards = sizes.pedicle_convergence_deg + vary.side("convergence", side, 1.5);
    let up = sizes.pedicle_cranial_deg + vary.side("cranial", side, 1.0);
    let (sin, cos) = inwards.to_radians().sin_cos();
    DVec3::new(-sin * side.sign(), -cos, up.to_radians().tan()).normalize()
}

/// What the lower articular process of the vertebra above comes near to.
pub(super) fn upper_joint(sizes: &Lumbar, vary: &Vary, side: Side) -> Vec<Blob> {
    let plan = Plan::new(sizes, vary);
    let facet = upper_facet(sizes, vary, side);
    vec![facet, plan.mammillary(side), plan.pars(side), plan.lamina(side)]
}

fn upper_facet_out(sizes: &Lumbar) -> f64 {
    sizes.canal_width_mm / 2.0 + 6.0 + 0.12 * sizes.pedicle_width_mm
}

/// The upper articular process.
fn upper_facet(sizes: &Lumbar, vary: &Vary, side: Side) -> Blob {
    let plan = Plan::new(sizes, vary);
    let out = upper_facet_out(sizes);
    let top = plan.half_height + 7.5 + vary.side("upper facet", side, 0.8);
    let from = Plan::at(side, out - 1.0, plan.canal_y + 3.0, 2.0);
    let to = Plan::at(side, out + 0.5, plan.canal_back - 1.0, top);
    // The joint faces back and towards the midline; its plane holds this direction.
    let in_joint = DVec3::new(0.7 * side.sign(), 0.7, 0.0);
    Blob::along(Outline::Tube, [from, to], in_joint, [4.2, 6.2]).tapered(-0.10, 0.0)
}
