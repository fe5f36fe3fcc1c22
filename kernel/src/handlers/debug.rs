//! `debug_request`: a message of the Debug Adapter Protocol. There is no debugger, as the kernel info says; a client that asks
//! all the same learns it from a response of that protocol.

use serde_json::{Map, Value, json};

pub(super) fn handle(request: &Map<String, Value>) -> Value {
    json!({
        "type": "response",
        "seq": 0,
        "request_seq": request.get("seq").cloned().unwrap_or_default(),
        "command": request.get("command").cloned().unwrap_or_default(),
        "success": false,
        "message": "this kernel has no debugger",
        "body": {},
    })
}
