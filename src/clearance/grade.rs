//! The breach grade of a screw, and the exact rule behind it.
//!
//! In: a [`ScrewShape`], the bone's signed distance, the measured anatomy. Out: an [`Assessment`].
//!
//! The rule, for a screw of outer radius r:
//!
//! 1. The screw is a cylinder of radius r with a flat end, from where its axis enters bone to its
//!    tip. Its surface is the side and the tip's disc. A flat end is the widest a tip can be, so no
//!    real tip reads worse than this one.
//! 2. Bone is the vertebra's declared surface with signed distance d, inside positive.
//! 3. The *entry zone*, the first 3 mm after the axis enters bone, is left out on the side surface:
//!    a seated head would read as a breach otherwise. Of a screw shorter than that the tip's disc
//!    alone is judged. A screw whose axis meets no bone has no entry zone.
//! 4. *Protrusion* is the largest −d over the judged surface, 0 when there is none.
//! 5. *Wall breach*: nearest bone is not the wall that was crossed. In each plane across the
//!    pedicle's axis within the pedicle's span, the pedicle is the bone that can be seen from the
//!    axis: along every ray from the axis the wall is the first way out of bone. A point of the
//!    judged surface that is outside bone lies past the wall by its distance, in that plane, to
//!    the bone so seen. Wall breach is the largest such distance. Bone across a gap (the back of
//!    the body beyond the lateral recess) therefore does not shorten it, and a screw all in bone
//!    has none. Planes in which the axis itself is not in bone are passed over.
//! 6. *Breach* is the larger of the two, and the letter is made from it: A none, B under 2 mm, C 2
//!    to under 4, D 4 to under 6, E 6 and more (Gertzbein-Robbins, modern form). The largest values
//!    are those of the whole surface, not of its samples: the surface is sampled every 0.5 mm in
//!    24 directions and the worst places are then searched between the samples, which equals the
//!    literal sampling (0.25 mm, 24 directions or more) made dense, to 0.01 mm.
//! 7. The direction is that from wall to metal in the pedicle's frame: forward is the pedicle's
//!    axis, lateral leads away from the canal; the largest component names it. Where two walls are
//!    equally near, as often at the worst place, it is the way between theirs. How far it reaches past
//!    the medial, the cranial and the caudal wall is told beside that, since a larger breach elsewhere
//!    would hide it.
//!    Of a screw whose axis meets no bone the direction is that from the isthmus to the axis: it crossed
//!    no wall.
//!
//! The pedicle of a screw is the one whose isthmus is nearest to its axis. Without any, wall breach
//! is 0 and directions are the vertebra's own.

use super::entry::bone_depth_mm;
use super::peaks::Peaks;
use super::probe::{Peak, Probe, Spot};
use super::scan::{Scan, scan};
use super::wall::{PedicleWalls, WallFrame};
use super::{AssessError, Assessment, Grade, ScrewShape, SignedDistance, Wall};
use crate::anatomy::{Pedicle, VertebraAnatomy};
use crate::space::{Dir, Patient, Point};

/// Side surface up to this depth after the axis enters bone is not judged, mm.
pub const ENTRY_ZONE_MM: f64 = 3.0;
/// Lower bounds of the letters B (open), C, D and E, mm.
pub const BREACH_BOUNDS_MM: [f64; 4] = [0.0, 2.0, 4.0, 6.0];

/// The letter for a breach in mm. Zero and less (touching, inside) is A; exactly 2.0 is C. What is
/// no number is E: unknown is never better than the worst.
pub fn grade_from_breach_mm(breach_mm: f64) -> Grade {
    let [b, c, d, e] = BREACH_BOUNDS_MM;
    match breach_mm {
        mm if mm <= b => Grade::A,
        mm if mm < c => Grade::B,
        mm if mm < d => Grade::C,
        mm if mm < e => Grade::D,
        _ => Grade::E,
    }
}

/// Judges a screw in a bone by the rule told at the head of this file. Well under a millisecond.
///
/// A screw wholly inside has breach 0 and letter A; one wholly outside every bone is judged over
/// its full length. Numbers that make no screw are an error.
pub fn assess(
    screw: &ScrewShape,
    bone: &impl SignedDistance,
    anatomy: &VertebraAnatomy,
) -> Result<Assessment, AssessError> {
    assess_with(screw, bone, anatomy, true)
}

/// The same answer without its profile, which is left empty: for many screws, or a bone whose
/// distance takes long.
pub fn assess_without_profile(
    screw: &ScrewShape,
    bone: &impl SignedDistance,
    anatomy: &VertebraAnatomy,
) -> Result<Assessment, AssessError> {
    assess_with(screw, bone, anatomy, false)
}

fn assess_with(
    screw: &ScrewShape,
    bone: &impl SignedDistance,
    anatomy: &VertebraAnatomy,
    has_profile: bool,
) -> Result<Assessment, AssessError> {
    let axis = checked_axis(screw)?;
    let bone_from = bone_depth_mm(bone, screw.entry, axis, screw.length_mm);
    let judged_from_mm = bone_from.map_or(0.0, |depth| depth + ENTRY_ZONE_MM);
    let probe = Probe::new(screw, axis, judged_from_mm);
    let pedicle = nearest_pedicle(screw, axis, anatomy);
    let frame = pedicle
        .and_then(|p| WallFrame::of_pedicle(p, anatomy))
        .or_else(|| WallFrame::of_vertebra(anatomy, screw.entry + axis * (screw.length_mm / 2.0)))
        .ok_or(AssessError::NotFinite("vertebra"))?;
    let may_be_past = |p: Point<Patient>, mm: f64| {
        pedicle.is_some_and(|pedicle| frame.is_beside(p, mm, pedicle.span_mm))
    };
    let Scan { profile, in_air, outermost } = scan(&probe, bone, has_profile, may_be_past)?;
    let outermost = outermost.outermost(&probe, bone).ok_or(AssessError::NoDistance)?;

    let past = pedicle.filter(|_| !in_air.is_empty()).map(|pedicle| {
        let mut walls = PedicleWalls::new(bone, frame, pedicle.span_mm);
        past_walls(&probe, &in_air, bone, &mut walls)
    });
    let PastWalls { worst: wall, told_mm } = past.unwrap_or_default();

    let witness = probe.point(outermost.spot);
    let outward = outward_at(bone, witness).unwrap_or(axis);
    let astray = pedicle.filter(|_| bone_from.is_none());
    let astray = astray.and_then(|pedicle| way_to_axis(pedicle, screw, axis).unit());
    let clearance_mm = -outermost.value;
    let protrusion_mm = outermost.value.max(0.0);
    let wall_breach_mm = wall.map_or(0.0, |(mm, ..)| mm);
    let breach_mm = protrusion_mm.max(wall_breach_mm);
    let (breach_dir, breach_at) = match wall {
        Some((mm, dir, at)) if mm >= protrusion_mm => (dir, at),
        _ => (outward, witness),
    };
    let breach_wall = (breach_mm > 0.0).then(|| frame.wall_towards(astray.unwrap_or(breach_dir)));
    let worst_mm = |wall: Wall| if breach_wall == Some(wall) { breach_mm } else { 0.0 };
    let [medial_mm, cranial_mm, caudal_mm] = told_mm;
    Ok(Assessment {
        clearance_mm,
        protrusion_mm,
        wall_breach_mm,
        breach_mm,
        breach_wall,
        medial_breach_mm: medial_mm.max(worst_mm(Wall::Medial)),
        cranial_breach_mm: cranial_mm.max(worst_mm(Wall::Cranial)),
        caudal_breach_mm: caudal_mm.max(worst_mm(Wall::Caudal)),
        breach_depth_mm: (breach_mm > 0.0).then(|| (breach_at - screw.entry).dot(axis)),
        grade: grade_from_breach_mm(breach_mm),
        meets_bone: bone_from.is_some(),
        witness,
        nearest_wall_dir: if clearance_mm >= 0.0 { outward } else { -outward },
        nearest_wall: frame.wall_towards(astray.unwrap_or(outward)),
        profile,
    })
}

/// The unit axis of a screw whose numbers make sense.
fn checked_axis(screw: &ScrewShape) -> Result<Dir<Patient>, AssessError> {
    if !screw.entry.is_finite() {
        return Err(AssessError::NotFinite("entry"));
    }
    if !screw.axis.is_finite() {
        return Err(AssessError::NotFinite("axis"));
    }
    for (what, mm) in [("length", screw.length_mm), ("diameter", screw.diameter_mm)] {
        if !mm.is_finite() {
            return Err(AssessError::NotFinite(what));
        }
        if mm <= 0.0 {
            return Err(AssessError::NotPositive { what, mm });
        }
    }
    screw.axis.unit().ok_or(AssessError::NoAxis)
}

/// The pedicle whose isthmus is nearest to the screw's axis between entry and tip. `None` where the
/// one of its side is not known: the other one's medial wall is no wall of this screw.
pub fn nearest_pedicle<'a>(
    screw: &ScrewShape,
    axis: Dir<Patient>,
    anatomy: &'a VertebraAnatomy,
) -> Option<&'a Pedicle> {
    let distance = |pedicle: &Pedicle| way_to_axis(pedicle, screw, axis).length();
    let nearest = anatomy.pedicles.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    let place = nearest.isthmus + way_to_axis(nearest, screw, axis);
    let left = anatomy.patient_from_vertebra.dir(Dir::X);
    let [of_pedicle, of_screw] =
        [nearest.isthmus, place].map(|p| (p - anatomy.canal_centre).dot(left));
    // Of two the nearer one is the screw's, wherever in the canal it runs.
    (anatomy.pedicles.len() > 1 || of_pedicle * of_screw >= 0.0).then_some(nearest)
}

/// From a pedicle's isthmus to the nearest place of a screw's axis between entry and tip.
fn way_to_axis(pedicle: &Pedicle, screw: &ScrewShape, axis: Dir<Patient>) -> Dir<Patient> {
    let along = (pedicle.isthmus - screw.entry).dot(axis).clamp(0.0, screw.length_mm);
    screw.entry + axis * along - pedicle.isthmus
}

/// How far the judged surface reaches past the pedicle's wall.
#[derive(Default)]
struct PastWalls {
    /// The largest way, its outward direction and where on the surface it is.
    worst: Option<(f64, Dir<Patient>, Point<Patient>)>,
    /// The largest way over the samples past each of the walls that are [`TOLD`], mm.
    told_mm: [f64; 3],
}

/// The walls that a breach is told past, though it be larger past another one.
const TOLD: [Wall; 3] = [Wall::Medial, Wall::Cranial, Wall::Caudal];

/// Measures how far the samples in air lie past the wall, then searches the largest way between them.
fn past_walls<B: SignedDistance>(
    probe: &Probe,
    in_air: &[Spot],
    bone: &B,
    walls: &mut PedicleWalls<'_, B>,
) -> PastWalls {
    let mut peaks = Peaks::new(probe);
    let (mut largest, mut told_mm) = (0.0_f64, [0.0_f64; 3]);
    for &spot in in_air {
        let p = probe.point(spot);
        let towards = TOLD.map(|wall| walls.is_towards(p, wall));
        // What is the largest past no wall, and can not become so between its samples, need not be
        // measured.
        let low = (largest - peaks.cell_mm).max(0.0);
        let of_walls = told_mm.iter().zip(towards).filter(|(_, is_towards)| *is_towards);
        let floor = of_walls.map(|(mm, _)| *mm).fold(low, f64::min);
        let Some(over) = walls.overshoot_above(p, floor) else { continue };
        if over.mm > low {
            largest = largest.max(over.mm);
            peaks.offer(Peak { spot, value: over.mm });
        }
        let named = walls.names(over.outward);
        for n in (0..TOLD.len()).filter(|n| towards[*n] && TOLD[*n] == named) {
            told_mm[n] = told_mm[n].max(over.mm);
        }
    }
    PastWalls { worst: worst_past_wall(probe, peaks, bone, walls), told_mm }
}

/// The largest way past the pedicle's wall over the judged surface, climbed to from the largest ones
/// of its samples.
fn worst_past_wall<B: SignedDistance>(
    probe: &Probe,
    peaks: Peaks,
    bone: &B,
    walls: &mut PedicleWalls<'_, B>,
) -> Option<(f64, Dir<Patient>, Point<Patient>)> {
    // Where the screw goes back into bone, and where the pedicle ends, the way past the wall jumps.
    let highest = peaks.highest_with_jumps(probe, |p, floor| {
        let over = walls.overshoot_above(p, floor.max(0.0)).filter(|_| bone.is_outside(p));
        over.map_or(0.0, |over| over.mm)
    })?;
    let at = probe.point(highest.spot);
    let over = walls.overshoot(at)?;
    Some((over.mm, over.outward, at))
}

/// The unit direction in which the distance falls fastest: out of the bone. `None` where it is
/// flat, as on a medial axis.
///
/// Far outside it is the way from the nearest wall: beyond a field's grid slopes tell more of where
/// the grid ends than of the bone.
fn outward_at(bone: &impl SignedDistance, p: Point<Patient>) -> Option<Dir<Patient>> {
    const STEP_MM: f64 = 0.2;
    const FAR_MM: f64 = 3.0;
    if bone.quick_distance_mm(p) < -FAR_MM {
        return (p - bone.quick_nearest_wall(p).1).unit();
    }
    let slope = |d: Dir<Patient>| {
        let step = d * STEP_MM;
        bone.quick_distance_mm(p - step) - bone.quick_distance_mm(p + step)
    };
    Dir::new(slope(Dir::X), slope(Dir::Y), slope(Dir::Z)).unit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clearance::Field;
    use crate::surface::Surface;
    use crate::volume::{Grid, Volume};
    use crate::work::Work;
    use glam::{DQuat, DVec3};
    use rayon::prelude::*;
    use std::f64::consts::TAU;

    #[test]
    fn the_letters_are_half_open() {
        let below = |mm: f64| f64::from_bits(mm.to_bits() - 1);
        assert_eq!(grade_from_breach_mm(-3.0), Grade::A);
        assert_eq!(grade_from_breach_mm(0.0), Grade::A);
        assert_eq!(grade_from_breach_mm(1e-9), Grade::B);
        assert_eq!(grade_from_breach_mm(below(2.0)), Grade::B);
        assert_eq!(grade_from_breach_mm(2.0), Grade::C);
        assert_eq!(grade_from_breach_mm(below(4.0)), Grade::C);
        assert_eq!(grade_from_breach_mm(4.0), Grade::D);
        assert_eq!(grade_from_breach_mm(below(6.0)), Grade::D);
        assert_eq!(grade_from_breach_mm(6.0), Grade::E);
        assert_eq!(grade_from_breach_mm(f64::INFINITY), Grade::E);
        assert_eq!(grade_from_breach_mm(f64::NAN), Grade::E);
    }

    /// A body, two oblique pedicles, a lamina, and a bump on one of them; smooth where they meet.
    fn shape(p: DVec3) -> f64 {
        let join = |a: f64, b: f64| a.max(b) + 0.4 * (-((a - b) / 1.2).powi(2)).exp();
        let block = |centre: DVec3, half: DVec3| {
            let q = (p - centre).abs() - half;
            -(q.max_element().min(0.0) + q.max(DVec3::ZERO).length())
        };
        let pedicle = |side: f64, radius: f64| {
            let middle = side * (13.0 + 0.15 * p.y);
            (radius - (p.x - middle).hypot(p.z - 0.05 * p.y)).min(18.0 - p.y.abs())
        };
        let body = block(DVec3::new(0.0, -24.0, 0.0), DVec3::new(21.0, 15.0, 12.0));
        let lamina = block(DVec3::new(1.0, 15.0, 2.0), DVec3::new(19.0, 4.0, 8.0));
        let bump = 2.2 - (p - DVec3::new(16.5, 2.0, 2.0)).length();
        [body, lamina, pedicle(1.0, 4.4), pedicle(-1.0, 3.6), bump].into_iter().fold(-99.0, join)
    }

    fn field() -> Field {
        let grid = Grid::along_axes(Point::new(-27.0, -44.0, -18.0), 0.6, [91, 118, 61]);
        let volume = Volume::from_fn(grid.clone(), |n| shape(grid.centre(n).vec()) as f32);
        Field::new(&Surface::from_field(volume).unwrap(), &Work::silent()).unwrap()
    }

    fn anatomy() -> VertebraAnatomy {
        let pedicle = |side: crate::space::Side| Pedicle {
            side,
            isthmus: Point::new(13.0 * side.sign(), 0.0, 0.0),
            axis: Dir::new(-0.15 * side.sign(), -1.0, -0.05).unit().unwrap(),
            width_mm: 8.0,
            height_mm: 8.0,
            least_mm: 8.0,
            chord_mm: 50.0,
            transverse_deg: 8.0,
            sagittal_deg: 0.0,
            span_mm: [-6.0, 6.0],
        };
        VertebraAnatomy {
            patient_from_vertebra: crate::space::Rigid::new(DQuat::IDENTITY, DVec3::Y * -24.0),
            canal_centre: Point::new(0.0, 1.0, 0.0),
            canal: None,
            upper_plate: None,
            lower_plate: None,
            body_mm: None,
            pedicles: crate::space::Side::BOTH.map(pedicle).to_vec(),
            warnings: Vec::new(),
        }
    }

    /// The largest value over the judged surface by samples alone: near and nearer around the highest of
    /// those that no sample beside them exceeds.
    fn by_samples(probe: &Probe, screw: &ScrewShape, value: impl Fn(Point<Patient>) -> f64) -> f64 {
        let radius = screw.diameter_mm / 2.0;
        // Along the side, then on across the tip towards its middle.
        let most = screw.length_mm - ENTRY_ZONE_MM + radius;
        let spot = |way: f64, turn: f64| match way.clamp(0.0, most) + ENTRY_ZONE_MM {
            depth_mm if depth_mm <= screw.length_mm => Spot::Side { depth_mm, angle: turn },
            past => Spot::Tip { radius_mm: radius + screw.length_mm - past, angle: turn },
        };
        let at = |way: f64, turn: f64| value(probe.point(spot(way, turn)));
        let (ways, turns) = ((most / 0.1) as i32, 100);
        let place =
            |(n, m): (i32, i32)| (f64::from(n) * 0.1, TAU * f64::from(m) / f64::from(turns));
        let all = || (0..=ways).flat_map(|n| (0..turns).map(move |m| (n, m)));
        let values: Vec<f64> = all().map(place).map(|(way, turn)| at(way, turn)).collect();
        let value_at =
            |(n, m): (i32, i32)| values[(n.clamp(0, ways) * turns + m.rem_euclid(turns)) as usize];
        let is_crest = |(n, m): &(i32, i32)| {
            let beside = (-1..=1).flat_map(|a| (-1..=1).map(move |b| (n + a, m + b)));
            beside.map(value_at).all(|value| value <= value_at((*n, *m)))
        };
        let mut crests: Vec<(i32, i32)> = all().filter(is_crest).collect();
        crests.sort_by(|a, b| value_at(*b).total_cmp(&value_at(*a)));
        let better = |a: (f64, f64, f64), b: (f64, f64, f64)| if b.0 > a.0 { b } else { a };
        let valued = |(way, turn): (f64, f64)| (at(way, turn), way, turn);
        let mut highest = f64::NEG_INFINITY;
        for crest in crests.into_iter().take(8) {
            let mut best = valued(place(crest));
            for step in [0.03, 0.006, 0.0015] {
                loop {
                    let around =
                        (-6..=6).flat_map(|n| (-6..=6).map(move |m| (f64::from(n), f64::from(m))));
                    let (value, way, turn) = best;
                    let near =
                        around.map(|(n, m)| valued((way + n * step, turn + m * step / radius)));
                    best = near.fold(best, better);
                    if best.0 <= value {
                        break;
                    }
                }
            }
            highest = highest.max(best.0);
        }
        highest
    }

    #[test]
    fn skipping_what_can_not_be_worst_leaves_every_number_as_it_is() {
        let (bone, anatomy) = (field(), anatomy());
        let mut state = 5_u64;
        let mut within = |low: f64, high: f64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_041);
            low + (high - low) * (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let mut screws = Vec::new();
        for n in 0..80 {
            let side = if n % 2 == 0 { 1.0 } else { -1.0 };
            // A third of them run down the middle of the pedicle.
            let off = if n % 3 == 0 { 0.15 } else { 1.0 };
            let [x, z] = [-0.15 * side + off * within(-0.25, 0.25), off * within(-0.2, 0.2)];
            let axis = Dir::new(x, -1.0, z).unit().unwrap();
            let shift = [(); 2].map(|()| off * within(-3.5, 3.5));
            let through = Point::new(side * 13.0 + shift[0], 0.0, shift[1]);
            let Some(entry) = super::super::entry_on_axis(&bone, through, axis) else { continue };
            let (length_mm, diameter_mm) = (within(20.0, 50.0), within(3.0, 6.5));
            let screw = ScrewShape { entry, axis, length_mm, diameter_mm };
            screws.push((n, screw));
        }
        // Whether it is breached, and more so past the wall; sampling takes long.
        let judged = |(n, screw): (i32, ScrewShape)| {
            let axis = screw.axis;
            let found = assess(&screw, &bone, &anatomy).unwrap();
            let bare = assess_without_profile(&screw, &bone, &anatomy).unwrap();
            assert_eq!(bare.grade, found.grade);
            let off = [bare.clearance_mm - found.clearance_mm, bare.breach_mm - found.breach_mm];
            assert!(off.into_iter().all(|mm| mm.abs() < 0.003), "{n}: without its profile {off:?}");
            let probe = Probe::new(&screw, axis, ENTRY_ZONE_MM);
            let outermost = by_samples(&probe, &screw, |p| -bone.signed_distance_mm(p));
            let told = (found.clearance_mm + outermost).abs();
            assert!(told < 0.003, "{n}: {} and {}", found.clearance_mm, -outermost);
            let pedicle = nearest_pedicle(&screw, axis, &anatomy).unwrap();
            let frame = WallFrame::of_pedicle(pedicle, &anatomy).unwrap();
            let walls = std::cell::RefCell::new(PedicleWalls::new(&bone, frame, pedicle.span_mm));
            let past = by_samples(&probe, &screw, |p| {
                let over = || walls.borrow_mut().overshoot(p).map_or(0.0, |over| over.mm);
                if bone.signed_distance_mm(p) < 0.0 { over() } else { 0.0 }
            });
            let told = (found.wall_breach_mm - past).abs();
            assert!(told < 0.005, "{n}: past the wall {} and {past}", found.wall_breach_mm);
            [found.breach_mm > 0.0, past > found.protrusion_mm + 0.05].map(usize::from)
        };
        let add = |a: [usize; 2], b: [usize; 2]| [a[0] + b[0], a[1] + b[1]];
        let [breached, past_wall] = screws.into_par_iter().map(judged).reduce(|| [0; 2], add);
        assert!((12..68).contains(&breached) && past_wall > 2, "{breached} {past_wall}");
    }

    /// A field of which nothing is asked but distances and the way to the wall, each in full.
    struct Plain<'a>(&'a Field);

    impl SignedDistance for Plain<'_> {
        fn signed_distance_mm(&self, p: Point<Patient>) -> f64 {
            self.0.signed_distance_mm(p)
        }
        fn quick_distance_mm(&self, p: Point<Patient>) -> f64 {
            self.0.quick_distance_mm(p)
        }
        fn nearest_wall(&self, p: Point<Patient>) -> (f64, Point<Patient>) {
            self.0.nearest_wall(p)
        }
        fn quick_nearest_wall(&self, p: Point<Patient>) -> (f64, Point<Patient>) {
            self.0.quick_nearest_wall(p)
        }
        fn reach_mm(&self, from: Point<Patient>, dir: Dir<Patient>) -> f64 {
            self.0.reach_mm(from, dir)
        }
    }

    /// Clearance, wall breach, and the samples' way past the medial, cranial and caudal wall: all air is
    /// sampled, and every sample measured in full for each of them.
    fn plainly(screw: &ScrewShape, bone: &Plain<'_>, anatomy: &VertebraAnatomy) -> [f64; 5] {
        let axis = screw.axis;
        let bone_from = bone_depth_mm(bone, screw.entry, axis, screw.length_mm);
        let probe = Probe::new(screw, axis, bone_from.map_or(0.0, |depth| depth + ENTRY_ZONE_MM));
        let Scan { in_air, outermost, .. } = scan(&probe, bone, true, |_, _| true).unwrap();
        let pedicle = nearest_pedicle(screw, axis, anatomy).unwrap();
        let frame = WallFrame::of_pedicle(pedicle, anatomy).unwrap();
        // Walls of their own for each question: nothing is known from the last one.
        let walls = || PedicleWalls::new(bone, frame, pedicle.span_mm);
        let mut known = walls();
        let over = |p: Point<Patient>| known.overshoot(p);
        let overs: Vec<_> = in_air.iter().map(|spot| probe.point(*spot)).map(over).collect();
        let past = |wall: Wall| {
            let named = in_air.iter().zip(&overs).filter_map(|(spot, over)| {
                let over = over.filter(|over| frame.wall_towards(over.outward) == wall)?;
                known.is_towards(probe.point(*spot), wall).then_some(over.mm)
            });
            named.fold(0.0, f64::max)
        };
        let [medial, cranial, caudal] = [Wall::Medial, Wall::Cranial, Wall::Caudal].map(past);
        let mut peaks = Peaks::new(&probe);
        for (spot, over) in in_air.iter().zip(&overs) {
            over.iter().for_each(|over| peaks.offer(Peak { spot: *spot, value: over.mm }));
        }
        let mut known = walls();
        let worst = peaks.highest_with_jumps(&probe, |p, _| {
            let over = known.overshoot(p).filter(|_| bone.signed_distance_mm(p) < 0.0);
            over.map_or(0.0, |over| over.mm)
        });
        let worst = worst.and_then(|at| walls().overshoot(probe.point(at.spot)));
        let clearance = -outermost.outermost(&probe, bone).unwrap().value;
        [clearance, worst.map_or(0.0, |over| over.mm), medial, cranial, caudal]
    }

    #[test]
    fn a_breach_is_the_same_as_by_measuring_every_sample_in_full() {
        let (bone, anatomy) = (field(), anatomy());
        let mut state = 11_u64;
        let mut within = |low: f64, high: f64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_041);
            low + (high - low) * (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let mut screws = Vec::new();
        for n in 0..300 {
            let side = if n % 2 == 0 { 1.0 } else { -1.0 };
            let off = [within(-8.0, 8.0), within(-7.0, 7.0)];
            let tilt = [within(-0.3, 0.3), within(-0.3, 0.3)];
            let axis = Dir::new(tilt[0] - 0.15 * side, -1.0, tilt[1]).unit().unwrap();
            let entry = Point::new(side * 13.0 + off[0], 19.0, off[1]) - axis * within(-2.0, 4.0);
            let (length_mm, diameter_mm) = (within(10.0, 75.0), within(3.0, 9.0));
            screws.push((n, ScrewShape { entry, axis, length_mm, diameter_mm }));
        }
        let judged = |(n, screw): (i32, ScrewShape)| {
            let found = assess(&screw, &bone, &anatomy).unwrap();
            let [clearance, past, told @ ..] = plainly(&screw, &Plain(&bone), &anatomy);
            let same = |what: &str, got: f64, wanted: f64| {
                assert!((got - wanted).abs() < 1e-6, "{n}, {what}: {got}, plainly {wanted}");
            };
            same("clearance", found.clearance_mm, clearance);
            same("wall breach", found.wall_breach_mm, past);
            let worst = [Wall::Medial, Wall::Cranial, Wall::Caudal]
                .map(|wall| if found.breach_wall == Some(wall) { found.breach_mm } else { 0.0 });
            same("medial", found.medial_breach_mm, told[0].max(worst[0]));
            same("cranial", found.cranial_breach_mm, told[1].max(worst[1]));
            same("caudal", found.caudal_breach_mm, told[2].max(worst[2]));
            (found.breach_wall, found.wall_breach_mm > found.protrusion_mm, clearance < -6.5)
        };
        let all: Vec<_> = screws.into_par_iter().map(judged).collect();
        for wall in [Wall::Medial, Wall::Lateral, Wall::Cranial, Wall::Caudal, Wall::Anterior] {
            let count = all.iter().filter(|(named, ..)| *named == Some(wall)).count();
            assert!(count > 5, "{wall}: {count}");
        }
        let [past_wall, far_out] =
            [all.iter().filter(|a| a.1).count(), all.iter().filter(|a| a.2).count()];
        assert!(past_wall > 30 && far_out > 5, "{past_wall} {far_out}");
    }
}
