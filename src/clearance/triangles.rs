//! The triangles of a surface, and the way over them to the one that is nearest to a place.
//!
//! In: a mesh, in mm around an origin of the caller's. Out: [`Triangles`], and [`Bins`] that tell
//! which of them lie around a place.

use super::four::Four;
use crate::mesh::TriMesh;
use glam::{DVec3, Vec3};
use rayon::prelude::*;

/// The triangles of a mesh and which lie around each corner, in mm around an origin.
#[derive(Clone, Debug)]
pub(super) struct Triangles {
    pub corners: Vec<Vec3>,
    pub triangles: Vec<[u32; 3]>,
    /// The triangles of corner n are `around[first_around[n]..first_around[n + 1]]`.
    around: Vec<u32>,
    first_around: Vec<u32>,
}

impl Triangles {
    pub fn new(mesh: &TriMesh, origin: DVec3) -> Self {
        let (around, first_around) = triangles_around(mesh);
        Self {
            corners: mesh.positions.iter().map(|p| (p.vec() - origin).as_vec3()).collect(),
            triangles: mesh.triangles.clone(),
            around,
            first_around,
        }
    }
    #[inline(always)]
    pub fn corners_of(&self, triangle: u32) -> [Vec3; 3] {
        self.triangles[triangle as usize].map(|n| self.corners[n as usize])
    }
    /// The point of a triangle that is nearest to `p`.
    pub fn nearest_of(&self, triangle: u32, p: Vec3) -> Vec3 {
        closest_point(p, self.corners_of(triangle))
    }
    /// Whether a place is inside the surface, by the way to it from its nearest point, which is one of
    /// this triangle (Baerentzen and Aanaes 2005, Signed distance computation using the angle weighted
    /// pseudonormal): exact, however sharply a closed surface is folded there, as long as it does not cross
    /// itself. At a place on the surface: no.
    pub fn is_inside(&self, triangle: u32, point: Vec3, away: Vec3) -> bool {
        away.dot(self.normal_at(triangle, point)) < 0.0
    }
    /// The surface's outward normal at a point of a triangle, of any length: in it its own; on an edge
    /// and at a corner the sum of those that meet there, each weighted by its angle there.
    pub fn normal_at(&self, triangle: u32, point: Vec3) -> Vec3 {
        /// What rounding may leave between a point and the edge or corner it is on, mm.
        const ROUNDING_MM: f32 = 1e-4;
        let is_near = |corner: &Vec3| corner.distance_squared(point) < ROUNDING_MM * ROUNDING_MM;
        let corners = self.triangles[triangle as usize];
        let at = corners.map(|n| self.corners[n as usize]);
        if let Some(n) = at.iter().position(is_near) {
            return self.normal_at_corner(corners[n]);
        }
        let edges = [[0, 1], [1, 2], [2, 0]];
        let is_on = |[a, b]: &[usize; 2]| {
            is_near(&(at[*a] + (point - at[*a]).project_onto(at[*b] - at[*a])))
        };
        match edges.into_iter().find(is_on) {
            Some([a, b]) => self.normal_at_edge([corners[a], corners[b]]),
            None => self.normal(triangle),
        }
    }
    fn normal_at_corner(&self, corner: u32) -> Vec3 {
        let weighted = |triangle: &u32| {
            let corners = self.triangles[*triangle as usize];
            let first = corners.iter().position(|n| *n == corner).unwrap_or(0);
            let [here, a, b] = [0, 1, 2].map(|n| self.corners[corners[(first + n) % 3] as usize]);
            let angle = (a - here).angle_between(b - here);
            // Not a number where an edge has no length.
            self.normal(*triangle) * angle.max(0.0)
        };
        self.around(corner).iter().map(weighted).sum()
    }
    /// Both triangles have half a turn there.
    fn normal_at_edge(&self, [from, to]: [u32; 2]) -> Vec3 {
        let of_edge =
            self.around(from).iter().filter(|t| self.triangles[**t as usize].contains(&to));
        of_edge.map(|t| self.normal(*t)).sum()
    }
    /// A triangle's own normal, outward; zero where it has no area.
    fn normal(&self, triangle: u32) -> Vec3 {
        let [a, b, c] = self.corners_of(triangle);
        (b - a).cross(c - a).normalize_or_zero()
    }
    /// From a triangle near `p` on to nearer ones next to it, until `p` is right over one or there
    /// is none: that triangle, and its point nearest to `p`.
    pub fn walk(&self, p: Vec3, triangle: u32) -> (u32, Vec3) {
        let around = |corner| self.nearest_around(corner, p);
        self.walk_from(p, triangle, self.nearest_of(triangle, p), around)
    }
    /// The same where the triangle's point is known; `around` tells the nearest triangle around a
    /// corner, its point and the square of the distance.
    #[inline(always)]
    pub fn walk_from(
        &self,
        p: Vec3,
        mut triangle: u32,
        mut point: Vec3,
        around: impl Fn(u32) -> Option<(f32, Vec3, u32)>,
    ) -> (u32, Vec3) {
        let mut least = point.distance_squared(p);
        let mut seen = None;
        while !self.is_over(p, point, triangle) {
            let corners = self.triangles[triangle as usize];
            let distance = |n: &u32| self.corners[*n as usize].distance_squared(p);
            let corner = corners.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
            // Of those around a corner the nearest one is known by now.
            let Some(corner) = corner.filter(|corner| seen != Some(*corner)) else { break };
            seen = Some(corner);
            match around(corner) {
                Some((nearer, at, t)) if nearer < least => {
                    (least, point, triangle) = (nearer, at, t);
                }
                _ => break,
            }
        }
        (triangle, point)
    }
    /// The triangle around a corner that is nearest to `p`, its point, and the square of the distance.
    fn nearest_around(&self, corner: u32, p: Vec3) -> Option<(f32, Vec3, u32)> {
        let points = self.around(corner).iter().map(|&t| (self.nearest_of(t, p), t));
        let found = points.map(|(at, t)| (at.distance_squared(p), at, t));
        found.min_by(|a, b| a.0.total_cmp(&b.0))
    }
    fn around(&self, corner: u32) -> &[u32] {
        let [from, to] = [corner, corner + 1].map(|n| self.first_around[n as usize] as usize);
        &self.around[from..to]
    }
    /// True when `point`, the triangle's nearest to `p`, is no point of its edges.
    fn is_over(&self, p: Vec3, point: Vec3, triangle: u32) -> bool {
        let [a, b, c] = self.corners_of(triangle);
        let away = p - point;
        let normal = (b - a).cross(c - a);
        away.dot(normal).powi(2) > 0.9999 * away.length_squared() * normal.length_squared()
    }
}

/// The triangles around each corner, four at once: more room and less time than [`Triangles`] take, for
/// who walks to many places.
#[derive(Debug, Default)]
pub(super) struct Fans {
    fours: Vec<Four>,
    /// Those of corner n are `fours[first[n]..first[n + 1]]`.
    first: Vec<u32>,
}

impl Fans {
    pub fn new(of: &Triangles) -> Self {
        let fours = |corner: u32| of.around(corner).chunks(4);
        let corners = 0..of.corners.len() as u32;
        let all: Vec<&[u32]> = corners.clone().flat_map(fours).collect();
        let of_each = corners.flat_map(|n| fours(n).map(move |_| n as usize));
        let four = |four: &&[u32]| Four::new(four, |triangle| of.corners_of(triangle));
        Self {
            fours: all.par_iter().map(four).collect(),
            first: counted(of_each, of.corners.len()),
        }
    }
    /// The triangle around a corner that is nearest to `p`, its point, and the square of the distance.
    #[inline(always)]
    pub fn nearest_around(&self, corner: u32, p: Vec3) -> Option<(f32, Vec3, u32)> {
        let [from, to] = [corner, corner + 1].map(|n| self.first[n as usize] as usize);
        let mut best: Option<(f32, Vec3, u32)> = None;
        for four in &self.fours[from..to] {
            let (square, point, triangle) = four.nearest_to(p);
            if best.is_none_or(|(least, ..)| square < least) {
                best = Some((square, point, triangle));
            }
        }
        best
    }
}

/// Triangles by where their middles lie: cubes of a few millimetres.
#[derive(Clone, Debug)]
pub(super) struct Bins {
    low: Vec3,
    size: [usize; 3],
    /// The triangles of bin n are `triangles[first[n]..first[n + 1]]`.
    triangles: Vec<u32>,
    first: Vec<u32>,
    /// No corner lies farther from the middle of its triangle, mm.
    most_mm: f32,
}

impl Bins {
    const EDGE_MM: f32 = 2.0;

    pub fn new(of: &Triangles) -> Self {
        let middle = |triangle: u32| of.corners_of(triangle).into_iter().sum::<Vec3>() / 3.0;
        let all = 0..of.triangles.len() as u32;
        let (mut low, mut high, mut most_mm) = (Vec3::INFINITY, Vec3::NEG_INFINITY, 0.0_f32);
        for triangle in all.clone() {
            let middle = middle(triangle);
            (low, high) = (low.min(middle), high.max(middle));
            let corners = of.corners_of(triangle).map(|c| c.distance(middle));
            most_mm = corners.into_iter().fold(most_mm, f32::max);
        }
        let size = (high - low).max(Vec3::ZERO) / Self::EDGE_MM;
        let mut bins = Self {
            low,
            size: size.as_usizevec3().to_array().map(|n| n + 1),
            triangles: vec![0; of.triangles.len()],
            first: Vec::new(),
            most_mm,
        };
        let bin_of: Vec<usize> =
            all.map(|triangle| bins.bin(bins.place(middle(triangle)))).collect();
        let bins_count = bins.size.iter().product::<usize>();
        bins.first = counted(bin_of.iter().copied(), bins_count);
        let mut next = bins.first.clone();
        for (triangle, bin) in (0u32..).zip(bin_of) {
            bins.triangles[next[bin] as usize] = triangle;
            next[bin] += 1;
        }
        bins
    }
    fn place(&self, p: Vec3) -> [usize; 3] {
        let place = ((p - self.low) / Self::EDGE_MM).max(Vec3::ZERO).as_usizevec3().to_array();
        std::array::from_fn(|n| place[n].min(self.size[n] - 1))
    }
    fn bin(&self, [i, j, k]: [usize; 3]) -> usize {
        i + self.size[0] * (j + self.size[1] * k)
    }
    /// Shows every triangle that comes within `mm` of `p`, and a few others; `show` says within what
    /// the next ones matter, which is no more than before.
    pub fn nearer(&self, of: &Triangles, p: Vec3, mut mm: f32, mut show: impl FnMut(u32) -> f32) {
        let reach = Vec3::splat(mm + self.most_mm);
        let [low, high] = [self.place(p - reach), self.place(p + reach)];
        let to_slab = |axis: usize, n: usize| {
            let first = self.low[axis] + n as f32 * Self::EDGE_MM;
            p[axis] - p[axis].clamp(first, first + Self::EDGE_MM)
        };
        for k in low[2]..=high[2] {
            for j in low[1]..=high[1] {
                // Of a row of bins, only those that a ball around `p` meets.
                let square =
                    (mm + self.most_mm).powi(2) - (to_slab(1, j).powi(2) + to_slab(2, k).powi(2));
                if square < 0.0 {
                    continue;
                }
                let half = Vec3::X * square.sqrt();
                let ends = [self.place(p - half)[0], self.place(p + half)[0] + 1];
                let [from, to] = ends.map(|i| self.first[self.bin([i, j, k])] as usize);
                for triangle in &self.triangles[from..to] {
                    let [corner, ..] = of.triangles[*triangle as usize];
                    let corner = of.corners[corner as usize];
                    // No place of a triangle is farther from its corner than twice that.
                    let most = mm + 2.0 * self.most_mm;
                    if p.distance_squared(corner) <= most * most {
                        mm = show(*triangle);
                    }
                }
            }
        }
    }
    /// Shows every triangle that comes within `mm` of `p`, and others.
    pub fn within(&self, p: Vec3, mm: f32, mut show: impl FnMut(u32)) {
        let reach = Vec3::splat(mm + self.most_mm);
        let [low, high] = [self.place(p - reach), self.place(p + reach)];
        for k in low[2]..=high[2] {
            for j in low[1]..=high[1] {
                let [from, to] = [low[0], high[0] + 1].map(|i| self.bin([i, j, k]));
                let [from, to] = [from, to].map(|bin| self.first[bin] as usize);
                self.triangles[from..to].iter().for_each(|triangle| show(*triangle));
            }
        }
    }
}

/// Where the things of each kind begin when they are sorted by kind, and where the last ones end.
fn counted(kinds: impl Iterator<Item = usize>, count: usize) -> Vec<u32> {
    let mut first = vec![0; count + 1];
    kinds.for_each(|kind| first[kind + 1] += 1);
    for n in 1..first.len() {
        first[n] += first[n - 1];
    }
    first
}

/// The triangles around each corner, one corner after the other, and where each corner's begin.
fn triangles_around(mesh: &TriMesh) -> (Vec<u32>, Vec<u32>) {
    let corners = mesh.triangles.iter().flatten().map(|corner| *corner as usize);
    let first = counted(corners, mesh.positions.len());
    let mut next = first.clone();
    let mut around = vec![0; 3 * mesh.triangles.len()];
    for (triangle, corners) in (0u32..).zip(&mesh.triangles) {
        for &corner in corners {
            around[next[corner as usize] as usize] = triangle;
            next[corner as usize] += 1;
        }
    }
    (around, first)
}

/// The point of a triangle nearest to `p` (Ericson, Real-Time Collision Detection, 5.1.5); of one
/// without area, a point of its edges.
#[inline]
pub(super) fn closest_point(p: Vec3, [a, b, c]: [Vec3; 3]) -> Vec3 {
    let (ab, ac, ap) = (b - a, c - a, p - a);
    let (d1, d2) = (ab.dot(ap), ac.dot(ap));
    if d1 <= 0.0 && d2 <= 0.0 {
        return a;
    }
    let bp = p - b;
    let (d3, d4) = (ab.dot(bp), ac.dot(bp));
    if d3 >= 0.0 && d4 <= d3 {
        return b;
    }
    let vc = d1 * d4 - d3 * d2;
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 && d1 > d3 {
        return a + ab * (d1 / (d1 - d3));
    }
    let cp = p - c;
    let (d5, d6) = (ab.dot(cp), ac.dot(cp));
    if d6 >= 0.0 && d5 <= d6 {
        return c;
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 && d2 > d6 {
        return a + ac * (d2 / (d2 - d6));
    }
    let va = d3 * d6 - d5 * d4;
    if va <= 0.0 && d4 >= d3 && d5 >= d6 && (d4 > d3 || d5 > d6) {
        return b + (c - b) * ((d4 - d3) / ((d4 - d3) + (d5 - d6)));
    }
    let area = va + vb + vc;
    if !(area > 0.0) {
        return a;
    }
    a + ab * (vb / area) + ac * (vc / area)
}

#[cfg(test)]
mod tests {
    use super::super::tube::tests::solid_angle;
    use super::*;
    use crate::mesh;
    use crate::space::{Dir, Point};
    use std::f64::consts::{PI, TAU};

    /// A rugged sheet of 2 x 11 x 11 triangles.
    fn sheet() -> Triangles {
        let at = |n: u32| [n % 12, n / 12].map(f64::from);
        let position = |[x, y]: [f64; 2]| Point::new(x, y, (1.7 * x).sin() + (2.3 * y + x).cos());
        let cells = (0..11).flat_map(|j| (0..11).map(move |i| i + 12 * j));
        let mesh = TriMesh {
            positions: (0..144).map(|n| position(at(n))).collect(),
            normals: vec![Dir::Z; 144],
            triangles: cells.flat_map(|n| [[n, n + 1, n + 12], [n + 1, n + 13, n + 12]]).collect(),
        };
        Triangles::new(&mesh, DVec3::ZERO)
    }

    /// A closed star: a ball of triangles whose corners are drawn out and pushed in by turns.
    fn star() -> Triangles {
        const AROUND: u32 = 14;
        const DOWN: u32 = 7;
        let rim = |n: u32| {
            let (turn, down) = (n % AROUND, n / AROUND + 1);
            let (sin, cos) = (turn as f64 / f64::from(AROUND) * TAU).sin_cos();
            let (ring, height) = (f64::from(down) / f64::from(DOWN) * PI).sin_cos();
            let radius = if (turn + down) % 2 == 0 { 3.0 } else { 1.0 + 0.1 * (n % 5) as f64 };
            Point::new(ring * cos * radius, ring * sin * radius, height * radius)
        };
        let rims = AROUND * (DOWN - 1);
        let [top, bottom] = [rims, rims + 1];
        let next = |n: u32| n / AROUND * AROUND + (n + 1) % AROUND;
        let sides = (0..rims - AROUND)
            .flat_map(|n| [[n, n + AROUND, next(n)], [next(n), n + AROUND, next(n) + AROUND]]);
        let caps = (0..AROUND).flat_map(|n| {
            let low = rims - AROUND + n;
            [[top, n, next(n)], [bottom, next(low), low]]
        });
        let positions = (0..rims).map(rim).chain([1.5, -1.5].map(|z| Point::new(0.0, 0.0, z)));
        let mesh = TriMesh {
            positions: positions.collect(),
            normals: vec![Dir::Z; rims as usize + 2],
            triangles: sides.chain(caps).collect(),
        };
        assert!(mesh::is_closed(&mesh) && mesh::volume_mm3(&mesh) > 0.0);
        Triangles::new(&mesh, DVec3::ZERO)
    }

    /// How often triangles surround a place, by the solid angles they take up there.
    fn surrounded(star: &Triangles, p: Vec3) -> f64 {
        let corners = |triangle| star.corners_of(triangle).map(Vec3::as_dvec3);
        let all = 0..star.triangles.len() as u32;
        all.map(|triangle| solid_angle(p.as_dvec3(), corners(triangle))).sum::<f64>() / (2.0 * TAU)
    }

    #[test]
    fn however_sharp_corners_and_edges_are_a_place_is_on_its_side() {
        let star = star();
        let mut inside = 0;
        for n in 0..4000 {
            let share = [0.819_172_5, 0.671_043_6, 0.549_700_5]
                .map(|step: f32| (n as f32 * step).fract() - 0.5);
            let p = 6.0 * Vec3::from_array(share);
            let nearest = |t: &u32| star.nearest_of(*t, p).distance_squared(p);
            let all = 0..star.triangles.len() as u32;
            let triangle = all.min_by(|a, b| nearest(a).total_cmp(&nearest(b))).unwrap();
            let point = star.nearest_of(triangle, p);
            let times = surrounded(&star, p);
            assert_eq!(star.is_inside(triangle, point, p - point), times > 0.5, "{p}, {times}");
            inside += usize::from(times > 0.5);
        }
        assert!((400..2000).contains(&inside), "{inside}");
    }

    #[test]
    fn four_at_once_around_each_corner_the_same_triangle_is_nearest() {
        let sheet = sheet();
        let fans = Fans::new(&sheet);
        for corner in 0..144 {
            for n in 0..50 {
                let off = [0.71, 0.37, 0.53].map(|step: f32| (n as f32 * step).fract() - 0.5);
                let p = sheet.corners[corner as usize] + 3.0 * Vec3::from_array(off);
                assert_eq!(fans.nearest_around(corner, p), sheet.nearest_around(corner, p));
            }
        }
    }

    #[test]
    fn a_walk_ends_where_nothing_around_is_nearer() {
        let sheet = sheet();
        for n in 0..500 {
            let share = [0.755, 0.570, 0.319].map(|step: f32| (n as f32 * step).fract());
            let p = Vec3::from_array(share) * Vec3::new(11.0, 11.0, 4.0) - Vec3::Z * 2.0;
            let (triangle, point) = sheet.walk(p, n % 242);
            assert_eq!(point, sheet.nearest_of(triangle, p));
            let corners = sheet.triangles[triangle as usize];
            let to = |corner: &u32| sheet.corners[*corner as usize].distance_squared(p);
            let corner = corners.into_iter().min_by(|a, b| to(a).total_cmp(&to(b))).unwrap();
            let (least, ..) = sheet.nearest_around(corner, p).unwrap();
            let is_least = point.distance_squared(p) <= least;
            assert!(is_least || sheet.is_over(p, point, triangle), "{p}");
        }
    }

    #[test]
    fn a_triangle_without_area_has_a_nearest_point_all_the_same() {
        let [a, b, c] = [Vec3::ZERO, Vec3::X, Vec3::Y * 2.0];
        let nearest = |p: Vec3, corners: [Vec3; 3]| closest_point(p, corners);
        let p = Vec3::new(0.3, 1.0, 0.5);
        for corners in [[a, a, c], [a, c, a], [c, a, a], [a, c, c * 0.5], [a, c * 0.5, c]] {
            assert!((nearest(p, corners) - Vec3::Y).length() < 1e-6, "{corners:?}");
        }
        assert_eq!(nearest(p, [b; 3]), b);
        let inside = nearest(Vec3::new(0.2, 0.2, 3.0), [a, b, c]);
        assert!((inside - Vec3::new(0.2, 0.2, 0.0)).length() < 1e-6);
    }
}
