use super::draft::{Draft, Undoable};
use super::{Change, EventRow, JobRow, Stamp, StepRow, may_change};
use crate::error::Result;
use crate::state::{EventKind, Recording, Revision};

/// One event of the change to take back, with what it takes to do so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The event.
    pub event: EventRow,
    /// The step as it is.
    pub step: StepRow,
    /// The version that the step had before the event: the event that wrote it. `None` where it had no value.
    pub previous: Option<EventRow>,
}

/// Takes back the change on top of the undo stack. `events` are all of its events, in the order in which they were made.
pub fn undo(job: JobRow, events: Vec<Undone>, stamp: &mut Stamp<'_>) -> Result<Option<Change>> {
    may_change(&job, "undo")?;
    let Some(below) = events.first().map(|undone| undone.event.below) else {
        return Ok(None);
    };
    let mut draft = Draft::new(job, false, stamp);
    for Undone { event, step, previous } in events.into_iter().rev() {
        let (value, recording, source, updated) = match previous {
            Some(EventRow {
                value,
                recording,
                source,
                time,
                ..
            }) => (value, recording, source, time),
            None => (None, None::<Recording>, draft.source().clone(), draft.time().to_owned()),
        };
        let same_value = value == step.value && event.previous_suggested == step.suggested;
        let after = StepRow {
            first: event.previous_first,
            version: if value.is_some() {
                event.previous_version
            } else {
                Revision::NONE
            },
            revision: if same_value {
                step.revision
            } else {
                draft.next_revision()
            },
            value,
            recording,
            suggested: event.previous_suggested,
            source,
            updated,
            ..step.clone()
        };
        draft.step_event(EventKind::Undo, &step, after, Undoable::No);
    }
    draft.change.job.undo_top = below;
    Ok(Some(draft.finish()))
}
