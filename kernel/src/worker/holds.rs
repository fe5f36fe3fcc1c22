//! Reports that become an error if the cell fails by them, and text on standard error if it does not.
//!
//! A panic may be caught by the user's own code, and an error may be printed rather than returned. Which it is shows
//! only by what comes next, so a report is held until then, but not for long.

use std::time::{Duration, Instant};

use super::wire::{Outcome, Panic, ReturnedError};

/// How long a printed error is held. evcxr's marker follows its report at once.
const QUESTION_MARK: Duration = Duration::from_millis(20);
/// How long a panic's message is held. Unwinding may run the user's destructors.
const PANIC: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(super) struct Holds {
    question_mark: Option<(ReturnedError, Instant)>,
    panic: Option<(Panic, Instant)>,
    /// The last panic, kept for the outcome also after its text has been shown.
    last_panic: Option<Panic>,
    outcome: Outcome,
}

impl Holds {
    /// Holds an error; gives the text of the one that was held before.
    pub(super) fn question_mark(&mut self, error: ReturnedError) -> Option<String> {
        self.question_mark
            .replace((error, Instant::now() + QUESTION_MARK))
            .map(|(error, _)| as_line(error))
    }

    /// Holds a panic; gives the text of the one that was held before.
    pub(super) fn panic(&mut self, panic: Panic) -> Option<String> {
        self.last_panic = Some(panic.clone());
        self.panic
            .replace((panic, Instant::now() + PANIC))
            .map(|(panic, _)| panic.as_printed())
    }

    /// evcxr's marker of a failed `?` has come: what is held was its error.
    pub(super) fn failed(&mut self) {
        if let Some((error, _)) = self.question_mark.take() {
            self.outcome.question_mark = Some(error);
        } else if self.outcome.question_mark.is_none() {
            self.outcome.question_mark = Some(ReturnedError::default());
        }
    }

    /// evcxr's marker of an unwound cell has come: what is held was its panic.
    pub(super) fn panicked(&mut self) {
        self.outcome.panicked = true;
        self.outcome.panic = self.last_panic.take();
        self.panic = None;
    }

    /// Something else was printed: an error that is still held was printed before it. `None` when nothing is held.
    pub(super) fn release_question_mark(&mut self) -> Option<String> {
        self.question_mark.take().map(|(error, _)| as_line(error))
    }

    /// Code that displays something has caught the panic that is held. `None` when nothing is held.
    pub(super) fn release_panic(&mut self) -> Option<String> {
        self.panic.take().map(|(panic, _)| panic.as_printed())
    }

    /// Text whose time is over.
    pub(super) fn expired(&mut self, now: Instant) -> Option<String> {
        let mut text = String::new();
        if self
            .question_mark
            .as_ref()
            .is_some_and(|(_, deadline)| *deadline <= now)
        {
            text.extend(self.release_question_mark());
        }
        if self.panic.as_ref().is_some_and(|(_, deadline)| *deadline <= now) {
            text.extend(self.release_panic());
        }
        (!text.is_empty()).then_some(text)
    }

    /// When something held runs out.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let question_mark = self.question_mark.as_ref().map(|(_, deadline)| *deadline);
        let panic = self.panic.as_ref().map(|(_, deadline)| *deadline);
        question_mark.into_iter().chain(panic).min()
    }

    /// The cell has ended: the text still held, and how it ended.
    pub(super) fn end(&mut self) -> (Option<String>, Outcome) {
        let mut text: String = self.release_question_mark().into_iter().collect();
        text.extend(self.release_panic());
        self.last_panic = None;
        ((!text.is_empty()).then_some(text), std::mem::take(&mut self.outcome))
    }
}

fn as_line(error: ReturnedError) -> String {
    error.message + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_question_mark_takes_the_error_that_is_held() {
        let mut holds = Holds::default();
        let second = ReturnedError::parse("std::fmt::Error\nsecond\nline");
        assert_eq!(holds.question_mark(ReturnedError::parse("T\nfirst")), None);
        assert_eq!(holds.question_mark(second.clone()), Some("first\n".into()));
        holds.failed();
        let (text, outcome) = holds.end();
        assert_eq!((text, outcome.question_mark), (None, Some(second)));
        assert_eq!(holds.end(), (None, Outcome::default()));
    }

    #[test]
    fn a_caught_panic_is_text_and_a_panic_of_the_cell_is_its_outcome() {
        let panic = Panic {
            message: "no".into(),
            file: "src/lib.rs".into(),
            line: 1,
            column: 2,
        };
        let mut holds = Holds::default();
        holds.panic(panic.clone());
        let (text, outcome) = holds.end();
        assert!(text.is_some_and(|text| text.contains("panicked at src/lib.rs:1:2:\nno\n")));
        assert!(!outcome.panicked && outcome.panic.is_none());

        holds.panic(panic.clone());
        let shown = holds.expired(Instant::now() + Duration::from_secs(1));
        assert!(shown.is_some());
        holds.panicked();
        let (text, outcome) = holds.end();
        assert_eq!((text, outcome.panic), (None, Some(panic)));
    }
}
