//! `%pip_unfinalize`: opens a locked job.

use pipulate::cell::args::{Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Shown, Specification};
use crate::outputs::CellError;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "pip_unfinalize",
            arguments: &[],
            options: &[],
            tail: Tail::Nothing,
        },
        summary: "Opens a finalized job again. Nothing is lost.",
        description: "",
        examples: &[Example {
            code: "%pip_unfinalize",
            does: "open the current job",
        }],
        form: Form::Line,
    },
    run,
};

fn run(_: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let job = context.state.job()?;
    job.unfinalize().shown()?;
    context.say(format!("job `{}` is open", job.key()));
    Ok(())
}
