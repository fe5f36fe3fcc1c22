//! `complete_request`: how the text at the cursor may go on.

use jupyter_protocol::messaging::{CompleteReply, CompleteRequest};
use serde_json::{Map, Value, json};

use crate::kernel::Kernel;
use crate::sockets::iopub;
use crate::text::{byte_offset, position};

pub(super) fn handle(kernel: &Kernel, request: &CompleteRequest) -> Value {
    let code = request.code.as_str();
    let completions = kernel.notebook.complete(code, byte_offset(code, request.cursor_pos));
    let (start, end) = (position(code, completions.start), position(code, completions.end));
    // JupyterLab shows the type and the signature from here; it takes the field only if it has every match.
    let types: Vec<Value> = completions
        .items
        .iter()
        .map(|item| {
            let mut typed = json!({ "start": start, "end": end, "text": item.text, "type": item.kind });
            if let Some(signature) = item
                .label
                .strip_prefix(&item.text)
                .filter(|signature| !signature.is_empty())
            {
                typed["signature"] = signature.into();
            }
            typed
        })
        .collect();
    iopub::json(&CompleteReply {
        matches: completions.items.into_iter().map(|item| item.text).collect(),
        cursor_start: start,
        cursor_end: end,
        metadata: Map::from_iter([("_jupyter_types_experimental".to_owned(), Value::from(types))]),
        ..CompleteReply::default()
    })
}
