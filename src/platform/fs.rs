//! The few calls on files that the safety of a plan rests on, as a trait, so that tests can make
//! each of them fail.
//!
//! In: paths and bytes. Out: the same on a disk, or the system's own error. [`RealFs`] is the disk;
//! [`write_atomically`] is the one way in which a whole file is replaced.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file open for writing.
pub trait WritableFile: Send {
    /// Writes all of `bytes` at the end. After an error any part of them may stand in the file.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns once what was written would outlast a power cut (the file's name may not: see
    /// [`FileSystem::sync_folder`]). After an error nothing is known of what was written.
    fn sync(&mut self) -> io::Result<()>;
}

/// Why a lock was not given.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A running process holds it; its id, where the lock file says it.
    #[error("held by another process")]
    Held(Option<u32>),
    /// The lock file can not be made, or the file system knows no locks.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Held until it is dropped, or the process ends in whatever way.
pub trait Lock: Send + Sync {}

/// What a case needs of a disk.
pub trait FileSystem: Send + Sync {
    /// All bytes of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// An empty file for writing; one that is there loses its content.
    fn create(&self, path: &Path) -> io::Result<Box<dyn WritableFile>>;
    /// A file for writing at its end; made when it is not there.
    fn append(&self, path: &Path) -> io::Result<Box<dyn WritableFile>>;
    /// Gives a file another name in one step; a file of that name is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Returns once names made, changed and removed in `folder` would outlast a power cut.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Makes a folder and those above it; fine when it is there.
    fn create_folders(&self, folder: &Path) -> io::Result<()>;
    /// Everything that lies directly in a folder, in no order.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;
    /// Whether this user may make files in `folder`; false when it is not there.
    fn is_writable(&self, folder: &Path) -> bool;
    /// Takes the lock that the file at `path` stands for, or says at once who holds it. A file left
    /// by a process that ended is no obstacle.
    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>, LockError>;
}

/// `path` with `ending` put behind its file name: `x.plan.json` and `.lock` give `x.plan.json.lock`.
pub fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut whole = OsString::from(path);
    whole.push(ending);
    PathBuf::from(whole)
}

/// The folder in which `path` lies; `.` for a bare file name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Replaces a whole file: whoever reads it, and whatever fails or loses power in between, finds the
/// old bytes or the new ones, never a mixture. On success the new ones are safe.
pub fn write_atomically(fs: &dyn FileSystem, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = with_ending(path, ".tmp");
    let written = fs.create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync()
    });
    if let Err(error) = written.and_then(|()| fs.rename(&temporary, path)) {
        // The half-written copy only takes room; that it can not be removed changes nothing.
        let _left_behind = fs.remove(&temporary);
        return Err(error);
    }
    fs.sync_folder(folder_of(path))
}

/// The machine's own disks.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealFs;

struct RealFile(File);

impl WritableFile for RealFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// The system drops the lock with the last handle of the file, so with the process too.
struct RealLock(#[expect(dead_code, reason = "held for its lock, never read")] File);

impl Lock for RealLock {}

impl FileSystem for RealFs {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn WritableFile>> {
        Ok(Box::new(RealFile(File::create(path)?)))
    }
    fn append(&self, path: &Path) -> io::Result<Box<dyn WritableFile>> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Box::new(RealFile(file)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Elsewhere a folder can not be opened as a file; there the file's own sync must do.
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }
    fn create_folders(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    }
    fn is_writable(&self, folder: &Path) -> bool {
        is_writable(folder)
    }
    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>, LockError> {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(process_in(path))),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        // Who holds it is said for a person's sake alone: a full disk must not keep anybody out.
        let _unsaid = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Box::new(RealLock(file)))
    }
}

/// The process that a lock file names.
fn process_in(path: &Path) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(unix)]
fn is_writable(folder: &Path) -> bool {
    use rustix::fs::Access;
    folder.is_dir() && rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_writable(folder: &Path) -> bool {
    std::fs::metadata(folder).is_ok_and(|about| about.is_dir() && !about.permissions().readonly())
}
