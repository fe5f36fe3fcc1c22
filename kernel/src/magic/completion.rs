//! What Tab offers in a magic: names of magics, options, job keys, steps, files.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use pipulate::JobFilter;
use pipulate::cell::{Completing, completing};

use super::{Context, find};
use crate::engine::{Completion, Completions};
use crate::render::text::quoted;

/// How many candidates are offered.
const MOST: usize = 500;

/// Candidates for a place (in bytes) in a cell; `None` where it stands in Rust, which the engine completes. Reads the store, and
/// never waits for a running cell.
pub fn complete(code: &str, offset: usize, context: &Context<'_>) -> Option<Completions> {
    let usage_of = |name: &str| find(name).map(|magic| magic.specification.usage);
    let (span, items) = match completing(code, offset, usage_of) {
        Completing::MagicName { span, is_cell_magic } => {
            let items = magic_names(&code[span.clone()], is_cell_magic);
            // A front end replaces the whole word, and its words begin at the `%`.
            let marks = if is_cell_magic { 2 } else { 1 };
            (span.start.saturating_sub(marks)..span.end, items)
        }
        Completing::HelpName { span } => {
            let prefix = &code[span.clone()];
            let magics = super::names()
                .filter(|name| name.starts_with(prefix))
                .map(|name| completion(name, "magic"));
            let variables = context.engine.variables();
            let variables = variables
                .iter()
                .map(|variable| variable.name.as_str())
                .filter(|name| name.starts_with(prefix));
            let items = magics
                .chain(variables.map(|name| completion(name, "instance")))
                .collect();
            (span, items)
        }
        Completing::OptionName { magic, span } => {
            let items = option_names(&magic, &code[span.clone()]);
            (span, items)
        }
        Completing::Argument {
            magic,
            name,
            prefix,
            span,
            is_quoted,
        } => {
            let items = arguments(&magic, name, &prefix, is_quoted, context);
            (span, items)
        }
        Completing::Nothing => (offset..offset, Vec::new()),
        _ => return None,
    };
    let Range { start, end } = span;
    Some(Completions { items, start, end })
}

fn completion(text: impl Into<String>, kind: &str) -> Completion {
    let text = text.into();
    Completion {
        label: text.clone(),
        text,
        kind: kind.to_owned(),
    }
}

fn magic_names(prefix: &str, is_cell_magic: bool) -> Vec<Completion> {
    let fits = |magic: &&&super::Magic| {
        let specification = &magic.specification;
        (if is_cell_magic {
            specification.is_cell()
        } else {
            specification.is_line()
        }) && magic.name().starts_with(prefix)
    };
    let marks = if is_cell_magic { "%%" } else { "%" };
    super::ALL
        .iter()
        .filter(fits)
        .map(|magic| completion(format!("{marks}{}", magic.name()), "magic"))
        .collect()
}

fn option_names(magic: &str, prefix: &str) -> Vec<Completion> {
    let options = find(magic).map_or(&[][..], |magic| magic.specification.usage.options);
    let names = options
        .iter()
        .map(|option| option.long)
        .chain(["help"])
        .map(|name| format!("--{name}"));
    names
        .filter(|name| name.starts_with(prefix))
        .map(|name| completion(name, "option"))
        .collect()
}

fn arguments(magic: &str, name: &str, prefix: &str, is_quoted: bool, context: &Context<'_>) -> Vec<Completion> {
    let (kind, names) = match name {
        "STEP" => ("step", steps(context)),
        // A fork needs a key that is free.
        "KEY" if magic == "pip_fork" => return Vec::new(),
        "KEY" | "PATTERN" => ("job", jobs(context, |job| job.key.to_string())),
        "WORKFLOW" | "NAME" => ("workflow", jobs(context, |job| job.workflow.to_string())),
        "TYPE" => (
            "type",
            context
                .engine
                .variables()
                .iter()
                .map(|variable| variable.type_name.clone())
                .collect(),
        ),
        "VARIABLE" => ("variable", super::env::names(context)),
        "FOLDER" => ("path", paths(prefix, true, context)),
        "FILE" => ("path", paths(prefix, false, context)),
        _ => return Vec::new(),
    };
    let fitting = names.into_iter().filter(|name| name.starts_with(prefix)).take(MOST);
    fitting
        .map(|name| {
            let text = if is_quoted && quoted(&name) == name {
                format!("\"{name}\"")
            } else {
                quoted(&name)
            };
            Completion {
                label: name,
                text,
                kind: kind.to_owned(),
            }
        })
        .collect()
}

/// Without a job or a store there are no names to offer, which is no error here.
fn steps(context: &Context<'_>) -> BTreeSet<String> {
    let steps = context
        .state
        .job()
        .ok()
        .and_then(|job| job.steps().ok())
        .unwrap_or_default();
    steps.into_iter().map(|step| step.name.to_string()).collect()
}

fn jobs(context: &Context<'_>, name: impl Fn(&pipulate::JobInfo) -> String) -> BTreeSet<String> {
    let jobs = context
        .pip()
        .ok()
        .and_then(|pip| pip.jobs(&JobFilter::default()).ok())
        .unwrap_or_default();
    jobs.iter().map(name).collect()
}

/// Files and folders whose path begins with `prefix`; folders end in a slash.
fn paths(prefix: &str, only_folders: bool, context: &Context<'_>) -> BTreeSet<String> {
    let (folder, _) = prefix
        .rsplit_once('/')
        .map_or(("", prefix), |(folder, name)| (&prefix[..=folder.len()], name));
    let Ok(base) = super::cd::resolve(if folder.is_empty() { "." } else { folder }, context) else {
        return BTreeSet::new();
    };
    let Ok(entries) = std::fs::read_dir(Path::new(&base)) else {
        return BTreeSet::new();
    };
    let hidden = prefix.len() > folder.len() && prefix[folder.len()..].starts_with('.');
    entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let is_folder = entry.path().is_dir();
            let shown = (hidden || !name.starts_with('.')) && (is_folder || !only_folders);
            shown.then(|| format!("{folder}{name}{}", if is_folder { "/" } else { "" }))
        })
        .take(10_000)
        .collect()
}
