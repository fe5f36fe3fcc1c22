use std::io::Write;

use anyhow::Result;
use clap::Args;

use crate::failure::Failure;
use crate::json_text::last_word;
use crate::store::StoreOption;

/// Write a step's value as JSON
///
/// The exit code is 3 where the job or the step is missing, or where the step was set aside by a revert.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate job get hello-01 name
  pipulate job get hello-01 report | jq .total")]
pub(crate) struct Get {
    /// The job's key
    key: String,
    /// The step's name
    step: String,
}

impl Get {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        let job = store.job(&self.key)?;
        if let Some(value) = job.get_json(&self.step)? {
            return Ok(writeln!(out, "{value}")?);
        }
        let (message, help) = if job.step(&self.step)?.is_some() {
            (
                format!(
                    "the step `{}` of the job `{}` was set aside by a revert",
                    self.step, self.key
                ),
                format!("`pipulate job show {}` shows its last value.", last_word(&self.key)),
            )
        } else {
            (
                format!("the job `{}` has no step `{}`", self.key, self.step),
                format!("`pipulate job show {}` shows the steps it has.", last_word(&self.key)),
            )
        };
        Err(Failure::missing(message).help(help).into())
    }
}
