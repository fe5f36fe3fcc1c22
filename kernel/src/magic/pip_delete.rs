//! `%pip_delete KEY`: hides a job.

use pipulate::cell::args::{ArgumentSpec, Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Shown, Specification};
use crate::outputs::CellError;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "pip_delete",
            arguments: &[ArgumentSpec::required(
                "KEY",
                "the job; it must be named, also when it is the current one",
            )],
            options: &[],
            tail: Tail::Nothing,
        },
        summary: "Deletes a job: it is hidden, with its steps and history.",
        description: "`%pip_jobs --deleted` lists it. In a cell, `pip.undelete(\"KEY\")?` brings it back; in a terminal, \
                      `pipulate job undelete KEY`.",
        examples: &[Example {
            code: "%pip_delete hello-02",
            does: "delete a job",
        }],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let job = context.pip()?.job(call.required(0)?).shown()?;
    job.delete().shown()?;
    let key = job.key();
    context.say(format!(
        "job `{key}` is deleted; `pip.undelete({:?})?` brings it back",
        key.as_str()
    ));
    Ok(())
}
