//! What compiles and runs Rust, as the rest of the kernel knows it.
//!
//! [`Engine`] is the trait, [`handle::EngineHandle`] is how the other threads reach the one thread that owns it,
//! [`evcxr`] is the real engine and [`fake`] the one that protocol tests run against. Nothing outside this module may
//! lean on how an engine works.

use std::sync::Arc;

use crate::outputs::{CellError, MimeBundle, Outputs};
use crate::source_map::SourceMap;

mod asynchronous;
mod commands;
mod dependency_cache;
mod diagnostics;
mod documentation;
mod endings;
pub mod evcxr;
pub mod fake;
pub mod handle;
mod interrupter;
mod prelude;

pub use diagnostics::unbalanced_error;

/// One piece of Rust to compile and run, and where its outputs go.
pub struct Evaluation<'a> {
    /// The code, and the user's own text that errors are shown against.
    pub code: &'a SourceMap,
    /// Where its outputs go while it runs.
    pub outputs: Arc<dyn Outputs>,
}

/// A variable that outlives its cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its type, as Rust writes it.
    pub type_name: String,
}

/// One completion candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What replaces the text between [`Completions::start`] and [`Completions::end`].
    pub text: String,
    /// What a person sees, such as `push(…)`.
    pub label: String,
    /// `function`, `struct`, `magic`, ...: Jupyter's `_jupyter_types_experimental` type.
    pub kind: String,
}

/// Completion candidates for a place in a cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    /// The candidates, best first.
    pub items: Vec<Completion>,
    /// Byte offsets into the cell of the text that a candidate replaces.
    pub start: usize,
    /// See `start`; exclusive.
    pub end: usize,
}

/// How far rustc can optimise, as its `opt-level` says it.
pub const OPTIMISATION_LEVELS: [&str; 6] = ["0", "1", "2", "3", "s", "z"];

/// Compiles and runs cells. One thread owns it; see [`handle::EngineHandle`].
pub trait Engine: Send {
    /// Runs the code to its end. `Ok(Some(_))` is the value of the last expression. Streams and displays go to the
    /// outputs while it runs. An error has changed no variable, so far as the engine can help it. An interrupt may have come
    /// just before: once the interrupter can reach the evaluation, this looks at [`Outputs::is_interrupted`].
    fn evaluate(&mut self, evaluation: &Evaluation<'_>) -> Result<Option<MimeBundle>, CellError>;
    /// Candidates at a byte offset. Runs nothing.
    fn complete(&mut self, code: &str, offset: usize) -> Completions;
    /// Documentation of what stands at a byte offset.
    fn inspect(&mut self, code: &str, offset: usize) -> Option<MimeBundle>;
    /// The variables that are alive, by name.
    fn variables(&self) -> Vec<Variable>;
    /// Names of the items (functions, types, ...) that cells have defined.
    fn items(&self) -> Vec<String>;
    /// Forgets every variable and item, and starts user code's process anew. Dependencies stay.
    fn reset(&mut self) -> Result<(), CellError>;
    /// Sets how much cells are optimised from now on: rustc's `opt-level`.
    fn set_optimisation(&mut self, level: &str);
    /// How to stop a running evaluation from another thread.
    fn interrupter(&self) -> Arc<dyn Interrupter>;
    /// Does work ahead of need (a first compile, the cell library) while nobody waits. Called when idle, may be called
    /// again until it returns false.
    fn warm_up(&mut self) -> bool;
}

/// Stops a running evaluation.
pub trait Interrupter: Send + Sync {
    /// Stops user code and the compiler, if they run; nothing otherwise.
    fn interrupt(&self);
    /// Whether user code runs, or has been stopped and its variables are being put back: a matter of milliseconds, to be
    /// waited for. While the engine is at anything else, an evaluation that was interrupted can be left to end by itself.
    fn is_at_user_code(&self) -> bool {
        false
    }
    /// Lets the process that stops user code go on, should a signal have stopped that.
    fn resume(&self) {}
    /// Ends user code with the process that should have stopped it, and has not.
    fn insist(&self) {}
    /// Breaks off what [`Engine::warm_up`] does, since somebody waits; nothing when it is not at work.
    fn hurry(&self) {}
    /// Ends every process of the engine's, for good.
    fn kill(&self);
}
