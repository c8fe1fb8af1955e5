//! How near the measured anatomy comes to the phantom's truth: a table over the whole column.
//!
//! The default run measures a few levels of a curved spine; `CORRIDOR_FULL=1` measures T1 to L5 of
//! several persons, straight and curved, at 0.5 mm without noise and at 1 mm with it, and prints
//! the worst of each number.

use corridor::anatomy::{VertebraAnatomy, measure};
use corridor::labels::Level;
use corridor::phantom::{Bone, Curve, Deformity, LevelTruth, Phantom, Spec};
use corridor::space::{Dir, Patient, Point, Side};
use corridor::surface;
use corridor::volume::Grid;
use corridor::work::Work;
use rayon::prelude::*;

/// What is told of a level, and the largest errors that are allowed.
const WHAT: [&str; 10] = [
    "width mm",
    "height mm",
    "transverse deg",
    "sagittal deg",
    "chord mm",
    "isthmus mm",
    "frame deg",
    "plates deg",
    "canal mm",
    "least mm",
];

/// Without noise, 0.5 mm.
const FINE: [f64; 10] = [0.1, 0.1, 2.0, 2.0, 1.7, 0.5, 1.0, 1.0, 0.3, 0.1];
/// With noise, 1 mm.
const USUAL: [f64; 10] = [0.45, 0.56, 2.0, 2.0, 1.7, 0.8, 1.0, 1.0, 0.5, 0.45];
fn errors(got: &VertebraAnatomy, truth: &LevelTruth) -> [f64; 10] {
    let degrees = |a: Dir<Patient>, b: Dir<Patient>| a.angle_to_rad(b).to_degrees();
    let frame = got.patient_from_vertebra;
    let axes = [(Dir::X, truth.left), (Dir::Y, truth.back), (Dir::Z, truth.top)];
    let turned = axes.map(|(axis, wanted)| degrees(frame.dir(axis), wanted));
    let upper = degrees(got.upper_plate.unwrap().up, truth.upper_plate.up);
    let lower = degrees(got.lower_plate.unwrap().up, truth.lower_plate.unwrap().up);
    let mut worst = [0.0; 10];
    worst[6] = turned.into_iter().fold(0.0, f64::max);
    worst[7] = upper.max(lower);
    worst[8] = got.canal_centre.distance(truth.canal_centre);
    for side in Side::BOTH {
        let wanted = truth.pedicle(side);
        let Some(p) = got.pedicle(side) else { return [f64::INFINITY; 10] };
        let off = [
            p.width_mm - wanted.width_mm,
            p.height_mm - wanted.height_mm,
            p.transverse_deg - wanted.transverse_deg,
            p.sagittal_deg - wanted.sagittal_deg,
            p.chord_mm - wanted.chord_mm,
            p.isthmus.distance(wanted.isthmus),
        ];
        for (slot, off) in worst.iter_mut().zip(off) {
            *slot = slot.max(off.abs());
        }
        worst[9] = worst[9].max((p.least_mm - wanted.least_mm).abs());
    }
    worst
}

/// A grid around one bone.
fn around(bone: &Bone, spacing_mm: f64) -> Grid {
    let corners = bone.corners().map(Point::vec);
    let low = corners.into_iter().reduce(glam::DVec3::min).unwrap() - 5.0;
    let high = corners.into_iter().reduce(glam::DVec3::max).unwrap() + 5.0;
    let size = ((high - low) / spacing_mm).to_array().map(|n| n.ceil() as usize + 1);
    Grid::along_axes(Point::from_vec(low), spacing_mm, size)
}

/// The anatomy of one level, measured on a CT of it alone.
pub fn scanned(phantom: &Phantom, level: Level, spacing_mm: f64) -> VertebraAnatomy {
    let (ct, labels) = phantom.images(&around(phantom.bone(level).unwrap(), spacing_mm));
    let at = labels.at_level(level).unwrap();
    let surface = surface::declare(&labels, at, Some(&ct), &Work::silent()).unwrap();
    measure(&labels, at, &surface)
}

/// Measures the levels of a phantom, each on a CT of its own; returns the worst errors and where.
fn table(spec: &Spec, levels: &[Level], spacing_mm: f64) -> [(f64, Option<Level>); 10] {
    let phantom = Phantom::new(spec).unwrap();
    let truth = phantom.truth();
    let one = |level: &Level| {
        errors(&scanned(&phantom, *level, spacing_mm), truth.level(*level).unwrap())
    };
    let found: Vec<[f64; 10]> = levels.par_iter().map(one).collect();
    let mut worst = [(0.0, None); 10];
    for (level, errors) in levels.iter().zip(found) {
        for (slot, error) in worst.iter_mut().zip(errors) {
            if error > slot.0 {
                *slot = (error, Some(*level));
            }
        }
    }
    worst
}

/// A person, straight or with a thoracic curve of 60 and a lumbar one of 40 degrees.
pub fn spec(seed: u64, levels: Vec<Level>, noise_hu: f64, is_curved: bool) -> Spec {
    let level = |name: &str| name.parse().unwrap();
    let curve = |upper, lower, cobb_deg: f64, convex| Curve {
        upper: level(upper),
        lower: level(lower),
        cobb_deg,
        convex,
        rotation_deg: 0.4 * cobb_deg,
    };
    let curves = [curve("T5", "T12", 60.0, Side::Right), curve("T12", "L4", 40.0, Side::Left)];
    let curves = if is_curved { curves.to_vec() } else { Vec::new() };
    let deformity = Deformity { curves, ..Deformity::default() };
    let mut spec = Spec { levels, seed, deformity, ..Spec::default() };
    spec.scan.noise_hu = noise_hu;
    spec
}

/// Asserts the table after printing it.
#[allow(clippy::print_stdout, reason = "a table for people")]
fn check(name: &str, worst: &[(f64, Option<Level>); 10], allowed: &[f64; 10]) -> bool {
    let cell = |n: usize| {
        let (error, level) = worst[n];
        let at = level.map_or(String::new(), |level| level.to_string());
        let mark = if error > allowed[n] { " OVER" } else { "" };
        format!("{} {error:.2} at {at}{mark}", WHAT[n])
    };
    println!("{name}: {}", (0..10).map(cell).collect::<Vec<_>>().join(", "));
    worst.iter().zip(allowed).all(|((error, _), most)| error <= most)
}

#[test]
fn a_few_levels_of_a_curved_spine_are_measured_as_asked() {
    let levels: Vec<Level> = ["T4", "T8", "L1"].map(|l| l.parse().unwrap()).to_vec();
    let worst = table(&spec(2, levels.clone(), 12.0, true), &levels, 1.0);
    assert!(check("1 mm, noise, curved", &worst, &USUAL));
}

/// Ribs stand beside these pedicles, nearer than what tells the density outside.
#[test]
fn upper_thoracic_pedicles_beside_their_ribs_are_measured_as_asked() {
    let levels: Vec<Level> = vec!["T2".parse().unwrap()];
    let worst = table(&spec(1, levels.clone(), 0.0, false), &levels, 0.5);
    assert!(check("0.5 mm, straight", &worst, &FINE));
}

/// Its left pedicle is half as wide as its right one, and its canal is turned by 20 degrees.
#[test]
fn the_frame_of_a_vertebra_whose_sides_differ_is_found() {
    let levels: Vec<Level> = vec!["T9".parse().unwrap()];
    let worst = table(&spec(2, levels.clone(), 12.0, true), &levels, 1.0);
    check("1 mm, noise, curved", &worst, &USUAL);
    assert!(worst[6].0 <= USUAL[6] && worst[0].0.is_finite(), "{worst:?}");
}

#[test]
fn the_whole_table() {
    if std::env::var_os("CORRIDOR_FULL").is_none() {
        return;
    }
    let mut levels = Spec::whole_column();
    levels.retain(|level| *level != Level::S1);
    let mut is_good = true;
    for seed in 1..=3 {
        for (is_curved, shape) in [(false, "straight"), (true, "60 and 40 degrees")] {
            let usual = table(&spec(seed, levels.clone(), 12.0, is_curved), &levels, 1.0);
            is_good &= check(&format!("1 mm, noise, {shape}, seed {seed}"), &usual, &USUAL);
            if seed == 1 {
                let fine = table(&spec(seed, levels.clone(), 0.0, is_curved), &levels, 0.5);
                is_good &= check(&format!("0.5 mm, {shape}, seed {seed}"), &fine, &FINE);
            }
        }
    }
    assert!(is_good);
}
