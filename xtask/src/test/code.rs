//! Telling Rust's code from its comments and strings, closely enough for the checks in [`super::walls`].

/// What a file of Rust consists of, in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Piece<'a> {
    Code(&'a str),
    Comment(&'a str),
    /// A string literal of any kind, with its quotes.
    Text(&'a str),
}

/// Cuts a source text into pieces; joined again they are the text.
pub(super) fn pieces(source: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut code_from = 0;
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        let piece = comment(rest)
            .map(Piece::Comment)
            .or_else(|| text(source, at).map(Piece::Text));
        let Some(piece) = piece else {
            at += character(rest).map_or_else(|| rest.chars().next().map_or(1, char::len_utf8), str::len);
            continue;
        };
        if code_from < at {
            pieces.push(Piece::Code(&source[code_from..at]));
        }
        let (Piece::Code(content) | Piece::Comment(content) | Piece::Text(content)) = piece;
        pieces.push(piece);
        at += content.len();
        code_from = at;
    }
    if code_from < source.len() {
        pieces.push(Piece::Code(&source[code_from..]));
    }
    pieces
}

/// Whether a word stands in the code: `unsafe` does not stand in `unsafe_code`.
pub(super) fn names(code: &str, word: &str) -> bool {
    let part_of_name = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(word).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        let after = code[start + word.len()..].chars().next();
        !before.is_some_and(part_of_name) && !after.is_some_and(part_of_name)
    })
}

fn comment(rest: &str) -> Option<&str> {
    if rest.starts_with("//") {
        return Some(rest.split('\n').next().unwrap_or(rest));
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while rest.starts_with("/*") && at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            return Some(&rest[..at]);
        }
    }
    rest.starts_with("/*").then_some(rest)
}

fn text(source: &str, at: usize) -> Option<&str> {
    let rest = &source[at..];
    if let Some(inner) = rest.strip_prefix('"') {
        let mut escaped = false;
        let end = inner.char_indices().find(|&(_, character)| {
            let ends = character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        return Some(end.map_or(rest, |(end, _)| &rest[..end + 2]));
    }
    // A raw string: an `r` (of `r`, `br` or `cr`) that no longer name ends with, hashes, a quote.
    let after_name = source[..at].trim_end_matches(['b', 'c']);
    let in_name = after_name
        .chars()
        .next_back()
        .is_some_and(|before| before.is_alphanumeric() || before == '_');
    let hashes_and_on = rest.strip_prefix('r').filter(|_| !in_name)?;
    let hashes = hashes_and_on.len() - hashes_and_on.trim_start_matches('#').len();
    let inner = hashes_and_on[hashes..].strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    let end = inner
        .find(&closing)
        .map_or(rest.len(), |end| 1 + hashes + 1 + end + closing.len());
    Some(&rest[..end])
}

/// A character literal, which may be a quote; a lifetime is none.
fn character(rest: &str) -> Option<&str> {
    let inner = rest.strip_prefix('\'')?;
    if let Some(escape) = inner.strip_prefix('\\') {
        // The character after the backslash may be the quote itself.
        let skipped = escape.chars().next()?.len_utf8();
        let end = escape[skipped..].find('\'')?;
        return Some(&rest[..=2 + skipped + end]);
    }
    let content = inner.chars().next()?;
    inner[content.len_utf8()..]
        .starts_with('\'')
        .then(|| &rest[..content.len_utf8() + 2])
}

#[cfg(test)]
mod tests {
    use super::Piece::{Code, Comment, Text};
    use super::*;

    fn check(source: &str, expected: &[Piece<'_>]) {
        assert_eq!(pieces(source), expected, "in {source:?}");
    }

    #[test]
    fn comments_and_strings_are_told_from_code() {
        check("a // b\nc", &[Code("a "), Comment("// b"), Code("\nc")]);
        check(
            "a /* b /* c */ d */ e",
            &[Code("a "), Comment("/* b /* c */ d */"), Code(" e")],
        );
        check(
            r#"f("x \" y \\") g"#,
            &[Code("f("), Text(r#""x \" y \\""#), Code(") g")],
        );
        check(
            r##"r#"a "quoted" b"# + c"##,
            &[Text(r##"r#"a "quoted" b"#"##), Code(" + c")],
        );
        check("br\"\\\" + 1", &[Code("b"), Text("r\"\\\""), Code(" + 1")]);
        check("\"// no comment\"", &[Text("\"// no comment\"")]);
    }

    #[test]
    fn characters_and_lifetimes_are_code() {
        check("'\"' + '\\'' + 'é'", &[Code("'\"' + '\\'' + 'é'")]);
        check(
            "fn f<'a>(x: &'a str) -> &'static str",
            &[Code("fn f<'a>(x: &'a str) -> &'static str")],
        );
        check("for \"\"", &[Code("for "), Text("\"\"")]);
        check("r#fn()", &[Code("r#fn()")]);
    }

    #[test]
    fn unfinished_input_ends() {
        for source in ["\"a", "r#\"a\"", "/* a", "'", "'\\", "// é"] {
            assert_eq!(pieces(source).len(), 1, "in {source:?}");
        }
    }

    #[test]
    fn a_word_is_a_whole_name() {
        assert!(names("unsafe { x }", "unsafe"));
        assert!(!names("#![deny(unsafe_code)]", "unsafe"));
        assert!(!names("not_unsafe", "unsafe"));
    }
}
