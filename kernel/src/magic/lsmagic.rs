//! `%lsmagic`: the magics there are.

use pipulate::cell::args::{Tail, Usage};

use super::{ALL, Call, Context, Example, Form, Magic, Specification};
use crate::outputs::CellError;
use crate::render::{self, Entry, Table};

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "lsmagic",
            arguments: &[],
            options: &[],
            tail: Tail::Nothing,
        },
        summary: "Lists all magics.",
        description: "",
        examples: &[Example {
            code: "%lsmagic",
            does: "list all magics",
        }],
        form: Form::Line,
    },
    run,
};

#[expect(clippy::unnecessary_wraps, reason = "every magic has this form")]
fn run(_: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let mut table = Table::new().column("Magic").column("Does");
    for magic in ALL {
        let specification = &magic.specification;
        let name = match specification.form {
            Form::Both => format!("%{0}, %%{0}", magic.name()),
            _ => specification.marked_name(),
        };
        table.row([Entry::code(name), specification.summary.into()]);
    }
    table.note("`!line` runs a line in the shell, and `:help` lists the commands of the Rust engine.");
    table.note("`%name?` or `%name --help` says more about one of them.");
    context.show(render::table(&table));
    Ok(())
}
