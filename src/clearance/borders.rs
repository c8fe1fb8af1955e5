//! How far a screw reaches past the border between two walls of its pedicle.
//!
//! In: the search of [`past`](super::past). Out: what it is told, exact.
//!
//! Of the wall that a screw reaches less far past, the farthest place is as a rule one at which that wall
//! ends: its way from the outline leads half towards this wall, half towards the next. Such ways begin at a
//! corner of the outline that reaches farther in this direction than those beside it, and leave the screw
//! where a straight line does. Samples of the surface meet that place by chance alone.
//!
//! Between two planes corners move along straight lines, so the places they lead to lie in one plane, which
//! cuts a convex piece out of the screw: how far its edge is from the line of corners rises, then falls.

use super::past::Search;
use super::probe::Probe;
use super::wall::{RAYS, Seen};
use super::{SignedDistance, Wall};
use crate::space::{Patient, Point};
use glam::DVec2;

/// A border: the ray that leads as much towards the one wall as the other, and these.
#[derive(Clone, Copy)]
struct Border {
    ray: usize,
    walls: [Wall; 2],
}

/// By where the rays lead: from lateral on to cranial. The first turn of rays is skipped, so that one
/// before another is one less.
const BORDERS: [Border; 4] = [
    Border { ray: RAYS + RAYS / 8, walls: [Wall::Lateral, Wall::Cranial] },
    Border { ray: RAYS + 3 * RAYS / 8, walls: [Wall::Medial, Wall::Cranial] },
    Border { ray: RAYS + 5 * RAYS / 8, walls: [Wall::Medial, Wall::Caudal] },
    Border { ray: RAYS + 7 * RAYS / 8, walls: [Wall::Lateral, Wall::Caudal] },
];
/// Corners are looked for on so many rays to each side of a border's.
const RAYS_BESIDE: usize = RAYS / 6;
/// No farther on than where they reach less far so often running.
const ENOUGH_FALLS: usize = 2;
/// More corners of one outline than this do not stand out towards one side.
const MOST_CORNERS: usize = 4;

/// A part of the way of a corner between two planes: the first one of them, the corner's ray, and from which
/// share of the way to the next to which.
#[derive(Clone, Copy)]
struct Part {
    plane: usize,
    ray: usize,
    shares: [f64; 2],
}

/// Rays of corners that stand out.
#[derive(Clone, Copy, Default)]
struct Corners {
    rays: [usize; MOST_CORNERS],
    count: usize,
}

impl Corners {
    fn rays(&self) -> &[usize] {
        &self.rays[..self.count]
    }

    fn push(&mut self, ray: usize) {
        if self.count < MOST_CORNERS {
            self.rays[self.count] = ray;
            self.count += 1;
        }
    }
}

impl<B: SignedDistance> Search<'_, '_, B> {
    /// Tells how far the screw reaches past the borders.
    pub fn borders(&mut self) {
        BORDERS.into_iter().for_each(|border| self.along_border(border));
    }

    fn along_border(&mut self, border: Border) {
        let towards = self.walls.direction(border.ray);
        // What a plane cuts out of the screw: its middle moves with the plane, its width is always the same.
        let half_width = self.half_width_mm(towards);
        let most_mm = |search: &Self, plane: usize| {
            let reach = search.middle(search.walls.along(plane)).dot(towards) + half_width;
            // No wall is nearer than any is: most planes need no ray for that.
            match reach - search.walls.least_radius(plane) > search.least_told_mm(border.walls) {
                true => reach - search.walls.radius(plane, border.ray),
                // Of a screw right across the axis nothing is known.
                false if reach.is_nan() => f64::INFINITY,
                false => f64::NEG_INFINITY,
            }
        };
        let (mut before, mut known) = (most_mm(self, 0), None);
        for plane in 0..self.walls.planes() {
            let after = most_mm(self, plane + 1);
            let may_matter = before.max(after) > self.least_told_mm(border.walls);
            known = may_matter.then(|| {
                let first = known.unwrap_or_else(|| self.corners(plane, border));
                let next = self.corners(plane + 1, border);
                self.between_planes(plane, [first, next], border);
                next
            });
            before = after;
        }
    }

    /// How far what a plane cuts out of the screw reaches from its middle in a direction, mm.
    fn half_width_mm(&self, direction: DVec2) -> f64 {
        let across = |side: Seen| (side - self.axis * (side.along * self.per_mm)).across;
        DVec2::from_array(self.sides.map(|side| across(side).dot(direction))).length()
    }

    /// Where the screw's axis meets a plane so far along the pedicle's.
    fn middle(&self, along: f64) -> DVec2 {
        (self.entry + self.axis * ((along - self.entry.along) * self.per_mm)).across
    }

    /// From the screw's middle to the corner at both ends of a part; `None` where the axis is not in bone.
    fn ends(&self, part: Part) -> Option<[DVec2; 2]> {
        let end = |share: f64| {
            let corner = self.walls.corner(part.plane, share, part.ray)?;
            Some(corner.across - self.middle(corner.along))
        };
        let [from, to] = part.shares;
        Some([end(from)?, end(to)?])
    }

    /// The corners of an outline that reach farther towards a border than those beside them: from its ray
    /// on to both sides, until they reach less far one after the other.
    fn corners(&self, plane: usize, border: Border) -> Corners {
        let towards = self.walls.direction(border.ray);
        let reach =
            |ray: usize| self.walls.radius(plane, ray) * self.walls.direction(ray).dot(towards);
        let (middle, mut found) = (reach(border.ray), Corners::default());
        let mut beside = [0.0; 2];
        for (side, first) in beside.iter_mut().enumerate() {
            let at = |n: usize| if side == 0 { border.ray - n } else { border.ray + n };
            let (mut before, mut last, mut falls) = (middle, reach(at(1)), 0);
            *first = last;
            for n in 2..=RAYS_BESIDE {
                falls = if last < before { falls + 1 } else { 0 };
                if falls == ENOUGH_FALLS {
                    break;
                }
                let next = reach(at(n));
                if last > before && last >= next {
                    found.push(at(n - 1));
                }
                (before, last) = (last, next);
            }
        }
        if middle >= beside[0] && middle >= beside[1] && middle > 0.0 {
            found.push(border.ray);
        }
        found
    }

    /// Follows the corners of both planes to the other one.
    fn between_planes(&mut self, plane: usize, [first, next]: [Corners; 2], border: Border) {
        let mut reached = Corners::default();
        for &ray in first.rays() {
            reached.push(self.follow(Part { plane, ray, shares: [0.0, 1.0] }, border));
        }
        for &ray in next.rays().iter().filter(|ray| !reached.rays().contains(ray)) {
            self.follow(Part { plane, ray, shares: [1.0, 0.0] }, border);
        }
    }

    /// Follows a corner, where one beside it comes to reach farther that one; tells which it is in the end.
    fn follow(&mut self, mut part: Part, border: Border) -> usize {
        /// Corners that take over one from the other between two planes are fewer.
        const MOST_STEPS: usize = 12;
        let end = part.shares[1];
        for _ in 0..MOST_STEPS {
            let mut next = part.ray;
            for beside in [part.ray - 1, part.ray + 1] {
                if let Some(share) = self.taken_over(part, beside, border) {
                    (part.shares[1], next) = (share, beside);
                }
            }
            self.tell_part(part, border);
            if next == part.ray {
                break;
            }
            part = Part { ray: next, shares: [part.shares[1], end], ..part };
        }
        part.ray
    }

    /// Where on a part of its way another corner comes to reach farther.
    fn taken_over(&self, part: Part, other: usize, border: Border) -> Option<f64> {
        let towards = self.walls.direction(border.ray);
        let reaches = |ray: usize| {
            let share = self.walls.direction(ray).dot(towards);
            [part.plane, part.plane + 1].map(|plane| self.walls.radius(plane, ray) * share)
        };
        let (own, other) = (reaches(part.ray), reaches(other));
        let farther =
            part.shares.map(|t| (other[0] - own[0]) * (1.0 - t) + (other[1] - own[1]) * t);
        let [from, to] = part.shares;
        let is_so = farther[1] > 0.0 && farther[1] > farther[0];
        is_so
            .then(|| from + (to - from) * (-farther[0] / (farther[1] - farther[0])).clamp(0.0, 1.0))
    }

    /// Tells the farthest place to which a corner leads on a part of its way.
    fn tell_part(&mut self, part: Part, border: Border) {
        if !self.may_lead_far(part, border) {
            return;
        }
        let farthest = self.farthest(part, border);
        let way = self.way_mm(part, farthest, border);
        if way <= self.least_told_mm(border.walls) || self.tell_at(part, farthest, border) {
            return;
        }
        // That one lies in bone, or another corner is nearer to it: not so the next ones to it, maybe.
        const PLACES: u32 = 8;
        const HALVINGS: usize = 8;
        let [from, to] = part.shares;
        let places = (0..=PLACES).map(|n| from + (to - from) * f64::from(n) / f64::from(PLACES));
        let told = places.filter(|share| self.tell_at(part, *share, border));
        let nearer = |a: &f64, b: &f64| (a - farthest).abs().total_cmp(&(b - farthest).abs());
        let Some(mut told) = told.min_by(nearer) else { return };
        let mut untold = farthest;
        for _ in 0..HALVINGS {
            let middle = 0.5 * (told + untold);
            if self.tell_at(part, middle, border) { told = middle } else { untold = middle }
        }
    }

    /// Whether a corner may lead out of the screw by a longer way than is told so far.
    ///
    /// From plane to plane what they cut out of the screw keeps its size and moves along a straight line, as the
    /// corner does: what both ends of a part rule out is so between.
    fn may_lead_far(&self, part: Part, border: Border) -> bool {
        let towards = self.walls.direction(border.ray);
        let Some(ends) = self.ends(part) else { return false };
        let [reach, width] = [towards, towards.perp()].map(|way| self.half_width_mm(way));
        let least = self.least_told_mm(border.walls);
        let is_far = ends.iter().any(|end| reach - end.dot(towards) > least);
        let is_missed = |beside: DVec2| ends.iter().all(|end| end.dot(beside) > width);
        // Of a screw right across the axis nothing is known.
        !reach.is_finite() || is_far && !is_missed(towards.perp()) && !is_missed(-towards.perp())
    }

    /// The share at which the way is the longest.
    fn farthest(&self, part: Part, border: Border) -> f64 {
        /// So near to an end of the part it is asked whether the way is longer between.
        const BESIDE: f64 = 0.01;
        let [from, to] = part.shares;
        let at = |share: f64| self.way_mm(part, share, border);
        let is_longest_at = |end: f64, beside: f64| {
            let way = at(end);
            way.is_finite() && at(end + (beside - end) * BESIDE) <= way
        };
        if is_longest_at(from, to) {
            from
        } else if is_longest_at(to, from) {
            to
        } else {
            highest_between([from, to], at)
        }
    }

    /// How long the way from a corner out of the screw is, mm; -infinity where there is none.
    fn way_mm(&self, part: Part, share: f64, border: Border) -> f64 {
        let corner = self.walls.corner(part.plane, share, part.ray);
        let way =
            corner.and_then(|corner| self.way_out_mm(corner, self.walls.direction(border.ray)));
        way.unwrap_or(f64::NEG_INFINITY)
    }

    /// Tells of the place to which a corner leads there, if that lies in air, and no other one is nearer.
    fn tell_at(&mut self, part: Part, share: f64, border: Border) -> bool {
        const ROUNDING_MM: f64 = 1e-6;
        let towards = self.walls.direction(border.ray);
        let Some(corner) = self.walls.corner(part.plane, share, part.ray) else { return false };
        let Some(way) = self.way_out_mm(corner, towards).filter(|way| *way > 0.0) else {
            return false;
        };
        let across = corner.across + towards * way;
        let at: Point<Patient> = self.walls.frame().point(corner.along, across);
        let over = self.walls.overshoot_at(corner.along, across, 0.0);
        let is_past =
            over.is_some_and(|over| over.mm > way - ROUNDING_MM) && self.bone.is_outside(at);
        if is_past {
            self.tell(at, way, border.walls);
        }
        is_past
    }

    /// How far on a line across the pedicle's axis leaves the screw, mm; `None` where it does not meet it or
    /// leaves it by what is not judged.
    fn way_out_mm(&self, from: Seen, towards: DVec2) -> Option<f64> {
        let Probe { length_mm, judged_from_mm, radius_mm, .. } = *self.probe;
        let (from, towards) = (from - self.entry, Seen { along: 0.0, across: towards });
        let (depth, slope) = (from.dot(self.axis), towards.dot(self.axis));
        // The screw's side: a t² + 2 b t + c = 0.
        let (a, b) = (1.0 - slope * slope, from.dot(towards) - depth * slope);
        let c = from.dot(from) - depth * depth - radius_mm * radius_mm;
        let root = (b * b - a * c).sqrt();
        let [into, out] = [(-b - root) / a, (-b + root) / a];
        let leaves_at = depth + slope * out;
        if leaves_at > length_mm {
            let at_tip = (length_mm - depth) / slope;
            return (into..=out).contains(&at_tip).then_some(at_tip);
        }
        (leaves_at >= judged_from_mm).then_some(out)
    }
}

/// Where a function that rises, then falls, is highest.
fn highest_between([mut a, mut b]: [f64; 2], at: impl Fn(f64) -> f64) -> f64 {
    /// Each leaves 0.62 of what was there: in the end a hundredth of a millimetre.
    const STEPS: usize = 10;
    const SHARE: f64 = 0.618_033_988_75;
    let (mut c, mut d) = (b - SHARE * (b - a), a + SHARE * (b - a));
    let (mut at_c, mut at_d) = (at(c), at(d));
    for _ in 0..STEPS {
        if at_c >= at_d {
            (b, d, at_d) = (d, c, at_c);
            c = b - SHARE * (b - a);
            at_c = at(c);
        } else {
            (a, c, at_c) = (c, d, at_d);
            d = a + SHARE * (b - a);
            at_d = at(d);
        }
    }
    if at_c >= at_d { c } else { d }
}
