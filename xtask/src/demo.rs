//! `cargo xtask demo`: in the terminal, what the project is about: state that outlives its kernel.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::workspace::Workspace;
use crate::{binaries, prerequisites, process};

const NOTEBOOK: &str = "notebooks/01_first_pipeline.ipynb";
/// The step in which the tutorial counts its runs: it can only count on from a value that it finds.
const COUNTER: &str = "runs";

/// Run the first tutorial twice, in two kernels, and show that the second finds what the first one saved.
///
/// Needs no Python and no browser. The jobs live in a store of their own in the target folder, which each run clears.
#[derive(Args)]
pub(crate) struct Demo {}

impl Demo {
    #[expect(clippy::unused_self, reason = "each subcommand is run in the same way")]
    pub(crate) fn run(&self, workspace: &Workspace) -> Result<ExitCode> {
        show(workspace)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// One store and the program that opens it.
struct Stage<'a> {
    workspace: &'a Workspace,
    pipulate: PathBuf,
    url: String,
}

pub(crate) fn show(workspace: &Workspace) -> Result<()> {
    prerequisites::check_build()?;
    let binaries = binaries::build(workspace)?;
    println!("Compiling what cells link, unless an earlier run did.");
    process::run(workspace.command(&binaries.kernel).arg("--warm-up"))?;
    let folder = workspace.fresh_folder("demo")?;
    let url = format!("sqlite:{}", folder.join("pipeline.db").display());
    let stage = Stage {
        workspace,
        pipulate: binaries.pipulate,
        url,
    };

    println!("\n1. {NOTEBOOK} runs in a kernel, with an empty store.");
    stage.run_notebook(&folder.join("first.ipynb"))?;
    let key = stage.only_job()?;
    let first = stage.state(&key)?;
    ensure!(
        !steps(&first)?.is_empty(),
        "the first run saved nothing in the job {key}"
    );
    println!("\n2. That kernel is gone. What it saved is in the store: pipulate job show {key}\n");
    stage.pipulate(&["job", "show", &key])?;

    println!("\n3. The same notebook runs again, in a fresh kernel.");
    stage.run_notebook(&folder.join("second.ipynb"))?;
    let second = stage.state(&key)?;
    println!("\n4. What is in the store now: pipulate job show {key}\n");
    stage.pipulate(&["job", "show", &key])?;
    let found = found_again(&first, &second)?;
    println!("\nThe second run found what the first one had saved: {found}.");
    Ok(())
}

impl Stage<'_> {
    fn run_notebook(&self, written: &Path) -> Result<()> {
        let written = written.to_str().context("the target folder's path is not UTF-8")?;
        self.pipulate(&["run", NOTEBOOK, "-o", written])
    }

    /// The key of the one job that the tutorial made.
    fn only_job(&self) -> Result<String> {
        let jobs: Value = self.json(&["job", "list", "--json"])?;
        let jobs = jobs.as_array().context("`pipulate job list --json` wrote no array")?;
        ensure!(
            jobs.len() == 1,
            "the tutorial made {} jobs where one was expected",
            jobs.len()
        );
        Ok(jobs[0]["key"]
            .as_str()
            .context("a job in `pipulate job list --json` has no key")?
            .to_owned())
    }

    fn state(&self, key: &str) -> Result<Value> {
        self.json(&["job", "show", key, "--json"])
    }

    fn json(&self, arguments: &[&str]) -> Result<Value> {
        let text = process::output(
            self.workspace
                .command(&self.pipulate)
                .args(arguments)
                .env("PIPULATE_URL", &self.url),
        )?;
        serde_json::from_str(&text).with_context(|| format!("`pipulate {}` wrote no JSON", arguments.join(" ")))
    }

    fn pipulate(&self, arguments: &[&str]) -> Result<()> {
        process::run(
            self.workspace
                .command(&self.pipulate)
                .args(arguments)
                .env("PIPULATE_URL", &self.url),
        )
    }
}

fn steps(job: &Value) -> Result<&Vec<Value>> {
    job["steps"]
        .as_array()
        .context("`pipulate job show --json` names no steps")
}

/// That the second run went on with what the first one left: the same job, the counter one higher, all else as it was.
fn found_again(first: &Value, second: &Value) -> Result<String> {
    ensure!(
        first["created"].is_string() && first["created"] == second["created"],
        "the second run made a new job"
    );
    let counter = |job| {
        value(job, COUNTER)?
            .as_u64()
            .with_context(|| format!("the step {COUNTER} is no number"))
    };
    let (before, after) = (counter(first)?, counter(second)?);
    ensure!(
        after == before + 1,
        "the step {COUNTER} went from {before} to {after}: the second run did not find it"
    );
    for step in steps(first)? {
        let name = step["name"].as_str().context("a step has no name")?;
        let again = value(second, name)?;
        ensure!(
            name == COUNTER || *again == step["value"],
            "the step {name} was {} and is {again}",
            step["value"]
        );
    }
    let others = steps(first)?.len() - 1;
    Ok(format!(
        "it counted on from {before} to {after}, and the {others} other steps are as they were"
    ))
}

fn value<'job>(job: &'job Value, name: &str) -> Result<&'job Value> {
    let step = steps(job)?.iter().find(|step| step["name"] == name);
    Ok(&step.with_context(|| format!("there is no step {name}"))?["value"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job(created: &str, runs: u64, greeting: &str) -> Value {
        json!({
            "created": created,
            "steps": [{"name": "greeting", "value": greeting}, {"name": "runs", "value": runs}],
        })
    }

    #[test]
    fn a_job_that_went_on_is_found_again() {
        assert!(found_again(&job("monday", 1, "Hello"), &job("monday", 2, "Hello")).is_ok());
    }

    #[test]
    fn a_job_that_began_anew_is_not() {
        for second in [
            job("tuesday", 2, "Hello"),
            job("monday", 1, "Hello"),
            job("monday", 2, "Bye"),
        ] {
            assert!(found_again(&job("monday", 1, "Hello"), &second).is_err(), "{second}");
        }
        assert!(found_again(&job("monday", 1, "Hello"), &json!({"created": "monday", "steps": []})).is_err());
    }
}
