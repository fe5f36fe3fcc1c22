//! Names of what is generated: the crate, the functions of steps.

use std::collections::BTreeSet;

/// The longest part of a function's name that is taken from its step's.
const LONGEST: usize = 40;
/// Names that cargo or rustc want for themselves.
const RESERVED: [&str; 17] = [
    "alloc",
    "build",
    "cells",
    "core",
    "deps",
    "examples",
    "incremental",
    "main",
    "pipulate",
    "pipulate-port",
    "pipulate-server",
    "proc-macro",
    "proc_macro",
    "std",
    "steps",
    "test",
    "workflow",
];
/// Rust's keywords, which are no names of crates.
const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "union", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];
/// Names that Windows keeps for devices.
const DEVICES: [&str; 4] = ["aux", "con", "nul", "prn"];

/// The name of a step's function: `step_03_match`. `number` counts from 1 and makes it unique.
pub(crate) fn function(number: usize, step: &str) -> String {
    let mut name = format!("step_{number:02}");
    let mut part = String::new();
    for character in step.chars() {
        if character.is_ascii_alphanumeric() {
            part.push(character.to_ascii_lowercase());
        } else if !part.ends_with('_') && !part.is_empty() {
            part.push('_');
        }
        if part.len() >= LONGEST {
            break;
        }
    }
    let part = part.trim_end_matches('_');
    if !part.is_empty() {
        name.push('_');
        name.push_str(part);
    }
    name
}

/// The crate's name, from the notebook's file stem. No dependency has it.
pub(crate) fn package(stem: &str, dependencies: &BTreeSet<String>) -> String {
    let mut name = String::new();
    for character in stem.chars() {
        if character.is_ascii_alphanumeric() || character == '_' {
            name.push(character.to_ascii_lowercase());
        } else if !name.ends_with('-') && !name.is_empty() {
            name.push('-');
        }
    }
    let name = name.trim_end_matches('-').trim_start_matches('_');
    let mut name = match name.chars().next() {
        None => "notebook".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("notebook-{name}"),
        Some(_) => name.to_owned(),
    };
    name.truncate(60);
    let taken = |name: &str| {
        let same = |other: &str| other.replace('-', "_") == name.replace('-', "_");
        RESERVED
            .iter()
            .chain(&KEYWORDS)
            .chain(&DEVICES)
            .any(|other| same(other))
            || dependencies.iter().any(|other| same(other))
    };
    while taken(&name) {
        name.push_str("-app");
    }
    name
}

/// The file name without its extension; what a workflow is called unless the notebook says otherwise.
pub(crate) fn stem(file_name: &str) -> &str {
    match file_name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => file_name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_for_their_steps() {
        for (step, expected) in [
            ("match", "step_03_match"),
            ("step_01", "step_03_step_01"),
            ("Übersicht der Größen", "step_03_bersicht_der_gr_en"),
            ("日本", "step_03"),
            ("__a--b__", "step_03_a_b"),
            ("3D", "step_03_3d"),
        ] {
            assert_eq!(function(3, step), expected, "{step}");
        }
        assert_eq!(function(120, &"x".repeat(200)).len(), "step_120_".len() + LONGEST);
    }

    #[test]
    fn packages_have_names_that_cargo_takes() {
        let taken = BTreeSet::from(["csv".to_owned(), "serde_json".to_owned()]);
        for (stem, expected) in [
            ("hello", "hello"),
            ("02_workflow with steps", "notebook-02_workflow-with-steps"),
            ("Größe (2)", "gr-e-2"),
            ("日本", "notebook"),
            ("test", "test-app"),
            ("csv", "csv-app"),
            ("serde-json", "serde-json-app"),
            ("match", "match-app"),
            ("_x", "x"),
        ] {
            assert_eq!(package(stem, &taken), expected, "{stem}");
        }
    }

    #[test]
    fn a_stem_is_never_empty() {
        assert_eq!(stem("a.b.ipynb"), "a.b");
        assert_eq!(stem(".ipynb"), ".ipynb");
        assert_eq!(stem("hello"), "hello");
    }
}
