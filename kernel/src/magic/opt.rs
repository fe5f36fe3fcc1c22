//! `%opt`: how much the compiler optimises cells.

use pipulate::cell::args::{ArgumentSpec, Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Specification};
use crate::engine::OPTIMISATION_LEVELS;
use crate::outputs::CellError;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "opt",
            arguments: &[ArgumentSpec::required("LEVEL", "`0` to `3`, `s` or `z`, as rustc's")],
            options: &[],
            tail: Tail::Nothing,
        },
        summary: "Sets how much the compiler optimises cells.",
        description: "At first it is 0: cells are compiled often and run once. Dependencies are compiled once, and always optimised. \
                      Cells whose own loops are long are faster at 2 or 3; functions of earlier cells are compiled with each cell, \
                      so they follow.",
        examples: &[Example {
            code: "%opt 3",
            does: "for cells that compute for long",
        }],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let level = call.argument(0).unwrap_or_default();
    if !OPTIMISATION_LEVELS.contains(&level) {
        return Err(call.misused(format!("there is no level `{level}`")));
    }
    context.engine.set_optimisation(level);
    context.print(&format!(
        "Cells that come after this one are compiled at optimisation level {level}.\n"
    ));
    Ok(())
}
