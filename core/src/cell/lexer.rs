//! Rust's tokens, as far as a cell's segments need them.
//!
//! A token is read from a byte offset alone, so that the reader of a magic's value and the reader of Rust can hand over to each
//! other at any place. Text that is not Rust yields tokens too (an emoji, an unfinished string): there is a token for every byte.
//! The rules are those of the Rust Reference, chapter "Lexical structure"; where rustc would report an error, the token that
//! keeps the rest of the cell readable is chosen.

/// One kind of bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bracket {
    Round,
    Square,
    Curly,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Whitespace within a line.
    Space,
    /// `\n` or `\r\n`.
    Newline,
    /// A comment; `doc` ones belong to the item after them.
    Comment {
        doc: Doc,
        closed: bool,
    },
    /// An identifier or keyword, raw ones with their `r#`.
    Word,
    /// `'a`.
    Lifetime,
    /// A number, character or string of any sort.
    Literal {
        closed: bool,
        captures: Captures,
    },
    Open(Bracket),
    Close(Bracket),
    /// Punctuation; those of several characters come as one, save the ones that begin with `<<` or `>>`.
    Operator,
    /// What Rust has no use for.
    Unknown,
}

/// Whether a comment documents something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doc {
    No,
    /// `//!` and `/*!`: documents what it stands in.
    Inner,
    /// `///` and `/**`: documents what follows.
    Outer,
}

/// Whether `{name}` in a literal may name a variable, if a formatting macro gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Captures {
    No,
    /// A string in which a backslash escapes.
    Escaped,
    Raw,
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    /// Whether the compiler would see it.
    pub(super) fn is_significant(self) -> bool {
        !matches!(
            self.kind,
            TokenKind::Space | TokenKind::Newline | TokenKind::Comment { .. }
        )
    }

    pub(super) fn text(self, text: &str) -> &str {
        &text[self.start..self.end]
    }

    /// Whether its end is missing: a string without its quote, a comment without `*/`.
    pub(super) fn is_unclosed(self) -> bool {
        matches!(
            self.kind,
            TokenKind::Literal { closed: false, .. } | TokenKind::Comment { closed: false, .. }
        )
    }
}

/// The token that begins at `offset`, which must be a character boundary; `None` at the end of the text.
pub(super) fn token_at(text: &str, offset: usize) -> Option<Token> {
    let rest = &text[offset..];
    let first = rest.chars().next()?;
    let (kind, length) = match first {
        '\n' => (TokenKind::Newline, 1),
        '\r' if rest.starts_with("\r\n") => (TokenKind::Newline, 2),
        _ if is_space(first) => (TokenKind::Space, space_length(rest)),
        '/' if rest.starts_with("//") => line_comment(rest),
        '/' if rest.starts_with("/*") => block_comment(rest),
        '"' => string(rest, 0, Captures::Escaped),
        '\'' => quote(rest),
        'b' | 'c' | 'r' => prefixed(rest).unwrap_or_else(|| (TokenKind::Word, word_length(rest))),
        _ if is_word_start(first) => (TokenKind::Word, word_length(rest)),
        _ if first.is_ascii_digit() => (literal(true, Captures::No), number_length(rest)),
        '(' => (TokenKind::Open(Bracket::Round), 1),
        '[' => (TokenKind::Open(Bracket::Square), 1),
        '{' => (TokenKind::Open(Bracket::Curly), 1),
        ')' => (TokenKind::Close(Bracket::Round), 1),
        ']' => (TokenKind::Close(Bracket::Square), 1),
        '}' => (TokenKind::Close(Bracket::Curly), 1),
        _ if first.is_ascii_punctuation() => (TokenKind::Operator, operator_length(rest)),
        _ => (TokenKind::Unknown, first.len_utf8()),
    };
    Some(Token {
        kind,
        start: offset,
        end: offset + length,
    })
}

/// All tokens from `start` up to `end`; the last one may reach over it.
pub(super) fn tokens(text: &str, start: usize, end: usize) -> impl Iterator<Item = Token> {
    let mut offset = start;
    std::iter::from_fn(move || {
        let token = if offset < end { token_at(text, offset) } else { None }?;
        offset = token.end;
        Some(token)
    })
}

/// The first token from `offset` on that the compiler would see.
pub(super) fn next_significant(text: &str, offset: usize) -> Option<Token> {
    tokens(text, offset, text.len()).find(|token| token.is_significant())
}

pub(super) fn is_word_start(character: char) -> bool {
    character == '_' || character.is_alphabetic()
}

pub(super) fn is_word_part(character: char) -> bool {
    // Combining marks continue a word; the standard library has no table of them but this block is the one people use.
    character == '_' || character.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&character)
}

/// Where the line that `offset` stands in ends, before its `\n` or `\r\n`.
pub(super) fn line_end(text: &str, offset: usize) -> usize {
    let end = text[offset..].find('\n').map_or(text.len(), |length| offset + length);
    if end > offset && end < text.len() && text.as_bytes()[end - 1] == b'\r' {
        end - 1
    } else {
        end
    }
}

/// Rust's keywords, without the contextual ones.
pub fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "as" | "async"
            | "await"
            | "break"
            | "const"
            | "continue"
            | "crate"
            | "dyn"
            | "else"
            | "enum"
            | "extern"
            | "false"
            | "fn"
            | "for"
            | "if"
            | "impl"
            | "in"
            | "let"
            | "loop"
            | "match"
            | "mod"
            | "move"
            | "mut"
            | "pub"
            | "ref"
            | "return"
            | "self"
            | "Self"
            | "static"
            | "struct"
            | "super"
            | "trait"
            | "true"
            | "type"
            | "unsafe"
            | "use"
            | "where"
            | "while"
    )
}

fn literal(closed: bool, captures: Captures) -> TokenKind {
    TokenKind::Literal { closed, captures }
}

/// Rust's whitespace, which is Unicode's `Pattern_White_Space`, without the line feed.
fn is_space(character: char) -> bool {
    matches!(
        character,
        ' ' | '\t' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}'
    )
}

fn space_length(rest: &str) -> usize {
    let mut characters = rest.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let ends_line = character == '\r' && characters.peek().is_some_and(|(_, next)| *next == '\n');
        if ends_line || !is_space(character) {
            return at;
        }
    }
    rest.len()
}

fn word_length(rest: &str) -> usize {
    rest.find(|character| !is_word_part(character)).unwrap_or(rest.len())
}

fn line_comment(rest: &str) -> (TokenKind, usize) {
    let doc = if rest.starts_with("//!") {
        Doc::Inner
    } else if rest.starts_with("///") && !rest.starts_with("////") {
        Doc::Outer
    } else {
        Doc::No
    };
    (TokenKind::Comment { doc, closed: true }, line_end(rest, 0))
}

fn block_comment(rest: &str) -> (TokenKind, usize) {
    let doc = if rest.starts_with("/*!") {
        Doc::Inner
    } else if rest.starts_with("/**") && !rest.starts_with("/***") && !rest.starts_with("/**/") {
        Doc::Outer
    } else {
        Doc::No
    };
    let bytes = rest.as_bytes();
    let mut depth = 1_usize;
    let mut at = 2;
    while at < bytes.len() {
        match &bytes[at..bytes.len().min(at + 2)] {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return (TokenKind::Comment { doc, closed: true }, at);
                }
            }
            _ => at += 1,
        }
    }
    (TokenKind::Comment { doc, closed: false }, rest.len())
}

/// A string whose opening quote stands at `open`.
fn string(rest: &str, open: usize, captures: Captures) -> (TokenKind, usize) {
    let bytes = rest.as_bytes();
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return (literal(true, captures), at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    (literal(false, captures), rest.len())
}

/// A raw string whose first `#` or quote stands at `open`; `None` when it is none after all (`r#match`, `r##`).
fn raw_string(rest: &str, open: usize, captures: Captures) -> Option<(TokenKind, usize)> {
    let bytes = rest.as_bytes();
    let hashes = bytes[open..].iter().take_while(|byte| **byte == b'#').count();
    let mut at = open + hashes;
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    at += 1;
    while at < bytes.len() {
        if bytes[at] == b'"' {
            let closing = bytes[at + 1..]
                .iter()
                .take(hashes)
                .take_while(|byte| **byte == b'#')
                .count();
            at += 1 + closing;
            if closing == hashes {
                return Some((literal(true, captures), at));
            }
        } else {
            at += 1;
        }
    }
    Some((literal(false, captures), rest.len()))
}

/// A character or a lifetime.
fn quote(rest: &str) -> (TokenKind, usize) {
    let mut characters = rest.char_indices().skip(1);
    let Some((_, first)) = characters.next() else {
        return (TokenKind::Operator, 1);
    };
    let after = 1 + first.len_utf8();
    if first == '\\' {
        return escaped_character(rest, 1);
    }
    if first != '\'' && first != '\n' && rest[after..].starts_with('\'') {
        return (literal(true, Captures::No), after + 1);
    }
    if is_word_start(first) {
        return (TokenKind::Lifetime, 1 + word_length(&rest[1..]));
    }
    (TokenKind::Operator, 1)
}

/// A character literal whose backslash stands at `backslash`.
fn escaped_character(rest: &str, backslash: usize) -> (TokenKind, usize) {
    // The longest escape is `\u{10_FF_FF}` with its underscores; past this the quote was a typing error.
    const LONGEST: usize = 24;
    let mut characters = rest[backslash..].char_indices();
    while let Some((at, character)) = characters.next().filter(|(at, _)| *at <= LONGEST) {
        match character {
            '\'' => return (literal(true, Captures::No), backslash + at + 1),
            '\\' => {
                characters.next();
            }
            '\n' => break,
            _ => {}
        }
    }
    (TokenKind::Operator, 1)
}

/// What begins with `b`, `c` or `r` and is a literal or a raw identifier.
fn prefixed(rest: &str) -> Option<(TokenKind, usize)> {
    let bytes = rest.as_bytes();
    match bytes {
        [b'r', b'"' | b'#', ..] => raw_string(rest, 1, Captures::Raw).or_else(|| raw_identifier(rest)),
        [b'b' | b'c', b'r', b'"' | b'#', ..] => raw_string(rest, 2, Captures::No),
        [b'b' | b'c', b'"', ..] => Some(string(rest, 1, Captures::No)),
        [b'b', b'\'', ..] => {
            let (kind, length) = quote(&rest[1..]);
            matches!(kind, TokenKind::Literal { .. }).then_some((kind, length + 1))
        }
        _ => None,
    }
}

fn raw_identifier(rest: &str) -> Option<(TokenKind, usize)> {
    let name = rest.strip_prefix("r#")?;
    name.starts_with(is_word_start)
        .then(|| (TokenKind::Word, 2 + word_length(name)))
}

fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut length = word_length(rest);
    let is_decimal = !matches!(bytes, [b'0', b'x' | b'b' | b'o', ..]);
    if is_decimal && bytes.get(length) == Some(&b'.') {
        let after = rest[length + 1..].chars().next();
        if after.is_some_and(|next| next.is_ascii_digit()) {
            length += 1 + word_length(&rest[length + 1..]);
        } else if !after.is_some_and(|next| next == '.' || is_word_start(next)) {
            return length + 1;
        }
    }
    let has_open_exponent = is_decimal
        && matches!(bytes[length - 1], b'e' | b'E')
        && matches!(bytes.get(length), Some(b'+' | b'-'))
        && bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
    if has_open_exponent {
        length += 1 + word_length(&rest[length + 1..]);
    }
    length
}

fn operator_length(rest: &str) -> usize {
    const THREE: [&str; 2] = ["..=", "..."];
    const TWO: [&str; 18] = [
        "..", "::", "->", "=>", "==", "!=", "<=", ">=", "&&", "||", "+=", "-=", "*=", "/=", "%=", "^=", "&=", "|=",
    ];
    if THREE.iter().any(|operator| rest.starts_with(operator)) {
        3
    } else if TWO.iter().any(|operator| rest.starts_with(operator)) {
        2
    } else {
        1
    }
}
