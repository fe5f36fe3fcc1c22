//! The items of a cell that have no name: `impl` and `extern` blocks.

use super::lexer::{Bracket, Token, TokenKind, tokens};
use super::{Cell, SegmentKind};

/// An `impl` or an `extern` block among a cell's own items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImplBlock {
    /// Where it begins, its attributes included.
    pub start: usize,
    /// What it gives to what: `Display for Point`, and `Point::area` where it has no trait, by the first of its functions; so
    /// `extern "C"::getpid`. A block of the same subject is meant to replace it.
    pub subject: String,
}

impl Cell<'_> {
    /// The `impl` and `extern` blocks that stand before any item with a name of its own.
    pub fn leading_impls(&self) -> Vec<ImplBlock> {
        Reader::new(self).read()
    }

    /// The tokens of the cell's Rust. A magic is the end of a statement.
    fn statement_tokens(&self) -> Vec<Option<Token>> {
        let mut found = Vec::new();
        for segment in &self.segments {
            match segment.kind {
                SegmentKind::Rust => {
                    let rust = tokens(self.text, segment.span.start, segment.span.end);
                    found.extend(rust.filter(|token| token.is_significant()).map(Some));
                }
                SegmentKind::Trivia => {}
                _ => found.push(None),
            }
        }
        found
    }
}

/// Goes through the statements of a cell.
pub(super) struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Option<Token>>,
    at: usize,
}

impl<'a> Reader<'a> {
    /// Before the first statement.
    pub(super) fn new(cell: &Cell<'a>) -> Self {
        Self {
            text: cell.text,
            tokens: cell.statement_tokens(),
            at: 0,
        }
    }

    /// Goes to the next statement, behind its attributes; false at the cell's end.
    pub(super) fn begin_statement(&mut self) -> bool {
        while self.at < self.tokens.len() && self.token(0).is_none() {
            self.at += 1;
        }
        self.skip_attributes_and_qualifiers();
        self.at < self.tokens.len()
    }

    /// How many tokens have been read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Where the next token begins.
    pub(super) fn start(&self) -> usize {
        self.token(0).map_or(self.text.len(), |token| token.start)
    }

    /// Where the last token ended.
    pub(super) fn end(&self) -> usize {
        let read = self.tokens[..self.at].iter().rev().flatten().next();
        read.map_or(0, |token| token.end)
    }

    /// Reads so many tokens.
    pub(super) fn skip(&mut self, count: usize) {
        self.at = (self.at + count).min(self.tokens.len());
    }

    /// Of what was read from `body` on, in one pair of brackets: where `static`s stand that have no `pub`, and the names of all.
    pub(super) fn private_statics(&self, body: usize) -> (Vec<usize>, Vec<String>) {
        let (mut private, mut names) = (Vec::new(), Vec::new());
        let mut depth = 0_usize;
        let mut is_public = false;
        for index in body..self.at {
            let Some(token) = self.tokens[index] else { continue };
            match token.kind {
                TokenKind::Open(_) => depth += 1,
                TokenKind::Close(_) => depth = depth.saturating_sub(1),
                _ if depth != 1 => {}
                _ => match token.text(self.text) {
                    "pub" => is_public = true,
                    ";" => is_public = false,
                    "static" => {
                        if !is_public {
                            private.push(token.start);
                        }
                        let name = self.tokens.get(index + 1).copied().flatten();
                        names.extend(name.map(|name| name.text(self.text).to_owned()));
                    }
                    _ => {}
                },
            }
        }
        (private, names)
    }

    fn read(mut self) -> Vec<ImplBlock> {
        let mut found = Vec::new();
        while self.at < self.tokens.len() {
            let Some(first) = self.tokens[self.at] else {
                self.at += 1;
                continue;
            };
            self.skip_attributes_and_qualifiers();
            match self.word(0) {
                "impl" => {
                    self.at += 1;
                    let subject = self.subject();
                    found.push(ImplBlock {
                        start: first.start,
                        subject,
                    });
                }
                "extern" if self.opens_block() => {
                    let subject = self.foreign_subject();
                    found.push(ImplBlock {
                        start: first.start,
                        subject,
                    });
                }
                "extern" if self.word(1) != "crate" => break,
                "fn" | "struct" | "enum" | "trait" | "mod" | "static" | "type" | "macro_rules" => break,
                "const" | "union" if !self.word(1).is_empty() => break,
                _ => self.skip_statement(),
            }
        }
        found
    }

    fn skip_attributes_and_qualifiers(&mut self) {
        loop {
            match self.text_at(0) {
                "#" => self.at += 1,
                "!" if self.text_at(1) == "[" => self.at += 1,
                "[" => self.skip_brackets(),
                "pub" => {
                    self.at += 1;
                    if self.text_at(0) == "(" {
                        self.skip_brackets();
                    }
                }
                "unsafe" | "async" | "default" if !self.word(1).is_empty() => self.at += 1,
                _ => return,
            }
        }
    }

    /// Reads an `impl` to its end, from behind the word.
    fn subject(&mut self) -> String {
        if self.text_at(0) == "<" {
            self.skip_generics();
        }
        let mut words: Vec<&str> = Vec::new();
        let mut angles = 0_usize;
        let mut in_where = false;
        while let Some(token) = self.token(0) {
            let written = token.text(self.text);
            match written {
                "{" if angles == 0 => break,
                "<" => angles += 1,
                ">" => angles = angles.saturating_sub(1),
                "where" => in_where = true,
                _ => {}
            }
            if !in_where {
                words.push(written);
            }
            self.at += 1;
        }
        let subject = words.join(" ");
        let body = self.at;
        self.skip_brackets();
        if words.contains(&"for") {
            return subject;
        }
        let first = self.first_name(body, &["fn"]);
        format!("{subject}::{first}")
    }

    /// Whether an `extern` here begins a block.
    fn opens_block(&self) -> bool {
        let ahead =
            1 + usize::from(matches!(self.token(1), Some(token) if matches!(token.kind, TokenKind::Literal { .. })));
        self.text_at(ahead) == "{"
    }

    /// Reads an `extern` block to its end.
    fn foreign_subject(&mut self) -> String {
        let mut words: Vec<&str> = Vec::new();
        while let Some(token) = self.token(0)
            && token.kind != TokenKind::Open(Bracket::Curly)
        {
            words.push(token.text(self.text));
            self.at += 1;
        }
        let body = self.at;
        self.skip_brackets();
        let first = self.first_name(body, &["fn", "static", "mut", "type"]);
        format!("{}::{first}", words.join(" "))
    }

    /// The name after the first of these words from `body` on.
    fn first_name(&self, body: usize, words: &[&str]) -> &str {
        let mut pairs = self.tokens[body..self.at].windows(2).filter_map(|pair| {
            let [Some(before), Some(name)] = pair else { return None };
            let (before, name) = (before.text(self.text), name.text(self.text));
            (words.contains(&before) && !words.contains(&name)).then_some(name)
        });
        pairs.next().unwrap_or_default()
    }

    fn skip_generics(&mut self) {
        let mut angles = 0_usize;
        while self.at < self.tokens.len() {
            match self.text_at(0) {
                "<" => angles += 1,
                ">" => angles = angles.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if angles == 0 {
                return;
            }
        }
    }

    /// Skips up to the end of a statement, or what may be one: a `;` or the end of a block.
    pub(super) fn skip_statement(&mut self) {
        while self.at < self.tokens.len() {
            match self.token(0).map(|token| token.kind) {
                None => {
                    self.at += 1;
                    return;
                }
                Some(TokenKind::Open(bracket)) => {
                    self.skip_brackets();
                    if bracket == Bracket::Curly {
                        return;
                    }
                }
                _ => {
                    let ends = self.text_at(0) == ";";
                    self.at += 1;
                    if ends {
                        return;
                    }
                }
            }
        }
    }

    /// Skips from an opening bracket to behind its closing one. A magic in a block is a part of it.
    pub(super) fn skip_brackets(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.tokens.len() {
            match self.token(0).map(|token| token.kind) {
                Some(TokenKind::Open(_)) => depth += 1,
                Some(TokenKind::Close(_)) => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    fn token(&self, ahead: usize) -> Option<Token> {
        self.tokens.get(self.at + ahead).copied().flatten()
    }

    pub(super) fn text_at(&self, ahead: usize) -> &'a str {
        self.token(ahead).map_or("", |token| token.text(self.text))
    }

    /// The word at a place ahead; empty when there is none.
    pub(super) fn word(&self, ahead: usize) -> &'a str {
        match self.token(ahead) {
            Some(token) if token.kind == TokenKind::Word => token.text(self.text),
            _ => "",
        }
    }
}
