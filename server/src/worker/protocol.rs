//! What server and worker say to each other, beside what code in a step asks as code in a cell does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::workflow::StepError;

/// Holds the process id of the server, in a worker's environment.
pub(crate) const WORKER: &str = "PIPULATE_SERVER_WORKER";
/// Holds the path of the socket, as `pipulate::runtime` expects it.
pub(crate) const SOCKET: &str = "PIPULATE_CELL_SOCKET";
/// The first frame of the connection over which a worker takes orders. Those of code in steps begin with
/// [`pipulate::runtime::protocol::HELLO`].
pub(crate) const CONTROL: &str = "control";

/// What a worker is to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) workflow: String,
    pub(crate) step: String,
    /// This field's default, in place of the step's function.
    pub(crate) field: Option<String>,
    pub(crate) job: String,
    /// What the session knows and nobody keeps, as the user typed it.
    pub(crate) secrets: BTreeMap<String, String>,
}

/// How it ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ended {
    /// With this value, where there is one, as JSON text.
    Done(Option<String>),
    /// With this error, or a panic.
    Failed(StepError),
}
