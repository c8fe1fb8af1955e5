//! The column as it is drawn on a film, seen from the front or from the side.
//!
//! In: the numbers of a case. Out: points and lines of a plot in mm, whose upright axis is the patient's
//! long axis.

use super::measures::{LevelMeasures, Measures};
use crate::anatomy::EndPlate;
use crate::labels::Level;
use crate::space::{Dir, Patient, Point};

/// From where the column is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Film {
    /// From the front: the patient's left lies on the right.
    Coronal,
    /// From the patient's left: the back lies on the right.
    Sagittal,
}

impl Film {
    /// The letters of the patient's sides at the left and the right end of the film.
    pub fn letters(self) -> [&'static str; 2] {
        match self {
            Self::Coronal => ["R", "L"],
            Self::Sagittal => ["A", "P"],
        }
    }
    fn across(self) -> Dir<Patient> {
        match self {
            Self::Coronal => Dir::X,
            Self::Sagittal => Dir::Y,
        }
    }
    fn place(self, p: Point<Patient>) -> [f64; 2] {
        let from_origin = p - Point::ORIGIN;
        [from_origin.dot(self.across()), from_origin.dot(Dir::Z)]
    }
    /// The middles of the bodies, cranial ones first.
    pub fn bodies(self, measures: &Measures) -> Vec<(Level, [f64; 2])> {
        let middle =
            |level: &LevelMeasures| self.place(level.model.anatomy.patient_from_vertebra.origin());
        measures.levels.iter().map(|level| (level.level, middle(level))).collect()
    }
    /// The end plates that were found, as lines of twice `half_mm`, cranial ones first.
    pub fn plates(self, measures: &Measures, half_mm: f64) -> Vec<[[f64; 2]; 2]> {
        let both = measures.levels.iter().flat_map(|level| {
            let anatomy = &level.model.anatomy;
            [anatomy.upper_plate, anatomy.lower_plate]
        });
        both.flatten().map(|plate| self.line(&plate, half_mm)).collect()
    }
    /// A short line as tilted as the plate is, from the film's left to its right.
    fn line(self, plate: &EndPlate, half_mm: f64) -> [[f64; 2]; 2] {
        let up = [plate.up.dot(self.across()), plate.up.dot(Dir::Z)];
        let length = up[0].hypot(up[1]).max(1e-9);
        let along = [up[1] / length * half_mm, -up[0] / length * half_mm];
        let [x, z] = self.place(plate.centre);
        [[x - along[0], z - along[1]], [x + along[0], z + along[1]]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plate_that_leans_forward_falls_forward_on_the_film() {
        let up = Dir::new(0.0, -0.5, 1.0).unit().expect("not zero");
        let plate = EndPlate { centre: Point::new(3.0, 10.0, 50.0), up };
        let [front, rear] = Film::Sagittal.line(&plate, 16.0);
        assert!(front[0] < rear[0] && front[1] < rear[1], "its front edge is lower: {front:?}");
        let slope = (rear[1] - front[1]) / (rear[0] - front[0]);
        assert!((slope - 0.5).abs() < 1e-9);
        let [right, left] = Film::Coronal.line(&plate, 16.0);
        assert!(right[0] < left[0] && (right[1] - left[1]).abs() < 1e-9, "{right:?} {left:?}");
    }
}
