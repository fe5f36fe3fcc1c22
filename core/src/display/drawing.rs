//! What the kernel draws, so that tables and bars look the same wherever they come from.

use serde::{Deserialize, Serialize};

/// The media type of a [`Drawing`], between a cell and the kernel. No front end ever sees it.
pub const DRAWING: &str = "application/vnd.pipulate.drawing+json";

/// What is drawn by the notebook's kernel, in its own look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Drawing {
    /// A value, as `%pip_get` shows it.
    Value {
        /// As JSON text, which keeps the order of keys and the digits of numbers.
        json: String,
        /// How many elements it has beyond those in the text.
        left_out: usize,
    },
    /// How far something has come.
    Progress {
        /// What it is; may be empty.
        label: String,
        /// How much is done.
        done: usize,
        /// How much there is to do, where that is known.
        total: Option<usize>,
        /// The same in words, with times.
        note: String,
    },
}
