//! The walls of a pedicle, seen from its axis.
//!
//! In: a bone and the pedicle's frame. Out: how far a point lies past the wall that was crossed to
//! get there, in the plane across the pedicle's axis. The walls are the same for every screw, so a bone
//! may keep what of them was asked for ([`Outlines`]).

use super::{SignedDistance, Wall};
use crate::anatomy::{Pedicle, VertebraAnatomy};
use crate::space::{Dir, Patient, Point};
use glam::DVec2;
use std::f64::consts::TAU;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// Planes across the axis are at most this far apart, mm; between them the wall is taken as
/// straight. Real walls bend from voxel to voxel: with planes 0.75 mm apart and 64 rays a wall breach
/// on a CT came out up to 0.041 mm too small, with these it is within 0.013 mm.
const PLANE_STEP_MM: f64 = 0.25;
/// Rays from the axis in each plane.
const RAYS: usize = 128;
/// Where they lead.
static DIRECTIONS: LazyLock<[DVec2; RAYS]> =
    LazyLock::new(|| std::array::from_fn(|ray| DVec2::from_angle(TAU * ray as f64 / RAYS as f64)));
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

    /// Whether something no farther from a point than `mm` may lie beside a part of the axis.
    pub fn is_beside(&self, p: Point<Patient>, mm: f64, [back, front]: [f64; 2]) -> bool {
        (back - mm..=front + mm).contains(&(p - self.origin).dot(self.forward))
    }

    /// How far along the axis a point lies, and where in the plane across it (lateral, cranial).
    #[inline]
    pub fn along_and_across(&self, p: Point<Patient>) -> (f64, DVec2) {
        let d = p - self.origin;
        (d.dot(self.forward), DVec2::new(d.dot(self.lateral), d.dot(self.cranial)))
    }
}

fn away_from_canal(near: Point<Patient>, anatomy: &VertebraAnatomy) -> Dir<Patient> {
    let left = anatomy.patient_from_vertebra.dir(Dir::X);
    if (near - anatomy.canal_centre).dot(left) >= 0.0 { left } else { -left }
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
        let (radii, depths) = (Lazy::many((planes + 1) * RAYS), Lazy::many(planes + 1));
        Self { frame, span_mm, planes, radii, depths }
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
    /// The first ray of the edge that was found nearest last.
    likely: usize,
}

impl<'a, B: SignedDistance> PedicleWalls<'a, B> {
    pub fn new(bone: &'a B, frame: WallFrame, span_mm: [f64; 2]) -> Self {
        Self { bone, frame, outlines: bone.outlines(frame, span_mm), likely: 0 }
    }

    /// Whether a point lies on this wall's side of the pedicle's axis.
    pub fn is_towards(&self, p: Point<Patient>, wall: Wall) -> bool {
        let across = self.frame.along_and_across(p).1;
        match wall {
            Wall::Medial => across.x < 0.0,
            Wall::Lateral => across.x > 0.0,
            Wall::Cranial => across.y > 0.0,
            Wall::Caudal => across.y < 0.0,
            Wall::Anterior | Wall::Posterior => false,
        }
    }

    /// The wall that an outward direction crosses.
    pub fn names(&self, outward: Dir<Patient>) -> Wall {
        self.frame.wall_towards(outward)
    }

    /// How far `p` lies past the wall, in its plane across the axis. `None` outside the pedicle's
    /// span, inside the outline, and where the axis itself is not in bone.
    pub fn overshoot(&mut self, p: Point<Patient>) -> Option<Overshoot> {
        self.overshoot_above(p, 0.0)
    }

    /// The same; `None` too where it is no more than `floor_mm`, which takes much less time.
    pub fn overshoot_above(&mut self, p: Point<Patient>, floor_mm: f64) -> Option<Overshoot> {
        let (place, across) = self.place(p)?;
        let wall = self.nearest_on_outline(place, across, floor_mm)?;
        let outward = across - wall;
        let unit = outward.try_normalize().unwrap_or(across.normalize_or_zero());
        Some(Overshoot {
            mm: outward.length(),
            outward: self.frame.lateral * unit.x + self.frame.cranial * unit.y,
        })
    }

    /// Between which planes a point lies, and where across the axis; `None` outside the span.
    fn place(&self, p: Point<Patient>) -> Option<(Between, DVec2)> {
        let (along, across) = self.frame.along_and_across(p);
        let Outlines { span_mm: [back, front], planes, .. } = *self.outlines;
        if !(back..=front).contains(&along) {
            return None;
        }
        let plane = (along - back) / (front - back).max(1e-9) * planes as f64;
        let before = (plane as usize).min(planes - 1);
        Some((Between { before, share: plane - before as f64 }, across))
    }

    /// The point of the outline nearest to `q`; `None` when `q` is inside it or it is empty, or that
    /// point is no farther than `floor_mm`.
    fn nearest_on_outline(&mut self, at: Between, q: DVec2, floor_mm: f64) -> Option<DVec2> {
        let lowest = floor_mm * floor_mm;
        // Most places are not far from the last one, and what was nearest there decides.
        if floor_mm > 0.0 {
            let (a, b) = (self.outline(at, self.likely)?, self.outline(at, self.likely + 1)?);
            if nearest_on_segment(a, b, q).distance_squared(q) <= lowest {
                return None;
            }
        }
        let first = ray_before(q);
        let (a, b) = (self.outline(at, first)?, self.outline(at, first + 1)?);
        if (b - a).perp_dot(q - a) >= 0.0 {
            return None;
        }
        let mut nearest = nearest_on_segment(a, b, q);
        let mut square = nearest.distance_squared(q);
        self.likely = first;
        // An edge seen at an angle from q is at least reach * sin(angle) away: stop when that is
        // further than what was found, in each turning sense.
        let reach_square = q.length_squared();
        for (turn, corner, start) in [(1, b, first + 1), (RAYS - 1, a, first)] {
            let (mut last, mut ray) = (corner, start);
            for before in &DIRECTIONS[..RAYS / 4 - 1] {
                if square <= lowest {
                    return None;
                }
                if reach_square * before.y * before.y > square {
                    break;
                }
                ray = (ray + turn) % RAYS;
                let next = self.outline(at, ray)?;
                // By ascending rays in either sense, so that rounding is the same.
                let (a, b) = if turn == 1 { (last, next) } else { (next, last) };
                last = next;
                let candidate = nearest_on_segment(a, b, q);
                let candidate_square = candidate.distance_squared(q);
                if candidate_square < square {
                    (nearest, square) = (candidate, candidate_square);
                    self.likely = if turn == 1 { ray + RAYS - 1 } else { ray };
                }
            }
        }
        (square > lowest).then_some(nearest)
    }

    /// A corner of the outline at a place between two planes; `None` where the axis is not in bone.
    #[inline]
    fn outline(&self, Between { before, share }: Between, ray: usize) -> Option<DVec2> {
        let (r0, r1) = (self.radius(before, ray), self.radius(before + 1, ray));
        let radius = r0 + (r1 - r0) * share;
        (r0 > 0.0 && r1 > 0.0).then(|| DIRECTIONS[ray % RAYS] * radius)
    }

    #[inline]
    fn radius(&self, plane: usize, ray: usize) -> f64 {
        self.outlines.radii[plane * RAYS + ray % RAYS].get(|| self.cast(plane, ray))
    }

    /// The first way out of bone along a ray from the axis, mm; 0 where the axis is not in bone.
    #[inline(never)]
    fn cast(&self, plane: usize, ray: usize) -> f64 {
        let Outlines { span_mm: [back, front], planes, .. } = *self.outlines;
        let along = back + (front - back) * (plane as f64 / planes as f64);
        let start = self.frame.origin + self.frame.forward * along;
        let across = DIRECTIONS[ray % RAYS];
        let dir = self.frame.lateral * across.x + self.frame.cranial * across.y;
        let bone = self.bone;
        let exact = |radius: f64| bone.signed_distance_mm(start + dir * radius);
        let depth = self.outlines.depths[plane].get(|| bone.quick_distance_mm(start));
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

/// The ray at or before the direction of `q`.
fn ray_before(q: DVec2) -> usize {
    let angle = q.to_angle();
    let angle = if angle < 0.0 { angle + TAU } else { angle };
    (angle / TAU * RAYS as f64) as usize % RAYS
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

#[inline]
fn nearest_on_segment(a: DVec2, b: DVec2, q: DVec2) -> DVec2 {
    let along = b - a;
    let t = (q - a).dot(along) / along.length_squared().max(1e-24);
    a + along * t.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clearance::schemes::tests::anatomy;

    #[test]
    fn a_wall_that_bends_as_on_a_ct_is_followed_to_a_hundredth_of_a_millimetre() {
        let anatomy = anatomy();
        let pedicle = &anatomy.pedicles[0];
        let frame = WallFrame::of_pedicle(pedicle, &anatomy).expect("a pedicle with an axis");
        // Waves of 3 mm along the axis, or of twelve crests around it, from wherever they begin.
        let radius = |waves: [f64; 2], begin: f64, along: f64, angle: f64| {
            let [along, around] = [TAU * along / 3.0, 12.0 * angle].map(|at| (at - begin).cos());
            6.0 + waves[0] * along + waves[1] * around
        };
        for n in 0..24 {
            let begin = TAU * f64::from(n) / 24.0;
            for waves in [[0.15, 0.0], [0.0, 0.12]] {
                let bone = |p: Point<Patient>| {
                    let (along, q) = frame.along_and_across(p);
                    (radius(waves, begin, along, q.to_angle()) - q.length()) / 1.2
                };
                let mut walls = PedicleWalls::new(&bone, frame, pedicle.span_mm);
                // Past the crests, and in each plane of the waves along, the way is the radial one.
                let angle = if waves[1] > 0.0 { begin / 12.0 } else { 0.3 };
                let out = frame.lateral * angle.cos() + frame.cranial * angle.sin();
                for step in 0..40 {
                    let along = pedicle.span_mm[0] + 0.1 * f64::from(step);
                    let wall = radius(waves, begin, along, angle);
                    let p = frame.origin + frame.forward * along + out * (wall + 2.0);
                    let told = walls.overshoot(p).map_or(0.0, |over| over.mm);
                    assert!((told - 2.0).abs() < 0.01, "{waves:?} from {begin}, {along}: {told}");
                }
            }
        }
    }

    #[test]
    fn the_nearest_point_of_the_outline_is_that_of_all_its_edges() {
        // A pedicle with corners, wider behind.
        let bone = |p: Point<Patient>| {
            let p = p.vec();
            (4.0 + 0.1 * p.y - (p.x - 12.0).abs() - 0.3 * p.z.abs()).min(6.0 - p.z.abs()) / 1.1
        };
        let anatomy = anatomy();
        let pedicle = &anatomy.pedicles[0];
        let frame = WallFrame::of_pedicle(pedicle, &anatomy).expect("a pedicle with an axis");
        let mut walls = PedicleWalls::new(&bone, frame, pedicle.span_mm);
        let part = |n: u32, step: f64| 2.0 * (f64::from(n) * step).fract() - 1.0;
        let mut past = 0;
        for n in 0..400 {
            let off = Dir::new(9.0 * part(n, 0.819), 7.0 * part(n, 0.671), 9.0 * part(n, 0.549));
            let p = pedicle.isthmus + off;
            let told = walls.overshoot(p).map(|over| over.mm);
            let Some((plane, q)) = walls.place(p) else {
                assert_eq!(told, None);
                continue;
            };
            let corner = |ray: usize| walls.outline(plane, ray).expect("the axis lies in bone");
            let corners: Vec<DVec2> = (0..=RAYS).map(corner).collect();
            let edges = corners.windows(2).map(|ends| nearest_on_segment(ends[0], ends[1], q));
            let least = edges.map(|at| at.distance(q)).fold(f64::INFINITY, f64::min);
            let Some(told) = told else { continue };
            past += 1;
            assert!((told - least).abs() < 1e-12, "{n}: {told}, of all edges {least}");
            assert!(walls.overshoot_above(p, least + 1e-9).is_none());
            assert!(walls.overshoot_above(p, least - 1e-9).is_some());
        }
        assert!(past > 100, "{past}");
    }
}
