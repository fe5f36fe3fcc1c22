//! The crate's integration tests, a module a topic.

#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod analysis;
mod compiles;
mod diagnostics;
mod examples;
mod files;
mod fingerprint;
mod formatting;
mod mutations;
mod notebook;
mod refusals;
mod support;
mod verbatim;
