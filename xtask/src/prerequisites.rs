//! What must be on the machine before anything here works; each missing thing is named with the command that gets it.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

/// Checks what every build needs: rustc, cargo, a C and a C++ compiler (for SQLite and ZeroMQ).
pub(crate) fn check_build() -> Result<()> {
    report(&missing_for_build())
}

/// Checks what a build and JupyterLab need, and returns the Python to make the virtual environment with.
pub(crate) fn check_lab() -> Result<PathBuf> {
    let mut missing = missing_for_build();
    let python = python();
    if let Err(problem) = &python {
        missing.push(problem.clone());
    }
    report(&missing)?;
    python.map_err(anyhow::Error::msg)
}

/// A Python 3 that is new enough and can make virtual environments, or what to do about it.
pub(crate) fn python() -> Result<PathBuf, String> {
    let Some(python) = process::find(&["python3", "python"]) else {
        return Err(format!(
            "Python 3.11 or newer: {}",
            package("python3 python3-venv", "python3", "python@3.13")
        ));
    };
    let run = |code: &str| process::succeeds(Command::new(&python).args(["-c", code]));
    if !run("import sys; sys.exit(sys.version_info < (3, 11))") {
        let how = package("python3 python3-venv", "python3", "python@3.13");
        return Err(format!("Python 3.11 or newer ({} is older): {how}", python.display()));
    }
    if !run("import venv, ensurepip") {
        return Err(format!(
            "Python's venv module: {}",
            package("python3-venv", "python3", "python@3.13")
        ));
    }
    Ok(python)
}

fn missing_for_build() -> Vec<String> {
    let mut missing = Vec::new();
    for tool in ["rustc", "cargo"] {
        if !process::succeeds(Command::new(tool).arg("--version")) {
            missing.push(format!(
                "{tool}: install Rust from https://rustup.rs, then open a new terminal"
            ));
        }
    }
    // On Windows rustup itself asks for the compiler (Visual Studio's build tools), and rustc finds it unaided.
    if cfg!(unix) {
        if !has_compiler("CC", &["cc", "gcc", "clang"]) {
            missing.push(format!("a C compiler (cc): {}", package("build-essential", "gcc", "")));
        }
        if !has_compiler("CXX", &["c++", "g++", "clang++"]) {
            missing.push(format!(
                "a C++ compiler (c++): {}",
                package("build-essential", "gcc-c++", "")
            ));
        }
    }
    missing
}

fn has_compiler(variable: &str, names: &[&str]) -> bool {
    env::var_os(variable).is_some() || process::find(names).is_some()
}

/// The command that installs a package with the package manager of this machine.
pub(crate) fn package(debian: &str, fedora: &str, homebrew: &str) -> String {
    if cfg!(target_os = "macos") {
        return if homebrew.is_empty() {
            "xcode-select --install".into()
        } else {
            format!("brew install {homebrew}")
        };
    }
    if process::find(&["apt-get"]).is_some() {
        format!("sudo apt-get install {debian}")
    } else if process::find(&["dnf"]).is_some() {
        format!("sudo dnf install {fedora}")
    } else {
        format!("install it with your package manager (Debian calls it {debian})")
    }
}

fn report(missing: &[String]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "this machine lacks:\n  {}\nGet what is named there and run the command again.",
        missing.join("\n  ")
    );
}
