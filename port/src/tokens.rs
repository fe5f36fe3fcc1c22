//! What the words of a cell's Rust say, where no more need be known of them than their order.

use std::collections::BTreeSet;
use std::ops::Range;
use std::str::FromStr;

use pipulate::cell::{Cell, SegmentKind};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The tokens of a cell's Rust, the values of its magics included. Places are bytes of the cell. Empty where brackets do not match.
pub(crate) fn of(cell: &Cell<'_>) -> TokenStream {
    TokenStream::from_str(&rust_alone(cell)).unwrap_or_default()
}

/// The cell's text with spaces where no Rust stands, so that places stay.
fn rust_alone(cell: &Cell<'_>) -> String {
    let text = cell.text();
    let mut rust: Vec<u8> = text
        .bytes()
        .map(|byte| if byte == b'\n' { byte } else { b' ' })
        .collect();
    let mut keep = |span: &Range<usize>| rust[span.clone()].copy_from_slice(&text.as_bytes()[span.clone()]);
    for segment in cell.segments() {
        match &segment.kind {
            SegmentKind::Rust => keep(&segment.span),
            SegmentKind::LineMagic(call) => call.value.iter().for_each(&mut keep),
            SegmentKind::LetMagic(binding) => {
                binding.ty.iter().for_each(&mut keep);
                binding.call.value.iter().for_each(&mut keep);
            }
            _ => {}
        }
    }
    // Whole spans were kept, and they end on character boundaries.
    String::from_utf8(rust).unwrap_or_default()
}

/// Every word, but for those of strings and comments.
pub(crate) fn words(tokens: &TokenStream, into: &mut BTreeSet<String>) {
    for token in tokens.clone() {
        match token {
            TokenTree::Group(group) => words(&group.stream(), into),
            TokenTree::Ident(word) => {
                into.insert(word.to_string());
            }
            _ => {}
        }
    }
}

/// The first word `word` that a `::` follows.
pub(crate) fn begins_path(tokens: &TokenStream, word: &str) -> Option<Range<usize>> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    tokens.iter().enumerate().find_map(|(index, token)| match token {
        TokenTree::Group(group) => begins_path(&group.stream(), word),
        TokenTree::Ident(name) if name == word && is_path(&tokens[index + 1..]) => Some(name.span().byte_range()),
        _ => None,
    })
}

fn is_path(tokens: &[TokenTree]) -> bool {
    tokens.len() >= 2 && tokens[..2].iter().all(|token| is_mark(token, ':'))
}

fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == mark)
}

/// Words that stand where an error does: in `Err(..)`, in the second place of a `Result<..>`, in what gives an error to a `Result`.
pub(crate) fn error_words(tokens: &TokenStream, into: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                let before = index.checked_sub(1).map(|before| tokens[before].to_string());
                let gives = ["Err", "map_err", "ok_or", "ok_or_else", "bail"];
                let is_given = before.is_some_and(|before| gives.contains(&before.as_str()));
                if is_given && group.delimiter() == Delimiter::Parenthesis {
                    words(&group.stream(), into);
                }
                error_words(&group.stream(), into);
            }
            TokenTree::Ident(name) if name == "Result" => second_parameter(&tokens[index + 1..], into),
            _ => {}
        }
    }
}

/// The words after the first comma of `<A, B>`.
fn second_parameter(tokens: &[TokenTree], into: &mut BTreeSet<String>) {
    let mut depth = 0_usize;
    let mut is_second = false;
    for token in tokens {
        match token {
            _ if is_mark(token, '<') => depth += 1,
            _ if is_mark(token, '>') => depth = depth.saturating_sub(1),
            _ if is_mark(token, ',') && depth == 1 => is_second = true,
            TokenTree::Ident(name) if is_second => {
                into.insert(name.to_string());
            }
            TokenTree::Group(group) if is_second => words(&group.stream(), into),
            // `Result::Ok` and the like.
            _ if depth == 0 && is_mark(token, ':') => continue,
            _ => {}
        }
        if depth == 0 && !is_mark(token, ':') {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> TokenStream {
        of(&pipulate::cell::parse(text))
    }

    #[test]
    fn errors_are_known_by_their_place() {
        let check = |text: &str, expected: &[&str]| {
            let mut found = BTreeSet::new();
            error_words(&tokens(text), &mut found);
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{text}");
        };
        check("fn f() -> Result<Vec<(A, B)>, C> { Err(D::E) }", &["C", "D", "E"]);
        check("type Result<T> = std::result::Result<T, Mine>;", &["Mine"]);
        check("x.ok_or(Missing)?; y(Other)", &["Missing"]);
        check("Result::<A, B>::Ok(1)", &["B"]);
    }

    #[test]
    fn paths_are_found_in_rust_alone() {
        let text = "// crate::a\nlet a = \"crate::b\";\npub(crate) fn f() { crate :: c() }";
        let found = begins_path(&tokens(text), "crate").unwrap();
        assert_eq!(found.start, text.rfind("crate").unwrap());
        assert_eq!(begins_path(&tokens("%pip_set crate = 1"), "crate"), None);
    }
}
