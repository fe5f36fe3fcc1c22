//! The standard library's source as rust-analyzer reads it.
//!
//! Before a variable is kept, rust-analyzer infers its type, for which it reads the standard library: tests, what other
//! processors have, and all. Most of the time that a kernel takes to start goes there. So it is given a workspace of its own,
//! of the parts from which types are inferred, linked from the toolchain's source.
//!
//! It looks for that in a place which only the environment can tell; see [`crate::environment`].

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where rust-analyzer looks first.
pub const VARIABLE: &str = "RUST_SRC_PATH";
/// The place in a kernel's folder.
const FOLDER: &str = "standard-library";

/// What the source of `core` takes `core::arch` from, a folder beside its own.
const ARCH: &str = "stdarch";

/// A crate, where its source is, and which of the others it sees.
struct Part {
    name: &'static str,
    features: &'static [&'static str],
    dependencies: &'static [&'static str],
    /// One that there must be, whatever the version.
    needed: bool,
}

const PARTS: [Part; 7] = [
    part("core", &[]),
    part("alloc", &["core"]),
    part("proc_macro", &["core", "std"]),
    part("std", &["alloc", "cfg-if", "core", "hashbrown", "std_detect"]),
    Part {
        features: &["nightly", "rustc-dep-of-std", "rustc-internal-api"],
        ..part("hashbrown", &["alloc", "core"])
    },
    Part {
        needed: false,
        ..part("std_detect", &["alloc", "core"])
    },
    Part {
        needed: false,
        ..part("cfg-if", &["core"])
    },
];

const fn part(name: &'static str, dependencies: &'static [&'static str]) -> Part {
    Part {
        name,
        features: &[],
        dependencies,
        needed: true,
    }
}

/// Where the workspace is in a kernel's folder.
pub fn place(root: &Path) -> PathBuf {
    root.join(FOLDER)
}

/// Whether rust-analyzer looks for it in this kernel's folder.
pub fn is_read_from(root: &Path) -> bool {
    std::env::var_os(VARIABLE).is_some_and(|found| found == place(root))
}

/// Where a toolchain, known by its `sysroot`, keeps the source.
pub fn source(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib/src/rust/library")
}

/// Makes the workspace in a kernel's folder. Where the toolchain's source is not as expected, there is none, and nothing is lost
/// but time.
#[cfg(unix)]
pub fn provide(root: &Path, sysroot: &Path) -> io::Result<()> {
    if root.join(FOLDER).exists() {
        return Ok(());
    }
    let source = source(sysroot);
    let sources: Vec<(&Part, PathBuf)> = PARTS
        .iter()
        .filter_map(|part| Some((part, find(&source, part.name)?)))
        .collect();
    if let Some(missing) = PARTS
        .iter()
        .find(|part| part.needed && !sources.iter().any(|(found, _)| found.name == part.name))
    {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no source of {} in {}", missing.name, source.display()),
        ));
    }
    let folder = tempfile::Builder::new().prefix(FOLDER).tempdir_in(root)?;
    for (part, source) in &sources {
        let folder = folder.path().join(part.name);
        fs::create_dir(&folder)?;
        std::os::unix::fs::symlink(source.join("src"), folder.join("src"))?;
        let names: Vec<&str> = sources.iter().map(|(part, _)| part.name).collect();
        fs::write(folder.join("Cargo.toml"), manifest(part, &edition(source), &names))?;
    }
    // rust-analyzer reads what is below a member; one stands where `std::arch` may come.
    let arch = part(ARCH, &[]);
    fs::create_dir_all(folder.path().join(ARCH).join("src"))?;
    fs::write(folder.path().join(ARCH).join("src/lib.rs"), "")?;
    fs::write(
        folder.path().join(ARCH).join("Cargo.toml"),
        manifest(&arch, "2024", &[]),
    )?;
    let members: Vec<&str> = sources.iter().map(|(part, _)| part.name).chain([ARCH]).collect();
    fs::write(
        folder.path().join("Cargo.toml"),
        format!("[workspace]\nresolver = \"2\"\nmembers = {members:?}\n"),
    )?;
    // In one step: rust-analyzer takes what it finds there.
    fs::rename(folder.keep(), root.join(FOLDER))
}

/// Adds this processor's own functions, `std::arch`, which take seconds to read and are seldom used.
#[cfg(unix)]
pub fn provide_arch(root: &Path, sysroot: &Path) -> io::Result<()> {
    let folder = root.join(FOLDER);
    let crates = folder.join(ARCH).join("crates");
    fs::create_dir_all(&crates)?;
    match std::os::unix::fs::symlink(
        source(sysroot).join(ARCH).join("crates/core_arch"),
        crates.join("core_arch"),
    ) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A crate of the library, or one that it depends on, whose folder carries the version.
fn find(source: &Path, name: &str) -> Option<PathBuf> {
    let own = source.join(name);
    if own.join("src/lib.rs").exists() {
        return Some(own);
    }
    let mut versions: Vec<PathBuf> = fs::read_dir(source.join("vendor"))
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let version = path.file_name().and_then(OsStr::to_str).and_then(|folder| {
                let version = folder.strip_prefix(name)?;
                version.is_empty().then_some("0").or_else(|| version.strip_prefix('-'))
            });
            version.is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()))
                && path.join("src/lib.rs").exists()
        })
        .collect();
    versions.sort();
    versions.pop()
}

fn edition(source: &Path) -> String {
    fs::read_to_string(source.join("Cargo.toml"))
        .ok()
        .and_then(|manifest| manifest.parse::<toml::Table>().ok())
        .and_then(|manifest| Some(manifest.get("package")?.get("edition")?.as_str()?.to_owned()))
        .unwrap_or_else(|| "2024".to_owned())
}

fn manifest(part: &Part, edition: &str, names: &[&str]) -> String {
    let features: Vec<String> = part
        .features
        .iter()
        .map(|feature| format!("{feature} = []\n"))
        .collect();
    let dependencies: Vec<String> = part
        .dependencies
        .iter()
        .filter(|name| names.contains(name))
        .map(|name| format!("{name} = {{ path = \"../{name}\" }}\n"))
        .collect();
    format!(
        "[package]\nname = \"{}\"\nversion = \"0.0.0\"\nedition = \"{edition}\"\n\n\
         [features]\ndefault = {:?}\n{features}\n[dependencies]\n{dependencies}",
        part.name,
        part.features,
        features = features.concat(),
        dependencies = dependencies.concat(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_workspace_links_what_types_are_inferred_from() {
        let folder = tempfile::tempdir().unwrap();
        let (sysroot, root) = (folder.path().join("toolchain"), folder.path().join("root"));
        let source = source(&sysroot);
        fs::create_dir(&root).unwrap();
        for name in ["core", "alloc", "proc_macro", "std", "test"] {
            write(&source.join(name).join("src/lib.rs"), name);
            write(&source.join(name).join("Cargo.toml"), "[package]\nedition = \"2021\"\n");
        }
        // Without all that is needed there is nothing, which rust-analyzer takes for no place at all.
        let error = provide(&root, &sysroot).unwrap_err();
        assert!(error.to_string().contains("no source of hashbrown"), "{error}");
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);

        for name in ["hashbrown-0.9.0", "hashbrown-extra-1.0.0", "cfg-if-1.0.4"] {
            write(&source.join("vendor").join(name).join("src/lib.rs"), name);
        }
        for _ in 0..2 {
            provide(&root, &sysroot).unwrap();
        }
        let library = root.join(FOLDER);
        let linked = |name: &str| fs::read_to_string(library.join(name).join("src/lib.rs")).ok();
        assert_eq!(linked("std").as_deref(), Some("std"));
        assert_eq!(linked("hashbrown").as_deref(), Some("hashbrown-0.9.0"));
        assert_eq!((linked("test"), linked("std_detect")), (None, None));
        let manifest = |name: &str| {
            let text = fs::read_to_string(library.join(name).join("Cargo.toml")).unwrap();
            text.parse::<toml::Table>().unwrap()
        };
        assert_eq!(manifest("std")["package"]["edition"].as_str(), Some("2021"));
        let dependencies = manifest("std")["dependencies"].as_table().unwrap().clone();
        let dependencies: Vec<&str> = dependencies.keys().map(String::as_str).collect();
        assert_eq!(dependencies, ["alloc", "cfg-if", "core", "hashbrown"]);
        let members = manifest("")["workspace"]["members"].as_array().unwrap().len();
        assert_eq!(members, 7);

        write(&source.join("stdarch/crates/core_arch/src/mod.rs"), "arch");
        for _ in 0..2 {
            provide_arch(&root, &sysroot).unwrap();
        }
        assert!(library.join("core/../stdarch/crates/core_arch/src/mod.rs").exists());
    }
}
