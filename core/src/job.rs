//! `Job`: one run of a workflow.

use std::any::type_name;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Cause, Error, Result};
use crate::json::{self, Fault};
use crate::pip::Pip;
use crate::state::{Event, JobInfo, JobKey, Recording, Revision, StepInfo, StepName, StepStatus, WorkflowName};
use crate::store::wire::{Request, Response, answered};

/// One run of a workflow, under a key: named steps, each with a value, a revision and a history.
///
/// A `Job` is a handle: it holds no values, and two handles with one key, in one process or in several, are the same job.
/// Cheap to clone, and shared between threads.
///
/// ```
/// use pipulate::Pip;
///
/// let pip = Pip::in_memory();
/// let job = pip.job("hello-01")?;
/// job.set("name", "Ada")?;
/// job.set("ages", &[36, 37])?;
///
/// assert_eq!(job.require::<String>("name")?, "Ada");
/// assert_eq!(job.get_or("greeting", "hello".to_owned())?, "hello");
/// assert_eq!(job.require::<String>("nmae").unwrap_err().help().as_deref(), Some("Did you mean `name`?"));
///
/// // Going back to a step keeps the later values as suggestions.
/// job.revert("name")?;
/// assert_eq!(job.get::<Vec<u8>>("ages")?, None);
/// assert_eq!(job.steps()?[1].value, "[36,37]");
///
/// // Undo takes back the last change, here the revert.
/// job.undo()?;
/// assert_eq!(job.get::<Vec<u8>>("ages")?, Some(vec![36, 37]));
///
/// // A job that is finalized refuses every change.
/// job.finalize()?;
/// assert_eq!(job.set("name", "Grace").unwrap_err().name(), "Finalized");
/// # Ok::<(), pipulate::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Job {
    pip: Pip,
    key: JobKey,
    workflow: WorkflowName,
}

impl Job {
    pub(crate) fn new(pip: Pip, key: JobKey, workflow: WorkflowName) -> Self {
        Self { pip, key, workflow }
    }

    /// The job's key.
    pub fn key(&self) -> &JobKey {
        &self.key
    }

    /// Where the job lives.
    pub fn pip(&self) -> &Pip {
        &self.pip
    }

    /// The workflow it is a run of: the stored one, or the one that its first write will store.
    pub fn workflow(&self) -> Result<WorkflowName> {
        Ok(self.info()?.map_or_else(|| self.workflow.clone(), |info| info.workflow))
    }

    /// The job itself; `None` before its first write.
    pub fn info(&self) -> Result<Option<JobInfo>> {
        let request = Request::Job { job: self.key.clone() };
        answered!(self.pip.call(request), Response::Job(info) => info.map(|info| *info))
    }

    /// The value of a step; `None` where the step is missing or set aside. A stored `null` is a value.
    pub fn get<T: DeserializeOwned>(&self, step: &str) -> Result<Option<T>> {
        let step = StepName::new(step)?;
        let Some(text) = self.text(step.clone())? else {
            return Ok(None);
        };
        self.decode(step, &text).map(Some)
    }

    /// The value of a step; [`Error::MissingStep`] where the step is missing or set aside, and [`Error::Deleted`] where the job is.
    pub fn require<T: DeserializeOwned>(&self, step: &str) -> Result<T> {
        let step = StepName::new(step)?;
        if let Some(text) = self.text(step.clone())? {
            return self.decode(step, &text);
        }
        if self.info()?.is_some_and(|info| info.deleted) {
            return Err(Error::Deleted {
                operation: format!("read step `{step}`"),
                job: self.key.clone(),
            });
        }
        let available = self.values()?.into_iter().map(|(name, _)| name.into()).collect();
        Err(Error::MissingStep {
            job: self.key.clone(),
            step,
            available,
        })
    }

    /// The value of a step, or `default` where the step is missing or set aside. A stored `null` beats the default.
    pub fn get_or<T: DeserializeOwned>(&self, step: &str, default: T) -> Result<T> {
        Ok(self.get(step)?.unwrap_or(default))
    }

    /// The value of a step as JSON text, keys in the order in which they were written.
    pub fn get_json(&self, step: &str) -> Result<Option<String>> {
        self.text(StepName::new(step)?)
    }

    /// Gives a step a value, and returns the step's revision. When it returns, the value is durable. An equal value changes
    /// nothing, and returns the revision there is.
    pub fn set<T: Serialize + ?Sized>(&self, step: &str, value: &T) -> Result<Revision> {
        let step = StepName::new(step)?;
        let text = self.encode(&step, value)?;
        self.put(step, text, None, None)
    }

    /// Gives a step a value that is JSON text already. The text is kept as it is. Text that is not JSON, that nests more than
    /// 127 levels deep, or that has an object with a key twice, which readers would read differently, is
    /// [`Error::Unrepresentable`].
    pub fn set_json(&self, step: &str, text: &str) -> Result<Revision> {
        let step = StepName::new(step)?;
        let text = json::check_text(text, self.pip.value_limit()).map_err(|fault| self.refuse(&step, fault))?;
        self.put(step, text.to_owned(), None, None)
    }

    /// Gives a step a value if its revision is still the one that the caller read, and is [`Error::Conflict`] otherwise.
    /// [`Revision::NONE`] expects that the step is missing or set aside.
    pub fn set_if<T: Serialize + ?Sized>(&self, step: &str, expected: Revision, value: &T) -> Result<Revision> {
        let step = StepName::new(step)?;
        let text = self.encode(&step, value)?;
        self.put(step, text, Some(expected), None)
    }

    /// Gives a step a value made from the one it has, and returns the new value. If someone else changes the step in the meantime, it
    /// is [`Error::Conflict`] and nothing changes: the caller decides whether to try again.
    ///
    /// ```
    /// # let pip = pipulate::Pip::in_memory();
    /// # let job = pip.job("counting")?;
    /// assert_eq!(job.update("count", |count: Option<u32>| count.unwrap_or(0) + 1)?, 1);
    /// assert_eq!(job.update("count", |count: Option<u32>| count.unwrap_or(0) + 1)?, 2);
    /// # Ok::<(), pipulate::Error>(())
    /// ```
    pub fn update<T, F>(&self, step: &str, new: F) -> Result<T>
    where
        T: Serialize + DeserializeOwned,
        F: FnOnce(Option<T>) -> T,
    {
        let name = StepName::new(step)?;
        let found = self.look(name.clone(), None)?.0;
        let (expected, old) = match found {
            Some(info) if info.suggested => (info.revision, None),
            Some(info) => (info.revision, Some(self.decode(name.clone(), &info.value)?)),
            None => (Revision::NONE, None),
        };
        let value = new(old);
        let text = self.encode(&name, &value)?;
        self.put(name, text, Some(expected), None)?;
        Ok(value)
    }

    /// Gives a step a value that code made, with the record of that code, so that [`status`](Self::status) can tell later whether
    /// the value is still fresh. An equal value with another record keeps the step's revision.
    pub fn record<T: Serialize + ?Sized>(&self, step: &str, value: &T, recording: &Recording) -> Result<Revision> {
        let step = StepName::new(step)?;
        let text = self.encode(&step, value)?;
        self.put(step, text, None, Some(recording.clone()))
    }

    /// [`record`](Self::record) for a value that is JSON text already, as [`set_json`](Self::set_json) takes it.
    pub fn record_json(&self, step: &str, text: &str, recording: &Recording) -> Result<Revision> {
        let step = StepName::new(step)?;
        let text = json::check_text(text, self.pip.value_limit()).map_err(|fault| self.refuse(&step, fault))?;
        self.put(step, text.to_owned(), None, Some(recording.clone()))
    }

    /// Whether a step still holds. With the fingerprint of the code as it stands now, it can tell that the code changed.
    pub fn status(&self, step: &str, current_fingerprint: Option<&str>) -> Result<StepStatus> {
        Ok(self
            .look(StepName::new(step)?, current_fingerprint.map(str::to_owned))?
            .1)
    }

    /// A step that has a value, done or set aside.
    pub fn step(&self, step: &str) -> Result<Option<StepInfo>> {
        Ok(self.look(StepName::new(step)?, None)?.0)
    }

    /// The steps that have a value, done or set aside, in order.
    pub fn steps(&self) -> Result<Vec<StepInfo>> {
        answered!(self.pip.call(Request::Steps { job: self.key.clone() }), Response::Steps(steps) => steps)
    }

    /// Declares the workflow's order of steps. Steps that it does not name come after, by when they were first set. The order
    /// there is already changes nothing.
    pub fn order(&self, steps: &[&str]) -> Result<()> {
        let steps = steps.iter().map(StepName::new).collect::<Result<_>>()?;
        let request = Request::Order {
            job: self.key.clone(),
            workflow: self.workflow.clone(),
            steps,
        };
        answered!(self.pip.call(request), Response::Done => ())
    }

    /// The values of all steps that are done.
    pub fn read(&self) -> Result<Map<String, Value>> {
        let decoded = self.values()?.into_iter().map(|(name, text)| {
            let value = self.decode(name.clone(), &text)?;
            Ok((name.into(), value))
        });
        decoded.collect()
    }

    /// Makes the steps that are done exactly those of `values`, in one change: equal values stay as they are, and steps that are not named are
    /// removed. Steps that were set aside stay so. Returns the job's revision.
    pub fn write(&self, values: Map<String, Value>) -> Result<Revision> {
        let encoded = values.into_iter().map(|(name, value)| {
            let step = StepName::new(name)?;
            let text = self.encode(&step, &value)?;
            Ok((step, text))
        });
        let values = encoded.collect::<Result<_>>()?;
        let request = Request::Write {
            job: self.key.clone(),
            workflow: self.workflow.clone(),
            values,
        };
        answered!(self.pip.call(request), Response::Revision(revision) => revision)
    }

    /// Takes a step's value away. Returns whether it had one.
    pub fn remove(&self, step: &str) -> Result<bool> {
        let request = Request::Remove {
            job: self.key.clone(),
            step: StepName::new(step)?,
        };
        answered!(self.pip.call(request), Response::Removed(removed) => removed)
    }

    /// Opens a step again and sets the later ones aside: none of them is done any more, and their values stay as suggestions to refill
    /// a form with. Returns the later steps that were done.
    pub fn revert(&self, step: &str) -> Result<Vec<StepName>> {
        let request = Request::Revert {
            job: self.key.clone(),
            step: StepName::new(step)?,
        };
        answered!(self.pip.call(request), Response::Names(names) => names)
    }

    /// Takes back the last change to the steps' values (set, record, write, remove, revert), and returns what was undone; of a
    /// change with several events the first one. Undoing again goes one change further back. `None` where nothing is left to undo.
    pub fn undo(&self) -> Result<Option<Event>> {
        let request = Request::Undo { job: self.key.clone() };
        answered!(self.pip.call(request), Response::Event(event) => event.map(|event| *event))
    }

    /// The history of the job, or of one of its steps, oldest first. A deleted job has one, too.
    pub fn history(&self, step: Option<&str>) -> Result<Vec<Event>> {
        let request = Request::History {
            job: self.key.clone(),
            step: step.map(StepName::new).transpose()?,
        };
        answered!(self.pip.call(request), Response::Events(events) => events)
    }

    /// Copies the job under a new key, with the order and the recordings of its steps. With `from_step`, the copy starts over
    /// there: that step and the later ones come along as suggestions. The copy is open even where the job is finalized.
    pub fn fork(&self, from_step: Option<&str>, new_key: &str) -> Result<Self> {
        let new_key = JobKey::new(new_key)?;
        let from_step = from_step.map(StepName::new).transpose()?;
        let request = Request::Fork {
            job: self.key.clone(),
            from_step,
            new_key: new_key.clone(),
        };
        answered!(self.pip.call(request), Response::Done => ())?;
        Ok(Self {
            pip: self.pip.clone(),
            key: new_key,
            workflow: self.workflow.clone(),
        })
    }

    /// Locks the job: from now on every change is [`Error::Finalized`].
    pub fn finalize(&self) -> Result<()> {
        answered!(self.pip.call(Request::Finalize { job: self.key.clone() }), Response::Done => ())
    }

    /// Unlocks the job. Nothing is lost.
    pub fn unfinalize(&self) -> Result<()> {
        answered!(self.pip.call(Request::Unfinalize { job: self.key.clone() }), Response::Done => ())
    }

    /// Hides the job. [`Pip::undelete`] brings it back.
    pub fn delete(&self) -> Result<()> {
        answered!(self.pip.call(Request::Delete { job: self.key.clone() }), Response::Done => ())
    }

    fn text(&self, step: StepName) -> Result<Option<String>> {
        answered!(self.pip.call(Request::Get { job: self.key.clone(), step }), Response::Value(text) => text)
    }

    fn values(&self) -> Result<Vec<(StepName, String)>> {
        answered!(self.pip.call(Request::Read { job: self.key.clone() }), Response::Values(values) => values)
    }

    fn look(&self, step: StepName, fingerprint: Option<String>) -> Result<(Option<StepInfo>, StepStatus)> {
        let request = Request::Step {
            job: self.key.clone(),
            step,
            fingerprint,
        };
        answered!(self.pip.call(request), Response::Step(info, status) => (info.map(|info| *info), status))
    }

    fn put(
        &self,
        step: StepName,
        value: String,
        expected: Option<Revision>,
        recording: Option<Recording>,
    ) -> Result<Revision> {
        let (job, workflow) = (self.key.clone(), self.workflow.clone());
        let request = Request::Set {
            job,
            workflow,
            step,
            value,
            expected,
            recording,
        };
        answered!(self.pip.call(request), Response::Revision(revision) => revision)
    }

    /// A value as the JSON text that [`Job::set`] would store, refused as it would be.
    #[cfg(feature = "cell")]
    pub(crate) fn encode_value<T: Serialize + ?Sized>(&self, step: &str, value: &T) -> Result<String> {
        self.encode(&StepName::new(step)?, value)
    }

    fn encode<T: Serialize + ?Sized>(&self, step: &StepName, value: &T) -> Result<String> {
        json::to_text(value, self.pip.value_limit()).map_err(|fault| self.refuse(step, fault))
    }

    fn refuse(&self, step: &StepName, fault: Fault) -> Error {
        let (job, step) = (self.key.clone(), step.clone());
        match fault {
            Fault::Unrepresentable { path, reason } => Error::Unrepresentable {
                job,
                step,
                path,
                reason,
            },
            Fault::TooLarge { size, limit } => Error::TooLarge { job, step, size, limit },
        }
    }

    fn decode<T: DeserializeOwned>(&self, step: StepName, text: &str) -> Result<T> {
        json::from_text(text).map_err(|error| Error::Decode {
            job: self.key.clone(),
            step,
            expected: type_name::<T>().to_owned(),
            source: Cause::of(&error),
        })
    }
}
