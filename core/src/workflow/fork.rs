use super::draft::{Draft, Undoable};
use super::set::NewJob;
use super::{Change, JobRow, Stamp, StepRow};
use crate::error::{Error, Result};
use crate::state::{EventKind, Revision, StepName};

/// What to fork, and into what.
#[derive(Debug, Clone)]
pub struct Fork<'a> {
    /// The job to copy.
    pub job: &'a JobRow,
    /// Its steps, in order.
    pub steps: Vec<StepRow>,
    /// Where the copy starts over: this step and the later ones come along as suggestions. `None` copies all as it is.
    pub from: Option<&'a StepName>,
    /// The job that has the new key already, if there is one.
    pub taken: Option<&'a JobRow>,
    /// The new job.
    pub new_job: NewJob,
}

/// Copies a job, with the order and the recordings of its steps, into a new one that is not finalized and has a history of its own.
pub fn fork(fork: Fork<'_>, stamp: &mut Stamp<'_>) -> Result<Change> {
    let Fork {
        job,
        steps,
        from,
        taken,
        new_job,
    } = fork;
    if let Some(taken) = taken {
        return Err(Error::JobExists {
            job: taken.key.clone(),
            deleted: taken.deleted,
        });
    }
    let starts_over = match from {
        None => steps.len(),
        Some(from) => steps
            .iter()
            .position(|step| step.name == *from)
            .ok_or_else(|| Error::MissingStep {
                job: job.key.clone(),
                step: from.clone(),
                available: steps
                    .iter()
                    .filter(|step| step.value.is_some())
                    .map(|step| step.name.to_string())
                    .collect(),
            })?,
    };
    let row = new_job.row(stamp);
    let mut draft = Draft::new(row, true, stamp);
    let origin = serde_json::json!({ "job": job.key, "revision": job.revision, "from_step": from });
    draft.job_event(EventKind::Fork, Some(origin.to_string()));
    for (index, step) in steps.into_iter().enumerate() {
        let mut before = StepRow::named(step.name.clone());
        if step.value.is_none() {
            // It is known only from the workflow's order, which comes along.
            before.position = step.position;
            if before.position.is_some() {
                draft.change.steps.push(before);
            }
            continue;
        }
        let event = draft.next_revision();
        let after = StepRow {
            first: event,
            version: event,
            revision: event,
            suggested: step.suggested || index >= starts_over,
            ..step
        };
        draft.step_event(EventKind::Fork, &before, after, Undoable::No);
    }
    draft.change.job.undo_top = Revision::NONE;
    Ok(draft.finish())
}
