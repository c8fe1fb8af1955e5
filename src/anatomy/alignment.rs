//! The angles of the column: coronal curves, kyphosis, lordosis, rotation, pelvic parameters.
//!
//! In: the measured vertebrae, cranial ones first, and the hips where they are known. Out: an
//! [`Alignment`]. All angles are projected as on a film: coronal ones onto the patient's plane of
//! left and top, sagittal ones onto that of back and top. Definitions: `clinical-numbers`, section 6.
//! Each carries the posture it was measured in: lying lordosis is some 13 degrees smaller than
//! standing, so none of these may be put beside a standing target. Pelvic incidence alone is free
//! of posture.

use super::hips::Hips;
use super::{EndPlate, VertebraAnatomy};
use crate::labels::{Level, Posture};
use crate::space::{Dir, Patient, Side};
use serde::Serialize;

/// The angles of a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alignment {
    /// Lying or standing while all but the pelvic incidence was measured.
    pub posture: Posture,
    /// Every coronal curve of 10 degrees and more, the largest first.
    pub curves: Vec<Curve>,
    /// Thoracic kyphosis from T1, T2, T4 and T5 to T12: upper plate to lower plate, positive where
    /// the upper one leans further forward.
    pub kyphosis: Vec<Between>,
    /// Lumbar lordosis from each lumbar level to S1, upper plate to upper plate, positive where the
    /// lower one leans further forward.
    pub lordosis: Vec<Between>,
    /// Lordosis of each segment by itself, upper plate to the next upper plate.
    pub segments: Vec<Between>,
    /// Turn of each vertebra.
    pub rotation: Vec<Rotation>,
    /// Sacral slope: the plate of S1 against the horizontal; `None` without that plate.
    pub sacral_slope_deg: Option<f64>,
    /// Pelvic parameters; `None` without the plate of S1 and both hips.
    pub pelvis: Option<Pelvis>,
}

/// One coronal curve: of all pairs of levels the one whose upper plate of the upper and lower plate
/// of the lower level make the largest angle; the next ones are looked for above and below it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// Upper end vertebra.
    pub upper: Level,
    /// Lower end vertebra.
    pub lower: Level,
    /// Cobb angle.
    pub cobb_deg: f64,
    /// The side to which the curve bulges.
    pub convex: Side,
}

/// An angle between two levels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Between {
    /// The upper level.
    pub upper: Level,
    /// The lower level.
    pub lower: Level,
    /// The angle.
    pub deg: f64,
}

/// Turn of a vertebra about the patient's long axis.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rotation {
    /// The level.
    pub level: Level,
    /// Positive where its front looks to the patient's left.
    pub deg: f64,
}

/// The pelvis seen from the side; each angle is measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pelvis {
    /// From the perpendicular of the S1 plate at its middle to the line from there to the middle
    /// between the hips.
    pub incidence_deg: f64,
    /// From the vertical to the line from the middle between the hips to the middle of the S1 plate,
    /// positive where the plate lies behind.
    pub tilt_deg: f64,
    /// Incidence less lordosis from L1 to S1; `None` where that was not measured.
    pub incidence_less_lordosis_deg: Option<f64>,
}

/// Curves smaller than this are none, degrees.
const LEAST_CURVE_DEG: f64 = 10.0;

/// A level with both of its plates; the sacrum's upper one stands in for its lower one.
#[derive(Clone, Copy)]
struct Plates {
    level: Level,
    upper: EndPlate,
    lower: EndPlate,
}

/// Measures the column. Levels whose plates were not found are left out of what needs them.
pub fn align(
    column: &[(Level, &VertebraAnatomy)],
    hips: Option<&Hips>,
    posture: Posture,
) -> Alignment {
    let plates: Vec<Plates> = column.iter().filter_map(|(level, a)| plates(*level, a)).collect();
    let mut curves = Vec::new();
    find_curves(&plates, &mut curves);
    curves.sort_by(|a, b| b.cobb_deg.total_cmp(&a.cobb_deg));
    let neighbours = |pair: &&[Plates]| {
        let apart_mm = pair[0].upper.centre.distance(pair[1].upper.centre);
        pair[0].level.region() == 'L' && follows(pair[0].level, pair[1].level, apart_mm)
    };
    let lordosis = lordosis(&plates);
    Alignment {
        posture,
        curves,
        kyphosis: [1, 2, 4, 5].into_iter().filter_map(|n| kyphosis(&plates, n)).collect(),
        segments: plates
            .windows(2)
            .filter(neighbours)
            .map(|pair| between_uppers(&pair[0], &pair[1]))
            .collect(),
        rotation: column.iter().filter_map(|(level, a)| rotation(*level, a)).collect(),
        sacral_slope_deg: sacrum(&plates).map(|s1| leans_forward_deg(s1.upper.up)),
        pelvis: hips.and_then(|hips| pelvis(&plates, hips, &lordosis)),
        lordosis,
    }
}

fn plates(level: Level, anatomy: &VertebraAnatomy) -> Option<Plates> {
    let upper = anatomy.upper_plate?;
    let lower = if level == Level::S1 { upper } else { anatomy.lower_plate? };
    Some(Plates { level, upper, lower })
}

/// The last lumbar vertebra stands on the sacrum, whatever it is called, where their upper plates or
/// their pedicles are nearer than this, mm: the tallest body with its disc takes 45 mm.
const MOST_STEP_MM: f64 = 60.0;

/// True when no vertebra lies between two that are so far apart, mm: no level of the usual count does,
/// or the lower one is the sacrum and there is no room for one.
pub fn follows(upper: Level, lower: Level, apart_mm: f64) -> bool {
    let is_last = upper.region() == 'L' && lower == Level::S1 && apart_mm < MOST_STEP_MM;
    is_last || Level::all().filter(|l| *l > upper && *l < lower).all(Level::is_rare)
}

fn sacrum(levels: &[Plates]) -> Option<&Plates> {
    levels.iter().find(|l| l.level == Level::S1)
}

/// How far a plate leans to the left, degrees, seen from the front.
fn leans_left_deg(plate: &EndPlate) -> f64 {
    let up = plate.up.vec();
    up.x.atan2(up.z).to_degrees()
}

/// How far a direction leans forward, degrees, seen from the side.
fn leans_forward_deg(up: Dir<Patient>) -> f64 {
    let up = up.vec();
    (-up.y).atan2(up.z).to_degrees()
}

/// The largest curve among the levels, then those above and below it, which may share its ends.
fn find_curves(levels: &[Plates], found: &mut Vec<Curve>) {
    let pairs = (0..levels.len()).flat_map(|i| (i + 1..levels.len()).map(move |j| (i, j)));
    let turn = |(i, j): (usize, usize)| {
        leans_left_deg(&levels[i].upper) - leans_left_deg(&levels[j].lower)
    };
    let largest = pairs.max_by(|a, b| turn(*a).abs().total_cmp(&turn(*b).abs()));
    let Some((i, j)) = largest.filter(|pair| turn(*pair).abs() >= LEAST_CURVE_DEG) else {
        return;
    };
    let deg = turn((i, j));
    found.push(Curve {
        upper: levels[i].level,
        lower: levels[j].level,
        cobb_deg: deg.abs(),
        // The upper end leans away from the bulge.
        convex: if deg > 0.0 { Side::Right } else { Side::Left },
    });
    if j < levels.len() - 1 || i > 0 {
        find_curves(&levels[..=i], found);
        find_curves(&levels[j..], found);
    }
}

fn kyphosis(levels: &[Plates], from: u8) -> Option<Between> {
    let named = |number: u8| {
        let level = Level::new('T', number)?;
        levels.iter().find(|l| l.level == level)
    };
    let (upper, last) = (named(from)?, named(12)?);
    let deg = leans_forward_deg(upper.upper.up) - leans_forward_deg(last.lower.up);
    Some(Between { upper: upper.level, lower: last.level, deg })
}

fn lordosis(levels: &[Plates]) -> Vec<Between> {
    let Some(sacrum) = sacrum(levels) else { return Vec::new() };
    let lumbar = levels.iter().filter(|l| l.level.region() == 'L');
    lumbar.map(|upper| between_uppers(upper, sacrum)).collect()
}

fn between_uppers(upper: &Plates, lower: &Plates) -> Between {
    let deg = leans_forward_deg(lower.upper.up) - leans_forward_deg(upper.upper.up);
    Between { upper: upper.level, lower: lower.level, deg }
}

/// Only where a canal was read: without it the axes are not the vertebra's own.
fn rotation(level: Level, anatomy: &VertebraAnatomy) -> Option<Rotation> {
    anatomy.canal?;
    let front = -anatomy.patient_from_vertebra.dir(Dir::Y).vec();
    Some(Rotation { level, deg: front.x.atan2(-front.y).to_degrees() })
}

fn pelvis(levels: &[Plates], hips: &Hips, lordosis: &[Between]) -> Option<Pelvis> {
    let plate = sacrum(levels)?.upper;
    let from_side = |d: Dir<Patient>| Dir::<Patient>::new(0.0, d.vec().y, d.vec().z);
    let to_plate = from_side(plate.centre - hips.middle());
    let up = from_side(plate.up);
    let whole = lordosis.iter().find(|b| b.upper == Level::L1);
    let incidence_deg = up.cross(to_plate).vec().x.atan2(up.dot(to_plate)).to_degrees();
    let incidence_deg = -incidence_deg;
    Some(Pelvis {
        incidence_deg,
        tilt_deg: -leans_forward_deg(to_plate),
        incidence_less_lordosis_deg: whole.map(|b| incidence_deg - b.deg),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anatomy::hips::Sphere;
    use crate::space::{Point, Rigid};
    use glam::{DQuat, DVec3};

    /// A vertebra whose plates lean to the left and forward by so many degrees.
    fn vertebra(z: f64, left_deg: f64, forward_deg: f64) -> VertebraAnatomy {
        let (l, f) = (left_deg.to_radians().tan(), forward_deg.to_radians().tan());
        let plate = |z: f64| EndPlate {
            centre: Point::new(0.0, 0.0, z),
            up: Dir::new(l, -f, 1.0).unit().expect("has a length"),
        };
        VertebraAnatomy {
            patient_from_vertebra: Rigid::new(DQuat::from_rotation_z(-0.2), DVec3::Z * z),
            canal_centre: Point::new(0.0, 20.0, z),
            canal: Some(crate::anatomy::CanalSize { width_mm: 20.0, depth_mm: 15.0 }),
            upper_plate: Some(plate(z + 12.0)),
            lower_plate: Some(plate(z - 12.0)),
            body_mm: None,
            pedicles: Vec::new(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_double_curve_is_found_with_its_ends_and_sides() {
        let leans = [0.0, 10.0, 20.0, 5.0, -12.0, -25.0, -10.0, 0.0];
        let all: Vec<_> = (5..=12u8)
            .zip(leans)
            .map(|(n, lean)| {
                (Level::new('T', n).expect("a level"), vertebra(-30.0 * f64::from(n), lean, 0.0))
            })
            .collect();
        let column: Vec<_> = all.iter().map(|(level, a)| (*level, a)).collect();
        let found = align(&column, None, Posture::Supine);
        let named: Vec<_> =
            found.curves.iter().map(|c| (format!("{}-{}", c.upper, c.lower), c.convex)).collect();
        let expected = [("T7-T10", Side::Right), ("T10-T12", Side::Left), ("T5-T7", Side::Left)];
        assert_eq!(named, expected.map(|(name, side)| (name.to_owned(), side)));
        assert!((found.curves[0].cobb_deg - 45.0).abs() < 1e-6);
        // A turn of -0.2 about the top carries the front, -y, towards -x: to the right.
        assert!(
            (found.rotation[0].deg + 0.2_f64.to_degrees()).abs() < 1e-6,
            "{:?}",
            found.rotation
        );
    }

    #[test]
    fn the_last_lumbar_vertebra_stands_on_the_sacrum_whatever_it_is_called() {
        let l4 = "L4".parse().expect("a level");
        let segments = |z: f64| {
            let (above, s1) = (vertebra(z, 0.0, 0.0), vertebra(0.0, 0.0, 20.0));
            let found = align(&[(l4, &above), (Level::S1, &s1)], None, Posture::Supine);
            assert!((found.sacral_slope_deg.expect("S1 is there") - 20.0).abs() < 1e-6);
            assert!(found.pelvis.is_none(), "no hips");
            found.segments
        };
        // Of four lumbar vertebrae the last one, and with L5 out of the labels.
        let next = segments(36.0);
        assert_eq!(next.len(), 1);
        assert_eq!((next[0].upper, next[0].lower), (l4, Level::S1));
        assert!((next[0].deg - 20.0).abs() < 1e-6);
        assert!(segments(72.0).is_empty());
    }

    #[test]
    fn incidence_is_tilt_and_slope_together_though_each_is_measured_for_itself() {
        let (l1, s1) = (vertebra(100.0, 0.0, -15.0), vertebra(0.0, 0.0, 38.0));
        let head = |x: f64| Sphere { centre: Point::new(x, -35.0, -80.0), radius_mm: 24.0 };
        let hips = Hips { heads: [head(90.0), head(-88.0)] };
        let found = align(&[(Level::L1, &l1), (Level::S1, &s1)], Some(&hips), Posture::Supine);
        let pelvis = found.pelvis.expect("plate and hips are there");
        let slope_deg = found.sacral_slope_deg.expect("the plate is there");
        assert!((slope_deg - 38.0).abs() < 1e-6);
        assert!(pelvis.tilt_deg > 15.0, "the plate lies behind the hips: {pelvis:?}");
        assert!((pelvis.incidence_deg - pelvis.tilt_deg - slope_deg).abs() < 1e-6);
        let apart = pelvis.incidence_less_lordosis_deg.expect("L1 is there");
        assert!((apart - (pelvis.incidence_deg - 53.0)).abs() < 1e-6);
    }
}
