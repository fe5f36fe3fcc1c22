//! `cargo xtask bench`: the figures that the design promises, measured on this machine.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::venv::{Packages, Venv};
use crate::workspace::Workspace;
use crate::{binaries, prerequisites, process, rust_src};

/// The release of `evcxr_jupyter` to compare with.
const PEER: &str = "0.22.0";

/// Measure this machine and print the figures beside their goals.
#[derive(Args)]
pub(crate) struct Bench {
    /// What to measure [default: both]
    #[arg(value_enum)]
    subject: Option<Subject>,
    /// Measure `evcxr_jupyter` and `ipykernel` in the same run, too; installing the first takes about 10 minutes, once
    #[arg(long)]
    peer: bool,
    /// How often to measure each kernel; a round takes about a minute and a half with `--peer`, half a minute without
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Put the kernel's figures into docs/performance.md, and a plot of them beside it
    #[arg(long)]
    write: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Subject {
    /// `job.set` and `job.get` beside a bare SQLite upsert and select (release build)
    State,
    /// Start, magics, cells and memory of the kernel
    Kernel,
}

impl Bench {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<ExitCode> {
        if self.subject != Some(Subject::Kernel) {
            prerequisites::check_build()?;
            let arguments = [
                "run",
                "--release",
                "--package",
                "pipulate",
                "--example",
                "state_figures",
            ];
            process::run(&mut workspace.cargo(arguments))?;
        }
        if self.subject != Some(Subject::State) {
            self.kernel(workspace)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn kernel(&self, workspace: &Workspace) -> Result<()> {
        let python = prerequisites::check_lab()?;
        let binaries = binaries::build(workspace)?;
        let venv = Venv::provide(workspace, &python, Packages::Test)?;
        rust_src::ensure(workspace);
        let mut command = venv.python(workspace);
        command
            .arg(workspace.root().join("xtask/python/kernel_figures.py"))
            .arg("--kernel")
            .arg(&binaries.kernel);
        command.args(["--rounds", &self.rounds.to_string()]);
        command.arg("--folder").arg(workspace.fresh_folder("bench")?);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        if self.peer {
            command.arg("--peer").arg(peer(workspace)?);
        }
        if self.write {
            command.arg("--write").arg(workspace.root().join("docs"));
        }
        process::run(&mut command)
    }
}

/// The other Rust kernel, installed into the cache folder unless it is there.
fn peer(workspace: &Workspace) -> Result<PathBuf> {
    let root = cache_folder()
        .unwrap_or_else(|| workspace.target().join("xtask"))
        .join("pipulate-ci/evcxr");
    let program = root
        .join("bin")
        .join(format!("evcxr_jupyter{}", env::consts::EXE_SUFFIX));
    if !program.is_file() {
        println!(
            "Installing evcxr_jupyter {PEER} into {} (about 10 minutes).",
            root.display()
        );
        let mut command = Command::new("cargo");
        command
            .args(["install", "--locked", "--version", PEER, "evcxr_jupyter", "--root"])
            .arg(&root);
        process::run(&mut command)?;
    }
    Ok(program)
}

fn cache_folder() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))
}
