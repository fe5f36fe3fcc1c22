use super::{EventRow, JobRow, StepRow};
use crate::state::{EventKind, Recording, Revision, Source, StepName};

/// What a store applies in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The job as it is afterwards.
    pub job: JobRow,
    /// Whether the job is new.
    pub created: bool,
    /// The steps that change, as they are afterwards.
    pub steps: Vec<StepRow>,
    /// What to append to the history.
    pub events: Vec<EventRow>,
}

/// Who makes a change, and when; and where its ids come from.
pub struct Stamp<'a> {
    /// Which front end.
    pub source: &'a Source,
    /// The time, in UTC, RFC 3339.
    pub time: String,
    /// Makes the id of an event or a job.
    pub new_id: &'a mut dyn FnMut() -> String,
}

/// A change in the making: keeps revisions, the undo stack and the count of steps that are done in step with each other.
pub(super) struct Draft<'a, 's> {
    pub(super) change: Change,
    stamp: &'a mut Stamp<'s>,
    first: Revision,
    below: Revision,
}

/// Whether `undo` takes an event back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Undoable {
    Yes,
    No,
}

impl<'a, 's> Draft<'a, 's> {
    pub(super) fn new(job: JobRow, created: bool, stamp: &'a mut Stamp<'s>) -> Self {
        let first = job.revision.next();
        let below = job.undo_top;
        Self {
            change: Change {
                job,
                created,
                steps: Vec::new(),
                events: Vec::new(),
            },
            stamp,
            first,
            below,
        }
    }

    /// The revision that the next event gets.
    pub(super) fn next_revision(&self) -> Revision {
        self.change.job.revision.next()
    }

    pub(super) fn time(&self) -> &str {
        &self.stamp.time
    }

    pub(super) fn source(&self) -> &Source {
        self.stamp.source
    }

    /// Appends an event that concerns the job as a whole.
    pub(super) fn job_event(&mut self, kind: EventKind, value: Option<String>) {
        let event = self.event(kind, None, Undoable::No);
        self.change.events.push(EventRow { value, ..event });
    }

    /// Appends an event for a step, and the step as it is afterwards. An event that wrote the step's version carries the value.
    pub(super) fn step_event(&mut self, kind: EventKind, before: &StepRow, after: StepRow, undoable: Undoable) {
        let event = self.event(kind, Some(after.name.clone()), undoable);
        let wrote = after.version == event.revision;
        let (value, recording): (Option<String>, Option<Recording>) = if wrote {
            (after.value.clone(), after.recording.clone())
        } else {
            (None, None)
        };
        self.change.events.push(EventRow {
            value,
            recording,
            version: after.version,
            previous_version: before.version,
            previous_suggested: before.suggested,
            previous_first: before.first,
            ..event
        });
        match (before.is_done(), after.is_done()) {
            (false, true) => self.change.job.done += 1,
            (true, false) => self.change.job.done -= 1,
            _ => {}
        }
        self.change.steps.push(after);
    }

    pub(super) fn finish(self) -> Change {
        self.change
    }

    fn event(&mut self, kind: EventKind, step: Option<StepName>, undoable: Undoable) -> EventRow {
        let revision = self.next_revision();
        let job = &mut self.change.job;
        job.revision = revision;
        job.updated.clone_from(&self.stamp.time);
        if undoable == Undoable::Yes {
            job.undo_top = revision;
        }
        EventRow {
            id: (self.stamp.new_id)(),
            revision,
            change: self.first,
            below: self.below,
            kind,
            step,
            value: None,
            recording: None,
            version: Revision::NONE,
            previous_version: Revision::NONE,
            previous_suggested: false,
            previous_first: Revision::NONE,
            source: self.stamp.source.clone(),
            time: self.stamp.time.clone(),
        }
    }
}
