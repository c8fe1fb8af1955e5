//! The building blocks of bone: smooth implicit solids, and how they join into one.
//!
//! Every function is positive inside, zero on the surface, and close to millimetres near and far,
//! but it is not a distance ([`super::Bone::signed_distance_mm`] is). All are continuously
//! differentiable near their surface, so that normals run smoothly. Coordinates are those of one
//! vertebra (+x its left, +y its back, +z its top, mm).

mod along;
mod told;

pub(super) use along::Origin;
pub(super) use told::Told;

use super::jet::Real;
use glam::{DMat3, DVec3};

/// Taken for the steepest slope about a surface, per mm. Far off and deep inside single solids are
/// steeper: [`Solid::steepest`].
pub(super) const STEEPEST: f64 = 1.5;

/// How sharp the outline of a [`Blob`] is, across its long axis and along it: exponents of a
/// superellipse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Outline {
    /// An ellipsoid.
    Round,
    /// An elliptic tube with blunt ends.
    Tube,
    /// A plate with rounded edges.
    Plate,
}

/// A superellipsoid with a tapering or waisted cross-section.
#[derive(Clone, Debug)]
pub(super) struct Blob {
    centre: DVec3,
    /// Columns u, v (across) and w (along): orthonormal.
    axes: DMat3,
    /// Half-sizes along u, v, w, mm.
    radii: DVec3,
    outline: Outline,
    /// The cross-section grows by `1 + taper t + flare t²`, t from -1 to 1 along w.
    taper: f64,
    flare: f64,
}

impl Blob {
    /// An ellipsoid along the vertebra's axes.
    pub(super) fn ellipsoid(centre: DVec3, radii: DVec3) -> Self {
        Self {
            centre,
            axes: DMat3::IDENTITY,
            radii,
            outline: Outline::Round,
            taper: 0.0,
            flare: 0.0,
        }
    }
    /// A solid from `from` to `to`, which are the middles of its two ends. `v_hint` says where its
    /// second cross axis points (made perpendicular); `ru` and `rv` are the half-sizes across.
    pub(super) fn along(
        outline: Outline,
        [from, to]: [DVec3; 2],
        v_hint: DVec3,
        [ru, rv]: [f64; 2],
    ) -> Self {
        let w = (to - from).normalize_or(DVec3::Z);
        let v = v_hint.reject_from_normalized(w).normalize_or(w.any_orthonormal_vector());
        Self {
            centre: from.midpoint(to),
            axes: DMat3::from_cols(v.cross(w), v, w),
            radii: DVec3::new(ru, rv, from.distance(to) / 2.0),
            outline,
            taper: 0.0,
            flare: 0.0,
        }
    }
    /// The same with a cross-section `1 + taper` times as large at its far end and `1 - taper` at
    /// its near end, and `1 + flare` times as large at both.
    pub(super) fn tapered(self, taper: f64, flare: f64) -> Self {
        Self { taper, flare, ..self }
    }
    /// The same moved into another vertebra's coordinates.
    pub(super) fn moved(&self, rotation: DMat3, translation: DVec3) -> Self {
        Self {
            centre: rotation * self.centre + translation,
            axes: rotation * self.axes,
            ..self.clone()
        }
    }
    /// Half of the size of a box around it, along the axes.
    fn half_extent(&self) -> DVec3 {
        let grown = 1.0 + self.taper.abs() + self.flare.max(0.0);
        let abs = DMat3::from_cols(
            self.axes.x_axis.abs() * grown,
            self.axes.y_axis.abs() * grown,
            self.axes.z_axis.abs(),
        );
        abs * self.radii
    }
    /// Positive inside; see the file's head.
    fn value<N: Real>(&self, p: [N; 3]) -> N {
        let q = minus(p, self.centre);
        let [x, y, t] = [self.axes.x_axis, self.axes.y_axis, self.axes.z_axis].map(|a| dot(q, a));
        let t = t * (1.0 / self.radii.z);
        let along = t.clamp(-1.2, 1.2);
        let grown = N::from(1.0) + along * (along * self.flare + N::from(self.taper));
        // One division serves both cross axes.
        let shrink = N::from(1.0) / grown;
        let (per_u, per_v) = (shrink * (1.0 / self.radii.x), shrink * (1.0 / self.radii.y));
        let (x, y) = (x * per_u, y * per_v);
        let (x2, y2, t2) = (x * x, y * y, t * t);
        // The level is homogeneous in x, y, t and 1 on the surface; d* are its slopes.
        let (level, power, dx, dy, dt) = match self.outline {
            Outline::Round => (x2 + y2 + t2, 2.0, x * 2.0, y * 2.0, t * 2.0),
            Outline::Tube => {
                let ring = x2 + y2;
                (ring * ring + t2 * t2, 4.0, x * ring * 4.0, y * ring * 4.0, t * t2 * 4.0)
            }
            Outline::Plate => {
                (x2 * x2 + y2 * y2 + t2 * t2, 4.0, x * x2 * 4.0, y * y2 * 4.0, t * t2 * 4.0)
            }
        };
        let (dx, dy, dt) = (dx * per_u, dy * per_v, dt * (1.0 / self.radii.z));
        in_mm(level, power, dx * dx + dy * dy + dt * dt).clamp(-1e4, self.radii.min_element())
    }
}

fn minus<N: Real>([x, y, z]: [N; 3], o: DVec3) -> [N; 3] {
    [x - N::from(o.x), y - N::from(o.y), z - N::from(o.z)]
}

fn dot<N: Real>([x, y, z]: [N; 3], a: DVec3) -> N {
    x * a.x + y * a.y + z * a.z
}

/// Turns a homogeneous level of power 2 or 4 (1 on the surface, less inside) with its squared slope
/// into something close to millimetres: linear along every ray from the centre, and with slope 1 on
/// the surface. At the very centre, where every ray says something else, it is to be limited.
fn in_mm<N: Real>(level: N, power: f64, slope_squared: N) -> N {
    // Keeps the very centre, where no direction is the nearest, finite.
    let level = level + N::from(1e-9);
    let root = if power > 3.0 { level.sqrt().sqrt() } else { level.sqrt() };
    let steep = (slope_squared + N::from(1e-18)).sqrt();
    (N::from(1.0) - root) * level * power / (root * steep)
}

/// A vertebral body or a disc: a kidney-shaped column, waisted, between two end plates.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    pub(super) centre: DVec3,
    /// Half of the width at the upper and at the lower end plate.
    pub(super) half_width: [f64; 2],
    pub(super) half_depth: f64,
    /// Half of the height in the middle, at the rim of the end plates.
    pub(super) half_height: f64,
    /// Slope of each end plate against the middle: positive is taller in front.
    pub(super) wedge: f64,
    /// The same from side to side: positive is taller on the right.
    pub(super) lean: f64,
    /// 1 narrows the front like a heart's tip; 0 does not.
    pub(super) heart: f64,
    /// Share by which width and depth shrink at half height; negative bulges.
    pub(super) waist: f64,
    /// How deep the back is hollowed at the midline, mm.
    pub(super) notch: f64,
    /// How deep each end plate is dished, mm; negative bulges.
    pub(super) dish: f64,
    /// How far the rims of the end plates are rounded, mm.
    pub(super) rim_mm: f64,
}

impl Column {
    fn half_extent(&self) -> DVec3 {
        let wide = self.half_width[0].max(self.half_width[1]) * (1.0 + 0.17 * self.heart);
        let bulge = 1.0 - self.waist.min(0.0);
        let deep = self.half_depth;
        let tall = self.half_height + deep * self.wedge.abs() + wide * self.lean.abs();
        DVec3::new(wide * bulge, deep * bulge, tall - self.dish.min(0.0))
    }
    fn value<N: Real>(&self, p: [N; 3]) -> N {
        /// How much of its width a heart-shaped body loses at the front, and gains at the back.
        const HEART_SHARE: f64 = 0.17;
        let one = N::from(1.0);
        let [x, y, z] = minus(p, self.centre);
        let rise = (z * (1.0 / self.half_height)).clamp(-1.0, 1.0);
        let middle = one - rise * rise;
        let slim = one - middle * middle * self.waist;
        let [upper, lower] = self.half_width;
        let back = (y * (1.0 / self.half_depth)).clamp(-1.2, 1.2);
        let broad = back * (HEART_SHARE * self.heart) + one;
        let a = ((one - rise) * ((lower - upper) / 2.0) + N::from(upper)) * slim * broad;
        let b = slim * self.half_depth;
        let (u, v) = (x / a, y / b);
        let v = if v.value() > 0.0 {
            let behind = v.clamp(0.0, 1.2);
            v + behind * behind * (u * u * -5.0).exp() * (self.notch / self.half_depth)
        } else {
            v
        };
        let (level, slope) = kidney(u, v, a, b);
        let thinnest = self.half_depth.min(self.half_width[0]).min(self.half_width[1]);
        let side = in_mm(level, 4.0, slope).clamp(-1e4, thinnest);
        let rim = (one - (level + N::from(1e-9)).sqrt() * 1.25).clamp(0.0, 1.0);
        let dish = rim * rim * (N::from(3.0) - rim * 2.0) * self.dish;
        let half = N::from(self.half_height) - y * self.wedge - x * self.lean - dish;
        let rim = self.rim_mm.max(0.1);
        (half - z).smooth_min(half + z, rim).smooth_min(side, rim)
    }
}

/// A curve between ellipse and rectangle: its level at (u, v), and the square of its slope.
fn kidney<N: Real>(u: N, v: N, a: N, b: N) -> (N, N) {
    // 2 would be an ellipse, 0 a superellipse of power 4.
    const MIXED: f64 = 1.3;
    let (u2, v2) = (u * u, v * v);
    let du = u * (u2 * 4.0 + v2 * (2.0 * MIXED)) / a;
    let dv = v * (v2 * 4.0 + u2 * (2.0 * MIXED)) / b;
    (u2 * u2 + v2 * v2 + u2 * v2 * MIXED, du * du + dv * dv)
}

/// Any building block.
#[derive(Clone, Debug)]
pub(super) enum Solid {
    Blob(Blob),
    Column(Column),
    /// Blobs joined smoothly, each with the width of its seam.
    Joined(Vec<(Blob, f64)>),
}

impl Solid {
    /// Positive inside; see the file's head.
    pub(super) fn value<N: Real>(&self, p: [N; 3]) -> N {
        match self {
            Self::Blob(blob) => blob.value(p),
            Self::Column(column) => column.value(p),
            Self::Joined(blobs) => blobs.iter().fold(N::from(-1e3), |all, (blob, seam_mm)| {
                all.smooth_max(blob.value(p), *seam_mm)
            }),
        }
    }
}

impl Solid {
    /// Middle and half size of a box that holds the solid, mm.
    fn extent(&self) -> (DVec3, DVec3) {
        match self {
            Self::Blob(blob) => (blob.centre, blob.half_extent()),
            Self::Column(column) => (column.centre, column.half_extent()),
            Self::Joined(_) => (DVec3::ZERO, DVec3::splat(1e3)),
        }
    }
    /// The same solid as it is felt within reach of `p`, where `slack` is what any value may change
    /// by on the way: of joined blobs those that count.
    fn near(&self, p: DVec3, slack: f64, more_mm: f64) -> Self {
        let Self::Joined(blobs) = self else { return self.clone() };
        let slack = slack + more_mm;
        let valued: Vec<f64> = blobs.iter().map(|(blob, _)| blob.value(p.to_array())).collect();
        let most = valued.iter().copied().fold(-1e3, f64::max);
        let felt =
            blobs.iter().zip(&valued).filter(|((_, seam), value)| **value > most - slack - seam);
        Self::Joined(felt.map(|(blob, _)| blob.clone()).collect())
    }
}

impl From<Blob> for Solid {
    fn from(blob: Blob) -> Self {
        Self::Blob(blob)
    }
}

/// A solid that is added or cut away, with the width of the smooth seam.
#[derive(Clone, Debug)]
struct Part {
    solid: Solid,
    seam_mm: f64,
    /// How far off a cut keeps the bone.
    gap_mm: f64,
    /// [`Solid::steepest`].
    steepest: f64,
}

impl Part {
    fn new(solid: Solid, seam_mm: f64, gap_mm: f64) -> Self {
        let steepest = solid.steepest();
        Self { solid, seam_mm, gap_mm, steepest }
    }
}

/// Solids joined smoothly, less others cut out smoothly.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    added: Vec<Part>,
    cut: Vec<Part>,
}

impl Shape {
    /// Joins a solid on, with a fillet reaching `seam_mm` from where they meet.
    pub(super) fn add(&mut self, solid: impl Into<Solid>, seam_mm: f64) {
        self.added.push(Part::new(solid.into(), seam_mm, 0.0));
    }
    /// Cuts a solid away, its surface grown by about `gap_mm`, the edge rounded over `seam_mm`.
    pub(super) fn cut(&mut self, solid: impl Into<Solid>, seam_mm: f64, gap_mm: f64) {
        self.cut.push(Part::new(solid.into(), seam_mm, gap_mm));
    }
    /// Positive inside; see the file's head. Very negative for a shape without solids.
    pub(super) fn value<N: Real>(&self, p: [N; 3]) -> N {
        let far = N::from(-1e3);
        let bone = self
            .added
            .iter()
            .fold(far, |bone, part| bone.smooth_max(part.solid.value(p), part.seam_mm));
        self.cut.iter().fold(bone, |bone, part| {
            bone.smooth_min(-part.solid.value(p) - N::from(part.gap_mm), part.seam_mm)
        })
    }
    /// The blobs among the solids that are added.
    pub(super) fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.added.iter().filter_map(|part| match &part.solid {
            Solid::Blob(blob) => Some(blob),
            Solid::Column(_) | Solid::Joined(_) => None,
        })
    }
    /// A box that holds everything, mm: its lowest and its highest corner.
    pub(super) fn bounds(&self) -> [DVec3; 2] {
        let far = DVec3::splat(1e3);
        self.added.iter().fold([far, -far], |[low, high], part| {
            let (centre, half) = part.solid.extent();
            let half = half + DVec3::splat(part.seam_mm / 6.0);
            [low.min(centre - half), high.max(centre + half)]
        })
    }
    /// The same shape for points within `radius_mm` of `p` alone: without the solids that can not
    /// be felt there.
    pub(super) fn near(&self, p: DVec3, radius_mm: f64) -> Self {
        self.part(p, radius_mm, 0.0)
    }
    /// The same for values that must be those of the whole shape to the last digit: a solid may be
    /// felt through the seam of another one, and seams lift each other.
    pub(super) fn surely_near(&self, p: DVec3, radius_mm: f64) -> Self {
        let of = |part: &Part| match &part.solid {
            Solid::Joined(blobs) => {
                blobs.iter().map(|(_, seam)| *seam).fold(part.seam_mm, f64::max)
            }
            Solid::Blob(_) | Solid::Column(_) => part.seam_mm,
        };
        let widest = self.added.iter().chain(&self.cut).map(of).fold(0.0, f64::max);
        self.part(p, radius_mm, 2.0 * widest)
    }
    /// What is felt within `radius_mm` of `p`, and what lies up to `more_mm` further down.
    fn part(&self, p: DVec3, radius_mm: f64, more_mm: f64) -> Self {
        let slack = 2.0 * STEEPEST * radius_mm;
        let valued = |parts: &[Part], sign: f64| -> Vec<(f64, Part)> {
            let value = |part: &Part| sign * part.solid.value(p.to_array()) - part.gap_mm;
            parts.iter().map(|part| (value(part), part.clone())).collect()
        };
        let (added, cut) = (valued(&self.added, 1.0), valued(&self.cut, -1.0));
        let most = added.iter().map(|(value, _)| *value).fold(-1e3, f64::max);
        let seams: f64 = self.added.iter().map(|part| part.seam_mm).fold(0.0, f64::max);
        let nearer = |part: Part| Part { solid: part.solid.near(p, slack, more_mm), ..part };
        let felt = |(value, part): (f64, Part)| {
            (value > most - slack - more_mm - part.seam_mm).then(|| nearer(part))
        };
        // A seam may lift the bone by a sixth of itself, several times over.
        let bone_at_most = most + slack + seams + more_mm;
        let cuts = |(value, part): (f64, Part)| {
            (value < bone_at_most + part.seam_mm).then(|| nearer(part))
        };
        Self {
            added: added.into_iter().filter_map(felt).collect(),
            cut: cut.into_iter().filter_map(cuts).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(blob: &Blob, x: f64, y: f64, z: f64) -> f64 {
        blob.value([x, y, z])
    }

    #[test]
    fn an_ellipsoid_is_zero_on_its_surface_and_positive_inside() {
        let blob = Blob::ellipsoid(DVec3::new(1.0, 2.0, 3.0), DVec3::new(4.0, 5.0, 6.0));
        assert!(at(&blob, 5.0, 2.0, 3.0).abs() < 1e-8);
        assert!(at(&blob, 1.0, 2.0, 8.9) > 0.0);
        assert!(at(&blob, 1.0, 7.1, 3.0) < 0.0);
        assert!((at(&blob, 1.0, 27.0, 3.0) + 20.0).abs() < 1e-6, "far off it still is millimetres");
    }

    #[test]
    fn a_tube_keeps_its_width_and_a_taper_changes_it() {
        let ends = [DVec3::ZERO, DVec3::new(0.0, 0.0, 20.0)];
        let tube = Blob::along(Outline::Tube, ends, DVec3::Y, [3.0, 5.0]);
        assert!(at(&tube, 2.99, 0.0, 10.0) > 0.0);
        assert!(at(&tube, 3.01, 0.0, 10.0) < 0.0);
        assert!(at(&tube, 0.0, 4.99, 10.0) > 0.0);
        let cone = tube.tapered(0.5, 0.0);
        assert!(at(&cone, 3.4, 0.0, 15.0) > 0.0);
        assert!(at(&cone, 2.5, 0.0, 4.0) < 0.0);
    }

    #[test]
    fn a_part_of_a_shape_is_the_shape_nearby() {
        let mut shape = Shape::default();
        shape.add(Blob::ellipsoid(DVec3::ZERO, DVec3::new(9.0, 12.0, 10.0)), 4.0);
        shape.add(Blob::ellipsoid(DVec3::X * 15.0, DVec3::new(9.0, 5.0, 4.0)), 4.0);
        shape.add(Blob::ellipsoid(DVec3::X * 80.0, DVec3::new(9.0, 5.0, 4.0)), 4.0);
        shape.cut(Blob::ellipsoid(DVec3::Y * 10.0, DVec3::splat(5.0)), 2.0, 1.0);
        let middle = DVec3::new(8.0, 2.0, 3.0);
        let near = shape.near(middle, 4.0);
        assert_eq!(near.added.len(), 2);
        for d in [DVec3::X, DVec3::NEG_Y, DVec3::Z].map(|d| middle + d * 4.0) {
            assert_eq!(near.value(d.to_array()), shape.value(d.to_array()));
        }
    }
}
