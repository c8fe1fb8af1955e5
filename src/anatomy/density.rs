//! Bone density as a measured number: HU of a body, of a pedicle, along a path.
//!
//! In: the CT in HU and the measured anatomy. Out: means with how they were taken, and flags, each
//! with its rule and source. A density is never called a strength. Where the CT does not hold true
//! HU (values cut off below bone) that is said in place of a number that looks like one, and where a
//! pedicle is so narrow that its cortex would be taken for the bone inside, that too.

use super::{Pedicle, VertebraAnatomy};
use crate::labels::Level;
use crate::space::{Affine, Dir, Patient, Point, Voxel};
use crate::volume::Volume;
use glam::DVec3;
use serde::Serialize;
use std::f64::consts::TAU;
use std::fmt;

/// The mean over a region.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Density {
    /// Mean.
    pub mean_hu: f64,
    /// Standard deviation between samples.
    pub sd_hu: f64,
    /// How many mm³ were looked at.
    pub volume_mm3: f64,
    /// True where many samples share one lowest value: the CT was cut off there, and the mean is too
    /// high or too low by an unknown amount.
    pub is_clipped: bool,
}

/// Why no density is told of a pedicle or of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untold {
    /// Under its cortex too little bone is left that the CT shows apart from it.
    TooNarrow,
    /// It reaches out of the CT.
    OutsideCt,
}

impl fmt::Display for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooNarrow => "too narrow to measure",
            Self::OutsideCt => "outside the CT",
        })
    }
}

/// A rule of the literature that a number falls under.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Flag {
    /// What the rule says.
    pub rule: &'static str,
    /// Where it is from.
    pub source: &'static str,
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.rule, self.source)
    }
}

/// What is measured: which rules may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// The cancellous bone of a body.
    Body,
    /// The bone along a screw's path.
    Path,
}

struct Rule {
    region: Region,
    levels: &'static [Level],
    limit: Limit,
    flag: Flag,
}

/// Which values a rule speaks of, HU: where its source counts the limit itself in, or does not.
#[derive(Clone, Copy)]
enum Limit {
    AtOrUnder(f64),
    Under(f64),
}

impl Limit {
    fn holds(self, hu: f64) -> bool {
        match self {
            Self::AtOrUnder(limit) => hu <= limit,
            Self::Under(limit) => hu < limit,
        }
    }
}

const LUMBAR: [Level; 5] = [Level::L1, Level::L2, Level::L3, Level::L4, Level::L5];

/// The rules, `clinical-numbers`, section 4.
const RULES: [Rule; 6] = [
    Rule {
        region: Region::Body,
        levels: &[Level::L1],
        limit: Limit::AtOrUnder(160.0),
        flag: Flag {
            rule: "L1 at or under 160 HU: osteoporosis not excluded (90 % sensitive)",
            source: "Pickhardt 2013",
        },
    },
    Rule {
        region: Region::Body,
        levels: &[Level::L1],
        limit: Limit::AtOrUnder(110.0),
        flag: Flag {
            rule: "L1 at or under 110 HU: osteoporosis likely (over 90 % specific)",
            source: "Pickhardt 2013",
        },
    },
    Rule {
        region: Region::Body,
        levels: &[Level::L1],
        limit: Limit::Under(117.0),
        flag: Flag {
            rule: "L1 under 117 HU: screws loosened or cages sank 4.1 times as often",
            source: "s41598-023-28555-7",
        },
    },
    Rule {
        region: Region::Body,
        levels: &LUMBAR,
        limit: Limit::Under(141.0),
        flag: Flag {
            rule: "L1 to L5 under 141 HU, automatic regions: low density",
            source: "Sankar 2026, quoted",
        },
    },
    Rule {
        region: Region::Body,
        levels: &LUMBAR,
        limit: Limit::Under(132.0),
        flag: Flag {
            rule: "L1 to L5 under 132 HU, automatic regions: osteoporosis",
            source: "Sankar 2026, quoted",
        },
    },
    Rule {
        region: Region::Path,
        levels: &LUMBAR,
        limit: Limit::Under(123.0),
        flag: Flag {
            rule: "path under about 123 HU: screws loosened more often",
            source: "Yamamoto 2025, Dhar 2026, quoted",
        },
    },
];

/// The rules that a measured mean falls under; none for a CT that was cut off.
pub fn flags(level: Level, region: Region, density: &Density) -> Vec<Flag> {
    let holds = |rule: &&Rule| {
        rule.region == region
            && rule.levels.contains(&level)
            && rule.limit.holds(density.mean_hu)
            && !density.is_clipped
    };
    RULES.iter().filter(holds).map(|rule| rule.flag).collect()
}

/// Share of samples with the lowest value at which a CT counts as cut off, where that value lies so
/// far under the mean: in noise no value of bone is so common.
const CLIPPED_SHARE: f64 = 0.08;
const CLIPPED_UNDER_HU: f64 = 50.0;
/// Distance of samples, mm.
const STEP_MM: f64 = 1.0;
/// Kept from the end plates, mm: plate and the calcified cartilage on it.
const FROM_PLATE_MM: f64 = 4.0;
/// Part of the body's half width and half depth that is looked at: its cortex is left out.
const BODY_PART: f64 = 0.65;
/// Part of the pedicle's half width and half height.
const PEDICLE_PART: f64 = 0.5;
/// Cortex of a pedicle's walls, mm.
const CORTEX_MM: f64 = 1.4;
/// Standard deviation of a scanner's own blur, mm: that of the kernels for bone is about 0.3.
const SCANNER_SIGMA_MM: f64 = 0.4;
/// An edge shows in the CT up to this many standard deviations of all its blur away: of the 700 HU
/// between cortex and marrow 16 are left there.
const BLUR_SIGMAS: f64 = 2.0;
/// Less cancellous bone than this tells no density, mm³: fewer than about 50 samples.
const LEAST_MARROW_MM3: f64 = 50.0;
/// From the middle of the body of S1, down, mm: its lower end has no plate.
const S1_DOWN_MM: f64 = 10.0;

/// Density of the body's cancellous bone: an elliptic column between the end plates, 0.65 of the
/// body's width and depth, 4 mm kept from the plates. `None` without plates or outside the CT.
pub fn of_body(ct: &Volume<i16>, level: Level, anatomy: &VertebraAnatomy) -> Option<Density> {
    let frame = anatomy.patient_from_vertebra;
    let local = frame.inverse();
    let plane =
        |plate: &super::EndPlate| (local.point(plate.centre).vec(), local.dir(plate.up).vec());
    let upper = plane(anatomy.upper_plate.as_ref()?);
    let lower = anatomy.lower_plate.as_ref().map(plane);
    let [width, depth] = anatomy.body_mm?.map(|mm| 0.5 * mm * BODY_PART);
    let is_in = |p: DVec3| {
        let under = (p - upper.0).dot(upper.1) < -FROM_PLATE_MM;
        let over = match lower {
            Some((centre, up)) => (p - centre).dot(up) > FROM_PLATE_MM,
            None => level == Level::S1 && p.z > -S1_DOWN_MM,
        };
        under && over && (p.x / width).powi(2) + (p.y / depth).powi(2) <= 1.0
    };
    let reach = DVec3::new(width, depth, 25.0).map(|mm| (mm / STEP_MM).ceil()).as_ivec3();
    let ct = Reader::of(ct);
    let mut samples = Vec::new();
    for k in -reach.z..=reach.z {
        for j in -reach.y..=reach.y {
            for i in -reach.x..=reach.x {
                let p = DVec3::new(f64::from(i), f64::from(j), f64::from(k)) * STEP_MM;
                if is_in(p) {
                    samples.push(ct.hu(frame.point(Point::from_vec(p)))?);
                }
            }
        }
    }
    summed_up(&samples, STEP_MM.powi(3))
}

/// Density of one pedicle's cancellous bone, over its span: an elliptic tube of half its width and
/// height, and of that only what lies deeper under the surface than cortex and blur reach. `depth_mm`
/// tells how deep a place lies in the bone, mm. A pedicle of S1 closes no ring: such a tube would
/// hold the wall of the canal and the roof of the foramen.
pub fn of_pedicle(
    ct: &Volume<i16>,
    pedicle: &Pedicle,
    up: Dir<Patient>,
    depth_mm: impl Fn(Point<Patient>) -> f64,
) -> Result<Density, Untold> {
    let axis = pedicle.axis;
    let v = (up - axis * up.dot(axis)).unit().unwrap_or_else(|| axis.any_perpendicular());
    let u = axis.cross(v);
    let [wide, tall] = [pedicle.width_mm, pedicle.height_mm].map(|mm| 0.5 * mm * PEDICLE_PART);
    let [first, last] = pedicle.span_mm.map(|mm| (mm / STEP_MM) as i32);
    let across = |t: i32| {
        let middle = pedicle.isthmus + axis * (f64::from(t) * STEP_MM);
        disc().map(|[a, b]| middle + u * (a * wide) + v * (b * tall))
    };
    let places: Vec<Point<Patient>> = (first..=last).flat_map(across).collect();
    let least_mm = marrow_from_mm(ct, u);
    let deep = places.iter().filter(|p| depth_mm(**p) >= least_mm);
    let reader = Reader::of(ct);
    let samples: Option<Vec<Sample>> = deep.map(|p| reader.hu(*p)).collect();
    let length = f64::from(last - first + 1) * STEP_MM;
    let each_mm3 = length * TAU / 2.0 * wide * tall / places.len().max(1) as f64;
    let told = summed_up(&samples.ok_or(Untold::OutsideCt)?, each_mm3);
    told.filter(|density| density.volume_mm3 >= LEAST_MARROW_MM3).ok_or(Untold::TooNarrow)
}

/// How deep under the surface a CT begins to show cancellous bone alone, mm, where the nearest walls
/// lie along the unit vector `across`: its voxels may be much longer one way than another.
fn marrow_from_mm(ct: &Volume<i16>, across: Dir<Patient>) -> f64 {
    let steps = ct.grid().patient_from_voxel().map().matrix3;
    let voxel_mm = (steps.transpose() * across.vec()).length();
    // A voxel's own averaging has a variance of a twelfth of its square, reading between voxels adds
    // a sixth in the mean.
    let sigma_mm = SCANNER_SIGMA_MM.hypot(0.5 * voxel_mm);
    CORTEX_MM + BLUR_SIGMAS * sigma_mm
}

/// Mean HU of the disc across the path at every millimetre from `from` to `to`, `radius_mm` around
/// it: (mm from the start, HU). Places outside the CT are left out.
pub fn along(
    ct: &Volume<i16>,
    from: Point<Patient>,
    to: Point<Patient>,
    radius_mm: f64,
) -> Vec<[f64; 2]> {
    let length = from.distance(to);
    let Some(axis) = (to - from).unit() else { return Vec::new() };
    let u = axis.any_perpendicular();
    let v = axis.cross(u);
    let ct = Reader::of(ct);
    let at = |n: usize| {
        let mm = n as f64 * STEP_MM;
        let middle = from + axis * mm;
        let around = disc().map(|[a, b]| ct.hu(middle + u * (a * radius_mm) + v * (b * radius_mm)));
        let values: Option<Vec<Sample>> = around.into_iter().collect();
        let values = values?;
        Some([mm, values.iter().map(|s| s.hu).sum::<f64>() / values.len() as f64])
    };
    (0..=(length / STEP_MM) as usize).filter_map(at).collect()
}

/// The whole path as one density: every sample of [`along`] in one mean.
pub fn of_path(
    ct: &Volume<i16>,
    from: Point<Patient>,
    to: Point<Patient>,
    radius_mm: f64,
) -> Option<Density> {
    let axis = (to - from).unit()?;
    let u = axis.any_perpendicular();
    let v = axis.cross(u);
    let steps = (from.distance(to) / STEP_MM) as usize;
    let ct = Reader::of(ct);
    let mut samples = Vec::new();
    for n in 0..=steps {
        let middle = from + axis * (n as f64 * STEP_MM);
        for [a, b] in disc() {
            samples.push(ct.hu(middle + u * (a * radius_mm) + v * (b * radius_mm))?);
        }
    }
    let volume = from.distance(to) * TAU / 2.0 * radius_mm * radius_mm;
    summed_up(&samples, volume / samples.len().max(1) as f64)
}

/// Places on the unit disc, each standing for an equal area.
fn disc() -> [[f64; 2]; 19] {
    std::array::from_fn(|n| {
        let (ring, index, count) = match n {
            0 => (0.0, 0, 1),
            1..=6 => (0.5, n - 1, 6),
            _ => (0.85, n - 7, 12),
        };
        let (sin, cos) = (TAU * index as f64 / f64::from(count)).sin_cos();
        [ring * cos, ring * sin]
    })
}

#[derive(Clone, Copy)]
struct Sample {
    hu: f64,
    /// Of the nearest voxel: between voxels a cut-off value does not show.
    nearest: i16,
}

/// A CT that is read at many places.
struct Reader<'a> {
    ct: &'a Volume<i16>,
    voxel_from_patient: Affine<Voxel, Patient>,
}

impl<'a> Reader<'a> {
    fn of(ct: &'a Volume<i16>) -> Self {
        Self { ct, voxel_from_patient: ct.grid().voxel_from_patient() }
    }
    /// `None` outside the CT.
    fn hu(&self, p: Point<Patient>) -> Option<Sample> {
        let at = self.voxel_from_patient.point(p);
        Some(Sample { hu: self.ct.trilinear_voxel(at)?, nearest: self.ct.nearest_voxel(at)? })
    }
}

fn summed_up(samples: &[Sample], each_mm3: f64) -> Option<Density> {
    let count = samples.len() as f64;
    let lowest = samples.iter().map(|s| s.nearest).min()?;
    let mean_hu = samples.iter().map(|s| s.hu).sum::<f64>() / count;
    let square = samples.iter().map(|s| (s.hu - mean_hu).powi(2)).sum::<f64>() / count;
    let at_lowest = samples.iter().filter(|s| s.nearest == lowest).count() as f64;
    Some(Density {
        mean_hu,
        sd_hu: square.sqrt(),
        volume_mm3: count * each_mm3,
        is_clipped: at_lowest > CLIPPED_SHARE * count
            && mean_hu - f64::from(lowest) > CLIPPED_UNDER_HU,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::Grid;

    /// HU rise by 10 a millimetre to the left, from 100 at the midline.
    fn ramp(cut_below: i16) -> Volume<i16> {
        let grid = Grid::along_axes(Point::new(-20.0, -20.0, -20.0), 1.0, [41; 3]);
        Volume::from_fn(grid, |[i, _, _]| {
            let hu = 100 + 10 * (i as i16 - 20);
            if hu < cut_below { 0 } else { hu }
        })
    }

    #[test]
    fn a_path_through_a_ramp_reads_the_ramp() {
        let (from, to) = (Point::new(-5.0, 1.0, 2.0), Point::new(10.0, 1.0, 2.0));
        let profile = along(&ramp(i16::MIN), from, to, 2.0);
        assert_eq!(profile.len(), 16);
        for [mm, hu] in profile {
            assert!((hu - (50.0 + 10.0 * mm)).abs() < 1e-6, "{hu} at {mm}");
        }
        let whole = of_path(&ramp(i16::MIN), from, to, 2.0).expect("inside the CT");
        assert!((whole.mean_hu - 125.0).abs() < 1e-6 && !whole.is_clipped);
        assert!(along(&ramp(i16::MIN), to, Point::new(40.0, 1.0, 2.0), 1.0).len() < 12);
    }

    #[test]
    fn a_ct_that_was_cut_off_is_said_to_be_and_flags_nothing() {
        let (from, to) = (Point::new(-10.0, 0.0, 0.0), Point::new(6.0, 0.0, 0.0));
        let cut = of_path(&ramp(80), from, to, 1.0).expect("inside the CT");
        assert!(cut.is_clipped);
        assert!(flags(Level::L1, Region::Path, &cut).is_empty());
    }

    #[test]
    fn a_rule_holds_at_its_own_limit_only_where_it_says_so() {
        for rule in &RULES {
            let (Limit::AtOrUnder(limit) | Limit::Under(limit)) = rule.limit;
            let said = rule.flag.rule;
            assert!(said.contains("under ") && said.contains(&format!("{limit:.0} HU")), "{said}");
            let is_flagged = |mean_hu: f64| {
                let density = Density { mean_hu, sd_hu: 20.0, volume_mm3: 9e3, is_clipped: false };
                flags(rule.levels[0], rule.region, &density).contains(&rule.flag)
            };
            assert_eq!(is_flagged(limit), said.contains("at or under"), "{said}");
            assert!(is_flagged(limit - 0.1) && !is_flagged(limit + 0.1), "{said}");
        }
    }

    #[test]
    fn every_flag_names_its_source_and_only_low_values_get_one() {
        let of =
            |mean_hu: f64| Density { mean_hu, sd_hu: 20.0, volume_mm3: 9e3, is_clipped: false };
        let low = flags(Level::L1, Region::Body, &of(112.0));
        let sources: Vec<_> = low.iter().map(|f| f.source).collect();
        assert_eq!(low.len(), 4, "{sources:?}");
        assert!(flags(Level::L1, Region::Body, &of(210.0)).is_empty());
        assert_eq!(flags(Level::L3, Region::Body, &of(135.0)).len(), 1);
        assert!(low.iter().all(|f| !f.source.is_empty() && !f.rule.contains("strength")));
    }
}
