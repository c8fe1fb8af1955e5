//! What differs between operating systems: thread priority, folders of the user, file locks,
//! atomic renames, signals. Linux is built and tested; everything else would be added here.

/// Lowers the calling thread's priority, so that computing never takes a core from drawing.
/// Where the system refuses, the thread simply keeps its priority.
pub fn lower_thread_priority() {
    #[cfg(target_os = "linux")]
    {
        // On Linux a nice value set for the "current process" id 0 is per thread.
        let _kept_as_it_was = rustix::process::setpriority_process(None, 10);
    }
}
