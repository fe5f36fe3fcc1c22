//! Jupyter's own programs as outside judges: its kernel tests, nbclient, and JupyterLab in a browser.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Outcome, lacking};
use crate::binaries::Binaries;
use crate::demo;
use crate::venv::{Packages, Venv};
use crate::workspace::Workspace;
use crate::{binaries, prerequisites, process};

pub(super) fn protocol(workspace: &Workspace) -> Result<Outcome> {
    let Some(python) = python(workspace, "protocol")? else {
        return no_python();
    };
    let mut command = python.command;
    command.args([
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-q",
        "-rs",
        "xtask/python/test_protocol.py",
        "xtask/python/test_streams.py",
    ]);
    process::run(&mut command)?;
    Ok(Outcome::Passed)
}

pub(super) fn tutorials(workspace: &Workspace) -> Result<Outcome> {
    let Some(python) = python(workspace, "tutorials")? else {
        return no_python();
    };
    let mut command = python.command;
    command
        .args(["xtask/python/tutorials.py", "notebooks", "--pipulate"])
        .arg(&python.binaries.pipulate);
    process::run(command.arg("--folder").arg(workspace.target().join("xtask/tutorials")))?;
    Ok(Outcome::Passed)
}

pub(super) fn notebooks(workspace: &Workspace) -> Result<Outcome> {
    let Some(python) = python(workspace, "notebooks")? else {
        return no_python();
    };
    let mut command = python.command;
    command
        .args([
            "xtask/python/tutorials.py",
            "kernel/tests/notebooks",
            "--once",
            "--pipulate",
        ])
        .arg(&python.binaries.pipulate);
    process::run(command.arg("--folder").arg(workspace.target().join("xtask/notebooks")))?;
    Ok(Outcome::Passed)
}

pub(super) fn clients(workspace: &Workspace) -> Result<Outcome> {
    let Some(python) = python(workspace, "clients")? else {
        return no_python();
    };
    let mut command = python.command;
    command
        .args(["xtask/python/clients.py", "--pipulate"])
        .arg(&python.binaries.pipulate);
    process::run(
        command
            .arg("--folder")
            .arg(workspace.target().join("xtask/clients/notebooks")),
    )?;
    Ok(Outcome::Passed)
}

pub(super) fn demo(workspace: &Workspace) -> Result<Outcome> {
    demo::show(workspace)?;
    Ok(Outcome::Passed)
}

pub(super) fn lab(workspace: &Workspace) -> Result<Outcome> {
    let browser = match browser()? {
        Ok(browser) => browser,
        Err(skipped) => return Ok(skipped),
    };
    let Some(python) = python(workspace, "lab")? else {
        return no_python();
    };
    let mut command = python.command;
    command.arg("xtask/python/lab.py");
    browser.give(&mut command);
    command.arg("--folder").arg(workspace.target().join("xtask/lab"));
    process::run(command.arg("--screenshots").arg(workspace.target().join("screenshots")))?;
    Ok(Outcome::Passed)
}

/// Chromium, and what drives it.
pub(super) struct Browser {
    program: PathBuf,
    driver: PathBuf,
}

impl Browser {
    /// Names both to a script.
    pub(super) fn give(&self, command: &mut Command) {
        command.arg("--browser").arg(&self.program);
        command.arg("--driver").arg(&self.driver);
    }
}

/// The browser of this machine, or how a part ends that needs one.
pub(super) fn browser() -> Result<Result<Browser, Outcome>> {
    let Some(program) = process::find(&["chromium", "chromium-browser", "google-chrome", "chrome"]) else {
        let how = prerequisites::package("chromium", "chromium", "--cask chromium");
        return lacking("Chromium", &how).map(Err);
    };
    let Some(driver) = process::find(&["chromedriver"]) else {
        let how = prerequisites::package("chromium-driver", "chromedriver", "chromedriver");
        return lacking("chromedriver", &how).map(Err);
    };
    Ok(Ok(Browser { program, driver }))
}

/// A Python with the kernel installed in its environment, and the settings that keep a test apart from the user's own
/// Jupyter and jobs.
pub(super) struct Judge {
    pub(super) command: Command,
    pub(super) binaries: Binaries,
}

/// `None` where there is no Python to make an environment with.
pub(super) fn python(workspace: &Workspace, name: &str) -> Result<Option<Judge>> {
    let Ok(python) = prerequisites::python() else {
        return Ok(None);
    };
    let binaries = binaries::build(workspace)?;
    let venv = Venv::provide(workspace, &python, Packages::Test)?;
    // The kernel's own data: shared by the parts, so that the library that cells link is compiled once.
    let data = workspace.target().join("xtask").join("data");
    venv.install_kernel(workspace, &binaries, Some(&data))?;
    let folder = workspace.fresh_folder(name)?;
    let mut command = venv.python(workspace);
    keep_apart(&mut command, &folder);
    command.env("XDG_DATA_HOME", data);
    Ok(Some(Judge { command, binaries }))
}

fn keep_apart(command: &mut Command, folder: &Path) {
    command.env(
        "PIPULATE_URL",
        format!("sqlite:{}", folder.join("pipeline.db").display()),
    );
    for (variable, name) in [
        ("JUPYTER_CONFIG_DIR", "config"),
        ("JUPYTER_DATA_DIR", "data"),
        ("JUPYTER_RUNTIME_DIR", "runtime"),
        ("JUPYTERLAB_SETTINGS_DIR", "settings"),
        ("JUPYTERLAB_WORKSPACES_DIR", "workspaces"),
        ("IPYTHONDIR", "ipython"),
    ] {
        command.env(variable, folder.join(name));
    }
    // Running the tests leaves the checkout as it was.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.env_remove("JUPYTER_PATH").env_remove("JUPYTER_CONFIG_PATH");
}

pub(super) fn no_python() -> Result<Outcome> {
    let missing = prerequisites::python()
        .err()
        .context("Python was missing and now is there: run this part again")?;
    let (what, how_to_get) = missing.split_once(": ").unwrap_or((&missing, "python.org"));
    lacking(what, how_to_get)
}
