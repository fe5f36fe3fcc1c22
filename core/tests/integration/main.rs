//! The crate's integration tests, a module a topic.

#[cfg(feature = "grammar")]
mod grammar;
