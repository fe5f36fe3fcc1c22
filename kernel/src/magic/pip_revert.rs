//! `%pip_revert STEP`: opens a step again.

use pipulate::cell::args::{ArgumentSpec, Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Shown, Specification};
use crate::outputs::CellError;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "pip_revert",
            arguments: &[ArgumentSpec::required("STEP", "the step to open again")],
            options: &[],
            tail: Tail::Nothing,
        },
        summary: "Opens a step again, and sets the later ones aside.",
        description: "None of them counts as done any more; their values stay as suggestions. `%pip_undo` takes it back.",
        examples: &[Example {
            code: "%pip_revert step_02",
            does: "go on from `step_02`",
        }],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let step = call.required(0)?;
    let set_aside = context.state.job()?.revert(step).shown()?;
    let names: Vec<String> = set_aside.iter().map(|step| format!("`{step}`")).collect();
    context.say(if names.is_empty() {
        format!("`{step}` is open again; no later step was done")
    } else {
        format!("`{step}` is open again; set aside: {}", names.join(", "))
    });
    Ok(())
}
