//! `%pip_fork KEY`: a copy of the job.

use pipulate::cell::args::{ArgumentSpec, OptionSpec, Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Shown, Specification};
use crate::outputs::CellError;
use crate::render::text::{count, quoted};

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "pip_fork",
            arguments: &[ArgumentSpec::required("KEY", "the copy's key, which must be free")],
            options: &[OptionSpec::word(
                "from",
                None,
                "STEP",
                "start over here: this step and the later ones come along as suggestions",
            )],
            tail: Tail::Nothing,
        },
        summary: "Copies the job under a new key.",
        description: "The copy is open even where the job is finalized, and has a history of its own. The notebook stays at \
                      the job it is at: `%pip_job KEY` goes to the copy.",
        examples: &[
            Example {
                code: "%pip_fork hello-02",
                does: "copy every step",
            },
            Example {
                code: "%pip_fork hello-03 --from step_02",
                does: "try another way from `step_02` on",
            },
        ],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let job = context.state.job()?;
    let copy = job.fork(call.option("from"), call.required(0)?).shown()?;
    let done = copy.info().shown()?.map_or(0, |info| info.steps);
    let key = copy.key().as_str();
    let from = call
        .option("from")
        .map_or_else(String::new, |step| format!(", starting over at `{step}`"));
    context.say(format!(
        "job `{key}` is a copy of `{}` with {} done{from}; `%pip_job {}` goes on with it",
        job.key(),
        count(done, "step"),
        quoted(key)
    ));
    Ok(())
}
