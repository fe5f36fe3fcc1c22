//! The real program, run as a user runs it. Each test has a folder and a store of its own.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its purpose")]

mod cache;
mod completions;
mod doctor;
mod fake_kernel;
mod job;
mod job_output;
mod kernel;
mod lab;
mod notebook_file;
mod port;
mod real_kernel;
mod run;
mod sandbox;
#[cfg(unix)]
mod serve;
mod usage;
