//! `cargo xtask torture`: long experiments with real kernels and servers that are killed, crashed and interrupted on purpose.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use crate::venv::{Packages, Venv};
use crate::workspace::Workspace;
use crate::{app, binaries, prerequisites, process};

/// Crash, interrupt and kill real kernels and servers at random, and check that nothing is lost.
#[derive(Args)]
pub(crate) struct Torture {
    /// Which experiment [default: all]
    #[arg(value_enum)]
    subject: Option<Subject>,
    /// How often: cells that die, cells interrupted before they run, kernels that are killed, servers that are killed [default: 200, 60, 50
    /// and 100]
    #[arg(long)]
    rounds: Option<u32>,
    /// Where chance begins: the same number gives the same order of events
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Subject {
    /// Cells that crash, exit or are interrupted, both cores busy: every variable is as before, within a second
    Cells,
    /// Cells interrupted before they run, dependencies among them, both cores busy: the next cell waits for nothing of it, and all goes on
    /// as if it had not been
    Compiles,
    /// Kernels killed by SIGKILL at random points: no process is left after 2 s, and nothing acknowledged is missing
    Kernels,
    /// A web app killed by SIGKILL at random points of jobs of five steps: they go on from what is recorded, each step is recorded once,
    /// and no worker is left after 2 s
    Server,
}

impl Torture {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<ExitCode> {
        let python = prerequisites::check_lab()?;
        let venv = Venv::provide(workspace, &python, Packages::Test)?;
        for subject in [Subject::Cells, Subject::Compiles, Subject::Kernels, Subject::Server] {
            if self.subject.is_some_and(|wanted| wanted != subject) {
                continue;
            }
            let mut command = venv.python(workspace);
            let script = match subject {
                Subject::Cells | Subject::Compiles | Subject::Kernels => "xtask/python/torture.py",
                Subject::Server => "xtask/python/torture_server.py",
            };
            command.arg(workspace.root().join(script));
            match subject {
                Subject::Cells | Subject::Compiles | Subject::Kernels => {
                    let binaries = binaries::build(workspace)?;
                    let name = subject.to_possible_value().context("an experiment without a name")?;
                    command.arg(name.get_name()).arg("--kernel").arg(&binaries.kernel);
                    command.arg("--cli").arg(&binaries.pipulate);
                }
                Subject::Server => {
                    command.arg("--app").arg(app::build(workspace, "counting")?);
                }
            }
            command.arg("--folder").arg(workspace.fresh_folder("torture")?);
            command.args(["--seed", &self.seed.to_string()]);
            if let Some(rounds) = self.rounds {
                command.args(["--rounds", &rounds.to_string()]);
            }
            command.env("PYTHONDONTWRITEBYTECODE", "1");
            process::run(&mut command)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
