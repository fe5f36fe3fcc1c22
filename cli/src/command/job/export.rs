use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::view::{EventView, JobView, StepView};
use crate::file;
use crate::store::{StoreOption, missing_job};

/// The number of the document's format; it changes when a reader would have to.
const FORMAT: u32 = 1;

/// Write a job with its steps and its history as one JSON document
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate job export hello-01 -o hello-01.json
  pipulate job export hello-01 | jq '.history | length'")]
pub(crate) struct Export {
    /// The job's key; a deleted job can be exported, too
    key: String,
    /// The file to write; standard output otherwise, and for `-`
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document<'a> {
    pipulate_export: u32,
    job: JobView<'a>,
    steps: Vec<StepView<'a>>,
    history: Vec<EventView<'a>>,
}

impl Export {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        let job = store.existing()?.job(&self.key)?;
        let info = job.info()?.ok_or_else(|| missing_job(&self.key))?;
        let (steps, history) = (job.steps()?, job.history(None)?);
        let document = Document {
            pipulate_export: FORMAT,
            job: (&info).into(),
            steps: steps.iter().map(StepView::new).collect::<Result<_>>()?,
            history: history.iter().map(EventView::new).collect::<Result<_>>()?,
        };
        let mut text = serde_json::to_string_pretty(&document)?;
        text.push('\n');
        match self.output.filter(|path| path.as_os_str() != "-") {
            Some(path) => file::write(&path, text.as_bytes()),
            None => Ok(out.write_all(text.as_bytes())?),
        }
    }
}
