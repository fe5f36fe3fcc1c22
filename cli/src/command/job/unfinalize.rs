use std::io::Write;

use anyhow::Result;
use clap::Args;

use crate::store::StoreOption;
use crate::terminal;

/// Open a finalized job again; nothing is lost
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate job unfinalize hello-01")]
pub(crate) struct Unfinalize {
    /// The job's key
    key: String,
}

impl Unfinalize {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        store.job(&self.key)?.unfinalize()?;
        terminal::say(out, &format!("Opened `{}`", self.key))?;
        Ok(())
    }
}
