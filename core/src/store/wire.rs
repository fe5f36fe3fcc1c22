//! The requests that a store answers, and how they travel.
//!
//! A frame is a length (four bytes, least significant first) and that many bytes of JSON. What the JSON is, both sides agree
//! on: [`Call`] and [`Reply`] where a socket carries nothing else (see [`serve`]), or an envelope of the front end's own around them.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Store;
use crate::error::{Cause, Error};
use crate::json::VALUE_LIMIT;
use crate::state::{
    Event, JobFilter, JobInfo, JobKey, PruneOptions, PruneReport, Recording, Revision, Source, StepInfo, StepName,
    StepStatus, StoreInfo, Tenant, WorkflowName,
};

/// The largest frame unless another limit is set. A value travels as quoted text, which at worst doubles its length; names and
/// the like get the rest.
pub const FRAME_LIMIT: usize = 2 * VALUE_LIMIT + 64 * 1024;

/// A request, with who makes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Whose jobs.
    pub tenant: Tenant,
    /// Which front end.
    pub source: Source,
    /// What is asked.
    pub request: Request,
}

/// The answer to a [`Call`]. Errors travel as they are.
pub type Reply = std::result::Result<Response, Error>;

/// What can be asked of a store. Values are JSON text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// The value of a step that is done: [`Response::Value`].
    Get {
        /// The job.
        job: JobKey,
        /// The step.
        step: StepName,
    },
    /// The values of all steps that are done: [`Response::Values`].
    Read {
        /// The job.
        job: JobKey,
    },
    /// A step with its status: [`Response::Step`].
    Step {
        /// The job.
        job: JobKey,
        /// The step.
        step: StepName,
        /// The fingerprint of the code as it stands now.
        fingerprint: Option<String>,
    },
    /// All steps that have a value: [`Response::Steps`].
    Steps {
        /// The job.
        job: JobKey,
    },
    /// A job: [`Response::Job`].
    Job {
        /// The job.
        job: JobKey,
    },
    /// The jobs that match: [`Response::Jobs`].
    Jobs {
        /// Which ones.
        filter: JobFilter,
    },
    /// The history of a job, or of one of its steps: [`Response::Events`].
    History {
        /// The job.
        job: JobKey,
        /// Only this step's.
        step: Option<StepName>,
    },
    /// The next free key: [`Response::Key`].
    NextKey {
        /// The profile that the key begins with.
        profile: String,
        /// The workflow that comes next in it.
        workflow: String,
    },
    /// Makes a job with the next free key: [`Response::Key`].
    NewJob {
        /// The profile that the key begins with.
        profile: String,
        /// The job's workflow, which comes next in it.
        workflow: WorkflowName,
    },
    /// Where the store is, and how large: [`Response::Location`].
    Location,
    /// Gives a step a value: [`Response::Revision`].
    Set {
        /// The job.
        job: JobKey,
        /// The workflow of a job that this creates.
        workflow: WorkflowName,
        /// The step.
        step: StepName,
        /// The value.
        value: String,
        /// The revision that the step must have.
        expected: Option<Revision>,
        /// How code made the value.
        recording: Option<Recording>,
    },
    /// Makes these the steps that are done: [`Response::Revision`], that of the job.
    Write {
        /// The job.
        job: JobKey,
        /// The workflow of a job that this creates.
        workflow: WorkflowName,
        /// Steps and values.
        values: Vec<(StepName, String)>,
    },
    /// Takes a step's value away: [`Response::Removed`].
    Remove {
        /// The job.
        job: JobKey,
        /// The step.
        step: StepName,
    },
    /// Declares the order of steps: [`Response::Done`].
    Order {
        /// The job.
        job: JobKey,
        /// The workflow of a job that this creates.
        workflow: WorkflowName,
        /// The steps, in order.
        steps: Vec<StepName>,
    },
    /// Opens a step again: [`Response::Names`], the later steps that were set aside.
    Revert {
        /// The job.
        job: JobKey,
        /// The step.
        step: StepName,
    },
    /// Takes the last change back: [`Response::Event`], what was undone.
    Undo {
        /// The job.
        job: JobKey,
    },
    /// Copies a job: [`Response::Done`].
    Fork {
        /// The job.
        job: JobKey,
        /// Where the copy starts over.
        from_step: Option<StepName>,
        /// The copy's key.
        new_key: JobKey,
    },
    /// Locks a job: [`Response::Done`].
    Finalize {
        /// The job.
        job: JobKey,
    },
    /// Unlocks a job: [`Response::Done`].
    Unfinalize {
        /// The job.
        job: JobKey,
    },
    /// Hides a job: [`Response::Done`].
    Delete {
        /// The job.
        job: JobKey,
    },
    /// Brings a job back: [`Response::Undeleted`].
    Undelete {
        /// The job.
        job: JobKey,
    },
    /// Shortens history: [`Response::Pruned`].
    Prune {
        /// What goes.
        options: PruneOptions,
    },
}

/// What a store answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// It is done.
    Done,
    /// A value.
    Value(Option<String>),
    /// Steps and their values, in order.
    Values(Vec<(StepName, String)>),
    /// A step that has a value, and its status either way.
    Step(Option<Box<StepInfo>>, StepStatus),
    /// Steps, in order.
    Steps(Vec<StepInfo>),
    /// A job.
    Job(Option<Box<JobInfo>>),
    /// Jobs, by key.
    Jobs(Vec<JobInfo>),
    /// Events, oldest first.
    Events(Vec<Event>),
    /// An event.
    Event(Option<Box<Event>>),
    /// A key.
    Key(JobKey),
    /// Names of steps, in order.
    Names(Vec<StepName>),
    /// A revision.
    Revision(Revision),
    /// Whether there was anything to remove.
    Removed(bool),
    /// Whether the job was deleted.
    Undeleted(bool),
    /// What left the history.
    Pruned(PruneReport),
    /// Where the store is.
    Location(Box<StoreInfo>),
}

impl Request {
    /// Whether it may change something.
    pub const fn is_write(&self) -> bool {
        match self {
            Self::Get { .. }
            | Self::Read { .. }
            | Self::Step { .. }
            | Self::Steps { .. }
            | Self::Job { .. }
            | Self::Jobs { .. }
            | Self::History { .. }
            | Self::NextKey { .. }
            | Self::Location => false,
            Self::NewJob { .. }
            | Self::Set { .. }
            | Self::Write { .. }
            | Self::Remove { .. }
            | Self::Order { .. }
            | Self::Revert { .. }
            | Self::Undo { .. }
            | Self::Fork { .. }
            | Self::Finalize { .. }
            | Self::Unfinalize { .. }
            | Self::Delete { .. }
            | Self::Undelete { .. }
            | Self::Prune { .. } => true,
        }
    }

    /// What it does, as an error says it: "set step `a` of job `x`".
    pub fn describe(&self) -> String {
        match self {
            Self::Get { job, step } | Self::Step { job, step, .. } => format!("read step `{step}` of job `{job}`"),
            Self::Read { job } | Self::Steps { job } | Self::Job { job } => format!("read job `{job}`"),
            Self::Jobs { .. } => "list the jobs".to_owned(),
            Self::History { job, .. } => format!("read the history of job `{job}`"),
            Self::NextKey { profile, workflow } => format!("find the next key of {profile}-{workflow}"),
            Self::NewJob { profile, workflow } => format!("make a job {profile}-{workflow}"),
            Self::Location => "look at the store".to_owned(),
            Self::Set {
                job, step, recording, ..
            } => {
                let verb = if recording.is_some() { "record" } else { "set" };
                format!("{verb} step `{step}` of job `{job}`")
            }
            Self::Write { job, .. } => format!("write job `{job}`"),
            Self::Remove { job, step } => format!("remove step `{step}` of job `{job}`"),
            Self::Order { job, .. } => format!("order the steps of job `{job}`"),
            Self::Revert { job, step } => format!("revert job `{job}` to step `{step}`"),
            Self::Undo { job } => format!("undo the last change of job `{job}`"),
            Self::Fork { job, new_key, .. } => format!("fork job `{job}` into `{new_key}`"),
            Self::Finalize { job } => format!("finalize job `{job}`"),
            Self::Unfinalize { job } => format!("unfinalize job `{job}`"),
            Self::Delete { job } => format!("delete job `{job}`"),
            Self::Undelete { job } => format!("undelete job `{job}`"),
            Self::Prune { .. } => "prune the history".to_owned(),
        }
    }
}

/// Lets a store answer a call: what the far end of a connection does with each.
pub fn answer(store: &dyn Store, call: Call) -> Reply {
    store.call(&call.tenant, &call.source, call.request)
}

/// Answers calls from a stream until its other end closes it.
pub fn serve<S: Read + Write>(mut stream: S, store: &dyn Store, frame_limit: usize) -> io::Result<()> {
    while let Some(frame) = read_frame(&mut stream, frame_limit)? {
        let reply: Reply = match serde_json::from_slice::<Call>(&frame) {
            Ok(call) => answer(store, call),
            Err(error) => Err(Error::Protocol {
                operation: "answer a call".to_owned(),
                reason: format!("it makes no sense: {}", Cause::of(&error)),
            }),
        };
        write_message(&mut stream, &reply)?;
    }
    Ok(())
}

/// Reads one frame. `None` where the other end closed the stream between two frames. A frame over the limit is an error, and
/// the stream is of no use afterwards.
pub fn read_frame(reader: &mut impl Read, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut header = [0; 4];
    let mut filled = 0;
    while filled < header.len() {
        match reader.read(&mut header[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let length = u32::from_le_bytes(header) as usize;
    if length > limit {
        return Err(too_long(length, limit));
    }
    // Memory follows what arrives, not what the header claims.
    let mut frame = Vec::with_capacity(length.min(64 * 1024));
    reader.take(length as u64).read_to_end(&mut frame)?;
    if frame.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(frame))
}

/// Writes one frame.
pub fn write_frame(writer: &mut impl Write, payload: &[u8]) -> io::Result<()> {
    let mut frame = Vec::with_capacity(payload.len() + 4);
    frame.extend_from_slice(&length_of(payload.len())?);
    frame.extend_from_slice(payload);
    writer.write_all(&frame)?;
    writer.flush()
}

/// Reads one frame as a value. `None` where the other end closed the stream between two frames.
pub fn read_message<T: DeserializeOwned>(reader: &mut impl Read, limit: usize) -> io::Result<Option<T>> {
    let Some(frame) = read_frame(reader, limit)? else {
        return Ok(None);
    };
    Ok(Some(serde_json::from_slice(&frame)?))
}

/// Writes a value as one frame.
pub fn write_message<T: Serialize + ?Sized>(writer: &mut impl Write, message: &T) -> io::Result<()> {
    // One write, so that the other end wakes up once.
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = length_of(frame.len() - 4)?;
    frame[..4].copy_from_slice(&length);
    writer.write_all(&frame)?;
    writer.flush()
}

fn length_of(length: usize) -> io::Result<[u8; 4]> {
    match u32::try_from(length) {
        Ok(length) => Ok(length.to_le_bytes()),
        Err(_) => Err(too_long(length, u32::MAX as usize)),
    }
}

fn too_long(length: usize, limit: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a message of {length} bytes is over the limit of {limit} for one message"),
    )
}

/// Takes the answer that belongs to the request out of a response.
macro_rules! answered {
    ($response:expr, $pattern:pat => $value:expr) => {
        match $response? {
            $pattern => Ok($value),
            other => Err($crate::store::wire::unexpected(&other)),
        }
    };
}
pub(crate) use answered;

pub(crate) fn unexpected(response: &Response) -> Error {
    let mut reason = format!("the store gave an answer to another question: {response:?}");
    if let Some((end, _)) = reason.char_indices().nth(200) {
        reason.truncate(end);
    }
    Error::Protocol {
        operation: "understand the store".to_owned(),
        reason,
    }
}
