//! The left stick pages through the slices: the one under the right hand's ray where slices stand in
//! the room, else the axial one. Away from the user is towards head, back and left.

use super::actions::Hand;
use super::frame::Hands;
use super::locomotion::DEAD_ZONE;
use super::placement::Placement;
use super::steer::Line;
use super::tools::Tool;
use crate::app::selection::Crosshair;
use crate::scene::slices::{Slices, SlicesInView};
use crate::space::{Dir, Patient, Point};
use crate::volume::{Plane, View};
use bevy::prelude::*;

/// Speed of the slices under a fully pushed stick.
const SCROLL_MM_PER_S: f64 = 60.0;

/// Moves the point that all slices pass through; it stays in the image.
pub(super) fn scroll_slices(
    (hands, tool): (Res<Hands>, Res<Tool>),
    placement: Res<Placement>,
    time: Res<Time>,
    (slices, in_view): (Res<Slices>, Res<SlicesInView>),
    mut crosshair: ResMut<Crosshair>,
) {
    let push = hands[Hand::Left.index()].stick.y;
    if push.abs() < DEAD_ZONE || tool.hand() == Some(Hand::Left) {
        return;
    }
    let ray = hands[Hand::Right.index()].patient_from_aim(&placement).map(Line::of_aim);
    let shown = slices.0.iter().filter(|slice| in_view.0[slice.view as usize]);
    let met = shown.filter_map(|s| Some((s.view, distance_mm(s.plane(), ray.as_ref()?)?)));
    let nearest = met.min_by(|a, b| a.1.total_cmp(&b.1));
    let view = nearest.map_or(View::Axial, |(view, _)| view);
    let way = view.paging() * (f64::from(push * time.delta_secs()) * SCROLL_MM_PER_S);
    let next = crosshair.0 + way;
    if is_inside(&slices, next - crosshair.0, next) {
        crosshair.0 = next;
    }
}

/// How far along a ray it meets a slice, mm; `None` beside it and behind.
fn distance_mm(plane: &Plane, ray: &Line) -> Option<f64> {
    let slope = ray.axis.dot(plane.away());
    let along = (plane.centre() - ray.entry).dot(plane.away()) / slope;
    if !along.is_finite() || along < 0.0 {
        return None;
    }
    is_on(plane, ray.entry + ray.axis * along).then_some(along)
}

/// The slices across the way of the crosshair still show the place where it goes.
fn is_inside(slices: &Slices, way: Dir<Patient>, to: Point<Patient>) -> bool {
    let mut across = slices.0.iter().filter(|slice| slice.plane().away().dot(way).abs() < 1e-9);
    across.all(|slice| is_on(slice.plane(), to))
}

fn is_on(plane: &Plane, p: Point<Patient>) -> bool {
    let (pixel, _) = plane.pixel(p);
    pixel.iter().zip(plane.pixels()).all(|(at, count)| (-0.5..count as f64 - 0.5).contains(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ray_meets_the_slice_ahead_of_it_and_none_beside_it() {
        let plane = Plane::view(View::Axial, Point::new(0.0, 0.0, 50.0), [40.0; 2], [40; 2]);
        let plane = plane.expect("a plane");
        let ray = |x: f64, up: f64| Line { entry: Point::new(x, 0.0, 0.0), axis: Dir::Z * up };
        let met = distance_mm(&plane, &ray(10.0, 1.0)).expect("it is ahead");
        assert!((met - 50.0).abs() < 1e-9);
        assert_eq!(distance_mm(&plane, &ray(10.0, -1.0)), None, "behind");
        assert_eq!(distance_mm(&plane, &ray(30.0, 1.0)), None, "beside");
        let along = Line { entry: Point::ORIGIN, axis: Dir::X };
        assert_eq!(distance_mm(&plane, &along), None, "along the slice");
    }
}
