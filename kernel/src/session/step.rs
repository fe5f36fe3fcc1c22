//! `%%pip_step` cells: shown from the store while they are fresh, run where they are not.

use std::path::Path;
use std::sync::Arc;

use pipulate::cell::{self, Cell, StepCall};
use pipulate::{Error, Job, StepInfo, StepName, StepStatus};
use pipulate_port::analysis::{CellAnalysis, CellLabel, Reach as _, Reload, Resolution, analyse, fingerprint};
use pipulate_port::{PortError, PortInput, lower as lower_for_port, port};

use super::steps::{Running, StepCell};
use super::{Session, Shared, without_magic};
use crate::lower::StepFrame;
use crate::magic::{pip_step, usage_error};
use crate::notebook::CellRequest;
use crate::outputs::{CellError, Outputs};
use crate::render;
use crate::render::text::time;
use crate::state::pip_error;

impl Session {
    /// Runs a `%%pip_step` cell, or shows its value where nothing has changed.
    pub(super) fn run_step(
        &self,
        request: &CellRequest,
        cell: &Cell<'_>,
        outputs: &Arc<dyn Outputs>,
    ) -> Result<(), CellError> {
        let shared = &self.shared;
        let Some(call) = cell.cell_magic() else { return Ok(()) };
        let call = StepCall::parse(cell.text(), call).map_err(|error| usage_error("pip_step", &error))?;
        let step = StepName::new(&call.step.text).map_err(|error| pip_error(&error))?;
        let job = shared.state.job()?;
        let body = without_magic(cell, cell.slice(&cell.body().unwrap_or_default()));
        let body = cell::parse(&body);
        let analysis = match analyse(cell) {
            Ok(analysis) => analysis,
            // Rust that does not parse is for the compiler to explain.
            Err(fault) if fault.help.is_empty() => {
                let frame = StepFrame {
                    step: step.to_string(),
                    reloads: Vec::new(),
                };
                return self.run_rust(&body, Some(&frame), outputs).map(drop);
            }
            Err(fault) => {
                let line = cell.text()[..fault.span.start].matches('\n').count() + 1;
                return Err(CellError::new("Usage", format!("line {line}: {}", fault.message)).with_help(&fault.help));
            }
        };

        let id = cell_id(request);
        // Its own dependencies count too.
        shared.steps.define(&id, label(request), &analysis);
        let (resolution, fingerprint) = shared.resolve(&id, cell, &analysis);
        let this = StepCell {
            id,
            label: label(request),
            fingerprint: fingerprint.clone(),
        };
        let other = shared.steps.is_step(step.as_str(), this);
        let mut notes: Vec<String> = other
            .map(|other| {
                format!(
                    "Until now it was {}: a port refuses two cells that are one step.",
                    other.label
                )
            })
            .into_iter()
            .collect();
        for untracked in &resolution.untracked {
            notes.push(format!(
                "{} A port refuses that. {}",
                untracked.message(),
                untracked.help()
            ));
        }

        let status = job
            .status(step.as_str(), Some(&fingerprint))
            .map_err(|error| pip_error(&error))?;
        let json = match (
            pip_step::reason(step.as_str(), &status, call.rerun),
            stored(&job, &step)?,
        ) {
            (None, Some(stored)) => {
                let (revision, updated) = (stored.revision, time(&stored.updated));
                let what = format!("Step `{step}` is fresh: its value is that of revision {revision}, set {updated}.");
                say(what, notes, outputs);
                stored.value
            }
            (reason, _) => {
                refuse_locked(&job, &step)?;
                // A value that was there a moment ago is not any more.
                let reason = reason.or_else(|| pip_step::reason(step.as_str(), &StepStatus::Missing, false));
                say(reason.unwrap_or_default(), notes, outputs);
                let untracked = resolution
                    .untracked
                    .into_iter()
                    .map(|untracked| untracked.name)
                    .collect();
                let running = Running::new(job, step, fingerprint, untracked, shared.order());
                self.run_body(&body, resolution.reloads, running, outputs)?
            }
        };
        let bundle = render::value(&json);
        let metadata = render::metadata(&bundle);
        outputs.execute_result(bundle, metadata);
        Ok(())
    }

    /// Runs a step's body, and gives its value as it was recorded.
    fn run_body(
        &self,
        body: &Cell<'_>,
        reloads: Vec<Reload>,
        running: Running,
        outputs: &Arc<dyn Outputs>,
    ) -> Result<String, CellError> {
        let steps = &self.shared.steps;
        let frame = StepFrame {
            step: running.step.to_string(),
            reloads,
        };
        steps.begin(running);
        let result = self.run_rust(body, Some(&frame), outputs);
        let recorded = steps.end();
        result?;
        recorded.ok_or_else(|| {
            CellError::new("Usage", format!("step `{}` ended before it had a value", frame.step))
                .with_help("A step's value is its last expression: `return` leaves the cell before that.")
        })
    }
}

impl Shared {
    /// The names of the workflow's steps in the order of the notebook's cells, as far as the notebook's file is known and makes sense.
    fn order(&self) -> Vec<String> {
        let Some(path) = &self.state.settings().notebook else {
            return Vec::new();
        };
        let Ok(text) = std::fs::read_to_string(path) else {
            return Vec::new();
        };
        let ported = port(&PortInput {
            notebook: &text,
            file_name: "notebook.ipynb",
            folder: Path::new("/"),
            libraries: "",
        });
        match ported {
            Ok(ported) => ported.report.names,
            Err(PortError::Refused(report)) => report.names,
            Err(_) => Vec::new(),
        }
    }
}

/// Says what becomes of the step, and what is odd about it.
fn say(what: String, notes: Vec<String>, outputs: &Arc<dyn Outputs>) {
    let lines: Vec<String> = std::iter::once(what).chain(notes).collect();
    outputs.display(render::plain(lines.join("\n")), serde_json::Map::new(), None);
}

/// A step and its value, if it has one.
fn stored(job: &Job, step: &StepName) -> Result<Option<StepInfo>, CellError> {
    job.step(step.as_str()).map_err(|error| pip_error(&error))
}

impl Shared {
    /// A cell has run, or failed: what it defines counts from now on.
    pub(super) fn has_run(&self, request: &CellRequest, cell: &Cell<'_>, error: Option<&CellError>) {
        if request.silent || !(cell.has_rust() || super::commands(cell).next().is_some()) {
            return;
        }
        let Ok(mut analysis) = analyse(cell) else { return };
        match error.map(|error| error.ename.as_str()) {
            None => {}
            Some("CompileError" | "Usage" | "UnknownMagic") => return,
            // It was compiled: its items are there, its variables are not.
            Some(_) => analysis.bindings.clear(),
        }
        self.steps.define(&cell_id(request), label(request), &analysis);
    }

    /// What a step's cell uses of others, and the fingerprint of all its code.
    fn resolve(&self, id: &str, cell: &Cell<'_>, analysis: &CellAnalysis) -> (Resolution, String) {
        self.steps.with_definitions(|definitions| {
            let resolution = definitions.resolve(analysis);
            let known = definitions.known();
            let is_item = |name: &str| known.items.iter().any(|item| item.defines(name));
            let function = lower_for_port(cell, analysis, &resolution, &is_item);
            let fingerprint = fingerprint(function.body.as_str(), &definitions.for_step(id));
            (resolution, fingerprint)
        })
    }
}

/// A step that would run for nothing, since its value could not be kept, does not run.
fn refuse_locked(job: &Job, step: &StepName) -> Result<(), CellError> {
    let Some(info) = job.info().map_err(|error| pip_error(&error))? else {
        return Ok(());
    };
    let operation = format!("run step `{step}`");
    let error = if info.deleted {
        Error::Deleted {
            operation,
            job: info.key,
        }
    } else if info.finalized {
        Error::Finalized {
            operation,
            job: info.key,
        }
    } else {
        return Ok(());
    };
    Err(pip_error(&error))
}

/// The cell, by the client's id for it; by its number where the client has none.
fn cell_id(request: &CellRequest) -> String {
    match &request.cell_id {
        Some(id) => id.clone(),
        None => format!("[{}]", request.execution_count),
    }
}

/// What people call the cell.
fn label(request: &CellRequest) -> CellLabel {
    CellLabel::execution(usize::try_from(request.execution_count).unwrap_or(usize::MAX))
}
