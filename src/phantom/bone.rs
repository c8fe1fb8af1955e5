//! One vertebra of the phantom: an implicit function in patient space, and its exact distance.

use super::column::{Placed, between};
use super::jet::{Jet, Real};
use super::shape::{Blob, Shape, Solid, Told};
use super::sizes::{Measures, Vary};
use super::{sacrum, vertebra};
use crate::clearance::SignedDistance;
use crate::labels::Level;
use crate::space::{Dir, Patient, Point, Rigid, Vertebra};
use glam::DVec3;

/// One vertebra with known shape.
#[derive(Clone, Debug)]
pub struct Bone {
    level: Level,
    patient_from_vertebra: Rigid<Patient, Vertebra>,
    vertebra_from_patient: Rigid<Vertebra, Patient>,
    shape: Shape,
    /// The box that holds the whole bone, in its own frame.
    bounds: [DVec3; 2],
}

/// How far the facet joints stand open at least, mm.
const JOINT_GAP_MM: f64 = 2.0;

impl Bone {
    /// The vertebra at `placed`; `neighbour` is the one below it, whose arch and canal its own arch
    /// keeps clear of.
    pub(super) fn new(placed: &Placed, neighbour: Option<&Placed>, seed: u64, share: f64) -> Self {
        let vary = Vary::new(seed, placed.level, share);
        let mut shape = match &placed.measures {
            Measures::Mobile(sizes, _) => vertebra::shape(sizes, placed.slopes, &vary),
            Measures::Sacrum(sizes) => sacrum::shape(sizes, &vary),
        };
        if let Some(lower) = neighbour {
            let vary = Vary::new(seed, lower.level, share);
            let (turn, shift) =
                between(&placed.patient_from_vertebra, &lower.patient_from_vertebra);
            let clear: Vec<Vec<(Blob, f64)>> = match &lower.measures {
                Measures::Mobile(sizes, _) => vertebra::kept_clear(sizes, &vary).into(),
                Measures::Sacrum(sizes) => sacrum::kept_clear(sizes, &vary).into(),
            };
            for joined in clear {
                let moved = joined.into_iter().map(|(blob, seam)| (blob.moved(turn, shift), seam));
                shape.cut(Solid::Joined(moved.collect()), 2.0, JOINT_GAP_MM);
            }
        }
        Self::of(placed.level, placed.patient_from_vertebra, shape)
    }
    /// Any shape, placed in the patient; `level` is the one it belongs to.
    pub(super) fn of(
        level: Level,
        patient_from_vertebra: Rigid<Patient, Vertebra>,
        shape: Shape,
    ) -> Self {
        let bounds = shape.bounds();
        let vertebra_from_patient = patient_from_vertebra.inverse();
        Self { level, patient_from_vertebra, vertebra_from_patient, shape, bounds }
    }
    /// Which level it is.
    pub fn level(&self) -> Level {
        self.level
    }
    /// The frame in which the shape is written: z stands between the end plates, x is the left.
    pub fn patient_from_vertebra(&self) -> Rigid<Patient, Vertebra> {
        self.patient_from_vertebra
    }
    /// The implicit function: positive inside, zero on the surface, negative outside. Smooth,
    /// close to millimetres near the surface, but not a distance.
    pub fn value(&self, p: Point<Patient>) -> f64 {
        self.shape.value(self.vertebra_from_patient.point(p).to_array())
    }
    /// Slope of [`Bone::value`] per mm; points into the bone.
    pub fn gradient(&self, p: Point<Patient>) -> Dir<Patient> {
        let local = slope(&self.shape, self.vertebra_from_patient.point(p).vec());
        self.patient_from_vertebra.dir(Dir::from_vec(local))
    }
    /// The surface's unit normal at the point of it that lies nearest, out of the bone.
    pub fn normal(&self, p: Point<Patient>) -> Option<Dir<Patient>> {
        (-self.gradient(self.nearest_surface_point(p))).unit()
    }
    /// True Euclidean distance to the surface, positive inside, mm. Within 1e-3 mm for points up
    /// to 5 mm from the surface; zero on it.
    pub fn signed_distance_mm(&self, p: Point<Patient>) -> f64 {
        let distance = p.distance(self.nearest_surface_point(p));
        if self.value(p) >= 0.0 { distance } else { -distance }
    }
    /// The point of the surface nearest to `p`; one of them where several are equally near.
    ///
    /// A first candidate is found down the slope. Points further than a millimetre may have a
    /// nearer sheet elsewhere: wherever a point within reach lies on the other side of the surface
    /// there is one, so the ball around `p` is searched for such points. A sheet that the ball's
    /// surface only just misses is looked for from the places on it that are nearest to bone's edge.
    pub fn nearest_surface_point(&self, p: Point<Patient>) -> Point<Patient> {
        let local = self.vertebra_from_patient.point(p).vec();
        let mut ball = Ball::new(&self.shape, local, 1.2 * self.local_value(local).abs() + 1.0);
        let mut best = ball.settle(local).unwrap_or_else(|| ball.any_near());
        ball = Ball::new(&self.shape, local, 1.05 * local.distance(best) + 0.5);
        for share in [0.98, 0.9, 0.8, 0.65, 0.45] {
            let reach = local.distance(best) * share;
            if reach < 1.0 {
                break;
            }
            if let Some(found) = ball.nearest_across(reach) {
                if local.distance(found) < local.distance(best) {
                    best = found;
                }
            }
        }
        let best = ball.nearer_sheet(best);
        self.patient_from_vertebra.point(Point::from_vec(best))
    }
    /// [`Bone::value`] at a point of the vertebra's own frame.
    pub(super) fn local_value(&self, local: DVec3) -> f64 {
        self.shape.value(local.to_array())
    }
    /// The bone as it is felt within `radius_mm` of `p`.
    pub(super) fn near(&self, p: Point<Patient>, radius_mm: f64) -> Nearby<'_> {
        let local = self.vertebra_from_patient.point(p).vec();
        let shape = self.shape.near(local, radius_mm);
        let told = shape.told_at(local);
        Nearby { bone: self, shape, told }
    }
    /// The corners of a box that holds the whole bone.
    pub fn corners(&self) -> [Point<Patient>; 8] {
        std::array::from_fn(|c| {
            let pick = |axis: usize| self.bounds[c >> axis & 1][axis];
            self.patient_from_vertebra.point(Point::new(pick(0), pick(1), pick(2)))
        })
    }
    /// The shape, in its own frame.
    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }
    /// The box that holds the bone, in its own frame, mm.
    pub(super) fn bounds(&self) -> [DVec3; 2] {
        self.bounds
    }
}

impl SignedDistance for Bone {
    fn signed_distance_mm(&self, p: Point<Patient>) -> f64 {
        Bone::signed_distance_mm(self, p)
    }
    fn is_outside(&self, p: Point<Patient>) -> bool {
        self.value(p) < 0.0
    }
}

/// A bone with all left out that can not be felt in a small ball; for many questions there.
pub(super) struct Nearby<'a> {
    bone: &'a Bone,
    shape: Shape,
    /// What its solids say in the middle of the ball.
    told: Told,
}

impl Nearby<'_> {
    fn local_value<N: Real>(&self, local: [N; 3]) -> N {
        self.shape.value_near(&self.told, local)
    }
    /// [`Bone::value`].
    pub(super) fn value(&self, p: Point<Patient>) -> f64 {
        self.local_value(self.bone.vertebra_from_patient.point(p).to_array())
    }
    /// An estimate of the signed distance for points near the surface, by two steps of Newton's
    /// method along one normal, and that normal, into the bone. Where these steps do not meet the
    /// surface, as in the middle of a thin part, it is looked for along the normal. Far away only
    /// the sign means something.
    pub(super) fn quick_distance_mm(&self, p: Point<Patient>) -> (f64, DVec3) {
        let local = self.bone.vertebra_from_patient.point(p).vec();
        let jet = self.local_value(Jet::coordinates(local));
        let steep = jet.slope.length().max(0.2);
        let inwards = jet.slope / steep;
        let first = jet.value / steep;
        let second = self.local_value((local - inwards * first).to_array()) / steep;
        let normal = self.bone.patient_from_vertebra.rotation() * inwards;
        if jet.value > 0.0 && second.abs() > 0.1 {
            return (self.way_out_mm(local, -inwards), normal);
        }
        (first + second.clamp(-1.0, 1.0), normal)
    }
    /// Distance from a point in bone to the surface along a direction, mm, up to a few millimetres.
    fn way_out_mm(&self, from: DVec3, along: DVec3) -> f64 {
        const STEP_MM: f64 = 0.3;
        const MOST: usize = 12;
        let at = |n: usize| self.local_value((from + along * (n as f64 * STEP_MM)).to_array());
        let mut before = at(0);
        for n in 1..=MOST {
            let here = at(n);
            if here < 0.0 {
                return (n as f64 - here / (here - before)) * STEP_MM;
            }
            before = here;
        }
        MOST as f64 * STEP_MM
    }
}

/// Directions in which the surroundings of a point are searched.
const DIRECTIONS: usize = 160;

/// The `n`th of directions that lie evenly on a sphere: a spiral from pole to pole whose turns are
/// apart by the golden angle.
fn direction(n: usize) -> DVec3 {
    const GOLDEN_ANGLE: f64 = 2.399_963_229_728_653;
    let z = 1.0 - (2 * n + 1) as f64 / DIRECTIONS as f64;
    let (sin, cos) = (n as f64 * GOLDEN_ANGLE).sin_cos();
    let r = (1.0 - z * z).max(0.0).sqrt();
    DVec3::new(r * cos, r * sin, z)
}

fn slope(shape: &Shape, p: DVec3) -> DVec3 {
    shape.value(Jet::coordinates(p)).slope
}

/// The surroundings of a point of which the nearest point of the surface is asked. Within its radius
/// only those solids are asked that are felt there; the values are the same.
struct Ball<'a> {
    whole: &'a Shape,
    part: Shape,
    middle: DVec3,
    radius_mm: f64,
}

impl<'a> Ball<'a> {
    fn new(whole: &'a Shape, middle: DVec3, radius_mm: f64) -> Self {
        Self { whole, part: whole.surely_near(middle, radius_mm), middle, radius_mm }
    }
    fn at(&self, p: DVec3) -> &Shape {
        let is_within = p.distance_squared(self.middle) < self.radius_mm * self.radius_mm;
        if is_within { &self.part } else { self.whole }
    }
    fn value(&self, p: DVec3) -> f64 {
        self.at(p).value(p.to_array())
    }
    /// The nearest point found from those places on the sphere through `best` that lie furthest
    /// towards the other side of the surface.
    fn nearer_sheet(&self, best: DVec3) -> DVec3 {
        const STARTS: usize = 10;
        let local = self.middle;
        let reach = local.distance(best);
        if reach < 1.0 {
            return best;
        }
        let sign = if self.value(local) >= 0.0 { 1.0 } else { -1.0 };
        let mut places: Vec<(f64, DVec3)> = (0..DIRECTIONS)
            .map(|n| local + direction(n) * reach)
            .map(|there| (sign * self.value(there), there))
            .collect();
        places.sort_by(|a, b| a.0.total_cmp(&b.0));
        let found = places.into_iter().take(STARTS).filter_map(|(_, there)| self.settle(there));
        found.fold(best, |a, b| if local.distance(b) < local.distance(a) { b } else { a })
    }
    /// Some point of the surface, near rather than far, for a place where the slope leads nowhere.
    fn any_near(&self) -> DVec3 {
        let shells = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];
        let near = shells.into_iter().find_map(|reach| self.nearest_across(reach));
        // The middle of the body is inside, so a far point sees the surface on its way there.
        near.unwrap_or_else(|| self.across(DVec3::ZERO))
    }
    /// The nearest point found from those places on a sphere that lie across the surface.
    fn nearest_across(&self, reach: f64) -> Option<DVec3> {
        let local = self.middle;
        let inside = self.value(local) >= 0.0;
        let places = (0..DIRECTIONS).map(|n| local + direction(n) * reach);
        places
            .filter(|there| (self.value(*there) >= 0.0) != inside)
            .map(|there| self.across(there))
            .min_by(|a, b| local.distance(*a).total_cmp(&local.distance(*b)))
    }
    /// The nearest point found from where the way to `there` crosses the surface.
    fn across(&self, there: DVec3) -> DVec3 {
        let on = self.crossing(there);
        self.settle(on).unwrap_or(on)
    }
    /// A place on the surface on the way from the middle to a point on its other side, by halving.
    fn crossing(&self, there: DVec3) -> DVec3 {
        let (mut a, mut b) = (self.middle, there);
        let inside = self.value(a) >= 0.0;
        for _ in 0..50 {
            let middle = a.midpoint(b);
            if (self.value(middle) >= 0.0) == inside {
                a = middle;
            } else {
                b = middle;
            }
        }
        a.midpoint(b)
    }
    /// Down to the surface from `q`, along the slope; with the unit slope there. Steps are bounded,
    /// so that a flat place of the function does not throw the point away. `None` where the slope
    /// leads to a summit below the surface instead.
    fn drop_to_surface(&self, mut q: DVec3) -> Option<(DVec3, DVec3)> {
        const ON_SURFACE: f64 = 1e-8;
        for _ in 0..30 {
            let jet = self.at(q).value(Jet::coordinates(q));
            if jet.value.abs() < ON_SURFACE {
                return Some((q, jet.slope.normalize_or(DVec3::Z)));
            }
            let step = jet.value / jet.slope.length_squared().max(0.04);
            q -= (jet.slope * step).clamp_length_max(2.0);
        }
        None
    }
    /// The local nearest point of the surface to the middle, started from `start`: drop to the
    /// surface, then slide in the tangent plane towards the foot of the middle until the line to it
    /// stands on the surface. A slide that leads away is halved.
    fn settle(&self, start: DVec3) -> Option<DVec3> {
        let p = self.middle;
        let (mut q, mut normal) = self.drop_to_surface(start)?;
        let mut damping = 1.0;
        for _ in 0..60 {
            let slide = (p - q).reject_from_normalized(normal) * damping;
            if slide.length_squared() < 1e-16 {
                break;
            }
            match self.drop_to_surface(q + slide.clamp_length_max(3.0)) {
                Some((next, next_normal)) if p.distance_squared(next) <= p.distance_squared(q) => {
                    (q, normal) = (next, next_normal);
                    damping = f64::min(1.0, damping * 1.5);
                }
                _ => damping *= 0.5,
            }
        }
        Some(q)
    }
}
