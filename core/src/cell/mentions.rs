//! Which names a cell's Rust uses.

use std::ops::Range;

use super::captures::{captured_names, literal_value};
use super::lexer::{Captures, Token, TokenKind, is_keyword, is_word_part, tokens};
use super::{Cell, SegmentKind, parse};

/// Whether the Rust of a cell uses `identifier`; see [`Cell::mentions`].
pub fn mentions(text: &str, identifier: &str) -> bool {
    parse(text).mentions(identifier)
}

/// Whether the Rust of a cell awaits anything, in a function or block of its own too.
pub fn awaits(text: &str) -> bool {
    let cell = parse(text);
    cell.rust_spans().any(|span| {
        let mut before = "";
        tokens(text, span.start, span.end)
            .filter(|token| token.is_significant())
            .any(|token| {
                let found = before == "." && token.text(text) == "await";
                before = token.text(text);
                found
            })
    })
}

/// Whether the Rust of a cell names a crate: by itself, or as the beginning of a path, also of one that begins with `::`.
pub fn names_crate(text: &str, name: &str) -> bool {
    let cell = parse(text);
    cell.rust_spans().any(|span| {
        let mut before = ["", ""];
        tokens(text, span.start, span.end)
            .filter(|token| token.is_significant())
            .any(|token| {
                let written = token.text(text);
                let is_continued = |word: &str| {
                    word.ends_with(is_word_part)
                        && (!is_keyword(word) || matches!(word, "crate" | "self" | "Self" | "super"))
                };
                let begins = before[0] != "." && !(before[0] == "::" && is_continued(before[1]));
                let found = written == name && begins;
                before = [written, before[0]];
                found
            })
    })
}

impl Cell<'_> {
    /// Whether the cell's Rust, the values of its magics included, uses `identifier` as a name of its own: not as a field,
    /// method or path's later part (after `.` or `::`), a macro's name, or in a string or comment. What a string in a macro call
    /// captures counts: `format!("{customer:?}")` uses `customer`.
    ///
    /// This looks at tokens, not at scopes: a binding of that name counts as a use, and so does a field in a struct's literal.
    pub fn mentions(&self, identifier: &str) -> bool {
        self.rust_spans()
            .any(|span| spans_mention(self.text, &span, identifier))
    }

    /// Every span of the cell that is Rust: segments, patterns and types of a `let`, values of magics.
    fn rust_spans(&self) -> impl Iterator<Item = Range<usize>> {
        self.segments.iter().flat_map(|segment| match &segment.kind {
            SegmentKind::Rust => vec![segment.span.clone()],
            SegmentKind::LineMagic(call) => call.value.iter().cloned().collect(),
            SegmentKind::LetMagic(binding) => {
                [Some(&binding.pattern), binding.ty.as_ref(), binding.call.value.as_ref()]
                    .into_iter()
                    .flatten()
                    .cloned()
                    .collect()
            }
            _ => Vec::new(),
        })
    }
}

fn spans_mention(text: &str, span: &Range<usize>, identifier: &str) -> bool {
    let mut significant = tokens(text, span.start, span.end)
        .filter(|token| token.is_significant())
        .peekable();
    let mut previous: [Option<Token>; 2] = [None, None];
    // For each open bracket, whether it is a macro call's or stands in one.
    let mut in_macro: Vec<bool> = Vec::new();
    while let Some(token) = significant.next() {
        let written = token.text(text);
        let before = previous[0].map_or("", |token| token.text(text));
        match token.kind {
            TokenKind::Word if written.strip_prefix("r#").unwrap_or(written) == identifier => {
                let is_macro_name = significant.peek().is_some_and(|next| next.text(text) == "!");
                if !matches!(before, "." | "::") && !is_macro_name {
                    return true;
                }
            }
            TokenKind::Literal { captures, .. } if captures != Captures::No => {
                let in_macro = in_macro.last() == Some(&true);
                if in_macro && captured_names(&literal_value(written, captures)).contains(identifier) {
                    return true;
                }
            }
            TokenKind::Open(_) => {
                let is_call = before == "!" && previous[1].is_some_and(|name| name.kind == TokenKind::Word);
                in_macro.push(is_call || in_macro.last() == Some(&true));
            }
            TokenKind::Close(_) => {
                in_macro.pop();
            }
            _ => {}
        }
        previous = [Some(token), previous[0]];
    }
    false
}
