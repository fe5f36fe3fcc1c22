//! Values that were meant as JSON.

use std::ops::Range;

use super::lexer::{Bracket, Token, TokenKind, tokens};

/// Whether `{ "key":` stands in the value, which no Rust outside of a macro call can hold.
pub(super) fn has_json_key(text: &str, value: &Range<usize>) -> bool {
    let significant: Vec<Token> = tokens(text, value.start, value.end)
        .filter(|token| token.is_significant())
        .collect();
    // For each open bracket, whether it is a macro call's or stands in one.
    let mut in_macro = Vec::new();
    significant.iter().enumerate().any(|(index, token)| {
        let written = |at: usize| significant.get(at).map_or("", |token| token.text(text));
        match token.kind {
            TokenKind::Open(bracket) => {
                let is_call = index > 0 && written(index - 1) == "!";
                in_macro.push(is_call || in_macro.last() == Some(&true));
                bracket == Bracket::Curly
                    && in_macro.last() == Some(&false)
                    && written(index + 1).starts_with('"')
                    && written(index + 2) == ":"
            }
            TokenKind::Close(_) => {
                in_macro.pop();
                false
            }
            _ => false,
        }
    })
}
