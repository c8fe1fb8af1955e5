//! The femoral heads: two spheres, found in the CT.
//!
//! In: a CT and the end plate of S1, below and before which the hips lie. Out: [`Hips`]. Every edge
//! of bone votes for the places at which the middle of a head of usual size would lie on its inner
//! side (a Hough transform); the sphere is then fitted to the edges that face the winner, by least
//! squares. A head of metal is a sphere as well.

use super::EndPlate;
use crate::space::{Dir, Patient, Point, Side};
use crate::volume::{Grid, Volume};
use glam::{DMat4, DVec3, DVec4};
use rayon::prelude::*;
use serde::Serialize;

/// A sphere in patient space.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sphere {
    /// Its middle.
    #[serde(rename = "centre_lps_mm")]
    pub centre: Point<Patient>,
    /// Its radius.
    pub radius_mm: f64,
}

/// Both femoral heads, left first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Hips {
    /// The heads, left first.
    pub heads: [Sphere; 2],
}

impl Hips {
    /// Middle of the axis through both heads.
    pub fn middle(&self) -> Point<Patient> {
        self.heads[0].centre.lerp(self.heads[1].centre, 0.5)
    }
}

/// Where a head may lie from the plate of S1, mm: beside it, behind it, above it (first and last).
const BESIDE_MM: [f64; 2] = [45.0, 125.0];
const BEHIND_MM: [f64; 2] = [-110.0, 40.0];
const ABOVE_MM: [f64; 2] = [-165.0, -25.0];
/// Distance of the places that are looked at, mm.
const STEP_MM: f64 = 2.0;
/// Radii of adult heads, mm.
const RADIUS_MM: [f64; 2] = [17.0, 31.0];
/// HU outside of this tell nothing about bone's edge: air below, metal above.
const HU: [f64; 2] = [-50.0, 600.0];
/// An edge rises by at least this much, HU per mm.
const LEAST_EDGE: f64 = 30.0;
/// The sphere is fitted to edges within this of it, mm, whose way inwards leads within this of its
/// middle (cosine).
const NEAR_MM: f64 = 2.5;
const FACING: f64 = 0.9;
/// Fewer edges than this, or more of them off the sphere by this (mean square root, mm), are no head.
const LEAST_EDGES: usize = 250;
const MOST_OFF_MM: f64 = 1.3;

/// Both heads; `None` when one of them is not in the CT or does not look like a sphere.
pub fn find(ct: &Volume<i16>, plate: &EndPlate) -> Option<Hips> {
    let [left, right] = Side::BOTH.map(|side| head(ct, plate.centre, side));
    Some(Hips { heads: [left?, right?] })
}

/// A place where bone begins, and the way into it.
struct Edge {
    at: DVec3,
    inwards: DVec3,
    strength: f64,
}

fn head(ct: &Volume<i16>, plate: Point<Patient>, side: Side) -> Option<Sphere> {
    let x = BESIDE_MM.map(|x| x * side.sign());
    let low = DVec3::new(x[0].min(x[1]), BEHIND_MM[0], ABOVE_MM[0]);
    let high = DVec3::new(x[0].max(x[1]), BEHIND_MM[1], ABOVE_MM[1]);
    let size = ((high - low) / STEP_MM).to_array().map(|n| n as usize + 1);
    let grid = Grid::along_axes(plate + Dir::from_vec(low), STEP_MM, size);
    let edges = edges(ct, &grid);
    let start = vote(&edges, &grid)?;
    fit(&edges, start)
}

/// The edges among the nodes of `grid`; none where the CT does not reach.
fn edges(ct: &Volume<i16>, grid: &Grid) -> Vec<Edge> {
    let hu = |p: Point<Patient>| ct.trilinear(p).map(|hu| hu.clamp(HU[0], HU[1]));
    let [ni, nj, nk] = grid.size();
    let half = STEP_MM / 2.0;
    let edge = |n: usize| {
        let at = grid.centre([n % ni, n / ni % nj, n / (ni * nj)]);
        let slope = |d: Dir<Patient>| Some((hu(at + d * half)? - hu(at - d * half)?) / STEP_MM);
        let rise = DVec3::new(slope(Dir::X)?, slope(Dir::Y)?, slope(Dir::Z)?);
        let strength = rise.length();
        let inwards = rise / strength.max(1e-9);
        (strength > LEAST_EDGE).then_some(Edge { at: at.vec(), inwards, strength })
    };
    (0..ni * nj * nk).into_par_iter().filter_map(edge).collect()
}

/// The place that most edges face at the distance of some radius.
fn vote(edges: &[Edge], grid: &Grid) -> Option<DVec3> {
    let [ni, nj, nk] = grid.size();
    let mut votes = vec![0.0f32; ni * nj * nk];
    let voxel_from_patient = grid.voxel_from_patient();
    for edge in edges {
        let mut radius = RADIUS_MM[0];
        while radius <= RADIUS_MM[1] {
            let p = voxel_from_patient.point(Point::from_vec(edge.at + edge.inwards * radius));
            let index = p.vec().round();
            let is_inside = index.cmpge(DVec3::ZERO).all()
                && index.cmplt(DVec3::new(ni as f64, nj as f64, nk as f64)).all();
            if is_inside {
                let [i, j, k] = index.to_array().map(|n| n as usize);
                // A strong edge is not a better one: metal would outvote bone.
                votes[i + ni * (j + nj * k)] += edge.strength.min(150.0) as f32;
            }
            radius += STEP_MM / 2.0;
        }
    }
    // Neighbours count as well: a head is no perfect sphere.
    let around = |n: usize| {
        let [i, j, k] = [n % ni, n / ni % nj, n / (ni * nj)];
        if [i, j, k].contains(&0) || i + 1 == ni || j + 1 == nj || k + 1 == nk {
            return 0.0;
        }
        let offsets =
            (0..27).map(|m| (i + m % 3 - 1) + ni * ((j + m / 3 % 3 - 1) + nj * (k + m / 9 - 1)));
        offsets.map(|n| votes[n]).sum::<f32>()
    };
    let best = (0..votes.len()).max_by(|a, b| around(*a).total_cmp(&around(*b)))?;
    Some(grid.centre([best % ni, best / ni % nj, best / (ni * nj)]).vec())
}

/// The sphere through the edges that face `start`, by turns with the choice of those edges.
fn fit(edges: &[Edge], start: DVec3) -> Option<Sphere> {
    let mut sphere = (start, usual_radius(edges, start)?);
    let mut used = 0;
    let mut off_mm = f64::INFINITY;
    for _ in 0..12 {
        let near: Vec<&Edge> = edges.iter().filter(|e| faces(e, sphere)).collect();
        used = near.len();
        sphere = least_squares(&near)?;
        let off = |e: &&Edge| (e.at.distance(sphere.0) - sphere.1).powi(2) * e.strength;
        let weight: f64 = near.iter().map(|e| e.strength).sum();
        off_mm = (near.iter().map(off).sum::<f64>() / weight.max(1e-9)).sqrt();
    }
    let (centre, radius_mm) = sphere;
    let is_head = used >= LEAST_EDGES
        && off_mm <= MOST_OFF_MM
        && (RADIUS_MM[0]..=RADIUS_MM[1]).contains(&radius_mm)
        && centre.distance(start) < 10.0;
    is_head.then_some(Sphere { centre: Point::from_vec(centre), radius_mm })
}

fn faces(edge: &Edge, (centre, radius): (DVec3, f64)) -> bool {
    let to_centre = centre - edge.at;
    (to_centre.length() - radius).abs() < NEAR_MM
        && edge.inwards.dot(to_centre.normalize_or_zero()) > FACING
}

/// The distance at which most edges face `centre`.
fn usual_radius(edges: &[Edge], centre: DVec3) -> Option<f64> {
    let radii = (0..).map(|n| RADIUS_MM[0] + 0.5 * f64::from(n)).take_while(|r| *r <= RADIUS_MM[1]);
    let weight =
        |r: f64| edges.iter().filter(|e| faces(e, (centre, r))).map(|e| e.strength).sum::<f64>();
    radii.map(|r| (r, weight(r) / (r * r))).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(r, _)| r)
}

/// The sphere of least squares of |p|² - 2 c·p = r² - |c|², weighted by the edges' strength.
fn least_squares(edges: &[&Edge]) -> Option<(DVec3, f64)> {
    let weight: f64 = edges.iter().map(|e| e.strength).sum();
    let mean = edges.iter().map(|e| e.at * e.strength).sum::<DVec3>() / weight.max(1e-9);
    let (mut sums, mut right) = (DMat4::ZERO, DVec4::ZERO);
    for edge in edges {
        let p = edge.at - mean;
        let row = DVec4::new(2.0 * p.x, 2.0 * p.y, 2.0 * p.z, 1.0);
        let wide = row * edge.strength;
        sums += DMat4::from_cols(wide * row.x, wide * row.y, wide * row.z, wide * row.w);
        right += wide * p.length_squared();
    }
    if edges.len() < 20 || sums.determinant().abs() < 1e-6 {
        return None;
    }
    let solved = sums.inverse() * right;
    let centre = solved.truncate();
    let square = solved.w + centre.length_squared();
    (square > 0.0).then(|| (centre + mean, square.sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two heads of unlike size in sockets, half a voxel of blur.
    fn ct(heads: [(DVec3, f64); 2]) -> Volume<i16> {
        let grid = Grid::along_axes(Point::new(-130.0, -90.0, -150.0), 2.5, [105, 60, 48]);
        let at = grid.clone();
        Volume::from_fn(grid, |n| {
            let p = at.centre(n).vec();
            let hu = heads.iter().map(|(centre, radius)| {
                let off = p.distance(*centre) - radius;
                let head = 400.0 * (0.5 - off / 2.5).clamp(0.0, 1.0);
                let is_socket = p.z > centre.z && (3.0..8.0).contains(&off);
                if is_socket { 500.0 } else { head }
            });
            hu.fold(0.0, f64::max) as i16
        })
    }

    #[test]
    fn both_heads_are_found_each_on_its_side() {
        let truth =
            [(DVec3::new(88.0, -30.0, -92.0), 24.0), (DVec3::new(-84.0, -34.0, -97.0), 21.5)];
        let plate = EndPlate { centre: Point::new(2.0, 5.0, -1.0), up: Dir::Z };
        let hips = find(&ct(truth), &plate).expect("two heads");
        for (head, (centre, radius)) in hips.heads.iter().zip(truth) {
            assert!(head.centre.vec().distance(centre) < 1.0, "{head:?}");
            assert!((head.radius_mm - radius).abs() < 1.0, "{head:?}");
        }
    }

    #[test]
    fn one_head_alone_is_no_pair_of_hips() {
        let far = (DVec3::new(-400.0, 0.0, 0.0), 20.0);
        let plate = EndPlate { centre: Point::ORIGIN, up: Dir::Z };
        assert_eq!(find(&ct([(DVec3::new(88.0, -30.0, -92.0), 24.0), far]), &plate), None);
    }
}
