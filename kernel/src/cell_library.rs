//! The library that cells link: `pipulate` with its light features, carried inside the kernel.
//!
//! A notebook must not need the checkout that the kernel was built from. So the source is embedded, with a manifest
//! that stands alone, and unpacked into the user's data folder, under its version and a digest of its content; kernels
//! of one version share it, and several may unpack it at once.

use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};
use sha2::{Digest, Sha256};

static SOURCE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../core/src");

const MANIFEST: &str = concat!(
    r#"[package]
name = "pipulate"
version = ""#,
    env!("CARGO_PKG_VERSION"),
    r#""
edition = "2024"
publish = false

[lib]
doctest = false

[features]
default = ["cell"]
cell = []
grammar = []
sqlite = []

# Parts of the source are for other features.
[lints.rust]
dead_code = "allow"
unexpected_cfgs = "allow"

[dependencies]
serde = { version = "1", features = ["derive"] }
serde_json = { version = "1", features = ["float_roundtrip"] }
thiserror = "2"

[workspace]
"#
);

/// Unpacks the library below the user's data folder, unless it is there, and gives its folder.
pub fn unpack(data_folder: &Path) -> io::Result<PathBuf> {
    let versions = data_folder.join("cell-library");
    let folder = versions.join(format!("{}-{}", env!("CARGO_PKG_VERSION"), digest()));
    if folder.join("Cargo.toml").exists() {
        return Ok(folder);
    }
    std::fs::create_dir_all(&versions)?;
    let unpacked = tempfile::Builder::new().prefix(".unpacking-").tempdir_in(&versions)?;
    write(&SOURCE, &unpacked.path().join("src"))?;
    std::fs::write(unpacked.path().join("Cargo.toml"), MANIFEST)?;
    let unpacked = unpacked.keep();
    match std::fs::rename(&unpacked, &folder) {
        Ok(()) => Ok(folder),
        Err(error) => {
            std::fs::remove_dir_all(&unpacked)?;
            // Another kernel has been faster: what is there is the same.
            if folder.join("Cargo.toml").exists() {
                Ok(folder)
            } else {
                Err(error)
            }
        }
    }
}

/// The line by which a cell depends on the library in `folder`.
pub fn dependency(folder: &Path) -> String {
    let path = folder.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    format!(":dep pipulate = {{ path = \"{path}\" }}")
}

fn digest() -> String {
    let mut digest = Sha256::new();
    digest.update(MANIFEST);
    add(&SOURCE, &mut digest);
    hex::encode(&digest.finalize()[..6])
}

fn add(folder: &Dir<'_>, digest: &mut Sha256) {
    for entry in folder.entries() {
        digest.update(entry.path().to_string_lossy().as_bytes());
        match entry {
            DirEntry::Dir(folder) => add(folder, digest),
            DirEntry::File(file) => digest.update(file.contents()),
        }
    }
}

fn write(folder: &Dir<'_>, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in folder.entries() {
        let Some(name) = entry.path().file_name() else { continue };
        match entry {
            DirEntry::Dir(folder) => write(folder, &to.join(name))?,
            DirEntry::File(file) => std::fs::write(to.join(name), file.contents())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_unpacked_once_also_by_several_at_once() {
        let data = tempfile::tempdir().unwrap();
        let folders: Vec<PathBuf> = std::thread::scope(|scope| {
            let unpacking: Vec<_> = (0..4).map(|_| scope.spawn(|| unpack(data.path()).unwrap())).collect();
            unpacking.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(folders.iter().all(|folder| *folder == folders[0]));
        let entries = std::fs::read_dir(data.path().join("cell-library")).unwrap().count();
        assert_eq!(entries, 1);
        assert!(folders[0].join("src/runtime/mod.rs").exists());
    }
}
