//! Programs that other programs are: the kernel beside us, and what the PATH finds.

use std::env::{self, consts::EXE_SUFFIX};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::failure::Failure;

/// The kernel's program.
pub(crate) const KERNEL: &str = "pipulate-kernel";

/// The kernel: the one that was named, else the one beside this program, else the one on the PATH.
pub(crate) fn kernel(named: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = named {
        if path.is_file() {
            return Ok(std::path::absolute(path)?);
        }
        return Err(Failure::missing(format!("there is no kernel at {}", path.display()))
            .help("--kernel takes the path of the program `pipulate-kernel`.")
            .into());
    }
    if let Some(sibling) = sibling(KERNEL) {
        return Ok(sibling);
    }
    on_path(KERNEL).ok_or_else(|| {
        let help = "In a checkout, `cargo build` makes it; otherwise name it with --kernel PATH.";
        Failure::new(format!("`{KERNEL}` is neither beside this program nor on the PATH"))
            .help(help)
            .into()
    })
}

/// A program in the folder of this one.
fn sibling(name: &str) -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    // `cargo install` and Nix make links; the kernel is beside what they point to or beside the link.
    let resolved = program.canonicalize().ok();
    [Some(program), resolved]
        .into_iter()
        .flatten()
        .map(|program| program.with_file_name(format!("{name}{EXE_SUFFIX}")))
        .find(|candidate| is_executable(candidate))
}

/// The first program of this name on the PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        // An empty entry would mean the working folder, whatever lies there.
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(format!("{name}{EXE_SUFFIX}")))
        .find(|candidate| is_executable(candidate))
}

/// Whether a path is a file that may be run.
pub(crate) fn is_executable(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        path.metadata()
            .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    path.is_file()
}
