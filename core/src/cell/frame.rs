//! What is known of one open bracket: what it holds, and the statement that is being read in it.

use super::Place;
use super::lexer::Bracket;

/// What a pair of brackets holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// Statements or items.
    Statements,
    /// Arguments, elements, fields, a pattern, a list of imports.
    List,
    /// The arms of a `match`.
    Arms,
    /// Tokens that only a macro understands.
    Macro,
    /// An attribute.
    Attribute,
}

/// What the current statement is, as far as its end depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// Only words so far that may begin several sorts, such as `pub`, `unsafe` or a label.
    Undecided,
    /// `let`, up to its `=`.
    LetPattern,
    /// `let`, after its `=`. Ends with `;`.
    LetValue,
    /// `use`, `const`, `static`, `type`: ends with `;`.
    Declaration,
    /// Ends with its body or `;`.
    Item(Item),
    /// Begins with a block, `if`, `match` or a loop: ends with its last block.
    BlockLike,
    /// Ends with `;`.
    Expression,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Function,
    /// `impl`, `trait`, `mod`, `extern`: its body holds items.
    Container,
    /// `struct`, `enum`, `union`.
    Data,
}

/// `if`, `while`, `for` or `match`, up to the bracket that opens its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// Between `let` or `for` and its `=` or `in`: brackets belong to a pattern.
    pub(super) in_pattern: bool,
    pub(super) is_match: bool,
}

/// An open bracket, or the cell itself.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact about one open bracket, and none follows from another"
)]
pub(super) struct Frame {
    pub(super) bracket: Bracket,
    pub(super) holds: Holds,
    pub(super) place: Place,
    /// Whether the bracket's end is the end of the statement that it stands in.
    pub(super) ends_statement: bool,
    /// Whether a statement begins with the next token. Where there are arms: whether an arm's value does.
    pub(super) is_fresh: bool,
    /// In arms: left of `=>`.
    pub(super) in_arm_pattern: bool,
    /// An attribute stands before the statement.
    pub(super) has_attribute: bool,
    /// `#` or `#!` was read at the start of a statement.
    pub(super) begins_attribute: bool,
    /// The statement so far is a path, so that a macro's curly brackets end it.
    pub(super) is_path: bool,
    /// After a closure's parameters, up to the end of its body.
    pub(super) in_closure: bool,
    pub(super) in_closure_parameters: bool,
    /// After a closure's `->`.
    pub(super) has_closure_arrow: bool,
    pub(super) statement: Statement,
    /// Open `<` in an item's head or a `let`'s type.
    pub(super) angles: u32,
    /// How many headers belong to the brackets around this one.
    pub(super) first_header: usize,
}

impl Frame {
    pub(super) fn new(bracket: Bracket, holds: Holds, place: Place) -> Self {
        Self {
            bracket,
            holds,
            place,
            ends_statement: false,
            is_fresh: holds == Holds::Statements,
            in_arm_pattern: false,
            has_attribute: false,
            begins_attribute: false,
            is_path: true,
            in_closure: false,
            in_closure_parameters: false,
            has_closure_arrow: false,
            statement: if holds == Holds::Statements {
                Statement::Undecided
            } else {
                Statement::Expression
            },
            angles: 0,
            first_header: 0,
        }
    }

    /// Where the brackets that open now stand, if nothing else says so.
    pub(super) fn inner_place(&self) -> Place {
        if self.in_closure && self.place.is_in_cell() {
            Place::Closure
        } else if self.statement == Statement::Declaration && self.place.is_in_cell() {
            Place::Constant
        } else if self.place == Place::Cell {
            Place::Block
        } else {
            self.place
        }
    }

    pub(super) fn begin_statement(&mut self) {
        self.is_fresh = false;
        self.has_attribute = false;
        self.begins_attribute = false;
        self.is_path = true;
        self.in_closure = false;
        self.in_closure_parameters = false;
        self.has_closure_arrow = false;
        self.angles = 0;
        self.statement = Statement::Undecided;
    }

    pub(super) fn end_statement(&mut self) {
        self.begin_statement();
        self.is_fresh = self.holds == Holds::Statements;
        self.in_arm_pattern = self.holds == Holds::Arms;
    }

    pub(super) fn begin_arm_value(&mut self) {
        self.begin_statement();
        self.is_fresh = true;
        self.in_arm_pattern = false;
    }

    pub(super) fn comma(&mut self) {
        match self.holds {
            // In the type of `|a| -> Result<B, C> { .. }`.
            _ if self.has_closure_arrow => {}
            Holds::Arms => self.end_statement(),
            Holds::List => self.in_closure = false,
            _ => {}
        }
    }

    pub(super) fn counts_angles(&self) -> bool {
        matches!(self.statement, Statement::Item(_) | Statement::LetPattern)
    }

    /// Whether the attribute being read is `#![..]`; `attribute_sign` leaves that in the statement.
    pub(super) fn is_inner_attribute(&self) -> bool {
        self.statement == Statement::Expression
    }
}

/// What a word says about a statement that nothing has decided yet; `before` is the word before it, if the statement has one.
pub(super) fn decide(word: &str, before: Option<&str>) -> Statement {
    match word {
        "let" => Statement::LetPattern,
        "use" | "static" | "type" => Statement::Declaration,
        "crate" if before == Some("extern") => Statement::Declaration,
        "fn" => Statement::Item(Item::Function),
        "struct" | "enum" => Statement::Item(Item::Data),
        "impl" | "trait" | "mod" => Statement::Item(Item::Container),
        "if" | "while" | "for" | "match" | "loop" => Statement::BlockLike,
        "pub" | "unsafe" | "async" | "const" | "extern" | "default" | "auto" | "safe" | "union" | "move" => {
            Statement::Undecided
        }
        _ => match before {
            Some("const") => Statement::Declaration,
            Some("union") => Statement::Item(Item::Data),
            _ => Statement::Expression,
        },
    }
}
