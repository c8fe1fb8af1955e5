//! The sections along a pedicle, seen through the window of the one in its middle.
//!
//! In: the bone in its vertebra's frame, and a line through the pedicle. Out: how far along the line
//! the middle of the narrow stretch lies, and the direction through the centroids around it.
//!
//! The window has the middle section's own outline, grown by [`WINDOW`]: all bone in it counts, and
//! what a section opens into beyond that, body or arch, does not. And the further a section has
//! opened the less it counts, so that none drops out at once. So what is told of a line changes
//! steadily with it, and noise moves it little. The phantom's truth is defined in the same way.

use super::outline::across;
use super::pedicle::{Line, RAYS};
use super::solid::Solid;
use glam::DVec3;
use std::f64::consts::TAU;

/// How far a section is looked at, as a multiple of the isthmus' outline, and at most, mm.
const WINDOW: f64 = 1.4;
const MOST_MM: f64 = 15.0;
/// A section counts in full as part of the narrow stretch where it is at most so many times as large
/// as the isthmus, and not at all from so many times on.
const NARROW_AREA: f64 = 1.2;
const OPEN_AREA: f64 = 1.5;
/// That stretch is followed so far before and behind, mm, by so many sections per mm.
const MOST_OFF_MM: u32 = 8;
const PER_MM: u32 = 2;
/// The axis runs through the centroids up to this far before and behind the isthmus, mm.
const FURTHEST_PAIR_MM: u32 = 5;

/// Area and centroid of what is seen of a section.
#[derive(Clone, Copy)]
struct Seen {
    area_mm2: f64,
    centroid: DVec3,
}

/// A section beside the middle one: how much it counts, and its centroid.
#[derive(Clone, Copy)]
struct Weighed {
    weight: f64,
    centroid: DVec3,
}

/// A line and the sections across it.
pub(super) struct Tube<'a> {
    solid: &'a Solid<'a>,
    line: Line,
    /// The rays' unit directions, and how far the window reaches along each, mm.
    rays: Vec<(DVec3, f64)>,
    own: Seen,
    /// The sections behind and ahead, up to the first one that is open.
    behind: Vec<Weighed>,
    ahead: Vec<Weighed>,
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
    /// The sections to one side. One counts the less the further it has opened, and no more than
    /// those nearer to the middle.
    fn side(&self, sense: f64) -> Vec<Weighed> {
        let (mut all, mut weight) = (Vec::new(), 1.0_f64);
        for n in 1..=MOST_OFF_MM * PER_MM {
            let Seen { area_mm2, centroid } = self.at(sense * f64::from(n) / f64::from(PER_MM));
            let ratio = area_mm2 / self.own.area_mm2.max(1e-9);
            weight = weight.min((OPEN_AREA - ratio) / (OPEN_AREA - NARROW_AREA));
            if weight <= 0.0 {
                break;
            }
            all.push(Weighed { weight, centroid });
        }
        all
    }
    /// Middle of the middle section.
    pub fn centroid(&self) -> DVec3 {
        self.own.centroid
    }
    /// How far along the line the middle of the narrow stretch lies, mm.
    pub fn to_middle(&self) -> f64 {
        let length = |side: &[Weighed]| side.iter().map(|seen| seen.weight).sum::<f64>();
        (length(&self.ahead) - length(&self.behind)) / (2.0 * f64::from(PER_MM))
    }
    /// The direction from the centroids behind the middle to those before it, in pairs that count
    /// as much as the lesser of the two.
    pub fn direction(&self) -> DVec3 {
        let pairs = self.behind.iter().zip(&self.ahead).take((FURTHEST_PAIR_MM * PER_MM) as usize);
        let one = |(n, (back, front)): (usize, (&Weighed, &Weighed))| {
            (front.centroid - back.centroid) * ((n + 1) as f64 * back.weight.min(front.weight))
        };
        pairs.enumerate().map(one).sum::<DVec3>().normalize_or(self.line.axis)
    }
}
