//! The standard library's source, which the types of variables are inferred from.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process;
use crate::workspace::Workspace;

/// Sees to it that the standard library's source is there; goes on without it where it cannot be had.
pub(crate) fn ensure(workspace: &Workspace) {
    // Where rust-analyzer looks first; Nix sets it.
    let elsewhere = env::var_os("RUST_SRC_PATH").is_some_and(|path| Path::new(&path).join("core").is_dir());
    let outcome = if elsewhere {
        Outcome::Present
    } else {
        provide(workspace.sysroot(), process::find(&["rustup"]).as_deref())
    };
    println!("{}", outcome.message());
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Present,
    Added,
    Missing { why: String },
}

impl Outcome {
    fn message(&self) -> String {
        match self {
            Self::Present => "The standard library's source (rust-src) is there.".into(),
            Self::Added => "Added the standard library's source (rust-src).".into(),
            Self::Missing { why } => format!(
                "The standard library's source (rust-src) is missing: {why}.\n\
                 Going on without it. In notebooks, the types of variables will not be inferred (`let s = String::from(\"a\");`\n\
                 fails, `let s: String = ...` works) and Tab completes nothing of the standard library.\n\
                 To get it later: rustup component add rust-src"
            ),
        }
    }
}

/// Where the source is missing and rustup is there, asks rustup for that one component and nothing else.
fn provide(sysroot: &Path, rustup: Option<&Path>) -> Outcome {
    if library(sysroot).is_dir() {
        return Outcome::Present;
    }
    let Some(rustup) = rustup else {
        return Outcome::Missing {
            why: "rustup, which would add it, is not on the path".into(),
        };
    };
    println!("Adding the standard library's source: rustup component add rust-src");
    match process::run(Command::new(rustup).args(["component", "add", "rust-src"])) {
        Ok(()) if library(sysroot).is_dir() => Outcome::Added,
        Ok(()) => Outcome::Missing {
            why: format!("rustup added it, but not to {}", sysroot.display()),
        },
        Err(error) => Outcome::Missing {
            why: format!("{error:#}"),
        },
    }
}

fn library(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib/src/rust/library")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A stand-in for rustup that writes down its arguments and then does what the test says.
    #[cfg(unix)]
    fn fake_rustup(folder: &Path, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;

        let file = folder.join("rustup");
        fs::write(
            &file,
            format!("#!/bin/sh\ncd '{}'\necho \"$@\" >> calls\n{script}\n", folder.display()),
        )
        .unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[test]
    #[cfg(unix)]
    fn present_source_starts_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(library(folder.path())).unwrap();
        let rustup = fake_rustup(folder.path(), "exit 0");
        assert_eq!(provide(folder.path(), Some(&rustup)), Outcome::Present);
        assert!(!folder.path().join("calls").exists());
    }

    #[test]
    #[cfg(unix)]
    fn missing_source_is_asked_for_once() {
        let folder = tempfile::tempdir().unwrap();
        let rustup = fake_rustup(folder.path(), "mkdir -p lib/rustlib/src/rust/library");
        assert_eq!(provide(folder.path(), Some(&rustup)), Outcome::Added);
        assert_eq!(
            fs::read_to_string(folder.path().join("calls")).unwrap(),
            "component add rust-src\n"
        );
    }

    #[test]
    #[cfg(unix)]
    fn a_refusal_is_told_and_not_fatal() {
        let folder = tempfile::tempdir().unwrap();
        let rustup = fake_rustup(folder.path(), "exit 1");
        let outcome = provide(folder.path(), Some(&rustup));
        assert!(
            matches!(&outcome, Outcome::Missing { why } if why.contains("component add rust-src")),
            "{outcome:?}"
        );
        assert!(outcome.message().contains("will not be inferred"));
    }

    #[test]
    fn without_rustup_nothing_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(provide(folder.path(), None), Outcome::Missing { .. }));
    }
}
