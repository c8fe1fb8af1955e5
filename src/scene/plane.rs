//! The three slice planes: where each lies in the patient and how it is turned to the reader.
//!
//! Axial is seen from the feet (the patient's left on the image's right), coronal from the front,
//! sagittal with the front on the left. The letters at the edges are read from these directions.

use crate::space::{Dir, Patient, Point};
use crate::volume::Grid;

/// One of the three standard directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slicing {
    /// Across the body.
    Axial,
    /// From left to right and head to feet.
    Coronal,
    /// From front to back and head to feet.
    Sagittal,
}

impl Slicing {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Axial, Self::Coronal, Self::Sagittal];

    /// The patient direction that leads to the right in the image.
    pub fn right(self) -> Dir<Patient> {
        match self {
            Self::Axial | Self::Coronal => Dir::X,
            Self::Sagittal => Dir::Y,
        }
    }
    /// The patient direction that leads down in the image.
    pub fn down(self) -> Dir<Patient> {
        match self {
            Self::Axial => Dir::Y,
            Self::Coronal | Self::Sagittal => -Dir::Z,
        }
    }
    /// The direction in which the slice is paged, and the axis that it stands across: towards
    /// head, back and left.
    pub fn paging(self) -> Dir<Patient> {
        match self {
            Self::Axial => Dir::Z,
            Self::Coronal => Dir::Y,
            Self::Sagittal => Dir::X,
        }
    }
}

/// A slice through the whole volume, as wide as the volume is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane {
    /// Which of the three.
    pub slicing: Slicing,
    /// The image's upper left corner (of the corner pixel's centre), LPS mm.
    pub corner: Point<Patient>,
    /// Pixels across and down.
    pub size: [usize; 2],
    /// Side of a pixel, mm.
    pub pixel_mm: f64,
}

/// Most pixels along a side: more than a screen shows.
const MOST_PIXELS: f64 = 640.0;

impl Plane {
    /// The slice through `point`, covering the box of the grid.
    pub fn through(point: Point<Patient>, slicing: Slicing, grid: &Grid) -> Self {
        let (right, down, across) = (slicing.right(), slicing.down(), slicing.paging());
        let reach = |d: Dir<Patient>| {
            let along = grid.corners().map(|c| (c - Point::ORIGIN).dot(d));
            let low = along.iter().copied().fold(f64::INFINITY, f64::min);
            let high = along.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (low, high)
        };
        let ((left, right_end), (top, bottom)) = (reach(right), reach(down));
        let finest = grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
        let longest = (right_end - left).max(bottom - top);
        let pixel_mm = finest.max(longest / MOST_PIXELS).max(1e-3);
        let count = |length: f64| (length / pixel_mm).floor() as usize + 1;
        let depth = (point - Point::ORIGIN).dot(across);
        Self {
            slicing,
            corner: Point::ORIGIN + right * left + down * top + across * depth,
            size: [count(right_end - left), count(bottom - top)],
            pixel_mm,
        }
    }
    /// The patient point at a pixel position (pixel centres at whole numbers).
    pub fn point(&self, x: f64, y: f64) -> Point<Patient> {
        self.corner
            + self.slicing.right() * (x * self.pixel_mm)
            + self.slicing.down() * (y * self.pixel_mm)
    }
    /// Pixel position and height above the plane (mm, along paging) of a patient point.
    pub fn project(&self, p: Point<Patient>) -> ([f64; 2], f64) {
        let d = p - self.corner;
        let at = |axis: Dir<Patient>| d.dot(axis) / self.pixel_mm;
        ([at(self.slicing.right()), at(self.slicing.down())], d.dot(self.slicing.paging()))
    }
    /// Width and height, mm.
    pub fn extent_mm(&self) -> [f64; 2] {
        self.size.map(|n| n as f64 * self.pixel_mm)
    }
    /// The middle of the image in the patient.
    pub fn middle(&self) -> Point<Patient> {
        let [w, h] = self.size.map(|n| (n as f64 - 1.0) / 2.0);
        self.point(w, h)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Affine;
    use crate::space::orientation::letters;
    use glam::{DAffine3, DVec3};

    fn grid() -> Grid {
        // Flipped in x, so that voxel order and patient order differ.
        let map = DAffine3::from_scale_rotation_translation(
            DVec3::new(-1.0, 1.0, 2.0),
            glam::DQuat::IDENTITY,
            DVec3::new(30.0, -10.0, 5.0),
        );
        Grid::new([31, 21, 11], Affine::new(map)).expect("a valid grid")
    }

    #[test]
    fn the_edges_are_what_readers_expect() {
        let edges = Slicing::ALL.map(|s| (letters(s.right()), letters(s.down())));
        assert_eq!(edges[0], ("L".into(), "P".into()));
        assert_eq!(edges[1], ("L".into(), "I".into()));
        assert_eq!(edges[2], ("P".into(), "I".into()));
    }

    #[test]
    fn a_plane_covers_the_grid_and_passes_through_its_point() {
        let p = Point::new(12.0, -3.0, 17.0);
        for slicing in Slicing::ALL {
            let plane = Plane::through(p, slicing, &grid());
            let ([x, y], height) = plane.project(p);
            assert!(height.abs() < 1e-9);
            assert!(plane.point(x, y).distance(p) < 1e-9);
            assert!(x >= 0.0 && y >= 0.0);
            assert!(x < plane.size[0] as f64 && y < plane.size[1] as f64);
        }
        let axial = Plane::through(p, Slicing::Axial, &grid());
        assert_eq!(axial.size, [31, 21]);
        assert_eq!(axial.corner.to_array(), [0.0, -10.0, 17.0]);
    }
}
