//! `%whos`: variables and items with their types.

use pipulate::cell::args::{ArgumentSpec, Tail, Usage};

use super::who::{ITEM, known, nothing};
use super::{Call, Context, Example, Form, Magic, Specification};
use crate::outputs::CellError;
use crate::render::{self, Entry, Table};

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "whos",
            arguments: &[ArgumentSpec::many(
                "TYPE",
                "only variables of these types; `Vec` is any Vec",
            )],
            options: &[],
            tail: Tail::Nothing,
        },
        summary: "Lists variables and items with their types.",
        description: "",
        examples: &[Example {
            code: "%whos",
            does: "list what the notebook holds",
        }],
        form: Form::Line,
    },
    run,
};

#[expect(clippy::unnecessary_wraps, reason = "every magic has this form")]
fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let known = known(call, context);
    if known.is_empty() {
        context.print(&nothing(call));
        return Ok(());
    }
    let mut table = Table::new().column("Name").column("Type");
    for (name, type_name) in known {
        let shown = if type_name == ITEM {
            Entry::faint(type_name)
        } else {
            Entry::code(type_name)
        };
        table.row([name.into(), shown]);
    }
    context.show(render::table(&table));
    Ok(())
}
