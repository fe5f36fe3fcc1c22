//! What a value is refused for, and where inside it.

use std::cell::RefCell;
use std::fmt::{self, Display};

/// How deeply arrays and objects may be nested: what `serde_json` reads back.
pub const DEEPEST: usize = 127;

/// Why a value cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// JSON cannot hold it.
    #[error("{reason}")]
    Unrepresentable {
        /// The place inside the value, such as `items[3].price`; empty for the value itself.
        path: String,
        /// Why not.
        reason: String,
    },
    /// It is over the limit.
    #[error("{size} bytes of JSON; the limit is {limit}")]
    TooLarge {
        /// Its size as JSON, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
    },
}

/// Where in the value we are: a list from the innermost part outwards, kept on the stack.
pub(super) enum Place<'a> {
    Root,
    Field(&'a Place<'a>, &'a str),
    Index(&'a Place<'a>, usize),
}

impl Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => formatter.write_str(name),
            Self::Field(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Index(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

pub(super) fn note(fault: &RefCell<Option<Fault>>, at: &Place<'_>, reason: impl FnOnce() -> String) {
    fault.borrow_mut().get_or_insert_with(|| Fault::Unrepresentable {
        path: at.to_string(),
        reason: reason(),
    });
}

pub(super) fn too_deep() -> String {
    format!("it is nested more than {DEEPEST} levels deep")
}

pub(super) fn key_is_there() -> String {
    "the key is there twice".to_owned()
}
