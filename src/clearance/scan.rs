//! One pass over a screw's surface: what of it may be the worst place.
//!
//! A distance changes by no more than the way to where it is asked, so one sample tells how near to
//! daylight everything around it can be at most. Sampled are all places that could be the worst one,
//! and others only as far as the profile needs them. Along the axis one exact distance
//! rules a whole stretch of the side out: no place of it lies farther from there than its rim.

use super::peaks::{MOST_OFF_MM, Peaks, TOUCHING_MM};
use super::probe::{Peak, Probe, STEP_MM, Spot, angle_of};
use super::ring::{DIRECTIONS, Ring};
use super::{AssessError, ProfilePoint, SignedDistance};
use glam::DVec2;
use std::f64::consts::TAU;

/// Every so many directions of a ring are sampled first; a power of two.
const COARSE: usize = 4;
/// A ring that the axis says to be at least this far from daylight is told by that in the profile,
/// mm: there it is no more than it is.
const TOLD_BY_AXIS_MM: f64 = 3.0;
/// Stretches of the side begin so long, mm, and are halved as long as something on them may matter.
const STRETCH_MM: f64 = 4.5;
/// One that is no longer is cut into patches where the axis can not rule it out, mm.
const LONGEST_PATCH_MM: f64 = 1.2;
/// One that is no longer is halved no more, mm.
const SHORTEST_MM: f64 = 0.1;
/// What is nearer to daylight than the worst place by no more than this is not looked for, mm.
const UNTOLD_MM: f64 = 0.001;
/// Patches of the surface begin so many directions wide; each is cut in three as long as something on
/// it may matter.
const PATCH_DIRECTIONS: usize = 3;

/// What one pass over the samples gives.
pub(super) struct Scan {
    pub profile: Vec<ProfilePoint>,
    /// Judged local maxima of −distance.
    pub outermost: Peaks,
}

/// Samples the surface; an error where the distance is no number.
pub(super) fn scan(
    probe: &Probe,
    bone: &impl SignedDistance,
    has_profile: bool,
) -> Result<Scan, AssessError> {
    let rings = (probe.length_mm / STEP_MM).ceil().max(1.0) as usize;
    let depth = |ring: usize| probe.length_mm * ring as f64 / rings as f64;
    let on_axis = (0..=rings).map(|ring| bone.quick_distance_mm(probe.on_axis(depth(ring))));
    let on_axis: Vec<f64> = on_axis.collect();
    if on_axis.iter().any(|mm| mm.is_nan()) {
        return Err(AssessError::NoDistance);
    }
    let mut scanner = Scanner::new(probe, bone, on_axis);
    if has_profile {
        scanner.scan.profile.reserve_exact(rings + 1);
        for ring in 0..=rings {
            let told = scanner.ring(depth(ring), ring)?;
            scanner.scan.profile.push(told);
        }
    } else {
        // The ring that can be worst tells how bad it is at least.
        let judged = (0..=rings).filter(|ring| depth(*ring) >= probe.judged_from_mm);
        let on_axis = |ring: usize| scanner.on_axis[ring];
        if let Some(ring) = judged.min_by(|a, b| on_axis(*a).total_cmp(&on_axis(*b))) {
            scanner.ring(depth(ring), ring)?;
        }
    }
    scanner.scan.outermost.approach_best(probe, bone);
    scanner.cover()?;
    Ok(scanner.scan)
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

    /// Where its middle lies.
    fn spot(self) -> Spot {
        let (along_mm, direction) = self.middle();
        let angle = angle_of(direction);
        match self.is_tip {
            true => Spot::Tip { radius_mm: along_mm, angle },
            false => Spot::Side { depth_mm: along_mm, angle },
        }
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
            scan: Scan { profile: Vec::new(), outermost: Peaks::new(probe) },
            on_axis,
            least: f64::INFINITY,
            likely: 0,
            at_least: [f64::NEG_INFINITY; DIRECTIONS],
            dip_mm: 0.0,
        }
    }

    /// From so far from daylight on nothing can be the worst place of the screw, mm.
    fn needed_mm(&self) -> f64 {
        match self.scan.outermost.found {
            Some(found) if found.value < -TOUCHING_MM => -found.value,
            _ => self.least + MOST_OFF_MM,
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
        let centre = probe.on_axis(depth_mm);
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

    /// Samples everything that could be the worst place: parts of the side first that the axis says to be
    /// near daylight.
    fn cover(&mut self) -> Result<(), AssessError> {
        let probe = self.probe;
        let parts = |from: f64, to: f64, most: f64| {
            let count = ((to - from) / most).ceil().max(1.0);
            let at = move |n: f64| from + (to - from) * n / count;
            (0..count as usize).map(move |n| [at(n as f64), at(n as f64 + 1.0)])
        };
        if probe.judged_from_mm < probe.length_mm {
            let side = parts(probe.judged_from_mm, probe.length_mm, STRETCH_MM);
            let mut side: Vec<_> = side.map(|along| (self.bound_mm(along), along)).collect();
            side.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (_, along_mm) in side {
                self.stretch(along_mm)?;
            }
        }
        let to_tip = self.on_axis.last().map_or(f64::INFINITY, |mm| *mm);
        for along_mm in parts(0.0, probe.radius_mm, 3.0 * STEP_MM) {
            if to_tip - along_mm[1] < self.needed_mm() {
                self.patches(true, along_mm)?;
            }
        }
        Ok(())
    }

    /// Samples what matters on the side between two depths: nothing where the axis rules it out.
    ///
    /// What the axis tells is what the side has wherever the wall lies beside it, so there halving
    /// goes on until all but the worst place is ruled out. Near the ends walls lie behind or ahead,
    /// and patches are asked for.
    fn stretch(&mut self, along_mm: [f64; 2]) -> Result<(), AssessError> {
        let (probe, bone) = (self.probe, self.bone);
        let [from, to] = along_mm;
        let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
        // No place of the stretch is farther from the middle of its axis than its rim.
        let to_rim = probe.radius_mm.hypot(half);
        let centre = probe.on_axis(middle);
        let quick = bone.quick_distance_mm(centre);
        if quick - MOST_OFF_MM - to_rim > self.needed_mm() {
            return Ok(());
        }
        if quick < probe.radius_mm - MOST_OFF_MM {
            return self.halves_or_patches(along_mm, LONGEST_PATCH_MM);
        }
        let (distance, wall) = bone.nearest_wall(centre);
        if distance.is_nan() {
            return Err(AssessError::NoDistance);
        }
        if distance - to_rim > self.needed_mm() - UNTOLD_MM {
            return Ok(());
        }
        let depth_mm = (wall - probe.entry).dot(probe.axis);
        let is_beside = (probe.judged_from_mm..=probe.length_mm).contains(&depth_mm);
        if is_beside && distance - probe.radius_mm > TOUCHING_MM {
            self.scan.outermost.approach_wall(wall, 0.0, probe, bone);
            return self.halves_or_patches(along_mm, SHORTEST_MM);
        }
        self.halves_or_patches(along_mm, LONGEST_PATCH_MM)
    }

    /// Both halves of a stretch, or its patches where it is no longer than `shortest_mm`.
    fn halves_or_patches(
        &mut self,
        [from, to]: [f64; 2],
        shortest_mm: f64,
    ) -> Result<(), AssessError> {
        if to - from <= shortest_mm {
            return self.patches(false, [from, to]);
        }
        let middle = 0.5 * (from + to);
        self.stretch([from, middle])?;
        self.stretch([middle, to])
    }

    fn patches(&mut self, is_tip: bool, along_mm: [f64; 2]) -> Result<(), AssessError> {
        for first in (0..DIRECTIONS).step_by(PATCH_DIRECTIONS) {
            let directions = [first, PATCH_DIRECTIONS];
            self.patch(Patch { is_tip, along_mm, directions }, None)?;
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
        let (depth_mm, share) = match patch.is_tip {
            true => (probe.length_mm, along_mm / probe.radius_mm),
            false => (along_mm, 1.0),
        };
        let middle = probe.on_axis(depth_mm) + probe.outward[direction] * share;
        let distance = known.unwrap_or_else(|| self.bone.quick_distance_mm(middle));
        if distance.is_nan() {
            return Err(AssessError::NoDistance);
        }
        let [from, to] = patch.along_mm;
        let radius_mm = if patch.is_tip { to } else { probe.radius_mm };
        let round_mm = radius_mm * TAU * patch.directions[1] as f64 / DIRECTIONS as f64;
        // No place of the patch is farther from its middle than half of its diagonal.
        let half_mm = 0.5 * DVec2::new(to - from, round_mm).length();
        if distance - self.needed_mm() >= half_mm {
            return Ok(());
        }
        // Climbing starts from the highest of each block and sector alone.
        if patch.directions[1] == 1 && distance <= TOUCHING_MM {
            let held = self.scan.outermost.held(patch.spot());
            if held.is_some_and(|held| distance - half_mm >= -held.value) {
                return Ok(());
            }
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

    /// Hands a sample on that may be the worst place.
    fn keep(&mut self, patch: Patch, distance: f64) {
        let spot = patch.spot();
        self.scan.outermost.offer(Peak { spot, value: -distance });
        if distance > TOUCHING_MM {
            self.scan.outermost.approach_from(spot, self.probe, self.bone);
        }
    }
}
