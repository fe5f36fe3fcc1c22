//! The folder of the workers' sockets, and what a server that was killed has left of its own.
//!
//! A server holds a file in its folder locked for as long as it lives, however it ends. A process id would not do: servers in
//! containers may share the place of temporary files, and not their numbers.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The names of the folders begin with this.
const NAME: &str = "pipulate-server-";
/// What is locked.
const LOCK: &str = "lock";
/// How long the path of the place of temporary files may be, in bytes: a socket's path has a bound of about a hundred.
const LONGEST: usize = 70;

/// A folder that only this user can enter. It goes when this is dropped.
pub(super) struct SocketFolder {
    folder: TempDir,
    _lock: File,
}

impl SocketFolder {
    /// A new one. Those that nobody uses any more are removed meanwhile.
    pub(super) fn new() -> io::Result<Self> {
        let place = place();
        let made = Self::new_in(&place)?;
        // What is not removed now is so at another start.
        let _ = std::thread::Builder::new()
            .name("abandoned-sockets".to_owned())
            .spawn(move || remove_abandoned(&place));
        Ok(made)
    }

    fn new_in(place: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(NAME).tempdir_in(place)?;
        // It has its name only when it is locked: nobody sees it without.
        let unnamed = folder.path().join("new");
        let lock = File::create_new(&unnamed)?;
        lock.lock()?;
        fs::rename(&unnamed, folder.path().join(LOCK))?;
        Ok(Self { folder, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Where the folders are made.
fn place() -> PathBuf {
    let place = std::env::temp_dir();
    if place.as_os_str().len() > LONGEST {
        return PathBuf::from("/tmp");
    }
    place
}

fn remove_abandoned(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().as_encoded_bytes().starts_with(NAME.as_bytes())
            && entry.metadata().is_ok_and(|metadata| {
                // A link is none: metadata of an entry is its own.
                metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw()
            });
        if is_ours && is_abandoned(&entry.path()) {
            // Another server may be faster.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether the server has ended.
fn is_abandoned(folder: &Path) -> bool {
    File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_holds_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let living = SocketFolder::new_in(place.path()).unwrap();
        let killed = {
            let SocketFolder { folder, _lock } = SocketFolder::new_in(place.path()).unwrap();
            folder.keep()
        };
        fs::write(killed.join("1.sock"), "").unwrap();
        // One that is just being made, and another program's.
        let (young, other) = (place.path().join("pipulate-server-young"), place.path().join("other"));
        for folder in [&young, &other] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(other.join(LOCK), "").unwrap();
        std::os::unix::fs::symlink(&other, place.path().join("pipulate-server-link")).unwrap();
        remove_abandoned(place.path());
        assert!(!killed.exists());
        assert!(living.path().exists() && young.exists() && other.join(LOCK).exists());
        let path = living.path().to_owned();
        drop(living);
        assert!(!path.exists());
    }
}
