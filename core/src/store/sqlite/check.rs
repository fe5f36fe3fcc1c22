//! Whether a file is what it was written as: SQLite reads all of it and compares.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rusqlite::ErrorCode;

use super::open::connect_to_read;
use super::{SqliteOptions, failed, file};
use crate::error::Result;

/// How many faults are told of.
const TOLD: usize = 5;

/// What a look at all of a file has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkup {
    /// What is wrong, in SQLite's words; the first few of them.
    pub faults: Vec<String>,
    /// Whether all of the file was looked at within the time there was.
    pub complete: bool,
}

/// Reads the whole file, with its indexes, and changes nothing. Takes no longer than `bound`.
///
/// To be called while the file is open as a store: it may be written to meanwhile, and the log that this takes is then there.
pub fn check(path: &Path, bound: Duration) -> Result<Checkup> {
    let reader = connect_to_read(path, &SqliteOptions::default(), file::has_log(path))?;
    let connection = &reader.connection;
    let interrupt = connection.get_interrupt_handle();
    let (done, is_done) = mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        if is_done.recv_timeout(bound) == Err(RecvTimeoutError::Timeout) {
            interrupt.interrupt();
        }
    });
    let mut faults = Vec::new();
    let read = connection
        .prepare(&format!("PRAGMA integrity_check({TOLD})"))
        .and_then(|mut statement| {
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                faults.push(row.get::<_, String>(0)?);
            }
            Ok(())
        });
    drop(done);
    // It ends with the channel; that it panicked would only mean that there was no bound.
    let _ = watch.join();
    faults.retain(|fault| fault != "ok");
    let complete = match read {
        Ok(()) => true,
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => false,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                faults.push(error.to_string());
                false
            }
            _ => return Err(failed(path, &error).during(|| format!("check {}", path.display()))),
        },
    };
    Ok(Checkup { faults, complete })
}
