//! Building the kernel and the command-line program.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

/// What a notebook and a terminal need, built.
pub(crate) struct Binaries {
    /// The command-line program, `pipulate`.
    pub(crate) pipulate: PathBuf,
    /// The Jupyter kernel, `pipulate-kernel`.
    pub(crate) kernel: PathBuf,
}

/// Builds the kernel and the command-line program in the dev profile, whose dependencies are optimised once.
pub(crate) fn build(workspace: &Workspace) -> Result<Binaries> {
    let binaries = Binaries {
        pipulate: workspace.binary("pipulate"),
        kernel: workspace.binary("pipulate-kernel"),
    };
    println!("Building the kernel and the command-line program (cargo build).");
    if !(binaries.pipulate.is_file() && binaries.kernel.is_file()) {
        println!(
            "The first build takes 5 to 15 minutes: most of it is rust-analyzer, which infers types in notebooks."
        );
    }
    let started = Instant::now();
    process::run(&mut workspace.cargo(["build", "--package", "pipulate-kernel", "--package", "pipulate-cli"]))
        .context("the kernel and the command-line program were not built")?;
    println!("Built in {:.0} s.", started.elapsed().as_secs_f64());
    Ok(binaries)
}
