//! Where a slice cuts a screw.

use crate::plan::Screw;
use crate::volume::Plane;
use std::f64::consts::TAU;

/// Sides of the prism that stands for the cylinder; its corners lie on the thread's crest.
const SIDES: usize = 36;

/// The outline of the cylinder of a screw's outer diameter in a slice, as pixel positions in order
/// around it. Empty where the slice passes beside the screw.
///
/// The cylinder is convex, so the cut is the convex polygon through the points where its edges
/// cross the plane.
pub fn screw_outline(screw: &Screw, plane: &Plane) -> Vec<[f64; 2]> {
    let u = screw.axis.any_perpendicular();
    let v = screw.axis.cross(u);
    let radius = screw.radius_mm();
    let rim = |k: usize| {
        let (sin, cos) = (TAU * k as f64 / SIDES as f64).sin_cos();
        u * (radius * cos) + v * (radius * sin)
    };
    let mut cut = Vec::new();
    let mut cross = |a: ([f64; 2], f64), b: ([f64; 2], f64)| {
        if (a.1 < 0.0) != (b.1 < 0.0) {
            let t = a.1 / (a.1 - b.1);
            cut.push([a.0[0] + (b.0[0] - a.0[0]) * t, a.0[1] + (b.0[1] - a.0[1]) * t]);
        }
    };
    for k in 0..SIDES {
        let (here, next) = (rim(k), rim(k + 1));
        let near = plane.pixel(screw.entry + here);
        let far = plane.pixel(screw.tip() + here);
        cross(near, far);
        cross(near, plane.pixel(screw.entry + next));
        cross(far, plane.pixel(screw.tip() + next));
    }
    in_order(cut)
}

/// Convex points in order around their middle.
fn in_order(mut points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    let n = points.len().max(1) as f64;
    let middle = points.iter().fold([0.0, 0.0], |m, p| [m[0] + p[0] / n, m[1] + p[1] / n]);
    let angle = |p: &[f64; 2]| (p[1] - middle[1]).atan2(p[0] - middle[0]);
    points.sort_by(|a, b| angle(a).total_cmp(&angle(b)));
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::{Level, VertebraId};
    use crate::plan::{ScrewId, ScrewState, ScrewStyle};
    use crate::space::{Dir, Patient, Point, Side};
    use crate::volume::View;

    /// 100 x 100 pixels of half a millimetre, the first one's centre at `corner`.
    fn plane(view: View, corner: Point<Patient>) -> Plane {
        let [right, down] = view.directions();
        let centre = corner + (right + down) * (99.0 * 0.25);
        Plane::view(view, centre, [50.0; 2], [100; 2]).expect("a plane")
    }

    fn screw() -> Screw {
        Screw {
            id: ScrewId::random(),
            vertebra: VertebraId::of_label("test", 1),
            level: Level::S1,
            side: Side::Left,
            style: ScrewStyle::Pedicle,
            in_out_in: false,
            entry: Point::new(20.0, 30.0, 0.0),
            axis: -Dir::Y,
            diameter_mm: 6.0,
            length_mm: 20.0,
            author: "test".to_owned(),
            edited: jiff::Timestamp::UNIX_EPOCH,
            state: ScrewState::Reviewed,
            unknown: serde_json::Map::new(),
        }
    }

    fn bounds(points: &[[f64; 2]]) -> [f64; 4] {
        points.iter().fold([f64::MAX, f64::MAX, f64::MIN, f64::MIN], |b, p| {
            [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])]
        })
    }

    #[test]
    fn a_slice_along_the_screw_shows_its_length_and_width() {
        let outline = screw_outline(&screw(), &plane(View::Axial, Point::ORIGIN));
        let [left, top, right, bottom] = bounds(&outline);
        // In pixels of half a millimetre: x 17 to 23 mm, y 10 to 30 mm.
        assert!((left - 34.0).abs() < 0.1 && (right - 46.0).abs() < 0.1, "{left} {right}");
        assert!((top - 20.0).abs() < 1e-9 && (bottom - 60.0).abs() < 1e-9);
    }

    #[test]
    fn a_slice_across_the_screw_shows_its_round() {
        let across = plane(View::Coronal, Point::new(0.0, 20.0, 10.0));
        let outline = screw_outline(&screw(), &across);
        assert_eq!(outline.len(), SIDES);
        for p in outline {
            let from_axis = ((p[0] - 40.0).powi(2) + (p[1] - 20.0).powi(2)).sqrt();
            assert!((from_axis - 6.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_slice_beside_the_screw_shows_nothing() {
        let beside = plane(View::Axial, Point::new(0.0, 0.0, 3.2));
        assert!(screw_outline(&screw(), &beside).is_empty());
    }
}
