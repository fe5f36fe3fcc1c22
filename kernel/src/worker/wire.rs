//! What the supervisor and the kernel say to each other, as JSON frames over the kernel's socket.

use serde::{Deserialize, Serialize};

use crate::outputs::Stream;

/// The first frame of every connection to the kernel's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hello {
    /// A supervisor: [`Event`]s follow, and [`Order`]s come back.
    Supervisor {
        /// Its process.
        process: u32,
    },
    /// Code in a cell: requests follow, each answered.
    Cell,
}

/// From the supervisor to the kernel, in the order in which things happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The runner has been told to run the cell.
    Started,
    /// Text that user code printed; may be part of a line.
    Text {
        /// Where.
        stream: Stream,
        /// What.
        text: String,
    },
    /// A content block: something that code in a cell displays.
    Content {
        /// Its media type.
        mime: String,
        /// Its content: text, or base64 of an image.
        text: String,
    },
    /// Everything printed before the [`Order::Sync`] of this number has been sent.
    Synced {
        /// That order's number.
        number: u64,
    },
    /// The cell ran to its end, or left it by a panic or a failed `?`.
    Done(Outcome),
    /// The cell ended its process, and a checkpoint goes on: every variable is as it was before.
    WentBack(Death),
    /// The runner is gone, and the supervisor goes with it.
    Died {
        /// How.
        death: Death,
        /// Why there was no checkpoint to go back to, where a cell was running.
        no_checkpoint: Option<String>,
    },
}

/// How the process that ran a cell ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Death {
    /// A name that a program can match, such as `StackOverflow`.
    pub name: String,
    /// What happened, in a sentence without its full stop.
    pub how: String,
}

/// How a cell ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The cell unwound.
    pub panicked: bool,
    /// What the panic hook saw, where it saw it: unwinding can begin without it.
    pub panic: Option<Panic>,
    /// The error of a failed `?`.
    pub question_mark: Option<ReturnedError>,
}

/// An error that a `?` returned from a cell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnedError {
    /// Its type, as the compiler names it.
    pub type_name: String,
    /// What it says.
    pub message: String,
}

impl ReturnedError {
    /// Reads `TYPE\nMESSAGE`, the form in which cells report it.
    pub fn parse(report: &str) -> Self {
        let (type_name, message) = report.split_once('\n').unwrap_or(("", report));
        Self {
            type_name: type_name.to_owned(),
            message: message.to_owned(),
        }
    }
}

/// The file of a cell, in its crate.
const CELL: &str = "src/lib.rs";
/// How the compiler names files of the standard library.
const STANDARD_LIBRARY: &str = "/rustc/";

/// The user's text on a line of a cell's crate, given its whole source. What stands alone in a line of evcxr's is around the user's.
pub fn line_of_cell(source: &str, line: usize) -> Option<String> {
    let mut lines = source.lines().skip(line.checked_sub(1)?).map(str::trim);
    let text = lines.find(|text| !matches!(*text, "" | "("))?;
    Some(format!("`{text}`"))
}

/// A panic, as the hook in user code saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panic {
    /// What it says.
    pub message: String,
    /// Source file, line and column, counted from 1. The file of a cell is `src/lib.rs`.
    pub file: String,
    /// See `file`.
    pub line: usize,
    /// See `file`.
    pub column: usize,
}

impl Panic {
    /// The panic as the standard library would have printed it, but at the user's own text: `line_of_cell` gives a line of the cell's
    /// crate, whose number would say nothing.
    pub fn as_printed(&self, line_of_cell: impl FnOnce(usize) -> Option<String>) -> String {
        let place = self
            .place(line_of_cell)
            .map_or_else(String::new, |place| format!(" at {place}"));
        format!("\nthread 'main' panicked{place}:\n{}\n", self.message)
    }

    /// Where it began, as users are told; `None` for a place in the standard library, which is not of their making.
    pub fn place(&self, line_of_cell: impl FnOnce(usize) -> Option<String>) -> Option<String> {
        if self.file == CELL {
            line_of_cell(self.line)
        } else if self.file.is_empty() || self.file.starts_with(STANDARD_LIBRARY) {
            None
        } else {
            Some(format!("{}:{}", self.file, self.line))
        }
    }

    /// Reads `LINE:COLUMN:FILE\nMESSAGE`, the form in which the hook reports it.
    pub fn parse(report: &str) -> Self {
        let (place, message) = report.split_once('\n').unwrap_or(("", report));
        let mut parts = place.splitn(3, ':');
        let mut number = || parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
        let (line, column) = (number(), number());
        Self {
            message: message.to_owned(),
            file: parts.next().unwrap_or("").to_owned(),
            line,
            column,
        }
    }
}

/// From the kernel to the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Send what has been printed so far, then [`Event::Synced`].
    Sync {
        /// What [`Event::Synced`] gives back.
        number: u64,
    },
    /// A new evaluation begins: what was cancelled before is no concern of it.
    Begin,
    /// Change the working folder of user code.
    Directory {
        /// An absolute path.
        directory: String,
    },
    /// Set an environment variable of user code's.
    Variable {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Whether cells get a checkpoint from now on.
    Checkpoints {
        /// They do.
        on: bool,
    },
    /// Stop the evaluation. A cell that runs is killed, with the runner; one that does not run yet will not.
    Cancel,
    /// End the runner, what it started, and the supervisor.
    Exit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_printed_at_text_of_the_users() {
        let source = "mod generated {\nf();\n(\n  panic_any(1)\n);";
        let printed = |report| Panic::parse(report).as_printed(|line| line_of_cell(source, line));
        for (report, expected) in [
            ("2:1:src/lib.rs\nno", "\nthread 'main' panicked at `f();`:\nno\n"),
            (
                "3:1:src/lib.rs\nno",
                "\nthread 'main' panicked at `panic_any(1)`:\nno\n",
            ),
            ("9:1:src/lib.rs\nno", "\nthread 'main' panicked:\nno\n"),
            (
                "2:1:/rustc/58cf/library/core/src/panicking.rs\nno",
                "\nthread 'main' panicked:\nno\n",
            ),
            (
                "2:1:/home/me/src/lib.rs\nno",
                "\nthread 'main' panicked at /home/me/src/lib.rs:2:\nno\n",
            ),
        ] {
            assert_eq!(printed(report), expected);
        }
    }

    #[test]
    fn a_panic_report_is_read_back() {
        let panic = Panic::parse("3:7:src/lib.rs\nindex out of bounds:\nthe len is 3");
        assert_eq!((panic.line, panic.column, panic.file.as_str()), (3, 7, "src/lib.rs"));
        assert_eq!(panic.message, "index out of bounds:\nthe len is 3");
        assert_eq!(Panic::parse("no place").message, "no place");
    }
}
