//! From how far the whole model is seen, with the letters around it.

use super::letters::ModelBox;
use bevy::prelude::*;

/// An eye that looks at a focus.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Unit vector from the focus to the eye, in the world.
    pub towards: Vec3,
    /// What is up in the picture; not along `towards`.
    pub up: Vec3,
    /// Vertical field of view, radians.
    pub field_of_view: f32,
    /// Width of the picture by its height.
    pub aspect: f32,
}

/// Share of the picture's half that the outermost point may reach.
const FILLED: f32 = 0.97;

/// Distance from the model's middle to an eye that sees its whole box and every letter that is
/// drawn in that view, in units of the world; exact for a perspective picture.
pub fn distance_to_see(model: &ModelBox, root: &GlobalTransform, look: Look) -> f32 {
    let eye = Transform::default().looking_to(-look.towards, look.up).rotation;
    let tall = (look.field_of_view / 2.0).tan() * FILLED;
    let wide = tall * look.aspect;
    let points = model.seen_points(root, look.towards, eye);
    points.into_iter().fold(0.0, |far, p| {
        let p = eye.inverse() * p;
        far.max(p.z + (p.x.abs() / wide).max(p.y.abs() / tall))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::case::{CASE_PLACE, root_transform};
    use crate::space::Point;

    #[test]
    fn the_outermost_point_touches_the_pictures_edge_and_none_leaves_it() {
        let model = ModelBox { middle: Point::new(9.0, 8.0, 7.0), half_mm: [60.0, 40.0, 200.0] };
        let root = GlobalTransform::from(root_transform(model.middle, CASE_PLACE, 1.0));
        for towards in [Vec3::NEG_Z, Vec3::X, Vec3::new(0.4, 0.2, -0.8).normalize()] {
            for aspect in [0.4, 1.0, 2.5] {
                let look = Look { towards, up: Vec3::Y, field_of_view: 0.5, aspect };
                let distance = distance_to_see(&model, &root, look);
                let at = Transform::from_translation(CASE_PLACE + towards * distance)
                    .looking_at(CASE_PLACE, Vec3::Y);
                let lens = Mat4::perspective_rh(0.5, aspect, 0.01, 10.0);
                let reach = model.seen_points(&root, towards, at.rotation).into_iter().map(|p| {
                    let seen = lens * (at.to_matrix().inverse() * (CASE_PLACE + p).extend(1.0));
                    (seen.truncate() / seen.w).truncate().abs().max_element()
                });
                let reach = reach.fold(0.0, f32::max);
                assert!((reach - FILLED).abs() < 1e-3, "{towards} {aspect}: {reach}");
            }
        }
    }
}
