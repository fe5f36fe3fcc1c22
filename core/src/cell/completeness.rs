//! Whether a cell is ready to run, for consoles that must decide what the Enter key means.

use super::{Cell, End, parse, takes_rust_body};

/// Whether a text is a whole cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// It can run.
    Complete,
    /// More must follow; `indent` is what the next line should begin with.
    Incomplete {
        /// Spaces, four for each open bracket.
        indent: String,
    },
    /// No text that follows can make it whole.
    Invalid,
}

/// Whether `text` can run as it stands; what Jupyter's `is_complete` asks.
pub fn completeness(text: &str) -> Completeness {
    parse(text).completeness()
}

impl Cell<'_> {
    /// Whether the cell can run as it stands.
    pub fn completeness(&self) -> Completeness {
        const STEP: usize = 4;
        // Nobody types more brackets by hand, or wants a line that begins with a megabyte of spaces.
        const DEEPEST: usize = 20;
        if self.end != End::Wrong && self.awaits_body() {
            return Completeness::Incomplete { indent: String::new() };
        }
        let steps = match self.end {
            End::Whole => return Completeness::Complete,
            End::Wrong => return Completeness::Invalid,
            // In a string or comment, spaces would become part of it.
            End::Awaited | End::Unclosed => 0,
            End::Unfinished { depth } => depth.min(DEEPEST) + 1,
            End::Open { depth } => depth.min(DEEPEST),
        };
        Completeness::Incomplete {
            indent: " ".repeat(STEP * steps),
        }
    }

    /// For a cell magic: whether its body is missing, or, as it is not Rust, can be anything and so ends with a blank line.
    fn awaits_body(&self) -> bool {
        let (Some(magic), Some(body)) = (self.cell_magic(), self.body()) else {
            return false;
        };
        let body = self.slice(&body);
        let last_line = body.rsplit('\n').next().unwrap_or("");
        let lacks_body = body.trim().is_empty() && !body.contains('\n');
        let is_rust = takes_rust_body(self.slice(&magic.name));
        lacks_body || (!is_rust && !last_line.trim().is_empty())
    }
}
