//! Compiled dependencies, shared by all kernels of a user.
//!
//! Each kernel builds cells in a folder of its own, so cargo would compile every dependency once a kernel. cargo names what it
//! compiles by a hash of what went into it, and trusts what it finds under that name. So what one kernel has compiled is
//! copied into the cache, and every other kernel begins with a copy of it: files keep their times, by which cargo judges them.
//!
//! Of one name is not the same, though: a crate may carry the path of the folder in which it was compiled, and then fits only
//! what was compiled against it. So the cache holds *sets*, each copied whole from one build folder and never added to. A kernel
//! begins with the newest, adds to its copy what it needs, and leaves that as the next.
//!
//! The cache is bounded: a set past the limit is not kept, nor is the one that it began with, and kernels begin anew.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How large the cache may grow.
const LIMIT: u64 = 2 << 30;
/// The versions that cells are linked with; see `rustc_for_cells.sh`.
const KEPT_LOCK: &str = ".kept-lock";
const SET: &str = "set-";
const TEMPORARY: &str = ".copying-";
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
        let Some(set) = self.newest()? else { return Ok(()) };
        for profile in profiles(&set.join("target"))? {
            let (from, to) = (set.join("target").join(&profile), build.join("target").join(&profile));
            // Fingerprints come last: without them, cargo trusts nothing of a copy that broke off.
            for part in ["deps", "build", ".fingerprint"] {
                for name in names(&from.join(part))? {
                    copy(&from.join(part).join(&name), &to.join(part).join(&name))?;
                }
            }
        }
        copy(&set.join("Cargo.lock"), &build.join(KEPT_LOCK))?;
        copy(&set.join("Cargo.lock"), &build.join("Cargo.lock"))
    }

    /// Keeps what a build folder has, if the newest set lacks any of it.
    pub(super) fn save(&self, build: &Path) -> io::Result<()> {
        let units = units(build)?;
        let newest = self.newest()?;
        if let Some(newest) = &newest
            && units.is_subset(&self::units(newest)?)
        {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)?;
        let temporary = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(&self.folder)?;
        let set = temporary.path().join("set");
        for profile in profiles(&build.join("target"))? {
            let (from, to) = (build.join("target").join(&profile), set.join("target").join(&profile));
            for part in ["deps", "build", ".fingerprint"] {
                for name in names(&from.join(part))? {
                    // Of what is being compiled meanwhile, the fingerprint is left out.
                    let wanted = part != ".fingerprint" || units.contains(&profile.join(&name));
                    if wanted && !is_own(&name) {
                        copy(&from.join(part).join(&name), &to.join(part).join(&name))?;
                    }
                }
            }
        }
        // Kernels that begin with these versions resolve without the network.
        copy(&build.join(KEPT_LOCK), &set.join("Cargo.lock"))?;
        let old = self.sets()?;
        if size(&set)? <= LIMIT {
            fs::rename(&set, self.folder.join(name_of_set(temporary.path())))?;
        }
        for set in old {
            match fs::remove_dir_all(self.folder.join(set)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The sets, by age.
    fn sets(&self) -> io::Result<BTreeSet<OsString>> {
        let mut sets = names(&self.folder)?;
        sets.retain(|name| name.to_str().is_some_and(|name| name.starts_with(SET)));
        Ok(sets)
    }

    fn newest(&self) -> io::Result<Option<PathBuf>> {
        Ok(self.sets()?.last().map(|name| self.folder.join(name)))
    }
}

/// A name that sorts behind those of earlier sets, and is nobody else's, as that of the temporary folder is not.
fn name_of_set(temporary: &Path) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let unique = temporary.file_name().unwrap_or_default().to_string_lossy();
    format!("{SET}{:032}{unique}", now.unwrap_or_default().as_nanos())
}

/// What is compiled to the end in a build folder or a set: its fingerprint says so, a file beside the one that marks the beginning.
fn units(build: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut units = BTreeSet::new();
    for profile in profiles(&build.join("target"))? {
        let fingerprints = build.join("target").join(&profile).join(".fingerprint");
        for name in names(&fingerprints)? {
            let files = names(&fingerprints.join(&name))?;
            if !is_own(&name) && files.iter().any(|file| file != "invoked.timestamp") {
                units.insert(profile.join(name));
            }
        }
    }
    Ok(units)
}

/// Whether a file is of the crate that cells are compiled as.
fn is_own(name: &OsStr) -> bool {
    name.to_str()
        .is_none_or(|name| CELL_CRATE.iter().any(|own| name.starts_with(own)))
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
    name.to_str().is_some_and(|name| name.starts_with(TEMPORARY))
}

/// What is large and never written into, only replaced.
fn is_library(file: &Path) -> bool {
    let extension = file.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| ["rlib", "rmeta", "so", "dylib", "dll"].contains(&extension))
}

/// Copies a file or folder to where nothing is yet; whole or not at all, times kept.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() || !from.exists() {
        return Ok(());
    }
    let parent = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    // Two file systems, or one without links, leave the copy.
    if is_library(from) && from.is_file() && fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let temporary = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(parent)?;
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

    /// One unit more.
    fn write_third(build: &Path) -> PathBuf {
        let file = build.join("target/debug/.fingerprint/third-1/lib-third");
        write(&file, "third");
        file
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
        write(&one.join(KEPT_LOCK), "lock");
        // Is it a copy, or the same file?
        let links = |build: &Path, file: &str| {
            use std::os::unix::fs::MetadataExt as _;
            fs::metadata(build.join("target/x86/debug").join(file)).unwrap().nlink()
        };
        let cache = DependencyCache::new(&folder.path().join("cache"), "rustc 1");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| cache.save(&one).unwrap());
            }
        });
        assert!((1..=4).contains(&cache.sets().unwrap().len()));
        let third = write_third(&one);
        cache.save(&one).unwrap();
        fs::remove_file(third).unwrap();
        cache.load(&two).unwrap();
        let copied = two.join("target/x86/debug/.fingerprint/serde-1/lib-serde");
        assert_eq!(fs::metadata(&copied).unwrap().modified().unwrap(), old);
        assert_eq!(fs::read_to_string(two.join("Cargo.lock")).unwrap(), "lock");
        assert!(!two.join("target/x86/debug/deps/libctx.so").exists());
        assert!(!two.join("target/x86/debug/.fingerprint/ctx-9").exists());
        assert_eq!(names(&two.join("target/debug/deps")).unwrap().len(), 1);
        assert_eq!(links(&two, "deps/libserde-1.rlib"), 3);
        assert_eq!(links(&two, ".fingerprint/serde-1/lib-serde"), 1);
        assert_eq!(cache.sets().unwrap().len(), 1);
        // Nothing new is no new set, and a set is never mixed with what comes from elsewhere.
        let before = cache.newest().unwrap();
        cache.save(&two).unwrap();
        assert_eq!(cache.newest().unwrap(), before);
        let apart = folder.path().join("apart");
        write(&apart.join("target/x86/debug/.fingerprint/other-1/lib-other"), "other");
        write(
            &apart.join("target/x86/debug/.fingerprint/begun-1/invoked.timestamp"),
            "",
        );
        write(&apart.join("target/x86/debug/deps/libserde-1.rlib"), "of another build");
        cache.save(&apart).unwrap();
        let four = folder.path().join("four");
        cache.load(&four).unwrap();
        let units = units(&four).unwrap();
        assert_eq!(units, BTreeSet::from([PathBuf::from("x86/debug/other-1")]));
        let serde = fs::read_to_string(four.join("target/x86/debug/deps/libserde-1.rlib")).unwrap();
        assert_eq!(serde, "of another build");

        let other = DependencyCache::new(&folder.path().join("cache"), "rustc 2");
        other.load(&folder.path().join("three")).unwrap();
        assert!(!folder.path().join("three").exists());
    }
}
