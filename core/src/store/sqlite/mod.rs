//! Jobs in a SQLite file, shared by any number of threads and processes.
//!
//! The file is in WAL mode with `synchronous=FULL`: a change is on the disk when the call returns, readers never wait for
//! writers, and writers wait for each other. Threads of one process that write at the same time commit together (`commit`);
//! processes take turns, each waiting at most [`SqliteOptions::patience`].
//!
//! A file that may not be written to can be read all the same (`snapshot`). A file that is deleted or replaced while it is in use
//! is [`Error::Gone`] from then on: nothing is acknowledged that nobody would find again.

mod check;
mod commit;
mod file;
mod open;
mod read;
mod rows;
mod snapshot;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Store;
use super::wire::{Request, Response};
use crate::error::{Cause, Error, Result};
use crate::state::{Source, Tenant};
use commit::Writer;
use read::Readers;
use snapshot::Snapshots;

pub use check::{Checkup, check};
pub use open::SCHEMA_VERSION;

/// How a file is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How long a call waits for others who write, before it is [`Error::Busy`]: 30 seconds.
    pub patience: Duration,
    /// The size that the file may grow to; beyond it a write is [`Error::Full`]. No bound but the disk by default.
    pub max_bytes: Option<u64>,
    /// Only read: the file is neither created nor changed, and a write is [`Error::ReadOnly`]. A file that may not be written to is
    /// opened so in any case.
    pub read_only: bool,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(30),
            max_bytes: None,
            read_only: false,
        }
    }
}

/// Jobs in a SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    access: Access,
}

/// What may be done with the file.
#[derive(Debug)]
enum Access {
    ReadWrite { writer: Box<Writer>, readers: Readers },
    ReadOnly(Box<Snapshots>),
}

impl SqliteStore {
    /// Opens the file, and creates it and its folder where they are missing: the folder for its owner only (0700), the file too
    /// (0600). A file that is there is made private as well, if it belongs to the user. A file with an older schema is brought up to
    /// date; one with a newer schema is refused and not touched.
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
        let writable = if options.read_only {
            None
        } else {
            open::connect_to_write(&path, options)?
        };
        let access = if let Some((connection, opened)) = writable {
            let opened = Arc::new(opened);
            Access::ReadWrite {
                writer: Box::new(Writer::new(
                    path.clone(),
                    options.clone(),
                    connection,
                    Arc::clone(&opened),
                )?),
                readers: Readers::new(path.clone(), options.clone(), opened),
            }
        } else {
            Access::ReadOnly(Box::new(Snapshots::new(path.clone(), options.clone())?))
        };
        Ok(Self { path, access })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Store for SqliteStore {
    fn call(&self, tenant: &Tenant, source: &Source, request: Request) -> Result<Response> {
        match &self.access {
            Access::ReadWrite { writer, .. } if request.is_write() => writer.answer(tenant, source, request),
            Access::ReadWrite { readers, .. } => readers.answer(tenant, source, &request),
            Access::ReadOnly(_) if request.is_write() => Err(Error::ReadOnly {
                operation: request.describe(),
                place: self.path.display().to_string(),
            }),
            Access::ReadOnly(snapshots) => snapshots.answer(tenant, source, &request),
        }
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
