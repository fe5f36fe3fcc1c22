//! `%%bash`: the cell is a shell script.

use pipulate::cell::args::{Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Specification};
use crate::outputs::CellError;
use crate::shell::run_script;

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "bash",
            arguments: &[],
            options: &[],
            tail: Tail::Nothing,
        },
        summary: "Runs the rest of the cell with bash.",
        description: "Output comes while it runs; a status that is not 0 is an error, and an interrupt ends it.",
        examples: &[Example {
            code: "%%bash\nfor name in *.csv; do wc -l \"$name\"; done",
            does: "run a script",
        }],
        form: Form::Cell,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    // bash takes the `\r` of a line end for a part of the line's last word.
    let script = call.body.unwrap_or_default().replace("\r\n", "\n");
    run_script("bash", &script, context.outputs, context.state)
}
