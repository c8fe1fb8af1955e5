//! How near a screw's numbers are to the truth, and whether the band that is stated holds it.

use crate::plan_auto::{Made, around_bones, made_at};
use corridor::case::judge;
use corridor::case::spine;
use corridor::clearance::{
    Assessment, Band, Field, Grade, ScrewShape, SignedDistance, assess, assess_without_profile,
    entry_on_axis,
};
use corridor::implant::Catalogue;
use corridor::labels::Level;
use corridor::mesh;
use corridor::phantom::{Bone, Scan, Spec};
use corridor::plan::Plan;
use corridor::space::{Affine, Dir, Patient, Point, Side};
use corridor::surface::Surface;
use corridor::volume::{Grid, Volume};
use corridor::work::Work;
use glam::DVec3;
use rayon::prelude::*;

fn is_long() -> bool {
    std::env::var_os("CORRIDOR_FULL").is_some()
}

/// Few by default; as many as the issue asks for in the long run.
fn screws_asked() -> u64 {
    if is_long() { 1000 } else { 200 }
}

/// The distance to a phantom's bone by fine triangles whose corners lie on its true surface: off by
/// what they cut off its curves, a hundredth of a millimetre, and a hundred times as fast.
fn fine_truth(bone: &Bone) -> Field {
    const SPACING_MM: f64 = 0.4;
    const MARGIN_MM: f64 = 3.0;
    let corners = bone.corners().map(Point::vec);
    let low = corners.into_iter().fold(DVec3::INFINITY, DVec3::min) - MARGIN_MM;
    let high = corners.into_iter().fold(DVec3::NEG_INFINITY, DVec3::max) + MARGIN_MM;
    let size = ((high - low) / SPACING_MM).to_array().map(|n| n as usize + 1);
    let grid = Grid::along_axes(Point::from_vec(low), SPACING_MM, size);
    let at = grid.clone();
    let surface =
        Surface { field: Volume::from_fn(grid, |node| bone.value(at.centre(node)) as f32) };
    let mut mesh = mesh::extract(&surface);
    let onto = |p: Point<Patient>| {
        let slope = bone.gradient(p);
        p - slope * (bone.value(p) / slope.dot(slope).max(1e-9))
    };
    mesh.positions.par_iter_mut().for_each(|p| *p = onto(onto(*p)));
    Field::to_mesh(&surface, &mesh, &Work::silent()).unwrap()
}

/// A number from 0 to 1 that follows from two others.
fn random(seed: u64, what: u64) -> f64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ what.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    for _ in 0..3 {
        x = (x ^ (x >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
    }
    (x >> 11) as f64 / (1u64 << 53) as f64
}

/// A screw somewhere in or beside a pedicle.
fn random_screw(
    bone: &impl SignedDistance,
    anatomy: &corridor::anatomy::VertebraAnatomy,
    seed: u64,
) -> Option<ScrewShape> {
    let within = |what: u64, most: f64| (2.0 * random(seed, what) - 1.0) * most;
    let side = if random(seed, 9) < 0.5 { Side::Left } else { Side::Right };
    let pedicle = anatomy.pedicle(side)?;
    let frame = anatomy.patient_from_vertebra;
    let to = |x, y, z| frame.dir(Dir::new(x, y, z));
    let axis = (pedicle.axis + to(within(1, 0.25), 0.0, within(2, 0.2))).unit()?;
    let through = pedicle.isthmus + to(within(3, 4.5), 0.0, within(4, 6.0));
    Some(ScrewShape {
        entry: entry_on_axis(bone, through, axis)?,
        axis,
        length_mm: 25.0 + 25.0 * random(seed, 5),
        diameter_mm: 4.0 + 4.0 * random(seed, 6),
    })
}

struct Pair {
    got: Assessment,
    truth: Assessment,
}

/// One vertebra scanned so, and its true surface.
struct Scanned {
    made: Made,
    level: Level,
    fine: Field,
}

impl Scanned {
    fn new(spacing_mm: f64, scan: Scan, level: Level) -> Self {
        let spec = Spec { levels: vec![level], seed: 11, scan, ..Spec::default() };
        let made = made_at(&spec, spacing_mm);
        let fine = fine_truth(made.phantom.bone(level).unwrap());
        Self { made, level, fine }
    }
    /// The same vertebra scanned in other voxels.
    fn again(self, spacing_mm: [f64; 3]) -> Self {
        let around = around_bones(&self.made.phantom, 1.0);
        let last = around.size().map(|n| n as f64 - 1.0);
        let size = std::array::from_fn(|n| (last[n] / spacing_mm[n]).ceil() as usize + 1);
        let [x, y, z] = spacing_mm;
        let columns = [Dir::X * x, Dir::Y * y, Dir::Z * z];
        let first = around.centre([0; 3]);
        let map = Affine::from_columns(columns[0], columns[1], columns[2], first);
        let (ct, labels) = self.made.phantom.images(&Grid::new(size, map).unwrap());
        let spine = spine::of_images(Some(ct), labels, &Work::silent()).unwrap();
        Self { made: Made { spine, ..self.made }, ..self }
    }
}

/// Random screws in a vertebra, judged on its image and on its true surface, and the band's half width.
fn pairs(scanned: &Scanned, asked: u64) -> (Vec<Pair>, f64) {
    let Scanned { made, level, fine } = scanned;
    let vertebra = made.spine.vertebrae[0].clone();
    let bone = made.phantom.bone(*level).unwrap();
    let anatomy = &vertebra.anatomy;
    assert_eq!(anatomy.pedicles.len(), 2, "{:?}", anatomy.warnings);
    let found = (0..asked)
        .into_par_iter()
        .filter_map(|seed| {
            let screw = random_screw(&vertebra.field, anatomy, seed)?;
            let truth = assess_without_profile(&screw, fine, anatomy).ok()?;
            if seed % 50 == 0 {
                let exact = assess_without_profile(&screw, bone, anatomy).ok()?;
                let off = out_mm(&truth) - out_mm(&exact);
                assert!(off.abs() < 0.02, "the fine triangles are off by {off} mm");
            }
            Some(Pair { got: assess(&screw, &vertebra.field, anatomy).ok()?, truth })
        })
        .collect::<Vec<_>>();
    let judged = found.len();
    assert!(judged * 20 >= 19 * asked as usize, "of {asked} screws {judged} were judged");
    (found, judge::half_width_mm(&made.spine))
}

/// How far a screw is in daylight, bone left being negative.
fn out_mm(found: &Assessment) -> f64 {
    if found.breach_mm > 0.0 { found.breach_mm } else { -found.clearance_mm }
}

#[test]
fn on_half_millimetre_voxels_a_screw_is_told_to_a_tenth() {
    let scan = Scan { noise_hu: 0.0, ..Scan::default() };
    let (pairs, _) = pairs(&Scanned::new(0.5, scan, Level::L3), screws_asked());
    let mut errors: Vec<f64> =
        pairs.iter().map(|p| (out_mm(&p.got) - out_mm(&p.truth)).abs()).collect();
    errors.sort_by(f64::total_cmp);
    let of = |share: f64| errors[((errors.len() - 1) as f64 * share) as usize];
    println!(
        "0.5 mm, {} screws: error median {:.3}, 95 % {:.3}, most {:.3} mm",
        errors.len(),
        of(0.5),
        of(0.95),
        of(1.0)
    );
    let graded: Vec<Grade> = pairs.iter().map(|p| p.truth.grade).collect();
    assert!(graded.iter().any(|g| *g > Grade::B), "{graded:?}");
    assert!(of(1.0) <= 0.1, "{}", of(1.0));
    for p in &pairs {
        let edge = [0.0, 2.0, 4.0, 6.0].map(|mm| (out_mm(&p.truth) - mm).abs());
        let is_clear = edge.into_iter().all(|mm| mm > 0.1);
        assert!(
            !is_clear || p.got.grade == p.truth.grade,
            "{} {}",
            out_mm(&p.got),
            out_mm(&p.truth)
        );
    }
}

/// How many of the screws have their truth in the band, and the errors, the largest last, mm.
fn held(pairs: &[Pair], half_mm: f64) -> (usize, Vec<f64>) {
    let holds = |p: &&Pair| {
        let [low, high] = Band::new(&p.got, half_mm).breach_mm;
        (low..=high).contains(&out_mm(&p.truth))
    };
    let mut errors: Vec<f64> =
        pairs.iter().map(|p| (out_mm(&p.got) - out_mm(&p.truth)).abs()).collect();
    errors.sort_by(f64::total_cmp);
    (pairs.iter().filter(holds).count(), errors)
}

#[test]
fn the_band_holds_the_truth_on_a_noisy_ct() {
    let scanned = Scanned::new(1.0, Scan::default(), Level::L2);
    let (pairs, half_mm) = pairs(&scanned, screws_asked());
    let (held, errors) = held(&pairs, half_mm);
    println!(
        "1 mm noisy: band of {:.2} mm holds {held} of {}; error median {:.3}, 95 % {:.3}",
        2.0 * half_mm,
        pairs.len(),
        errors[errors.len() / 2],
        errors[errors.len() * 95 / 100]
    );
    assert!(2.0 * half_mm <= 0.6, "{half_mm}");
    assert!(held * 100 >= pairs.len() * 95, "{held} of {}", pairs.len());
}

#[test]
fn the_band_holds_the_truth_on_large_voxels_and_in_thick_slices() {
    let asked = if is_long() { 400 } else { 40 };
    let catalogue = Catalogue::builtin().unwrap();
    let mut scanned = Scanned::new(2.0, Scan::default(), Level::L4);
    for spacing_mm in [[2.0; 3], [0.7, 0.7, 3.0]] {
        scanned = scanned.again(spacing_mm);
        let (pairs, half_mm) = pairs(&scanned, asked);
        let (held, errors) = held(&pairs, half_mm);
        let (all, most) = (pairs.len(), errors[errors.len() - 1]);
        println!(
            "{spacing_mm:?} mm: band of {half_mm:.2} mm holds {held} of {all}, most {most:.3}"
        );
        assert!(held * 100 >= all * 95, "{spacing_mm:?}: {held} of {all}, {errors:?}");
        // What is said of the image is no better than that.
        let issues = judge::check(&scanned.made.spine, &Plan::default(), &catalogue);
        let said = issues.iter().find(|issue| issue.what.starts_with("the image has slices of"));
        let slice_mm = spacing_mm[2];
        let error = format!("{slice_mm:.1} mm: every distance is sure to {half_mm:.1} mm only");
        assert!(said.is_some_and(|issue| issue.what.contains(&error)), "{error}: {issues:?}");
    }
}
