//! What a front end shows: jobs, steps, their status, and the store they live in.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{JobKey, Recording, Revision, Source, StepName, WorkflowName};

/// A job, without its steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobInfo {
    /// `UUIDv7`, given when the job was created.
    pub id: String,
    /// Its key.
    pub key: JobKey,
    /// The workflow it is a run of.
    pub workflow: WorkflowName,
    /// When it was created (UTC, RFC 3339).
    pub created: String,
    /// When it last changed (UTC, RFC 3339).
    pub updated: String,
    /// The revision of its last event.
    pub revision: Revision,
    /// Whether it is locked.
    pub finalized: bool,
    /// Whether it is hidden.
    pub deleted: bool,
    /// How many of its steps are done.
    pub steps: usize,
}

/// A step that has a value, done or set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInfo {
    /// Its name.
    pub name: StepName,
    /// Its value as JSON text, keys in the order in which they were written.
    pub value: String,
    /// What [`set_if`](crate::Job::set_if) compares with.
    pub revision: Revision,
    /// When the value was set (UTC, RFC 3339).
    pub updated: String,
    /// Which front end set it.
    pub source: Source,
    /// Set aside by a revert: shown to refill a form with, but not done.
    pub suggested: bool,
    /// Whether it still holds.
    pub status: StepStatus,
    /// How code made the value; `None` where it was given by hand.
    pub recording: Option<Recording>,
}

/// Whether a step still holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// It has no value.
    Missing,
    /// Nothing it was made from has changed. A value given by hand is fresh.
    Fresh,
    /// The code differs from the code that made the value.
    StaleCode,
    /// A step that the code read has another value now, or none.
    StaleInput(StepName),
    /// The code used a variable from outside, which nothing tracks.
    StaleUntracked(String),
    /// It was set aside by a revert.
    Suggested,
}

impl fmt::Display for StepStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.pad("missing"),
            Self::Fresh => formatter.pad("fresh"),
            Self::StaleCode => formatter.pad("stale(code)"),
            Self::StaleInput(step) => formatter.pad(&format!("stale(input: {step})")),
            Self::StaleUntracked(variable) => formatter.pad(&format!("stale(untracked: {variable})")),
            Self::Suggested => formatter.pad("suggested"),
        }
    }
}

/// Which jobs to list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobFilter {
    /// Keys that match this pattern: `*` stands for any text, `?` for one character.
    pub pattern: Option<String>,
    /// Jobs of this workflow.
    pub workflow: Option<String>,
    /// The deleted jobs instead of the others.
    pub deleted: bool,
}

/// What [`Pip::prune`](crate::Pip::prune) takes away.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PruneOptions {
    /// Events older than this go; zero means all of them.
    pub older_than: Duration,
    /// Only this job's history.
    pub job: Option<JobKey>,
    /// Deleted jobs that last changed before that go altogether.
    pub deleted_jobs: bool,
    /// Only count.
    pub dry_run: bool,
}

/// What [`Pip::prune`](crate::Pip::prune) took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PruneReport {
    /// Events that left the history.
    pub events: u64,
    /// Deleted jobs that are gone for good.
    pub jobs: u64,
    /// Finalized jobs that have events as old as that. They keep them: a finalized job does not change.
    pub finalized: u64,
}

/// Where the jobs live, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreInfo {
    /// What to pass to [`Pip::open`](crate::Pip::open) to open the same store.
    pub url: String,
    /// The file, where the store is one.
    pub path: Option<PathBuf>,
    /// The size of its files.
    pub bytes: u64,
    /// The number of the last migration.
    pub schema_version: u32,
    /// Jobs of this tenant, deleted ones included.
    pub jobs: u64,
    /// Steps of this tenant that have a value.
    pub steps: u64,
    /// Events of this tenant.
    pub events: u64,
}
