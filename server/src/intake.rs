//! How much of what clients send is held at once, by all requests together: one body has its limit, but there may be many.

use std::sync::{Arc, Mutex, PoisonError};

/// What any request may bring, however much the others hold.
const SMALL: usize = 64 * 1024;

/// What bodies hold, in bytes.
#[derive(Debug)]
pub(crate) struct Intake {
    held: Arc<Mutex<usize>>,
    most: usize,
}

/// What one body holds, until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    all: Arc<Mutex<usize>>,
    /// What counts of it.
    bytes: usize,
    small: usize,
    most: usize,
}

impl Intake {
    /// For bodies that together may have that many bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            held: Arc::default(),
            most,
        }
    }

    /// For one more body.
    pub(crate) fn begin(&self) -> Held {
        Held {
            all: Arc::clone(&self.held),
            bytes: 0,
            small: 0,
            most: self.most,
        }
    }
}

impl Held {
    /// Whether there is room for that many bytes more.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        if self.small + bytes <= SMALL {
            self.small += bytes;
            return true;
        }
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if *all + bytes > self.most {
            return false;
        }
        *all += bytes;
        self.bytes += bytes;
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *self.all.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_together_have_a_bound_and_small_ones_always_room() {
        let intake = Intake::new(1_000_000);
        let (mut first, mut second) = (intake.begin(), intake.begin());
        assert!(first.grow(900_000));
        assert!(!second.grow(200_000));
        assert!(second.grow(1000), "a small one");
        drop(first);
        assert!(second.grow(1_000_000));
        drop(second);
        assert!(intake.begin().grow(1_000_000));
    }
}
