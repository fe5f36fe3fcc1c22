use std::io::Write;

use anyhow::Result;
use clap::Args;

use crate::store::StoreOption;
use crate::terminal;

/// Copy a job under a new key
///
/// The copy is open, also where the job is finalized.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate job fork hello-01 hello-02
  pipulate job fork hello-01 hello-02 --from step_02")]
pub(crate) struct Fork {
    /// The job's key
    key: String,
    /// The new job's key
    new: String,
    /// Start over at this step: it and the later ones come along as suggestions
    #[arg(long = "from", value_name = "STEP")]
    from_step: Option<String>,
}

impl Fork {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        store.job(&self.key)?.fork(self.from_step.as_deref(), &self.new)?;
        terminal::say(out, &format!("Forked `{}` to `{}`", self.key, self.new))?;
        Ok(())
    }
}
