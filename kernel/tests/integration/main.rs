//! The kernel, driven over real sockets by a dummy front end, with an engine that compiles nothing.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod cells;
mod frontend;
mod kernel;
mod magics;
mod scripted;

mod abort;
mod checkpoints;
mod clients;
mod comms;
mod compiling;
mod control;
mod displays;
mod engine_handle;
mod execute;
mod history;
mod interrupts;
mod malformed;
mod outputs;
mod panics;
mod process;
mod queries;
mod resets;
mod stdin;
mod steps;
