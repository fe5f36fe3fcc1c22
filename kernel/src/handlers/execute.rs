//! `execute_request`: run a cell. The executor calls this between busy and idle.

use std::collections::BTreeMap;
use std::sync::Arc;

use jupyter_protocol::ExecutionCount;
use jupyter_protocol::messaging::{ErrorOutput, ExecuteInput};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::cell_outputs::CellOutputs;
use crate::handlers::{error_reply, guarded, invalid_request};
use crate::kernel::Kernel;
use crate::message::{Outgoing, Received};
use crate::notebook::CellRequest;
use crate::outputs::{CellError, Outputs};
use crate::request::{Kind, Request};

/// Asks for a cell to be run.
#[derive(Debug, Deserialize)]
pub(crate) struct ExecuteRequest {
    code: String,
    /// No outputs, no history, no count.
    #[serde(default)]
    silent: bool,
    /// Whether the cell counts and is kept; a cell that is not silent does unless the client says otherwise.
    store_history: Option<bool>,
    /// Evaluated after the cell, if it went well.
    user_expressions: Option<BTreeMap<String, String>>,
    /// Whether the client can ask its user.
    #[serde(default)]
    allow_stdin: bool,
    /// Whether an error aborts the cells that are waiting.
    stop_on_error: Option<bool>,
}

/// What came of a cell.
pub(crate) struct Outcome {
    pub(crate) reply: Outgoing,
    /// Cells that were asked for before the reply goes out are not to be run.
    pub(crate) abort_queue: bool,
}

/// Runs a cell to its end: everything between busy and idle.
pub(crate) fn run(kernel: &Kernel, message: &Received, execution_count: &mut u32) -> Outcome {
    let started = format!("{:.6}", jiff::Timestamp::now());
    let request = match Request::parse(Kind::Execute, message.content.clone()) {
        Ok(Request::Execute(request)) => request,
        Ok(_) => return abort(message, *execution_count),
        Err(error) => {
            let error = invalid_request(&message.header.msg_type, &error);
            return Outcome {
                reply: reply(message, *execution_count, Err(error), &started),
                abort_queue: false,
            };
        }
    };
    let stored = request.store_history.unwrap_or(true) && !request.silent;
    if stored {
        *execution_count = execution_count.saturating_add(1);
        // Before it runs: the cell that brings everything down is the one to look up later.
        kernel.history.record(*execution_count, &request.code);
    }
    let outputs = Arc::new(CellOutputs::new(
        kernel,
        message,
        *execution_count,
        request.silent,
        request.allow_stdin,
    ));
    // From here on an interrupt is meant for this cell.
    kernel.set_running(Some(Arc::clone(&outputs)));
    if !request.silent {
        let count = ExecutionCount(usize::try_from(*execution_count).unwrap_or(usize::MAX));
        let input = ExecuteInput {
            code: request.code.clone(),
            execution_count: count,
        };
        kernel.iopub.send(&message.as_parent, "execute_input", &input);
    }

    let cell = CellRequest {
        code: request.code,
        execution_count: *execution_count,
        cell_id: cell_id(&message.metadata),
        silent: request.silent,
    };
    let result = guarded(|| kernel.notebook.run(&cell, Arc::clone(&outputs) as Arc<dyn Outputs>)).flatten();
    outputs.finish();
    kernel.set_running(None);

    let abort_queue = result.is_err() && request.stop_on_error.unwrap_or(true) && !request.silent;
    if let (Err(error), false) = (&result, request.silent) {
        let CellError {
            ename,
            evalue,
            traceback,
        } = error.clone();
        kernel.iopub.send(
            &message.as_parent,
            "error",
            &ErrorOutput {
                ename,
                evalue,
                traceback,
            },
        );
    }
    let result = result.map(|()| user_expressions(kernel, request.user_expressions.unwrap_or_default()));
    Outcome {
        reply: reply(message, *execution_count, result, &started),
        abort_queue,
    }
}

/// The reply to a cell that is not run, because one before it failed or the kernel is ending.
pub(crate) fn abort(message: &Received, execution_count: u32) -> Outcome {
    let mut reply = message.reply(
        "execute_reply",
        json!({ "status": "aborted", "execution_count": execution_count }),
    );
    reply.metadata.insert("status".to_owned(), "aborted".into());
    Outcome {
        reply,
        abort_queue: false,
    }
}

fn reply(message: &Received, execution_count: u32, result: Result<Value, CellError>, started: &str) -> Outgoing {
    let (mut content, expressions) = match result {
        Ok(expressions) => (json!({ "status": "ok" }), expressions),
        Err(error) => (error_reply(&error), json!({})),
    };
    content["execution_count"] = execution_count.into();
    content["user_expressions"] = expressions;
    content["payload"] = json!([]);
    let status = content["status"].clone();
    let mut reply = message.reply("execute_reply", content);
    // JupyterLab shows from this how long a cell waited and ran.
    reply
        .metadata
        .extend([("started".to_owned(), started.into()), ("status".to_owned(), status)]);
    reply
}

fn user_expressions(kernel: &Kernel, expressions: BTreeMap<String, String>) -> Value {
    let evaluate = |expression: &str| match guarded(|| kernel.notebook.user_expression(expression)).flatten() {
        Ok(data) => json!({ "status": "ok", "data": data, "metadata": {} }),
        Err(error) => error_reply(&error),
    };
    expressions
        .into_iter()
        .map(|(name, expression)| (name, evaluate(&expression)))
        .collect()
}

/// JupyterLab says which cell of the file it runs.
fn cell_id(metadata: &Map<String, Value>) -> Option<String> {
    let id = metadata.get("cellId").or_else(|| metadata.get("cell_id"))?;
    id.as_str().map(str::to_owned)
}
