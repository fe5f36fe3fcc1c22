//! Pure transitions: what a set, a revert or a finalize does to a job.
//!
//! A transition takes the rows that it needs, and gives back the rows that change and the events that say so, as one
//! [`Change`] for a store to apply in one transaction. It reads no clock and makes no id: both come in with the [`Stamp`].
//! A transition fails before anything is written, or not at all.
//!
//! # Versions
//! A step's value and the record of the code that made it are a *version*, named by the revision of the event that
//! wrote them. Each event names the version that the step had before and the one it has after, so that a change is
//! taken back in time that does not depend on how long the history is.
//!
//! # Undo
//! The changes that can be taken back (set, record, write, remove, revert) form a stack: each event points at the
//! change below it, and the job at the one on top. [`undo`] takes the top one back and appends an event that says so; undoing
//! again goes one change further back, past what was undone before. Declaring an order, forking and locking are not on
//! the stack: each has an inverse of its own.

mod draft;
mod fork;
mod lifecycle;
mod order;
mod revert;
mod rows;
mod set;
mod status;
mod undo;

pub use draft::{Change, Stamp};
pub use fork::{Fork, fork};
pub use lifecycle::{Turn, turn};
pub use order::{in_order, order};
pub use revert::revert;
pub use rows::{EventRow, JobRow, StepRow};
pub use set::{NewJob, NewValue, remove, set, write};
pub use status::status;
pub use undo::{Undone, undo};

use crate::error::{Error, Result};

/// Refuses to change a job that is deleted or finalized.
fn may_change(job: &JobRow, operation: &str) -> Result<()> {
    if job.deleted {
        return Err(Error::Deleted {
            operation: operation.to_owned(),
            job: job.key.clone(),
        });
    }
    if job.finalized {
        return Err(Error::Finalized {
            operation: operation.to_owned(),
            job: job.key.clone(),
        });
    }
    Ok(())
}
