//! The true numbers of the phantom against independent samples of its surface, and deformed spines
//! against what was asked of them.

use corridor::anatomy::{Pedicle, VertebraAnatomy};
use corridor::clearance::{ScrewShape, assess_without_profile};
use corridor::labels::{Level, Posture};
use corridor::phantom::{
    Bone, Curve, Deformity, Fracture, LevelTruth, PedicleTruth, Phantom, Slip, Spec, Truth,
};
use corridor::space::{Dir, Patient, Point, Side};
use glam::{DMat3, DVec3};
use rayon::prelude::*;
use std::f64::consts::TAU;
use std::sync::OnceLock;

fn level(name: &str) -> Level {
    name.parse().unwrap()
}

/// T6 and L3 of a whole column, and L3's truth.
fn straight() -> &'static (Phantom, Truth) {
    static MADE: OnceLock<(Phantom, Truth)> = OnceLock::new();
    MADE.get_or_init(|| {
        let levels = ["T6", "L3", "S1"].map(level).to_vec();
        let phantom = Phantom::new(&Spec { levels, seed: 3, ..Spec::default() }).unwrap();
        let truth = phantom.truth();
        (phantom, truth)
    })
}

/// A severe right thoracic curve with a lumbar one below it.
fn curved() -> &'static (Phantom, Truth) {
    static MADE: OnceLock<(Phantom, Truth)> = OnceLock::new();
    MADE.get_or_init(|| {
        let curve = |upper, lower, cobb_deg, convex| Curve {
            upper: level(upper),
            lower: level(lower),
            cobb_deg,
            convex,
            rotation_deg: 0.4 * cobb_deg,
        };
        let curves =
            vec![curve("T5", "T12", 60.0, Side::Right), curve("T12", "L4", 40.0, Side::Left)];
        let deformity = Deformity { curves, ..Deformity::default() };
        let levels = Spec::whole_column();
        let phantom = Phantom::new(&Spec { levels, deformity, ..Spec::default() }).unwrap();
        let truth = phantom.truth();
        (phantom, truth)
    })
}

fn dir(d: DVec3) -> Dir<Patient> {
    Dir::from_vec(d)
}

/// The levels whose numbers are solved anew: of a straight spine, and the apex of a curve of 60 degrees,
/// whose left pedicle is a third as wide as it is high.
fn cases() -> [(&'static str, &'static (Phantom, Truth)); 3] {
    [("T6", straight()), ("L3", straight()), ("T8", curved())]
}

/// Where the way from `from` along `d` leaves the bone, by steps of a fifth of a millimetre and more,
/// as the function falls by less than 2 per mm, and then halving, to 1e-9 mm.
fn way_out(bone: &Bone, from: Point<Patient>, d: DVec3) -> f64 {
    let value = |t: f64| bone.value(from + dir(d * t));
    let (mut low, mut high, mut here) = (0.0, 0.0, value(0.0));
    while here >= 0.0 {
        assert!(high < 200.0, "{}: no way out of the bone", bone.level());
        low = high;
        high += (here / 4.0).max(0.002);
        here = value(high);
    }
    for _ in 0..36 {
        let middle = (low + high) / 2.0;
        if value(middle) >= 0.0 { low = middle } else { high = middle }
    }
    low
}

/// What is looked at of the sections along an axis: 72 unit directions across it, from the left of the
/// frame that the shape is written in, each with 1.4 times the way out of the isthmus, mm.
fn window(bone: &Bone, pedicle: &PedicleTruth) -> Vec<(DVec3, f64)> {
    let axis = pedicle.axis.vec();
    let u = bone.patient_from_vertebra().dir(Dir::X).vec().reject_from(axis).normalize();
    let v = u.cross(axis);
    let ray = |n: u32| {
        let (sin, cos) = (f64::from(n) * 5f64.to_radians()).sin_cos();
        let along = u * cos + v * sin;
        (along, (1.4 * way_out(bone, pedicle.isthmus, along)).min(15.0))
    };
    (0..72).map(ray).collect()
}

/// Area and centroid, seen from `at`, of all bone in the window.
fn windowed(bone: &Bone, at: Point<Patient>, window: &[(DVec3, f64)]) -> (f64, DVec3) {
    let step = TAU / window.len() as f64;
    let (mut area, mut moment) = (0.0, DVec3::ZERO);
    for (along, most) in window {
        // Up to each crossing counts, with the sign of what lies before it.
        let mut add = |to: f64, sign: f64| {
            area += sign * to * to * step / 2.0;
            moment += *along * (sign * to.powi(3) * step / 3.0);
        };
        let inside = |t: f64| bone.value(at + dir(*along * t)) >= 0.0;
        let mut t = 0.0;
        while t < *most {
            let next = most.min(t + 0.1);
            let was_inside = inside(t);
            if inside(next) != was_inside {
                let (mut low, mut high) = (t, next);
                for _ in 0..26 {
                    let middle = (low + high) / 2.0;
                    if inside(middle) == was_inside { low = middle } else { high = middle }
                }
                add(low, if was_inside { 1.0 } else { -1.0 });
            }
            t = next;
        }
        if inside(*most) {
            add(*most, 1.0);
        }
    }
    (area, moment / area)
}

/// The same counted on a fine square lattice.
fn counted(bone: &Bone, at: Point<Patient>, window: &[(DVec3, f64)]) -> (f64, DVec3) {
    const CELL_MM: f64 = 0.12;
    let (u, v) = (window[0].0, window[18].0);
    let far = |x: f64, y: f64| {
        let turn = y.atan2(x).rem_euclid(TAU) / TAU * 72.0;
        let [a, b] = [turn as usize, turn as usize + 1].map(|n| window[n % 72].1);
        a + (b - a) * turn.fract()
    };
    let (mut count, mut sum) = (0.0, DVec3::ZERO);
    for i in -125..=125 {
        for j in -125..=125 {
            let (x, y) = (f64::from(i) * CELL_MM, f64::from(j) * CELL_MM);
            let off = u * x + v * y;
            if x.hypot(y) <= far(x, y) && bone.value(at + dir(off)) >= 0.0 {
                (count, sum) = (count + 1.0, sum + off);
            }
        }
    }
    (count * CELL_MM * CELL_MM, sum / count)
}

/// How much each section half a millimetre apart counts, ahead and behind: in full up to 1.2 times
/// the area in the middle, not at all from 1.5 times, and no more than those before it.
fn narrow_stretch(area: impl Fn(f64) -> f64) -> [Vec<f64>; 2] {
    let own = area(0.0);
    [1.0, -1.0].map(|sense| {
        let mut weights = vec![1.0];
        while weights.len() <= 16 && weights.last() > Some(&0.0) {
            let ratio = area(sense * weights.len() as f64 / 2.0) / own;
            let weight = ((1.5 - ratio) / 0.3).clamp(0.0, 1.0);
            weights.push(weight.min(weights[weights.len() - 1]));
        }
        weights
    })
}

/// How much longer the narrow stretch is ahead than behind, and all of it, mm.
fn lengths([ahead, behind]: &[Vec<f64>; 2]) -> [f64; 2] {
    let [ahead, behind] = [ahead, behind].map(|side| (side.iter().sum::<f64>() - 1.0) / 2.0);
    [ahead - behind, ahead + behind]
}

#[test]
fn the_isthmus_is_the_middle_of_the_narrow_stretch_as_counted_on_a_lattice_too() {
    let (phantom, truth) = straight();
    for name in ["T6", "L3"] {
        let (bone, truth) = (phantom.bone(level(name)).unwrap(), truth.level(level(name)).unwrap());
        let pedicle = truth.pedicle(Side::Left);
        let window = window(bone, pedicle);
        let section = |t: f64| counted(bone, pedicle.isthmus + pedicle.axis * t, &window);
        let [uneven, all] = lengths(&narrow_stretch(|t| section(t).0));
        assert!(uneven.abs() < 0.1 && all > 4.0, "{name}: {all} mm, uneven by {uneven}");
        let off = section(0.0).1;
        assert!(off.length() < 0.02, "{name}: {off:?}");
    }
}

/// Length in bone along the axis: the mean over the axis and 24 lines beside it.
fn pencil(bone: &Bone, pedicle: &PedicleTruth, left: DVec3) -> f64 {
    let axis = pedicle.axis.vec();
    let u = left.reject_from(axis).normalize();
    let v = u.cross(axis);
    let radius = f64::min(2.0, pedicle.width_mm / 3.0);
    let mut sum = 0.0;
    for n in 0..25 {
        let (sin, cos) = (f64::from(n) * 15f64.to_radians()).sin_cos();
        let share = if n == 24 { 0.0 } else { [1.0, 2.0 / 3.0][n as usize % 2] };
        let from = pedicle.isthmus + dir((u * cos + v * sin) * (radius * share));
        sum += way_out(bone, from, axis) + way_out(bone, from, -axis);
    }
    sum / 25.0
}

/// How far the section across `axis` reaches along `left` and across it, by 720 rays, and by 60 more about
/// that one which reaches furthest: between two of these a sharp end reaches no 1e-5 mm further.
fn extents(bone: &Bone, at: Point<Patient>, axis: DVec3, left: DVec3) -> [f64; 2] {
    const STEP: f64 = TAU / 720.0;
    let u = left.reject_from(axis).normalize();
    let v = u.cross(axis);
    let corner = |angle: f64| {
        let along = u * angle.cos() + v * angle.sin();
        along * way_out(bone, at, along)
    };
    let all: Vec<(f64, DVec3)> =
        (0..720).map(|n| f64::from(n) * STEP).map(|angle| (angle, corner(angle))).collect();
    let reach = |d: DVec3| {
        let furthest = all.iter().max_by(|a, b| a.1.dot(d).total_cmp(&b.1.dot(d))).unwrap().0;
        let about = (-30..=30).map(|n| corner(furthest + STEP * f64::from(n) / 30.0).dot(d));
        about.fold(0.0, f64::max)
    };
    [reach(u) + reach(-u), reach(v) + reach(-v)]
}

/// Least extent of the section over 720 directions, of the corners seen by as many rays: at most a
/// thousandth of a millimetre off.
fn least_extent(bone: &Bone, at: Point<Patient>, axis: DVec3, left: DVec3) -> f64 {
    let u = left.reject_from(axis).normalize();
    let v = u.cross(axis);
    let turned = |n: u32, of: f64| {
        let (sin, cos) = (f64::from(n) * TAU / of).sin_cos();
        u * cos + v * sin
    };
    let corners: Vec<DVec3> =
        (0..720).map(|n| turned(n, 720.0) * way_out(bone, at, turned(n, 720.0))).collect();
    let extent = |d: DVec3| {
        let along = corners.iter().map(|p| p.dot(d));
        along.clone().fold(0.0, f64::max) - along.fold(0.0, f64::min)
    };
    (0..720).map(|n| extent(turned(n, 1440.0))).fold(f64::INFINITY, f64::min)
}

#[test]
fn every_number_of_a_pedicle_is_solved_to_a_ten_thousandth() {
    for ((name, (phantom, truth)), side) in
        cases().into_iter().zip([Side::Left, Side::Right, Side::Left])
    {
        let (bone, truth) = (phantom.bone(level(name)).unwrap(), truth.level(level(name)).unwrap());
        let pedicle = truth.pedicle(side);
        let (axis, left) = (pedicle.axis.vec(), truth.left.vec());
        let window = window(bone, pedicle);
        let section = |t: f64| windowed(bone, pedicle.isthmus + pedicle.axis * t, &window);
        let centroid = section(0.0).1;
        assert!(centroid.length() < 1e-4, "{name}: {centroid:?}");
        let weights = narrow_stretch(|t| section(t).0);
        let [uneven, _] = lengths(&weights);
        assert!(uneven.abs() < 2e-4, "{name}: uneven by {uneven}");
        let mut through = DVec3::ZERO;
        for (n, (ahead, behind)) in weights[0].iter().zip(&weights[1]).enumerate().take(11) {
            let t = n as f64 / 2.0;
            let apart = section(t).1 - section(-t).1 + axis * (2.0 * t);
            through += apart * (t * ahead.min(*behind));
        }
        let off = through.normalize().distance(axis);
        assert!(off < 1e-5, "{name}: axis off by {off}");
        let fine = extents(bone, pedicle.isthmus, axis, left);
        for (found, wanted) in fine.iter().zip([pedicle.width_mm, pedicle.height_mm]) {
            assert!((found - wanted).abs() < 1e-4, "{name}: {found} {wanted}");
        }
        let least = least_extent(bone, pedicle.isthmus, axis, left);
        assert!((least - pedicle.least_mm).abs() < 1e-3, "{name}: {least} {}", pedicle.least_mm);
        // Seen from the axis, by the same rays, none longer than 15 mm.
        let area = |t: f64| -> f64 {
            let at = pedicle.isthmus + pedicle.axis * t;
            window.iter().map(|(along, _)| way_out(bone, at, *along).min(15.0).powi(2)).sum()
        };
        for end in pedicle.span_mm.into_iter().filter(|t| t.abs() < 14.9) {
            // Where a ray comes to see past a seam the area jumps.
            let ratio = |t: f64| area(t) / area(0.0);
            let [within, past] = [-1e-4, 1e-4].map(|mm| ratio(end + mm * end.signum()));
            assert!(within < 1.8 && past > 1.8, "{name}: {within} to {past} at {end}");
        }
    }
}

#[test]
fn the_canal_is_the_middle_of_its_chords_to_a_ten_thousandth() {
    for (name, (phantom, truth)) in cases() {
        let (bone, truth) = (phantom.bone(level(name)).unwrap(), truth.level(level(name)).unwrap());
        let [left, back, top] = [truth.left, truth.back, truth.top].map(|d| d.vec());
        let inside = |p: Point<Patient>| bone.value(p) >= 0.0;
        // The way in: out of bone is air here.
        let way = |from: Point<Patient>, d: DVec3| {
            let far = (1..200).map(|n| f64::from(n) * 0.1).find(|t| inside(from + dir(d * *t)))?;
            let (mut low, mut high) = (far - 0.1, far);
            for _ in 0..40 {
                let middle = (low + high) / 2.0;
                if inside(from + dir(d * middle)) { high = middle } else { low = middle }
            }
            Some(low)
        };
        let at = truth.canal_centre;
        let sides = [left, -left].map(|d| way(at, d).unwrap());
        assert!((sides[0] - sides[1]).abs() < 1e-4, "{name}: {sides:?}");
        assert!((sides[0] + sides[1] - truth.canal_width_mm).abs() < 1e-4, "{name}: {sides:?}");
        let front = way(at, -back).unwrap();
        // The nearest plane below, by whole millimetres, in which the arch closes behind.
        let behind = (0..20).find_map(|mm| way(at + dir(top * -f64::from(mm)), back)).unwrap();
        assert!((front - behind).abs() < 1e-4, "{name}: {front} {behind}");
        assert!((front + behind - truth.canal_depth_mm).abs() < 1e-4);
        let isthmus = |side| truth.pedicle(side).isthmus - at;
        let height = (isthmus(Side::Left) + isthmus(Side::Right)).dot(truth.top) / 2.0;
        assert!(height.abs() < 1e-4, "{name}: {height} above the isthmuses");
    }
}

#[test]
fn chords_end_on_the_surface_and_angles_are_those_of_the_axis_in_the_frame() {
    for (name, (phantom, truth)) in cases() {
        let (bone, truth) = (phantom.bone(level(name)).unwrap(), truth.level(level(name)).unwrap());
        for pedicle in &truth.pedicles {
            let chord = pencil(bone, pedicle, truth.left.vec());
            assert!((chord - pedicle.chord_mm).abs() < 1e-4, "{name}: {chord}");
            let d = |other: Dir<Patient>| pedicle.axis.dot(other);
            let inwards = -d(truth.left) * pedicle.side.sign();
            let transverse = inwards.atan2(-d(truth.back)).to_degrees();
            assert!((transverse - pedicle.transverse_deg).abs() < 1e-9);
            let sagittal = d(truth.top).atan2(-d(truth.back)).to_degrees();
            assert!((sagittal - pedicle.sagittal_deg).abs() < 1e-9);
        }
    }
}

/// Half the width and half the depth of the ellipse over which a plate is fitted.
fn half_plate(bone: &Bone, truth: &LevelTruth) -> [f64; 2] {
    let half = |d: Dir<Patient>| {
        let ways = [d, -d].map(|d| way_out(bone, truth.body_centre, d.vec()));
        0.65 * (ways[0] + ways[1]) / 2.0
    };
    let [width, depth] = [truth.left, truth.back].map(half);
    // The chord across the sacrum runs into the alae.
    let most = if truth.level == Level::S1 { 1.5 * depth } else { f64::INFINITY };
    [width.min(most), depth]
}

/// Normal and height of the plane over 12 rings of equal area with 36 points each, by least
/// squares along the top: what the truth says a plate is.
fn ringed(bone: &Bone, truth: &LevelTruth, half: [f64; 2], sign: f64) -> (DVec3, f64) {
    let axes = [truth.left, truth.back, truth.top].map(|d| d.vec());
    let (mut squares, mut right) = (DMat3::ZERO, DVec3::ZERO);
    for n in 0..12 * 36 {
        let r = ((f64::from(n / 36) + 0.5) / 12.0).sqrt();
        let (sin, cos) = (TAU * f64::from(n % 36) / 36.0).sin_cos();
        let (x, y) = (r * cos * half[0], r * sin * half[1]);
        let from = truth.body_centre + dir(axes[0] * x + axes[1] * y);
        let row = DVec3::new(1.0, x, y);
        squares += DMat3::from_cols(row, row * x, row * y);
        right += row * (sign * way_out(bone, from, axes[2] * sign));
    }
    let fit = squares.inverse() * right;
    ((axes[2] - axes[0] * fit.y - axes[1] * fit.z).normalize(), fit.x)
}

#[test]
fn plates_fit_the_surface_and_the_frame_stands_between_them() {
    for (name, (phantom, truth)) in cases() {
        let (bone, truth) = (phantom.bone(level(name)).unwrap(), truth.level(level(name)).unwrap());
        let axes = [truth.left, truth.back, truth.top].map(|d| d.vec());
        let half = half_plate(bone, truth);
        for (plate, sign) in [(truth.upper_plate, 1.0), (truth.lower_plate.unwrap(), -1.0)] {
            let near = ringed(bone, truth, half, sign);
            let off = near.0.distance(plate.up.vec());
            assert!(off < 1e-5, "{name}: the plate's normal is off by {off}");
            let height = (plate.centre - truth.body_centre).dot(truth.top);
            assert!((height - near.1).abs() < 1e-4, "{name}: {height} for {}", near.1);
            // Least squares over a lattice of the ellipse: the choice of points matters little.
            let (mut normal, mut right) = (DMat3::ZERO, DVec3::ZERO);
            for i in -16..=16 {
                for j in -16..=16 {
                    let (x, y) = (f64::from(i) / 16.5, f64::from(j) / 16.5);
                    if x.hypot(y) <= 1.0 {
                        let at = axes[0] * (x * half[0]) + axes[1] * (y * half[1]);
                        let z = sign * way_out(bone, truth.body_centre + dir(at), axes[2] * sign);
                        let row = DVec3::new(1.0, x * half[0], y * half[1]);
                        normal += DMat3::from_cols(row * row.x, row * row.y, row * row.z);
                        right += row * z;
                    }
                }
            }
            let fit = normal.inverse() * right;
            let up = (axes[2] - axes[0] * fit.y - axes[1] * fit.z).normalize();
            let off = up.angle_between(plate.up.vec()).to_degrees();
            assert!(off < 0.05, "{name}: plate off by {off} degrees");
            let height = (plate.centre - truth.body_centre).dot(truth.top);
            assert!((height - fit.x).abs() < 0.03, "{name}: {height} for {}", fit.x);
        }
        let between =
            (truth.upper_plate.up.vec() + truth.lower_plate.unwrap().up.vec()).normalize();
        assert!(between.distance(truth.top.vec()) < 1e-7);
        let back = (truth.canal_centre - truth.body_centre).vec();
        assert!(back.dot(truth.left.vec()).abs() < 1e-6, "{name}: the back is not the canal's");
    }
}

/// On this plate stand the sacral slope, both other angles of the pelvis and every lordosis.
#[test]
fn the_plate_of_s1_fits_the_surface_and_its_frame_stands_under_it() {
    let (phantom, truth) = straight();
    let (bone, truth) = (phantom.bone(Level::S1).unwrap(), truth.level(Level::S1).unwrap());
    let [left, back, top] = [truth.left, truth.back, truth.top].map(|d| d.vec());
    let middle = truth.body_centre;
    let under = way_out(bone, middle, top);
    assert!((under - 13.0).abs() < 1e-4, "{under} mm under the plate");
    let ways = [back, -back].map(|d| way_out(bone, middle, d));
    assert!((ways[0] - ways[1]).abs() < 1e-4, "{ways:?} from front to back");
    let under_rim = middle + dir(top * 11.0);
    let ways = [left, -left].map(|d| way_out(bone, under_rim, d));
    assert!((ways[0] - ways[1]).abs() < 1e-4, "{ways:?} from side to side");
    let (normal, height) = ringed(bone, truth, half_plate(bone, truth), 1.0);
    let off = normal.distance(truth.upper_plate.up.vec());
    assert!(off < 1e-5, "the plate's normal is off by {off}");
    let told = (truth.upper_plate.centre - middle).dot(truth.top);
    assert!((told - height).abs() < 1e-4, "{told} for {height}");
    assert!(truth.upper_plate.up.vec().distance(top) < 1e-7 && truth.lower_plate.is_none());
}

/// The planes of a level's plates, fitted anew: where the upper one lies above the middle of the body, and
/// how far each falls forward and to the left, degrees: what its trace on a film makes with the horizontal.
struct Plates {
    height_mm: f64,
    /// Upper one first; the sacrum's upper one stands in for the lower one.
    forward_deg: [f64; 2],
    left_deg: [f64; 2],
}

impl Plates {
    fn refitted(bone: &Bone, truth: &LevelTruth) -> Self {
        let half = half_plate(bone, truth);
        let (upper, height_mm) = ringed(bone, truth, half, 1.0);
        let lower = truth.lower_plate.map_or(upper, |_| ringed(bone, truth, half, -1.0).0);
        // Height over the patient's horizontal plane at three points tells the slopes.
        let trace = |normal: DVec3| {
            let z = |x: f64, y: f64| -(normal.x * x + normal.y * y) / normal.z;
            let slopes = [z(0.0, 10.0) - z(0.0, 0.0), z(0.0, 0.0) - z(10.0, 0.0)];
            slopes.map(|mm| (mm / 10.0).atan().to_degrees())
        };
        let [[upper_forward, upper_left], [lower_forward, lower_left]] = [upper, lower].map(trace);
        Self {
            height_mm,
            forward_deg: [upper_forward, lower_forward],
            left_deg: [upper_left, lower_left],
        }
    }
}

#[test]
fn every_angle_of_a_curved_column_is_that_of_plates_fitted_anew() {
    const ALLOWED_DEG: f64 = 1e-3;
    let (phantom, truth) = curved();
    let one = |at: &LevelTruth| Plates::refitted(phantom.bone(at.level).unwrap(), at);
    let all: Vec<Plates> = truth.levels.par_iter().map(one).collect();
    let place = |wanted: Level| truth.levels.iter().position(|at| at.level == wanted).unwrap();
    let column = &truth.alignment;
    let turn = |i: usize, j: usize| (all[i].left_deg[0] - all[j].left_deg[1]).abs();
    for curve in &column.curves {
        let found = turn(place(curve.upper), place(curve.lower));
        assert!((found - curve.cobb_deg).abs() < ALLOWED_DEG, "{found} {curve:?}");
    }
    let pairs = (0..all.len()).flat_map(|i| (i + 1..all.len()).map(move |j| [i, j]));
    let largest = pairs.map(|[i, j]| turn(i, j)).fold(0.0, f64::max);
    assert!((largest - column.curves[0].cobb_deg).abs() < ALLOWED_DEG, "{largest}");
    let forward = |wanted: Level, plate: usize| all[place(wanted)].forward_deg[plate];
    assert!(column.kyphosis.len() == 4 && column.lordosis.len() == 5 && column.segments.len() == 5);
    for b in &column.kyphosis {
        let found = forward(b.upper, 0) - forward(b.lower, 1);
        assert!((found - b.deg).abs() < ALLOWED_DEG, "kyphosis {found} {b:?}");
    }
    for b in column.lordosis.iter().chain(&column.segments) {
        let found = forward(b.lower, 0) - forward(b.upper, 0);
        assert!((found - b.deg).abs() < ALLOWED_DEG, "lordosis {found} {b:?}");
    }
}

/// Slope, tilt and incidence each from the plate fitted anew; that the told hips are the middles of the heads
/// is asked where they are found.
#[test]
fn the_angles_of_the_pelvis_are_those_of_a_plate_fitted_anew() {
    let (phantom, truth) = straight();
    let s1 = truth.level(Level::S1).unwrap();
    let plates = Plates::refitted(phantom.bone(Level::S1).unwrap(), s1);
    let told = truth.alignment.pelvis.unwrap();
    let plate = s1.body_centre + s1.top * plates.height_mm;
    let [left, right] = told.hips;
    let way = plate - left.lerp(right, 0.5);
    let [_, back, up] = way.to_array();
    let slope = plates.forward_deg[0].to_radians();
    // Seen from the side: the line from the hips to the plate, and the perpendicular of the plate.
    let cosine = (back * -slope.sin() + up * slope.cos()) / back.hypot(up);
    for (what, told, found) in [
        ("slope", told.slope_deg, slope),
        ("tilt", told.tilt_deg, (back / up).atan()),
        ("incidence", told.incidence_deg, cosine.acos()),
    ] {
        let found = found.to_degrees();
        assert!((told - found).abs() < 1e-3, "{what}: {told} for {found}");
    }
}

#[test]
fn a_curve_has_the_angle_the_side_and_the_turn_that_were_asked_for() {
    let (_, truth) = curved();
    let [main, lumbar, ..] = truth.alignment.curves.as_slice() else { panic!("no two curves") };
    let near = |found: Level, wanted: &str| {
        let place = |l: Level| Level::all().position(|x| x == l).unwrap();
        place(found).abs_diff(place(level(wanted))) <= 1
    };
    assert!((main.cobb_deg - 60.0).abs() < 3.0 && main.convex == Side::Right, "{main:?}");
    assert!(near(main.upper, "T5") && near(main.lower, "T12"), "{main:?}");
    assert!((lumbar.cobb_deg - 40.0).abs() < 3.0 && lumbar.convex == Side::Left, "{lumbar:?}");
    let at = |name: &str| truth.level(level(name)).unwrap();
    // The apex turns its front to the convex side, the patient's right, by about what was asked.
    assert!((at("T8").rotation_deg() + 23.0).abs() < 4.0, "{}", at("T8").rotation_deg());
    let [concave, convex] = [Side::Left, Side::Right].map(|side| at("T8").pedicle(side).width_mm);
    assert!(concave < 0.7 * convex, "{concave} and {convex}");
    let [upper, apex, lower] = ["T4", "T8", "T12"].map(|name| at(name).canal_centre.vec().x);
    assert!(apex < (upper + lower) / 2.0 - 10.0, "the apex lies to the right");
}

#[test]
fn bones_of_a_severe_curve_do_not_overlap() {
    let (phantom, _) = curved();
    for pair in phantom.bones().windows(2) {
        let middle = pair[1].patient_from_vertebra().origin().vec();
        for n in 0..40i32.pow(3) {
            let [i, j, k] = [n % 40, n / 40 % 40, n / 1600].map(|n| f64::from(n) - 20.0);
            let p = Point::from_vec(middle + DVec3::new(i * 2.2, j * 2.4 + 22.0, k * 1.6));
            let [upper, lower] = [&pair[0], &pair[1]].map(|bone| bone.value(p));
            assert!(upper.min(lower) < 0.0, "{} and {} at {p:?}", pair[0].level(), pair[1].level());
        }
    }
}

#[test]
fn incidence_is_tilt_and_slope_though_each_is_measured_for_itself() {
    for (incidence, slope) in [(40.0, 30.0), (52.0, 37.0), (70.0, 45.0)] {
        let spec = Spec {
            levels: vec![Level::S1],
            pelvic_incidence_deg: incidence,
            sacral_slope_deg: slope,
            ..Spec::default()
        };
        let pelvis = Phantom::new(&spec).unwrap().truth().alignment.pelvis.unwrap();
        assert!((pelvis.incidence_deg - pelvis.tilt_deg - pelvis.slope_deg).abs() < 1e-9);
        assert!((pelvis.incidence_deg - incidence).abs() < 1.0, "{pelvis:?}");
        assert!((pelvis.slope_deg - slope).abs() < 1.0, "{pelvis:?}");
        assert!(pelvis.hips[0].vec().x > 80.0 && pelvis.hips[1].vec().x < -80.0);
    }
}

#[test]
fn posture_slip_and_fracture_do_what_they_say() {
    let levels = ["L1", "L4", "L5", "S1"].map(level).to_vec();
    let truth =
        |spec: Spec| Phantom::new(&Spec { levels: levels.clone(), ..spec }).unwrap().truth();
    let lordosis = |truth: &Truth| truth.alignment.lordosis[0].deg;
    let [lying, standing] = [Posture::Supine, Posture::Standing]
        .map(|posture| truth(Spec { posture, ..Spec::default() }));
    let more = lordosis(&standing) - lordosis(&lying);
    assert!((more - 13.0).abs() < 1.5, "{more}");
    let deformity = Deformity {
        slips: vec![Slip { level: level("L4"), forward_mm: 8.0 }],
        fractures: vec![Fracture { level: level("L1"), front_loss: 0.4 }],
        ..Deformity::default()
    };
    let sick = truth(Spec { deformity, ..Spec::default() });
    let step = |truth: &Truth| {
        let [l4, l5] = ["L4", "L5"].map(|name| truth.level(level(name)).unwrap().clone());
        (l4.body_centre - l5.body_centre).dot(-l5.back)
    };
    assert!((step(&sick) - step(&lying) - 8.0).abs() < 1.0);
    let wedge = |truth: &Truth| {
        let l1 = truth.level(level("L1")).unwrap();
        l1.upper_plate.up.angle_to_rad(l1.lower_plate.unwrap().up).to_degrees()
    };
    assert!(wedge(&sick) > wedge(&lying) + 12.0, "{}", wedge(&sick));
}

#[test]
fn deformities_that_can_not_be_are_refused_by_level() {
    let with = |deformity| Phantom::new(&Spec { deformity, ..Spec::default() }).map(drop);
    let curve = Curve {
        upper: level("L4"),
        lower: level("T8"),
        cobb_deg: 30.0,
        convex: Side::Left,
        rotation_deg: 0.0,
    };
    let upside_down = Deformity { curves: vec![curve], ..Deformity::default() };
    assert!(with(upside_down).unwrap_err().to_string().starts_with("L4"));
    let fracture = Fracture { level: level("T9"), front_loss: 1.5 };
    let gone = Deformity { fractures: vec![fracture], ..Deformity::default() };
    assert!(with(gone).unwrap_err().to_string().starts_with("T9"));
}

#[test]
fn of_curves_that_overlap_one_of_those_is_named_in_whatever_order_they_stand() {
    let curve = |(upper, lower): (&str, &str)| Curve {
        upper: level(upper),
        lower: level(lower),
        cobb_deg: 30.0,
        convex: Side::Left,
        rotation_deg: 0.0,
    };
    let refused = |ends: [(&str, &str); 3]| {
        let deformity = Deformity { curves: ends.map(curve).to_vec(), ..Deformity::default() };
        let refused = Phantom::new(&Spec { deformity, ..Spec::default() }).map(drop);
        refused.map_err(|e| e.to_string())
    };
    let [high, middle, low] = [("T2", "T5"), ("T4", "T9"), ("T12", "L4")];
    for ends in [[high, middle, low], [low, middle, high], [middle, low, high]] {
        let told = refused(ends).unwrap_err();
        assert!(told.starts_with("T2 can not be made so: two curves that overlap"), "{told}");
    }
}

#[test]
fn six_lumbar_vertebrae_and_thirteen_thoracic_ones_can_be_had() {
    let mut levels = Spec::lumbar();
    levels.extend([level("L6"), level("T13")]);
    let phantom = Phantom::new(&Spec { levels, ..Spec::default() }).unwrap();
    let named: Vec<_> = phantom.bones().iter().map(|b| b.level().to_string()).collect();
    assert_eq!(named, ["T13", "L1", "L2", "L3", "L4", "L5", "L6", "S1"]);
}

/// The true anatomy as the program's own judge takes it.
fn anatomy(truth: &LevelTruth) -> VertebraAnatomy {
    let one = |p: &PedicleTruth| Pedicle {
        side: p.side,
        isthmus: p.isthmus,
        axis: p.axis,
        width_mm: p.width_mm,
        height_mm: p.height_mm,
        least_mm: p.least_mm,
        chord_mm: p.chord_mm,
        transverse_deg: p.transverse_deg,
        sagittal_deg: p.sagittal_deg,
        span_mm: p.span_mm,
    };
    VertebraAnatomy {
        patient_from_vertebra: truth.patient_from_vertebra(),
        canal_centre: truth.canal_centre,
        canal: None,
        upper_plate: None,
        lower_plate: None,
        body_mm: None,
        pedicles: truth.pedicles.iter().map(one).collect(),
        warnings: Vec::new(),
    }
}

#[test]
fn the_true_letter_of_a_screw_is_what_the_rule_gives_on_the_same_bone() {
    let (phantom, truth) = straight();
    let l3 = truth.level(Level::L3).unwrap();
    let bone = phantom.bone(Level::L3).unwrap();
    let pedicle = l3.pedicle(Side::Left);
    for (medial_mm, diameter_mm) in [(0.0, 5.0), (3.0, 6.0)] {
        let entry = pedicle.isthmus - pedicle.axis * 22.0 - l3.left * medial_mm;
        let screw = ScrewShape { entry, axis: pedicle.axis, length_mm: 42.0, diameter_mm };
        let true_one = phantom.judge(l3, &screw).unwrap();
        let judged = assess_without_profile(&screw, bone, &anatomy(l3)).unwrap();
        let off = true_one.clearance_mm - judged.clearance_mm;
        assert!(off.abs() < 0.01, "{true_one:?} {judged:?}");
        let off = true_one.wall_breach_mm - judged.wall_breach_mm;
        assert!(off.abs() < 0.02, "{true_one:?} {judged:?}");
        assert_eq!(true_one.grade, judged.grade);
    }
}

#[test]
fn the_built_in_case_has_one_hard_level() {
    let truth = Phantom::new(&Spec::demo()).unwrap().truth();
    let widths = |l: &LevelTruth| l.pedicles.map(|p| p.width_mm);
    let narrow: Vec<_> = truth.levels.iter().filter(|l| widths(l)[1] < 5.0).collect();
    assert_eq!(narrow.iter().map(|l| l.level).collect::<Vec<_>>(), [Level::L2]);
    assert!(widths(narrow[0])[1] > 4.0 && narrow[0].rotation_deg() > 3.0, "{:?}", narrow[0]);
    assert!(truth.levels.iter().all(|l| widths(l)[0] > 5.0));
}
