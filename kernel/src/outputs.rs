//! What a running cell sends to the notebook, apart from how it travels.

use serde_json::{Map, Value};

/// A MIME bundle: media type to content, as Jupyter's `display_data` carries it. Always holds `text/plain`.
pub type MimeBundle = Map<String, Value>;

/// One of the two text streams of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A failure as Jupyter reports it: one `error` message, and the same fields in the reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellError {
    /// A name that a program can match, such as `MissingStep`, `Panic` or `CompileError`.
    pub ename: String,
    /// One sentence: what happened, to what.
    pub evalue: String,
    /// Lines to show, ANSI colours allowed. Never empty: it says what to do next where there is something to do.
    pub traceback: Vec<String>,
}

impl CellError {
    /// An error whose traceback is its own sentence.
    pub fn new(ename: impl Into<String>, evalue: impl Into<String>) -> Self {
        let (ename, evalue) = (ename.into(), evalue.into());
        let traceback = vec![format!("\u{1b}[31m{ename}\u{1b}[0m: {evalue}")];
        Self {
            ename,
            evalue,
            traceback,
        }
    }

    /// The same error with a line that says what to do next.
    #[must_use]
    pub fn with_help(mut self, help: impl AsRef<str>) -> Self {
        self.traceback.extend(help.as_ref().lines().map(str::to_owned));
        self
    }
}

/// Why a cell got no input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputError {
    /// The client said `allow_stdin: false`: it cannot ask its user.
    NotAllowed,
    /// The user interrupted the cell, or the kernel is going away.
    Interrupted,
}

/// Where one execution's outputs go. Every method may be called from any thread, and calls are delivered in the order
/// in which they were made.
pub trait Outputs: Send + Sync {
    /// Text for one of the streams; may be part of a line. Batched on the way, never reordered.
    fn stream(&self, stream: Stream, text: &str);
    /// A display; `display_id` lets a later `update_display` replace it.
    fn display(&self, data: MimeBundle, metadata: Map<String, Value>, display_id: Option<&str>);
    /// Replaces every display that has this id.
    fn update_display(&self, data: MimeBundle, metadata: Map<String, Value>, display_id: &str);
    /// Clears the cell's output; with `wait`, only when the next output comes.
    fn clear_output(&self, wait: bool);
    /// The value of the cell's last expression.
    fn execute_result(&self, data: MimeBundle, metadata: Map<String, Value>);
    /// Asks the user for a line; blocks until it is there.
    fn input(&self, prompt: &str, password: bool) -> Result<String, InputError>;
    /// Whether the user has asked for this cell to stop. To be asked before something long begins, which an interrupt
    /// that came earlier cannot have reached.
    fn is_interrupted(&self) -> bool {
        false
    }
}
