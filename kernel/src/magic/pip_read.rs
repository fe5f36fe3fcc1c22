//! `%pip_read`: the whole state.

use pipulate::cell::args::{OptionSpec, Tail, Usage};
use serde_json::value::RawValue;

use super::{Call, Context, Example, Form, Magic, Shown, Specification, refuse_deleted};
use crate::outputs::CellError;

/// An option of magics that look at a job.
pub(super) const JOB: OptionSpec = OptionSpec::word("job", Some('j'), "KEY", "another job than the current one");

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "pip_read",
            arguments: &[],
            options: &[JOB],
            tail: Tail::Nothing,
        },
        summary: "Shows the whole state of the job: the values of all steps that are done.",
        description: "`%pip_get STEP` shows one of them, `%pip_steps` how they stand.",
        examples: &[Example {
            code: "%pip_read",
            does: "show every step's value",
        }],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let job = context.job(call.option("job"))?;
    refuse_deleted(&job, "show the state")?;
    let steps = job.steps().shown()?;
    let mut state = String::from("{");
    for step in steps.iter().filter(|step| !step.suggested) {
        if state.len() > 1 {
            state.push(',');
        }
        state.push_str(&serde_json::Value::from(step.name.as_str()).to_string());
        state.push(':');
        state.push_str(&step.value);
    }
    state.push('}');
    debug_assert!(
        serde_json::from_str::<&RawValue>(&state).is_ok(),
        "stored values are JSON"
    );
    context.show_value(&state);
    Ok(())
}
