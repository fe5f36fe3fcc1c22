//! Durable workflow state, shared by notebook, terminal and web app.
//!
//! A [`Pip`] is a place where jobs live, a [`Job`] is one run of a workflow, and a step is one named value in it. Every
//! change is one transaction and one [`Event`] of the job's history, and is on the disk when the call returns.
//!
//! ```
//! let pip = pipulate::Pip::in_memory(); // or Pip::open("pipeline.db")
//! let job = pip.job("hello-01")?;
//! job.set("step_01", &"world")?;
//! assert_eq!(job.require::<String>("step_01")?, "world");
//! # Ok::<(), pipulate::Error>(())
//! ```
//!
//! # Where to look
//! - [`Pip`] and [`Job`] are what front ends call; [`Error`] is what they show.
//! - [`state`] has the types, [`workflow`] the pure transitions: what a set, a revert or a finalize does to a job.
//! - [`store`] keeps jobs: in SQLite, in memory, or in another process.
//! - [`mod@display`] shows values, tables and progress while code runs.
//! - [`json`] writes, checks and compares values; [`Bytes`] is for binary ones.
//! - `cell` is the grammar of a notebook's cell; `place` finds the store that belongs to a folder.
//!
//! # Features
//! `sqlite` and `grammar` are on by default. `cell` is all that a notebook's cell links: with it alone the crate needs serde,
//! `serde_json` and thiserror. `memory` is the in-memory store by itself.

pub mod bytes;
#[cfg(feature = "grammar")]
pub mod cell;
pub mod display;
pub mod error;
pub mod job;
pub mod json;
pub mod pip;
#[cfg(feature = "sqlite")]
pub mod place;
#[cfg(feature = "cell")]
pub mod runtime;
pub mod state;
pub mod store;
mod type_name;
pub mod workflow;

pub use bytes::Bytes;
pub use display::{
    Displayable, MimeBundle, Progress, Show, Table, clear_output, display, display_html, display_json, display_latex,
    display_markdown, display_png, display_svg, display_with_id, progress, table, update_display,
};
pub use error::{Error, Result};
pub use job::Job;
pub use pip::Pip;
#[cfg(feature = "sqlite")]
pub use place::{Place, PlaceEnv};
pub use state::{
    Event, EventKind, Input, JobFilter, JobInfo, JobKey, PruneOptions, PruneReport, Recording, Revision, Source,
    StepInfo, StepName, StepStatus, StoreInfo, Tenant, WorkflowName,
};
