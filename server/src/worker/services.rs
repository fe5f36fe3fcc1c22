//! What the server does for the code of a step that runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pipulate::runtime::protocol::{Failure, Reply, Request};
use pipulate::store::reads::Reads;
use pipulate::store::wire;
use pipulate::{JobKey, Pip, Recording, StepName};

use crate::outputs::{Outputs, Stream};
use crate::worker::Part;

/// A step that runs: where its outputs go, and what it has read.
pub(crate) struct Running {
    /// The tenant's jobs, changes being the web app's.
    pub(crate) pip: Pip,
    pub(crate) job: JobKey,
    pub(crate) workflow: String,
    outputs: Mutex<Outputs>,
    reads: Mutex<Reads>,
    failure: Mutex<Option<Failure>>,
    /// Told whenever there is something new to see.
    changed: Box<dyn Fn() + Send + Sync>,
    over: AtomicBool,
}

impl Running {
    pub(crate) fn new(
        pip: Pip,
        job: JobKey,
        workflow: String,
        step: StepName,
        changed: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self {
            reads: Mutex::new(Reads::of(job.clone(), step)),
            pip,
            job,
            workflow,
            outputs: Mutex::default(),
            failure: Mutex::default(),
            changed,
            over: AtomicBool::new(false),
        }
    }

    /// What it has printed and displayed so far.
    pub(crate) fn outputs(&self) -> Outputs {
        lock(&self.outputs).clone()
    }

    /// What is recorded with its value: the code, and the inputs as they were when it read them.
    pub(crate) fn recording(&self, fingerprint: String) -> Recording {
        lock(&self.reads).recording(fingerprint, [])
    }

    /// Why it unwound, if it said so.
    pub(crate) fn failure(&self) -> Option<Failure> {
        lock(&self.failure).take()
    }

    /// From now on nothing more is taken.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    pub(crate) fn printed(&self, stream: Stream, parts: Vec<Part>) {
        if parts.is_empty() || self.over.load(Ordering::Acquire) {
            return;
        }
        lock(&self.outputs).parts(stream, parts);
        (self.changed)();
    }

    /// Answers code in the step. What it printed before has been taken already.
    pub(super) fn answer(&self, request: Request) -> Reply {
        if self.over.load(Ordering::Acquire) {
            return refused("Connection", "the step is over");
        }
        match request {
            Request::Store { call } => Reply::Store {
                reply: self.store(&call.request),
            },
            Request::Job => Reply::Job {
                key: self.job.to_string(),
                workflow: self.workflow.clone(),
            },
            Request::Set { job, step, json } => {
                let job = self
                    .pip
                    .job_in(job.as_deref().unwrap_or(self.job.as_str()), &self.workflow);
                match job.and_then(|job| job.set_json(&step, &json)) {
                    Ok(_) => {
                        if let Ok(step) = StepName::new(&step) {
                            lock(&self.reads).wrote(&step, Some(&json));
                        }
                        (self.changed)();
                        Reply::Done
                    }
                    Err(error) => Reply::Failed(Failure::from(&error)),
                }
            }
            Request::Display(display) => {
                lock(&self.outputs).display(display.data, display.display_id, display.update);
                (self.changed)();
                Reply::Done
            }
            Request::ClearOutput { wait } => {
                lock(&self.outputs).clear(wait);
                (self.changed)();
                Reply::Done
            }
            Request::Fail(failure) => {
                *lock(&self.failure) = Some(failure);
                Reply::Done
            }
            Request::Input(request) => refused(
                "MissingInput",
                &format!("step `{}` has to be asked for in the step's form", request.step),
            ),
            Request::Magic { line } => refused("UnknownMagic", &format!("`{line}` works in a notebook alone")),
            _ => refused("Protocol", "this version knows no such request"),
        }
    }

    fn store(&self, request: &wire::Request) -> wire::Reply {
        let is_write = request.is_write();
        let reply = self
            .pip
            .store()
            .call(self.pip.tenant(), self.pip.source(), request.clone());
        lock(&self.reads).observe(request, &reply);
        if is_write && reply.is_ok() {
            (self.changed)();
        }
        reply
    }
}

fn refused(name: &str, message: &str) -> Reply {
    Reply::Failed(Failure {
        name: name.to_owned(),
        message: message.to_owned(),
        help: None,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a worker runs now, if anything.
pub(super) type Current = Arc<Mutex<Option<Arc<Running>>>>;
