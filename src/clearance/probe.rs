//! A screw's surface: its places, the ways along it and to it.
//!
//! In: a [`ScrewShape`] and a bone. Out: a [`Probe`], which tells where a place of the surface lies,
//! which one is nearest to a point, and finds from a place one that is nearer to daylight.

use super::ScrewShape;
use super::ring::DIRECTIONS;
use crate::space::{Dir, Patient, Point};
use glam::DVec2;
use std::f64::consts::{PI, TAU};
use std::sync::LazyLock;

/// Largest step of samples along the axis and across the tip, mm. The literal rule takes 0.25; the
/// search between samples makes up for it.
pub(super) const STEP_MM: f64 = 0.5;

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
    pub entry: Point<Patient>,
    pub axis: Dir<Patient>,
    /// Two unit directions across the axis, from the first one of which angles are counted to the second.
    pub across: [Dir<Patient>; 2],
    /// From the axis to the side in each direction.
    pub outward: [Dir<Patient>; DIRECTIONS],
    pub length_mm: f64,
    pub radius_mm: f64,
    /// Side surface shallower than this is not judged; the tip always is.
    pub judged_from_mm: f64,
}

impl Probe {
    /// `judged_from_mm` is the end of the entry zone.
    pub fn new(screw: &ScrewShape, axis: Dir<Patient>, judged_from_mm: f64) -> Self {
        let radius_mm = screw.diameter_mm / 2.0;
        let u = axis.any_perpendicular();
        let across = [u, axis.cross(u)];
        let outward = |direction: usize| {
            let (sin, cos) = TURNS[direction];
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

    /// The point of the axis at a depth.
    pub fn on_axis(&self, depth_mm: f64) -> Point<Patient> {
        self.entry + self.axis * depth_mm
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

    /// The place of the judged surface that is nearest to a point outside the screw.
    pub fn nearest_to(&self, p: Point<Patient>) -> Spot {
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
    pub fn approach(
        &self,
        from: Spot,
        wall: impl Fn(Point<Patient>) -> (f64, Point<Patient>),
    ) -> Peak {
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
    /// turned into each other by an angle; on ridges, up which few ways lead, in eight ways rather than
    /// four. `value` may say anything lower where it is no higher than the number it is given.
    pub fn climb_in_eight_ways(
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

    /// The same in four ways, and in the one that they make together.
    pub fn climb(
        &self,
        mut peak: Peak,
        step: f64,
        turned: f64,
        value: &mut impl FnMut(Point<Patient>, f64) -> f64,
    ) -> Peak {
        const AROUND: [DVec2; 4] = [DVec2::X, DVec2::Y, DVec2::NEG_X, DVec2::NEG_Y];
        /// The way that led up is tried again first, then the ways across it, then the one all in all.
        const IN_TURN: [usize; 5] = [0, 1, 3, 2, 4];
        let (turn, here) = (DVec2::from_angle(turned) * step, Turn::of(peak.spot));
        let (mut gone, mut led_up, mut tried) =
            (DVec2::ZERO, 0, [false, false, false, false, true]);
        let next = |led_up: usize, tried: [bool; 5]| {
            let ways = IN_TURN.map(|n| if n < 4 { (led_up + n) % 4 } else { 4 });
            ways.into_iter().find(|way| !tried[*way])
        };
        while let Some(way) = next(led_up, tried) {
            tried[way] = true;
            let by =
                AROUND.get(way).map_or(gone.normalize_or_zero() * step, |way| turn.rotate(*way));
            let spot = self.moved(peak.spot, by.x, by.y);
            let value = value(self.point_at(spot, here.on_to(spot)), peak.value);
            if value > peak.value {
                peak = Peak { spot, value };
                gone += by;
                tried = [false; 5];
                if way < 4 {
                    led_up = way;
                    // The way back is known to lead down.
                    tried[(way + 2) % 4] = true;
                }
                // All in all it is the same way as long as only one was gone.
                tried[4] = gone.perp_dot(by).abs() < 1e-9;
            }
        }
        peak
    }
}

/// Sine and cosine of the angle of each sampled direction.
static TURNS: LazyLock<[(f64, f64); DIRECTIONS]> =
    LazyLock::new(|| std::array::from_fn(|direction| angle_of(direction).sin_cos()));

/// The sine and cosine of that angle.
pub(super) fn turn_of(direction: usize) -> (f64, f64) {
    TURNS[direction % DIRECTIONS]
}

/// The angle of a sampled direction around the axis.
pub(super) fn angle_of(direction: usize) -> f64 {
    TAU * direction as f64 / DIRECTIONS as f64
}
