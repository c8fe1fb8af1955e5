//! A pointer finds the point of bone that it points at, whatever stands between world and patient.

use super::stack::{HALF_MM, MIDDLE, interaction_app, point, ray};
use corridor::interact::pick::Target;
use corridor::interact::pointer::{Aim, PointerKind};
use corridor::space::Dir;

#[test]
fn a_ray_from_behind_meets_the_back_of_the_bone() {
    let (mut app, pointer, _folder) = interaction_app(PointerKind::Mouse);
    let aside = Dir::X * 7.0 + Dir::Z * 3.0;
    let from = MIDDLE + aside + Dir::Y * 400.0;
    let towards = ray(&mut app, from, MIDDLE + aside);
    point(&mut app, pointer, towards, false);
    let hit = app.world().get::<Aim>(pointer).unwrap().0.unwrap();
    assert!(matches!(hit.target, Target::Bone(_)));
    let expected = MIDDLE + aside + Dir::Y * HALF_MM[1];
    assert!(hit.point.distance(expected) < 0.1, "{:?}", hit.point);
    assert!(hit.normal.dot(Dir::Y) > 0.99, "{:?}", hit.normal);
}

#[test]
fn a_ray_beside_the_bone_meets_nothing() {
    let (mut app, pointer, _folder) = interaction_app(PointerKind::Mouse);
    let aside = Dir::X * (HALF_MM[0] + 1.0);
    let towards = ray(&mut app, MIDDLE + aside + Dir::Y * 400.0, MIDDLE + aside);
    point(&mut app, pointer, towards, false);
    assert!(app.world().get::<Aim>(pointer).unwrap().0.is_none());
}
