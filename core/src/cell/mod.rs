//! The grammar of a notebook cell: text in, segments with byte spans out.
//!
//! A cell is Rust, evcxr's `:commands`, `!shell` lines and magics:
//!
//! ```text
//! cell       = [ cell-magic newline ] { command } { rust | line-magic | let-magic }
//! cell-magic = "%%" name args                        the first line that is not blank or a comment
//! line-magic = "%" name args                         a whole line, where a statement may stand
//! let-magic  = "let" pattern [":" type] "=" "%" name args [";"]
//! command    = ":" letter ... | "!" ...              whole lines before any Rust
//! help       = "?" name | "%" name "?"
//! ```
//!
//! [`parse`] never fails and never panics; the segments joined again are the text, byte for byte. What is wrong with a cell is told
//! by [`Cell::problems`]. A `%` in a string, comment, macro call or unfinished expression is Rust's own.
//!
//! ```
//! use pipulate::cell::{SegmentKind, SetCall, parse};
//!
//! let cell = parse("let name = \"Ada\";\n%pip_set greeting = format!(\"Hello, {name}\") // kept\n");
//! let magic = cell.magics().next().unwrap();
//! assert_eq!(cell.slice(&magic.name), "pip_set");
//!
//! let call = SetCall::parse(cell.text(), magic).unwrap();
//! assert_eq!(call.step.text, "greeting");
//! assert_eq!(cell.slice(&call.value), "format!(\"Hello, {name}\")");
//! ```
//!
//! Both the kernel, which runs cells, and the port, which turns them into a crate, read cells through this module alone. It does no
//! I/O and knows no magic by what it does; the two facts about magics that the grammar needs (whose text is Rust) are in
//! [`takes_rust_body`] and [`takes_rust_line`].

pub mod args;
mod calls;
mod captures;
mod completeness;
mod completion;
mod delimiters;
mod frame;
mod impls;
mod items;
mod json_like;
mod lexer;
mod line;
mod mentions;
mod nearest;
mod parse;
mod structure;
mod usage;
mod words;

use std::ops::Range;

pub use args::UsageError;
pub use calls::{GetCall, InputCall, JobCall, SetCall, StepCall, json_literal, wants_help};
pub use captures::captured_names;
pub use completeness::{Completeness, completeness};
pub use completion::{Completing, completing};
pub use delimiters::Unbalanced;
pub use impls::ImplBlock;
pub use items::{StandardCrate, ThreadLocals};
pub use lexer::is_keyword;
pub use mentions::{awaits, mentions, names_crate};
pub use nearest::nearest;
pub use parse::parse;

/// A cell's text, cut into segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell<'a> {
    text: &'a str,
    segments: Vec<Segment>,
    problems: Vec<Problem>,
    remainders: Vec<Range<usize>>,
    ends_in_value: bool,
    unbalanced: Option<Unbalanced>,
    end: End,
}

/// A part of a cell. Segments are never empty, follow each other without gaps, and end on character boundaries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What it is.
    pub kind: SegmentKind,
    /// Where it stands in the cell, in bytes.
    pub span: Range<usize>,
}

/// What a segment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SegmentKind {
    /// The first line of a `%%name` cell, with its line end. The rest of the cell is [`Cell::body`].
    CellMagic(MagicCall),
    /// The body of a cell magic whose text is not Rust.
    Body,
    /// A line for evcxr, from its `:` to the end of the line.
    Command,
    /// A line for the shell, from its `!` to the end of the line.
    Shell,
    /// Rust, with the comments and blank lines around it.
    Rust,
    /// From the `%` to the end of the magic's last line, a trailing comment included.
    LineMagic(MagicCall),
    /// From the `let` to the semicolon, or to the end of the line without one.
    LetMagic(LetMagic),
    /// `?name` or `%name?`: a whole line.
    Help(Help),
    /// Comments, blank lines, a byte order mark, a `#!` line: nothing that does anything.
    Trivia,
}

/// One magic as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MagicCall {
    /// The name, without `%` or `%%`.
    pub name: Range<usize>,
    /// What follows the name, up to the trailing comment or semicolon, without space at either end.
    pub args: Range<usize>,
    /// The end of `args` that is Rust: after `=` or `--default`, or all of it where [`takes_rust_line`]. Empty when nothing
    /// follows the `=`.
    pub value: Option<Range<usize>>,
    /// Where it stands.
    pub place: Place,
    /// Whether a `;` closes it.
    pub semicolon: bool,
    /// Whether more text must follow: an open bracket or string in the value, or no value after `=`.
    pub unfinished: bool,
}

/// `let PATTERN[: TYPE] = %name ARGS[;]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetMagic {
    /// What is bound.
    pub pattern: Range<usize>,
    /// The type, when one is given.
    pub ty: Option<Range<usize>>,
    /// The magic.
    pub call: MagicCall,
}

/// A request for help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    /// What help is wanted for, without `?` and `%`.
    pub name: Range<usize>,
    /// Whether it was written with a `%`, so that it can only be a magic.
    pub is_magic: bool,
}

/// Where a magic stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// Among the cell's own statements.
    Cell,
    /// In a block of the cell: `if`, a loop, `match`, plain brackets.
    Block,
    /// In the body of a `fn`.
    Function,
    /// In the body of a closure.
    Closure,
    /// In an `async` block.
    Async,
    /// In the value of a `const` or `static`, or a `const` block.
    Constant,
    /// Among the items of an `impl`, `trait`, `mod` or `extern`.
    Item,
}

/// Something that is wrong with a cell as a whole, so that nothing of it should run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The text at fault.
    pub span: Range<usize>,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to do about it, one sentence.
    pub help: String,
}

/// How a cell's text ends; what [`completeness`] goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing lacks.
    Whole,
    /// What is awaited begins a line as the last one did: the item after an attribute, a body's bracket.
    Awaited,
    /// A statement or a magic lacks its end; this many brackets are open around it.
    Unfinished { depth: usize },
    /// This many brackets are open.
    Open { depth: usize },
    /// A string or comment is open.
    Unclosed,
    /// A bracket was closed that was not open, or a magic's quote has no end.
    Wrong,
}

impl<'a> Cell<'a> {
    /// The cell's text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The text of a span of this cell.
    ///
    /// # Panics
    /// When `span` is not one of this cell's.
    pub fn slice(&self, span: &Range<usize>) -> &'a str {
        &self.text[span.clone()]
    }

    /// All segments, in order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// What is wrong with the cell, in order of place. Nothing of a cell with problems should run.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What is wrong with the cell's brackets, strings and comments. Nothing of such a cell should run.
    pub fn unbalanced(&self) -> Option<&Unbalanced> {
        self.unbalanced.as_ref()
    }

    /// Every `%name` at the start of a line that is Rust's remainder operator, since the expression before it has not ended.
    /// When such a cell does not compile, a missing `;` is the likely reason.
    pub fn remainders(&self) -> &[Range<usize>] {
        &self.remainders
    }

    /// The cell magic, when the cell begins with one.
    pub fn cell_magic(&self) -> Option<&MagicCall> {
        self.segments.iter().find_map(|segment| match &segment.kind {
            SegmentKind::CellMagic(call) => Some(call),
            _ => None,
        })
    }

    /// What follows the cell magic's line; `None` without a cell magic.
    pub fn body(&self) -> Option<Range<usize>> {
        let magic = self
            .segments
            .iter()
            .find(|segment| matches!(segment.kind, SegmentKind::CellMagic(_)))?;
        Some(magic.span.end..self.text.len())
    }

    /// Every magic, the cell magic first.
    pub fn magics(&self) -> impl Iterator<Item = &MagicCall> {
        self.segments.iter().filter_map(|segment| match &segment.kind {
            SegmentKind::CellMagic(call) | SegmentKind::LineMagic(call) => Some(call),
            SegmentKind::LetMagic(binding) => Some(&binding.call),
            _ => None,
        })
    }

    /// Whether the compiler is needed whatever the magics do: there is Rust, or a `let` that a magic gives its value to.
    /// The value of a line magic may need it too; [`SetCall::literal`] tells.
    pub fn has_rust(&self) -> bool {
        self.segments
            .iter()
            .any(|segment| matches!(segment.kind, SegmentKind::Rust | SegmentKind::LetMagic(_)))
    }

    /// Whether the cell's Rust ends in an expression without a semicolon, and nothing but comments follows: a value, unless its
    /// type is `()`.
    pub fn ends_in_value(&self) -> bool {
        self.ends_in_value
    }

    /// Whether there are only comments and blank lines.
    pub fn is_blank(&self) -> bool {
        self.segments.iter().all(|segment| segment.kind == SegmentKind::Trivia)
    }
}

impl MagicCall {
    /// Whether it stands in a block, of whatever kind, and not among the cell's own statements.
    pub fn in_block(&self) -> bool {
        self.place != Place::Cell
    }

    /// Whether it stands where no magic may: in a `fn`, a closure and the like. The cell has a [`Problem`] then.
    pub fn in_fn(&self) -> bool {
        !self.place.is_in_cell()
    }
}

impl Place {
    /// Whether what stands here runs when the cell runs, in the cell's own function.
    pub fn is_in_cell(self) -> bool {
        matches!(self, Self::Cell | Self::Block)
    }
}

/// Whether the body of the cell magic `%%name` is Rust, with magics of its own. Any other body is plain text.
pub fn takes_rust_body(name: &str) -> bool {
    matches!(name, "pip_step" | "time")
}

/// Whether what stands behind the `=` or `--default` of this magic is Rust.
fn takes_rust_value(name: &str) -> bool {
    takes_rust_line(name) || ["pip_set", "pip_get", "pip_input"].contains(&name)
}

/// Whether all that follows `%name` on its line is Rust, so that open brackets carry it on over the next lines.
pub fn takes_rust_line(name: &str) -> bool {
    name == "time"
}
