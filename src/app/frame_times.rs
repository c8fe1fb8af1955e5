//! How long frames take, for whoever has the machine to measure on (`--measure-frames N`).
//!
//! In: how many frames. Out: once a case is open and its first frames are over, so many frames are
//! timed; then the program ends, and [`FrameTimes::as_text`] is a table. Three times are told:
//!
//! * *frame*: from the beginning of one frame to that of the next, waiting included;
//! * *plan*: what the processor does in a frame until it is known what to draw;
//! * *draw*: what it does to have it drawn, and to hand the picture over. Where a screen or a headset
//!   makes the program wait for a free picture, that wait is part of it.
//!
//! What the graphics card does meanwhile is not measured; where it is the slower one, it shows in
//! *frame*.

use super::jobs::ActiveCase;
use bevy::prelude::*;
use bevy::render::{Render, RenderApp, RenderSystems};
use bevy::time::TimeSystems;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Frames after the opening of a case that are not timed: meshes arrive and programs are compiled.
const FIRST_FRAMES: usize = 120;

/// The times taken so far. Clones share them.
#[derive(Resource, Clone)]
pub struct FrameTimes(Arc<Mutex<Taken>>);

struct Taken {
    wanted: usize,
    skipped: usize,
    began: Option<Instant>,
    drawing: Option<Instant>,
    /// Milliseconds, for [`NAMES`] in their order; room for all is made at the start.
    series: [Vec<f32>; 3],
}

const NAMES: [&str; 3] = ["frame", "plan", "draw"];

impl FrameTimes {
    /// None taken yet of `wanted`.
    pub fn new(wanted: usize) -> Self {
        Self(Arc::new(Mutex::new(Taken {
            wanted,
            skipped: 0,
            began: None,
            drawing: None,
            series: std::array::from_fn(|_| Vec::with_capacity(wanted)),
        })))
    }

    /// Times the frames of an app.
    pub fn watch(&self, app: &mut App) {
        app.insert_resource(self.clone())
            .add_systems(First, begin.after(TimeSystems).run_if(resource_exists::<ActiveCase>))
            .add_systems(Last, end_plan.run_if(resource_exists::<ActiveCase>));
        let Some(render) = app.get_sub_app_mut(RenderApp) else { return };
        render
            .insert_resource(self.clone())
            .add_systems(Render, begin_drawing.before(RenderSystems::ExtractCommands))
            .add_systems(Render, end_drawing.after(RenderSystems::PostCleanup));
    }

    /// Median and 99th percentile of each time, in milliseconds, a line each.
    pub fn as_text(&self) -> String {
        let taken = self.taken();
        let mut text =
            format!("{} frames\n{:8}{:>12}{:>12}\n", taken.series[0].len(), "", "median", "99 %");
        for (name, series) in NAMES.iter().zip(&taken.series) {
            let [median, most] = [0.5, 0.99].map(|share| quantile(series, share));
            text += &format!("{name:8}{:>9.2} ms{:>9.2} ms\n", median, most);
        }
        text
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn take(&mut self, series: usize, since: Option<Instant>) {
        if let Some(since) = since
            && self.skipped >= FIRST_FRAMES
            && self.series[series].len() < self.wanted
        {
            self.series[series].push(since.elapsed().as_secs_f32() * 1e3);
        }
    }
}

/// The smallest value that is not exceeded by this share of all; not a number where there is none.
fn quantile(series: &[f32], share: f64) -> f32 {
    let mut sorted = series.to_vec();
    sorted.sort_by(f32::total_cmp);
    let index = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(index.max(1) - 1).copied().unwrap_or(f32::NAN)
}

fn begin(times: Res<FrameTimes>, mut exit: MessageWriter<AppExit>) {
    let mut taken = times.taken();
    let began = taken.began.replace(Instant::now());
    taken.take(0, began);
    taken.skipped = (taken.skipped + 1).min(FIRST_FRAMES);
    if taken.series[0].len() == taken.wanted {
        exit.write(AppExit::Success);
    }
}

fn end_plan(times: Res<FrameTimes>) {
    let mut taken = times.taken();
    let began = taken.began;
    taken.take(1, began);
}

fn begin_drawing(times: Res<FrameTimes>) {
    times.taken().drawing = Some(Instant::now());
}

fn end_drawing(times: Res<FrameTimes>) {
    let mut taken = times.taken();
    let drawing = taken.drawing.take();
    taken.take(2, drawing);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_value_that_was_taken() {
        let series: Vec<f32> = (1..=200).rev().map(|n| n as f32).collect();
        assert_eq!(quantile(&series, 0.5), 100.0);
        assert_eq!(quantile(&series, 0.99), 198.0);
        assert_eq!(quantile(&[7.0], 0.99), 7.0);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
