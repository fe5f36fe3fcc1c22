//! What the kernel does for each type of message, one file a type.
//!
//! [`answer`] frames every one of them the same way: busy, the work, the reply, idle. Cells are the exception: the executor
//! frames them, see [`execute`].

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jupyter_protocol::messaging::ExecutionState;
use serde_json::{Value, json};

use crate::kernel::Kernel;
use crate::message::{Outgoing, Received};
use crate::outputs::CellError;
use crate::request::{Kind, Request};

mod comm_close;
mod comm_info;
mod comm_msg;
mod comm_open;
mod complete;
mod debug;
pub(crate) mod execute;
pub(crate) mod history;
mod inspect;
mod interrupt;
mod is_complete;
mod kernel_info;
mod shutdown;

/// Answers a request that needs no cell. `send` puts the reply on the socket that the request came from.
pub(crate) fn answer(kernel: &Kernel, kind: Kind, mut message: Received, send: impl FnOnce(Outgoing)) {
    let parent = message.as_parent.clone();
    kernel.iopub.status(&parent, ExecutionState::Busy);
    let content = match Request::parse(kind, message.content.take()) {
        Ok(request) => guarded(|| handle(kernel, &message, request)),
        Err(error) => Err(invalid_request(&message.header.msg_type, &error)),
    };
    let content = content.unwrap_or_else(|error| {
        tracing::warn!(msg_type = message.header.msg_type, error.evalue, "a request failed");
        Some(error_reply(&error))
    });
    if let (Some(reply_type), Some(content)) = (kind.reply_type(), content) {
        send(message.reply(reply_type, content));
    }
    kernel.iopub.status(&parent, ExecutionState::Idle);
}

/// The content of the reply, if there is one.
fn handle(kernel: &Kernel, message: &Received, request: Request) -> Option<Value> {
    match request {
        Request::KernelInfo => Some(kernel_info::handle(kernel)),
        Request::Complete(request) => Some(complete::handle(kernel, &request)),
        Request::Inspect(request) => Some(inspect::handle(kernel, &request)),
        Request::IsComplete(request) => Some(is_complete::handle(kernel, &request)),
        Request::History(request) => Some(history::handle(kernel, request)),
        Request::CommInfo(request) => Some(comm_info::handle(kernel, &request)),
        Request::Interrupt => Some(interrupt::handle(kernel)),
        Request::Shutdown(request) => Some(shutdown::handle(kernel, &request)),
        Request::Debug(request) => Some(debug::handle(&request)),
        Request::CommOpen(request) => {
            comm_open::handle(kernel, message, request);
            None
        }
        Request::CommMsg(request) => {
            comm_msg::handle(kernel, message, request);
            None
        }
        Request::CommClose(request) => {
            comm_close::handle(kernel, message, request);
            None
        }
        Request::Execute(_) | Request::InputReply(_) => {
            tracing::warn!(
                msg_type = message.header.msg_type,
                "dropped a message that does not belong here"
            );
            None
        }
    }
}

/// Runs something of the notebook's; a panic in it must cost that request and not the socket.
pub(crate) fn guarded<T>(action: impl FnOnce() -> T) -> Result<T, CellError> {
    catch_unwind(AssertUnwindSafe(action)).map_err(|panic| {
        CellError::new(
            "InternalError",
            format!("the kernel has a bug: {}", panic_message(panic.as_ref())),
        )
        .with_help("Nothing was lost but this request. Please report it with what led to it.")
    })
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(message), _) => message,
        (_, Some(message)) => message,
        _ => "it panicked without a message",
    }
}

/// A message whose content cannot be read: the client waits for a reply all the same.
pub(crate) fn invalid_request(msg_type: &str, error: &serde_json::Error) -> CellError {
    CellError::new(
        "InvalidRequest",
        format!("the content of {msg_type} cannot be read: {error}"),
    )
}

/// The content of a reply that reports a failure.
pub(crate) fn error_reply(error: &CellError) -> Value {
    json!({ "status": "error", "ename": error.ename, "evalue": error.evalue, "traceback": error.traceback })
}
