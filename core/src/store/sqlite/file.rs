//! The file: what stands at its path, whom it is for, and whether it still is the one that was opened.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Cause, Error, Result};

/// Whether a file stands at the path. Anything else there, such as a device, is refused.
pub(super) fn is_there(path: &Path) -> Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(metadata) => Err(Error::Place {
            place: path.display().to_string(),
            reason: format!("it is {}, not a file", kind(&metadata)),
            source: None,
        }),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(Error::Place {
            place: path.display().to_string(),
            reason: "it cannot be looked at".to_owned(),
            source: Some(Cause::of(&error)),
        }),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// What stands at a path, where it is no file.
fn kind(metadata: &Metadata) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = metadata.file_type();
        if kind.is_fifo() {
            return "a named pipe";
        } else if kind.is_socket() {
            return "a socket";
        } else if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if metadata.is_dir() {
        "a folder"
    } else {
        "something else"
    }
}

/// Creates file and folder, both for their owner only. Another process may do so at the same time.
pub(super) fn create(path: &Path) -> Result<()> {
    let created = create_private(path).and_then(|()| fs::metadata(path));
    created.map(|_| ()).map_err(|error| Error::Place {
        place: path.display().to_string(),
        reason: if path.is_symlink() {
            "it is a link to a file that is not there".to_owned()
        } else {
            "it cannot be created".to_owned()
        },
        source: Some(Cause::of(&error)),
    })
}

fn create_private(path: &Path) -> io::Result<()> {
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    let mut file = OpenOptions::new();
    file.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        folder.mode(0o700);
        file.mode(0o600);
    }
    if let Some(parent) = path.parent() {
        folder.create(parent)?;
    }
    match file.open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    // The entry in the folder must outlast a loss of power, as the file will.
    #[cfg(unix)]
    if let Some(parent) = path.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// Takes the file, and those that SQLite keeps beside it, from everybody but their owner. What belongs to someone else stays as it is.
pub(super) fn make_private(path: &Path) {
    #[cfg(unix)]
    for part in [path.to_owned(), log(path), beside(path, "-shm")] {
        use std::os::unix::fs::PermissionsExt;
        let Ok(metadata) = fs::metadata(&part) else { continue };
        let mode = metadata.permissions().mode();
        if mode & 0o077 != 0 {
            // Only the owner may; a file system without modes refuses, too.
            let _ = fs::set_permissions(&part, fs::Permissions::from_mode(mode & 0o600));
        }
    }
}

/// Whether nothing can be created in the file's folder, by a look that does nothing but try.
pub(super) fn folder_is_locked(path: &Path) -> bool {
    let probe = beside(path, &format!("-probe-{}", std::process::id()));
    match OpenOptions::new().write(true).create_new(true).open(&probe) {
        Ok(_) => {
            let _ = fs::remove_file(&probe);
            false
        }
        Err(error) => matches!(
            error.kind(),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
        ),
    }
}

pub(super) fn is_empty(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0)
}

/// Whether changes stand in the write-ahead log.
pub(super) fn has_log(path: &Path) -> bool {
    fs::metadata(log(path)).is_ok_and(|metadata| metadata.len() > 0)
}

/// The write-ahead log. It lies beside the file itself, wherever a link to it lies.
pub(super) fn log(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = fs::canonicalize(path)
        .unwrap_or_else(|_| path.to_owned())
        .into_os_string();
    name.push(suffix);
    name.into()
}

/// The path as an address that tells SQLite not to lock, and so not to write (<https://www.sqlite.org/uri.html>).
pub(super) fn immutable(path: &Path) -> Option<String> {
    #[cfg(unix)]
    let bytes = Some(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()));
    #[cfg(not(unix))]
    let bytes = path.to_str().filter(|path| path.is_ascii()).map(str::as_bytes);
    let mut uri = "file:".to_owned();
    for byte in bytes? {
        match byte {
            b'?' | b'#' | b'%' | 0x80.. => {
                uri.push('%');
                uri.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
            }
            byte => uri.push(char::from(*byte)),
        }
    }
    uri.push_str("?immutable=1");
    Some(uri)
}

/// Which file a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

/// Which file the path leads to now.
pub(super) fn identity(path: &Path) -> Result<Identity> {
    match fs::metadata(path) {
        #[cfg(unix)]
        Ok(metadata) => {
            use std::os::unix::fs::MetadataExt;
            Ok(Identity {
                device: metadata.dev(),
                inode: metadata.ino(),
            })
        }
        // A file that is open cannot be taken away there.
        #[cfg(not(unix))]
        Ok(_) => Ok(Identity { device: 0, inode: 0 }),
        Err(error) if is_missing(&error) => Err(gone(path, false)),
        Err(error) => Err(Error::Store {
            operation: String::new(),
            source: Cause::of(&error),
        }),
    }
}

/// For how long a look at the file is good enough to read, and one at the log to write. To look takes about a microsecond, which is
/// much for a read.
const READ_UNSEEN: Duration = Duration::from_micros(50);
const LOG_UNSEEN: Duration = Duration::from_millis(1);

/// The files that a connection holds open. As long as it does, no other file can have their identity.
#[derive(Debug)]
pub(super) struct Opened {
    since: Instant,
    file: Part,
    log: Option<Part>,
}

#[derive(Debug)]
struct Part {
    path: PathBuf,
    identity: Identity,
    /// When it was last looked at: microseconds since it was opened.
    checked: AtomicU64,
}

impl Opened {
    /// The file there is now, and its log.
    pub(super) fn with_log(path: &Path) -> Result<Self> {
        Ok(Self {
            log: Some(Part::now(log(path))?),
            ..Self::without_log(path)?
        })
    }

    /// The file there is now.
    pub(super) fn without_log(path: &Path) -> Result<Self> {
        Ok(Self {
            since: Instant::now(),
            file: Part::now(path.to_owned())?,
            log: None,
        })
    }

    /// An error where the path does not lead to the file any longer, or the log is gone: who connects then, finds other things.
    pub(super) fn check(&self) -> Result<()> {
        self.file.check()?;
        self.log.as_ref().map_or(Ok(()), Part::check)
    }

    /// The same for what is connected and reads: what was read from a file until a moment ago was right until a moment ago.
    pub(super) fn check_to_read(&self, now: Instant) -> Result<()> {
        self.file.check_after(READ_UNSEEN, now.duration_since(self.since))
    }

    /// The same for what is connected and writes: what is written to a deleted file is lost. So is what is written to a deleted log,
    /// if the process dies, so that is noticed soon, and at once where a sync takes its time.
    pub(super) fn check_to_write(&self, now: Instant) -> Result<()> {
        self.file.check()?;
        self.log.as_ref().map_or(Ok(()), |log| {
            log.check_after(LOG_UNSEEN, now.duration_since(self.since))
        })
    }
}

impl Part {
    fn now(path: PathBuf) -> Result<Self> {
        Ok(Self {
            identity: identity(&path)?,
            path,
            checked: AtomicU64::new(0),
        })
    }

    fn check(&self) -> Result<()> {
        if identity(&self.path)? == self.identity {
            Ok(())
        } else {
            Err(gone(&self.path, true))
        }
    }

    fn check_after(&self, unseen: Duration, now: Duration) -> Result<()> {
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        let checked = Duration::from_micros(self.checked.load(Ordering::Relaxed));
        if Duration::from_micros(now).saturating_sub(checked) < unseen {
            return Ok(());
        }
        self.check()?;
        self.checked.store(now, Ordering::Relaxed);
        Ok(())
    }
}

fn gone(path: &Path, replaced: bool) -> Error {
    Error::Gone {
        operation: String::new(),
        place: path.display().to_string(),
        replaced,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::immutable;

    #[test]
    fn an_address_holds_any_path() {
        let check = |path: &str, expected: &str| assert_eq!(immutable(Path::new(path)).unwrap(), expected);
        check("/a b/c.db", "file:/a b/c.db?immutable=1");
        #[cfg(unix)]
        check("/é?#%.db", "file:/%c3%a9%3f%23%25.db?immutable=1");
    }
}
