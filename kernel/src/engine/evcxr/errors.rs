//! evcxr's errors as the user is shown them.

use std::path::Path;
use std::time::SystemTime;

use serde_json::Value;

use super::compiler::{has_standard_library_source, obstacle};
use super::warnings;
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
    // Then whatever was tried first has failed, for reasons that say little.
    if let Some(obstacle) = obstacle() {
        return CellError::new("EngineError", format!("Rust cells cannot run: {obstacle}"))
            .with_help("https://rustup.rs installs Rust; where rustup is there, `rustup default stable` does. Then restart the kernel.");
    }
    CellError::new(
        "EngineError",
        format!("Rust cells cannot run: {}", error.to_string().trim_end()),
    )
    .with_help("`pipulate doctor` checks the compiler, the linker and the standard library's source.")
}

pub(super) fn evaluation_error(error: &evcxr::Error, code: &SourceMap) -> CellError {
    match error {
        evcxr::Error::CompilationErrors(errors) => {
            // What cargo says when it cannot even begin.
            let said: Vec<String> = errors.iter().map(evcxr::CompilationError::message).collect();
            let points_at_code = |error: &evcxr::CompilationError| {
                let spans = error.json["spans"].as_array();
                spans.is_some_and(|spans| !spans.is_empty())
            };
            if !said.is_empty()
                && !errors.iter().any(points_at_code)
                && let Some(error) = outside_the_cell(&said.join("\n"))
            {
                return error;
            }
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
            if let Some(error) = outside_the_cell(text) {
                return error;
            }
            let text = text.strip_prefix(NOTHING_TO_PARSE).unwrap_or(text).trim();
            let first = first_error(text);
            let mut error = CellError::new("EngineError", first);
            for line in text
                .lines()
                .filter(|line| line.trim_start_matches("error: ").trim() != first)
            {
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

/// What evcxr says before all that cargo said, where no error among it is about code.
const NOTHING_TO_PARSE: &str = "Compilation failed, but no parsable errors were found. STDERR:";

/// The line that says what went wrong.
fn first_error(text: &str) -> &str {
    let errors = text.lines().find_map(|line| line.strip_prefix("error: "));
    let what = errors.or_else(|| text.lines().next()).unwrap_or_default().trim();
    if what.is_empty() { "the cell cannot run" } else { what }
}

/// What keeps a cell from being compiled and is no fault of its code: there is no room, or somebody has killed the compiler.
fn outside_the_cell(text: &str) -> Option<CellError> {
    if text.contains("No space left on device") || text.contains("(os error 28)") {
        let place = std::env::temp_dir();
        let help = format!(
            "Cells are compiled in {}. Make room and run the cell again. Every variable is as it was.",
            place.display()
        );
        return Some(CellError::new("Full", "there is no room left to compile the cell").with_help(help));
    }
    let is_compiler = ["(exit status: 137)", "(signal: 9, SIGKILL"]
        .iter()
        .any(|how| text.contains(how));
    // cargo, killed, has said nothing.
    let who = if is_compiler { "the compiler" } else { "cargo" };
    (is_compiler || text.trim().is_empty()).then(|| {
        CellError::new("CompilerKilled", format!("{who} was killed while it compiled the cell"))
            .with_help("The system does that when memory is short. Run the cell again. Every variable is as it was.")
    })
}

/// The signal that ended the compiler, where that is what it says.
fn compiler_crash(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("rustc interrupted by ")?;
    after.split([',', '\n']).next()
}

/// What to do where a value that is kept borrows from its cell (E0597, for which alone evcxr has a hint).
const BORROWED: &str = "What a cell keeps, a variable or a step's value, cannot borrow from the cell, unless it is 'static: make it a value of \
                        its own, for example by `.to_owned()` or `.clone()`.";
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
    // evcxr knows of variables alone.
    help.extend(error.evcxr_extra_hint().map(|_| BORROWED.to_owned()));
    if labels.is_empty() {
        help.extend(in_a_file(&error.json));
        help.extend(linker_says(&error.json));
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

/// What the linker said, where it could not put the cell together, without how it was called.
fn linker_says(message: &Value) -> Vec<String> {
    if !message["message"]
        .as_str()
        .is_some_and(|text| text.starts_with("linking with "))
    {
        return Vec::new();
    }
    let notes = message["children"].as_array().into_iter().flatten();
    let texts = notes.filter_map(|note| note["message"].as_str()).map(str::trim);
    let said = texts.filter(|text| !text.starts_with('"') && !text.starts_with("some arguments are omitted"));
    said.flat_map(str::lines)
        .filter(|line| !line.starts_with("collect2:"))
        .map(str::to_owned)
        .collect()
}

/// The error of a cell of which evcxr gives warnings alone. It takes those of dependencies by path for the user's own, and then leaves out
/// what is not in the user's code. What the compiler said of the crate as a whole is in its folder, if it came to that.
pub(super) fn left_out(folder: &Path, begun: SystemTime, code: &SourceMap) -> Option<CellError> {
    let file = folder.join(warnings::FILE);
    let is_of_this = |modified: SystemTime| modified >= begun;
    if !std::fs::metadata(&file)
        .and_then(|data| data.modified())
        .is_ok_and(is_of_this)
    {
        let error = CellError::new(
            "EngineError",
            "the type of a variable of this cell cannot be determined",
        );
        return Some(error.with_help("Give it an explicit type."));
    }
    let messages = std::fs::read_to_string(&file).ok()?;
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let diagnostics: Vec<Diagnostic> = messages
        .filter(|message| message["level"] == "error")
        .filter_map(|message| {
            let text = message["message"]
                .as_str()
                .filter(|text| !text.starts_with("aborting due to"))?;
            Some(Diagnostic {
                level: "error".to_owned(),
                message: without_places(text),
                help: linker_says(&message),
                ..Diagnostic::default()
            })
        })
        .collect();
    (!diagnostics.is_empty()).then(|| compile_error(&diagnostics, code.source()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_fault_of_the_cell_is_told_apart() {
        let name = |text: &str| outside_the_cell(text).map(|error| (error.ename, error.evalue));
        let full = "rustc-LLVM ERROR: IO failure on output stream: No space left on device\nerror: could not compile `ctx` (lib)";
        assert_eq!(name(full).unwrap().0, "Full");
        let (ename, evalue) = name("process didn't exit successfully: `rustc` (exit status: 137)").unwrap();
        assert_eq!(
            (ename.as_str(), evalue.as_str()),
            ("CompilerKilled", "the compiler was killed while it compiled the cell")
        );
        assert_eq!(name("\n").unwrap().1, "cargo was killed while it compiled the cell");
        assert_eq!(name("error: no matching package named `nothing` found"), None);
    }

    #[test]
    fn of_what_cargo_said_the_error_comes_first() {
        assert_eq!(
            first_error("   Compiling a v1.0.0\nerror: the crate is there twice\nmore"),
            "the crate is there twice"
        );
        assert_eq!(first_error("Couldn't do it\nmore"), "Couldn't do it");
        assert_eq!(first_error(" \n"), "the cell cannot run");
    }

    #[test]
    fn a_crash_of_the_compiler_is_told_apart() {
        let text = "Compilation failed, but no parsable errors were found. STDERR:\nerror: rustc interrupted by SIGSEGV, printing backtrace\n";
        assert_eq!(compiler_crash(text), Some("SIGSEGV"));
        assert_eq!(compiler_crash("cargo metadata failed"), None);
    }
}
