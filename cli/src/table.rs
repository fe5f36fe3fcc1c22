//! Aligned columns for people to read.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::terminal;

/// Between two columns.
const GAP: usize = 2;
/// The last column keeps this much, however narrow the terminal.
const NARROWEST: usize = 10;

/// Rows under a header; the last column takes what the terminal has left.
pub(crate) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table with this header.
    pub(crate) fn new(header: [&str; COLUMNS]) -> Self {
        Self {
            rows: vec![header.map(str::to_owned)],
        }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells);
    }

    /// Writes all rows: cut to the terminal's width where there is one, whole where the reader is a program.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write_within(out, terminal::stdout_columns())
    }

    fn write_within(&self, out: &mut dyn Write, columns: Option<usize>) -> io::Result<()> {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| row.each_ref().map(|cell| terminal::one_line(cell, usize::MAX - 1)))
            .collect();
        let mut widths = [0; COLUMNS];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let before_last: usize = widths
            .iter()
            .take(COLUMNS.saturating_sub(1))
            .map(|width| width + GAP)
            .sum();
        let last = columns.map_or(usize::MAX - 1, |columns| {
            columns.saturating_sub(before_last).max(NARROWEST)
        });
        for row in &rows {
            let mut line = String::new();
            for (index, cell) in row.iter().enumerate() {
                if index + 1 == COLUMNS {
                    line.push_str(&terminal::one_line(cell, last));
                } else {
                    line.push_str(cell);
                    line.extend(std::iter::repeat_n(' ', widths[index] - cell.width() + GAP));
                }
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(columns: Option<usize>) -> String {
        let mut table = Table::new(["STEP", "VALUE"]);
        table.row(["name".to_owned(), "\"Ada, Countess of Lovelace\"".to_owned()]);
        table.row(["国".to_owned(), "1".to_owned()]);
        let mut out = Vec::new();
        table.write_within(&mut out, columns).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_aligned_and_the_last_one_is_cut() {
        assert_eq!(
            written(None),
            "STEP  VALUE\nname  \"Ada, Countess of Lovelace\"\n国    1\n"
        );
        assert_eq!(written(Some(20)), "STEP  VALUE\nname  \"Ada, Countes…\n国    1\n");
        assert_eq!(written(Some(3)), "STEP  VALUE\nname  \"Ada, Cou…\n国    1\n");
    }
}
