//! A screw's surface, sampled and searched for its worst place.
//!
//! In: a [`ScrewShape`] and a bone. Out: the clearance profile, the samples that lie in air, the place
//! nearest to daylight, and the largest value of any function over the surface, refined between the
//! samples.

use super::ring::{DIRECTIONS, Ring};
use super::{AssessError, ProfilePoint, ScrewShape, SignedDistance};
use crate::space::{Dir, Patient, Point};
use std::f64::consts::{PI, TAU};

/// Largest step of samples along the axis and across the tip, mm. The literal rule takes 0.25; the
/// search between samples makes up for it.
const STEP_MM: f64 = 0.5;
/// Every so many of them are sampled first; a power of two.
const COARSE: usize = 4;
/// A ring that the axis says to be at least this far from daylight is told by that in the profile,
/// mm: there it is no more than it is.
const TOLD_BY_AXIS_MM: f64 = 3.0;
/// Patches of the surface begin so long, and so many directions wide; each is cut in three as long as
/// something on it may matter.
const PATCH_MM: f64 = 9.0 * STEP_MM;
const PATCH_DIRECTIONS: usize = 3;
/// So near to daylight a screw may reach it between two places that do not, mm.
const TOUCHING_MM: f64 = 0.05;
/// So much a quick distance may be off, mm.
const MOST_OFF_MM: f64 = 0.3;
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

    /// The place `ahead` times as far as another one, the short way around; that itself where one of
    /// the two lies on the side and one on the tip.
    fn on_towards(self, other: Self, ahead: f64) -> Self {
        let on = |from: f64, to: f64| from + (to - from) * ahead;
        let turn = |from: f64, to: f64| {
            let way = (to - from + PI).rem_euclid(TAU) - PI;
            from + way * ahead
        };
        match (self, other) {
            (Self::Side { depth_mm: a, angle: p }, Self::Side { depth_mm: b, angle: q }) => {
                Self::Side { depth_mm: on(a, b), angle: turn(p, q) }
            }
            (Self::Tip { radius_mm: a, angle: p }, Self::Tip { radius_mm: b, angle: q })
                if ahead > 1.0 =>
            {
                Self::Tip { radius_mm: on(a, b), angle: turn(p, q) }
            }
            _ => other,
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
    /// A distance changes by no more than the way to where it is asked, so one sample tells how near
    /// to daylight everything around it can be at most. Sampled are all places that could be the worst
    /// one or lie in air, and others only as far as the profile needs them.
    pub fn scan(&self, bone: &impl SignedDistance, has_profile: bool) -> Result<Scan, AssessError> {
        let rings = (self.length_mm / STEP_MM).ceil().max(1.0) as usize;
        let depth = |ring: usize| self.length_mm * ring as f64 / rings as f64;
        let on_axis = |ring: usize| {
            let distance = bone.quick_distance_mm(self.entry + self.axis * depth(ring));
            if distance.is_nan() { Err(AssessError::NoDistance) } else { Ok(distance) }
        };
        let on_axis = (0..=rings).map(on_axis).collect::<Result<Vec<f64>, _>>()?;
        let mut scanner = Scanner::new(self, bone, on_axis);
        if has_profile {
            let rings = (0..=rings).map(|ring| scanner.ring(depth(ring), ring));
            scanner.scan.profile = rings.collect::<Result<Vec<_>, _>>()?;
        } else {
            // The ring that can be worst tells how bad it is at least.
            let judged = (0..=rings).filter(|ring| depth(*ring) >= self.judged_from_mm);
            let on_axis = |ring: usize| scanner.on_axis[ring];
            if let Some(ring) = judged.min_by(|a, b| on_axis(*a).total_cmp(&on_axis(*b))) {
                scanner.ring(depth(ring), ring)?;
            }
        }
        scanner.scan.outermost.approach_best(self, bone);
        scanner.cover()?;
        Ok(scanner.scan)
    }

    /// The place of the judged surface that is nearest to a point outside the screw.
    fn nearest_to(&self, p: Point<Patient>) -> Spot {
        let from_entry = p - self.entry;
        let depth_mm = from_entry.dot(self.axis);
        let [x, y] = self.across.map(|across| from_entry.dot(across));
        let (radius_mm, angle) = (x.hypot(y), y.atan2(x));
        let is_ahead = depth_mm >= self.length_mm && radius_mm < self.radius_mm;
        if is_ahead || self.judged_from_mm >= self.length_mm {
            return Spot::Tip { radius_mm: radius_mm.min(self.radius_mm), angle };
        }
        Spot::Side { depth_mm: depth_mm.min(self.length_mm).max(self.judged_from_mm), angle }
    }

    /// From a place in bone to the nearest point of the wall, from there to the nearest place of the
    /// screw, and so on: no way is longer than the one before, and in the end the wall is nowhere
    /// nearer around. Values are -distances.
    fn approach(&self, from: Spot, wall: impl Fn(Point<Patient>) -> (f64, Point<Patient>)) -> Peak {
        const MOST_STEPS: usize = 24;
        const LEAST_GAIN_MM: f64 = 2e-5;
        let (distance, mut nearest) = wall(self.point(from));
        let mut here = Peak { spot: from, value: -distance };
        let mut ahead = 1.0;
        for _ in 0..MOST_STEPS {
            let spot = here.spot.on_towards(self.nearest_to(nearest), ahead);
            let spot = self.moved(spot, 0.0, 0.0);
            let (distance, next) = wall(self.point(spot));
            let gain = -distance - here.value;
            if gain > 0.0 {
                (here, nearest) = (Peak { spot, value: -distance }, next);
            }
            // Along a wall that hardly comes nearer steps are short; a longer one may be as good.
            match gain > LEAST_GAIN_MM {
                true => ahead *= 2.0,
                false if ahead > 1.0 => ahead = 1.0,
                false => break,
            }
        }
        here
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
    /// turned into each other by an angle. `value` may say anything lower where it is no higher than
    /// the number it is given.
    fn climb(
        &self,
        mut peak: Peak,
        step: f64,
        turned: f64,
        value: &mut impl FnMut(Point<Patient>, f64) -> f64,
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
            let (from, here) = (peak.spot, Turn::of(peak.spot));
            let mut is_top = true;
            for [x, y] in AROUND {
                let spot = self.moved(from, x * cos - y * sin, y * cos + x * sin);
                let value = value(self.point_at(spot, here.on_to(spot)), peak.value);
                if value > peak.value {
                    (peak, is_top) = (Peak { spot, value }, false);
                }
            }
            if is_top {
                return peak;
            }
        }
    }
}

/// A patch of the surface: on the side, or on the tip's disc.
#[derive(Clone, Copy)]
struct Patch {
    is_tip: bool,
    /// From here to there along the axis, or along the tip's radius, mm.
    along_mm: [f64; 2],
    /// Its first direction, and how many.
    directions: [usize; 2],
}

impl Patch {
    fn middle(self) -> (f64, usize) {
        let [first, count] = self.directions;
        (0.5 * (self.along_mm[0] + self.along_mm[1]), first + count / 2)
    }

    /// Whether it is as short as samples are apart.
    fn is_short(self) -> bool {
        self.along_mm[1] - self.along_mm[0] < 1.01 * STEP_MM
    }

    /// Three of it, cut across its longer side; `round_mm` is its width. The middle one has its middle.
    fn thirds(self, round_mm: f64) -> [Self; 3] {
        let [from, to] = self.along_mm;
        let [first, count] = self.directions;
        if count > 1 && (self.is_short() || round_mm > to - from) {
            return [0, 1, 2]
                .map(|n| Self { directions: [first + n * (count / 3), count / 3], ..self });
        }
        let third = (to - from) / 3.0;
        let at = |n: usize| from + third * n as f64;
        [0, 1, 2].map(|n| Self { along_mm: [at(n), at(n + 1)], ..self })
    }
}

/// One pass over the surface.
struct Scanner<'a, B> {
    probe: &'a Probe,
    bone: &'a B,
    scan: Scan,
    /// The distance on the axis, at the depth of every ring.
    on_axis: Vec<f64>,
    /// The smallest distance of the judged surface so far, mm.
    least: f64,
    /// Where the last ring was nearest to daylight: the next one is likely to be so there.
    likely: usize,
    /// In each direction no place of the ring at hand is nearer to daylight than this, mm.
    at_least: [f64; DIRECTIONS],
    /// By how much a ring comes nearer to daylight between two samples than at them, mm.
    dip_mm: f64,
}

impl<'a, B: SignedDistance> Scanner<'a, B> {
    fn new(probe: &'a Probe, bone: &'a B, on_axis: Vec<f64>) -> Self {
        Self {
            probe,
            bone,
            scan: Scan { profile: Vec::new(), in_air: Vec::new(), outermost: Peaks::new(probe) },
            on_axis,
            least: f64::INFINITY,
            likely: 0,
            at_least: [f64::NEG_INFINITY; DIRECTIONS],
            dip_mm: 0.0,
        }
    }

    /// From so far from daylight on nothing can be the worst place of the screw, nor lie in air, mm.
    fn needed_mm(&self) -> f64 {
        match self.scan.outermost.found {
            Some(found) if found.value < -TOUCHING_MM => -found.value,
            _ => (self.least + self.scan.outermost.cell_mm).max(0.0),
        }
    }

    /// Samples a ring of the side as densely as the profile needs it.
    fn ring(&mut self, depth_mm: f64, ring: usize) -> Result<ProfilePoint, AssessError> {
        /// What the axis leaves open of a ring that was followed from the one before, mm.
        const LEFT_OPEN_MM: f64 = 0.03;
        let probe = self.probe;
        let step_mm = probe.length_mm / (self.on_axis.len() - 1) as f64;
        self.at_least.iter_mut().for_each(|mm| *mm -= step_mm);
        let bound_mm = self.on_axis[ring] - probe.radius_mm;
        if bound_mm > TOLD_BY_AXIS_MM && bound_mm > self.least + STEP_MM {
            return Ok(ProfilePoint { depth_mm, clearance_mm: bound_mm });
        }
        let centre = probe.entry + probe.axis * depth_mm;
        let mut at =
            |direction: usize| self.bone.quick_distance_mm(centre + probe.outward[direction]);
        let mut samples = Ring::new();
        samples.ask(self.likely, &mut at);
        // What lies between two samples is read off every second ring.
        if ring % 2 == 0 {
            samples.descend(&[1, 1, 1], &mut at);
            self.dip_mm = samples.dip_mm();
        }
        if samples.least - self.dip_mm > bound_mm + LEFT_OPEN_MM {
            let likely = samples.smallest;
            for direction in (0..DIRECTIONS).step_by(COARSE) {
                if self.at_least[direction] < samples.least {
                    samples.ask(direction, &mut at);
                }
            }
            if samples.smallest != likely {
                samples.descend(&[COARSE / 2, 1, 1, 1], &mut at);
                self.dip_mm = samples.dip_mm();
            }
        }
        if !samples.is_sound {
            return Err(AssessError::NoDistance);
        }
        self.likely = samples.smallest;
        samples.samples().for_each(|(direction, mm)| self.at_least[direction] = mm);
        if depth_mm >= probe.judged_from_mm && samples.least < self.needed_mm() {
            let angle = angle_of(samples.smallest);
            let (spot, value) = (Spot::Side { depth_mm, angle }, -samples.least);
            self.least = self.least.min(samples.least);
            self.scan.outermost.offer(Peak { spot, value });
        }
        Ok(ProfilePoint { depth_mm, clearance_mm: samples.least - self.dip_mm })
    }

    /// Samples everything that could be the worst place, or lie in air: parts of the side first that
    /// the axis says to be near daylight.
    fn cover(&mut self) -> Result<(), AssessError> {
        let probe = self.probe;
        let parts = |from: f64, to: f64, most: f64| {
            let count = ((to - from) / most).ceil().max(1.0);
            let at = move |n: f64| from + (to - from) * n / count;
            (0..count as usize).map(move |n| [at(n as f64), at(n as f64 + 1.0)])
        };
        let mut blocks = Vec::new();
        if probe.judged_from_mm < probe.length_mm {
            let side = parts(probe.judged_from_mm, probe.length_mm, PATCH_MM);
            blocks.extend(side.map(|along_mm| (self.bound_mm(along_mm), false, along_mm)));
            blocks.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        let to_tip = self.on_axis.last().map_or(f64::INFINITY, |mm| *mm);
        let tip = parts(0.0, probe.radius_mm, 3.0 * STEP_MM);
        blocks.extend(tip.map(|along_mm| (to_tip - along_mm[1], true, along_mm)));
        for (bound_mm, is_tip, along_mm) in blocks {
            if bound_mm < self.needed_mm() {
                for first in (0..DIRECTIONS).step_by(PATCH_DIRECTIONS) {
                    let directions = [first, PATCH_DIRECTIONS];
                    self.patch(Patch { is_tip, along_mm, directions }, None)?;
                }
            }
        }
        Ok(())
    }

    /// Nothing on the side between two depths is nearer to daylight than this, as the axis tells, mm.
    fn bound_mm(&self, along_mm: [f64; 2]) -> f64 {
        let rings = self.on_axis.len() - 1;
        let step_mm = self.probe.length_mm / rings as f64;
        let [from, to] = along_mm.map(|mm| ((mm / step_mm + 0.5) as usize).min(rings));
        let least = self.on_axis[from..=to].iter().copied().fold(f64::INFINITY, f64::min);
        least - 0.5 * step_mm - self.probe.radius_mm
    }

    /// Samples the middle of a patch, and its thirds as long as something on them may matter; `known`
    /// is the distance of its middle where that was asked for already.
    fn patch(&mut self, patch: Patch, known: Option<f64>) -> Result<(), AssessError> {
        let probe = self.probe;
        let (along_mm, direction) = patch.middle();
        let distance = known.unwrap_or_else(|| {
            let (depth_mm, share) = match patch.is_tip {
                true => (probe.length_mm, along_mm / probe.radius_mm),
                false => (along_mm, 1.0),
            };
            let centre = probe.entry + probe.axis * depth_mm;
            self.bone.quick_distance_mm(centre + probe.outward[direction] * share)
        });
        if distance.is_nan() {
            return Err(AssessError::NoDistance);
        }
        let [from, to] = patch.along_mm;
        let radius_mm = if patch.is_tip { to } else { probe.radius_mm };
        let round_mm = radius_mm * TAU * patch.directions[1] as f64 / DIRECTIONS as f64;
        // No place of the patch is farther from its middle than half of its diagonal.
        let more = 2.0 * (distance - self.needed_mm());
        if more >= 0.0 && more * more >= (to - from).powi(2) + round_mm * round_mm {
            return Ok(());
        }
        self.least = self.least.min(distance);
        if patch.directions[1] == 1 && patch.is_short() {
            self.keep(patch, distance);
            return Ok(());
        }
        for (n, third) in patch.thirds(round_mm).into_iter().enumerate() {
            self.patch(third, (n == 1).then_some(distance))?;
        }
        Ok(())
    }

    /// Hands a sample on that may be the worst place, or lies in air.
    fn keep(&mut self, patch: Patch, distance: f64) {
        let (along_mm, direction) = patch.middle();
        let angle = angle_of(direction);
        let spot = match patch.is_tip {
            true => Spot::Tip { radius_mm: along_mm, angle },
            false => Spot::Side { depth_mm: along_mm, angle },
        };
        self.scan.outermost.offer(Peak { spot, value: -distance });
        if distance > TOUCHING_MM {
            self.scan.outermost.approach_from(spot, self.probe, self.bone);
        }
        if distance < 0.0 {
            self.scan.in_air.push(spot);
        }
    }
}

/// The angle of a sampled direction around the axis.
fn angle_of(direction: usize) -> f64 {
    TAU * direction as f64 / DIRECTIONS as f64
}

/// The highest sample of each block and sector of the surface: where climbing starts.
pub(super) struct Peaks {
    best: [Option<Peak>; (BLOCKS + 1) * SECTORS],
    /// The highest that was climbed to so far.
    found: Option<Peak>,
    length_mm: f64,
    /// No place is further than this from a sample, mm.
    pub cell_mm: f64,
}

impl Peaks {
    pub fn new(probe: &Probe) -> Self {
        let cell_mm = (STEP_MM / 2.0).hypot(probe.radius_mm * PI / DIRECTIONS as f64);
        Self {
            best: [None; (BLOCKS + 1) * SECTORS],
            found: None,
            length_mm: probe.length_mm,
            cell_mm,
        }
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

    /// Finds the highest place near the highest sample, values being -distances in a bone.
    fn approach_best(&mut self, probe: &Probe, bone: &impl SignedDistance) {
        let top = self.best.iter().flatten().max_by(|a, b| a.value.total_cmp(&b.value));
        self.found = top.map(|top| match top.value < -TOUCHING_MM {
            true => {
                let rough = probe.approach(top.spot, |p| bone.quick_nearest_wall(p));
                probe.approach(rough.spot, |p| bone.nearest_wall(p))
            }
            false => *top,
        });
    }

    /// The same near a place in bone, if that may be higher than what was found.
    fn approach_from(&mut self, spot: Spot, probe: &Probe, bone: &impl SignedDistance) {
        /// So much the way from the nearest wall to the screw may be longer than the shortest one
        /// around, mm.
        const ROUGHLY_MM: f64 = 0.03;
        let Some(found) = self.found else { return };
        let near = |wall: Point<Patient>| {
            let near = probe.nearest_to(wall);
            (near, probe.point(near).distance(wall))
        };
        let (quick, most_mm) = near(bone.quick_nearest_wall(probe.point(spot)).1);
        if MOST_OFF_MM - most_mm < found.value {
            return;
        }
        let (exact, most_mm) = near(bone.nearest_wall(probe.point(quick)).1);
        if ROUGHLY_MM - most_mm > found.value {
            let other = probe.approach(exact, |p| bone.nearest_wall(p));
            self.found = Some(if other.value > found.value { other } else { found });
        }
    }

    /// The place of the whole surface that is nearest to daylight, or farthest out in it; its value is
    /// -distance. `None` without samples.
    pub fn outermost(mut self, probe: &Probe, bone: &impl SignedDistance) -> Option<Peak> {
        if self.found.is_none() {
            self.approach_best(probe, bone);
        }
        let found = self.found?;
        let highest = self.best.iter().flatten().map(|top| top.value).fold(found.value, f64::max);
        if highest < -TOUCHING_MM {
            return Some(found);
        }
        self.highest(probe, |p, _| -bone.quick_distance_mm(p), |p, _| -bone.signed_distance_mm(p))
    }

    /// The largest value over the whole surface: climbs from every sample that could still win
    /// when a value changes by no more than a millimetre per millimetre, all with one step before
    /// any with the next smaller one. By `rough` first, which may be off by a little, then by
    /// `exact`. `None` without samples.
    fn highest(
        self,
        probe: &Probe,
        mut rough: impl FnMut(Point<Patient>, f64) -> f64,
        mut exact: impl FnMut(Point<Patient>, f64) -> f64,
    ) -> Option<Peak> {
        /// Rough steps end here, exact ones begin.
        const ROUGH_MM: f64 = 0.1;
        let mut tops = self.tops();
        let (mut step, mut reach_mm) = (STEP_MM, self.cell_mm);
        while step > ROUGH_MM {
            climb_all(&mut tops, probe, [step, 0.0], reach_mm + MOST_OFF_MM, &mut rough);
            // Two that climbed to one place go on as one.
            tops.dedup_by(|a, b| probe.point(a.spot).distance(probe.point(b.spot)) < 0.5 * step);
            (step, reach_mm) = (step / 2.0, step);
        }
        let low = f64::NEG_INFINITY;
        tops.iter_mut().for_each(|top| top.value = exact(probe.point(top.spot), low));
        tops.sort_by(|a, b| b.value.total_cmp(&a.value));
        while step > FINEST_MM {
            climb_all(&mut tops, probe, [step, 0.0], reach_mm, &mut exact);
            tops.dedup_by(|a, b| probe.point(a.spot).distance(probe.point(b.spot)) < 0.5 * step);
            (step, reach_mm) = (step / 2.0, step);
        }
        tops.first().map(|top| Peak { value: exact(probe.point(top.spot), low), ..*top })
    }

    /// The same for a value that may jump: it is highest where it jumps as often as not, and the way
    /// there runs beside the jump. So steps are tried in ever other directions, large ones again
    /// after small ones, and nothing is given up that began within a cell of the highest.
    pub fn highest_with_jumps(
        self,
        probe: &Probe,
        mut value: impl FnMut(Point<Patient>, f64) -> f64,
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
    value: &mut impl FnMut(Point<Patient>, f64) -> f64,
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
