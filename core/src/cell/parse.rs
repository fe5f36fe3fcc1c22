//! Cuts a cell's text into segments.

use std::ops::Range;

use super::delimiters::Delimiters;
use super::lexer::{self, Doc, Token, TokenKind, is_word_part, is_word_start, line_end, next_significant, token_at};
use super::line::{self, Condition, Form, Role, trim};
use super::structure::Structure;
use super::{
    Cell, End, Help, LetMagic, MagicCall, Place, Problem, Segment, SegmentKind, takes_rust_body, takes_rust_line,
    takes_rust_value,
};

/// Cuts `text` into segments. Takes time in proportion to the length of the text, and never fails: see [`Cell::problems`].
pub fn parse(text: &str) -> Cell<'_> {
    let mut parser = Parser::new(text);
    parser.run();
    parser.finish()
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact about the text read so far, and none follows from another"
)]
struct Parser<'a> {
    text: &'a str,
    at: usize,
    structure: Structure<'a>,
    delimiters: Delimiters,
    segments: Vec<Segment>,
    problems: Vec<Problem>,
    remainders: Vec<Range<usize>>,
    /// Where the run of Rust and trivia that is being read began.
    run_start: usize,
    run_has_rust: bool,
    /// Only space stands before `at` on its line.
    at_line_start: bool,
    /// No significant text yet, not even a magic.
    at_cell_start: bool,
    rust_has_begun: bool,
    pending_let: Option<PendingLet>,
    is_unclosed: bool,
    awaits_item: bool,
    /// A magic's text is wrong, so that nothing that follows can mend the cell.
    is_wrong: bool,
    /// The last significant text is a magic that lacks something.
    is_unfinished: bool,
}

/// A `let` whose `=` has not been read.
struct PendingLet {
    depth: usize,
    start: usize,
    colon: Option<usize>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            structure: Structure::new(text),
            delimiters: Delimiters::default(),
            segments: Vec::new(),
            problems: Vec::new(),
            remainders: Vec::new(),
            run_start: 0,
            run_has_rust: false,
            at_line_start: true,
            at_cell_start: true,
            rust_has_begun: false,
            pending_let: None,
            is_unclosed: false,
            awaits_item: false,
            is_wrong: false,
            is_unfinished: false,
        }
    }

    fn run(&mut self) {
        self.skip_prologue();
        while let Some(token) = token_at(self.text, self.at) {
            match token.kind {
                TokenKind::Newline => self.at_line_start = true,
                TokenKind::Space => {}
                TokenKind::Comment { doc, closed } => {
                    self.is_unclosed |= !closed;
                    self.delimiters.feed(token, self.text);
                    self.awaits_item |= doc == Doc::Outer;
                }
                _ => {
                    if self.at_line_start && self.line_of_its_own(token) {
                        continue;
                    }
                    self.rust(token);
                    continue;
                }
            }
            self.at = token.end;
        }
    }

    fn finish(mut self) -> Cell<'a> {
        self.end_run(self.text.len());
        let end = match self.structure.end() {
            _ if self.is_wrong => End::Wrong,
            End::Wrong => End::Wrong,
            _ if self.is_unclosed => End::Unclosed,
            _ if self.is_unfinished => End::Unfinished {
                depth: self.structure.depth(),
            },
            End::Whole if self.awaits_item => End::Awaited,
            end => end,
        };
        self.problems.sort_by_key(|problem| problem.span.start);
        Cell {
            text: self.text,
            segments: self.segments,
            problems: self.problems,
            remainders: self.remainders,
            ends_in_value: self.structure.ends_in_value(),
            unbalanced: self.delimiters.finish(),
            end,
        }
    }

    /// A byte order mark and a `#!` line, which rustc takes only at the start of a file: a segment apart, to be left out.
    fn skip_prologue(&mut self) {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        if self.text[self.at..].starts_with("#!") {
            let is_attribute =
                next_significant(self.text, self.at + 2).is_some_and(|token| token.text(self.text) == "[");
            if !is_attribute {
                self.at = line_end(self.text, self.at);
            }
        }
        self.end_run(self.at);
    }

    /// Ends the run of Rust and trivia before `end`, where something else begins.
    fn end_run(&mut self, end: usize) {
        if self.run_start < end {
            let kind = if self.run_has_rust {
                SegmentKind::Rust
            } else {
                SegmentKind::Trivia
            };
            self.segments.push(Segment {
                kind,
                span: self.run_start..end,
            });
        }
        self.run_start = end;
        self.run_has_rust = false;
    }

    /// Puts a segment of its own from `start` to `end`, and goes on after it.
    fn push(&mut self, kind: SegmentKind, start: usize, end: usize) {
        self.end_run(start);
        self.segments.push(Segment { kind, span: start..end });
        self.run_start = end;
        self.at = end;
        self.at_cell_start = false;
        self.awaits_item = false;
    }

    fn problem(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem {
            span,
            message: message.into(),
            help: help.into(),
        });
    }

    /// Takes what begins with `token` and has a line to itself: a magic, a command, a shell line, help. `false` when it is Rust.
    fn line_of_its_own(&mut self, token: Token) -> bool {
        let Some(place) = self.structure.statement_may_begin() else {
            return false;
        };
        let rest = &self.text[token.start..];
        let after = |prefix: char| rest.strip_prefix(prefix).and_then(|rest| rest.chars().next());
        if let Some(name) = rest.strip_prefix("%%").filter(|name| name.starts_with(is_word_start)) {
            return self.cell_magic(token.start, name);
        }
        if after('%').is_some_and(is_word_start) {
            self.line_magic(token.start, place);
            return true;
        }
        if after(':').is_some_and(|letter| letter.is_ascii_alphabetic()) {
            self.command(token.start);
            return true;
        }
        let is_first_column = token.start == 0 || !self.text[..token.start].ends_with([' ', '\t']);
        if rest.starts_with('!') && is_first_column && !self.rust_has_begun {
            self.push(SegmentKind::Shell, token.start, line_end(self.text, token.start));
            return true;
        }
        if let Some(name) = rest.strip_prefix('?').map(|rest| rest.trim_start_matches('%'))
            && place == Place::Cell
            && name.starts_with(is_word_start)
        {
            let end = line_end(self.text, token.start);
            let start = self.text.len() - name.len();
            let length = self.text[start..end].find([' ', '\t', ';', '?']).unwrap_or(end - start);
            let is_magic = start > token.start + 1;
            self.push(
                SegmentKind::Help(Help {
                    name: start..start + length,
                    is_magic,
                }),
                token.start,
                end,
            );
            return true;
        }
        false
    }

    fn cell_magic(&mut self, start: usize, name: &str) -> bool {
        let length = name_length(name);
        let name = start + 2..start + 2 + length;
        if self.help_on(start, &name) {
            return true;
        }
        let called = &self.text[name.clone()];
        if !self.at_cell_start {
            self.problem(
                start..name.end,
                format!("`%%{called}` is not the first line of its cell."),
                "A cell magic takes the whole cell: move it to the top, or into a cell of its own.",
            );
            // Taken as a line, so that what follows is still read as it is meant.
            self.line_magic_named(start, name, Place::Cell);
            return true;
        }
        let form = Form {
            role: Role::CellMagic,
            in_block: false,
            is_rust: false,
        };
        let line = line::read(self.text, name.end, form);
        let mut end = line.end;
        end += match &self.text[end..] {
            rest if rest.starts_with("\r\n") => 2,
            rest if rest.starts_with('\n') => 1,
            _ => 0,
        };
        let is_rust = takes_rust_body(called);
        let call = self.call(name, line, Place::Cell);
        self.push(SegmentKind::CellMagic(call), start, end);
        if !is_rust && end < self.text.len() {
            self.push(SegmentKind::Body, end, self.text.len());
        }
        true
    }

    fn line_magic(&mut self, start: usize, place: Place) {
        let length = name_length(&self.text[start + 1..]);
        self.line_magic_named(start, start + 1..start + 1 + length, place);
    }

    fn line_magic_named(&mut self, start: usize, name: Range<usize>, place: Place) {
        if self.help_on(start, &name) {
            return;
        }
        if self.structure.has_attribute() {
            self.problem(
                start..name.end,
                format!("An attribute stands before `%{}`.", &self.text[name.clone()]),
                "Attributes belong to Rust items and statements: take it away.",
            );
        }
        let is_rust = takes_rust_line(&self.text[name.clone()]);
        let form = Form {
            role: Role::Line,
            in_block: place != Place::Cell,
            is_rust,
        };
        let line = line::read(self.text, name.end, form);
        let end = line.end;
        let call = self.call(name, line, place);
        self.push(SegmentKind::LineMagic(call), start, end);
        self.structure.end_statement();
    }

    /// `%name?` and `%%name?`.
    fn help_on(&mut self, start: usize, name: &Range<usize>) -> bool {
        let asks = self.text[name.end..].starts_with('?');
        if asks {
            let end = line_end(self.text, name.end);
            self.push(
                SegmentKind::Help(Help {
                    name: name.clone(),
                    is_magic: true,
                }),
                start,
                end,
            );
        }
        asks
    }

    /// A magic from what was read of it. Says so when no magic may stand at `place`.
    fn call(&mut self, name: Range<usize>, line: line::Line, place: Place) -> MagicCall {
        let within = match place {
            Place::Cell | Place::Block => None,
            Place::Function => Some("a function"),
            Place::Closure => Some("a closure"),
            Place::Async => Some("an `async` block"),
            Place::Constant => Some("a constant"),
            Place::Item => Some("an item"),
        };
        if let Some(within) = within {
            let called = &self.text[name.clone()];
            self.problem(
                name.start - 1..name.end,
                format!("`%{called}` stands in {within}, where it may run late, often or never."),
                "Magics stand among the cell's own statements; elsewhere use plain Rust, such as `job.set(..)` and `job.get(..)`.",
            );
        }
        if let Some(value) = &line.value
            && takes_rust_value(&self.text[name.clone()])
        {
            self.delimiters.feed_value(value.clone(), self.text);
        }
        self.is_wrong |= line.condition == Condition::Wrong;
        self.is_unclosed |= line.condition == Condition::Unclosed;
        self.is_unfinished = matches!(line.condition, Condition::Unfinished | Condition::Unclosed);
        MagicCall {
            name,
            args: line.args,
            value: line.value,
            place,
            semicolon: line.semicolon,
            unfinished: self.is_unfinished,
        }
    }

    fn command(&mut self, start: usize) {
        let end = line_end(self.text, start);
        if self.rust_has_begun {
            let command = self.text[start..end]
                .split_whitespace()
                .next()
                .unwrap_or(":")
                .to_owned();
            self.problem(
                start..start + command.len(),
                format!("`{command}` stands after Rust has begun."),
                "Dependencies and other commands come first: move the line to the top of the cell.",
            );
        }
        self.push(SegmentKind::Command, start, end);
        self.is_unfinished = false;
    }

    /// Takes one token of Rust, and a magic that gives a `let` its value.
    fn rust(&mut self, token: Token) {
        let written = token.text(self.text);
        if written == "%" && token.kind == TokenKind::Operator {
            self.percent(token);
        }
        self.note_let(token, written);
        let was_in_pattern = self.structure.in_let_pattern();
        self.structure.feed(token);
        self.delimiters.feed(token, self.text);
        self.at = token.end;
        self.at_line_start = false;
        self.at_cell_start = false;
        self.run_has_rust = true;
        self.rust_has_begun = true;
        self.awaits_item = false;
        self.is_unfinished = false;
        self.is_unclosed |= token.is_unclosed();
        if was_in_pattern && self.structure.in_let_value() {
            self.let_magic(token);
        }
    }

    /// Says so when a `%` in Rust was surely meant for a magic, and notes it when it may have been.
    fn percent(&mut self, token: Token) {
        let name = &self.text[token.end..];
        if !name.starts_with(is_word_start) {
            return;
        }
        let span = token.start..token.end + name_length(name);
        let magic = &self.text[span.clone()];
        if self.structure.statement_may_begin().is_some() {
            let message = format!("`{magic}` does not stand on a line of its own.");
            self.problem(span, message, "Begin a new line before it.");
        } else if self.structure.operand_expected() {
            let message = format!("`{magic}` stands inside an expression.");
            let help =
                format!("A magic is a line of its own or the value of a `let`: write `let value = {magic} ..;` first.");
            self.problem(span, message, help);
        } else if self.at_line_start && self.structure.is_rust() {
            self.remainders.push(span);
        }
    }

    /// Follows where a `let` begins and where its type does.
    fn note_let(&mut self, token: Token, written: &str) {
        if token.kind == TokenKind::Word && written == "let" && self.structure.statement_may_begin().is_some() {
            self.pending_let = Some(PendingLet {
                depth: self.structure.depth(),
                start: token.start,
                colon: None,
            });
        } else if written == ":" && self.structure.in_let_pattern() {
            let depth = self.structure.depth();
            if let Some(pending) = self.pending_let.as_mut().filter(|pending| pending.depth == depth) {
                pending.colon.get_or_insert(token.start);
            }
        }
    }

    /// After the `=` of a `let`: takes the magic that gives it its value, if one does.
    fn let_magic(&mut self, equals: Token) {
        let depth = self.structure.depth();
        let Some(pending) = self.pending_let.take().filter(|pending| pending.depth == depth) else {
            return;
        };
        let Some(percent) = next_significant(self.text, equals.end).filter(|token| token.text(self.text) == "%") else {
            return;
        };
        let length = name_length(&self.text[percent.end..]);
        if length == 0 {
            return;
        }
        let name = percent.end..percent.end + length;
        let place = self.structure.place();
        let is_rust = takes_rust_line(&self.text[name.clone()]);
        let form = Form {
            role: Role::Let,
            in_block: place != Place::Cell,
            is_rust,
        };
        let line = line::read(self.text, name.end, form);
        let end = line.end;
        let pattern_end = pending.colon.unwrap_or(equals.start);
        // `>=` is the end of the type and the `=`.
        let type_end = equals.end - 1;
        let pattern = trim(self.text, pending.start + "let".len()..pattern_end);
        let ty = pending.colon.map(|colon| trim(self.text, colon + 1..type_end));
        let call = self.call(name, line, place);
        // The `let` alone does not make a run of Rust of what stands before it.
        self.run_has_rust = self.run_before_has_rust(pending.start);
        self.push(
            SegmentKind::LetMagic(LetMagic { pattern, ty, call }),
            pending.start,
            end,
        );
        self.structure.end_statement();
    }

    /// Whether the run being read holds Rust before `end`.
    fn run_before_has_rust(&self, end: usize) -> bool {
        lexer::tokens(self.text, self.run_start, end).any(Token::is_significant)
    }
}

/// The length of a magic's name.
fn name_length(text: &str) -> usize {
    text.find(|character| !is_word_part(character)).unwrap_or(text.len())
}
