//! What a store keeps, a row a thing.

use crate::state::{
    EventKind, JobInfo, JobKey, Recording, Revision, Source, StepInfo, StepName, StepStatus, WorkflowName,
};

/// A job, without its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// `UUIDv7`.
    pub id: String,
    /// Its key.
    pub key: JobKey,
    /// The workflow it is a run of.
    pub workflow: WorkflowName,
    /// When it was created.
    pub created: String,
    /// When it last changed.
    pub updated: String,
    /// The revision of its last event.
    pub revision: Revision,
    /// Whether it is locked.
    pub finalized: bool,
    /// Whether it is hidden.
    pub deleted: bool,
    /// How many steps are done: kept, so that listing jobs counts nothing.
    pub done: u64,
    /// The last event of the change that `undo` would take back.
    pub undo_top: Revision,
    /// History up to here was pruned.
    pub pruned: Revision,
}

impl JobRow {
    /// What a front end shows of it.
    pub fn info(&self) -> JobInfo {
        JobInfo {
            id: self.id.clone(),
            key: self.key.clone(),
            workflow: self.workflow.clone(),
            created: self.created.clone(),
            updated: self.updated.clone(),
            revision: self.revision,
            finalized: self.finalized,
            deleted: self.deleted,
            steps: usize::try_from(self.done).unwrap_or(usize::MAX),
        }
    }
}

/// A step. It stays when it loses its value, and is there before it has one when the workflow's order names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    /// Its name.
    pub name: StepName,
    /// Its place in the workflow's order, where that names it.
    pub position: Option<u64>,
    /// When it was first set since it last had no value: orders the steps that the workflow does not name.
    pub first: Revision,
    /// Its value as JSON text.
    pub value: Option<String>,
    /// The event that wrote the value and the recording.
    pub version: Revision,
    /// The event that last changed the value, or whether it counts.
    pub revision: Revision,
    /// How code made the value.
    pub recording: Option<Recording>,
    /// Set aside by a revert.
    pub suggested: bool,
    /// Which front end set the value.
    pub source: Source,
    /// When the value was set.
    pub updated: String,
}

impl StepRow {
    /// A step that has never been set.
    pub(super) fn named(name: StepName) -> Self {
        Self {
            name,
            position: None,
            first: Revision::NONE,
            value: None,
            version: Revision::NONE,
            revision: Revision::NONE,
            recording: None,
            suggested: false,
            source: Source::default(),
            updated: String::new(),
        }
    }

    /// Done means recorded: it has a value, whatever the value, that no revert has set aside.
    pub fn is_done(&self) -> bool {
        self.value.is_some() && !self.suggested
    }

    /// What a front end shows of it; `None` where it has no value.
    pub fn info(self, status: StepStatus) -> Option<StepInfo> {
        Some(StepInfo {
            name: self.name,
            value: self.value?,
            revision: self.revision,
            updated: self.updated,
            source: self.source,
            suggested: self.suggested,
            status,
            recording: self.recording,
        })
    }
}

/// An event as it is stored; [`Event`](crate::Event) is what a front end sees of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// `UUIDv7`.
    pub id: String,
    /// The job's revision from this event on.
    pub revision: Revision,
    /// The first event of the same change.
    pub change: Revision,
    /// The change below this one on the undo stack.
    pub below: Revision,
    /// What happened.
    pub kind: EventKind,
    /// The step it happened to.
    pub step: Option<StepName>,
    /// The value, where this event wrote one.
    pub value: Option<String>,
    /// How code made the value that this event wrote.
    pub recording: Option<Recording>,
    /// The step's version after the event; [`Revision::NONE`] where it has no value then.
    pub version: Revision,
    /// The step's version before the event.
    pub previous_version: Revision,
    /// Whether the step was set aside before the event.
    pub previous_suggested: bool,
    /// When the step was first set, as it was before the event.
    pub previous_first: Revision,
    /// Which front end did it.
    pub source: Source,
    /// When.
    pub time: String,
}
