//! The crate's integration tests, a module a topic.

#![allow(clippy::unwrap_used, reason = "a test that panics says where")]
#![allow(clippy::assert_is_empty, reason = "whether it is empty is what matters")]

#[cfg(feature = "sqlite")]
mod contract;
#[cfg(all(feature = "sqlite", unix))]
mod crash;
#[cfg(feature = "sqlite")]
mod file;
#[cfg(feature = "sqlite")]
mod floats;
#[cfg(all(feature = "sqlite", unix))]
mod gone;
#[cfg(feature = "grammar")]
mod grammar;
#[cfg(feature = "sqlite")]
mod model;
#[cfg(feature = "sqlite")]
mod place;
#[cfg(feature = "sqlite")]
mod processes;
#[cfg(all(feature = "sqlite", unix))]
mod read_only;
#[cfg(feature = "sqlite")]
mod support;
#[cfg(feature = "sqlite")]
mod threads;
mod walls;
#[cfg(feature = "sqlite")]
mod wire;
