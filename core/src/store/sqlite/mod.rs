//! Jobs in a SQLite file, shared by any number of threads and processes.
//!
//! The file is in WAL mode with `synchronous=FULL`: a change is on the disk when the call returns, readers never wait for
//! writers, and writers wait for each other. Threads of one process that write at the same time commit together (`commit`);
//! processes take turns, each waiting at most [`SqliteOptions::patience`].

mod commit;
mod open;
mod read;
mod rows;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Store;
use super::wire::{Request, Response};
use crate::error::{Cause, Error, Result};
use crate::state::{Source, Tenant};
use commit::Writer;
use read::Readers;

pub use open::SCHEMA_VERSION;

/// How a file is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How long a call waits for others who write, before it is [`Error::Busy`]: 30 seconds.
    pub patience: Duration,
    /// The size that the file may grow to; beyond it a write is [`Error::Full`]. No bound but the disk by default.
    pub max_bytes: Option<u64>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(30),
            max_bytes: None,
        }
    }
}

/// Jobs in a SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    writer: Writer,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the file, and creates it and its folder where they are missing: the folder for its owner only (0700), the file too
    /// (0600). A file with an older schema is brought up to date; one with a newer schema is refused and not touched.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, &SqliteOptions::default())
    }

    /// Opens the file with options.
    pub fn open_with(path: &Path, options: &SqliteOptions) -> Result<Self> {
        // A later change of the working folder must not lead to another file.
        let path = std::path::absolute(path).map_err(|error| Error::Place {
            place: path.display().to_string(),
            reason: "the working folder cannot be told".to_owned(),
            source: Some(Cause::of(&error)),
        })?;
        open::prepare(&path, options)?;
        let writer = Writer::new(path.clone(), options.clone())?;
        let readers = Readers::new(path.clone(), options.clone());
        Ok(Self { path, writer, readers })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Store for SqliteStore {
    fn call(&self, tenant: &Tenant, source: &Source, request: Request) -> Result<Response> {
        if !request.is_write() {
            return self.readers.answer(tenant, source, &request);
        }
        self.writer.answer(tenant, source, request)
    }
}

/// An error of SQLite's, whose operation the caller fills in, and the time it waited.
fn failed(path: &Path, error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};
    let operation = String::new();
    match error.sqlite_error_code() {
        Some(DiskFull) => Error::Full {
            operation,
            place: path.display().to_string(),
            source: Cause::of(error),
        },
        Some(DatabaseBusy | DatabaseLocked) => Error::Busy {
            operation,
            awaited: format!("another program to finish with {}", path.display()),
            waited: Duration::ZERO,
        },
        _ => Error::Store {
            operation,
            source: Cause::of(error),
        },
    }
}

/// Says what failed, and how long it waited.
fn told(error: Error, request: &Request, started: Instant) -> Error {
    let mut error = error.during(|| request.describe());
    if let Error::Busy { waited, .. } = &mut error {
        *waited = started.elapsed();
    }
    error
}
