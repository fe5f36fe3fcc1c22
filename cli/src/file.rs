//! Files that are there whole or not at all.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use crate::failure::Failure;

/// Writes a file in the place of an older one. Who reads it meanwhile sees the old one or the new one.
pub(crate) fn write(path: &Path, contents: &[u8]) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let target = Target::of(path)?;
    if target.is_special() {
        // A device or a pipe is written to, never replaced.
        return fs::OpenOptions::new()
            .write(true)
            .open(&target.path)
            .and_then(|mut file| file.write_all(contents))
            .with_context(failed);
    }
    let mut file = target.beside().with_context(failed)?;
    file.write_all(contents).with_context(failed)?;
    file.as_file().sync_all().with_context(failed)?;
    file.persist(&target.path)
        .map_err(|error| error.error)
        .with_context(failed)?;
    Ok(())
}

/// Whether [`write`] will work, as far as that can be told: whoever works for an hour wants to know it before. Changes nothing.
pub(crate) fn check_writable(path: &Path) -> Result<()> {
    let target = Target::of(path)?;
    if !target.is_special() {
        target
            .beside()
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Where a file is to be written.
struct Target {
    /// What a link points to: a link stays a link.
    path: PathBuf,
    /// Of what is there.
    metadata: Option<Metadata>,
}

impl Target {
    /// Refuses what cannot be written.
    fn of(path: &Path) -> Result<Self> {
        let failed = || format!("cannot write {}", path.display());
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let metadata = match fs::metadata(&target) {
            Ok(metadata) => Some(metadata),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
            Err(error) => return Err(error).with_context(failed),
        };
        if metadata.as_ref().is_some_and(Metadata::is_dir) || names_a_folder(path) {
            return Err(Failure::new(format!("cannot write {}: it is a folder", path.display()))
                .help("Name the file, too.")
                .into());
        }
        let folder = folder_of(&target);
        if !folder.is_dir() {
            let message = format!(
                "cannot write {}: there is no folder {}",
                path.display(),
                folder.display()
            );
            return Err(Failure::new(message).into());
        }
        if metadata.as_ref().is_some_and(Metadata::is_file) {
            // A file that may not be written may not be replaced either, though its folder would allow it.
            fs::OpenOptions::new().append(true).open(&target).with_context(failed)?;
        }
        Ok(Self { path: target, metadata })
    }

    /// A device, a pipe, a socket.
    fn is_special(&self) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| !metadata.is_file())
    }

    /// A new file in the same folder, with the permissions that the target has or is to have.
    fn beside(&self) -> io::Result<NamedTempFile> {
        let mut cause = None;
        let made = tempfile::Builder::new()
            .prefix(".pipulate-")
            .make_in(folder_of(&self.path), |path| {
                let made = fs::OpenOptions::new().write(true).create_new(true).open(path);
                made.and_then(|file| match &self.metadata {
                    Some(metadata) => file.set_permissions(metadata.permissions()).map(|()| file),
                    None => Ok(file),
                })
                .inspect_err(|error| cause = error.raw_os_error())
            });
        // What comes out of there names the temporary file, which tells nobody anything.
        made.map_err(|error| cause.map_or(error, io::Error::from_raw_os_error))
    }
}

/// `out/` means a folder, whether it is there or not.
fn names_a_folder(path: &Path) -> bool {
    path.as_os_str()
        .as_encoded_bytes()
        .last()
        .is_some_and(|last| std::path::is_separator(char::from(*last)))
}

/// What something is that is no regular file, with its article.
pub(crate) fn kind(metadata: &Metadata) -> &'static str {
    if metadata.is_dir() {
        return "a folder";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = metadata.file_type();
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    "a device"
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.ipynb");
        for contents in ["one", "two"] {
            write(&path, contents.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), contents);
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        let error = write(&folder.path().join("missing/out.ipynb"), b"").unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_written_to_and_stays_one() {
        use std::os::unix::fs::FileTypeExt;
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        write(&pipe, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), "through");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    }

    #[test]
    fn what_cannot_be_written_is_told_before_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let check = |name: &str, reason: &str| {
            let path = folder.path().join(name);
            let expected = format!("cannot write {}: {reason}", path.display());
            assert_eq!(format!("{:#}", check_writable(&path).unwrap_err()), expected);
            assert_eq!(format!("{:#}", write(&path, b"").unwrap_err()), expected);
        };
        fs::write(folder.path().join("file"), "").unwrap();
        check("", "it is a folder");
        check("new/", "it is a folder");
        let missing = folder.path().join("missing");
        check("missing/file", &format!("there is no folder {}", missing.display()));
        let file = folder.path().join("file");
        check("file/below", &format!("there is no folder {}", file.display()));
        check_writable(&folder.path().join("new")).unwrap();
        check_writable(&file).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        symlink(&path, &link).unwrap();
        write(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        // Whatever the user's mask is.
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o666);
    }
}
