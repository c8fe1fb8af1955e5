//! The samples of a ring around a screw, of which no more are taken than its smallest one needs.

/// Directions sampled around the axis.
pub(super) const DIRECTIONS: usize = 24;

/// The samples of a ring; NaN where none was taken.
pub(super) struct Ring {
    distances: [f64; DIRECTIONS],
    /// The directions that were sampled, in that order.
    asked: [u8; DIRECTIONS],
    count: usize,
    /// The direction of the smallest sample, and that.
    pub(super) smallest: usize,
    pub(super) least: f64,
    /// No sample was NaN itself.
    pub(super) is_sound: bool,
}

impl Ring {
    pub(super) fn new() -> Self {
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
    pub(super) fn ask(&mut self, direction: usize, at: &mut impl FnMut(usize) -> f64) -> f64 {
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
    pub(super) fn samples(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let asked = self.asked[..self.count].iter();
        asked.map(|slot| (usize::from(*slot), self.distances[usize::from(*slot)]))
    }

    /// Samples around the smallest one, until its neighbours are known.
    pub(super) fn descend(&mut self, steps: &[usize], at: &mut impl FnMut(usize) -> f64) {
        for &step in steps {
            let here = self.smallest;
            self.ask(here + step, at);
            self.ask(here + DIRECTIONS - step, at);
            if step == 1 && self.smallest == here {
                return;
            }
        }
    }

    /// By how much the parabola through the smallest sample and its two neighbours is lower; 0 where
    /// one of them was not taken.
    pub(super) fn dip_mm(&self) -> f64 {
        let (ring, at) = (&self.distances, self.smallest);
        let (before, after) =
            (ring[(at + DIRECTIONS - 1) % DIRECTIONS], ring[(at + 1) % DIRECTIONS]);
        let bend = before - 2.0 * ring[at] + after;
        if bend > 1e-12 { (before - after).powi(2) / (8.0 * bend) } else { 0.0 }
    }
}
