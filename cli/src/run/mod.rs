//! Running a notebook without Jupyter: what `pipulate run` is made of.
//!
//! [`Document`] is the file, [`Kernel`] the kernel's process with its sockets, [`Runner`] sends one cell after the other,
//! `Outputs` gathers what comes back and [`Progress`] shows it.

mod addresses;
mod document;
mod kernel;
mod outputs;
mod parameter;
mod progress;
mod prompt;
mod runner;
mod steps;
mod verbatim;

pub(crate) use document::{CodeCell, Document, Written};
pub(crate) use kernel::{Kernel, Launch};
pub(crate) use parameter::Parameter;
pub(crate) use progress::{Progress, beyond_headline};
pub(crate) use runner::{Runner, Stop, Summary};
pub(crate) use steps::NamedSteps;
