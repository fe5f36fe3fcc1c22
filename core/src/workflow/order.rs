//! The order of a job's steps.

use std::collections::HashMap;

use super::draft::Draft;
use super::set::NewJob;
use super::{Change, JobRow, Stamp, StepRow, may_change};
use crate::error::{Error, Result};
use crate::state::{EventKind, StepName};

/// The steps of a job, in order: those that the workflow names by its order, then the others by when they were first set. Rows of steps
/// that lost their value, and that the workflow does not name, are none.
pub fn in_order(mut steps: Vec<StepRow>) -> Vec<StepRow> {
    steps.retain(|step| step.value.is_some() || step.position.is_some());
    steps.sort_by_key(|step| (step.position.is_none(), step.position, step.first));
    steps
}

/// Declares the workflow's order of steps. The order that there is already changes nothing, even in a finalized job, so that a
/// front end may declare it whenever it opens a job.
pub fn order(
    job: Option<JobRow>,
    new_job: &NewJob,
    steps: Vec<StepRow>,
    names: &[StepName],
    stamp: &mut Stamp<'_>,
) -> Result<Option<Change>> {
    let mut positions: HashMap<&StepName, u64> = HashMap::with_capacity(names.len());
    for (position, name) in (0..).zip(names) {
        if positions.insert(name, position).is_some() {
            return Err(Error::InvalidName {
                what: "step of an order".to_owned(),
                name: name.to_string(),
                reason: "it is named twice".to_owned(),
            });
        }
    }
    let mut changed = Vec::new();
    for mut step in steps {
        let position = positions.remove(&step.name);
        if step.position != position {
            step.position = position;
            changed.push(step);
        }
    }
    changed.extend(names.iter().filter_map(|name| {
        let position = positions.remove(name)?;
        Some(StepRow {
            position: Some(position),
            ..StepRow::named(name.clone())
        })
    }));
    if changed.is_empty() {
        return Ok(None);
    }
    if let Some(job) = &job {
        may_change(job, "order the steps")?;
    }
    let created = job.is_none();
    let job = job.unwrap_or_else(|| new_job.row(stamp));
    let mut draft = Draft::new(job, created, stamp);
    draft.job_event(EventKind::Order, Some(list(names)));
    draft.change.steps = changed;
    Ok(Some(draft.finish()))
}

fn list(names: &[StepName]) -> String {
    serde_json::Value::from(names.iter().map(StepName::as_str).collect::<Vec<_>>()).to_string()
}
