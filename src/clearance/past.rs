//! How far a screw reaches past the walls of its pedicle.
//!
//! In: a screw's surface and the pedicle's walls. Out: [`PastWalls`]. What of a wall lies at its border with
//! the next one is told by [`borders`](super::borders). The surface is sampled where it crosses planes of the
//! walls, since between two planes the walls are straight, and at its ends; the largest way, and the
//! largest past each wall, is then searched between the samples.

use super::peaks::{MOST_OFF_MM, Peaks};
use super::probe::{Peak, Probe, STEP_MM, Spot, angle_of, turn_of};
use super::ring::DIRECTIONS;
use super::wall::{PedicleWalls, Seen, is_towards};
use super::{SignedDistance, Wall};
use crate::space::{Dir, Patient, Point};
use glam::DVec2;
use std::f64::consts::TAU;

/// The walls that a breach is told past, though it be larger past another one.
const TOLD: [Wall; 3] = [Wall::Medial, Wall::Cranial, Wall::Caudal];
/// So much farther than at its samples a screw may reach past the wall between them, mm.
const BETWEEN_MM: f64 = 0.3;
/// Rings of a screw that is steep to the pedicle's axis are this far apart at most, mm.
const RING_MM: f64 = 1.0;
/// A wall may be reached past farther than at its samples by so much, mm: from there the farthest place is
/// searched.
const GAIN_MM: f64 = 0.15;

/// How far the judged surface reaches past the pedicle's wall.
#[derive(Default)]
pub(super) struct PastWalls {
    /// The largest way, its outward direction and where on the surface it is.
    pub worst: Option<(f64, Dir<Patient>, Point<Patient>)>,
    /// The largest way past each of the walls that are [`TOLD`], mm.
    pub told_mm: [f64; 3],
}

/// Measures how far the judged surface lies past the wall; `outermost` is its place that is farthest out in
/// air.
pub(super) fn past_walls<'b, B: SignedDistance>(
    probe: &Probe,
    bone: &'b B,
    walls: &mut PedicleWalls<'b, B>,
    outermost: Spot,
) -> PastWalls {
    let frame = walls.frame();
    let seen = |p: Point<Patient>| {
        let (along, across) = frame.along_and_across(p);
        Seen { along, across }
    };
    let entry = seen(probe.entry);
    let direction = |d: Dir<Patient>| seen(probe.entry + d) - entry;
    let (axis, sides) =
        (direction(probe.axis), probe.across.map(|side| direction(side * probe.radius_mm)));
    let per_mm = 1.0 / axis.along;
    let of_wall = TOLD.map(|_| Peaks::new(probe));
    let (all, largest, told_mm) = (Peaks::new(probe), 0.0, [0.0; 3]);
    let mut search =
        Search { probe, bone, walls, entry, axis, sides, per_mm, all, of_wall, largest, told_mm };
    search.borders();
    search.judge(outermost, seen(probe.point(outermost)));
    search.sample();
    search.finish()
}

/// The samples and what they came to so far.
pub(super) struct Search<'s, 'b, B> {
    pub probe: &'s Probe,
    pub bone: &'b B,
    pub walls: &'s mut PedicleWalls<'b, B>,
    /// The screw's entry, its axis, and its two directions across that as long as its radius.
    pub entry: Seen,
    pub axis: Seen,
    pub sides: [Seen; 2],
    /// How far along the screw's axis a millimetre along the pedicle's is, mm.
    pub per_mm: f64,
    /// The highest samples, and those past each of the walls that are [`TOLD`].
    all: Peaks,
    of_wall: [Peaks; 3],
    /// The largest way so far, and past each of those walls, mm.
    largest: f64,
    told_mm: [f64; 3],
}

/// A way once around the screw.
#[derive(Clone, Copy)]
enum Round {
    /// Where the side meets a plane across the pedicle's axis, so far along that.
    Side { along: f64 },
    /// A ring of the side.
    Ring { depth_mm: f64 },
    /// A ring of the tip, as wide as this share of the screw.
    Tip { share: f64 },
}

/// Where such a way leads in a direction: on the screw, and seen from the pedicle.
struct Place {
    spot: Spot,
    depth_mm: f64,
    share: f64,
    seen: Seen,
}

impl<B: SignedDistance> Search<'_, '_, B> {
    /// Samples the side within the pedicle's span, and the tip where it ends there.
    fn sample(&mut self) {
        /// A screw that is steeper to the pedicle's axis is not sampled by planes across that.
        const LEAST_SLOPE: f64 = 0.5;
        let Probe { length_mm, judged_from_mm: from_mm, radius_mm, .. } = *self.probe;
        let side_mm = length_mm - from_mm;
        if side_mm >= 0.0 && self.axis.along.abs() >= LEAST_SLOPE {
            // Every second plane, half a millimetre on, and the last; between, the worst place is searched.
            let last = self.walls.planes();
            for plane in (0..last).step_by(2).chain([last]) {
                self.round(Round::Side { along: self.walls.along(plane) });
            }
            self.round(Round::Ring { depth_mm: from_mm });
        } else if side_mm >= 0.0 {
            let rings = (side_mm / RING_MM).ceil().max(1.0);
            for ring in 0..=rings as usize {
                self.round(Round::Ring { depth_mm: from_mm + side_mm * ring as f64 / rings });
            }
        }
        let rings = (radius_mm / STEP_MM).ceil();
        for ring in 0..=rings as usize {
            self.round(Round::Tip { share: ring as f64 / rings });
        }
    }

    /// Samples a way around: of what lies deep in bone or far out in air not every distance is asked for.
    fn round(&mut self, round: Round) {
        let probe = self.probe;
        let (middle_mm, wide) = match round {
            Round::Side { along } => {
                ((along - self.entry.along) / self.axis.along, 1.0 / self.axis.along.abs())
            }
            Round::Ring { depth_mm } => (depth_mm, 1.0),
            Round::Tip { share } => (probe.length_mm, share),
        };
        let centre = probe.on_axis(middle_mm);
        let reach_mm = probe.radius_mm * wide;
        if !self.walls.is_beside(centre, reach_mm) {
            return;
        }
        let in_bone = self.bone.quick_distance_mm(centre);
        if in_bone > reach_mm {
            return;
        }
        let apart_mm = TAU / DIRECTIONS as f64 * reach_mm;
        // What a sample says of those after it: they are no deeper in bone than this, and no less deep.
        let [mut most_mm, mut least_mm] = [in_bone + reach_mm, in_bone - reach_mm];
        for direction in 0..DIRECTIONS {
            let may_be_in_air = least_mm <= MOST_OFF_MM;
            let place = may_be_in_air.then(|| self.place(round, direction)).flatten();
            if let Some(place) = place {
                if most_mm >= 0.0 {
                    let out = probe.outward[direction] * place.share;
                    let mm = self.bone.quick_distance_mm(probe.on_axis(place.depth_mm) + out);
                    [most_mm, least_mm] = [mm; 2];
                }
                if most_mm < 0.0 {
                    self.judge(place.spot, place.seen);
                }
            }
            most_mm += apart_mm;
            least_mm -= apart_mm;
        }
    }

    /// Where a way around leads in a direction; `None` where it leaves the judged side.
    fn place(&self, round: Round, direction: usize) -> Option<Place> {
        let ([u, v], angle, (sin, cos)) = (self.sides, angle_of(direction), turn_of(direction));
        let out = u * cos + v * sin;
        let on_axis = |depth_mm: f64| self.entry + self.axis * depth_mm;
        let Probe { length_mm, judged_from_mm, radius_mm, .. } = *self.probe;
        let on_side = |depth_mm: f64, seen: Seen| {
            let spot = Spot::Side { depth_mm, angle };
            Place { spot, depth_mm, share: 1.0, seen }
        };
        match round {
            Round::Side { along } => {
                let depth_mm = (along - self.entry.along - out.along) / self.axis.along;
                let seen = Seen { along, ..on_axis(depth_mm) + out };
                let is_judged = (judged_from_mm..=length_mm).contains(&depth_mm);
                is_judged.then(|| on_side(depth_mm, seen))
            }
            Round::Ring { depth_mm } => Some(on_side(depth_mm, on_axis(depth_mm) + out)),
            Round::Tip { share } => {
                let spot = Spot::Tip { radius_mm: radius_mm * share, angle };
                let seen = on_axis(length_mm) + out * share;
                Some(Place { spot, depth_mm: length_mm, share, seen })
            }
        }
    }

    /// Measures a place that, told quickly, lies in air.
    fn judge(&mut self, spot: Spot, Seen { along, across }: Seen) {
        let towards = TOLD.map(|wall| is_towards(across, wall));
        // What is the largest past no wall, and can not become so between its samples, need not be
        // measured.
        let low = (self.largest - BETWEEN_MM).max(0.0);
        let of_walls = self.told_mm.iter().zip(towards).filter(|(_, is_towards)| *is_towards);
        let floor = of_walls.map(|(mm, _)| (*mm - GAIN_MM).max(0.0)).fold(low, f64::min);
        if let Some((wall, most_mm)) = self.walls.surely_past(along, across)
            && most_mm <= low.min(self.least_told_mm([wall; 2]) - GAIN_MM)
        {
            return;
        }
        let Some(over) = self.walls.overshoot_at(along, across, floor) else { return };
        let named = self.walls.frame().wall_towards(over.outward);
        self.offer(Peak { spot, value: over.mm });
        if let Some(n) = (0..TOLD.len()).find(|n| towards[*n] && TOLD[*n] == named)
            && over.mm > self.told_mm[n] - GAIN_MM
        {
            self.of_wall[n].offer(Peak { spot, value: over.mm });
            if over.mm > self.told_mm[n] && self.bone.is_outside(self.probe.point(spot)) {
                self.told_mm[n] = over.mm;
            }
        }
    }

    /// Keeps a place from which the largest way of all may be reached.
    fn offer(&mut self, peak: Peak) {
        if peak.value > self.largest - BETWEEN_MM {
            self.largest = self.largest.max(peak.value);
            self.all.offer(peak);
        }
    }

    /// Tells of a place of the surface in air that it lies so far past walls.
    pub fn tell(&mut self, at: Point<Patient>, mm: f64, walls: [Wall; 2]) {
        let (_, across) = self.walls.frame().along_and_across(at);
        for (told_mm, wall) in self.told_mm.iter_mut().zip(TOLD) {
            if walls.contains(&wall) && is_towards(across, wall) {
                *told_mm = told_mm.max(mm);
            }
        }
        self.offer(Peak { spot: self.probe.nearest_to(at), value: mm });
    }

    /// What is told of these walls so far, the least of it, mm.
    pub fn least_told_mm(&self, walls: [Wall; 2]) -> f64 {
        let of_wall = |wall: Wall| {
            let n = TOLD.iter().position(|told| *told == wall);
            n.map_or(f64::INFINITY, |n| self.told_mm[n])
        };
        of_wall(walls[0]).min(of_wall(walls[1]))
    }

    /// Climbs on from the highest samples.
    fn finish(self) -> PastWalls {
        let Self { probe, bone, walls, all, of_wall, mut told_mm, .. } = self;
        let frame = walls.frame();
        // Where the screw goes back into bone, and where the pedicle ends, the way past the wall jumps.
        let highest = all.highest_with_jumps(probe, |p, floor| {
            let over = walls.overshoot_above(p, floor.max(0.0)).filter(|_| bone.is_outside(p));
            over.map_or(0.0, |over| over.mm)
        });
        let worst = highest.and_then(|highest| {
            let at = probe.point(highest.spot);
            let over = walls.overshoot(at)?;
            Some((over.mm, over.outward, at))
        });
        let is_past = |wall: Wall, outward: Dir<Patient>, across: DVec2| {
            is_towards(across, wall) && frame.wall_towards(outward) == wall
        };
        for (n, peaks) in of_wall.into_iter().enumerate() {
            let across = |at: Point<Patient>| frame.along_and_across(at).1;
            let own = worst.filter(|(_, outward, at)| is_past(TOLD[n], *outward, across(*at)));
            let found = match own {
                Some((mm, ..)) => mm,
                None if peaks.most() < told_mm[n] - GAIN_MM => continue,
                None => {
                    let highest = peaks.highest_with_jumps(probe, |p, floor| {
                        let over = walls.overshoot_above(p, floor.max(0.0));
                        let over = over.filter(|o| is_past(TOLD[n], o.outward, across(p)));
                        over.filter(|_| bone.is_outside(p)).map_or(0.0, |over| over.mm)
                    });
                    highest.map_or(0.0, |highest| highest.value)
                }
            };
            told_mm[n] = found.max(told_mm[n]);
        }
        PastWalls { worst, told_mm }
    }
}
