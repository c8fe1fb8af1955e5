//! What a surgeon sees of the own hand, in the pixels of both eyes: the ray and its cursor where they belong, and the card with
//! number and letter, legible over bone.

use corridor::clearance::Grade;
use corridor::labels::Level;
use corridor::scene::colour::of_grade;
use corridor::space::Side;
use glam::{Vec2, Vec3};
use image::{Rgb, RgbImage};

use crate::driver::Pose;
use crate::headset::{Headset, keep};
use crate::picture::{both_eyes, eye_of, is_accent, luminance, near, pixel};
use crate::surgeon::{HEAD, SOON, Surgeon, UNDO};

/// From the patient's left and behind: the ray is seen from its side.
const ASIDE: Vec3 = Vec3::new(-0.32, 1.3, -0.3);

/// Looks at the hand that points at the left L4 pedicle, before and after the trigger is pulled.
pub fn ray_cursor_and_card(headset: &Headset, surgeon: &mut Surgeon) {
    surgeon.point_at(Level::L4, Side::Left);
    let hand = surgeon.person.right.pose;
    let cursor = met_bone(surgeon, hand);
    look(surgeon, Pose::pointing(ASIDE, hand.position.lerp(cursor, 0.5) - ASIDE));
    wait_for_both_eyes(headset, surgeon, "ray_idle.png", |eye, picture| {
        let [from, to] = [hand.position, cursor].map(|p| pixel(eye, p));
        let covered = share_of_line(picture, from, to);
        println!("idle: {:.2} of the ray, cursor off {:?}", covered, cursor_off(picture, to));
        // Dashed: lines and gaps.
        (0.3..0.95).contains(&covered) && cursor_off(picture, to).is_some_and(|off| off < 3.0)
    });

    surgeon.pull();
    wait_for_both_eyes(headset, surgeon, "card.png", |eye, picture| {
        let card = Card::read(eye, hand, picture);
        println!("pulled: {card:?}");
        card.is_legible()
    });
    surgeon.let_go();
    surgeon.wait_for_screws(1);
    surgeon.press(UNDO);
    surgeon.wait_for_screws(0);
    look(surgeon, HEAD);
}

fn look(surgeon: &mut Surgeon, head: Pose) {
    surgeon.person.head = head;
    surgeon.person.show();
    surgeon.watch.wait_until_head_at(head);
}

/// Waits until both eyes see what is wanted, and keeps the picture.
fn wait_for_both_eyes(
    headset: &Headset,
    surgeon: &Surgeon,
    name: &str,
    is_seen: impl Fn(Pose, &RgbImage) -> bool,
) {
    let file = keep(name);
    surgeon.program.wait_for(name, SOON, || {
        headset.screenshot(&file);
        let pictures = both_eyes(&file);
        let mut eyes = pictures.iter().enumerate();
        eyes.all(|(eye, picture)| is_seen(eye_of(surgeon.person.head, eye), picture)).then_some(())
    });
}

/// Where the hand's axis meets the true bone, in the room.
fn met_bone(surgeon: &Surgeon, hand: Pose) -> Vec3 {
    const STEP_MM: f64 = 0.1;
    let bone = surgeon.room.bone(Level::L4);
    let (from, axis) = surgeon.room.line_of(hand);
    let on_axis = (0..4000).map(|step| from + axis * (STEP_MM * f64::from(step)));
    let met = on_axis.into_iter().find(|p| bone.signed_distance_mm(*p) >= 0.0);
    surgeon.room.stage(met.expect("the hand points at L4"))
}

/// How much of the way between the ends of a ray has its colour within two pixels. The ends belong to hand and cursor.
fn share_of_line(picture: &RgbImage, from: Vec2, to: Vec2) -> f32 {
    let count = (to - from).length().max(10.0) as usize;
    let steps = (0..count).map(|n| 0.2 + 0.65 * n as f32 / count as f32);
    let covered = steps.filter(|t| !near(picture, from.lerp(to, *t), 2.0, is_accent).is_empty());
    covered.count() as f32 / count as f32
}

/// How far the middle of the cursor's pixels lies from where it should; `None` where there are too few.
fn cursor_off(picture: &RgbImage, at: Vec2) -> Option<f32> {
    let pixels = near(picture, at, 6.0, is_accent);
    let middle = pixels.iter().sum::<Vec2>() / pixels.len().max(1) as f32;
    (pixels.len() >= 6).then(|| middle.distance(at))
}

/// What an eye sees of the card: as the program's documentation has it, upright to the head, on the right hand's right.
#[derive(Debug)]
struct Card {
    /// Between the brightest strokes and the plate (WCAG 2).
    contrast: f32,
    /// Of the plate's pixels, how many are dark.
    dark: f32,
    /// Pixels in the colour of a letter.
    letter: usize,
    /// Of the pixels below the numbers, how many are the greys of the two cuts.
    grey: f32,
}

impl Card {
    /// From the hand to the card's lower left and upper right corners, m.
    const CORNERS: [Vec2; 2] = [Vec2::new(0.045, 0.012), Vec2::new(0.105, 0.05)];

    /// The same of the cuts.
    const CUTS: [Vec2; 2] = [Vec2::new(0.045, -0.06), Vec2::new(0.095, -0.015)];

    fn read(eye: Pose, hand: Pose, picture: &RgbImage) -> Self {
        let within = |corners: [Vec2; 2]| -> Vec<&Rgb<u8>> {
            let corner = |at: Vec2| pixel(eye, hand.position + eye.orientation * at.extend(0.0));
            let [a, b] = corners.map(corner);
            let (low, high) = (a.min(b).as_uvec2(), a.max(b).as_uvec2());
            let places = (low.y..high.y).flat_map(|y| (low.x..high.x).map(move |x| (x, y)));
            places.filter_map(|(x, y)| picture.get_pixel_checked(x, y)).collect()
        };
        let (pixels, cuts) = (within(Self::CORNERS), within(Self::CUTS));
        let is_grey = |p: &&&Rgb<u8>| {
            let [least, most] = [p.0.iter().min(), p.0.iter().max()].map(|c| c.map_or(0, |c| *c));
            most - least < 14 && least > 45
        };
        let mut light: Vec<f32> = pixels.iter().map(|p| luminance(p)).collect();
        light.sort_by(f32::total_cmp);
        let at = |share: f32| light.get((share * light.len() as f32) as usize).copied();
        let (plate, strokes) = (at(0.3).unwrap_or(1.0), at(0.98).unwrap_or(1.0));
        Self {
            contrast: (strokes + 0.05) / (plate + 0.05),
            dark: light.iter().filter(|l| **l < 0.03).count() as f32 / light.len().max(1) as f32,
            letter: pixels.iter().filter(|p| is_letter_colour(p)).count(),
            grey: cuts.iter().filter(is_grey).count() as f32 / cuts.len().max(1) as f32,
        }
    }

    fn is_legible(&self) -> bool {
        self.contrast >= 4.5 && self.dark > 0.5 && self.letter > 20 && self.grey > 0.4
    }
}

fn is_letter_colour(Rgb(pixel): &Rgb<u8>) -> bool {
    let is_like = |grade: Grade| {
        let beside = of_grade(grade).iter().zip(pixel).map(|(a, b)| a.abs_diff(*b)).max();
        beside.is_some_and(|most| most < 40)
    };
    Grade::ALL.into_iter().any(is_like)
}
