//! Where a statement may begin: brackets, blocks and statements, followed token by token.
//!
//! This is not a parser of Rust. It tells apart what a `%` at the start of a line needs to know: whether the innermost bracket
//! holds statements (a block) or something else (arguments, fields, match arms, a macro's own text), whether the last statement
//! has ended, and whose body the block is.

use super::frame::{Frame, Header, Holds, Item, Statement, decide};
use super::lexer::{Bracket, Token, TokenKind, is_keyword};
use super::{End, Place};

/// Follows Rust's tokens; see the module's documentation.
#[derive(Debug)]
pub(super) struct Structure<'a> {
    text: &'a str,
    frames: Vec<Frame>,
    headers: Vec<Header>,
    /// The last three significant tokens, the latest first; none of them before a magic.
    previous: [Option<Token>; 3],
    has_mismatch: bool,
    /// The last thing read was the end of a statement that may be an expression: `}` of a `match`, say.
    ended_in_block: bool,
}

impl<'a> Structure<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let cell = Frame::new(Bracket::Curly, Holds::Statements, Place::Cell);
        Self {
            text,
            frames: vec![cell],
            headers: Vec::new(),
            previous: [None; 3],
            has_mismatch: false,
            ended_in_block: false,
        }
    }

    /// Where a statement may begin with the next token, if one may.
    pub(super) fn statement_may_begin(&self) -> Option<Place> {
        let frame = self.top();
        (frame.holds == Holds::Statements && frame.is_fresh && !frame.begins_attribute).then_some(frame.place)
    }

    /// Whether an attribute waits for its statement.
    pub(super) fn has_attribute(&self) -> bool {
        self.top().has_attribute
    }

    /// Whether an operator that stands between two operands would be an error here. Never in a macro's text.
    pub(super) fn operand_expected(&self) -> bool {
        self.is_rust() && self.statement_may_begin().is_none() && !self.after_operand() && !self.after_operator(">")
    }

    /// Whether the text here is Rust, and not a macro's.
    pub(super) fn is_rust(&self) -> bool {
        !matches!(self.top().holds, Holds::Macro | Holds::Attribute)
    }

    /// Where the current statement stands.
    pub(super) fn place(&self) -> Place {
        self.top().place
    }

    /// How many brackets are open.
    pub(super) fn depth(&self) -> usize {
        self.frames.len() - 1
    }

    /// Whether the current statement is a `let` that has come to its value.
    pub(super) fn in_let_value(&self) -> bool {
        self.top().statement == Statement::LetValue
    }

    /// Whether a `:` read now would be the one between a `let`'s pattern and its type.
    pub(super) fn in_let_pattern(&self) -> bool {
        let frame = self.top();
        frame.statement == Statement::LetPattern && !frame.is_fresh
    }

    /// What the text would lack if it ended here.
    pub(super) fn end(&self) -> End {
        if self.has_mismatch {
            return End::Wrong;
        }
        if self.depth() > 0 {
            return End::Open { depth: self.depth() };
        }
        let frame = self.top();
        if frame.has_attribute || frame.begins_attribute || self.headers.len() > frame.first_header {
            return End::Awaited;
        }
        if frame.is_fresh {
            return End::Whole;
        }
        match frame.statement {
            Statement::Expression | Statement::BlockLike if !self.awaits_operand() => End::Whole,
            Statement::Undecided if matches!(self.previous_text(0), Some("union" | "default" | "auto" | "safe")) => {
                End::Whole
            }
            Statement::Item(_) | Statement::Undecided => End::Awaited,
            _ => End::Unfinished { depth: 0 },
        }
    }

    /// Whether the text ends in an expression without a semicolon.
    pub(super) fn ends_in_value(&self) -> bool {
        let frame = self.top();
        let is_expression = matches!(frame.statement, Statement::Expression | Statement::BlockLike);
        self.depth() == 0 && (self.ended_in_block || (!frame.is_fresh && is_expression))
    }

    /// A magic took the place of a statement.
    pub(super) fn end_statement(&mut self) {
        self.ended_in_block = false;
        self.previous = [None; 3];
        let first_header = self.top().first_header;
        self.headers.truncate(first_header);
        self.top_mut().end_statement();
    }

    /// Takes the next significant token.
    pub(super) fn feed(&mut self, token: Token) {
        self.ended_in_block = false;
        match token.kind {
            TokenKind::Open(bracket) => self.open(bracket),
            TokenKind::Close(bracket) => self.close(bracket),
            _ if matches!(self.top().holds, Holds::Macro | Holds::Attribute) => {}
            TokenKind::Word => self.word(token.text(self.text)),
            TokenKind::Operator => self.operator(token.text(self.text)),
            TokenKind::Lifetime => self.lifetime(),
            _ => self.other(),
        }
        self.previous = [Some(token), self.previous[0], self.previous[1]];
    }

    fn top(&self) -> &Frame {
        self.frames.last().expect("the cell's own frame is never taken off")
    }

    fn top_mut(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the cell's own frame is never taken off")
    }

    /// The header whose body is awaited.
    fn header_mut(&mut self) -> Option<&mut Header> {
        let first = self.top().first_header;
        self.headers[first..].last_mut()
    }

    /// The text of a significant token before the next one; `back` 0 is the latest.
    fn previous_text(&self, back: usize) -> Option<&'a str> {
        self.previous[back].map(|token| token.text(self.text))
    }

    fn after_operator(&self, operator: &str) -> bool {
        self.previous[0].is_some_and(|token| token.kind == TokenKind::Operator)
            && self.previous_text(0) == Some(operator)
    }

    /// Whether the latest token can be the end of an operand.
    fn after_operand(&self) -> bool {
        self.previous[0].is_some_and(|token| match token.kind {
            TokenKind::Word => {
                let word = token.text(self.text);
                !is_keyword(word) || matches!(word, "self" | "Self" | "super" | "crate" | "true" | "false" | "await")
            }
            TokenKind::Literal { .. } | TokenKind::Close(_) | TokenKind::Lifetime | TokenKind::Unknown => true,
            // A range may lack its end.
            TokenKind::Operator => matches!(token.text(self.text), "?" | ".."),
            _ => false,
        })
    }

    /// Whether the text would be unfinished if it ended after the latest token.
    fn awaits_operand(&self) -> bool {
        self.previous[0].is_some_and(|token| awaits_operand(self.text, token))
    }

    /// Whether brackets that open now are a macro call's.
    fn after_macro_name(&self) -> bool {
        let is_name = |word: Option<&str>| word.is_some_and(|word| word.starts_with("r#") || !is_keyword(word));
        let is_word = |back: usize| self.previous[back].is_some_and(|token| token.kind == TokenKind::Word);
        if self.after_operator("!") {
            return is_word(1) && is_name(self.previous_text(1));
        }
        is_word(0) && self.previous_text(1) == Some("!") && self.previous_text(2) == Some("macro_rules")
    }

    /// Whether the current text is a pattern, where `|` is no closure and curly brackets hold fields.
    fn in_pattern(&self) -> bool {
        let frame = self.top();
        frame.in_arm_pattern
            || frame.statement == Statement::LetPattern
            || self.headers[frame.first_header..]
                .last()
                .is_some_and(|header| header.in_pattern)
    }

    fn open(&mut self, bracket: Bracket) {
        let parent = *self.top();
        let mut child = Frame::new(bracket, Holds::List, parent.inner_place());
        if matches!(parent.holds, Holds::Macro | Holds::Attribute) {
            child.holds = Holds::Macro;
        } else if parent.begins_attribute && bracket == Bracket::Square {
            child.holds = Holds::Attribute;
        } else if self.after_macro_name() {
            child.holds = Holds::Macro;
            let is_statement = parent.is_path && !parent.is_fresh && parent.holds != Holds::List;
            child.ends_statement = bracket == Bracket::Curly && is_statement;
            if self.previous_text(1) == Some("!") {
                // `macro_rules! name { .. }`.
                self.top_mut().statement = Statement::Item(Item::Data);
            }
        } else if bracket == Bracket::Curly {
            self.open_curly(&mut child);
        } else {
            let is_visibility = self.previous_text(0) == Some("pub");
            self.begin_statement_with(|statement| match statement {
                Statement::Undecided if is_visibility => Statement::Undecided,
                Statement::Undecided => Statement::Expression,
                other => other,
            });
        }
        child.is_fresh = child.holds == Holds::Statements;
        child.in_arm_pattern = child.holds == Holds::Arms;
        if child.is_fresh {
            child.statement = Statement::Undecided;
        }
        child.first_header = self.headers.len();
        self.frames.push(child);
    }

    /// Decides what curly brackets hold; the order of the questions matters.
    fn open_curly(&mut self, child: &mut Frame) {
        let was_fresh = self.top().is_fresh;
        self.begin_statement_with(|statement| statement);
        let parent = *self.top();
        let before = self.previous_text(0).unwrap_or("");
        let has_header = self.headers.len() > parent.first_header;
        let is_async = before == "async" || (before == "move" && self.previous_text(1) == Some("async"));
        match parent.statement {
            Statement::Item(_) | Statement::LetPattern if parent.angles > 0 => {
                // The value of a constant parameter: `Matrix<{ 2 * N }>`.
                child.holds = Holds::Statements;
                child.place = if parent.place.is_in_cell() {
                    Place::Constant
                } else {
                    parent.place
                };
                return;
            }
            Statement::Item(item) if parent.holds == Holds::Statements => {
                (child.holds, child.place) = match item {
                    Item::Function => (Holds::Statements, Place::Function),
                    Item::Container => (Holds::Statements, Place::Item),
                    Item::Data => (Holds::List, parent.place),
                };
                child.ends_statement = true;
                return;
            }
            Statement::Undecided => {
                self.top_mut().statement = Statement::BlockLike;
                child.ends_statement = true;
                child.holds = Holds::Statements;
                if is_async {
                    child.place = Place::Async;
                } else if before == "const" {
                    child.place = Place::Constant;
                } else if before == "extern" || self.previous_text(1) == Some("extern") {
                    child.place = Place::Item;
                } else if !was_fresh && !matches!(before, "unsafe" | ":") {
                    // `union { .. }`, `default { .. }`: a name like any other.
                    self.top_mut().statement = Statement::Expression;
                    child.ends_statement = false;
                    child.holds = Holds::List;
                }
                return;
            }
            _ => {}
        }
        if self.in_pattern() {
            // A guard may begin with a block.
            child.holds = if before == "if" { Holds::Statements } else { Holds::List };
        } else if is_async {
            child.holds = Holds::Statements;
            child.place = Place::Async;
        } else if before == "const" {
            child.holds = Holds::Statements;
            child.place = Place::Constant;
        } else if matches!(before, "unsafe" | "loop" | "else" | "try") {
            child.holds = Holds::Statements;
            child.ends_statement = parent.statement == Statement::BlockLike && !has_header;
        } else if parent.has_closure_arrow {
            self.top_mut().has_closure_arrow = false;
            child.holds = Holds::Statements;
        } else if has_header && (self.after_operand() || self.after_operator(">")) {
            let header = self.headers.pop().expect("`has_header` says there is one");
            child.holds = if header.is_match {
                Holds::Arms
            } else {
                Holds::Statements
            };
            let is_own = self.headers.len() == parent.first_header;
            child.ends_statement = is_own && parent.statement == Statement::BlockLike;
        } else {
            let is_path =
                before == "::" || before == ">" || self.previous[0].is_some_and(|token| token.kind == TokenKind::Word);
            let is_fields = is_path && (self.after_operand() || matches!(before, "::" | ">"));
            child.holds = if is_fields { Holds::List } else { Holds::Statements };
        }
    }

    fn close(&mut self, bracket: Bracket) {
        if self.frames.len() == 1 {
            self.has_mismatch = true;
            return;
        }
        let child = self.frames.pop().expect("there are at least two");
        self.has_mismatch |= child.bracket != bracket;
        self.headers.truncate(child.first_header);
        let first_header = self.top().first_header;
        let frame = self.top_mut();
        if child.holds == Holds::Attribute {
            // `#![..]` speaks of the cell and waits for nothing.
            frame.has_attribute |= !frame.is_inner_attribute();
            frame.begins_attribute = false;
            frame.statement = Statement::Undecided;
        } else if child.ends_statement {
            let is_expression = matches!(frame.statement, Statement::Expression | Statement::BlockLike);
            frame.end_statement();
            self.ended_in_block = is_expression;
            self.headers.truncate(first_header);
        }
    }

    fn word(&mut self, word: &str) {
        if self.top().in_arm_pattern {
            // After an arm whose value is a block there need be no comma, so that `else` is the first sign of more.
            if word == "else" {
                let frame = self.top_mut();
                frame.in_arm_pattern = false;
                frame.statement = Statement::BlockLike;
            }
            return;
        }
        if self.top().is_fresh && word == "else" {
            let frame = self.top_mut();
            frame.is_fresh = false;
            frame.statement = Statement::BlockLike;
            return;
        }
        let before = self.previous_text(0);
        let was_fresh = self.top().is_fresh;
        self.begin_statement_with(|statement| match statement {
            Statement::Undecided => decide(word, if was_fresh { None } else { before }),
            other => other,
        });
        let frame = self.top_mut();
        if word != "macro_rules" && is_keyword(word) && !matches!(word, "self" | "super" | "crate") {
            frame.is_path = false;
        }
        if matches!(frame.statement, Statement::Item(_)) {
            return;
        }
        match word {
            "if" | "while" => self.headers.push(Header {
                in_pattern: false,
                is_match: false,
            }),
            "match" => self.headers.push(Header {
                in_pattern: false,
                is_match: true,
            }),
            "for" => self.headers.push(Header {
                in_pattern: true,
                is_match: false,
            }),
            "in" | "let" => {
                if let Some(header) = self.header_mut() {
                    header.in_pattern = word == "let";
                }
            }
            _ => {}
        }
    }

    fn operator(&mut self, operator: &str) {
        if self.top().is_fresh && self.top().holds == Holds::Statements && self.attribute_sign(operator) {
            return;
        }
        let begins_operand = self.top().is_fresh || !self.after_operand();
        let after_label = self.previous[0].is_some_and(|token| token.kind == TokenKind::Lifetime);
        let after_block = self.previous[0].is_some_and(|token| token.kind == TokenKind::Close(Bracket::Curly));
        if self.top().in_arm_pattern && after_block && matches!(operator, "." | "?") {
            self.top_mut().in_arm_pattern = false;
            self.top_mut().statement = Statement::Expression;
        }
        if operator == ";" {
            self.semicolon();
            return;
        }
        self.begin_statement_with(|statement| match statement {
            Statement::Undecided if operator == ":" && after_label => Statement::Undecided,
            Statement::Undecided => Statement::Expression,
            other => other,
        });
        let in_pattern = self.in_pattern();
        let after_for = self.previous_text(0) == Some("for");
        let frame = self.top_mut();
        frame.is_path &= matches!(operator, "::" | "!" | "$");
        match operator {
            "=>" if frame.holds == Holds::Arms => {
                frame.begin_arm_value();
                let first_header = frame.first_header;
                self.headers.truncate(first_header);
            }
            "," if !frame.in_closure_parameters => frame.comma(),
            "<" if after_for => {
                // `for<'a> Fn(&'a T)` in a type.
                self.headers.pop();
            }
            "|" if frame.in_closure_parameters => frame.in_closure_parameters = false,
            "|" | "||" if begins_operand && !in_pattern => {
                frame.in_closure = true;
                frame.in_closure_parameters = operator == "|";
            }
            "->" if frame.in_closure => frame.has_closure_arrow = true,
            "<" if frame.counts_angles() => frame.angles += 1,
            ">" if frame.counts_angles() => frame.angles = frame.angles.saturating_sub(1),
            ">=" | "=" if frame.statement == Statement::LetPattern => {
                frame.angles = frame.angles.saturating_sub(u32::from(operator == ">="));
                if frame.angles == 0 {
                    frame.statement = Statement::LetValue;
                }
            }
            "=" => {
                if let Some(header) = self.header_mut() {
                    header.in_pattern = false;
                }
            }
            _ => {}
        }
    }

    /// Takes `#` and the `!` after it where a statement may begin; `false` when `operator` is something else.
    fn attribute_sign(&mut self, operator: &str) -> bool {
        let frame = self.top_mut();
        let is_sign = match operator {
            "#" => !frame.begins_attribute,
            "!" => frame.begins_attribute,
            _ => false,
        };
        frame.begins_attribute = is_sign;
        if operator == "!" && is_sign {
            frame.statement = Statement::Expression;
        }
        is_sign
    }

    fn semicolon(&mut self) {
        let first_header = self.top().first_header;
        self.headers.truncate(first_header);
        let frame = self.top_mut();
        frame.in_closure = false;
        frame.in_closure_parameters = false;
        frame.has_closure_arrow = false;
        if frame.holds == Holds::Statements {
            frame.end_statement();
        }
    }

    fn lifetime(&mut self) {
        self.begin_statement_with(|statement| statement);
    }

    fn other(&mut self) {
        let after_extern = self.previous_text(0) == Some("extern");
        self.begin_statement_with(|statement| match statement {
            Statement::Undecided if !after_extern => Statement::Expression,
            other => other,
        });
        self.top_mut().is_path = false;
    }

    /// Begins a statement if the next token does, then lets that token decide what the statement is.
    fn begin_statement_with(&mut self, decide: impl FnOnce(Statement) -> Statement) {
        let frame = self.top_mut();
        if frame.is_fresh {
            frame.begin_statement();
        }
        frame.statement = decide(frame.statement);
    }
}

/// Whether a statement cannot end with this token, which must be a significant one.
pub(super) fn awaits_operand(text: &str, token: Token) -> bool {
    let written = token.text(text);
    match token.kind {
        TokenKind::Operator => match written {
            "?" | ".." | ";" | "'" | "$" | "\\" | "`" => false,
            // `size_of::<T>` ends with one too; as an operator it has room before it.
            ">" => text[..token.start].ends_with(char::is_whitespace),
            _ => true,
        },
        TokenKind::Word => {
            is_keyword(written)
                && !matches!(
                    written,
                    "self" | "Self" | "super" | "crate" | "true" | "false" | "await" | "return" | "break" | "continue"
                )
        }
        _ => false,
    }
}
