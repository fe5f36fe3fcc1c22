//! The magics: each is one file, and one line in [`ALL`].
//!
//! A magic that stands in a cell without Rust runs here, at once. Amid Rust it is lowered to a call (see
//! [`crate::lower`]): those that move values between Rust and the store become calls of the cell library, all others come
//! back here through the cell's socket, in the order of the cell's statements.
//!
//! What a magic accepts and what its help says is data, its [`Specification`]: parsing, `--help`, `%lsmagic`, `?` and Tab
//! all go by it.

use std::path::Path;
use std::sync::Arc;

use pipulate::cell::args::{Parsed, UsageError};
use pipulate::cell::{Cell, MagicCall, nearest};
use pipulate::{Error, Job, Pip};

use crate::engine::handle::EngineHandle;
use crate::outputs::{CellError, MimeBundle, Outputs, Stream};
use crate::render;
use crate::state::{NotebookState, pip_error};

mod bash;
mod cd;
mod checkpoint;
mod completion;
mod env;
mod help;
mod history;
pub mod input;
mod lsmagic;
mod opt;
mod pip_db;
mod pip_delete;
mod pip_finalize;
mod pip_fork;
mod pip_get;
mod pip_history;
mod pip_input;
mod pip_job;
mod pip_jobs;
mod pip_port;
mod pip_read;
mod pip_remove;
mod pip_revert;
pub mod pip_set;
pub mod pip_step;
mod pip_steps;
mod pip_undo;
mod pip_unfinalize;
mod pwd;
mod reset;
mod secrets;
mod specification;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod time;
mod variable_values;
mod who;
mod whos;
mod writefile;

pub use completion::complete;
pub use help::{help, help_at};
pub use specification::{Example, Form, Specification};

/// Every magic, in the order in which they are listed.
pub static ALL: &[&Magic] = &[
    &pip_job::MAGIC,
    &pip_set::MAGIC,
    &pip_get::MAGIC,
    &pip_input::MAGIC,
    &pip_step::MAGIC,
    &pip_read::MAGIC,
    &pip_steps::MAGIC,
    &pip_revert::MAGIC,
    &pip_undo::MAGIC,
    &pip_remove::MAGIC,
    &pip_finalize::MAGIC,
    &pip_unfinalize::MAGIC,
    &pip_fork::MAGIC,
    &pip_delete::MAGIC,
    &pip_jobs::MAGIC,
    &pip_history::MAGIC,
    &pip_db::MAGIC,
    &pip_port::MAGIC,
    &lsmagic::MAGIC,
    &time::MAGIC,
    &who::MAGIC,
    &whos::MAGIC,
    &env::MAGIC,
    &cd::MAGIC,
    &pwd::MAGIC,
    &reset::MAGIC,
    &checkpoint::MAGIC,
    &opt::MAGIC,
    &history::MAGIC,
    &writefile::MAGIC,
    &bash::MAGIC,
];

/// One magic.
pub struct Magic {
    /// What it accepts, and what its help says.
    pub specification: Specification,
    /// Runs it, without Rust.
    run: fn(&Call<'_>, &Context<'_>) -> Result<(), CellError>,
}

/// A magic as it was written, taken apart as its usage says.
struct Call<'a> {
    /// The cell's whole text.
    text: &'a str,
    /// Where the magic stands in it.
    magic: &'a MagicCall,
    /// Its arguments and options.
    words: Parsed,
    /// The rest of the cell, for a cell magic.
    body: Option<&'a str>,
}

/// What a magic may use.
pub struct Context<'a> {
    /// The notebook's job, secrets and environment.
    pub state: &'a Arc<NotebookState>,
    /// Where its outputs go.
    pub outputs: &'a Arc<dyn Outputs>,
    /// Who knows the notebook's variables.
    pub engine: &'a EngineHandle,
    /// Cells run in this session: number and text, oldest first.
    pub history: &'a dyn Fn() -> Vec<(u32, String)>,
    /// The process that runs cells, as far as magics change it.
    pub worker: &'a dyn WorkerSettings,
    /// What is known of the notebook's step cells.
    pub steps: &'a dyn StepCells,
    /// Whether the magic stands amid Rust, which waits for it.
    pub amid_rust: bool,
}

/// What the session knows of the notebook's `%%pip_step` cells.
pub trait StepCells {
    /// The steps whose cells have been run, in that order.
    fn names(&self) -> Vec<String>;
    /// The fingerprint of a step's code as it ran last.
    fn fingerprint(&self, step: &str) -> Option<String>;
    /// Forgets what cells have defined.
    fn forget(&self);
}

/// What magics change in the process that runs cells. Holds for its successors too.
pub trait WorkerSettings {
    /// Goes to another working folder.
    fn set_directory(&self, directory: &Path);
    /// Sets a variable of the environment.
    fn set_variable(&self, name: &str, value: &str);
    /// Whether cells that come later begin with a checkpoint.
    fn set_checkpoints(&self, on: bool);
}

/// The magic of this name.
pub fn find(name: &str) -> Option<&'static Magic> {
    ALL.iter().copied().find(|magic| magic.name() == name)
}

/// The names of all magics.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|magic| magic.name())
}

/// The error that there is no magic of this name; it names the one that is nearest.
pub fn unknown(name: &str) -> CellError {
    let error = CellError::new("UnknownMagic", format!("there is no magic `%{name}`"));
    match nearest(name, names()).and_then(find) {
        Some(magic) => error.with_help(format!("Did you mean `{}`?", magic.specification.marked_name())),
        None => error.with_help("`%lsmagic` lists those that there are."),
    }
}

/// The error that a magic was not written as it must be.
pub fn usage_error(name: &str, error: &UsageError) -> CellError {
    let shown = CellError::new("Usage", error.message.clone()).with_help(&error.help);
    match find(name) {
        Some(magic) if !error.help.contains(&magic.specification.usage.to_string()) => {
            shown.with_help(format!("Usage: {}", magic.specification.usage_line()))
        }
        _ => shown,
    }
}

/// Whether the compiler is needed for a line magic: for the values that it takes from Rust.
pub fn needs_rust(cell: &Cell<'_>, invocation: &MagicCall) -> bool {
    match cell.slice(&invocation.name) {
        "pip_set" => pipulate::cell::SetCall::parse(cell.text(), invocation).is_ok_and(|set| set.literal.is_none()),
        "time" => invocation
            .value
            .as_ref()
            .is_some_and(|value| !time::is_direct(cell.slice(value))),
        _ => false,
    }
}

/// Runs a line magic.
pub fn run_line(cell: &Cell<'_>, invocation: &MagicCall, context: &Context<'_>) -> Result<(), CellError> {
    let name = cell.slice(&invocation.name);
    let magic = find(name).ok_or_else(|| unknown(name))?;
    if magic.specification.form == Form::Cell {
        return Err(
            CellError::new("Usage", format!("`%%{name}` is for a whole cell, not for a line")).with_help(format!(
                "Make it the first line of a cell of its own: `{}`.",
                magic.specification.usage_line()
            )),
        );
    }
    magic.run(cell.text(), invocation, None, context)
}

/// Runs a cell magic. `body` is the cell's text below its first line.
pub fn run_cell_magic(
    cell: &Cell<'_>,
    invocation: &MagicCall,
    body: &str,
    context: &Context<'_>,
) -> Result<(), CellError> {
    let name = cell.slice(&invocation.name);
    let magic = find(name).ok_or_else(|| unknown(name))?;
    if magic.specification.form == Form::Line {
        return Err(
            CellError::new("Usage", format!("`%{name}` is for a line, not for a whole cell")).with_help(format!(
                "Write it with one `%`: `{}`.",
                magic.specification.usage_line()
            )),
        );
    }
    magic.run(cell.text(), invocation, Some(body), context)
}

impl Magic {
    /// Its name, without `%`.
    pub fn name(&self) -> &'static str {
        self.specification.usage.name
    }

    fn run(&self, text: &str, call: &MagicCall, body: Option<&str>, context: &Context<'_>) -> Result<(), CellError> {
        let words = self
            .specification
            .usage
            .parse(text, call)
            .map_err(|error| usage_error(self.name(), &error))?;
        if words.wants_help {
            context.show(self.specification.help());
            return Ok(());
        }
        (self.run)(
            &Call {
                text,
                magic: call,
                words,
                body,
            },
            context,
        )
    }
}

impl Call<'_> {
    fn argument(&self, index: usize) -> Option<&str> {
        self.words.argument(index).map(|word| word.text.as_str())
    }

    fn option(&self, name: &str) -> Option<&str> {
        self.words.option(name).map(|word| word.text.as_str())
    }

    /// An argument that the usage requires.
    fn required(&self, index: usize) -> Result<&str, CellError> {
        self.argument(index)
            .ok_or_else(|| self.misused("an argument is missing"))
    }

    /// The error that the magic was not written as it must be.
    fn misused(&self, message: impl Into<String>) -> CellError {
        let name = &self.text[self.magic.name.clone()];
        let error = CellError::new("Usage", message);
        match find(name) {
            Some(magic) => error.with_help(format!("Usage: {}", magic.specification.usage_line())),
            None => error,
        }
    }

    /// All that stands after the name on the line, as it was written. The grammar takes what follows a `=` for Rust, with
    /// Rust's comments and brackets; this does not.
    fn line(&self) -> &str {
        let rest = &self.text[self.magic.name.end..];
        rest.lines().next().unwrap_or_default().trim()
    }
}

impl Context<'_> {
    /// Shows a bundle.
    fn show(&self, bundle: MimeBundle) {
        self.outputs.display(bundle, serde_json::Map::new(), None);
    }

    /// Shows a value's bundle; where JupyterLab shows it as JSON, unfolded.
    fn show_value(&self, json: &str) {
        let bundle = render::value(json);
        let metadata = render::metadata(&bundle);
        self.outputs.display(bundle, metadata, None);
    }

    /// Says something on a line of its own.
    fn say(&self, text: impl Into<String>) {
        self.show(render::plain(text));
    }

    /// Prints.
    fn print(&self, text: &str) {
        self.outputs.stream(Stream::Stdout, text);
    }

    fn pip(&self) -> Result<Pip, CellError> {
        self.state.pip()
    }

    /// The job that the call names, or else the current one.
    fn job(&self, key: Option<&str>) -> Result<Job, CellError> {
        match key {
            Some(key) => {
                let workflow = self.state.workflow();
                self.pip()?.job_in(key, &workflow).shown()
            }
            None => self.state.job(),
        }
    }
}

/// A deleted job reads as one without steps; who looks at it or asks for its values should know.
fn refuse_deleted(job: &Job, operation: impl Into<String>) -> Result<(), CellError> {
    match job.info().shown()? {
        Some(info) if info.deleted => Err(pip_error(&Error::Deleted {
            operation: operation.into(),
            job: info.key,
        })),
        _ => Ok(()),
    }
}

/// Neither a deleted job nor a finalized one takes an answer; who would be asked should know before.
fn refuse_locked(job: &Job, operation: impl Into<String>) -> Result<(), CellError> {
    let operation = operation.into();
    refuse_deleted(job, operation.as_str())?;
    match job.info().shown()? {
        Some(info) if info.finalized => Err(pip_error(&Error::Finalized {
            operation,
            job: info.key,
        })),
        _ => Ok(()),
    }
}

/// An error of the store's, as the notebook shows it.
trait Shown<T> {
    fn shown(self) -> Result<T, CellError>;
}

impl<T> Shown<T> for pipulate::Result<T> {
    fn shown(self) -> Result<T, CellError> {
        self.map_err(|error| pip_error(&error))
    }
}
