//! `%whos`: variables and items with their types and values.

use pipulate::cell::args::{ArgumentSpec, Tail, Usage};

use super::secrets::Secrets;
use super::variable_values::values;
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
        summary: "Lists variables and items with their types, and what the variables hold.",
        description: "A value is shown by its `Debug`, cut short; one of a type without `Debug` is not, nor is one that \
                      `%pip_input --secret` gave. Amid Rust, and while the engine starts, no values are shown.",
        examples: &[Example {
            code: "%whos",
            does: "list what the notebook holds",
        }],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let known = known(call, context);
    if known.is_empty() {
        context.print(&nothing(call));
        return Ok(());
    }
    let secrets = Secrets::of(&(context.history)());
    let variables = known.iter().filter(|(_, type_name)| type_name != ITEM);
    // What is not to be shown is not asked for, either.
    let names: Vec<String> = variables
        .map(|(name, _)| name.clone())
        .filter(|name| !secrets.binds(name))
        .collect();
    let values = values(&names, context)?;
    let mut table = Table::new().column("Name").column("Type");
    if !values.is_empty() {
        table = table.column("Value");
    }
    for (name, type_name) in known {
        let is_item = type_name == ITEM;
        let shown = if is_item {
            Entry::faint(type_name)
        } else {
            Entry::code(type_name)
        };
        let mut row = vec![name.as_str().into(), shown];
        if !values.is_empty() {
            let value = values.get(&name).filter(|_| !is_item);
            row.push(match value {
                Some(value) => Entry::code(value.as_str()),
                None if !is_item && secrets.binds(&name) => Entry::faint("<hidden>"),
                None => Entry::default(),
            });
        }
        table.row(row);
    }
    context.show(render::table(&table));
    Ok(())
}
