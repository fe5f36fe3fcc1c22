//! Reading a file that may not be written to.
//!
//! SQLite locks a file in WAL mode by writing beside it. Where that is not allowed, a file that has no log is read as if it never
//! changed, and read once more if it did change meanwhile. Where there is a log, its owner keeps the files for locking, too.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::file::{self, Opened};
use super::open::{Patient, connect_to_read};
use super::read::read;
use super::{SqliteOptions, told};
use crate::error::{Error, Result};
use crate::state::{Source, Tenant};
use crate::store::wire::{Request, Response};

/// Reads without the right to write.
#[derive(Debug)]
pub(super) struct Snapshots {
    path: PathBuf,
    options: SqliteOptions,
    opened: Opened,
    /// A connection that took the file for unchanging, and when that was true. A mutex, held only to take it out or to put it back.
    idle: Mutex<Option<(Version, Patient)>>,
}

/// Tells whether a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    modified: Option<SystemTime>,
    length: u64,
    has_log: bool,
}

impl Snapshots {
    pub(super) fn new(path: PathBuf, options: SqliteOptions) -> Result<Self> {
        let opened = Opened::without_log(&path)?;
        Ok(Self {
            path,
            options,
            opened,
            idle: Mutex::new(None),
        })
    }

    pub(super) fn answer(&self, tenant: &Tenant, source: &Source, request: &Request) -> Result<Response> {
        let started = Instant::now();
        let response = self.unchanged(tenant, source, request, started);
        response.map_err(|error| told(error, request, started))
    }

    /// Reads until the file was the same before and after.
    fn unchanged(&self, tenant: &Tenant, source: &Source, request: &Request, started: Instant) -> Result<Response> {
        loop {
            self.opened.check()?;
            let version = self.version();
            let response = self.read(version, tenant, source, request);
            // What was read under locks is right in any case; a log that is gone again may have failed to open.
            if (version.has_log && response.is_ok()) || self.version() == version {
                return response;
            }
            if started.elapsed() > self.options.patience {
                return Err(Error::Busy {
                    operation: String::new(),
                    awaited: format!("another program to finish with {}", self.path.display()),
                    waited: Duration::ZERO,
                });
            }
        }
    }

    fn read(&self, version: Version, tenant: &Tenant, source: &Source, request: &Request) -> Result<Response> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        let reader = match idle {
            Some((seen, reader)) if seen == version => reader,
            _ => connect_to_read(&self.path, &self.options, version.has_log)?,
        };
        let response = read(&reader, &self.path, tenant, source, request);
        // With a log, a connection sees what others write; kept open, it would keep them from tidying up.
        if !version.has_log {
            *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, reader));
        }
        response
    }

    fn version(&self) -> Version {
        let metadata = fs::metadata(&self.path).ok();
        Version {
            modified: metadata.as_ref().and_then(|metadata| metadata.modified().ok()),
            length: metadata.map_or(0, |metadata| metadata.len()),
            has_log: file::has_log(&self.path),
        }
    }
}
