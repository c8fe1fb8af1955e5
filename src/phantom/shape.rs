//! The building blocks of bone: smooth implicit solids, and how they join into one.
//!
//! Every function is positive inside, zero on the surface, and close to millimetres near it, but
//! it is not a distance ([`super::bone::Bone::signed_distance_mm`] is). All are twice continuously
//! differentiable near their surface, so that normals and curvature are smooth. Coordinates are
//! those of one vertebra (+x its left, +y its back, +z its top, mm).

use glam::{DMat3, DVec3};

/// Cubic smooth maximum: equals `max(a, b)` where they differ by `k` or more, and is at most
/// `k / 6` above it where they are equal. Twice continuously differentiable.
pub(super) fn smooth_max(a: f64, b: f64, k: f64) -> f64 {
    let h = (1.0 - (a - b).abs() / k).max(0.0);
    a.max(b) + h * h * h * k / 6.0
}

/// The mirror of [`smooth_max`].
pub(super) fn smooth_min(a: f64, b: f64, k: f64) -> f64 {
    -smooth_max(-a, -b, k)
}

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
    /// Positive inside; see the file's head.
    fn value(&self, p: DVec3) -> f64 {
        let q = self.axes.transpose() * (p - self.centre);
        let t = q.z / self.radii.z;
        let along = t.clamp(-1.2, 1.2);
        let grown = 1.0 + along * (self.taper + self.flare * along);
        let (ru, rv) = (self.radii.x * grown, self.radii.y * grown);
        let (x, y) = (q.x / ru, q.y / rv);
        let (x2, y2, t2) = (x * x, y * y, t * t);
        // s is the superellipsoid's level, 1 on the surface; d* its slopes.
        let (sx, dx, sy, dy) = match self.outline {
            Outline::Plate => (x2 * x2, 4.0 * x2 * x, y2 * y2, 4.0 * y2 * y),
            Outline::Round | Outline::Tube => (x2, 2.0 * x, y2, 2.0 * y),
        };
        let (st, dt) = match self.outline {
            Outline::Round => (t2, 2.0 * t),
            Outline::Plate => (t2 * t2, 4.0 * t2 * t),
            Outline::Tube => (t2 * t2 * t2, 6.0 * t2 * t2 * t),
        };
        let slope = DVec3::new(dx / ru, dy / rv, dt / self.radii.z);
        in_mm(sx + sy + st, slope.length_squared(), self.radii.min_element())
    }
}

/// Turns a level `s` (1 on the surface, less inside) with squared slope into something close to
/// millimetres; `smallest` is the smallest half-size, reached at the centre.
fn in_mm(s: f64, slope_squared: f64, smallest: f64) -> f64 {
    (1.0 - s) / (slope_squared + 1.0 / (smallest * smallest)).sqrt()
}

/// A vertebral body or a disc: a kidney-shaped column, waisted, between two end plates.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) centre: DVec3,
    /// Half of the width at the upper and at the lower end plate.
    pub(super) half_width: [f64; 2],
    pub(super) half_depth: f64,
    /// Half of the height in the middle, at the rim of the end plates.
    pub(super) half_height: f64,
    /// Slope of each end plate against the middle: positive is taller in front.
    pub(super) wedge: f64,
    /// Share by which width and depth shrink at half height; negative bulges.
    pub(super) waist: f64,
    /// How deep the back is hollowed at the midline, mm.
    pub(super) notch: f64,
    /// How deep each end plate is dished, mm; negative bulges.
    pub(super) dish: f64,
}

impl Column {
    fn value(&self, p: DVec3) -> f64 {
        const EDGE_MM: f64 = 3.5;
        let q = p - self.centre;
        let rise = (q.z / self.half_height).clamp(-1.0, 1.0);
        let slim = 1.0 - self.waist * (1.0 - rise * rise).powi(2);
        let [upper, lower] = self.half_width;
        let a = (upper + (lower - upper) * (1.0 - rise) / 2.0) * slim;
        let b = self.half_depth * slim;
        let (u, v) = (q.x / a, q.y / b);
        let behind = v.clamp(0.0, 1.2);
        let hollow = self.notch / b * behind * behind * (-(u * u) / 0.2).exp();
        let v = v + hollow;
        let (s, slope) = kidney(u, v, a, b);
        let side = in_mm(s, slope, b);
        let rim = (1.0 - s.sqrt() / 0.8).max(0.0);
        let half = self.half_height - self.wedge * q.y - self.dish * rim * rim * (3.0 - 2.0 * rim);
        let plates = smooth_min(half - q.z, half + q.z, EDGE_MM);
        smooth_min(side, plates, EDGE_MM)
    }
}

/// A curve between ellipse and rectangle: its level at (u, v), and the square of its slope.
fn kidney(u: f64, v: f64, a: f64, b: f64) -> (f64, f64) {
    // 2 would be an ellipse, 0 a superellipse of power 4.
    const MIXED: f64 = 1.3;
    let (u2, v2) = (u * u, v * v);
    let du = u * (4.0 * u2 + 2.0 * MIXED * v2) / a;
    let dv = v * (4.0 * v2 + 2.0 * MIXED * u2) / b;
    (u2 * u2 + v2 * v2 + MIXED * u2 * v2, du * du + dv * dv)
}

/// Any building block.
#[derive(Clone, Debug)]
pub(super) enum Solid {
    Blob(Blob),
    Column(Column),
}

impl Solid {
    /// Positive inside; see the file's head.
    pub(super) fn value(&self, p: DVec3) -> f64 {
        match self {
            Self::Blob(blob) => blob.value(p),
            Self::Column(column) => column.value(p),
        }
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
        self.added.push(Part { solid: solid.into(), seam_mm, gap_mm: 0.0 });
    }
    /// Cuts a solid away, its surface grown by about `gap_mm`, the edge rounded over `seam_mm`.
    pub(super) fn cut(&mut self, solid: impl Into<Solid>, seam_mm: f64, gap_mm: f64) {
        self.cut.push(Part { solid: solid.into(), seam_mm, gap_mm });
    }
    /// Positive inside; see the file's head. Very negative for a shape without solids.
    pub(super) fn value(&self, p: DVec3) -> f64 {
        let far = -1e3;
        let bone = self
            .added
            .iter()
            .fold(far, |bone, part| smooth_max(bone, part.solid.value(p), part.seam_mm));
        self.cut.iter().fold(bone, |bone, part| {
            smooth_min(bone, -part.solid.value(p) - part.gap_mm, part.seam_mm)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ellipsoid_is_zero_on_its_surface_and_positive_inside() {
        let blob = Blob::ellipsoid(DVec3::new(1.0, 2.0, 3.0), DVec3::new(4.0, 5.0, 6.0));
        assert!(blob.value(DVec3::new(5.0, 2.0, 3.0)).abs() < 1e-12);
        assert!(blob.value(DVec3::new(1.0, 2.0, 8.9)) > 0.0);
        assert!(blob.value(DVec3::new(1.0, 7.1, 3.0)) < 0.0);
    }

    #[test]
    fn a_tube_keeps_its_width_and_a_taper_changes_it() {
        let ends = [DVec3::ZERO, DVec3::new(0.0, 0.0, 20.0)];
        let tube = Blob::along(Outline::Tube, ends, DVec3::Y, [3.0, 5.0]);
        assert!(tube.value(DVec3::new(2.99, 0.0, 10.0)) > 0.0);
        assert!(tube.value(DVec3::new(3.01, 0.0, 10.0)) < 0.0);
        assert!(tube.value(DVec3::new(0.0, 4.99, 10.0)) > 0.0);
        let cone = tube.tapered(0.5, 0.0);
        assert!(cone.value(DVec3::new(3.5, 0.0, 17.0)) > 0.0);
        assert!(cone.value(DVec3::new(2.5, 0.0, 3.0)) < 0.0);
    }

    #[test]
    fn a_seam_fills_and_reaches_no_further_than_said() {
        assert_eq!(smooth_max(1.0, 5.0, 4.0), 5.0);
        assert!((smooth_max(2.0, 2.0, 3.0) - 2.5).abs() < 1e-12);
        assert!((smooth_min(2.0, 2.0, 3.0) - 1.5).abs() < 1e-12);
    }
}
