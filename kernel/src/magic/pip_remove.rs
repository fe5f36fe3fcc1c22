//! `%pip_remove STEP`: takes a step's value away.

use pipulate::cell::args::{ArgumentSpec, Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Shown, Specification};
use crate::outputs::CellError;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "pip_remove",
            arguments: &[ArgumentSpec::required("STEP", "the step")],
            options: &[],
            tail: Tail::Nothing,
        },
        summary: "Takes a step's value away.",
        description: "The history keeps it: `%pip_undo` brings it back.",
        examples: &[Example {
            code: "%pip_remove step_02",
            does: "forget a value",
        }],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let step = call.required(0)?;
    let had_value = context.state.job()?.remove(step).shown()?;
    context.say(if had_value {
        format!("`{step}` is removed; `%pip_undo` brings it back")
    } else {
        format!("`{step}` had no value")
    });
    Ok(())
}
