//! `%reset`: forgets variables and items.

use pipulate::cell::args::{OptionSpec, Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Specification};
use crate::outputs::{CellError, InputError};

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "reset",
            arguments: &[],
            options: &[OptionSpec::flag("force", Some('f'), "do not ask")],
            tail: Tail::Nothing,
        },
        summary: "Forgets every variable and item. The pipeline keeps its steps.",
        description: "",
        examples: &[Example {
            code: "%reset -f",
            does: "start over without being asked",
        }],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    if context.amid_rust {
        return Err(
            CellError::new("Usage", "`%reset` cannot stand amid Rust, which runs while it does")
                .with_help("Put it into a cell of its own."),
        );
    }
    if !call.words.flag("force") && !is_sure(context)? {
        context.print("Nothing is forgotten.\n");
        return Ok(());
    }
    context
        .engine
        .reset(context.outputs.as_ref(), || context.steps.forget())
}

fn is_sure(context: &Context<'_>) -> Result<bool, CellError> {
    let answer = context.outputs.input(
        "Forget all variables and items? They cannot be brought back. (y/[n]) ",
        false,
    );
    match answer {
        Ok(answer) => Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")),
        Err(InputError::Interrupted) => Err(CellError::new("Interrupted", "nothing is forgotten")),
        Err(InputError::NotAllowed) => Err(CellError::new(
            "MissingInput",
            "nobody can be asked whether to forget all variables",
        )
        .with_help("`%reset -f` does not ask.")),
    }
}
