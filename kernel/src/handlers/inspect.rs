//! `inspect_request`: documentation of what stands at the cursor.

use jupyter_protocol::messaging::InspectRequest;
use serde_json::{Value, json};

use crate::kernel::Kernel;
use crate::text::byte_offset;

pub(super) fn handle(kernel: &Kernel, request: &InspectRequest) -> Value {
    let offset = byte_offset(&request.code, request.cursor_pos);
    let detail = request
        .detail_level
        .map_or(0, |level| u8::try_from(level).unwrap_or(u8::MAX));
    let found = kernel.notebook.inspect(&request.code, offset, detail);
    json!({ "status": "ok", "found": found.is_some(), "data": found.unwrap_or_default(), "metadata": {} })
}
