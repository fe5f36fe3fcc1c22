//! Where jobs are kept. A [`Store`] answers [requests](wire::Request); how it keeps jobs is its own affair.
//!
//! | store | keeps jobs in | |
//! |---|---|---|
//! | [`sqlite`] | a file, shared by any number of processes | feature `sqlite` |
//! | [`memory`] | memory, for tests | feature `memory` |
//! | [`client`] | another process's store, over a socket | always |
//!
//! Stores that keep rows share what a request means (`answer`), and differ only in how rows are read and
//! written. What a change does to a job is in [`workflow`](crate::workflow).

#[cfg(feature = "memory")]
mod answer;
pub mod client;
#[cfg(feature = "memory")]
mod clock;
#[cfg(feature = "memory")]
pub mod memory;
pub mod reads;
#[cfg(feature = "memory")]
mod rows;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod wire;

use crate::error::Result;
use crate::state::{Source, Tenant};
use wire::{Request, Response};

/// A place where jobs are kept.
///
/// A store is shared between threads. When a call that changes something returns, the change is as durable as the store
/// can make it, and every later read sees it.
pub trait Store: Send + Sync {
    /// Answers a request of this tenant, made by this front end. Blocks until the answer is there.
    fn call(&self, tenant: &Tenant, source: &Source, request: Request) -> Result<Response>;
}
