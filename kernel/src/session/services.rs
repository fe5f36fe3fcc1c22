//! What code in cells asks of the kernel.

use std::sync::{Arc, PoisonError};

use pipulate::WorkflowName;
use pipulate::cell;
use pipulate::runtime::protocol::{Failure, Reply, Request};
use pipulate::store::wire;

use super::Shared;
use crate::cell_socket::{CellServices, with_plain_text};
use crate::magic;
use crate::outputs::{CellError, Outputs};
use crate::render;
use crate::state::pip_error;

/// Answers code in cells.
pub(super) struct Services(pub(super) Arc<Shared>);

impl CellServices for Services {
    fn answer(&self, request: Request, outputs: &Arc<dyn Outputs>) -> Reply {
        self.try_answer(request, outputs)
            .unwrap_or_else(|error| Reply::Failed(failure(error)))
    }
}

impl Services {
    fn try_answer(&self, request: Request, outputs: &Arc<dyn Outputs>) -> Result<Reply, CellError> {
        let shared = &self.0;
        Ok(match request {
            Request::Store { call } => {
                let pip = shared.state.pip()?;
                let request = in_workflow(call.request, &shared.state.workflow());
                let call = wire::Call {
                    tenant: pip.tenant().clone(),
                    source: pip.source().clone(),
                    request: request.clone(),
                };
                let reply = wire::answer(pip.store().as_ref(), call);
                shared.steps.observe(&request, &reply);
                if let Err(error) = &reply {
                    *shared.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
                }
                Reply::Store { reply }
            }
            Request::Job => {
                let job = shared.state.job()?;
                let workflow = job.workflow().map_err(|error| pip_error(&error))?;
                Reply::Job {
                    key: job.key().to_string(),
                    workflow: workflow.to_string(),
                }
            }
            Request::Set { job, step, json } => {
                shared.with_context(outputs, true, |context| {
                    magic::pip_set::store(job.as_deref(), &step, &json, context)
                })?;
                shared.steps.wrote(job.as_deref(), &step, &json);
                Reply::Done
            }
            Request::Record { json } => {
                shared.steps.record(&json)?;
                Reply::Done
            }
            Request::Magic { line } => {
                let cell = cell::parse(&line);
                match cell.magics().next() {
                    Some(call) => {
                        shared.with_context(outputs, true, |context| magic::run_line(&cell, call, context))?;
                    }
                    None => shared.run_direct(&cell, outputs)?,
                }
                Reply::Done
            }
            Request::Input(request) => {
                let text = shared.with_context(outputs, true, |context| magic::input::ask(&request, context))?;
                Reply::Text { text }
            }
            Request::Display(request) => {
                let bundle = with_plain_text(render::drawn(request.data));
                let metadata = render::metadata(&bundle);
                match (&request.display_id, request.update) {
                    (Some(id), true) => outputs.update_display(bundle, metadata, id),
                    (id, _) => outputs.display(bundle, metadata, id.as_deref()),
                }
                Reply::Done
            }
            Request::ClearOutput { wait } => {
                outputs.clear_output(wait);
                Reply::Done
            }
            other => {
                return Err(CellError::new(
                    "Connection",
                    format!("the kernel cannot answer {other:?}"),
                ));
            }
        })
    }
}

/// A job that plain Rust makes belongs to the notebook's workflow, as one that a magic makes: the cell does not know it.
fn in_workflow(mut request: wire::Request, notebook: &str) -> wire::Request {
    use wire::Request::{Order, Set, Write};
    if let Set { workflow, .. } | Write { workflow, .. } | Order { workflow, .. } = &mut request
        && *workflow == WorkflowName::notebook()
        && let Ok(own) = WorkflowName::new(notebook)
    {
        *workflow = own;
    }
    request
}

/// An error of the kernel's, as it travels to a cell and comes back by its failure.
fn failure(error: CellError) -> Failure {
    let help: Vec<String> = error.traceback.into_iter().skip(1).collect();
    Failure {
        name: error.ename,
        message: error.evalue,
        help: (!help.is_empty()).then(|| help.join("\n")),
    }
}
