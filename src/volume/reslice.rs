//! Flat cuts through a volume: orthogonal, oblique, along a screw and across it.
//!
//! In: a [`Volume`] and a [`Plane`] in patient space. Out: a [`Slice`], one value per pixel. Which
//! letter stands at which edge is read from the plane's own directions, never typed.

use super::{Grid, Volume};
use crate::space::orientation::letters;
use crate::space::{Dir, Patient, Point, Voxel};
use glam::DVec3;
use rayon::prelude::*;

/// The three usual views, as radiologists hang them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// Seen from the feet: the patient's left on the image's right, the front on top.
    Axial,
    /// Seen from the front: the patient's left on the image's right, the head on top.
    Coronal,
    /// Seen from the patient's left: the front on the image's left, the head on top.
    Sagittal,
}

impl View {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Axial, Self::Coronal, Self::Sagittal];

    /// The directions of the image's right and of its bottom.
    pub fn directions(self) -> [Dir<Patient>; 2] {
        match self {
            Self::Axial => [Dir::X, Dir::Y],
            Self::Coronal => [Dir::X, -Dir::Z],
            Self::Sagittal => [Dir::Y, -Dir::Z],
        }
    }
    /// The direction in which slices are paged: towards head, back and left.
    pub fn paging(self) -> Dir<Patient> {
        match self {
            Self::Axial => Dir::Z,
            Self::Coronal => Dir::Y,
            Self::Sagittal => Dir::X,
        }
    }
}

/// Most pixels along a side of [`Plane::over`]: more than a screen shows.
const MOST_PIXELS: f64 = 640.0;

/// A rectangle in patient space with pixels on it.
///
/// `right` and `down` are unit and at right angles. Pixel (0, 0) is the upper left one; pixel
/// *centres* lie at whole numbers, and `centre` is the middle of the whole rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane {
    centre: Point<Patient>,
    right: Dir<Patient>,
    down: Dir<Patient>,
    size_mm: [f64; 2],
    pixels: [usize; 2],
}

impl Plane {
    /// A plane around `centre`. `right` is kept, `down` made perpendicular to it; `None` when they
    /// are parallel or zero, when a size is not positive, or when there is no pixel.
    pub fn new(
        centre: Point<Patient>,
        right: Dir<Patient>,
        down: Dir<Patient>,
        size_mm: [f64; 2],
        pixels: [usize; 2],
    ) -> Option<Self> {
        let right = right.unit()?;
        let down = Dir::from_vec(down.vec().reject_from_normalized(right.vec()));
        let down = (down.length() > 1e-9).then_some(down)?.unit()?;
        let is_sized = size_mm.iter().all(|mm| *mm > 0.0 && mm.is_finite());
        (is_sized && !pixels.contains(&0) && centre.is_finite()).then_some(Self {
            centre,
            right,
            down,
            size_mm,
            pixels,
        })
    }
    /// One of the usual views through `centre`.
    pub fn view(
        view: View,
        centre: Point<Patient>,
        size_mm: [f64; 2],
        pixels: [usize; 2],
    ) -> Option<Self> {
        let [right, down] = view.directions();
        Self::new(centre, right, down, size_mm, pixels)
    }
    /// The usual view through `point` that covers all voxel centres of `grid`: square pixels, as
    /// fine as its finest spacing, but at most 640 along a side.
    pub fn over(view: View, point: Point<Patient>, grid: &Grid) -> Self {
        let [right, down] = view.directions();
        let across = view.paging();
        let along = |p: Point<Patient>, d: Dir<Patient>| (p - Point::ORIGIN).dot(d);
        let ends = |d: Dir<Patient>| {
            let places = grid.corners().map(|corner| along(corner, d));
            let low = places.iter().copied().fold(f64::INFINITY, f64::min);
            (low, places.iter().copied().fold(f64::NEG_INFINITY, f64::max) - low)
        };
        let ((left, width), (top, height)) = (ends(right), ends(down));
        let finest = grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
        let pixel_mm = finest.max(width.max(height) / MOST_PIXELS).max(1e-3);
        let pixels = [width, height].map(|mm| (mm / pixel_mm).floor() as usize + 1);
        let [half_width, half_height] = pixels.map(|n| 0.5 * (n as f64 - 1.0) * pixel_mm);
        let centre = Point::ORIGIN
            + right * (left + half_width)
            + down * (top + half_height)
            + across * along(point, across);
        Self { centre, right, down, size_mm: pixels.map(|n| n as f64 * pixel_mm), pixels }
    }
    /// A cut that holds a screw's axis: its entry at the top, its tip below. `angle_rad` turns the
    /// cut about the axis; at 0 the image's right is as far towards the patient's left as can be.
    pub fn along_screw(
        middle: Point<Patient>,
        axis: Dir<Patient>,
        angle_rad: f64,
        size_mm: [f64; 2],
        pixels: [usize; 2],
    ) -> Option<Self> {
        let axis = axis.unit()?;
        let right = turned(across(axis), axis, angle_rad);
        // `new` keeps right and bends down; the two are perpendicular already.
        Self::new(middle, right, axis, size_mm, pixels)
    }
    /// A cut across a screw's axis at `middle`, seen from the screw's head as the surgeon sees it:
    /// the patient's head on top; for a screw that points forward, the patient's right on the
    /// image's right.
    pub fn across_screw(
        middle: Point<Patient>,
        axis: Dir<Patient>,
        size_mm: [f64; 2],
        pixels: [usize; 2],
    ) -> Option<Self> {
        let axis = axis.unit()?;
        let left = across(axis);
        // Either way right x down is the axis, so the viewer looks along it; down goes to the feet.
        let is_upright = axis.cross(left).vec().z <= 0.0;
        let right = if is_upright { left } else { -left };
        Self::new(middle, right, axis.cross(right), size_mm, pixels)
    }
    /// Middle of the rectangle.
    pub fn centre(&self) -> Point<Patient> {
        self.centre
    }
    /// Unit direction of the image's right.
    pub fn right(&self) -> Dir<Patient> {
        self.right
    }
    /// Unit direction of the image's bottom.
    pub fn down(&self) -> Dir<Patient> {
        self.down
    }
    /// Unit direction in which the viewer looks.
    pub fn away(&self) -> Dir<Patient> {
        self.right.cross(self.down)
    }
    /// Width and height, mm.
    pub fn size_mm(&self) -> [f64; 2] {
        self.size_mm
    }
    /// Pixels across and down.
    pub fn pixels(&self) -> [usize; 2] {
        self.pixels
    }
    /// Width and height of a pixel, mm.
    pub fn pixel_mm(&self) -> [f64; 2] {
        [0, 1].map(|n| self.size_mm[n] / self.pixels[n] as f64)
    }
    /// The same plane moved by `mm` away from the viewer.
    pub fn moved_away(self, mm: f64) -> Self {
        Self { centre: self.centre + self.away() * mm, ..self }
    }
    /// Where a (fractional) pixel lies.
    pub fn point(&self, [x, y]: [f64; 2]) -> Point<Patient> {
        let [across, down] = self.pixel_mm();
        let [nx, ny] = self.pixels.map(|n| (n as f64 - 1.0) / 2.0);
        self.centre + self.right * ((x - nx) * across) + self.down * ((y - ny) * down)
    }
    /// The (fractional) pixel in front of a point, and how far behind the plane it lies, mm
    /// (negative before it).
    pub fn pixel(&self, p: Point<Patient>) -> ([f64; 2], f64) {
        let from_centre = p - self.centre;
        let [across, down] = self.pixel_mm();
        let [nx, ny] = self.pixels.map(|n| (n as f64 - 1.0) / 2.0);
        let x = from_centre.dot(self.right) / across + nx;
        let y = from_centre.dot(self.down) / down + ny;
        ([x, y], from_centre.dot(self.away()))
    }
    /// What to write at the left, right, top and bottom edge, e.g. `R`, `L`, `A`, `P`.
    pub fn edge_letters(&self) -> [String; 4] {
        [-self.right, self.right, -self.down, self.down].map(letters)
    }
}

/// Across a unit axis, as far towards the patient's left as can be; for an axis that runs left to
/// right, as far towards the top.
fn across(axis: Dir<Patient>) -> Dir<Patient> {
    let perpendicular = |d: DVec3| d.reject_from_normalized(axis.vec());
    let left = perpendicular(DVec3::X);
    let chosen = if left.length() > 0.05 { left } else { perpendicular(DVec3::Z) };
    Dir::from_vec(chosen.normalize_or(DVec3::X))
}

fn turned(d: Dir<Patient>, axis: Dir<Patient>, angle_rad: f64) -> Dir<Patient> {
    Dir::from_vec(glam::DQuat::from_axis_angle(axis.vec(), angle_rad) * d.vec())
}

/// A cut: one value per pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice<T> {
    /// Where it lies.
    pub plane: Plane,
    /// Row by row from the upper left; `None` where the volume does not reach.
    pub values: Vec<Option<T>>,
}

impl<T: Copy> Slice<T> {
    /// The value of a pixel; `None` outside the picture and outside the volume.
    pub fn get(&self, [x, y]: [usize; 2]) -> Option<T> {
        let [nx, ny] = self.plane.pixels;
        if x < nx && y < ny { self.values.get(y * nx + x).copied().flatten() } else { None }
    }
    /// The same cut with every value replaced.
    pub fn map<U>(&self, mut f: impl FnMut(T) -> U) -> Slice<U> {
        Slice { plane: self.plane, values: self.values.iter().map(|v| v.map(&mut f)).collect() }
    }
}

impl<T: Copy + Into<f64> + Sync> Volume<T> {
    /// Cuts the volume, trilinear between voxel centres.
    pub fn reslice(&self, plane: &Plane) -> Slice<f32> {
        self.cut(plane, |volume, p| volume.trilinear_voxel(p).map(|value| value as f32))
    }
}

impl<T: Copy + Sync> Volume<T> {
    /// Cuts the volume, each pixel the voxel in whose cell it lies: for labels.
    pub fn reslice_nearest(&self, plane: &Plane) -> Slice<T>
    where
        T: Send,
    {
        self.cut(plane, |volume, p| volume.nearest_voxel(p))
    }
    fn cut<U: Send>(
        &self,
        plane: &Plane,
        value: impl Fn(&Self, Point<Voxel>) -> Option<U> + Sync,
    ) -> Slice<U> {
        let voxel_from_patient = self.grid().voxel_from_patient();
        let [nx, ny] = plane.pixels;
        let first = voxel_from_patient.point(plane.point([0.0, 0.0]));
        let across = voxel_from_patient.dir(plane.right * plane.pixel_mm()[0]);
        let down = voxel_from_patient.dir(plane.down * plane.pixel_mm()[1]);
        let row = |y: usize| {
            let start = first + down * y as f64;
            (0..nx).map(move |x| start + across * x as f64)
        };
        // On the threads at hand: a hand that pages through slices does not queue behind long work.
        let rows = (0..ny).into_par_iter();
        let values = rows.flat_map_iter(|y| row(y).map(|p| value(self, p))).collect();
        Slice { plane: *plane, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Affine;
    use glam::DAffine3;

    fn plane(view: View) -> Plane {
        Plane::view(view, Point::new(1.0, 2.0, 3.0), [40.0, 30.0], [80, 30]).expect("a plane")
    }

    #[test]
    fn the_usual_views_hang_as_radiologists_hang_them() {
        assert_eq!(plane(View::Axial).edge_letters(), ["R", "L", "A", "P"]);
        assert_eq!(plane(View::Coronal).edge_letters(), ["R", "L", "S", "I"]);
        assert_eq!(plane(View::Sagittal).edge_letters(), ["A", "P", "S", "I"]);
        assert_eq!(plane(View::Axial).away(), Dir::Z, "seen from the feet");
        assert_eq!(plane(View::Coronal).away(), Dir::Y, "seen from the front");
        assert_eq!(plane(View::Sagittal).away(), -Dir::X, "seen from the left");
    }

    #[test]
    fn pixels_and_points_are_each_others_inverse() {
        let plane = plane(View::Coronal);
        let ([x, y], behind) = plane.pixel(plane.point([7.25, 3.5]) + plane.away() * 4.0);
        assert!(
            (x - 7.25).abs() < 1e-12 && (y - 3.5).abs() < 1e-12 && (behind - 4.0).abs() < 1e-12
        );
        let corner = plane.point([-0.5, -0.5]);
        assert!((corner - plane.centre()).vec().abs_diff_eq(DVec3::new(-20.0, 0.0, 15.0), 1e-12));
    }

    #[test]
    fn a_cut_reads_the_volume_and_ends_where_it_ends() {
        let grid = Grid::along_axes(Point::ORIGIN, 1.0, [11, 11, 11]);
        let volume = Volume::from_fn(grid, |[i, j, k]| (100 * i + 10 * j + k) as f32);
        let plane = Plane::view(View::Axial, Point::new(5.0, 5.0, 4.5), [20.0, 4.0], [20, 4]);
        let slice = volume.reslice(&plane.expect("a plane"));
        assert_eq!(slice.get([10, 2]), Some(100.0 * 5.5 + 10.0 * 5.5 + 4.5));
        assert_eq!(slice.get([0, 0]), None, "left of the volume");
        assert_eq!(slice.get([20, 0]), None, "right of the picture");
        let nearest = volume.reslice_nearest(&slice.plane);
        assert_eq!(nearest.get([10, 1]), Some(100.0 * 6.0 + 10.0 * 5.0 + 5.0));
    }

    #[test]
    fn a_screw_stands_upright_in_its_own_cut_and_points_away_in_the_one_across() {
        let axis = Dir::new(-0.3, -0.9, 0.2).unit().expect("a direction");
        let middle = Point::new(10.0, 20.0, 30.0);
        let along = Plane::along_screw(middle, axis, 0.7, [60.0; 2], [60; 2]).expect("a plane");
        assert!(along.down().dot(axis) > 1.0 - 1e-12);
        let flat = Plane::along_screw(middle, axis, 0.0, [60.0; 2], [60; 2]).expect("a plane");
        assert!(flat.right().to_array()[0] > 0.9);
        let across = Plane::across_screw(middle, axis, [60.0; 2], [60; 2]).expect("a plane");
        assert!(across.away().dot(axis) > 1.0 - 1e-12);
        assert!(across.down().to_array()[2] < -0.9, "the feet are below");
    }

    #[test]
    fn a_view_over_a_grid_covers_it_and_passes_through_its_point() {
        // Flipped in x, so that voxel order and patient order differ.
        let map = DAffine3::from_scale_rotation_translation(
            DVec3::new(-1.0, 1.0, 2.0),
            glam::DQuat::IDENTITY,
            DVec3::new(30.0, -10.0, 5.0),
        );
        let grid = Grid::new([31, 21, 11], Affine::new(map)).expect("a valid grid");
        let p = Point::new(12.0, -3.0, 17.0);
        for view in View::ALL {
            let plane = Plane::over(view, p, &grid);
            let ([x, y], behind) = plane.pixel(p);
            assert!(behind.abs() < 1e-9 && plane.point([x, y]).distance(p) < 1e-9);
            assert!(x >= 0.0 && y >= 0.0);
            assert!(x < plane.pixels()[0] as f64 && y < plane.pixels()[1] as f64);
        }
        let axial = Plane::over(View::Axial, p, &grid);
        assert_eq!((axial.pixels(), axial.pixel_mm()), ([31, 21], [1.0, 1.0]));
        assert!(axial.point([0.0, 0.0]).distance(Point::new(0.0, -10.0, 17.0)) < 1e-9);
    }

    #[test]
    fn planes_that_are_none_are_refused() {
        let at = |right, down, size, pixels| Plane::new(Point::ORIGIN, right, down, size, pixels);
        assert_eq!(at(Dir::X, Dir::X, [1.0; 2], [1; 2]), None);
        assert_eq!(at(Dir::X, Dir::Y, [0.0, 1.0], [1; 2]), None);
        assert_eq!(at(Dir::X, Dir::Y, [1.0; 2], [0, 1]), None);
        assert!(at(Dir::X, Dir::Y, [1.0; 2], [1; 2]).is_some());
    }
}
