//! What cargo itself checks.

use anyhow::{Context, Result};

use super::Outcome;
use crate::process;
use crate::workspace::Workspace;

pub(super) fn format(workspace: &Workspace) -> Result<Outcome> {
    cargo(workspace, &["fmt", "--all", "--check"]).context("`cargo fmt` puts it right")
}

pub(super) fn clippy(workspace: &Workspace) -> Result<Outcome> {
    cargo(
        workspace,
        &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
    )
}

pub(super) fn features(workspace: &Workspace) -> Result<Outcome> {
    let alone: [&[&str]; 4] = [
        &[],
        &["--features", "cell"],
        &["--features", "grammar"],
        &["--features", "sqlite"],
    ];
    for features in alone {
        let arguments = [
            &["clippy", "--package", "pipulate", "--no-default-features"],
            features,
            &["--", "-D", "warnings"],
        ];
        cargo(workspace, &arguments.concat())?;
    }
    // What a ported crate links of the port.
    let arguments = [
        "clippy",
        "--package",
        "pipulate-port",
        "--no-default-features",
        "--",
        "-D",
        "warnings",
    ];
    cargo(workspace, &arguments)
}

pub(super) fn doc(workspace: &Workspace) -> Result<Outcome> {
    process::run(
        workspace
            .cargo(["doc", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-Dwarnings"),
    )?;
    Ok(Outcome::Passed)
}

pub(super) fn unit(workspace: &Workspace) -> Result<Outcome> {
    cargo(workspace, &["test", "--workspace"])
}

pub(super) fn fuzz(workspace: &Workspace) -> Result<Outcome> {
    for (package, example) in [("pipulate", "fuzz_cell"), ("pipulate-port", "fuzz_notebook")] {
        cargo(
            workspace,
            &["run", "--package", package, "--example", example, "--", "5"],
        )?;
    }
    Ok(Outcome::Passed)
}

fn cargo(workspace: &Workspace, arguments: &[&str]) -> Result<Outcome> {
    process::run(&mut workspace.cargo(arguments))?;
    Ok(Outcome::Passed)
}
