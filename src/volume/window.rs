//! From HU to grey: windows, presets, and how a drag of the mouse changes them.

use super::{Volume, stats};
use serde::{Deserialize, Serialize};

/// A range of HU that is shown from black to white.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// From black to white, HU; at least [`Window::NARROWEST_HU`].
    pub width_hu: f64,
    /// The middle grey, HU.
    pub level_hu: f64,
}

/// A named window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preset {
    /// What it is called.
    pub name: &'static str,
    /// The window.
    pub window: Window,
}

const fn preset(name: &'static str, width_hu: f64, level_hu: f64) -> Preset {
    Preset { name, window: Window { width_hu, level_hu } }
}

/// The presets, in the order of keys 1 to 5. Bone, soft tissue and lung as in OHIF, abdomen as in
/// 3D Slicer; metal is our own.
pub const PRESETS: [Preset; 5] = [
    preset("Bone", 2500.0, 480.0),
    preset("Soft tissue", 400.0, 40.0),
    preset("Metal", 4000.0, 1000.0),
    preset("Lung", 1500.0, -600.0),
    preset("Abdomen", 350.0, 40.0),
];

impl Window {
    /// No window is narrower.
    pub const NARROWEST_HU: f64 = 1.0;
    /// The default for pedicles.
    pub const BONE: Self = PRESETS[0].window;

    /// A window of this width (no narrower than [`Window::NARROWEST_HU`]) about this level.
    pub fn new(width_hu: f64, level_hu: f64) -> Self {
        Self { width_hu: width_hu.max(Self::NARROWEST_HU), level_hu }
    }
    /// From the darkest to the brightest HU that is not black or white.
    pub fn of_range([low, high]: [f64; 2]) -> Self {
        Self::new(high - low, (high + low) / 2.0)
    }
    /// What an image starts with: the window its file proposes, else the range from the 0.1st to
    /// the 99.9th percentile of its values.
    pub fn start(proposed: Option<(f64, f64)>, ct: &Volume<i16>) -> Self {
        match proposed {
            Some((width, level)) => Self::new(width, level),
            None => Self::of_range(stats::percentiles(ct, [0.1, 99.9])),
        }
    }
    /// 0 for black (at and below the window) to 1 for white (at and above it).
    pub fn grey(self, hu: f64) -> f64 {
        ((hu - self.level_hu) / self.width_hu + 0.5).clamp(0.0, 1.0)
    }
    /// The same in 256 steps.
    pub fn grey_u8(self, hu: f64) -> u8 {
        (self.grey(hu) * 255.0).round() as u8
    }
    /// After a drag of the mouse by so many pixels: right widens, down raises the level. The step
    /// grows with the width, so that wide windows move as easily as narrow ones.
    pub fn dragged(self, right_px: f64, down_px: f64) -> Self {
        let step_hu = (self.width_hu / 400.0).clamp(0.5, 10.0);
        Self::new(self.width_hu + right_px * step_hu, self.level_hu + down_px * step_hu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_is_linear_inside_the_window_and_flat_outside() {
        let bone = Window::BONE;
        assert_eq!([bone.grey(-5000.0), bone.grey(480.0), bone.grey(5000.0)], [0.0, 0.5, 1.0]);
        assert!((bone.grey(480.0 + 625.0) - 0.75).abs() < 1e-12);
        assert_eq!(Window::new(256.0, 0.0).grey_u8(-128.0), 0);
        assert_eq!(Window::new(256.0, 0.0).grey_u8(128.0), 255);
    }

    #[test]
    fn a_drag_right_widens_and_a_drag_down_raises() {
        let soft = PRESETS[1].window;
        assert!(soft.dragged(10.0, 0.0).width_hu > soft.width_hu);
        assert!(soft.dragged(0.0, 10.0).level_hu > soft.level_hu);
        assert_eq!(soft.dragged(-1e6, 0.0).width_hu, Window::NARROWEST_HU);
    }
}
