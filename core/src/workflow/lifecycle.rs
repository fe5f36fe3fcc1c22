use super::draft::Draft;
use super::{Change, JobRow, Stamp, may_change};
use crate::error::{Error, Result};
use crate::state::EventKind;

/// A turn in a job's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Lock it.
    Finalize,
    /// Unlock it.
    Unfinalize,
    /// Hide it.
    Delete,
    /// Bring it back.
    Undelete,
}

/// Takes a turn. A job that has taken it already does not change.
pub fn turn(job: JobRow, turn: Turn, stamp: &mut Stamp<'_>) -> Result<Option<Change>> {
    let (operation, taken, kind) = match turn {
        Turn::Finalize => ("finalize the job", job.finalized, EventKind::Finalize),
        Turn::Unfinalize => ("unfinalize the job", !job.finalized, EventKind::Unfinalize),
        Turn::Delete => ("delete the job", job.deleted, EventKind::Delete),
        Turn::Undelete => ("undelete the job", !job.deleted, EventKind::Undelete),
    };
    match turn {
        Turn::Finalize | Turn::Unfinalize if job.deleted => {
            return Err(Error::Deleted {
                operation: operation.to_owned(),
                job: job.key,
            });
        }
        Turn::Delete if !taken => may_change(&job, operation)?,
        _ => {}
    }
    if taken {
        return Ok(None);
    }
    let mut draft = Draft::new(job, false, stamp);
    draft.job_event(kind, None);
    let row = &mut draft.change.job;
    match turn {
        Turn::Finalize => row.finalized = true,
        Turn::Unfinalize => row.finalized = false,
        Turn::Delete => row.deleted = true,
        Turn::Undelete => row.deleted = false,
    }
    Ok(Some(draft.finish()))
}
