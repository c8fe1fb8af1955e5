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
/// The search between samples ends at this step, mm.
const FINEST_MM: f64 = 0.002;
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

    /// Samples the whole surface once; an error where the distance is no number.
    pub fn scan(&self, bone: &impl SignedDistance) -> Result<Scan, AssessError> {
        let mut scan =
            Scan { profile: Vec::new(), in_air: Vec::new(), outermost: Peaks::new(self) };
        let rings = (self.length_mm / STEP_MM).ceil().max(1.0) as usize;
        for ring in 0..=rings {
            let depth_mm = self.length_mm * ring as f64 / rings as f64;
            let distances =
                self.scan_ring(bone, &mut scan, |angle| Spot::Side { depth_mm, angle })?;
            scan.profile
                .push(ProfilePoint { depth_mm, clearance_mm: smallest_between(&distances) });
        }
        if self.judged_from_mm < self.length_mm {
            let depth_mm = self.judged_from_mm;
            self.scan_ring(bone, &mut scan, |angle| Spot::Side { depth_mm, angle })?;
        }
        let circles = (self.radius_mm / STEP_MM).ceil().max(1.0) as usize;
        for circle in 0..=circles {
            let radius_mm = self.radius_mm * circle as f64 / circles as f64;
            self.scan_ring(bone, &mut scan, |angle| Spot::Tip { radius_mm, angle })?;
        }
        Ok(scan)
    }

    fn scan_ring(
        &self,
        bone: &impl SignedDistance,
        scan: &mut Scan,
        spot_at: impl Fn(f64) -> Spot,
    ) -> Result<[f64; DIRECTIONS], AssessError> {
        let mut distances = [0.0; DIRECTIONS];
        for (direction, slot) in distances.iter_mut().enumerate() {
            let spot = spot_at(TAU * direction as f64 / DIRECTIONS as f64);
            let distance = bone.signed_distance_mm(self.point(spot));
            if distance.is_nan() {
                return Err(AssessError::NoDistance);
            }
            *slot = distance;
            if self.is_judged(spot) {
                scan.outermost.offer(Peak { spot, value: -distance });
                if distance < 0.0 {
                    scan.in_air.push(spot);
                }
            }
        }
        Ok(distances)
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

/// The smallest value of a ring, read off the parabola through the smallest sample and its two
/// neighbours.
fn smallest_between(ring: &[f64; DIRECTIONS]) -> f64 {
    let at = (0..DIRECTIONS).min_by(|a, b| ring[*a].total_cmp(&ring[*b])).unwrap_or(0);
    let (before, after) = (ring[(at + DIRECTIONS - 1) % DIRECTIONS], ring[(at + 1) % DIRECTIONS]);
    let bend = before - 2.0 * ring[at] + after;
    if bend > 1e-12 { ring[at] - (before - after).powi(2) / (8.0 * bend) } else { ring[at] }
}
