use std::io::{self, Read, Write};

use anyhow::{Context, Result};
use clap::Args;

use crate::failure::Failure;
use crate::json_text::JsonText;
use crate::store::StoreOption;
use crate::terminal;

/// Give a step a value
///
/// A job that is missing is created. A value equal to the one there changes nothing.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate job set hello-01 age 36
  pipulate job set hello-01 name '\"Ada\"'
  pipulate job set hello-01 report - < report.json")]
pub(crate) struct Set {
    /// The job's key
    key: String,
    /// The step's name
    step: String,
    /// The value as JSON; `-` reads it from standard input
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
    value: String,
    /// The workflow, if this creates the job
    #[arg(long, value_name = "NAME", default_value = "notebook")]
    workflow: String,
}

impl Set {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        let value = if self.value == "-" {
            let mut bytes = Vec::new();
            io::stdin()
                .read_to_end(&mut bytes)
                .context("cannot read the value from standard input")?;
            let text = String::from_utf8(bytes).map_err(|_| "this is no text in UTF-8".to_owned());
            text.and_then(|text| JsonText::parse(text.strip_prefix('\u{feff}').unwrap_or(&text)))
                .map_err(|reason| Failure::usage(format!("on standard input, {reason}")))?
        } else {
            // Not by the parser of the command line, whose message would repeat the value, however long.
            JsonText::parse(&self.value).map_err(|reason| Failure::usage(format!("for the value, {reason}")))?
        };
        let job = store.create()?.job_in(&self.key, &self.workflow)?;
        let revision = job.set_json(&self.step, value.as_str())?;
        terminal::say(
            out,
            &format!("Set `{}` of `{}`, revision {revision}", self.step, self.key),
        )?;
        Ok(())
    }
}
