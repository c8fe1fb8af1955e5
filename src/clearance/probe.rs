//! A screw's surface, sampled and searched for its worst place.
//!
//! In: a [`ScrewShape`] and a bone. Out: the clearance profile, the samples that lie in air, and
//! the largest value of any function over the surface, refined between the samples.

use super::{AssessError, ProfilePoint, ScrewShape, SignedDistance};
use crate::space::{Dir, Patient, Point};
use std::f64::consts::{PI, TAU};

/// Largest step of samples along the axis and across the tip, mm. The literal rule takes 0.25; the
/// search between samples makes up for it.
const STEP_MM: f64 = 0.5;
/// Directions sampled around the axis.
const DIRECTIONS: usize = 24;
/// Every so many of them are sampled first; a power of two.
const COARSE: usize = 4;
/// A ring that the axis says to be at least this far from daylight is told by that in the profile,
/// mm: there it is no more than it is.
const TOLD_BY_AXIS_MM: f64 = 3.0;
/// The search between samples ends at this step, mm.
const FINEST_MM: f64 = 0.004;
/// Local maxima are looked for in this many blocks along the axis times [`SECTORS`] around it.
const BLOCKS: usize = 8;
const SECTORS: usize = 6;

/// A place on the screw's surface. At depth = length and radius = the screw's the two forms meet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spot {
    Side { depth_mm: f64, angle: f64 },
    Tip { radius_mm: f64, angle: f64 },
}

impl Spot {
    fn angle(self) -> f64 {
        match self {
            Self::Side { angle, .. } | Self::Tip { angle, .. } => angle,
        }
    }
}

/// An angle with its sine and cosine, from which those of angles near it follow.
struct Turn {
    angle: f64,
    sin: f64,
    cos: f64,
}

impl Turn {
    fn of(spot: Spot) -> Self {
        let angle = spot.angle();
        let (sin, cos) = angle.sin_cos();
        Self { angle, sin, cos }
    }

    /// Sine and cosine at another place, to 1e-9.
    fn on_to(&self, spot: Spot) -> (f64, f64) {
        /// Up to this angle the series below is as good as said.
        const MOST: f64 = 0.4;
        let by = spot.angle() - self.angle;
        if by.abs() > MOST {
            return spot.angle().sin_cos();
        }
        let square = by * by;
        let sin = by * (1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0)));
        let cos = 1.0
            - square / 2.0 * (1.0 - square / 12.0 * (1.0 - square / 30.0 * (1.0 - square / 56.0)));
        (self.sin * cos + self.cos * sin, self.cos * cos - self.sin * sin)
    }
}

/// A place, and the value some function has there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peak {
    pub spot: Spot,
    pub value: f64,
}

/// The cylinder with a frame of its own.
pub(super) struct Probe {
    entry: Point<Patient>,
    axis: Dir<Patient>,
    across: [Dir<Patient>; 2],
    /// From the axis to the side in each direction.
    outward: [Dir<Patient>; DIRECTIONS],
    length_mm: f64,
    radius_mm: f64,
    /// Side surface shallower than this is not judged; the tip always is.
    judged_from_mm: f64,
}

/// What one pass over the samples gives.
pub(super) struct Scan {
    pub profile: Vec<ProfilePoint>,
    /// Judged samples outside bone.
    pub in_air: Vec<Spot>,
    /// Judged local maxima of −distance.
    pub outermost: Peaks,
}

impl Probe {
    /// `judged_from_mm` is the end of the entry zone.
    pub fn new(screw: &ScrewShape, axis: Dir<Patient>, judged_from_mm: f64) -> Self {
        let radius_mm = screw.diameter_mm / 2.0;
        let u = axis.any_perpendicular();
        let across = [u, axis.cross(u)];
        let outward = |direction: usize| {
            let (sin, cos) = angle_of(direction).sin_cos();
            across[0] * (radius_mm * cos) + across[1] * (radius_mm * sin)
        };
        Self {
            entry: screw.entry,
            axis,
            across,
            outward: std::array::from_fn(outward),
            length_mm: screw.length_mm,
            radius_mm,
            judged_from_mm,
        }
    }

    /// The patient point of a place on the surface.
    pub fn point(&self, spot: Spot) -> Point<Patient> {
        self.point_at(spot, spot.angle().sin_cos())
    }

    fn point_at(&self, spot: Spot, (sin, cos): (f64, f64)) -> Point<Patient> {
        let (depth, radius) = match spot {
            Spot::Side { depth_mm, .. } => (depth_mm, self.radius_mm),
            Spot::Tip { radius_mm, .. } => (self.length_mm, radius_mm),
        };
        self.entry
            + self.axis * depth
            + self.across[0] * (radius * cos)
            + self.across[1] * (radius * sin)
    }

    /// Samples the surface; an error where the distance is no number.
    ///
    /// A distance changes by no more than the way to where it is asked, so the axis tells for each
    /// ring how near to daylight it can be at most, and two samples of a ring what lies between
    /// them. Sampled are all places that could be the worst one or lie in air; the others only as
    /// far as the profile needs them.
    pub fn scan(&self, bone: &impl SignedDistance, has_profile: bool) -> Result<Scan, AssessError> {
        let rings = (self.length_mm / STEP_MM).ceil().max(1.0) as usize;
        let depth = |ring: usize| self.length_mm * ring as f64 / rings as f64;
        let on_axis = |ring: usize| {
            let distance = bone.quick_distance_mm(self.entry + self.axis * depth(ring));
            if distance.is_nan() { Err(AssessError::NoDistance) } else { Ok(distance) }
        };
        let on_axis = (0..=rings).map(on_axis).collect::<Result<Vec<f64>, _>>()?;
        let side = |ring: usize| Circle {
            depth_mm: depth(ring),
            radius_mm: None,
            bound_mm: on_axis[ring] - self.radius_mm,
        };
        let mut scanner = Scanner::new(self, bone, rings + 1);
        // The ring that can be worst tells first how bad it is at least.
        let judged = (0..=rings).filter(|ring| depth(*ring) >= self.judged_from_mm);
        if let Some(ring) = judged.min_by(|a, b| on_axis[*a].total_cmp(&on_axis[*b])) {
            scanner.ring(side(ring))?;
        }
        for circle in (0..=rings).map(side) {
            if !has_profile {
                // Only what could be the worst place, or lie in air.
                if circle.bound_mm < scanner.needed_mm() {
                    scanner.ring(circle)?;
                }
                continue;
            }
            let told_by_axis =
                circle.bound_mm > TOLD_BY_AXIS_MM && circle.bound_mm > scanner.least + STEP_MM;
            let clearance_mm = if told_by_axis { circle.bound_mm } else { scanner.ring(circle)? };
            scanner.scan.profile.push(ProfilePoint { depth_mm: circle.depth_mm, clearance_mm });
        }
        if self.judged_from_mm < self.length_mm {
            let (depth_mm, bound_mm) = (self.judged_from_mm, f64::NEG_INFINITY);
            scanner.ring(Circle { depth_mm, radius_mm: None, bound_mm })?;
        }
        let circles = (self.radius_mm / STEP_MM).ceil().max(1.0) as usize;
        for circle in 0..=circles {
            let radius_mm = self.radius_mm * circle as f64 / circles as f64;
            let bound_mm = on_axis[rings] - radius_mm;
            if bound_mm < scanner.needed_mm() {
                let depth_mm = self.length_mm;
                scanner.ring(Circle { depth_mm, radius_mm: Some(radius_mm), bound_mm })?;
            }
        }
        Ok(scanner.scan)
    }

    fn is_judged(&self, spot: Spot) -> bool {
        match spot {
            Spot::Side { depth_mm, .. } => depth_mm >= self.judged_from_mm,
            Spot::Tip { .. } => true,
        }
    }

    /// The place so many mm further along (the axis, or the tip's radius) and around, kept on the
    /// judged surface.
    fn moved(&self, spot: Spot, along_mm: f64, around_mm: f64) -> Spot {
        match spot {
            Spot::Side { depth_mm, angle } => Spot::Side {
                depth_mm: (depth_mm + along_mm).min(self.length_mm).max(self.judged_from_mm),
                angle: angle + around_mm / self.radius_mm,
            },
            Spot::Tip { radius_mm, angle } => Spot::Tip {
                radius_mm: (radius_mm + along_mm).clamp(0.0, self.radius_mm),
                angle: angle + around_mm / radius_mm.max(STEP_MM),
            },
        }
    }

    /// Climbs from a place until no place one step away is higher, `step` along and around being
    /// turned into each other by an angle.
    fn climb(
        &self,
        mut peak: Peak,
        step: f64,
        turned: f64,
        value: &mut impl FnMut(Point<Patient>) -> f64,
    ) -> Peak {
        const AROUND: [[f64; 2]; 8] = [
            [1.0, 0.0],
            [-1.0, 0.0],
            [0.0, 1.0],
            [0.0, -1.0],
            [1.0, 1.0],
            [1.0, -1.0],
            [-1.0, 1.0],
            [-1.0, -1.0],
        ];
        let (sin, cos) = (step * turned.sin(), step * turned.cos());
        loop {
            let here = Turn::of(peak.spot);
            let next = AROUND
                .iter()
                .map(|[x, y]| self.moved(peak.spot, x * cos - y * sin, y * cos + x * sin))
                .map(|spot| Peak { spot, value: value(self.point_at(spot, here.on_to(spot))) })
                .max_by(|a, b| a.value.total_cmp(&b.value))
                .filter(|next| next.value > peak.value);
            match next {
                Some(next) => peak = next,
                None => return peak,
            }
        }
    }
}

/// A circle of the surface: around the side, or on the tip's disc with a radius of its own.
#[derive(Clone, Copy)]
struct Circle {
    depth_mm: f64,
    radius_mm: Option<f64>,
    /// Nothing on it is nearer to daylight than this, mm.
    bound_mm: f64,
}

impl Circle {
    fn spot(self, angle: f64) -> Spot {
        match self.radius_mm {
            Some(radius_mm) => Spot::Tip { radius_mm, angle },
            None => Spot::Side { depth_mm: self.depth_mm, angle },
        }
    }
}

/// One pass over the surface, circle by circle.
struct Scanner<'a, B> {
    probe: &'a Probe,
    bone: &'a B,
    scan: Scan,
    /// The smallest distance of the judged surface so far, mm.
    least: f64,
    /// Where the last circle was nearest to daylight: the next one is likely to be so there.
    likely: usize,
}

impl<'a, B: SignedDistance> Scanner<'a, B> {
    fn new(probe: &'a Probe, bone: &'a B, rings: usize) -> Self {
        let scan = Scan {
            profile: Vec::with_capacity(rings),
            in_air: Vec::new(),
            outermost: Peaks::new(probe),
        };
        Self { probe, bone, scan, least: f64::INFINITY, likely: 0 }
    }

    /// From so far from daylight on nothing can be the worst place of the screw, nor lie in air, mm.
    fn needed_mm(&self) -> f64 {
        (self.least + self.scan.outermost.cell_mm).max(0.0)
    }

    /// Samples one circle as densely as it needs, and tells its smallest distance.
    fn ring(&mut self, circle: Circle) -> Result<f64, AssessError> {
        /// What the axis leaves open of a circle that was followed from the one before, mm.
        const LEFT_OPEN_MM: f64 = 0.03;
        let probe = self.probe;
        let centre = probe.entry + probe.axis * circle.depth_mm;
        let share = circle.radius_mm.map_or(1.0, |mm| mm / probe.radius_mm);
        let mut at = |direction: usize| {
            self.bone.quick_distance_mm(centre + probe.outward[direction] * share)
        };
        let mut ring = Ring::new();
        ring.ask(self.likely, &mut at);
        ring.descend(&[1, 1, 1], &mut at);
        let cell_mm = self.scan.outermost.cell_mm;
        let is_told = |ring: &Ring, least: f64| {
            ring.smallest_between() <= circle.bound_mm + LEFT_OPEN_MM
                && circle.bound_mm >= (least.min(ring.least) + cell_mm).max(0.0)
        };
        if !is_told(&ring, self.least) {
            for direction in (0..DIRECTIONS).step_by(COARSE) {
                ring.ask(direction, &mut at);
            }
            // What could still be the worst of the screw, or lie in air, is sampled in full.
            let needed = (self.least.min(ring.least) + cell_mm).max(0.0);
            if circle.bound_mm < needed {
                let arc_mm = share * probe.radius_mm * TAU / DIRECTIONS as f64;
                for first in (0..DIRECTIONS).step_by(COARSE) {
                    ring.fill(first, COARSE, arc_mm, needed, &mut at);
                }
            }
            ring.descend(&[COARSE / 2, 1, 1, 1], &mut at);
        }
        if !ring.is_sound {
            return Err(AssessError::NoDistance);
        }
        self.likely = ring.smallest;
        self.keep(&ring, circle);
        Ok(ring.smallest_between())
    }

    /// Hands the judged samples of a circle on that may be the worst place, or lie in air.
    fn keep(&mut self, ring: &Ring, circle: Circle) {
        if !self.probe.is_judged(circle.spot(0.0)) {
            return;
        }
        self.least = self.least.min(ring.least);
        let worth_mm = self.needed_mm();
        for (direction, distance) in ring.samples().filter(|sample| sample.1 <= worth_mm) {
            let spot = circle.spot(angle_of(direction));
            self.scan.outermost.offer(Peak { spot, value: -distance });
            if distance < 0.0 {
                self.scan.in_air.push(spot);
            }
        }
    }
}

/// The angle of a sampled direction around the axis.
fn angle_of(direction: usize) -> f64 {
    TAU * direction as f64 / DIRECTIONS as f64
}

/// The highest sample of each block and sector of the surface: where climbing starts.
pub(super) struct Peaks {
    best: Vec<Option<Peak>>,
    length_mm: f64,
    /// No place is further than this from a sample, mm.
    pub cell_mm: f64,
}

impl Peaks {
    pub fn new(probe: &Probe) -> Self {
        let cell_mm = (STEP_MM / 2.0).hypot(probe.radius_mm * PI / DIRECTIONS as f64);
        Self { best: vec![None; (BLOCKS + 1) * SECTORS], length_mm: probe.length_mm, cell_mm }
    }

    /// Keeps the sample if it is the highest of its block and sector.
    pub fn offer(&mut self, peak: Peak) {
        let (block, angle) = match peak.spot {
            Spot::Side { depth_mm, angle } => {
                let block = depth_mm / self.length_mm * BLOCKS as f64;
                ((block as usize).min(BLOCKS - 1), angle)
            }
            Spot::Tip { angle, .. } => (BLOCKS, angle),
        };
        let sector = (angle / TAU * SECTORS as f64) as usize % SECTORS;
        let slot = &mut self.best[block * SECTORS + sector];
        if slot.is_none_or(|held| peak.value > held.value) {
            *slot = Some(peak);
        }
    }

    /// The largest value over the whole surface: climbs from every sample that could still win
    /// when a value changes by no more than a millimetre per millimetre, all with one step before
    /// any with the next smaller one. By `rough` first, which may be off by a little, then by
    /// `exact`. `None` without samples.
    pub fn highest(
        self,
        probe: &Probe,
        mut rough: impl FnMut(Point<Patient>) -> f64,
        mut exact: impl FnMut(Point<Patient>) -> f64,
    ) -> Option<Peak> {
        /// Rough steps end here, exact ones begin.
        const ROUGH_MM: f64 = 0.1;
        /// So much a rough value may be off, mm.
        const MOST_OFF_MM: f64 = 0.15;
        let mut tops = self.tops();
        let (mut step, mut reach_mm) = (STEP_MM, self.cell_mm);
        while step > ROUGH_MM {
            climb_all(&mut tops, probe, [step, 0.0], reach_mm + MOST_OFF_MM, &mut rough);
            // Two that climbed to one place go on as one.
            tops.dedup_by(|a, b| probe.point(a.spot).distance(probe.point(b.spot)) < 0.5 * step);
            (step, reach_mm) = (step / 2.0, step);
        }
        tops.iter_mut().for_each(|top| top.value = exact(probe.point(top.spot)));
        tops.sort_by(|a, b| b.value.total_cmp(&a.value));
        while step > FINEST_MM {
            climb_all(&mut tops, probe, [step, 0.0], reach_mm, &mut exact);
            tops.dedup_by(|a, b| probe.point(a.spot).distance(probe.point(b.spot)) < 0.5 * step);
            (step, reach_mm) = (step / 2.0, step);
        }
        tops.first().map(|top| Peak { value: exact(probe.point(top.spot)), ..*top })
    }

    /// The same for a value that may jump: it is highest where it jumps as often as not, and the way
    /// there runs beside the jump. So steps are tried in ever other directions, large ones again
    /// after small ones, and nothing is given up that began within a cell of the highest.
    pub fn highest_with_jumps(
        self,
        probe: &Probe,
        mut value: impl FnMut(Point<Patient>) -> f64,
    ) -> Option<Peak> {
        const ROUNDS: u32 = 3;
        const TURN: f64 = 0.37;
        let mut tops = self.tops();
        let mut turned = 0.0;
        for _ in 0..ROUNDS {
            let mut step = STEP_MM;
            while step > FINEST_MM {
                climb_all(&mut tops, probe, [step, turned], self.cell_mm, &mut value);
                (step, turned) = (step / 2.0, turned + TURN);
            }
            let apart = |a: &Peak, b: &Peak| probe.point(a.spot).distance(probe.point(b.spot));
            tops.dedup_by(|a, b| apart(a, b) < 2.0 * FINEST_MM);
        }
        tops.first().copied()
    }

    /// All starts, the highest first.
    fn tops(&self) -> Vec<Peak> {
        let mut tops: Vec<Peak> = self.best.iter().copied().flatten().collect();
        tops.sort_by(|a, b| b.value.total_cmp(&a.value));
        tops
    }
}

/// Climbs from all places, best ones first, with one step, and sorts them anew; those that lie more
/// than `reach_mm` under the highest are given up.
fn climb_all(
    tops: &mut Vec<Peak>,
    probe: &Probe,
    [step, turned]: [f64; 2],
    reach_mm: f64,
    value: &mut impl FnMut(Point<Patient>) -> f64,
) {
    let mut highest = f64::NEG_INFINITY;
    tops.retain_mut(|top| {
        if top.value + reach_mm < highest {
            return false;
        }
        *top = probe.climb(*top, step, turned, value);
        highest = highest.max(top.value);
        true
    });
    tops.sort_by(|a, b| b.value.total_cmp(&a.value));
}

/// The samples of a ring; NaN where none was taken.
struct Ring {
    distances: [f64; DIRECTIONS],
    /// The directions that were sampled, in that order.
    asked: [u8; DIRECTIONS],
    count: usize,
    /// The direction of the smallest sample, and that.
    smallest: usize,
    least: f64,
    /// No sample was NaN itself.
    is_sound: bool,
}

impl Ring {
    fn new() -> Self {
        Self {
            distances: [f64::NAN; DIRECTIONS],
            asked: [0; DIRECTIONS],
            count: 0,
            smallest: 0,
            least: f64::INFINITY,
            is_sound: true,
        }
    }

    /// The distance in a direction, taken where it is not known yet.
    fn ask(&mut self, direction: usize, at: &mut impl FnMut(usize) -> f64) -> f64 {
        let slot = direction % DIRECTIONS;
        let known = self.distances[slot];
        if !known.is_nan() || !self.is_sound {
            return known;
        }
        let distance = at(slot);
        self.is_sound = !distance.is_nan();
        self.distances[slot] = distance;
        self.asked[self.count] = slot as u8;
        self.count += 1;
        if distance < self.least {
            (self.least, self.smallest) = (distance, slot);
        }
        distance
    }

    /// The samples that were taken: direction and distance.
    fn samples(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let asked = self.asked[..self.count].iter();
        asked.map(|slot| (usize::from(*slot), self.distances[usize::from(*slot)]))
    }

    /// Halves an arc of `count` directions as long as something in it may be below `needed`.
    fn fill(
        &mut self,
        first: usize,
        count: usize,
        arc_mm: f64,
        needed: f64,
        at: &mut impl FnMut(usize) -> f64,
    ) {
        let ends = [first, first + count].map(|direction| self.ask(direction, at));
        let lowest = 0.5 * (ends[0] + ends[1] - arc_mm * count as f64);
        if count < 2 || lowest >= needed {
            return;
        }
        let half = count / 2;
        self.fill(first, half, arc_mm, needed, at);
        self.fill(first + half, count - half, arc_mm, needed, at);
    }

    /// Samples around the smallest one, until its neighbours are known.
    fn descend(&mut self, steps: &[usize], at: &mut impl FnMut(usize) -> f64) {
        for &step in steps {
            let here = self.smallest;
            self.ask(here + step, at);
            self.ask(here + DIRECTIONS - step, at);
            if step == 1 && self.smallest == here {
                return;
            }
        }
    }

    /// The smallest value of the ring, read off the parabola through the smallest sample and its
    /// two neighbours.
    fn smallest_between(&self) -> f64 {
        let (ring, at) = (&self.distances, self.smallest);
        let (before, after) =
            (ring[(at + DIRECTIONS - 1) % DIRECTIONS], ring[(at + 1) % DIRECTIONS]);
        let bend = before - 2.0 * ring[at] + after;
        if bend > 1e-12 { ring[at] - (before - after).powi(2) / (8.0 * bend) } else { ring[at] }
    }
}
