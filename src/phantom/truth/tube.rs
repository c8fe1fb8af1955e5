//! Isthmus and axis of a pedicle that is a tube, found together.
//!
//! Sections are looked at through a window that has the isthmus' own outline, grown by
//! [`WINDOW`]: what a section opens into beyond that does not count. So areas and centroids change
//! steadily with the line they are taken along, and there is one line that they lead back to. It
//! is found by Broyden's method (1965) until what is left to go is far under 1e-4 mm.

use super::pedicle::MOST_MM;
use super::ray::{across, crossing, reach, stretches};
use crate::phantom::shape::Shape;
use glam::{DVec2, DVec3};
use std::f64::consts::TAU;

/// How far a section is looked at, as a multiple of the isthmus' outline.
const WINDOW: f64 = 1.4;
/// The isthmus is the middle of the stretch in which sections are at most so many times its own.
const NARROW_AREA: f64 = 1.2;
/// That stretch is followed so far before and behind, mm.
pub(super) const MOST_OFF_MM: u32 = 8;
/// The axis runs through the centroids up to this far before and behind the isthmus, mm; a pair
/// counts in full up to [`NARROW_AREA`] and not at all from [`OPEN_AREA`].
const FURTHEST_PAIR_MM: u32 = 5;
const OPEN_AREA: f64 = 1.5;
/// Rays in a section on the way and in the end, and how near that is to be led, mm.
const PASSES: [(usize, f64); 2] = [(24, 1e-3), (72, 1e-6)];
/// A tilt is told by how far it moves the axis here, mm.
const LEVER_MM: f64 = 8.0;

/// A point and a unit direction that are found together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) middle: DVec3,
    pub(super) axis: DVec3,
}

/// Area and centroid of what is seen of a section.
#[derive(Clone, Copy)]
struct Seen {
    area_mm2: f64,
    centroid: DVec3,
}

/// The sections along a line, seen through the window of the one at its middle.
struct Tube<'a> {
    shape: &'a Shape,
    line: Line,
    /// The rays' unit directions, and how far the window reaches along each, mm.
    rays: Vec<(DVec3, f64)>,
    own: Seen,
}

impl<'a> Tube<'a> {
    fn of(shape: &'a Shape, line: Line, rays: usize) -> Self {
        let [u, v] = across(line.axis, DVec3::X);
        let ray = |n: usize| {
            let (sin, cos) = (TAU * n as f64 / rays as f64).sin_cos();
            let along = u * cos + v * sin;
            (along, (WINDOW * reach(shape, line.middle, along, MOST_MM)).min(MOST_MM))
        };
        let own = Seen { area_mm2: 0.0, centroid: line.middle };
        let tube = Self { shape, line, rays: (0..rays).map(ray).collect(), own };
        Self { own: tube.at(0.0), ..tube }
    }
    /// The section `t` mm along the line.
    fn at(&self, t: f64) -> Seen {
        let centre = self.line.middle + self.line.axis * t;
        let furthest = self.rays.iter().map(|(_, most)| *most).fold(0.0, f64::max);
        let nearby = self.shape.near(centre, furthest);
        let step = TAU / self.rays.len() as f64;
        let (mut area, mut moment) = (0.0, DVec3::ZERO);
        for (along, most) in &self.rays {
            stretches(&nearby, centre, *along, *most, |from, to| {
                area += (to * to - from * from) / 2.0 * step;
                moment += *along * ((to.powi(3) - from.powi(3)) / 3.0 * step);
            });
        }
        Seen { area_mm2: area, centroid: centre + moment / area.max(1e-9) }
    }
    fn ratio(&self, seen: &Seen) -> f64 {
        seen.area_mm2 / self.own.area_mm2.max(1e-9)
    }
    /// The sections by millimetres to one side, up to the first one that is open.
    fn side(&self, sense: f64) -> Vec<Seen> {
        let mut all: Vec<Seen> = Vec::new();
        for n in 1..=MOST_OFF_MM {
            all.push(self.at(sense * f64::from(n)));
            if all.last().is_some_and(|seen| self.ratio(seen) > OPEN_AREA) {
                break;
            }
        }
        all
    }
    /// How far the narrow stretch goes to one side, mm.
    fn end(&self, sense: f64, side: &[Seen]) -> f64 {
        let Some(outer) = side.iter().position(|seen| self.ratio(seen) > NARROW_AREA) else {
            return f64::from(MOST_OFF_MM);
        };
        // A thousandth, so that the search ends at an area known to 1e-7 of itself.
        let over = |seen: &Seen| (self.ratio(seen) / NARROW_AREA - 1.0) * 1e-3;
        let inner = outer.checked_sub(1).map_or(&self.own, |n| &side[n]);
        let ends = [outer as f64, outer as f64 + 1.0];
        crossing(|t| over(&self.at(sense * t)), ends, [over(inner), over(&side[outer])])
    }
    /// The line that the sections lead to: through the centroid of the one at its middle, moved to
    /// the middle of the narrow stretch, along the centroids. A pair of them counts the less the
    /// further either has opened, and no more than the pairs nearer to the middle.
    fn leads_to(&self) -> Line {
        let [behind, ahead] = [-1.0, 1.0].map(|sense| self.side(sense));
        let to_middle = (self.end(1.0, &ahead) - self.end(-1.0, &behind)) / 2.0;
        let (mut along, mut weight) = (DVec3::ZERO, 1.0_f64);
        for (n, (back, front)) in (1..=FURTHEST_PAIR_MM).zip(behind.iter().zip(&ahead)) {
            let ratio = self.ratio(back).max(self.ratio(front));
            weight = weight.min((OPEN_AREA - ratio) / (OPEN_AREA - NARROW_AREA)).max(0.0);
            along += (front.centroid - back.centroid) * (f64::from(n) * weight);
        }
        let axis = along.normalize_or(self.line.axis);
        Line { middle: self.own.centroid + axis * to_middle, axis }
    }
}

/// Shifts and tilts of a line, mm.
type Way = [f64; 5];

fn dot(a: &Way, b: &Way) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The line that its own sections lead back to, from one that is near it.
pub(super) fn settled(shape: &Shape, start: Line) -> Line {
    const MOST_TURNS: usize = 60;
    const MOST_STEP_MM: f64 = 1.0;
    let w = start.axis;
    let [u, v] = across(w, DVec3::X);
    let line_at = |[a, b, c, d, e]: Way| Line {
        middle: start.middle + u * a + v * b + w * c,
        axis: (w + (u * d + v * e) / LEVER_MM).normalize(),
    };
    let tilt = |d: DVec3| DVec2::new(d.dot(u), d.dot(v)) * (LEVER_MM / d.dot(w));
    let off_at = |place: Way, rays: usize| {
        let line = line_at(place);
        let next = Tube::of(shape, line, rays).leads_to();
        let (moved, turned) = (next.middle - line.middle, tilt(next.axis) - tilt(line.axis));
        [moved.dot(u), moved.dot(v), moved.dot(w), turned.x, turned.y]
    };
    let mut place = Way::default();
    // Rows; the step is this matrix times what the line is off. Half of the way in tilt at first:
    // sections that tilt with the axis overshoot between flaring walls.
    let mut way_of_off: [Way; 5] = std::array::from_fn(|row| {
        std::array::from_fn(|column| f64::from(u8::from(row == column)) * [1.0, 0.5][row / 3])
    });
    for (rays, left_mm) in PASSES {
        let mut off = off_at(place, rays);
        for _ in 0..MOST_TURNS {
            if dot(&off, &off).sqrt() < left_mm {
                break;
            }
            let whole = way_of_off.map(|row| dot(&row, &off));
            let share = (MOST_STEP_MM / dot(&whole, &whole).sqrt()).min(1.0);
            let step = whole.map(|s| s * share);
            place = std::array::from_fn(|n| place[n] + step[n]);
            let next = off_at(place, rays);
            improve(&mut way_of_off, &step, &std::array::from_fn(|n| off[n] - next[n]));
            off = next;
        }
    }
    line_at(place)
}

/// Makes the matrix say of the last step what it did.
fn improve(way_of_off: &mut [Way; 5], step: &Way, gone: &Way) {
    let predicted = way_of_off.map(|row| dot(&row, gone));
    let scale = dot(step, &predicted);
    if scale.abs() < 1e-18 {
        return;
    }
    let across: Way = std::array::from_fn(|n| {
        (0..5).map(|row| way_of_off[row][n] * step[row]).sum::<f64>() / scale
    });
    for (row, (step, predicted)) in way_of_off.iter_mut().zip(step.iter().zip(predicted)) {
        *row = std::array::from_fn(|n| row[n] + (step - predicted) * across[n]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sizes::{Measures, Vary};
    use super::super::super::vertebra;
    use super::*;
    use crate::labels::Level;
    use crate::phantom::{Curve, Deformity, Phantom, Spec};
    use crate::space::Side;

    fn curved(seed: u64, levels: Vec<Level>) -> Phantom {
        let level = |name: &str| name.parse().unwrap();
        let curve = |upper, lower, cobb_deg, convex| Curve {
            upper: level(upper),
            lower: level(lower),
            cobb_deg,
            convex,
            rotation_deg: 0.4 * cobb_deg,
        };
        let curves =
            vec![curve("T5", "T12", 60.0, Side::Right), curve("T12", "L4", 40.0, Side::Left)];
        let curves = if seed % 2 == 0 { curves } else { Vec::new() };
        let deformity = Deformity { curves, ..Deformity::default() };
        Phantom::new(&Spec { levels, seed, deformity, ..Spec::default() }).unwrap()
    }

    /// How far apart the lines found from two starts lie, mm, and what is left to go of the first.
    fn apart(phantom: &Phantom, n: usize, side: Side) -> [f64; 3] {
        let placed = &phantom.placed[n];
        let Measures::Mobile(sizes, _) = &placed.measures else { return [0.0; 3] };
        let spec = phantom.spec();
        let vary = Vary::new(spec.seed, placed.level, spec.variation);
        let middle = vertebra::pedicle_isthmus(sizes, side);
        let axis = vertebra::pedicle_axis(sizes, &vary, side);
        let shape = phantom.bones[n].shape().near(middle, MOST_MM + 2.0 * f64::from(MOST_OFF_MM));
        let one = settled(&shape, Line { middle, axis });
        let other = DVec3::new(0.6, 1.5, -0.8);
        let tilted = (axis + DVec3::new(0.06, 0.0, 0.07)).normalize();
        let two = settled(&shape, Line { middle: middle + other, axis: tilted });
        let next = Tube::of(&shape, one, 72).leads_to();
        let left = next.middle.distance(one.middle) + next.axis.distance(one.axis) * LEVER_MM;
        [one.middle.distance(two.middle), one.axis.distance(two.axis) * LEVER_MM, left]
    }

    /// T7 and T11 of seed 3 had no one axis as long as rays jumped where a section opens.
    #[test]
    fn pedicles_that_open_suddenly_are_the_same_to_a_ten_thousandth_from_two_starts() {
        let levels = ["T7", "T11"].map(|name| name.parse().unwrap()).to_vec();
        let phantom = curved(3, levels);
        for n in 0..2 {
            let off = apart(&phantom, n, Side::Right);
            assert!(off.iter().all(|mm| *mm < 1e-4), "{}: {off:?}", phantom.placed[n].level);
        }
    }

    /// Of all pedicles of ten persons one wide L5 has two lines that lead back to themselves.
    #[test]
    fn every_pedicle_comes_to_rest_and_nearly_all_in_one_place() {
        if std::env::var_os("CORRIDOR_FULL").is_none() {
            return;
        }
        let mut twofold = 0;
        for seed in 1..=10 {
            let phantom = curved(seed, Spec::whole_column());
            for (n, placed) in phantom.placed.iter().enumerate() {
                for side in Side::BOTH {
                    let [middle, axis, left] = apart(&phantom, n, side);
                    assert!(left < 1e-4, "seed {seed} {} {side}: {left} left", placed.level);
                    twofold += usize::from(middle.max(axis) > 1e-4);
                }
            }
        }
        assert!(twofold <= 1, "{twofold} of 340 have two places");
    }
}
