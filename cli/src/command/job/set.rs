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
    #[arg(value_name = "JSON", value_parser = value, allow_negative_numbers = true)]
    value: Given,
    /// The workflow, if this creates the job
    #[arg(long, value_name = "NAME", default_value = "notebook")]
    workflow: String,
}

#[derive(Clone)]
enum Given {
    Json(JsonText),
    StandardInput,
}

fn value(text: &str) -> Result<Given, String> {
    if text == "-" {
        Ok(Given::StandardInput)
    } else {
        JsonText::parse(text).map(Given::Json)
    }
}

impl Set {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        let value = match self.value {
            Given::Json(value) => value,
            Given::StandardInput => {
                let mut bytes = Vec::new();
                io::stdin()
                    .read_to_end(&mut bytes)
                    .context("cannot read the value from standard input")?;
                let text = String::from_utf8(bytes).map_err(|_| "this is no text in UTF-8".to_owned());
                text.and_then(|text| JsonText::parse(text.strip_prefix('\u{feff}').unwrap_or(&text)))
                    .map_err(|reason| Failure::usage(format!("on standard input, {reason}")))?
            }
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
