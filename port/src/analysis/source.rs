//! The source text of a generated crate, read for fingerprints.

use std::collections::BTreeMap;
use std::fmt;

use proc_macro2::TokenStream;
use syn::spanned::Spanned;
use syn::{File, Item as Syntax};

use super::fingerprint::{Known, Reach, fingerprint};
use super::names::plain;
use super::{Fault, Item, dependency, items, stack};

/// The items, steps and dependencies of a generated crate.
///
/// ```
/// use pipulate_port::analysis::Source;
///
/// let cells = "fn shout(text: &str) -> String { text.to_uppercase() }\npub mod steps;";
/// let steps = "use super::*;\npub fn step_01_greet(pip: Pip, job: Job) -> Result<String, StepError> { Ok(shout(\"hello\")) }";
/// let manifest = "[dependencies]\npipulate-server = { path = \"../server\" }";
/// let source = Source::parse(cells, steps, manifest).unwrap();
/// assert_eq!(source.fingerprint("step_01_greet").unwrap().len(), 32);
/// ```
#[derive(Clone, Debug)]
pub struct Source {
    /// Each with the number of the cell that it comes from.
    items: Vec<(usize, Item)>,
    functions: BTreeMap<String, Function>,
    dependencies: Vec<(String, String)>,
}

/// The function of a step.
#[derive(Clone, Debug)]
struct Function {
    /// The number of the cell that it comes from; the last there can be when nothing says it.
    cell: usize,
    body: String,
}

/// A crate's source, as one of its steps reaches it.
struct View<'a> {
    source: &'a Source,
    step: usize,
}

/// Why a generated crate's source cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFault {
    /// The file: `src/cells.rs`, `src/cells/steps.rs` or `Cargo.toml`.
    pub file: &'static str,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, one sentence.
    pub message: String,
}

impl fmt::Display for SourceFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl std::error::Error for SourceFault {}

impl Source {
    /// Reads the text of `src/cells.rs`, `src/cells/steps.rs` and `Cargo.toml`. Modules in files of their own are left out. Which cell
    /// something comes from is told by the lines `// Cell 3` before it.
    ///
    /// # Errors
    /// When one of them does not parse.
    pub fn parse(cells: &str, steps: &str, manifest: &str) -> Result<Self, SourceFault> {
        let items = stack::with_tokens(cells.trim_start_matches('\u{feff}'), |tokens| {
            let text = cells.trim_start_matches('\u{feff}');
            let read = file(tokens, text)?.items;
            let cells = Cells::of(text);
            let kept = read.iter().filter(|item| !items::is_file(item)).flat_map(|item| {
                let span = item.span().byte_range();
                let cell = cells.at(span.start).unwrap_or_default();
                let item = items::item(item, text.get(span.clone()).unwrap_or_default(), span);
                items::split(&item).into_iter().map(move |item| (cell, item))
            });
            Ok(kept.collect())
        });
        let functions = stack::with_tokens(steps.trim_start_matches('\u{feff}'), |tokens| {
            let text = steps.trim_start_matches('\u{feff}');
            let cells = Cells::of(text);
            let functions = file(tokens, text)?.items.into_iter().filter_map(|item| match item {
                Syntax::Fn(function) => Some(function),
                _ => None,
            });
            let body = |function: syn::ItemFn| {
                let span = function.block.span().byte_range();
                let inner = text.get(span.start + 1..span.end.saturating_sub(1)).unwrap_or_default();
                let cell = cells.at(function.span().byte_range().start).unwrap_or(usize::MAX);
                let body = inner.to_owned();
                (plain(&function.sig.ident), Function { cell, body })
            };
            Ok(functions.map(body).collect())
        });
        let dependencies = dependency::of_manifest(manifest).map_err(|error| SourceFault {
            file: "Cargo.toml",
            line: line(manifest, error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        })?;
        Ok(Self {
            items: items.map_err(|fault| in_file("src/cells.rs", cells, fault))?,
            functions: functions.map_err(|fault| in_file("src/cells/steps.rs", steps, fault))?,
            dependencies,
        })
    }

    /// The fingerprint of a step's function; `None` when there is no function of this name.
    pub fn fingerprint(&self, function: &str) -> Option<String> {
        let function = self.functions.get(function)?;
        let view = View {
            source: self,
            step: function.cell,
        };
        Some(fingerprint(&function.body, &view))
    }

    /// The names of the functions in `src/cells/steps.rs`.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }
}

impl Reach for View<'_> {
    fn known(&self) -> Known<'_> {
        let source = self.source;
        Known {
            items: source.items.iter().map(|(_, item)| item).collect(),
            places: source.items.iter().map(|(cell, _)| *cell).collect(),
            step: self.step,
            dependencies: source
                .dependencies
                .iter()
                .map(|(name, canonical)| (name.as_str(), canonical.as_str()))
                .collect(),
        }
    }
}

/// The lines that say which cell what follows comes from.
struct Cells(Vec<(usize, usize)>);

impl Cells {
    fn of(text: &str) -> Self {
        let mut at = 0;
        let mut found = Vec::new();
        for line in text.split_inclusive('\n') {
            let number = line
                .strip_prefix("// Cell ")
                .and_then(|number| number.trim_end().parse().ok());
            found.extend(number.map(|number| (at, number)));
            at += line.len();
        }
        Self(found)
    }

    /// The cell of what stands at a place.
    fn at(&self, place: usize) -> Option<usize> {
        let index = self.0.partition_point(|(at, _)| *at <= place);
        self.0[..index].last().map(|(_, number)| *number)
    }
}

fn file(tokens: TokenStream, text: &str) -> Result<File, Fault> {
    syn::parse2(tokens).map_err(|error| super::cell::syntax_fault(&error, text.trim_end().len()))
}

fn in_file(file: &'static str, text: &str, fault: Fault) -> SourceFault {
    SourceFault {
        file,
        line: line(text, fault.span.start),
        message: fault.message,
    }
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
