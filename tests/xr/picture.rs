//! A picture of both eyes against what they should see.
//!
//! In: a screenshot of the runtime's window, left eye in its left half; the phantom's voxels. Out: whether the spine
//! is on it, and whether the eyes differ by the parallax that its true distance gives.

use std::path::Path;

use glam::{Vec2, Vec3};
use image::imageops::crop_imm;
use image::{Rgb, RgbImage};

use crate::driver::{EYE_DISTANCE_M, HALF_FOV_TANGENTS, Pose};
use crate::room::Room;

/// One brightness per pixel, 0 to 1, row by row.
#[derive(Clone)]
struct Grey {
    width: usize,
    height: usize,
    pixels: Vec<f32>,
}

impl Grey {
    fn at(&self, x: usize, y: usize) -> f32 {
        self.pixels[y * self.width + x]
    }
}

/// What the two eyes see.
pub struct BothEyes([Grey; 2]);

/// Where the spine should be: in each eye the depth of the nearest bone at each pixel, m; infinite where none is.
pub struct Expected {
    depths: [Grey; 2],
    eye_distance_m: f32,
}

const EYE: (usize, usize) = (480, 540);

impl BothEyes {
    /// Both halves of a screenshot.
    pub fn read(path: &Path) -> Self {
        let picture = image::open(path).unwrap().to_luma8();
        assert_eq!(picture.dimensions(), (2 * EYE.0 as u32, EYE.1 as u32));
        let half = |start: usize| {
            let pixel = |x, y| f32::from(picture.get_pixel((x + start) as u32, y as u32).0[0]);
            let pixels = (0..EYE.1).flat_map(|y| (0..EYE.0).map(move |x| (x, y)));
            let pixels = pixels.map(|(x, y)| pixel(x, y) / 255.0).collect();
            Grey { width: EYE.0, height: EYE.1, pixels }
        };
        Self([half(0), half(EYE.0)])
    }

    /// The spine of `room` seen by someone whose head is at `head`.
    pub fn expected(room: &Room, head: Pose, eye_distance_m: f32) -> Expected {
        let depths = [-0.5, 0.5].map(|side| {
            let eye = head.position + head.orientation * Vec3::X * side * eye_distance_m;
            depths_of(room, Pose { position: eye, ..head })
        });
        Expected { depths, eye_distance_m }
    }
}

fn depths_of(room: &Room, eye: Pose) -> Grey {
    let (width, height) = EYE;
    let mut depth = Grey { width, height, pixels: vec![f32::INFINITY; width * height] };
    for voxel in room.bone_voxels() {
        let seen = eye.orientation.inverse() * (room.stage(voxel) - eye.position);
        let ahead = -seen.z;
        let x = pixels_per_tangent()[0].mul_add(seen.x / ahead, width as f32 / 2.0);
        let y = pixels_per_tangent()[1].mul_add(-seen.y / ahead, height as f32 / 2.0);
        let (x, y) = (x as usize, y as usize);
        if ahead > 0.05 && x < width && y < height {
            let pixel = &mut depth.pixels[y * width + x];
            *pixel = pixel.min(ahead);
        }
    }
    depth
}

/// The two halves of the runtime's window, in colour.
pub fn both_eyes(file: &Path) -> [RgbImage; 2] {
    let whole = image::open(file).unwrap().to_rgb8();
    let (width, height) = (whole.width() / 2, whole.height());
    [0, width].map(|x| crop_imm(&whole, x, 0, width, height).to_image())
}

/// Where an eye (0 left, 1 right) of this head is.
pub fn eye_of(head: Pose, eye: usize) -> Pose {
    let aside = (eye as f32 - 0.5) * EYE_DISTANCE_M;
    Pose { position: head.position + head.orientation * Vec3::X * aside, ..head }
}

/// Where a point of the room falls in an eye's picture, pixels from the upper left.
pub fn pixel(eye: Pose, p: Vec3) -> Vec2 {
    let seen = eye.orientation.inverse() * (p - eye.position);
    let [across, up] = pixels_per_tangent();
    Vec2::new(
        across.mul_add(seen.x / -seen.z, EYE.0 as f32 / 2.0),
        up.mul_add(seen.y / seen.z, EYE.1 as f32 / 2.0),
    )
}

/// The pixels within `reach` of a place that `wanted` takes.
pub fn near(picture: &RgbImage, at: Vec2, reach: f32, wanted: fn(&Rgb<u8>) -> bool) -> Vec<Vec2> {
    let low = (at - reach).max(Vec2::ZERO).as_uvec2();
    let high = (at + reach + 1.0).max(Vec2::ZERO).as_uvec2();
    let mut found = Vec::new();
    for y in low.y..high.y.min(picture.height()) {
        for x in low.x..high.x.min(picture.width()) {
            let place = Vec2::new(x as f32 + 0.5, y as f32 + 0.5);
            if place.distance(at) <= reach && wanted(picture.get_pixel(x, y)) {
                found.push(place);
            }
        }
    }
    found
}

/// The colour of rays and cursors, thinned by what is behind them.
pub fn is_accent(&Rgb([r, g, b]): &Rgb<u8>) -> bool {
    let (r, g, b) = (i32::from(r), i32::from(g), i32::from(b));
    b > 120 && b > r + 35 && b > g + 8 && g > r
}

/// Relative luminance of a pixel, as WCAG 2 defines it.
pub fn luminance(Rgb(rgb): &Rgb<u8>) -> f32 {
    let [r, g, b] = rgb.map(|c| {
        let c = f32::from(c) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Across, and upright.
fn pixels_per_tangent() -> [f32; 2] {
    let [across, up] = HALF_FOV_TANGENTS;
    [EYE.0 as f32 / 2.0 / across, EYE.1 as f32 / 2.0 / up]
}

impl Expected {
    /// True when in both eyes the place of the spine looks unlike its surroundings, along most of its outline.
    pub fn is_in(&self, seen: &BothEyes) -> bool {
        self.depths.iter().zip(&seen.0).all(|(depth, eye)| {
            let contrast = outline_contrast(depth, eye);
            println!("contrast along the spine's outline: {contrast:.3}");
            contrast > 0.05
        })
    }

    /// Panics unless the right eye sees the spine as far to the left as its distance says.
    pub fn has_the_parallax_of(&self, seen: &BothEyes) {
        let found = best_shift(&self.depths[0], &seen.0[0], &seen.0[1]);
        let expected = self.mean_shift();
        println!("parallax: {found} pixels, expected {expected:.1}");
        assert!((found as f32 - expected).abs() <= 2.0, "parallax {found}, expected {expected:.1}");
    }

    fn mean_shift(&self) -> f32 {
        let depths = self.depths[0].pixels.iter().filter(|d| d.is_finite());
        let shifts: Vec<f32> =
            depths.map(|d| self.eye_distance_m * pixels_per_tangent()[0] / d).collect();
        shifts.iter().sum::<f32>() / shifts.len() as f32
    }
}

/// Mean difference of brightness between both sides of the outline, sampled along each row.
fn outline_contrast(depth: &Grey, eye: &Grey) -> f32 {
    const STEP: usize = 6;
    let mut differences = Vec::new();
    for y in 0..depth.height {
        let columns: Vec<usize> =
            (0..depth.width).filter(|x| depth.at(*x, y).is_finite()).collect();
        let (Some(first), Some(last)) = (columns.first(), columns.last()) else { continue };
        if *first >= STEP && last + STEP < depth.width && last - first > 4 * STEP {
            differences.push((eye.at(first + STEP, y) - eye.at(first - STEP, y)).abs());
            differences.push((eye.at(last - STEP, y) - eye.at(last + STEP, y)).abs());
        }
    }
    differences.iter().sum::<f32>() / differences.len().max(1) as f32
}

/// By how many pixels the spine of the left eye lies further to the right than in the right eye: where the two match
/// best, over the spine's own pixels.
fn best_shift(spine: &Grey, left: &Grey, right: &Grey) -> usize {
    let difference = |shift: usize| {
        let (mut sum, mut count) = (0.0_f32, 0_u32);
        for y in 0..spine.height {
            for x in shift..spine.width {
                if spine.at(x, y).is_finite() {
                    sum += (left.at(x, y) - right.at(x - shift, y)).abs();
                    count += 1;
                }
            }
        }
        sum / count.max(1) as f32
    };
    (0..120).min_by(|a, b| difference(*a).total_cmp(&difference(*b))).expect("a range is not empty")
}
