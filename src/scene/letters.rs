//! R L A P S I around the model, placed by the root's matrix and never typed to a side; they turn
//! to every viewer.

use super::case::{CaseRoot, world_dir_from_patient, world_from_patient};
use super::colour::{self, srgb};
use crate::app::jobs::ActiveCase;
use crate::case::spine::Spine;
use crate::space::orientation::Letter;
use crate::space::{Dir, Patient, Point};
use bevy::prelude::*;

/// Height of a letter in patient space, mm.
const HEIGHT_MM: f32 = 16.0;
/// Room between the model and a letter, mm.
const GAP_MM: f64 = 22.0;
/// Around a model of a larger radius (a whole trunk) both grow with it, mm.
const USUAL_RADIUS_MM: f64 = 250.0;
/// A letter is left out when its direction leads this straight to or from the viewer (cosine): it
/// would stand in front of the model and mean nothing.
const HEAD_ON: f32 = 0.85;

/// Strokes that lie over everything.
#[derive(Default, Reflect, GizmoConfigGroup)]
pub struct LetterLines;

/// Marks the camera to which the letters turn; both eyes of a headset share the head's.
#[derive(Component, Default)]
pub struct Viewer;

/// The box around the model, by which letters and cameras keep their distance. LPS mm.
#[derive(Resource, Clone, Copy, Debug)]
pub struct ModelBox {
    /// Its middle.
    pub middle: Point<Patient>,
    /// Half its size along LPS.
    pub half_mm: [f64; 3],
}

impl Default for ModelBox {
    fn default() -> Self {
        Self { middle: Point::ORIGIN, half_mm: [50.0, 50.0, 100.0] }
    }
}

impl ModelBox {
    /// The box of all bones, or of the CT where there are none.
    pub fn of(spine: &Spine) -> Self {
        let of_ct = || {
            let corners = spine.ct.as_ref()?.grid().corners().map(Point::vec);
            let far = bevy::math::DVec3::INFINITY;
            let both = corners.into_iter().fold([far, -far], |[l, h], p| [l.min(p), h.max(p)]);
            Some(both.map(Point::from_vec))
        };
        let Some([low, high]) = spine.bounds().or_else(of_ct) else { return Self::default() };
        let half_mm = ((high.vec() - low.vec()) / 2.0).to_array();
        Self { middle: low.lerp(high, 0.5), half_mm }
    }
    /// Radius of the ball around the box, mm.
    fn radius_mm(&self) -> f64 {
        bevy::math::DVec3::from_array(self.half_mm).length()
    }
    /// Corners of the box and of every letter that an eye in direction `towards` with this rotation
    /// sees: from the box's middle, in the world.
    pub fn seen_points(&self, root: &GlobalTransform, towards: Vec3, eye: Quat) -> Vec<Vec3> {
        let middle = world_from_patient(root, self.middle);
        let from_middle = |p| world_from_patient(root, p) - middle;
        let signs = [-1.0, 1.0];
        let corner = |x: f64, y: f64, z: f64| {
            let [a, b, c] = self.half_mm;
            self.middle + Dir::new(x * a, y * b, z * c)
        };
        let corners = signs.map(|x| signs.map(|y| signs.map(|z| from_middle(corner(x, y, z)))));
        let half = self.letter_height(root) / 2.0;
        let letters = Letter::ALL.into_iter().filter(|l| !is_head_on(root, *l, towards));
        let of_letter = |letter: Letter| {
            let at = from_middle(self.anchor(letter));
            [Vec3::X, Vec3::Y, Vec3::NEG_X, Vec3::NEG_Y].map(|d| at + eye * d * half)
        };
        let mut points: Vec<Vec3> = corners.into_iter().flatten().flatten().collect();
        points.extend(letters.flat_map(of_letter));
        points
    }
    /// Height of a letter in the world.
    fn letter_height(&self, root: &GlobalTransform) -> f32 {
        HEIGHT_MM * self.letter_scale() as f32 * root.scale().y
    }
    /// How much larger than usual the letters are.
    fn letter_scale(&self) -> f64 {
        (self.radius_mm() / USUAL_RADIUS_MM).max(1.0)
    }
    /// Where a letter stands: outside the box, on its own axis.
    fn anchor(&self, letter: Letter) -> Point<Patient> {
        let d = letter.dir();
        let reach: f64 = d.to_array().iter().zip(self.half_mm).map(|(d, h)| d.abs() * h).sum();
        self.middle + d * (reach + GAP_MM * self.letter_scale())
    }
}

/// Measures the new case.
pub fn measure(case: Res<ActiveCase>, mut model: ResMut<ModelBox>) {
    *model = ModelBox::of(&case.spine);
}

/// The letter's direction leads (almost) straight along the line of sight.
fn is_head_on(root: &GlobalTransform, letter: Letter, sight: Vec3) -> bool {
    world_dir_from_patient(root, letter.dir()).dot(sight).abs() > HEAD_ON
}

/// Draws the letters.
pub fn draw_letters(
    model: Res<ModelBox>,
    root: Query<&GlobalTransform, With<CaseRoot>>,
    viewer: Query<&GlobalTransform, With<Viewer>>,
    mut lines: Gizmos<LetterLines>,
) {
    let (Ok(root), Some(viewer)) = (root.single(), viewer.iter().next()) else { return };
    let size = model.letter_height(root);
    for letter in Letter::ALL {
        let at = world_from_patient(root, model.anchor(letter));
        let sight = (at - viewer.translation()).normalize_or_zero();
        if is_head_on(root, letter, sight) {
            continue;
        }
        let turn = Isometry3d::new(at, viewer.rotation());
        lines.text(turn, letter.as_str(), size, Vec2::ZERO, srgb(colour::LETTER));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stand_outside_the_box_on_their_own_side() {
        let model = ModelBox { middle: Point::new(5.0, 6.0, 7.0), half_mm: [10.0, 20.0, 30.0] };
        let left = model.anchor(Letter::L);
        assert_eq!(left.to_array(), [5.0 + 10.0 + GAP_MM, 6.0, 7.0]);
        let below = model.anchor(Letter::I);
        assert_eq!(below.to_array(), [5.0, 6.0, 7.0 - 30.0 - GAP_MM]);
    }
}
