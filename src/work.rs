//! How long calls of the core report progress, are cancelled, and which threads they run on.
//!
//! Every call that can take over a tenth of a second takes a [`Work`]. The core computes on
//! [`on_pool`], never on the engine's threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Set once by whoever wants a running call to stop.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Asks the call to stop at its next check.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
    /// True once [`CancelToken::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The caller asked a running call to stop. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// What a long call is given: where to say how far it is, and whether to go on.
#[derive(Clone)]
pub struct Work {
    sink: Arc<dyn Fn(&str, f32) + Send + Sync>,
    cancel: CancelToken,
}

impl Work {
    /// `sink` gets the name of a stage and the fraction of that stage that is done, 0 to 1; it may
    /// be called from any thread.
    pub fn new(sink: impl Fn(&str, f32) + Send + Sync + 'static, cancel: CancelToken) -> Self {
        Self { sink: Arc::new(sink), cancel }
    }
    /// Reports to nobody and is never cancelled.
    pub fn silent() -> Self {
        Self::new(|_, _| {}, CancelToken::default())
    }
    /// Says how far `stage` is (0 to 1), and stops the call when it was cancelled.
    pub fn step(&self, stage: &str, fraction: f32) -> Result<(), Cancelled> {
        if self.cancel.is_cancelled() {
            return Err(Cancelled);
        }
        (self.sink)(stage, fraction);
        Ok(())
    }
}

/// The core's own threads: all cores but one, at low priority.
///
/// Falls back to rayon's global pool when threads can not be made.
pub fn on_pool<R: Send>(call: impl FnOnce() -> R + Send) -> R {
    static POOL: OnceLock<Option<rayon::ThreadPool>> = OnceLock::new();
    let pool = POOL.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        rayon::ThreadPoolBuilder::new()
            .num_threads(cores.saturating_sub(1).max(1))
            .thread_name(|i| format!("core-{i}"))
            .start_handler(|_| crate::platform::lower_thread_priority())
            .build()
            .ok()
    });
    match pool {
        Some(pool) => pool.install(call),
        None => call(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_call_stops_at_its_next_step() {
        let cancel = CancelToken::default();
        let work = Work::new(|_, _| {}, cancel.clone());
        assert_eq!(work.step("a", 0.5), Ok(()));
        cancel.cancel();
        assert_eq!(work.step("a", 0.6), Err(Cancelled));
    }
}
