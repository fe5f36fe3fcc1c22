//! The folder in which this process compiles cells.
//!
//! evcxr makes a temporary folder for each context, wherever the process keeps temporary files: that place can be set once
//! in a process. So the process has one root for all of its notebooks (the kernel has one, tests have several); it is made
//! when a notebook needs it and goes with the last one. The cargo configuration in it applies to all that is built below:
//! dependencies are compiled once and used often, so they are optimised, while cells are compiled often and run once.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use crate::{environment, standard_library};

/// The folders of kernels begin with this, and the number of their process follows.
const NAME: &str = "pipulate-kernel-";
/// How long the path of the place of temporary files may be: what lies in a root has the path of a socket.
#[cfg(unix)]
const LONGEST: usize = 50;
/// Where cargo looks for what it is told.
const CONFIGURATION_FILE: &str = ".cargo/config.toml";
const CONFIGURATION: &str = "[profile.dev.package.\"*\"]\nopt-level = 2\n";
/// What cargo runs in place of rustc for cells.
const RUSTC: &str = include_str!("rustc_for_cells.sh");
/// What evcxr and rust-analyzer run as cargo, where the environment leads them here.
const CARGO: &str = include_str!("cargo_for_cells.sh");
/// What evcxr runs as rustup, where there is one.
const RUSTUP: &str = include_str!("rustup_for_cells.sh");
/// The file, beside the script, in which [`CARGO`] finds where cargo itself is.
const CARGO_ITSELF: &str = "cargo-itself";

/// The root, for as long as somebody holds it.
#[derive(Debug)]
pub struct BuildRoot {
    path: PathBuf,
}

static ROOT: Mutex<Option<(PathBuf, Weak<BuildRoot>)>> = Mutex::new(None);

impl BuildRoot {
    /// The root of this process, which only this user can enter.
    pub fn acquire() -> io::Result<Arc<Self>> {
        let mut root = ROOT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(alive) = root.as_ref().and_then(|(_, weak)| weak.upgrade()) {
            return Ok(alive);
        }
        let path = if let Some((path, _)) = root.as_ref() {
            match create_private(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => path.clone(),
            }
        } else {
            std::thread::spawn(remove_abandoned);
            let path = if let Some(path) = environment::announced_root() {
                create_private(&path)?;
                path
            } else {
                let name = format!("{NAME}{}-", std::process::id());
                private().prefix(&name).tempdir_in(place())?.keep()
            };
            if let Some((place, why)) = unfit_place() {
                tracing::warn!(place = %place.display(), why, "cells are compiled below /tmp instead");
            }
            let path = path.canonicalize()?;
            tempfile::env::override_temp_dir(&path).map_err(|other| {
                io::Error::other(format!("temporary files are kept in {} already", other.display()))
            })?;
            path
        };
        std::fs::create_dir_all(path.join(".cargo"))?;
        std::fs::write(path.join(CONFIGURATION_FILE), configuration(&path, None)?)?;
        write_programs(&path)?;
        let alive = Arc::new(Self { path: path.clone() });
        *root = Some((path, Arc::downgrade(&alive)));
        Ok(alive)
    }

    /// A folder in it, which only this user can enter, for one notebook.
    pub fn notebook_folder(&self) -> io::Result<TempDir> {
        private().prefix("n-").tempdir_in(&self.path)
    }

    /// Takes the compiler and the cargo of this toolchain, known by its `sysroot`, and prepares the source of its standard library.
    /// Without, both are found by way of rustup each time, and all of the library is read.
    pub fn use_toolchain(&self, sysroot: &Path) -> io::Result<()> {
        let program = |name: &str| Some(sysroot.join("bin").join(name)).filter(|program| program.exists());
        std::fs::write(
            self.path.join(CONFIGURATION_FILE),
            configuration(&self.path, program("rustc").as_deref())?,
        )?;
        if let Some(cargo) = program("cargo").as_deref().and_then(Path::to_str) {
            let file = environment::programs(&self.path).join(CARGO_ITSELF);
            std::fs::write(file, format!("{cargo}\n"))?;
        }
        if standard_library::is_read_from(&self.path) {
            standard_library::provide(&self.path, sysroot)?;
        }
        Ok(())
    }

    /// Lets rust-analyzer read `std::arch`, too, from when it reads anew.
    pub fn provide_arch(&self, sysroot: &Path) -> io::Result<()> {
        if standard_library::is_read_from(&self.path) {
            standard_library::provide_arch(&self.path, sysroot)?;
        }
        Ok(())
    }

    /// The folder; what `cargo` works in it or below belongs to this process.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for BuildRoot {
    fn drop(&mut self) {
        // Whoever acquires the root again waits until this one is gone.
        let mut root = ROOT.lock().unwrap_or_else(PoisonError::into_inner);
        if root.as_ref().is_some_and(|(_, weak)| weak.strong_count() > 0) {
            return;
        }
        crate::processes::kill_children_in(&self.path);
        crate::processes::kill_marked(&self.path);
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "the kernel's folder is left behind");
        }
        if let Some((_, weak)) = root.as_mut() {
            *weak = Weak::new();
        }
    }
}

/// The root's path, once this process has had one.
pub fn path_of_this_process() -> Option<PathBuf> {
    let root = ROOT.lock().unwrap_or_else(PoisonError::into_inner);
    root.as_ref().map(|(path, _)| path.clone())
}

/// What cargo is told in a root.
#[cfg(unix)]
fn configuration(root: &Path, rustc: Option<&Path>) -> io::Result<String> {
    let wrapper = root.join("rustc-for-cells");
    write_program(&wrapper, RUSTC)?;
    let quoted = |path: &Path| serde_json::Value::String(path.to_string_lossy().into_owned());
    let rustc = rustc.map(|rustc| format!("rustc = {}\n", quoted(rustc)));
    Ok(format!(
        "{CONFIGURATION}\n[build]\nrustc-workspace-wrapper = {}\n{}",
        quoted(&wrapper),
        rustc.unwrap_or_default()
    ))
}

/// Writes what the environment of a kernel leads to.
#[cfg(unix)]
fn write_programs(root: &Path) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let programs = environment::programs(root);
    std::fs::create_dir_all(&programs)?;
    let paths = environment::paths();
    // One of ours that cannot tell where the user's is would find itself.
    if let Some(cargo) = environment::place_of_cargo() {
        let itself = programs.join(CARGO_ITSELF);
        if !itself.exists() {
            std::fs::write(itself, [cargo.as_os_str().as_bytes(), b"\n"].concat())?;
        }
        write_program(&programs.join("cargo"), CARGO)?;
        // Where no path leads to it, none leads to its compiler.
        let rustc = cargo.with_file_name("rustc");
        let ours = programs.join("rustc");
        if !paths.iter().any(|path| path.join("rustc").is_file()) && rustc.is_file() && !ours.exists() {
            std::os::unix::fs::symlink(rustc, ours)?;
        }
    }
    if paths.iter().any(|path| path.join("rustup").is_file()) {
        write_program(&programs.join("rustup"), RUSTUP)?;
    }
    Ok(())
}

/// Writes a script. One that is there stays: another notebook of this process may run it, and what runs cannot be written.
#[cfg(unix)]
fn write_program(path: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if path.exists() {
        return Ok(());
    }
    std::fs::write(path, text)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}

/// Whether a folder is a kernel's, by its name.
pub fn is_root(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    folder.is_absolute() && name.is_some_and(|name| name.starts_with(NAME))
}

/// Whether a folder is that of the kernel with this process.
pub fn is_root_of(folder: &Path, process: u32) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    is_root(folder) && name.is_some_and(|name| name.starts_with(&format!("{NAME}{process}-")))
}

/// Where roots are made.
pub fn place() -> PathBuf {
    match unfit_place() {
        Some(_) => PathBuf::from("/tmp"),
        None => environment::temporary(),
    }
}

/// The place of temporary files that the user wants, where roots cannot be made there, and why not.
pub fn unfit_place() -> Option<(PathBuf, &'static str)> {
    let place = environment::temporary();
    #[cfg(unix)]
    let why = unfit(&place);
    #[cfg(not(unix))]
    let why = None;
    Some((place, why?))
}

/// Why no root can be in a place, if none can.
#[cfg(unix)]
fn unfit(place: &Path) -> Option<&'static str> {
    if place.as_os_str().len() > LONGEST {
        Some("the path is too long for sockets below it")
    } else if let Ok(place) = place.canonicalize()
        && place.is_dir()
    {
        let is_pattern = place.to_string_lossy().contains(['*', '?', '[', ']', '{', '}']);
        is_pattern.then_some("cargo takes its name for a pattern")
    } else {
        Some("it is no folder")
    }
}

/// A path that is nobody's yet, for the folder of a process.
pub fn new_path(process: u32) -> PathBuf {
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let place = place();
    // All that is found by it may be started anywhere.
    let place = std::path::absolute(&place).unwrap_or(place);
    place.join(format!("{NAME}{process}-{}", &unique[..6]))
}

/// Temporary folders that only this user can enter.
#[cfg(unix)]
fn private() -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    let mut builder = tempfile::Builder::new();
    builder.permissions(std::fs::Permissions::from_mode(0o700));
    builder
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(path)
}

/// A kernel that was killed leaves its folder behind, with what was compiled in it.
fn remove_abandoned() {
    let Some(parent) = ROOT
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .as_ref()
        .and_then(|(path, _)| path.parent().map(Path::to_owned))
    else {
        return;
    };
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(process) = name.to_str().and_then(|name| name.strip_prefix(NAME)) else {
            continue;
        };
        let process = process.split('-').next().and_then(|process| process.parse().ok());
        let Some(process) = process.and_then(rustix::process::Pid::from_raw) else {
            continue;
        };
        if rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH) {
            // A folder of another user's stays.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
