//! Checks by tools that are installed apart.

use anyhow::Result;

use super::{Outcome, lacking};
use crate::process;
use crate::workspace::Workspace;

pub(super) fn deny(workspace: &Workspace) -> Result<Outcome> {
    if process::find(&["cargo-deny"]).is_none() {
        return lacking("cargo-deny", "cargo install --locked cargo-deny");
    }
    // Not `advisories`: that list has to be fetched, and a test must work where the network ends at the registry.
    process::run(&mut workspace.cargo(["deny", "check", "licenses", "bans", "sources"]))?;
    Ok(Outcome::Passed)
}

pub(super) fn unused(workspace: &Workspace) -> Result<Outcome> {
    if process::find(&["cargo-machete"]).is_none() {
        return lacking("cargo-machete", "cargo install --locked cargo-machete");
    }
    process::run(&mut workspace.cargo(["machete"]))?;
    Ok(Outcome::Passed)
}
