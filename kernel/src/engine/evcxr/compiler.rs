//! The compiler that cells are compiled with.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::standard_library;

/// The folder of the toolchain that this process's folder selects.
pub(super) fn sysroot() -> Option<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let sysroot = String::from_utf8(output.stdout).ok()?;
    let sysroot = sysroot.trim();
    (!sysroot.is_empty()).then(|| PathBuf::from(sysroot))
}

/// All that rustc says of itself.
pub(super) fn version(sysroot: Option<&Path>) -> String {
    let rustc = sysroot.map(|sysroot| sysroot.join("bin").join("rustc"));
    let rustc = rustc.filter(|rustc| rustc.exists()).unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default()
}

/// What keeps rustc from being run, where something does: it is not there, or rustup has no toolchain to run it from.
pub(super) fn obstacle() -> Option<String> {
    match Command::new("rustc").arg("-vV").output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!(
            "`rustc` does not run: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Some(format!("`rustc` cannot be started: {error}")),
    }
}

/// Whether rust-analyzer finds the source from which it infers types.
pub fn has_standard_library_source() -> bool {
    sysroot().is_some_and(|sysroot| standard_library::source(&sysroot).join("core/src/lib.rs").exists())
}
