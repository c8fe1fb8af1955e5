//! How often a frame is drawn: as the screen or the headset goes, but rarely while a person can do
//! nothing but wait, so that the cores read the case.
//!
//! A picture drawn by the processor takes whole cores from the reading; one drawn by a graphics card
//! takes little, and a headset that has one is never held back. Where the processor draws, the
//! window is drawn anew when something happens, and else ten times a second.

use super::Phase;
use super::jobs::ActiveCase;
use bevy::prelude::*;
use bevy::render::renderer::RenderAdapterInfo;
use bevy::winit::{UpdateMode, WinitSettings};
use std::thread;
use std::time::{Duration, Instant};
use wgpu::DeviceType;

/// From frame to frame while the processor draws and a case is read.
const REST_SOFTWARE: Duration = Duration::from_millis(250);
/// The same where a graphics card draws into a window.
const REST_WINDOW: Duration = Duration::from_millis(50);

/// From frame to frame while the processor draws and nothing happens.
const EASY: Duration = Duration::from_millis(100);

/// What the headset is at: whoever drives one says so.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadsetPace {
    /// It says when the next frame begins.
    pub is_set: bool,
    /// It is looked into: the window is for those who look on.
    pub is_worn: bool,
}

/// Adds the rest between frames. For apps with a window; an app that draws pictures never rests.
pub fn plugin(app: &mut App) {
    app.init_resource::<HeadsetPace>().add_systems(
        Last,
        (rest.run_if(in_state(Phase::Loading)), go_easy.run_if(resource_changed::<HeadsetPace>)),
    );
}

/// A window that the processor draws waits for something to happen.
fn go_easy(
    adapter: Option<Res<RenderAdapterInfo>>,
    headset: Res<HeadsetPace>,
    settings: Option<ResMut<WinitSettings>>,
) {
    let is_software = adapter.is_some_and(|a| a.device_type == DeviceType::Cpu);
    if let Some(mut settings) = settings.filter(|_| is_software && !headset.is_set) {
        let wait = UpdateMode::reactive(EASY);
        *settings = WinitSettings { focused_mode: wait, unfocused_mode: wait };
    }
}

fn rest(
    shown: Option<Res<ActiveCase>>,
    adapter: Option<Res<RenderAdapterInfo>>,
    headset: Res<HeadsetPace>,
    mut before: Local<Option<Instant>>,
) {
    let is_software = adapter.is_some_and(|a| a.device_type == DeviceType::Cpu);
    let length = rest_length(shown.is_some(), is_software, headset.is_set);
    let spent = before.map_or(Duration::ZERO, |before| before.elapsed());
    thread::sleep(length.saturating_sub(spent));
    *before = Some(Instant::now());
}

/// Nothing where a case can be steered meanwhile.
fn rest_length(has_case: bool, is_software: bool, has_headset: bool) -> Duration {
    match (has_case, is_software, has_headset) {
        (true, _, _) | (false, false, true) => Duration::ZERO,
        (false, true, _) => REST_SOFTWARE,
        (false, false, false) => REST_WINDOW,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_case_and_a_real_headset_are_never_held_back() {
        assert_eq!(rest_length(true, true, false), Duration::ZERO);
        assert_eq!(rest_length(false, false, true), Duration::ZERO);
        assert!(rest_length(false, true, true) >= rest_length(false, false, false));
    }
}
