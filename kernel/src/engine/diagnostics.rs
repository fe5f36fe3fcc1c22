//! Errors as a person reads them: rustc's words, at the place in the user's own cell, and what a `?` returned.

use std::fmt::Write;

use pipulate::cell::Cell;
use pipulate::runtime::protocol::Failure;
use serde_json::Value;

use crate::cell_socket::cell_error;
use crate::outputs::CellError;
use crate::source_map::SourceMap;
use crate::worker::wire::ReturnedError;

/// One message of the compiler's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Diagnostic {
    /// `error` or `warning`.
    pub(super) level: String,
    /// Such as `E0308`.
    pub(super) code: Option<String>,
    pub(super) message: String,
    pub(super) labels: Vec<Label>,
    /// Help texts, without the word `help`.
    pub(super) help: Vec<String>,
}

/// Something said of a place. Lines and columns count from 1, columns are characters, the end is exclusive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) start: (usize, usize),
    pub(super) end: (usize, usize),
    pub(super) text: String,
    pub(super) primary: bool,
}

const BOLD: &str = "\u{1b}[1m";
const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[1;33m";
const BLUE: &str = "\u{1b}[1;34m";
const RESET: &str = "\u{1b}[0m";

/// One error for all that the compiler said of a cell.
pub(super) fn compile_error(diagnostics: &[Diagnostic], source: &str) -> CellError {
    if diagnostics.iter().all(|diagnostic| diagnostic.level == "warning") {
        return CellError::new("EngineError", "the compiler was stopped, or failed without saying why")
            .with_help("Run the cell again; `pipulate doctor` checks the compiler.");
    }
    // Warnings beside errors are for later: the errors come first, and only they stop the cell.
    let errors: Vec<&Diagnostic> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.level != "warning")
        .collect();
    let diagnostics = errors;
    let first = diagnostics.first();
    let evalue = match (first, diagnostics.len()) {
        (None, _) => "the cell does not compile".to_owned(),
        (Some(only), 1) => only.title(),
        (Some(first), count) => format!("{} (and {} more)", first.title(), count - 1),
    };
    let traceback = diagnostics.iter().map(|diagnostic| diagnostic.render(source)).collect();
    CellError {
        ename: "CompileError".to_owned(),
        evalue,
        traceback,
    }
}

/// What is wrong with a cell whose brackets, strings or comments lack their other end: what is put around it would go astray.
pub fn unbalanced_error(cell: &Cell<'_>) -> Option<CellError> {
    let found = cell.unbalanced()?;
    let place = |offset| line_and_column(cell.text(), offset);
    let labels = found.places.iter().enumerate().map(|(at, (span, text))| Label {
        start: place(span.start),
        end: place(span.end),
        text: (*text).to_owned(),
        primary: at == 0,
    });
    let diagnostic = Diagnostic {
        level: "error".to_owned(),
        message: found.message.clone(),
        labels: labels.collect(),
        ..Diagnostic::default()
    };
    Some(compile_error(&[diagnostic], cell.text()))
}

/// The place of an error about the cell's value as a whole. evcxr writes code of its own on the lines around it, and so the
/// compiler's place begins and ends outside of the cell.
pub(super) fn around_value(message: &Value, code: &SourceMap) -> Option<Label> {
    let spans = message["spans"].as_array()?;
    let span = spans.iter().find(|span| span["is_primary"] == true)?;
    let lines: Vec<&str> = span["text"]
        .as_array()?
        .iter()
        .filter_map(|line| line["text"].as_str())
        .collect();
    let [_, inner @ .., _] = lines.as_slice() else {
        return None;
    };
    let value = inner.join("\n");
    let value = value.trim();
    // The value is what a cell ends in.
    let start = code.lowered().rfind(value).filter(|_| !value.is_empty())?;
    Some(Label {
        start: code.to_source(line_and_column(code.lowered(), start)),
        end: code.to_source(line_and_column(code.lowered(), start + value.len())),
        text: span["label"].as_str().unwrap_or_default().to_owned(),
        primary: true,
    })
}

/// Where an error is that is in a file of the user's own, such as one of a dependency by path.
pub(super) fn in_a_file(message: &Value) -> Option<String> {
    let spans = message["spans"].as_array()?;
    let span = spans.iter().find(|span| span["is_primary"] == true)?;
    let file = span["file_name"]
        .as_str()
        .filter(|file| std::path::Path::new(file).is_absolute())?;
    Some(format!(
        "in {file}, line {}, column {}",
        span["line_start"], span["column_start"]
    ))
}

/// A message without places in the crate that is made of a cell, such as that of `{closure@src/lib.rs:166:1: 166:9}`.
pub(super) fn without_places(message: &str) -> String {
    let mut parts = message.split("@src/lib.rs:");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let place = part.len()
            - part
                .trim_start_matches(|digit: char| digit.is_ascii_digit() || ": ".contains(digit))
                .len();
        out.push_str(&part[place..]);
    }
    out
}

pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

/// The error that a `?` returned from a cell. One of the cell library's comes with its name and its help.
pub(super) fn returned_error(error: &ReturnedError) -> CellError {
    let (type_name, whole) = error.type_name.split_once('\t').unwrap_or((&error.type_name, ""));
    let message = error.message.trim_end();
    match library_failure(&whole.replace('\u{1}', "\n"), message) {
        Some(failure) => cell_error(failure),
        None => CellError::new(error_name(type_name), message).with_help("A `?` returned this error from the cell."),
    }
}

/// Reads `NAME: MESSAGE` and the help on the lines after it, where this is what an error that says `message` has to say in full.
fn library_failure(whole: &str, message: &str) -> Option<Failure> {
    let (name, rest) = whole.split_once(": ")?;
    let sources_and_help = rest.strip_prefix(message)?;
    let is_name = name.starts_with(char::is_uppercase) && name.chars().all(char::is_alphanumeric);
    let (sources, help) = match sources_and_help.split_once('\n') {
        Some((sources, help)) => (sources, Some(help.to_owned())),
        None => (sources_and_help, None),
    };
    is_name.then(|| Failure {
        name: name.to_owned(),
        message: format!("{message}{sources}"),
        help,
    })
}

/// A name for an error by its type: `ParseIntError` for `core::num::error::ParseIntError`, and `Error` where the type says
/// nothing, as a `String` or a box does.
fn error_name(type_name: &str) -> &str {
    let path = type_name.split('<').next().unwrap_or_default();
    let name = path.rsplit("::").next().unwrap_or_default();
    let says_something = name.starts_with(char::is_uppercase) && name != "String" && name != "Box";
    if says_something { name } else { "Error" }
}

impl Diagnostic {
    fn title(&self) -> String {
        match &self.code {
            Some(code) => format!("{} [{code}]", self.message),
            None => self.message.clone(),
        }
    }

    /// What rustc cannot know.
    fn help_of_ours(&self) -> Option<&'static str> {
        let is_question_mark = self.message.starts_with("`?` couldn't convert the error");
        (is_question_mark && self.message.contains("std::fmt::Display")).then_some(
            "a `?` of a cell shows its error by `Display`, or by `Debug` if all errors of the cell have that",
        )
    }

    /// As rustc would print it, without colours.
    pub(super) fn plain(&self, source: &str) -> String {
        let mut text = self.render(source);
        for colour in [BOLD, RED, YELLOW, BLUE, RESET] {
            text = text.replace(colour, "");
        }
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        lines.join("\n")
    }

    /// As rustc would print it, the cell's text in place of a file.
    fn render(&self, source: &str) -> String {
        let lines: Vec<&str> = source.lines().collect();
        let colour = if self.level == "warning" { YELLOW } else { RED };
        let code = self.code.as_ref().map(|code| format!("[{code}]")).unwrap_or_default();
        let mut out = format!("{colour}{}{code}{RESET}{BOLD}: {}{RESET}\n", self.level, self.message);
        let mut labels: Vec<&Label> = self
            .labels
            .iter()
            .filter(|label| (1..=lines.len()).contains(&label.start.0))
            .collect();
        labels.sort_by_key(|label| label.start);
        labels.dedup();
        let margin = labels
            .iter()
            .map(|label| label.start.0.to_string().len())
            .max()
            .unwrap_or(1);
        if let Some(place) = labels.iter().find(|label| label.primary).or_else(|| labels.first()) {
            let _ = writeln!(
                out,
                "{:margin$}{BLUE}-->{RESET} cell:{}:{}",
                "", place.start.0, place.start.1
            );
            let _ = writeln!(out, "{:margin$} {BLUE}|{RESET}", "");
        }
        let mut shown = 0;
        for label in &labels {
            let (line, column) = label.start;
            if line != shown {
                if shown != 0 && line > shown + 1 {
                    let _ = writeln!(out, "{BLUE}...{RESET}");
                }
                let _ = writeln!(out, "{BLUE}{line:>margin$} |{RESET} {}", lines[line - 1]);
                shown = line;
            }
            let (mark, colour) = if label.primary { ('^', colour) } else { ('-', BLUE) };
            let line_end = lines[line - 1].chars().count() + 1;
            let end = if label.end.0 == line { label.end.1 } else { line_end };
            let indent: String = indent(lines[line - 1], column);
            let marks: String = std::iter::repeat_n(mark, end.saturating_sub(column).max(1)).collect();
            let _ = writeln!(
                out,
                "{:margin$} {BLUE}|{RESET} {indent}{colour}{marks} {}{RESET}",
                "", label.text
            );
        }
        for help in self.help.iter().map(String::as_str).chain(self.help_of_ours()) {
            let help = help.replace('\n', &format!("\n{:margin$}   ", ""));
            let _ = writeln!(out, "{:margin$} {BLUE}={RESET} {BOLD}help{RESET}: {help}", "");
        }
        out.trim_end().to_owned()
    }
}

/// White space as wide as the text before a column: tabs stay tabs, so that the marks stand below what they mark.
fn indent(line: &str, column: usize) -> String {
    line.chars()
        .take(column.saturating_sub(1))
        .map(|character| if character == '\t' { '\t' } else { ' ' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closure_has_no_place_in_a_file_that_nobody_sees() {
        let message = "`{closure@src/lib.rs:166:1: 166:9}` doesn't fit `{async block@src/lib.rs:2:3: 4:5}` at a@b";
        assert_eq!(
            without_places(message),
            "`{closure}` doesn't fit `{async block}` at a@b"
        );
    }

    fn plain(text: &str) -> String {
        let mut out = String::new();
        let mut parts = text.split('\u{1b}');
        out.push_str(parts.next().unwrap());
        parts.for_each(|part| out.push_str(part.split_once('m').unwrap().1));
        out
    }

    #[test]
    fn an_error_stands_below_the_users_own_text() {
        let diagnostic = Diagnostic {
            level: "error".into(),
            code: Some("E0308".into()),
            message: "mismatched types".into(),
            labels: vec![
                Label {
                    start: (2, 14),
                    end: (2, 17),
                    text: "expected `i32`, found `&str`".into(),
                    primary: true,
                },
                Label {
                    start: (2, 8),
                    end: (2, 11),
                    text: "expected due to this".into(),
                    primary: false,
                },
            ],
            help: vec!["try this:\nlet z = 1;".into()],
        };
        let error = compile_error(&[diagnostic], "// é\nlet z: i32 = \"x\";\n");
        assert_eq!(error.evalue, "mismatched types [E0308]");
        let expected = "\
error[E0308]: mismatched types
 --> cell:2:14
  |
2 | let z: i32 = \"x\";
  |        --- expected due to this
  |              ^^^ expected `i32`, found `&str`
  = help: try this:
    let z = 1;";
        assert_eq!(plain(&error.traceback[0]), expected);
    }

    #[test]
    fn an_error_without_display_says_how_it_can_be_shown() {
        let error = |message: &str| {
            let diagnostic = Diagnostic {
                level: "error".into(),
                code: Some("E0277".into()),
                message: message.into(),
                ..Default::default()
            };
            compile_error(&[diagnostic], "").traceback[0].contains("by `Debug`")
        };
        assert!(error(
            "`?` couldn't convert the error: `E: std::fmt::Display` is not satisfied"
        ));
        assert!(!error("the trait bound `E: std::fmt::Display` is not satisfied"));
    }

    #[test]
    fn an_error_about_the_value_as_a_whole_stands_below_it() {
        let code = SourceMap::identity("let a = [1];\nlet é = 5; a[é]\n").with_prefix(":dep x\n");
        let message = serde_json::json!({ "spans": [{
            "is_primary": true,
            "label": "index out of bounds",
            "text": [{ "text": "show(&format!(\"{:?}\", &(" }, { "text": " a[é]" }, { "text": ")));" }],
        }] });
        let label = around_value(&message, &code).unwrap();
        assert_eq!((label.start, label.end), ((2, 12), (2, 16)));
        let diagnostic = Diagnostic {
            level: "error".into(),
            message: "this operation will panic at runtime".into(),
            labels: vec![label],
            ..Default::default()
        };
        let expected = "\
error: this operation will panic at runtime
 --> cell:2:12
  |
2 | let é = 5; a[é]
  |            ^^^^ index out of bounds";
        assert_eq!(
            plain(&compile_error(&[diagnostic], code.source()).traceback[0]),
            expected
        );
        let elsewhere =
            serde_json::json!({ "spans": [{ "is_primary": true, "text": [{ "text": "fn generated()" }] }] });
        assert_eq!(around_value(&elsewhere, &code), None);
    }

    #[track_caller]
    fn check_returned(type_name: &str, message: &str, expected: &[&str]) {
        let error = returned_error(&ReturnedError {
            type_name: type_name.to_owned(),
            message: message.to_owned(),
        });
        let lines: Vec<String> = error.traceback.iter().map(|line| plain(line)).collect();
        assert_eq!(lines, expected);
        assert_eq!(format!("{}: {}", error.ename, error.evalue), expected[0]);
    }

    #[test]
    fn an_error_is_named_by_its_type() {
        let returned = "A `?` returned this error from the cell.";
        for (type_name, name) in [
            ("core::num::error::ParseIntError", "ParseIntError"),
            ("alloc::boxed::Box<dyn core::error::Error>", "Error"),
            ("&str", "Error"),
            ("my::Failure<alloc::string::String>", "Failure"),
            ("anyhow::Error\tno: Why: none", "Error"),
            ("anyhow::Error\tno", "Error"),
        ] {
            check_returned(type_name, "no\n", &[&format!("{name}: no"), returned]);
        }
    }

    #[test]
    fn an_error_of_the_cell_library_names_itself_and_says_what_to_do() {
        let whole = "MissingStep: job `k` has no value\u{1}Set it first.\u{1}Or do not.";
        for type_name in ["pipulate::error::Error", "alloc::boxed::Box<dyn core::error::Error>"] {
            check_returned(
                &format!("{type_name}\t{whole}"),
                "job `k` has no value\n",
                &["MissingStep: job `k` has no value", "Set it first.", "Or do not."],
            );
        }
        check_returned(
            "pipulate::error::Error\tDecode: not a `u8`: because",
            "not a `u8`",
            &["Decode: not a `u8`: because"],
        );
    }

    #[test]
    fn places_outside_the_cell_are_left_out() {
        let label = Label {
            start: (9, 1),
            end: (9, 2),
            text: "there".into(),
            primary: true,
        };
        let diagnostic = Diagnostic {
            level: "error".into(),
            message: "no".into(),
            labels: vec![label],
            ..Default::default()
        };
        assert_eq!(plain(&compile_error(&[diagnostic], "x").traceback[0]), "error: no");
    }

    #[test]
    fn an_error_in_a_dependency_by_path_names_the_file() {
        let place = |file: &str| {
            in_a_file(&serde_json::json!({ "spans": [
                { "is_primary": false, "file_name": "/home/ada/other.rs", "line_start": 1, "column_start": 1 },
                { "is_primary": true, "file_name": file, "line_start": 12, "column_start": 5 },
            ] }))
        };
        let expected = "in /home/ada/shapes/src/lib.rs, line 12, column 5";
        assert_eq!(place("/home/ada/shapes/src/lib.rs").as_deref(), Some(expected));
        assert_eq!(place("src/lib.rs"), None);
    }
}
