//! Left is left in every picture: a bead on the patient's left is found, in pixels, on the side of
//! the drawn L.

use corridor::app::gpu;
use corridor::case::spine::{self, Source, Spine};
use corridor::cli::View;
use corridor::ingest::nifti;
use corridor::labels::numbering::Numbering;
use corridor::plan::Plan;
use corridor::program::picture::{self, Drawing};
use corridor::space::{Affine, Patient, Point};
use corridor::volume::{Grid, Volume};
use corridor::work::Work;
use glam::{DAffine3, DVec3};
use image::{Rgb, RgbImage};
use std::path::Path;
use std::sync::Arc;

/// A large ball in the middle and a small one on the patient's left.
const BALL: (Point<Patient>, f64) = (Point::new(0.0, 0.0, 0.0), 14.0);
const BEAD: (Point<Patient>, f64) = (Point::new(34.0, 0.0, 0.0), 6.0);

fn is_in(shape: (Point<Patient>, f64), p: Point<Patient>) -> bool {
    p.distance(shape.0) <= shape.1
}

/// CT and labels on a grid whose first axis runs to the patient's right, so that a picture made
/// from voxel order instead of the matrix would be mirrored.
fn case(folder: &Path) -> Spine {
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
    let source = Source::Files {
        ct: Some(ct_file),
        labels: Some(labels_file),
        numbering: Some(Numbering::Verse),
    };
    spine::load(&source, &Work::silent()).unwrap()
}

/// What a pixel shows.
fn is_letter(&Rgb([r, _, b]): &Rgb<u8>) -> bool {
    r > 150 && u32::from(b) * 2 < u32::from(r)
}
fn is_bone(&Rgb([r, g, b]): &Rgb<u8>) -> bool {
    r > 70 && g > 60 && u32::from(b) * 2 >= u32::from(r)
}
fn is_white(&Rgb([r, g, b]): &Rgb<u8>) -> bool {
    r.min(g).min(b) > 240
}

/// A patch of like pixels.
struct Patch {
    pixels: usize,
    x: f64,
    y: f64,
}

/// Patches of pixels that `wanted` takes, largest first. Pixels within `reach` belong together, so
/// that the strokes of one letter make one patch.
fn patches(picture: &RgbImage, reach: i64, wanted: fn(&Rgb<u8>) -> bool) -> Vec<Patch> {
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

/// On which side of the picture the L stands: −1 left, +1 right. Of the letters left and right of
/// the middle the one with less ink is the L, the other the R.
fn side_of_l(picture: &RgbImage, view: View) -> f64 {
    let middle = f64::from(picture.width()) / 2.0;
    let letters = patches(picture, 4, is_letter);
    let mut letters: Vec<&Patch> = letters.iter().filter(|p| p.pixels > 12).collect();
    letters.sort_by(|a, b| a.x.total_cmp(&b.x));
    let (first, last) = (letters[0], letters[letters.len() - 1]);
    assert!(first.x < middle && last.x > middle, "{view:?}: no letters on both sides");
    assert_ne!(first.pixels, last.pixels, "{view:?}: the same letter twice");
    if first.pixels < last.pixels { -1.0 } else { 1.0 }
}

/// On which side of the middle of the anatomy the bead is seen.
fn side_of_bead(picture: &RgbImage, view: View) -> f64 {
    if matches!(view, View::Axial | View::Coronal) {
        let bead = &patches(picture, 1, is_white)[0];
        return (bead.x - f64::from(picture.width()) / 2.0).signum();
    }
    let bones = patches(picture, 1, is_bone);
    assert!(bones.len() >= 2, "{view:?}: ball and bead are not both seen");
    let (ball, bead) = (&bones[0], &bones[1]);
    assert!((ball.y - bead.y).abs() < 0.2 * f64::from(picture.height()), "{view:?}: tilted");
    (bead.x - ball.x).signum()
}

#[test]
fn a_bead_on_the_left_is_on_the_side_of_the_drawn_l_in_every_view() {
    if gpu::adapters().is_empty() {
        println!("SKIPPED pictures: no Vulkan driver here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let spine = Arc::new(case(folder.path()));
    let views = [
        View::Posterior,
        View::Anterior,
        View::Superior,
        View::Inferior,
        View::Axial,
        View::Coronal,
    ];
    let file = |view: View| folder.path().join(format!("{view:?}.png"));
    let drawings = views.map(|view| Drawing { view, size: (640, 480), file: file(view) });
    picture::draw(&spine, &Arc::new(Plan::default()), &drawings).unwrap();
    for view in views {
        let picture = image::open(file(view)).unwrap().to_rgb8();
        assert_eq!(side_of_bead(&picture, view), side_of_l(&picture, view), "{view:?}");
        // And L is where a person expects it: left from behind and from above the back of a
        // standing patient, right from the front and in slices seen from the feet.
        let expected = if matches!(view, View::Posterior) { -1.0 } else { 1.0 };
        if !matches!(view, View::Superior | View::Inferior) {
            assert_eq!(side_of_l(&picture, view), expected, "{view:?}");
        }
    }
}
