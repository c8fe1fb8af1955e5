//! How near the measured anatomy comes to the phantom's truth: a table over the whole column.
//!
//! The default run measures a few levels of a curved spine; `CORRIDOR_FULL=1` measures T1 to L5 of
//! several persons, straight and curved, at 0.5 mm without noise and at 1 mm with it, and prints
//! the worst of each number.

use corridor::anatomy::{VertebraAnatomy, measure};
use corridor::labels::Level;
use corridor::phantom::{Bone, Curve, Deformity, LevelTruth, Phantom, Spec, Truth};
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
    measure(&labels, at, &surface, Some(&ct))
}

/// A phantom whose truth is solved once for all the rows that it is measured in.
struct Person {
    spec: Spec,
    truth: Truth,
}

impl Person {
    fn new(spec: Spec) -> Self {
        let truth = Phantom::new(&spec).unwrap().truth();
        Self { spec, truth }
    }
    /// Measures every level on a CT of its own; returns the worst errors and where.
    fn row(&self, spacing_mm: f64, noise_hu: f64) -> [(f64, Option<Level>); 10] {
        let mut spec = self.spec.clone();
        spec.scan.noise_hu = noise_hu;
        let phantom = Phantom::new(&spec).unwrap();
        let one = |truth: &LevelTruth| {
            let got = scanned(&phantom, truth.level, spacing_mm);
            (truth.level, errors(&got, truth))
        };
        let found: Vec<(Level, [f64; 10])> = self.truth.levels.par_iter().map(one).collect();
        let mut worst = [(0.0, None); 10];
        for (level, errors) in found {
            for (slot, error) in worst.iter_mut().zip(errors) {
                if error > slot.0 {
                    *slot = (error, Some(level));
                }
            }
        }
        worst
    }
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

fn levels(names: &[&str]) -> Vec<Level> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

#[test]
fn a_few_levels_of_a_curved_spine_are_measured_as_asked() {
    let worst = Person::new(spec(2, levels(&["T4", "T8", "L1"]), 0.0, true)).row(1.0, 12.0);
    assert!(check("1 mm, noise, curved", &worst, &USUAL));
}

/// Ribs stand beside these pedicles, nearer than what tells the density outside.
#[test]
fn upper_thoracic_pedicles_beside_their_ribs_are_measured_as_asked() {
    let worst = Person::new(spec(1, levels(&["T2"]), 0.0, false)).row(0.5, 0.0);
    assert!(check("0.5 mm, straight", &worst, &FINE));
}

/// Its left pedicle is half as wide as its right one, and its canal is turned by 20 degrees.
#[test]
fn the_frame_of_a_vertebra_whose_sides_differ_is_found() {
    let worst = Person::new(spec(2, levels(&["T9"]), 0.0, true)).row(1.0, 12.0);
    assert!(check("1 mm, noise, curved", &worst, &USUAL));
}

/// Its left pedicle is 2.7 mm wide and 12 mm high: the ends of that oval bend within half a millimetre,
/// which the nodes of the surface do not follow.
#[test]
fn the_sharp_ends_of_a_narrow_pedicle_are_measured_as_asked() {
    let person = Person::new(spec(2, levels(&["T8"]), 0.0, true));
    assert!(check("0.5 mm, curved", &person.row(0.5, 0.0), &FINE));
}

#[test]
#[allow(clippy::print_stdout, reason = "a table for people")]
fn the_whole_table() {
    if std::env::var_os("CORRIDOR_FULL").is_none() {
        return;
    }
    let mut column = Spec::whole_column();
    column.retain(|level| *level != Level::S1);
    let mut is_good = true;
    for seed in 1..=3 {
        for (is_curved, shape) in [(false, "straight"), (true, "60 and 40 degrees")] {
            let begun = cpu_s();
            let person = Person::new(spec(seed, column.clone(), 0.0, is_curved));
            println!("{shape}, seed {seed}: truth in {:.0} CPU s", cpu_s() - begun);
            let rows = [(1.0, 12.0, USUAL), (0.5, 0.0, FINE)];
            for (spacing_mm, noise_hu, asked) in &rows[..if seed == 1 { 2 } else { 1 }] {
                let begun = cpu_s();
                let worst = person.row(*spacing_mm, *noise_hu);
                let name = format!("{spacing_mm} mm, {noise_hu} HU noise, {shape}, seed {seed}");
                is_good &= check(&name, &worst, asked);
                println!("    in {:.0} CPU s", cpu_s() - begun);
            }
        }
    }
    assert!(is_good);
}

/// CPU time of this process so far, s; 0 where the system does not tell.
fn cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the program's name in brackets; user and system time, in hundredths of a
    // second, are the 14th and 15th.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|n| n.parse::<f64>().ok()).sum::<f64>() / 100.0
}
