//! Steps that run: one at a time a job, in a worker, each followed by those that need no input.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pipulate::{Job, StepName};
use rustix::process::Pid;
use tokio::sync::watch;

use crate::app::App;
use crate::claims::Claim;
use crate::error::Error;
use crate::live::JobId;
use crate::outputs::{KeptRun, Outputs};
use crate::view::JobView;
use crate::worker::{Ended, Running, Task, kill};
use crate::workflow::{Step, StepError, StepKind, Workflow};

/// How many runs that failed are remembered.
const REMEMBERED: usize = 1000;
/// How much of what they have printed, displayed and said is remembered, in bytes; of the last one in any case.
const REMEMBERED_BYTES: usize = 64 * 1024 * 1024;
/// How long the message of an error may be, in bytes.
const MESSAGE: usize = 64 * 1024;

/// The runs of all jobs.
#[derive(Default)]
pub(crate) struct Runs {
    jobs: Mutex<HashMap<JobId, Arc<JobRun>>>,
    pub(crate) done: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// One job's run of a step and those after it.
pub(crate) struct JobRun {
    now: Mutex<Now>,
    version: AtomicU64,
    cancelled: AtomicBool,
    ended: watch::Sender<bool>,
}

struct Now {
    step: String,
    running: Option<Arc<Running>>,
    outputs: Outputs,
    error: Option<StepError>,
    started: Instant,
    group: Option<Pid>,
}

/// What a page shows of a run.
#[derive(Clone, Debug)]
pub(crate) struct RunView {
    pub(crate) step: String,
    pub(crate) is_running: bool,
    pub(crate) is_waiting: bool,
    pub(crate) outputs: Outputs,
    pub(crate) error: Option<StepError>,
    pub(crate) elapsed: Duration,
}

/// What a run is made of.
pub(crate) struct Order {
    pub(crate) id: JobId,
    pub(crate) workflow: Workflow,
    pub(crate) job: Job,
    pub(crate) position: usize,
    pub(crate) secrets: BTreeMap<String, String>,
    /// No other process runs a step of the job meanwhile.
    pub(crate) claim: Claim,
}

impl Runs {
    /// The run of a job, or the last one where it failed.
    pub(crate) fn look(&self, id: &JobId) -> Option<RunView> {
        let run = self.lock().get(id).cloned()?;
        Some(run.view())
    }

    /// Tells one state of a job's run from another; 0 where there is none.
    pub(crate) fn version(&self, id: &JobId) -> u64 {
        let version = |run: &Arc<JobRun>| run.version.load(Ordering::Acquire);
        self.lock().get(id).map_or(0, version)
    }

    /// The step that runs.
    pub(crate) fn running(&self, id: &JobId) -> Option<String> {
        let run = self.lock().get(id).cloned()?;
        let now = run.lock();
        (!run.is_over()).then(|| now.step.clone())
    }

    /// Forgets the oldest runs of those that are over, so that the rest takes no more than `bound` bytes.
    fn forget_oldest(&self, bound: usize) {
        let mut jobs = self.lock();
        let over = jobs.iter().filter(|(_, run)| run.is_over());
        let mut over: Vec<(u64, usize, JobId)> = over
            .map(|(id, run)| (run.version.load(Ordering::Acquire), run.weight(), id.clone()))
            .collect();
        over.sort_unstable_by_key(|(version, ..)| std::cmp::Reverse(*version));
        let mut sum = 0;
        for (index, (_, weight, id)) in over.iter().enumerate() {
            sum += weight;
            if index > 0 && sum > bound {
                jobs.remove(id);
            }
        }
    }

    /// How many run.
    pub(crate) fn count(&self) -> usize {
        self.lock().values().filter(|run| !run.is_over()).count()
    }

    /// Begins a run. What a failed one before has left is forgotten.
    pub(crate) fn start(app: &Arc<App>, order: Order) -> Result<watch::Receiver<bool>, Error> {
        if app.live.is_closing() {
            return Err(Error::Stopping);
        }
        let step = &order.workflow.steps()[order.position];
        let run = Arc::new(JobRun {
            now: Mutex::new(Now {
                step: step.name().to_owned(),
                running: None,
                outputs: Outputs::default(),
                error: None,
                started: Instant::now(),
                group: None,
            }),
            version: AtomicU64::new(next_version()),
            cancelled: AtomicBool::new(false),
            ended: watch::Sender::new(false),
        });
        let receiver = run.ended.subscribe();
        {
            let mut jobs = app.runs.lock();
            if let Some(before) = jobs.get(&order.id).filter(|run| !run.is_over()) {
                return Err(Error::Running {
                    job: order.id.1.to_string(),
                    step: before.lock().step.clone(),
                });
            }
            if jobs.len() >= REMEMBERED {
                jobs.retain(|_, run| !run.is_over());
            }
            jobs.insert(order.id.clone(), Arc::clone(&run));
        }
        let thread = std::thread::Builder::new().name("run".to_owned()).spawn({
            let (app, run) = (Arc::clone(app), Arc::clone(&run));
            move || {
                let id = order.id.clone();
                run_all(&app, &run, &order);
                drop(order);
                run.end();
                app.runs.forget_oldest(REMEMBERED_BYTES);
                app.live.poke(&id);
            }
        });
        if let Err(error) = thread {
            run.end();
            return Err(Error::system("no thread for the step", &error));
        }
        Ok(receiver)
    }

    /// Stops the run; its worker is killed with all that it started.
    pub(crate) fn cancel(&self, id: &JobId) -> bool {
        let run = self.lock().get(id).cloned();
        run.is_some_and(|run| run.cancel())
    }

    /// Forgets what a failed run has left.
    pub(crate) fn forget(&self, id: &JobId) {
        let mut jobs = self.lock();
        if jobs.get(id).is_some_and(|run| run.is_over()) {
            jobs.remove(id);
        }
    }

    /// Waits until nothing runs any more, and stops what still runs then.
    pub(crate) fn wind_up(&self, bound: Duration) {
        let deadline = Instant::now() + bound;
        while self.count() > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        let runs: Vec<_> = self.lock().values().cloned().collect();
        for run in runs {
            run.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Arc<JobRun>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JobRun {
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        *self.ended.borrow()
    }

    fn end(&self) {
        let mut now = self.lock();
        if let Some(running) = now.running.take()
            && now.error.is_some()
        {
            // Those of a run that went well are kept beside the store.
            now.outputs = running.outputs();
        }
        now.group = None;
        drop(now);
        self.changed();
        self.ended.send_replace(true);
    }

    /// How much memory it takes, roughly, in bytes.
    fn weight(&self) -> usize {
        let now = self.lock();
        let error = now.error.as_ref().map_or(0, |error| error.message().len());
        now.outputs.weight() + error
    }

    fn changed(&self) {
        self.version.store(next_version(), Ordering::Release);
    }

    fn cancel(&self) -> bool {
        let now = self.lock();
        if self.is_over() {
            return false;
        }
        self.cancelled.store(true, Ordering::Release);
        if let Some(group) = now.group {
            kill(group);
        }
        true
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    fn view(&self) -> RunView {
        let now = self.lock();
        RunView {
            step: now.step.clone(),
            is_running: !self.is_over(),
            is_waiting: now.running.is_none(),
            outputs: now
                .running
                .as_ref()
                .map_or_else(|| now.outputs.clone(), |running| running.outputs()),
            error: now.error.clone(),
            elapsed: now.started.elapsed(),
        }
    }

    fn fail(&self, error: StepError) {
        self.lock().error = Some(error.bounded(MESSAGE));
    }
}

/// Versions differ between runs too, so that a page sees that another one has begun.
fn next_version() -> u64 {
    static VERSION: AtomicU64 = AtomicU64::new(1);
    VERSION.fetch_add(1, Ordering::Relaxed)
}

/// Runs the step, and then those that need no input, until one fails or there is none.
fn run_all(app: &Arc<App>, run: &Arc<JobRun>, order: &Order) {
    let mut hired = match app.pool.hire(|| run.is_cancelled()) {
        Ok(hired) => hired,
        Err(_) if run.is_cancelled() => return run.fail(cancelled()),
        Err(error) => {
            let error = StepError::new("System", format!("no process could be started for the step: {error}"));
            return run.fail(error);
        }
    };
    let mut next = Some(order.position);
    while let Some(position) = next {
        let step = &order.workflow.steps()[position];
        let result = run_step(app, run, order, step, &mut hired.worker);
        let error = match result {
            Ok(()) => None,
            Err(_) if run.is_cancelled() => Some(cancelled()),
            Err(error) => {
                let places = app.places.of(order.workflow.name());
                Some(error.in_notebook(&order.workflow, places.as_ref()))
            }
        };
        if let Some(error) = error {
            app.runs.failed.fetch_add(1, Ordering::Relaxed);
            return run.fail(error);
        }
        app.runs.done.fetch_add(1, Ordering::Relaxed);
        if run.is_cancelled() {
            return;
        }
        app.live.poke(&order.id);
        next = following(app, order, position);
    }
}

fn cancelled() -> StepError {
    StepError::new("Cancelled", "the step was cancelled")
}

/// The step after this one, if it is the first that is not done and can run without asking.
fn following(app: &App, order: &Order, position: usize) -> Option<usize> {
    let view = JobView::of(app, &order.workflow, &order.job).ok()?;
    let first = view.first_open().filter(|first| *first > position)?;
    let step = &order.workflow.steps()[first];
    let has_secret = |name: &str| order.secrets.contains_key(name) || App::has_secret_in_environment(name);
    let may_run = !view.is_finalized() && !view.steps[first].outdated && view.needs_no_input(step, has_secret);
    may_run.then_some(first)
}

fn run_step(
    app: &Arc<App>,
    run: &Arc<JobRun>,
    order: &Order,
    step: &Step,
    worker: &mut crate::worker::Worker,
) -> Result<(), StepError> {
    let name = StepName::new(step.name()).map_err(of_server)?;
    let changed = {
        let (app, run, id) = (Arc::downgrade(app), Arc::downgrade(run), order.id.clone());
        move || {
            if let (Some(app), Some(run)) = (app.upgrade(), run.upgrade()) {
                run.changed();
                app.live.poke(&id);
            }
        }
    };
    let running = Arc::new(Running::new(
        order.job.pip().clone(),
        order.job.key().clone(),
        order.workflow.name().to_owned(),
        name,
        Box::new(changed),
    ));
    let started = Instant::now();
    order.claim.name(step.name());
    {
        let mut now = run.lock();
        step.name().clone_into(&mut now.step);
        now.running = Some(Arc::clone(&running));
        now.started = started;
        now.group = Some(worker.group());
    }
    run.changed();
    app.live.poke(&order.id);
    if run.is_cancelled() {
        return Err(cancelled());
    }
    let task = Task {
        workflow: order.workflow.name().to_owned(),
        step: step.name().to_owned(),
        field: None,
        job: order.job.key().to_string(),
        secrets: order.secrets.clone(),
    };
    let info = order.job.info().map_err(of_server)?;
    if let Some(info) = &info {
        app.kept.go_on(info, order.workflow.steps().iter().map(Step::name));
    }
    if step.kind() == StepKind::Saves
        && let Some(info) = &info
    {
        let begun = KeptRun {
            step: step.name().to_owned(),
            ..KeptRun::default()
        };
        app.kept.put(info, begun);
    }
    let value = match worker.run(&task, &running) {
        Ended::Done(value) => value,
        Ended::Failed(error) => return Err(error),
    };
    // What was acknowledged is recorded, also when somebody cancels meanwhile.
    if let (StepKind::Computes, Some(value)) = (step.kind(), value) {
        let fingerprint = app.fingerprint(&order.workflow, step).unwrap_or_default();
        order
            .job
            .record_json(step.name(), &value, &running.recording(fingerprint.to_owned()))
            .map_err(of_server)?;
    }
    let results = revisions(order, step).map_err(of_server)?;
    if let Some(info) = order.job.info().map_err(of_server)? {
        app.kept.put(
            &info,
            KeptRun {
                step: step.name().to_owned(),
                ended: true,
                revision: info.revision.number(),
                results,
                milliseconds: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                outputs: running.outputs(),
                ..KeptRun::default()
            },
        );
    }
    Ok(())
}

/// What failed around the step: the place is none of the user's.
fn of_server(error: pipulate::Error) -> StepError {
    StepError::from(error).at_no_place()
}

/// What the step asks for or gives a value to, as it is now.
fn revisions(order: &Order, step: &Step) -> Result<Vec<(String, u64)>, pipulate::Error> {
    let mut revisions = Vec::new();
    for name in step.names() {
        if let Some(value) = order.job.step(name)?.filter(|value| !value.suggested) {
            revisions.push((name.to_owned(), value.revision.number()));
        }
    }
    Ok(revisions)
}
