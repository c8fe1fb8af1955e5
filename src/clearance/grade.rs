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
//!    are those of the whole surface, not of its samples: samples in 24 directions, 0.5 mm apart, tell
//!    where the worst places may be; those are then searched between the samples, which equals the
//!    literal sampling (0.25 mm, 24 directions or more) made dense, to 0.01 mm.
//! 7. The direction is that from wall to metal in the pedicle's frame: forward is the pedicle's
//!    axis, lateral leads away from the canal; the largest component names it. Where two walls are
//!    equally near, as often at the worst place, it is the way between theirs. How far it reaches past
//!    the medial, the cranial and the caudal wall is told beside that, since a larger breach elsewhere
//!    would hide it: each is searched by itself, its border with the next wall too.
//!    Of a screw whose axis meets no bone the direction is that from the isthmus to the axis: it crossed
//!    no wall.
//!
//! The pedicle of a screw is the one whose isthmus is nearest to its axis. Without any, wall breach
//! is 0 and directions are the vertebra's own.

use super::entry::bone_depth_mm;
use super::past::{PastWalls, past_walls};
use super::probe::Probe;
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
    let Scan { profile, outermost } = scan(&probe, bone, has_profile)?;
    let outermost = outermost.outermost(&probe, bone).ok_or(AssessError::NoDistance)?;

    let past = pedicle.filter(|_| outermost.value > 0.0).map(|pedicle| {
        let mut walls = PedicleWalls::new(bone, frame, pedicle.span_mm);
        past_walls(&probe, bone, &mut walls, outermost.spot)
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
    use crate::clearance::brute::Brute;
    use crate::surface::Surface;
    use crate::volume::{Grid, Volume};
    use crate::work::Work;
    use glam::{DQuat, DVec3};
    use rayon::prelude::*;

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

    #[test]
    fn a_screw_through_a_pedicle_is_that_of_brute_force() {
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
            let found = assess(&screw, &bone, &anatomy).unwrap();
            let bare = assess_without_profile(&screw, &bone, &anatomy).unwrap();
            assert_eq!(bare.grade, found.grade);
            let off = [bare.clearance_mm - found.clearance_mm, bare.breach_mm - found.breach_mm];
            assert!(off.into_iter().all(|mm| mm.abs() < 0.003), "{n}: without its profile {off:?}");
            let brute = Brute::of(&screw, &bone, &anatomy).unwrap();
            let told = (found.clearance_mm + brute.outermost_mm).abs();
            assert!(told < 0.003, "{n}: {} and {}", found.clearance_mm, -brute.outermost_mm);
            let past = brute.past_mm;
            let told = (found.wall_breach_mm - past).abs();
            assert!(told < 0.005, "{n}: past the wall {} and {past}", found.wall_breach_mm);
            [found.breach_mm > 0.0, past > found.protrusion_mm + 0.05].map(usize::from)
        };
        let add = |a: [usize; 2], b: [usize; 2]| [a[0] + b[0], a[1] + b[1]];
        let [breached, past_wall] = screws.into_par_iter().map(judged).reduce(|| [0; 2], add);
        assert!((12..68).contains(&breached) && past_wall > 2, "{breached} {past_wall}");
    }

    #[test]
    fn a_breach_is_that_of_brute_force() {
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
            let bare = assess_without_profile(&screw, &bone, &anatomy).unwrap();
            let brute = Brute::of(&screw, &bone, &anatomy).unwrap();
            for (what, got) in [("told", &found), ("without its profile", &bare)] {
                // Distances of ten millimetres and more are told quickly.
                let most = if brute.outermost_mm < 9.5 { 0.004 } else { 0.2 };
                let off = got.clearance_mm + brute.outermost_mm;
                assert!(off.abs() < most, "{n}, {what}: {} off by {off}", got.clearance_mm);
                let off = got.wall_breach_mm - brute.past_mm;
                // Places that are past it farther may be missed by brute force as well.
                assert!((-0.005..0.01).contains(&off), "{n}, {what}: past the wall off by {off}");
                let there = bone.signed_distance_mm(got.witness);
                assert!((there - got.clearance_mm).abs() < 1e-4, "{n}, {what}: {there} there");
            }
            let breach = brute.outermost_mm.max(brute.past_mm).max(0.0);
            let is_sure = BREACH_BOUNDS_MM.iter().all(|bound| (breach - bound).abs() > 0.01);
            assert!(!is_sure || found.grade == grade_from_breach_mm(breach), "{n}: {breach}");
            let less = brute.told_less_mm(&found).into_iter().filter(|mm| *mm > 0.005).count();
            (
                found.breach_wall,
                found.wall_breach_mm > found.protrusion_mm,
                found.clearance_mm < -6.5,
                less,
            )
        };
        let all: Vec<_> = screws.into_par_iter().map(judged).collect();
        for wall in [Wall::Medial, Wall::Lateral, Wall::Cranial, Wall::Caudal, Wall::Anterior] {
            let count = all.iter().filter(|(named, ..)| *named == Some(wall)).count();
            assert!(count > 5, "{wall}: {count}");
        }
        let [past_wall, far_out] =
            [all.iter().filter(|a| a.1).count(), all.iter().filter(|a| a.2).count()];
        assert!(past_wall > 30 && far_out > 5, "{past_wall} {far_out}");
        let less: usize = all.iter().map(|a| a.3).sum();
        assert!(less < 10, "{less} of 900 are told less than they are");
    }
}
