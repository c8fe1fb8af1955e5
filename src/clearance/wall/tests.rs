//! The walls of a pedicle followed along waves, past corners, and against every edge tried by itself.

use super::*;
use crate::clearance::schemes::tests::anatomy;

#[test]
fn a_wall_that_bends_as_on_a_ct_is_followed_to_a_hundredth_of_a_millimetre() {
    let anatomy = anatomy();
    let pedicle = &anatomy.pedicles[0];
    let frame = WallFrame::of_pedicle(pedicle, &anatomy).expect("a pedicle with an axis");
    // Waves of 3 mm along the axis, or of twelve crests around it, from wherever they begin.
    let radius = |waves: [f64; 2], begin: f64, along: f64, angle: f64| {
        let [along, around] = [TAU * along / 3.0, 12.0 * angle].map(|at| (at - begin).cos());
        6.0 + waves[0] * along + waves[1] * around
    };
    for n in 0..24 {
        let begin = TAU * f64::from(n) / 24.0;
        for waves in [[0.15, 0.0], [0.0, 0.12]] {
            let bone = |p: Point<Patient>| {
                let (along, q) = frame.along_and_across(p);
                (radius(waves, begin, along, q.to_angle()) - q.length()) / 1.2
            };
            let mut walls = PedicleWalls::new(&bone, frame, pedicle.span_mm);
            // Past the crests, and in each plane of the waves along, the way is the radial one.
            let angle = if waves[1] > 0.0 { begin / 12.0 } else { 0.3 };
            let out = frame.lateral * angle.cos() + frame.cranial * angle.sin();
            for step in 0..40 {
                let along = pedicle.span_mm[0] + 0.1 * f64::from(step);
                let wall = radius(waves, begin, along, angle);
                let p = frame.origin + frame.forward * along + out * (wall + 2.0);
                let told = walls.overshoot(p).map_or(0.0, |over| over.mm);
                assert!((told - 2.0).abs() < 0.01, "{waves:?} from {begin}, {along}: {told}");
            }
        }
    }
}

/// A pedicle with corners, wider behind.
fn with_corners(p: Point<Patient>) -> f64 {
    let p = p.vec();
    (4.0 + 0.1 * p.y - (p.x - 12.0).abs() - 0.3 * p.z.abs()).min(6.0 - p.z.abs()) / 1.1
}

#[test]
fn a_wall_that_a_place_surely_lies_past_is_the_one_it_lies_past() {
    let anatomy = anatomy();
    let pedicle = &anatomy.pedicles[0];
    let frame = WallFrame::of_pedicle(pedicle, &anatomy).expect("a pedicle with an axis");
    let mut walls = PedicleWalls::new(&with_corners, frame, pedicle.span_mm);
    let part = |n: u32, step: f64| 2.0 * (f64::from(n) * step).fract() - 1.0;
    let mut told = [0; AROUND.len()];
    for n in 0..2000 {
        let off = Dir::new(9.0 * part(n, 0.819), 7.0 * part(n, 0.671), 9.0 * part(n, 0.549));
        let p = pedicle.isthmus + off;
        // Half of them with the edge there at hand that was the nearest to another place.
        let over = (n % 2 == 0).then(|| walls.overshoot(p)).flatten();
        let (along, across) = frame.along_and_across(p);
        let Some((wall, most_mm)) = walls.surely_past(along, across) else { continue };
        let over = over.or_else(|| walls.overshoot(p)).expect("a place beyond the outline");
        assert!(over.mm <= most_mm + 1e-12, "{n}: {} over {most_mm}", over.mm);
        assert_eq!(frame.wall_towards(over.outward), wall, "{n}");
        told[AROUND.iter().position(|around| *around == wall).expect("one of the four")] += 1;
    }
    assert!(told.into_iter().all(|count| count > 20), "{told:?}");
}

#[test]
fn the_nearest_point_of_the_outline_is_that_of_all_its_edges() {
    let anatomy = anatomy();
    let pedicle = &anatomy.pedicles[0];
    let frame = WallFrame::of_pedicle(pedicle, &anatomy).expect("a pedicle with an axis");
    let mut walls = PedicleWalls::new(&with_corners, frame, pedicle.span_mm);
    let part = |n: u32, step: f64| 2.0 * (f64::from(n) * step).fract() - 1.0;
    let mut past = 0;
    for n in 0..400 {
        let off = Dir::new(9.0 * part(n, 0.819), 7.0 * part(n, 0.671), 9.0 * part(n, 0.549));
        let p = pedicle.isthmus + off;
        let told = walls.overshoot(p).map(|over| over.mm);
        let (along, q) = frame.along_and_across(p);
        let Some(plane) = walls.place(along) else {
            assert_eq!(told, None);
            continue;
        };
        let corner = |ray: usize| walls.outline(plane, ray).expect("the axis lies in bone");
        let corners: Vec<DVec2> = (0..=RAYS).map(corner).collect();
        let edges = corners.windows(2).map(|ends| nearest_on_segment(ends[0], ends[1], q));
        let least = edges.map(|at| at.distance(q)).fold(f64::INFINITY, f64::min);
        let Some(told) = told else { continue };
        past += 1;
        assert!((told - least).abs() < 1e-12, "{n}: {told}, of all edges {least}");
        assert!(walls.overshoot_above(p, least + 1e-9).is_none());
        assert!(walls.overshoot_above(p, least - 1e-9).is_some());
    }
    assert!(past > 100, "{past}");
}
