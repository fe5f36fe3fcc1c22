//! `%whos`: variables and items with their types and values.

use std::collections::HashSet;

use pipulate::cell::args::{ArgumentSpec, Tail, Usage};
use pipulate::cell::{InputCall, SegmentKind, parse};

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
    let secrets = secrets(&(context.history)());
    let variables = known.iter().filter(|(_, type_name)| type_name != ITEM);
    // What is not to be shown is not asked for, either.
    let names: Vec<String> = variables
        .map(|(name, _)| name.clone())
        .filter(|name| !secrets.contains(name))
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
                None if !is_item && secrets.contains(&name) => Entry::faint("<hidden>"),
                None => Entry::default(),
            });
        }
        table.row(row);
    }
    context.show(render::table(&table));
    Ok(())
}

/// The names that the cells bind to secrets: all words of the patterns.
fn secrets(cells: &[(u32, String)]) -> HashSet<String> {
    let mut names = HashSet::new();
    for (_, text) in cells {
        let cell = parse(text);
        for segment in cell.segments() {
            if let SegmentKind::LetMagic(binding) = &segment.kind
                && cell.slice(&binding.call.name) == "pip_input"
                && InputCall::parse(text, &binding.call).is_ok_and(|input| input.secret)
            {
                let words = cell
                    .slice(&binding.pattern)
                    .split(|character: char| !character.is_alphanumeric() && character != '_');
                names.extend(words.map(str::to_owned));
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::secrets;

    #[test]
    fn names_bound_to_secrets_are_found() {
        let names = |text: &str| secrets(&[(1, text.to_owned())]);
        assert!(names("let key: String = %pip_input key --secret;").contains("key"));
        assert!(names("if true {\n    let mut inner: u32 = %pip_input pin \"PIN\" --secret;\n}").contains("inner"));
        let both = names("let (user, Some(pass)): (String, _) = %pip_input login --secret;");
        assert!(both.contains("user") && both.contains("pass"));
        assert!(!names("let name: String = %pip_input name;").contains("name"));
        assert!(!names("let s = r#\"\nlet name: String = %pip_input name --secret;\n\"#;").contains("name"));
    }
}
