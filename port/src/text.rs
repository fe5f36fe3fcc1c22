//! Generated text, and which part of which cell each piece of it comes from.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Text that was made from a cell, with the way back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CellText {
    text: String,
    pieces: Vec<Piece>,
}

/// A file that was made from many cells, with the way back.
#[cfg(feature = "notebook")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileText {
    text: String,
    pieces: Vec<FilePiece>,
}

/// Where a piece of text comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Where it stands in the generated text, in bytes.
    pub generated: Range<usize>,
    /// What it was made from, in bytes of the cell.
    pub source: Range<usize>,
    /// Whether it stands as it is in the cell.
    pub is_kept: bool,
}

/// Where a piece of a file comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePiece {
    /// The cell's index in the notebook, from 0.
    pub cell: usize,
    /// The piece.
    pub piece: Piece,
}

/// The way from a generated file back to the notebook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMap {
    pieces: Vec<FilePiece>,
}

impl CellText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it is made of, in order; text that comes from no place of the cell is in no piece.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Whether the text ends a line, or is empty.
    pub(crate) fn ends_line(&self) -> bool {
        self.text.is_empty() || self.text.ends_with('\n')
    }

    /// Appends text that comes from no place of the cell.
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Appends a part of the cell as it stands.
    pub(crate) fn keep(&mut self, source: &str, span: Range<usize>) {
        if span.is_empty() {
            return;
        }
        let start = self.text.len();
        self.text.push_str(&source[span.clone()]);
        self.pieces.push(Piece {
            generated: start..self.text.len(),
            source: span,
            is_kept: true,
        });
    }

    /// Appends text in place of a part of the cell.
    pub(crate) fn replace(&mut self, span: Range<usize>, with: &str) {
        if with.is_empty() {
            return;
        }
        let start = self.text.len();
        self.text.push_str(with);
        self.pieces.push(Piece {
            generated: start..self.text.len(),
            source: span,
            is_kept: false,
        });
    }
}

#[cfg(feature = "notebook")]
impl FileText {
    /// Appends text that comes from no cell.
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Appends what was made from a cell.
    pub(crate) fn append(&mut self, cell: usize, made: &CellText) {
        let start = self.text.len();
        self.text.push_str(&made.text);
        self.pieces.extend(made.pieces.iter().map(|piece| FilePiece {
            cell,
            piece: Piece {
                generated: start + piece.generated.start..start + piece.generated.end,
                ..piece.clone()
            },
        }));
    }

    /// The text, and the way back.
    pub(crate) fn finish(self) -> (String, FileMap) {
        (self.text, FileMap { pieces: self.pieces })
    }
}

impl FileMap {
    /// What the file is made of, in order.
    pub fn pieces(&self) -> &[FilePiece] {
        &self.pieces
    }

    /// The cell, as its index, and the bytes of it that a part of the file comes from. `None` where no part of any cell does. A part that
    /// was made from something else becomes all of that.
    pub fn to_cell(&self, generated: &Range<usize>) -> Option<(usize, Range<usize>)> {
        let touches = |piece: &&FilePiece| {
            let own = &piece.piece.generated;
            own.start <= generated.start && generated.start <= own.end
        };
        // What begins here counts before what ends here.
        let found = self.pieces.iter().rev().find(touches).or_else(|| {
            self.pieces
                .iter()
                .find(|piece| overlaps(&piece.piece.generated, generated))
        })?;
        let own = &found.piece;
        if !own.is_kept {
            return Some((found.cell, own.source.clone()));
        }
        let within = |offset: usize| {
            let clamped = offset.clamp(own.generated.start, own.generated.end);
            own.source.start + (clamped - own.generated.start)
        };
        let start = within(generated.start);
        Some((found.cell, start..within(generated.end).max(start)))
    }
}

fn overlaps(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// The line and column of a byte offset, both from 1; columns count characters.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

/// A Rust string literal on one line.
pub(crate) fn literal(text: &str) -> String {
    format!("{text:?}")
}

/// A raw string literal, so that what it holds reads as it was written. `text` has no carriage return.
pub(crate) fn raw_literal(text: &str) -> String {
    let mut hashes = "#".to_owned();
    while text.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    format!("r{hashes}\"{text}\"{hashes}")
}

#[cfg(all(test, feature = "notebook"))]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_again() {
        let source = "let é = 1;\n%pip_set a = b + c\nd";
        let magic = source.find('%').unwrap();
        let value = source.find("b + c").unwrap();
        let mut made = CellText::default();
        made.push("    // made\n");
        made.keep(source, 0..magic);
        made.replace(magic..value, "job.set(\"a\", &(");
        made.keep(source, value..value + 5);
        made.replace(value..value + 5, "))?;");
        made.keep(source, value + 5..source.len());
        let mut file = FileText::default();
        file.push("fn f() {\n");
        file.append(4, &made);
        file.push("\n}\n");
        let (text, map) = file.finish();
        let check = |generated: &str, expected: Option<&str>| {
            let start = text.find(generated).unwrap();
            let found = map.to_cell(&(start..start + generated.len()));
            let found = found.map(|(cell, span)| {
                assert_eq!(cell, 4);
                &source[span]
            });
            assert_eq!(found, expected, "{generated}");
        };
        check("é = 1", Some("é = 1"));
        check("b + c", Some("b + c"));
        check("+ c))?", Some("+ c"));
        check("job.set", Some("%pip_set a = "));
        check("d\n}", Some("d"));
        check("fn f", None);
    }

    #[test]
    fn lines_and_columns_count_characters() {
        assert_eq!(line_and_column("é\nab", 3), (2, 1));
        assert_eq!(line_and_column("éa", 2), (1, 2));
        assert_eq!(line_and_column("é", 1), (1, 1));
        assert_eq!(line_and_column("", 9), (1, 1));
    }

    #[test]
    fn raw_literals_hold_anything() {
        assert_eq!(raw_literal("a\"#b"), "r##\"a\"#b\"##");
    }
}
