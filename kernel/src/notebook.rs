//! What the protocol side asks of the side that knows cells: run this, complete that, stop.
//!
//! The two sides meet only here, so that protocol tests run against a scripted notebook, and so that nothing of the
//! wire leaks into how cells are run.

use std::sync::Arc;

use crate::engine::Completions;
use crate::outputs::{CellError, MimeBundle, Outputs};

/// One cell to run.
#[derive(Clone, Debug, Default)]
pub struct CellRequest {
    /// The cell's text as the user wrote it.
    pub code: String,
    /// The number that the cell gets; it counts from 1.
    pub execution_count: u32,
    /// The cell's id in the notebook file, where the client says it.
    pub cell_id: Option<String>,
    /// Nothing of it shows: no result, no history.
    pub silent: bool,
}

/// How far along a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// Ready to run.
    Complete,
    /// More must come; the next line starts with this indent.
    Incomplete {
        /// White space to begin the next line with.
        indent: String,
    },
    /// No continuation makes it valid.
    Invalid,
}

/// The side that knows cells. Methods may be called from any thread; `run` is called from one thread, a cell at a time.
pub trait Notebook: Send + Sync {
    /// Runs a cell to its end. Outputs, the execute result included, have all been sent when it returns; the error has
    /// not: the caller sends the one `error` message.
    fn run(&self, request: &CellRequest, outputs: Arc<dyn Outputs>) -> Result<(), CellError>;
    /// Evaluates one of a request's `user_expressions`.
    fn user_expression(&self, expression: &str) -> Result<MimeBundle, CellError>;
    /// Completion candidates at a byte offset. Never waits for a running cell.
    fn complete(&self, code: &str, offset: usize) -> Completions;
    /// Documentation of what stands at a byte offset; `detail` 1 asks for more. Never waits for a running cell.
    fn inspect(&self, code: &str, offset: usize, detail: u8) -> Option<MimeBundle>;
    /// Whether a console should run the text or ask for more.
    fn completeness(&self, code: &str) -> Completeness;
    /// Stops the running cell; nothing when idle.
    fn interrupt(&self);
    /// Ends every process of the notebook's. Nothing runs after it.
    fn shutdown(&self);
}
