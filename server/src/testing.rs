//! What tests of a workflow need: its app without a socket, on a store of its own.
//!
//! ```no_run
//! # use pipulate_server::{Field, Step, Workflow, testing::TestApp};
//! # fn workflow() -> Workflow {
//! #     Workflow::new("hello").step(Step::saves("name", |_, _| Ok(())).field(Field::new::<String>("name")))
//! # }
//! // In a test of a ported crate: `env!("CARGO_BIN_EXE_hello")`.
//! let app = TestApp::new(workflow(), "target/debug/hello");
//! let job = app.new_job();
//! assert_eq!(job.open_form().unwrap().fields, ["name"]);
//! job.submit("name", &[("name", "Ada")]).unwrap();
//! let greeting: String = job.state().require("greeting").unwrap();
//! assert_eq!(greeting, "Hello, Ada!");
//! ```
//!
//! Steps, and what fields begin with, run in processes of the app's own program, as when it serves: one that panics or exits takes no
//! test with it. No step runs before a test submits one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use pipulate::{Job, Pip, Tenant};
use tower::ServiceExt as _;

use crate::app::Submitted;
use crate::form::{Answer, FIELD, Submission};
use crate::live::JobId;
use crate::router::{Router, Served};
use crate::view::JobView;
use crate::web::{as_text, base::Base};
use crate::worker::WorkerCommand;
use crate::workflow::{Field, FieldKind, Step, StepError, StepKind, Workflow};

/// How long a default may take. On a page it has less time, but a test is no place to be in a hurry.
const PATIENCE: Duration = Duration::from_secs(20);
/// Whose secrets a test submits.
const SESSION: &str = "test";

/// A workflow in words, a line a step: its name, what its form asks for, and what it computes or saves.
///
/// ```
/// use pipulate_server::{Field, Step, Workflow, testing::outline};
///
/// let workflow = Workflow::new("hello")
///     .step(Step::saves("ask", |_, _| Ok(())).field(Field::new::<String>("name")))
///     .step(Step::computes("greeting", |_, _| Ok("Hello!")));
/// assert_eq!(outline(&workflow), ["ask: asks name", "greeting: computes"]);
/// ```
pub fn outline(workflow: &Workflow) -> Vec<String> {
    let line = |step: &Step| {
        let asked: Vec<&str> = step.fields().iter().map(Field::name).collect();
        let mut does = Vec::new();
        if !asked.is_empty() {
            does.push(format!("asks {}", asked.join(", ")));
        }
        let saved: Vec<&str> = step.results().collect();
        match step.kind() {
            StepKind::Computes => does.push("computes".to_owned()),
            StepKind::Saves if saved.is_empty() => {}
            StepKind::Saves => does.push(format!("saves {}", saved.join(", "))),
        }
        if does.is_empty() {
            return step.name().to_owned();
        }
        format!("{}: {}", step.name(), does.join("; "))
    };
    workflow.steps().iter().map(line).collect()
}

/// A workflow's app, which nobody but the test can reach. Clones are the same app; its store goes with the last one.
#[derive(Clone)]
pub struct TestApp(Arc<Inner>);

struct Inner {
    workflow: Workflow,
    pip: Pip,
    served: Served,
    runtime: tokio::runtime::Runtime,
    // Last, so that it goes last.
    _folder: tempfile::TempDir,
}

/// A job of a [`TestApp`].
#[derive(Clone)]
pub struct TestJob {
    app: TestApp,
    job: Job,
}

/// The form of the one step that a job's page asks to fill in or to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenForm {
    /// The step's name.
    pub step: String,
    /// The names of its fields, in order.
    pub fields: Vec<String>,
}

impl TestApp {
    /// The app of a workflow, on a fresh store in a temporary folder. `program` is the app's own, in whose processes steps run.
    ///
    /// # Panics
    /// Where the workflow makes no sense, such as one with two steps of one name, or the system refuses a folder or a thread.
    #[track_caller]
    pub fn new(workflow: Workflow, program: impl Into<PathBuf>) -> Self {
        Self::with(workflow, WorkerCommand::of_program(program))
    }

    /// [`new`](Self::new) with steps that run in processes which that command starts.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    #[track_caller]
    pub fn with(workflow: Workflow, workers: WorkerCommand) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary folder: {error}"));
        let store = folder.path().join("pipeline.db");
        let pip = Pip::open(&store.to_string_lossy()).unwrap_or_else(|error| panic!("no store: {error:#}"));
        let router = Router::new(pip.clone()).worker_command(workers);
        let served = router.workflow(workflow.clone()).build();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        Self(Arc::new(Inner {
            workflow,
            pip,
            served: served.unwrap_or_else(|error| panic!("the workflow cannot be served: {error}")),
            runtime: runtime.unwrap_or_else(|error| panic!("no runtime: {error}")),
            _folder: folder,
        }))
    }

    /// A job at which nothing has happened. Unlike one that is opened on a page, it does not begin by itself with steps that ask for
    /// nothing.
    ///
    /// # Panics
    /// Where the store fails.
    #[track_caller]
    pub fn new_job(&self) -> TestJob {
        let inner = &*self.0;
        let name = inner.workflow.name();
        let made = inner.pip.new_job("Test", name).and_then(|key| {
            let job = inner.pip.job_in(key.as_str(), name)?;
            job.order(&inner.workflow.names())?;
            Ok(job)
        });
        TestJob {
            app: self.clone(),
            job: made.unwrap_or_else(|error| panic!("no job: {error:#}")),
        }
    }

    /// A page, as a browser gets it; `/` is the one with all workflows.
    ///
    /// # Panics
    /// Where it is answered by an error.
    #[track_caller]
    pub fn page(&self, path: &str) -> String {
        let (status, text) = self.0.get(path);
        assert!(status.is_success(), "{path} is answered by {status}:\n{text}");
        text
    }

    /// What is wrong with the values that forms begin with, in words: a form that is sent as it opens shall be taken. Defaults that fail,
    /// as those do that need a step which is not done yet, leave their field empty, and are not counted; nor is one that takes long.
    ///
    /// # Panics
    /// Where the store fails.
    #[track_caller]
    pub fn refused_defaults(&self) -> Vec<String> {
        let job = self.new_job();
        let (app, id) = (&self.0.served.app, job.id());
        let mut refused = Vec::new();
        for step in self.0.workflow.steps() {
            for field in step.fields() {
                // Such a field shows none.
                if field.is_secret() || field.kind() == FieldKind::File || field.default_function().is_none() {
                    continue;
                }
                let value = app.work_out(&id, &self.0.workflow, step, field, PATIENCE);
                if let Some(Err(problem)) = value.map(|json| field.read(&as_text(&json))) {
                    refused.push(format!("field `{}` of step `{}`: {problem}", field.name(), step.name()));
                }
            }
        }
        refused
    }
}

impl OpenForm {
    /// The form that a step's definition asks for.
    pub fn of(step: &Step) -> Self {
        Self {
            step: step.name().to_owned(),
            fields: step.fields().iter().map(|field| field.name().to_owned()).collect(),
        }
    }
}

impl TestJob {
    /// The job itself: its values, its history.
    pub fn state(&self) -> &Job {
        &self.job
    }

    /// Its page.
    ///
    /// # Panics
    /// Where it is answered by an error.
    #[track_caller]
    pub fn page(&self) -> String {
        self.app.page(&self.path())
    }

    /// The form that its page shows for the first step which is not done; `None` where there is none.
    ///
    /// # Panics
    /// Where the page is answered by an error.
    #[track_caller]
    pub fn open_form(&self) -> Option<OpenForm> {
        let page = self.page();
        let (_, form) = page.split_once("<form class=\"answers\"")?;
        let (form, _) = form.split_once("</form>")?;
        let action = attributes(form, "action").into_iter().next()?;
        let workflow = &self.app.0.workflow;
        let is_its = |step: &&Step| {
            let base = Base::default();
            base.step(workflow.name(), self.job.key().as_str(), step.name()) == action
        };
        let step = workflow.steps().iter().find(is_its)?;
        let names = attributes(form, "name");
        let fields = names.iter().filter_map(|name| name.strip_prefix(FIELD));
        Some(OpenForm {
            step: step.name().to_owned(),
            fields: fields.map(str::to_owned).collect(),
        })
    }

    /// Sends the form of a step as it opens, but for these answers, by field; and waits until the step has run, and those after it that
    /// ask for nothing.
    ///
    /// # Errors
    /// Where an answer is refused, or a step fails.
    pub fn submit(&self, step: &str, answers: &[(&str, &str)]) -> Result<(), StepError> {
        let (app, id) = (&self.app.0.served.app, self.id());
        let workflow = &self.app.0.workflow;
        let view = JobView::of(app, workflow, &self.job)?;
        let mut filled = BTreeMap::new();
        for step in workflow.steps().iter().filter(|found| found.name() == step) {
            for field in step.fields().iter().filter(|field| !field.is_secret()) {
                let stored = view.value(field.name()).map(|value| value.value.clone());
                let shown = stored.or_else(|| app.work_out(&id, workflow, step, field, PATIENCE));
                if field.kind() != FieldKind::File {
                    let text = shown.map(|json| as_text(&json)).unwrap_or_default();
                    filled.insert(field.name().to_owned(), Answer::Text(text));
                }
            }
        }
        for (field, answer) in answers {
            filled.insert((*field).to_owned(), Answer::Text((*answer).to_owned()));
        }
        let submission = Submission {
            answers: Some(filled),
            is_form: true,
            ..Submission::default()
        };
        let (tenant, key) = (&id.0, id.1.as_str());
        let submitted = app.submit(tenant, Some(SESSION), workflow, key, step, &submission)?;
        if let Submitted::Started(mut ended) = submitted {
            // Who ends a run keeps the channel until then.
            let _ = self.app.0.runtime.block_on(ended.wait_for(|ended| *ended));
        }
        match app.runs.look(&id).and_then(|run| run.error) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn id(&self) -> JobId {
        (Tenant::local(), self.job.key().clone())
    }

    fn path(&self) -> String {
        Base::default().job(self.app.0.workflow.name(), self.job.key().as_str())
    }
}

impl Inner {
    fn get(&self, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty());
        let request = request.unwrap_or_else(|error| panic!("`{path}` is no path: {error}"));
        self.runtime.block_on(async {
            let router: axum::Router = self.served.router();
            let Ok(response) = router.oneshot(request).await;
            let status = response.status();
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
            let body = body.unwrap_or_else(|error| panic!("{path} was not answered to its end: {error}"));
            (status, String::from_utf8_lossy(&body).into_owned())
        })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.served.stop(Duration::ZERO);
    }
}

/// The values of an attribute in a piece of a page.
fn attributes(page: &str, name: &str) -> Vec<String> {
    page.split(&format!(" {name}=\""))
        .skip(1)
        .filter_map(|rest| rest.split('"').next().map(plain))
        .collect()
}

/// Text of a page as it was before it was escaped.
fn plain(escaped: &str) -> String {
    let entities = [
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#38;", "&"),
    ];
    let mut text = escaped.to_owned();
    for (entity, character) in entities {
        text = text.replace(entity, character);
    }
    text
}
