//! `%pip_set` of a value that is JSON as it stands. Any other value comes from Rust, by the cell library.

use pipulate::cell::SetCall;

use super::{Call, Context, Example, Form, Magic, Shown, Specification, usage_error};
use crate::outputs::CellError;
use crate::render::json::compact;

/// How much of a value a confirmation shows.
pub(super) const SHOWN: usize = 60;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: SetCall::USAGE,
        summary: "Saves the value of a Rust expression as a step.",
        description: "The value is on the disk when the line has run. A value that is JSON as it stands needs no compiler and is \
                      saved at once. Setting the value that is there already changes nothing. Options stand before the `=`.",
        examples: &[
            Example {
                code: "%pip_set greeting = format!(\"Hello, {name}!\")",
                does: "save a String",
            },
            Example {
                code: "%pip_set limits = {\"low\": 1, \"high\": [2, 3]}",
                does: "save JSON",
            },
            Example {
                code: "%pip_set total --job hello-02 = 7",
                does: "save it in another job",
            },
        ],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let set = SetCall::parse(call.text, call.magic).map_err(|error| usage_error("pip_set", &error))?;
    let Some(json) = set.literal else {
        return Err(call.misused("the value is Rust, which only a cell can work out"));
    };
    store(
        set.job.as_ref().map(|job| job.text.as_str()),
        &set.step.text,
        &json,
        context,
    )
}

/// Gives a step a value and says so: also for a cell that has worked the value out.
pub fn store(job: Option<&str>, step: &str, json: &str, context: &Context<'_>) -> Result<(), CellError> {
    let job = context.job(job)?;
    let before = job.info().shown()?.map(|info| info.revision);
    let revision = job.set_json(step, json).shown()?;
    let shown = compact(json, SHOWN);
    // A change has a revision that the job did not have before.
    let is_unchanged = before.is_some_and(|before| revision <= before);
    let since = if is_unchanged { "unchanged since " } else { "" };
    context.say(format!("{step} = {shown} ({since}revision {revision})"));
    Ok(())
}
