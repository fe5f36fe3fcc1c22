//! `%pip_steps`: the chain of steps with their status.

use pipulate::cell::args::{Tail, Usage};
use pipulate::{Job, StepInfo, StepStatus};

use super::pip_read::JOB;
use super::{Call, Context, Example, Form, Magic, Shown, Specification, StepCells, refuse_deleted};
use crate::outputs::CellError;
use crate::render::json::compact;
use crate::render::text::{count, time};
use crate::render::{self, Chain, Entry, Html, Link, Table, Tone};

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "pip_steps",
            arguments: &[],
            options: &[JOB],
            tail: Tail::Nothing,
        },
        summary: "Shows the chain of the job's steps, each with its status, as a picture.",
        description: "`fresh` steps hold. A step is `stale` when its code or a value that it was made from has changed since. \
                      `suggested` values were set aside by a revert: they are not done, and refill a form. `missing` ones are those \
                      of `%%pip_step` cells that have run without a value. All are `locked` while the job is finalized.",
        examples: &[Example {
            code: "%pip_steps",
            does: "draw the chain",
        }],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let job = context.job(call.option("job"))?;
    refuse_deleted(&job, "show the steps")?;
    let info = job.info().shown()?;
    let steps = job.steps().shown()?;
    let workflow = info
        .as_ref()
        .map_or_else(|| job.workflow(), |info| Ok(info.workflow.clone()))
        .shown()?;
    let is_locked = info.as_ref().is_some_and(|info| info.finalized);
    let done = steps.iter().filter(|step| !step.suggested).count();
    let state = if is_locked { ", finalized" } else { "" };
    let title = format!(
        "Job `{}` of the workflow `{workflow}`: {} done{state}",
        job.key(),
        count(done, "step")
    );
    let is_current = call.option("job").is_none();
    let rows = rows(&job, steps, is_locked, context.steps, is_current)?;
    if rows.is_empty() {
        context.say(format!("{title}. `%pip_set STEP = EXPR` sets the first."));
        return Ok(());
    }

    let mut html = Html::new();
    html.leaf("div", &[("style", "margin-bottom: 6px")], &title).line_end();
    Chain {
        title: title.clone(),
        links: rows.iter().map(Row::link).collect(),
    }
    .write_html(&mut html);
    context.show(render::html(format!("{title}\n\n{}", table(&rows).to_text()), html));
    Ok(())
}

/// A step as the chain shows it.
struct Row {
    name: String,
    status: StepStatus,
    is_locked: bool,
    /// `None` where it has no value.
    info: Option<StepInfo>,
}

/// The steps that have a value, and those of the notebook's cells that have none. What the notebook knows of their code counts.
fn rows(
    job: &Job,
    steps: Vec<StepInfo>,
    is_locked: bool,
    cells: &dyn StepCells,
    is_current: bool,
) -> Result<Vec<Row>, CellError> {
    let mut rows = Vec::new();
    for info in steps {
        let fingerprint = cells.fingerprint(info.name.as_str()).filter(|_| is_current);
        let status = match fingerprint {
            Some(fingerprint) => job.status(info.name.as_str(), Some(&fingerprint)).shown()?,
            None => info.status.clone(),
        };
        rows.push(Row {
            name: info.name.to_string(),
            status,
            is_locked,
            info: Some(info),
        });
    }
    let names = if is_current { cells.names() } else { Vec::new() };
    for name in names {
        if !rows.iter().any(|row| row.name == name) {
            rows.push(Row {
                name,
                status: StepStatus::Missing,
                is_locked,
                info: None,
            });
        }
    }
    Ok(rows)
}

impl Row {
    fn tone(&self) -> Tone {
        match self.status {
            StepStatus::Fresh => Tone::Good,
            StepStatus::Suggested | StepStatus::Missing => Tone::Open,
            _ => Tone::Doubtful,
        }
    }

    fn status(&self) -> String {
        let locked = if self.is_locked { ", locked" } else { "" };
        format!("{}{locked}", self.status)
    }

    fn value(&self, width: usize) -> String {
        self.info
            .as_ref()
            .map_or_else(String::new, |info| compact(&info.value, width))
    }

    fn link(&self) -> Link {
        Link {
            name: self.name.clone(),
            status: self.status(),
            tone: self.tone(),
            value: self.value(80),
        }
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new()
        .number("#")
        .column("Step")
        .column("Status")
        .column("Value")
        .number("Revision")
        .column("Set (UTC)");
    for (index, row) in rows.iter().enumerate() {
        let mark = match row.tone() {
            Tone::Good => "●",
            Tone::Doubtful => "◐",
            Tone::Open => "○",
        };
        let (revision, updated) = match &row.info {
            Some(info) => (info.revision.to_string(), time(&info.updated)),
            None => (String::new(), String::new()),
        };
        table.row([
            (index + 1).to_string().into(),
            row.name.as_str().into(),
            format!("{mark} {}", row.status()).into(),
            Entry::code(row.value(48)),
            revision.into(),
            updated.into(),
        ]);
    }
    table
}
