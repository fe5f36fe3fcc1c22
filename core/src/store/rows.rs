//! What a store that keeps rows has to know.

use crate::error::Result;
use crate::state::{Event, JobKey, PruneOptions, PruneReport, Revision, StepName, StoreInfo};
use crate::workflow::{Change, EventRow, JobRow, StepRow};

/// The rows of one tenant, within one transaction.
pub(super) trait Rows {
    /// A job.
    fn job(&mut self, key: &JobKey) -> Result<Option<JobRow>>;

    /// A step, with or without a value.
    fn step(&mut self, job: &JobKey, step: &StepName) -> Result<Option<StepRow>>;

    /// The value of a step that is done, in a job that is not deleted.
    fn value(&mut self, job: &JobKey, step: &StepName) -> Result<Option<String>>;

    /// All steps of a job, with or without a value, in any order.
    fn steps(&mut self, job: &JobKey) -> Result<Vec<StepRow>>;

    /// The events with these revisions, first and last included, by revision.
    fn events(&mut self, job: &JobKey, first: Revision, last: Revision) -> Result<Vec<EventRow>>;

    /// The history as a front end sees it, oldest first.
    fn history(&mut self, job: &JobKey, step: Option<&StepName>) -> Result<Vec<Event>>;

    /// All jobs, by key.
    fn jobs(&mut self) -> Result<Vec<JobRow>>;

    /// The keys of all jobs that begin with this text.
    fn keys(&mut self, prefix: &str) -> Result<Vec<JobKey>>;

    /// Writes a change.
    fn apply(&mut self, change: &Change) -> Result<()>;

    /// Takes away events that are not younger than `before`, and with them deleted jobs, as the options say. Finalized jobs keep
    /// theirs, and are counted.
    fn prune(&mut self, options: &PruneOptions, before: &str) -> Result<PruneReport>;

    /// Where the rows are, and how many.
    fn location(&mut self) -> Result<StoreInfo>;
}
