//! Notebooks as web apps: what they give, and what stands in the page.

use anyhow::Result;

use super::Outcome;
use super::jupyter::{browser, no_python, python};
use crate::process;
use crate::workspace::Workspace;

pub(super) fn port(workspace: &Workspace) -> Result<Outcome> {
    let Some(python) = python(workspace, "port")? else {
        return no_python();
    };
    let mut command = python.command;
    command
        .args(["xtask/python/ports.py", "notebooks", "--pipulate"])
        .arg(&python.binaries.pipulate);
    let folder = workspace.target().join("xtask");
    command.arg("--folder").arg(folder.join("port"));
    // These stay from run to run: what apps link is compiled once.
    command.arg("--kept").arg(folder.join("port-kept"));
    let target = folder.join("apps-data/pipulate/apps/target");
    process::run(command.arg("--target").arg(target))?;
    Ok(Outcome::Passed)
}

pub(super) fn web(workspace: &Workspace) -> Result<Outcome> {
    let browser = match browser()? {
        Ok(browser) => browser,
        Err(skipped) => return Ok(skipped),
    };
    let Some(python) = python(workspace, "web")? else {
        return no_python();
    };
    let mut command = python.command;
    command
        .args(["xtask/python/web.py", "--notebooks", "notebooks", "--pipulate"])
        .arg(&python.binaries.pipulate);
    browser.give(&mut command);
    let folder = workspace.target().join("xtask");
    command.arg("--folder").arg(folder.join("web"));
    command.arg("--apps-data").arg(folder.join("apps-data"));
    process::run(command.arg("--screenshots").arg(workspace.target().join("screenshots")))?;
    Ok(Outcome::Passed)
}
