use std::io::Write;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::view::{JobView, StepView, state, time, write_json};
use crate::store::{StoreOption, missing_job};
use crate::table::Table;
use crate::terminal;

/// Show a job and its steps
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate job show hello-01
  pipulate job show hello-01 --json | jq '.steps[] | {name, value}'")]
pub(crate) struct Show {
    /// The job's key
    key: String,
    /// Write a JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    job: JobView<'a>,
    steps: Vec<StepView<'a>>,
}

impl Show {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        let job = store.job(&self.key)?;
        let info = job.info()?.ok_or_else(|| missing_job(&self.key))?;
        let steps = job.steps()?;
        if self.json {
            let whole = Whole {
                job: (&info).into(),
                steps: steps.iter().map(StepView::new).collect::<Result<_>>()?,
            };
            return write_json(out, &whole);
        }
        for (name, value) in [
            ("job", info.key.to_string()),
            ("workflow", info.workflow.to_string()),
            ("state", format!("{}, revision {}", state(&info), info.revision)),
            ("created", time(&info.created)),
            ("updated", time(&info.updated)),
        ] {
            terminal::say(out, &format!("{name:<8}  {value}"))?;
        }
        if steps.is_empty() {
            return Ok(writeln!(out, "\nIt has no steps.")?);
        }
        writeln!(out)?;
        let mut table = Table::new(["STEP", "STATUS", "REVISION", "SOURCE", "UPDATED", "VALUE"]);
        for step in steps {
            table.row([
                step.name.to_string(),
                step.status.to_string(),
                step.revision.to_string(),
                step.source.to_string(),
                time(&step.updated),
                step.value,
            ]);
        }
        Ok(table.write(out)?)
    }
}
