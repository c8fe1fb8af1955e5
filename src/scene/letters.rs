//! R L A P S I around the model, placed by the root's matrix and never typed to a side; they turn
//! to every viewer.

use super::case::{CaseRoot, world_dir_from_patient, world_from_patient};
use super::colour::{self, srgb};
use crate::app::jobs::ActiveCase;
use crate::case::spine::Spine;
use crate::space::orientation::Letter;
use crate::space::{Patient, Point};
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
    /// The box of all vertebrae, or of the CT where there are none.
    pub fn of(spine: &Spine) -> Self {
        let mut low = bevy::math::DVec3::INFINITY;
        let mut high = bevy::math::DVec3::NEG_INFINITY;
        let mut grow = |p: Point<Patient>| {
            low = low.min(p.vec());
            high = high.max(p.vec());
        };
        spine.vertebrae.iter().flat_map(|v| &v.mesh.positions).for_each(|p| grow(*p));
        if spine.vertebrae.is_empty()
            && let Some(ct) = &spine.ct
        {
            ct.grid().corners().into_iter().for_each(&mut grow);
        }
        if !low.is_finite() {
            return Self::default();
        }
        Self {
            middle: Point::from_vec((low + high) / 2.0),
            half_mm: ((high - low) / 2.0).to_array(),
        }
    }
    /// Radius of the ball around the box, mm.
    pub fn radius_mm(&self) -> f64 {
        bevy::math::DVec3::from_array(self.half_mm).length()
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

/// Draws the letters.
pub fn draw_letters(
    model: Res<ModelBox>,
    root: Query<&GlobalTransform, With<CaseRoot>>,
    viewer: Query<&GlobalTransform, With<Viewer>>,
    mut lines: Gizmos<LetterLines>,
) {
    let (Ok(root), Some(viewer)) = (root.single(), viewer.iter().next()) else { return };
    let size = HEIGHT_MM * model.letter_scale() as f32 * root.scale().y;
    for letter in Letter::ALL {
        let at = world_from_patient(root, model.anchor(letter));
        let sight = (at - viewer.translation()).normalize_or_zero();
        let straight = world_dir_from_patient(root, letter.dir()).dot(sight).abs();
        if straight > HEAD_ON {
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
