//! `%pip_history`: what happened to the job, or to a step.

use pipulate::cell::args::{ArgumentSpec, OptionSpec, Tail, Usage};

use super::pip_read::JOB;
use super::{Call, Context, Example, Form, Magic, Shown, Specification};
use crate::outputs::CellError;
use crate::render::json::compact;
use crate::render::text::{count, time};
use crate::render::{self, Entry, Table};

/// How many events are shown unless asked otherwise.
const LAST: usize = 100;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "pip_history",
            arguments: &[ArgumentSpec::optional("STEP", "only what happened to this step")],
            options: &[
                OptionSpec::word("last", Some('n'), "N", "how many events to show; 100 unless given"),
                JOB,
            ],
            tail: Tail::Nothing,
        },
        summary: "Shows what happened to the job, oldest first.",
        description: "",
        examples: &[
            Example {
                code: "%pip_history",
                does: "show the job's history",
            },
            Example {
                code: "%pip_history greeting -n 5",
                does: "show the last five changes of a step",
            },
        ],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let last = match call.option("last") {
        None => LAST,
        Some(last) => last
            .parse()
            .map_err(|_| call.misused(format!("`{last}` is not a number of events")))?,
    };
    let job = context.job(call.option("job"))?;
    let events = job.history(call.argument(0)).shown()?;
    if events.is_empty() {
        let what = call
            .argument(0)
            .map_or_else(|| format!("job `{}`", job.key()), |step| format!("step `{step}`"));
        context.say(format!("nothing has happened to {what} yet"));
        return Ok(());
    }
    let mut table = Table::new()
        .number("Revision")
        .column("Time (UTC)")
        .column("What")
        .column("Step")
        .column("Value")
        .column("By");
    let earlier = events.len().saturating_sub(last);
    for event in events.iter().skip(earlier) {
        table.row([
            event.revision.to_string().into(),
            time(&event.time).into(),
            event.kind.to_string().into(),
            event.step.as_ref().map_or("", |step| step.as_str()).into(),
            event
                .value
                .as_ref()
                .map_or_else(Entry::default, |value| Entry::code(compact(value, 60))),
            event.source.as_str().into(),
        ]);
    }
    if earlier > 0 {
        table.note(format!("… {} before; `-n N` shows more", count(earlier, "event")));
    }
    context.show(render::table(&table));
    Ok(())
}
