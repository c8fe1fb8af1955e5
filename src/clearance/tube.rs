//! The surface of a tube, and how far a straight line is from it.
//!
//! In: outlines in planes one above the other, their corners on the same rays from their middles.
//! Out: [`Tube`]. Its wall is made of triangles between each outline and the next; past its ends the
//! last outlines are lids. Distances are those to that surface, to rounding: nothing is left out but
//! what is proved to be farther away.

use super::triangles::closest_point;
use glam::{Vec2, Vec3, Vec3Swizzles};
use std::f32::consts::TAU;

/// Rays and slabs whose quads are left out together.
const PATCH: [usize; 2] = [8, 4];
/// How exactly the deepest place of a line is looked for, mm.
const DEPTH_MM: f32 = 0.001;
/// More than rounding makes of a way, mm.
const ROUNDING_MM: f32 = 1e-3;

/// An outline of a tube in a plane of one z, turning from +x to +y, mm.
#[derive(Clone, Debug)]
pub(super) struct Outline {
    pub middle: Vec3,
    /// Corner n lies on the ray at the n-th part of a turn from +x.
    pub corners: Vec<Vec3>,
}

/// A solid tube, in mm around an origin of the caller's.
#[derive(Clone, Debug)]
pub(super) struct Tube {
    /// The lowest first, all as far apart.
    outlines: Vec<Outline>,
    /// Corners of the wall's quads: a and b on the lower outline, c and d above them. The edge a to d
    /// makes two triangles of each.
    quads: Vec<[Vec3; 4]>,
    /// Around each quad; its middle is the one of that edge, so it lies on the wall.
    balls: Vec<Ball>,
    patches: Vec<Patch>,
}

#[derive(Clone, Copy, Debug)]
struct Ball {
    middle: Vec3,
    radius_mm: f32,
}

/// Quads beside each other, by their numbers from one to before another.
#[derive(Clone, Copy, Debug)]
struct Patch {
    ball: Ball,
    quads: [usize; 2],
}

/// What is straight between two places; a point where both are one.
#[derive(Clone, Copy, Debug)]
struct Line {
    from: Vec3,
    along: Vec3,
    /// One by the square of its length.
    per_square: f32,
}

/// Quads that may hold the wall's nearest place to a line.
struct Near {
    /// Each with the way from the line to its middle, mm.
    quads: Vec<(f32, usize)>,
    /// The wall comes as near as this, or nearer, mm.
    most_mm: f32,
}

/// A line has no place deeper than this between two, mm, and where such a place may be.
struct Deepest {
    most_mm: f32,
    share: f32,
}

/// A place of a line: how deep it is in the tube, mm, and the triangle of the wall nearest to it.
#[derive(Clone, Copy, Debug)]
struct Sounding {
    share: f32,
    depth_mm: f32,
    wall: [Vec3; 3],
}

impl Tube {
    /// Of two outlines at least, as many corners in each.
    pub fn new(outlines: Vec<Outline>) -> Self {
        let (slabs, rays) = (outlines.len() - 1, outlines[0].corners.len());
        let (mut quads, mut balls, mut patches) = (Vec::new(), Vec::new(), Vec::new());
        for slab in (0..slabs).step_by(PATCH[1]) {
            for ray in (0..rays).step_by(PATCH[0]) {
                let first = quads.len();
                for slab in slab..(slab + PATCH[1]).min(slabs) {
                    let to = (ray + PATCH[0]).min(rays);
                    quads.extend((ray..to).map(|ray| quad(&outlines, slab, ray)));
                }
                balls.extend(quads[first..].iter().map(Ball::around_quad));
                let ball = Ball::around(&balls[first..]);
                patches.push(Patch { ball, quads: [first, quads.len()] });
            }
        }
        Self { outlines, quads, balls, patches }
    }

    /// From the tube to the nearest place of a line, mm: positive outside. Where the line enters the
    /// tube, negative by how far its deepest place is from the wall; lids count from outside alone. NaN
    /// of a place that is none.
    pub fn gap_mm(&self, from: Vec3, to: Vec3) -> f32 {
        if !from.is_finite() || !to.is_finite() {
            return f32::NAN;
        }
        let line = Line::new(from, to);
        let near = self.near(&line, f32::INFINITY);
        let is_entered = |part: &Line| {
            let is_in = |end: &Vec3| self.is_in_outline(*end);
            part.ends().iter().any(is_in) || self.is_wall_met(part, &near)
        };
        match self.between_ends(&line).filter(is_entered) {
            Some(part) => -self.depth_mm(&part),
            None => self.way_mm(&line, &near),
        }
    }

    /// Heights of both ends.
    fn ends(&self) -> [f32; 2] {
        [self.outlines[0].middle.z, self.outlines[self.outlines.len() - 1].middle.z]
    }

    /// Of a wall that is known to come as near as `most_mm`, or nearer.
    fn near(&self, line: &Line, most_mm: f32) -> Near {
        let ways: Vec<f32> = self.patches.iter().map(|p| line.way_to(p.ball.middle)).collect();
        let first = (0..ways.len()).min_by(|a, b| ways[*a].total_cmp(&ways[*b]));
        let others = (0..ways.len()).filter(|n| Some(*n) != first);
        let mut near = Near { quads: Vec::with_capacity(96), most_mm };
        for n in first.into_iter().chain(others) {
            let Patch { ball, quads: [from, to] } = self.patches[n];
            if ways[n] - ball.radius_mm > near.most_mm {
                continue;
            }
            for quad in from..to {
                let Ball { middle, radius_mm } = self.balls[quad];
                let way = line.way_to(middle);
                near.most_mm = near.most_mm.min(way);
                if way - radius_mm <= near.most_mm {
                    near.quads.push((way, quad));
                }
            }
        }
        near
    }

    /// The part of a line at the heights of the tube.
    fn between_ends(&self, line: &Line) -> Option<Line> {
        let [low, high] = self.ends();
        let [a, b] = line.ends();
        if a.z.max(b.z) < low || a.z.min(b.z) > high {
            return None;
        }
        if a.z.min(b.z) >= low && a.z.max(b.z) <= high {
            return Some(*line);
        }
        let share = |z: f32| ((z - a.z) / line.along.z).clamp(0.0, 1.0);
        let [s, t] = [share(low), share(high)];
        Some(Line::new(line.at(s.min(t)), line.at(s.max(t))))
    }

    /// Whether a place lies within the outline at its height; past an end, within that end's.
    fn is_in_outline(&self, p: Vec3) -> bool {
        let ([low, high], slabs) = (self.ends(), self.outlines.len() - 1);
        let place = ((p.z - low) / (high - low)).clamp(0.0, 1.0) * slabs as f32;
        let slab = (place as usize).min(slabs - 1);
        let t = place - slab as f32;
        let middle = self.outlines[slab].middle.lerp(self.outlines[slab + 1].middle, t).xy();
        let q = p.xy() - middle;
        let [a, b, c, d] = quad(&self.outlines, slab, ray_before(q, self.rays())).map(Vec3::xy);
        // Between two rays the outline has one more corner, where it meets the edge a to d.
        let [first, between, last] =
            [a.lerp(c, t), a.lerp(d, t), b.lerp(d, t)].map(|corner| corner - middle);
        let [from, to] = if between.perp_dot(q) < 0.0 { [first, between] } else { [between, last] };
        (to - from).perp_dot(q - from) > 0.0
    }

    fn rays(&self) -> usize {
        self.outlines[0].corners.len()
    }

    fn is_wall_met(&self, line: &Line, near: &Near) -> bool {
        let at_line = near.quads.iter().filter(|(way, n)| *way <= self.balls[*n].radius_mm);
        at_line.flat_map(|(_, n)| halves(&self.quads[*n])).any(|triangle| line.meets(triangle))
    }

    /// The way from the tube to a line that does not enter it: from one of its edges, or from an end of
    /// the line to a triangle or a lid.
    fn way_mm(&self, line: &Line, near: &Near) -> f32 {
        let ([low, high], ends) = (self.ends(), line.ends());
        let mut least = near.most_mm;
        for &(way, n) in &near.quads {
            let Ball { middle, radius_mm } = self.balls[n];
            if way - radius_mm > least || line.least_to(&self.quads[n]) > least {
                continue;
            }
            let [a, b, c, d] = self.quads[n];
            // The others are edges of the next quads; but above the topmost there is none.
            let edges = [[a, b], [a, c], [a, d], [c, d]];
            let own = if c.z >= high { &edges[..] } else { &edges[..3] };
            let squares = own.iter().map(|edge| line.square_to_edge(*edge));
            least = least.min(squares.fold(f32::INFINITY, f32::min).sqrt());
            for end in ends {
                if end.distance(middle) - radius_mm < least {
                    let ways = halves(&self.quads[n]).map(|t| closest_point(end, t).distance(end));
                    least = least.min(ways[0]).min(ways[1]);
                }
            }
        }
        for end in ends {
            let past_mm = (low - end.z).max(end.z - high);
            if past_mm >= 0.0 && past_mm < least && self.is_in_outline(end) {
                least = past_mm;
            }
        }
        least
    }

    /// How deep the deepest place of a line between the tube's ends is in it, mm.
    fn depth_mm(&self, line: &Line) -> f32 {
        let [first, last] = [0.0, 1.0].map(|share| self.sounding(line, share, f32::INFINITY));
        let mut most = first.depth_mm.max(last.depth_mm);
        let mut parts = vec![[first, last]];
        while let Some([a, b]) = parts.pop() {
            let Deepest { most_mm, share } = deepest_between(line, [a, b]);
            let is_divisible = a.share < share && share < b.share;
            if !is_divisible || !(most_mm > most + DEPTH_MM) {
                continue;
            }
            let known_mm = [a, b].map(|end| end.to_wall_mm(line.at(share)));
            let middle = self.sounding(line, share, known_mm[0].min(known_mm[1]) + ROUNDING_MM);
            most = most.max(middle.depth_mm);
            parts.extend([[a, middle], [middle, b]]);
        }
        most
    }

    /// At a place to which the wall is known to come as near as `most_mm`, or nearer.
    fn sounding(&self, line: &Line, share: f32, most_mm: f32) -> Sounding {
        let p = line.at(share);
        let here = Line::new(p, p);
        let (mut wall, mut way_mm) = ([self.quads[0][0]; 3], f32::INFINITY);
        for (way, n) in self.near(&here, most_mm).quads {
            if way - self.balls[n].radius_mm > way_mm || here.least_to(&self.quads[n]) > way_mm {
                continue;
            }
            for triangle in halves(&self.quads[n]) {
                let way = closest_point(p, triangle).distance(p);
                if way < way_mm {
                    (wall, way_mm) = (triangle, way);
                }
            }
        }
        let depth_mm = if self.is_in_outline(p) { way_mm } else { -way_mm };
        Sounding { share, depth_mm, wall }
    }
}

impl Sounding {
    /// From the triangle nearest to this place to another one.
    fn to_wall_mm(&self, p: Vec3) -> f32 {
        closest_point(p, self.wall).distance(p)
    }
}

/// How deep a line can be between two places.
///
/// The way to the triangle that is nearest to one of them is a convex function of the place, so at most
/// what a straight rise to the other one is; and no depth changes by more than the way between two places.
/// Both rises bound the depth, so it is most where they cross.
fn deepest_between(line: &Line, [a, b]: [Sounding; 2]) -> Deepest {
    let way_mm = (b.share - a.share) * line.along.length();
    let rise = |here: Sounding, there: Sounding| match here.depth_mm < 0.0 {
        true => way_mm,
        false => here.to_wall_mm(line.at(there.share)) - here.depth_mm,
    };
    let (from_a, from_b) = (rise(a, b), rise(b, a));
    // Where a + from_a t = b + from_b (1 - t).
    let part = ((b.depth_mm - a.depth_mm + from_b) / (from_a + from_b)).clamp(0.0, 1.0);
    Deepest {
        most_mm: a.depth_mm + from_a.max(0.0) * part,
        share: a.share + (b.share - a.share) * part,
    }
}

/// A quad of the wall: the ray's corners on the outlines below and above a slab, and the next ray's.
fn quad(outlines: &[Outline], slab: usize, ray: usize) -> [Vec3; 4] {
    let [low, high] = [slab, slab + 1].map(|n| &outlines[n].corners);
    let next = (ray + 1) % low.len();
    [low[ray], low[next], high[ray], high[next]]
}

/// The two triangles of a quad, seen from outside turning to the left.
fn halves(&[a, b, c, d]: &[Vec3; 4]) -> [[Vec3; 3]; 2] {
    [[a, b, d], [a, d, c]]
}

/// The ray at which a way from the middle lies, or before which.
fn ray_before(q: Vec2, rays: usize) -> usize {
    (q.to_angle().rem_euclid(TAU) / TAU * rays as f32) as usize % rays
}

impl Ball {
    fn around_quad(corners: &[Vec3; 4]) -> Self {
        let middle = 0.5 * (corners[0] + corners[3]);
        Self { middle, radius_mm: farthest(corners.iter().map(|c| c.distance(middle))) }
    }
    fn around(balls: &[Self]) -> Self {
        let middle = balls.iter().map(|ball| ball.middle).sum::<Vec3>() / balls.len() as f32;
        let ways = balls.iter().map(|ball| ball.middle.distance(middle) + ball.radius_mm);
        Self { middle, radius_mm: farthest(ways) }
    }
}

/// The longest of ways, and what rounding may make of it, mm.
fn farthest(ways: impl Iterator<Item = f32>) -> f32 {
    ways.fold(0.0, f32::max) + ROUNDING_MM
}

impl Line {
    fn new(from: Vec3, to: Vec3) -> Self {
        let along = to - from;
        Self { from, along, per_square: along.length_squared().max(f32::MIN_POSITIVE).recip() }
    }
    fn at(&self, share: f32) -> Vec3 {
        self.from + self.along * share
    }
    fn ends(&self) -> [Vec3; 2] {
        [self.from, self.from + self.along]
    }
    fn nearest_to(&self, p: Vec3) -> Vec3 {
        self.at(((p - self.from).dot(self.along) * self.per_square).clamp(0.0, 1.0))
    }
    fn way_to(&self, p: Vec3) -> f32 {
        self.nearest_to(p).distance(p)
    }
    /// No place of a quad is nearer than this, mm: nothing of the line lies before the plane across the way
    /// from it to the quad's middle, and the quad no nearer behind it than its corners.
    fn least_to(&self, quad: &[Vec3; 4]) -> f32 {
        /// Of a shorter way the direction is not sure enough.
        const SHORT_MM: f32 = 0.5;
        let middle = 0.5 * (quad[0] + quad[3]);
        let nearest = self.nearest_to(middle);
        let way = middle - nearest;
        let length = way.length();
        let along_way = quad.iter().map(|corner| (*corner - nearest).dot(way));
        let least = along_way.fold(f32::INFINITY, f32::min) / length;
        if length < SHORT_MM { 0.0 } else { least - ROUNDING_MM }
    }
    /// The square of the way to an edge (Ericson, Real-Time Collision Detection, 5.1.9).
    fn square_to_edge(&self, [from, to]: [Vec3; 2]) -> f32 {
        let (edge, r) = (to - from, self.from - from);
        let (a, e, f) = (self.along.length_squared(), edge.length_squared(), edge.dot(r));
        let (b, c) = (self.along.dot(edge), self.along.dot(r));
        let denominator = a * e - b * b;
        let mut s = match denominator > 1e-6 * a * e {
            true => ((b * f - c * e) / denominator).clamp(0.0, 1.0),
            false => 0.0,
        };
        let mut t = (b * s + f) / e.max(f32::MIN_POSITIVE);
        if !(0.0..=1.0).contains(&t) {
            t = t.clamp(0.0, 1.0);
            s = ((b * t - c) * self.per_square).clamp(0.0, 1.0);
        }
        (r + self.along * s - edge * t).length_squared()
    }
    /// Whether it passes through a triangle, or past its edges by no more than rounding.
    fn meets(&self, [a, b, c]: [Vec3; 3]) -> bool {
        const ROUNDING: f32 = 1e-4;
        let normal = (b - a).cross(c - a);
        let [below, above] = self.ends().map(|end| (end - a).dot(normal));
        if below * above > 0.0 {
            return false;
        }
        let at = self.at(below / (below - above));
        let least = -ROUNDING * normal.length_squared();
        let is_left = |from: Vec3, to: Vec3| (to - from).cross(at - from).dot(normal) >= least;
        is_left(a, b) && is_left(b, c) && is_left(c, a)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use glam::DVec3;

    const RAYS: usize = 20;
    const OUTLINES: usize = 11;

    /// A tube that winds and has lobes, and one ring of which has shrunk to a point.
    fn winding(is_pinched: bool) -> Tube {
        let outline = |n: usize| {
            let up = n as f32;
            let middle = Vec3::new(1.5 * (0.4 * up).sin(), 0.3 * up, up - 5.0);
            let corner = |ray: usize| {
                let angle = TAU * ray as f32 / RAYS as f32;
                let lobes = 8.0 + 1.5 * (3.0 * angle + 0.3 * up).sin() + 0.4 * (7.0 * angle).cos();
                let radius = if is_pinched && n == 4 { 0.0 } else { lobes };
                middle + Vec2::from_angle(angle).extend(0.0) * radius
            };
            Outline { middle, corners: (0..RAYS).map(corner).collect() }
        };
        Tube::new((0..OUTLINES).map(outline).collect())
    }

    /// The triangles of both lids, seen from outside turning to the left.
    fn lids(tube: &Tube) -> Vec<[Vec3; 3]> {
        let [bottom, top] = [&tube.outlines[0], &tube.outlines[OUTLINES - 1]];
        let pairs = |outline: &Outline| {
            let corners = outline.corners.clone();
            let next = corners.clone().into_iter().cycle().skip(1);
            corners.into_iter().zip(next)
        };
        let below = pairs(bottom).map(|(a, b)| [bottom.middle, b, a]);
        below.chain(pairs(top).map(|(a, b)| [top.middle, a, b])).collect()
    }

    /// Every triangle of a tube, to be tried one by one in double precision.
    struct Brute {
        wall: Vec<[DVec3; 3]>,
        lids: Vec<[DVec3; 3]>,
    }

    impl Brute {
        fn new(tube: &Tube) -> Self {
            let exact = |t: [Vec3; 3]| t.map(|corner| corner.as_dvec3());
            let wall = tube.quads.iter().flat_map(halves).map(exact).collect();
            Self { wall, lids: lids(tube).into_iter().map(exact).collect() }
        }
        /// The gap of a place: to the wall where that is inside, to all triangles where it is not.
        fn gap_mm(&self, p: DVec3) -> f64 {
            let to = |all: &[[DVec3; 3]]| {
                all.iter().map(|t| to_triangle_mm(p, *t)).fold(f64::INFINITY, f64::min)
            };
            let all = || self.wall.iter().chain(&self.lids);
            // Seen from inside, the surface goes once around.
            let seen: f64 = all().map(|t| solid_angle(p, *t)).sum();
            if seen > std::f64::consts::TAU {
                -to(&self.wall)
            } else {
                to(&self.wall).min(to(&self.lids))
            }
        }
        /// The least gap of a line: of places near each other, and ever nearer where it can matter. A gap
        /// changes by no more than the way, but where a line enters by a lid.
        fn least_mm(&self, from: DVec3, to: DVec3) -> f64 {
            const STEP_MM: f64 = 0.25;
            const FINE: usize = 48;
            let count = (from.distance(to) / STEP_MM).ceil() as usize;
            let gap = |n: usize| {
                let share = n as f64 / (FINE * count) as f64;
                self.gap_mm(from.lerp(to, share))
            };
            let gaps: Vec<f64> = (0..=count).map(|n| gap(FINE * n)).collect();
            let least = gaps.iter().copied().fold(f64::INFINITY, f64::min);
            let may_matter = |n: &usize| gaps[*n].min(gaps[*n + 1]) < least + STEP_MM;
            let between = |n: usize| (1..FINE).map(move |k| FINE * n + k);
            (0..count).filter(may_matter).flat_map(between).map(gap).fold(least, f64::min)
        }
    }

    /// Distance to a triangle: to its plane where the foot lies within it, else to its edges.
    fn to_triangle_mm(p: DVec3, [a, b, c]: [DVec3; 3]) -> f64 {
        let to_edge = |a: DVec3, b: DVec3| {
            let t = ((p - a).dot(b - a) / (b - a).length_squared().max(1e-24)).clamp(0.0, 1.0);
            p.distance(a + (b - a) * t)
        };
        let normal = (b - a).cross(c - a).normalize_or_zero();
        let is_over = |from: DVec3, to: DVec3| (to - from).cross(p - from).dot(normal) >= 0.0;
        if normal != DVec3::ZERO && is_over(a, b) && is_over(b, c) && is_over(c, a) {
            return (p - a).dot(normal).abs();
        }
        to_edge(a, b).min(to_edge(b, c)).min(to_edge(c, a))
    }

    /// What of the sphere around a place a triangle covers (Van Oosterom and Strackee); positive from
    /// behind.
    pub(in super::super) fn solid_angle(p: DVec3, corners: [DVec3; 3]) -> f64 {
        let [a, b, c] = corners.map(|corner| corner - p);
        let [x, y, z] = [a, b, c].map(DVec3::length);
        let below = x * y * z + a.dot(b) * z + b.dot(c) * x + c.dot(a) * y;
        2.0 * a.dot(b.cross(c)).atan2(below)
    }

    /// The n-th of lines around and through the tube.
    fn line(n: u32) -> [Vec3; 2] {
        let part = |step: f64| (f64::from(n) * step).fract() as f32 - 0.5;
        let from = Vec3::new(26.0 * part(0.819), 26.0 * part(0.671) + 2.0, 16.0 * part(0.549));
        let way = Vec3::new(part(0.755), part(0.618), 0.7 * part(0.887)).normalize();
        [from, from + way * (13.0 + 24.0 * part(0.431))]
    }

    #[test]
    fn a_gap_is_that_of_all_triangles_tried_one_by_one() {
        for is_pinched in [false, true] {
            let tube = winding(is_pinched);
            let brute = Brute::new(&tube);
            let mut entered = 0;
            for n in 1..=40 {
                let [from, to] = line(n);
                let told = f64::from(tube.gap_mm(from, to));
                let wanted = brute.least_mm(from.as_dvec3(), to.as_dvec3());
                assert!((told - wanted).abs() < 0.01, "{n} {is_pinched}: {told}, not {wanted}");
                entered += u32::from(told < 0.0);
            }
            assert!((5..=35).contains(&entered), "{entered}");
        }
    }

    #[test]
    fn a_point_has_a_gap_as_a_line_has_and_nonsense_ends() {
        let tube = winding(false);
        let brute = Brute::new(&tube);
        for p in (1..200).map(|n| line(n)[0]) {
            let (told, wanted) = (f64::from(tube.gap_mm(p, p)), brute.gap_mm(p.as_dvec3()));
            assert!((told - wanted).abs() < 1e-3, "{p}: {told}, not {wanted}");
        }
        for odd in [f32::NAN, f32::INFINITY, 1e30] {
            let told = tube.gap_mm(Vec3::ZERO, Vec3::splat(odd));
            assert!(!(told < -100.0), "{told}");
        }
    }
}
