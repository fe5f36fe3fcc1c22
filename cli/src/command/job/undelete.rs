use std::io::Write;

use anyhow::Result;
use clap::Args;

use crate::failure::Failure;
use crate::store::StoreOption;
use crate::terminal;

/// Bring a deleted job back, as it was
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate job list --deleted
  pipulate job undelete hello-01")]
pub(crate) struct Undelete {
    /// The job's key
    key: String,
}

impl Undelete {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        let pip = store.existing()?;
        if pip.job(&self.key)?.info()?.is_none() {
            return Err(
                Failure::missing(format!("there is no job `{}`, deleted or not", self.key))
                    .help("`pipulate job list --deleted` shows the jobs that can come back.")
                    .into(),
            );
        }
        if pip.undelete(&self.key)? {
            terminal::say(out, &format!("Brought `{}` back", self.key))?;
        } else {
            terminal::say(out, &format!("`{}` is not deleted", self.key))?;
        }
        Ok(())
    }
}
