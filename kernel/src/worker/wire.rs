//! What the supervisor and the kernel say to each other, as JSON frames over the kernel's socket.

use std::path::{Path, PathBuf};

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
    /// Why the cell could not be loaded, which then did nothing.
    pub not_loaded: Option<String>,
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

/// What stands in lines of evcxr's around those of a cell that awaits.
const OF_GENERATED_CODE: &str = "evcxr_variable_store.";
/// What stands in lines to which a cell's magics are lowered.
pub const OF_MAGICS: &str = "::pipulate::runtime::";

/// In the package that cells are compiled as: the lines of a cell that are compiled as something else, as pairs of both.
pub const LOWERED_LINES: &str = ".cell-lines";

/// Keeps the source of a cell beside what it was compiled to, since the next cell's takes its place; a line with a magic as it was typed.
pub fn keep_source(source: &Path, object: &Path) -> std::io::Result<()> {
    let text = std::fs::read_to_string(source)?;
    let lowered = source.ancestors().nth(2).map(|package| package.join(LOWERED_LINES));
    let lowered = lowered.and_then(|file| std::fs::read(file).ok()).unwrap_or_default();
    let lowered: Vec<(String, String)> = serde_json::from_slice(&lowered).unwrap_or_default();
    let typed = |line: &str| {
        let line = line.trim();
        let found = lowered
            .iter()
            .find(|(compiled, _)| line.contains(OF_MAGICS) && compiled.contains(line));
        found.map(|(_, typed)| typed.clone())
    };
    let lines = text.lines().map(|line| typed(line).unwrap_or_else(|| line.to_owned()));
    std::fs::write(kept_source(object), lines.collect::<Vec<_>>().join("\n"))
}

/// Where [`keep_source`] keeps it.
fn kept_source(object: &Path) -> PathBuf {
    object.with_extension("rs")
}

/// The user's text on a line of a cell's crate, given its whole source. What stands alone in a line of evcxr's is around the user's.
fn line_of_cell(source: &str, line: usize) -> Option<String> {
    let mut lines = source.lines().skip(line.checked_sub(1)?).map(str::trim);
    let text = lines.find(|text| !matches!(*text, "" | "("))?;
    let is_generated = text.contains(OF_GENERATED_CODE) || text.contains(OF_MAGICS);
    (!is_generated).then(|| format!("`{text}`"))
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
    /// The object that the place is compiled into: the running cell's, or an earlier one's.
    pub object: PathBuf,
    /// The name of the thread, if it is not the one that runs cells.
    pub thread: Option<String>,
}

impl Panic {
    /// The panic as the standard library would have printed it, but at the user's own text: the number of a line of the cell's crate
    /// would say nothing.
    pub fn as_printed(&self) -> String {
        let place = self.place().map_or_else(String::new, |place| format!(" at {place}"));
        let thread = self.thread.as_deref().unwrap_or("main");
        format!("\nthread '{thread}' panicked{place}:\n{}\n", self.message)
    }

    /// Where it began, as users are told; `None` for a place in the standard library, which is not of their making, and where the
    /// cell's source is gone.
    pub fn place(&self) -> Option<String> {
        if self.file == CELL {
            let source = std::fs::read_to_string(kept_source(&self.object)).ok()?;
            line_of_cell(&source, self.line)
        } else if self.file.is_empty() || self.file.starts_with(STANDARD_LIBRARY) {
            None
        } else {
            Some(format!("{}:{}", self.file, self.line))
        }
    }

    /// Reads the form in which the hook reports it: `LINE:COLUMN:FILE`, the thread, the object and the message, with NUL between them.
    pub fn parse(report: &str) -> Self {
        let mut parts = report.splitn(4, '\0');
        let mut part = || parts.next().unwrap_or("");
        let (place, thread, object, message) = (part(), part(), part(), part());
        let mut parts = place.splitn(3, ':');
        let mut number = || parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
        let (line, column) = (number(), number());
        Self {
            message: message.to_owned(),
            file: parts.next().unwrap_or("").to_owned(),
            line,
            column,
            object: object.into(),
            thread: (!thread.is_empty()).then(|| thread.to_owned()),
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
        let folder = tempfile::tempdir().unwrap();
        let object = folder.path().join("libcode_1.so");
        let source = "mod generated {\nf();\n(\n  panic_any(1)\n);";
        std::fs::write(kept_source(&object), source).unwrap();
        for (place, thread, expected) in [
            ("2:1:src/lib.rs", "", "\nthread 'main' panicked at `f();`:\nno\n"),
            (
                "3:1:src/lib.rs",
                "reader",
                "\nthread 'reader' panicked at `panic_any(1)`:\nno\n",
            ),
            ("9:1:src/lib.rs", "", "\nthread 'main' panicked:\nno\n"),
            (
                "2:1:/rustc/58cf/library/core/src/panicking.rs",
                "",
                "\nthread 'main' panicked:\nno\n",
            ),
            (
                "2:1:/home/me/src/lib.rs",
                "",
                "\nthread 'main' panicked at /home/me/src/lib.rs:2:\nno\n",
            ),
        ] {
            let report = format!("{place}\0{thread}\0{}\0no", object.display());
            assert_eq!(Panic::parse(&report).as_printed(), expected);
        }
        let elsewhere = Panic::parse("2:1:src/lib.rs\0\0/nowhere/libcode_2.so\0no");
        assert_eq!(elsewhere.place(), None);
    }

    #[test]
    fn a_line_with_a_magic_is_kept_as_it_was_typed() {
        let folder = tempfile::tempdir().unwrap();
        let (source, object) = (folder.path().join("src/lib.rs"), folder.path().join("libcode_1.so"));
        std::fs::create_dir(folder.path().join("src")).unwrap();
        let set = "::pipulate::runtime::set(None, \"b\", &(z[i]));";
        std::fs::write(
            &source,
            format!("let z = [1];\n    {set}\n::pipulate::runtime::timer();"),
        )
        .unwrap();
        let lines = [[format!("let z = z; {set}"), "let z = z; %pip_set b = z[i]".to_owned()]];
        let lines = serde_json::to_vec(&lines).unwrap();
        std::fs::write(folder.path().join(LOWERED_LINES), lines).unwrap();
        keep_source(&source, &object).unwrap();
        let place = |line| {
            let report = format!("{line}:1:src/lib.rs\0\0{}\0no", object.display());
            Panic::parse(&report).place()
        };
        assert_eq!(place(1).unwrap(), "`let z = [1];`");
        assert_eq!(place(2).unwrap(), "`let z = z; %pip_set b = z[i]`");
        assert_eq!(place(3), None, "nobody typed that");
    }

    #[test]
    fn a_panic_report_is_read_back() {
        let panic = Panic::parse("3:7:src/lib.rs\0\0/a/b.so\0index out of bounds:\nthe len is 3");
        assert_eq!((panic.line, panic.column, panic.file.as_str()), (3, 7, "src/lib.rs"));
        assert_eq!((panic.object, panic.thread), (PathBuf::from("/a/b.so"), None));
        assert_eq!(panic.message, "index out of bounds:\nthe len is 3");
    }
}
