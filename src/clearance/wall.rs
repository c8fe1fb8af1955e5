//! The walls of a pedicle, seen from its axis.
//!
//! In: a bone and the pedicle's frame. Out: how far a point lies past the wall that was crossed to
//! get there, in the plane across the pedicle's axis. The walls are the same for every screw, so a bone
//! may keep what of them was asked for ([`Outlines`]).

use super::peaks::MOST_OFF_MM;
use super::{SignedDistance, Wall};
use crate::anatomy::{Pedicle, VertebraAnatomy};
use crate::space::{Dir, Patient, Point};
use glam::DVec2;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI, SQRT_2, TAU};
use std::ops::{Add, Mul, Sub};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// Planes across the axis are at most this far apart, mm; between them the wall is taken as
/// straight. Real walls bend from voxel to voxel: with planes 0.75 mm apart and 64 rays a wall breach
/// on a CT came out up to 0.041 mm too small, with these it is within 0.013 mm.
const PLANE_STEP_MM: f64 = 0.25;
/// Rays from the axis in each plane. Where bone is seen past the edge of other bone a way past the wall hangs on
/// where they fall: of 208 screws in a real case one was told 0.11 mm more than by 720 rays, at the end of S1's span.
pub(super) const RAYS: usize = 128;
/// Where they lead.
static DIRECTIONS: LazyLock<[DVec2; RAYS]> =
    LazyLock::new(|| std::array::from_fn(|ray| DVec2::from_angle(TAU * ray as f64 / RAYS as f64)));
/// The walls around the axis, a quarter of a turn from each to the next, the first one where rays begin.
const AROUND: [Wall; 4] = [Wall::Lateral, Wall::Cranial, Wall::Medial, Wall::Caudal];
/// A ray that meets no wall within this length, mm, ends there.
const REACH_MM: f64 = 40.0;
/// So near to the wall a ray goes on by exact distances, mm.
const NEAR_MM: f64 = 0.1;
/// Shortest step of a ray, mm; air thinner than this along the ray is no wall.
const LEAST_STEP_MM: f64 = 0.15;

/// The directions in which walls are named: a right-angled frame at the pedicle, or at the
/// vertebra where no pedicle is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WallFrame {
    origin: Point<Patient>,
    forward: Dir<Patient>,
    lateral: Dir<Patient>,
    cranial: Dir<Patient>,
}

impl WallFrame {
    /// The frame of a pedicle. Medial is where the canal lies, whatever the side is called.
    pub fn of_pedicle(pedicle: &Pedicle, anatomy: &VertebraAnatomy) -> Option<Self> {
        let forward = pedicle.axis.unit()?;
        let lateral = away_from_canal(pedicle.isthmus, anatomy);
        Self::new(pedicle.isthmus, forward, lateral, anatomy)
    }

    /// The vertebra's own directions, lateral being the side of the canal on which `near` lies.
    pub fn of_vertebra(anatomy: &VertebraAnatomy, near: Point<Patient>) -> Option<Self> {
        let forward = -anatomy.patient_from_vertebra.dir(Dir::Y);
        Self::new(near, forward, away_from_canal(near, anatomy), anatomy)
    }

    fn new(
        origin: Point<Patient>,
        forward: Dir<Patient>,
        lateral: Dir<Patient>,
        anatomy: &VertebraAnatomy,
    ) -> Option<Self> {
        let lateral = (lateral - forward * lateral.dot(forward)).unit()?;
        let up = forward.cross(lateral);
        let is_up = up.dot(anatomy.patient_from_vertebra.dir(Dir::Z)) >= 0.0;
        Some(Self { origin, forward, lateral, cranial: if is_up { up } else { -up } })
    }

    /// The wall that an outward direction crosses: its largest component names it.
    pub fn wall_towards(&self, outward: Dir<Patient>) -> Wall {
        let (forward, lateral, cranial) =
            (outward.dot(self.forward), outward.dot(self.lateral), outward.dot(self.cranial));
        let [f, l, c] = [forward, lateral, cranial].map(f64::abs);
        if l >= f && l >= c {
            if lateral > 0.0 { Wall::Lateral } else { Wall::Medial }
        } else if c >= f {
            if cranial > 0.0 { Wall::Cranial } else { Wall::Caudal }
        } else if forward > 0.0 {
            Wall::Anterior
        } else {
            Wall::Posterior
        }
    }

    /// Unit directions medial, lateral, cranial and caudal.
    pub fn outward(&self) -> [Dir<Patient>; 4] {
        [-self.lateral, self.lateral, self.cranial, -self.cranial]
    }

    /// How far along the axis a point lies, and where in the plane across it (lateral, cranial).
    #[inline]
    pub fn along_and_across(&self, p: Point<Patient>) -> (f64, DVec2) {
        let d = p - self.origin;
        (d.dot(self.forward), DVec2::new(d.dot(self.lateral), d.dot(self.cranial)))
    }

    /// The point so far along the axis and there across it.
    pub fn point(&self, along: f64, across: DVec2) -> Point<Patient> {
        self.origin + self.forward * along + self.lateral * across.x + self.cranial * across.y
    }
}

fn away_from_canal(near: Point<Patient>, anatomy: &VertebraAnatomy) -> Dir<Patient> {
    let left = anatomy.patient_from_vertebra.dir(Dir::X);
    if (near - anatomy.canal_centre).dot(left) >= 0.0 { left } else { -left }
}

/// A point or a direction, along the pedicle's axis and across it.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pub along: f64,
    pub across: DVec2,
}

impl Seen {
    pub fn dot(self, other: Self) -> f64 {
        self.along * other.along + self.across.dot(other.across)
    }
}

impl Add for Seen {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { along: self.along + other.along, across: self.across + other.across }
    }
}

impl Sub for Seen {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + other * -1.0
    }
}

impl Mul<f64> for Seen {
    type Output = Self;
    fn mul(self, by: f64) -> Self {
        Self { along: self.along * by, across: self.across * by }
    }
}

/// How far a point lies past the wall.
#[derive(Clone, Copy, Debug)]
pub(super) struct Overshoot {
    pub mm: f64,
    /// From the wall to the point: unit, LPS.
    pub outward: Dir<Patient>,
}

/// A place between two planes: the one before it, and the share of the way to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Between {
    before: usize,
    share: f64,
}

/// In each plane across a pedicle's axis the outline of the bone that can be seen from the axis, as far
/// as it was asked for: the same whoever asks, and in whatever order.
#[derive(Debug)]
pub struct Outlines {
    frame: WallFrame,
    span_mm: [f64; 2],
    planes: usize,
    /// Distance from the axis to the wall, by plane and ray.
    radii: Box<[Lazy]>,
    /// How deep the axis lies in bone, mm, by plane.
    depths: Box<[Lazy]>,
    /// How far from the axis the outline reaches towards each of [`AROUND`], mm, by plane and wall.
    extents: Box<[Lazy]>,
}

/// A number that is told when it is asked for the first time. Two threads that ask at once tell the same.
#[derive(Debug)]
struct Lazy(AtomicU64);

impl Lazy {
    fn many(count: usize) -> Box<[Self]> {
        (0..count).map(|_| Self(AtomicU64::new(f64::NAN.to_bits()))).collect()
    }

    #[inline(always)]
    fn get(&self, tell: impl FnOnce() -> f64) -> f64 {
        let known = f64::from_bits(self.0.load(Ordering::Relaxed));
        if !known.is_nan() {
            return known;
        }
        let told = tell();
        self.0.store(told.to_bits(), Ordering::Relaxed);
        told
    }
}

impl Outlines {
    pub(super) fn new(frame: WallFrame, span_mm: [f64; 2]) -> Self {
        let planes = ((span_mm[1] - span_mm[0]).max(0.0) / PLANE_STEP_MM).ceil().max(1.0) as usize;
        let many = |of_plane: usize| Lazy::many((planes + 1) * of_plane);
        let (radii, depths, extents) = (many(RAYS), many(1), many(AROUND.len()));
        Self { frame, span_mm, planes, radii, depths, extents }
    }
}

/// The outlines of a bone's pedicles that were asked for last; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct KeptOutlines(Arc<RwLock<Vec<Arc<Outlines>>>>);

impl KeptOutlines {
    /// Those of a pedicle.
    pub fn of(&self, frame: WallFrame, span_mm: [f64; 2]) -> Arc<Outlines> {
        /// More pedicles than any bone has; who measures one anew asks for others.
        const MOST: usize = 8;
        let find = |kept: &[Arc<Outlines>]| {
            kept.iter().find(|of| of.frame == frame && of.span_mm == span_mm).cloned()
        };
        if let Some(found) = find(&self.0.read().unwrap_or_else(PoisonError::into_inner)) {
            return found;
        }
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        find(&kept).unwrap_or_else(|| {
            let made = Arc::new(Outlines::new(frame, span_mm));
            if kept.len() == MOST {
                kept.remove(0);
            }
            kept.push(made.clone());
            made
        })
    }
}

/// The walls of one pedicle of a bone. Outlines are made where they are asked for.
pub(super) struct PedicleWalls<'a, B> {
    bone: &'a B,
    frame: WallFrame,
    outlines: Arc<Outlines>,
    /// The first rays of the two edges that were found nearest last.
    likely: [usize; 2],
    /// Where the rays lead.
    directions: &'static [DVec2; RAYS],
}

impl<'a, B: SignedDistance> PedicleWalls<'a, B> {
    pub fn new(bone: &'a B, frame: WallFrame, span_mm: [f64; 2]) -> Self {
        Self {
            bone,
            frame,
            outlines: bone.outlines(frame, span_mm),
            likely: [0; 2],
            directions: &DIRECTIONS,
        }
    }

    /// Whether something no farther from a point than `mm` may lie within the pedicle's span.
    pub fn is_beside(&self, p: Point<Patient>, mm: f64) -> bool {
        let [back, front] = self.outlines.span_mm;
        (back - mm..=front + mm).contains(&self.frame.along_and_across(p).0)
    }

    /// The directions in which places are told.
    pub fn frame(&self) -> WallFrame {
        self.frame
    }

    /// The spaces between planes.
    pub fn planes(&self) -> usize {
        self.outlines.planes
    }

    /// How far along the axis a plane lies, mm; rounding does not lead out of the span.
    pub fn along(&self, plane: usize) -> f64 {
        self.along_between(plane, 0.0)
    }

    fn along_between(&self, before: usize, share: f64) -> f64 {
        const WITHIN_MM: f64 = 1e-6;
        let Outlines { span_mm: [back, front], planes, .. } = *self.outlines;
        let along = back + (front - back) * ((before as f64 + share) / planes as f64);
        along.min(front - WITHIN_MM).max(back + WITHIN_MM)
    }

    /// Where a ray leads, across the axis (lateral, cranial).
    pub fn direction(&self, ray: usize) -> DVec2 {
        self.directions[ray % RAYS]
    }

    /// The corner of the outline on a ray, between two planes; `None` where the axis is not in bone.
    pub fn corner(&self, before: usize, share: f64, ray: usize) -> Option<Seen> {
        let across = self.outline(Between { before, share }, ray)?;
        Some(Seen { along: self.along_between(before, share), across })
    }

    /// How far `p` lies past the wall, in its plane across the axis. `None` outside the pedicle's
    /// span, inside the outline, and where the axis itself is not in bone.
    pub fn overshoot(&mut self, p: Point<Patient>) -> Option<Overshoot> {
        self.overshoot_above(p, 0.0)
    }

    /// The same; `None` too where it is no more than `floor_mm`, which takes much less time.
    pub fn overshoot_above(&mut self, p: Point<Patient>, floor_mm: f64) -> Option<Overshoot> {
        let (along, across) = self.frame.along_and_across(p);
        self.overshoot_at(along, across, floor_mm)
    }

    /// The same of a place so far along the axis and there across it.
    pub fn overshoot_at(&mut self, along: f64, across: DVec2, floor_mm: f64) -> Option<Overshoot> {
        let place = self.place(along)?;
        let wall = self.nearest_on_outline(place, across, floor_mm)?;
        let outward = across - wall;
        let unit = outward.try_normalize().unwrap_or(across.normalize_or_zero());
        Some(Overshoot {
            mm: outward.length(),
            outward: self.frame.lateral * unit.x + self.frame.cranial * unit.y,
        })
    }

    /// The wall that a place surely lies past if it lies past one, and a way that is no shorter than the one
    /// past it, mm; takes much less time than [`Self::overshoot_at`].
    ///
    /// No way from the outline leads less far towards a wall than from the place of the outline that is the
    /// farthest in that direction. A way that leads so far, and is hardly longer, leads towards that wall.
    pub fn surely_past(&self, along: f64, across: DVec2) -> Option<(Wall, f64)> {
        let at = self.place(along)?;
        let ray = self.likely[0];
        let edge = [self.outline(at, ray)?, self.outline(at, ray + 1)?];
        let most_mm = Nearest::new(edge, across, ray).square.sqrt();
        let is_steep = |n: &usize| {
            let reach_mm = self.directions[ray_towards(*n)].dot(across);
            let is_so = |beyond_mm: f64| beyond_mm * SQRT_2 > most_mm;
            is_so(reach_mm) && is_so(reach_mm - self.extent(at, *n))
        };
        (0..AROUND.len()).find(is_steep).map(|n| (AROUND[n], most_mm))
    }

    /// How far from the axis the outline reaches at most towards one of [`AROUND`] between two planes, mm.
    fn extent(&self, at: Between, n: usize) -> f64 {
        let towards = ray_towards(n);
        let reach = |plane: usize, ray: usize| {
            self.radius(plane, ray) * self.direction(ray).dot(self.directions[towards])
        };
        let beside = towards + RAYS - RAYS / 4..=towards + RAYS + RAYS / 4;
        let of_plane = |plane: usize| {
            let farthest = || beside.clone().map(|ray| reach(plane, ray)).fold(0.0, f64::max);
            self.outlines.extents[plane * AROUND.len() + n].get(farthest)
        };
        of_plane(at.before).max(of_plane(at.before + 1))
    }

    /// Between which planes a place along the axis lies; `None` outside the span.
    #[inline]
    fn place(&self, along: f64) -> Option<Between> {
        let Outlines { span_mm: [back, front], planes, .. } = *self.outlines;
        if !(back..=front).contains(&along) {
            return None;
        }
        let plane = (along - back) / (front - back).max(1e-9) * planes as f64;
        let before = (plane as usize).min(planes - 1);
        Some(Between { before, share: plane - before as f64 })
    }

    /// The point of the outline nearest to `q`; `None` when `q` is inside it or it is empty, or that
    /// point is no farther than `floor_mm`.
    fn nearest_on_outline(&mut self, at: Between, q: DVec2, floor_mm: f64) -> Option<DVec2> {
        let lowest = floor_mm * floor_mm;
        // Most places are not far from the last one, and what was nearest there decides.
        let of_edge = |ray: usize| {
            Some(Nearest::new([self.outline(at, ray)?, self.outline(at, ray + 1)?], q, ray))
        };
        let [first, second] = self.likely;
        let mut nearest = of_edge(first)?;
        if floor_mm > 0.0 {
            if nearest.square <= lowest {
                return None;
            }
            if second != first && of_edge(second)?.square <= lowest {
                self.likely = [second, first];
                return None;
            }
        }
        let first = ray_before(q);
        let (a, b) = (self.outline(at, first)?, self.outline(at, first + 1)?);
        if (b - a).perp_dot(q - a) >= 0.0 {
            return None;
        }
        nearest.see([a, b], q, first);
        // An edge seen at an angle from q is at least reach * sin(angle) away: stop when that is
        // further than what was found, in each turning sense.
        let (reach_square, directions) = (q.length_squared(), self.directions);
        for (turn, corner, start) in [(1, b, first + 1), (RAYS - 1, a, first)] {
            let (mut last, mut ray) = (corner, start);
            for before in &directions[..RAYS / 4 - 1] {
                if nearest.square <= lowest {
                    self.keep(nearest.ray);
                    return None;
                }
                if reach_square * before.y * before.y > nearest.square {
                    break;
                }
                ray = (ray + turn) % RAYS;
                let next = self.outline(at, ray)?;
                // By ascending rays in either sense, so that rounding is the same.
                match turn {
                    1 => nearest.see([last, next], q, ray + RAYS - 1),
                    _ => nearest.see([next, last], q, ray),
                }
                last = next;
            }
        }
        self.keep(nearest.ray);
        (nearest.square > lowest).then_some(nearest.point)
    }

    /// Keeps the first ray of the edge that was found nearest.
    fn keep(&mut self, ray: usize) {
        let ray = ray % RAYS;
        if ray != self.likely[0] {
            self.likely = [ray, self.likely[0]];
        }
    }

    /// A corner of the outline at a place between two planes; `None` where the axis is not in bone.
    #[inline]
    fn outline(&self, Between { before, share }: Between, ray: usize) -> Option<DVec2> {
        let (r0, r1) = (self.radius(before, ray), self.radius(before + 1, ray));
        let radius = r0 + (r1 - r0) * share;
        (r0 > 0.0 && r1 > 0.0).then(|| self.directions[ray % RAYS] * radius)
    }

    /// From the axis no wall of a plane is nearer than this, mm.
    pub fn least_radius(&self, plane: usize) -> f64 {
        self.depth(plane) - MOST_OFF_MM
    }

    /// How deep the axis lies in bone, told quickly, mm.
    fn depth(&self, plane: usize) -> f64 {
        let start = self.start(plane);
        self.outlines.depths[plane].get(|| self.bone.quick_distance_mm(start))
    }

    /// Where the axis meets a plane.
    fn start(&self, plane: usize) -> Point<Patient> {
        let Outlines { span_mm: [back, front], planes, .. } = *self.outlines;
        let along = back + (front - back) * (plane as f64 / planes as f64);
        self.frame.origin + self.frame.forward * along
    }

    /// How far from the axis the wall is on a ray, mm; 0 where the axis is not in bone.
    #[inline]
    pub fn radius(&self, plane: usize, ray: usize) -> f64 {
        self.outlines.radii[plane * RAYS + ray % RAYS].get(|| self.cast(plane, ray))
    }

    /// The first way out of bone along a ray from the axis, mm; 0 where the axis is not in bone.
    #[inline(never)]
    fn cast(&self, plane: usize, ray: usize) -> f64 {
        let start = self.start(plane);
        let across = self.directions[ray % RAYS];
        let dir = self.frame.lateral * across.x + self.frame.cranial * across.y;
        let bone = self.bone;
        let exact = |radius: f64| bone.signed_distance_mm(start + dir * radius);
        let depth = self.depth(plane);
        if depth.is_nan() || depth <= 0.0 {
            return 0.0;
        }
        let (mut inside, mut depth) = (0.0, depth);
        loop {
            let radius = inside + depth.max(LEAST_STEP_MM);
            if radius > REACH_MM {
                return REACH_MM;
            }
            let at = start + dir * radius;
            let distance = bone.quick_distance_mm(at);
            // The last steps are taken by the exact distance.
            if distance < NEAR_MM {
                let there = bone.exact_distance_mm(at, distance);
                if there <= 0.0 {
                    return zero_between(exact, [inside, radius], [depth.max(0.0), there]);
                }
                (inside, depth) = (radius, there);
            } else {
                (inside, depth) = (radius, distance);
            }
        }
    }
}

/// The ray that leads to one of [`AROUND`].
fn ray_towards(n: usize) -> usize {
    n * RAYS / AROUND.len()
}

/// Whether a place across a pedicle's axis (lateral, cranial) lies on this wall's side of it.
pub(super) fn is_towards(across: DVec2, wall: Wall) -> bool {
    match wall {
        Wall::Medial => across.x < 0.0,
        Wall::Lateral => across.x > 0.0,
        Wall::Cranial => across.y > 0.0,
        Wall::Caudal => across.y < 0.0,
        Wall::Anterior | Wall::Posterior => false,
    }
}

/// The ray at or before the direction of `q`.
#[inline]
fn ray_before(q: DVec2) -> usize {
    // About the angle, to a twentieth of the way between two rays; then the one of the neighbours that
    // is at or before it indeed.
    let (x, y) = (q.x.abs(), q.y.abs());
    let (long, short) = if y > x { (y, x) } else { (x, y) };
    let slope = short / long.max(f64::MIN_POSITIVE);
    let angle = slope * (FRAC_PI_4 + (1.0 - slope) * (0.2447 + 0.0663 * slope));
    let angle = if y > x { FRAC_PI_2 - angle } else { angle };
    let angle = if q.x < 0.0 { PI - angle } else { angle };
    let angle = if q.y < 0.0 { TAU - angle } else { angle };
    let ray = (angle / TAU * RAYS as f64) as usize;
    let is_past = |ray: usize| DIRECTIONS[ray % RAYS].perp_dot(q) >= 0.0;
    match (is_past(ray), is_past(ray + 1)) {
        (true, true) => (ray + 1) % RAYS,
        (true, false) => ray % RAYS,
        (false, _) => (ray + RAYS - 1) % RAYS,
    }
}

/// Where a function that is positive at `x[0]` and not at `x[1]` is zero: the chord's zero, bettered
/// once.
fn zero_between(at: impl Fn(f64) -> f64, x: [f64; 2], y: [f64; 2]) -> f64 {
    let chord = |x: [f64; 2], y: [f64; 2]| x[0] + (x[1] - x[0]) * y[0] / (y[0] - y[1]).max(1e-12);
    let middle = chord(x, y);
    let value = at(middle);
    if value > 0.0 {
        chord([middle, x[1]], [value, y[1]])
    } else {
        chord([x[0], middle], [y[0], value])
    }
}

/// The point of some edges that is nearest to a place, the square of the way there, and the first ray of
/// its edge.
struct Nearest {
    point: DVec2,
    square: f64,
    ray: usize,
}

impl Nearest {
    #[inline]
    fn new([a, b]: [DVec2; 2], q: DVec2, ray: usize) -> Self {
        let point = nearest_on_segment(a, b, q);
        Self { point, square: point.distance_squared(q), ray }
    }

    #[inline]
    fn see(&mut self, [a, b]: [DVec2; 2], q: DVec2, ray: usize) {
        // No place of an edge is nearer than this: both its ends are half of it away at most.
        let to_end = a.distance_squared(q).min(b.distance_squared(q));
        if to_end - 0.25 * a.distance_squared(b) < self.square {
            let other = Self::new([a, b], q, ray);
            if other.square < self.square {
                *self = other;
            }
        }
    }
}

#[inline]
fn nearest_on_segment(a: DVec2, b: DVec2, q: DVec2) -> DVec2 {
    let along = b - a;
    let t = (q - a).dot(along) / along.length_squared().max(1e-24);
    a + along * t.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests;
