//! Brush and eraser on the slices.
//!
//! In: where the mouse paints, point by point. Out: one [`Intent::Mend`] when it lets go.

use super::intent::Intent;
use crate::app::selection::Selection;
use crate::case::spine::Spine;
use crate::labels::edit::{Mending, Stroke};
use crate::space::{Patient, Point};
use bevy::prelude::*;

/// How the brush is set, and its stroke under way.
#[derive(Resource, Clone, Debug, PartialEq)]
pub struct Brush {
    /// Radius, mm.
    pub radius_mm: f64,
    /// It takes the chosen level away in place of adding to it.
    pub is_eraser: bool,
    /// It paints over other levels as well.
    pub is_over_others: bool,
    /// Where it went since it was pressed, LPS mm.
    pub path: Vec<Point<Patient>>,
}

/// Radii on offer, mm.
pub const RADII_MM: [f64; 8] = [0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0];

impl Default for Brush {
    fn default() -> Self {
        Self { radius_mm: 2.0, is_eraser: false, is_over_others: false, path: Vec::new() }
    }
}

/// What the mouse does with the brush in this frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Touch {
    /// It is pressed here.
    At(Point<Patient>),
    /// It lets go.
    LetGo,
}

impl Brush {
    /// Goes so many radii up or down.
    pub fn step(&mut self, steps: i32) {
        let now = RADII_MM.iter().position(|r| *r >= self.radius_mm).unwrap_or(RADII_MM.len() - 1);
        let next = (now as i32 + steps).clamp(0, RADII_MM.len() as i32 - 1);
        self.radius_mm = RADII_MM[next as usize];
    }
    /// The label of the level that is worked on; `None` where none is chosen.
    pub fn label(spine: &Spine, selection: &Selection) -> Option<u16> {
        let labels = spine.labels.as_ref()?;
        Some(labels.vertebra(selection.vertebra?)?.value)
    }
    /// Follows the mouse; the finished stroke as an edit, where there is one.
    pub fn follow(&mut self, touch: Touch, spine: &Spine, selection: &Selection) -> Option<Intent> {
        match touch {
            Touch::At(point) => {
                self.path.push(point);
                None
            }
            Touch::LetGo => {
                let path = std::mem::take(&mut self.path);
                let label = Self::label(spine, selection)?;
                let (paints, over) = match (self.is_eraser, self.is_over_others) {
                    (true, _) => (0, Some(label)),
                    (false, true) => (label, None),
                    (false, false) => (label, Some(0)),
                };
                let stroke = Stroke::new(&path, self.radius_mm, paints, over);
                (!path.is_empty()).then_some(Intent::Mend(Mending::Stroke(stroke)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brush_goes_through_its_radii_and_stays_at_the_ends() {
        let mut brush = Brush::default();
        brush.step(1);
        assert_eq!(brush.radius_mm, 3.0);
        brush.step(-20);
        assert_eq!(brush.radius_mm, RADII_MM[0]);
        brush.step(99);
        assert_eq!(brush.radius_mm, 10.0);
    }

    #[test]
    fn without_a_chosen_level_nothing_is_painted() {
        let mut brush = Brush::default();
        let (spine, selection) = (Spine::default(), Selection::default());
        assert_eq!(brush.follow(Touch::At(Point::ORIGIN), &spine, &selection), None);
        assert_eq!(brush.follow(Touch::LetGo, &spine, &selection), None);
        assert!(brush.path.is_empty());
    }
}
