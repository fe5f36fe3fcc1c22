use std::io::Write;

use anyhow::Result;
use clap::Args;

use crate::failure::Failure;
use crate::json_text::last_word;
use crate::store::StoreOption;
use crate::terminal;

/// Take a step's value away
///
/// It stays in the history, and `pipulate job undo` brings it back.
#[derive(Args)]
#[command(
    visible_alias = "rm",
    after_help = "\
Examples:
  pipulate job remove hello-01 draft"
)]
pub(crate) struct Remove {
    /// The job's key
    key: String,
    /// The step's name
    step: String,
}

impl Remove {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        if !store.job(&self.key)?.remove(&self.step)? {
            let message = format!("the job `{}` has no step `{}`", self.key, self.step);
            let help = format!("`pipulate job show {}` shows the steps it has.", last_word(&self.key));
            return Err(Failure::missing(message).help(help).into());
        }
        terminal::say(out, &format!("Removed `{}` from `{}`", self.step, self.key))?;
        Ok(())
    }
}
