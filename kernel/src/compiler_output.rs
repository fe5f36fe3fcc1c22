//! What cargo says while it compiles dependencies, shown in the cell that waits for it.
//!
//! evcxr prints cargo's lines of the form `Compiling NAME VERSION` to the standard error of its own process, and nowhere
//! else. So the kernel's program puts a pipe there, takes these lines out, and lets all others pass.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};

use crate::outputs::{Outputs, Stream};

/// The cell that waits, if one does.
static CELL: Mutex<Option<Arc<dyn Outputs>>> = Mutex::new(None);

/// Begins to watch this process's standard error; gives the one that there was, for what must not wait on a thread.
pub fn watch() -> io::Result<File> {
    let before = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let (reader, writer) = io::pipe()?;
    let mut passed = before.try_clone()?;
    std::thread::Builder::new()
        .name("compiler-output".to_owned())
        .spawn(move || {
            let mut reader = BufReader::new(reader);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                if !show(&line) {
                    // Where nobody reads any more, nobody is told.
                    let _ = passed.write_all(&line);
                }
                line.clear();
            }
        })?;
    rustix::stdio::dup2_stderr(&writer)?;
    Ok(before)
}

/// Shows what is compiled in this cell, until what is returned is dropped.
pub fn show_in(cell: Arc<dyn Outputs>) -> impl Drop {
    *cell_that_waits() = Some(cell);
    Shown
}

struct Shown;

impl Drop for Shown {
    fn drop(&mut self) {
        *cell_that_waits() = None;
    }
}

fn cell_that_waits() -> std::sync::MutexGuard<'static, Option<Arc<dyn Outputs>>> {
    CELL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// True when the line was cargo's, and has been shown where a cell waits.
fn show(line: &[u8]) -> bool {
    let Some(said) = compiling(line) else { return false };
    // One that was interrupted has been told so, and has ended.
    if let Some(cell) = cell_that_waits().as_ref().filter(|cell| !cell.is_interrupted()) {
        cell.stream(Stream::Stderr, &format!("{said}\n"));
    }
    true
}

/// The line without the space that aligns it, and without the folder of a crate that is not from a registry.
fn compiling(line: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(line).ok()?.trim();
    let rest = line.strip_prefix("Compiling ")?;
    let mut words = rest.split(' ');
    words.next().filter(|name| !name.is_empty())?;
    let version = words.next().filter(|version| version.starts_with('v'))?;
    let folder = words.next().is_none_or(|word| word.starts_with('('));
    folder.then(|| &line[..line.find(version).unwrap_or(0) + version.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_cargo_are_taken() {
        assert_eq!(
            compiling(b"   Compiling tokio v1.54.1\n"),
            Some("Compiling tokio v1.54.1")
        );
        let local = b"   Compiling pipulate v0.1.0 (/home/ada/.local/share/pipulate/cell-library)";
        assert_eq!(compiling(local), Some("Compiling pipulate v0.1.0"));
        for other in [
            "error: no",
            "Compiling",
            "Compiling a theory of everything",
            "Compiling \u{1b}[0m x",
        ] {
            assert_eq!(compiling(other.as_bytes()), None, "{other}");
        }
        assert_eq!(compiling(b"Compiling \xFF v1"), None);
    }
}
