//! Where a magic ends: the words of its line, and a value that may go on over the next ones.

use std::ops::Range;

use super::lexer::{Bracket, TokenKind, line_end, next_significant, token_at};
use super::structure::awaits_operand;

/// What the reader must know of the magic whose text it reads.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) role: Role,
    /// In a block: a `}` that closes the block ends it.
    pub(super) in_block: bool,
    /// All of its text is Rust.
    pub(super) is_rust: bool,
}

/// What a magic's text is to the cell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A line of its own.
    Line,
    /// After `let .. =`: a semicolon ends it wherever it stands.
    Let,
    /// The cell's first line: there is no value, and nothing goes on.
    CellMagic,
}

/// Whether what was read is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Condition {
    Whole,
    /// More must follow.
    Unfinished,
    /// A string or comment is open up to the end of the text.
    Unclosed,
    /// A bracket was closed that was not open, or a quote has no end: nothing that follows can mend it.
    Wrong,
}

/// What was read.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) args: Range<usize>,
    pub(super) value: Option<Range<usize>>,
    /// Where the magic's segment ends.
    pub(super) end: usize,
    pub(super) semicolon: bool,
    pub(super) condition: Condition,
}

impl Line {
    /// Notes that what was read is not whole, unless worse was noted.
    fn worsen(&mut self, condition: Condition) {
        self.condition = self.condition.max(condition);
    }

    fn end_value(&mut self, end: usize, awaits_more: bool) {
        self.end = end;
        if awaits_more {
            self.worsen(Condition::Unfinished);
        }
    }
}

/// Reads a magic's text from `start`, the end of its name.
pub(super) fn read(text: &str, start: usize, form: Form) -> Line {
    let mut line = Line {
        args: start..start,
        value: None,
        end: start,
        semicolon: false,
        condition: Condition::Whole,
    };
    let words_end = if form.is_rust {
        start
    } else {
        read_words(text, start, form, &mut line)
    };
    let args_end = if line.value.is_some() || form.is_rust {
        let value_start = line.value.as_ref().map_or(start, |value| value.start);
        let value_end = read_value(text, value_start, form, &mut line);
        let value = trim(text, value_start..value_end);
        let args_end = value.end.max(words_end);
        line.value = (!form.is_rust || !value.is_empty()).then_some(value);
        args_end
    } else {
        words_end
    };
    line.args = trim(text, start..args_end);
    line
}

/// The span without the space at its ends. An empty one keeps its start.
pub(super) fn trim(text: &str, span: Range<usize>) -> Range<usize> {
    let inner = &text[span.clone()];
    let from_start = inner.trim_start();
    let trimmed = from_start.trim_end();
    if trimmed.is_empty() {
        return span.start..span.start;
    }
    let start = span.end - from_start.len();
    start..start + trimmed.len()
}

/// Reads words and options up to the end of the line or the beginning of a value, which is then noted in `line`.
/// Returns the end of the words.
fn read_words(text: &str, start: usize, form: Form, line: &mut Line) -> usize {
    let mut at = start;
    let mut begins_word = true;
    let mut is_option = false;
    loop {
        let rest = &text[at..];
        let Some(character) = rest.chars().next() else { break };
        if rest.starts_with('\n') || rest.starts_with("\r\n") {
            break;
        }
        if begins_word {
            is_option = rest.starts_with('-') && !rest[1..].starts_with(char::is_whitespace);
            if rest.starts_with("//") {
                line.end = line_end(text, at);
                return at;
            }
            if let Some(after) = default_option(rest).filter(|_| form.role != Role::CellMagic) {
                line.value = Some(at + after..at + after);
                return at + after;
            }
        }
        match character {
            '"' | '\'' if begins_word => {
                at = match quoted_length(rest, character) {
                    Some(length) => at + length,
                    None if character == '\'' => at + 1,
                    None => {
                        line.worsen(Condition::Wrong);
                        line_end(text, at)
                    }
                };
                begins_word = false;
            }
            '=' if is_option => {
                at += 1;
                // A quote may follow, as at the start of a word.
                begins_word = text[at..].starts_with(['"', '\'']);
            }
            '=' if form.role != Role::CellMagic => {
                line.value = Some(at + 1..at + 1);
                return at + 1;
            }
            ';' if form.role == Role::Let => {
                line.semicolon = true;
                line.end = at + 1;
                return at;
            }
            ';' if ends_line(text, at + 1) => {
                line.semicolon = true;
                line.end = line_end(text, at);
                return at;
            }
            '}' if form.in_block => break,
            _ => {
                at += character.len_utf8();
                begins_word = character.is_whitespace();
            }
        }
    }
    line.end = at;
    at
}

/// The length of `--default` with the `=` or end that makes it the beginning of a value.
fn default_option(rest: &str) -> Option<usize> {
    const NAME: &str = "--default";
    let after = rest.strip_prefix(NAME)?;
    if after.starts_with('=') {
        return Some(NAME.len() + 1);
    }
    (after.is_empty() || after.starts_with(char::is_whitespace)).then_some(NAME.len())
}

/// The length of a quoted word with both quotes, when the second stands on the same line. A backslash escapes in double quotes.
pub(super) fn quoted_length(rest: &str, quote: char) -> Option<usize> {
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\n' => return None,
            '\\' if quote == '"' && !rest[at + 1..].starts_with('\n') => {
                characters.next();
            }
            _ if character == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Whether nothing but space and a comment follows on the line.
fn ends_line(text: &str, at: usize) -> bool {
    let rest = text[at..].trim_start_matches([' ', '\t', '\r']);
    rest.is_empty() || rest.starts_with('\n') || rest.starts_with("//")
}

/// Reads Rust from `start` up to the end of the magic's value. Returns the end of its last token.
fn read_value(text: &str, start: usize, form: Form, line: &mut Line) -> usize {
    let mut open: Vec<Bracket> = Vec::new();
    let mut awaits_more = !form.is_rust;
    let mut value_end = start;
    let mut at = start;
    loop {
        let Some(token) = token_at(text, at) else {
            line.end_value(at, awaits_more || !open.is_empty());
            return value_end;
        };
        match token.kind {
            TokenKind::Newline if open.is_empty() => {
                let Some(next) = continuation(text, token.end, awaits_more) else {
                    line.end_value(at, awaits_more);
                    return value_end;
                };
                at = next;
                continue;
            }
            TokenKind::Close(Bracket::Curly) if open.is_empty() && form.in_block => {
                line.end_value(at, awaits_more);
                return value_end;
            }
            TokenKind::Operator if open.is_empty() && token.text(text) == ";" => {
                let is_let = form.role == Role::Let;
                if is_let || ends_line(text, token.end) {
                    line.semicolon = true;
                    line.end_value(if is_let { token.end } else { line_end(text, at) }, awaits_more);
                    return value_end;
                }
            }
            TokenKind::Open(bracket) => open.push(bracket),
            TokenKind::Close(bracket) => {
                let is_match = open.pop() == Some(bracket);
                line.worsen(if is_match { Condition::Whole } else { Condition::Wrong });
            }
            _ => {}
        }
        if token.is_unclosed() {
            line.worsen(Condition::Unclosed);
        }
        if token.is_significant() {
            awaits_more = awaits_operand(text, token);
            value_end = token.end;
        }
        at = token.end;
    }
}

/// Where a value goes on after the end of a line, if it does: at a `.`, and at an operand when one is awaited.
fn continuation(text: &str, from: usize, awaits_more: bool) -> Option<usize> {
    let next = next_significant(text, from)?;
    let written = next.text(text);
    let begins_operand = match next.kind {
        TokenKind::Close(_) => false,
        TokenKind::Operator => !matches!(written, "%" | ";" | ":" | "=" | "?"),
        TokenKind::Word => !matches!(
            written,
            "let"
                | "fn"
                | "struct"
                | "enum"
                | "impl"
                | "trait"
                | "mod"
                | "use"
                | "type"
                | "static"
                | "pub"
                | "extern"
                | "else"
        ),
        _ => true,
    };
    (written == "." || (awaits_more && begins_operand)).then_some(next.start)
}
