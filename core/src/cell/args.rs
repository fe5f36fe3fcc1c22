//! The command line of a magic: arguments, options, and a value of Rust at its end.
//!
//! What a magic accepts is data, a [`Usage`]. From it come the parsing, the error messages with the nearest option, the line that
//! `--help` shows, and what Tab offers.
//!
//! ```
//! use pipulate::cell::args::{ArgumentSpec, OptionSpec, Tail, Usage};
//! use pipulate::cell::parse;
//!
//! const FORK: Usage = Usage {
//!     name: "pip_fork",
//!     arguments: &[ArgumentSpec::required("KEY", "the new job's key")],
//!     options: &[OptionSpec::word("from", None, "STEP", "the last step to take along")],
//!     tail: Tail::Nothing,
//! };
//!
//! let cell = parse("%pip_fork hello-02 --from \"step 01\"");
//! let parsed = FORK.parse(cell.text(), cell.magics().next().unwrap()).unwrap();
//! assert_eq!(parsed.argument(0).unwrap().text, "hello-02");
//! assert_eq!(parsed.option("from").unwrap().text, "step 01");
//! assert_eq!(FORK.to_string(), "%pip_fork KEY [--from STEP]");
//! ```

use std::fmt;
use std::ops::Range;

pub use super::words::Word;

/// What a magic accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The magic's name, without `%`.
    pub name: &'static str,
    /// Its arguments, in order.
    pub arguments: &'static [ArgumentSpec],
    /// Its options. `--help` is understood without being listed.
    pub options: &'static [OptionSpec],
    /// What its text ends in.
    pub tail: Tail,
}

/// One argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgumentSpec {
    /// What stands for it in a usage line, which also says what Tab completes: `STEP`, `KEY`.
    pub name: &'static str,
    /// How often it is given.
    pub arity: Arity,
    /// What it means, for `--help`.
    pub help: &'static str,
}

/// How often an argument is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// Once.
    Required,
    /// Once or not at all.
    Optional,
    /// Any number of times; only the last argument can be.
    Many,
}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionSpec {
    /// Its name, without `--`.
    pub long: &'static str,
    /// Its letter, without `-`.
    pub short: Option<char>,
    /// What follows it.
    pub takes: Takes,
    /// What it does, for `--help`.
    pub help: &'static str,
}

/// What follows an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing: it is a flag.
    Nothing,
    /// A word, which is called so in a usage line.
    Word(&'static str),
    /// All that is left of the magic's text, as Rust.
    Expression(&'static str),
}

/// What a magic's text ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing but arguments and options.
    Nothing,
    /// `= EXPR`.
    Assignment {
        /// What stands for the value in a usage line.
        name: &'static str,
        /// Whether there must be one.
        is_required: bool,
    },
    /// All that follows the arguments, as it stands.
    Rest {
        /// What stands for it in a usage line.
        name: &'static str,
        /// Whether there must be one.
        is_required: bool,
    },
}

/// A magic's arguments and options, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The arguments, in order.
    pub arguments: Vec<Word>,
    /// The options, as they were given.
    pub options: Vec<OptionUse>,
    /// What follows the `=`, or the rest.
    pub tail: Option<Range<usize>>,
    /// Whether `--help` was asked for; arguments may be missing then.
    pub wants_help: bool,
}

/// An option as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionUse {
    /// [`OptionSpec::long`].
    pub name: &'static str,
    /// Where it stands, its value included.
    pub span: Range<usize>,
    /// Its value; `None` for a flag. An expression is unchanged.
    pub value: Option<Word>,
}

/// A magic that was not written as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError {
    /// The text at fault.
    pub span: Range<usize>,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl fmt::Display for UsageError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for UsageError {}

impl ArgumentSpec {
    /// One that must be given.
    pub const fn required(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            arity: Arity::Required,
            help,
        }
    }

    /// One that may be left out.
    pub const fn optional(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            arity: Arity::Optional,
            help,
        }
    }

    /// One that may be repeated.
    pub const fn many(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            arity: Arity::Many,
            help,
        }
    }
}

impl OptionSpec {
    /// One without a value.
    pub const fn flag(long: &'static str, short: Option<char>, help: &'static str) -> Self {
        Self {
            long,
            short,
            takes: Takes::Nothing,
            help,
        }
    }

    /// One with a word for its value, which is called `name`.
    pub const fn word(long: &'static str, short: Option<char>, name: &'static str, help: &'static str) -> Self {
        Self {
            long,
            short,
            takes: Takes::Word(name),
            help,
        }
    }

    /// `--default EXPR`: the one option whose value is Rust and which comes last.
    pub const fn default_expression(help: &'static str) -> Self {
        Self {
            long: "default",
            short: None,
            takes: Takes::Expression("EXPR"),
            help,
        }
    }
}

impl Parsed {
    /// The argument at `index`, from 0.
    pub fn argument(&self, index: usize) -> Option<&Word> {
        self.arguments.get(index)
    }

    /// The value of an option that takes a word.
    pub fn option(&self, name: &str) -> Option<&Word> {
        self.options.iter().find(|option| option.name == name)?.value.as_ref()
    }

    /// Whether a flag was given.
    pub fn flag(&self, name: &str) -> bool {
        self.options.iter().any(|option| option.name == name)
    }

    /// Where the Rust of an option such as `--default` stands.
    pub fn expression(&self, name: &str) -> Option<Range<usize>> {
        self.option(name).map(|value| value.span.clone())
    }
}

impl fmt::Display for Usage {
    /// The usage line, such as `%pip_set STEP [--job KEY] = EXPR`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "%{}", self.name)?;
        for argument in self.arguments {
            match argument.arity {
                Arity::Required => write!(formatter, " {}", argument.name)?,
                Arity::Optional => write!(formatter, " [{}]", argument.name)?,
                Arity::Many => write!(formatter, " [{}]...", argument.name)?,
            }
        }
        for option in self.options {
            match option.takes {
                Takes::Nothing => write!(formatter, " [--{}]", option.long)?,
                Takes::Word(name) | Takes::Expression(name) => write!(formatter, " [--{} {name}]", option.long)?,
            }
        }
        match self.tail {
            Tail::Nothing => Ok(()),
            Tail::Assignment {
                name,
                is_required: true,
            } => write!(formatter, " = {name}"),
            Tail::Assignment {
                name,
                is_required: false,
            } => write!(formatter, " [= {name}]"),
            Tail::Rest {
                name,
                is_required: true,
            } => write!(formatter, " {name}"),
            Tail::Rest {
                name,
                is_required: false,
            } => write!(formatter, " [{name}]"),
        }
    }
}
