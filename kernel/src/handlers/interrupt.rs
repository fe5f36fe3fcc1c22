//! `interrupt_request`: stop the running cell.

use jupyter_protocol::messaging::InterruptReply;
use serde_json::Value;

use crate::kernel::Kernel;
use crate::sockets::iopub::json;

pub(super) fn handle(kernel: &Kernel) -> Value {
    kernel.interrupt();
    json(&InterruptReply::new())
}
