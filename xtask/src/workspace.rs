//! Where the checkout and what is built from it are.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;

/// The checkout, its target folder, and the cargo that started us.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    sysroot: PathBuf,
    cargo: OsString,
}

impl Workspace {
    /// Asks cargo, so that `CARGO_TARGET_DIR` and `build.target-dir` count.
    pub(crate) fn locate() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest)
            .parent()
            .context("the folder xtask/ has no parent")?
            .to_path_buf();
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let metadata = process::output(
            Command::new(&cargo)
                .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
                .arg(root.join("Cargo.toml")),
        )?;
        let metadata: Value = serde_json::from_str(&metadata).context("what `cargo metadata` wrote is not JSON")?;
        let target = metadata["target_directory"]
            .as_str()
            .context("`cargo metadata` names no target_directory")?;
        let sysroot = process::output(Command::new("rustc").args(["--print", "sysroot"]))?;
        Ok(Self {
            root,
            target: target.into(),
            sysroot: sysroot.trim().into(),
            cargo,
        })
    }

    /// The folder of the checkout.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The target folder, absolute.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Where the toolchain is.
    pub(crate) fn sysroot(&self) -> &Path {
        &self.sysroot
    }

    /// A binary of the workspace, as the dev profile builds it.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.target
            .join("debug")
            .join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// A cargo command in the root, sharing the one target folder.
    pub(crate) fn cargo<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = self.command(&self.cargo);
        command.args(arguments).env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// Any other program, in the root, with the environment that the user had before `cargo run` added to it: what a
    /// kernel does must not depend on who built it.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            if name == "CARGO" || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&*name);
            }
        }
        for name in ["LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"] {
            let Some(value) = env::var_os(name) else { continue };
            let kept: Vec<PathBuf> = env::split_paths(&value)
                .filter(|path| !self.added_by_cargo(path))
                .collect();
            match env::join_paths(kept) {
                Ok(kept) if !kept.is_empty() => command.env(name, kept),
                _ => command.env_remove(name),
            };
        }
        command
    }

    /// A fresh, empty folder for one run: `<target>/xtask/NAME`.
    pub(crate) fn fresh_folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.target.join("xtask").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot clear {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(folder)
    }

    fn added_by_cargo(&self, path: &Path) -> bool {
        path.starts_with(&self.target) || path.starts_with(&self.sysroot)
    }
}
