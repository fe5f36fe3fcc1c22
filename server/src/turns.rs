//! One request at a time changes a job: whoever has seen that a change may be made makes it before the next one looks.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::live::JobId;

/// How many jobs may change at once. Two that share a place wait for each other, for the milliseconds that a change takes.
const PLACES: usize = 64;

/// Whose turn it is, job by job.
pub(crate) struct Turns {
    places: [Mutex<()>; PLACES],
    hasher: RandomState,
}

impl Turns {
    /// Waits for the job's turn, which lasts as long as what this returns.
    pub(crate) fn take(&self, job: &JobId) -> MutexGuard<'_, ()> {
        let place = self.hasher.hash_one((job.0.as_str(), job.1.as_str())) % PLACES as u64;
        let place = usize::try_from(place).unwrap_or_default();
        self.places[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            places: [const { Mutex::new(()) }; PLACES],
            hasher: RandomState::new(),
        }
    }
}
