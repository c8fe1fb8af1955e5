//! The grade of a screw on shapes whose distances are known in closed form.

use crate::clearance_shapes::*;
use corridor::clearance::{
    AssessError, Assessment, Grade, ScrewShape, SignedDistance, Wall, assess, grade_from_breach_mm,
    medial_room,
};
use corridor::space::{Dir, Patient, Point, Side};
use glam::{DQuat, DVec3, EulerRot};
use proptest::prelude::*;
use std::f64::consts::TAU;

fn judge(screw: ScrewShape) -> Assessment {
    assess(&screw, &vertebra(), &anatomy(DQuat::IDENTITY)).unwrap()
}

#[track_caller]
fn near(got: f64, wanted: f64) {
    assert!((got - wanted).abs() < 0.01, "got {got}, wanted {wanted}");
}

#[test]
fn a_screw_in_the_middle_of_its_pedicle_is_an_a_with_the_gap_to_the_wall() {
    let left = judge(screw(Side::Left, 0.0, 0.0, 45.0, 6.0));
    assert_eq!(left.grade, Grade::A);
    assert_eq!(left.breach_wall, None);
    assert_eq!((left.protrusion_mm, left.wall_breach_mm, left.breach_mm), (0.0, 0.0, 0.0));
    near(left.clearance_mm, LEFT_RADIUS - 3.0);
    let right = judge(screw(Side::Right, 0.0, 0.0, 45.0, 6.0));
    near(right.clearance_mm, RIGHT_RADIUS - 3.0);
    assert_eq!(left.profile[0].depth_mm, 0.0);
    assert_eq!(left.profile.last().unwrap().depth_mm, 45.0);
    assert!(left.profile.windows(2).all(|w| w[1].depth_mm - w[0].depth_mm <= 0.5 + 1e-9));
    let deepest = left.profile.iter().filter(|p| p.depth_mm >= 3.0).map(|p| p.clearance_mm);
    near(deepest.fold(f64::INFINITY, f64::min), left.clearance_mm);
}

#[test]
fn the_entry_zone_is_left_out_and_the_rest_is_not() {
    // The first 3 mm stand in a narrow neck: free metal there is no breach, a millimetre on it is.
    let bone = |neck_mm: f64| {
        move |p: Point<Patient>| {
            let p = p.vec();
            let radius = if p.y < neck_mm { 1.0 } else { 5.0 };
            (radius - p.x.hypot(p.z)).min(p.y)
        }
    };
    let along_y =
        ScrewShape { entry: Point::ORIGIN, axis: Dir::Y, length_mm: 30.0, diameter_mm: 6.0 };
    let anatomy = no_pedicle();
    assert_eq!(assess(&along_y, &bone(2.9), &anatomy).unwrap().grade, Grade::A);
    let late = assess(&along_y, &bone(4.0), &anatomy).unwrap();
    assert_eq!(late.grade, Grade::C);
    near(late.breach_mm, 2.0);
}

#[test]
fn a_stated_entry_in_the_air_behind_the_bone_changes_nothing() {
    let seated = screw(Side::Left, 0.0, 0.0, 45.0, 6.0);
    let floating = ScrewShape {
        entry: seated.entry - seated.axis * 8.0,
        length_mm: seated.length_mm + 8.0,
        ..seated
    };
    let (a, b) = (judge(seated), judge(floating));
    assert_eq!(a.grade, b.grade);
    near(a.clearance_mm, b.clearance_mm);
    // An entry in the canal is no such case: the lamina lies behind it.
    let in_canal = ScrewShape {
        entry: Point::new(0.0, 8.0, 0.0),
        axis: -Dir::Y,
        length_mm: 30.0,
        diameter_mm: 5.0,
    };
    let canal = judge(in_canal);
    assert!(canal.grade > Grade::A, "{canal:?}");
}

#[test]
fn medial_is_towards_the_canal_on_both_sides() {
    for side in Side::BOTH {
        let radius = if side == Side::Left { LEFT_RADIUS } else { RIGHT_RADIUS };
        let reach = |shift: f64| shift + 3.0 - radius;
        let medial = judge(screw(side, -3.0 * side.sign(), 0.0, 45.0, 6.0));
        near(medial.wall_breach_mm, reach(3.0));
        assert_eq!(medial.breach_wall, Some(Wall::Medial), "{side}");
        let lateral = judge(screw(side, 2.5 * side.sign(), 0.0, 45.0, 6.0));
        near(lateral.wall_breach_mm, reach(2.5));
        assert_eq!(lateral.breach_wall, Some(Wall::Lateral), "{side}");
        let cranial = judge(screw(side, 0.0, 4.0, 45.0, 6.0));
        assert_eq!(cranial.breach_wall, Some(Wall::Cranial), "{side}");
        let caudal = judge(screw(side, 0.0, -4.0, 45.0, 6.0));
        near(caudal.wall_breach_mm, reach(4.0));
        assert_eq!(caudal.breach_wall, Some(Wall::Caudal), "{side}");
    }
}

#[test]
fn a_medial_breach_is_told_beside_a_larger_lateral_one() {
    let thick = |shift: f64| judge(screw(Side::Right, -shift, 0.0, 45.0, 2.0 * RIGHT_RADIUS + 1.0));
    let both = thick(0.3);
    near(both.breach_mm, 0.8);
    assert_eq!(both.breach_wall, Some(Wall::Lateral));
    // Straight towards the canal 0.2 mm, and half-way round to above or below, where the wall is still
    // called medial, just under 0.3.
    assert!((0.18..0.3).contains(&both.medial_breach_mm), "{}", both.medial_breach_mm);
    // Not straight towards the canal any more, but half-way round by 0.06 mm, too narrow for samples.
    let barely = thick(0.6);
    assert_eq!(barely.breach_wall, Some(Wall::Lateral));
    assert!((0.03..0.08).contains(&barely.medial_breach_mm), "{}", barely.medial_breach_mm);
    let lateral = thick(0.8);
    assert_eq!((lateral.breach_wall, lateral.medial_breach_mm), (Some(Wall::Lateral), 0.0));
    let medial = thick(-0.3);
    assert_eq!(medial.breach_wall, Some(Wall::Medial));
    near(medial.medial_breach_mm, 0.8);
}

#[test]
fn a_caudal_and_a_cranial_breach_are_told_beside_a_larger_lateral_one() {
    let thick =
        |shift: f64, up: f64| judge(screw(Side::Right, -shift, up, 45.0, 2.0 * RIGHT_RADIUS));
    let [low, high] = [-0.3, 0.3].map(|up| thick(0.8, up));
    for found in [&low, &high] {
        assert_eq!(found.breach_wall, Some(Wall::Lateral), "{found:?}");
        assert_eq!(found.medial_breach_mm, 0.0, "{found:?}");
    }
    assert!(low.caudal_breach_mm > 0.2 && low.cranial_breach_mm < low.caudal_breach_mm, "{low:?}");
    assert!(
        high.cranial_breach_mm > 0.2 && high.caudal_breach_mm < high.cranial_breach_mm,
        "{high:?}"
    );
}

#[test]
fn the_room_before_the_medial_wall_is_told_though_another_wall_is_nearer() {
    for side in Side::BOTH {
        let radius = if side == Side::Left { LEFT_RADIUS } else { RIGHT_RADIUS };
        let room = |lateral: f64| {
            let shape = screw(side, lateral * side.sign(), 0.0, 45.0, 2.0 * radius - 1.0);
            medial_room(&shape, &vertebra(), &anatomy(DQuat::IDENTITY)).unwrap()
        };
        // Straight towards the canal where it is moved that way; else no further round than half-way to
        // above, from where on another wall is the nearest.
        near(room(-0.4).mm, 0.1);
        let (aside, up) = ((radius - 0.5) / 2_f64.sqrt() - 0.4, (radius - 0.5) / 2_f64.sqrt());
        let [half_way, straight] = [radius - aside.hypot(up), 0.9];
        assert!((half_way..straight).contains(&room(0.4).mm), "{}", room(0.4).mm);
        assert_eq!(room(0.4).lateral.vec().x.signum(), side.sign());
        assert!(room(-0.7).mm < 0.0);
    }
}

#[test]
fn the_sides_are_not_the_same_and_not_exchanged() {
    let left = judge(screw(Side::Left, -2.0, 0.0, 45.0, 5.0));
    let right = judge(screw(Side::Right, 2.0, 0.0, 45.0, 5.0));
    assert_eq!(left.grade, Grade::A);
    assert_eq!(right.grade, Grade::B);
    near(right.breach_mm, 1.0);
}

#[test]
fn nearest_bone_is_not_the_wall_that_was_crossed() {
    // 5 mm past the medial wall, in a recess 4 mm deep between the back of the body and the bone
    // behind it: nowhere is the screw further than 2 mm from bone.
    let mut bone = vertebra();
    bone.pieces
        .push(Piece::Box { centre: DVec3::new(0.0, 7.0, 0.0), half: DVec3::new(18.0, 11.0, 8.0) });
    let mut anatomy = anatomy(DQuat::IDENTITY);
    anatomy.pedicles[0].span_mm = [4.2, 7.8];
    let medial = screw(Side::Left, -(5.0 + LEFT_RADIUS - 2.0), 0.0, 45.0, 4.0);
    let judged = assess(&medial, &bone, &anatomy).unwrap();
    near(judged.protrusion_mm, 2.0);
    near(judged.wall_breach_mm, 5.0);
    assert_eq!(judged.grade, Grade::D);
    assert_eq!(judged.breach_wall, Some(Wall::Medial));
}

#[test]
fn a_tip_through_the_front_is_an_anterior_breach_by_its_depth() {
    // From y = 18 to the front of the body at y = -40: 58 mm.
    for (length, breach, grade) in
        [(57.0, 0.0, Grade::A), (59.5, 1.5, Grade::B), (61.0, 3.0, Grade::C)]
    {
        let judged = judge(screw(Side::Left, 0.0, 0.0, length, 6.0));
        assert_eq!(judged.grade, grade, "{length}");
        near(judged.breach_mm, breach);
        assert_eq!(judged.breach_wall, (breach > 0.0).then_some(Wall::Anterior));
        assert_eq!(judged.nearest_wall, Wall::Anterior);
    }
    let out = judge(screw(Side::Left, 0.0, 0.0, 61.0, 6.0));
    assert!(out.nearest_wall_dir.dot(Dir::Y) > 0.99, "outside it points back into bone");
    let inside = judge(screw(Side::Left, 0.0, 0.0, 57.5, 6.0));
    assert!(inside.nearest_wall_dir.dot(Dir::Y) < -0.99, "inside it points out of bone");
    near(inside.witness.vec().y, -39.5);
}

#[test]
fn a_screw_outside_every_bone_is_an_e_over_its_full_length() {
    let far = ScrewShape {
        entry: Point::new(80.0, 20.0, 0.0),
        axis: -Dir::Y,
        length_mm: 40.0,
        diameter_mm: 6.0,
    };
    let judged = judge(far);
    assert_eq!(judged.grade, Grade::E);
    assert!(judged.clearance_mm < -20.0);
    assert_eq!(judged.breach_wall, Some(Wall::Lateral));
    near(judged.wall_breach_mm, 80.0 + 3.0 - PEDICLE_X - LEFT_RADIUS);
}

#[test]
fn a_screw_that_is_none_is_refused_and_named() {
    let good = screw(Side::Left, 0.0, 0.0, 45.0, 6.0);
    let fails =
        |screw: ScrewShape| assess(&screw, &vertebra(), &anatomy(DQuat::IDENTITY)).unwrap_err();
    let zero = fails(ScrewShape { length_mm: 0.0, ..good });
    assert_eq!(zero, AssessError::NotPositive { what: "length", mm: 0.0 });
    let negative = fails(ScrewShape { diameter_mm: -1.0, ..good });
    assert_eq!(negative, AssessError::NotPositive { what: "diameter", mm: -1.0 });
    assert_eq!(
        fails(ScrewShape { diameter_mm: f64::NAN, ..good }),
        AssessError::NotFinite("diameter")
    );
    assert_eq!(
        fails(ScrewShape { entry: Point::new(f64::NAN, 0.0, 0.0), ..good }),
        AssessError::NotFinite("entry")
    );
    assert_eq!(fails(ScrewShape { axis: Dir::new(0.0, 0.0, 0.0), ..good }), AssessError::NoAxis);
    let nowhere = |_: Point<Patient>| f64::NAN;
    let blind = assess(&good, &nowhere, &anatomy(DQuat::IDENTITY)).unwrap_err();
    assert_eq!(blind, AssessError::NoDistance);
    assert!(zero.to_string().contains("length is 0 mm"));
}

fn no_pedicle() -> corridor::anatomy::VertebraAnatomy {
    let mut anatomy = anatomy(DQuat::IDENTITY);
    anatomy.pedicles.clear();
    anatomy
}

#[test]
fn without_a_pedicle_the_vertebra_gives_the_directions() {
    for side in Side::BOTH {
        let medial = screw(side, -4.0 * side.sign(), 0.0, 24.0, 6.0);
        let judged = assess(&medial, &vertebra(), &no_pedicle()).unwrap();
        assert_eq!(judged.wall_breach_mm, 0.0);
        assert!(judged.protrusion_mm > 1.0);
        assert_eq!(judged.breach_wall, Some(Wall::Medial), "{side}");
    }
}

#[test]
fn turning_bone_and_screw_together_changes_no_number() {
    let turn = DQuat::from_euler(EulerRot::XYZ, 0.5, -0.4, 2.1);
    let straight = judge(screw(Side::Right, 1.7, 0.6, 47.0, 5.5));
    let bone = Bone { turn, ..vertebra() };
    let tilted = turned(screw(Side::Right, 1.7, 0.6, 47.0, 5.5), turn);
    let judged = assess(&tilted, &bone, &anatomy(turn)).unwrap();
    near(judged.breach_mm, straight.breach_mm);
    near(judged.clearance_mm, straight.clearance_mm);
    assert_eq!(judged.breach_wall, straight.breach_wall);
}

/// The rule, read literally and slowly: samples every 0.02 mm in 360
/// directions, outlines of 720 rays.
/// Returns protrusion (or minus the clearance) and wall breach of a screw that starts on bone.
fn literal(screw: &ScrewShape, bone: &Bone, pedicle: Side) -> [f64; 2] {
    let anatomy = anatomy(DQuat::IDENTITY);
    let pedicle = *anatomy.pedicle(pedicle).unwrap();
    let axis = screw.axis.unit().unwrap();
    let u = axis.any_perpendicular();
    let v = axis.cross(u);
    let radius = screw.diameter_mm / 2.0;
    let mut surface = Vec::new();
    for step in 0..360 {
        let angle = TAU * f64::from(step) / 360.0;
        let out = u * angle.cos() + v * angle.sin();
        let steps = (screw.length_mm - 3.0) / 0.02;
        for depth in 0..=steps as usize {
            let depth = 3.0 + (screw.length_mm - 3.0) * depth as f64 / steps.floor();
            surface.push(screw.entry + axis * depth + out * radius);
        }
        for circle in 0..=40 {
            let r = radius * f64::from(circle) / 40.0;
            surface.push(screw.entry + axis * screw.length_mm + out * r);
        }
    }
    let mut worst = [f64::NEG_INFINITY, 0.0_f64];
    let mut outlines: std::collections::HashMap<i64, Vec<[f64; 2]>> = Default::default();
    for p in surface {
        let d = bone.signed_distance_mm(p);
        worst[0] = worst[0].max(-d);
        let t = (p - pedicle.isthmus).dot(pedicle.axis);
        if d < 0.0 && t >= pedicle.span_mm[0] && t <= pedicle.span_mm[1] {
            // The pedicle of these tests is the same in every plane within a tenth of a millimetre.
            let plane = (t * 20.0).round() as i64;
            let outline = outlines
                .entry(plane)
                .or_insert_with(|| outline(bone, &pedicle, plane as f64 / 20.0));
            let q = [p.vec().x - pedicle.isthmus.vec().x, p.vec().z - pedicle.isthmus.vec().z];
            worst[1] = worst[1].max(outside_of(outline, q, worst[1]));
        }
    }
    worst
}

fn outline(bone: &Bone, pedicle: &corridor::anatomy::Pedicle, t: f64) -> Vec<[f64; 2]> {
    let centre = pedicle.isthmus + pedicle.axis * t;
    (0..720)
        .map(|ray| {
            let (sin, cos) = (TAU * f64::from(ray) / 720.0).sin_cos();
            let is_bone =
                |r: f64| bone.signed_distance_mm(centre + Dir::new(cos, 0.0, sin) * r) > 0.0;
            let step = (0..2000).find(|step| !is_bone(0.02 * f64::from(*step))).unwrap_or(2000);
            // The wall lies within this step; a fiftieth of it is far below the tolerance.
            let start = 0.02 * f64::from(step - 1);
            let r = (0..50).map(|n| start + 0.0004 * f64::from(n)).find(|r| !is_bone(*r));
            let r = r.unwrap_or(start + 0.02);
            [r * cos, r * sin]
        })
        .collect()
}

/// How far `q` is outside the outline, if it can be more than `least`.
fn outside_of(outline: &[[f64; 2]], q: [f64; 2], least: f64) -> f64 {
    let ray = (q[1].atan2(q[0]).rem_euclid(TAU) / TAU * 720.0) as usize % 720;
    let wall = outline[ray][0].hypot(outline[ray][1]);
    if q[0].hypot(q[1]) <= wall + least {
        return 0.0;
    }
    let mut best = f64::INFINITY;
    for (n, a) in outline.iter().enumerate() {
        let b = outline[(n + 1) % outline.len()];
        let (ab, aq) = ([b[0] - a[0], b[1] - a[1]], [q[0] - a[0], q[1] - a[1]]);
        let t = (aq[0] * ab[0] + aq[1] * ab[1]) / (ab[0] * ab[0] + ab[1] * ab[1]).max(1e-12);
        let t = t.clamp(0.0, 1.0);
        best = best.min((aq[0] - ab[0] * t).hypot(aq[1] - ab[1] * t));
    }
    best
}

#[test]
fn the_fast_way_equals_the_literal_rule_to_a_hundredth_of_a_millimetre() {
    let cases = [
        (Side::Left, [1.3, 0.4], [0.0, -1.0, 0.0]),
        (Side::Left, [-2.2, 1.9], [-0.2, -1.0, 0.1]),
        (Side::Right, [0.7, -0.9], [0.31, -1.0, -0.17]),
        (Side::Right, [-3.1, 0.2], [-0.1, -1.0, 0.25]),
    ];
    for (side, [x, z], axis) in cases {
        let mut shape = screw(side, x, z, 41.3, 5.7);
        shape.axis = Dir::from(axis).unit().unwrap();
        let [protrusion, wall] = literal(&shape, &vertebra(), side);
        let judged = judge(shape);
        near(-judged.clearance_mm, protrusion);
        near(judged.wall_breach_mm, wall);
    }
}

proptest! {
    /// The letter follows the number on both sides of each bound, whatever the number.
    #[test]
    fn a_letter_never_falls_as_the_breach_grows(a in -1.0..8.0_f64, b in -1.0..8.0_f64) {
        let (small, large) = (a.min(b), a.max(b));
        prop_assert!(grade_from_breach_mm(small) <= grade_from_breach_mm(large));
    }

    /// Whatever the screw: the letter is that of the worse number, and all in bone means A.
    #[test]
    fn the_parts_of_an_answer_agree(
        x in -8.0..8.0_f64, z in -8.0..8.0_f64, ax in -0.6..0.6_f64, az in -0.6..0.6_f64,
        length in 1.0..70.0_f64, diameter in 3.0..9.0_f64, left in any::<bool>(),
    ) {
        let side = if left { Side::Left } else { Side::Right };
        let mut shape = screw(side, x, z, length, diameter);
        shape.axis = Dir::new(ax, -1.0, az);
        let judged = judge(shape);
        prop_assert_eq!(judged.breach_mm, judged.protrusion_mm.max(judged.wall_breach_mm));
        prop_assert_eq!(judged.grade, grade_from_breach_mm(judged.breach_mm));
        prop_assert_eq!(judged.breach_wall.is_some(), judged.breach_mm > 0.0);
        prop_assert_eq!(judged.clearance_mm < 0.0, judged.protrusion_mm > 0.0);
        prop_assert_eq!(judged.grade == Grade::A, judged.clearance_mm >= 0.0);
        prop_assert!((judged.nearest_wall_dir.length() - 1.0).abs() < 1e-9);
        prop_assert!((vertebra().signed_distance_mm(judged.witness) - judged.clearance_mm).abs() < 1e-9);
    }
}
