//! What a person reads when the program breaks: one sentence, never a backtrace.
//!
//! In: panics of any thread, errors of systems. Out: a sentence on standard error, the details in
//! the log at level `debug`.

use crate::case::Flusher;
use crate::platform;
use bevy::ecs::error::{BevyError, ErrorContext};
use bevy::log::{debug, error};
use bevy::prelude::*;
use std::any::Any;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

static HAS_SPOKEN: AtomicBool = AtomicBool::new(false);
static FLUSHER: Mutex<Option<Flusher>> = Mutex::new(None);

/// How long a falling program waits for the disk.
const FLUSH_TIME: Duration = Duration::from_secs(2);

/// Set when the system asks the program to end.
#[derive(Resource)]
struct EndRequest(Arc<AtomicBool>);

/// Lets the program end in good order when the system asks it to.
pub fn plugin(app: &mut App) {
    match platform::end_request() {
        Ok(flag) => {
            app.insert_resource(EndRequest(flag)).add_systems(First, end_when_asked);
        }
        // The program then ends as the system ends it; the journal holds every finished edit.
        Err(fault) => warn!("the system's wish to end can not be heard: {fault}"),
    }
}

fn end_when_asked(request: Res<EndRequest>, mut exit: MessageWriter<AppExit>) {
    if request.0.swap(false, Ordering::Relaxed) {
        exit.write(AppExit::Success);
    }
}

/// From now on a falling program first brings the edits of this document to the disk.
pub fn protect(flusher: Flusher) {
    *FLUSHER.lock().unwrap_or_else(PoisonError::into_inner) = Some(flusher);
}

/// Replaces the panic message of the language by a sentence, said once however many threads fall.
pub fn install_panic_hook() {
    panic::set_hook(Box::new(|info| {
        debug!("{info}");
        if !HAS_SPOKEN.swap(true, Ordering::SeqCst) {
            let are_safe = flush();
            speak(&reason(info.payload()), are_safe);
        }
    }));
}

/// Runs a call and turns a panic into its reason.
pub fn catch<R>(call: impl FnOnce() -> R) -> Result<R, String> {
    panic::catch_unwind(panic::AssertUnwindSafe(call)).map_err(|payload| reason(&*payload))
}

/// The text of a panic, cut to its first line.
fn reason(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("an unknown fault");
    text.lines().next().unwrap_or_default().to_owned()
}

/// True when every finished edit is on the disk.
fn flush() -> bool {
    let flusher = FLUSHER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    flusher.is_none_or(|flusher| flusher.flush(FLUSH_TIME).is_ok())
}

fn speak(reason: &str, are_safe: bool) {
    use std::io::Write as _;
    let edits = if are_safe {
        "Finished edits are safe in the journal; start again and it brings the session back."
    } else {
        "The disk did not take the last edits."
    };
    // A terminal that is gone can not be told anything more.
    let _ =
        writeln!(std::io::stderr(), "corridor: a part of the program failed ({reason}). {edits}");
}

/// The error handler of the engine: a system that fails is logged and the program goes on.
pub fn log_error(fault: BevyError, context: ErrorContext) {
    error!("{} {} failed: {fault}", context.kind(), context.name());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_first_line() {
        let said = catch(|| panic!("no screen\nbacktrace")).expect_err("it panicked");
        assert_eq!(said, "no screen");
        assert_eq!(catch(|| 3), Ok(3));
    }
}
