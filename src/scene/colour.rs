//! Colours with a meaning, the same on bone, screw, slice and panel.
//!
//! The five grades use the palette of Okabe and Ito (2008), which eyes without red or green cones
//! can tell apart; the letter always stands beside the colour.

use crate::clearance::Grade;
use bevy::color::Srgba;

/// sRGB, 0 to 255 each.
pub type Rgb = [u8; 3];

/// Colour of a grade: green, yellow, orange, vermilion, purple.
pub const fn of_grade(grade: Grade) -> Rgb {
    match grade {
        Grade::A => [0, 178, 132],
        Grade::B => [240, 228, 66],
        Grade::C => [240, 150, 20],
        Grade::D => [226, 78, 28],
        Grade::E => [214, 72, 160],
    }
}

/// Colour of a label's border: three that take turns, so that neighbours never share one.
pub const fn of_label(value: u16) -> Rgb {
    [[86, 180, 233], [240, 150, 20], [0, 178, 132]][value as usize % 3]
}

/// A screw whose numbers are pending.
pub const PENDING: Rgb = [150, 158, 168];
/// What is selected, and the cursor on bone.
pub const ACCENT: Rgb = [86, 180, 233];
/// Cortical bone, warm ivory.
pub const BONE: Rgb = [232, 218, 190];
/// Bone under the pointer.
pub const BONE_HOVERED: Rgb = [246, 236, 214];
/// The metal of a screw's head.
pub const METAL: Rgb = [168, 176, 186];
/// Orientation letters, legible on bone and background.
pub const LETTER: Rgb = [255, 214, 102];
/// The background behind the model, above.
pub const SKY: Rgb = [52, 60, 70];
/// The background behind the model, below.
pub const GROUND: Rgb = [17, 20, 25];

/// As the engine takes it.
pub fn srgb([r, g, b]: Rgb) -> Srgba {
    Srgba::rgb_u8(r, g, b)
}
