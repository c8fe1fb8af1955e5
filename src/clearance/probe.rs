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
        let u = axis.any_perpendicular();
        Self {
            entry: screw.entry,
            axis,
            across: [u, axis.cross(u)],
            length_mm: screw.length_mm,
            radius_mm: screw.diameter_mm / 2.0,
            judged_from_mm,
        }
    }

    /// The patient point of a place on the surface.
    pub fn point(&self, spot: Spot) -> Point<Patient> {
        let (depth, radius, angle) = match spot {
            Spot::Side { depth_mm, angle } => (depth_mm, self.radius_mm, angle),
            Spot::Tip { radius_mm, angle } => (self.length_mm, radius_mm, angle),
        };
        let (sin, cos) = angle.sin_cos();
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
    pub fn scan(&self, bone: &impl SignedDistance) -> Result<Scan, AssessError> {
        let mut scan =
            Scan { profile: Vec::new(), in_air: Vec::new(), outermost: Peaks::new(self) };
        let rings = (self.length_mm / STEP_MM).ceil().max(1.0) as usize;
        let depth = |ring: usize| self.length_mm * ring as f64 / rings as f64;
        let mut bounds = Vec::with_capacity(rings + 1);
        for ring in 0..=rings {
            let on_axis = bone.signed_distance_mm(self.entry + self.axis * depth(ring));
            if on_axis.is_nan() {
                return Err(AssessError::NoDistance);
            }
            bounds.push(on_axis - self.radius_mm);
        }
        let side = |depth_mm: f64| move |angle: f64| Spot::Side { depth_mm, angle };
        // The ring that can be worst tells first how bad it is at least.
        let judged = (0..=rings).filter(|ring| depth(*ring) >= self.judged_from_mm);
        let worst = judged.min_by(|a, b| bounds[*a].total_cmp(&bounds[*b]));
        let mut least = f64::INFINITY;
        if let Some(ring) = worst {
            self.scan_ring(bone, &mut scan, &mut least, bounds[ring], side(depth(ring)))?;
        }
        for (ring, &bound) in bounds.iter().enumerate() {
            let depth_mm = depth(ring);
            let clearance_mm = match bound > TOLD_BY_AXIS_MM && bound > least + STEP_MM {
                true => bound,
                false => self.scan_ring(bone, &mut scan, &mut least, bound, side(depth_mm))?,
            };
            scan.profile.push(ProfilePoint { depth_mm, clearance_mm });
        }
        if self.judged_from_mm < self.length_mm {
            let from = side(self.judged_from_mm);
            self.scan_ring(bone, &mut scan, &mut least, f64::NEG_INFINITY, from)?;
        }
        let at_tip = bounds[rings] + self.radius_mm;
        let circles = (self.radius_mm / STEP_MM).ceil().max(1.0) as usize;
        for circle in 0..=circles {
            let radius_mm = self.radius_mm * circle as f64 / circles as f64;
            let bound = at_tip - radius_mm;
            if bound <= least.max(0.0) + scan.outermost.cell_mm {
                let tip = |angle: f64| Spot::Tip { radius_mm, angle };
                self.scan_ring(bone, &mut scan, &mut least, bound, tip)?;
            }
        }
        Ok(scan)
    }

    /// Samples one ring as densely as it needs, and tells its smallest distance. `least` is the
    /// smallest one of the judged surface so far, `bound` what this ring is at least.
    fn scan_ring(
        &self,
        bone: &impl SignedDistance,
        scan: &mut Scan,
        least: &mut f64,
        bound: f64,
        spot_at: impl Fn(f64) -> Spot,
    ) -> Result<f64, AssessError> {
        let angle = |direction: usize| TAU * direction as f64 / DIRECTIONS as f64;
        let mut ring = Ring { distances: [f64::NAN; DIRECTIONS], is_sound: true };
        let mut at =
            |direction: usize| bone.signed_distance_mm(self.point(spot_at(angle(direction))));
        for direction in (0..DIRECTIONS).step_by(COARSE) {
            ring.ask(direction, &mut at);
        }
        let cell_mm = scan.outermost.cell_mm;
        // What could still be the worst of the screw, or lie in air, is sampled in full.
        let needed = (least.min(ring.least()) + cell_mm).max(0.0);
        if bound < needed {
            let arc_mm = self.radius_mm * TAU / DIRECTIONS as f64;
            for first in (0..DIRECTIONS).step_by(COARSE) {
                ring.fill(first, COARSE, arc_mm, needed, &mut at);
            }
        }
        ring.descend(&mut at);
        if !ring.is_sound {
            return Err(AssessError::NoDistance);
        }
        for (direction, &distance) in ring.distances.iter().enumerate() {
            let spot = spot_at(angle(direction));
            if distance.is_nan() || !self.is_judged(spot) {
                continue;
            }
            *least = least.min(distance);
            scan.outermost.offer(Peak { spot, value: -distance });
            if distance < 0.0 {
                scan.in_air.push(spot);
            }
        }
        Ok(ring.smallest_between())
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

    /// Climbs from a sample to the local maximum of `value` by a pattern search.
    fn climb(&self, mut peak: Peak, value: &mut impl FnMut(Point<Patient>) -> f64) -> Peak {
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
        let mut step = STEP_MM;
        while step > FINEST_MM {
            let next = AROUND
                .iter()
                .map(|[along, around]| self.moved(peak.spot, along * step, around * step))
                .map(|spot| Peak { spot, value: value(self.point(spot)) })
                .max_by(|a, b| a.value.total_cmp(&b.value))
                .filter(|next| next.value > peak.value);
            match next {
                Some(next) => peak = next,
                None => step /= 2.0,
            }
        }
        peak
    }
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
    /// when `value` changes by no more than a millimetre per millimetre. `None` without samples.
    pub fn highest(
        self,
        probe: &Probe,
        mut value: impl FnMut(Point<Patient>) -> f64,
    ) -> Option<Peak> {
        let mut starts: Vec<Peak> = self.best.into_iter().flatten().collect();
        starts.sort_by(|a, b| b.value.total_cmp(&a.value));
        let mut highest: Option<Peak> = None;
        for start in starts {
            if highest.is_some_and(|found| start.value + self.cell_mm < found.value) {
                break;
            }
            let top = probe.climb(start, &mut value);
            if highest.is_none_or(|found| top.value > found.value) {
                highest = Some(top);
            }
        }
        highest
    }
}

/// The samples of a ring; NaN where none was taken.
struct Ring {
    distances: [f64; DIRECTIONS],
    /// No sample was NaN itself.
    is_sound: bool,
}

impl Ring {
    /// The distance in a direction, taken where it is not known yet.
    fn ask(&mut self, direction: usize, at: &mut impl FnMut(usize) -> f64) -> f64 {
        let slot = direction % DIRECTIONS;
        if self.distances[slot].is_nan() {
            self.distances[slot] = at(slot);
            self.is_sound &= !self.distances[slot].is_nan();
        }
        self.distances[slot]
    }

    fn least(&self) -> f64 {
        self.distances.iter().fold(f64::INFINITY, |least, d| least.min(*d))
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
    fn descend(&mut self, at: &mut impl FnMut(usize) -> f64) {
        for step in [COARSE / 2, 1, 1, 1] {
            let here = self.smallest();
            self.ask(here + step, at);
            self.ask(here + DIRECTIONS - step, at);
        }
    }

    fn smallest(&self) -> usize {
        let value = |n: &usize| {
            if self.distances[*n].is_nan() { f64::INFINITY } else { self.distances[*n] }
        };
        (0..DIRECTIONS).min_by(|a, b| value(a).total_cmp(&value(b))).unwrap_or(0)
    }

    /// The smallest value of the ring, read off the parabola through the smallest sample and its
    /// two neighbours.
    fn smallest_between(&self) -> f64 {
        let (ring, at) = (&self.distances, self.smallest());
        let (before, after) =
            (ring[(at + DIRECTIONS - 1) % DIRECTIONS], ring[(at + 1) % DIRECTIONS]);
        let bend = before - 2.0 * ring[at] + after;
        if bend > 1e-12 { ring[at] - (before - after).powi(2) / (8.0 * bend) } else { ring[at] }
    }
}
