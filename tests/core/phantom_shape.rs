//! The phantom's bones: exact distances, gaps, and true numbers that agree with the surface.

use corridor::labels::Level;
use corridor::phantom::{Bone, LevelTruth, Phantom, Spec, SpecError, Truth};
use corridor::space::{Dir, Patient, Point, Side};
use glam::DVec3;
use std::sync::OnceLock;

fn phantom() -> &'static Phantom {
    static PHANTOM: OnceLock<Phantom> = OnceLock::new();
    PHANTOM.get_or_init(|| Phantom::new(&Spec::default()).unwrap())
}

fn truth() -> &'static Truth {
    static TRUTH: OnceLock<Truth> = OnceLock::new();
    TRUTH.get_or_init(|| phantom().truth())
}

fn level(name: &str) -> Level {
    name.parse().unwrap()
}

/// Numbers that look random, from 0 up to 1, the same every time.
fn dice(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    })
}

fn direction(dice: &mut impl Iterator<Item = f64>) -> DVec3 {
    let mut next = || dice.next().unwrap() * 2.0 - 1.0;
    loop {
        let d = DVec3::new(next(), next(), next());
        if (0.01..1.0).contains(&d.length_squared()) {
            return d.normalize();
        }
    }
}

/// The point of the surface that the slope leads to from `p`; `None` where it leads to none.
fn down_the_slope(bone: &Bone, mut p: Point<Patient>) -> Option<Point<Patient>> {
    for _ in 0..30 {
        let value = bone.value(p);
        if value.abs() < 1e-7 {
            return Some(p);
        }
        let slope = bone.gradient(p).vec();
        let step = slope * (value / slope.length_squared().max(0.04));
        p = p - Dir::from_vec(step.clamp_length_max(2.0));
    }
    None
}

/// Points of the surface, spread over the whole bone.
fn surface_points(bone: &Bone, count: usize) -> Vec<Point<Patient>> {
    let mut dice = dice(7);
    let map = bone.patient_from_vertebra();
    let mut points = Vec::new();
    while points.len() < count {
        let mut next = |low: f64, high: f64| low + (high - low) * dice.next().unwrap();
        let far = if bone.level() == Level::S1 { -95.0 } else { -32.0 };
        let p = map.point(Point::new(next(-60.0, 60.0), next(-28.0, 72.0), next(far, 30.0)));
        if bone.value(p).abs() < 6.0 {
            points.extend(down_the_slope(bone, p));
        }
    }
    points
}

#[test]
fn the_nearest_point_lies_on_the_surface_and_nothing_lies_nearer() {
    let mut dice = dice(3);
    for bone in phantom().bones() {
        for on in surface_points(bone, 60) {
            let p = on + Dir::from_vec(direction(&mut dice)) * (5.0 * dice.next().unwrap());
            let nearest = bone.nearest_surface_point(p);
            let distance = bone.signed_distance_mm(p);
            assert!(bone.value(nearest).abs() < 1e-6, "{}: not on the surface", bone.level());
            assert!((p.distance(nearest) - distance.abs()).abs() < 1e-12);
            assert_eq!(distance >= 0.0, bone.value(p) >= 0.0, "positive inside");
            // Every point of a slightly smaller ball lies on the same side of the surface.
            let ball = distance.abs() - 1e-3;
            for _ in 0..400 {
                let other = p + Dir::from_vec(direction(&mut dice)) * ball;
                let is_same = (bone.value(other) >= 0.0) == (distance >= 0.0);
                assert!(is_same || ball < 0.0, "{}: {p:?} is nearer than {distance}", bone.level());
            }
        }
    }
}

/// Where the surface is met on the way from `p` along `d`, mm, before `most`; by steps and by halving, with
/// nothing of the slope.
fn met(bone: &Bone, p: Point<Patient>, d: DVec3, most: f64) -> Option<f64> {
    let value = |t: f64| bone.value(p + Dir::from_vec(d * t));
    let here = value(0.0);
    let inside = here >= 0.0;
    let (mut low, mut high) = (0.0, (here.abs() / 2.0).max(0.02));
    loop {
        if low > most {
            return None;
        }
        let there = value(high);
        if (there >= 0.0) != inside {
            break;
        }
        low = high;
        high += (there.abs() / 2.0).max(0.02);
    }
    for _ in 0..36 {
        let middle = (low + high) / 2.0;
        if (value(middle) >= 0.0) == inside { low = middle } else { high = middle }
    }
    Some(high)
}

/// The least way to the surface from `p` that can be had by turning from `d`, mm.
fn shortest_by_turning(bone: &Bone, p: Point<Patient>, mut d: DVec3, mut least: f64) -> f64 {
    let mut turn = 0.1;
    while turn > 3e-5 {
        let (u, v) = d.any_orthonormal_pair();
        let around = [u, -u, v, -v].map(|aside| (d + aside * turn).normalize());
        let ways = around.map(|d| (met(bone, p, d, least + 0.1), d));
        let best = ways.into_iter().filter_map(|(way, d)| Some((way?, d)));
        match best.min_by(|a, b| a.0.total_cmp(&b.0)).filter(|(way, _)| *way < least - 2e-6) {
            Some(shorter) => (least, d) = shorter,
            None => turn /= 2.0,
        }
    }
    least
}

#[test]
fn a_search_by_rays_alone_finds_no_other_distance_by_a_ten_thousandth() {
    let mut dice = dice(5);
    for name in ["L2", "L5", "S1"] {
        let bone = phantom().bone(level(name)).unwrap();
        for on in surface_points(bone, 8) {
            let p = on + Dir::from_vec(direction(&mut dice)) * (5.0 * dice.next().unwrap());
            let told = bone.signed_distance_mm(p).abs();
            let straight = (bone.nearest_surface_point(p) - p).vec().normalize();
            let turned = (0..300).map(|_| direction(&mut dice));
            let ways = turned.filter_map(|d| Some((met(bone, p, d, 1.3 * told + 0.5)?, d)));
            let mut starts: Vec<(f64, DVec3)> = ways.collect();
            starts.sort_by(|a, b| a.0.total_cmp(&b.0));
            starts.truncate(4);
            let way = met(bone, p, straight, told + 0.1).unwrap();
            starts.push((way, straight));
            let found = starts.into_iter().map(|(way, d)| shortest_by_turning(bone, p, d, way));
            let found = found.fold(f64::INFINITY, f64::min);
            assert!((found - told).abs() < 1e-4, "{name}: {found} for {told} from {p:?}");
        }
    }
}

#[test]
fn distances_from_far_away_are_distances_too() {
    let bone = phantom().bone(level("L2")).unwrap();
    let far = bone.patient_from_vertebra().point(Point::new(5.0, -900.0, 40.0));
    let distance = -bone.signed_distance_mm(far);
    let nearest = bone.nearest_surface_point(far);
    assert!(bone.value(nearest).abs() < 1e-6);
    let bound = surface_points(bone, 3000).into_iter().map(|p| p.distance(far));
    assert!(distance <= bound.fold(f64::INFINITY, f64::min) + 1e-3, "{distance}");
}

#[test]
fn the_normal_stands_on_the_surface_and_points_out() {
    let bone = phantom().bone(level("L3")).unwrap();
    for on in surface_points(bone, 100) {
        let normal = bone.normal(on).unwrap();
        assert!((bone.signed_distance_mm(on + normal * 0.2) + 0.2).abs() < 2e-2);
        assert!(bone.value(on - normal * 0.2) > 0.0);
    }
}

#[test]
fn neighbours_do_not_touch() {
    for pair in phantom().bones().windows(2) {
        let value = |p: &Point<Patient>| pair[1].value(*p);
        let mut points = surface_points(&pair[0], 4000);
        points.sort_by(|a, b| value(b).total_cmp(&value(a)));
        // The function falls by no more than 1.5 per mm: a point at which it lies further down
        // than that is no nearer than what was found.
        let nearest = points.into_iter().fold(f64::INFINITY, |nearest, p| match -value(&p) {
            depth if depth > 1.5 * nearest => nearest,
            _ => nearest.min(-pair[1].signed_distance_mm(p)),
        });
        assert!(nearest >= 1.0, "{} and {}: {nearest}", pair[0].level(), pair[1].level());
        assert!(nearest <= 4.0, "{} and {}: no joint", pair[0].level(), pair[1].level());
    }
}

#[test]
fn every_bone_is_one_piece() {
    for bone in phantom().bones() {
        let one = Phantom::new(&Spec { levels: vec![bone.level()], ..Spec::default() }).unwrap();
        let labels = one.labels(&one.grid(1.5)).volume;
        let data = labels.data();
        let all = data.iter().filter(|v| **v != 0).count();
        let start = data.indexed_iter().find(|(_, v)| **v != 0).unwrap().0;
        let mut seen = ndarray::Array3::from_elem(data.dim(), false);
        seen[start] = true;
        let (mut count, mut open) = (0, vec![start]);
        while let Some((k, j, i)) = open.pop() {
            count += 1;
            let steps = [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)];
            for (dk, dj, di) in steps {
                let next = [(k, dk), (j, dj), (i, di)]
                    .map(|(n, d): (usize, isize)| n.checked_add_signed(d).unwrap_or(usize::MAX));
                if data.get(next).is_some_and(|v| *v != 0) && !seen[next] {
                    seen[next] = true;
                    open.push((next[0], next[1], next[2]));
                }
            }
        }
        assert_eq!(count, all, "{} has loose parts", bone.level());
    }
}

#[test]
fn pedicles_are_as_wide_as_the_published_series() {
    // Outer width, least to greatest of the collected series (clinical numbers, section 3).
    let series = [
        ("L1", 5.8, 10.3),
        ("L2", 6.3, 10.3),
        ("L3", 8.1, 13.0),
        ("L4", 9.3, 16.3),
        ("L5", 11.8, 21.6),
    ];
    for (name, least, greatest) in series {
        for pedicle in &truth().level(level(name)).unwrap().pedicles {
            let width = pedicle.width_mm;
            assert!((least..greatest).contains(&width), "{name} {}: {width}", pedicle.side);
        }
    }
}

/// Half the extents of the section through the isthmus, found by brute force.
fn half_extents(bone: &Bone, level: &LevelTruth, side: Side) -> [f64; 4] {
    let pedicle = level.pedicle(side);
    let axis = pedicle.axis.vec();
    let left = level.left.vec().reject_from_normalized(axis).normalize();
    let up = left.cross(axis).normalize();
    let mut most = [0.0f64; 4];
    for n in 0..720 {
        let (sin, cos) = (f64::from(n) * 0.5).to_radians().sin_cos();
        let along = left * cos + up * sin;
        let inside = |r: f64| bone.value(pedicle.isthmus + Dir::from_vec(along * r)) >= 0.0;
        let steps = |from: f64, step: f64| (0..400).map(move |n| from + f64::from(n) * step);
        let rough = steps(0.0, 0.1).find(|r| !inside(*r)).unwrap();
        let r = steps(rough - 0.1, 0.01).find(|r| !inside(*r)).unwrap();
        for (slot, reach) in most.iter_mut().zip([r * cos, -r * cos, r * sin, -r * sin]) {
            *slot = slot.max(reach);
        }
    }
    most
}

#[test]
fn width_and_height_are_the_extents_of_the_section_itself() {
    for truth in truth().levels.iter().filter(|l| l.level != Level::S1) {
        let bone = phantom().bone(truth.level).unwrap();
        for side in Side::BOTH {
            let [left, right, up, down] = half_extents(bone, truth, side);
            let pedicle = truth.pedicle(side);
            assert!((left + right - pedicle.width_mm).abs() < 0.03, "{} {side}", truth.level);
            assert!((up + down - pedicle.height_mm).abs() < 0.03, "{} {side}", truth.level);
        }
    }
}

#[test]
fn axes_run_forward_and_inward_through_their_own_side() {
    for truth in &truth().levels {
        let vertebra_from_patient = truth.patient_from_vertebra().inverse();
        let canal = vertebra_from_patient.point(truth.canal_centre);
        for (pedicle, side) in truth.pedicles.iter().zip(Side::BOTH) {
            assert_eq!(pedicle.side, side);
            let isthmus = vertebra_from_patient.point(pedicle.isthmus).vec();
            let axis = vertebra_from_patient.dir(pedicle.axis).vec();
            assert!((axis.length() - 1.0).abs() < 1e-12);
            assert!(isthmus.x * side.sign() > 8.0, "{} {side}", truth.level);
            assert!(axis.y < -0.7 && axis.x * side.sign() < 0.0, "{} {side}", truth.level);
            assert!(phantom().bone(truth.level).unwrap().value(pedicle.isthmus) > 2.0);
        }
        let bone = phantom().bone(truth.level).unwrap();
        assert!(bone.value(truth.canal_centre) < -5.0, "{}: the canal is open", truth.level);
        assert!(bone.value(truth.body_centre) > 5.0, "{}: the body is full", truth.level);
        assert!(canal.vec().x.abs() < 1.0 && canal.vec().y > 18.0, "{}: {canal:?}", truth.level);
    }
}

#[test]
fn left_and_right_are_not_mirror_images() {
    let apart = |l: &LevelTruth| (l.pedicles[0].width_mm - l.pedicles[1].width_mm).abs();
    assert!(truth().levels.iter().map(apart).fold(0.0, f64::max) > 0.1);
    let symmetric = Phantom::new(&Spec { variation: 0.0, ..Spec::default() }).unwrap().truth();
    let [left, right] = &symmetric.level(level("L3")).unwrap().pedicles;
    assert!((left.width_mm - right.width_mm).abs() < 1e-6);
}

#[test]
fn the_spine_has_the_lordosis_of_a_lying_patient() {
    let top = |name: &str| truth().level(level(name)).unwrap().top;
    let angle = top("L1").angle_to_rad(top("S1")).to_degrees();
    assert!((44.0..51.0).contains(&angle), "{angle}");
    // The sacrum's plate falls forward.
    assert!(top("S1").to_array()[1] < -0.5);
}

#[test]
fn truth_is_kept_as_json_with_units_in_its_keys() {
    let text = serde_json::to_string(truth()).unwrap();
    for key in
        ["isthmus_lps_mm", "width_mm", "height_mm", "body_centre_lps_mm", "canal_centre_lps_mm"]
    {
        assert!(text.contains(key), "{key}");
    }
    assert_eq!(&serde_json::from_str::<Truth>(&text).unwrap(), truth());
}

#[test]
fn what_has_no_shape_is_refused_by_name() {
    let with = |levels: Vec<Level>| Phantom::new(&Spec { levels, ..Spec::default() }).map(drop);
    assert_eq!(with(vec![level("L4"), level("C5")]), Err(SpecError::NoShape(level("C5"))));
    assert_eq!(with(Vec::new()), Err(SpecError::NoLevels));
}
