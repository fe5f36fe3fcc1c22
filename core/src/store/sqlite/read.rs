//! Reading: each thread that reads takes a connection of its own, so that reads wait for nobody.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

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
    /// A mutex, held only to take a connection out or to put it back.
    idle: Mutex<Vec<Patient>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, options: SqliteOptions) -> Self {
        Self {
            path,
            options,
            idle: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn answer(&self, tenant: &Tenant, source: &Source, request: &Request) -> Result<Response> {
        let started = Instant::now();
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => connect(&self.path, &self.options)?,
        };
        let response = self.read(&reader, tenant, source, request);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(reader);
        }
        drop(idle);
        response.map_err(|error| told(error, request, started))
    }

    fn read(&self, reader: &Patient, tenant: &Tenant, source: &Source, request: &Request) -> Result<Response> {
        let connection = &reader.connection;
        let mut rows = SqliteRows {
            connection,
            path: &self.path,
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
                    .map_err(|error| failed(&self.path, &error))?;
                let response = answer(&mut rows, source, request);
                drop(transaction);
                response
            }
        }
    }
}
