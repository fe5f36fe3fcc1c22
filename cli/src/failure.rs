//! Errors as a user sees them: what happened, to what, and what to do.

use std::fmt;
use std::io;
use std::process::ExitCode;

use anyhow::Error;

/// What was asked for does not exist.
const MISSING: u8 = 3;

/// An error that knows more than its message.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    details: Option<String>,
    help: Option<String>,
    code: u8,
}

impl Failure {
    /// A problem: exit code 1.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            details: None,
            help: None,
            code: 1,
        }
    }

    /// What was asked for does not exist: exit code 3.
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self {
            code: MISSING,
            ..Self::new(message)
        }
    }

    /// Ended by a signal: exit code 128 and its number, as shells have it.
    pub(crate) fn signalled(message: impl Into<String>, signal: u8) -> Self {
        Self {
            code: 128 + signal,
            ..Self::new(message)
        }
    }

    /// Text to show below the message, as it is.
    pub(crate) fn details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// What to do about it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Whether standard output was closed while a command wrote to it.
pub(crate) fn is_broken_pipe(error: &Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Prints an error on standard error and gives its exit code.
pub(crate) fn report(error: &Error) -> ExitCode {
    let failure = error.downcast_ref::<Failure>();
    let stored = error.downcast_ref::<pipulate::Error>();
    anstream::eprintln!("error: {error:#}");
    if let Some(details) = failure.and_then(|failure| failure.details.as_deref()) {
        anstream::eprintln!("{}", details.trim_end_matches('\n'));
    }
    let help = failure
        .and_then(|failure| failure.help.clone())
        .or_else(|| stored.and_then(pipulate::Error::help));
    if let Some(help) = help {
        anstream::eprintln!("help: {help}");
    }
    let missing = stored.is_some_and(|error| matches!(error.name(), "MissingStep" | "MissingJob"));
    ExitCode::from(match failure {
        Some(failure) => failure.code,
        None if missing => MISSING,
        None => 1,
    })
}
