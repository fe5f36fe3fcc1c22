//! Giving steps values, and taking them away.

use std::collections::{HashMap, HashSet};

use super::draft::{Draft, Undoable};
use super::{Change, JobRow, Stamp, StepRow, may_change};
use crate::error::{Error, Result};
use crate::json;
use crate::state::{EventKind, JobKey, Recording, Revision, StepName, WorkflowName};

/// What a job is created with by its first write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Its key.
    pub key: JobKey,
    /// Its workflow.
    pub workflow: WorkflowName,
}

impl NewJob {
    /// Makes the job, and nothing in it.
    pub fn change(&self, stamp: &mut Stamp<'_>) -> Change {
        Change {
            job: self.row(stamp),
            created: true,
            steps: Vec::new(),
            events: Vec::new(),
        }
    }

    /// The job before its first event.
    pub(super) fn row(&self, stamp: &mut Stamp<'_>) -> JobRow {
        JobRow {
            id: (stamp.new_id)(),
            key: self.key.clone(),
            workflow: self.workflow.clone(),
            created: stamp.time.clone(),
            updated: stamp.time.clone(),
            revision: Revision::NONE,
            finalized: false,
            deleted: false,
            done: 0,
            undo_top: Revision::NONE,
            pruned: Revision::NONE,
        }
    }
}

/// A value for a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewValue {
    /// The step.
    pub step: StepName,
    /// The value as JSON text.
    pub value: String,
    /// The revision that the step must have; [`Revision::NONE`] where it must not be done.
    pub expected: Option<Revision>,
    /// How code made the value.
    pub recording: Option<Recording>,
}

/// Gives a step a value. An equal value changes nothing, unless it comes with another recording. Returns the step's revision,
/// and the change if there is one.
pub fn set(
    job: Option<JobRow>,
    new_job: &NewJob,
    step: Option<StepRow>,
    new: NewValue,
    stamp: &mut Stamp<'_>,
) -> Result<(Revision, Option<Change>)> {
    let operation = if new.recording.is_some() { "record" } else { "set" };
    if let Some(job) = &job {
        may_change(job, &format!("{operation} step `{}`", new.step))?;
    }
    let before = step.unwrap_or_else(|| StepRow::named(new.step.clone()));
    // What is not done has no revision to the eyes of `get`, and one to the eyes of `steps`.
    let expects = |expected: Revision| expected == before.revision || (expected.is_none() && !before.is_done());
    if let Some(expected) = new.expected
        && !expects(expected)
    {
        return Err(Error::Conflict {
            job: new_job.key.clone(),
            step: new.step,
            expected,
            found: if before.value.is_some() {
                before.revision
            } else {
                Revision::NONE
            },
        });
    }
    let equal = before.is_done() && before.value.as_ref().is_some_and(|value| json::same(value, &new.value));
    if equal && (new.recording.is_none() || new.recording == before.recording) {
        return Ok((before.revision, None));
    }
    let created = job.is_none();
    let job = job.unwrap_or_else(|| new_job.row(stamp));
    let mut draft = Draft::new(job, created, stamp);
    let revision = put(&mut draft, &before, new.value, new.recording, equal);
    Ok((revision, Some(draft.finish())))
}

/// Makes the steps that are done exactly those of `values`. Equal values stay as they are, other steps are removed; steps
/// that were set aside stay so unless `values` names them.
pub fn write(
    job: Option<JobRow>,
    new_job: &NewJob,
    steps: Vec<StepRow>,
    values: Vec<(StepName, String)>,
    stamp: &mut Stamp<'_>,
) -> Result<Option<Change>> {
    if let Some(job) = &job {
        may_change(job, "write the job")?;
    }
    let created = job.is_none();
    if created && values.is_empty() {
        return Ok(None);
    }
    let mut kept: HashMap<StepName, StepRow> = HashMap::new();
    let mut removed = Vec::new();
    let named: HashSet<StepName> = values.iter().map(|(name, _)| name.clone()).collect();
    for step in steps {
        if named.contains(&step.name) {
            kept.insert(step.name.clone(), step);
        } else if step.is_done() {
            removed.push(step);
        }
    }
    let job = job.unwrap_or_else(|| new_job.row(stamp));
    let mut draft = Draft::new(job, created, stamp);
    for (name, value) in values {
        let before = kept.remove(&name).unwrap_or_else(|| StepRow::named(name));
        // What was read by way of a map has lost the digits of integers beyond 64 bits, which is no change.
        let equal = before.is_done() && before.value.as_ref().is_some_and(|old| json::same_as_read(old, &value));
        if !equal {
            put(&mut draft, &before, value, None, false);
        }
    }
    for step in removed {
        take(&mut draft, &step);
    }
    let change = draft.finish();
    Ok((!change.events.is_empty()).then_some(change))
}

/// Takes a step's value away. `None` where it has none.
pub fn remove(
    job: Option<JobRow>,
    step: Option<StepRow>,
    name: &StepName,
    stamp: &mut Stamp<'_>,
) -> Result<Option<Change>> {
    let Some(job) = job else { return Ok(None) };
    may_change(&job, &format!("remove step `{name}`"))?;
    let Some(step) = step.filter(|step| step.value.is_some()) else {
        return Ok(None);
    };
    let mut draft = Draft::new(job, false, stamp);
    take(&mut draft, &step);
    Ok(Some(draft.finish()))
}

/// Writes a new version of a step. A version with an equal value keeps the step's revision: nothing that compares values
/// has to look again.
fn put(
    draft: &mut Draft<'_, '_>,
    before: &StepRow,
    value: String,
    recording: Option<Recording>,
    equal: bool,
) -> Revision {
    let event = draft.next_revision();
    let revision = if equal { before.revision } else { event };
    let kind = if recording.is_some() {
        EventKind::Record
    } else {
        EventKind::Set
    };
    let after = StepRow {
        name: before.name.clone(),
        position: before.position,
        first: if before.first.is_none() { event } else { before.first },
        value: Some(value),
        version: event,
        revision,
        recording,
        suggested: false,
        source: draft.source().clone(),
        updated: draft.time().to_owned(),
    };
    draft.step_event(kind, before, after, Undoable::Yes);
    revision
}

fn take(draft: &mut Draft<'_, '_>, before: &StepRow) {
    let after = StepRow {
        first: Revision::NONE,
        value: None,
        version: Revision::NONE,
        revision: draft.next_revision(),
        recording: None,
        suggested: false,
        source: draft.source().clone(),
        updated: draft.time().to_owned(),
        ..before.clone()
    };
    draft.step_event(EventKind::Remove, before, after, Undoable::Yes);
}
