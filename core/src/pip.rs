//! `Pip`: a place where jobs live.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::job::Job;
use crate::json::VALUE_LIMIT;
use crate::state::{
    JobFilter, JobInfo, JobKey, PruneOptions, PruneReport, Revision, Source, StoreInfo, Tenant, WorkflowName,
};
use crate::store::Store;
use crate::store::wire::{Request, Response, answered};

/// A place where jobs live: one store, seen as one tenant, by one front end.
///
/// Cheap to clone, and shared between threads. Calls block: async code makes them on a thread that may.
///
/// ```
/// use pipulate::Pip;
///
/// # let folder = tempfile::tempdir()?;
/// # let file = folder.path().join("pipeline.db");
/// let pip = Pip::open(file.to_str().unwrap())?;
/// pip.set("hello-01", "greeting", "hello")?;
/// assert_eq!(pip.get::<String>("hello-01", "greeting")?.as_deref(), Some("hello"));
/// assert_eq!(pip.get::<String>("hello-01", "another step")?, None);
/// assert_eq!(pip.next_key("Default", "hello")?, "Default-hello-01");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Pip {
    store: Arc<dyn Store>,
    tenant: Tenant,
    source: Source,
    value_limit: usize,
}

impl Pip {
    /// Jobs in the store that this address names: `sqlite:PATH`, or a path. The file and its folder are created, private to the user,
    /// where they are missing. A relative path starts at the working folder.
    #[cfg(feature = "sqlite")]
    pub fn open(url: &str) -> Result<Self> {
        let path = crate::place::path_of(url)?;
        Ok(Self::with_store(Arc::new(crate::store::sqlite::SqliteStore::open(
            &path,
        )?)))
    }

    /// Jobs in this place.
    #[cfg(feature = "sqlite")]
    pub fn open_place(place: &crate::place::Place) -> Result<Self> {
        Ok(Self::with_store(Arc::new(crate::store::sqlite::SqliteStore::open(
            place.path(),
        )?)))
    }

    /// Jobs in memory, gone when the last clone is dropped: for tests.
    #[cfg(feature = "memory")]
    pub fn in_memory() -> Self {
        Self::with_store(Arc::new(crate::store::memory::MemoryStore::new()))
    }

    /// Jobs in this store.
    pub fn with_store(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            tenant: Tenant::local(),
            source: Source::Rust,
            value_limit: VALUE_LIMIT,
        }
    }

    /// The same store; the history says that this front end made the changes.
    #[must_use]
    pub fn as_source(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// The same store; only this tenant's jobs.
    #[must_use]
    pub fn with_tenant(mut self, tenant: Tenant) -> Self {
        self.tenant = tenant;
        self
    }

    /// The same store; values up to this many bytes of JSON, in place of 64 MiB.
    #[must_use]
    pub fn with_value_limit(mut self, bytes: usize) -> Self {
        self.value_limit = bytes;
        self
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Whose jobs these are.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Which front end this is.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The largest value that may be stored, in bytes of JSON.
    pub fn value_limit(&self) -> usize {
        self.value_limit
    }

    /// The job with this key, to create or to resume. It is created by its first write, as a run of the workflow `notebook`.
    pub fn job(&self, key: &str) -> Result<Job> {
        Ok(Job::new(self.clone(), JobKey::new(key)?, WorkflowName::notebook()))
    }

    /// The job with this key, to create or to resume. If its first write creates it, it is a run of this workflow; a job
    /// that is there keeps its own.
    pub fn job_in(&self, key: &str, workflow: &str) -> Result<Job> {
        Ok(Job::new(self.clone(), JobKey::new(key)?, WorkflowName::new(workflow)?))
    }

    /// The jobs that match, by key.
    pub fn jobs(&self, filter: &JobFilter) -> Result<Vec<JobInfo>> {
        answered!(self.call(Request::Jobs { filter: filter.clone() }), Response::Jobs(jobs) => jobs)
    }

    /// The next free key of a profile's workflow: `Default-hello-07`, one above the highest number there is, deleted
    /// jobs included, with two digits under 100.
    pub fn next_key(&self, profile: &str, workflow: &str) -> Result<JobKey> {
        let request = Request::NextKey {
            profile: profile.to_owned(),
            workflow: workflow.to_owned(),
        };
        answered!(self.call(request), Response::Key(key) => key)
    }

    /// Makes a job with the [next free key](Self::next_key), so that nobody else gets it.
    ///
    /// ```
    /// let pip = pipulate::Pip::in_memory();
    /// assert_eq!(pip.new_job("Default", "hello")?, "Default-hello-01");
    /// assert_eq!(pip.new_job("Default", "hello")?, "Default-hello-02");
    /// # Ok::<(), pipulate::Error>(())
    /// ```
    pub fn new_job(&self, profile: &str, workflow: &str) -> Result<JobKey> {
        let request = Request::NewJob {
            profile: profile.to_owned(),
            workflow: WorkflowName::new(workflow)?,
        };
        answered!(self.call(request), Response::Key(key) => key)
    }

    /// The value of a step; `None` where the job or the step is missing.
    pub fn get<T: DeserializeOwned>(&self, job: &str, step: &str) -> Result<Option<T>> {
        self.job(job)?.get(step)
    }

    /// Gives a step a value, and returns the step's revision.
    pub fn set<T: Serialize + ?Sized>(&self, job: &str, step: &str, value: &T) -> Result<Revision> {
        self.job(job)?.set(step, value)
    }

    /// Brings a deleted job back, as it was. Returns whether it was deleted.
    pub fn undelete(&self, key: &str) -> Result<bool> {
        answered!(self.call(Request::Undelete { job: JobKey::new(key)? }), Response::Undeleted(undeleted) => undeleted)
    }

    /// Shortens the history for good. The values that steps have stay. Finalized jobs keep their history, and are counted in the
    /// report; to name one in the options is [`Error::Finalized`](crate::Error::Finalized).
    pub fn prune(&self, options: &PruneOptions) -> Result<PruneReport> {
        answered!(self.call(Request::Prune { options: options.clone() }), Response::Pruned(report) => report)
    }

    /// Where the store is, and how large.
    pub fn location(&self) -> Result<StoreInfo> {
        answered!(self.call(Request::Location), Response::Location(info) => *info)
    }

    pub(crate) fn call(&self, request: Request) -> Result<Response> {
        self.store.call(&self.tenant, &self.source, request)
    }
}

impl std::fmt::Debug for Pip {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Pip")
            .field("tenant", &self.tenant)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
