//! Compiled dependencies, shared by all kernels of a user.
//!
//! Each kernel builds cells in a folder of its own, so cargo would compile every dependency once a kernel. cargo names what it
//! compiles by a hash of all that went into it, and trusts what it finds under that name. So what one kernel has compiled is
//! copied into the cache, and every other kernel begins with a copy of it: files keep their times, by which cargo judges
//! them. A unit's fingerprint is written last and read first, so that whoever sees it finds the rest, also while several
//! kernels write at once. What is missing or broken is compiled again.
//!
//! The cache is bounded: past its limit it is emptied, and fills again with what is in use.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How large the cache may grow.
const LIMIT: u64 = 2 << 30;
/// The crate that cells are compiled as, which is each kernel's own.
const CELL_CRATE: [&str; 4] = ["ctx-", "libctx", "ctx.", "libcode_"];

/// The cache for one compiler.
#[derive(Clone, Debug)]
pub(super) struct DependencyCache {
    folder: PathBuf,
}

impl DependencyCache {
    /// The cache below `folder` for a compiler, which is known by all that `rustc -vV` says of it.
    pub(super) fn new(folder: &Path, compiler: &str) -> Self {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        compiler.hash(&mut hasher);
        Self {
            folder: folder.join(format!("{:016x}", hasher.finish())),
        }
    }

    /// Copies what is cached into a build folder that has no dependencies yet.
    pub(super) fn load(&self, build: &Path) -> io::Result<()> {
        for profile in profiles(&self.folder.join("target"))? {
            let from = self.folder.join("target").join(&profile);
            let to = build.join("target").join(&profile);
            let units = names(&from.join(".fingerprint"))?;
            for part in ["deps", "build", ".fingerprint"] {
                for name in names(&from.join(part))? {
                    if part != ".fingerprint" || units.contains(&name) {
                        copy(&from.join(part).join(&name), &to.join(part).join(&name))?;
                    }
                }
            }
        }
        copy(&self.folder.join("Cargo.lock"), &build.join("Cargo.lock"))
    }

    /// Adds what a build folder has and the cache has not.
    pub(super) fn save(&self, build: &Path) -> io::Result<()> {
        if size(&self.folder)? > LIMIT {
            fs::remove_dir_all(&self.folder)?;
        }
        for profile in profiles(&build.join("target"))? {
            let from = build.join("target").join(&profile);
            let to = self.folder.join("target").join(&profile);
            for part in ["deps", "build", ".fingerprint"] {
                for name in names(&from.join(part))? {
                    let own = name
                        .to_str()
                        .is_none_or(|name| CELL_CRATE.iter().any(|own| name.starts_with(own)));
                    if !own {
                        copy(&from.join(part).join(&name), &to.join(part).join(&name))?;
                    }
                }
            }
        }
        // Kernels that begin with these versions resolve without the network.
        let lock = self.folder.join("Cargo.lock");
        match fs::remove_file(&lock) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => copy(&build.join("Cargo.lock"), &lock),
        }
    }
}

/// The folders below `target` that cargo compiles into: `debug` for the host, `TRIPLE/debug` for cells.
fn profiles(target: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for name in names(target)? {
        if name == "debug" {
            found.push(PathBuf::from(name));
        } else if target.join(&name).join("debug").is_dir() {
            found.push(Path::new(&name).join("debug"));
        }
    }
    Ok(found)
}

/// What a folder holds, but for what is being written into it; nothing where there is no folder.
fn names(folder: &Path) -> io::Result<BTreeSet<OsString>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries?,
    };
    let mut found = BTreeSet::new();
    for entry in entries {
        let name = entry?.file_name();
        if !is_temporary(&name) {
            found.insert(name);
        }
    }
    Ok(found)
}

fn is_temporary(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(".copying-"))
}

/// Copies a file or folder to where nothing is yet; whole or not at all, times kept.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() || !from.exists() {
        return Ok(());
    }
    let parent = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let temporary = tempfile::Builder::new().prefix(".copying-").tempdir_in(parent)?;
    let whole = temporary.path().join("whole");
    copy_all(from, &whole)?;
    match fs::rename(&whole, to) {
        // Another kernel has been faster: what is there is the same.
        Err(_) if to.exists() => Ok(()),
        result => result,
    }
}

fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::metadata(from)?;
    if metadata.is_dir() {
        fs::create_dir(to)?;
        for name in names(from)? {
            copy_all(&from.join(&name), &to.join(&name))?;
        }
    } else {
        fs::copy(from, to)?;
        let times = fs::FileTimes::new().set_modified(metadata.modified()?);
        // Opening for writing is refused while a build script that was just copied is about to run, never before.
        fs::OpenOptions::new().write(true).open(to)?.set_times(times)?;
    }
    Ok(())
}

fn size(path: &Path) -> io::Result<u64> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        metadata => metadata?,
    };
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    let mut sum = 0;
    for name in names(path)? {
        sum += size(&path.join(name))?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn what_one_build_has_another_begins_with() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(1000);
        for path in [
            "debug/deps/libserde-1.rlib",
            "x86/debug/.fingerprint/serde-1/lib-serde",
            "x86/debug/deps/libserde-1.rlib",
        ] {
            write(&one.join("target").join(path), path);
            let file = fs::OpenOptions::new()
                .write(true)
                .open(one.join("target").join(path))
                .unwrap();
            file.set_times(fs::FileTimes::new().set_modified(old)).unwrap();
        }
        write(&one.join("target/x86/debug/deps/libctx.so"), "cell");
        write(&one.join("target/x86/debug/.fingerprint/ctx-9/lib-ctx"), "cell");
        write(&one.join("Cargo.lock"), "lock");
        let cache = DependencyCache::new(&folder.path().join("cache"), "rustc 1");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| cache.save(&one).unwrap());
            }
        });
        cache.load(&two).unwrap();
        let copied = two.join("target/x86/debug/.fingerprint/serde-1/lib-serde");
        assert_eq!(fs::metadata(&copied).unwrap().modified().unwrap(), old);
        assert_eq!(fs::read_to_string(two.join("Cargo.lock")).unwrap(), "lock");
        assert!(!two.join("target/x86/debug/deps/libctx.so").exists());
        assert!(!two.join("target/x86/debug/.fingerprint/ctx-9").exists());
        assert_eq!(names(&two.join("target/debug/deps")).unwrap().len(), 1);
        let other = DependencyCache::new(&folder.path().join("cache"), "rustc 2");
        other.load(&folder.path().join("three")).unwrap();
        assert!(!folder.path().join("three").exists());
    }
}
