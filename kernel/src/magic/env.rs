//! `%env`: variables of the environment, of shell lines and of code in cells.

use std::collections::{BTreeMap, BTreeSet};

use pipulate::cell::args::{ArgumentSpec, Tail, Usage};

use super::secrets::Secrets;
use super::{Call, Context, Example, Form, Magic, Specification};
use crate::environment;
use crate::outputs::CellError;
use crate::render::{self, Entry, Table};

/// Variables whose names hold one of these are not shown unless asked for by name.
const SECRETS: [&str; 4] = ["key", "token", "secret", "password"];

pub(super) static MAGIC: Magic = Magic {
    specification: Specification {
        usage: Usage {
            name: "env",
            arguments: &[ArgumentSpec::optional(
                "VARIABLE",
                "the variable to show, or to set with `=VALUE`",
            )],
            options: &[],
            tail: Tail::Rest {
                name: "VALUE",
                is_required: false,
            },
        },
        summary: "Shows the environment or one of its variables, or sets one.",
        description: "What is set is seen by shell lines and by the notebook's code, from now on and after a restart of that code's \
                      process. The value is the rest of the line as it stands. Values that look like secrets are hidden from the \
                      list.",
        examples: &[
            Example {
                code: "%env",
                does: "show all variables",
            },
            Example {
                code: "%env HOME",
                does: "show one",
            },
            Example {
                code: "%env RUST_LOG=debug",
                does: "set one",
            },
        ],
        form: Form::Line,
    },
    run,
};

fn run(call: &Call<'_>, context: &Context<'_>) -> Result<(), CellError> {
    let line = call.line();
    let Some(name_end) = line.find(|character: char| character == '=' || character.is_whitespace()) else {
        return if line.is_empty() {
            list(context)
        } else {
            show(line, context)
        };
    };
    let (name, rest) = line.split_at(name_end);
    let rest = rest.trim_start();
    let value = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    if name.is_empty() || name.contains('\0') || value.contains('\0') {
        return Err(call.misused(format!("`{line}` names no variable")));
    }
    context.state.set_environment(name, value);
    context.worker.set_variable(name, value);
    context.print(&format!("env: {name}={value}\n"));
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one of two ends of `run`")]
fn list(context: &Context<'_>) -> Result<(), CellError> {
    let mut table = Table::new().column("Variable").column("Value");
    let secrets = Secrets::of(&(context.history)());
    for (name, value) in all(context) {
        let lower = name.to_lowercase();
        let is_secret = SECRETS.iter().any(|secret| lower.contains(secret)) || secrets.come_from(&name);
        table.row([
            name.into(),
            if is_secret {
                Entry::faint("<hidden>")
            } else {
                Entry::code(value)
            },
        ]);
    }
    context.show(render::table(&table));
    Ok(())
}

fn show(name: &str, context: &Context<'_>) -> Result<(), CellError> {
    let value = get(name, context).ok_or_else(|| {
        CellError::new("Usage", format!("the environment has no variable `{name}`"))
            .with_help(format!("`%env {name}=VALUE` sets it."))
    })?;
    context.say(value);
    Ok(())
}

/// The value of a variable.
pub(super) fn get(name: &str, context: &Context<'_>) -> Option<String> {
    let set = context.state.environment();
    set.get(name).cloned().or_else(|| all(context).remove(name))
}

/// The names of all variables.
pub(super) fn names(context: &Context<'_>) -> BTreeSet<String> {
    all(context).into_keys().collect()
}

/// The environment as shell lines see it.
fn all(context: &Context<'_>) -> BTreeMap<String, String> {
    let inherited = environment::variables().map(|(name, value)| {
        (
            name.to_string_lossy().into_owned(),
            value.to_string_lossy().into_owned(),
        )
    });
    inherited.chain(context.state.environment()).collect()
}
