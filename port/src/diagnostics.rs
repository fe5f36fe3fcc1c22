//! What the compiler says of a generated crate, at the places of the notebook.
//!
//! `cargo build --message-format=json` writes one JSON object a line. [`Translator::translate`] reads such a line and shows a compiler's
//! message where the user wrote the code that it is about.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::notebook::CellPlace;
use crate::places::{LinePlace, LinePlaces};
use crate::text::{FileMap, line_and_column};

/// Shows the messages of one generated crate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Translator {
    /// The file name of the notebook.
    notebook: String,
    cells: Vec<CellSource>,
    files: BTreeMap<PathBuf, FileMap>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct CellSource {
    place: CellPlace,
    source: String,
}

/// A message of the compiler's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// `error`, `warning` and so on.
    pub level: String,
    /// The message's code, such as `E0308`.
    pub code: Option<String>,
    /// What is wrong.
    pub message: String,
    /// Where in the notebook; `None` where it is about none of its cells.
    pub place: Option<Place>,
    /// The message as a terminal shows it, with the cell's lines.
    pub rendered: String,
}

/// A place in a notebook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The cell.
    pub cell: CellPlace,
    /// The line within the cell, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

#[derive(Deserialize)]
struct Line {
    reason: String,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "message")]
    text: String,
    level: String,
    code: Option<Code>,
    #[serde(default)]
    spans: Vec<Span>,
    #[serde(default)]
    children: Vec<Message>,
    rendered: Option<String>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    byte_start: usize,
    byte_end: usize,
    is_primary: bool,
    label: Option<String>,
    suggested_replacement: Option<String>,
    expansion: Option<Box<Expansion>>,
}

#[derive(Deserialize)]
struct Expansion {
    span: Span,
}

/// What to do about a step's value that borrows from its cell.
const BORROWED_VALUE: &str = "a step's value is kept when its cell has ended, with all that the cell has bound: \
                              end the cell with a value of its own, as `.to_owned()` makes one";

/// A span of a message, in its cell.
struct Found<'a> {
    cell: &'a CellSource,
    span: Range<usize>,
    label: Option<&'a str>,
    is_primary: bool,
}

impl Translator {
    pub(crate) fn new(
        notebook: &str,
        cells: impl IntoIterator<Item = (CellPlace, String)>,
        files: BTreeMap<PathBuf, FileMap>,
    ) -> Self {
        Self {
            notebook: notebook.to_owned(),
            cells: cells
                .into_iter()
                .map(|(place, source)| CellSource { place, source })
                .collect(),
            files,
        }
    }

    /// Which line of the notebook each line of the generated files comes from.
    pub fn line_places(&self, files: &BTreeMap<PathBuf, String>) -> LinePlaces {
        let mapped = self
            .files
            .iter()
            .filter_map(|(path, map)| Some((path, map, files.get(path)?)));
        let places = mapped.map(|(path, map, text)| {
            let mut end = 0;
            let lines = text.split_inclusive('\n').map(|line| {
                let start = end + (line.len() - line.trim_start().len());
                end += line.len();
                let (cell, span) = map.to_cell(&(start..start.max(end)))?;
                let cell = self.cells.get(cell)?;
                Some(LinePlace {
                    cell: cell.place.number,
                    line: line_and_column(&cell.source, span.start).0,
                })
            });
            (path.clone(), lines.collect())
        });
        LinePlaces::new(places.collect())
    }

    /// A line of cargo's output as a message; `None` for a line that is none, and for the summary at the end.
    pub fn translate(&self, line: &str) -> Option<Diagnostic> {
        let line: Line = serde_json::from_str(line).ok()?;
        if line.reason != "compiler-message" {
            return None;
        }
        let message = line.message?;
        if message.spans.is_empty() && (message.text.starts_with("aborting due to") || counts_warnings(&message)) {
            return None;
        }
        let found = self.found(&message.spans);
        let code = message.code.as_ref().map(|code| code.code.clone());
        let primary = found.iter().find(|span| span.is_primary).or(found.first());
        let Some(primary) = primary else {
            return Some(Diagnostic {
                rendered: message.rendered.clone().unwrap_or_else(|| headline(&message)),
                level: message.level,
                code,
                message: message.text,
                place: None,
            });
        };
        let place = primary.place();
        let mut rendered = headline(&message);
        self.render(&mut rendered, &found);
        for child in &message.children {
            self.render_child(&mut rendered, child);
        }
        if self.is_borrowed_value(&message) {
            push_line(&mut rendered, &format!("  = help: {BORROWED_VALUE}"));
        }
        Some(Diagnostic {
            level: message.level,
            code,
            message: message.text,
            place: Some(place),
            rendered,
        })
    }

    /// Whether a step's value borrows from its cell: what it borrows ends where the generated function goes on behind the cell.
    fn is_borrowed_value(&self, message: &Message) -> bool {
        let code = message.code.as_ref().map(|code| code.code.as_str());
        code == Some("E0597")
            && message.spans.iter().any(|span| {
                let label = span.label.as_deref().unwrap_or_default();
                let ends = label.contains("dropped here");
                label.contains("opaque type requires") || ends && self.find(span).is_none()
            })
    }

    /// The spans that are about cells, the primary ones first.
    fn found<'a>(&'a self, spans: &'a [Span]) -> Vec<Found<'a>> {
        let mut found: Vec<Found<'a>> = spans.iter().filter_map(|span| self.find(span)).collect();
        found.sort_by_key(|span| !span.is_primary);
        found
    }

    /// A span in its cell; that of a macro's call where the span itself is in the macro.
    fn find<'a>(&'a self, span: &'a Span) -> Option<Found<'a>> {
        let mut at = span;
        loop {
            let map = self
                .files
                .iter()
                .find(|(file, _)| Path::new(&at.file_name).ends_with(file));
            let place = map.and_then(|(_, map)| map.to_cell(&(at.byte_start..at.byte_end)));
            if let Some((cell, bytes)) = place {
                return Some(Found {
                    cell: self.cells.get(cell)?,
                    span: bytes,
                    label: span.label.as_deref(),
                    is_primary: span.is_primary,
                });
            }
            at = &at.expansion.as_ref()?.span;
        }
    }

    fn render(&self, out: &mut String, found: &[Found<'_>]) {
        let margin = found.iter().map(|span| digits(span.last_line())).max().unwrap_or(1);
        let mut shown: Option<CellPlace> = None;
        let mut cells: Vec<&CellSource> = Vec::new();
        for span in found {
            if !cells.iter().any(|cell| cell.place == span.cell.place) {
                cells.push(span.cell);
            }
        }
        for cell in cells {
            let mut spans: Vec<&Found<'_>> = found.iter().filter(|span| span.cell.place == cell.place).collect();
            let place = spans[0].place();
            let arrow = if shown.is_none() { "-->" } else { ":::" };
            push_line(
                out,
                &format!(
                    "{}{arrow} {}, {}, line {}, column {}",
                    " ".repeat(margin),
                    self.notebook,
                    place.cell,
                    place.line,
                    place.column
                ),
            );
            shown = Some(cell.place);
            push_line(out, &format!("{} |", " ".repeat(margin)));
            spans.sort_by_key(|span| span.span.start);
            let mut last = None;
            for span in &spans {
                span.render(out, margin, &mut last);
            }
        }
        push_line(out, &format!("{} |", " ".repeat(margin)));
    }

    fn render_child(&self, out: &mut String, child: &Message) {
        push_line(out, &format!("  = {}: {}", child.level, indented(&child.text)));
        for span in &child.spans {
            let Some(found) = self.find(span) else { continue };
            let place = found.place();
            if let Some(with) = &span.suggested_replacement {
                let old = &found.cell.source[found.span.clone()];
                let what = match (old.trim(), with.trim()) {
                    ("", with) => format!("add `{with}`"),
                    (old, "") => format!("take `{old}` away"),
                    (old, with) => format!("write `{with}` instead of `{old}`"),
                };
                let at = format!("{}, line {}, column {}", place.cell, place.line, place.column);
                push_line(out, &format!("    {at}: {}", indented(&what)));
            } else {
                let mut last = None;
                let margin = digits(found.last_line());
                push_line(out, &format!("   {}, line {}:", place.cell, place.line));
                found.render(out, margin, &mut last);
            }
        }
    }
}

impl Found<'_> {
    fn place(&self) -> Place {
        let (line, column) = line_and_column(&self.cell.source, self.span.start);
        Place {
            cell: self.cell.place,
            line,
            column,
        }
    }

    fn last_line(&self) -> usize {
        line_and_column(&self.cell.source, self.span.end).0
    }

    /// The line, and marks below the span. `last` is the line that stands there already.
    fn render(&self, out: &mut String, margin: usize, last: &mut Option<usize>) {
        let (line, column) = line_and_column(&self.cell.source, self.span.start);
        let text = self.cell.source.lines().nth(line - 1).unwrap_or("");
        if *last != Some(line) {
            if last.is_some_and(|last| last + 1 < line) {
                push_line(out, "...");
            }
            push_line(out, &format!("{line:margin$} | {}", text.replace('\t', "    ")));
            *last = Some(line);
        }
        let before: String = text.chars().take(column - 1).collect();
        let marked = self.cell.source[self.span.clone()].lines().next().unwrap_or("");
        let length = marked.replace('\t', "    ").chars().count().max(1);
        let mark = if self.is_primary { "^" } else { "-" };
        let label = self
            .label
            .map(|label| format!(" {}", indented(label)))
            .unwrap_or_default();
        push_line(
            out,
            &format!(
                "{} | {}{}{label}",
                " ".repeat(margin),
                " ".repeat(before.replace('\t', "    ").chars().count()),
                mark.repeat(length)
            ),
        );
    }
}

/// `error[E0308]: mismatched types`.
fn headline(message: &Message) -> String {
    let code = message
        .code
        .as_ref()
        .map(|code| format!("[{}]", code.code))
        .unwrap_or_default();
    format!("{}{code}: {}\n", message.level, message.text)
}

/// `3 warnings emitted`.
fn counts_warnings(message: &Message) -> bool {
    message.text.ends_with(" emitted")
}

fn push_line(out: &mut String, line: &str) {
    writeln!(out, "{}", line.trim_end()).expect("a string takes all text");
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}

fn digits(number: usize) -> usize {
    number.to_string().len()
}
