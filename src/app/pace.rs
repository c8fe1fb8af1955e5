//! How often a frame is drawn: as the screen or the headset goes, but rarely while a person can do
//! nothing but wait, so that the cores read the case.
//!
//! A picture drawn by the processor takes whole cores from the reading; one drawn by a graphics card
//! takes little, and a headset that has one is never held back.

use super::Phase;
use super::jobs::ActiveCase;
use bevy::prelude::*;
use bevy::render::renderer::RenderAdapterInfo;
use std::thread;
use std::time::{Duration, Instant};
use wgpu::DeviceType;

/// From frame to frame while the processor draws and a case is read.
const REST_SOFTWARE: Duration = Duration::from_millis(250);
/// The same where a graphics card draws into a window.
const REST_WINDOW: Duration = Duration::from_millis(50);

/// The headset sets the pace: whoever drives one says so.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadsetPace(pub bool);

/// Adds the rest between frames. For apps with a window; an app that draws pictures never rests.
pub fn plugin(app: &mut App) {
    app.init_resource::<HeadsetPace>().add_systems(Last, rest.run_if(in_state(Phase::Loading)));
}

fn rest(
    shown: Option<Res<ActiveCase>>,
    adapter: Option<Res<RenderAdapterInfo>>,
    headset: Res<HeadsetPace>,
    mut before: Local<Option<Instant>>,
) {
    let is_software = adapter.is_some_and(|a| a.device_type == DeviceType::Cpu);
    let length = rest_length(shown.is_some(), is_software, headset.0);
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
