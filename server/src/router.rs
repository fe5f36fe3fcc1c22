//! Workflows to be mounted in any axum app.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pipulate::{Pip, Source};

use crate::app::{App, Settings};
use crate::error::Error;
use crate::live::Live;
use crate::outputs::Kept;
use crate::places::Places;
use crate::web::{self, RouteInfo};
use crate::worker::{Pool, WorkerCommand};
use crate::workflow::Workflow;

/// The largest body of a request unless set otherwise: a value of 64 MiB, and the form around it.
const BODY: usize = pipulate::json::VALUE_LIMIT + 1024 * 1024;
/// How many steps run at once unless set otherwise.
const WORKERS: usize = 8;
/// How long a response to a submit waits for the step: what takes longer is shown while it runs.
const PATIENCE: Duration = Duration::from_millis(400);

/// Workflows as an axum router, with a state of its own.
///
/// The program's `main` calls [`worker_hook`](crate::worker_hook) with the same workflows before anything else, since steps run in
/// processes of the same program.
///
/// ```no_run
/// use pipulate_server::{Router, Step, Workflow};
///
/// let workflow = Workflow::new("hello").step(Step::computes("answer", |_, _| Ok(42)));
/// pipulate_server::worker_hook([workflow.clone()]);
/// let served = Router::new(pipulate::Pip::open("pipeline.db")?).workflow(workflow).build()?;
/// let app: axum::Router = axum::Router::new().nest("/workflows", served.router());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Router {
    pip: Pip,
    workflows: Vec<Workflow>,
    settings: Settings,
    workers: usize,
    command: WorkerCommand,
    status_file: Option<PathBuf>,
    places: Places,
}

/// A router that serves, and what ends it.
#[derive(Clone)]
pub struct Served {
    pub(crate) app: Arc<App>,
}

impl Router {
    /// No workflow yet; jobs live in this place. The history says that the web app made their changes.
    pub fn new(pip: Pip) -> Self {
        Self {
            pip: pip.as_source(Source::Web),
            workflows: Vec::new(),
            settings: Settings {
                hosts: Vec::new(),
                body_limit: BODY,
                patience: PATIENCE,
            },
            workers: WORKERS,
            command: WorkerCommand::default(),
            status_file: None,
            places: Places::default(),
        }
    }

    /// Adds a workflow.
    pub fn workflow(mut self, workflow: Workflow) -> Self {
        self.workflows.push(workflow);
        self
    }

    /// The only hosts that requests may name, without ports; where one is of this machine, so may be all names of this machine. Any by
    /// default: to be set where the app can be reached on loopback, against pages that make a name of theirs lead there.
    pub fn hosts<H: Into<String>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.settings.hosts.extend(hosts.into_iter().map(Into::into));
        self
    }

    /// The largest body of a request, in bytes.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.settings.body_limit = bytes;
        self
    }

    /// How many steps may run at once, each in a process.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// How a worker is started, where this program as it is will not do.
    pub fn worker_command(mut self, command: WorkerCommand) -> Self {
        self.command = command;
        self
    }

    /// A file whose changes all pages show: `{"state": "building" | "failed" | "", "message": "...", "details": "..."}`.
    pub fn status_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.status_file = Some(file.into());
        self
    }

    /// A file that says which line of which notebook each line of the steps' source comes from, as JSON: by workflow, what
    /// [`pipulate_port::Translator::line_places`] makes. Errors of steps then name the line.
    pub fn places_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.places = Places::in_file(file.into());
        self
    }

    /// Starts what stands behind the pages: the watch over the store, and the first worker.
    ///
    /// # Errors
    /// Where a workflow makes no sense, the store cannot be read, or the system refuses a folder for sockets.
    pub fn build(self) -> Result<Served, Error> {
        for (index, workflow) in self.workflows.iter().enumerate() {
            if let Some(reason) = workflow.fault() {
                return Err(Error::Malformed { reason });
            }
            if self.workflows[..index]
                .iter()
                .any(|other| other.name() == workflow.name())
            {
                return Err(Error::Malformed {
                    reason: format!("there are two workflows named `{}`", workflow.name()),
                });
            }
        }
        let store = self.pip.location()?.path;
        let pool = Pool::new(self.command, self.workers);
        let pool = pool.map_err(|error| Error::system("no folder for the workers' sockets", &error))?;
        pool.warm();
        let kept = Kept::beside(store.as_deref());
        let live = Live::new(store, self.status_file);
        let app = App::new(self.pip, self.workflows, self.settings, pool, live, kept, self.places);
        Ok(Served { app })
    }

    /// Every route that is mounted.
    pub fn routes() -> impl Iterator<Item = RouteInfo> {
        web::list()
    }
}

impl Served {
    /// The routes, to be served or mounted under any prefix.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> axum::Router<S> {
        web::router(&self.app)
    }

    /// Lets pages go, waits for steps that run, and after `bound` ends them. Blocks.
    pub fn stop(&self, bound: Duration) {
        self.app.live.close();
        self.app.runs.wind_up(bound);
        self.app.pool.close();
    }
}
