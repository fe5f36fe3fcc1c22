use std::io::Write;

use anyhow::Result;
use clap::Args;

use crate::failure::Failure;
use crate::store::StoreOption;
use crate::terminal;

/// Take back the last change of a job's values
///
/// Undoing again goes one change further back. Each undo is in the history.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate job undo hello-01")]
pub(crate) struct Undo {
    /// The job's key
    key: String,
}

impl Undo {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        let Some(event) = store.job(&self.key)?.undo()? else {
            return Err(Failure::missing(format!("nothing is left to undo in the job `{}`", self.key)).into());
        };
        let of_step = event.step.map(|step| format!(" of `{step}`")).unwrap_or_default();
        let (kind, key, revision) = (&event.kind, &self.key, event.revision);
        Ok(terminal::say(
            out,
            &format!("Undid {kind}{of_step} in `{key}`, revision {revision}"),
        )?)
    }
}
