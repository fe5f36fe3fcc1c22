//! What a format string captures.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::lexer::{Captures, is_word_part, is_word_start};

/// The names in a format string's value: `{name}`, `{name:?}`, and `width$` and `.precision$` behind the colon. The rules are those of
/// `std::fmt`; text that is no format string yields names that nobody means, or none.
///
/// ```
/// let names = pipulate::cell::captured_names("{customer:>width$} {{no}} {0}");
/// assert_eq!(names.into_iter().collect::<Vec<_>>(), ["customer", "width"]);
/// ```
pub fn captured_names(value: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = value;
    while let Some(at) = rest.find('{') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('{') {
            rest = after;
            continue;
        }
        let Some(end) = rest.find(['}', '{']) else { break };
        let placeholder = &rest[..end];
        if rest[end..].starts_with('}') {
            note(placeholder, &mut names);
            rest = &rest[end + 1..];
        } else {
            rest = &rest[end..];
        }
    }
    names
}

/// The value of a string literal, as far as names in it go: text that is no literal stays as it is.
pub(super) fn literal_value(literal: &str, captures: Captures) -> Cow<'_, str> {
    let inner = literal.find('"').map_or(literal, |open| &literal[open + 1..]);
    let inner = inner.trim_end_matches('#');
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    if captures == Captures::Raw || !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut value = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        value.push_str(&rest[..at]);
        let (escaped, after) = unescaped(&rest[at + 1..]);
        value.extend(escaped);
        rest = after;
    }
    value.push_str(rest);
    Cow::Owned(value)
}

/// What stands for the text after a backslash, and what follows. Only characters that a name or placeholder may hold matter.
fn unescaped(rest: &str) -> (Option<char>, &str) {
    let code = |digits: &str| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
    if let Some((digits, after)) = rest.strip_prefix("u{").and_then(|rest| rest.split_once('}')) {
        return (code(&digits.replace('_', "")), after);
    }
    if let Some(digits) = rest.strip_prefix('x').and_then(|rest| rest.get(..2)) {
        return (code(digits), &rest[3..]);
    }
    let mut characters = rest.chars();
    match characters.next() {
        // The line goes on at the next one's first word.
        Some('\n' | '\r') => (None, rest.trim_start()),
        Some(_) => (Some(' '), characters.as_str()),
        None => (None, ""),
    }
}

fn note(placeholder: &str, names: &mut BTreeSet<String>) {
    let (argument, format) = placeholder.split_once(':').unwrap_or((placeholder, ""));
    let argument = argument.trim();
    if is_name(argument) {
        names.insert(plain(argument));
    }
    for (at, _) in format.match_indices('$') {
        let before = &format[..at];
        let start = before
            .char_indices()
            .rev()
            .take_while(|(_, character)| is_word_part(*character))
            .last()
            .map_or(at, |(start, _)| start);
        // A fill and an alignment may stand before a width: `{x:>w$}`, and `{x:a<w$}` with its fill, which is no name's part.
        let name = &before[start..];
        if is_name(name) {
            names.insert(plain(name));
        }
    }
}

fn is_name(text: &str) -> bool {
    let mut characters = text.strip_prefix("r#").unwrap_or(text).chars();
    characters.next().is_some_and(is_word_start) && characters.all(is_word_part)
}

fn plain(name: &str) -> String {
    name.strip_prefix("r#").unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_capture() {
        for (format, expected) in [
            ("{x}", "x"),
            ("{x:?} {y:#?} { z }", "x y z"),
            ("{0} {} {:>5} {1:.2}", ""),
            ("{:width$}", "width"),
            ("{x:>w$.p$}", "p w x"),
            ("{x:a<w$}", "w x"),
            ("{:1$} {:.*} {:.0$}", ""),
            ("{{no}} {{{yes}}}", "yes"),
            ("{", ""),
            ("{a {b}", "b"),
            ("{größe}", "größe"),
            ("{r#type}", "type"),
            ("{0x} {a b} {a.b}", ""),
        ] {
            let found: Vec<String> = captured_names(format).into_iter().collect();
            assert_eq!(found.join(" "), expected, "{format}");
        }
    }

    #[test]
    fn a_literal_has_a_value() {
        for (literal, captures, expected) in [
            ("\"{a}\"", Captures::Escaped, "{a}"),
            ("r#\"{a} \\n \"b\"\"#", Captures::Raw, "{a} \\n \"b\""),
            (r#""\u{7b}a} \x7bb} \\ \"{c}\"""#, Captures::Escaped, "{a} {b}    {c} "),
            ("\"{a:\\\n   >w$}\"", Captures::Escaped, "{a:>w$}"),
            (r#""\u{1_f600}{é}"#, Captures::Escaped, "\u{1f600}{é}"),
            (r#""\x4é\u{"#, Captures::Escaped, " 4é {"),
        ] {
            assert_eq!(literal_value(literal, captures), expected, "{literal}");
        }
    }
}
