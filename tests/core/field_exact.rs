//! The distance field of whole vertebrae against brute force over every triangle of their surface:
//! at places all around it, and on the ridges midway between two walls. And the canal beside the bone.

use crate::field_distance::to_triangle_mm;
use crate::plan_auto::l4_to_s1;
use crate::real_data::verse014;
use corridor::case::spine::VertebraModel;
use corridor::labels::Level;
use corridor::space::{Dir, Point};
use glam::DVec3;
use rayon::prelude::*;

/// What a distance may be off, mm.
const MOST_MM: f64 = 0.01;
/// What a quick one may be off, mm: judging a screw asks exactly wherever that could matter.
const MOST_QUICK_MM: f64 = 0.3;
/// Farther from the surface than this a quick one is on its right side, mm.
const SIDE_MM: f64 = 0.1;

/// The triangles of a mesh, each with a ball that holds it.
struct Brute(Vec<([DVec3; 3], DVec3, f64)>);

impl Brute {
    fn new(vertebra: &VertebraModel) -> Self {
        let mesh = &vertebra.mesh;
        let ball = |corners: [DVec3; 3]| {
            let middle = (corners[0] + corners[1] + corners[2]) / 3.0;
            let radius = corners.map(|c| c.distance(middle)).into_iter().fold(0.0, f64::max);
            (corners, middle, radius)
        };
        let corners = |t: &[u32; 3]| t.map(|n| mesh.positions[n as usize].vec());
        Self(mesh.triangles.iter().map(|t| ball(corners(t))).collect())
    }
    fn distance_mm(&self, p: DVec3) -> f64 {
        self.0.iter().fold(f64::INFINITY, |best, (corners, middle, radius)| {
            let reach = best + radius;
            if p.distance_squared(*middle) > reach * reach {
                return best;
            }
            best.min(to_triangle_mm(p, *corners))
        })
    }
}

/// The n-th of places spread evenly over the box of a vertebra's field.
fn spread(vertebra: &VertebraModel, n: u32) -> DVec3 {
    spread_over(vertebra, n, 1.0)
}

/// The same over that box made larger, by a factor.
fn spread_over(vertebra: &VertebraModel, n: u32, larger: f64) -> DVec3 {
    let corners = vertebra.surface.field.grid().corners();
    let share = |step: f64| ((f64::from(n) * step).fract() - 0.5) * larger + 0.5;
    let along = |axis: usize, step| (corners[1 << axis] - corners[0]).vec() * share(step);
    corners[0].vec()
        + along(0, 0.819_172_513_4)
        + along(1, 0.671_043_606_7)
        + along(2, 0.549_700_477_9)
}

/// From a place away from the nearest wall to where another wall is as near, if that is soon.
fn to_ridge(vertebra: &VertebraModel, from: DVec3) -> Option<DVec3> {
    const STEP_MM: f64 = 0.25;
    let field = &vertebra.field;
    let at = |p: DVec3| field.signed_distance_mm(Point::from_vec(p));
    let away = |p: DVec3| field.gradient(Point::from_vec(p)).vec() * at(p).signum();
    let first = away(from);
    let steps = (0..20).map(|n| from + first * (f64::from(n) * STEP_MM));
    let mut pairs = steps.clone().zip(steps.skip(1));
    let (before, _) = pairs.find(|(_, next)| away(*next).dot(first) < 0.8)?;
    Some(before + first * (STEP_MM * 0.4))
}

/// Errors of the field at places, mm, ascending: of its distance, and of its quick one.
fn errors(vertebra: &VertebraModel, places: &[DVec3]) -> [Vec<f64>; 2] {
    let brute = Brute::new(vertebra);
    let error = |p: &DVec3| {
        let (at, truth) = (Point::from_vec(*p), brute.distance_mm(*p));
        let told = [vertebra.field.signed_distance_mm(at), vertebra.field.quick_distance_mm(at)];
        let is_sided = told[1].abs() < SIDE_MM || (told[0] < 0.0) == (told[1] < 0.0);
        assert!(is_sided, "{told:?} at {p}");
        told.map(|told| (told.abs() - truth).abs())
    };
    let errors: Vec<[f64; 2]> = places.par_iter().map(error).collect();
    [0, 1].map(|n| {
        let mut of: Vec<f64> = errors.iter().map(|both| both[n]).collect();
        of.sort_by(f64::total_cmp);
        of
    })
}

fn check(name: &str, vertebra: &VertebraModel) {
    let field = &vertebra.field;
    let within = |p: &DVec3, mm: f64| field.quick_distance_mm(Point::from_vec(*p)).abs() < mm;
    let is_near = |p: &DVec3| within(p, 3.0);
    let is_long = std::env::var_os("CORRIDOR_FULL").is_some();
    let (near, ridges_asked) = if is_long { (20_000, 5_000) } else { (1500, 700) };
    let all = || (1..).map(|n| spread(vertebra, n));
    let around: Vec<DVec3> = all().filter(is_near).take(near).collect();
    let ridges = all().filter(is_near).filter_map(|p| to_ridge(vertebra, p));
    let ridges: Vec<DVec3> = ridges.filter(|p| within(p, 3.0)).take(ridges_asked).collect();
    for (what, places) in [("within 3 mm", around), ("on ridges", ridges)] {
        let most = [("exact", MOST_MM), ("quick", MOST_QUICK_MM)];
        for ((how, most), errors) in most.into_iter().zip(errors(vertebra, &places)) {
            let of = |share: f64| errors[((errors.len() - 1) as f64 * share) as usize];
            let told = [0.5, 0.95, 0.99, 1.0].map(of);
            println!(
                "{name}, {} places {what}, {how}: error {told:.4?} mm (median, 95 %, 99 %, most)",
                places.len()
            );
            assert!(told[3] <= most, "{name}, {what}, {how}: {told:?}");
        }
    }
}

/// As far as letters go, and past the field's grid, which ends about 4 mm from the bone.
fn check_far(vertebra: &VertebraModel) {
    let (field, brute) = (&vertebra.field, Brute::new(vertebra));
    let voxel_from_patient = vertebra.surface.field.grid().voxel_from_patient();
    let last = DVec3::from_array(vertebra.surface.field.grid().size().map(|n| n as f64 - 1.0));
    let is_beyond = |p: &DVec3| {
        let node = voxel_from_patient.point(Point::from_vec(*p)).vec();
        node.clamp(DVec3::ZERO, last) != node
    };
    let is_far = |p: &DVec3| {
        let mm = field.quick_distance_mm(Point::from_vec(*p));
        (3.0..9.7).contains(&mm.abs())
    };
    let places: Vec<DVec3> =
        (1..).map(|n| spread_over(vertebra, n, 1.4)).filter(is_far).take(600).collect();
    let beyond = places.iter().filter(|p| is_beyond(p)).count();
    assert!((30..570).contains(&beyond), "{beyond}");
    places.par_iter().for_each(|p| {
        let told = field.signed_distance_mm(Point::from_vec(*p));
        let truth = brute.distance_mm(*p);
        assert!((told.abs() - truth).abs() < MOST_MM, "{told} {truth} at {p}");
    });
}

#[test]
fn as_far_as_letters_go_a_field_is_exact_in_its_grid_and_beyond() {
    check_far(l4_to_s1().spine.at_level(Level::L4).unwrap());
}

#[test]
fn a_phantoms_field_is_the_distance_to_its_triangles_ridges_and_all() {
    check("phantom L4", l4_to_s1().spine.at_level(Level::L4).unwrap());
}

#[test]
fn a_real_vertebras_field_is_the_distance_to_its_triangles_ridges_and_all() {
    let Some(spine) = verse014() else { return };
    check("verse014 L3", spine.at_level(Level::L3).unwrap());
}

/// How far the canal's tube is from the bone that it stands for, where that closes a ring around it:
/// between two rays it leaves a little out.
#[test]
fn at_the_pedicles_a_canal_ends_where_the_bone_begins() {
    let vertebra = l4_to_s1().spine.at_level(Level::L4).unwrap();
    let (field, canal) = (&vertebra.field, vertebra.canal.as_ref().unwrap());
    let (frame, middle) = (vertebra.anatomy.patient_from_vertebra, vertebra.anatomy.canal_centre);
    let wall = |n: u32| {
        let (y, x) = f64::from(n).to_radians().sin_cos();
        let along = frame.dir(Dir::new(x, y, 0.0));
        let is_bone = |mm: &f64| field.signed_distance_mm(middle + along * *mm) >= 0.0;
        let mut first = (1..300).map(|n| 0.05 * f64::from(n)).find(is_bone)?;
        let mut step = 0.05;
        while step > 0.002 {
            step /= 2.0;
            first -= if is_bone(&(first - step)) { step } else { 0.0 };
        }
        Some(middle + along * first)
    };
    let mut off: Vec<f64> = (0..360).filter_map(wall).map(|p| canal.gap_mm(p).abs()).collect();
    off.sort_by(f64::total_cmp);
    assert!(off.len() > 180, "{}", off.len());
    let told = [0.5, 0.9].map(|share| off[((off.len() - 1) as f64 * share) as usize]);
    println!("a canal's walls: off by {told:.3?} mm (median, 90 %) at {} places", off.len());
    assert!(told[0] < 0.03 && told[1] < 0.1, "{told:?}");
}
