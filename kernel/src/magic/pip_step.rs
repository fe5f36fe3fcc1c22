//! `%%pip_step STEP`: the cell is a step. The session runs it, since its body is Rust; here is what it accepts and says.

use pipulate::StepStatus;
use pipulate::cell::StepCall;

use super::{Call, Context, Example, Form, Magic, Specification};
use crate::outputs::CellError;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: StepCall::USAGE,
        summary: "Makes the cell a step: the value of its last expression is the step's.",
        description: "The value is kept with a fingerprint of the cell's code and of each step that the code reads. While both are \
                      the same, running the cell again shows the value from the store and runs nothing, also after a restart and \
                      in the web app. Where they differ the cell runs, and says why. What the cell binds or defines stays inside \
                      it; variables of other cells come through the pipeline, by `%pip_get`, `%pip_set` or `%pip_input`.",
        examples: &[
            Example {
                code: "%%pip_step greeting\nlet name: String = %pip_get name;\nformat!(\"Hello, {name}!\")",
                does: "work a greeting out once",
            },
            Example {
                code: "%%pip_step report \"Monthly report\" --rerun\nstd::fs::read_to_string(\"report.txt\")?",
                does: "run whatever is in the store, under a label for people",
            },
        ],
        form: Form::Cell,
    },
    run,
};

fn run(call: &Call<'_>, _: &Context<'_>) -> Result<(), CellError> {
    Err(call.misused("a step is a cell with Rust below the magic"))
}

/// Why a step runs, as a sentence; `None` when it is fresh and shall not.
pub fn reason(step: &str, status: &StepStatus, rerun: bool) -> Option<String> {
    let why = match status {
        StepStatus::Fresh if !rerun => return None,
        StepStatus::Fresh => "it is fresh, and runs again since `--rerun` says so".to_owned(),
        StepStatus::Missing => "it has no value yet".to_owned(),
        StepStatus::StaleCode => "its code has changed".to_owned(),
        StepStatus::StaleInput(input) => format!("`{input}`, which it reads, has changed"),
        StepStatus::StaleUntracked(name) => match name.strip_prefix("job ") {
            Some(job) => format!("it reads the job `{job}`, which nothing tracks"),
            None => format!("it uses the variable `{name}`, which nothing tracks"),
        },
        StepStatus::Suggested => "its value was set aside".to_owned(),
    };
    Some(format!("Step `{step}` runs: {why}."))
}
