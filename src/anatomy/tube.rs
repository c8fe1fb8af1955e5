//! The sections along a pedicle, seen through the window of the one in its middle.
//!
//! In: the bone in its vertebra's frame, and a line through the pedicle. Out: how far along the line
//! the middle of the narrow stretch lies, and the direction through the centroids around it.
//!
//! The window has the middle section's own outline, grown by [`WINDOW`]: all bone in it counts, and
//! what a section opens into beyond that, body or arch, does not. So areas and centroids change
//! steadily with the line, and noise at an edge moves them little. The phantom's truth is defined in
//! the same way.

use super::outline::across;
use super::pedicle::{Line, RAYS};
use super::solid::Solid;
use glam::DVec3;
use std::f64::consts::TAU;

/// How far a section is looked at, as a multiple of the isthmus' outline, and at most, mm.
const WINDOW: f64 = 1.4;
const MOST_MM: f64 = 15.0;
/// The isthmus is the middle of the stretch in which sections are at most so many times its own.
const NARROW_AREA: f64 = 1.2;
/// That stretch is followed so far before and behind, mm.
const MOST_OFF_MM: u32 = 8;
/// The axis runs through the centroids up to this far before and behind the isthmus, mm; a pair
/// counts in full up to [`NARROW_AREA`] and not at all from [`OPEN_AREA`].
const FURTHEST_PAIR_MM: u32 = 5;
const OPEN_AREA: f64 = 1.5;

/// Area and centroid of what is seen of a section.
#[derive(Clone, Copy)]
struct Seen {
    area_mm2: f64,
    centroid: DVec3,
}

/// A line and the sections across it.
pub(super) struct Tube<'a> {
    solid: &'a Solid<'a>,
    line: Line,
    /// The rays' unit directions, and how far the window reaches along each, mm.
    rays: Vec<(DVec3, f64)>,
    own: Seen,
    /// The sections by millimetres behind and ahead, up to the first one that is open.
    behind: Vec<Seen>,
    ahead: Vec<Seen>,
}

impl<'a> Tube<'a> {
    pub fn of(solid: &'a Solid<'a>, line: Line) -> Self {
        let [u, v] = across(line.axis);
        let ray = |n: usize| {
            let (sin, cos) = (TAU * n as f64 / RAYS as f64).sin_cos();
            let along = u * cos + v * sin;
            (along, (WINDOW * solid.reach(line.middle, along, MOST_MM)).min(MOST_MM))
        };
        let own = Seen { area_mm2: 0.0, centroid: line.middle };
        let rays = (0..RAYS).map(ray).collect();
        let tube = Self { solid, line, rays, own, behind: Vec::new(), ahead: Vec::new() };
        let tube = Self { own: tube.at(0.0), ..tube };
        let [behind, ahead] = [-1.0, 1.0].map(|sense| tube.side(sense));
        Self { behind, ahead, ..tube }
    }
    /// The section `t` mm along the line.
    fn at(&self, t: f64) -> Seen {
        let centre = self.line.middle + self.line.axis * t;
        let step = TAU / self.rays.len() as f64;
        let (mut area, mut moment) = (0.0, DVec3::ZERO);
        for (along, most) in &self.rays {
            self.solid.stretches(centre, *along, *most, |from, to| {
                area += (to * to - from * from) / 2.0 * step;
                moment += *along * ((to.powi(3) - from.powi(3)) / 3.0 * step);
            });
        }
        Seen { area_mm2: area, centroid: centre + moment / area.max(1e-9) }
    }
    fn ratio(&self, seen: &Seen) -> f64 {
        seen.area_mm2 / self.own.area_mm2.max(1e-9)
    }
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
    /// Middle of the middle section.
    pub fn centroid(&self) -> DVec3 {
        self.own.centroid
    }
    /// How far along the line the middle of the narrow stretch lies, mm.
    pub fn to_middle(&self) -> f64 {
        (self.end(1.0, &self.ahead) - self.end(-1.0, &self.behind)) / 2.0
    }
    /// How far the narrow stretch goes to one side, mm: by false position between the last narrow
    /// and the first wider section.
    fn end(&self, sense: f64, side: &[Seen]) -> f64 {
        let over = |seen: &Seen| self.ratio(seen) - NARROW_AREA;
        let Some(outer) = side.iter().position(|seen| over(seen) > 0.0) else {
            return f64::from(MOST_OFF_MM);
        };
        let inner = outer.checked_sub(1).map_or(&self.own, |n| &side[n]);
        let (mut a, mut b) =
            ((outer as f64, over(inner)), (outer as f64 + 1.0, over(&side[outer])));
        let between = |a: (f64, f64), b: (f64, f64)| a.0 + (b.0 - a.0) * a.1 / (a.1 - b.1);
        for _ in 0..2 {
            let t = between(a, b);
            let here = (t, over(&self.at(sense * t)));
            if here.1 > 0.0 { b = here } else { a = here }
        }
        between(a, b)
    }
    /// The direction from the centroids behind the middle to those before it. A pair of them counts
    /// the less the further either has opened, and no more than the pairs nearer to the middle.
    pub fn direction(&self) -> DVec3 {
        let (mut along, mut weight) = (DVec3::ZERO, 1.0_f64);
        for (n, (back, front)) in (1..=FURTHEST_PAIR_MM).zip(self.behind.iter().zip(&self.ahead)) {
            let ratio = self.ratio(back).max(self.ratio(front));
            weight = weight.min((OPEN_AREA - ratio) / (OPEN_AREA - NARROW_AREA)).max(0.0);
            along += (front.centroid - back.centroid) * (f64::from(n) * weight);
        }
        along.normalize_or(self.line.axis)
    }
}
