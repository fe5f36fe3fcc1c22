use std::io::Write;

use anyhow::Result;
use clap::Args;

use super::view::{EventView, time, write_json};
use crate::failure::Failure;
use crate::json_text::last_word;
use crate::store::{StoreOption, missing_job};
use crate::table::Table;
use crate::terminal;

/// Show what happened to a job, oldest first
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate job history hello-01
  pipulate job history hello-01 name
  pipulate job history hello-01 --json")]
pub(crate) struct History {
    /// The job's key; a deleted job has a history, too
    key: String,
    /// Only what happened to this step
    step: Option<String>,
    /// Write a JSON array
    #[arg(long)]
    json: bool,
}

impl History {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        let job = store.existing()?.job(&self.key)?;
        if job.info()?.is_none() {
            return Err(missing_job(&self.key));
        }
        let events = job.history(self.step.as_deref())?;
        if let (Some(step), true) = (&self.step, events.is_empty()) {
            let message = format!("the history of the job `{}` has no step `{step}`", self.key);
            let help = format!("`pipulate job history {}` shows all of it.", last_word(&self.key));
            return Err(Failure::missing(message).help(help).into());
        }
        if self.json {
            let views: Vec<_> = events.iter().map(EventView::new).collect::<Result<_>>()?;
            return write_json(out, &views);
        }
        if events.is_empty() {
            return Ok(terminal::say(out, "Nothing is left of the history: it was pruned.")?);
        }
        let mut table = Table::new(["REVISION", "TIME", "SOURCE", "EVENT", "STEP", "VALUE"]);
        for event in events {
            table.row([
                event.revision.to_string(),
                time(&event.time),
                event.source.to_string(),
                event.kind.to_string(),
                event.step.map(String::from).unwrap_or_default(),
                event.value.unwrap_or_default(),
            ]);
        }
        Ok(table.write(out)?)
    }
}
