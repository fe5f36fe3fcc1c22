//! What a chain says about the last request.

use super::history::EventRow;
use crate::error::Error;

/// A message at the top of the chain.
pub(in crate::web) struct Notice {
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) events: Vec<EventRow>,
}

impl Notice {
    /// How many changes are listed.
    const EVENTS: usize = 20;

    pub(in crate::web) fn of(error: &Error) -> Self {
        let events = match error {
            Error::Changed { events, .. } => events.iter().rev().take(Self::EVENTS).map(EventRow::of).collect(),
            _ => Vec::new(),
        };
        let (message, help) = match error {
            Error::Changed { .. } => (
                "The job has changed since this page was shown, so nothing was saved.".to_owned(),
                Some("What you typed is still in the form. Below is what happened meanwhile.".to_owned()),
            ),
            Error::Invalid { .. } => ("Some answers will not do. Nothing was saved.".to_owned(), None),
            Error::State(error) => (error.full_message(), None),
            error => (error.to_string(), None),
        };
        Self {
            message,
            help: help.or_else(|| error.help()),
            events,
        }
    }
}
