//! The notebook's step cells: what the cells so far define, and what the step that runs reads.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pipulate::store::reads::Reads;
use pipulate::store::wire;
use pipulate::{Job, StepName};
use pipulate_port::analysis::{CellAnalysis, CellLabel, Definitions};

use crate::magic::StepCells;
use crate::outputs::CellError;
use crate::state::pip_error;

/// What is known of steps, between cells and while one runs.
#[derive(Default)]
pub(super) struct Steps {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    definitions: Definitions,
    /// Each step, in the order of their first run, with the cell that it was last run from.
    cells: Vec<(String, StepCell)>,
    running: Option<Running>,
}

/// A cell that is a step.
#[derive(Clone, Debug)]
pub(super) struct StepCell {
    /// The cell, by the client's id for it.
    pub(super) id: String,
    /// What people call the cell.
    pub(super) label: CellLabel,
    /// The fingerprint of its code as it was when it ran last.
    pub(super) fingerprint: String,
}

/// The step that runs.
pub(super) struct Running {
    pub(super) job: Job,
    pub(super) step: StepName,
    pub(super) fingerprint: String,
    pub(super) untracked: Vec<String>,
    /// The workflow's steps in the notebook's order; empty where that is not known.
    order: Vec<String>,
    reads: Reads,
    /// Its value as it was recorded.
    recorded: Option<String>,
}

impl Running {
    pub(super) fn new(
        job: Job,
        step: StepName,
        fingerprint: String,
        untracked: Vec<String>,
        order: Vec<String>,
    ) -> Self {
        let reads = Reads::of(job.key().clone(), step.clone());
        Self {
            job,
            step,
            fingerprint,
            untracked,
            order,
            reads,
            recorded: None,
        }
    }
}

impl Steps {
    /// A cell has run.
    pub(super) fn define(&self, id: &str, label: CellLabel, cell: &CellAnalysis) {
        self.lock().definitions.add(id, label, cell);
    }

    /// Looks at what the cells so far define.
    pub(super) fn with_definitions<T>(&self, look: impl FnOnce(&Definitions) -> T) -> T {
        look(&self.lock().definitions)
    }

    /// A cell is a step from now on. Gives another cell that was the same step.
    pub(super) fn is_step(&self, step: &str, cell: StepCell) -> Option<StepCell> {
        let cells = &mut self.lock().cells;
        let Some((_, known)) = cells.iter_mut().find(|(known, _)| known == step) else {
            cells.push((step.to_owned(), cell));
            return None;
        };
        let id = cell.id.clone();
        Some(std::mem::replace(known, cell)).filter(|before| before.id != id)
    }

    /// The step begins to run.
    pub(super) fn begin(&self, running: Running) {
        self.lock().running = Some(running);
    }

    /// The step has run, or failed. Gives its value, if it was recorded.
    pub(super) fn end(&self) -> Option<String> {
        self.lock().running.take()?.recorded
    }

    /// Code in a cell has asked the store for something.
    pub(super) fn observe(&self, request: &wire::Request, reply: &wire::Reply) {
        if let Some(running) = &mut self.lock().running {
            running.reads.observe(request, reply);
        }
    }

    /// A magic has set a step's value for a cell.
    pub(super) fn wrote(&self, job: Option<&str>, step: &str, json: &str) {
        if let (Some(running), Ok(step)) = (&mut self.lock().running, StepName::new(step))
            && job.is_none_or(|job| job == running.job.key().as_str())
        {
            running.reads.wrote(&step, Some(json));
        }
    }

    /// Records the value of the step that runs.
    pub(super) fn record(&self, json: &str) -> Result<(), CellError> {
        let mut inner = self.lock();
        let Some(running) = &mut inner.running else {
            return Err(CellError::new("Usage", "no step runs that this value could be of"));
        };
        let recording = running
            .reads
            .recording(running.fingerprint.clone(), running.untracked.clone());
        let recorded = running.job.record_json(running.step.as_str(), json, &recording);
        recorded.map_err(|error| pip_error(&error))?;
        running.recorded = Some(json.to_owned());
        let order: Vec<&str> = running.order.iter().map(String::as_str).collect();
        // The value is there, whatever becomes of the order.
        if !order.is_empty()
            && let Err(error) = running.job.order(&order)
        {
            tracing::warn!(%error, "the order of the notebook's steps is not kept");
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StepCells for Steps {
    fn names(&self) -> Vec<String> {
        self.lock().cells.iter().map(|(step, _)| step.clone()).collect()
    }

    fn fingerprint(&self, step: &str) -> Option<String> {
        let inner = self.lock();
        let found = inner.cells.iter().find(|(known, _)| known == step);
        found.map(|(_, cell)| cell.fingerprint.clone())
    }

    fn forget(&self) {
        let mut inner = self.lock();
        inner.definitions.forget();
        inner.cells.clear();
    }
}
