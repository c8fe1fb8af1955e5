//! What the screws on one line score.
//!
//! In: a line, and what the search of its pedicle knows. Out: the best size on it, [`Rated`]. Terms
//! that cost little come first, and a line that can not reach what is asked of it is given up.

use super::line::{Bore, Line};
use super::score::{self, Head, Measures};
use super::search::{BEHIND_PEDICLE_MM, Search, Sizes};
use super::{Site, Style, Way};
use crate::clearance::{ScrewShape, SignedDistance, iliac};
use crate::implant::ScrewSize;

/// Of a screw through both cortices this much of the end is not held to stay in bone, mm.
pub(super) const TIP_MM: f64 = 6.0;
/// Its rim may stand out of the front cortex by so much, mm, well within a B.
const RIM_MM: f64 = 1.7;

/// A screw with its measures.
#[derive(Clone, Debug)]
pub(super) struct Rated {
    pub line: Line,
    pub shape: ScrewShape,
    pub chord_mm: f64,
    pub measures: Measures,
    pub total: f64,
}

/// The sizes of one kind that are tried on one line, ascending.
struct Tried<'a> {
    lengths_mm: [f64; 2],
    diameters_mm: &'a [f64],
    /// The widest and longest one: what hardly depends on the size is measured with it.
    largest: Metal,
    /// The best that the lengths can measure.
    most_length: f64,
}

/// What of a screw takes room along its axis.
#[derive(Clone, Copy)]
struct Metal {
    length_mm: f64,
    radius_mm: f64,
    head: Head,
}

impl<B: SignedDistance> Search<'_, B> {
    pub fn is_in_window(&self, line: &Line) -> bool {
        let within = |x: f64, (low, high): (f64, f64)| (low..=high).contains(&x);
        within(line[2], self.style.convergence_window_deg)
            && within(line[3], self.style.cranial_window_deg)
    }

    /// Into the ilium a screw enters between the first two foramina, everywhere else anywhere.
    fn may_enter(&self, bore: &Bore) -> bool {
        let Site { anatomy, pedicle, .. } = self.site;
        self.style.name != Style::S2AlarIliac || iliac::is_entry(anatomy, pedicle.side, bore.entry)
    }

    /// The best screw on a line, if it scores at least so much; `None` too where there is none at all.
    ///
    /// Cheap terms come first, and what can not reach `least_total` any more is given up: what is
    /// answered is answered as with a bound of 0.
    pub fn rate_above(&self, line: &Line, least_total: f64) -> Option<Rated> {
        if !self.is_in_window(line) {
            return None;
        }
        let angles = self.angles(line);
        if score::most_total(&angles, self.rules) < least_total {
            return None;
        }
        let bore = Bore::new(self.site.bone, &self.frame, line, self.gap_mm)?;
        if !self.may_enter(&bore) {
            return None;
        }
        let mut best: Option<Rated> = None;
        for kind in &self.kinds {
            for lengths in self.lengths_on(kind, &bore) {
                let least = best.as_ref().map_or(least_total, |held| least_total.max(held.total));
                let tried = self.tried_on(kind, &bore, lengths);
                let found = self.best_of(line, (&bore, angles), &tried, least);
                let is_better = |new: &Rated| best.as_ref().is_none_or(|b| new.total > b.total);
                best = found.filter(is_better).or(best);
            }
        }
        best.filter(|rated| rated.total >= least_total)
    }

    /// The best of some screws on a line, as far as one reaches `least_total`.
    fn best_of(
        &self,
        line: &Line,
        (bore, angles): (&Bore, Measures),
        sizes: &Tried<'_>,
        least_total: f64,
    ) -> Option<Rated> {
        let fixed = self.fixed_above(angles, bore, sizes, least_total)?;
        let mut best: Option<Rated> = None;
        let mut least = least_total;
        for &diameter in sizes.diameters_mm {
            if self.most_of(&fixed, sizes, [diameter; 2]) < least {
                continue;
            }
            for rated in self.sized(line, bore, sizes.lengths_mm, diameter, &fixed) {
                if best.as_ref().is_none_or(|held| rated.total > held.total) {
                    least = least.max(rated.total);
                    best = Some(rated);
                }
            }
        }
        best
    }

    /// What does not depend on the size, or hardly does, one term after the other while the total can
    /// reach so much. The canal's gap is that of the bare axis.
    fn fixed_above(
        &self,
        angles: Measures,
        bore: &Bore,
        sizes: &Tried<'_>,
        least_total: f64,
    ) -> Option<Measures> {
        let ends = [sizes.diameters_mm[0], sizes.diameters_mm[sizes.diameters_mm.len() - 1]];
        let mut fixed = angles;
        let terms: [fn(&Self, &Bore, Metal, &mut Measures); 3] =
            [Self::measure_behind, Self::measure_canal, Self::measure_density];
        for term in terms {
            if self.most_of(&fixed, sizes, ends) < least_total {
                return None;
            }
            term(self, bore, sizes.largest, &mut fixed);
        }
        Some(fixed)
    }

    /// The most that a screw of a diameter between two can score, by what was measured so far.
    fn most_of(&self, fixed: &Measures, sizes: &Tried<'_>, [thin, wide]: [f64; 2]) -> f64 {
        let mut seen = *fixed;
        seen[0] -= thin / 2.0;
        seen[4] = sizes.most_length;
        seen[5] = wide / self.most_diameter_mm;
        score::most_total(&seen, self.rules)
    }

    /// The measures of the angles, and nothing else yet.
    pub fn angles(&self, line: &Line) -> Measures {
        let mut measures = [f64::NAN; score::NAMES.len()];
        [measures[7], measures[6]] = score::off_aim_deg(line, self.aim_deg(line));
        measures
    }

    fn measure_behind(&self, bore: &Bore, metal: Metal, measures: &mut Measures) {
        let limits = &self.rules.limits;
        [measures[8], measures[9], measures[10]] =
            score::behind_mm(self.site, bore, metal.radius_mm, metal.head, limits);
    }

    fn measure_canal(&self, bore: &Bore, metal: Metal, measures: &mut Measures) {
        if let Some(canal) = self.site.canal {
            measures[0] = canal.quick_gap_to_axis_mm(bore.entry, bore.axis, metal.length_mm);
        }
    }

    fn measure_density(&self, bore: &Bore, metal: Metal, measures: &mut Measures) {
        measures[3] = score::density_hu(self.site, bore, metal.length_mm, metal.radius_mm);
    }

    /// The sizes of a kind that are tried on a line, of two lengths.
    fn tried_on<'k>(&self, kind: &'k Sizes, bore: &Bore, lengths_mm: [f64; 2]) -> Tried<'k> {
        let room = bore.radius_mm(BEHIND_PEDICLE_MM, lengths_mm[1]);
        let fits = kind.diameters_mm.iter().filter(|mm| **mm / 2.0 <= room + 0.2).count();
        let last = fits.max(1);
        let [short, long] = lengths_mm.map(|mm| self.length_measure(bore.chord_mm, mm));
        let radius_mm = kind.diameters_mm[last - 1] / 2.0;
        Tried {
            lengths_mm,
            diameters_mm: &kind.diameters_mm[last.saturating_sub(3)..last],
            largest: Metal { length_mm: lengths_mm[1], radius_mm, head: kind.head },
            most_length: short.max(long),
        }
    }

    /// A screw of this very shape on its own line; `None` where that is not in bone at the
    /// isthmus's plane.
    pub fn rate_shape(&self, shape: &ScrewShape) -> Option<Rated> {
        let line = self.frame.line_of(shape.entry, shape.axis)?;
        let bore = Bore::new(self.site.bone, &self.frame, &line, self.gap_mm)?;
        let ScrewShape { length_mm, diameter_mm, .. } = *shape;
        let head = self.offered.kind(ScrewSize { diameter_mm, length_mm })?.into();
        let metal = Metal { length_mm, radius_mm: diameter_mm / 2.0, head };
        let mut fixed = self.angles(&line);
        self.measure_behind(&bore, metal, &mut fixed);
        self.measure_canal(&bore, metal, &mut fixed);
        self.measure_density(&bore, metal, &mut fixed);
        let [_, rated] = self.sized(&line, &bore, [length_mm; 2], diameter_mm, &fixed);
        Some(rated)
    }

    /// The longest screw of a kind and the next shorter one, ascending; where a longer one may end out
    /// of bone, into the ilium, which gets thin, and in-out-in, each next shorter pair after them. None
    /// where no length fits.
    fn lengths_on<'k>(
        &self,
        kind: &'k Sizes,
        bore: &Bore,
    ) -> impl Iterator<Item = [f64; 2]> + use<'k, B> {
        let most =
            (bore.chord_mm - self.style.front_margin_mm).min(self.style.chord_part * bore.chord_mm);
        let fits = kind.lengths_mm.iter().filter(|mm| **mm <= most).count();
        let may_end_outside = self.style.name == Style::S2AlarIliac || self.gap_mm > 0.0;
        let pairs = if may_end_outside { usize::MAX } else { 1 };
        let longest = (0..fits).rev().step_by(2).take(pairs);
        longest.map(|n| [kind.lengths_mm[n.saturating_sub(1)], kind.lengths_mm[n]])
    }

    /// The screws of one diameter on a line.
    fn sized(
        &self,
        line: &Line,
        bore: &Bore,
        lengths: [f64; 2],
        diameter_mm: f64,
        fixed: &Measures,
    ) -> [Rated; 2] {
        let radius = diameter_mm / 2.0;
        let enough = self.rules.terms.wall.full;
        let judged = lengths.map(|mm| if self.style.is_bicortical { mm - TIP_MM } else { mm });
        let walls = score::walls(self.site.bone, bore, radius, judged, enough);
        let chord_mm = bore.chord_mm;
        std::array::from_fn(|n| {
            let mut measures = *fixed;
            measures[0] -= radius;
            measures[1] = self.wall_as_allowed(walls[n].deep_mm);
            measures[2] = firm(walls[n].entry_mm);
            measures[4] = self.length_measure(chord_mm, lengths[n]);
            measures[5] = diameter_mm / self.most_diameter_mm;
            measures[11] = score::to_midline_mm(&self.frame, bore, lengths[n], radius);
            let past_isthmus_mm = lengths[n] - bore.isthmus_mm;
            let is_short = past_isthmus_mm < self.rules.limits.past_isthmus_mm;
            let is_medial = measures[0] < self.rules.limits.least_medial_mm;
            let is_usable = !is_short && !is_medial && self.is_end_held(bore, lengths[n], radius);
            let total = if is_usable { score::total(&measures, self.rules) } else { 0.0 };
            let shape = ScrewShape {
                entry: bore.entry,
                axis: bore.axis,
                length_mm: lengths[n],
                diameter_mm,
            };
            (measures[1], measures[2]) = (walls[n].deep_mm, walls[n].entry_mm);
            Rated { line: *line, shape, chord_mm, measures, total }
        })
    }

    /// Whether the end of a screw lies where it is meant to: through both cortices its rim stands out
    /// of the front one by little, in-out-in it is in bone again.
    fn is_end_held(&self, bore: &Bore, length_mm: f64, radius_mm: f64) -> bool {
        let bone = self.site.bone;
        if self.style.is_bicortical {
            return score::rim_mm(bone, bore, length_mm, radius_mm) >= -RIM_MM;
        }
        let end_mm = self.rules.limits.back_in_bone_mm;
        self.way != Way::InOutIn || score::end_mm(bone, bore, length_mm, radius_mm, end_mm) >= 0.0
    }

    /// Length as part of the usual one; of a screw through both cortices how near it comes to the
    /// front one: 1 at it, falling by 0.2 for each mm.
    fn length_measure(&self, chord_mm: f64, length_mm: f64) -> f64 {
        match self.style.is_bicortical {
            true => 1.0 - 0.2 * (chord_mm - length_mm),
            false => length_mm / self.usual_length_mm,
        }
    }

    /// In-out-in the lateral wall may be passed as far as the rules say: the term's own range is
    /// stretched over that, and a little more, so that what is just allowed is worth something.
    fn wall_as_allowed(&self, wall_mm: f64) -> f64 {
        let (limits, ramp) = (&self.rules.limits, &self.rules.terms.wall);
        if self.gap_mm == 0.0 {
            return firm(wall_mm);
        }
        if wall_mm >= 0.0 {
            return wall_mm;
        }
        wall_mm * (-ramp.zero / (limits.most_lateral_mm + 0.1))
    }
}

/// The last tenth of a millimetre of bone counts five times, so that no other term buys a breach.
fn firm(mm: f64) -> f64 {
    const LAST_MM: f64 = 0.1;
    mm - 4.0 * (LAST_MM - mm).max(0.0)
}

#[cfg(test)]
mod tests {
    use crate::plan::auto::search::tests::{AIM, in_search};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever is asked at least: what reaches it is answered as without a bound, and nothing
        /// else is answered.
        #[test]
        fn a_bound_changes_no_answer(
            across in -4.0..4.0_f64, up in -4.0..4.0_f64, turn in -15.0..15.0_f64,
            tilt in -15.0..15.0_f64, asked in 0.0..100.0_f64,
        ) {
            in_search(|search| {
                let line = [across, up, AIM[0] + turn, AIM[1] + tilt];
                let plain = search.rate_above(&line, 0.0);
                let own = plain.as_ref().map_or(50.0, |rated| rated.total);
                for least in [asked, own, own + 1e-7, own - 1e-7] {
                    let bounded = search.rate_above(&line, least).map(|r| (r.shape, r.total));
                    let wanted = plain.as_ref().filter(|r| r.total >= least);
                    prop_assert_eq!(bounded, wanted.map(|r| (r.shape, r.total)));
                }
                Ok(())
            })?;
        }
    }
}
