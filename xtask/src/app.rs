//! The web apps of the notebooks in `xtask/notebooks/`, ported and built as their users would.

use std::env;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

/// Ports a notebook by the command-line program and builds the crate, release profile. All apps share one target folder.
pub(crate) fn build(workspace: &Workspace, notebook: &str) -> Result<PathBuf> {
    println!("Porting {notebook}.ipynb and building its app (cargo build --release).");
    process::run(&mut workspace.cargo(["build", "--package", "pipulate-cli"]))
        .context("the command-line program was not built")?;
    let apps = workspace.target().join("xtask/apps");
    let folder = apps.join(notebook);
    let file = format!("xtask/notebooks/{notebook}.ipynb");
    let mut port = workspace.command(workspace.binary("pipulate"));
    // What became of each cell is for people; what went wrong is told on stderr.
    process::output(port.args(["port", &file, "--force", "-o"]).arg(&folder))
        .with_context(|| format!("{file} was not ported"))?;
    let target = apps.join("target");
    if !target.exists() {
        println!("The first one takes 5 to 10 minutes: the server's own dependencies are built.");
    }
    let started = Instant::now();
    let mut command = workspace.cargo(["build", "--release", "--manifest-path"]);
    command.arg(folder.join("Cargo.toml")).env("CARGO_TARGET_DIR", &target);
    process::run(&mut command).with_context(|| format!("the app of {file} was not built"))?;
    println!("Built in {:.0} s.", started.elapsed().as_secs_f64());
    Ok(target
        .join("release")
        .join(format!("{notebook}{}", env::consts::EXE_SUFFIX)))
}
