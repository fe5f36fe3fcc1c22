use super::draft::{Draft, Undoable};
use super::{Change, JobRow, Stamp, StepRow, may_change};
use crate::error::{Error, Result};
use crate::state::{EventKind, StepName};

/// Opens a step again and sets the later ones aside: none of them is done any more, and their values stay as suggestions.
/// `steps` are all steps of the job, in order. Returns the later steps that were done, and the change if there is one.
pub fn revert(
    job: JobRow,
    steps: Vec<StepRow>,
    name: &StepName,
    stamp: &mut Stamp<'_>,
) -> Result<(Vec<StepName>, Option<Change>)> {
    may_change(&job, &format!("revert to step `{name}`"))?;
    let Some(index) = steps.iter().position(|step| step.name == *name) else {
        let available = steps
            .iter()
            .filter(|step| step.value.is_some())
            .map(|step| step.name.to_string())
            .collect();
        return Err(Error::MissingStep {
            job: job.key,
            step: name.clone(),
            available,
        });
    };
    let mut draft = Draft::new(job, false, stamp);
    let mut set_aside = Vec::new();
    for step in steps.into_iter().skip(index).filter(StepRow::is_done) {
        let kind = if step.name == *name {
            EventKind::Revert
        } else {
            set_aside.push(step.name.clone());
            EventKind::SetAside
        };
        let after = StepRow {
            suggested: true,
            revision: draft.next_revision(),
            ..step.clone()
        };
        draft.step_event(kind, &step, after, Undoable::Yes);
    }
    let change = draft.finish();
    Ok((set_aside, (!change.events.is_empty()).then_some(change)))
}
