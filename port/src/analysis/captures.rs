//! What a format string captures.

use std::collections::BTreeSet;

/// The names in a format string's value: `{name}`, `{name:?}`, and `width$` and `.precision$` behind the colon. The rules are those of
/// `std::fmt`; text that is no format string yields names that nobody means, or none.
pub(super) fn captures(value: &str) -> BTreeSet<String> {
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
            .take_while(|(_, character)| *character == '_' || character.is_alphanumeric())
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
    characters
        .next()
        .is_some_and(|first| first == '_' || first.is_alphabetic())
        && characters.all(|character| character == '_' || character.is_alphanumeric())
}

fn plain(name: &str) -> String {
    name.strip_prefix("r#").unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::captures;

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
            let found: Vec<String> = captures(format).into_iter().collect();
            assert_eq!(found.join(" "), expected, "{format}");
        }
    }
}
