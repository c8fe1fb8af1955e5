//! What was computed once and can be computed again, kept in a folder of this user's.
//!
//! In: bytes under a key. Out: the same bytes, or nothing: a file that is damaged, of another form
//! or not there is the same to the caller, who then computes again. Only this user can read the
//! folder and the files. The least recently used ones go when it grows too large.

use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What every file begins with; the hash of its content follows, and then the content.
const MAGIC: &[u8; 8] = b"corkept1";
/// Ending of the files.
const ENDING: &str = "kept";

/// A folder of kept bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    folder: PathBuf,
    most_bytes: u64,
}

/// Under what bytes are kept: a hash, so that a file's name tells nothing of what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key of these parts. The running program is one of them ([`program_mark`]), so that what
    /// another build has computed is never taken for this one's.
    pub fn of(program: &str, parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in [program].iter().chain(parts) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Self(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// What tells this build of the program from every other: its version, and size and time of its
/// file. `None` where the system does not say which file that is.
pub fn program_mark() -> Option<String> {
    let about = fs::metadata(std::env::current_exe().ok()?).ok()?;
    let made = about.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(format!("{} {} {}", env!("CARGO_PKG_VERSION"), about.len(), made.as_nanos()))
}

impl Cache {
    /// Files in `folder`, which is made when the first one is kept; together at most so large.
    pub fn new(folder: PathBuf, most_bytes: u64) -> Self {
        Self { folder, most_bytes }
    }
    /// Where the files lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
    /// What is kept under `key`, whole and unchanged; `None` where nothing is.
    pub fn get(&self, key: &Key) -> Option<Vec<u8>> {
        let path = self.path(key);
        let mut bytes = fs::read(&path).ok()?;
        let (head, content) = bytes.split_at_checked(MAGIC.len() + 32)?;
        if head[..MAGIC.len()] != *MAGIC || head[MAGIC.len()..] != *Sha256::digest(content) {
            return None;
        }
        // For the sake of those that go first; nothing is lost where the time can not be set.
        let _kept_its_old_time =
            File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        bytes.drain(..MAGIC.len() + 32);
        Some(bytes)
    }
    /// Keeps `content` under `key`, in place of what was there, in one step. Others go where room
    /// is needed; what is larger than all the room is not kept.
    pub fn put(&self, key: &Key, content: &[u8]) -> io::Result<()> {
        if content.len() as u64 > self.most_bytes {
            return Ok(());
        }
        make_private_folder(&self.folder)?;
        let temporary = self.folder.join(format!("{}.{}.tmp", key.0, std::process::id()));
        let written = create_private(&temporary).and_then(|mut file| {
            file.write_all(MAGIC)?;
            file.write_all(&Sha256::digest(content))?;
            file.write_all(content)
        });
        if let Err(fault) = written.and_then(|()| fs::rename(&temporary, self.path(key))) {
            let _left_behind = fs::remove_file(&temporary);
            return Err(fault);
        }
        self.make_room(key)
    }
    fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(&key.0).with_extension(ENDING)
    }
    /// Removes the least recently used files until the rest is no larger than may be; never `key`.
    fn make_room(&self, key: &Key) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == ENDING)
                && let Ok(about) = fs::metadata(&path)
            {
                files.push((about.modified()?, about.len(), path));
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if total > self.most_bytes && path != self.path(key) {
                fs::remove_file(&path)?;
                total -= size;
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn make_private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

// Elsewhere the user's own folder is private as it is.
#[cfg(not(unix))]
fn make_private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(folder)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::of("test", &[name])
    }

    #[test]
    fn what_is_kept_comes_back_and_a_damaged_file_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(folder.path().join("kept"), 1000);
        assert_eq!(cache.get(&key("a")), None);
        cache.put(&key("a"), b"bone").expect("kept");
        assert_eq!(cache.get(&key("a")).as_deref(), Some(&b"bone"[..]));
        assert_eq!(cache.get(&key("b")), None);
        for damage in
            [&b"corkept1"[..], b"", b"corkept1 and then something that no hash fits at all"]
        {
            fs::write(cache.path(&key("a")), damage).expect("damaged");
            assert_eq!(cache.get(&key("a")), None);
        }
        cache.put(&key("a"), b"again").expect("kept");
        assert_eq!(cache.get(&key("a")).as_deref(), Some(&b"again"[..]));
    }

    #[test]
    fn the_least_recently_used_go_and_what_is_too_large_never_comes() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(folder.path().to_owned(), 250);
        let long_ago = |seconds| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        for (name, time) in [("old", 1), ("older", 0), ("new", 2)] {
            cache.put(&key(name), &[0; 60]).expect("kept");
            let file = File::open(cache.path(&key(name))).expect("there");
            file.set_modified(long_ago(time)).expect("set");
        }
        assert!(cache.get(&key("old")).is_some(), "is the newest from now on");
        assert!(cache.get(&key("older")).is_none());
        cache.put(&key("last"), &[0; 60]).expect("kept");
        let is_there = |name| cache.get(&key(name)).is_some();
        assert!(is_there("last") && is_there("old") && !is_there("new"));
        cache.put(&key("huge"), &[0; 251]).expect("passed over");
        assert!(!is_there("huge") && is_there("old"));
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(folder.path().join("kept"), 1000);
        cache.put(&key("a"), b"bone").expect("kept");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(cache.folder()), mode(&cache.path(&key("a")))), (0o700, 0o600));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(Key::of("p", &["ab", "c"]), Key::of("p", &["a", "bc"]));
        assert_ne!(Key::of("p", &["a"]), Key::of("q", &["a"]));
        assert!(program_mark().is_some_and(|mark| mark.starts_with(env!("CARGO_PKG_VERSION"))));
    }
}
