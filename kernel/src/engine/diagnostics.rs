//! Compile errors as a person reads them: rustc's words, at the place in the user's own cell.

use std::fmt::Write;

use crate::outputs::CellError;

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

impl Diagnostic {
    fn title(&self) -> String {
        match &self.code {
            Some(code) => format!("{} [{code}]", self.message),
            None => self.message.clone(),
        }
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
        for help in &self.help {
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
}
