//! Pure types: what a job, a step and an event are. Nothing here reads a clock, makes an id or touches a disk.

mod choice;
mod event;
mod info;
mod name;
mod recording;
mod revision;
mod source;

pub use choice::fault_in_choice;
pub use event::{Event, EventKind};
pub use info::{JobFilter, JobInfo, PruneOptions, PruneReport, StepInfo, StepStatus, StoreInfo};
pub use name::{JobKey, LONGEST_NAME, StepName, Tenant, WorkflowName};
pub use recording::{Input, Recording};
pub use revision::Revision;
pub use source::Source;
