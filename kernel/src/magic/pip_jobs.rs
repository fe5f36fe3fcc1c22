//! `%pip_jobs`: a table of jobs.

use pipulate::JobFilter;
use pipulate::cell::args::{ArgumentSpec, OptionSpec, Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Shown, Specification};
use crate::outputs::CellError;
use crate::render::text::{thousands, time};
use crate::render::{self, Table};

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "pip_jobs",
            arguments: &[ArgumentSpec::optional(
                "PATTERN",
                "keys to list; `*` is any text, `?` any character",
            )],
            options: &[
                OptionSpec::word("workflow", None, "WORKFLOW", "only jobs of this workflow"),
                OptionSpec::flag("deleted", None, "the deleted jobs instead"),
            ],
            tail: Tail::Nothing,
        },
        summary: "Lists jobs.",
        description: "",
        examples: &[
            Example {
                code: "%pip_jobs",
                does: "list all jobs",
            },
            Example {
                code: "%pip_jobs hello-*",
                does: "list those whose key begins so",
            },
        ],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let filter = JobFilter {
        pattern: call.argument(0).map(str::to_owned),
        workflow: call.option("workflow").map(str::to_owned),
        deleted: call.words.flag("deleted"),
    };
    let jobs = context.pip()?.jobs(&filter).shown()?;
    if jobs.is_empty() {
        let is_filtered = filter.pattern.is_some() || filter.workflow.is_some();
        let kind = if filter.deleted { "deleted job" } else { "job" };
        context.say(if is_filtered {
            format!("no {kind} matches")
        } else {
            format!("no {kind}s")
        });
        return Ok(());
    }
    let current = context.state.current_job().map(|current| current.key);
    let mut table = Table::new()
        .column("Job")
        .column("Workflow")
        .number("Steps")
        .column("State")
        .number("Revision")
        .column("Changed (UTC)");
    for job in jobs {
        let is_current = current.as_ref() == Some(&job.key);
        let mut state = match job {
            _ if job.deleted => "deleted",
            _ if job.finalized => "finalized",
            _ => "open",
        }
        .to_owned();
        if is_current {
            state.push_str(", current");
        }
        table.row([
            job.key.as_str().into(),
            job.workflow.as_str().into(),
            thousands(job.steps as u64).into(),
            state.into(),
            job.revision.to_string().into(),
            time(&job.updated).into(),
        ]);
    }
    context.show(render::table(&table));
    Ok(())
}
