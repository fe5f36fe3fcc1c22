//! `is_complete_request`: whether a console should run the text or ask for more.

use jupyter_protocol::messaging::{IsCompleteReply, IsCompleteRequest};
use serde_json::Value;

use crate::kernel::Kernel;
use crate::notebook::Completeness;
use crate::sockets::iopub::json;

pub(super) fn handle(kernel: &Kernel, request: &IsCompleteRequest) -> Value {
    json(&match kernel.notebook.completeness(&request.code) {
        Completeness::Complete => IsCompleteReply::complete(),
        Completeness::Incomplete { indent } => IsCompleteReply::incomplete(indent),
        Completeness::Invalid => IsCompleteReply::invalid(),
    })
}
