//! `%pwd`: the working folder.

use pipulate::cell::args::{Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Specification};
use crate::outputs::CellError;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "pwd",
            arguments: &[],
            options: &[],
            tail: Tail::Nothing,
        },
        summary: "Shows the working folder.",
        description: "",
        examples: &[Example {
            code: "%pwd",
            does: "show the working folder",
        }],
        form: Form::Line,
    },
    run,
};

fn run(_: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let folder = context.state.directory();
    let folder = folder.map_err(|error| CellError::new("FileError", format!("the working folder is gone: {error}")))?;
    context.say(folder.display().to_string());
    Ok(())
}
