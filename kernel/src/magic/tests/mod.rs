//! Each magic as a user meets it.

use super::testing::{Notebook, Shown};

mod general;
mod inputs;
mod jobs;
mod port;
mod specifications;
mod tab;
mod values;

/// Times differ from run to run; how they look does not.
fn without_times(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.char_indices().map(|(at, _)| at).find(|at| is_time(&rest[*at..])) {
        shown.push_str(&rest[..at]);
        shown.push_str("2026-01-31 12:00:00");
        rest = &rest[at + 19..];
    }
    shown + rest
}

fn is_time(text: &str) -> bool {
    let form = "dddd-dd-dd dd:dd:dd";
    text.len() >= form.len()
        && text.bytes().zip(form.bytes()).all(|(byte, form)| {
            if form == b'd' {
                byte.is_ascii_digit()
            } else {
                byte == form
            }
        })
}

fn text(shown: Shown) -> String {
    without_times(&shown.text())
}

fn html(shown: Shown) -> String {
    without_times(&shown.html())
}

/// A job with a value of each kind, a step set aside, and one that is stale.
fn with_steps() -> Notebook {
    let notebook = Notebook::at_job();
    for cell in [
        "%pip_set greeting = \"Hello, Ada!\"",
        "%pip_set limits = {\"low\": 1, \"high\": [2, 3.50]}",
        "%pip_set \"the <b>rows</b>\" = [{\"name\": \"Ada\", \"born\": 1815}, {\"born\": 1906, \"rank\": {\"navy\": true}, \"name\": null}]",
        "%pip_set last = 0",
    ] {
        notebook.run(cell).unwrap();
    }
    notebook
}
