//! A disk in memory that can fail and lose power, for the tests of the case.
//!
//! It keeps apart what is seen now and what would outlast a power cut: bytes become safe by a sync
//! of their file, names by a sync of their folder. A failed sync loses the bytes for good, as on
//! Linux: a later sync of the same file reports success and does not save them.

use corridor::platform::fs::{FileSystem, Lock, LockError, WritableFile, folder_of};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The calls that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Create,
    Append,
    Write,
    Sync,
    Rename,
    SyncFolder,
}
impl Call {
    pub const ALL: [Self; 6] =
        [Self::Create, Self::Append, Self::Write, Self::Sync, Self::Rename, Self::SyncFolder];
}

/// What a power cut leaves.
#[derive(Clone, Copy, Debug)]
pub enum PowerCut {
    /// Only what was synced.
    Synced,
    /// Names as they were seen, bytes only where they were synced: the empty file after a rename.
    NamesOutrunBytes,
    /// Names as they were seen, and a part of the bytes that were not synced.
    PartOfBytes,
}
impl PowerCut {
    pub const ALL: [Self; 3] = [Self::Synced, Self::NamesOutrunBytes, Self::PartOfBytes];
}

#[derive(Clone, Default)]
struct Inode {
    seen: Vec<u8>,
    safe: Vec<u8>,
    /// A sync failed: nothing written before can be made safe any more.
    is_lost: bool,
}

#[derive(Clone, Default)]
struct State {
    inodes: Vec<Inode>,
    seen: BTreeMap<PathBuf, usize>,
    safe: BTreeMap<PathBuf, usize>,
    locked: BTreeSet<PathBuf>,
    room: Option<usize>,
    /// The n-th next call of this kind fails, and `times` calls in all.
    fault: Option<(Call, usize, usize)>,
    /// Every call from the n-th next on fails: the power is gone.
    calls_left: Option<usize>,
    calls: usize,
    /// Only folders under this one can be written; all where it is `None`.
    writable: Option<PathBuf>,
}

/// Cheap to clone; all clones are one disk.
#[derive(Clone)]
pub struct MemoryFs(Arc<Mutex<State>>);

impl MemoryFs {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State::default())))
    }
    /// Only so many bytes more fit.
    pub fn set_room(&self, bytes: Option<usize>) {
        self.0.lock().unwrap().room = bytes;
    }
    /// Lets calls `nth`, `nth + 1`, ... of this kind fail, `times` of them (0: the next one).
    pub fn fail(&self, call: Call, nth: usize, times: usize) {
        self.0.lock().unwrap().fault = Some((call, nth, times));
    }
    /// After so many calls nothing works any more.
    pub fn lose_power_after(&self, calls: usize) {
        self.0.lock().unwrap().calls_left = Some(calls);
    }
    /// How many calls that change something were made.
    pub fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }
    /// Only folders under this one can be written from now on.
    pub fn set_writable(&self, folder: &str) {
        self.0.lock().unwrap().writable = Some(folder.into());
    }
    /// The disk as it is found when the power is back.
    pub fn after(&self, cut: PowerCut) -> Self {
        let mut state = self.0.lock().unwrap().clone();
        if !matches!(cut, PowerCut::Synced) {
            state.safe = state.seen.clone();
        }
        for inode in &mut state.inodes {
            if let PowerCut::PartOfBytes = cut
                && inode.seen.starts_with(&inode.safe)
            {
                let middle = usize::midpoint(inode.safe.len(), inode.seen.len());
                inode.safe = inode.seen[..middle].to_vec();
            }
            inode.seen = inode.safe.clone();
            inode.is_lost = false;
        }
        state.seen = state.safe.clone();
        state.locked.clear();
        (state.room, state.fault, state.calls_left) = (None, None, None);
        Self(Arc::new(Mutex::new(state)))
    }
    /// Puts a file there, safe.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.0.lock().unwrap();
        let inode = Inode { seen: bytes.to_vec(), safe: bytes.to_vec(), is_lost: false };
        state.inodes.push(inode);
        let index = state.inodes.len() - 1;
        state.seen.insert(path.to_owned(), index);
        state.safe.insert(path.to_owned(), index);
    }
    pub fn names(&self) -> Vec<PathBuf> {
        self.0.lock().unwrap().seen.keys().cloned().collect()
    }
}

impl State {
    /// Counts a call, and lets it fail where it shall.
    fn call(&mut self, call: Call) -> io::Result<()> {
        self.calls += 1;
        if let Some(left) = &mut self.calls_left {
            if *left == 0 {
                return Err(io::Error::other("no power"));
            }
            *left -= 1;
        }
        match &mut self.fault {
            Some((kind, nth, times)) if *kind == call => {
                if *nth > 0 {
                    *nth -= 1;
                } else if *times > 0 {
                    *times -= 1;
                    return Err(io::Error::other(format!("injected: {call:?} failed")));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
    fn open(&mut self, path: &Path, truncate: bool) -> usize {
        match self.seen.get(path) {
            Some(index) if !truncate => *index,
            // A truncated file keeps its safe bytes until it is synced, as an old inode would.
            Some(index) => {
                self.inodes[*index].seen.clear();
                self.inodes[*index].is_lost = false;
                *index
            }
            None => {
                self.inodes.push(Inode::default());
                self.seen.insert(path.to_owned(), self.inodes.len() - 1);
                self.inodes.len() - 1
            }
        }
    }
    fn used(&self) -> usize {
        self.seen.values().map(|index| self.inodes[*index].seen.len()).sum()
    }
}

struct MemoryFile {
    fs: MemoryFs,
    inode: usize,
}

impl WritableFile for MemoryFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.fs.0.lock().unwrap();
        let outcome = state.call(Call::Write);
        let fitting = match state.room {
            _ if outcome.is_err() => bytes.len() / 2,
            Some(room) => bytes.len().min(room.saturating_sub(state.used())),
            None => bytes.len(),
        };
        state.inodes[self.inode].seen.extend_from_slice(&bytes[..fitting]);
        outcome?;
        if fitting < bytes.len() { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.fs.0.lock().unwrap();
        let outcome = state.call(Call::Sync);
        let inode = &mut state.inodes[self.inode];
        inode.is_lost |= outcome.is_err();
        if !inode.is_lost {
            inode.safe = inode.seen.clone();
        }
        outcome
    }
}

struct Held(MemoryFs, PathBuf);
impl Lock for Held {}
impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().locked.remove(&self.1);
    }
}

impl FileSystem for MemoryFs {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.0.lock().unwrap();
        let index = state.seen.get(path).ok_or(ErrorKind::NotFound)?;
        Ok(state.inodes[*index].seen.clone())
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn WritableFile>> {
        let mut state = self.0.lock().unwrap();
        state.call(Call::Create)?;
        let inode = state.open(path, true);
        Ok(Box::new(MemoryFile { fs: self.clone(), inode }))
    }
    fn append(&self, path: &Path) -> io::Result<Box<dyn WritableFile>> {
        let mut state = self.0.lock().unwrap();
        state.call(Call::Append)?;
        let inode = state.open(path, false);
        Ok(Box::new(MemoryFile { fs: self.clone(), inode }))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.call(Call::Rename)?;
        let index = state.seen.remove(from).ok_or(ErrorKind::NotFound)?;
        state.seen.insert(to.to_owned(), index);
        Ok(())
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.lock().unwrap().seen.remove(path).map(|_| ()).ok_or(ErrorKind::NotFound.into())
    }
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.call(Call::SyncFolder)?;
        state.safe.retain(|path, _| folder_of(path) != folder);
        let seen: Vec<_> = state.seen.clone().into_iter().collect();
        state.safe.extend(seen.into_iter().filter(|(path, _)| folder_of(path) == folder));
        Ok(())
    }
    fn create_folders(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.names().into_iter().filter(|path| folder_of(path) == folder).collect())
    }
    fn is_writable(&self, folder: &Path) -> bool {
        self.0.lock().unwrap().writable.as_ref().is_none_or(|root| folder.starts_with(root))
    }
    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>, LockError> {
        if !self.0.lock().unwrap().locked.insert(path.to_owned()) {
            return Err(LockError::Held(Some(4711)));
        }
        Ok(Box::new(Held(self.clone(), path.to_owned())))
    }
}
