//! A ball and a bead on the patient's left, and how to find them and the letters in a picture. Pictures of the desk and of
//! both eyes of a headset are read by the same rules.

use corridor::ingest::nifti;
use corridor::space::{Affine, Patient, Point};
use corridor::volume::{Grid, Volume};
use glam::{DAffine3, DVec3};
use image::{Rgb, RgbImage};
use std::path::{Path, PathBuf};

/// A large ball in the middle and a small one on the patient's left.
const BALL: (Point<Patient>, f64) = (Point::new(0.0, 0.0, 0.0), 14.0);
const BEAD: (Point<Patient>, f64) = (Point::new(34.0, 0.0, 0.0), 6.0);

fn is_in(shape: (Point<Patient>, f64), p: Point<Patient>) -> bool {
    p.distance(shape.0) <= shape.1
}

/// Writes CT and labels, numbered as VerSe does, on a grid whose first axis runs to the patient's right, so that a picture made
/// from voxel order instead of the matrix would be mirrored.
pub fn write(folder: &Path) -> [PathBuf; 2] {
    let axes = DAffine3::from_scale(DVec3::new(-1.0, 1.0, 1.0));
    let to_corner = DAffine3::from_translation(DVec3::new(50.0, -30.0, -30.0));
    let grid = Grid::new([101, 61, 61], Affine::new(to_corner * axes)).unwrap();
    let hu = |p| {
        if is_in(BEAD, p) {
            2600
        } else if is_in(BALL, p) {
            400
        } else {
            -200
        }
    };
    let value = |p| if is_in(BEAD, p) { 22 } else { u16::from(is_in(BALL, p)) * 21 };
    let ct = Volume::from_fn(grid.clone(), |voxel| hu(grid.centre(voxel)));
    let labels = Volume::from_fn(grid.clone(), |voxel| value(grid.centre(voxel)));
    let (ct_file, labels_file) = (folder.join("ct.nii.gz"), folder.join("labels.nii.gz"));
    nifti::write_ct(&ct_file, &ct).unwrap();
    nifti::write_labels(&labels_file, &labels).unwrap();
    [ct_file, labels_file]
}

/// What a pixel shows.
pub fn is_letter(&Rgb([r, _, b]): &Rgb<u8>) -> bool {
    r > 150 && u32::from(b) * 2 < u32::from(r)
}
pub fn is_bone(&Rgb([r, g, b]): &Rgb<u8>) -> bool {
    r > 70 && g > 60 && u32::from(b) * 2 >= u32::from(r)
}
pub fn is_white(&Rgb([r, g, b]): &Rgb<u8>) -> bool {
    r.min(g).min(b) > 240
}

/// A patch of like pixels.
pub struct Patch {
    pub pixels: usize,
    pub x: f64,
    pub y: f64,
}

/// Patches of pixels that `wanted` takes, largest first. Pixels within `reach` belong together, so
/// that the strokes of one letter make one patch.
pub fn patches(picture: &RgbImage, reach: i64, wanted: fn(&Rgb<u8>) -> bool) -> Vec<Patch> {
    let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
    let index = |x: i64, y: i64| (y * width + x) as usize;
    let mut open: Vec<bool> = picture.pixels().map(wanted).collect();
    let mut found = Vec::new();
    for start in 0..width * height {
        if !std::mem::take(&mut open[start as usize]) {
            continue;
        }
        let mut edge = vec![(start % width, start / width)];
        let (mut pixels, mut x_sum, mut y_sum) = (0, 0.0, 0.0);
        while let Some((x, y)) = edge.pop() {
            (pixels, x_sum, y_sum) = (pixels + 1, x_sum + x as f64, y_sum + y as f64);
            for ny in (y - reach).max(0)..=(y + reach).min(height - 1) {
                for nx in (x - reach).max(0)..=(x + reach).min(width - 1) {
                    if std::mem::take(&mut open[index(nx, ny)]) {
                        edge.push((nx, ny));
                    }
                }
            }
        }
        let n = pixels as f64;
        found.push(Patch { pixels, x: x_sum / n, y: y_sum / n });
    }
    found.sort_by_key(|patch| std::cmp::Reverse(patch.pixels));
    found
}

/// On which side of the picture the L stands: −1 left, +1 right; `None` where there are not two letters beside each
/// other. Of the outermost letters the one with less ink is the L, the other the R.
pub fn side_of_l(picture: &RgbImage) -> Option<f64> {
    let letters = patches(picture, 4, is_letter);
    let mut letters: Vec<&Patch> = letters.iter().filter(|p| p.pixels > 12).collect();
    letters.sort_by(|a, b| a.x.total_cmp(&b.x));
    let (first, last) = (letters.first()?, letters.last()?);
    let is_beside = last.x - first.x > 2.0 * (last.y - first.y).abs();
    let are_two = first.pixels != last.pixels;
    (is_beside && are_two).then(|| if first.pixels < last.pixels { -1.0 } else { 1.0 })
}

/// On which side of the ball the bead is seen; `None` where the two are not seen side by side.
pub fn side_of_bead(picture: &RgbImage) -> Option<f64> {
    let bones = patches(picture, 1, is_bone);
    let [ball, bead] = bones.get(..2)? else { return None };
    let is_level = (ball.y - bead.y).abs() < 0.2 * f64::from(picture.height());
    is_level.then(|| (bead.x - ball.x).signum())
}
