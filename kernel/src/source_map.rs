//! Where the pieces of lowered code come from in the user's cell.

use std::ops::Range;

/// Maps places in lowered code to places in the cell it was lowered from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceMap {
    source: String,
    lowered: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    lowered: Range<usize>,
    source: Range<usize>,
}

/// Builds lowered code piece by piece, and its map.
#[derive(Debug)]
pub struct Builder<'a> {
    source: &'a str,
    lowered: String,
    pieces: Vec<Piece>,
}

impl SourceMap {
    /// The map of code that was not changed.
    pub fn identity(source: &str) -> Self {
        let mut builder = Builder::new(source);
        builder.keep(0..source.len());
        builder.finish()
    }

    /// The code that is compiled.
    pub fn lowered(&self) -> &str {
        &self.lowered
    }

    /// The user's cell.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// A line and column (from 1, in characters) of the lowered code, as those of the cell. A place in text that the user
    /// did not write becomes the beginning of what it was made from.
    pub fn to_source(&self, (line, column): (usize, usize)) -> (usize, usize) {
        position(&self.source, self.source_offset(offset(&self.lowered, line, column)))
    }

    /// A byte offset of the cell in the lowered code.
    pub fn to_lowered(&self, source: usize) -> usize {
        let kept = |piece: &&Piece| piece.lowered.len() == piece.source.len() && !piece.source.is_empty();
        let piece = self
            .pieces
            .iter()
            .filter(kept)
            .rev()
            .find(|piece| piece.source.start <= source && source <= piece.source.end)
            .or_else(|| self.pieces.iter().rev().find(|piece| piece.source.start <= source));
        piece.map_or(0, |piece| {
            (piece.lowered.start + (source - piece.source.start)).min(piece.lowered.end)
        })
    }

    /// A byte offset of the lowered code in the cell.
    pub fn offset_in_source(&self, lowered: usize) -> usize {
        self.source_offset(lowered)
    }

    /// The same code after text that the user did not write.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.lowered.insert_str(0, prefix);
        for piece in &mut self.pieces {
            piece.lowered = piece.lowered.start + prefix.len()..piece.lowered.end + prefix.len();
        }
        self
    }

    fn source_offset(&self, lowered: usize) -> usize {
        let piece = self.pieces.iter().rev().find(|piece| piece.lowered.start <= lowered);
        let Some(piece) = piece else { return 0 };
        let is_kept = piece.lowered.len() == piece.source.len();
        if is_kept {
            (piece.source.start + (lowered - piece.lowered.start)).min(self.source.len())
        } else if lowered >= piece.lowered.end {
            piece.source.end
        } else {
            piece.source.start
        }
    }
}

impl<'a> Builder<'a> {
    /// Nothing yet of this cell.
    pub fn new(source: &'a str) -> Self {
        Self {
            source,
            lowered: String::with_capacity(source.len()),
            pieces: Vec::new(),
        }
    }

    /// Appends a part of the cell as it stands.
    pub fn keep(&mut self, span: Range<usize>) {
        let start = self.lowered.len();
        if span.is_empty() {
            return;
        }
        self.lowered.push_str(&self.source[span.clone()]);
        self.pieces.push(Piece {
            lowered: start..self.lowered.len(),
            source: span,
        });
    }

    /// Appends generated text in place of a part of the cell.
    pub fn replace(&mut self, span: Range<usize>, with: &str) {
        let start = self.lowered.len();
        self.lowered.push_str(with);
        if !with.is_empty() {
            self.pieces.push(Piece {
                lowered: start..self.lowered.len(),
                source: span,
            });
        }
    }

    /// The code as it stands.
    pub fn finish(self) -> SourceMap {
        SourceMap {
            source: self.source.to_owned(),
            lowered: self.lowered,
            pieces: self.pieces,
        }
    }
}

/// The byte offset of a line and column, both from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let within: usize = text[start..]
        .chars()
        .take(column.saturating_sub(1))
        .map(char::len_utf8)
        .sum();
    start + within
}

/// The line and column, both from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (line, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_again() {
        let source = "let é = 1;\n%pip_set a = b + c\nd";
        let mut builder = Builder::new(source);
        builder.replace(0..0, "bind!(); ");
        let magic = source.find('%').unwrap();
        builder.keep(0..magic);
        let value = source.find("b + c").unwrap();
        builder.replace(magic..value, "set(\"a\", &(");
        builder.keep(value..value + 5);
        builder.replace(value..value + 5, "));");
        builder.keep(value + 5..source.len());
        let map = builder.finish();
        assert_eq!(map.lowered(), "bind!(); let é = 1;\nset(\"a\", &(b + c));\nd");
        assert_eq!(map.to_source((1, 14)), (1, 5));
        assert_eq!(map.to_source((2, 12)), (2, 14));
        assert_eq!(map.to_source((2, 16)), (2, 18));
        assert_eq!(map.to_source((2, 1)), (2, 1));
        assert_eq!(map.to_source((3, 1)), (3, 1));
        assert_eq!(map.to_source((1, 3)), (1, 1));
        assert_eq!(map.to_lowered(0), 9);
        assert_eq!(map.to_lowered(value + 2), map.lowered().find("+ c").unwrap());
        let prefixed = map.with_prefix(":dep x\n");
        assert_eq!(prefixed.to_source((3, 16)), (2, 18));
        assert_eq!(prefixed.to_lowered(0), 16);
    }

    #[test]
    fn any_place_is_safe() {
        let map = SourceMap::identity("é\n");
        assert_eq!(map.to_source((9, 9)), (2, 1));
        assert_eq!(SourceMap::default().to_source((3, 3)), (1, 1));
    }
}
