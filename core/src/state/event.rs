use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{JobKey, Revision, Source, StepName};

/// One line of a job's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// `UUIDv7`: sorts by when it was made.
    pub id: String,
    /// The job.
    pub job: JobKey,
    /// What happened.
    pub kind: EventKind,
    /// The step it happened to; `None` for what concerns the job as a whole.
    pub step: Option<StepName>,
    /// The step's value after the event, as JSON text. For [`EventKind::Order`] the list of steps, for the first
    /// [`EventKind::Fork`] the job it was forked from.
    pub value: Option<String>,
    /// The step's value before the event.
    pub previous: Option<String>,
    /// The job's revision from this event on.
    pub revision: Revision,
    /// The revision of the first event of the same change. A `write` or a `revert` that touches several steps is
    /// one change with an event for each step; all other changes are one event.
    pub change: Revision,
    /// Which front end did it.
    pub source: Source,
    /// When, in UTC, RFC 3339 with microseconds.
    pub time: String,
}

/// What happened to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A step got a value.
    Set,
    /// A step got a value made by code, together with the record of that code.
    Record,
    /// A step lost its value.
    Remove,
    /// A step was opened again.
    Revert,
    /// A step was set aside because an earlier one was opened again.
    SetAside,
    /// The last change was taken back.
    Undo,
    /// The order of the steps was declared.
    Order,
    /// The job, or one of its steps, came from another job.
    Fork,
    /// The job was locked.
    Finalize,
    /// The job was unlocked.
    Unfinalize,
    /// The job was hidden.
    Delete,
    /// The job was brought back.
    Undelete,
}

impl EventKind {
    const ALL: [Self; 12] = [
        Self::Set,
        Self::Record,
        Self::Remove,
        Self::Revert,
        Self::SetAside,
        Self::Undo,
        Self::Order,
        Self::Fork,
        Self::Finalize,
        Self::Unfinalize,
        Self::Delete,
        Self::Undelete,
    ];

    /// Its name, as it stands in the history.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Record => "record",
            Self::Remove => "remove",
            Self::Revert => "revert",
            Self::SetAside => "set_aside",
            Self::Undo => "undo",
            Self::Order => "order",
            Self::Fork => "fork",
            Self::Finalize => "finalize",
            Self::Unfinalize => "unfinalize",
            Self::Delete => "delete",
            Self::Undelete => "undelete",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The text names no kind of event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no kind of event is called `{0}`")]
pub struct UnknownEventKind(pub String);

impl FromStr for EventKind {
    type Err = UnknownEventKind;
    fn from_str(name: &str) -> Result<Self, UnknownEventKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| UnknownEventKind(name.to_owned()))
    }
}
