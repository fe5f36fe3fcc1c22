//! What a cell defines, binds and uses, and the fingerprint of a step.
//!
//! The kernel (for `%%pip_step`), the port and a generated crate all ask this module, so that they agree by construction. It is pure:
//! no I/O, no clock. Text goes in, owned data comes out; nothing of a parser's own types leaves it.
//!
//! - [`analyse`] reads one cell: its items, bindings, uses, magics, and its value.
//! - [`Definitions`] are what the cells so far define. [`Definitions::resolve`] says which variables of other cells a cell uses: those
//!   that came through the pipeline are loaded again ([`Reload`]), all others are untracked ([`Untracked`]).
//! - [`fingerprint`] is that of a step's function body, by what [`Definitions`] it reaches. [`Source`] computes the same from the text
//!   of a generated crate.
//!
//! ```
//! use pipulate_port::analysis::{CellLabel, Definitions, analyse};
//!
//! let first = analyse(&pipulate::cell::parse("let name: String = %pip_get name;\nlet age = 36;")).unwrap();
//! let second = analyse(&pipulate::cell::parse("println!(\"{name} is {}\", age + 1);")).unwrap();
//! assert!(second.free["name"].inline_capture);
//!
//! let mut definitions = Definitions::new();
//! definitions.add("id-1", CellLabel::number(1), &first);
//! let resolution = definitions.resolve(&second);
//! assert_eq!(resolution.reloads[0].names, ["name"]);
//! assert_eq!(resolution.untracked[0].name, "age");
//! ```
//!
//! # How a cell is read
//! The cell is cut by [`pipulate::cell`]. A text is built in which each magic is a statement of Rust and the rest stands as it was
//! written; syn parses it, and every place found is mapped back to bytes of the cell. Commands, shell lines, help and displays are
//! nothing here. What nests too deep for any compiler is a [`Fault`] and no overflow of the stack.
//!
//! # What counts as a use
//! A path's first part (`a` in `a::b`), a field's shorthand (`S { x }`), and in a macro's arguments every name that is not bound,
//! not behind a `.` or `::` and no label. `{x}` in a format string is a use, also as `{x:?}`, `{:x$}` and `{:.x$}`, where the macro
//! formats or is not known not to. Methods and fields are none. A name that a pattern binds is no use within its scope; patterns of
//! `match`, `if let` and the like bind lowercase names only, since `None` and `LIMIT` there are constants. A `fn` sees no variables,
//! so that names in items are the item's own ([`Item::names`]) and not the cell's.
//!
//! # What a fingerprint counts
//! See [`fingerprint`].

mod bindings;
mod cell;
mod definitions;
mod dependency;
mod fingerprint;
mod items;
mod macros;
mod names;
mod patterns;
mod reading;
mod resolution;
mod scope;
mod source;
mod stack;
mod tokens;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use pipulate::cell::{Cell, GetCall, InputCall, JobCall, Place, SetCall, StepCall};

pub use definitions::{CellLabel, Definitions, StepView};
pub use fingerprint::{Known, Reach, fingerprint};
pub use resolution::{LineToAdd, Reload, Resolution, Untracked, Where, Why};
pub use source::{Source, SourceFault};

/// Reads a cell.
///
/// # Errors
/// When the cell has a problem of its own (see [`Cell::problems`]), a magic is not written as it must be, the Rust does not parse, or a
/// `%%pip_step` cell has no value.
pub fn analyse(cell: &Cell<'_>) -> Result<CellAnalysis, Fault> {
    cell::analyse(cell)
}

/// Why a cell cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The text at fault, in bytes of the cell. May be empty, at the place where something lacks.
    pub span: Range<usize>,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to do about it, one sentence; empty where Rust does not parse, which the compiler explains better.
    pub help: String,
}

/// What a cell is made of. All spans are bytes of the cell's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact about the cell, and none follows from another"
)]
pub struct CellAnalysis {
    /// The items among the cell's own statements, in order, each `use` as one. Those of a `%%pip_step` cell stay inside it:
    /// [`Definitions`] leave them out.
    pub items: Vec<Item>,
    /// Whether there is anything to run: a statement that is no item, or a pipeline magic or `%time` with Rust.
    pub statements: bool,
    /// What the cell's own statements bind, in order; not what blocks within it bind.
    pub bindings: Vec<Binding>,
    /// Names that the cell's statements and its magics' values use and do not bind: variables, and also functions, types, macros and
    /// crates of whatever origin. Names in items are not here but in [`Item::names`].
    pub free: BTreeMap<String, Use>,
    /// Each `%pip_set`, in order.
    pub sets: Vec<SetUse>,
    /// Each `let .. = %pip_get`, in order.
    pub gets: Vec<GetUse>,
    /// Each `%pip_get STEP` on a line of its own, which shows the value: the step's name and the magic's place.
    pub shows: Vec<(String, Range<usize>)>,
    /// Each `let .. = %pip_input`, and each `%pip_input` on a line of its own, in order.
    pub inputs: Vec<InputUse>,
    /// The call of `%%pip_step`, when the cell is one.
    pub step: Option<StepCall>,
    /// Each `%pip_job`, in order, with its place. Those that ask for help are not here.
    pub jobs: Vec<(JobCall, Range<usize>)>,
    /// The expression at the end that gives the cell's value, which may still turn out to be `()`. `%time EXPR` as the last line is
    /// one, as a whole.
    pub tail: Option<Range<usize>>,
    /// Where a `;` must be put before anything else can follow: behind an expression at the end that is surely `()`, such as
    /// `println!(..)` or `x = 1`. There is no [`Self::tail`] then, and neither one behind a `for` or a block without a value, which need
    /// no `;`.
    pub needs_semicolon: Option<usize>,
    /// Whether `?` stands in the cell's own code: not in a closure, an `async` block or an item.
    pub has_question_mark: bool,
    /// Whether `.await` stands in the cell's own code.
    pub awaits: bool,
    /// Whether `return` stands in the cell's own code.
    pub returns: bool,
    /// Each `:dep` line, in order.
    pub dependencies: Vec<Dependency>,
    /// Attributes that speak of the whole cell, `#![..]`.
    pub inner_attributes: Vec<Range<usize>>,
}

impl CellAnalysis {
    /// The last `%pip_job` of the cell.
    pub fn job(&self) -> Option<&JobCall> {
        self.jobs.last().map(|(call, _)| call)
    }

    /// Whether the cell itself gives this name a meaning, by a binding or an item.
    pub fn defines(&self, name: &str) -> bool {
        self.bindings.iter().any(|binding| binding.name == name) || self.items.iter().any(|item| item.defines(name))
    }

    /// Whether any code of the cell, its items included, uses a name that the cell does not bind.
    pub fn uses(&self, name: &str) -> bool {
        self.free.contains_key(name) || self.items.iter().any(|item| item.names.contains(name))
    }

    /// The binding of this name that code after the cell sees.
    pub fn binding(&self, name: &str) -> Option<&Binding> {
        self.bindings.iter().rev().find(|binding| binding.name == name)
    }
}

/// An item: `fn`, `struct`, `use` and so on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// Its name. `None` for an `impl`, a `use`, an `extern` block and a macro call, `thread_local!` among them.
    pub name: Option<String>,
    /// Where it stands, attributes and doc comments included.
    pub span: Range<usize>,
    /// Its tokens, one space between each, in a form that comments, layout and documentation do not change.
    pub tokens: String,
    /// Names that it uses and does not define itself.
    pub names: BTreeSet<String>,
    /// Methods it calls and later parts of its paths (`b` in `a::b`): what may belong to a trait that it does not name.
    pub members: BTreeSet<String>,
    /// Every identifier in it, for the names of crates.
    pub words: BTreeSet<String>,
}

impl Item {
    /// Whether it gives this name a meaning.
    pub fn defines(&self, name: &str) -> bool {
        match &self.kind {
            ItemKind::Use { imports } => imports.iter().any(|import| import.name.as_deref() == Some(name)),
            ItemKind::ThreadLocal { statics } => statics.iter().any(|defined| defined == name),
            _ => self.name.as_deref() == Some(name),
        }
    }

    /// Whether it may bring names that nobody can tell from it: `use ..::*`, but for the standard library's, which mean there what they
    /// mean anywhere.
    pub fn brings_unknown(&self) -> bool {
        let ItemKind::Use { imports } = &self.kind else {
            return false;
        };
        imports.iter().any(|import| {
            let path = import.tokens.rsplit_once("use ").map_or("", |(_, path)| path);
            let first = path.trim_start_matches(":: ").split(' ').next();
            path.ends_with('*') && !matches!(first, Some("std" | "core" | "alloc"))
        })
    }

    /// What people call it: `fn greet`, `impl Display for Point`, `use std::fmt`.
    pub fn title(&self) -> String {
        items::title(self)
    }
}

/// The kinds of items.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ItemKind {
    /// `const`.
    Const,
    /// `enum`.
    Enum,
    /// `extern crate`.
    ExternCrate,
    /// `fn`.
    Fn,
    /// `extern "C" { .. }`.
    ForeignMod,
    /// `impl`.
    Impl {
        /// What an `impl` that replaces this one has too: `Display for Point`, or `Point::area`, by the first function, where there is
        /// no trait.
        subject: String,
        /// The names in its head, its own parameters left out: types and traits.
        of: BTreeSet<String>,
    },
    /// A call of a macro where an item may stand.
    MacroCall,
    /// `macro_rules!`.
    MacroRules,
    /// `mod`.
    Mod,
    /// `static`.
    Static {
        /// Whether its value can change: `static mut`, an atomic, a lock, a cell. A notebook's cells each get a fresh copy of it.
        changeable: bool,
    },
    /// `struct`.
    Struct,
    /// A call of `thread_local!`.
    ThreadLocal {
        /// The names of its `static`s, in order.
        statics: Vec<String>,
    },
    /// `trait`, and a trait's alias.
    Trait {
        /// The names of its functions, constants and types.
        members: BTreeSet<String>,
    },
    /// `type`.
    Type,
    /// `union`.
    Union,
    /// `use`.
    Use {
        /// Each name that it brings, in order.
        imports: Vec<Import>,
    },
    /// What the parser knows as an item and no more.
    Other,
}

/// One name that a `use` brings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The name; `None` for `*` and `_`.
    pub name: Option<String>,
    /// The import alone, in canonical tokens: `use std :: io :: Write as W`.
    pub tokens: String,
}

/// A variable that a cell's own statements bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The variable.
    pub name: String,
    /// Whether it is `mut`, or bound by `ref mut`.
    pub mutable: bool,
    /// Its type as it was written, also from a tuple's type for a tuple's pattern.
    pub ty: Option<String>,
    /// Its type where none was written and the value leaves no doubt: `String::from(..)`, `format!(..)`, `5_u8`, `true`.
    pub inferred: Option<String>,
    /// Where the name stands.
    pub span: Range<usize>,
    /// The `let` that binds it, from the word to its end.
    pub statement: Range<usize>,
    /// Where its value comes from.
    pub from: Origin,
    /// The step that a `%pip_set STEP = NAME` among the cell's own statements saved it as, and that call's job.
    pub set_as: Option<SavedAs>,
    /// Whether it hides an earlier binding of the cell that has the same name.
    pub shadows: bool,
    /// Whether a later binding of the cell hides it.
    pub shadowed: bool,
}

/// Where a binding was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedAs {
    /// The step.
    pub step: String,
    /// The job, when it is not the current one.
    pub job: Option<String>,
}

/// Where a binding's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An expression, or nothing yet.
    Plain,
    /// A magic, `let PATTERN = %pip_get ..` or `%pip_input`.
    Pipeline(PipelineOrigin),
}

/// The magic that gave a pattern its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineOrigin {
    /// The step.
    pub step: String,
    /// The job, when it is not the current one.
    pub job: Option<String>,
    /// Whether it was `%pip_input`.
    pub is_input: bool,
    /// Whether it was `%pip_input --secret`.
    pub secret: bool,
    /// The pattern as it was written.
    pub pattern: String,
    /// The names that the pattern binds.
    pub names: Vec<String>,
    /// The pattern's type as it was written; `String` for an input without one.
    pub ty: Option<String>,
    /// The expression of `--default`.
    pub default: Option<String>,
    /// The names that the default uses.
    pub default_names: BTreeSet<String>,
}

/// How a name is used that a cell does not bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The first use.
    pub span: Range<usize>,
    /// Whether any use may be one of a variable; else the name is only the beginning of a longer path, a type or a macro.
    pub variable: bool,
    /// Whether it is written to or borrowed to be written: `x = ..`, `x += ..`, `x.y = ..`, `&mut x`.
    pub assigned: bool,
    /// Whether a format string captures it.
    pub inline_capture: bool,
}

/// A `%pip_set`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUse {
    /// The call.
    pub call: SetCall,
    /// The magic's segment.
    pub span: Range<usize>,
    /// Where it stands: among the cell's own statements or in a block, where it may not run.
    pub place: Place,
}

/// A `let PATTERN[: TYPE] = %pip_get ..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetUse {
    /// The call.
    pub call: GetCall,
    /// The magic's segment.
    pub span: Range<usize>,
    /// Where it stands.
    pub place: Place,
    /// What is bound.
    pub pattern: Range<usize>,
    /// The type, when one is written.
    pub ty: Option<Range<usize>>,
}

/// A `%pip_input`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputUse {
    /// The call.
    pub call: InputCall,
    /// The magic's segment.
    pub span: Range<usize>,
    /// Where it stands.
    pub place: Place,
    /// What is bound; `None` on a line of its own.
    pub pattern: Option<Range<usize>>,
    /// The type, when one is written.
    pub ty: Option<Range<usize>>,
}

/// A `:dep` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The package's name as it was written; `None` for a line such as `:dep ./folder`, whose package only its manifest names.
    pub name: Option<String>,
    /// The TOML after the `=`, as it was written: `"1"`, `{ version = "1" }`; `"*"` where there is none.
    pub toml: String,
    /// The specification in one form for all ways to write it; see [`fingerprint`].
    pub canonical: String,
    /// The folder of a dependency by path.
    pub path: Option<String>,
    /// The line.
    pub span: Range<usize>,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
