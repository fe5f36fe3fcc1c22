use std::io::Write;

use anyhow::Result;
use clap::Args;

use crate::store::StoreOption;

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
        writeln!(out, "Deleted `{}`", self.key)?;
        Ok(())
    }
}
