use std::io::Write;

use anyhow::Result;
use clap::Args;

use crate::store::StoreOption;
use crate::terminal;

/// Hide a job; `pipulate job undelete` brings it back
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate job delete hello-01")]
pub(crate) struct Delete {
    /// The job's key
    key: String,
}

impl Delete {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        store.job(&self.key)?.delete()?;
        terminal::say(out, &format!("Deleted `{}`", self.key))?;
        Ok(())
    }
}
