//! The rows of "Decided, with examples" in the design of the magics, ported.

mod forms;
mod magics;
mod order;
mod steps;
mod variables;

use super::support::{Fixture, steps};

/// The body of the last step of a notebook.
fn last(cells: &[&str]) -> String {
    let ported = Fixture::of(cells).port();
    let text = steps(&ported);
    let start = text.rfind("#[rustfmt::skip]\npub fn step").unwrap();
    let text = text[start + "#[rustfmt::skip]\n".len()..].trim_end();
    text.split("\n\n// Errors").next().unwrap().to_owned()
}

/// Why a notebook is refused.
fn refused(cells: &[&str]) -> String {
    Fixture::of(cells).refused().refusals_as_text()
}
