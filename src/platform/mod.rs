//! What differs between operating systems: thread priority, folders of the user, what is kept in
//! them, file locks, atomic renames, signals. Linux is built and tested; everything else would be added here.

pub mod cache;
pub mod fs;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The folder where this user's programs keep their data: `$XDG_DATA_HOME`, else
/// `~/.local/share`; on Windows `%LOCALAPPDATA%`. `None` where the system names no such folder.
pub fn data_folder() -> Option<PathBuf> {
    if cfg!(windows) {
        return named_folder("LOCALAPPDATA");
    }
    let usual = || Some(named_folder("HOME")?.join(".local").join("share"));
    named_folder("XDG_DATA_HOME").or_else(usual)
}

/// The folder where this user's programs keep what they can make again: `$XDG_CACHE_HOME`, else
/// `~/.cache`; on Windows `%LOCALAPPDATA%`. `None` where the system names no such folder.
pub fn cache_folder() -> Option<PathBuf> {
    if cfg!(windows) {
        return named_folder("LOCALAPPDATA");
    }
    named_folder("XDG_CACHE_HOME").or_else(|| Some(named_folder("HOME")?.join(".cache")))
}

/// The absolute path that a variable holds; a relative one is none.
fn named_folder(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute())
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
