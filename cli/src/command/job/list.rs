use std::io::Write;

use anyhow::Result;
use clap::Args;
use pipulate::JobFilter;
use serde::Serialize;

use super::view::{JobView, state, time, write_json};
use crate::store::StoreOption;
use crate::table::Table;
use crate::terminal;

/// List jobs
#[derive(Args)]
#[command(
    visible_alias = "ls",
    after_help = "\
Examples:
  pipulate job list
  pipulate job list 'report-*' --workflow report
  pipulate job list --deleted
  pipulate job list --json"
)]
pub(crate) struct List {
    /// Only keys like this: `*` stands for any text, `?` for one character
    pattern: Option<String>,
    /// Only jobs of this workflow
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// The deleted jobs instead of the others
    #[arg(long)]
    deleted: bool,
    /// Write a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    job: JobView<'a>,
    step_count: usize,
}

impl List {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        let filter = JobFilter {
            pattern: self.pattern,
            workflow: self.workflow,
            deleted: self.deleted,
        };
        let jobs = store
            .find()?
            .map(|pip| pip.jobs(&filter))
            .transpose()?
            .unwrap_or_default();
        if self.json {
            let rows: Vec<_> = jobs
                .iter()
                .map(|job| Row {
                    job: job.into(),
                    step_count: job.steps,
                })
                .collect();
            return write_json(out, &rows);
        }
        if jobs.is_empty() {
            let what = match (filter.pattern.is_some() || filter.workflow.is_some(), filter.deleted) {
                (true, _) => "No such jobs",
                (false, true) => "No deleted jobs",
                (false, false) => "No jobs",
            };
            let place = store.place()?;
            return Ok(terminal::say(out, &format!("{what} in {}", place.path().display()))?);
        }
        let mut table = Table::new(["KEY", "WORKFLOW", "STEPS", "STATE", "UPDATED"]);
        for job in &jobs {
            let cells = [
                job.key.as_str(),
                job.workflow.as_str(),
                &job.steps.to_string(),
                state(job),
                &time(&job.updated),
            ];
            table.row(cells.map(str::to_owned));
        }
        Ok(table.write(out)?)
    }
}
