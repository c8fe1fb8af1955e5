//! Rods bent by hand, as it were: from what the table prints, by maths that is not the program's.

use corridor::implant::{RodKind, Rods};
use corridor::plan::bent::BentRod;
use corridor::plan::rod::Rod;
use corridor::space::{Patient, Point};
use glam::DVec3;

/// Heads of one side as a column has them: kyphosis above, lordosis below, a curve to the side, and
/// each a little off.
fn heads(levels: i32, bow_mm: f64, side_mm: f64) -> Vec<Point<Patient>> {
    let at = |n: i32| {
        let t = f64::from(n) / f64::from(levels - 1);
        let off = |k: f64| 0.8 * (k * f64::from(n)).sin();
        let x = 24.0 + 6.0 * t + side_mm * (std::f64::consts::PI * t).sin() + off(2.3);
        let y = bow_mm * (std::f64::consts::TAU * (t - 0.15)).sin() + off(3.7);
        Point::new(x, y, -f64::from(n) * (20.0 + 15.0 * t))
    };
    (0..levels).map(at).collect()
}

/// T1 to S1, straight and with scoliosis; L1 to S1.
fn columns() -> Vec<Vec<Point<Patient>>> {
    vec![heads(18, 28.0, 2.0), heads(18, 22.0, 35.0), heads(6, 12.0, 4.0)]
}

/// Feed, roll and set angle of each bend, then the last feed, off the printed table.
fn read(text: &str) -> (Vec<[f64; 3]>, f64) {
    let mut rows = Vec::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        if cells[0] == "end" {
            return (rows, cells[1].parse().unwrap());
        }
        rows.push([1, 2, 3].map(|n: usize| cells[n].parse().unwrap()));
    }
    panic!("no end in {text}");
}

/// The rod that these settings make, starting as `like` does: points a tenth of a degree apart.
fn bent(
    (rows, last): &(Vec<[f64; 3]>, f64),
    radius: f64,
    kind: &RodKind,
    like: &[Point<Patient>],
) -> Vec<DVec3> {
    let first = like.iter().map(|p| p.vec());
    let first: Vec<DVec3> = first.take(3).collect();
    let mut place = first[0];
    let mut along = (first[1] - first[0]).normalize();
    // Towards the middle of the first arc.
    let leaves = first[2] - first[1];
    let mut inwards = (leaves - along * leaves.dot(along)).normalize();
    let mut line = vec![place];
    for [feed, roll, set] in rows {
        place += along * *feed;
        let (sin, cos) = roll.to_radians().sin_cos();
        inwards = inwards * cos + along.cross(inwards) * sin;
        let stays = (kind.spring_factor * set + kind.spring_offset_deg).to_radians();
        let on_arc = |angle: f64| {
            place + along * (radius * angle.sin()) + inwards * (radius * (1.0 - angle.cos()))
        };
        line.extend((0..=400).map(|n| on_arc(stays * f64::from(n) / 400.0)));
        place = on_arc(stays);
        let (sin, cos) = stays.sin_cos();
        (along, inwards) = (along * cos + inwards * sin, inwards * cos - along * sin);
    }
    line.push(place + along * *last);
    line
}

fn off(point: DVec3, line: &[DVec3]) -> f64 {
    let segment = |w: &[DVec3]| {
        let piece = w[1] - w[0];
        let t = (point - w[0]).dot(piece) / piece.length_squared().max(1e-24);
        point.distance(w[0] + piece * t.clamp(0.0, 1.0))
    };
    line.windows(2).map(segment).fold(f64::INFINITY, f64::min)
}

#[test]
fn what_the_table_prints_makes_the_rod_that_is_shown_with_the_misfits_that_are_told() {
    let rods = Rods::builtin().unwrap();
    let mut worst = 0.0_f64;
    for heads in columns() {
        let curve = Rod::through(&heads, &rods).unwrap();
        let with = rods.benders.iter().flat_map(|b| rods.rods.iter().map(move |kind| (b, kind)));
        for (bender, kind) in with {
            let shown = BentRod::along(&curve, bender, kind, &rods, None);
            let case = format!("{} heads, {}, {}", heads.len(), bender.id, kind.id);
            assert_eq!(shown.table.impossible, [""; 0], "{case}");
            assert_eq!(shown.warnings, [""; 0], "{case}");
            let made = bent(&read(&shown.table.text()), bender.former_radius_mm, kind, &shown.line);
            let line: Vec<DVec3> = shown.line.iter().map(|p| p.vec()).collect();
            let there = line.iter().map(|p| off(*p, &made)).fold(0.0, f64::max);
            let back = made.iter().map(|p| off(*p, &line)).fold(0.0, f64::max);
            assert!(there.max(back) < 0.05, "{case}: {there} {back}");
            worst = worst.max(there).max(back);
            for (head, told) in heads.iter().zip(&shown.misfit_mm) {
                let is = off(head.vec(), &made);
                assert!((is - told).abs() < 0.01, "{case}: {is} is told as {told}");
            }
            let cut: f64 = made.windows(2).map(|w| w[0].distance(w[1])).sum();
            assert!((cut - shown.length_mm()).abs() < 0.01, "{case}: {cut}");
            println!(
                "{case}: {} bends, misfit {:.3} mm as bent, {:.3} mm of the curve",
                shown.table.bends.len(),
                shown.rms_misfit_mm(),
                curve.rms_misfit_mm()
            );
        }
    }
    println!("worst distance of what is printed from what is shown: {worst:.5} mm");
}

#[test]
fn a_rod_is_bent_so_that_its_heads_are_missed_little_more_than_by_the_curve() {
    let rods = Rods::builtin().unwrap();
    for heads in columns() {
        let curve = Rod::through(&heads, &rods).unwrap();
        for (bender, more_mm) in [("hand", 0.35), ("machine", 0.25)] {
            let bender = rods.bender(bender).unwrap();
            let shown = BentRod::along(&curve, bender, &rods.rods[0], &rods, None);
            let (is, least) = (shown.rms_misfit_mm(), curve.rms_misfit_mm());
            assert!(is < least + more_mm, "{} heads, {}: {is} {least}", heads.len(), bender.id);
        }
    }
}
