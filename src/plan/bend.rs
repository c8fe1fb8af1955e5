//! From a rod to the numbers that a bender is set to, and back.
//!
//! In: the middle line of a [`Rod`](super::rod::Rod), a bender, a rod's springback. Out: a
//! [`BendTable`] of feed, roll and bend, and the rod that it makes ([`BendTable::forward`]).
//!
//! The bent rod is a chain of straight pieces P0..Pn joined by arcs of the former's radius R, each
//! arc tangent to its two pieces. With t_i = unit(P_i+1 − P_i): the bend θ_i is the angle between
//! t_i−1 and t_i; the roll φ_i turns the plane of one bend into that of the next, about t_i−1; an
//! arc takes R tan(θ/2) of each piece; the feed is what is left of a piece. Asked for is the angle
//! that springs back to θ: (θ − offset) / factor.

use crate::implant::{Bender, RodKind};
use crate::space::{Patient, Point};
use glam::{DQuat, DVec3};
use serde::Serialize;
use std::fmt::Write as _;

/// Bends smaller than this are left out, degrees.
const LEAST_BEND_DEG: f64 = 0.05;

/// One setting of the bender.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bend {
    /// Straight rod pushed through before it, mm.
    pub feed_mm: f64,
    /// Turn of the rod about itself before it, degrees, right-handed looking along the feed; that
    /// of the first bend is 0.
    pub roll_deg: f64,
    /// The bend that stays, degrees.
    pub bend_deg: f64,
    /// What the bender is set to, so that this stays after springback, degrees.
    pub set_deg: f64,
}

/// All settings for one rod.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BendTable {
    /// First bend first.
    pub bends: Vec<Bend>,
    /// Straight rod behind the last bend, mm.
    pub last_feed_mm: f64,
    /// Radius of the former, mm.
    pub radius_mm: f64,
    /// What can not be bent so, one sentence each.
    pub impossible: Vec<String>,
    #[serde(skip)]
    start: Start,
}

/// Where the rod begins: place, direction, and the plane of its first bend.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Start {
    place: DVec3,
    along: DVec3,
    normal: DVec3,
}

/// The corners of the chain for a line: `bends` of them between its ends, where straight pieces
/// along it meet.
pub fn corners(line: &[Point<Patient>], bends: usize) -> Vec<DVec3> {
    let points: Vec<DVec3> = line.iter().map(|p| p.vec()).collect();
    if points.len() < 3 || bends == 0 {
        return points.first().into_iter().chain(points.last()).copied().collect();
    }
    // Pieces run along the line at the middles of equal parts; corners are where neighbours meet.
    let last = points.len() - 1;
    let at = |share: f64| {
        let place = share * last as f64;
        let n = (place as usize).min(last - 1);
        points[n].lerp(points[n + 1], place - n as f64)
    };
    let share = |n: usize| n as f64 / (bends + 1) as f64;
    let mut chain = vec![points[0]];
    chain.extend((1..=bends).map(|n| {
        // A corner lies outside the bow by a quarter of its sagitta-like excess, so that chain and
        // line enclose as much on either side.
        let (before, here, after) = (at(share(n - 1)), at(share(n)), at(share(n + 1)));
        here + (here - (before + after) / 2.0) * (1.0 / 3.0)
    }));
    chain.push(points[last]);
    chain
}

impl BendTable {
    /// The settings for a chain of corners, its two ends included.
    pub fn new(chain: &[DVec3], bender: &Bender, rod: &RodKind) -> Self {
        let pieces: Vec<DVec3> = chain.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let along: Vec<DVec3> =
            pieces.iter().map(|piece| piece.normalize_or(DVec3::NEG_Z)).collect();
        let radius = bender.former_radius_mm;
        let mut table = Self {
            bends: Vec::new(),
            last_feed_mm: 0.0,
            radius_mm: radius,
            impossible: Vec::new(),
            start: Start {
                place: chain.first().copied().unwrap_or_default(),
                along: along.first().copied().unwrap_or(DVec3::NEG_Z),
                normal: DVec3::X,
            },
        };
        let mut straight = pieces.first().map_or(0.0, |piece| piece.length());
        let mut normal: Option<DVec3> = None;
        for n in 1..pieces.len() {
            let angle = along[n - 1].angle_between(along[n]);
            if angle.to_degrees() < LEAST_BEND_DEG {
                straight += pieces[n].length();
                continue;
            }
            let plane = along[n - 1].cross(along[n]).normalize_or(DVec3::X);
            let roll = normal.map_or(0.0, |before| {
                before.cross(plane).dot(along[n - 1]).atan2(before.dot(plane))
            });
            if normal.is_none() {
                table.start.normal = plane;
            }
            let taken = radius * (angle / 2.0).tan();
            table.push(straight - taken, roll.to_degrees(), angle.to_degrees(), bender, rod);
            straight = pieces[n].length() - taken;
            normal = Some(plane);
        }
        table.last_feed_mm = straight;
        if straight < 0.0 {
            let number = table.bends.len();
            table.impossible.push(format!(
                "bend {number}: its arc runs {:.1} mm past the end of the rod; leave the rod longer",
                -straight
            ));
        }
        table
    }

    /// Adds a bend, rounded to what the bender can be set to, and names what it can not do.
    fn push(&mut self, feed: f64, roll_deg: f64, bend_deg: f64, bender: &Bender, rod: &RodKind) {
        let round = |x: f64, step: f64| (x / step).round() * step;
        let set_deg = (bend_deg - rod.spring_offset_deg) / rod.spring_factor;
        let number = self.bends.len() + 1;
        let needed = if self.bends.is_empty() { 0.0 } else { bender.grip_mm };
        if feed < needed {
            self.impossible.push(format!(
                "bend {number}: {feed:.1} mm of straight rod before it, the {} holds {needed:.1} \
                 mm; use fewer bends or a smaller former",
                bender.name.to_lowercase()
            ));
        }
        if set_deg > bender.most_bend_deg {
            self.impossible.push(format!(
                "bend {number}: {set_deg:.1} degrees, the {} bends up to {:.1} at once; use more \
                 bends",
                bender.name.to_lowercase(),
                bender.most_bend_deg
            ));
        }
        self.bends.push(Bend {
            feed_mm: round(feed, bender.feed_step_mm),
            roll_deg: round(roll_deg, bender.angle_step_deg),
            bend_deg: round(bend_deg, bender.angle_step_deg),
            set_deg: round(set_deg, bender.angle_step_deg),
        });
    }

    /// The middle line of the rod that this table makes, arcs in steps of at most a millimetre.
    /// Each bend is what stays of what the bender is set to.
    pub fn forward(&self, rod: &RodKind) -> Vec<Point<Patient>> {
        let Start { mut place, mut along, mut normal } = self.start;
        let mut line = vec![place];
        for bend in &self.bends {
            place += along * bend.feed_mm;
            line.push(place);
            normal = DQuat::from_axis_angle(along, bend.roll_deg.to_radians()) * normal;
            let stays = rod.spring_factor * bend.set_deg + rod.spring_offset_deg;
            let angle = stays.to_radians();
            let steps = (angle * self.radius_mm).ceil().max(1.0);
            let turn = DQuat::from_axis_angle(normal, angle / steps);
            let to_middle = normal.cross(along) * self.radius_mm;
            let middle = place + to_middle;
            let mut arm = -to_middle;
            for _ in 0..steps as usize {
                arm = turn * arm;
                line.push(middle + arm);
            }
            place = middle + arm;
            along = DQuat::from_axis_angle(normal, angle) * along;
        }
        line.push(place + along * self.last_feed_mm);
        line.into_iter().map(Point::from_vec).collect()
    }

    /// Length of straight rod to cut, mm: feeds and arcs together.
    pub fn cut_length_mm(&self) -> f64 {
        let arc = |bend: &Bend| bend.feed_mm + self.radius_mm * bend.bend_deg.to_radians();
        self.bends.iter().map(arc).sum::<f64>() + self.last_feed_mm
    }

    /// The table for reading.
    pub fn text(&self) -> String {
        let mut text = "bend  feed mm  roll deg  bend deg  set to deg\n".to_owned();
        for (n, b) in self.bends.iter().enumerate() {
            // Writing into a String can not fail.
            let _ = writeln!(
                text,
                "{:>4}  {:>7.1}  {:>8.1}  {:>8.1}  {:>10.1}",
                n + 1,
                b.feed_mm,
                b.roll_deg,
                b.bend_deg,
                b.set_deg
            );
        }
        let _ = writeln!(
            text,
            "last straight {:.1} mm, cut {:.1} mm",
            self.last_feed_mm,
            self.cut_length_mm()
        );
        for sentence in &self.impossible {
            text += sentence;
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::implant::Rods;
    use crate::plan::rod::Rod;

    fn bender_and_rod() -> (Bender, RodKind) {
        let rods = Rods::builtin().expect("our own file");
        (rods.bender("machine").expect("one").clone(), rods.rod("ti-5.5").expect("one").clone())
    }

    fn off(line: &[Point<Patient>], other: &[Point<Patient>]) -> f64 {
        let segment = |p: DVec3, a: DVec3, b: DVec3| {
            let t = ((p - a).dot(b - a) / (b - a).length_squared().max(1e-24)).clamp(0.0, 1.0);
            p.distance(a + (b - a) * t)
        };
        let to = |p: DVec3| {
            let pieces = other.windows(2).map(|w| segment(p, w[0].vec(), w[1].vec()));
            pieces.fold(f64::INFINITY, f64::min)
        };
        line.iter().map(|p| to(p.vec())).fold(0.0, f64::max)
    }

    /// The chain with its corners rounded by arcs, made without the table.
    fn rounded(chain: &[DVec3], radius: f64) -> Vec<Point<Patient>> {
        let mut line = vec![chain[0]];
        for w in chain.windows(3) {
            let (a, b) = ((w[1] - w[0]).normalize(), (w[2] - w[1]).normalize());
            let half = a.angle_between(b) / 2.0;
            let (from, to) = (w[1] - a * (radius * half.tan()), w[1] + b * (radius * half.tan()));
            let middle = w[1] + (b - a).normalize() * (radius / half.cos());
            for n in 0..=200 {
                let chord = from.lerp(to, f64::from(n) / 200.0);
                line.push(middle + (chord - middle).normalize() * radius);
            }
        }
        line.push(chain[chain.len() - 1]);
        line.into_iter().map(Point::from_vec).collect()
    }

    #[test]
    fn the_table_bent_forward_gives_the_rod_back() {
        let (bender, rod) = bender_and_rod();
        let chain = [
            DVec3::new(30.0, 10.0, 100.0),
            DVec3::new(31.0, 4.0, 60.0),
            DVec3::new(28.0, 2.0, 25.0),
            DVec3::new(24.0, 9.0, -15.0),
            DVec3::new(27.0, 22.0, -60.0),
        ];
        let table = BendTable::new(&chain, &bender, &rod);
        assert_eq!((table.bends.len(), table.impossible.len()), (3, 0), "{table:?}");
        let (made, wanted) = (table.forward(&rod), rounded(&chain, table.radius_mm));
        assert!(off(&made, &wanted) < 0.05 && off(&wanted, &made) < 0.05);
        let length: f64 = wanted.windows(2).map(|p| p[0].distance(p[1])).sum();
        assert!((table.cut_length_mm() - length).abs() < 0.05);
        assert!(table.bends.iter().all(|b| b.set_deg > b.bend_deg), "titanium springs back");
        // A roll that is left out makes another rod.
        let mut flat = table.clone();
        flat.bends.iter_mut().for_each(|b| b.roll_deg = 0.0);
        assert!(off(&flat.forward(&rod), &wanted) > 1.0);
    }

    #[test]
    fn a_rod_through_heads_is_made_by_its_table_nearly_as_it_lies() {
        let (bender, kind) = bender_and_rod();
        let heads: Vec<Point<Patient>> = (0..6)
            .map(|n| {
                let t = f64::from(n);
                Point::new(28.0 + 0.6 * t, 12.0 * (t * 0.55).sin(), -34.0 * t)
            })
            .collect();
        let rod = Rod::through(&heads, &Rods::builtin().expect("ours")).expect("six heads");
        let table = BendTable::new(&corners(&rod.line, 8), &bender, &kind);
        assert!(table.impossible.is_empty(), "{:?}", table.impossible);
        let made = table.forward(&kind);
        assert!(off(&rod.line, &made) < 1.0, "{}", off(&rod.line, &made));
    }

    #[test]
    fn what_can_not_be_bent_is_named() {
        let (bender, rod) = bender_and_rod();
        let sharp = [DVec3::ZERO, DVec3::new(0.0, 0.0, -20.0), DVec3::new(0.0, 40.0, -20.0)];
        let table = BendTable::new(&sharp, &bender, &rod);
        assert!(table.impossible[0].starts_with("bend 1: "), "{:?}", table.impossible);
        let near = [
            DVec3::ZERO,
            DVec3::new(0.0, 0.0, -30.0),
            DVec3::new(0.0, 4.0, -38.0),
            DVec3::new(0.0, 4.0, -70.0),
        ];
        let table = BendTable::new(&near, &bender, &rod);
        assert!(table.impossible.iter().any(|s| s.starts_with("bend 2: ")), "{table:?}");
        assert!(table.text().contains("bend 2: "));
    }
}
