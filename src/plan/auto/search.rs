//! The search for the best screw of one pedicle.
//!
//! In: a [`Site`], the rules of a style, the sizes on offer. Out: the best screw, or why there is
//! none. First the widest straight bore through the pedicle is looked for: it says how narrow the
//! isthmus is. Then a grid of lines through the pedicle is scored with the best size for each, and
//! the best few are refined by a pattern search. Nothing is random and nothing runs in parallel, so
//! the same input gives the same screw.

use super::climb::climb;
use super::line::{Bore, Frame, Line};
use super::promontory::promontory;
use super::rate::Rated;
use super::rules::{Aim, Rules, StyleRule};
use super::score::Head;
use super::{MEDIAL_KEPT_MM, Refusal, Site, Way, score};
use crate::clearance::{ScrewShape, SignedDistance, medial_room};
use crate::implant::{Catalogue, Kind, Offer};
use crate::space::{Patient, Point};

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
/// The widest bore is climbed to from so many lines, from each so many times at most.
const BORE_STARTS: usize = 8;
const MOST_CLIMBS: usize = 6;
/// Around the isthmus's plane the bore is the pedicle's, mm behind and ahead.
const PEDICLE_MM: [f64; 2] = [9.0, 9.0];
/// A pedicle of the chest walls the canal: bone that lies farther beside it than this, mm, is a rib
/// that the labels left on.
const MOST_FROM_CANAL_MM: f64 = 6.0;
/// Behind the pedicle proper daylight is the entry, mm of depth.
pub(super) const BEHIND_PEDICLE_MM: f64 = 5.0;
/// Around the best screw others are looked for: reach and step, mm and degrees.
const NEAR_REACH: Line = [4.5, 4.5, 15.0, 12.0];
const NEAR_STEP: Line = [1.5, 1.5, 5.0, 4.0];
/// Heads nearer to each other than this are one place, mm.
const HEADS_APART_MM: f64 = 0.6;
/// In-out-in: the axis may pass so much air, mm.
const GAP_MM: f64 = 12.0;

/// What the search of one pedicle knows.
pub(super) struct Search<'a, B> {
    pub(super) site: &'a Site<'a, B>,
    pub(super) rules: &'a Rules,
    pub(super) style: &'a StyleRule,
    pub(super) frame: Frame,
    /// What convergence and cranial tilt aim at.
    aim: [Target; 2],
    /// Of the measured pedicle, degrees.
    along_pedicle: [f64; 2],
    pub(super) offered: Offer<'a>,
    /// What of it makes sense for the style and level, a kind each.
    pub(super) kinds: Vec<Sizes>,
    pub(super) usual_length_mm: f64,
    /// The widest screw that level, style and isthmus allow, mm.
    pub(super) most_diameter_mm: f64,
    pub(super) way: Way,
    /// The axis may pass so much air, mm.
    pub(super) gap_mm: f64,
}

/// What an angle of a line aims at.
#[derive(Clone, Copy, Debug)]
enum Target {
    /// This angle, degrees.
    Angle(f64),
    /// Through this point.
    Point(Point<Patient>),
}

/// The sizes of one kind of screw, each diameter in each length, mm, ascending; none of them empty.
#[derive(Clone, Debug)]
pub(super) struct Sizes {
    pub diameters_mm: Vec<f64>,
    pub lengths_mm: Vec<f64>,
    pub head: Head,
}

impl Sizes {
    /// What of a kind lies within limits; `None` where nothing does.
    fn within(kind: &Kind, diameters_mm: (f64, f64), lengths_mm: (f64, f64)) -> Option<Self> {
        let within = |list: &[f64], (low, high): (f64, f64)| -> Vec<f64> {
            list.iter().copied().filter(|mm| (low..=high).contains(mm)).collect()
        };
        let diameters_mm = within(&kind.diameters_mm, diameters_mm);
        let lengths_mm = within(&kind.lengths_mm, lengths_mm);
        let is_empty = diameters_mm.is_empty() || lengths_mm.is_empty();
        (!is_empty).then(|| Self { diameters_mm, lengths_mm, head: kind.into() })
    }
    /// Whether each of these sizes is one of `other` too.
    fn is_within(&self, other: &Self) -> bool {
        let all = |some: &[f64], of: &[f64]| some.iter().all(|mm| of.contains(mm));
        all(&self.diameters_mm, &other.diameters_mm) && all(&self.lengths_mm, &other.lengths_mm)
    }
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
        catalogue: &'a Catalogue,
        way: Way,
    ) -> Result<Self, Refusal> {
        let frame = Frame::new(site, style.name);
        let usual = rules.level(site.level).ok_or(Refusal::NotPlanned { level: site.level })?;
        let along_pedicle = frame.angles_deg(site.pedicle.axis);
        let aim = |aim: Aim, of_pedicle: f64| match aim {
            Aim::Degrees(degrees) => Ok(Target::Angle(degrees)),
            Aim::AlongPedicle => Ok(Target::Angle(of_pedicle)),
            Aim::Usual => Ok(Target::Angle(usual.convergence_deg)),
            Aim::AtPromontory => match promontory(site.bone, site.anatomy, site.pedicle.side) {
                Some(point) => Ok(Target::Point(point)),
                None => Err(Refusal::NoPromontory { level: site.level, side: site.pedicle.side }),
            },
        };
        let aim =
            [aim(style.convergence, along_pedicle[0])?, aim(style.cranial, along_pedicle[1])?];
        let most_of_level = match style.usual_length_mm {
            Some(_) => f64::INFINITY,
            None => usual.most_diameter_mm,
        };
        let most = most_of_level.min(style.diameters_mm.1);
        let (level, side) = (site.level, site.pedicle.side);
        let offered = catalogue.offer(style.name.of_screw().into());
        if offered.is_empty() {
            return Err(Refusal::NoIliacScrew { side });
        }
        let diameters_mm = (style.diameters_mm.0, most);
        let mut kinds: Vec<Sizes> = Vec::new();
        for kind in offered.kinds() {
            let sizes = Sizes::within(kind, diameters_mm, style.lengths_mm);
            // A size that two kinds offer is the first one's.
            kinds.extend(sizes.filter(|own| !kinds.iter().any(|first| own.is_within(first))));
        }
        if kinds.is_empty() {
            return Err(Refusal::NoSize { level, side });
        }
        let gap_mm = if way.may_pass_wall() { GAP_MM } else { 0.0 };
        Ok(Self {
            site,
            rules,
            style,
            frame,
            aim,
            along_pedicle,
            offered,
            kinds,
            usual_length_mm: style
                .usual_length_mm
                .unwrap_or(usual.usual_length_mm)
                .min(style.lengths_mm.1),
            most_diameter_mm: most,
            way,
            gap_mm,
        })
    }

    /// Convergence and cranial tilt that a line aims at, degrees.
    pub fn aim_deg(&self, line: &Line) -> [f64; 2] {
        [0, 1].map(|n| match self.aim[n] {
            Target::Angle(degrees) => degrees,
            Target::Point(point) => self.frame.angles_deg(point - self.frame.through(line))[n],
        })
    }

    /// The best screw.
    pub fn run(&mut self) -> Result<Found, Refusal> {
        let (level, side) = (self.site.level, self.site.pedicle.side);
        let no_path = Refusal::NoPath { level, side, style: self.style.name };
        let grid = self.grid();
        if grid.is_empty() {
            return Err(Refusal::NoPedicle { level, side });
        }
        let widest = self.widest_bore(&grid).ok_or_else(|| no_path.clone())?;
        let isthmus_mm = 2.0 * widest.1;
        let is_narrow = self.choose_diameters(isthmus_mm)?;
        if !is_narrow && self.gap_mm > 0.0 {
            return Err(no_path);
        }
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

    /// The same screw moved away from the medial wall where it comes nearer to that than is kept.
    pub fn off_medial_wall(&self, rated: Rated) -> Rated {
        /// A wall is bent: what is moved may need to be moved again, and a little further.
        const TIMES: usize = 4;
        const BEYOND_MM: f64 = 0.01;
        let mut moved = rated;
        for _ in 0..TIMES {
            let room = medial_room(&moved.shape, self.site.bone, self.site.anatomy);
            let Some(room) = room.filter(|room| room.mm < MEDIAL_KEPT_MM) else { break };
            let away = room.lateral * (MEDIAL_KEPT_MM - room.mm + BEYOND_MM);
            let shape = ScrewShape { entry: moved.shape.entry + away, ..moved.shape };
            let Some(next) = self.rate_shape(&shape).filter(|next| next.total > 0.0) else { break };
            moved = next;
        }
        moved
    }

    /// Screws near the best one that score at least so much and are no narrower: the best for each
    /// place of the head, best ones first. From here on the search knows no narrower ones either.
    pub fn near(&mut self, best: &Rated, least_total: f64) -> Vec<Rated> {
        self.keep_diameters(|mm| mm >= best.shape.diameter_mm);
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

    /// Lines on a grid around the measured pedicle, all that are in bone at the isthmus's plane and
    /// not in a rib there, with the distance to daylight: no bore is wider than that.
    fn grid(&self) -> Vec<(Line, f64)> {
        let aim = self.aim_deg(&[0.0; 4]);
        let [convergences, tilts] = [0, 1].map(|n| {
            let window = if n == 0 {
                self.style.convergence_window_deg
            } else {
                self.style.cranial_window_deg
            };
            angles(aim[n], self.along_pedicle[n], window)
        });
        let mut lines = Vec::new();
        for across in steps(REACH_MM[0], ACROSS_MM) {
            for up in steps(REACH_MM[1], ACROSS_MM) {
                let through = self.frame.through(&[across, up, 0.0, 0.0]);
                let distance = self.site.bone.quick_distance_mm(through);
                if distance <= -self.gap_mm.min(3.0) || !self.is_by_canal(through, distance) {
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
        // The isthmus's own plane always counts: no bore is wider than it is there.
        let from = (bore.isthmus_mm - behind).max(BEHIND_PEDICLE_MM).min(bore.isthmus_mm - 1e-6);
        Some(bore.radius_mm(from, bore.isthmus_mm + ahead)).filter(|mm| mm.is_finite())
    }

    /// What a wide bore and the angles aimed at promise for a line.
    fn promise(&self, line: &Line, radius_mm: f64) -> f64 {
        // A bore with a millimetre around the widest screw is as wide as any need be.
        let enough = self.most_diameter_mm / 2.0 + 1.0;
        let mut measures = self.angles(line);
        measures[1] = (radius_mm / enough).clamp(-0.98, 1.0);
        score::total(&measures, self.rules)
    }

    /// The lines that promise most.
    fn promising(&self, grid: &[(Line, f64)]) -> Vec<Line> {
        let promise = |line: &Line, radius: f64| self.promise(line, radius);
        self.best_bores(grid, RATED_LINES, promise).into_iter().map(|(line, _)| line).collect()
    }

    /// The `most` lines of the grid whose bores are worth most, and their radii, mm. No line is bored
    /// that the isthmus's plane rules out: the worth must not fall as the radius grows.
    fn best_bores(
        &self,
        grid: &[(Line, f64)],
        most: usize,
        worth: impl Fn(&Line, f64) -> f64,
    ) -> Vec<(Line, f64)> {
        let mut bounds: Vec<(f64, Line)> =
            grid.iter().map(|(line, widest)| (worth(line, *widest), *line)).collect();
        bounds.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut best: Vec<(f64, Line, f64)> = Vec::with_capacity(most + 1);
        for (bound, line) in bounds {
            if best.len() == most && best[most - 1].0 >= bound {
                break;
            }
            let Some(radius) = self.radius_mm(&line) else { continue };
            let value = worth(&line, radius);
            let place = best.partition_point(|held| held.0 >= value);
            best.insert(place, (value, line, radius));
            best.truncate(most);
        }
        best.into_iter().map(|(_, line, radius)| (line, radius)).collect()
    }

    /// The line of the widest straight bore through the pedicle, and its radius, mm.
    fn widest_bore(&self, grid: &[(Line, f64)]) -> Option<(Line, f64)> {
        let starts = self.best_bores(grid, BORE_STARTS, |_, radius| radius);
        let climbed = starts.into_iter().map(|start| self.climb_bore(start));
        climbed.reduce(|widest, other| if other.1 > widest.1 { other } else { widest })
    }

    /// The widest bore near a line. A bore's radius has ridges, on which a climb may stop short: large
    /// steps are tried again.
    fn climb_bore(&self, mut widest: (Line, f64)) -> (Line, f64) {
        let radius = |line: &Line, _| {
            let radius = self.is_in_window(line).then(|| self.radius_mm(line)).flatten()?;
            self.is_by_canal(self.frame.through(line), radius).then_some(radius)
        };
        for _ in 0..MOST_CLIMBS {
            let before = widest.1;
            widest = climb(widest, FIRST_STEP, HALVINGS[1], radius, |radius| *radius);
            if widest.1 < before + 0.005 {
                break;
            }
        }
        widest
    }

    /// Whether bone of this radius around a place of the isthmus's plane can be a pedicle's: in the
    /// chest that walls the canal.
    fn is_by_canal(&self, through: Point<Patient>, radius_mm: f64) -> bool {
        let Some(canal) = self.site.canal.filter(|_| self.site.level.region() == 'T') else {
            return true;
        };
        let most_mm = MOST_FROM_CANAL_MM + radius_mm.max(0.0);
        canal.quick_gap_up_to(through, most_mm) < most_mm
    }

    /// Leaves the diameters that the isthmus allows; true where it goes by the narrow rule.
    fn choose_diameters(&mut self, isthmus_mm: f64) -> Result<bool, Refusal> {
        let limits = &self.rules.limits;
        let smallest = self.kinds.iter().map(|k| k.diameters_mm[0]).fold(f64::INFINITY, f64::min);
        // A catalogue without thin screws has no other rule for what its smallest one overfills.
        let most_mm = limits.isthmus_part * isthmus_mm;
        let is_narrow = isthmus_mm < limits.narrow_below_mm || most_mm < smallest;
        let most = if is_narrow { smallest } else { most_mm };
        self.keep_diameters(|mm| mm <= most.max(smallest));
        self.most_diameter_mm = self.most_diameter_mm.min(most.max(smallest));
        let needed_mm = smallest + limits.narrow_margin_mm;
        // An isthmus is measured to a tenth of a millimetre, and so it is told.
        let tenths = |mm: f64| (mm * 10.0).round();
        if tenths(isthmus_mm) < tenths(needed_mm) && self.gap_mm == 0.0 {
            let (level, side) = (self.site.level, self.site.pedicle.side);
            return Err(Refusal::TooNarrow { level, side, isthmus_mm, needed_mm });
        }
        Ok(is_narrow)
    }

    /// Forgets the other diameters, and kinds that have no more.
    fn keep_diameters(&mut self, is_kept: impl Fn(f64) -> bool) {
        for kind in &mut self.kinds {
            kind.diameters_mm.retain(|mm| is_kept(*mm));
        }
        self.kinds.retain(|kind| !kind.diameters_mm.is_empty());
    }

    fn climb(&self, start: Rated, halvings: u32) -> Rated {
        let first = FIRST_STEP;
        let rate = |line: &Line, least: f64| self.rate_above(line, least);
        climb((start.line, start), first, halvings, rate, |r| r.total).1
    }
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::anatomy::{Pedicle, VertebraAnatomy};
    use crate::clearance::Canal;
    use crate::implant::Catalogue;
    use crate::labels::Level;
    use crate::plan::auto::Style;
    use crate::space::{Dir, Patient, Point, Rigid, Side};
    use glam::{DQuat, DVec3};

    /// Convergence and cranial tilt of the style's aim at [`in_search`]'s level, degrees.
    pub const AIM: [f64; 2] = [17.0, 0.0];

    /// A body, an oblique pedicle of 8 mm on the left and the arch behind it; nothing in it is
    /// symmetric, so that no two lines are equally good.
    fn bone(p: Point<Patient>) -> f64 {
        let p = p.vec() - DVec3::Z * (0.37 + 0.041 * p.vec().y + 0.013 * p.vec().x);
        let body = (-5.0 - p.y).min(p.y + 38.0).min(22.0 - p.x.abs()).min(14.0 - p.z.abs());
        let middle = 13.0 + 0.2 * p.y;
        let pedicle = (4.0 - 0.98 * (p.x - middle).hypot(p.z)).min(p.y + 15.0).min(20.0 - p.y);
        let mass = (p.y - 8.0).min(21.0 - p.y).min(9.0 - (p.x - 16.0).abs()).min(9.0 - p.z.abs());
        let lamina = (p.y - 16.0).min(20.0 - p.y).min(20.0 - p.x.abs()).min(12.0 - p.z.abs());
        let right = (4.0 - (p.x + 13.0).abs()).min(p.y + 20.0).min(20.0 - p.y).min(9.0 - p.z.abs());
        body.max(pedicle).max(mass).max(lamina).max(right)
    }

    /// Calls with a search in that bone.
    pub fn in_search<R>(call: impl FnOnce(&mut Search<'_, Value>) -> R) -> R {
        in_search_of(Level::L4, bone, call)
    }

    type Value = fn(Point<Patient>) -> f64;

    fn in_search_of<R>(
        level: Level,
        bone: Value,
        call: impl FnOnce(&mut Search<'_, Value>) -> R,
    ) -> R {
        let pedicle = Pedicle {
            side: Side::Left,
            isthmus: Point::new(13.0, 1.0, 0.0),
            axis: Dir::new(-0.2, -1.0, 0.0),
            width_mm: 8.0,
            height_mm: 8.0,
            least_mm: 8.0,
            chord_mm: 40.0,
            transverse_deg: 11.0,
            sagittal_deg: 0.0,
            span_mm: [-5.0, 5.0],
        };
        let anatomy = VertebraAnatomy {
            patient_from_vertebra: Rigid::new(DQuat::IDENTITY, DVec3::new(0.0, -20.0, 0.0)),
            canal_centre: Point::new(0.0, 5.0, 0.0),
            canal: None,
            upper_plate: None,
            lower_plate: None,
            body_mm: None,
            pedicles: vec![pedicle],
            warnings: Vec::new(),
        };
        let canal = Canal::new(&bone, &anatomy);
        let (rules, catalogue) = (Rules::builtin().unwrap(), Catalogue::builtin().unwrap());
        let site = Site {
            level,
            pedicle: &anatomy.pedicles[0],
            anatomy: &anatomy,
            bone: &bone,
            above: None,
            canal: canal.as_ref(),
            ct: None,
        };
        let style = rules.style(Style::Straight).unwrap();
        call(&mut Search::new(&site, &rules, style, &catalogue, Way::InBone).unwrap())
    }

    /// The search in which every line is bored, scored with all its terms and never given up.
    fn plain<B: SignedDistance>(search: &mut Search<'_, B>) -> Vec<Rated> {
        let grid = search.grid();
        let bored: Vec<(Line, f64)> =
            grid.iter().filter_map(|(line, _)| Some((*line, search.radius_mm(line)?))).collect();
        let mut by_radius = bored.clone();
        by_radius.sort_by(|a, b| b.1.total_cmp(&a.1));
        let starts = by_radius.into_iter().take(BORE_STARTS);
        let climbed: Vec<_> = starts.map(|start| search.climb_bore(start)).collect();
        let widest = climbed.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        search.choose_diameters(2.0 * widest.1).unwrap();
        let mut valued: Vec<(f64, Line)> =
            bored.iter().map(|(line, mm)| (search.promise(line, *mm), *line)).collect();
        valued.sort_by(|a, b| b.0.total_cmp(&a.0));
        let lines = valued.into_iter().take(RATED_LINES).map(|(_, line)| line);
        let mut rated: Vec<Rated> =
            lines.chain([widest.0]).filter_map(|line| search.rate_above(&line, 0.0)).collect();
        rated.sort_by(|a, b| b.total.total_cmp(&a.total));
        let worth = WORTH_A_CLIMB * rated[0].total;
        rated.retain(|one| one.total >= worth);
        let mut starts: Vec<Rated> = Vec::new();
        for one in rated {
            if starts.iter().all(|s| apart(&s.line, &one.line) > LEAST_APART) {
                starts.push(one);
            }
        }
        let rate = |line: &Line, _| search.rate_above(line, 0.0);
        let climbed = |start: Rated, halvings| {
            climb((start.line, start), FIRST_STEP, halvings, rate, |r| r.total).1
        };
        let mut ranked: Vec<Rated> =
            starts.into_iter().take(STARTS).map(|start| climbed(start, HALVINGS[0])).collect();
        ranked.sort_by(|a, b| b.total.total_cmp(&a.total));
        ranked[0] = climbed(ranked[0].clone(), HALVINGS[1]);
        ranked
    }

    /// The same with a rib of 12 mm that leans on the pedicle from outside.
    fn bone_with_rib(p: Point<Patient>) -> f64 {
        let q = p.vec();
        let rib = (6.0 - (q.x - 22.0).hypot(q.z - 1.0)).min(q.y + 30.0).min(20.0 - q.y);
        bone(p).max(rib)
    }

    #[test]
    fn a_rib_left_on_the_labels_does_not_hide_the_pedicle() {
        let level = "T4".parse().unwrap();
        let found = in_search_of(level, bone_with_rib, |search| search.run()).unwrap();
        let [across, ..] = found.ranked[0].line;
        assert!(found.isthmus_mm > 7.0 && found.isthmus_mm < 10.5, "{}", found.isthmus_mm);
        assert!(across < 4.0, "{across} mm beside the pedicle");
    }

    #[test]
    fn what_is_given_up_early_changes_nothing_that_is_found() {
        let of = |ranked: &[Rated]| ranked.iter().map(|r| (r.shape, r.total)).collect::<Vec<_>>();
        let found = in_search(|search| search.run().unwrap().ranked);
        let wanted = in_search(plain);
        assert!(found[0].total > 60.0, "{found:?}");
        assert_eq!(of(&found), of(&wanted));
    }
}
