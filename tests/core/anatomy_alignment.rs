//! The angles of the column and of the pelvis, measured on a CT of the phantom, against its truth.

use crate::anatomy_table::{scanned, spec};
use corridor::anatomy::alignment::{Between, Curve};
use corridor::anatomy::{Alignment, VertebraAnatomy, align, hips};
use corridor::labels::{Level, Posture};
use corridor::phantom::{AlignmentTruth, BetweenTruth, CobbTruth, Deformity, Phantom, Spec};
use rayon::prelude::*;

/// The largest error of an angle of the column and of the pelvis, degrees.
const ALLOWED_DEG: f64 = 1.5;

fn measured(phantom: &Phantom, levels: &[Level]) -> Vec<(Level, VertebraAnatomy)> {
    levels.par_iter().map(|level| (*level, scanned(phantom, *level, 1.0))).collect()
}

fn aligned(all: &[(Level, VertebraAnatomy)], posture: Posture) -> Alignment {
    let column: Vec<_> = all.iter().map(|(level, anatomy)| (*level, anatomy)).collect();
    align(&column, None, posture)
}

#[track_caller]
fn check_curves(got: &[Curve], truth: &[CobbTruth]) {
    assert_eq!(got.len(), truth.len(), "{got:?} {truth:?}");
    for (got, truth) in got.iter().zip(truth) {
        assert_eq!((got.upper, got.lower, got.convex), (truth.upper, truth.lower, truth.convex));
        assert!((got.cobb_deg - truth.cobb_deg).abs() < ALLOWED_DEG, "{got:?} {truth:?}");
    }
}

#[track_caller]
fn check_between(got: &[Between], truth: &[BetweenTruth]) {
    assert_eq!(got.len(), truth.len(), "{got:?} {truth:?}");
    for (got, truth) in got.iter().zip(truth) {
        assert_eq!((got.upper, got.lower), (truth.upper, truth.lower));
        assert!((got.deg - truth.deg).abs() < ALLOWED_DEG, "{got:?} {truth:?}");
    }
}

#[track_caller]
fn check(got: &Alignment, truth: &AlignmentTruth) {
    check_curves(&got.curves, &truth.curves);
    check_between(&got.kyphosis, &truth.kyphosis);
    check_between(&got.lordosis, &truth.lordosis);
}

#[test]
fn the_ends_of_two_curves_tell_their_angles_and_sides() {
    let levels = ["T5", "T12", "L1", "L4", "S1"].map(|l| l.parse().unwrap()).to_vec();
    let spec = spec(4, levels.clone(), 12.0, true);
    let phantom = Phantom::new(&spec).unwrap();
    let truth = phantom.truth();
    assert!(truth.alignment.curves[0].cobb_deg > 55.0 && truth.alignment.curves.len() >= 2);
    let all = measured(&phantom, &levels);
    let got = aligned(&all, Posture::Supine);
    check(&got, &truth.alignment);
    for turn in &got.rotation {
        let wanted = truth.level(turn.level).unwrap().rotation_deg();
        assert!((turn.deg - wanted).abs() < ALLOWED_DEG, "{turn:?} {wanted}");
    }
}

/// Long; see [`ALLOWED_DEG`].
#[test]
fn every_angle_of_whole_columns() {
    if std::env::var_os("CORRIDOR_FULL").is_none() {
        return;
    }
    let levels = Spec::whole_column();
    let bent = |kyphosis, lordosis| Deformity {
        thoracic_kyphosis_deg: Some(kyphosis),
        lumbar_lordosis_deg: Some(lordosis),
        ..Deformity::default()
    };
    let usual = || spec(5, levels.clone(), 12.0, false);
    for spec in [
        spec(5, levels.clone(), 12.0, true),
        Spec { deformity: bent(75.0, 70.0), ..usual() },
        Spec { deformity: bent(15.0, 20.0), posture: Posture::Standing, ..usual() },
    ] {
        let phantom = Phantom::new(&spec).unwrap();
        let got = aligned(&measured(&phantom, &levels), spec.posture);
        assert_eq!(got.posture, spec.posture);
        check(&got, &phantom.truth().alignment);
    }
}

#[test]
fn pelvic_angles_are_measured_from_the_ct_of_the_hips_each_for_itself() {
    let all = [(52.0, 37.0), (40.0, 30.0), (70.0, 45.0)];
    let count = if std::env::var_os("CORRIDOR_FULL").is_some() { 3 } else { 1 };
    for (incidence, slope) in &all[..count] {
        let spec = Spec {
            levels: vec![Level::S1],
            pelvic_incidence_deg: *incidence,
            sacral_slope_deg: *slope,
            ..Spec::default()
        };
        let phantom = Phantom::new(&spec).unwrap();
        let truth = phantom.truth().alignment.pelvis.unwrap();
        let anatomy = scanned(&phantom, Level::S1, 1.0);
        let ct = phantom.ct(&phantom.grid_with_hips(2.0));
        let found = hips::find(&ct, &anatomy.upper_plate.unwrap()).unwrap();
        for (head, wanted) in found.heads.iter().zip(truth.hips) {
            assert!(head.centre.distance(wanted) < 1.5, "{head:?} {wanted:?}");
        }
        let column = align(&[(Level::S1, &anatomy)], Some(&found), Posture::Supine);
        let (got, slope_deg) = (column.pelvis.unwrap(), column.sacral_slope_deg.unwrap());
        for (angle, wanted) in [
            (got.incidence_deg, truth.incidence_deg),
            (got.tilt_deg, truth.tilt_deg),
            (slope_deg, truth.slope_deg),
        ] {
            assert!((angle - wanted).abs() < ALLOWED_DEG, "{got:?} {truth:?}");
        }
        assert!((got.incidence_deg - got.tilt_deg - slope_deg).abs() < 0.1, "{got:?} {slope_deg}");
    }
}
