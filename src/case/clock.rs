//! The time of day as the case is told it, so that a test can set it.

use jiff::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};

/// Says what time it is. Durations are not measured with it.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that is one second later each time it is asked: every run of a script gets the same
/// times, and no two edits the same one.
#[derive(Debug)]
pub struct SteppingClock(AtomicI64);

impl SteppingClock {
    /// A clock that first says `start`, in whole seconds.
    pub fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.as_second()))
    }
}

impl Clock for SteppingClock {
    fn now(&self) -> Timestamp {
        let second = self.0.fetch_add(1, Ordering::Relaxed);
        Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
    }
}
