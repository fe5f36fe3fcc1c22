//! What fields begin with, where the workflow says how to work it out: in a worker, like all that is the user's code.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use pipulate::{Revision, StepName};

use crate::app::App;
use crate::live::JobId;
use crate::view::JobView;
use crate::worker::{Ended, Running, Task, kill};
use crate::workflow::{Field, Step, Workflow};

/// How long a page waits for a default. The form opens without it then.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many are remembered.
const REMEMBERED: usize = 1000;

/// Defaults that were worked out, by the revision of the job that they were made from.
#[derive(Default)]
pub(crate) struct Defaults(Mutex<Known>);

/// By job, step and field.
type Known = HashMap<(JobId, String, String), (Revision, Option<String>)>;

impl App {
    /// What a field begins with, as JSON text. A default that fails is none.
    pub(crate) fn default_of(
        self: &Arc<Self>,
        id: &JobId,
        workflow: &Workflow,
        step: &Step,
        field: &Field,
        view: &JobView,
    ) -> Option<String> {
        field.default_function()?;
        let key = (id.clone(), step.name().to_owned(), field.name().to_owned());
        if let Some((revision, default)) = self.defaults.lock().get(&key)
            && *revision == view.revision()
        {
            return default.clone();
        }
        let default = self.work_out(id, workflow, step, field, PATIENCE);
        let mut known = self.defaults.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, (view.revision(), default.clone()));
        default
    }

    /// Works it out, in no more than that time.
    pub(crate) fn work_out(
        self: &Arc<Self>,
        id: &JobId,
        workflow: &Workflow,
        step: &Step,
        field: &Field,
        patience: Duration,
    ) -> Option<String> {
        field.default_function()?;
        let task = Task {
            workflow: workflow.name().to_owned(),
            step: step.name().to_owned(),
            field: Some(field.name().to_owned()),
            job: id.1.to_string(),
            secrets: BTreeMap::new(),
        };
        let running = Arc::new(Running::new(
            self.pip(&id.0),
            id.1.clone(),
            workflow.name().to_owned(),
            StepName::new(field.name()).ok()?,
            Box::new(|| ()),
        ));
        let deadline = std::time::Instant::now() + patience;
        let mut hired = self.pool.hire(|| std::time::Instant::now() > deadline).ok()?;
        let group = hired.worker.group();
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::Builder::new().name("default".to_owned()).spawn(move || {
            // Who has stopped waiting has killed the worker.
            let _ = sender.send(hired.worker.run(&task, &running));
        });
        thread.ok()?;
        match receiver.recv_timeout(patience) {
            Ok(Ended::Done(value)) => value,
            Ok(Ended::Failed(error)) => {
                tracing::warn!(step = step.name(), field = field.name(), ?error, "a default failed");
                None
            }
            Err(_) => {
                kill(group);
                None
            }
        }
    }
}

impl Defaults {
    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
