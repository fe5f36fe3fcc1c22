//! `%pip_get STEP`: shows a step's value.

use pipulate::Job;
use pipulate::cell::{GetCall, json_literal};

use super::{Call, Context, Example, Form, Magic, Shown, Specification, refuse_deleted, usage_error};
use crate::outputs::CellError;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: GetCall::USAGE,
        summary: "Loads a step's value into a variable, or shows it.",
        description: "After `let x: T =` the value is loaded; a step that has none is an error that lists the steps there are, \
                      unless `--default` says what to take then. On a line of its own the value is shown: an array of \
                      objects as a table, what is nested as a tree, the rest as JSON; a default is JSON there.",
        examples: &[
            Example {
                code: "let greeting: String = %pip_get greeting;",
                does: "load a value",
            },
            Example {
                code: "let total: i64 = %pip_get total --default 0;",
                does: "load a value that may be missing",
            },
            Example {
                code: "%pip_get greeting",
                does: "show a value",
            },
        ],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let get = GetCall::parse(call.text, call.magic).map_err(|error| usage_error("pip_get", &error))?;
    let job = context.job(get.job.as_ref().map(|job| job.text.as_str()))?;
    let step = &get.step.text;
    if let Some(json) = job.get_json(step).shown()? {
        context.show_value(&json);
        return Ok(());
    }
    let Some(default) = get.default else {
        return Err(missing(&job, step));
    };
    refuse_deleted(&job, format!("read step `{step}`"))?;
    let Some(json) = json_literal(&call.text[default]) else {
        return Err(
            call.misused("a default that is Rust goes with `let x: T = %pip_get ..`, one that is shown is JSON")
        );
    };
    context.show_value(&json);
    Ok(())
}

/// The error that a step has no value.
pub(super) fn missing(job: &Job, step: &str) -> CellError {
    match job.require::<serde::de::IgnoredAny>(step).shown() {
        Err(error) => error,
        // It has got one in the meantime.
        Ok(_) => CellError::new(
            "Conflict",
            format!("step `{step}` has just been set; run the cell again"),
        ),
    }
}
