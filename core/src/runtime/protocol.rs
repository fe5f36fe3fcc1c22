//! What code in a cell and the kernel say to each other: one request, one reply, as JSON frames.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::store::wire;

/// The first frame of a connection that a cell makes, as the kernel's socket knows it.
pub const HELLO: &str = "cell";

/// From a cell to the kernel.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Request {
    /// An operation on the store, on the notebook's behalf.
    Store {
        /// The operation. The kernel decides whose jobs it is about, and that it comes from the notebook.
        call: wire::Call,
    },
    /// Which job the notebook is at.
    Job,
    /// Give a step a value, and say so.
    Set {
        /// The job, when it is not the notebook's own.
        job: Option<String>,
        /// The step.
        step: String,
        /// The value as JSON text.
        json: String,
    },
    /// The value of the step that runs.
    Record {
        /// The value as JSON text.
        json: String,
    },
    /// A line magic that needs no Rust.
    Magic {
        /// The line as the user wrote it.
        line: String,
    },
    /// Ask the user for a step's value.
    Input(InputRequest),
    /// Show something.
    Display(DisplayRequest),
    /// Take away what the cell has shown.
    ClearOutput {
        /// Only when something is shown again.
        wait: bool,
    },
    /// The cell fails with this error; it unwinds next.
    Fail(Failure),
}

/// From the kernel to a cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reply {
    /// Done; there is nothing to say.
    Done,
    /// What the store answers.
    Store {
        /// The answer, an error of the store's included.
        reply: wire::Reply,
    },
    /// The notebook's job.
    Job {
        /// Its key.
        key: String,
        /// The workflow that it is made with, should it not exist yet.
        workflow: String,
    },
    /// What the user typed.
    Text {
        /// Without the line's end.
        text: String,
    },
    /// The request failed.
    Failed(Failure),
}

/// A failure, as the notebook shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A name that a program can match, such as `MissingStep`.
    pub name: String,
    /// One sentence: what happened, to what.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            name: error.name().to_owned(),
            message: error.full_message(),
            help: error.help(),
        }
    }
}

/// What to show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DisplayRequest {
    /// Contents by media type, one of which may be a [`Drawing`](crate::display::Drawing).
    pub data: Map<String, Value>,
    /// The name under which it can be replaced.
    pub display_id: Option<String>,
    /// Whether it replaces what is shown under that name.
    pub update: bool,
}

/// How to ask for a step's value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRequest {
    /// The job, when it is not the notebook's own.
    pub job: Option<String>,
    /// The step that the value is for.
    pub step: String,
    /// What the user is asked; the step's name when there is none.
    pub label: Option<String>,
    /// The answers that are allowed; any when empty.
    pub choices: Vec<String>,
    /// Not echoed, and never stored.
    pub secret: bool,
    /// One line of explanation.
    pub help_text: Option<String>,
    /// What an empty answer stands for.
    pub default: Option<String>,
    /// Why the last answer would not do.
    pub problem: Option<String>,
}
