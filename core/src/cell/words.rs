//! The words of a magic's line.

use std::ops::Range;

use super::args::UsageError;
use super::line::quoted_length;

/// A word of a magic's line: a step's name, a key, a label, an option's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word itself, without its quotes and with escapes resolved.
    pub text: String,
    /// Where it stands, quotes included.
    pub span: Range<usize>,
    /// Whether it was quoted.
    pub is_quoted: bool,
}

/// Reads the word at `at`, which is not whitespace. Unquoted, it ends at whitespace, and at `=` if `stops_at_equals`. In double
/// quotes `\"`, `\\`, `\n` and `\t` are escapes, and any other backslash is itself; in single quotes there are none.
pub(super) fn read(text: &str, at: usize, end: usize, stops_at_equals: bool) -> Result<Word, UsageError> {
    let rest = &text[at..end];
    let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
    if let Some(quote) = quote {
        if let Some(length) = quoted_length(rest, quote) {
            let after = rest[length..].chars().next();
            if after.is_some_and(|next| !next.is_whitespace() && next != '=') {
                return Err(UsageError {
                    span: at..at + length,
                    message: format!("A space is missing after {}.", &rest[..length]),
                    help: "Put the whole word in quotes, or a space after the closing one.".to_owned(),
                });
            }
            let inner = &rest[1..length - 1];
            let text = if quote == '"' {
                unescape(inner)
            } else {
                inner.to_owned()
            };
            return Ok(Word {
                text,
                span: at..at + length,
                is_quoted: true,
            });
        }
        if quote == '"' {
            return Err(UsageError {
                span: at..end,
                message: "The closing quote is missing.".to_owned(),
                help: "Close it on the same line; for a quote inside of quotes write \\\".".to_owned(),
            });
        }
    }
    let length = rest
        .find(|character: char| character.is_whitespace() || (stops_at_equals && character == '='))
        .unwrap_or(rest.len());
    Ok(Word {
        text: rest[..length].to_owned(),
        span: at..at + length,
        is_quoted: false,
    })
}

pub(super) fn unescape(inner: &str) -> String {
    let mut unescaped = String::with_capacity(inner.len());
    let mut characters = inner.chars().peekable();
    while let Some(character) = characters.next() {
        let replaced = match (character, characters.peek()) {
            ('\\', Some('"')) => Some('"'),
            ('\\', Some('\\')) => Some('\\'),
            ('\\', Some('n')) => Some('\n'),
            ('\\', Some('t')) => Some('\t'),
            _ => None,
        };
        if replaced.is_some() {
            characters.next();
        }
        unescaped.push(replaced.unwrap_or(character));
    }
    unescaped
}
