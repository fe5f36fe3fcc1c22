//! `cargo xtask torture`: long experiments with real kernels that are killed, crashed and interrupted on purpose.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::venv::{Packages, Venv};
use crate::workspace::Workspace;
use crate::{binaries, prerequisites, process};

/// Crash, interrupt and kill real kernels at random, and check that nothing is lost.
#[derive(Args)]
pub(crate) struct Torture {
    /// Which experiment [default: all]
    #[arg(value_enum)]
    subject: Option<Subject>,
    /// How often: cells that die, kernels that are killed [default: 200 and 50]
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
    /// Kernels killed by SIGKILL at random points: no process is left after 2 s, and nothing acknowledged is missing
    Kernels,
}

impl Torture {
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<ExitCode> {
        let python = prerequisites::check_lab()?;
        let binaries = binaries::build(workspace)?;
        let venv = Venv::provide(workspace, &python, Packages::Test)?;
        for (subject, name) in [(Subject::Cells, "cells"), (Subject::Kernels, "kernels")] {
            if self.subject.is_some_and(|wanted| wanted != subject) {
                continue;
            }
            let mut command = venv.python(workspace);
            command
                .arg(workspace.root().join("xtask/python/torture.py"))
                .arg(name)
                .arg("--kernel")
                .arg(&binaries.kernel)
                .arg("--cli")
                .arg(&binaries.pipulate);
            command.arg("--folder").arg(workspace.fresh_folder("torture")?);
            command.args(["--seed", &self.seed.to_string()]);
            if let Some(rounds) = self.rounds {
                command.args(["--rounds", &rounds.to_string()]);
            }
            process::run(&mut command)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
