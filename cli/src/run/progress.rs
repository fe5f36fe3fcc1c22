//! What a run shows while it goes on.
//!
//! What cells print goes where they print it; values and displays go to standard output as text; everything about the run
//! itself goes to standard error.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anstream::adapter::strip_str;
use jupyter_protocol::media::{Media, MediaType};
use jupyter_protocol::messaging::{ErrorOutput, JupyterMessageContent, Stdio};

use super::runner::headline;
use crate::terminal;

/// The columns of a line where no terminal says how many there are.
const COLUMNS: usize = 100;
/// What follows the code on the line of a cell.
const AFTER_CODE: usize = " ... 59 min 59 s".len();

/// Shows the progress of a run.
pub(crate) struct Progress {
    quiet: bool,
    cells: usize,
    columns: usize,
    cursor: Cursor,
    /// The last line of standard output has no end yet.
    stdout_open: bool,
    stdout: Stdout,
    /// Why something could not be written to standard output.
    fault: Option<io::Error>,
}

/// Where standard output goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stdout {
    /// Elsewhere than standard error.
    Apart,
    /// To the terminal where standard error shows, too.
    SameTerminal,
    /// It is for the notebook: what cells print goes to standard error.
    Notebook,
}

/// Where the next character would appear.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cursor {
    /// At the start of a line.
    Start,
    /// After the code of the running cell, whose line waits for its end.
    AfterCode,
    /// After text of a cell that did not end its line.
    AfterText,
}

impl Cursor {
    fn after(text: &str) -> Self {
        if text.ends_with('\n') {
            Self::Start
        } else {
            Self::AfterText
        }
    }
}

impl Progress {
    /// For a run of this many cells.
    pub(crate) fn new(cells: usize, quiet: bool, notebook_on_stdout: bool) -> Self {
        let stdout = if notebook_on_stdout {
            Stdout::Notebook
        } else if io::stdout().is_terminal() && io::stderr().is_terminal() {
            Stdout::SameTerminal
        } else {
            Stdout::Apart
        };
        Self {
            quiet,
            cells,
            columns: terminal::stderr_columns().unwrap_or(COLUMNS),
            cursor: Cursor::Start,
            stdout_open: false,
            stdout,
            fault: None,
        }
    }

    /// A cell begins.
    pub(crate) fn begin(&mut self, number: usize, code: &str) {
        if self.quiet {
            return;
        }
        self.start_line();
        let count = self.count(number);
        let first = code
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty())
            .unwrap_or_default();
        let room = self.columns.saturating_sub(count.len() + 1 + AFTER_CODE);
        write_error(format_args!("{count} {} ...", terminal::one_line(first, room)));
        self.cursor = Cursor::AfterCode;
    }

    /// A cell has ended.
    pub(crate) fn end(&mut self, number: usize, elapsed: Duration, outcome: &str) {
        if self.quiet {
            return;
        }
        let elapsed = shown(elapsed);
        if self.cursor == Cursor::AfterCode {
            write_error(format_args!(" {outcome}{elapsed}\n"));
            self.cursor = Cursor::Start;
        } else {
            self.start_line();
            write_error(format_args!("{} {outcome}{elapsed}\n", self.count(number)));
        }
    }

    /// Something that the user should know.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.quiet {
            self.start_line();
            write_error(format_args!("{}\n", terminal::visible(text)));
        }
    }

    /// Makes room for a question.
    pub(crate) fn ask(&mut self, prompt: &str) {
        self.start_line();
        let gap = if prompt.is_empty() || prompt.ends_with(char::is_whitespace) {
            ""
        } else {
            " "
        };
        write_error(format_args!("{}{gap}", terminal::visible(prompt)));
    }

    /// Shows what a cell puts out.
    pub(crate) fn show(&mut self, content: &JupyterMessageContent) {
        if self.quiet {
            return;
        }
        match content {
            JupyterMessageContent::StreamContent(stream) => match stream.name {
                Stdio::Stdout => self.print(&stream.text),
                Stdio::Stderr => {
                    self.leave_code();
                    write_error(format_args!("{}", stream.text));
                    self.cursor = Cursor::after(&stream.text);
                }
            },
            JupyterMessageContent::ExecuteResult(result) => self.print_media(&result.data),
            JupyterMessageContent::DisplayData(display) => self.print_media(&display.data),
            _ => {}
        }
    }

    /// Shows an error that a cell was expected to have.
    pub(crate) fn show_expected(&mut self, error: &ErrorOutput) {
        if !self.quiet {
            self.start_line();
            write_error(format_args!("{}\n", traceback(error)));
        }
    }

    /// Why not all that cells have put out is on standard output. A reader that has seen enough is no reason.
    pub(crate) fn fault(&mut self) -> Option<io::Error> {
        self.fault
            .take()
            .filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }

    fn count(&self, number: usize) -> String {
        let width = self.cells.to_string().len();
        format!("[{number:>width$}/{}]", self.cells)
    }

    fn print_media(&mut self, media: &Media) {
        let plain = media.content.iter().find_map(|part| match part {
            MediaType::Plain(text) => Some(text.clone()),
            _ => None,
        });
        let text = plain.unwrap_or_else(|| {
            let mut types: Vec<_> = media.content.iter().map(MediaType::mime_type).collect();
            types.sort_unstable();
            format!("({})", types.join(", "))
        });
        let gap = if self.stdout_open { "\n" } else { "" };
        self.print(&format!("{gap}{text}\n"));
    }

    fn print(&mut self, text: &str) {
        self.leave_code();
        if self.stdout == Stdout::Notebook {
            write_error(format_args!("{text}"));
        } else {
            let mut stdout = io::stdout().lock();
            // The run goes on, for what it saves; its end tells.
            if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
                self.fault.get_or_insert(error);
            }
        }
        self.stdout_open = !text.ends_with('\n');
        if self.stdout != Stdout::Apart {
            self.cursor = Cursor::after(text);
        }
    }

    /// Goes to the next line if the running cell's code stands on this one.
    fn leave_code(&mut self) {
        if self.cursor == Cursor::AfterCode {
            self.start_line();
        }
    }

    /// Goes to the next line if something stands on this one.
    fn start_line(&mut self) {
        if self.cursor != Cursor::Start {
            write_error(format_args!("\n"));
            self.cursor = Cursor::Start;
            self.stdout_open &= self.stdout == Stdout::Apart;
        }
    }
}

/// An error as the kernel wrote it for people.
fn traceback(error: &ErrorOutput) -> String {
    if error.traceback.is_empty() {
        format!("{}: {}", error.ename, error.evalue)
    } else {
        error.traceback.join("\n")
    }
}

/// What an error as the kernel wrote it says beyond its first line, if that line is known already.
pub(crate) fn beyond_headline(error: &ErrorOutput) -> String {
    let traceback = traceback(error);
    let (first, rest) = traceback.split_once('\n').unwrap_or((&traceback, ""));
    if strip_str(first).to_string() == headline(error) {
        rest.to_owned()
    } else {
        traceback
    }
}

/// A duration for people.
pub(super) fn shown(elapsed: Duration) -> String {
    let tenths = elapsed.as_millis().div_ceil(100);
    match tenths {
        0..600 => format!("{}.{} s", tenths / 10, tenths % 10),
        _ => format!("{} min {} s", elapsed.as_secs() / 60, elapsed.as_secs() % 60),
    }
}

/// The terminal may be gone, which does not end the run.
fn write_error(text: std::fmt::Arguments<'_>) {
    let mut stderr = anstream::stderr().lock();
    let _ = stderr.write_fmt(text).and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let check = |milliseconds, expected| assert_eq!(shown(Duration::from_millis(milliseconds)), expected);
        check(0, "0.0 s");
        check(3, "0.1 s");
        check(412, "0.5 s");
        check(59_900, "59.9 s");
        check(61_000, "1 min 1 s");
        check(3_600_000, "60 min 0 s");
    }
}
