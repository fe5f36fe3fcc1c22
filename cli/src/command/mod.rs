//! One command a file.

pub(crate) mod cache;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod job;
pub(crate) mod kernel;
pub(crate) mod lab;
pub(crate) mod port;
pub(crate) mod run;
pub(crate) mod serve;
