//! Reading: each thread that reads takes a connection of its own, so that reads wait for nobody.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::file::Opened;
use super::open::{Patient, connect};
use super::rows::SqliteRows;
use super::{SqliteOptions, failed, told};
use crate::error::Result;
use crate::state::{Source, Tenant};
use crate::store::answer::answer;
use crate::store::wire::{Request, Response};

/// How many connections are kept open for the next read.
const KEPT: usize = 8;

/// Connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    options: SqliteOptions,
    opened: Arc<Opened>,
    /// A mutex, held only to take a connection out or to put it back.
    idle: Mutex<Vec<Patient>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, options: SqliteOptions, opened: Arc<Opened>) -> Self {
        Self {
            path,
            options,
            opened,
            idle: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn answer(&self, tenant: &Tenant, source: &Source, request: &Request) -> Result<Response> {
        let started = Instant::now();
        let response = self.reader(started).and_then(|reader| {
            let response = read(&reader, &self.path, tenant, source, request);
            self.put_back(reader);
            response
        });
        response.map_err(|error| told(error, request, started))
    }

    fn reader(&self, now: Instant) -> Result<Patient> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(reader) = idle {
            self.opened.check_to_read(now)?;
            return Ok(reader);
        }
        // Before a connection is made, which would make a new log; and after, as it may have been too late.
        self.opened.check()?;
        let reader = connect(&self.path, &self.options)?;
        self.opened.check()?;
        Ok(reader)
    }

    fn put_back(&self, reader: Patient) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(reader);
        }
    }
}

/// Answers a request from one state of the store.
pub(super) fn read(
    reader: &Patient,
    path: &Path,
    tenant: &Tenant,
    source: &Source,
    request: &Request,
) -> Result<Response> {
    let connection = &reader.connection;
    let mut rows = SqliteRows {
        connection,
        path,
        tenant,
    };
    match request {
        // One statement sees one state of the store by itself.
        Request::Get { .. } | Request::Job { .. } | Request::Jobs { .. } | Request::NextKey { .. } => {
            answer(&mut rows, source, request)
        }
        _ => {
            let transaction = connection
                .unchecked_transaction()
                .map_err(|error| failed(path, &error))?;
            let response = answer(&mut rows, source, request);
            drop(transaction);
            response
        }
    }
}
