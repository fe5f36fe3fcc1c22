//! What code reads of a job while it makes a value.

use std::collections::{BTreeMap, BTreeSet};

use super::wire::{Reply, Request, Response};
use crate::json;
use crate::state::{Input, JobKey, Recording, StepInfo, StepName};

/// The step values that code has read so far: the inputs of the value that it makes. A front end that runs steps shows it every
/// request that the code makes, with its answer.
///
/// A step that was read and is then written counts with what was written, as if it were read again. Reading another job is not
/// tracked: a step that does so is never fresh.
#[derive(Debug, Clone)]
pub struct Reads {
    job: JobKey,
    step: StepName,
    inputs: BTreeMap<StepName, String>,
    other_jobs: BTreeSet<JobKey>,
}

impl Reads {
    /// Nothing has been read yet by the code that makes this step of this job.
    pub fn of(job: JobKey, step: StepName) -> Self {
        Self {
            job,
            step,
            inputs: BTreeMap::new(),
            other_jobs: BTreeSet::new(),
        }
    }

    /// Takes note of a request and its answer.
    pub fn observe(&mut self, request: &Request, reply: &Reply) {
        let Ok(response) = reply else { return };
        if let Some(job) = job_read(request)
            && *job != self.job
        {
            self.other_jobs.insert(job.clone());
            return;
        }
        match (request, response) {
            (Request::Get { step, .. }, Response::Value(value)) => self.read(step, value.as_deref()),
            (Request::Step { step, .. }, Response::Step(info, _)) => {
                self.read(step, info.as_deref().and_then(value_of));
            }
            (Request::Read { .. }, Response::Values(values)) => {
                for (step, value) in values {
                    self.read(step, Some(value));
                }
            }
            (Request::Steps { .. }, Response::Steps(steps)) => {
                for info in steps {
                    self.read(&info.name, value_of(info));
                }
            }
            (Request::Set { job, step, value, .. }, _) if *job == self.job => self.wrote(step, Some(value)),
            (Request::Remove { job, step }, _) if *job == self.job => self.wrote(step, None),
            (Request::Write { job, values, .. }, _) if *job == self.job => {
                for (step, value) in values {
                    self.wrote(step, Some(value));
                }
            }
            _ => {}
        }
    }

    /// Takes note of a value that the front end has set on the code's behalf.
    pub fn wrote(&mut self, step: &StepName, value: Option<&str>) {
        if let Some(digest) = self.inputs.get_mut(step) {
            *digest = digest_of(value);
        }
    }

    /// What is recorded with the value.
    pub fn recording(&self, fingerprint: String, untracked: impl IntoIterator<Item = String>) -> Recording {
        let other_jobs = self.other_jobs.iter().map(|job| format!("job {job}"));
        Recording {
            fingerprint,
            inputs: self
                .inputs
                .iter()
                .map(|(step, digest)| Input {
                    step: step.clone(),
                    digest: digest.clone(),
                })
                .collect(),
            untracked: untracked.into_iter().chain(other_jobs).collect(),
        }
    }

    /// What was read first counts: code that has seen two values of a step is stale from the start.
    fn read(&mut self, step: &StepName, value: Option<&str>) {
        if *step != self.step && !self.inputs.contains_key(step) {
            self.inputs.insert(step.clone(), digest_of(value));
        }
    }
}

fn digest_of(value: Option<&str>) -> String {
    value.map(json::digest).unwrap_or_default()
}

/// The value of a step that is done.
fn value_of(info: &StepInfo) -> Option<&str> {
    (!info.suggested).then_some(info.value.as_str())
}

/// The job whose values a request reads.
fn job_read(request: &Request) -> Option<&JobKey> {
    match request {
        Request::Get { job, .. } | Request::Step { job, .. } | Request::Read { job } | Request::Steps { job } => {
            Some(job)
        }
        _ => None,
    }
}

#[cfg(feature = "memory")]
#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::{Store, wire::Call};
    use crate::{Pip, Source, StepStatus, Tenant};

    /// A store that shows what passes to [`Reads`].
    struct Watched(MemoryStore, Mutex<Reads>);

    impl Store for Watched {
        fn call(&self, tenant: &Tenant, source: &Source, request: Request) -> crate::Result<Response> {
            let call = Call {
                tenant: tenant.clone(),
                source: source.clone(),
                request: request.clone(),
            };
            let reply = super::super::wire::answer(&self.0, call);
            self.1.lock().unwrap().observe(&request, &reply);
            reply
        }
    }

    #[test]
    fn what_a_step_reads_are_its_inputs() {
        let reads = Reads::of("a-01".parse().unwrap(), "sum".parse().unwrap());
        let store = Arc::new(Watched(MemoryStore::default(), Mutex::new(reads)));
        let pip = Pip::with_store(Arc::clone(&store) as Arc<dyn Store>);
        let job = pip.job("a-01").unwrap();
        job.set("left", &1).unwrap();
        job.set("unread", &1).unwrap();

        assert_eq!(job.get::<u8>("left").unwrap(), Some(1));
        assert_eq!(job.get::<u8>("right").unwrap(), None);
        assert_eq!(job.get::<u8>("sum").unwrap(), None, "its own value is no input");
        assert_eq!(job.get::<u8>("asked").unwrap(), None);
        job.set("asked", &7).unwrap();

        let made = store.1.lock().unwrap().recording("code".to_owned(), None);
        let names: Vec<&str> = made.inputs.iter().map(|input| input.step.as_str()).collect();
        assert_eq!(names, ["asked", "left", "right"]);
        job.record("sum", &1, &made).unwrap();
        assert_eq!(job.status("sum", None).unwrap(), StepStatus::Fresh);
        for (step, stale) in [("unread", false), ("right", true)] {
            job.set(step, &9).unwrap();
            assert_eq!(job.status("sum", None).unwrap() != StepStatus::Fresh, stale, "{step}");
        }
    }

    #[test]
    fn what_is_read_of_another_job_is_not_tracked() {
        let reads = Reads::of("a-01".parse().unwrap(), "sum".parse().unwrap());
        let store = Arc::new(Watched(MemoryStore::default(), Mutex::new(reads)));
        let pip = Pip::with_store(Arc::clone(&store) as Arc<dyn Store>);
        assert_eq!(pip.get::<u8>("b-01", "left").unwrap(), None);
        let made = store
            .1
            .lock()
            .unwrap()
            .recording("code".to_owned(), ["rate".to_owned()]);
        assert_eq!(
            (made.inputs.len(), made.untracked),
            (0, vec!["rate".to_owned(), "job b-01".to_owned()])
        );
    }
}
