//! Items of a cell that mean something else outside of a crate's root.

use std::ops::Range;

use super::Cell;
use super::impls::Reader;

/// Crates that come with the compiler.
const STANDARD_CRATES: [&str; 5] = ["alloc", "core", "proc_macro", "std", "test"];

/// An `extern crate` of a crate that comes with the compiler: no registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandardCrate {
    /// From `extern` to the semicolon.
    pub span: Range<usize>,
    /// The crate.
    pub name: String,
    /// The name that it gets: its own, but for `as`.
    pub alias: String,
}

/// A call of `thread_local!` among a cell's own items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadLocals {
    /// From the macro's name to the end of the call, its semicolon included.
    pub span: Range<usize>,
    /// Where the `static`s stand that only their own module sees.
    pub private: Vec<usize>,
    /// The names of all of them.
    pub names: Vec<String>,
}

impl Cell<'_> {
    /// The statements `extern crate NAME;` that name a crate of the compiler's own.
    pub fn standard_crates(&self) -> Vec<StandardCrate> {
        let mut found = Vec::new();
        let mut reader = Reader::new(self);
        while reader.begin_statement() {
            let start = reader.start();
            let (name, rest) = (reader.word(2), reader.text_at(3));
            let (alias, end) = if rest == "as" { (reader.word(4), 5) } else { (name, 3) };
            if reader.word(0) == "extern"
                && reader.word(1) == "crate"
                && STANDARD_CRATES.contains(&name)
                && reader.text_at(end) == ";"
            {
                let (name, alias) = (name.to_owned(), alias.to_owned());
                reader.skip_statement();
                let span = start..reader.end();
                found.push(StandardCrate { span, name, alias });
            } else {
                reader.skip_statement();
            }
        }
        found
    }

    /// The calls of `thread_local!` that stand where items may.
    pub fn thread_locals(&self) -> Vec<ThreadLocals> {
        let mut found = Vec::new();
        let mut reader = Reader::new(self);
        while reader.begin_statement() {
            let start = reader.start();
            let at = if reader.word(0) == "std" && reader.text_at(1) == "::" {
                2
            } else {
                0
            };
            if reader.word(at) != "thread_local" || reader.text_at(at + 1) != "!" {
                reader.skip_statement();
                continue;
            }
            reader.skip(at + 2);
            let body = reader.at();
            reader.skip_brackets();
            let statics = reader.private_statics(body);
            if reader.text_at(0) == ";" {
                reader.skip(1);
            }
            let (private, names) = statics;
            let span = start..reader.end();
            found.push(ThreadLocals { span, private, names });
        }
        found
    }
}
