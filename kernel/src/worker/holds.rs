//! A panic that becomes an error if the cell unwinds by it, and text on standard error if it does not.
//!
//! A panic may be caught by the user's own code. Whether it is shows only by what comes next, so its message is held until
//! then, but not for long.

use std::time::{Duration, Instant};

use super::wire::{Outcome, Panic, ReturnedError};

/// How long a panic's message is held. Unwinding may run the user's destructors.
const PANIC: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(super) struct Holds {
    panic: Option<(Panic, Instant)>,
    /// The last panic, kept for the outcome also after its text has been shown.
    last_panic: Option<Panic>,
    outcome: Outcome,
}

impl Holds {
    /// A `?` has failed.
    pub(super) fn failed(&mut self, error: ReturnedError) {
        self.outcome.question_mark = Some(error);
    }

    /// The cell could not be loaded.
    pub(super) fn not_loaded(&mut self, why: String) {
        self.outcome.not_loaded = Some(why);
    }

    /// Holds a panic; gives the one that was held before.
    pub(super) fn panic(&mut self, panic: Panic) -> Option<Panic> {
        self.last_panic = Some(panic.clone());
        self.panic
            .replace((panic, Instant::now() + PANIC))
            .map(|(panic, _)| panic)
    }

    /// The cell has unwound: what is held was its panic.
    pub(super) fn panicked(&mut self) {
        self.outcome.panicked = true;
        self.outcome.panic = self.last_panic.take();
        self.panic = None;
    }

    /// Code that displays something has caught the panic that is held. `None` when nothing is held.
    pub(super) fn release_panic(&mut self) -> Option<Panic> {
        self.panic.take().map(|(panic, _)| panic)
    }

    /// One whose time is over.
    pub(super) fn expired(&mut self, now: Instant) -> Option<Panic> {
        let over = self.deadline().is_some_and(|deadline| deadline <= now);
        if over { self.release_panic() } else { None }
    }

    /// When what is held runs out.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.panic.as_ref().map(|(_, deadline)| *deadline)
    }

    /// The cell has ended: the panic still held, and how it ended.
    pub(super) fn end(&mut self) -> (Option<Panic>, Outcome) {
        self.last_panic = None;
        (self.release_panic(), std::mem::take(&mut self.outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_question_mark_is_the_outcome_of_one_cell() {
        let mut holds = Holds::default();
        let error = ReturnedError::parse("std::fmt::Error\nsecond\nline");
        holds.failed(error.clone());
        assert_eq!(holds.end().1.question_mark, Some(error));
        assert_eq!(holds.end(), (None, Outcome::default()));
    }

    #[test]
    fn a_caught_panic_is_text_and_a_panic_of_the_cell_is_its_outcome() {
        let panic = Panic {
            message: "no".into(),
            file: "src/lib.rs".into(),
            line: 1,
            column: 2,
            ..Panic::default()
        };
        let mut holds = Holds::default();
        holds.panic(panic.clone());
        let (held, outcome) = holds.end();
        assert_eq!(held.as_ref(), Some(&panic));
        assert!(!outcome.panicked && outcome.panic.is_none());

        holds.panic(panic.clone());
        let shown = holds.expired(Instant::now() + Duration::from_secs(1));
        assert!(shown.is_some());
        holds.panicked();
        let (held, outcome) = holds.end();
        assert_eq!((held, outcome.panic), (None, Some(panic)));
    }
}
