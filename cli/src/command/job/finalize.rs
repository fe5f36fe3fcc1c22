use std::io::Write;

use anyhow::Result;
use clap::Args;

use crate::store::StoreOption;
use crate::terminal;

/// Lock a job: from now on every change is refused
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate job finalize hello-01")]
pub(crate) struct Finalize {
    /// The job's key
    key: String,
}

impl Finalize {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        store.job(&self.key)?.finalize()?;
        terminal::say(out, &format!("Finalized `{}`", self.key))?;
        Ok(())
    }
}
