//! `shutdown_request`: end the kernel. The reply goes out at once, also while a cell runs; ending takes its time after it.

use jupyter_protocol::messaging::ShutdownReply;
use serde_json::Value;

use crate::kernel::Kernel;
use crate::request::ShutdownRequest;
use crate::sockets::iopub::json;

pub(super) fn handle(kernel: &Kernel, request: &ShutdownRequest) -> Value {
    tracing::info!(request.restart, "asked to shut down");
    kernel.begin_shutdown();
    json(&ShutdownReply {
        restart: request.restart,
        ..ShutdownReply::default()
    })
}
