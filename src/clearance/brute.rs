//! The rule of [`grade`](super::grade) by brute force: every fifth of a millimetre of a screw's surface is
//! asked for, and finer around the highest places.

use super::entry::bone_depth_mm;
use super::grade::{ENTRY_ZONE_MM, nearest_pedicle};
use super::probe::{Probe, Spot};
use super::wall::{PedicleWalls, WallFrame, is_towards};
use super::{Assessment, ScrewShape, SignedDistance, Wall};
use crate::anatomy::VertebraAnatomy;
use crate::space::{Patient, Point};
use std::cell::RefCell;
use std::f64::consts::TAU;

/// The measures of a screw, by places alone.
#[derive(Debug)]
pub(super) struct Brute {
    /// Largest -distance of the judged surface, mm.
    pub outermost_mm: f64,
    /// Largest way past the wall, 0 without any, mm.
    pub past_mm: f64,
    /// The same of the places that are named medial, cranial and caudal.
    pub told_mm: [f64; 3],
}

/// A place of the judged surface: so far along the side, then on across the tip towards its middle, mm.
struct Way<'a> {
    probe: &'a Probe,
    most_mm: f64,
}

impl Way<'_> {
    fn point(&self, way_mm: f64, angle: f64) -> Point<Patient> {
        let Probe { length_mm, radius_mm, judged_from_mm, .. } = *self.probe;
        let on_side = (length_mm - judged_from_mm).max(0.0);
        let way_mm = way_mm.clamp(0.0, self.most_mm);
        self.probe.point(match way_mm <= on_side && judged_from_mm <= length_mm {
            true => Spot::Side { depth_mm: judged_from_mm + way_mm, angle },
            false => Spot::Tip { radius_mm: radius_mm - (way_mm - on_side), angle },
        })
    }

    /// The largest value; `rough` is off from it by half a millimetre at most.
    fn largest(
        &self,
        rough: impl Fn(Point<Patient>) -> f64,
        value: impl Fn(Point<Patient>) -> f64,
    ) -> f64 {
        const OFF_MM: f64 = 0.5;
        const STEP_MM: f64 = 0.2;
        const TURNS: u32 = 72;
        const STARTS: usize = 6;
        let radius = self.probe.radius_mm;
        let at = |way: f64, angle: f64| (value(self.point(way, angle)), way, angle);
        let ways = (self.most_mm / STEP_MM).ceil() as u32;
        let all = (0..=ways).flat_map(|n| (0..TURNS).map(move |m| (n, m)));
        let all = all.map(|(n, m)| (f64::from(n) * STEP_MM, TAU * f64::from(m) / f64::from(TURNS)));
        let all: Vec<_> =
            all.map(|(way, turn)| (rough(self.point(way, turn)), way, turn)).collect();
        let most = all.iter().map(|a| a.0).fold(f64::NEG_INFINITY, f64::max);
        let near = all.into_iter().filter(|a| a.0 >= most - 2.0 * OFF_MM);
        let mut tops: Vec<_> = near.map(|(_, way, turn)| at(way, turn)).collect();
        tops.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut starts: Vec<(f64, f64, f64)> = Vec::new();
        for top in tops.iter().take(400) {
            let p = self.point(top.1, top.2);
            if starts.len() < STARTS
                && starts.iter().all(|s| self.point(s.1, s.2).distance(p) > 0.6)
            {
                starts.push(*top);
            }
        }
        let refined = starts.into_iter().map(|mut best| {
            for step in [0.03, 0.03, 0.006, 0.006, 0.0015, 0.0015] {
                let (_, way, angle) = best;
                for (n, m) in (-6..=6).flat_map(|n| (-6..=6).map(move |m| (n, m))) {
                    let other = at(way + f64::from(n) * step, angle + f64::from(m) * step / radius);
                    best = if other.0 > best.0 { other } else { best };
                }
            }
            best.0
        });
        refined.fold(f64::NEG_INFINITY, f64::max)
    }
}

impl Brute {
    /// Of a screw with a pedicle.
    pub fn of(
        screw: &ScrewShape,
        bone: &impl SignedDistance,
        anatomy: &VertebraAnatomy,
    ) -> Option<Self> {
        let axis = screw.axis.unit()?;
        let from = bone_depth_mm(bone, screw.entry, axis, screw.length_mm);
        let probe = Probe::new(screw, axis, from.map_or(0.0, |depth| depth + ENTRY_ZONE_MM));
        let most_mm = (probe.length_mm - probe.judged_from_mm).max(0.0) + probe.radius_mm;
        let way = Way { probe: &probe, most_mm };
        let outermost_mm =
            way.largest(|p| -bone.quick_distance_mm(p), |p| -bone.signed_distance_mm(p));
        let pedicle = nearest_pedicle(screw, axis, anatomy)?;
        let frame = WallFrame::of_pedicle(pedicle, anatomy)?;
        let walls = RefCell::new(PedicleWalls::new(bone, frame, pedicle.span_mm));
        let over = |p: Point<Patient>| {
            let over = walls.borrow_mut().overshoot(p)?;
            bone.is_outside(p).then_some(over)
        };
        let past = |p: Point<Patient>| over(p).map_or(0.0, |over| over.mm);
        let past_mm = way.largest(past, past);
        let told = |wall: Wall| {
            let named = |p: Point<Patient>| {
                let is_towards = is_towards(frame.along_and_across(p).1, wall);
                let over =
                    over(p).filter(|over| is_towards && frame.wall_towards(over.outward) == wall);
                over.map_or(0.0, |over| over.mm)
            };
            way.largest(&named, &named)
        };
        let told_mm = [Wall::Medial, Wall::Cranial, Wall::Caudal].map(told);
        Some(Self { outermost_mm, past_mm, told_mm })
    }

    /// How much less is told of the medial, the cranial and the caudal wall, mm; negative for more.
    pub fn told_less_mm(&self, found: &Assessment) -> [f64; 3] {
        let told = [found.medial_breach_mm, found.cranial_breach_mm, found.caudal_breach_mm];
        let walls = [Wall::Medial, Wall::Cranial, Wall::Caudal];
        std::array::from_fn(|n| {
            let worst = if found.breach_wall == Some(walls[n]) { found.breach_mm } else { 0.0 };
            self.told_mm[n].max(worst) - told[n]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::spine::{self, VertebraModel};
    use crate::clearance::{assess, default_screw};
    use crate::implant::Catalogue;
    use crate::phantom::{Phantom, Spec};
    use crate::space::Dir;
    use crate::work::Work;
    use rayon::prelude::*;

    /// Screws as they are put down, moved aside by up to 7 mm, and every third one anywhere about.
    fn screws(vertebra: &VertebraModel, count: usize) -> Vec<ScrewShape> {
        let (anatomy, catalogue) = (&vertebra.anatomy, Catalogue::builtin().unwrap());
        let mut state = 17_u64;
        let mut within = |low: f64, high: f64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_041);
            low + (high - low) * (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let [x, z] = [Dir::X, Dir::Z].map(|d| anatomy.patient_from_vertebra.dir(d));
        let screw = |n: usize| {
            let pedicle = &anatomy.pedicles[n % anatomy.pedicles.len()];
            let put = default_screw(&vertebra.field, pedicle, &catalogue).filter(|_| n % 3 != 2);
            if let Some(put) = put {
                let (mm, turn) = (within(1.0, 7.0), within(0.0, TAU));
                return ScrewShape {
                    entry: put.entry + x * (mm * turn.cos()) + z * (mm * turn.sin()),
                    ..put
                };
            }
            let axis = pedicle.axis + x * within(-0.35, 0.35) + z * within(-0.3, 0.3);
            let axis = axis.unit().unwrap();
            let through = pedicle.isthmus + x * within(-9.0, 9.0) + z * within(-8.0, 8.0);
            let entry = through - axis * within(12.0, 24.0);
            let (length_mm, diameter_mm) = (within(10.0, 75.0), within(3.0, 9.0));
            ScrewShape { entry, axis, length_mm, diameter_mm }
        };
        (0..count).map(screw).collect()
    }

    #[test]
    fn screws_of_the_phantom_are_told_as_by_brute_force() {
        let levels = ["T4", "T8", "L1", "L4", "S1"].map(|name| name.parse().unwrap()).to_vec();
        let phantom = Phantom::new(&Spec { levels, seed: 7, ..Spec::default() }).unwrap();
        let labels = phantom.labels(&phantom.grid(2.0));
        let spine = spine::of_images(None, labels, &Work::silent()).unwrap();
        let cases =
            spine.vertebrae.iter().flat_map(|v| screws(v, 24).into_iter().map(move |s| (v, s)));
        let judged = |(v, screw): (&std::sync::Arc<VertebraModel>, ScrewShape)| {
            let found = assess(&screw, &v.field, &v.anatomy).unwrap();
            let brute = Brute::of(&screw, &v.field, &v.anatomy).unwrap();
            // From ten millimetres on distances are told quickly.
            let clearance =
                (brute.outermost_mm < 9.5).then(|| found.clearance_mm + brute.outermost_mm);
            let off = [clearance.unwrap_or(0.0), brute.past_mm - found.wall_breach_mm];
            assert!(off.iter().all(|mm| mm.abs() < 0.01), "{} {screw:?}: off by {off:?}", v.level);
            (off, brute.told_less_mm(&found))
        };
        let all: Vec<_> = cases.collect::<Vec<_>>().into_par_iter().map(judged).collect();
        assert_eq!(all.len(), 120);
        let off = all.iter().filter(|(off, _)| off.iter().any(|mm| mm.abs() > 0.001)).count();
        let less = all.iter().flat_map(|(_, less)| less).filter(|mm| **mm > 0.001).count();
        println!("of 120 {off} are off by more than a micrometre, of 360 walls {less} told less");
        assert!(off <= 4 && less <= 8, "{off} of 120, {less} of 360");
    }
}
