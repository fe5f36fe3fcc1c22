//! `%pip_undo`: takes back the last change.

use pipulate::cell::args::{Tail, Usage};
use pipulate::{Event, EventKind};

use super::pip_set::SHOWN;
use super::{Call, Context, Example, Form, Magic, Shown, Specification};
use crate::outputs::CellError;
use crate::render::json::compact;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "pip_undo",
            arguments: &[],
            options: &[],
            tail: Tail::Nothing,
        },
        summary: "Takes back the last change to the job's values.",
        description: "Undoing again goes one change further back. The history keeps what was undone.",
        examples: &[Example {
            code: "%pip_undo",
            does: "take back the last change",
        }],
        form: Form::Line,
    },
    run,
};

fn run(_: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let undone = context.state.job()?.undo().shown()?;
    context.say(undone.map_or_else(|| "nothing to undo".to_owned(), |event| describe(&event)));
    Ok(())
}

fn describe(event: &Event) -> String {
    let step = event
        .step
        .as_ref()
        .map_or_else(String::new, |step| format!(" of `{step}`"));
    let after = match (&event.kind, &event.step, &event.previous) {
        (EventKind::Revert | EventKind::SetAside, ..) | (_, None, _) => String::new(),
        (_, Some(step), Some(previous)) => format!(": {step} = {} again", compact(previous, SHOWN)),
        (_, Some(_), None) => ": it has no value again".to_owned(),
    };
    format!("undone: {}{step} (revision {}){after}", event.kind, event.change)
}
