//! One long call beside the frames: how far it is, how it ended, and the wish to stop it.

use super::guard;
use crate::work::{CancelToken, Work};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// How far a long call is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stage {
    /// What is being done.
    pub name: String,
    /// How much of that is done, 0 to 1.
    pub fraction: f32,
}

/// A call on a thread of its own. Dropped, it is cancelled.
pub struct Background<T> {
    shared: Arc<Mutex<Shared<T>>>,
    cancel: CancelToken,
}

struct Shared<T> {
    stage: Stage,
    outcome: Option<Result<T, String>>,
}

impl<T: Send + 'static> Background<T> {
    /// Starts `call`.
    pub fn start(call: impl FnOnce(&Work) -> T + Send + 'static) -> Self {
        let shared = Arc::new(Mutex::new(Shared { stage: Stage::default(), outcome: None }));
        let cancel = CancelToken::default();
        let (seen, done) = (Arc::clone(&shared), Arc::clone(&shared));
        let sink = move |name: &str, fraction: f32| {
            let mut shared = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if shared.stage.name != name {
                name.clone_into(&mut shared.stage.name);
            }
            shared.stage.fraction = fraction;
        };
        let work = Work::new(sink, cancel.clone());
        thread::spawn(move || {
            let outcome = guard::catch(|| call(&work));
            done.lock().unwrap_or_else(PoisonError::into_inner).outcome = Some(outcome);
        });
        Self { shared, cancel }
    }
    /// How far it is.
    pub fn stage(&self) -> Stage {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).stage.clone()
    }
    /// What came of it, once; the reason where the call panicked; `None` until it has ended.
    pub fn take(&self) -> Option<Result<T, String>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).outcome.take()
    }
}

impl<T> Drop for Background<T> {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn wait<T: Send + 'static>(call: &Background<T>) -> Result<T, String> {
        let start = Instant::now();
        loop {
            if let Some(outcome) = call.take() {
                return outcome;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "it never ended");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn its_end_comes_once_and_a_panic_is_a_reason() {
        let call = Background::start(|work| work.step("half", 0.5).map(|()| 7));
        assert_eq!(wait(&call), Ok(Ok(7)));
        assert_eq!(call.stage(), Stage { name: "half".to_owned(), fraction: 0.5 });
        assert!(call.take().is_none());
        let fallen = Background::start(|_| -> u8 { panic!("as meant") });
        assert_eq!(wait(&fallen), Err("as meant".to_owned()));
    }

    #[test]
    fn dropped_it_is_cancelled() {
        let (tell, told) = std::sync::mpsc::channel();
        let call = Background::start(move |work| {
            while work.step("on and on", 0.0).is_ok() {
                thread::sleep(Duration::from_millis(1));
            }
            tell.send(()).expect("the test listens");
        });
        drop(call);
        assert!(told.recv_timeout(Duration::from_secs(20)).is_ok());
    }
}
