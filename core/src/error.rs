//! The one error of this crate. It crosses the wire between a cell and the kernel without loss, so that a front end
//! shows the same error wherever the store is.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::state::{JobKey, Revision, StepName};
use crate::type_name;

/// A result with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, with what, and why.
///
/// The message says what happened; [`help`](Error::help) says what to do about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Error {
    /// A step was required that has no value.
    MissingStep {
        /// The job.
        job: JobKey,
        /// The step that was asked for.
        step: StepName,
        /// The steps that are done.
        available: Vec<String>,
    },
    /// There is no such job, or it is deleted.
    MissingJob {
        /// What was asked for.
        operation: String,
        /// The job.
        job: JobKey,
    },
    /// A fork would overwrite a job.
    JobExists {
        /// The key that is taken.
        job: JobKey,
        /// Whether that job is deleted.
        deleted: bool,
    },
    /// The job is deleted, so it cannot change.
    Deleted {
        /// What was asked for.
        operation: String,
        /// The job.
        job: JobKey,
    },
    /// The job is finalized, so it cannot change.
    Finalized {
        /// What was asked for.
        operation: String,
        /// The job.
        job: JobKey,
    },
    /// Someone else changed the step in the meantime.
    Conflict {
        /// The job.
        job: JobKey,
        /// The step.
        step: StepName,
        /// The revision that the caller had read.
        expected: Revision,
        /// The revision that there is.
        found: Revision,
    },
    /// A name breaks the rules for names.
    InvalidName {
        /// What it was to name.
        what: String,
        /// The name.
        name: String,
        /// Which rule it breaks.
        reason: String,
    },
    /// JSON cannot hold the value.
    Unrepresentable {
        /// The job.
        job: JobKey,
        /// The step.
        step: StepName,
        /// The place inside the value, such as `items[3].price`; empty for the value itself.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The value is over the limit.
    TooLarge {
        /// The job.
        job: JobKey,
        /// The step.
        step: StepName,
        /// Its size as JSON, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The stored value is not of the type that was asked for.
    Decode {
        /// The job.
        job: JobKey,
        /// The step.
        step: StepName,
        /// The Rust type that was asked for.
        expected: String,
        /// Where they differ.
        source: Cause,
    },
    /// Others kept the store busy for longer than a caller waits.
    Busy {
        /// What was asked for.
        operation: String,
        /// What was waited for.
        awaited: String,
        /// For how long.
        waited: Duration,
    },
    /// The disk, or the room that the store may take, is full.
    Full {
        /// What was asked for.
        operation: String,
        /// The store's file.
        place: String,
        /// What the store said.
        source: Cause,
    },
    /// The store's file was taken away while it was in use. Nothing was changed.
    Gone {
        /// What was asked for.
        operation: String,
        /// The file.
        place: String,
        /// Whether another file stands in its place.
        replaced: bool,
    },
    /// The store's file may not be written to.
    ReadOnly {
        /// What was asked for.
        operation: String,
        /// The file.
        place: String,
    },
    /// The store was written by a newer version.
    NewerSchema {
        /// The store's file.
        place: String,
        /// The file's schema.
        found: u32,
        /// The newest schema that this version knows.
        supported: u32,
    },
    /// The place where jobs live cannot be told or used.
    Place {
        /// The file or the setting at fault.
        place: String,
        /// Why not.
        reason: String,
        /// What the system said.
        source: Option<Cause>,
    },
    /// The store failed.
    Store {
        /// What was asked for.
        operation: String,
        /// What the store said.
        source: Cause,
    },
    /// The connection to the store broke. A change that was under way may or may not have been made.
    Connection {
        /// What was asked for.
        operation: String,
        /// What the system said.
        source: Cause,
    },
    /// The other side of a connection said something that makes no sense.
    Protocol {
        /// What was asked for.
        operation: String,
        /// What was odd.
        reason: String,
    },
}

/// What happened. `{:#}` is all that there is to say, as a notebook shows it: the [name](Error::name), the message with those of
/// its sources, and on lines of its own the [help](Error::help).
impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !formatter.alternate() {
            return self.message(formatter);
        }
        write!(formatter, "{}: {}", self.name(), self.full_message())?;
        match self.help() {
            Some(help) => write!(formatter, "\n{help}"),
            None => Ok(()),
        }
    }
}

impl Error {
    /// The variant's name, such as `MissingStep`: what a front end shows as the kind of error.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MissingStep { .. } => "MissingStep",
            Self::MissingJob { .. } => "MissingJob",
            Self::JobExists { .. } => "JobExists",
            Self::Deleted { .. } => "Deleted",
            Self::Finalized { .. } => "Finalized",
            Self::Conflict { .. } => "Conflict",
            Self::InvalidName { .. } => "InvalidName",
            Self::Unrepresentable { .. } => "Unrepresentable",
            Self::TooLarge { .. } => "TooLarge",
            Self::Decode { .. } => "Decode",
            Self::Busy { .. } => "Busy",
            Self::Full { .. } => "Full",
            Self::Gone { .. } => "Gone",
            Self::ReadOnly { .. } => "ReadOnly",
            Self::NewerSchema { .. } => "NewerSchema",
            Self::Place { .. } => "Place",
            Self::Store { .. } => "Store",
            Self::Connection { .. } => "Connection",
            Self::Protocol { .. } => "Protocol",
        }
    }

    /// What to do about it, where something can be said.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::MissingStep { step, available, .. } => {
                if let Some(close) = closest(step.as_str(), available) {
                    format!("Did you mean `{close}`?")
                } else {
                    let (word, step) = (quoted(step.as_str()), step.as_str());
                    format!(
                        "Set it first, or say what to take without it: `%pip_get {word} --default EXPR` in a notebook, or \
                         `job.get_or({step:?}, value)`."
                    )
                }
            }
            Self::MissingJob { .. } => "A job is created by the first value that is set in it.".to_owned(),
            Self::JobExists { job, deleted: true } => {
                format!("Choose another key, or bring that job back with `pip.undelete({:?})`.", job.as_str())
            }
            Self::JobExists { .. } => {
                "Choose another key; `pip.next_key(PROFILE, WORKFLOW)` finds a free one.".to_owned()
            }
            Self::Deleted { job, .. } => {
                format!("`pip.undelete({:?})` brings it back; or use another key.", job.as_str())
            }
            Self::Finalized { .. } => {
                "`%pip_unfinalize` in a notebook, or `job.unfinalize()`, opens it; nothing is lost by it.".to_owned()
            }
            Self::Conflict { .. } => "Read the step again, and decide with the value that is there now.".to_owned(),
            Self::InvalidName { .. } => {
                "A name is any text of 1 to 200 characters without control characters.".to_owned()
            }
            Self::Unrepresentable { .. } => {
                "JSON holds finite numbers, and objects whose keys are text, each there once. Use an `Option` for a number \
                 that may be missing, or store text."
                    .to_owned()
            }
            Self::TooLarge { .. } => "Store the data in a file, and its path in the step.".to_owned(),
            Self::Decode { step, .. } => {
                let (word, step) = (quoted(step.as_str()), step.as_str());
                format!("`%pip_get {word}` in a notebook, or `job.get_json({step:?})`, shows what is there.")
            }
            Self::Busy { .. } => "Look for a program that holds the file open in a transaction.".to_owned(),
            Self::Full { .. } => "Make room and try again; what was stored before is intact.".to_owned(),
            Self::Gone { replaced: false, .. } => {
                "Put the file back where it was; or restart the kernel or the program, to begin with a new file.".to_owned()
            }
            Self::Gone { .. } => "Restart the kernel or the program, to use the file that is there now.".to_owned(),
            Self::ReadOnly { .. } => {
                "Reading works. To write, get the right to change the file and its folder and restart the kernel or the program; \
                 or name another store in PIPULATE_URL."
                    .to_owned()
            }
            Self::NewerSchema { .. } => "Install the newer version; the file was not touched.".to_owned(),
            Self::Connection { .. } => "Check that the kernel still runs, then read the step again.".to_owned(),
            Self::Place { .. } | Self::Store { .. } | Self::Protocol { .. } => return None,
        };
        Some(help)
    }

    /// The message, then the message of each source: one line for a terminal or a log.
    pub fn full_message(&self) -> String {
        let mut message = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            message.push_str(": ");
            message.push_str(&error.to_string());
            source = error.source();
        }
        message
    }

    fn message(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingStep { job, step, available } => write!(
                formatter,
                "job `{job}` has no value for step `{step}`{}",
                listed(available)
            ),
            Self::MissingJob { operation, job } => write!(formatter, "cannot {operation}: there is no job `{job}`"),
            Self::JobExists { job, deleted } => write!(
                formatter,
                "cannot fork into `{job}`: there is a {}job with that key",
                if *deleted { "deleted " } else { "" }
            ),
            Self::Deleted { operation, job } => write!(formatter, "cannot {operation}: job `{job}` is deleted"),
            Self::Finalized { operation, job } => write!(formatter, "cannot {operation}: job `{job}` is finalized"),
            Self::Conflict {
                job,
                step,
                expected,
                found,
            } => write!(
                formatter,
                "step `{step}` of job `{job}` was changed by someone else: expected revision {expected}, found {found}"
            ),
            Self::InvalidName { what, name, reason } => {
                write!(formatter, "`{}` cannot be a {what}: {reason}", shortened(name))
            }
            Self::Unrepresentable {
                job,
                step,
                path,
                reason,
            } => write!(
                formatter,
                "step `{step}` of job `{job}` cannot be stored: {reason}, at {}",
                if path.is_empty() { "the value itself" } else { path }
            ),
            Self::TooLarge { job, step, size, limit } => write!(
                formatter,
                "step `{step}` of job `{job}` is too large: {size} bytes of JSON; the limit is {limit}"
            ),
            Self::Decode {
                job, step, expected, ..
            } => write!(
                formatter,
                "step `{step}` of job `{job}` is not {}",
                type_name::with_article(expected)
            ),
            Self::Busy {
                operation,
                awaited,
                waited,
            } => write!(
                formatter,
                "could not {operation}: waited {:.1} s for {awaited}",
                waited.as_secs_f64()
            ),
            Self::Full { operation, place, .. } => {
                write!(formatter, "could not {operation}: there is no room left for {place}")
            }
            Self::Gone {
                operation,
                place,
                replaced,
            } => write!(
                formatter,
                "could not {operation}: {place} was {} while it was in use",
                if *replaced {
                    "replaced by another file"
                } else {
                    "deleted or moved"
                }
            ),
            Self::ReadOnly { operation, place } => {
                write!(formatter, "could not {operation}: {place} may only be read")
            }
            Self::NewerSchema {
                place,
                found,
                supported,
            } => write!(
                formatter,
                "{place} was written by a newer version: its schema is {found}, this version knows up to {supported}"
            ),
            Self::Place { place, reason, .. } => {
                write!(formatter, "cannot use {place} as the place for jobs: {reason}")
            }
            Self::Store { operation, .. } => write!(formatter, "could not {operation}"),
            Self::Connection { operation, .. } => {
                write!(formatter, "could not {operation}: the connection to the store broke")
            }
            Self::Protocol { operation, reason } => write!(formatter, "could not {operation}: {reason}"),
        }
    }

    /// Names the operation in an error that arose too deep to know it.
    #[cfg(feature = "sqlite")]
    #[must_use]
    pub(crate) fn during(mut self, describe: impl FnOnce() -> String) -> Self {
        if let Self::Busy { operation, .. }
        | Self::Full { operation, .. }
        | Self::Gone { operation, .. }
        | Self::Store { operation, .. }
        | Self::Connection { operation, .. }
        | Self::Protocol { operation, .. } = &mut self
            && operation.is_empty()
        {
            *operation = describe();
        }
        self
    }
}

/// An error from below, kept as its messages, so that it can be compared, cloned and sent over a wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    message: String,
    source: Option<Box<Cause>>,
}

impl Cause {
    /// Keeps an error and all its sources.
    pub fn of(error: &(dyn StdError + 'static)) -> Self {
        Self {
            message: error.to_string(),
            source: error.source().map(|source| Box::new(Self::of(source))),
        }
    }

    /// A cause that is no error of another library.
    pub fn message(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

fn listed(available: &[String]) -> String {
    const SHOWN: usize = 10;
    if available.is_empty() {
        return "; none of its steps is done".to_owned();
    }
    let shown: Vec<String> = available.iter().take(SHOWN).map(|step| format!("`{step}`")).collect();
    let more = available.len() - shown.len();
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("; it has {}{rest}", shown.join(", "))
}

fn shortened(name: &str) -> String {
    const SHOWN: usize = 40;
    if name.chars().count() <= SHOWN {
        return name.escape_debug().to_string();
    }
    let start: String = name.chars().take(SHOWN).collect();
    format!("{}…", start.escape_debug())
}

/// A step's name as a magic takes it: in quotes where it is not a plain word.
fn quoted(step: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '.');
    if step.chars().all(is_plain) {
        step.to_owned()
    } else {
        format!("{step:?}")
    }
}

/// The name that a slip of the finger would have meant, if there is one within two edits.
fn closest<'a>(wanted: &str, available: &'a [String]) -> Option<&'a str> {
    available
        .iter()
        .take(200)
        .map(|candidate| (distance(wanted, candidate), candidate.as_str()))
        .filter(|(edits, candidate)| *edits <= 2 && *edits < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (row, left_character) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, right_character) in right.iter().enumerate() {
            let substitution = previous[column] + usize::from(left_character != *right_character);
            current.push(substitution.min(previous[column + 1] + 1).min(current[column] + 1));
        }
        previous = current;
    }
    previous[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode() -> Error {
        Error::Decode {
            job: JobKey::new("hello-01").unwrap(),
            step: StepName::new("count").unwrap(),
            expected: std::any::type_name::<Vec<String>>().to_owned(),
            source: Cause::message("invalid type: integer `7`"),
        }
    }

    #[test]
    fn an_error_says_what_happened_or_all_that_there_is_to_say() {
        let error = decode();
        assert_eq!(
            error.to_string(),
            "step `count` of job `hello-01` is not a `Vec<String>`"
        );
        assert_eq!(
            format!("{error:#}"),
            "Decode: step `count` of job `hello-01` is not a `Vec<String>`: invalid type: integer `7`\n\
             `%pip_get count` in a notebook, or `job.get_json(\"count\")`, shows what is there."
        );
        let boxed: Box<dyn StdError> = Box::new(error.clone());
        assert_eq!(format!("{boxed:#}"), format!("{error:#}"));
        let silent = Error::Protocol {
            operation: "read".to_owned(),
            reason: "nonsense".to_owned(),
        };
        assert_eq!(format!("{silent:#}"), "Protocol: could not read: nonsense");
    }
}
