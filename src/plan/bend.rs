//! From a chain of straight pieces to the numbers that a bender is set to, and back.
//!
//! In: the corners of a [`chain`](super::chain), a bender, a rod's springback. Out: a [`BendTable`]
//! of feed, roll and bend in the steps that the bender has, and the rod that it makes
//! ([`BendTable::forward`]).
//!
//! The bent rod is straight pieces joined by arcs of the bender's radius R, each arc tangent to its
//! two pieces. The bend θ is the angle between the pieces; the roll φ turns the plane of one bend
//! into that of the next, about the piece between; an arc takes R tan(θ/2) of each piece; the feed is
//! what is left of a piece. Asked for is the angle that springs back to θ: (θ − offset) / factor.
//!
//! Each setting is rounded before the next is sought, and the next starts from the rod as it lies
//! then and aims at the corner ahead: what one setting's rounding spoils the next mends, so a rod does
//! not wander off with its length, however coarse the steps.

use super::chain::angle_between;
use crate::implant::{Bender, RodKind};
use crate::space::{Patient, Point};
use glam::{DQuat, DVec3};
use serde::Serialize;
use std::fmt::Write as _;

/// Points of a bent rod's arcs are at most so far apart, mm: its chords then leave an arc of 20 mm
/// radius by less than 0.002 mm.
const STEP_MM: f64 = 0.5;

/// How a table is carried out. The rolls turn the plane of the bends right-handed from the cranial end
/// to the caudal one; at the bender that plane stands still and the rod turns, the other way.
pub const HOW_TO_BEND: &str = "begin at the cranial end and feed that end first; a roll of + turns the \
                               rod clockwise, seen from its caudal end; bend to the same side each time";

/// One setting of the bender.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bend {
    /// Straight rod pushed through before it, mm.
    pub feed_mm: f64,
    /// Turn of the rod about itself before it, degrees, clockwise seen from the end that is fed last;
    /// that of the first bend is 0.
    pub roll_deg: f64,
    /// The bend that stays of what the bender is set to, degrees.
    pub bend_deg: f64,
    /// What the bender is set to, degrees.
    pub set_deg: f64,
}

/// All settings for one rod.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BendTable {
    /// First bend first.
    pub bends: Vec<Bend>,
    /// Straight rod behind the last bend, mm.
    pub last_feed_mm: f64,
    /// Radius of the arcs, mm.
    pub radius_mm: f64,
    /// What can not be bent so, one sentence each.
    pub impossible: Vec<String>,
    /// Places after the point with which feeds, then angles, are told whole.
    #[serde(skip)]
    pub places: [usize; 2],
    #[serde(skip)]
    start: Pose,
}

/// Where a rod is on its way through the bender: place, direction, and the plane of the last bend.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pose {
    place: DVec3,
    along: DVec3,
    normal: DVec3,
}

impl Pose {
    fn fed(self, mm: f64) -> Self {
        Self { place: self.place + self.along * mm, ..self }
    }
    fn rolled(self, deg: f64) -> Self {
        let turn = DQuat::from_axis_angle(self.along, deg.to_radians());
        Self { normal: turn * self.normal, ..self }
    }
    fn bent(self, deg: f64, radius: f64) -> Self {
        let turn = DQuat::from_axis_angle(self.normal, deg.to_radians());
        let to_middle = self.normal.cross(self.along) * radius;
        let place = self.place + to_middle - turn * to_middle;
        Self { place, along: (turn * self.along).normalize(), ..self }
    }
    fn after(self, bend: &Bend, radius: f64) -> Self {
        self.fed(bend.feed_mm).rolled(bend.roll_deg).bent(bend.bend_deg, radius)
    }
}

impl BendTable {
    /// The settings with which a rod follows a chain of corners, its two ends included. A corner whose
    /// bend would be rounded away is passed; the next one makes up for it.
    pub fn new(chain: &[DVec3], bender: &Bender, rod: &RodKind) -> Self {
        let first = chain.first().copied().unwrap_or_default();
        let along = chain.get(1).map_or(DVec3::NEG_Z, |next| *next - first);
        let along = along.normalize_or(DVec3::NEG_Z);
        let start = Pose { place: first, along, normal: along.any_orthonormal_vector() };
        let mut table = Self {
            bends: Vec::new(),
            last_feed_mm: 0.0,
            radius_mm: bender.former_radius_mm,
            impossible: Vec::new(),
            places: [decimals(bender.feed_step_mm), decimals(bender.angle_step_deg)],
            start,
        };
        let mut pose = start;
        for pair in chain.get(1..).unwrap_or_default().windows(2) {
            let [corner, next] = [pair[0], pair[1]];
            let way = (corner - pose.place).dot(pose.along);
            let to = (next - pose.fed(way).place).normalize_or(pose.along);
            let Some(plane) = pose.along.cross(to).try_normalize() else { continue };
            let deg = angle_between(pose.along, to).to_degrees();
            let set_deg = round(rod.set_for_deg(deg), bender.angle_step_deg);
            let bend_deg = rod.stays_deg(set_deg);
            if set_deg <= 0.0 || bend_deg <= 0.0 {
                continue;
            }
            if table.bends.is_empty() {
                (pose.normal, table.start.normal) = (plane, plane);
            }
            let roll = pose.normal.cross(plane).dot(pose.along).atan2(pose.normal.dot(plane));
            let feed = way - table.radius_mm * (bend_deg / 2.0).to_radians().tan();
            let bend = Bend {
                feed_mm: round(feed, bender.feed_step_mm),
                roll_deg: round(roll.to_degrees(), bender.angle_step_deg),
                bend_deg,
                set_deg,
            };
            pose = pose.after(&bend, table.radius_mm);
            table.push(bend, bender);
        }
        let left = chain.last().map_or(0.0, |end| (*end - pose.place).dot(pose.along));
        table.finish(round(left, bender.feed_step_mm));
        table
    }

    /// Adds a bend and names what the bender can not do of it.
    fn push(&mut self, bend: Bend, bender: &Bender) {
        let number = self.bends.len() + 1;
        let needed = if self.bends.is_empty() { 0.0 } else { bender.grip_mm };
        let who = bender.name.to_lowercase();
        let [feeds, angles] = self.places;
        if bend.feed_mm < needed {
            self.impossible.push(format!(
                "bend {number}: {:.feeds$} mm of straight rod before it, the {who} holds \
                 {needed} mm; use fewer bends or a smaller former",
                bend.feed_mm
            ));
        }
        if bend.set_deg > bender.most_bend_deg {
            self.impossible.push(format!(
                "bend {number}: {:.angles$} degrees, the {who} bends up to {} at once; use more \
                 bends",
                bend.set_deg, bender.most_bend_deg
            ));
        }
        self.bends.push(bend);
    }

    fn finish(&mut self, last_feed_mm: f64) {
        self.last_feed_mm = last_feed_mm;
        if last_feed_mm < 0.0 {
            let number = self.bends.len();
            self.impossible.push(format!(
                "bend {number}: its arc runs {:.1} mm past the end of the rod; leave the rod longer",
                -last_feed_mm
            ));
        }
    }

    /// The middle line of the rod that these settings make of a rod that springs back so, arcs in
    /// steps of half a millimetre: each bend is what stays of what the bender is set to.
    pub fn forward(&self, rod: &RodKind) -> Vec<Point<Patient>> {
        let mut pose = self.start;
        let mut line = vec![pose.place];
        for bend in &self.bends {
            pose = pose.fed(bend.feed_mm).rolled(bend.roll_deg);
            line.push(pose.place);
            let stays_deg = rod.stays_deg(bend.set_deg);
            let steps = (stays_deg.to_radians() * self.radius_mm / STEP_MM).ceil().max(1.0);
            for _ in 0..steps as usize {
                pose = pose.bent(stays_deg / steps, self.radius_mm);
                line.push(pose.place);
            }
        }
        line.push(pose.fed(self.last_feed_mm).place);
        line.into_iter().map(Point::from_vec).collect()
    }

    /// Length of straight rod to cut, mm: feeds and arcs together.
    pub fn cut_length_mm(&self) -> f64 {
        let arc = |bend: &Bend| bend.feed_mm + self.arc_mm(bend);
        self.bends.iter().map(arc).sum::<f64>() + self.last_feed_mm
    }

    fn arc_mm(&self, bend: &Bend) -> f64 {
        self.radius_mm * bend.bend_deg.to_radians()
    }

    /// Each bend as it lies: how far along the rod its middle is, mm, and its turn, radians about the
    /// direction it has.
    pub(super) fn turns(&self) -> Vec<(f64, DVec3)> {
        let (mut pose, mut way) = (self.start, 0.0);
        let mut turns = Vec::with_capacity(self.bends.len());
        for bend in &self.bends {
            pose = pose.after(bend, self.radius_mm);
            way += bend.feed_mm + self.arc_mm(bend);
            let turn = pose.normal * bend.bend_deg.to_radians();
            turns.push((way - 0.5 * self.arc_mm(bend), turn));
        }
        turns
    }

    /// The table for reading. Settings are told whole, in the steps of the bender.
    pub fn text(&self) -> String {
        let mut text = "bend  feed mm  roll deg  set to deg  stays deg\n".to_owned();
        let [feeds, angles] = self.places;
        for (n, b) in self.bends.iter().enumerate() {
            let Bend { feed_mm, roll_deg, bend_deg, set_deg } = b;
            // Writing into a String can not fail.
            let _ = writeln!(
                text,
                "{:>4}  {feed_mm:>7.feeds$}  {roll_deg:>8.angles$}  {set_deg:>10.angles$}  \
                 {bend_deg:>9.2}",
                n + 1,
            );
        }
        let _ = writeln!(text, " end  {:>7.feeds$}", self.last_feed_mm);
        let _ = writeln!(text, "cut {:.1} mm", self.cut_length_mm());
        for sentence in &self.impossible {
            text += sentence;
            text.push('\n');
        }
        text
    }

    /// This table with its settings as a person reads them off [`Self::text`]; `None` where one can
    /// not be read.
    pub(super) fn read_back(&self, rod: &RodKind) -> Option<Self> {
        let mut read = Self { bends: Vec::new(), ..self.clone() };
        for line in self.text().lines().skip(1) {
            let cells: Vec<&str> = line.split_whitespace().collect();
            match cells[..] {
                ["end", feed] => {
                    read.last_feed_mm = feed.parse().ok()?;
                    return Some(read);
                }
                [_, feed, roll, set, _] => {
                    let set_deg: f64 = set.parse().ok()?;
                    read.bends.push(Bend {
                        feed_mm: feed.parse().ok()?,
                        roll_deg: roll.parse().ok()?,
                        bend_deg: rod.stays_deg(set_deg),
                        set_deg,
                    });
                }
                _ => return None,
            }
        }
        None
    }
}

/// The nearest whole number of steps; never -0.
fn round(x: f64, step: f64) -> f64 {
    (x / step).round() * step + 0.0
}

/// Places after the point with which every multiple of a step is told whole; six at most.
fn decimals(step: f64) -> usize {
    let is_whole = |places: &usize| {
        let tenths = step * 10_f64.powi(*places as i32);
        (tenths - tenths.round()).abs() < 1e-6 * tenths.abs()
    };
    (0..6).find(is_whole).unwrap_or(6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::implant::Rods;
    use crate::plan::rod::off_line_mm;

    fn rods() -> Rods {
        Rods::builtin().expect("our own file")
    }

    fn off(line: &[Point<Patient>], other: &[Point<Patient>]) -> f64 {
        line.iter().map(|p| off_line_mm(*p, other)).fold(0.0, f64::max)
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

    const CHAIN: [DVec3; 5] = [
        DVec3::new(30.0, 10.0, 100.0),
        DVec3::new(31.0, 4.0, 60.0),
        DVec3::new(28.0, 2.0, 25.0),
        DVec3::new(24.0, 9.0, -15.0),
        DVec3::new(27.0, 22.0, -60.0),
    ];

    #[test]
    fn a_table_in_fine_steps_makes_the_chain_and_its_rolls_matter() {
        let (rods, fine) = (rods(), (0.001, 0.001));
        let rod = rods.rod("ti-5.5").expect("one");
        let machine = rods.bender("machine").expect("one").clone();
        let bender = Bender { feed_step_mm: fine.0, angle_step_deg: fine.1, ..machine };
        let table = BendTable::new(&CHAIN, &bender, rod);
        assert_eq!((table.bends.len(), table.impossible.len()), (3, 0), "{table:?}");
        let (made, wanted) = (table.forward(rod), rounded(&CHAIN, table.radius_mm));
        assert!(off(&made, &wanted) < 0.01 && off(&wanted, &made) < 0.01);
        let length: f64 = wanted.windows(2).map(|p| p[0].distance(p[1])).sum();
        assert!((table.cut_length_mm() - length).abs() < 0.01);
        assert!(table.bends.iter().all(|b| b.set_deg > b.bend_deg), "titanium springs back");
        // A roll that is left out makes another rod, and so does a springback that is.
        let mut flat = table.clone();
        flat.bends.iter_mut().for_each(|b| b.roll_deg = 0.0);
        assert!(off(&flat.forward(rod), &wanted) > 1.0);
        let stiffer = rods.rod("cocr-6.0").expect("one");
        assert!(off(&table.forward(stiffer), &wanted) > 0.5);
    }

    /// The rod that a bender makes of a straight one by [`HOW_TO_BEND`]: fed along z, the first end
    /// ahead, the former at the origin, each bend towards y. Its points are those of
    /// [`BendTable::forward`].
    fn by_hand(table: &BendTable, rod: &RodKind) -> Vec<DVec3> {
        let (mut made, radius) = (vec![DVec3::ZERO], table.radius_mm);
        for bend in &table.bends {
            // Who looks along z with y up has -x at the right: clockwise, y goes there.
            let (sin, cos) = bend.roll_deg.to_radians().sin_cos();
            let rolled = |p: DVec3| DVec3::new(p.x * cos - p.y * sin, p.x * sin + p.y * cos, p.z);
            let fed = made.iter().map(|p| rolled(*p + DVec3::Z * bend.feed_mm));
            made = fed.chain([DVec3::ZERO]).collect();
            let stays = rod.stays_deg(bend.set_deg).to_radians();
            let steps = (stays * radius / STEP_MM).ceil().max(1.0);
            let (sin, cos) = (stays / steps).sin_cos();
            let bent = |p: DVec3| {
                let (y, z) = (p.y - radius, p.z);
                DVec3::new(p.x, radius + y * cos + z * sin, z * cos - y * sin)
            };
            for _ in 0..steps as usize {
                made = made.into_iter().map(bent).chain([DVec3::ZERO]).collect();
            }
        }
        made.iter().map(|p| *p + DVec3::Z * table.last_feed_mm).chain([DVec3::ZERO]).collect()
    }

    #[test]
    fn who_bends_as_is_told_makes_the_rod_and_not_its_mirror_image() {
        let rods = rods();
        let rod = rods.rod("ti-5.5").expect("one");
        let table = BendTable::new(&CHAIN, rods.bender("machine").expect("one"), rod);
        assert!(table.bends.iter().skip(1).all(|b| b.roll_deg.abs() > 5.0), "{table:?}");
        let shown: Vec<DVec3> = table.forward(rod).iter().map(|p| p.vec()).collect();
        assert!(shown[0].distance(CHAIN[0]) < 1e-9, "the cranial end first");
        let made = by_hand(&table, rod);
        assert_eq!(made.len(), shown.len());
        for (n, m) in [0, made.len() / 3, made.len() / 2, made.len() - 1].map(|n| (n, n / 2)) {
            let apart = |line: &[DVec3]| line[n].distance(line[m]);
            assert!((apart(&made) - apart(&shown)).abs() < 1e-6);
        }
        // A mirror image has the same distances and the other sense of winding.
        let winding = |line: &[DVec3]| {
            let at = |share: f64| line[((line.len() - 1) as f64 * share) as usize] - line[0];
            at(0.3).cross(at(0.6)).dot(at(1.0))
        };
        assert!(winding(&shown).abs() > 100.0, "{}", winding(&shown));
        assert!((winding(&made) / winding(&shown) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn settings_are_whole_steps_and_their_rounding_does_not_add_up() {
        let rods = rods();
        let rod = rods.rod("cocr-5.5").expect("one");
        // A gentle helix: 30 pieces of 20 mm, which a degree and a millimetre do not fit.
        let corner = |n: i32| {
            let t = f64::from(n) * 0.1234;
            DVec3::new(9.0 * t.cos(), 100.0 * t.sin(), -19.0 * f64::from(n))
        };
        let chain: Vec<DVec3> = (0..30).map(corner).collect();
        for bender in &rods.benders {
            let table = BendTable::new(&chain, bender, rod);
            let is_whole = |x: f64, step: f64| (x / step - (x / step).round()).abs() < 1e-6;
            for b in &table.bends {
                assert!(is_whole(b.feed_mm, bender.feed_step_mm), "{b:?}");
                assert!(is_whole(b.roll_deg, bender.angle_step_deg), "{b:?}");
                assert!(is_whole(b.set_deg, bender.angle_step_deg), "{b:?}");
            }
            // Half a step of angle over the longest piece, and half a step of feed at a bend.
            let rounded_off = 2.0 * 20.0 * (0.5 * bender.angle_step_deg).to_radians()
                + 0.5 * bender.feed_step_mm * 7_f64.to_radians();
            let worst = off(&table.forward(rod), &rounded(&chain, table.radius_mm));
            assert!(worst < rounded_off + 0.1, "{}: {worst} of {rounded_off}", bender.id);
        }
    }

    #[test]
    fn what_is_printed_makes_the_same_rod() {
        let rods = rods();
        for (bender, rod) in rods.benders.iter().flat_map(|b| rods.rods.iter().map(move |r| (b, r)))
        {
            for step in [1.0, 0.25, 0.1, 2.5, 0.001] {
                let bender = Bender { angle_step_deg: step, feed_step_mm: step, ..bender.clone() };
                let table = BendTable::new(&CHAIN, &bender, rod);
                let read = table.read_back(rod).expect("our own text");
                assert!(off(&read.forward(rod), &table.forward(rod)) < 1e-6, "{step}");
            }
        }
        assert_eq!([1.0, 0.5, 0.1, 0.25, 0.001, 5.0].map(decimals), [0, 1, 1, 2, 3, 0]);
    }

    #[test]
    fn what_can_not_be_bent_is_named() {
        let rods = rods();
        let (bender, rod) =
            (rods.bender("machine").expect("one"), rods.rod("ti-5.5").expect("one"));
        let sharp = [DVec3::ZERO, DVec3::new(0.0, 0.0, -20.0), DVec3::new(0.0, 40.0, -20.0)];
        let table = BendTable::new(&sharp, bender, rod);
        assert!(table.impossible[0].starts_with("bend 1: "), "{:?}", table.impossible);
        let near = [
            DVec3::ZERO,
            DVec3::new(0.0, 0.0, -30.0),
            DVec3::new(0.0, 4.0, -38.0),
            DVec3::new(0.0, 4.0, -70.0),
        ];
        let table = BendTable::new(&near, bender, rod);
        assert!(table.impossible.iter().any(|s| s.starts_with("bend 2: ")), "{table:?}");
        assert!(table.text().contains("bend 2: "));
        // A chain of nothing makes a table of nothing.
        assert!(BendTable::new(&[], bender, rod).bends.is_empty());
    }
}
