//! The smooth curve that the rod of one side is to follow.
//!
//! In: the head centres along the spine. Out: a [`Rod`]: a smooth curve as near to the heads as the
//! limits of bending let it be, and its misfit at each head. What a bender makes of it is a
//! [`BentRod`](super::bent::BentRod): that is the one to show.
//!
//! The curve is the smoothing spline of Reinsch (1967) through the heads, told by the way along
//! them: it minimises the squared misfits plus λ times the squared bending. λ is the smallest for
//! which no place bends sharper than the least radius and the bends back sum to no more than
//! allowed, found by halving.

use crate::implant::Rods;
use crate::space::{Patient, Point};
use glam::DVec3;

/// A bend is held against those this far to either side of it, mm: two or three levels.
pub(super) const NEIGHBOURS_MM: f64 = 75.0;

/// The curve of a rod through heads.
#[derive(Clone, Debug, PartialEq)]
pub struct Rod {
    /// The centres of the heads that it is to join, LPS mm.
    pub heads: Vec<Point<Patient>>,
    /// Points of its middle line, first head's end first, [`Rod::STEP_MM`] apart, LPS mm.
    pub line: Vec<Point<Patient>>,
    /// Distance of each head's centre from it, mm.
    pub misfit_mm: Vec<f64>,
    /// Smallest radius of its bends, mm; infinite for a straight rod.
    pub least_radius_mm: f64,
    /// Sum of its bends against the sense of their neighbours, degrees.
    pub counter_bend_deg: f64,
}

/// Why no rod joins these heads. Heads are counted from 0, as they were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RodError {
    /// Fewer than two heads.
    TooFew,
    /// Two heads that follow each other are in one place.
    TooNear(usize, usize),
    /// A number is NaN or infinite.
    NotFinite(usize),
}

impl RodError {
    /// What is the matter and what to do about it, by the titles of the heads' screws.
    pub fn say(self, screws: &[String]) -> (String, &'static str) {
        let title = |n: usize| screws.get(n).map_or("a screw", String::as_str);
        let two = |a: &str, b: &str| match a == b {
            true => format!("two screws of {a}"),
            false => format!("{a} and {b}"),
        };
        match self {
            Self::TooFew => match screws {
                [] => ("that side has no screw".to_owned(), "place two on that side"),
                [one, ..] => (format!("{one} stands alone"), "place another one on that side"),
            },
            Self::TooNear(a, b) => {
                let both = two(title(a), title(b));
                let what = format!("the heads of {both} are less than a millimetre apart");
                (what, "move or delete one of them")
            }
            Self::NotFinite(n) => {
                (format!("the head of {} has no place", title(n)), "place that screw again")
            }
        }
    }
}

impl Rod {
    /// Points of the line are this far apart, mm.
    pub const STEP_MM: f64 = 1.0;

    /// The rod through these heads, in their order along the spine.
    pub fn through(heads: &[Point<Patient>], rods: &Rods) -> Result<Self, RodError> {
        check(heads)?;
        Ok(Spline::fit(heads, least_stiffness(heads, rods)).rod(heads, rods.past_end_mm))
    }

    /// Root of the mean squared misfit, mm.
    pub fn rms_misfit_mm(&self) -> f64 {
        rms(&self.misfit_mm)
    }
    /// Its length, mm.
    pub fn length_mm(&self) -> f64 {
        self.line.windows(2).map(|pair| pair[0].distance(pair[1])).sum()
    }
}

/// The least stiffness λ with which the curve through these heads keeps the limits of bending.
fn least_stiffness(heads: &[Point<Patient>], rods: &Rods) -> f64 {
    let fits = |lambda: f64| {
        let (radius, counter) = Spline::fit(heads, lambda).bends();
        radius >= rods.least_radius_mm && counter <= rods.most_counter_bend_deg
    };
    if fits(0.0) {
        return 0.0;
    }
    // From no smoothing at all to a straight line.
    let strength = |x: f64| if x == 0.0 { 0.0 } else { 1e-3 * (x / 1.5).exp() };
    let (mut low, mut high) = (0.0_f64, 40.0_f64);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if fits(strength(middle)) { high = middle } else { low = middle }
    }
    strength(high)
}

/// A stiffness with which sets of heads near these can be compared: that of the rod through them, or
/// half of it, so that what is won leads to a rod that bends less; not so little that every set is
/// met. `None` where no rod joins them.
pub fn stiffness_near(heads: &[Point<Patient>], rods: &Rods) -> Option<f64> {
    /// Lets a wave of about 70 mm pass by half, with heads 35 mm apart.
    const LEAST: f64 = 5e2;
    check(heads).ok()?;
    Some((0.5 * least_stiffness(heads, rods)).max(LEAST))
}

/// Sum of the squared misfits of heads to the smoothing curve of one stiffness, mm²: cheap, for
/// comparing many sets of heads. 0 for fewer than three.
pub fn squared_misfit_mm2(heads: &[Point<Patient>], stiffness: f64) -> f64 {
    if heads.len() < 3 || check(heads).is_err() {
        return 0.0;
    }
    let spline = Spline::fit(heads, stiffness);
    heads.iter().zip(&spline.values).map(|(head, on)| head.vec().distance_squared(*on)).sum()
}

/// Root of the mean square; 0 of nothing.
pub fn rms(values: &[f64]) -> f64 {
    let squares: f64 = values.iter().map(|x| x * x).sum();
    (squares / values.len().max(1) as f64).sqrt()
}

fn check(heads: &[Point<Patient>]) -> Result<(), RodError> {
    if let Some(n) = heads.iter().position(|head| !head.is_finite()) {
        return Err(RodError::NotFinite(n));
    }
    if heads.len() < 2 {
        return Err(RodError::TooFew);
    }
    match heads.windows(2).position(|pair| pair[0].distance(pair[1]) < 1.0) {
        Some(n) => Err(RodError::TooNear(n, n + 1)),
        None => Ok(()),
    }
}

/// A natural cubic spline: values and second derivatives at its knots.
struct Spline {
    knots: Vec<f64>,
    values: Vec<DVec3>,
    second: Vec<DVec3>,
}

impl Spline {
    /// The smoothing spline of these heads; λ = 0 goes through them.
    fn fit(heads: &[Point<Patient>], lambda: f64) -> Self {
        let heads: Vec<DVec3> = heads.iter().map(|head| head.vec()).collect();
        let mut knots = vec![0.0];
        for pair in heads.windows(2) {
            knots.push(knots[knots.len() - 1] + pair[0].distance(pair[1]));
        }
        let inner = heads.len() - 2;
        let h: Vec<f64> = knots.windows(2).map(|pair| pair[1] - pair[0]).collect();
        // Q is n x inner, R inner x inner; (R + λ QᵀQ) γ = Qᵀ y, values = y - λ Q γ.
        let q = |row: usize, column: usize| match row as i64 - column as i64 {
            0 => 1.0 / h[column],
            1 => -1.0 / h[column] - 1.0 / h[column + 1],
            2 => 1.0 / h[column + 1],
            _ => 0.0,
        };
        let mut matrix = vec![vec![0.0; inner]; inner];
        let mut right = vec![DVec3::ZERO; inner];
        for i in 0..inner {
            for j in 0..inner {
                let r = match i.abs_diff(j) {
                    0 => (h[i] + h[i + 1]) / 3.0,
                    1 => h[i.max(j)] / 6.0,
                    _ => 0.0,
                };
                let square: f64 = (0..heads.len()).map(|row| q(row, i) * q(row, j)).sum();
                matrix[i][j] = r + lambda * square;
            }
            right[i] = (0..heads.len()).map(|row| heads[row] * q(row, i)).sum();
        }
        let inside = solve(matrix, right);
        let bent = |row: usize| -> DVec3 { (0..inner).map(|c| inside[c] * q(row, c)).sum() };
        let values = (0..heads.len()).map(|row| heads[row] - bent(row) * lambda).collect();
        let mut second = vec![DVec3::ZERO];
        second.extend(inside);
        second.push(DVec3::ZERO);
        second.truncate(heads.len());
        Self { knots, values, second }
    }

    /// Place, slope and second derivative; straight on past its ends.
    fn at(&self, t: f64) -> [DVec3; 3] {
        let last = self.knots.len() - 1;
        if t < 0.0 || t > self.knots[last] {
            let end = t.clamp(0.0, self.knots[last]);
            let [place, slope, _] = self.at(end);
            return [place + slope * (t - end), slope, DVec3::ZERO];
        }
        let n = self.knots[1..last].iter().take_while(|knot| **knot <= t).count();
        let h = self.knots[n + 1] - self.knots[n];
        let (a, b) = ((self.knots[n + 1] - t) / h, (t - self.knots[n]) / h);
        let (y, m) = (&self.values[n..n + 2], &self.second[n..n + 2]);
        let bend = m[0] * (a * a * a - a) + m[1] * (b * b * b - b);
        let turn = m[1] * (3.0 * b * b - 1.0) - m[0] * (3.0 * a * a - 1.0);
        [
            y[0] * a + y[1] * b + bend * (h * h / 6.0),
            (y[1] - y[0]) / h + turn * (h / 6.0),
            m[0] * a + m[1] * b,
        ]
    }

    /// Smallest radius of the curve, mm, and the sum of its bends back, degrees: those whose sense
    /// is against that of most of the bending within a few levels. The change from the bow of the
    /// chest to that of the loins is none.
    fn bends(&self) -> (f64, f64) {
        let end = self.knots[self.knots.len() - 1];
        let count = end.ceil().max(1.0) as usize;
        let step = end / count as f64;
        let curvature = |n: usize| {
            let [_, slope, second] = self.at((n as f64 + 0.5) * step);
            let speed = slope.length().max(1e-9);
            (slope.cross(second) / speed.powi(3), speed * step)
        };
        let all: Vec<(DVec3, f64)> = (0..count).map(curvature).collect();
        let most = all.iter().map(|(k, _)| k.length()).fold(0.0, f64::max);
        let mut bent = vec![DVec3::ZERO];
        for (k, ds) in &all {
            bent.push(bent[bent.len() - 1] + *k * *ds);
        }
        let reach = (NEIGHBOURS_MM / step.max(1e-9)) as usize;
        let back = |(n, (k, ds)): (usize, &(DVec3, f64))| {
            let around = bent[(n + 1 + reach).min(count)] - bent[n.saturating_sub(reach)];
            (-k.dot(around.normalize_or_zero())).max(0.0) * ds
        };
        let against = all.iter().enumerate().map(back).sum::<f64>();
        (1.0 / most.max(1e-12), against.to_degrees())
    }

    fn rod(&self, heads: &[Point<Patient>], past_end_mm: f64) -> Rod {
        let end = self.knots[self.knots.len() - 1];
        let fine = 0.1;
        let count = ((end + 2.0 * past_end_mm) / fine).ceil() as usize;
        let dense: Vec<DVec3> = (0..=count)
            .map(|n| self.at(-past_end_mm + (end + 2.0 * past_end_mm) * n as f64 / count as f64)[0])
            .collect();
        let misfit = |head: &Point<Patient>| {
            let near = dense.windows(2).map(|pair| to_segment(head.vec(), pair[0], pair[1]));
            near.fold(f64::INFINITY, f64::min)
        };
        let (least_radius_mm, counter_bend_deg) = self.bends();
        Rod {
            heads: heads.to_vec(),
            misfit_mm: heads.iter().map(misfit).collect(),
            line: evenly(&dense, Rod::STEP_MM),
            least_radius_mm,
            counter_bend_deg,
        }
    }
}

/// Distance of a point from a line of points, mm; infinite from less than two.
pub(super) fn off_line_mm(point: Point<Patient>, line: &[Point<Patient>]) -> f64 {
    let pieces = line.windows(2).map(|w| to_segment(point.vec(), w[0].vec(), w[1].vec()));
    pieces.fold(f64::INFINITY, f64::min)
}

fn to_segment(p: DVec3, a: DVec3, b: DVec3) -> f64 {
    let along = b - a;
    let t = ((p - a).dot(along) / along.length_squared().max(1e-24)).clamp(0.0, 1.0);
    p.distance(a + along * t)
}

/// Points of a dense line, evenly spaced by nearly `step`.
fn evenly(dense: &[DVec3], step: f64) -> Vec<Point<Patient>> {
    let length: f64 = dense.windows(2).map(|pair| pair[0].distance(pair[1])).sum();
    let count = (length / step).round().max(1.0);
    let spacing = length / count;
    let mut points = vec![Point::from_vec(dense[0])];
    let mut way = 0.0;
    for pair in dense.windows(2) {
        let piece = pair[0].distance(pair[1]);
        while points.len() as f64 * spacing <= way + piece && (points.len() as f64) < count {
            let share = (points.len() as f64 * spacing - way) / piece.max(1e-12);
            points.push(Point::from_vec(pair[0].lerp(pair[1], share)));
        }
        way += piece;
    }
    points.push(Point::from_vec(dense[dense.len() - 1]));
    points
}

/// Gauss elimination of a symmetric positive matrix, which needs no pivots.
pub(super) fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<DVec3>) -> Vec<DVec3> {
    let n = right.len();
    for pivot in 0..n {
        for row in pivot + 1..n {
            let share = matrix[row][pivot] / matrix[pivot][pivot];
            if share != 0.0 {
                for column in pivot..n {
                    let upper = matrix[pivot][column];
                    matrix[row][column] -= share * upper;
                }
                let upper = right[pivot];
                right[row] -= upper * share;
            }
        }
    }
    for row in (0..n).rev() {
        let known: DVec3 = (row + 1..n).map(|c| right[c] * matrix[row][c]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rods() -> Rods {
        Rods::builtin().expect("our own file")
    }

    /// Heads on a circle of this radius, one every 35 mm.
    fn on_circle(radius: f64) -> Vec<Point<Patient>> {
        let at = |n: i32| {
            let angle = f64::from(n) * 35.0 / radius;
            Point::new(30.0, radius * (1.0 - angle.cos()), -radius * angle.sin())
        };
        (0..6).map(at).collect()
    }

    #[test]
    fn heads_on_a_gentle_bow_are_all_met() {
        let rod = Rod::through(&on_circle(200.0), &rods()).expect("six heads");
        assert!(rod.rms_misfit_mm() < 1e-4, "{}", rod.rms_misfit_mm());
        assert!((rod.length_mm() - (5.0 * 35.0 + 16.0)).abs() < 0.5, "{}", rod.length_mm());
        assert!(rod.least_radius_mm > 100.0 && rod.counter_bend_deg < 1.0, "{rod:?}");
        let even = rod.line.windows(2).map(|p| p[0].distance(p[1]));
        assert!(even.into_iter().all(|mm| (mm - 1.0).abs() < 0.02));
    }

    #[test]
    fn a_head_out_of_line_is_missed_rather_than_bent_to() {
        let mut heads = on_circle(200.0);
        heads[2] = Point::new(38.0, heads[2].vec().y, heads[2].vec().z);
        let rods = rods();
        let rod = Rod::through(&heads, &rods).expect("six heads");
        assert!(rod.misfit_mm[2] > 1.0 && rod.rms_misfit_mm() < 5.0, "{:?}", rod.misfit_mm);
        assert!(rod.least_radius_mm >= rods.least_radius_mm - 1e-6);
        assert!(rod.counter_bend_deg <= rods.most_counter_bend_deg + 1e-6);
    }

    #[test]
    fn the_bows_of_chest_and_loins_are_no_bends_back_and_a_zigzag_is() {
        // From T1 to S1: 45 degrees one way, 45 the other, evenly.
        let bow = |mm: f64| {
            let z = -mm;
            Point::new(30.0, 40.0 * (std::f64::consts::TAU * mm / 420.0).sin(), z)
        };
        let heads: Vec<_> = (0..=16).map(|n| bow(f64::from(n) * 26.0)).collect();
        let rod = Rod::through(&heads, &rods()).expect("many heads");
        assert!(rod.rms_misfit_mm() < 0.3, "{} {}", rod.rms_misfit_mm(), rod.counter_bend_deg);
        let zigzag: Vec<_> = (0..=8)
            .map(|n| Point::new(30.0 + 3.0 * f64::from(n % 2), 0.0, -35.0 * f64::from(n)))
            .collect();
        let rod = Rod::through(&zigzag, &rods()).expect("many heads");
        // Half of its 3 mm, less what 12 degrees of bends back are good for.
        assert!(rod.rms_misfit_mm() > 0.5, "{} {}", rod.rms_misfit_mm(), rod.counter_bend_deg);
    }

    #[test]
    fn two_heads_take_a_straight_rod_and_wrong_heads_are_named() {
        let two = [Point::new(0.0, 0.0, 0.0), Point::new(0.0, 0.0, -30.0)];
        let rod = Rod::through(&two, &rods()).expect("two heads");
        assert!((rod.length_mm() - 46.0).abs() < 1e-9 && rod.rms_misfit_mm() < 1e-12);
        assert_eq!(Rod::through(&two[..1], &rods()), Err(RodError::TooFew));
        let same = [two[0], two[0]];
        assert_eq!(Rod::through(&same, &rods()), Err(RodError::TooNear(0, 1)));
        let lost = [two[0], Point::new(f64::NAN, 0.0, 0.0)];
        assert_eq!(Rod::through(&lost, &rods()), Err(RodError::NotFinite(1)));
        let said = |why: RodError, titles: &[&str]| {
            why.say(&titles.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()).0
        };
        assert_eq!(said(RodError::TooFew, &[]), "that side has no screw");
        assert_eq!(said(RodError::TooFew, &["L4 left"]), "L4 left stands alone");
        let near = said(RodError::TooNear(1, 2), &["L3 left", "L4 left", "L5 left"]);
        assert_eq!(near, "the heads of L4 left and L5 left are less than a millimetre apart");
        let twins = said(RodError::TooNear(0, 1), &["L4 left", "L4 left"]);
        assert_eq!(twins, "the heads of two screws of L4 left are less than a millimetre apart");
        let lost = said(RodError::NotFinite(1), &["L4 left", "L5 left"]);
        assert_eq!(lost, "the head of L5 left has no place");
    }
}
