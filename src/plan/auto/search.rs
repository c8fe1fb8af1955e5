//! The search for the best screw of one pedicle.
//!
//! In: a [`Site`], the rules of a style, the sizes on offer. Out: the best screw, or why there is
//! none. First the widest straight bore through the pedicle is looked for: it says how narrow the
//! isthmus is. Then a grid of lines through the pedicle is scored with the best size for each, and
//! the best few are refined by a pattern search. Nothing is random and nothing runs in parallel, so
//! the same input gives the same screw.

use super::line::{Bore, Frame, Line};
use super::rules::{Aim, Rules, StyleRule};
use super::score::{self, Measures};
use super::{Allowed, Refusal, Site};
use crate::clearance::{ScrewShape, SignedDistance};

/// The grid: reach and step across the pedicle (lateral, cranial), mm.
const REACH_MM: [f64; 2] = [6.0, 7.5];
const ACROSS_MM: f64 = 1.5;
/// Its steps in angle, degrees, and how far it reaches around the measured axis and the aim.
const ANGLE_DEG: f64 = 6.0;
const ANGLE_REACH_DEG: f64 = 18.0;
/// So many lines of the grid are scored in full.
const RATED_LINES: usize = 220;
/// Refined are so many lines of the grid, that differ by at least so much (as [`apart`] counts).
const STARTS: usize = 4;
const LEAST_APART: f64 = 2.0;
/// A line is climbed from when it scores this part of the best one.
const WORTH_A_CLIMB: f64 = 0.7;
/// The steps with which a pattern search begins.
const FIRST_STEP: Line = [1.0, 1.0, 4.0, 4.0];
/// Halvings of those steps: for each start, and for the best in the end.
const HALVINGS: [u32; 2] = [2, 5];
/// Around the isthmus's plane the bore is the pedicle's, mm behind and ahead.
const PEDICLE_MM: [f64; 2] = [9.0, 9.0];
/// Behind the pedicle proper daylight is the entry, mm of depth.
const BEHIND_PEDICLE_MM: f64 = 5.0;
/// Around the best screw others are looked for: reach and step, mm and degrees.
const NEAR_REACH: Line = [3.0, 3.0, 10.0, 8.0];
const NEAR_STEP: Line = [1.5, 1.5, 5.0, 4.0];
/// Heads nearer to each other than this are one place, mm.
const HEADS_APART_MM: f64 = 0.6;
/// Of a screw through both cortices this much of the end is not held to stay in bone, mm.
pub(super) const TIP_MM: f64 = 6.0;
/// Its rim may stand out of the front cortex by so much, mm, well within a B.
const RIM_MM: f64 = 1.7;
/// In-out-in: the axis may pass so much air, mm.
const GAP_MM: f64 = 12.0;

/// A screw with its measures.
#[derive(Clone, Debug)]
pub(super) struct Rated {
    pub line: Line,
    pub shape: ScrewShape,
    pub chord_mm: f64,
    pub measures: Measures,
    pub total: f64,
}

/// What the search of one pedicle knows.
pub(super) struct Search<'a, B> {
    site: &'a Site<'a, B>,
    rules: &'a Rules,
    style: &'a StyleRule,
    frame: Frame,
    /// Convergence and cranial tilt aimed at, degrees.
    aim: [f64; 2],
    /// Of the measured pedicle, degrees.
    along_pedicle: [f64; 2],
    diameters_mm: Vec<f64>,
    lengths_mm: Vec<f64>,
    usual_length_mm: f64,
    /// The widest screw that level, style and isthmus allow, mm.
    most_diameter_mm: f64,
    gap_mm: f64,
}

/// What was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The best screw first, then the best of other places.
    pub ranked: Vec<Rated>,
    pub isthmus_mm: f64,
    pub is_narrow: bool,
}

impl<'a, B: SignedDistance> Search<'a, B> {
    pub fn new(
        site: &'a Site<'a, B>,
        rules: &'a Rules,
        style: &'a StyleRule,
        allowed: &Allowed<'_>,
    ) -> Result<Self, Refusal> {
        let frame = Frame::new(site);
        let usual = rules.level(site.level).ok_or(Refusal::NotPlanned { level: site.level })?;
        let along_pedicle = frame.angles_deg(site.pedicle.axis);
        let aim = |aim: Aim, of_pedicle: f64| match aim {
            Aim::Degrees(degrees) => degrees,
            Aim::AlongPedicle => of_pedicle,
            Aim::Usual => usual.convergence_deg,
        };
        let aim = [aim(style.convergence, along_pedicle[0]), aim(style.cranial, along_pedicle[1])];
        let within = |list: &[f64], (low, high): (f64, f64)| -> Vec<f64> {
            list.iter().copied().filter(|mm| (low..=high).contains(mm)).collect()
        };
        let most = usual.most_diameter_mm.min(style.diameters_mm.1);
        let diameters_mm = within(&allowed.catalogue.diameters_mm, (style.diameters_mm.0, most));
        let lengths_mm = within(&allowed.catalogue.lengths_mm, style.lengths_mm);
        if diameters_mm.is_empty() || lengths_mm.is_empty() {
            return Err(Refusal::NoSize { level: site.level, side: site.pedicle.side });
        }
        let gap_mm = if allowed.in_out_in { GAP_MM } else { 0.0 };
        Ok(Self {
            site,
            rules,
            style,
            frame,
            aim,
            along_pedicle,
            diameters_mm,
            lengths_mm,
            usual_length_mm: usual.usual_length_mm.min(style.lengths_mm.1),
            most_diameter_mm: most,
            gap_mm,
        })
    }

    /// The best screw.
    pub fn run(&mut self) -> Result<Found, Refusal> {
        let (level, side) = (self.site.level, self.site.pedicle.side);
        let no_path = Refusal::NoPath { level, side, style: self.style.name };
        let grid = self.grid();
        let widest = self.widest_bore(&grid).ok_or_else(|| no_path.clone())?;
        let isthmus_mm = 2.0 * widest.1;
        let is_narrow = self.choose_diameters(isthmus_mm)?;
        let mut lines = self.promising(&grid);
        lines.push(widest.0);
        let starts = self.starts(&lines);
        let refined = starts.into_iter().map(|start| self.climb(start, HALVINGS[0]));
        let mut ranked: Vec<Rated> = refined.filter(|rated| rated.total > 0.0).collect();
        ranked.sort_by(|a, b| b.total.total_cmp(&a.total));
        let best = ranked.first().ok_or(no_path)?;
        ranked[0] = self.climb(best.clone(), HALVINGS[1]);
        Ok(Found { ranked, isthmus_mm, is_narrow })
    }

    /// The best few screws on some lines, apart from each other.
    fn starts(&self, lines: &[Line]) -> Vec<Rated> {
        let mut highest = 0.0_f64;
        let rate = |line: &Line| {
            let rated = self.rate_above(line, WORTH_A_CLIMB * highest)?;
            highest = highest.max(rated.total);
            Some(rated)
        };
        let mut rated: Vec<Rated> = lines.iter().filter_map(rate).collect();
        rated.retain(|one| one.total >= WORTH_A_CLIMB * highest);
        rated.sort_by(|a, b| b.total.total_cmp(&a.total));
        let mut starts: Vec<Rated> = Vec::new();
        for candidate in rated {
            let is_new = starts.iter().all(|s| apart(&s.line, &candidate.line) > LEAST_APART);
            if starts.len() < STARTS && is_new {
                starts.push(candidate);
            }
        }
        starts
    }

    /// Screws near the best one that score at least so much: the best for each place of the head,
    /// best ones first.
    pub fn near(&self, best: &Rated, least_total: f64) -> Vec<Rated> {
        let behind = self.rules.limits.rod_behind_entry_mm;
        let head = |rated: &Rated| rated.shape.entry - rated.shape.axis * behind;
        let mut rated: Vec<Rated> = Vec::new();
        for across in steps(NEAR_REACH[0], NEAR_STEP[0]) {
            for up in steps(NEAR_REACH[1], NEAR_STEP[1]) {
                for turn in steps(NEAR_REACH[2], NEAR_STEP[2]) {
                    for tilt in steps(NEAR_REACH[3], NEAR_STEP[3]) {
                        let by = [across, up, turn, tilt];
                        let line = std::array::from_fn(|n| best.line[n] + by[n]);
                        let one = self.rate_above(&line, least_total);
                        rated.extend(one.filter(|r| r.total >= least_total));
                    }
                }
            }
        }
        rated.sort_by(|a, b| b.total.total_cmp(&a.total));
        let mut kept: Vec<Rated> = Vec::new();
        for one in rated {
            let is_new = kept.iter().all(|k| head(k).distance(head(&one)) > HEADS_APART_MM);
            if is_new {
                kept.push(one);
            }
        }
        kept
    }

    /// Lines on a grid around the measured pedicle, all that are in bone at the isthmus's plane, with
    /// the distance to daylight there: no bore is wider than that.
    fn grid(&self) -> Vec<(Line, f64)> {
        let [convergences, tilts] = [0, 1].map(|n| {
            let window = if n == 0 {
                self.style.convergence_window_deg
            } else {
                self.style.cranial_window_deg
            };
            angles(self.aim[n], self.along_pedicle[n], window)
        });
        let mut lines = Vec::new();
        for across in steps(REACH_MM[0], ACROSS_MM) {
            for up in steps(REACH_MM[1], ACROSS_MM) {
                let through = self.frame.through(&[across, up, 0.0, 0.0]);
                let distance = self.site.bone.signed_distance_mm(through);
                if distance <= -self.gap_mm.min(3.0) {
                    continue;
                }
                for &convergence in &convergences {
                    let line = |tilt: &f64| ([across, up, convergence, *tilt], distance);
                    lines.extend(tilts.iter().map(line));
                }
            }
        }
        lines
    }

    /// Radius of the straight bore through the pedicle along a line, mm.
    fn radius_mm(&self, line: &Line) -> Option<f64> {
        let [behind, ahead] = PEDICLE_MM;
        let bore = Bore::up_to(self.site.bone, &self.frame, line, self.gap_mm, ahead)?;
        let from = (bore.isthmus_mm - behind).max(BEHIND_PEDICLE_MM);
        Some(bore.radius_mm(from, bore.isthmus_mm + ahead)).filter(|mm| mm.is_finite())
    }

    /// The lines that a wide bore and the angles aimed at speak for most.
    fn promising(&self, grid: &[(Line, f64)]) -> Vec<Line> {
        let nan = f64::NAN;
        // A bore with a millimetre around the widest screw is as wide as any need be.
        let enough = self.most_diameter_mm / 2.0 + 1.0;
        let value = |line: &Line, radius: f64| {
            let [convergence, end_plate] = score::off_aim_deg(line, self.aim);
            let wall = (radius / enough).clamp(-0.98, 1.0);
            let measures =
                [nan, wall, nan, nan, nan, nan, end_plate, convergence, nan, nan, nan, nan];
            score::total(&measures, self.rules)
        };
        let mut bounds: Vec<(f64, Line)> =
            grid.iter().map(|(line, most)| (value(line, *most), *line)).collect();
        bounds.sort_by(|a, b| b.0.total_cmp(&a.0));
        // Best ones first; no line is bored that its angles and the isthmus's plane rule out.
        let mut best: Vec<(f64, Line)> = Vec::with_capacity(RATED_LINES + 1);
        for (bound, line) in bounds {
            if best.len() == RATED_LINES && best[RATED_LINES - 1].0 >= bound {
                break;
            }
            let Some(radius) = self.radius_mm(&line) else { continue };
            let value = value(&line, radius);
            let place = best.partition_point(|held| held.0 >= value);
            best.insert(place, (value, line));
            best.truncate(RATED_LINES);
        }
        best.into_iter().map(|(_, line)| line).collect()
    }

    /// The line of the widest straight bore through the pedicle, and its radius, mm.
    fn widest_bore(&self, grid: &[(Line, f64)]) -> Option<(Line, f64)> {
        let mut by_bound: Vec<&(Line, f64)> = grid.iter().collect();
        by_bound.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut widest: Option<(Line, f64)> = None;
        for (line, most) in by_bound {
            if widest.is_some_and(|(_, radius)| radius >= *most) {
                break;
            }
            let radius = self.radius_mm(line);
            let radius = radius.filter(|mm| widest.is_none_or(|(_, held)| *mm > held));
            widest = radius.map(|radius| (*line, radius)).or(widest);
        }
        let radius =
            |line: &Line, _| self.is_in_window(line).then(|| self.radius_mm(line)).flatten();
        Some(climb(widest?, FIRST_STEP, HALVINGS[1], radius, |radius| *radius))
    }

    /// Leaves the diameters that the isthmus allows; true where it goes by the narrow rule.
    fn choose_diameters(&mut self, isthmus_mm: f64) -> Result<bool, Refusal> {
        let limits = &self.rules.limits;
        let smallest = self.diameters_mm[0];
        let is_narrow = isthmus_mm < limits.narrow_below_mm;
        let most = if is_narrow { smallest } else { limits.isthmus_part * isthmus_mm };
        self.diameters_mm.retain(|mm| *mm <= most.max(smallest));
        self.most_diameter_mm = self.most_diameter_mm.min(most.max(smallest));
        if isthmus_mm < smallest + limits.narrow_margin_mm && self.gap_mm == 0.0 {
            return Err(Refusal::TooNarrow {
                level: self.site.level,
                side: self.site.pedicle.side,
                isthmus_mm,
                needed_mm: smallest + limits.narrow_margin_mm,
            });
        }
        Ok(is_narrow)
    }

    fn is_in_window(&self, line: &Line) -> bool {
        let within = |x: f64, (low, high): (f64, f64)| (low..=high).contains(&x);
        within(line[2], self.style.convergence_window_deg)
            && within(line[3], self.style.cranial_window_deg)
    }

    /// The best screw on a line, if it scores at least so much; `None` too where there is none at all.
    ///
    /// Cheap terms come first, and what can not reach `least_total` any more is given up: the answer
    /// is that of all terms.
    pub fn rate_above(&self, line: &Line, least_total: f64) -> Option<Rated> {
        if !self.is_in_window(line) {
            return None;
        }
        let mut least = least_total;
        let can_reach =
            |measures: &Measures| score::most_total(measures, self.rules) >= least_total;
        let mut fixed = [f64::NAN; score::NAMES.len()];
        [fixed[7], fixed[6]] = score::off_aim_deg(line, self.aim);
        if !can_reach(&fixed) {
            return None;
        }
        let bore = Bore::new(self.site.bone, &self.frame, line, self.gap_mm)?;
        let lengths = self.lengths_on(&bore)?;
        let radius = bore.radius_mm(BEHIND_PEDICLE_MM, lengths[1]);
        let fits = self.diameters_mm.iter().filter(|mm| **mm / 2.0 <= radius + 0.2).count();
        let last = fits.max(1);
        let diameters = &self.diameters_mm[last.saturating_sub(3)..last];
        let middle_radius = self.diameters_mm[last - 1] / 2.0;
        let most = self.most_of_sizes(&bore, lengths, diameters);
        let canal = self.site.canal;
        let steps: [&dyn Fn(&mut Measures); 3] = [
            &|m| {
                let limits = &self.rules.limits;
                [m[8], m[9], m[10]] = score::behind_mm(self.site, &bore, middle_radius, limits);
            },
            &|m| {
                m[0] = canal.map_or(f64::NAN, |canal| {
                    canal.gap_to_screw_mm(bore.entry, bore.axis, lengths[1], 0.0)
                });
            },
            &|m| m[3] = score::density_hu(self.site, &bore, lengths[1], middle_radius),
        ];
        for step in steps {
            let [length, diameter] = most;
            let mut seen = Measures::clone(&fixed);
            (seen[4], seen[5], seen[0]) = (length, diameter, seen[0] - diameters[0] / 2.0);
            if !can_reach(&seen) {
                return None;
            }
            step(&mut fixed);
        }
        let mut best: Option<Rated> = None;
        for &diameter in diameters {
            let mut seen = fixed;
            (seen[0], seen[4]) = (fixed[0] - diameter / 2.0, most[0]);
            seen[5] = diameter / self.most_diameter_mm;
            if score::most_total(&seen, self.rules) < least {
                continue;
            }
            for rated in self.sized(line, &bore, lengths, diameter, &fixed) {
                if best.as_ref().is_none_or(|held| rated.total > held.total) {
                    least = least.max(rated.total);
                    best = Some(rated);
                }
            }
        }
        best.filter(|rated| rated.total >= least_total)
    }

    /// The best that lengths and diameters can measure.
    fn most_of_sizes(&self, bore: &Bore, lengths: [f64; 2], diameters: &[f64]) -> [f64; 2] {
        let length = lengths.map(|mm| self.length_measure(bore.chord_mm, mm));
        let widest = diameters.last().map_or(0.0, |mm| mm / self.most_diameter_mm);
        [length[0].max(length[1]), widest]
    }

    /// A screw of this very shape on its own line; `None` where that is not in bone at the
    /// isthmus's plane.
    pub fn rate_shape(&self, shape: &ScrewShape) -> Option<Rated> {
        let line = self.frame.line_of(shape.entry, shape.axis)?;
        let bore = Bore::new(self.site.bone, &self.frame, &line, self.gap_mm)?;
        let (length, radius) = (shape.length_mm, shape.diameter_mm / 2.0);
        let mut fixed = self.fixed_measures(&line, &bore, length, radius);
        if let Some(canal) = self.site.canal {
            fixed[0] = canal.gap_to_screw_mm(bore.entry, bore.axis, length, 0.0);
        }
        let [_, rated] = self.sized(&line, &bore, [length; 2], shape.diameter_mm, &fixed);
        Some(rated)
    }

    /// The longest screw on offer and the next shorter one, ascending.
    fn lengths_on(&self, bore: &Bore) -> Option<[f64; 2]> {
        let most =
            (bore.chord_mm - self.style.front_margin_mm).min(self.style.chord_part * bore.chord_mm);
        let fits = self.lengths_mm.iter().filter(|mm| **mm <= most).count();
        let longest = fits.checked_sub(1)?;
        Some([self.lengths_mm[longest.saturating_sub(1)], self.lengths_mm[longest]])
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
            let is_medial = measures[0] < self.rules.limits.least_medial_mm;
            let is_out = self.style.is_bicortical
                && score::rim_mm(self.site.bone, bore, lengths[n], radius) < -RIM_MM;
            let is_usable = !is_medial && !is_out;
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

    /// Length as part of the usual one; of a screw through both cortices how near it comes to the
    /// front one: 1 at it, falling by 0.2 for each mm.
    fn length_measure(&self, chord_mm: f64, length_mm: f64) -> f64 {
        match self.style.is_bicortical {
            true => 1.0 - 0.2 * (chord_mm - length_mm),
            false => length_mm / self.usual_length_mm,
        }
    }

    /// Where in-out-in is allowed, the lateral wall may be passed as far as the rules say: the
    /// term's own range is stretched over that.
    fn wall_as_allowed(&self, wall_mm: f64) -> f64 {
        let (limits, ramp) = (&self.rules.limits, &self.rules.terms.wall);
        if self.gap_mm == 0.0 {
            return firm(wall_mm);
        }
        if wall_mm >= 0.0 {
            return wall_mm;
        }
        wall_mm * (-ramp.zero / (limits.most_lateral_mm + 0.5).max(1e-6))
    }

    fn climb(&self, start: Rated, halvings: u32) -> Rated {
        let first = FIRST_STEP;
        let rate = |line: &Line, least: f64| self.rate_above(line, least);
        climb((start.line, start), first, halvings, rate, |r| r.total).1
    }
}

/// The last tenth of a millimetre of bone counts five times, so that no other term buys a breach.
fn firm(mm: f64) -> f64 {
    const LAST_MM: f64 = 0.1;
    mm - 4.0 * (LAST_MM - mm).max(0.0)
}

/// Climbs from a line to a local maximum by a pattern search: along each number alone, and turning
/// about a point 12 mm behind or ahead of the isthmus. `rate` need not answer for what is worth less
/// than it is told.
fn climb<T>(
    start: (Line, T),
    first: Line,
    halvings: u32,
    rate: impl Fn(&Line, f64) -> Option<T>,
    value: impl Fn(&T) -> f64,
) -> (Line, T) {
    /// A turn by one degree shifts a line by so many mm, 12 mm away.
    const SHIFT_PER_DEG: f64 = 0.21;
    let (mut line, mut best) = start;
    for halving in 0..=halvings {
        let step = first.map(|s| s / f64::from(1 << halving));
        let turn = |sense: f64, pair: usize, about: f64| {
            let mut by = [0.0; 4];
            by[2 + pair] = sense * step[2 + pair];
            // Convergence leads inwards ahead, so lateral shifts go the other way than cranial ones.
            let outward = if pair == 0 { 1.0 } else { -1.0 };
            by[pair] = sense * about * outward * step[2 + pair] * SHIFT_PER_DEG;
            by
        };
        for _ in 0..40 {
            let mut moves: Vec<Line> = Vec::with_capacity(16);
            for sense in [1.0, -1.0] {
                for n in 0..4 {
                    let mut by = [0.0; 4];
                    by[n] = sense * step[n];
                    moves.push(by);
                }
                for pair in 0..2 {
                    moves.extend([turn(sense, pair, 1.0), turn(sense, pair, -1.0)]);
                }
            }
            let least = value(&best) + 1e-6;
            let mut next: Option<(Line, T)> = None;
            for by in moves {
                let there: Line = std::array::from_fn(|n| line[n] + by[n]);
                let held = next.as_ref().map_or(least, |held| value(&held.1));
                next = rate(&there, held)
                    .filter(|rated| value(rated) > held)
                    .map(|rated| (there, rated))
                    .or(next);
            }
            match next {
                Some(next) => (line, best) = next,
                None => break,
            }
        }
    }
    (line, best)
}

/// How far two lines are apart, 1 for a step of the grid.
fn apart(a: &Line, b: &Line) -> f64 {
    let across = (a[0] - b[0]).hypot(a[1] - b[1]) / ACROSS_MM;
    let turned = (a[2] - b[2]).hypot(a[3] - b[3]) / ANGLE_DEG;
    across.hypot(turned)
}

/// Multiples of `step` from -`reach` to `reach`.
fn steps(reach: f64, step: f64) -> impl Iterator<Item = f64> {
    let most = (reach / step) as i32;
    (-most..=most).map(move |n| f64::from(n) * step)
}

/// Angles from a little under the smaller of aim and pedicle to a little over the larger, within
/// the window.
fn angles(aim: f64, along: f64, (low, high): (f64, f64)) -> Vec<f64> {
    let along = along.clamp(low, high);
    let from = (aim.min(along) - ANGLE_REACH_DEG).max(low);
    let to = (aim.max(along) + ANGLE_REACH_DEG).min(high);
    let count = ((to - from) / ANGLE_DEG).ceil().max(1.0) as usize;
    (0..=count).map(|n| from + (to - from) * n as f64 / count as f64).collect()
}
