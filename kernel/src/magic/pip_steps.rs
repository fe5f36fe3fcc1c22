//! `%pip_steps`: the chain of steps with their status.

use pipulate::cell::args::{Tail, Usage};
use pipulate::{StepInfo, StepStatus};

use super::pip_read::JOB;
use super::{Call, Context, Example, Form, Magic, Shown, Specification, refuse_deleted};
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
                      `suggested` values were set aside by a revert: they are not done, and refill a form.",
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
    let finalized = info.as_ref().is_some_and(|info| info.finalized);
    let done = steps.iter().filter(|step| !step.suggested).count();
    let state = if finalized { ", finalized" } else { "" };
    let title = format!(
        "Job `{}` of the workflow `{workflow}`: {} done{state}",
        job.key(),
        count(done, "step")
    );
    if steps.is_empty() {
        context.say(format!("{title}. `%pip_set STEP = EXPR` sets the first."));
        return Ok(());
    }

    let mut html = Html::new();
    html.leaf("div", &[("style", "margin-bottom: 6px")], &title).line_end();
    Chain {
        title: title.clone(),
        links: steps.iter().map(link).collect(),
    }
    .write_html(&mut html);
    context.show(render::html(format!("{title}\n\n{}", table(&steps).to_text()), html));
    Ok(())
}

fn link(step: &StepInfo) -> Link {
    let tone = match step.status {
        StepStatus::Fresh => Tone::Good,
        StepStatus::Suggested | StepStatus::Missing => Tone::Open,
        _ => Tone::Doubtful,
    };
    Link {
        name: step.name.to_string(),
        status: step.status.to_string(),
        tone,
        value: compact(&step.value, 80),
    }
}

fn table(steps: &[StepInfo]) -> Table {
    let mut table = Table::new()
        .number("#")
        .column("Step")
        .column("Status")
        .column("Value")
        .number("Revision")
        .column("Set (UTC)");
    for (index, step) in steps.iter().enumerate() {
        let mark = match link(step).tone {
            Tone::Good => "●",
            Tone::Doubtful => "◐",
            Tone::Open => "○",
        };
        table.row([
            (index + 1).to_string().into(),
            step.name.as_str().into(),
            format!("{mark} {}", step.status).into(),
            Entry::code(compact(&step.value, 48)),
            step.revision.to_string().into(),
            time(&step.updated).into(),
        ]);
    }
    table
}
