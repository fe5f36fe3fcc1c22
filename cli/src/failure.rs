//! Errors as a user sees them: what happened, to what, and what to do. And the one table of exit codes.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Error;

use crate::json_text::last_word;
use crate::signals::Signal;
use crate::terminal::visible;

/// What helps whoever looks for a job.
pub(crate) const LIST_JOBS: &str = "`pipulate job list` shows the jobs there are.";

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// It did not work.
    Failed,
    /// What was given cannot be right, whatever is stored.
    Usage,
    /// What was asked for is not there.
    Missing,
    /// Ended by a signal.
    Signalled(Signal),
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Missing => 3,
            // As shells have it.
            Self::Signalled(signal) => 128 + signal.number(),
        }
    }
}

/// The table of exit codes for `--help`; the guide has the same one.
pub(crate) fn exit_codes() -> String {
    let rows = [
        (0, "done"),
        (
            Exit::Failed.code(),
            "it did not work: a cell failed, say, or the job is finalized",
        ),
        (
            Exit::Usage.code(),
            "the command line is wrong: an option, a name, a value that is no JSON",
        ),
        (
            Exit::Missing.code(),
            "what was asked for is not there: a store, a job, a step, a file",
        ),
        (
            Exit::Signalled(Signal::HangUp).code(),
            "the terminal was closed (SIGHUP)",
        ),
        (
            Exit::Signalled(Signal::Interrupt).code(),
            "interrupted by Ctrl-C (SIGINT)",
        ),
        (Exit::Signalled(Signal::Terminate).code(), "asked to end (SIGTERM)"),
    ];
    let mut table = "Exit codes:".to_owned();
    for (code, meaning) in rows {
        write!(table, "\n  {code:<3}  {meaning}").expect("a string takes all text");
    }
    table
}

/// An error that knows more than its message.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    details: Option<String>,
    help: Option<String>,
    exit: Exit,
}

impl Failure {
    /// It did not work.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::ending(Exit::Failed, message)
    }

    /// What was given cannot be right, whatever is stored.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::ending(Exit::Usage, message)
    }

    /// What was asked for is not there.
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::ending(Exit::Missing, message)
    }

    /// Ended by a signal.
    pub(crate) fn signalled(message: impl Into<String>, signal: Signal) -> Self {
        Self::ending(Exit::Signalled(signal), message)
    }

    fn ending(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            details: None,
            help: None,
            exit,
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

/// An error and its causes on one line. A cause that only says again what stands there already is left out.
pub(crate) fn message(error: &Error) -> String {
    let (mut message, mut last) = (String::new(), String::new());
    for cause in error.chain().map(ToString::to_string) {
        if message.is_empty() {
            message.clone_from(&cause);
        } else if !message.ends_with(&cause) && !cause.ends_with(&last) {
            message = format!("{message}: {cause}");
        }
        last = cause;
    }
    message
}

/// Prints an error on standard error and gives its exit code.
pub(crate) fn report(error: &Error) -> ExitCode {
    let failure = error.downcast_ref::<Failure>();
    let stored = error.downcast_ref::<pipulate::Error>();
    tell(&format!("error: {}", visible(message(error).trim_end())));
    let details = failure.and_then(|failure| failure.details.as_deref());
    if let Some(details) = details.map(str::trim_end).filter(|details| !details.is_empty()) {
        tell(details);
    }
    let help = failure
        .and_then(|failure| failure.help.clone())
        .or_else(|| stored.and_then(help_with));
    if let Some(help) = help {
        tell(&format!("help: {}", visible(&help)));
    }
    let exit = failure
        .map(|failure| failure.exit)
        .or_else(|| stored.map(exit_of))
        .unwrap_or(Exit::Failed);
    ExitCode::from(exit.code())
}

/// Tells about something that does not stop a command.
pub(crate) fn warn(message: &str, help: Option<&str>) {
    tell(&format!("warning: {}", visible(message)));
    if let Some(help) = help {
        tell(&format!("help: {}", visible(help)));
    }
}

/// Writes a line on standard error. Where that cannot be, nobody can be told, and the exit code has to do.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// What to type about an error of the store; where nothing can be typed, what the store itself advises.
pub(crate) fn help_with(error: &pipulate::Error) -> Option<String> {
    use pipulate::Error;
    let word = |key: &pipulate::JobKey| last_word(key.as_str());
    Some(match error {
        Error::MissingStep { job, .. } => format!("`pipulate job show {}` shows the steps it has.", word(job)),
        Error::MissingJob { .. } => LIST_JOBS.to_owned(),
        Error::JobExists { job, deleted: true } => {
            format!(
                "Choose another key, or bring that job back with `pipulate job undelete {}`.",
                word(job)
            )
        }
        Error::JobExists { .. } => "Choose another key; `pipulate job list` shows those that are taken.".to_owned(),
        Error::Deleted { job, .. } => format!("`pipulate job undelete {}` brings it back.", word(job)),
        Error::Finalized { job, .. } => {
            format!(
                "`pipulate job unfinalize {}` opens it; nothing is lost by it.",
                word(job)
            )
        }
        Error::Place { .. } => "`--db PATH` names another store, and so does PIPULATE_URL.".to_owned(),
        Error::Unrepresentable { .. } => {
            "A value is JSON with finite numbers, each key of an object once, and not too \
                                          deep. Anything else can be kept as text."
                .to_owned()
        }
        other => return other.help(),
    })
}

fn exit_of(error: &pipulate::Error) -> Exit {
    match error.name() {
        "MissingStep" | "MissingJob" | "Deleted" => Exit::Missing,
        "InvalidName" | "Unrepresentable" | "TooLarge" => Exit::Usage,
        _ => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn what_a_cause_says_again_is_left_out() {
        let check = |error: Error, expected: &str| assert_eq!(message(&error), expected);
        check(anyhow!("no room").context("cannot write x"), "cannot write x: no room");
        check(
            anyhow!("no room").context("cannot write x: no room"),
            "cannot write x: no room",
        );
        check(
            anyhow!("Error code 26: no database")
                .context("no database")
                .context("cannot open x"),
            "cannot open x: no database",
        );
    }
}
