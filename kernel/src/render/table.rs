//! Tables, as text in columns and as HTML.

use super::html::Html;
use super::text::{count, one_line, width};

/// How wide one cell of a table may be as text.
const TEXT_COLUMNS: usize = 48;
/// How wide it may be in the last column, which pushes nothing aside.
const LAST_TEXT_COLUMNS: usize = 100;
/// How wide one cell of a table may be in HTML.
const HTML_COLUMNS: usize = 240;
/// How many rows are shown.
const ROWS: usize = 200;

/// Rows under titles. Rows beyond a limit are counted, not shown.
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Entry>>,
    left_out: usize,
    notes: Vec<String>,
}

#[derive(Clone, Debug)]
struct Column {
    title: String,
    is_number: bool,
}

/// What stands in one place of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    text: String,
    style: Style,
}

/// How an entry looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Style {
    /// Like any text.
    #[default]
    Plain,
    /// Text that a program made or reads.
    Code,
    /// Of less weight.
    Faint,
}

impl Entry {
    /// Text that a program made or reads: a value, a type.
    pub fn code(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            style: Style::Code,
        }
    }

    /// Text of less weight.
    pub fn faint(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            style: Style::Faint,
        }
    }
}

impl<T: Into<String>> From<T> for Entry {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            style: Style::Plain,
        }
    }
}

impl Table {
    /// A table without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column of text.
    #[must_use]
    pub fn column(mut self, title: impl Into<String>) -> Self {
        self.columns.push(Column {
            title: title.into(),
            is_number: false,
        });
        self
    }

    /// Adds a column of numbers, which stand at its right.
    #[must_use]
    pub fn number(mut self, title: impl Into<String>) -> Self {
        self.columns.push(Column {
            title: title.into(),
            is_number: true,
        });
        self
    }

    /// Adds a row: an entry for each column.
    pub fn row(&mut self, entries: impl IntoIterator<Item = Entry>) {
        if self.rows.len() < ROWS {
            self.rows.push(entries.into_iter().collect());
        } else {
            self.left_out += 1;
        }
    }

    /// Counts rows that were not given.
    pub fn leave_out(&mut self, rows: usize) {
        self.left_out += rows;
    }

    /// Adds a line below the table.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// The titles of its columns.
    pub fn titles(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.title.as_str())
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text.
    pub fn to_text(&self) -> String {
        let cell = |(column, text): (usize, &str)| {
            let is_last = column + 1 == self.columns.len();
            one_line(text, if is_last { LAST_TEXT_COLUMNS } else { TEXT_COLUMNS })
        };
        let line = |row: &Vec<Entry>| {
            row.iter()
                .map(|entry| entry.text.as_str())
                .enumerate()
                .map(cell)
                .collect()
        };
        let rows: Vec<Vec<String>> = self.rows.iter().map(line).collect();
        let titles: Vec<String> = self.titles().enumerate().map(cell).collect();
        let widths: Vec<usize> = (0..titles.len())
            .map(|column| {
                rows.iter()
                    .chain([&titles])
                    .filter_map(|row| row.get(column))
                    .map(|text| width(text))
                    .max()
            })
            .map(Option::unwrap_or_default)
            .collect();
        let mut lines = Vec::new();
        if titles.iter().any(|title| !title.is_empty()) {
            lines.push(self.line(&titles, &widths));
            lines.push(
                widths
                    .iter()
                    .map(|width| "─".repeat(*width))
                    .collect::<Vec<_>>()
                    .join("  "),
            );
        }
        lines.extend(rows.iter().map(|row| self.line(row, &widths)));
        lines.extend(self.footer());
        lines.join("\n")
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let padded = row
            .iter()
            .zip(&self.columns)
            .zip(widths)
            .map(|((text, column), columns)| {
                let space = " ".repeat(columns.saturating_sub(width(text)));
                if column.is_number {
                    format!("{space}{text}")
                } else {
                    format!("{text}{space}")
                }
            });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    }

    fn footer(&self) -> impl Iterator<Item = String> {
        let left_out = (self.left_out > 0).then(|| format!("… {}", count(self.left_out, "more row")));
        left_out.into_iter().chain(self.notes.iter().cloned())
    }

    /// Writes the table as HTML.
    pub fn write_html(&self, html: &mut Html) {
        html.element("table", &[("style", "text-align: left; color: inherit")], |html| {
            if self.columns.iter().any(|column| !column.title.is_empty()) {
                html.element("thead", &[], |html| {
                    html.element("tr", &[], |html| {
                        for column in &self.columns {
                            html.leaf("th", &[("style", alignment(column))], &column.title);
                        }
                    });
                });
            }
            html.line_end().element("tbody", &[], |html| {
                for row in &self.rows {
                    html.element("tr", &[], |html| {
                        for (entry, column) in row.iter().zip(&self.columns) {
                            html.element("td", &[("style", alignment(column))], |html| entry.write_html(html));
                        }
                    });
                    html.line_end();
                }
            });
        });
        for note in self.footer() {
            html.line_end().leaf("div", &[("style", "opacity: 0.7")], &note);
        }
    }

    /// The table as HTML.
    pub fn to_html(&self) -> Html {
        let mut html = Html::new();
        self.write_html(&mut html);
        html
    }
}

impl Entry {
    fn write_html(&self, html: &mut Html) {
        let text = one_line(&self.text, HTML_COLUMNS);
        match self.style {
            Style::Plain => html.text(&text),
            // No background: the notebook's own for code does not fit its striped rows.
            Style::Code => html.leaf(
                "code",
                &[("style", "background: none; color: inherit; padding: 0")],
                &text,
            ),
            Style::Faint => html.leaf("span", &[("style", "opacity: 0.6")], &text),
        };
    }
}

fn alignment(column: &Column) -> &'static str {
    if column.is_number {
        "text-align: right"
    } else {
        "text-align: left"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let mut table = Table::new().column("Key").number("Steps").column("Note");
        table.row(["日本".into(), "7".into(), Entry::faint("")]);
        table.row(["a".into(), "12,000".into(), "two\nlines".into()]);
        table.note("* the current job");
        assert_eq!(
            table.to_text(),
            "Key    Steps  Note\n────  ──────  ──────────\n日本       7\na     12,000  two\\nlines\n* the current job"
        );
    }

    #[test]
    fn rows_beyond_the_limit_are_counted() {
        let mut table = Table::new().number("N");
        (0..ROWS + 34).for_each(|row| table.row([row.to_string().into()]));
        assert!(table.to_text().ends_with("199\n… 34 more rows"));
        let html = table.to_html().into_string();
        assert_eq!(html.matches("<tr>").count(), ROWS + 1);
        assert!(html.contains("… 34 more rows"));
    }

    #[test]
    fn every_place_is_escaped() {
        let evil = "<script>alert(1)</script>";
        let mut table = Table::new().column(evil).number(evil);
        table.row([evil.into(), Entry::code(evil)]);
        table.row([Entry::faint(evil), evil.into()]);
        table.note(evil);
        let html = table.to_html().into_string();
        assert!(!html.contains("<script"));
        assert_eq!(html.matches("&lt;script&gt;").count(), 7);
    }
}
