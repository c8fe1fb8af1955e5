//! The same screw in the words of other authors, each scheme named.
//!
//! In: an [`Assessment`] and what lies around the screw. Out: [`Schemes`]. Definitions are those of
//! clinical-numbers, section 1; where a scheme asks for what no image tells, that is said.

use super::grade::nearest_pedicle;
use super::wall::WallFrame;
use super::{Around, Assessment, Grade, ScrewShape, SignedDistance, Wall};
use crate::anatomy::{Pedicle, VertebraAnatomy};
use crate::labels::Level;
use crate::space::{Dir, Patient};
use serde::Serialize;
use std::fmt;

/// Zdichavsky 2004: where more than half of the screw's diameter runs, in pedicle and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Zdichavsky {
    /// At least half in the pedicle, at least half in the body.
    Ia,
    /// More than half lateral of the pedicle, at least half in the body.
    Ib,
    /// At least half in the pedicle, more than half lateral of the body.
    IIa,
    /// At least half in the pedicle, the tip across the midline of the body.
    IIb,
    /// More than half lateral of pedicle and body.
    IIIa,
    /// More than half medial of the pedicle.
    IIIb,
}

impl fmt::Display for Zdichavsky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// One screw in every scheme.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Schemes {
    /// Gertzbein-Robbins, modern form.
    pub gertzbein_robbins: Grade,
    /// Gertzbein 1990: medial alone, T8 to S1; 0 none, 1 under 2 mm, 2 from 2 to 4, 3 over 4. `None`
    /// where the pedicle, whose medial wall it asks for, is not known.
    pub gertzbein_1990: Option<u8>,
    /// Rao 2002: 0 none, 1 under 2 mm, 2 from 2 to 4, 3 over 4.
    pub rao: u8,
    /// Neo 2005: the same bounds; 1 is under half of the screw.
    pub neo: u8,
    /// Heary 2004: 1 none; 2 lateral with the tip in the body; 3 the tip out in front or at the
    /// side; 4 medial or caudal. Grade 5, revision at once, is a clinical word and never said here.
    pub heary: u8,
    /// Zdichavsky 2004; `None` where the pedicle is not known.
    pub zdichavsky: Option<Zdichavsky>,
    /// Laine 2000: 0 in the pedicle, 1 up to 2 mm, 2 up to 4, 3 up to 6, 4 over 6.
    pub laine: u8,
    /// Babu 2012 for the facet above: 0 not in it, 1 touching it, 2 entering the joint, 3 running
    /// inside it. Contact is a head nearer than 1 mm to the level above, as open code has it.
    pub babu: Option<u8>,
}

/// A head nearer than this to the level above touches its facet, mm.
const CONTACT_MM: f64 = 1.0;
/// An axis that runs in the bone above for more than this runs inside the joint, mm.
const INSIDE_JOINT_MM: f64 = 3.0;

/// Names one screw in every scheme.
pub fn schemes(
    screw: &ScrewShape,
    bone: &impl SignedDistance,
    anatomy: &VertebraAnatomy,
    level: Level,
    found: &Assessment,
    around: &Around,
) -> Schemes {
    let bounds = three_bounds(found.breach_mm);
    let pedicle = screw.axis.unit().and_then(|axis| nearest_pedicle(screw, axis, anatomy));
    Schemes {
        gertzbein_robbins: found.grade,
        gertzbein_1990: pedicle
            .filter(|_| is_t8_to_s1(level))
            .map(|_| three_bounds(found.medial_breach_mm)),
        rao: bounds,
        neo: bounds,
        heary: heary(screw, found),
        zdichavsky: pedicle.and_then(|pedicle| zdichavsky(screw, bone, anatomy, pedicle)),
        laine: laine(found.breach_mm),
        babu: babu(around),
    }
}

/// 0 none, 1 under 2 mm, 2 from 2 to 4, 3 over 4; unknown is the worst.
fn three_bounds(mm: f64) -> u8 {
    match mm {
        mm if mm <= 0.0 => 0,
        mm if mm < 2.0 => 1,
        mm if mm <= 4.0 => 2,
        _ => 3,
    }
}

/// Bounds closed above, as printed: "<= 2", "2 to 4", "4 to 6", "> 6"; unknown is the worst.
fn laine(mm: f64) -> u8 {
    match mm {
        mm if mm <= 0.0 => 0,
        mm if mm <= 2.0 => 1,
        mm if mm <= 4.0 => 2,
        mm if mm <= 6.0 => 3,
        _ => 4,
    }
}

fn is_t8_to_s1(level: Level) -> bool {
    !(level.region() == 'C' || level.region() == 'T' && level.number() < 8)
}

fn heary(screw: &ScrewShape, found: &Assessment) -> u8 {
    /// So near to the tip a breach is one of the tip, mm.
    const TIP_MM: f64 = 5.0;
    let is_tip_out = found.profile.last().is_some_and(|tip| tip.clearance_mm < 0.0);
    let at_tip = found.breach_depth_mm.is_some_and(|depth| depth > screw.length_mm - TIP_MM);
    match found.breach_wall {
        _ if found.medial_breach_mm.max(found.caudal_breach_mm) > 0.0 => 4,
        None => 1,
        Some(Wall::Medial | Wall::Caudal) => 4,
        Some(Wall::Anterior) => 3,
        Some(Wall::Lateral) if at_tip || is_tip_out => 3,
        Some(Wall::Lateral | Wall::Cranial | Wall::Posterior) => 2,
    }
}

fn babu(around: &Around) -> Option<u8> {
    let (shaft, head) = (around.above_mm?, around.head_above_mm?);
    Some(match () {
        () if around.run_in_above_mm? > INSIDE_JOINT_MM => 3,
        () if shaft < 0.0 => 2,
        () if head < CONTACT_MM => 1,
        () => 0,
    })
}

/// By the axis: where it is out of bone, more than half of the screw is.
fn zdichavsky(
    screw: &ScrewShape,
    bone: &impl SignedDistance,
    anatomy: &VertebraAnatomy,
    pedicle: &Pedicle,
) -> Option<Zdichavsky> {
    const STEP_MM: f64 = 0.5;
    let axis = screw.axis.unit()?;
    let frame = WallFrame::of_pedicle(pedicle, anatomy)?;
    let [_, lateral, ..] = frame.outward();
    let (mut out_of_pedicle, mut out_of_body) = (None::<bool>, false);
    let steps = (screw.length_mm / STEP_MM) as usize;
    let mut n = 0;
    while n <= steps {
        let p = screw.entry + axis * (n as f64 * STEP_MM);
        let along = (p - pedicle.isthmus).dot(pedicle.axis);
        let distance = bone.quick_distance_mm(p);
        // A distance changes by no more than the way: so far on nothing is outside either.
        n += ((distance / STEP_MM).min(1e3) as usize).max(1);
        if along < pedicle.span_mm[0] || distance >= 0.0 {
            continue;
        }
        let is_lateral = (p - pedicle.isthmus).dot(lateral) > 0.0;
        if along <= pedicle.span_mm[1] {
            out_of_pedicle = Some(out_of_pedicle.unwrap_or(true) && is_lateral);
        } else {
            let outward = p - bone.quick_nearest_wall(p).1;
            out_of_body |= is_lateral && frame.wall_towards(outward) != Wall::Anterior;
        }
    }
    let tip = screw.entry + axis * screw.length_mm;
    let is_across = is_across(tip - anatomy.patient_from_vertebra.origin(), lateral, anatomy);
    Some(match (out_of_pedicle, out_of_body) {
        (Some(false), _) => Zdichavsky::IIIb,
        (Some(true), true) => Zdichavsky::IIIa,
        (Some(true), false) => Zdichavsky::Ib,
        (None, true) => Zdichavsky::IIa,
        (None, false) if is_across => Zdichavsky::IIb,
        (None, false) => Zdichavsky::Ia,
    })
}

/// True past the vertebra's plane of symmetry, seen from the side that `lateral` leads to.
fn is_across(from_middle: Dir<Patient>, lateral: Dir<Patient>, anatomy: &VertebraAnatomy) -> bool {
    let left = anatomy.patient_from_vertebra.dir(Dir::X);
    from_middle.dot(left) * lateral.dot(left).signum() < 0.0
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::anatomy::Pedicle;
    use crate::space::{Point, Rigid, Side};
    use glam::{DQuat, DVec3};

    #[test]
    fn bounds_are_those_of_the_authors() {
        assert_eq!([0.0, 0.1, 1.99, 2.0, 4.0, 4.01].map(three_bounds), [0, 1, 1, 2, 2, 3]);
        assert_eq!([0.0, 0.1, 2.0, 2.01, 4.0, 6.0, 6.1].map(laine), [0, 1, 1, 2, 2, 3, 4]);
        assert_eq!((three_bounds(f64::NAN), laine(f64::NAN)), (3, 4));
        let level = |text: &str| text.parse::<Level>().expect("a level");
        let covered = ["C7", "T7", "T8", "L6", "S1"].map(|text| is_t8_to_s1(level(text)));
        assert_eq!(covered, [false, false, true, true, true]);
    }

    /// A left pedicle of 8 mm between a body 40 mm wide, from 5 to 35 mm ahead, and the arch behind.
    pub fn bone(p: Point<Patient>) -> f64 {
        let p = p.vec();
        let body = (-5.0 - p.y).min(p.y + 35.0).min(20.0 - p.x.abs()).min(14.0 - p.z.abs());
        let pedicle = (4.0 - (p.x - 12.0).hypot(p.z)).min(p.y + 20.0).min(20.0 - p.y);
        let mass = (p.y - 8.0).min(20.0 - p.y).min(16.0 - (p.x - 12.0).abs()).min(9.0 - p.z.abs());
        body.max(pedicle).max(mass)
    }

    pub fn anatomy() -> VertebraAnatomy {
        let pedicle = Pedicle {
            side: Side::Left,
            isthmus: Point::new(12.0, 1.0, 0.0),
            axis: -Dir::Y,
            width_mm: 8.0,
            height_mm: 8.0,
            least_mm: 8.0,
            chord_mm: 40.0,
            transverse_deg: 0.0,
            sagittal_deg: 0.0,
            span_mm: [-6.0, 6.0],
        };
        VertebraAnatomy {
            patient_from_vertebra: Rigid::new(DQuat::IDENTITY, DVec3::new(0.0, -20.0, 0.0)),
            canal_centre: Point::new(0.0, 5.0, 0.0),
            canal: None,
            upper_plate: None,
            lower_plate: None,
            body_mm: None,
            pedicles: vec![pedicle],
            warnings: Vec::new(),
        }
    }

    /// A screw from the arch, `x` mm left of the midline, to a point 45 mm ahead of that at `to_x`.
    fn from_to(x: f64, to_x: f64) -> ScrewShape {
        let way = Dir::new(to_x - x, -45.0, 0.0);
        let entry = Point::new(x, 19.0, 0.0);
        ScrewShape { entry, axis: way, length_mm: way.length(), diameter_mm: 5.0 }
    }

    #[test]
    fn zdichavskys_classes_follow_the_axis_through_pedicle_and_body() {
        let of = |screw: &ScrewShape| {
            let anatomy = anatomy();
            zdichavsky(screw, &bone, &anatomy, &anatomy.pedicles[0]).expect("its pedicle is known")
        };
        let class = |x, to_x| of(&from_to(x, to_x));
        assert_eq!(class(12.0, 12.0), Zdichavsky::Ia);
        assert_eq!(class(17.5, 17.5), Zdichavsky::Ib);
        assert_eq!(class(9.0, 21.0), Zdichavsky::IIa);
        assert_eq!(class(18.7, -0.6), Zdichavsky::IIb);
        assert_eq!(class(22.0, 22.0), Zdichavsky::IIIa);
        assert_eq!(class(6.0, 6.0), Zdichavsky::IIIb);
        let through = ScrewShape { length_mm: 58.0, ..from_to(12.0, 12.0) };
        assert_eq!(of(&through), Zdichavsky::Ia, "out in front alone");
        // A breach of less than half of the screw is none: the axis stays in the pedicle.
        assert_eq!(class(15.5, 15.5), Zdichavsky::Ia);
    }

    #[test]
    fn hearys_grades_follow_wall_and_place_of_the_breach() {
        let grade = |x, to_x| {
            let screw = from_to(x, to_x);
            let found = super::super::assess(&screw, &bone, &anatomy()).expect("a sound screw");
            heary(&screw, &found)
        };
        assert_eq!(grade(12.0, 12.0), 1);
        assert_eq!(grade(15.0, 15.0), 2, "lateral, the tip in the body");
        assert_eq!(grade(9.0, 21.0), 3, "the tip out at the side of the body");
        assert_eq!(grade(17.9, 19.5), 3, "further out at the pedicle, the tip out all the same");
        assert_eq!(grade(8.5, 8.5), 4, "medial");
        let through = ScrewShape { length_mm: 58.0, ..from_to(12.0, 12.0) };
        let found = super::super::assess(&through, &bone, &anatomy()).expect("a sound screw");
        assert_eq!(heary(&through, &found), 3, "out in front");
        let low = ScrewShape { entry: Point::new(12.0, 19.0, -3.0), ..from_to(12.0, 12.0) };
        let found = super::super::assess(&low, &bone, &anatomy()).expect("a sound screw");
        assert_eq!(heary(&low, &found), 4, "caudal: {found:?}");
        let high = ScrewShape { entry: Point::new(12.0, 19.0, 3.0), ..from_to(12.0, 12.0) };
        let found = super::super::assess(&high, &bone, &anatomy()).expect("a sound screw");
        assert_eq!(heary(&high, &found), 2, "cranial: {found:?}");
    }

    #[test]
    fn a_screw_whose_own_pedicle_is_not_known_is_not_judged_by_the_other_one() {
        let (anatomy, level) = (anatomy(), "L3".parse().expect("a level"));
        let told = |x, to_x| {
            let screw = from_to(x, to_x);
            let found = super::super::assess(&screw, &bone, &anatomy).expect("a sound screw");
            let schemes = schemes(&screw, &bone, &anatomy, level, &found, &Around::default());
            (found, schemes)
        };
        // On the right, out of the side of the body: lateral there.
        let (found, named) = told(-10.0, -22.0);
        assert_eq!(found.breach_wall, Some(Wall::Lateral), "{found:?}");
        assert_eq!((found.wall_breach_mm, found.medial_breach_mm), (0.0, 0.0));
        assert!(found.protrusion_mm > 2.0, "{found:?}");
        assert_eq!((named.zdichavsky, named.gertzbein_1990), (None, None));
        let (_, named) = told(12.0, 12.0);
        assert_eq!((named.zdichavsky, named.gertzbein_1990), (Some(Zdichavsky::Ia), Some(0)));
    }

    #[test]
    fn the_facet_grade_follows_head_shaft_and_axis() {
        let around = |head, shaft, run| Around {
            head_above_mm: Some(head),
            above_mm: Some(shaft),
            run_in_above_mm: Some(run),
            ..Around::default()
        };
        let grade = |head, shaft, run| babu(&around(head, shaft, run));
        assert_eq!(grade(2.0, 3.0, 0.0), Some(0));
        assert_eq!(grade(0.9, 3.0, 0.0), Some(1));
        assert_eq!(grade(-1.0, -0.1, 1.0), Some(2));
        assert_eq!(grade(-1.0, -4.0, 3.5), Some(3));
        assert_eq!(babu(&Around::default()), None);
    }
}
