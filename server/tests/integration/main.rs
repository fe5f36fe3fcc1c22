//! The web app from outside: requests to its router, with steps that run in real processes; and whole servers.
//!
//! This program is also the worker of the servers that it starts, and a server itself where it is told so by its environment.

#![allow(clippy::unwrap_used, reason = "a test that panics says where")]
#![allow(clippy::assert_is_empty, reason = "whether it is empty is what matters")]
#![allow(clippy::needless_pass_by_value, reason = "as a step is called")]

mod support;
mod workflows;

mod actions;
mod api;
mod forms;
mod hostile;
mod live;
mod pages;
mod server;
mod steps;
mod testing;

/// Not a test: what a worker's process runs. Elsewhere it does nothing.
#[test]
fn worker_entry() {
    pipulate_server::worker_hook(workflows::all());
}
