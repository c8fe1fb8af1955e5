//! A progress bar on the terminal for anything that takes over a second.

use crate::work::{CancelToken, Work};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// Calls shorter than this show no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// A [`Work`] whose progress is drawn on standard error, once a second has passed. Draws nothing
/// where standard error is no terminal.
pub fn on_terminal() -> (Work, ProgressBar) {
    let bar = ProgressBar::new(100).with_style(style());
    let shown = bar.clone();
    let started = Instant::now();
    let sink = move |stage: &str, fraction: f32| {
        if started.elapsed() >= PATIENCE {
            shown.set_message(stage.to_owned());
            shown.set_position((fraction.clamp(0.0, 1.0) * 100.0) as u64);
        }
    };
    (Work::new(sink, CancelToken::default()), bar)
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg:28} {bar:32} {pos:>3} % {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
