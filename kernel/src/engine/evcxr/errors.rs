//! evcxr's errors as the user is shown them.

use super::compiler::has_standard_library_source;
use crate::engine::diagnostics::{Diagnostic, Label, around_value, compile_error, in_a_file, without_places};
use crate::engine::prelude::DISPLAY_NAME;
use crate::outputs::CellError;
use crate::source_map::SourceMap;

/// Whether errors are about the way in which a last expression is shown, and not about the user's code.
pub(super) fn show_our_display(errors: &[evcxr::CompilationError]) -> bool {
    let is_error = |error: &evcxr::CompilationError| error.level() == "error";
    !errors.iter().any(is_error) || errors.iter().any(|error| error.json.to_string().contains(DISPLAY_NAME))
}

/// Whether a `?` has an error that can be shown by `Debug` at best.
pub(super) fn want_debug(errors: &[evcxr::CompilationError]) -> bool {
    errors.iter().any(|error| {
        let message = error.message();
        message.starts_with("`?` couldn't convert the error") && message.contains("std::fmt::Display")
    })
}

pub(super) fn start_error(error: &evcxr::Error) -> CellError {
    CellError::new(
        "EngineError",
        format!("Rust cells cannot run: {}", error.to_string().trim_end()),
    )
    .with_help("`pipulate doctor` checks the compiler, the linker and the standard library's source.")
}

pub(super) fn evaluation_error(error: &evcxr::Error, code: &SourceMap) -> CellError {
    match error {
        evcxr::Error::CompilationErrors(errors) => {
            let diagnostics: Vec<Diagnostic> = errors.iter().map(|error| diagnostic(error, code)).collect();
            compile_error(&diagnostics, code.source())
        }
        evcxr::Error::TypeRedefinedVariablesLost(_) => {
            CellError::new("VariablesLost", error.to_string()).with_help("Run the cells that define them again.")
        }
        other => {
            let text = other.to_string();
            if let Some(signal) = compiler_crash(&text) {
                return CellError::new("CompilerCrash", format!("rustc crashed while it compiled the cell ({signal})")).with_help(
                    "It cannot compile expressions and blocks that are nested thousands deep. Every variable is as it was.",
                );
            }
            // evcxr adds cargo's messages as JSON, which say nothing to a person.
            let text = text.split("STDOUT:").next().unwrap_or_default();
            let mut error = CellError::new(
                "EngineError",
                text.lines().next().unwrap_or("the cell cannot run").trim(),
            );
            for line in text.lines().skip(1) {
                error = error.with_help(line);
            }
            if text.starts_with("Couldn't automatically determine type") && !has_standard_library_source() {
                error = error.with_help(
                    "The standard library's source is not installed, so types cannot be inferred. Get it with \
                     `rustup component add rust-src`, or write the type.",
                );
            }
            error
        }
    }
}

/// The signal that ended the compiler, where that is what it says.
fn compiler_crash(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("rustc interrupted by ")?;
    after.split([',', '\n']).next()
}

/// evcxr takes the call of a macro for a statement. What that defines is gone with the cell.
const ITEMS_OF_A_MACRO: &str = "Items that a macro makes are kept when it is called in a module: `mod made { use super::*; NAME! { .. } }`, \
                                and then `use made::*;`. They have to be `pub` to be seen from outside. A macro of the notebook's own needs \
                                `#[macro_export]` for that, and is called as `crate::NAME!`.";

/// What cargo says of a dependency, without what it did meanwhile.
fn without_progress(message: &str) -> &str {
    let mut rest = message;
    while let Some((line, more)) = rest.split_once('\n')
        && line.starts_with("    ")
        && ["Updating", "Locking", "Adding", "Downloading", "Downloaded"]
            .iter()
            .any(|verb| line.trim_start().starts_with(verb))
    {
        rest = more;
    }
    rest.strip_prefix("error: ").unwrap_or(rest)
}

/// What evcxr gives as advice, a blank line and a replacement: on one line where it fits.
fn advice(help: &str) -> String {
    match help.split_once("\n\n") {
        Some((advice, replacement)) if !replacement.contains('\n') => format!("{advice}: `{}`", replacement.trim()),
        _ => help.to_owned(),
    }
}

fn diagnostic(error: &evcxr::CompilationError, code: &SourceMap) -> Diagnostic {
    let mut labels: Vec<Label> = error
        .spanned_messages()
        .iter()
        .filter_map(|message| {
            let span = message.span?;
            Some(Label {
                start: code.to_source((span.start_line, span.start_column)),
                end: code.to_source((span.end_line, span.end_column)),
                // A span without a label comes with the whole message again.
                text: if message.label == format!("{}: {}", error.level(), error.message()) {
                    String::new()
                } else {
                    without_places(&message.label)
                },
                primary: message.is_primary,
            })
        })
        .collect();
    if labels.is_empty() {
        labels.extend(around_value(&error.json, code));
    }
    let mut help: Vec<String> = error.help().iter().map(|help| without_places(&advice(help))).collect();
    let of_macro = |help: &String| help.starts_with("add `;` to interpret the expansion as a statement");
    if let Some(help) = help.iter_mut().find(|help| of_macro(help)) {
        ITEMS_OF_A_MACRO.clone_into(help);
    }
    help.extend(error.evcxr_extra_hint().map(str::to_owned));
    if labels.is_empty() {
        help.extend(in_a_file(&error.json));
    }
    Diagnostic {
        level: if error.level().is_empty() {
            "error".to_owned()
        } else {
            error.level().to_owned()
        },
        code: error.code().map(str::to_owned),
        message: without_places(without_progress(&error.message())),
        labels,
        help,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_of_the_compiler_is_told_apart() {
        let text = "Compilation failed, but no parsable errors were found. STDERR:\nerror: rustc interrupted by SIGSEGV, printing backtrace\n";
        assert_eq!(compiler_crash(text), Some("SIGSEGV"));
        assert_eq!(compiler_crash("cargo metadata failed"), None);
    }
}
