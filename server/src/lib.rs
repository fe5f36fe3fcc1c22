//! A workflow as a web app, step by step, on the jobs that notebook and terminal share.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use pipulate_server::{Field, Step, Workflow};
//!
//! fn main() -> ExitCode {
//!     let ask = Step::saves("name", |_, _| Ok(())).field(Field::new::<String>("name").label("What is your name?"));
//!     let greet = Step::computes("greeting", |_, job| Ok(format!("Hello, {}!", job.require::<String>("name")?)));
//!     pipulate_server::main([Workflow::new("hello").step(ask).step(greet)])
//! }
//! ```
//!
//! # Where to look
//! - [`Workflow`], [`Step`], [`Field`] say what there is to do; [`StepError`] is how a step fails.
//! - [`main`] is all of a built app; [`Router`] mounts workflows in anyone's axum app, whose `main` calls [`worker_hook`] first.
//! - [`block_on`], [`secret`], [`show!`] and [`report_by_debug!`] are for what steps do.
//! - [`testing`] is for tests of workflows.
//!
//! # Within
//! A request comes in by `web` (routes, pages, API), what it changes goes through `runs` (one at a time a job) to a `worker`, and what
//! the pages show is a `view` of the job, made from the store and the outputs kept beside it. `live` tells open pages of changes, whoever
//! made them.

#![forbid(unsafe_code)]

mod answers;
mod app;
mod claims;
mod defaults;
mod error;
mod fingerprints;
mod form;
mod idle;
mod intake;
mod jobs;
mod live;
mod metrics;
mod outputs;
mod places;
mod program;
mod reverts;
mod router;
mod runs;
mod runtime;
mod sessions;
mod shown;
pub mod testing;
mod turns;
mod view;
mod web;
mod worker;
mod workflow;

pub use error::Error;
pub use form::Problems;
pub use program::{KEEPER, LISTENER, PLACES, STATUS, main, main_from};
pub use router::{Router, Served};
pub use runtime::block_on;
/// What the value of a step has; here so that a port can name it without a dependency of its own.
pub use serde::Serialize;
pub use web::RouteInfo;
pub use worker::{WorkerCommand, secret, worker_hook};
pub use workflow::{Field, FieldKind, Step, StepError, StepKind, Workflow};

#[doc(hidden)]
pub mod __private {
    pub use crate::runtime::{ByDebug, Shown};
    pub use pipulate::Show;
}
