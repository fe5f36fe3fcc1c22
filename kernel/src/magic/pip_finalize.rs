//! `%pip_finalize`: locks the job.

use pipulate::cell::args::{Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Shown, Specification};
use crate::outputs::CellError;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "pip_finalize",
            arguments: &[],
            options: &[],
            tail: Tail::Nothing,
        },
        summary: "Locks the job: from now on nothing can change it.",
        description: "Every change, by any program, is the error `Finalized`. `%pip_unfinalize` opens the job again.",
        examples: &[Example {
            code: "%pip_finalize",
            does: "lock the current job",
        }],
        form: Form::Line,
    },
    run,
};

fn run(_: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let job = context.state.job()?;
    job.finalize().shown()?;
    context.say(format!("job `{}` is finalized", job.key()));
    Ok(())
}
