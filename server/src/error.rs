//! Why a request is refused, and the one place that says with which status.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use pipulate::{Error as StateError, Event, Revision};

use crate::form::Problems;

/// Why a request failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The core refused.
    #[error("{0}")]
    State(#[from] StateError),
    /// There is no such page.
    #[error("there is no page at {path}")]
    UnknownPage {
        /// Where it was looked for.
        path: String,
    },
    /// The page is there, but not for this.
    #[error("{path} does not answer to {method}")]
    WrongMethod {
        /// What was asked of it.
        method: String,
        /// The page.
        path: String,
    },
    /// There is no such workflow.
    #[error("there is no workflow `{workflow}` here")]
    UnknownWorkflow {
        /// Its name.
        workflow: String,
    },
    /// There is no such job of this workflow.
    #[error("workflow `{workflow}` has no job `{job}`")]
    UnknownJob {
        /// The workflow.
        workflow: String,
        /// The job's key.
        job: String,
    },
    /// The job is a run of another workflow.
    #[error("job `{job}` is a run of workflow `{found}`, not of `{workflow}`")]
    OtherWorkflow {
        /// The job's key.
        job: String,
        /// The workflow that was asked for.
        workflow: String,
        /// Its own.
        found: String,
    },
    /// The workflow has no such step.
    #[error("workflow `{workflow}` has no step `{step}`")]
    UnknownStep {
        /// The workflow.
        workflow: String,
        /// The step's name.
        step: String,
    },
    /// A step before it is not done.
    #[error("step `{step}` cannot run yet: `{first}` comes before it")]
    TooEarly {
        /// The step.
        step: String,
        /// The first step that is not done.
        first: String,
    },
    /// The job has changed since the page was shown.
    #[error("job `{job}` has changed since this page was shown: it was at revision {shown}, and is at {found}")]
    Changed {
        /// The job's key.
        job: String,
        /// The revision that the page was made from.
        shown: Revision,
        /// The revision there is.
        found: Revision,
        /// What happened in between.
        events: Vec<Event>,
    },
    /// A step of the job runs.
    #[error("step `{step}` of job `{job}` is running")]
    Running {
        /// The job's key.
        job: String,
        /// The step.
        step: String,
    },
    /// A step of the job runs in another process on the same store, or that one changes the job.
    #[error("{}", elsewhere(.job, .step))]
    Elsewhere {
        /// The job's key.
        job: String,
        /// The step; empty for a change of the job.
        step: String,
    },
    /// Answers will not do.
    #[error("{}", .problems.summary())]
    Invalid {
        /// What is wrong, field by field.
        problems: Problems,
    },
    /// The request makes no sense.
    #[error("the request makes no sense: {reason}")]
    Malformed {
        /// What is odd.
        reason: String,
    },
    /// The request is too large.
    #[error("the request has more than {limit} bytes")]
    TooLarge {
        /// The most there may be.
        limit: usize,
    },
    /// Other requests hold all the room there is for large ones.
    #[error("too many large requests are being read at once")]
    Crowded,
    /// The rest of the request did not come.
    #[error("the rest of the request did not come")]
    Unfinished,
    /// The request comes from a page of another origin.
    #[error("a page of another site sent this request")]
    ForeignOrigin,
    /// The request names a host that this server is not.
    #[error("this server is not `{host}`")]
    ForeignHost {
        /// The host it names.
        host: String,
    },
    /// The server stops.
    #[error("the server is stopping")]
    Stopping,
    /// The system refused.
    #[error("{operation}: {reason}")]
    System {
        /// What was tried.
        operation: String,
        /// What the system said.
        reason: String,
    },
}

impl Error {
    /// A name that a program can match.
    pub fn name(&self) -> &'static str {
        match self {
            Self::State(error) => error.name(),
            Self::UnknownPage { .. } => "UnknownPage",
            Self::WrongMethod { .. } => "WrongMethod",
            Self::UnknownWorkflow { .. } => "UnknownWorkflow",
            Self::UnknownJob { .. } => "MissingJob",
            Self::OtherWorkflow { .. } => "OtherWorkflow",
            Self::UnknownStep { .. } => "UnknownStep",
            Self::TooEarly { .. } => "TooEarly",
            Self::Changed { .. } => "Conflict",
            Self::Running { .. } | Self::Elsewhere { .. } => "Running",
            Self::Invalid { .. } => "InvalidInput",
            Self::Malformed { .. } => "Malformed",
            Self::TooLarge { .. } => "TooLarge",
            Self::Crowded => "Busy",
            Self::Unfinished => "Unfinished",
            Self::ForeignOrigin => "ForeignOrigin",
            Self::ForeignHost { .. } => "ForeignHost",
            Self::Stopping => "Stopping",
            Self::System { .. } => "System",
        }
    }

    /// What to do about it, where something can be said.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::State(StateError::Finalized { .. }) => {
                "Unlock the job to change it; nothing is lost by it.".to_owned()
            }
            Self::State(error) => return error.help(),
            Self::UnknownPage { .. } | Self::WrongMethod { .. } | Self::UnknownWorkflow { .. } => {
                "Start from the first page.".to_owned()
            }
            Self::UnknownJob { .. } => "Begin or resume a job on the first page.".to_owned(),
            Self::OtherWorkflow { found, .. } => format!("Open it in workflow `{found}`, or choose another key."),
            Self::TooEarly { first, .. } => format!("Do `{first}` first."),
            Self::Changed { .. } => "Look at what is there now, and decide with that.".to_owned(),
            Self::Running { .. } => "Wait for it to end, or cancel it.".to_owned(),
            Self::Elsewhere { .. } => "Wait for it to end, or cancel it there.".to_owned(),
            Self::TooLarge { .. } => "Put large data into a file, and its path into the step.".to_owned(),
            Self::ForeignOrigin => "Use the forms of this server's own pages.".to_owned(),
            Self::ForeignHost { .. } => "Use the address that the server printed when it started.".to_owned(),
            Self::Stopping | Self::Crowded => "Try again in a moment.".to_owned(),
            Self::Unfinished => "Send it again.".to_owned(),
            Self::UnknownStep { .. } | Self::Invalid { .. } | Self::Malformed { .. } | Self::System { .. } => {
                return None;
            }
        })
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::State(error) => of_state(error),
            Self::UnknownPage { .. }
            | Self::UnknownWorkflow { .. }
            | Self::UnknownJob { .. }
            | Self::OtherWorkflow { .. }
            | Self::UnknownStep { .. } => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooEarly { .. } | Self::Changed { .. } | Self::Running { .. } | Self::Elsewhere { .. } => {
                StatusCode::CONFLICT
            }
            Self::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Malformed { .. } => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::ForeignHost { .. } => StatusCode::MISDIRECTED_REQUEST,
            Self::Stopping | Self::Crowded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unfinished => StatusCode::REQUEST_TIMEOUT,
            Self::System { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(crate) fn system(operation: &str, error: &dyn std::fmt::Display) -> Self {
        Self::System {
            operation: operation.to_owned(),
            reason: error.to_string(),
        }
    }
}

fn elsewhere(job: &str, step: &str) -> String {
    if step.is_empty() {
        format!("another app on the same store is changing job `{job}`")
    } else {
        format!("step `{step}` of job `{job}` is running in another app on the same store")
    }
}

fn of_state(error: &StateError) -> StatusCode {
    match error {
        StateError::MissingStep { .. } | StateError::MissingJob { .. } => StatusCode::NOT_FOUND,
        StateError::Deleted { .. } => StatusCode::GONE,
        StateError::JobExists { .. } | StateError::Conflict { .. } => StatusCode::CONFLICT,
        StateError::Finalized { .. } => StatusCode::LOCKED,
        StateError::InvalidName { .. } | StateError::Unrepresentable { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        StateError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        StateError::ReadOnly { .. } => StatusCode::FORBIDDEN,
        StateError::Busy { .. } | StateError::Full { .. } | StateError::Connection { .. } => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What the error looks like depends on the route: the guard around all routes draws it.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
