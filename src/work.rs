//! How long calls of the core report progress, are cancelled, and which threads they run on.
//!
//! Every call that can take over a tenth of a second takes a [`Work`]. The core computes on
//! [`on_pool`], or on [`on_all_cores`] while a person waits; never on the engine's threads.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

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
    /// The same work for a part whose progress nobody hears; it can still be cancelled.
    pub fn unheard(&self) -> Self {
        Self::new(|_, _| {}, self.cancel.clone())
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

/// The result of a call that runs beside the caller.
#[derive(Debug)]
pub struct Later<T>(Arc<Mutex<Option<T>>>);

impl<T: Send + 'static> Later<T> {
    /// Runs `call` on the threads of [`on_pool`], after what they have to do already.
    pub fn on_pool(call: impl FnOnce() -> T + Send + 'static) -> Self {
        let (later, run) = Self::of(call);
        match pool() {
            Some(pool) => pool.spawn(run),
            None => rayon::spawn(run),
        }
        later
    }
    /// Runs `call` at full priority, on a core that is free: for what a person waits for.
    pub fn soon(call: impl FnOnce() -> T + Send + 'static) -> Self {
        let (later, run) = Self::of(call);
        rayon::spawn(run);
        later
    }
    fn of(call: impl FnOnce() -> T + Send + 'static) -> (Self, impl FnOnce() + Send + 'static) {
        let slot = Arc::new(Mutex::new(None));
        let done = Arc::clone(&slot);
        let run = move || {
            // A call that panics has no result; whoever asked waits for it in vain and goes on.
            if let Ok(result) = catch_unwind(AssertUnwindSafe(call)) {
                *done.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            }
        };
        (Self(slot), run)
    }
    /// The result, once; `None` until it is there.
    pub fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The core's own threads: all cores but one (or as many as `RAYON_NUM_THREADS` says), at low
/// priority, so that computing never takes a core from a moving hand.
///
/// A call from a thread of this pool, or of [`on_all_cores`], stays where it is. Falls back to
/// rayon's global pool when threads can not be made.
pub fn on_pool<R: Send>(call: impl FnOnce() -> R + Send) -> R {
    match pool() {
        Some(pool) if rayon::current_thread_index().is_none() => pool.install(call),
        _ => call(),
    }
}

fn pool() -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let build = || {
        ThreadPoolBuilder::new()
            .num_threads(pool_threads(threads_asked()))
            .thread_name(|i| format!("core-{i}"))
            .start_handler(|_| crate::platform::lower_thread_priority())
            .build()
            .ok()
    };
    POOL.get_or_init(build).as_ref()
}

/// All cores but one, or as many as were asked for.
fn pool_threads(asked: Option<usize>) -> usize {
    asked.unwrap_or(cores().saturating_sub(1)).max(1)
}

/// What a person says by rayon's own variable; tests, where no hand moves, say every core.
fn threads_asked() -> Option<usize> {
    std::env::var("RAYON_NUM_THREADS").ok()?.parse().ok()
}

/// Every core at full priority, for a person who waits and has nothing to steer yet: a case that is
/// read while none is open. The threads are made for this call and end with it.
pub fn on_all_cores<R: Send>(call: impl FnOnce() -> R + Send) -> R {
    let name = |i| format!("load-{i}");
    match ThreadPoolBuilder::new().num_threads(cores()).thread_name(name).build() {
        Ok(pool) => pool.install(call),
        Err(_) => on_pool(call),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
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

    #[test]
    fn a_result_comes_once_and_a_panic_never() {
        let (sum, none) = (Later::on_pool(|| 3 + 4), Later::soon(|| -> u32 { panic!("as meant") }));
        let start = std::time::Instant::now();
        let found = loop {
            match sum.take() {
                None if start.elapsed().as_secs() < 20 => std::thread::yield_now(),
                found => break found,
            }
        };
        assert_eq!((found, sum.take(), none.take()), (Some(7), None, None));
    }

    #[test]
    fn loading_takes_every_core_and_what_it_calls_stays_with_it() {
        let threads = on_all_cores(|| on_pool(rayon::current_num_threads));
        assert_eq!(threads, cores());
        let spare = on_pool(|| on_pool(rayon::current_num_threads));
        assert_eq!(spare, pool_threads(threads_asked()));
    }

    #[test]
    fn a_core_is_kept_free_unless_somebody_says_otherwise() {
        assert_eq!(pool_threads(None), cores().saturating_sub(1).max(1));
        assert_eq!([pool_threads(Some(0)), pool_threads(Some(7))], [1, 7]);
    }
}
