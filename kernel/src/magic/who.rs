//! `%who`: the names of variables and items.

use pipulate::cell::args::{ArgumentSpec, Tail, Usage};

use super::{Call, Context, Example, Form, Magic, Specification};
use crate::outputs::CellError;
use crate::render::text::width;

/// How wide the list is.
const COLUMNS: usize = 80;
/// What stands for the type of a function, struct and the like.
pub(super) const ITEM: &str = "item";

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "who",
            arguments: &[ArgumentSpec::many(
                "TYPE",
                "only variables of these types; `Vec` is any Vec",
            )],
            options: &[],
            tail: Tail::Nothing,
        },
        summary: "Lists the names of variables and items.",
        description: "",
        examples: &[Example {
            code: "%who String",
            does: "list the names of Strings",
        }],
        form: Form::Line,
    },
    run,
};

#[expect(clippy::unnecessary_wraps, reason = "every magic has this form")]
fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let names: Vec<String> = known(call, context).into_iter().map(|(name, _)| name).collect();
    if names.is_empty() {
        context.print(&nothing(call));
        return Ok(());
    }
    let column = names.iter().map(|name| width(name)).max().unwrap_or_default() + 2;
    let in_a_row = (COLUMNS / column).max(1);
    for row in names.chunks(in_a_row) {
        let padded = row
            .iter()
            .map(|name| format!("{name}{}", " ".repeat(column - width(name))));
        context.print(&format!("{}\n", padded.collect::<String>().trim_end()));
    }
    Ok(())
}

/// Variables, then items, each with its type, as far as the call asks for them.
pub(super) fn known(call: &Call<'_>, context: &Context<'_>) -> Vec<(String, String)> {
    let variables = context.engine.variables();
    let items = context.engine.items();
    let mut known: Vec<(String, String)> = variables
        .iter()
        .map(|variable| (variable.name.clone(), variable.type_name.clone()))
        .chain(items.iter().map(|item| (item.clone(), ITEM.to_owned())))
        .collect();
    let wanted = &call.words.arguments;
    if !wanted.is_empty() {
        known.retain(|(_, type_name)| {
            let bare = type_name.split('<').next().unwrap_or_default();
            let last = bare.rsplit("::").next().unwrap_or_default();
            wanted
                .iter()
                .any(|wanted| [type_name.as_str(), bare, last].contains(&wanted.text.as_str()))
        });
    }
    known
}

pub(super) fn nothing(call: &Call<'_>) -> String {
    if call.words.arguments.is_empty() {
        "There are no variables yet.\n"
    } else {
        "No variable is of such a type.\n"
    }
    .to_owned()
}
