use std::io::Write;

use anyhow::Result;
use clap::Args;

use crate::store::StoreOption;
use crate::terminal;

/// How many names of steps are shown.
const SHOWN: usize = 8;

/// Open a step again and set the later ones aside
///
/// Their values stay as suggestions; `pipulate job undo` takes the revert back.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate job revert hello-01 step_02")]
pub(crate) struct Revert {
    /// The job's key
    key: String,
    /// The step to open
    step: String,
}

impl Revert {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        let aside = store.job(&self.key)?.revert(&self.step)?;
        let mut text = format!("Opened `{}` of `{}`", self.step, self.key);
        if !aside.is_empty() {
            let names: Vec<_> = aside.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
            text = format!("{text}, set aside {}", names.join(", "));
        }
        if aside.len() > SHOWN {
            text = format!("{text} and {} more", aside.len() - SHOWN);
        }
        Ok(terminal::say(out, &text)?)
    }
}
