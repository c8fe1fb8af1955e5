//! The outline of a bone cut across, and the part of it that is the pedicle.
//!
//! In: the bone, a point inside and a direction. Out: a closed polygon in the plane across, found
//! by rays from the point. Where something hangs on its outer side by a neck (the root of a transverse
//! process at L5) [`Outline::tube`] cuts that off: from the deepest point of a bay of the outline
//! over the shortest way to the other side.

use super::solid::Solid;
use crate::space::Side;
use glam::{DVec2, DVec3};
use std::f64::consts::{PI, TAU};

/// A ray that runs further than this has left the pedicle, mm.
const MOST_MM: f64 = 20.0;
/// An outer wall further than this from the middle is not the pedicle's, mm: half of the widest one
/// known (clinical-numbers, section 3).
const MOST_HALF_WIDTH_MM: f64 = 10.8;
/// A bay shallower than this, mm, is none: noise and the smooth waist of a bean are.
const BAY_MM: f64 = 0.8;
/// What reaches further beyond the neck than this share of the neck's length hangs on by it.
const LOBE: f64 = 0.5;
/// A neck is not shorter than this share of the outline's height: the root of a process is thick.
const LEAST_NECK: f64 = 0.4;
/// An outline's bend is that of the circle through a corner and those this far along to both sides, mm.
const BEND_MM: f64 = 0.6;
/// How far from straight outwards a lobe may hang, degrees.
const OUTWARDS_DEG: f64 = 60.0;

/// A closed polygon in a plane, counter-clockwise about a point inside, which is its origin.
#[derive(Clone, Debug)]
pub(super) struct Outline {
    origin: DVec3,
    u: DVec3,
    v: DVec3,
    corners: Vec<DVec2>,
    was_cut: bool,
}

/// Directions left-right and up-down across an axis.
pub(super) fn across(axis: DVec3) -> [DVec3; 2] {
    let left = DVec3::X.reject_from_normalized(axis).normalize_or(DVec3::X);
    [left, left.cross(axis).normalize_or(DVec3::Z)]
}

impl Outline {
    /// The outline around `centre`, which should be inside, in the plane across `axis`.
    pub fn of(solid: &Solid<'_>, centre: DVec3, axis: DVec3, rays: usize) -> Self {
        let [u, v] = across(axis);
        let corner = |n: usize| {
            let d = DVec2::from_angle(TAU * n as f64 / rays as f64);
            d * solid.reach(centre, u * d.x + v * d.y, MOST_MM)
        };
        Self { origin: centre, u, v, corners: (0..rays).map(corner).collect(), was_cut: false }
    }
    /// Area, mm².
    pub fn area_mm2(&self) -> f64 {
        self.moments().0
    }
    /// Middle of the area.
    pub fn centroid(&self) -> DVec3 {
        let (area, moment) = self.moments();
        let c = moment / area.max(1e-9);
        self.origin + self.u * c.x + self.v * c.y
    }
    /// With every corner moved outwards by as many mm as `by` tells for its place, the way out and the
    /// outline's curvature there, 1/mm, positive where it is convex.
    pub fn moved(self, by: impl Fn(DVec3, DVec3, f64) -> f64) -> Self {
        let place = |p: DVec2| self.u * p.x + self.v * p.y;
        let one = |n: usize| {
            let (corner, [before, after]) = (self.corners[n], self.beside(n));
            let out = -(after - before).perp().normalize_or_zero();
            let (come, go) = (corner - before, after - corner);
            let sides = come.length() * go.length() * (after - before).length();
            let curvature = 2.0 * come.perp_dot(go) / sides.max(1e-9);
            corner + out * by(self.origin + place(corner), place(out), curvature)
        };
        let corners = (0..self.corners.len()).map(one).collect();
        Self { corners, ..self }
    }
    /// The corners about [`BEND_MM`] along the outline before and after one.
    fn beside(&self, n: usize) -> [DVec2; 2] {
        let count = self.corners.len();
        [count - 1, 1].map(|step| {
            let (mut at, mut way) = (n, 0.0);
            for _ in 0..count {
                let next = (at + step) % count;
                way += self.corners[at].distance(self.corners[next]);
                at = next;
                if way >= BEND_MM {
                    break;
                }
            }
            self.corners[at]
        })
    }
    /// How far it reaches left to right and up and down, mm.
    pub fn extents_mm(&self) -> [f64; 2] {
        let far = DVec2::INFINITY;
        let (low, high) =
            self.corners.iter().fold((far, -far), |(low, high), c| (low.min(*c), high.max(*c)));
        (high - low).max(DVec2::ZERO).to_array()
    }
    /// Its least extent in any direction, mm: between two parallel lines that touch it.
    pub fn least_mm(&self) -> f64 {
        const DIRECTIONS: usize = 90;
        let extent = |n: usize| {
            let d = DVec2::from_angle(PI * n as f64 / DIRECTIONS as f64);
            let along = self.corners.iter().map(|c| c.dot(d));
            along.clone().fold(f64::NEG_INFINITY, f64::max) - along.fold(f64::INFINITY, f64::min)
        };
        (0..DIRECTIONS).map(extent).fold(f64::INFINITY, f64::min)
    }
    /// Width, height and least extent, mm.
    pub fn sizes_mm(&self) -> [f64; 3] {
        let [width, height] = self.extents_mm();
        [width, height, self.least_mm()]
    }
    /// True when a ray never met the bone's surface.
    pub fn is_open(&self) -> bool {
        self.corners.iter().any(|c| c.length() > MOST_MM - 1e-6)
    }
    fn moments(&self) -> (f64, DVec2) {
        let n = self.corners.len();
        let edges = (0..n).map(|i| (self.corners[i], self.corners[(i + 1) % n]));
        edges.fold((0.0, DVec2::ZERO), |(area, moment), (a, b)| {
            let cross = a.perp_dot(b);
            (area + cross / 2.0, moment + (a + b) * (cross / 6.0))
        })
    }
    /// True when a lobe was cut off.
    pub fn was_cut(&self) -> bool {
        self.was_cut
    }
    /// The outline without what hangs by a neck on the outer side of the pedicle of `side`.
    pub fn tube(mut self, side: Side) -> Self {
        if let Some((from, to)) = self.neck(side) {
            self.keep_origins_side(from, to);
            self.was_cut = true;
        }
        self
    }
    /// The shortest cut from the bottom of a bay that leaves a lobe on the side away from the
    /// origin.
    fn neck(&self, side: Side) -> Option<(usize, usize)> {
        let n = self.corners.len();
        let least_mm = LEAST_NECK * self.extents_mm()[1];
        let outwards = DVec2::X * side.sign();
        let reach = self.corners.iter().map(|c| c.dot(outwards)).fold(0.0, f64::max);
        if reach <= MOST_HALF_WIDTH_MM {
            return None;
        }
        let cuts = self
            .bays()
            .into_iter()
            .flat_map(|from| (2..n - 1).map(move |d| (from, (from + d) % n)));
        let good = cuts.filter_map(|(from, to)| {
            let (a, b) = (self.corners[from], self.corners[to]);
            let length = a.distance(b);
            let out = -(b - a).perp().normalize_or_zero() * (b - a).perp_dot(-a).signum();
            let lobe = self.far_side(from, to)?;
            if out.angle_to(outwards).abs() > OUTWARDS_DEG.to_radians() || length < least_mm {
                return None;
            }
            let height = lobe.map(|i| (self.corners[i] - a).dot(out)).fold(0.0, f64::max);
            (height > LOBE * length && self.runs_inside(a, b)).then_some((length, from, to))
        });
        let shortest = good.min_by(|a, b| a.0.total_cmp(&b.0))?;
        Some((shortest.1, shortest.2))
    }
    /// The corners strictly between the ends of a cut on the side away from the origin; `None`
    /// for a cut through the origin.
    fn far_side(&self, from: usize, to: usize) -> Option<impl Iterator<Item = usize>> {
        let n = self.corners.len();
        let turn = self.corners[from].perp_dot(self.corners[to]);
        if turn.abs() < 1e-9 {
            return None;
        }
        // Seen from the origin the corners go round: from the first end to the second where the
        // turn is to the left.
        let (first, last) = if turn > 0.0 { (from, to) } else { (to, from) };
        let count = (last + n - first) % n;
        Some((1..count).map(move |d| (first + d) % n))
    }
    fn runs_inside(&self, a: DVec2, b: DVec2) -> bool {
        [0.1, 0.3, 0.5, 0.7, 0.9].iter().all(|t| self.holds(a.lerp(b, *t)))
    }
    fn holds(&self, p: DVec2) -> bool {
        let n = self.corners.len();
        let crosses = |i: &usize| {
            let (a, b) = (self.corners[*i], self.corners[(*i + 1) % n]);
            (a.y > p.y) != (b.y > p.y) && p.x < a.x + (b.x - a.x) * (p.y - a.y) / (b.y - a.y)
        };
        (0..n).filter(crosses).count() % 2 == 1
    }
    fn keep_origins_side(&mut self, from: usize, to: usize) {
        let Some(lobe) = self.far_side(from, to) else { return };
        let cut: Vec<usize> = lobe.collect();
        let mut index = 0;
        self.corners.retain(|_| {
            index += 1;
            !cut.contains(&(index - 1))
        });
    }
    /// The deepest corner of every bay: of every stretch that leaves the convex hull.
    fn bays(&self) -> Vec<usize> {
        let hull = self.hull();
        let n = self.corners.len();
        let edges = (0..hull.len()).map(|i| (hull[i], hull[(i + 1) % hull.len()]));
        let deepest = |(a, b): (usize, usize)| {
            let (p, q) = (self.corners[a], self.corners[b]);
            let across = (q - p).perp().normalize_or_zero();
            let depth = |i: &usize| (self.corners[*i] - p).dot(across);
            let within = (1..(b + n - a) % n).map(|d| (a + d) % n);
            within.max_by(|i, j| depth(i).total_cmp(&depth(j))).filter(|i| depth(i) > BAY_MM)
        };
        edges.filter_map(deepest).collect()
    }
    /// Corners of the convex hull, counter-clockwise (Andrew's chain).
    fn hull(&self) -> Vec<usize> {
        let c = &self.corners;
        let mut order: Vec<usize> = (0..c.len()).collect();
        order.sort_by(|a, b| c[*a].x.total_cmp(&c[*b].x).then(c[*a].y.total_cmp(&c[*b].y)));
        let chain = |order: &mut dyn Iterator<Item = usize>| {
            let mut chain: Vec<usize> = Vec::new();
            for i in order {
                while let [.., a, b] = chain[..] {
                    if (c[b] - c[a]).perp_dot(c[i] - c[b]) > 0.0 {
                        break;
                    }
                    chain.pop();
                }
                chain.push(i);
            }
            chain.pop();
            chain
        };
        let mut hull = chain(&mut order.iter().copied());
        hull.extend(chain(&mut order.iter().rev().copied()));
        hull
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(radius: impl Fn(f64) -> f64) -> Outline {
        let corner = |n: usize| {
            let angle = TAU * n as f64 / 180.0;
            DVec2::from_angle(angle) * radius(angle)
        };
        let corners = (0..180).map(corner).collect();
        Outline { origin: DVec3::ZERO, u: DVec3::X, v: DVec3::Z, corners, was_cut: false }
    }

    #[test]
    fn an_ellipse_is_all_tube() {
        let ellipse = outline(|t| 1.0 / ((t.cos() / 4.0).powi(2) + (t.sin() / 8.0).powi(2)).sqrt());
        let before = ellipse.extents_mm();
        assert!((before[0] - 8.0).abs() < 0.01 && (before[1] - 16.0).abs() < 0.01);
        assert_eq!(ellipse.tube(Side::Left).extents_mm(), before);
    }

    #[test]
    fn the_least_extent_of_an_oblique_oval_is_its_short_axis() {
        // Half axes 4 and 8, leaning by 40 degrees.
        let oval = outline(|t| {
            let (sin, cos) = (t - 40f64.to_radians()).sin_cos();
            1.0 / ((cos / 4.0).powi(2) + (sin / 8.0).powi(2)).sqrt()
        });
        assert!((oval.least_mm() - 8.0).abs() < 0.02, "{}", oval.least_mm());
        assert!(oval.extents_mm().iter().all(|mm| *mm > 10.0));
    }

    #[test]
    fn a_process_that_hangs_on_one_side_is_cut_off_at_its_root() {
        // A disc of radius 8 with a bar 6 mm high that runs out to the left, below its middle.
        let bar = |t: f64| {
            let d = DVec2::from_angle(t);
            let reaches = (0..400).rev().map(|n| n as f64 * 0.05).find(|r| {
                let p = d * *r;
                p.length() < 8.0 || (p.x > 0.0 && (p.y + 1.0).abs() < 3.0 && p.x < 19.0)
            });
            reaches.unwrap_or(0.0)
        };
        let [width, height] = outline(bar).tube(Side::Left).extents_mm();
        assert!((width - 16.0).abs() < 1.5 && (height - 16.0).abs() < 0.2, "{width} {height}");
    }
}
