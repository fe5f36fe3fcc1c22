//! `cargo xtask bench`: the figures that the design promises, measured on this machine.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::venv::{Packages, Venv};
use crate::workspace::Workspace;
use crate::{app, binaries, prerequisites, process, rust_src};

/// The release of `evcxr_jupyter` to compare with.
const PEER: &str = "0.22.0";

/// Measure this machine and print the figures beside their goals.
#[derive(Args)]
pub(crate) struct Bench {
    /// What to measure [default: all]
    #[arg(value_enum)]
    subject: Option<Subject>,
    /// Measure others in the same run, too: `evcxr_jupyter` (installing it takes about 10 minutes, once) and `ipykernel` beside the
    /// kernel, Voila beside the web app
    #[arg(long)]
    peer: bool,
    /// How often to measure each kernel; a round takes about a minute and a half with `--peer`, half a minute without
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Put the figures of the kernel and of the web app into docs/performance.md, and a plot of the kernel's beside it
    #[arg(long)]
    write: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Subject {
    /// `job.set` and `job.get` beside a bare SQLite upsert and select (release build)
    State,
    /// Start, magics, cells and memory of the kernel
    Kernel,
    /// Start, submits and pages of a web app made from a notebook, and the port itself (release build)
    Web,
}

impl Bench {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<ExitCode> {
        if self.wants(Subject::State) {
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
        if self.wants(Subject::Kernel) {
            self.kernel(workspace)?;
        }
        if self.wants(Subject::Web) {
            self.web(workspace)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn wants(&self, subject: Subject) -> bool {
        self.subject.is_none_or(|wanted| wanted == subject)
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

    fn web(&self, workspace: &Workspace) -> Result<()> {
        let python = prerequisites::check_lab()?;
        let app = app::build(workspace, "greeting")?;
        process::run(&mut workspace.cargo([
            "build",
            "--release",
            "--package",
            "pipulate-port",
            "--example",
            "port_figures",
        ]))?;
        let venv = Venv::provide(workspace, &python, Packages::Test)?;
        let mut command = venv.python(workspace);
        command
            .arg(workspace.root().join("xtask/python/web_figures.py"))
            .arg("--app")
            .arg(app)
            .arg("--load")
            .arg(env::current_exe().context("this program cannot tell where it is")?)
            .arg("--port")
            .arg(
                workspace
                    .target()
                    .join("release/examples/port_figures")
                    .with_extension(env::consts::EXE_EXTENSION),
            );
        command.arg("--folder").arg(workspace.fresh_folder("bench-web")?);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        if self.peer {
            let voila = Venv::provide(workspace, &python, Packages::Voila)?;
            command.arg("--voila").arg(voila.program("voila"));
            let notebook = workspace.root().join("xtask/notebooks/greeting_python.ipynb");
            command.arg("--notebook").arg(notebook);
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
