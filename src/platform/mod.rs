//! What differs between operating systems: thread priority, folders of the user, file locks,
//! atomic renames, signals. Linux is built and tested; everything else would be added here.

pub mod fs;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The folder where this user's programs keep their data: `$XDG_DATA_HOME`, else
/// `~/.local/share`; on Windows `%LOCALAPPDATA%`. `None` where the system names no such folder.
pub fn data_folder() -> Option<PathBuf> {
    let named = |variable: &str| {
        std::env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute())
    };
    if cfg!(windows) {
        return named("LOCALAPPDATA");
    }
    named("XDG_DATA_HOME").or_else(|| Some(named("HOME")?.join(".local").join("share")))
}

/// A flag that is set once the system asks the program to end (a terminal that closes, a shutdown,
/// `kill`). Ctrl+C is not among it: the engine listens to that itself.
pub fn end_request() -> io::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(flag)
}

/// Lowers the calling thread's priority, so that computing never takes a core from drawing.
/// Where the system refuses, the thread simply keeps its priority.
pub fn lower_thread_priority() {
    #[cfg(target_os = "linux")]
    {
        // On Linux a nice value set for the "current process" id 0 is per thread.
        let _kept_as_it_was = rustix::process::setpriority_process(None, 10);
    }
}
