//! `%checkpoint`: whether each cell begins with a way back.

use pipulate::cell::args::{ArgumentSpec, Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Specification};
use crate::outputs::CellError;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "checkpoint",
            arguments: &[ArgumentSpec::required("STATE", "`on` or `off`")],
            options: &[],
            tail: Tail::Nothing,
        },
        summary: "Switches checkpoints on or off, from the next cell with Rust on.",
        description: "Before each cell with Rust, the kernel makes a sleeping copy of the process that holds the variables. A cell that \
                      crashes, exits or is interrupted costs itself alone: the copy goes on, with every variable as it was. \
                      Memory is copied only where the cell changes it; with gigabytes that change in every cell, this is \
                      noticeable, and can be switched off.",
        examples: &[
            Example {
                code: "%checkpoint off",
                does: "before cells that change gigabytes",
            },
            Example {
                code: "%checkpoint on",
                does: "as it is at first",
            },
        ],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let (on, told) = match call.argument(0) {
        Some("on") => (
            true,
            "Checkpoints are on: a cell that crashes or is interrupted costs itself alone.\n",
        ),
        Some("off") => (
            false,
            "Checkpoints are off: a cell that crashes or is interrupted costs every variable.\n",
        ),
        _ => return Err(call.misused("checkpoints are `on` or `off`")),
    };
    context.worker.set_checkpoints(on);
    context.print(told);
    Ok(())
}
