//! What all requests share, and what they do to a job.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipulate::store::wire::{Request, Response};
use pipulate::{Error as StateError, Job, JobInfo, JobKey, Pip, Revision, StepName, Tenant, WorkflowName};
use tokio::sync::watch;

use crate::answers::answers;
use crate::claims::{Claim, Claims, Taken};
use crate::defaults::Defaults;
use crate::error::Error;
use crate::form::Submission;
use crate::intake::Intake;
use crate::jobs::JobsCache;
use crate::live::{JobId, Live, Seen};
use crate::metrics::Metrics;
use crate::outputs::Kept;
use crate::places::Places;
use crate::runs::{Order, Runs};
use crate::sessions::Sessions;
use crate::turns::Turns;
use crate::view::JobView;
use crate::worker::{Pool, secret_variable};
use crate::workflow::{Step, Workflow};

/// How often the store is looked at for changes of others.
const LOOK: Duration = Duration::from_millis(100);
/// How many bodies of the largest size may be held at once.
const BODIES: usize = 4;
/// How many forms are remembered as submitted.
const TOKENS: usize = 10_000;

/// How the server behaves.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The hosts that requests may name; any where there are none.
    pub(crate) hosts: Vec<String>,
    /// The largest body of a request, in bytes.
    pub(crate) body_limit: usize,
    /// How long a response to a submit may wait for the step.
    pub(crate) patience: Duration,
}

/// What all requests share.
pub(crate) struct App {
    pub(crate) pip: Pip,
    pub(crate) workflows: Vec<Workflow>,
    pub(crate) settings: Settings,
    pub(crate) pool: Pool,
    pub(crate) runs: Runs,
    pub(crate) live: Live,
    pub(crate) kept: Kept,
    pub(crate) sessions: Sessions,
    pub(crate) jobs: JobsCache,
    pub(crate) metrics: Metrics,
    pub(crate) defaults: Defaults,
    pub(crate) intake: Intake,
    pub(crate) places: Places,
    /// Tells this process from the one that served before.
    pub(crate) instance: String,
    fingerprints: HashMap<(String, String), String>,
    tokens: Mutex<Tokens>,
    turns: Turns,
    claims: Claims,
}

#[derive(Default)]
struct Tokens {
    known: HashSet<String>,
    oldest: VecDeque<String>,
}

/// What became of a submit.
pub(crate) enum Submitted {
    /// The step runs; the receiver sees its end.
    Started(watch::Receiver<bool>),
    /// The same form had been submitted before.
    Before,
}

impl App {
    pub(crate) fn new(
        pip: Pip,
        workflows: Vec<Workflow>,
        settings: Settings,
        pool: Pool,
        live: Live,
        kept: Kept,
        places: Places,
    ) -> Arc<Self> {
        let fingerprints = crate::fingerprints::of(&workflows);
        let intake = Intake::new(settings.body_limit.saturating_mul(BODIES));
        let claims = Claims::new(kept.folder().map(ToOwned::to_owned));
        let app = Arc::new(Self {
            pip,
            workflows,
            settings,
            pool,
            runs: Runs::default(),
            live,
            kept,
            sessions: Sessions::default(),
            jobs: JobsCache::default(),
            metrics: Metrics::default(),
            defaults: Defaults::default(),
            intake,
            places,
            instance: uuid::Uuid::new_v4().simple().to_string(),
            fingerprints,
            tokens: Mutex::default(),
            turns: Turns::default(),
            claims,
        });
        app.watch();
        app
    }

    /// Looks for changes of others until the last handle is gone.
    fn watch(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        let watcher = std::thread::Builder::new().name("watch".to_owned()).spawn(move || {
            let mut seen = Seen::default();
            while let Some(app) = weak.upgrade() {
                app.live.look(&app.pip, &mut seen);
                drop(app);
                std::thread::sleep(LOOK);
            }
        });
        if let Err(error) = watcher {
            tracing::error!(%error, "changes made elsewhere will not show by themselves");
        }
    }

    pub(crate) fn pip(&self, tenant: &Tenant) -> Pip {
        self.pip.clone().with_tenant(tenant.clone())
    }

    pub(crate) fn workflow(&self, name: &str) -> Result<&Workflow, Error> {
        let unknown = || Error::UnknownWorkflow {
            workflow: name.to_owned(),
        };
        self.workflows
            .iter()
            .find(|workflow| workflow.name() == name)
            .ok_or_else(unknown)
    }

    pub(crate) fn fingerprint(&self, workflow: &Workflow, step: &Step) -> Option<&str> {
        let key = (workflow.name().to_owned(), step.name().to_owned());
        self.fingerprints.get(&key).map(String::as_str)
    }

    pub(crate) fn has_secret_in_environment(step: &str) -> bool {
        std::env::var_os(secret_variable(step)).is_some()
    }

    /// A job that is there and belongs to the workflow. One that was made by plain Rust or in the terminal belongs to any.
    pub(crate) fn job(&self, tenant: &Tenant, workflow: &Workflow, key: &str) -> Result<(Job, JobInfo), Error> {
        let job = self.pip(tenant).job_in(key, workflow.name())?;
        let Some(info) = job.info()? else {
            return Err(Error::UnknownJob {
                workflow: workflow.name().to_owned(),
                job: key.to_owned(),
            });
        };
        check_workflow(workflow, &info)?;
        Ok((job, info))
    }

    /// Creates a job, or finds the one with this key. What comes first without input runs at once.
    pub(crate) fn open(
        self: &Arc<Self>,
        tenant: &Tenant,
        workflow: &Workflow,
        key: Option<&str>,
    ) -> Result<(JobKey, Option<watch::Receiver<bool>>), Error> {
        let pip = self.pip(tenant);
        let key = match key {
            Some(key) => JobKey::new(key)?,
            None => pip.new_job("Default", workflow.name())?,
        };
        let job = pip.job_in(key.as_str(), workflow.name())?;
        let id = (tenant.clone(), key.clone());
        let _turn = self.turns.take(&id);
        let info = job.info()?;
        if let Some(info) = &info {
            check_workflow(workflow, info)?;
            if info.deleted {
                return Err(StateError::Deleted {
                    operation: "open the job".to_owned(),
                    job: key,
                }
                .into());
            }
        }
        // A job that was only made knows no steps yet.
        if info.is_none_or(|info| info.revision == Revision::NONE) {
            job.order(&workflow.names())?;
        }
        self.jobs.forget();
        self.live.poke(&id);
        if self.runs.running(&id).is_some() {
            return Ok((key, None));
        }
        let startable = || {
            let view = JobView::of(self, workflow, &job)?;
            let first = view.first_open().filter(|first| {
                let needs_nothing = view.needs_no_input(&workflow.steps()[*first], Self::has_secret_in_environment);
                !view.is_finalized() && !view.steps[*first].outdated && needs_nothing
            });
            Ok::<_, Error>(first.zip(view.info))
        };
        let Some((_, info)) = startable()? else {
            return Ok((key, None));
        };
        let claim = match self.claim(&info) {
            Err(Error::Elsewhere { .. }) => return Ok((key, None)),
            claim => claim?,
        };
        // Once more: what ran elsewhere may have ended just now.
        let Some((first, _)) = startable()? else {
            return Ok((key, None));
        };
        let order = Order {
            id,
            workflow: workflow.clone(),
            job,
            position: first,
            secrets: BTreeMap::new(),
            claim,
        };
        Ok((key, Some(Runs::start(self, order)?)))
    }

    /// Saves what a step's form has brought, and runs the step.
    pub(crate) fn submit(
        self: &Arc<Self>,
        tenant: &Tenant,
        session: Option<&str>,
        workflow: &Workflow,
        key: &str,
        step: &str,
        submission: &Submission,
    ) -> Result<Submitted, Error> {
        let _turn = self.turns.take(&(tenant.clone(), JobKey::new(key)?));
        let (job, info) = self.job(tenant, workflow, key)?;
        let unknown = || Error::UnknownStep {
            workflow: workflow.name().to_owned(),
            step: step.to_owned(),
        };
        let position = workflow.position(step).ok_or_else(unknown)?;
        let step = &workflow.steps()[position];
        let id: JobId = (tenant.clone(), info.key.clone());
        if submission
            .token
            .as_deref()
            .is_some_and(|token| self.lock_tokens().known.contains(token))
        {
            return Ok(Submitted::Before);
        }
        self.is_idle(tenant, &info)?;
        let claim = self.claim(&info)?;
        // The view first: what another process changes after it is found by the job's revision, or by those of the values.
        let view = JobView::of(self, workflow, &job)?;
        let info = job.info()?.unwrap_or(info);
        may_change(&job, &info, &format!("run step `{}`", step.name()), submission.revision)?;
        if let Some(first) = view.first_open().filter(|first| *first < position) {
            return Err(Error::TooEarly {
                step: step.name().to_owned(),
                first: workflow.steps()[first].name().to_owned(),
            });
        }
        let mut secrets = session
            .map(|session| self.sessions.of(session, &id))
            .unwrap_or_default();
        let values = answers(step, &view, submission, &mut secrets)?;
        // Who loses the race for the token has submitted the form twice.
        if !submission
            .token
            .as_deref()
            .is_none_or(|token| self.lock_tokens().take(token))
        {
            return Ok(Submitted::Before);
        }
        let started = self.save_and_start(workflow, &job, position, &view, values, &id, secrets.clone(), claim);
        match started {
            Ok(receiver) => {
                if let Some(session) = session {
                    self.sessions.keep(session, &id, secrets);
                }
                Ok(Submitted::Started(receiver))
            }
            Err(error) => {
                if let Some(token) = &submission.token {
                    self.lock_tokens().known.remove(token);
                }
                Err(error)
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all of it is what was just read and checked")]
    fn save_and_start(
        self: &Arc<Self>,
        workflow: &Workflow,
        job: &Job,
        position: usize,
        view: &JobView,
        values: Vec<(StepName, String)>,
        id: &JobId,
        secrets: BTreeMap<String, String>,
        claim: Claim,
    ) -> Result<watch::Receiver<bool>, Error> {
        job.order(&workflow.names())?;
        for (name, value) in values {
            let expected = view.value(name.as_str()).map_or(Revision::NONE, |value| value.revision);
            let request = Request::Set {
                job: job.key().clone(),
                workflow: WorkflowName::new(workflow.name())?,
                step: name,
                value,
                expected: Some(expected),
                recording: None,
            };
            let pip = job.pip();
            let _: Response = pip.store().call(pip.tenant(), pip.source(), request)?;
        }
        self.jobs.forget();
        let order = Order {
            id: id.clone(),
            workflow: workflow.clone(),
            job: job.clone(),
            position,
            secrets,
            claim,
        };
        Runs::start(self, order)
    }

    /// Makes a change to a job that is no run of a step.
    pub(crate) fn change<T>(
        &self,
        tenant: &Tenant,
        workflow: &Workflow,
        key: &str,
        submission: &Submission,
        change: Change,
        make: impl FnOnce(&Job, &JobInfo) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let _turn = self.turns.take(&(tenant.clone(), JobKey::new(key)?));
        let (job, info) = self.job(tenant, workflow, key)?;
        let id: JobId = (tenant.clone(), info.key.clone());
        if submission
            .token
            .as_deref()
            .is_some_and(|token| self.lock_tokens().known.contains(token))
        {
            return Ok(None);
        }
        self.is_idle(tenant, &info)?;
        let _claim = self.claim(&info)?;
        let info = job.info()?.unwrap_or(info);
        match change {
            Change::OfValues(operation) => may_change(&job, &info, operation, submission.revision)?,
            Change::OfLife => is_as_shown(&job, &info, submission.revision)?,
        }
        if !submission
            .token
            .as_deref()
            .is_none_or(|token| self.lock_tokens().take(token))
        {
            return Ok(None);
        }
        self.runs.forget(&id);
        let made = make(&job, &info);
        if let (Err(_), Some(token)) = (&made, &submission.token) {
            self.lock_tokens().known.remove(token);
        }
        self.jobs.forget();
        self.live.poke(&id);
        made.map(Some)
    }

    /// Copies a job. Steps before the one where the copy starts over, which ran and have no value of their own, count as run there too.
    pub(crate) fn fork(
        &self,
        workflow: &Workflow,
        job: &Job,
        info: &JobInfo,
        from: Option<&str>,
        new_key: &str,
    ) -> Result<JobKey, Error> {
        let unknown = |step: &str| Error::UnknownStep {
            workflow: workflow.name().to_owned(),
            step: step.to_owned(),
        };
        let end = match from {
            Some(step) => workflow.position(step).ok_or_else(|| unknown(step))?,
            None => workflow.steps().len(),
        };
        let from_name = workflow.steps()[end..].iter().flat_map(Step::names).next();
        let known = job.steps()?;
        // The core knows only the steps that the job has.
        let from_name = from_name.filter(|name| known.iter().any(|step| step.name == **name));
        let copy = job.fork(from_name, new_key)?;
        let Some(copied) = copy.info()? else {
            return Ok(copy.key().clone());
        };
        for step in &workflow.steps()[..end] {
            let Some(run) = self.kept.get(info, step.name()) else {
                continue;
            };
            let mut run = (*run).clone();
            run.revision = copied.revision.number();
            let mut results = Vec::new();
            for (name, _) in &run.results {
                if let Some(value) = copy.step(name)?.filter(|value| !value.suggested) {
                    results.push((name.clone(), value.revision.number()));
                }
            }
            if results.len() == run.results.len() {
                run.results = results;
                self.kept.put(&copied, run);
            }
        }
        Ok(copy.key().clone())
    }

    /// [`fork`](Self::fork) as a request asks for it: `key`, `from`.
    pub(crate) fn copy(
        &self,
        tenant: &Tenant,
        workflow: &Workflow,
        key: &str,
        submission: &Submission,
    ) -> Result<String, Error> {
        let new_key = match submission.other("key") {
            Some(key) => key.to_owned(),
            None => self.pip(tenant).next_key("Default", workflow.name())?.to_string(),
        };
        let made = self.change(tenant, workflow, key, submission, Change::OfLife, |job, info| {
            self.fork(workflow, job, info, submission.other("from"), &new_key)
        })?;
        Ok(made.map_or(new_key, String::from))
    }

    /// Stops the step that runs; whether there was one.
    pub(crate) fn cancel(&self, tenant: &Tenant, workflow: &Workflow, key: &str) -> Result<bool, Error> {
        let (_, info) = self.job(tenant, workflow, key)?;
        Ok(self.runs.cancel(&(tenant.clone(), info.key)))
    }

    /// Refuses what cannot be done while a step runs.
    fn is_idle(&self, tenant: &Tenant, info: &JobInfo) -> Result<(), Error> {
        match self.runs.running(&(tenant.clone(), info.key.clone())) {
            Some(step) => Err(Error::Running {
                job: info.key.to_string(),
                step,
            }),
            None => Ok(()),
        }
    }

    /// Keeps other processes from changing the job through an app, or says that one of them does.
    fn claim(&self, info: &JobInfo) -> Result<Claim, Error> {
        match self.claims.take(info) {
            Ok(Ok(claim)) => Ok(claim),
            Ok(Err(Taken(step))) => Err(Error::Elsewhere {
                job: info.key.to_string(),
                step,
            }),
            Err(error) => Err(Error::system("the job cannot be kept from others", &error)),
        }
    }

    fn lock_tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn may_change(job: &Job, info: &JobInfo, operation: &str, shown: Option<Revision>) -> Result<(), Error> {
    let (operation, key) = (operation.to_owned(), info.key.clone());
    if info.deleted {
        return Err(StateError::Deleted { operation, job: key }.into());
    }
    if info.finalized {
        return Err(StateError::Finalized { operation, job: key }.into());
    }
    is_as_shown(job, info, shown)
}

/// Refuses what was decided by looking at an older state of the job.
fn is_as_shown(job: &Job, info: &JobInfo, shown: Option<Revision>) -> Result<(), Error> {
    match shown {
        Some(shown) if shown != info.revision => {
            let mut events = job.history(None)?;
            events.retain(|event| event.revision > shown);
            Err(Error::Changed {
                job: info.key.to_string(),
                shown,
                found: info.revision,
                events,
            })
        }
        _ => Ok(()),
    }
}

/// What a change is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// Values of steps: what a finalized job refuses, with what is done.
    OfValues(&'static str),
    /// The job as a whole; the core decides.
    OfLife,
}

impl Tokens {
    /// Whether nobody has used the token before.
    fn take(&mut self, token: &str) -> bool {
        if !self.known.insert(token.to_owned()) {
            return false;
        }
        self.oldest.push_back(token.to_owned());
        if self.oldest.len() > TOKENS
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

fn check_workflow(workflow: &Workflow, info: &JobInfo) -> Result<(), Error> {
    if info.workflow == workflow.name() || info.workflow == WorkflowName::notebook() {
        return Ok(());
    }
    Err(Error::OtherWorkflow {
        job: info.key.to_string(),
        workflow: workflow.name().to_owned(),
        found: info.workflow.to_string(),
    })
}
